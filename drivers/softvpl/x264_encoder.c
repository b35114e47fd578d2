/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x264_encoder.c - H.264 by x264's own interface. Its copy into its padded frame is the only one that is made. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/softvpl/parameters.h"
#include "drivers/softvpl/regions.h"
#include "drivers/softvpl/x264_settings.h"

enum { QP_MAX = 51, B_FRAMES_MAX = 16, REFERENCES_MAX = 16, SLICES_MAX = 255 };

struct library {
    x264_t *x264;
    struct log *log;
    unsigned idr_distance, since_idr; /* 0: x264 decides */
};

/* ---- rules ------------------------------------------------------------------------------------------------------ */

static bool profile_known(unsigned profile)
{
    switch (profile) {
    case MFX_PROFILE_UNKNOWN:
    case MFX_PROFILE_AVC_BASELINE:
    case MFX_PROFILE_AVC_CONSTRAINED_BASELINE:
    case MFX_PROFILE_AVC_MAIN:
    case MFX_PROFILE_AVC_HIGH:
    case MFX_PROFILE_AVC_CONSTRAINED_HIGH:
    case MFX_PROFILE_AVC_PROGRESSIVE_HIGH:
        return true;
    default:
        return false;
    }
}

static bool level_known(unsigned level)
{
    for (int i = 0; x264_levels[i].level_idc; i++)
        if (x264_levels[i].level_idc == level)
            return true;
    return level == 0;
}

/* The words of softvpl_ext.h are only understood by x264 itself: try them. */
static void check_words(struct verdict *verdict, mfxVideoParam *par)
{
    struct softvpl_words *words = extension_find(par->ExtParam, par->NumExtParam, SOFTVPL_EXTBUFF_WORDS);
    struct encode_settings settings = { 0 };
    x264_param_t param;

    if (!words || words->header.BufferSz != sizeof *words)
        return;
    settings.words = *words;
    if (!x264_settings_apply(&settings, 1, &param)) {
        verdict_unsupported(verdict, "x264 preset, tune or option");
        if (!verdict->read_only)
            memset(words->preset, 0, sizeof *words - sizeof words->header);
    }
    x264_param_cleanup(&param);
}

static void check(struct verdict *verdict, mfxVideoParam *par, bool complete)
{
    static const struct encode_limits limits = { QP_MAX, B_FRAMES_MAX, REFERENCES_MAX, SLICES_MAX, true };
    mfxExtCodingOption3 *option3 = extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_CODING_OPTION3);
    mfxInfoMFX *mfx = &par->mfx;

    if (!profile_known(mfx->CodecProfile))
        UNSUPPORTED(verdict, mfx->CodecProfile);
    if (!level_known(mfx->CodecLevel))
        UNSUPPORTED(verdict, mfx->CodecLevel);
    if (option3 && option3->TargetBitDepthLuma > 8)
        verdict_unsupported(verdict, "ten bits of H.264");
    if (option3 && option3->TargetChromaFormatPlus1 > MFX_CHROMAFORMAT_YUV420 + 1)
        verdict_unsupported(verdict, "H.264 of 4:2:2");
    encode_check_rate(verdict, par, &limits, complete);
    bool no_b = mfx->CodecProfile == MFX_PROFILE_AVC_BASELINE ||
                mfx->CodecProfile == MFX_PROFILE_AVC_CONSTRAINED_HIGH ||
                mfx->CodecProfile == MFX_PROFILE_AVC_CONSTRAINED_BASELINE;
    if (no_b && mfx->GopRefDist > 1)
        CORRECT(verdict, mfx->GopRefDist, 1);
    encode_check_structure(verdict, mfx, &limits);
    check_words(verdict, par);
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

static void write_log(void *private, int level, const char *format, va_list arguments)
{
    struct library *library = private;
    char text[256];
    (void)level;
    vsnprintf(text, sizeof text, format, arguments);
    log_line(library->log, "x264: %s", text);
}

static void close_library(void *opaque)
{
    struct library *library = opaque;
    if (library->x264)
        x264_encoder_close(library->x264);
    free(library);
}

