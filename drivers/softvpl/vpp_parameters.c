/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vpp_parameters.c - Query and QueryIOSurf of the VPP, and what its extension buffers mean. */
#include <libswscale/swscale.h>
#include <stddef.h>
#include <string.h>

#include "drivers/softvpl/image.h"
#include "drivers/softvpl/parameters.h"
#include "drivers/softvpl/vpp.h"

#define FIELD(type, name, ...)                                                                                         \
    {                                                                                                                  \
        offsetof(type, name), sizeof(((type *)0)->name), __VA_ARGS__                                                   \
    }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { STRENGTH_MAX = 100, RATE_FACTOR_MAX = 8, CHROMATICITY_MAX = 50000 };

static const struct extension_field scaling_fields[] = {
    FIELD(mfxExtVPPScaling, ScalingMode, FIELD_RANGE, 1, MFX_SCALING_MODE_QUALITY),
    FIELD(mfxExtVPPScaling, InterpolationMethod, FIELD_RANGE, 1, MFX_INTERPOLATION_ADVANCED),
};
static const struct extension_field deinterlacing_fields[] = {
    FIELD(mfxExtVPPDeinterlacing, Mode, FIELD_RANGE, 1, MFX_DEINTERLACING_ADVANCED_SCD),
};
static const struct extension_field signal_fields[] = {
    FIELD(mfxExtVPPVideoSignalInfo, In.TransferMatrix, FIELD_RANGE, 1, MFX_TRANSFERMATRIX_BT601),
    FIELD(mfxExtVPPVideoSignalInfo, In.NominalRange, FIELD_RANGE, 1, MFX_NOMINALRANGE_16_235),
    FIELD(mfxExtVPPVideoSignalInfo, Out.TransferMatrix, FIELD_RANGE, 1, MFX_TRANSFERMATRIX_BT601),
    FIELD(mfxExtVPPVideoSignalInfo, Out.NominalRange, FIELD_RANGE, 1, MFX_NOMINALRANGE_16_235),
};
static const struct extension_field description_fields[] = {
    FIELD(mfxExtVideoSignalInfo, VideoFormat, FIELD_RANGE, 1, 8),
    FIELD(mfxExtVideoSignalInfo, VideoFullRange, FIELD_RANGE, 1, 1),
    FIELD(mfxExtVideoSignalInfo, ColourDescriptionPresent, FIELD_RANGE, 1, 1),
    FIELD(mfxExtVideoSignalInfo, ColourPrimaries, FIELD_RANGE, 1, 255),
    FIELD(mfxExtVideoSignalInfo, TransferCharacteristics, FIELD_RANGE, 1, 255),
    FIELD(mfxExtVideoSignalInfo, MatrixCoefficients, FIELD_RANGE, 1, 255),
};
static const struct extension_field mastering_fields[] = {
    FIELD(mfxExtMasteringDisplayColourVolume, InsertPayloadToggle, FIELD_RANGE, 1, 1),
    FIELD(mfxExtMasteringDisplayColourVolume, DisplayPrimariesX[0], FIELD_RANGE, 1, CHROMATICITY_MAX),
    FIELD(mfxExtMasteringDisplayColourVolume, DisplayPrimariesX[1], FIELD_RANGE, 1, CHROMATICITY_MAX),
    FIELD(mfxExtMasteringDisplayColourVolume, DisplayPrimariesX[2], FIELD_RANGE, 1, CHROMATICITY_MAX),
    FIELD(mfxExtMasteringDisplayColourVolume, DisplayPrimariesY[0], FIELD_RANGE, 1, CHROMATICITY_MAX),
    FIELD(mfxExtMasteringDisplayColourVolume, DisplayPrimariesY[1], FIELD_RANGE, 1, CHROMATICITY_MAX),
    FIELD(mfxExtMasteringDisplayColourVolume, DisplayPrimariesY[2], FIELD_RANGE, 1, CHROMATICITY_MAX),
    FIELD(mfxExtMasteringDisplayColourVolume, WhitePointX, FIELD_RANGE, 1, CHROMATICITY_MAX),
    FIELD(mfxExtMasteringDisplayColourVolume, WhitePointY, FIELD_RANGE, 1, CHROMATICITY_MAX),
    FIELD(mfxExtMasteringDisplayColourVolume, MaxDisplayMasteringLuminance, FIELD_RANGE, 1, UINT32_MAX),
    FIELD(mfxExtMasteringDisplayColourVolume, MinDisplayMasteringLuminance, FIELD_RANGE, 1, UINT32_MAX),
};
static const struct extension_field light_fields[] = {
    FIELD(mfxExtContentLightLevelInfo, InsertPayloadToggle, FIELD_RANGE, 1, 1),
    FIELD(mfxExtContentLightLevelInfo, MaxContentLightLevel, FIELD_RANGE, 1, UINT16_MAX),
    FIELD(mfxExtContentLightLevelInfo, MaxPicAverageLightLevel, FIELD_RANGE, 1, UINT16_MAX),
};
static const struct extension_field conversion_fields[] = {
    FIELD(mfxExtColorConversion, ChromaSiting, FIELD_RANGE, 1, UINT16_MAX),
};
/* Two bytes behind the last member that nobody initialises. */
#define PADDING(type, last)                                                                                            \
    {                                                                                                                  \
        offsetof(type, last) + 2, 2, FIELD_RANGE, 0, UINT16_MAX                                                        \
    }
