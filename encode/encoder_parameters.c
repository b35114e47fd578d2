/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encoder_parameters.c - the IDR cadence is ours: the encoder is told of none but the longest distance, and never to
 * put in pictures of its own at scene cuts, so that twins stay equal. */
#include "encode/encoder_parameters.h"

#include <libavcodec/codec_par.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "drivers/accelerator.h"
#include "encode/job.h"
#include "encode/light_metadata.h"
#include "encode/rung.h"
#include "encode/timeline.h"

enum { ENCODERS_ASYNC_DEPTH = 4, KBPS_MAX = 65535, AV1_DISTANCE = 8, JPEG_HEADER_BYTES = 1024 };

static void fill_frame(mfxFrameInfo *info, const struct rung_config *config)
{
    bool ten = config->description->bit_depth == 10;

    info->FourCC = ten ? MFX_FOURCC_P010 : MFX_FOURCC_NV12;
    info->BitDepthLuma = info->BitDepthChroma = ten ? 10 : 8;
    info->Shift = ten;
    info->ChromaFormat = MFX_CHROMAFORMAT_YUV420;
    info->PicStruct = MFX_PICSTRUCT_PROGRESSIVE;
    info->Width = (mfxU16)((config->width + 15) & ~15u);
    info->Height = (mfxU16)((config->height + 15) & ~15u);
    info->CropW = (mfxU16)config->width;
    info->CropH = (mfxU16)config->height;
    info->FrameRateExtN = config->rate->numerator;
    info->FrameRateExtD = config->rate->denominator * config->description->framerate_divisor;
    info->AspectRatioW = (mfxU16)(config->aspect_width ? config->aspect_width : 1);
    info->AspectRatioH = (mfxU16)(config->aspect_height ? config->aspect_height : 1);
}

static void fill_rate(struct encoder_parameters *parameters, const struct video_description *description)
{
    mfxInfoMFX *mfx = &parameters->video.mfx;
    unsigned target = (description->bitrate + 500) / 1000;
    unsigned maximum = description->rate_control == RATE_CONTROL_CBR || !description->max_bitrate
                           ? target
                           : (description->max_bitrate + 500) / 1000;
    unsigned buffer = description->buffer_size ? description->buffer_size / 8000 : maximum * 2 / 8;
    unsigned most = maximum > buffer ? maximum : buffer, multiplier = most / KBPS_MAX + 1;

    mfx->RateControlMethod = description->rate_control == RATE_CONTROL_CBR   ? MFX_RATECONTROL_CBR
                             : description->rate_control == RATE_CONTROL_VBR ? MFX_RATECONTROL_VBR
                                                                             : MFX_RATECONTROL_QVBR;
    mfx->BRCParamMultiplier = (mfxU16)multiplier;
    mfx->TargetKbps = (mfxU16)(target > multiplier ? target / multiplier : 1); /* 0 would be refused */
    mfx->MaxKbps = (mfxU16)(maximum / multiplier);
    mfx->BufferSizeInKB = (mfxU16)(buffer / multiplier);
    if (description->rate_control == RATE_CONTROL_QVBR) /* levels 10..1 over what eyes can tell */
        parameters->option3.QVBRQuality = (mfxU16)(17 + 2 * (10 - description->quality));
}

static void fill_structure(mfxInfoMFX *mfx, const struct rung_config *config)
{
    static const mfxU16 profiles[] = { MFX_PROFILE_AVC_CONSTRAINED_BASELINE, MFX_PROFILE_AVC_MAIN,
                                       MFX_PROFILE_AVC_HIGH };
    static const mfxU16 usages[] = { 7, 7, 6, 5, 4, 3, 1 };
    const struct video_description *description = config->description;

    bool baseline = description->profile == PROFILE_BASELINE && description->codec == VIDEO_CODEC_H264;

    mfx->CodecId = MFX_CODEC_AVC;
    mfx->CodecProfile = profiles[description->profile];
    if (description->codec == VIDEO_CODEC_HEVC) {
        mfx->CodecId = MFX_CODEC_HEVC;
        mfx->CodecProfile = description->bit_depth == 10 ? MFX_PROFILE_HEVC_MAIN10 : MFX_PROFILE_HEVC_MAIN;
        mfx->IdrInterval = 1; /* of HEVC: every I picture is one */
    } else if (description->codec == VIDEO_CODEC_AV1) {
        mfx->CodecId = MFX_CODEC_AV1;
        mfx->CodecProfile = MFX_PROFILE_AV1_MAIN;
    }
    mfx->TargetUsage = usages[description->preset];
    mfx->GopPicSize = (mfxU16)config->gop_frames;
    mfx->GopRefDist = (mfxU16)(baseline ? 1 : description->b_frames + 1);
    if (description->codec == VIDEO_CODEC_AV1) /* hierarchies of eight, or none; CBR cannot look ahead */
        mfx->GopRefDist = description->b_frames && description->rate_control != RATE_CONTROL_CBR ? AV1_DISTANCE : 1;
    mfx->GopOptFlag = MFX_GOP_CLOSED;
    if (accelerator_is_hardware(config->accelerator))
        mfx->GopOptFlag |= MFX_GOP_STRICT; /* a runtime of ours is told by AdaptiveI, and may place B pictures freely */
    mfx->NumRefFrame = (mfxU16)description->reference_frames;
}

