/* SPDX-License-Identifier: GPL-2.0-or-later */
/* decode.c - access units in, surfaces out. Read decoder_decode() first. */
#include "drivers/softvpl/decode.h"

#include <libavcodec/avcodec.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/softvpl/access_unit.h"
#include "drivers/softvpl/parameters.h"
#include "drivers/softvpl/payload.h"
#include "drivers/softvpl/worker.h"

enum {
    UNIT_BYTES_MAX = 32 << 20, /* an access unit larger than this is garbage */
    POOL_LIMIT = 64,           /* internal surfaces an application may hold */
    QUIET = 64,                /* added to the level of libav's messages: none is printed */
    SKIP_MODES = 4,
};

static const enum AVDiscard skip_levels[SKIP_MODES] = { AVDISCARD_DEFAULT, AVDISCARD_NONREF, AVDISCARD_BIDIR,
                                                        AVDISCARD_NONKEY };

struct decode_component {
    mfxSession session;
    mfxVideoParam par; /* as initialised and since changed by the stream; no extension buffers */
    mfxFrameInfo initial;
    AVCodecContext *context;
    AVPacket *packet;
    AVFrame *frame;
    bool frame_waiting; /* `frame` came out of libav and found no surface yet */
    bool draining;      /* NULL was sent to libav */
    bool incompatible;  /* a new sequence stands in the bitstream; only Reset or Close leads on */
    bool has_sequence;
    struct sequence sequence;
    struct worker *worker;
    struct surface_pool *pool;
    struct payload_queue *payloads;
    uint8_t *carry; /* the start of a unit that did not fit into the application's bitstream */
    size_t carry_bytes, carry_room;
    uint64_t last_input_90k, last_output_90k;
    uint32_t frame_order;
    unsigned skip;
    uint32_t frames_in, skipped, errors;
    atomic_uint frames_out;
};

/* One frame on its way into a surface. */
struct decode_job {
    AVFrame *frame;
    mfxFrameSurface1 *surface;
    mfxSyncPoint point;
};

/* ---- the asynchronous half -------------------------------------------------------------------------------------- */

static void write_surface(struct image *image, const AVFrame *frame)
{
    struct image part = *image;

    part.width = frame->width < image->width ? frame->width : image->width;
    part.height = frame->height < image->height ? frame->height : image->height;
    image_join(&part, (const uint8_t *const *)frame->data, frame->linesize);
}

/* The planes of libav that become surfaces of this format. */
static bool suits(uint32_t fourcc, int pixel_format)
{
    switch (fourcc) {
    case MFX_FOURCC_P010:
        return pixel_format == AV_PIX_FMT_YUV420P10LE;
    case MFX_FOURCC_YUY2:
        return pixel_format == AV_PIX_FMT_YUV422P || pixel_format == AV_PIX_FMT_YUVJ422P;
    case MFX_FOURCC_Y210:
        return pixel_format == AV_PIX_FMT_YUV422P10LE;
    default:
        return pixel_format == AV_PIX_FMT_YUV420P || pixel_format == AV_PIX_FMT_YUVJ420P;
    }
}

static void decode_run(void *owner, void *argument, bool aborted)
{
    struct decode_component *decoder = owner;
    struct decode_job *job = argument;
    struct frame_access access;
    mfxStatus status = MFX_ERR_ABORTED;

    if (!aborted) {
        status = frame_access_begin(decoder->session, &access, job->surface);
        if (status == MFX_ERR_NONE) {
            write_surface(&access.image, job->frame);
            frame_access_end(decoder->session, &access, job->surface);
            atomic_fetch_add(&decoder->frames_out, 1);
        }
    }
    av_frame_free(&job->frame);
    frame_release(job->surface);
    task_end(decoder->session->tasks, job->point, status);
    free(job);
}

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

/* ---- surfaces --------------------------------------------------------------------------------------------------- */

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

static mfxStatus check_work_surface(const struct decode_component *decoder, const mfxFrameSurface1 *work)
{
    if (work->Data.Locked)
        return MFX_ERR_MORE_SURFACE;
    if (work->Info.FourCC != decoder->par.mfx.FrameInfo.FourCC || work->Info.Width < decoder->par.mfx.FrameInfo.Width ||
        work->Info.Height < decoder->par.mfx.FrameInfo.Height)
        return MFX_ERR_INVALID_VIDEO_PARAM;
    if (!frame_usable(decoder->session, work))
        return MFX_ERR_LOCK_MEMORY;
    return MFX_ERR_NONE;
}