static const struct extension_field denoise_fields[] = {
    FIELD(mfxExtVPPDenoise, DenoiseFactor, FIELD_RANGE, 1, STRENGTH_MAX),
    PADDING(mfxExtVPPDenoise, DenoiseFactor),
};
static const struct extension_field denoise2_fields[] = {
    FIELD(mfxExtVPPDenoise2, Mode, FIELD_RANGE, MFX_DENOISE_MODE_VENDOR + 1, MFX_DENOISE_MODE_INTEL_HVS_PRE_MANUAL),
    FIELD(mfxExtVPPDenoise2, Strength, FIELD_RANGE, 1, STRENGTH_MAX),
};
static const struct extension_field detail_fields[] = {
    FIELD(mfxExtVPPDetail, DetailFactor, FIELD_RANGE, 1, STRENGTH_MAX),
    PADDING(mfxExtVPPDetail, DetailFactor),
};
static const struct extension_field rate_fields[] = {
    FIELD(mfxExtVPPFrameRateConversion, Algorithm, FIELD_RANGE, 1, MFX_FRCALGM_DISTRIBUTED_TIMESTAMP),
};
static const struct extension_field composite_fields[] = {
    FIELD(mfxExtVPPComposite, Y, FIELD_RANGE, 1, 255),
    FIELD(mfxExtVPPComposite, U, FIELD_RANGE, 1, 255),
    FIELD(mfxExtVPPComposite, V, FIELD_RANGE, 1, 255),
    FIELD(mfxExtVPPComposite, NumTiles, FIELD_RANGE, 1, COMPOSE_STREAMS_MAX),
    FIELD(mfxExtVPPComposite, NumInputStream, FIELD_RANGE, 1, COMPOSE_STREAMS_MAX),
};
static const struct extension_rule rules[] = {
    { MFX_EXTBUFF_VPP_DENOISE, sizeof(mfxExtVPPDenoise), denoise_fields, COUNT(denoise_fields), false },
    { MFX_EXTBUFF_VPP_DENOISE2, sizeof(mfxExtVPPDenoise2), denoise2_fields, COUNT(denoise2_fields), false },
    { MFX_EXTBUFF_VPP_DETAIL, sizeof(mfxExtVPPDetail), detail_fields, COUNT(detail_fields), false },
    { MFX_EXTBUFF_VPP_FRAME_RATE_CONVERSION, sizeof(mfxExtVPPFrameRateConversion), rate_fields, COUNT(rate_fields),
      false },
    { MFX_EXTBUFF_VPP_SCALING, sizeof(mfxExtVPPScaling), scaling_fields, COUNT(scaling_fields), false },
    { MFX_EXTBUFF_VPP_DEINTERLACING, sizeof(mfxExtVPPDeinterlacing), deinterlacing_fields, COUNT(deinterlacing_fields),
      false },
    { MFX_EXTBUFF_VPP_VIDEO_SIGNAL_INFO, sizeof(mfxExtVPPVideoSignalInfo), signal_fields, COUNT(signal_fields), false },
    { MFX_EXTBUFF_VIDEO_SIGNAL_INFO_IN, sizeof(mfxExtVideoSignalInfo), description_fields, COUNT(description_fields),
      false },
    { MFX_EXTBUFF_VIDEO_SIGNAL_INFO_OUT, sizeof(mfxExtVideoSignalInfo), description_fields, COUNT(description_fields),
      false },
    { MFX_EXTBUFF_MASTERING_DISPLAY_COLOUR_VOLUME_IN, sizeof(mfxExtMasteringDisplayColourVolume), mastering_fields,
      COUNT(mastering_fields), false },
    { MFX_EXTBUFF_CONTENT_LIGHT_LEVEL_INFO, sizeof(mfxExtContentLightLevelInfo), light_fields, COUNT(light_fields),
      false },
    { MFX_EXTBUFF_VPP_COLOR_CONVERSION, sizeof(mfxExtColorConversion), conversion_fields, COUNT(conversion_fields),
      false },
    { MFX_EXTBUFF_VPP_COMPOSITE, sizeof(mfxExtVPPComposite), composite_fields, COUNT(composite_fields), true },
    { MFX_EXTBUFF_VPP_DONOTUSE, sizeof(mfxExtVPPDoNotUse), NULL, 0, true }, /* everything optional is off anyway */
    { MFX_EXTBUFF_VPP_DOUSE, sizeof(mfxExtVPPDoUse), NULL, 0, true },
};

