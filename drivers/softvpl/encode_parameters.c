/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encode_parameters.c - Query, QueryIOSurf and the rules behind them: which values an application may ask for. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/softvpl/encode_settings.h"
#include "drivers/softvpl/encoder.h"
#include "drivers/softvpl/parameters.h"
#include "drivers/softvpl/regions.h"

#define FIELD(type, name, ...)                                                                                         \
    {                                                                                                                  \
        offsetof(type, name), sizeof(((type *)0)->name), __VA_ARGS__                                                   \
    }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { ICQ_QUALITY_MAX = 51, QP_MAX = 63, LOOKAHEAD_MAX = 250 };

static const struct extension_field option_fields[] = {
    FIELD(mfxExtCodingOption, RateDistortionOpt, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption, EndOfSequence, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption, FramePicture, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption, CAVLC, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption, RecoveryPointSEI, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption, ViewOutput, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption, NalHrdConformance, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption, SingleSeiNalUnit, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption, VuiVclHrdParameters, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption, RefPicListReordering, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption, ResetRefList, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption, RefPicMarkRep, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption, FieldOutput, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption, AUDelimiter, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption, EndOfStream, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption, PicTimingSEI, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption, VuiNalHrdParameters, FIELD_SWITCH, 0, 0),
};

static const struct extension_field option2_fields[] = {
    FIELD(mfxExtCodingOption2, IntRefType, FIELD_RANGE, 1, MFX_REFRESH_VERTICAL),
    FIELD(mfxExtCodingOption2, IntRefCycleSize, FIELD_RANGE, 2, UINT16_MAX),
    FIELD(mfxExtCodingOption2, MaxSliceSize, FIELD_RANGE, 100, 1 << 24),
    FIELD(mfxExtCodingOption2, BitrateLimit, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption2, MBBRC, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption2, ExtBRC, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption2, LookAheadDepth, FIELD_RANGE, 1, LOOKAHEAD_MAX),
    FIELD(mfxExtCodingOption2, Trellis, FIELD_RANGE, MFX_TRELLIS_OFF, MFX_TRELLIS_I | MFX_TRELLIS_P | MFX_TRELLIS_B),
    FIELD(mfxExtCodingOption2, RepeatPPS, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption2, BRefType, FIELD_RANGE, MFX_B_REF_OFF, MFX_B_REF_PYRAMID),
    FIELD(mfxExtCodingOption2, AdaptiveI, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption2, AdaptiveB, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption2, NumMbPerSlice, FIELD_RANGE, 1, UINT16_MAX),
    FIELD(mfxExtCodingOption2, MinQPI, FIELD_RANGE, 1, QP_MAX),
    FIELD(mfxExtCodingOption2, MaxQPI, FIELD_RANGE, 1, QP_MAX),
    FIELD(mfxExtCodingOption2, MinQPP, FIELD_RANGE, 1, QP_MAX),
    FIELD(mfxExtCodingOption2, MaxQPP, FIELD_RANGE, 1, QP_MAX),
    FIELD(mfxExtCodingOption2, MinQPB, FIELD_RANGE, 1, QP_MAX),
    FIELD(mfxExtCodingOption2, MaxQPB, FIELD_RANGE, 1, QP_MAX),
    FIELD(mfxExtCodingOption2, FixedFrameRate, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption2, DisableDeblockingIdc, FIELD_RANGE, 1, 1),
    FIELD(mfxExtCodingOption2, DisableVUI, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption2, EnableMAD, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption2, UseRawRef, FIELD_OFF, 0, 0),
};