static uint16_t picture_structure(const struct decode_component *decoder, const AVFrame *frame)
{
    uint16_t structure = MFX_PICSTRUCT_PROGRESSIVE;

    if (frame->interlaced_frame)
        structure = frame->top_field_first ? MFX_PICSTRUCT_FIELD_TFF : MFX_PICSTRUCT_FIELD_BFF;
    if (!decoder->par.mfx.ExtendedPicStruct || frame->interlaced_frame)
        return structure;
    if (frame->repeat_pict == 1)
        structure |=
            MFX_PICSTRUCT_FIELD_REPEATED | (frame->top_field_first ? MFX_PICSTRUCT_FIELD_TFF : MFX_PICSTRUCT_FIELD_BFF);
    else if (frame->repeat_pict == 2)
        structure |= MFX_PICSTRUCT_FRAME_DOUBLING;
    else if (frame->repeat_pict == 4)
        structure |= MFX_PICSTRUCT_FRAME_TRIPLING;
    return structure;
}

static uint16_t corruption(const AVFrame *frame)
{
    if (frame->decode_error_flags & FF_DECODE_ERROR_MISSING_REFERENCE)
        return MFX_CORRUPTION_REFERENCE_FRAME | MFX_CORRUPTION_MAJOR;
    if (frame->decode_error_flags || (frame->flags & AV_FRAME_FLAG_CORRUPT))
        return MFX_CORRUPTION_MAJOR;
    return MFX_CORRUPTION_NO;
}

static void describe(struct decode_component *decoder, mfxFrameSurface1 *surface, const AVFrame *frame)
{
    mfxFrameInfo *info = &surface->Info;
    mfxFrameData *data = &surface->Data;
    const mfxFrameInfo *par = &decoder->par.mfx.FrameInfo;

    info->CropX = (mfxU16)frame->crop_left;
    info->CropY = (mfxU16)frame->crop_top;
    info->CropW = (mfxU16)(frame->width - (int)(frame->crop_left + frame->crop_right));
    info->CropH = (mfxU16)(frame->height - (int)(frame->crop_top + frame->crop_bottom));
    info->PicStruct = picture_structure(decoder, frame);
    info->AspectRatioW = par->AspectRatioW;
    info->AspectRatioH = par->AspectRatioH;
    info->FrameRateExtN = par->FrameRateExtN;
    info->FrameRateExtD = par->FrameRateExtD;
    data->FrameOrder = decoder->frame_order++;
    data->Corrupted = corruption(frame);
    data->DataFlag = frame->pts == AV_NOPTS_VALUE ? 0 : MFX_FRAMEDATA_ORIGINAL_TIMESTAMP;
    if (frame->pts != AV_NOPTS_VALUE)
        data->TimeStamp = (mfxU64)frame->pts;
    else if (decoder->last_output_90k != (uint64_t)MFX_TIMESTAMP_UNKNOWN && par->FrameRateExtN)
        data->TimeStamp = decoder->last_output_90k + (uint64_t)90000 * par->FrameRateExtD / par->FrameRateExtN;
    else
        data->TimeStamp = (mfxU64)MFX_TIMESTAMP_UNKNOWN;
    decoder->last_output_90k = data->TimeStamp;
}

/* The waiting frame gets a surface and goes to the worker. On any other answer than MFX_ERR_NONE it goes on waiting. */
static mfxStatus output_frame(struct decode_component *decoder, mfxFrameSurface1 *work, mfxFrameSurface1 **out,
                              mfxSyncPoint *point)
{
    mfxFrameSurface1 *surface = work;
    mfxStatus status = work ? check_work_surface(decoder, work) : decoder_get_surface(decoder, &surface);
    if (status != MFX_ERR_NONE)
        return status;
    struct decode_job *job = calloc(1, sizeof *job);
    AVFrame *frame = av_frame_alloc();
    mfxSyncPoint task = job && frame ? task_begin(decoder->session->tasks, surface) : NULL;
    if (!task) {
        status = job && frame ? MFX_WRN_DEVICE_BUSY : MFX_ERR_MEMORY_ALLOC;
        av_frame_free(&frame);
        free(job);
        if (!work)
            frame_release(surface);
        return status;
    }
    describe(decoder, surface, decoder->frame);
    av_frame_move_ref(frame, decoder->frame);
    decoder->frame_waiting = false;
    frame_hold(surface); /* the job's; a surface of the pool has the caller's reference besides */
    frame_set_producer(surface, task);
    *job = (struct decode_job){ .frame = frame, .surface = surface, .point = task };
    if (!worker_submit(decoder->worker, decoder, job)) /* not full: only this thread submits, and it looked */
        decode_run(decoder, job, false);
    *out = surface;
    *point = task;
    return MFX_ERR_NONE;
}