static bool is_interlaced(unsigned structure)
{
    return structure == MFX_PICSTRUCT_FIELD_TFF || structure == MFX_PICSTRUCT_FIELD_BFF;
}

/* Out rate over in rate: 1 or 2, 0: anything else. Not said is 1. */
static unsigned rate_factor(const mfxFrameInfo *in, const mfxFrameInfo *out)
{
    if (!in->FrameRateExtN || !out->FrameRateExtN || !in->FrameRateExtD || !out->FrameRateExtD)
        return 1;
    uint64_t a = (uint64_t)in->FrameRateExtN * out->FrameRateExtD, b = (uint64_t)out->FrameRateExtN * in->FrameRateExtD;
    return a == b ? 1 : a * 2 == b ? 2 : 0;
}

static bool mode_supported(unsigned mode)
{
    switch (mode) {
    case 0:
    case MFX_DEINTERLACING_BOB:
    case MFX_DEINTERLACING_ADVANCED:
    case MFX_DEINTERLACING_AUTO_DOUBLE:
    case MFX_DEINTERLACING_AUTO_SINGLE:
    case MFX_DEINTERLACING_FULL_FR_OUT:
    case MFX_DEINTERLACING_HALF_FR_OUT:
    case MFX_DEINTERLACING_ADVANCED_NOREF:
    case MFX_DEINTERLACING_ADVANCED_SCD:
        return true;
    default:
        return false; /* telecine patterns, detection, weaving */
    }
}

/* DoUse may only name what there is. */
static void check_use(struct verdict *verdict, mfxVideoParam *par)
{
    const mfxExtVPPDoUse *use = extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_VPP_DOUSE);
    if (!use || use->Header.BufferSz != sizeof *use)
        return;
    for (uint32_t i = 0; i < use->NumAlg; i++) {
        uint32_t id = use->AlgList ? use->AlgList[i] : 0;
        if (id != MFX_EXTBUFF_VPP_SCALING && id != MFX_EXTBUFF_VPP_DEINTERLACING &&
            id != MFX_EXTBUFF_VPP_VIDEO_SIGNAL_INFO && id != MFX_EXTBUFF_VIDEO_SIGNAL_INFO_IN &&
            id != MFX_EXTBUFF_VIDEO_SIGNAL_INFO_OUT && id != MFX_EXTBUFF_VPP_COLOR_CONVERSION &&
            id != MFX_EXTBUFF_VPP_DENOISE && id != MFX_EXTBUFF_VPP_DENOISE2 && id != MFX_EXTBUFF_VPP_DETAIL &&
            id != MFX_EXTBUFF_VPP_FRAME_RATE_CONVERSION)
            verdict_unsupported(verdict, "an algorithm of DoUse");
    }
}