static const struct extension_field option3_fields[] = {
    FIELD(mfxExtCodingOption3, QVBRQuality, FIELD_RANGE, 1, QP_MAX),
    FIELD(mfxExtCodingOption3, EnableMBQP, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption3, DirectBiasAdjustment, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, GlobalMotionBiasAdjustment, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, MBDisableSkipMap, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, AspectRatioInfoPresent, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption3, OverscanInfoPresent, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, TimingInfoPresent, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption3, BitstreamRestriction, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption3, LowDelayHrd, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, ScenarioInfo, FIELD_RANGE, 1, MFX_SCENARIO_REMOTE_GAMING),
    FIELD(mfxExtCodingOption3, ContentInfo, FIELD_RANGE, 1, 3),
    FIELD(mfxExtCodingOption3, PRefType, FIELD_RANGE, 1, 1),
    FIELD(mfxExtCodingOption3, FadeDetection, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, GPB, FIELD_WISH, 0, 0),
    FIELD(mfxExtCodingOption3, EnableQPOffset, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, TransformSkip, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, TargetChromaFormatPlus1, FIELD_RANGE, 2, 3),
    FIELD(mfxExtCodingOption3, TargetBitDepthLuma, FIELD_RANGE, 8, 10),
    FIELD(mfxExtCodingOption3, TargetBitDepthChroma, FIELD_RANGE, 8, 10),
    FIELD(mfxExtCodingOption3, BRCPanicMode, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, LowDelayBRC, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption3, EnableMBForceIntra, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, AdaptiveMaxFrameSize, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, RepartitionCheckEnable, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, EncodedUnitsInfo, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, EnableNalUnitType, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, AdaptiveLTR, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, AdaptiveCQM, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, AdaptiveRef, FIELD_OFF, 0, 0),
};

static const struct extension_field signal_fields[] = {
    FIELD(mfxExtVideoSignalInfo, VideoFormat, FIELD_RANGE, 1, 5),
    FIELD(mfxExtVideoSignalInfo, VideoFullRange, FIELD_RANGE, 1, 1),
    FIELD(mfxExtVideoSignalInfo, ColourDescriptionPresent, FIELD_RANGE, 1, 1),
    FIELD(mfxExtVideoSignalInfo, ColourPrimaries, FIELD_RANGE, 1, 12),
    FIELD(mfxExtVideoSignalInfo, TransferCharacteristics, FIELD_RANGE, 1, 18),
    FIELD(mfxExtVideoSignalInfo, MatrixCoefficients, FIELD_RANGE, 1, 14),
};

static const struct extension_field reset_fields[] = {
    FIELD(mfxExtEncoderResetOption, StartNewSequence, FIELD_SWITCH, 0, 0),
};

static const struct extension_field mastering_fields[] = {
    FIELD(mfxExtMasteringDisplayColourVolume, InsertPayloadToggle, FIELD_RANGE, 1, MFX_PAYLOAD_IDR),
    FIELD(mfxExtMasteringDisplayColourVolume, DisplayPrimariesX[0], FIELD_RANGE, 1, 50000),
    FIELD(mfxExtMasteringDisplayColourVolume, DisplayPrimariesX[1], FIELD_RANGE, 1, 50000),
    FIELD(mfxExtMasteringDisplayColourVolume, DisplayPrimariesX[2], FIELD_RANGE, 1, 50000),
    FIELD(mfxExtMasteringDisplayColourVolume, DisplayPrimariesY[0], FIELD_RANGE, 1, 50000),
    FIELD(mfxExtMasteringDisplayColourVolume, DisplayPrimariesY[1], FIELD_RANGE, 1, 50000),
    FIELD(mfxExtMasteringDisplayColourVolume, DisplayPrimariesY[2], FIELD_RANGE, 1, 50000),
    FIELD(mfxExtMasteringDisplayColourVolume, WhitePointX, FIELD_RANGE, 1, 50000),
    FIELD(mfxExtMasteringDisplayColourVolume, WhitePointY, FIELD_RANGE, 1, 50000),
    FIELD(mfxExtMasteringDisplayColourVolume, MaxDisplayMasteringLuminance, FIELD_RANGE, 1, UINT32_MAX),
    FIELD(mfxExtMasteringDisplayColourVolume, MinDisplayMasteringLuminance, FIELD_RANGE, 1, UINT32_MAX),
};