/* ---- input ------------------------------------------------------------------------------------------------------ */

/* A new sequence header: does it go on in the same surfaces? */
static mfxStatus meet_sequence(struct decode_component *decoder, const struct sequence *sequence)
{
    mfxInfoMFX now = decoder->par.mfx;
    sequence_to_parameters(sequence, &now);
    const mfxFrameInfo *have = &decoder->par.mfx.FrameInfo;
    bool fits =
        sequence_fourcc(sequence) == have->FourCC && sequence->width <= have->Width && sequence->height <= have->Height;

    if (decoder->has_sequence)
        fits = fits && sequence_same_frames(&decoder->sequence, sequence);
    if (!fits)
        return MFX_ERR_INCOMPATIBLE_VIDEO_PARAM;
    bool known = decoder->has_sequence, same = known && sequence_equal(&decoder->sequence, sequence);
    decoder->sequence = *sequence;
    decoder->has_sequence = true;
    if (same)
        return MFX_ERR_NONE;
    now.FrameInfo.Width = have->Width;
    now.FrameInfo.Height = have->Height;
    if (!now.FrameInfo.FrameRateExtN) { /* the application may know better than a stream that says nothing */
        now.FrameInfo.FrameRateExtN = have->FrameRateExtN;
        now.FrameInfo.FrameRateExtD = have->FrameRateExtD;
    }
    decoder->par.mfx = now;
    return known ? MFX_WRN_VIDEO_PARAM_CHANGED : MFX_ERR_NONE;
}

static mfxStatus send_unit(struct decode_component *decoder, const uint8_t *data, size_t bytes, uint64_t time_stamp)
{
    if (av_new_packet(decoder->packet, (int)bytes) < 0)
        return MFX_ERR_MEMORY_ALLOC;
    memcpy(decoder->packet->data, data, bytes);
    bool repeated = time_stamp == decoder->last_input_90k; /* the second field, or the next unit of the same buffer */
    decoder->last_input_90k = time_stamp;
    if (repeated)
        time_stamp = (uint64_t)MFX_TIMESTAMP_UNKNOWN;
    decoder->packet->pts = time_stamp == (uint64_t)MFX_TIMESTAMP_UNKNOWN ? AV_NOPTS_VALUE : (int64_t)time_stamp;
    payload_queue_collect(decoder->payloads, decoder->par.mfx.CodecId, data, bytes, time_stamp);
    int result = avcodec_send_packet(decoder->context, decoder->packet);
    av_packet_unref(decoder->packet);
    decoder->frames_in++;
    if (result == AVERROR(ENOMEM))
        return MFX_ERR_MEMORY_ALLOC;
    if (result < 0)
        decoder->errors++; /* this unit is lost; the stream goes on */
    return MFX_ERR_NONE;
}

static bool carry_append(struct decode_component *decoder, const uint8_t *data, size_t bytes)
{
    size_t want = decoder->carry_bytes + bytes;
    if (want > decoder->carry_room) {
        uint8_t *larger = realloc(decoder->carry, want * 2);
        if (!larger)
            return false;
        decoder->carry = larger;
        decoder->carry_room = want * 2;
    }
    if (bytes)
        memcpy(decoder->carry + decoder->carry_bytes, data, bytes);
    decoder->carry_bytes = want;
    return true;
}

static void consume(mfxBitstream *bitstream, size_t bytes)
{
    bitstream->DataOffset += (mfxU32)bytes;
    bitstream->DataLength -= (mfxU32)bytes;
}

