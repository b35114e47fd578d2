/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encode_settings.c - copying in, filling up, copying out. Which buffer goes where is a table. */
#include "drivers/softvpl/encode_settings.h"

#include <stdlib.h>
#include <string.h>

#include "drivers/softvpl/parameters.h"

enum { QP_DEFAULT = 26, QVBR_QUALITY_DEFAULT = 23, ICQ_QUALITY_DEFAULT = 23, BUFFER_KBYTES_MAX = 65535 };

#define PART(id, member)                                                                                               \
    {                                                                                                                  \
        (id), offsetof(struct encode_settings, member), sizeof(((struct encode_settings *)0)->member)                  \
    }
static const struct part {
    uint32_t id;
    size_t offset, bytes;
} parts[] = {
    PART(MFX_EXTBUFF_CODING_OPTION, option),
    PART(MFX_EXTBUFF_CODING_OPTION2, option2),
    PART(MFX_EXTBUFF_CODING_OPTION3, option3),
    PART(MFX_EXTBUFF_VIDEO_SIGNAL_INFO, signal),
    PART(MFX_EXTBUFF_MASTERING_DISPLAY_COLOUR_VOLUME, mastering),
    PART(MFX_EXTBUFF_CONTENT_LIGHT_LEVEL_INFO, light),
    PART(MFX_EXTBUFF_HEVC_PARAM, hevc),
    PART(MFX_EXTBUFF_HEVC_TEMPORAL_LAYERS, layers),
    PART(MFX_EXTBUFF_AV1_BITSTREAM_PARAM, av1),
    PART(MFX_EXTBUFF_ENCODER_ROI, roi),
    PART(SOFTVPL_EXTBUFF_WORDS, words),
};
enum { PARTS = sizeof parts / sizeof parts[0] };

static unsigned multiplier(const struct encode_settings *settings)
{
    return settings->par.mfx.BRCParamMultiplier ? settings->par.mfx.BRCParamMultiplier : 1;
}

unsigned encode_target_kbps(const struct encode_settings *settings)
{
    return settings->par.mfx.TargetKbps * multiplier(settings);
}

unsigned encode_maximum_kbps(const struct encode_settings *settings)
{
    return settings->par.mfx.MaxKbps * multiplier(settings);
}

unsigned encode_buffer_kbytes(const struct encode_settings *settings)
{
    return settings->par.mfx.BufferSizeInKB * multiplier(settings);
}

bool encode_has_bitrate(const mfxInfoMFX *mfx)
{
    return mfx->RateControlMethod == MFX_RATECONTROL_CBR || mfx->RateControlMethod == MFX_RATECONTROL_VBR ||
           mfx->RateControlMethod == MFX_RATECONTROL_QVBR;
}

bool encode_wants_low_delay(const struct encode_settings *settings)
{
    unsigned scenario = settings->option3.ScenarioInfo;
    return settings->option3.LowDelayBRC == MFX_CODINGOPTION_ON || scenario == MFX_SCENARIO_DISPLAY_REMOTING ||
           scenario == MFX_SCENARIO_VIDEO_CONFERENCE || scenario == MFX_SCENARIO_REMOTE_GAMING;
}

bool encode_wants_regions(const struct encode_settings *settings)
{
    return settings->has_roi || settings->option3.EnableMBQP == MFX_CODINGOPTION_ON;
}

unsigned encode_qp_minimum(const struct encode_settings *settings)
{
    const mfxU8 values[] = { settings->option2.MinQPI, settings->option2.MinQPP, settings->option2.MinQPB };
    unsigned minimum = 0;
    for (unsigned i = 0; i < 3; i++)
        if (values[i] && (!minimum || values[i] < minimum))
            minimum = values[i];
    return minimum;
}

unsigned encode_qp_maximum(const struct encode_settings *settings)
{
    const mfxU8 values[] = { settings->option2.MaxQPI, settings->option2.MaxQPP, settings->option2.MaxQPB };
    unsigned maximum = 0;
    for (unsigned i = 0; i < 3; i++)
        maximum = values[i] > maximum ? values[i] : maximum;
    return maximum;
}