/* The deinterlacer gives one frame for each, or two; without it any rate may become any other. */
static void check_rates(struct verdict *verdict, mfxVideoParam *par, bool deinterlace)
{
    uint64_t in = (uint64_t)par->vpp.In.FrameRateExtN * par->vpp.Out.FrameRateExtD;
    uint64_t out = (uint64_t)par->vpp.Out.FrameRateExtN * par->vpp.In.FrameRateExtD;

    if ((deinterlace && rate_factor(&par->vpp.In, &par->vpp.Out) == 0) || (in && out / RATE_FACTOR_MAX > in)) {
        UNSUPPORTED(verdict, par->vpp.Out.FrameRateExtN);
        UNSUPPORTED(verdict, par->vpp.Out.FrameRateExtD);
    }
}

static bool has(const mfxVideoParam *par, uint32_t id)
{
    return extension_find(par->ExtParam, par->NumExtParam, id) != NULL;
}

/* Deinterlacing, denoise and detail work on planes. */
static bool can_be_filtered(uint32_t fourcc)
{
    const struct image_format *format = image_format_find(fourcc);
    return format && image_planar_form(format);
}

/* Ten bits are at the upper end of sixteen, here as on hardware. */
static void check_shift(struct verdict *verdict, mfxFrameInfo *info)
{
    const struct image_format *format = image_format_find(info->FourCC);
    if (format && format->depth > 8 && !info->Shift)
        CORRECT(verdict, info->Shift, 1);
}

bool vpp_crop_is_whole(mfxFrameInfo *info)
{
    if (!info->Width || !info->Height ||
        (info->CropX + info->CropW <= info->Width && info->CropY + info->CropH <= info->Height))
        return false;
    info->CropX = info->CropY = 0;
    info->CropW = info->Width;
    info->CropH = info->Height;
    return true;
}

static bool is_in_and_out(unsigned pattern)
{
    unsigned in = pattern & (MFX_IOPATTERN_IN_VIDEO_MEMORY | MFX_IOPATTERN_IN_SYSTEM_MEMORY);
    unsigned out = pattern & (MFX_IOPATTERN_OUT_VIDEO_MEMORY | MFX_IOPATTERN_OUT_SYSTEM_MEMORY);
    return in && out && !(in & (in - 1)) && !(out & (out - 1)) && pattern == (in | out);
}

void vpp_check(struct verdict *verdict, mfxVideoParam *par, bool complete)
{
    mfxFrameInfo *in = &par->vpp.In, *out = &par->vpp.Out;

    common_check(verdict, par, MFX_IOPATTERN_IN_SYSTEM_MEMORY | MFX_IOPATTERN_OUT_SYSTEM_MEMORY);
    if (complete && !is_in_and_out(par->IOPattern))
        verdict_unsupported(verdict, "IOPattern is not one memory in and one out");
    verdict->corrected |= vpp_crop_is_whole(in);
    verdict->corrected |= vpp_crop_is_whole(out);
    frame_info_check(verdict, in, complete);
    frame_info_check(verdict, out, complete);
    check_shift(verdict, in);
    check_shift(verdict, out);
    personality_check_frame(verdict->personality, verdict, in);
    personality_check_frame(verdict->personality, verdict, out);
    extensions_check(verdict, rules, COUNT(rules), par->ExtParam, par->NumExtParam);
    check_use(verdict, par);
    mfxExtVPPDeinterlacing *mode = extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_VPP_DEINTERLACING);
    if (mode && mode->Header.BufferSz == sizeof *mode && !mode_supported(mode->Mode)) {
        verdict_unsupported(verdict, "deinterlacing mode");
        if (!verdict->read_only)
            mode->Mode = 0;
    }
    if (in->PicStruct == MFX_PICSTRUCT_PROGRESSIVE && is_interlaced(out->PicStruct))
        UNSUPPORTED(verdict, out->PicStruct); /* interlacing is not deinterlacing */
    bool deinterlace = mode || (in->PicStruct != MFX_PICSTRUCT_PROGRESSIVE && !is_interlaced(out->PicStruct));
    if (is_interlaced(in->PicStruct) && !is_interlaced(out->PicStruct) && in->FourCC && !can_be_filtered(in->FourCC))
        UNSUPPORTED(verdict, in->FourCC);
    bool enhance =
        has(par, MFX_EXTBUFF_VPP_DENOISE) || has(par, MFX_EXTBUFF_VPP_DENOISE2) || has(par, MFX_EXTBUFF_VPP_DETAIL);
    if (enhance && in->FourCC && !can_be_filtered(in->FourCC))
        UNSUPPORTED(verdict, in->FourCC);
    if (enhance && has(par, MFX_EXTBUFF_VPP_COMPOSITE))
        verdict->skipped = true;
    compose_check(verdict, par, complete);
    vpp_check_colours(verdict, par);
    check_rates(verdict, par, deinterlace);
}