/* No unit ends in what is there. The bytes stay in the bitstream, unless the application could not add any. */
static mfxStatus keep_rest(struct decode_component *decoder, mfxBitstream *bitstream, size_t garbage, size_t carried)
{
    bool full = bitstream->DataOffset == 0 && bitstream->DataLength == bitstream->MaxLength;

    if (carried) {
        decoder->carry_bytes = carried; /* take the appended bytes off again */
        if (!full)
            return MFX_ERR_MORE_DATA;
    } else {
        consume(bitstream, garbage);
        if (!full || garbage)
            return MFX_ERR_MORE_DATA;
    }
    if (carried + bitstream->DataLength > UNIT_BYTES_MAX) {
        decoder->carry_bytes = 0;
        decoder->errors++;
    } else if (!carry_append(decoder, bitstream->Data, bitstream->DataLength)) {
        return MFX_ERR_MEMORY_ALLOC;
    }
    consume(bitstream, bitstream->DataLength);
    return MFX_ERR_MORE_DATA;
}

/* Cuts one access unit and hands it to libav. NONE: done, look for a frame. */
static mfxStatus feed(struct decode_component *decoder, mfxBitstream *bitstream)
{
    bool complete = bitstream->DataFlag & (MFX_BITSTREAM_COMPLETE_FRAME | MFX_BITSTREAM_EOS);
    const uint8_t *data = bitstream->Data + bitstream->DataOffset;
    size_t bytes = bitstream->DataLength, carried = decoder->carry_bytes;
    struct access_unit unit;

    if (!bytes && !(carried && complete))
        return MFX_ERR_MORE_DATA;
    if (carried) {
        if (!carry_append(decoder, data, bytes))
            return MFX_ERR_MEMORY_ALLOC;
        data = decoder->carry;
        bytes = decoder->carry_bytes;
    }
    if (!access_unit_find(&unit, decoder->par.mfx.CodecId, data, bytes, complete))
        return keep_rest(decoder, bitstream, complete ? bytes : unit.start, carried);
    mfxStatus status = MFX_ERR_NONE;
    if (unit.has_sequence)
        status = meet_sequence(decoder, &unit.sequence);
    if (status == MFX_ERR_NONE)
        status = send_unit(decoder, data + unit.start, unit.end - unit.start, bitstream->TimeStamp);
    if (status != MFX_ERR_NONE) {
        decoder->carry_bytes = carried; /* nothing was taken: the same unit comes again */
        return status;
    }
    decoder->carry_bytes = 0;
    if (unit.end >= carried) {
        consume(bitstream, unit.end - carried);
    } else {
        decoder->carry_bytes = carried - unit.end;
        memmove(decoder->carry, decoder->carry + unit.end, decoder->carry_bytes);
    }
    return MFX_ERR_NONE;
}

/* A frame from libav that fits the surfaces. Others are dropped and counted. */
static int receive(struct decode_component *decoder)
{
    for (;;) {
        int result = avcodec_receive_frame(decoder->context, decoder->frame);
        if (result < 0 && result != AVERROR(EAGAIN) && result != AVERROR_EOF) {
            decoder->errors++;
            continue;
        }
        if (result < 0)
            return result;
        AVFrame *frame = decoder->frame;
        bool planar = suits(decoder->par.mfx.FrameInfo.FourCC, frame->format);
        bool cropped = frame->crop_left + frame->crop_right < (size_t)frame->width &&
                       frame->crop_top + frame->crop_bottom < (size_t)frame->height;
        if (planar && cropped && frame->width <= decoder->par.mfx.FrameInfo.Width &&
            frame->height <= decoder->par.mfx.FrameInfo.Height)
            return 0;
        av_frame_unref(frame);
        decoder->errors++;
    }
}

static void drain(struct decode_component *decoder)
{
    if (decoder->carry_bytes) { /* the last unit ends where the stream does */
        struct access_unit unit;
        if (access_unit_find(&unit, decoder->par.mfx.CodecId, decoder->carry, decoder->carry_bytes, true))
            send_unit(decoder, decoder->carry + unit.start, unit.end - unit.start, (uint64_t)MFX_TIMESTAMP_UNKNOWN);
        decoder->carry_bytes = 0;
        return;
    }
    avcodec_send_packet(decoder->context, NULL);
    decoder->draining = true;
}

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
            int result = receive(decoder);
            if (result == AVERROR_EOF)
                return decoder->incompatible && !bitstream ? (drained(decoder), MFX_ERR_MORE_DATA) : drained(decoder);
            decoder->frame_waiting = result == 0;
        }
        if (decoder->frame_waiting)
            return output_frame(decoder, work, out, point);
        if (decoder->incompatible || !bitstream) {
            if (!decoder->draining)
                drain(decoder);
            continue;
        }
        mfxStatus status = feed(decoder, bitstream);
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