/* What goes in says how it is coded, unless eight bits are wanted as ten. */
unsigned encode_bit_depth(const struct encode_settings *settings)
{
    const struct image_format *format = image_format_find(settings->par.mfx.FrameInfo.FourCC);
    if (settings->option3.TargetBitDepthLuma)
        return settings->option3.TargetBitDepthLuma;
    return format ? format->depth : 8;
}

/* A VBV of one second at the maximum rate; without a rate, a buffer that holds an uncompressed frame. */
static void default_rates(mfxInfoMFX *mfx)
{
    if (mfx->RateControlMethod == 0)
        mfx->RateControlMethod = MFX_RATECONTROL_CBR;
    if (encode_has_bitrate(mfx)) {
        if (!mfx->MaxKbps) {
            unsigned maximum = mfx->TargetKbps;
            if (mfx->RateControlMethod == MFX_RATECONTROL_VBR)
                maximum += maximum / 2;
            mfx->MaxKbps = (mfxU16)(maximum > UINT16_MAX ? UINT16_MAX : maximum);
        }
        if (!mfx->BufferSizeInKB)
            mfx->BufferSizeInKB = (mfxU16)((mfx->MaxKbps + 7) / 8);
        return;
    }
    if (!mfx->BufferSizeInKB) {
        uint32_t frame = (uint32_t)mfx->FrameInfo.Width * mfx->FrameInfo.Height * 3 / 2 / 1000 + 1;
        mfx->BufferSizeInKB = (mfxU16)(frame > BUFFER_KBYTES_MAX ? BUFFER_KBYTES_MAX : frame);
    }
    if (mfx->RateControlMethod == MFX_RATECONTROL_ICQ && !mfx->ICQQuality)
        mfx->ICQQuality = ICQ_QUALITY_DEFAULT;
    if (mfx->RateControlMethod == MFX_RATECONTROL_CQP && !mfx->QPP)
        mfx->QPP = mfx->QPI ? mfx->QPI : QP_DEFAULT;
}

void encode_defaults_video(struct encode_settings *settings)
{
    mfxInfoMFX *mfx = &settings->par.mfx;

    if (!mfx->TargetUsage)
        mfx->TargetUsage = MFX_TARGETUSAGE_BALANCED;
    default_rates(mfx);
    if (mfx->RateControlMethod == MFX_RATECONTROL_QVBR && !settings->option3.QVBRQuality)
        settings->option3.QVBRQuality = QVBR_QUALITY_DEFAULT;
}

/* An attached buffer, else what it was before, else nothing. */
static void take(struct encode_settings *settings, const struct part *part, const mfxVideoParam *par,
                 const struct encode_settings *before)
{
    void *to = (uint8_t *)settings + part->offset;
    const mfxExtBuffer *buffer = extension_find(par->ExtParam, par->NumExtParam, part->id);

    if (buffer && buffer->BufferSz == part->bytes)
        memcpy(to, buffer, part->bytes);
    else if (before)
        memcpy(to, (const uint8_t *)before + part->offset, part->bytes);
    *(mfxExtBuffer *)to = (mfxExtBuffer){ part->id, (mfxU32)part->bytes };
}

static bool attached(const mfxVideoParam *par, uint32_t id)
{
    return extension_find(par->ExtParam, par->NumExtParam, id) != NULL;
}

void encode_settings_read(struct encode_settings *settings, const mfxVideoParam *par,
                          const struct encode_settings *before)
{
    mfxFrameInfo *info = &settings->par.mfx.FrameInfo;

    memset(settings, 0, sizeof *settings);
    settings->codec = encode_codec_find(par->mfx.CodecId);
    settings->par = *par;
    settings->par.ExtParam = NULL;
    settings->par.NumExtParam = 0;
    for (unsigned i = 0; i < PARTS; i++)
        take(settings, &parts[i], par, before);
    settings->has_signal = attached(par, MFX_EXTBUFF_VIDEO_SIGNAL_INFO) || (before && before->has_signal);
    settings->has_av1 = attached(par, MFX_EXTBUFF_AV1_BITSTREAM_PARAM) || (before && before->has_av1);
    settings->has_roi = attached(par, MFX_EXTBUFF_ENCODER_ROI) || (before && before->has_roi);

    if (!settings->par.AsyncDepth)
        settings->par.AsyncDepth = ASYNC_DEPTH_DEFAULT;
    if (!info->PicStruct)
        info->PicStruct = MFX_PICSTRUCT_PROGRESSIVE;
    if (!info->ChromaFormat)
        info->ChromaFormat = MFX_CHROMAFORMAT_YUV420;
    if (!info->CropW)
        info->CropW = (mfxU16)(info->Width - info->CropX);
    if (!info->CropH)
        info->CropH = (mfxU16)(info->Height - info->CropY);
    settings->codec->defaults(settings);
}