static void attach(struct encoder_parameters *parameters, mfxExtBuffer *buffer, mfxU32 id, size_t bytes)
{
    buffer->BufferId = id;
    buffer->BufferSz = (mfxU32)bytes;
    parameters->buffers[parameters->video.NumExtParam++] = buffer;
}

/* What the software runtime's libraries call our presets. AV1: no lookahead, which would be a second of delay. */
static void fill_words(struct encoder_parameters *parameters, const struct video_description *description)
{
    static const char *const presets[] = { "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow" };
    static const char *const av1_presets[] = { "13", "12", "11", "10", "9", "8", "6" };
    bool av1 = description->codec == VIDEO_CODEC_AV1;

    attach(parameters, &parameters->words.header, SOFTVPL_EXTBUFF_WORDS, sizeof parameters->words);
    snprintf(parameters->words.preset, sizeof parameters->words.preset, "%s",
             (av1 ? av1_presets : presets)[description->preset]);
    if (av1)
        snprintf(parameters->words.options, sizeof parameters->words.options, "lookahead=0");
}

/* Intel's runtime has them for HEVC alone, and what it does not know costs all extensions. */
static bool may_say_light(const struct rung_config *config)
{
    unsigned codec = config->description->codec;
    return config->light &&
           (codec == VIDEO_CODEC_HEVC || (codec == VIDEO_CODEC_AV1 && accelerator_is_ours(config->accelerator)));
}

static void fill_light(struct encoder_parameters *parameters, const struct light_metadata *light)
{
    mfxExtMasteringDisplayColourVolume *mastering = &parameters->mastering;

    if (light->has_mastering) {
        attach(parameters, &mastering->Header, MFX_EXTBUFF_MASTERING_DISPLAY_COLOUR_VOLUME, sizeof *mastering);
        mastering->InsertPayloadToggle = MFX_PAYLOAD_IDR;
        memcpy(mastering->DisplayPrimariesX, light->primaries_x, sizeof light->primaries_x);
        memcpy(mastering->DisplayPrimariesY, light->primaries_y, sizeof light->primaries_y);
        mastering->WhitePointX = light->white_x;
        mastering->WhitePointY = light->white_y;
        mastering->MaxDisplayMasteringLuminance = light->luminance_maximum;
        mastering->MinDisplayMasteringLuminance = light->luminance_minimum;
    }
    if (light->has_levels) {
        attach(parameters, &parameters->levels.Header, MFX_EXTBUFF_CONTENT_LIGHT_LEVEL_INFO, sizeof parameters->levels);
        parameters->levels.InsertPayloadToggle = MFX_PAYLOAD_IDR;
        parameters->levels.MaxContentLightLevel = light->content_maximum;
        parameters->levels.MaxPicAverageLightLevel = light->average_maximum;
    }
    parameters->lights = light->has_mastering + light->has_levels;
}

