/* SPDX-License-Identifier: GPL-2.0-or-later */
/* decode.c - access units in, surfaces out. Read decoder_decode() first. */
#include "drivers/softvpl/decode.h"

#include <stdlib.h>
#include <string.h>

#include "drivers/softvpl/decode_private.h"
#include "drivers/softvpl/parameters.h"

enum {
    POOL_LIMIT = 64, /* internal surfaces an application may hold */
    QUIET = 64,      /* added to the level of libav's messages: none is printed */
    SKIP_MODES = 4,
};

static const enum AVDiscard skip_levels[SKIP_MODES] = { AVDISCARD_DEFAULT, AVDISCARD_NONREF, AVDISCARD_BIDIR,
                                                        AVDISCARD_NONKEY };

/* ---- life ------------------------------------------------------------------------------------------------------- */

static const AVCodec *find_codec(uint32_t id)
{
    switch (id) {
    case MFX_CODEC_AVC:
        return avcodec_find_decoder(AV_CODEC_ID_H264);
    case MFX_CODEC_HEVC:
        return avcodec_find_decoder(AV_CODEC_ID_HEVC);
    case MFX_CODEC_AV1: /* libavcodec's own needs hardware */
        return avcodec_find_decoder_by_name("libdav1d");
    case MFX_CODEC_JPEG:
        return avcodec_find_decoder(AV_CODEC_ID_MJPEG);
    default:
        return avcodec_find_decoder(AV_CODEC_ID_MPEG2VIDEO);
    }
}

static AVCodecContext *open_codec(const struct decode_component *decoder)
{
    bool av1 = decoder->par.mfx.CodecId == MFX_CODEC_AV1;
    const AVCodec *codec = find_codec(decoder->par.mfx.CodecId);
    AVCodecContext *context = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!context)
        return NULL;
    unsigned threads = decoder->par.mfx.NumThread ? decoder->par.mfx.NumThread : decoder->session->threads;
    context->thread_count = (int)threads;
    context->thread_type = FF_THREAD_SLICE; /* frame threads would add a frame of delay each */
    if (av1)
        context->flags |= AV_CODEC_FLAG_LOW_DELAY; /* the same for dav1d */
    context->apply_cropping = 0;                   /* surfaces hold the coded frame, FrameInfo the crop */
    context->pkt_timebase = (AVRational){ 1, 90000 };
    context->log_level_offset = QUIET;
    /* H.264 without bitstream_restriction: hold back what the DPB allows, as C.4.5.3 says, instead of guessing less and
     * putting frames out of order until the guess has grown. */
    context->strict_std_compliance = FF_COMPLIANCE_STRICT;
    context->skip_frame = skip_levels[decoder->skip];
    if (avcodec_open2(context, codec, NULL) < 0)
        avcodec_free_context(&context);
    return context;
}

static mfxStatus check_init(mfxSession session, const mfxVideoParam *par)
{
    struct verdict verdict = { .personality = session->personality,
                               .video_memory = session->va_display != NULL,
                               .read_only = true };
    mfxVideoParam copy = *par;

    decode_check(&verdict, &copy, true);
    if (verdict.unsupported)
        log_line(session->log, "decode Init: %s", verdict.reason);
    return verdict_of_init(&verdict);
}

mfxStatus decoder_create(mfxSession session, mfxVideoParam *par)
{
    if (session->decoder)
        return MFX_ERR_UNDEFINED_BEHAVIOR;
    mfxStatus status = check_init(session, par);
    if (status < MFX_ERR_NONE)
        return status;
    struct decode_component *decoder = calloc(1, sizeof *decoder);
    if (!decoder)
        return MFX_ERR_MEMORY_ALLOC;
    decoder->session = session;
    decoder->par = *par;
    decoder->par.ExtParam = NULL;
    decoder->par.NumExtParam = 0;
    decoder->initial = par->mfx.FrameInfo;
    decoder->last_input_90k = decoder->last_output_90k = (uint64_t)MFX_TIMESTAMP_UNKNOWN;
    decoder->context = open_codec(decoder);
    decoder->packet = av_packet_alloc();
    decoder->frame = av_frame_alloc();
    decoder->payloads = payload_queue_create();
    if (!decoder->context || !decoder->packet || !decoder->frame || !decoder->payloads ||
        worker_create(&decoder->worker, "vpl-decode", WORKER_QUEUE) < 0) {
        decoder_destroy(decoder);
        return MFX_ERR_MEMORY_ALLOC;
    }
    worker_join(decoder->worker, decoder, decode_run);
    session->decoder = decoder;
    return status;
}