static const struct extension_field light_fields[] = {
    FIELD(mfxExtContentLightLevelInfo, InsertPayloadToggle, FIELD_RANGE, 1, MFX_PAYLOAD_IDR),
    FIELD(mfxExtContentLightLevelInfo, MaxContentLightLevel, FIELD_RANGE, 1, UINT16_MAX),
    FIELD(mfxExtContentLightLevelInfo, MaxPicAverageLightLevel, FIELD_RANGE, 1, UINT16_MAX),
};

static const struct extension_field hevc_fields[] = {
    FIELD(mfxExtHEVCParam, PicWidthInLumaSamples, FIELD_RANGE, 1, FRAME_SIZE_MAX),
    FIELD(mfxExtHEVCParam, PicHeightInLumaSamples, FIELD_RANGE, 1, FRAME_SIZE_MAX),
    FIELD(mfxExtHEVCParam, SampleAdaptiveOffset, FIELD_RANGE, 1, MFX_SAO_ENABLE_LUMA | MFX_SAO_ENABLE_CHROMA),
    FIELD(mfxExtHEVCParam, LCUSize, FIELD_RANGE, 16, 64),
};

/* x265 has none: one tile is the picture. */
static const struct extension_field tile_fields[] = {
    FIELD(mfxExtHEVCTiles, NumTileRows, FIELD_RANGE, 1, 1),
    FIELD(mfxExtHEVCTiles, NumTileColumns, FIELD_RANGE, 1, 1),
};

/* All pictures, and those that the others refer to. */
static const struct extension_field layer_fields[] = {
    FIELD(mfxExtAvcTemporalLayers, Layer[0].Scale, FIELD_RANGE, 1, 1),
    FIELD(mfxExtAvcTemporalLayers, Layer[1].Scale, FIELD_RANGE, 2, 2),
};

static const struct extension_field av1_fields[] = {
    FIELD(mfxExtAV1BitstreamParam, WriteIVFHeaders, FIELD_SWITCH, 0, 0),
};

/* There is one frame at a time here: what leaves it to the runtime gets that. */
static const struct extension_field multi_frame_fields[] = {
    FIELD(struct vpl1_multi_frame, mode, FIELD_RANGE, VPL1_MULTI_FRAME_DISABLED, VPL1_MULTI_FRAME_AUTO),
    FIELD(struct vpl1_multi_frame, frames_max, FIELD_RANGE, 1, 1),
};

static const struct extension_field roi_fields[] = {
    FIELD(mfxExtEncoderROI, NumROI, FIELD_RANGE, 1, UINT16_MAX),
    FIELD(mfxExtEncoderROI, ROIMode, FIELD_RANGE, 1, MFX_ROI_MODE_QP_DELTA),
};

#define RULE(id, type, fields)                                                                                         \
    {                                                                                                                  \
        id, sizeof(type), fields, COUNT(fields), false                                                                 \
    }