void encoder_parameters_fill(struct encoder_parameters *parameters, const struct rung_config *config)
{
    memset(parameters, 0, sizeof *parameters);
    parameters->video.AsyncDepth = ENCODERS_ASYNC_DEPTH;
    parameters->video.IOPattern = (mfxU16)accelerator_input_pattern(config->accelerator);
    parameters->video.ExtParam = parameters->buffers;
    fill_frame(&parameters->video.mfx.FrameInfo, config);
    if (config->description->codec == VIDEO_CODEC_JPEG) {
        parameters->video.mfx.CodecId = MFX_CODEC_JPEG;
        parameters->video.mfx.CodecProfile = MFX_PROFILE_JPEG_BASELINE;
        parameters->video.mfx.Interleaved = 1;
        parameters->video.mfx.Quality =
            (mfxU16)(config->description->jpeg_quality ? config->description->jpeg_quality : 80);
        return;
    }
    fill_structure(&parameters->video.mfx, config);
    attach(parameters, &parameters->option.Header, MFX_EXTBUFF_CODING_OPTION, sizeof parameters->option);
    parameters->option.AUDelimiter = MFX_CODINGOPTION_ON;
    attach(parameters, &parameters->option2.Header, MFX_EXTBUFF_CODING_OPTION2, sizeof parameters->option2);
    parameters->option2.AdaptiveI = MFX_CODINGOPTION_OFF;
    parameters->option2.RepeatPPS = MFX_CODINGOPTION_OFF;
    attach(parameters, &parameters->option3.Header, MFX_EXTBUFF_CODING_OPTION3, sizeof parameters->option3);
    parameters->option3.ScenarioInfo = MFX_SCENARIO_LIVE_STREAMING;
    fill_rate(parameters, config->description);
    if (config->colour) {
        parameters->colour = *config->colour;
        attach(parameters, &parameters->colour.Header, MFX_EXTBUFF_VIDEO_SIGNAL_INFO, sizeof parameters->colour);
    }
    if (config->description->codec == VIDEO_CODEC_AV1) {
        attach(parameters, &parameters->av1.Header, MFX_EXTBUFF_AV1_BITSTREAM_PARAM, sizeof parameters->av1);
        parameters->av1.WriteIVFHeaders = MFX_CODINGOPTION_OFF;
    }
    if (accelerator_is_ours(config->accelerator))
        fill_words(parameters, config->description);
    if (may_say_light(config))
        fill_light(parameters, config->light);
}

uint32_t encoder_parameters_picture_bytes(const mfxVideoParam *got)
{
    uint32_t multiplier = got->mfx.BRCParamMultiplier ? got->mfx.BRCParamMultiplier : 1;
    uint32_t samples = (uint32_t)got->mfx.FrameInfo.Width * got->mfx.FrameInfo.Height;

    if (got->mfx.CodecId == MFX_CODEC_JPEG) /* rate control's fields mean something else */
        return samples * 3 + JPEG_HEADER_BYTES;
    uint32_t wanted = got->mfx.BufferSizeInKB * multiplier * 1000;
    return wanted > samples ? wanted : samples;
}

void encoder_parameters_colour(struct AVCodecParameters *parameters, const mfxExtVideoSignalInfo *colour)
{
    if (!colour)
        return;
    parameters->color_range = colour->VideoFullRange ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    if (!colour->ColourDescriptionPresent)
        return;
    parameters->color_primaries = (enum AVColorPrimaries)colour->ColourPrimaries;
    parameters->color_trc = (enum AVColorTransferCharacteristic)colour->TransferCharacteristics;
    parameters->color_space = (enum AVColorSpace)colour->MatrixCoefficients;
}

void encoder_parameters_compare(const mfxVideoParam *wanted, const mfxVideoParam *got, char *text, size_t bytes)
{
    const struct {
        const char *name;
        unsigned wanted, got;
    } values[] = {
        { "CodecProfile", wanted->mfx.CodecProfile, got->mfx.CodecProfile },
        { "TargetUsage", wanted->mfx.TargetUsage, got->mfx.TargetUsage },
        { "GopPicSize", wanted->mfx.GopPicSize, got->mfx.GopPicSize },
        { "GopRefDist", wanted->mfx.GopRefDist, got->mfx.GopRefDist },
        { "NumRefFrame", wanted->mfx.NumRefFrame, got->mfx.NumRefFrame },
        { "RateControlMethod", wanted->mfx.RateControlMethod, got->mfx.RateControlMethod },
        { "TargetKbps", wanted->mfx.TargetKbps * (wanted->mfx.BRCParamMultiplier ? wanted->mfx.BRCParamMultiplier : 1u),
          got->mfx.TargetKbps * (got->mfx.BRCParamMultiplier ? got->mfx.BRCParamMultiplier : 1u) },
        { "MaxKbps", wanted->mfx.MaxKbps * (wanted->mfx.BRCParamMultiplier ? wanted->mfx.BRCParamMultiplier : 1u),
          got->mfx.MaxKbps * (got->mfx.BRCParamMultiplier ? got->mfx.BRCParamMultiplier : 1u) },
        { "width", wanted->mfx.FrameInfo.CropW, got->mfx.FrameInfo.CropW },
        { "height", wanted->mfx.FrameInfo.CropH, got->mfx.FrameInfo.CropH },
    };
    size_t used = 0;

    text[0] = 0;
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++)
        if (values[i].wanted && values[i].wanted != values[i].got && used < bytes)
            used += (size_t)snprintf(text + used, bytes - used, "%s%s %u became %u", used ? ", " : "", values[i].name,
                                     values[i].wanted, values[i].got);
}