void decoder_destroy(struct decode_component *decoder)
{
    if (!decoder)
        return;
    if (decoder->worker)
        worker_leave(decoder->worker, decoder);
    worker_destroy(decoder->worker);
    surface_pool_destroy(decoder->pool);
    payload_queue_destroy(decoder->payloads);
    av_frame_free(&decoder->frame);
    av_packet_free(&decoder->packet);
    avcodec_free_context(&decoder->context);
    free(decoder->carry);
    if (decoder->session->decoder == decoder)
        decoder->session->decoder = NULL;
    free(decoder);
}

mfxStatus decoder_reset(struct decode_component *decoder, mfxVideoParam *par)
{
    mfxStatus status = check_init(decoder->session, par);
    if (status < MFX_ERR_NONE)
        return status;
    if (par->mfx.CodecId != decoder->par.mfx.CodecId || par->mfx.FrameInfo.Width > decoder->initial.Width ||
        par->mfx.FrameInfo.Height > decoder->initial.Height)
        return MFX_ERR_INCOMPATIBLE_VIDEO_PARAM;
    worker_flush(decoder->worker, decoder);
    decoder->par = *par;
    decoder->par.ExtParam = NULL;
    decoder->par.NumExtParam = 0;
    avcodec_free_context(&decoder->context);
    decoder->context = open_codec(decoder);
    if (!decoder->context)
        return MFX_ERR_MEMORY_ALLOC;
    av_frame_unref(decoder->frame);
    decoder->frame_waiting = decoder->draining = decoder->incompatible = decoder->has_sequence = false;
    surface_pool_destroy(decoder->pool);
    decoder->pool = NULL;
    payload_queue_clear(decoder->payloads);
    decoder->carry_bytes = 0;
    decoder->last_input_90k = decoder->last_output_90k = (uint64_t)MFX_TIMESTAMP_UNKNOWN;
    return status;
}

mfxStatus decoder_get_surface(struct decode_component *decoder, mfxFrameSurface1 **surface)
{
    if (!decoder->pool) {
        decoder->pool = surface_pool_create(
            &decoder->par.mfx.FrameInfo, POOL_LIMIT,
            MFX_MEMTYPE_SYSTEM_MEMORY | MFX_MEMTYPE_INTERNAL_FRAME | MFX_MEMTYPE_FROM_DECODE, decoder->session->tasks,
            session_video_display(decoder->session, decoder->par.IOPattern));
        if (!decoder->pool)
            return MFX_ERR_MEMORY_ALLOC;
    }
    *surface = surface_pool_get(decoder->pool);
    return *surface ? MFX_ERR_NONE : MFX_WRN_ALLOC_TIMEOUT_EXPIRED;
}

/* ---- decoding --------------------------------------------------------------------------------------------------- */

/* libav gave everything: be ready for what comes next. */
static mfxStatus drained(struct decode_component *decoder)
{
    avcodec_flush_buffers(decoder->context);
    decoder->draining = false;
    decoder->last_input_90k = decoder->last_output_90k = (uint64_t)MFX_TIMESTAMP_UNKNOWN;
    return decoder->incompatible ? MFX_ERR_INCOMPATIBLE_VIDEO_PARAM : MFX_ERR_MORE_DATA;
}