static int scale_flags(const mfxExtVPPScaling *scaling)
{
    if (!scaling)
        return SWS_BICUBIC;
    if (scaling->InterpolationMethod == MFX_INTERPOLATION_NEAREST_NEIGHBOR)
        return SWS_POINT;
    if (scaling->InterpolationMethod == MFX_INTERPOLATION_BILINEAR)
        return SWS_BILINEAR;
    if (scaling->ScalingMode == MFX_SCALING_MODE_LOWPOWER && scaling->InterpolationMethod == 0)
        return SWS_FAST_BILINEAR;
    if (scaling->ScalingMode == MFX_SCALING_MODE_QUALITY)
        return SWS_LANCZOS | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT;
    return SWS_BICUBIC;
}

static void read_enhancement(const mfxVideoParam *par, struct vpp_options *options)
{
    const mfxExtVPPDenoise *denoise = extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_VPP_DENOISE);
    const mfxExtVPPDenoise2 *denoise2 = extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_VPP_DENOISE2);
    const mfxExtVPPDetail *detail = extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_VPP_DETAIL);

    if (denoise)
        options->denoise = denoise->DenoiseFactor;
    if (denoise2)
        options->denoise = denoise2->Strength ? denoise2->Strength : STRENGTH_MAX / 2;
    if (detail)
        options->detail = detail->DetailFactor;
}

static void read_rates(const mfxVideoParam *par, struct vpp_options *options)
{
    const mfxExtVPPFrameRateConversion *conversion =
        extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_VPP_FRAME_RATE_CONVERSION);
    const mfxFrameInfo *in = &par->vpp.In, *out = &par->vpp.Out;

    options->rate_in = options->rate_out = 1;
    if (options->deinterlace || !in->FrameRateExtN || !out->FrameRateExtN || !in->FrameRateExtD || !out->FrameRateExtD)
        return;
    options->rate_in = (uint64_t)in->FrameRateExtN * out->FrameRateExtD;
    options->rate_out = (uint64_t)out->FrameRateExtN * in->FrameRateExtD;
    options->keep_time_stamps = conversion && conversion->Algorithm == MFX_FRCALGM_PRESERVE_TIMESTAMP;
}