static mfxStatus open_library(void **out, const struct encode_settings *settings, unsigned threads, struct log *log)
{
    const mfxInfoMFX *mfx = &settings->par.mfx;
    struct library *library = calloc(1, sizeof *library);
    x264_param_t param;

    if (!library)
        return MFX_ERR_MEMORY_ALLOC;
    library->log = log;
    /* IdrInterval: x264 with open groups makes every key frame but the first a plain I picture. */
    if (mfx->IdrInterval && mfx->GopPicSize)
        library->idr_distance = (mfx->IdrInterval + 1U) * mfx->GopPicSize;
    if (x264_settings_apply(settings, threads, &param)) {
        param.pf_log = write_log;
        param.p_log_private = library;
        library->x264 = x264_encoder_open(&param);
    }
    x264_param_cleanup(&param);
    if (!library->x264) {
        close_library(library);
        return MFX_ERR_INVALID_VIDEO_PARAM;
    }
    *out = library;
    return MFX_ERR_NONE;
}

static unsigned delay(void *opaque)
{
    struct library *library = opaque;
    return (unsigned)x264_encoder_maximum_delayed_frames(library->x264);
}

static bool takes_regions(void *opaque)
{
    struct library *library = opaque;
    x264_param_t param;

    x264_encoder_parameters(library->x264, &param);
    return param.rc.i_aq_mode != X264_AQ_NONE;
}

static void headers(void *opaque, struct encode_headers *out)
{
    struct library *library = opaque;
    x264_nal_t *nal;
    int count;

    if (x264_encoder_headers(library->x264, &nal, &count) < 0)
        return;
    for (int i = 0; i < count; i++)
        if (nal[i].i_type == NAL_SPS || nal[i].i_type == NAL_PPS)
            encode_header_keep(out, nal[i].i_type == NAL_SPS ? ENCODE_SPS : ENCODE_PPS, nal[i].p_payload,
                               (size_t)nal[i].i_payload);
}

static bool reconfigure(void *opaque, const struct encode_settings *settings)
{
    struct library *library = opaque;
    x264_param_t param, wanted;
    bool good = settings->par.mfx.RateControlMethod != MFX_RATECONTROL_CQP;

    if (!good)
        return false;
    good = x264_settings_apply(settings, 1, &wanted);
    if (good) {
        x264_encoder_parameters(library->x264, &param);
        param.rc.i_bitrate = wanted.rc.i_bitrate;
        param.rc.i_vbv_max_bitrate = wanted.rc.i_vbv_max_bitrate;
        param.rc.i_vbv_buffer_size = wanted.rc.i_vbv_buffer_size;
        param.rc.f_rf_constant = wanted.rc.f_rf_constant;
        if (x264_encoder_reconfig(library->x264, &param) < 0)
            log_line(library->log, "x264 refused the new rate");
    }
    x264_param_cleanup(&wanted);
    return good;
}

static void resolve(void *opaque, const struct encode_headers *sets, mfxVideoParam *par)
{
    struct library *library = opaque;
    const struct encode_header *sps = &sets->header[ENCODE_SPS];
    x264_param_t param;

    x264_encoder_parameters(library->x264, &param);
    if (!par->mfx.CodecProfile && sps->bytes > 5)
        par->mfx.CodecProfile = sps->data[5]; /* profile_idc, after a start code of four bytes and the NAL header */
    par->mfx.CodecLevel = (mfxU16)param.i_level_idc;
    par->mfx.GopPicSize = (mfxU16)(param.i_keyint_max > UINT16_MAX ? 0 : param.i_keyint_max);
    par->mfx.GopRefDist = (mfxU16)(param.i_bframe + 1);
    par->mfx.NumRefFrame = (mfxU16)param.i_frame_reference;
    par->mfx.NumThread = (mfxU16)param.i_threads;
    mfxExtCodingOption2 *option2 = extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_CODING_OPTION2);
    if (option2)
        option2->LookAheadDepth = (mfxU16)param.rc.i_lookahead;
}

/* ---- pictures --------------------------------------------------------------------------------------------------- */

static uint16_t frame_type_of(int type)
{
    switch (type) {
    case X264_TYPE_IDR:
        return MFX_FRAMETYPE_I | MFX_FRAMETYPE_IDR | MFX_FRAMETYPE_REF;
    case X264_TYPE_I:
    case X264_TYPE_KEYFRAME:
        return MFX_FRAMETYPE_I | MFX_FRAMETYPE_REF;
    case X264_TYPE_P:
        return MFX_FRAMETYPE_P | MFX_FRAMETYPE_REF;
    case X264_TYPE_BREF:
        return MFX_FRAMETYPE_B | MFX_FRAMETYPE_REF;
    default:
        return MFX_FRAMETYPE_B;
    }
}