static const struct extension_rule all_rules[] = {
    RULE(MFX_EXTBUFF_CODING_OPTION, mfxExtCodingOption, option_fields),
    RULE(MFX_EXTBUFF_CODING_OPTION2, mfxExtCodingOption2, option2_fields),
    RULE(MFX_EXTBUFF_CODING_OPTION3, mfxExtCodingOption3, option3_fields),
    RULE(MFX_EXTBUFF_VIDEO_SIGNAL_INFO, mfxExtVideoSignalInfo, signal_fields),
    RULE(MFX_EXTBUFF_ENCODER_RESET_OPTION, mfxExtEncoderResetOption, reset_fields),
    RULE(MFX_EXTBUFF_MASTERING_DISPLAY_COLOUR_VOLUME, mfxExtMasteringDisplayColourVolume, mastering_fields),
    RULE(MFX_EXTBUFF_CONTENT_LIGHT_LEVEL_INFO, mfxExtContentLightLevelInfo, light_fields),
    RULE(MFX_EXTBUFF_HEVC_PARAM, mfxExtHEVCParam, hevc_fields),
    RULE(MFX_EXTBUFF_HEVC_TILES, mfxExtHEVCTiles, tile_fields),
    RULE(MFX_EXTBUFF_HEVC_TEMPORAL_LAYERS, mfxExtAvcTemporalLayers, layer_fields),
    RULE(VPL1_EXTBUFF_MULTI_FRAME_PARAM, struct vpl1_multi_frame, multi_frame_fields),
    RULE(MFX_EXTBUFF_AV1_BITSTREAM_PARAM, mfxExtAV1BitstreamParam, av1_fields),
    { MFX_EXTBUFF_ENCODER_ROI, sizeof(mfxExtEncoderROI), roi_fields, COUNT(roi_fields), true },
    { MFX_EXTBUFF_CODING_OPTION_SPSPPS, sizeof(mfxExtCodingOptionSPSPPS), NULL, 0, true },
    { MFX_EXTBUFF_CODING_OPTION_VPS, sizeof(mfxExtCodingOptionVPS), NULL, 0, true },
    { SOFTVPL_EXTBUFF_WORDS, sizeof(struct softvpl_words), NULL, 0, true },
};

static bool takes(const struct encode_codec *codec, uint32_t id)
{
    for (const uint32_t *known = codec->buffers; *known; known++)
        if (*known == id)
            return true;
    return false;
}

/* Those of the buffers that the codec has. */
static unsigned rules_of(const struct encode_codec *codec, struct extension_rule rules[COUNT(all_rules)])
{
    unsigned count = 0;
    for (size_t i = 0; i < COUNT(all_rules); i++)
        if (takes(codec, all_rules[i].id))
            rules[count++] = all_rules[i];
    return count;
}

void encode_check_rate(struct verdict *verdict, mfxVideoParam *par, const struct encode_limits *limits, bool complete)
{
    const mfxExtCodingOption3 *option3 = extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_CODING_OPTION3);
    mfxInfoMFX *mfx = &par->mfx;

    if (complete && !mfx->FrameInfo.FrameRateExtN)
        verdict_unsupported(verdict, "frame rate is missing");
    switch (mfx->RateControlMethod) {
    case MFX_RATECONTROL_CQP:
        if (mfx->QPI > limits->qp)
            CORRECT(verdict, mfx->QPI, limits->qp);
        if (mfx->QPP > limits->qp)
            CORRECT(verdict, mfx->QPP, limits->qp);
        if (mfx->QPB > limits->qp)
            CORRECT(verdict, mfx->QPB, limits->qp);
        break;
    case MFX_RATECONTROL_ICQ:
        if (mfx->ICQQuality > ICQ_QUALITY_MAX)
            CORRECT(verdict, mfx->ICQQuality, ICQ_QUALITY_MAX);
        break;
    case 0:
    case MFX_RATECONTROL_CBR:
    case MFX_RATECONTROL_VBR:
    case MFX_RATECONTROL_QVBR:
        if (complete && !mfx->TargetKbps)
            verdict_unsupported(verdict, "TargetKbps is missing");
        if (mfx->MaxKbps && mfx->MaxKbps < mfx->TargetKbps)
            CORRECT(verdict, mfx->MaxKbps, mfx->TargetKbps);
        if (mfx->RateControlMethod == MFX_RATECONTROL_CBR && mfx->MaxKbps > mfx->TargetKbps)
            CORRECT(verdict, mfx->MaxKbps, mfx->TargetKbps);
        if (mfx->BufferSizeInKB && mfx->InitialDelayInKB > mfx->BufferSizeInKB)
            CORRECT(verdict, mfx->InitialDelayInKB, mfx->BufferSizeInKB);
        break;
    default:
        UNSUPPORTED(verdict, mfx->RateControlMethod);
    }
    if (complete && mfx->RateControlMethod == MFX_RATECONTROL_QVBR && (!option3 || !option3->QVBRQuality))
        verdict->corrected = true; /* a middle quality is taken */
}