mfxStatus decoder_decode(struct decode_component *decoder, mfxBitstream *bitstream, mfxFrameSurface1 *work,
                         mfxFrameSurface1 **out, mfxSyncPoint *point)
{
    *out = NULL;
    *point = NULL;
    if (bitstream && ((!bitstream->Data && bitstream->DataLength) ||
                      (uint64_t)bitstream->DataOffset + bitstream->DataLength > bitstream->MaxLength))
        return MFX_ERR_UNDEFINED_BEHAVIOR;
    if (worker_full(decoder->worker, decoder))
        return MFX_WRN_DEVICE_BUSY;
    for (;;) {
        if (!decoder->frame_waiting) {
            int result = decode_receive(decoder);
            if (result == AVERROR_EOF)
                return decoder->incompatible && !bitstream ? (drained(decoder), MFX_ERR_MORE_DATA) : drained(decoder);
            decoder->frame_waiting = result == 0;
        }
        if (decoder->frame_waiting)
            return decode_output(decoder, work, out, point);
        if (decoder->incompatible || !bitstream) {
            if (!decoder->draining)
                decode_drain(decoder);
            continue;
        }
        mfxStatus status = decode_feed(decoder, bitstream);
        if (status == MFX_ERR_INCOMPATIBLE_VIDEO_PARAM)
            decoder->incompatible = true; /* first what is left of the old sequence */
        else if (status != MFX_ERR_NONE)
            return status;
    }
}

/* ---- the rest of the API ---------------------------------------------------------------------------------------- */

mfxStatus decoder_get_parameters(struct decode_component *decoder, mfxVideoParam *par)
{
    mfxExtBuffer **buffers = par->ExtParam;
    uint16_t number = par->NumExtParam;
    struct verdict verdict = { .video_memory = true };
    mfxVideoParam copy = decoder->par;

    copy.ExtParam = buffers;
    copy.NumExtParam = number;
    mfxExtVideoSignalInfo *signal = extension_find(buffers, number, MFX_EXTBUFF_VIDEO_SIGNAL_INFO);
    decode_check(&verdict, &copy, false); /* refuses buffers that are not known */
    if (verdict.unsupported)
        return MFX_ERR_UNSUPPORTED;
    *par = decoder->par;
    par->ExtParam = buffers;
    par->NumExtParam = number;
    if (!par->AsyncDepth)
        par->AsyncDepth = ASYNC_DEPTH_DEFAULT;
    if (signal && decoder->has_sequence) {
        signal->VideoFormat = decoder->sequence.signal_present ? decoder->sequence.video_format : 5;
        signal->VideoFullRange = decoder->sequence.full_range;
        signal->ColourDescriptionPresent = decoder->sequence.colour_present;
        signal->ColourPrimaries = decoder->sequence.colour_present ? decoder->sequence.primaries : 2;
        signal->TransferCharacteristics = decoder->sequence.colour_present ? decoder->sequence.transfer : 2;
        signal->MatrixCoefficients = decoder->sequence.colour_present ? decoder->sequence.matrix : 2;
    }
    return MFX_ERR_NONE;
}

mfxStatus decoder_get_statistics(struct decode_component *decoder, mfxDecodeStat *statistics)
{
    uint32_t out = decoder->frame_order;

    memset(statistics, 0, sizeof *statistics);
    statistics->NumFrame = atomic_load(&decoder->frames_out);
    statistics->NumSkippedFrame = decoder->skipped;
    statistics->NumError = decoder->errors;
    statistics->NumCachedFrame = decoder->frames_in > out ? decoder->frames_in - out : 0;
    return MFX_ERR_NONE;
}

mfxStatus decoder_set_skip_mode(struct decode_component *decoder, mfxSkipMode mode)
{
    unsigned skip = decoder->skip;

    if (mode == MFX_SKIPMODE_NOSKIP)
        skip = 0;
    else if (mode == MFX_SKIPMODE_MORE)
        skip = skip + 1 < SKIP_MODES ? skip + 1 : skip;
    else if (mode == MFX_SKIPMODE_LESS)
        skip = skip > 0 ? skip - 1 : 0;
    else
        return MFX_ERR_UNDEFINED_BEHAVIOR;
    if (skip == decoder->skip)
        return MFX_WRN_VALUE_NOT_CHANGED;
    decoder->skip = skip;
    decoder->context->skip_frame = skip_levels[skip];
    return MFX_ERR_NONE;
}

mfxStatus decoder_get_payload(struct decode_component *decoder, mfxU64 *time_stamp, mfxPayload *payload)
{
    return payload_queue_take(decoder->payloads, time_stamp, payload);
}