static int type_of(struct library *library, enum encode_type wanted)
{
    bool idr = wanted == ENCODE_IDR || (library->idr_distance && library->since_idr >= library->idr_distance);

    library->since_idr = idr ? 1 : library->since_idr + 1;
    return idr ? X264_TYPE_IDR : wanted == ENCODE_I ? X264_TYPE_I : X264_TYPE_AUTO;
}

/* x264 reads the messages when the picture is coded, perhaps many calls later, and frees them then. */
static void copy_messages(x264_sei_t *sei, const struct encode_messages *messages)
{
    sei->payloads = calloc(messages->count, sizeof sei->payloads[0]);
    sei->sei_free = free;
    for (unsigned i = 0; sei->payloads && i < messages->count; i++) {
        const struct encode_message *message = &messages->message[i];
        x264_sei_payload_t *payload = &sei->payloads[sei->num_payloads];
        payload->payload = malloc(message->bytes + 1);
        if (!payload->payload)
            continue;
        memcpy(payload->payload, message->data, message->bytes);
        payload->payload_size = (int)message->bytes;
        payload->payload_type = message->type;
        sei->num_payloads++;
    }
}

static void fill_picture(struct library *library, x264_picture_t *to, const struct encode_picture *from)
{
    x264_picture_init(to);
    to->img.i_csp = X264_CSP_NV12;
    to->img.i_plane = 2;
    for (int i = 0; i < 2; i++) {
        to->img.plane[i] = from->image.plane[i];
        to->img.i_stride[i] = from->image.pitch[i];
    }
    to->i_pts = (int64_t)from->number;
    to->i_type = type_of(library, from->type);
    to->i_qpplus1 = from->qp < 0 ? 0 : (from->qp > QP_MAX ? QP_MAX : from->qp) + 1;
    if (from->regions) /* read before x264 returns, and not written to */
        to->prop.quant_offsets = (float *)(uintptr_t)from->regions->offset;
    if (from->messages && from->messages->count)
        copy_messages(&to->extra_sei, from->messages);
}

static bool encode(void *opaque, const struct encode_picture *picture, struct encode_coded *coded)
{
    struct library *library = opaque;
    x264_picture_t in, out;
    x264_nal_t *nal;
    int count, bytes = 0;

    memset(coded, 0, sizeof *coded);
    if (picture) {
        fill_picture(library, &in, picture);
        bytes = x264_encoder_encode(library->x264, &nal, &count, &in, &out);
    } else {
        while (bytes == 0 && x264_encoder_delayed_frames(library->x264) > 0)
            bytes = x264_encoder_encode(library->x264, &nal, &count, NULL, &out);
    }
    if (bytes < 0)
        log_line(library->log, "x264 failed");
    if (bytes <= 0)
        return bytes == 0;
    coded->data = nal[0].p_payload;
    coded->bytes = (size_t)bytes;
    coded->number = (uint64_t)out.i_pts;
    coded->decode_number = out.i_dts; /* x264 counts decode time in frames as well */
    coded->frame_type = frame_type_of(out.i_type);
    return true;
}

static const uint32_t formats[] = { MFX_FOURCC_NV12, 0 };
static const uint32_t buffers[] = { MFX_EXTBUFF_CODING_OPTION,
                                    MFX_EXTBUFF_CODING_OPTION2,
                                    MFX_EXTBUFF_CODING_OPTION3,
                                    MFX_EXTBUFF_VIDEO_SIGNAL_INFO,
                                    MFX_EXTBUFF_ENCODER_RESET_OPTION,
                                    MFX_EXTBUFF_CODING_OPTION_SPSPPS,
                                    MFX_EXTBUFF_ENCODER_ROI,
                                    VPL1_EXTBUFF_MULTI_FRAME_PARAM,
                                    SOFTVPL_EXTBUFF_WORDS,
                                    0 };

const struct encode_codec encode_codec_h264 = {
    .id = MFX_CODEC_AVC,
    .library = "x264",
    .formats = formats,
    .buffers = buffers,
    .messages = true,
    .region_block = 16,
    .check = check,
    .mark = encode_mark_video,
    .defaults = encode_defaults_video,
    .open = open_library,
    .close = close_library,
    .delay = delay,
    .headers = headers,
    .encode = encode,
    .takes_regions = takes_regions,
    .reconfigure = reconfigure,
    .resolve = resolve,
};