void encode_settings_write(const struct encode_settings *settings, mfxVideoParam *par)
{
    mfxExtBuffer **buffers = par->ExtParam;
    uint16_t number = par->NumExtParam;

    *par = settings->par;
    par->ExtParam = buffers;
    par->NumExtParam = number;
    for (unsigned i = 0; i < PARTS; i++) {
        mfxExtBuffer *buffer = extension_find(buffers, number, parts[i].id);
        if (buffer && buffer->BufferSz == parts[i].bytes)
            memcpy(buffer, (const uint8_t *)settings + parts[i].offset, parts[i].bytes);
    }
}

bool encode_settings_same_sequence(const struct encode_settings *before, const struct encode_settings *after)
{
    struct encode_settings copy = *after;
    mfxInfoMFX *mfx = &copy.par.mfx;
    const mfxInfoMFX *was = &before->par.mfx;

    if (copy.codec != before->codec || mfx->RateControlMethod != was->RateControlMethod ||
        encode_wants_regions(&copy) != encode_wants_regions(before))
        return false;
    mfx->TargetKbps = was->TargetKbps; /* and QPP, ICQQuality */
    mfx->MaxKbps = was->MaxKbps;
    mfx->BufferSizeInKB = was->BufferSizeInKB;
    mfx->InitialDelayInKB = was->InitialDelayInKB;
    mfx->BRCParamMultiplier = was->BRCParamMultiplier;
    copy.option3.QVBRQuality = before->option3.QVBRQuality;
    copy.roi = before->roi;
    copy.par.AsyncDepth = before->par.AsyncDepth;
    copy.par.AllocId = before->par.AllocId;
    if (memcmp(&copy.par, &before->par, sizeof copy.par) != 0)
        return false;
    for (unsigned i = 0; i < PARTS; i++)
        if (memcmp((uint8_t *)&copy + parts[i].offset, (const uint8_t *)before + parts[i].offset, parts[i].bytes) != 0)
            return false;
    return true;
}

/* ---- words ------------------------------------------------------------------------------------------------------ */

bool encode_words_end(const struct softvpl_words *words)
{
    return memchr(words->preset, 0, sizeof words->preset) && memchr(words->tune, 0, sizeof words->tune) &&
           memchr(words->options, 0, sizeof words->options);
}

const char *encode_words_preset(const struct softvpl_words *words, const char *by_usage)
{
    const char *wanted = words->preset[0] ? words->preset : getenv("BIPLANE_SOFTVPL_PRESET");

    return wanted && wanted[0] ? wanted : by_usage;
}

static bool is_refused(const char *name, const char *const *refused)
{
    char plain[40];
    size_t length = 0;
    for (; length < sizeof plain - 1 && name[length]; length++)
        plain[length] = name[length] == '_' ? '-' : name[length];
    plain[length] = 0;
    for (; *refused; refused++)
        if (strcmp(plain, *refused) == 0)
            return true;
    return false;
}

bool encode_words_apply(const struct softvpl_words *words, const char *const *refused,
                        bool (*parse)(void *context, const char *name, const char *value), void *context)
{
    char text[sizeof words->options], *rest = text; /* a copy is cut up in place */

    memcpy(text, words->options, sizeof text);
    for (char *name; (name = strsep(&rest, ":"));) {
        if (!*name)
            continue;
        char *value = strchr(name, '=');
        if (value)
            *value++ = 0;
        if (is_refused(name, refused) || !parse(context, name, value))
            return false;
    }
    return true;
}