void encode_check_structure(struct verdict *verdict, mfxInfoMFX *mfx, const struct encode_limits *limits)
{
    if (mfx->GopRefDist > limits->b_frames + 1)
        CORRECT(verdict, mfx->GopRefDist, limits->b_frames + 1);
    if (mfx->GopPicSize && mfx->GopRefDist > mfx->GopPicSize)
        CORRECT(verdict, mfx->GopRefDist, mfx->GopPicSize);
    if (mfx->GopOptFlag & ~(MFX_GOP_CLOSED | MFX_GOP_STRICT))
        UNSUPPORTED(verdict, mfx->GopOptFlag);
    if (limits->open_groups_only && mfx->IdrInterval && ((mfx->GopOptFlag & MFX_GOP_CLOSED) || mfx->GopRefDist == 1))
        CORRECT(verdict, mfx->IdrInterval, 0);
    if (mfx->NumRefFrame > limits->references)
        CORRECT(verdict, mfx->NumRefFrame, limits->references);
    if (mfx->NumSlice > limits->slices)
        CORRECT(verdict, mfx->NumSlice, limits->slices);
    if (mfx->EncodedOrder)
        UNSUPPORTED(verdict, mfx->EncodedOrder);
    if (mfx->LowPower == MFX_CODINGOPTION_ON && verdict->personality == PERSONALITY_SOFTWARE)
        CORRECT(verdict, mfx->LowPower, MFX_CODINGOPTION_OFF);
    if (mfx->TargetUsage > MFX_TARGETUSAGE_BEST_SPEED)
        CORRECT(verdict, mfx->TargetUsage, MFX_TARGETUSAGE_BEST_SPEED);
}

static bool takes_format(const struct encode_codec *codec, uint32_t fourcc)
{
    for (const uint32_t *format = codec->formats; *format; format++)
        if (*format == fourcc)
            return true;
    return false;
}

/* x264 has it for pictures of all kinds, or of none; others decide themselves. */
static void check_trellis(struct verdict *verdict, const struct encode_codec *codec, const mfxVideoParam *par)
{
    mfxExtCodingOption2 *option2 = extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_CODING_OPTION2);
    unsigned kinds = MFX_TRELLIS_I | MFX_TRELLIS_P | (par->mfx.GopRefDist == 1 ? 0 : MFX_TRELLIS_B);

    if (!option2 || option2->Trellis <= MFX_TRELLIS_OFF)
        return;
    if (codec->id == MFX_CODEC_AVC && !(option2->Trellis & MFX_TRELLIS_OFF) && (option2->Trellis & kinds) == kinds)
        return;
    verdict_unsupported(verdict, "Trellis");
    if (!verdict->read_only)
        option2->Trellis = 0;
}

void encode_check(struct verdict *verdict, mfxVideoParam *par, bool complete)
{
    const struct encode_codec *codec =
        encode_codec_find(par->mfx.CodecId || complete ? par->mfx.CodecId : MFX_CODEC_AVC);
    struct extension_rule rules[COUNT(all_rules)];
    mfxFrameInfo *info = &par->mfx.FrameInfo;

    common_check(verdict, par, MFX_IOPATTERN_IN_SYSTEM_MEMORY);
    if (complete && !par->IOPattern)
        verdict_unsupported(verdict, "IOPattern is missing");
    if (!codec) {
        UNSUPPORTED(verdict, par->mfx.CodecId);
        return;
    }
    frame_info_check(verdict, info, complete);
    if (info->FourCC && !takes_format(codec, info->FourCC))
        UNSUPPORTED(verdict, info->FourCC);
    if ((info->CropW | info->CropH | info->CropX | info->CropY) & 1)
        verdict_unsupported(verdict, "crop is odd");
    extensions_check(verdict, rules, rules_of(codec, rules), par->ExtParam, par->NumExtParam);
    check_trellis(verdict, codec, par);
    encode_regions_check(verdict, par, codec->region_block);
    personality_check_encode(verdict->personality, verdict, par, complete);
    codec->check(verdict, par, complete);
}