void vpp_read_options(const mfxVideoParam *par, struct vpp_options *options)
{
    const mfxExtVPPDeinterlacing *deinterlacing =
        extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_VPP_DEINTERLACING);
    const mfxFrameInfo *in = &par->vpp.In, *out = &par->vpp.Out;

    memset(options, 0, sizeof *options);
    options->scale_flags = scale_flags(extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_VPP_SCALING));
    unsigned mode = deinterlacing ? deinterlacing->Mode : 0;
    /* Unknown in, progressive out: each surface says what it is. */
    options->deinterlace = !is_interlaced(out->PicStruct) &&
                           (mode || is_interlaced(in->PicStruct) ||
                            (in->PicStruct == MFX_PICSTRUCT_UNKNOWN && out->PicStruct == MFX_PICSTRUCT_PROGRESSIVE));
    if (!can_be_filtered(in->FourCC) || (in->PicStruct == MFX_PICSTRUCT_PROGRESSIVE && !mode))
        options->deinterlace = false;
    options->double_rate =
        options->deinterlace &&
        (rate_factor(in, out) == 2 || mode == MFX_DEINTERLACING_AUTO_DOUBLE || mode == MFX_DEINTERLACING_FULL_FR_OUT);
    if (mode == MFX_DEINTERLACING_AUTO_SINGLE || mode == MFX_DEINTERLACING_HALF_FR_OUT)
        options->double_rate = false;
    options->spatial_only = mode == MFX_DEINTERLACING_BOB || mode == MFX_DEINTERLACING_ADVANCED_NOREF;
    vpp_read_colours(par, options);
    compose_read(par, &options->composition);
    if (options->composition.count)
        options->deinterlace = options->double_rate = false;
    else
        read_enhancement(par, options);
    read_rates(par, options);
}

static mfxStatus mark_fields(mfxVideoParam *out)
{
    struct verdict verdict = { 0 };
    mfxVideoParam marked = { .ExtParam = out->ExtParam, .NumExtParam = out->NumExtParam };

    marked.AsyncDepth = marked.IOPattern = 1;
    for (int i = 0; i < 2; i++) {
        mfxFrameInfo *info = i ? &marked.vpp.Out : &marked.vpp.In;
        info->FourCC = info->Width = info->Height = info->CropX = info->CropY = info->CropW = info->CropH = 1;
        info->FrameRateExtN = info->FrameRateExtD = info->AspectRatioW = info->AspectRatioH = 1;
        info->PicStruct = info->ChromaFormat = info->BitDepthLuma = info->BitDepthChroma = 1;
    }
    extensions_mark(&verdict, rules, COUNT(rules), out->ExtParam, out->NumExtParam);
    *out = marked;
    return verdict_of_query(&verdict);
}

mfxStatus vpp_query(mfxSession session, mfxVideoParam *in, mfxVideoParam *out)
{
    static const struct query query = { "VPP", mark_fields, vpp_check };

    return parameters_query(session, &query, in, out);
}

mfxStatus vpp_query_surfaces(mfxSession session, mfxVideoParam *par, mfxFrameAllocRequest request[2])
{
    if (!par || !request)
        return MFX_ERR_NULL_PTR;
    const unsigned video = MFX_IOPATTERN_IN_VIDEO_MEMORY | MFX_IOPATTERN_OUT_VIDEO_MEMORY;
    if (!is_in_and_out(par->IOPattern) || (par->IOPattern & video && !session->va_display))
        return MFX_ERR_INVALID_VIDEO_PARAM;
    unsigned depth = par->AsyncDepth ? par->AsyncDepth : ASYNC_DEPTH_DEFAULT;
    memset(request, 0, 2 * sizeof *request);
    for (int i = 0; i < 2; i++) {
        request[i].Info = i ? par->vpp.Out : par->vpp.In;
        request[i].NumFrameMin = (mfxU16)(depth + 1);
        request[i].NumFrameSuggested = request[i].NumFrameMin;
        unsigned bit = i ? MFX_IOPATTERN_OUT_VIDEO_MEMORY : MFX_IOPATTERN_IN_VIDEO_MEMORY;
        request[i].Type =
            (mfxU16)((par->IOPattern & bit ? MFX_MEMTYPE_VIDEO_MEMORY_PROCESSOR_TARGET : MFX_MEMTYPE_SYSTEM_MEMORY) |
                     MFX_MEMTYPE_EXTERNAL_FRAME | (i ? MFX_MEMTYPE_FROM_VPPOUT : MFX_MEMTYPE_FROM_VPPIN));
    }
    const mfxExtVPPComposite *composite = extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_VPP_COMPOSITE);
    if (composite && composite->NumInputStream > 1) { /* all that one output needs */
        request[0].NumFrameMin = (mfxU16)(request[0].NumFrameMin + composite->NumInputStream - 1);
        request[0].NumFrameSuggested = request[0].NumFrameMin;
    }
    return MFX_ERR_NONE;
}