void encode_mark_video(mfxInfoMFX *mfx)
{
    mfxFrameInfo *info = &mfx->FrameInfo;

    mfx->BRCParamMultiplier = mfx->CodecProfile = mfx->CodecLevel = mfx->NumThread = mfx->TargetUsage = 1;
    mfx->GopPicSize = mfx->GopRefDist = mfx->GopOptFlag = mfx->IdrInterval = mfx->RateControlMethod = 1;
    mfx->InitialDelayInKB = mfx->BufferSizeInKB = mfx->TargetKbps = mfx->MaxKbps = mfx->NumSlice = 1;
    mfx->NumRefFrame = 1;
    info->CropX = info->CropY = info->BitDepthLuma = info->BitDepthChroma = 1;
}

void encode_mark(struct verdict *verdict, mfxVideoParam *par)
{
    const struct encode_codec *codec = encode_codec_find(par->mfx.CodecId ? par->mfx.CodecId : MFX_CODEC_AVC);
    mfxVideoParam marked = { .ExtParam = par->ExtParam, .NumExtParam = par->NumExtParam };
    struct extension_rule rules[COUNT(all_rules)];
    mfxFrameInfo *info = &marked.mfx.FrameInfo;

    if (!codec) {
        verdict_unsupported(verdict, "codec");
        return;
    }
    marked.mfx.CodecId = codec->id;
    marked.AsyncDepth = marked.IOPattern = 1;
    info->FourCC = info->Width = info->Height = info->CropW = info->CropH = info->PicStruct = info->ChromaFormat = 1;
    info->FrameRateExtN = info->FrameRateExtD = info->AspectRatioW = info->AspectRatioH = 1;
    codec->mark(&marked.mfx);
    extensions_mark(verdict, rules, rules_of(codec, rules), par->ExtParam, par->NumExtParam);
    *par = marked;
}

static mfxStatus mark_fields(mfxVideoParam *out)
{
    struct verdict verdict = { 0 };

    encode_mark(&verdict, out);
    return verdict_of_query(&verdict);
}

mfxStatus encode_query(mfxSession session, mfxVideoParam *in, mfxVideoParam *out)
{
    static const struct query query = { "encode", mark_fields, encode_check };

    return parameters_query(session, &query, in, out);
}

mfxStatus encode_query_surfaces(mfxSession session, mfxVideoParam *par, mfxFrameAllocRequest *request)
{
    if (!par || !request)
        return MFX_ERR_NULL_PTR;
    bool video = par->IOPattern == MFX_IOPATTERN_IN_VIDEO_MEMORY && session->va_display;
    if (!encode_codec_find(par->mfx.CodecId) || (par->IOPattern != MFX_IOPATTERN_IN_SYSTEM_MEMORY && !video))
        return MFX_ERR_INVALID_VIDEO_PARAM;
    unsigned depth = par->AsyncDepth ? par->AsyncDepth : ASYNC_DEPTH_DEFAULT;
    memset(request, 0, sizeof *request);
    request->Info = par->mfx.FrameInfo;
    request->NumFrameMin = (mfxU16)(depth + 1); /* what a library holds back is its own copy */
    request->NumFrameSuggested = (mfxU16)(depth + 2);
    request->Type = (mfxU16)((video ? MFX_MEMTYPE_VIDEO_MEMORY_PROCESSOR_TARGET : MFX_MEMTYPE_SYSTEM_MEMORY) |
                             MFX_MEMTYPE_EXTERNAL_FRAME | MFX_MEMTYPE_FROM_ENCODE);
    return MFX_ERR_NONE;
}
