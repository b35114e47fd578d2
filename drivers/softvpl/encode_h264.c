/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encode_h264.c - frames in, access units out. Two halves: what the API call decides (under the session's encode mutex)
 * and what the worker does; they meet in the job and in `promised`. */
#include "drivers/softvpl/encode_h264.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/softvpl/coded_queue.h"
#include "drivers/softvpl/encode_settings.h"
#include "drivers/softvpl/parameters.h"
#include "drivers/softvpl/payload.h"
#include "drivers/softvpl/worker.h"

enum {
    RECORDS = 1024,    /* frames inside x264; its lookahead, B-frames and threads stay below */
    PAYLOADS_MAX = 32, /* per frame */
    HEADER_BYTES_MAX = 512,
    POOL_LIMIT = 64,
};

/* What x264 does not carry for us, by frame number. */
struct record {
    uint64_t time_stamp_90k;
    x264_sei_t sei;
};

enum encode_job_kind { JOB_FRAME, JOB_DRAIN, JOB_RECONFIGURE };

struct encode_job {
    enum encode_job_kind kind;
    bool reopen; /* x264 was drained before: begin a new sequence */
    mfxFrameSurface1 *surface;
    uint64_t time_stamp_90k; /* the surface's when it was submitted: it may be shown again before its turn comes */
    struct frame_dependency dependency;
    int type, qp_plus_1;
    x264_sei_t sei;
    mfxBitstream *bitstream; /* NULL: this call got MFX_ERR_MORE_DATA */
    mfxSyncPoint point;
    struct encode_settings *settings; /* JOB_RECONFIGURE */
};

struct encode_component {
    mfxSession session;
    struct encode_settings settings;
    struct worker *worker; /* the session's */
    struct surface_pool *pool;
    uint8_t sps[HEADER_BYTES_MAX], pps[HEADER_BYTES_MAX];
    size_t sps_bytes, pps_bytes;

    /* the calls */
    uint64_t accepted;          /* frames taken */
    uint64_t promised;          /* of these, sync points given; what the queue refused is promised again */
    uint64_t since_open, ready; /* frames since x264 was opened; frames of the sequence before, all coded */
    unsigned delay;             /* frames that x264 holds back */
    unsigned since_idr;
    bool draining;

    /* the worker */
    x264_t *x264;
    uint64_t next_number;
    struct record record[RECORDS];
    struct coded_queue *queue;
};

/* ---- x264 ------------------------------------------------------------------------------------------------------- */

static void write_log(void *private, int level, const char *format, va_list arguments)
{
    struct encode_component *encoder = private;
    char text[256];
    (void)level;
    vsnprintf(text, sizeof text, format, arguments);
    log_line(encoder->session->log, "x264: %s", text);
}

static void sei_free(x264_sei_t *sei)
{
    for (int i = 0; i < sei->num_payloads; i++)
        free(sei->payloads[i].payload);
    free(sei->payloads);
    memset(sei, 0, sizeof *sei);
}

/* The parameter sets are asked for before the first frame, so they are taken at once. */
static void keep_headers(struct encode_component *encoder)
{
    x264_nal_t *nal;
    int count;

    encoder->sps_bytes = encoder->pps_bytes = 0;
    if (x264_encoder_headers(encoder->x264, &nal, &count) < 0)
        return;
    for (int i = 0; i < count; i++) {
        if (nal[i].i_payload > HEADER_BYTES_MAX)
            continue;
        if (nal[i].i_type == NAL_SPS) {
            encoder->sps_bytes = (size_t)nal[i].i_payload;
            memcpy(encoder->sps, nal[i].p_payload, encoder->sps_bytes);
        } else if (nal[i].i_type == NAL_PPS) {
            encoder->pps_bytes = (size_t)nal[i].i_payload;
            memcpy(encoder->pps, nal[i].p_payload, encoder->pps_bytes);
        }
    }
}

static mfxStatus open_x264(struct encode_component *encoder)
{
    x264_param_t param;

    if (!encode_settings_apply(&encoder->settings, encoder->session->threads, &param)) {
        x264_param_cleanup(&param);
        return MFX_ERR_INVALID_VIDEO_PARAM;
    }
    param.pf_log = write_log;
    param.p_log_private = encoder;
    encoder->x264 = x264_encoder_open(&param);
    x264_param_cleanup(&param);
    if (!encoder->x264)
        return MFX_ERR_INVALID_VIDEO_PARAM;
    encoder->next_number = 0;
    keep_headers(encoder);
    return MFX_ERR_NONE;
}

static void close_x264(struct encode_component *encoder)
{
    if (encoder->x264)
        x264_encoder_close(encoder->x264);
    encoder->x264 = NULL;
    for (unsigned i = 0; i < RECORDS; i++)
        sei_free(&encoder->record[i].sei);
}

/* ---- the worker: what x264 gives -------------------------------------------------------------------------------- */

static uint16_t frame_type_of(const x264_picture_t *picture)
{
    switch (picture->i_type) {
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

static int64_t duration_90k(const struct encode_component *encoder, int64_t frames)
{
    const mfxFrameInfo *info = &encoder->settings.par.mfx.FrameInfo;
    return frames * 90000 * info->FrameRateExtD / info->FrameRateExtN;
}

/* x264 counts decode time in frames as well: before the first frame there is only the frame rate to count with. */
static int64_t decode_time_of(const struct encode_component *encoder, int64_t number)
{
    if (number >= 0)
        return (int64_t)encoder->record[number % RECORDS].time_stamp_90k;
    return (int64_t)encoder->record[0].time_stamp_90k + duration_90k(encoder, number);
}

/* What x264 gave in one call; valid until the next one. */
struct coded_picture {
    int bytes; /* 0: nothing came out */
    const uint8_t *data;
    x264_picture_t picture;
};

/* picture NULL: drain. */
static void run_x264(struct encode_component *encoder, x264_picture_t *picture, struct coded_picture *coded)
{
    x264_nal_t *nal;
    int count;

    coded->bytes = x264_encoder_encode(encoder->x264, &nal, &count, picture, &coded->picture);
    if (coded->bytes > 0)
        coded->data = nal[0].p_payload;
    else if (coded->bytes < 0)
        log_line(encoder->session->log, "x264 failed");
}

static void queue_picture(struct encode_component *encoder, const struct coded_picture *coded)
{
    if (coded->bytes <= 0)
        return;
    struct record *record = &encoder->record[coded->picture.i_pts % RECORDS];
    struct coded_frame frame = {
        .data = coded->data,
        .bytes = (size_t)coded->bytes,
        .time_stamp_90k = record->time_stamp_90k,
        .decode_time_stamp_90k = decode_time_of(encoder, coded->picture.i_dts),
        .frame_type = frame_type_of(&coded->picture),
        .picture_structure = encoder->settings.par.mfx.FrameInfo.PicStruct,
    };
    sei_free(&record->sei);
    coded_queue_add(encoder->queue, &frame);
}

/* One frame out of x264's delay; false: it has none. */
static bool drain_one(struct encode_component *encoder)
{
    struct coded_picture coded;

    if (!encoder->x264 || x264_encoder_delayed_frames(encoder->x264) <= 0)
        return false;
    run_x264(encoder, NULL, &coded);
    queue_picture(encoder, &coded);
    return coded.bytes > 0;
}

/* ---- the worker: jobs ------------------------------------------------------------------------------------------- */

static struct image visible_part(const struct encode_component *encoder, const struct image *image,
                                 const mfxFrameInfo *surface)
{
    const mfxFrameInfo *info = &encoder->settings.par.mfx.FrameInfo;
    int x = info->CropX, y = info->CropY;

    /* A surface that says itself where its picture lies is believed, if the size is right. */
    if (surface->CropW == info->CropW && surface->CropH == info->CropH) {
        x = surface->CropX & ~1;
        y = surface->CropY & ~1;
    }
    return image_at(image, x, y, info->CropW, info->CropH);
}

static void encode_frame(struct encode_component *encoder, struct encode_job *job, struct frame_access *access,
                         struct coded_picture *coded)
{
    struct record *record = &encoder->record[encoder->next_number % RECORDS];
    struct image part = visible_part(encoder, &access->image, &job->surface->Info);
    x264_picture_t picture;

    x264_picture_init(&picture);
    picture.img.i_csp = X264_CSP_NV12;
    picture.img.i_plane = 2;
    for (int i = 0; i < 2; i++) {
        picture.img.plane[i] = part.plane[i];
        picture.img.i_stride[i] = part.pitch[i];
    }
    picture.i_pts = (int64_t)encoder->next_number;
    picture.i_type = job->type;
    picture.i_qpplus1 = job->qp_plus_1;
    sei_free(&record->sei);
    record->sei = job->sei; /* x264 reads it when the frame is coded, perhaps many calls later */
    memset(&job->sei, 0, sizeof job->sei);
    picture.extra_sei = record->sei;
    record->time_stamp_90k = job->time_stamp_90k;
    if (record->time_stamp_90k == (uint64_t)MFX_TIMESTAMP_UNKNOWN)
        record->time_stamp_90k = (uint64_t)duration_90k(encoder, (int64_t)encoder->next_number);
    encoder->next_number++;
    run_x264(encoder, &picture, coded);
}

static mfxStatus run_frame(struct encode_component *encoder, struct encode_job *job)
{
    struct frame_access access;
    struct coded_picture coded;

    if (job->reopen) {
        while (drain_one(encoder))
            continue;
        close_x264(encoder);
        if (open_x264(encoder) != MFX_ERR_NONE)
            return MFX_ERR_DEVICE_FAILED;
    }
    if (!encoder->x264)
        return MFX_ERR_DEVICE_FAILED;
    frame_await(&job->dependency);
    mfxStatus status = frame_access_begin(encoder->session, &access, job->surface);
    if (status != MFX_ERR_NONE)
        return status;
    encode_frame(encoder, job, &access, &coded);
    frame_access_end(encoder->session, &access, job->surface);
    frame_release(job->surface); /* before any sync point of this frame ends: then the application may free it */
    job->surface = NULL;
    queue_picture(encoder, &coded);
    return MFX_ERR_NONE;
}

static void run_drain(struct encode_component *encoder)
{
    while (coded_queue_wanting(encoder->queue) && drain_one(encoder))
        continue;
}

static void run_reconfigure(struct encode_component *encoder, struct encode_job *job)
{
    x264_param_t param, wanted;

    encoder->settings = *job->settings;
    if (encode_settings_apply(&encoder->settings, encoder->session->threads, &wanted)) {
        x264_encoder_parameters(encoder->x264, &param);
        param.rc.i_bitrate = wanted.rc.i_bitrate;
        param.rc.i_vbv_max_bitrate = wanted.rc.i_vbv_max_bitrate;
        param.rc.i_vbv_buffer_size = wanted.rc.i_vbv_buffer_size;
        param.rc.f_rf_constant = wanted.rc.f_rf_constant;
        if (x264_encoder_reconfig(encoder->x264, &param) < 0)
            log_line(encoder->session->log, "x264 refused the new rate");
    }
    x264_param_cleanup(&wanted);
}

static void job_free(struct encode_component *encoder, struct encode_job *job)
{
    (void)encoder;
    if (job->dependency.tasks)
        task_table_release(job->dependency.tasks);
    if (job->surface)
        frame_release(job->surface);
    sei_free(&job->sei);
    free(job->settings);
    free(job);
}

static void encode_run(void *owner, void *argument, bool aborted)
{
    struct encode_component *encoder = owner;
    struct encode_job *job = argument;
    mfxStatus status = MFX_ERR_NONE;

    if (aborted) {
        if (job->point)
            task_end(encoder->session->tasks, job->point, MFX_ERR_ABORTED);
        job_free(encoder, job);
        return;
    }
    if (job->point)
        coded_queue_request(encoder->queue, job->bitstream, job->point);
    if (job->kind == JOB_FRAME)
        status = run_frame(encoder, job);
    else if (job->kind == JOB_DRAIN)
        run_drain(encoder);
    else
        run_reconfigure(encoder, job);
    /* One frame in, one out: a request that is still open here would wait for a frame that nobody has submitted. */
    coded_queue_fail(encoder->queue, status == MFX_ERR_NONE ? MFX_ERR_DEVICE_FAILED : status);
    job_free(encoder, job);
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

static mfxStatus check_init(mfxSession session, const mfxVideoParam *par)
{
    struct verdict verdict = { .read_only = true };
    mfxVideoParam copy = *par;

    encode_check(&verdict, &copy, true);
    if (verdict.unsupported)
        log_line(session->log, "encode Init: %s", verdict.reason);
    return verdict_of_init(&verdict);
}

/* The copy that encode_check() corrected is what is used. */
static void read_settings(struct encode_settings *settings, const mfxVideoParam *par)
{
    struct verdict verdict = { .read_only = true };
    mfxVideoParam copy = *par;

    encode_check(&verdict, &copy, true);
    encode_settings_read(settings, &copy);
}

static mfxStatus start_sequence(struct encode_component *encoder)
{
    mfxStatus status = open_x264(encoder);
    if (status != MFX_ERR_NONE)
        return status;
    encoder->delay = (unsigned)x264_encoder_maximum_delayed_frames(encoder->x264);
    encoder->accepted = encoder->since_open = encoder->ready = 0;
    encoder->promised = coded_queue_refused(encoder->queue);
    encoder->since_idr = 0;
    encoder->draining = false;
    log_line(encoder->session->log, "x264 opened, %ux%u, %u frames of delay", encoder->settings.par.mfx.FrameInfo.CropW,
             encoder->settings.par.mfx.FrameInfo.CropH, encoder->delay);
    return encoder->delay < RECORDS ? MFX_ERR_NONE : MFX_ERR_INVALID_VIDEO_PARAM;
}

mfxStatus encoder_create(mfxSession session, mfxVideoParam *par)
{
    if (session->encoder)
        return MFX_ERR_UNDEFINED_BEHAVIOR;
    mfxStatus status = check_init(session, par);
    if (status < MFX_ERR_NONE)
        return status;
    struct encode_component *encoder = calloc(1, sizeof *encoder);
    if (!encoder)
        return MFX_ERR_MEMORY_ALLOC;
    encoder->session = session;
    read_settings(&encoder->settings, par);
    encoder->queue = coded_queue_create(session->tasks, WORKER_QUEUE);
    mfxStatus opened = encoder->queue ? start_sequence(encoder) : MFX_ERR_MEMORY_ALLOC;
    encoder->worker = opened == MFX_ERR_NONE ? session_worker_join(session, "vpl-encode", encoder, encode_run) : NULL;
    if (opened == MFX_ERR_NONE && !encoder->worker)
        opened = MFX_ERR_MEMORY_ALLOC;
    if (opened != MFX_ERR_NONE) {
        encoder_destroy(encoder);
        return opened;
    }
    session->encoder = encoder;
    return status;
}

void encoder_destroy(struct encode_component *encoder)
{
    if (!encoder)
        return;
    if (encoder->worker)
        session_worker_leave(encoder->session, encoder);
    close_x264(encoder);
    coded_queue_destroy(encoder->queue);
    surface_pool_destroy(encoder->pool);
    if (encoder->session->encoder == encoder)
        encoder->session->encoder = NULL;
    free(encoder);
}

static mfxStatus reconfigure(struct encode_component *encoder, const struct encode_settings *settings)
{
    struct encode_job *job = calloc(1, sizeof *job);
    if (!job || !(job->settings = malloc(sizeof *job->settings))) {
        free(job);
        return MFX_ERR_MEMORY_ALLOC;
    }
    job->kind = JOB_RECONFIGURE;
    *job->settings = *settings;
    worker_flush(encoder->worker, encoder); /* settings are read by calls too */
    worker_submit(encoder->worker, encoder, job);
    worker_flush(encoder->worker, encoder);
    return MFX_ERR_NONE;
}

/* The settings, with what x264 made of those that were left open. */
static void resolve(const struct encode_component *encoder, mfxVideoParam *par)
{
    x264_param_t param;

    encode_settings_write(&encoder->settings, par);
    x264_encoder_parameters(encoder->x264, &param);
    if (!par->mfx.CodecProfile && encoder->sps_bytes > 5)
        par->mfx.CodecProfile = encoder->sps[5]; /* profile_idc, after a start code of four bytes and the NAL header */
    par->mfx.CodecLevel = (mfxU16)param.i_level_idc;
    par->mfx.GopPicSize = (mfxU16)(param.i_keyint_max > UINT16_MAX ? 0 : param.i_keyint_max);
    par->mfx.GopRefDist = (mfxU16)(param.i_bframe + 1);
    par->mfx.NumRefFrame = (mfxU16)param.i_frame_reference;
    par->mfx.NumThread = (mfxU16)param.i_threads;
    mfxExtCodingOption2 *option2 = extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_CODING_OPTION2);
    if (option2)
        option2->LookAheadDepth = (mfxU16)param.rc.i_lookahead;
}

/* A value that GetVideoParam reported, or none at all, asks for no change of what was said at Init. */
static void keep_value(mfxU16 *value, unsigned reported, mfxU16 before)
{
    if (*value == 0 || *value == reported)
        *value = before;
}

static void keep_reported(const struct encode_component *encoder, struct encode_settings *settings)
{
    mfxVideoParam reported = { 0 };
    const mfxInfoMFX *before = &encoder->settings.par.mfx;
    mfxInfoMFX *mfx = &settings->par.mfx;

    resolve(encoder, &reported);
    keep_value(&mfx->CodecProfile, reported.mfx.CodecProfile, before->CodecProfile);
    keep_value(&mfx->CodecLevel, reported.mfx.CodecLevel, before->CodecLevel);
    keep_value(&mfx->GopPicSize, reported.mfx.GopPicSize, before->GopPicSize);
    keep_value(&mfx->GopRefDist, reported.mfx.GopRefDist, before->GopRefDist);
    keep_value(&mfx->NumRefFrame, reported.mfx.NumRefFrame, before->NumRefFrame);
    keep_value(&mfx->NumThread, reported.mfx.NumThread, before->NumThread);
    keep_value(&mfx->TargetUsage, reported.mfx.TargetUsage, before->TargetUsage);
}

mfxStatus encoder_reset(struct encode_component *encoder, mfxVideoParam *par)
{
    struct encode_settings settings;
    const mfxExtEncoderResetOption *option =
        extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_ENCODER_RESET_OPTION);
    mfxStatus status = check_init(encoder->session, par);

    if (status < MFX_ERR_NONE)
        return status;
    if (par->mfx.FrameInfo.Width > encoder->settings.par.mfx.FrameInfo.Width ||
        par->mfx.FrameInfo.Height > encoder->settings.par.mfx.FrameInfo.Height)
        return MFX_ERR_INCOMPATIBLE_VIDEO_PARAM;
    read_settings(&settings, par);
    /* Buffers that are not attached again keep what they said at Init. */
    if (!extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_CODING_OPTION))
        settings.option = encoder->settings.option;
    if (!extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_CODING_OPTION2))
        settings.option2 = encoder->settings.option2;
    if (!extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_CODING_OPTION3))
        settings.option3 = encoder->settings.option3;
    if (!extension_find(par->ExtParam, par->NumExtParam, SOFTVPL_EXTBUFF_X264))
        settings.x264 = encoder->settings.x264;
    if (!settings.has_signal) {
        settings.has_signal = encoder->settings.has_signal;
        settings.signal = encoder->settings.signal;
    }
    keep_reported(encoder, &settings);
    bool same = encode_settings_same_sequence(&encoder->settings, &settings);
    unsigned wanted = option ? option->StartNewSequence : MFX_CODINGOPTION_UNKNOWN;
    if (!same && wanted == MFX_CODINGOPTION_OFF)
        return MFX_ERR_INCOMPATIBLE_VIDEO_PARAM;
    if (same && wanted != MFX_CODINGOPTION_ON && settings.par.mfx.RateControlMethod != MFX_RATECONTROL_CQP) {
        mfxStatus done = reconfigure(encoder, &settings);
        return done == MFX_ERR_NONE ? status : done;
    }
    /* A new sequence: what x264 still holds is dropped, as the specification says; applications drain first. */
    worker_flush(encoder->worker, encoder);
    close_x264(encoder);
    coded_queue_clear(encoder->queue);
    encoder->settings = settings;
    mfxStatus opened = start_sequence(encoder);
    return opened == MFX_ERR_NONE ? status : opened;
}

/* ---- calls ------------------------------------------------------------------------------------------------------ */

static bool read_payload(x264_sei_payload_t *to, const mfxPayload *from)
{
    uint32_t type, size;

    if (!from || !from->Data || from->NumBit % 8)
        return false;
    size_t header = sei_message_header(from->Data, from->NumBit / 8, &type, &size);
    if (!header || type != from->Type || header + size != from->NumBit / 8)
        return false;
    to->payload = malloc(size ? size : 1);
    if (!to->payload)
        return false;
    memcpy(to->payload, from->Data + header, size);
    to->payload_type = (int)type;
    to->payload_size = (int)size;
    return true;
}

static mfxStatus read_control(struct encode_component *encoder, const mfxEncodeCtrl *control, struct encode_job *job)
{
    const mfxInfoMFX *mfx = &encoder->settings.par.mfx;

    job->type = X264_TYPE_AUTO;
    /* IdrInterval: x264 with open groups makes every key frame but the first a plain I picture. */
    if (mfx->IdrInterval && mfx->GopPicSize && encoder->since_idr >= (mfx->IdrInterval + 1U) * mfx->GopPicSize)
        job->type = X264_TYPE_IDR;
    if (!control)
        return MFX_ERR_NONE;
    if (control->FrameType & MFX_FRAMETYPE_IDR)
        job->type = X264_TYPE_IDR;
    else if (control->FrameType & MFX_FRAMETYPE_I)
        job->type = X264_TYPE_I;
    if (control->QP && mfx->RateControlMethod == MFX_RATECONTROL_CQP)
        job->qp_plus_1 = control->QP > 51 ? 52 : control->QP + 1;
    for (unsigned i = 0; i < control->NumExtParam; i++)
        if (!control->ExtParam || !control->ExtParam[i] || control->ExtParam[i]->BufferId != MFX_EXTBUFF_VPP_AUXDATA)
            return MFX_ERR_UNSUPPORTED;
    if (control->NumPayload > PAYLOADS_MAX || (control->NumPayload && !control->Payload))
        return MFX_ERR_INVALID_VIDEO_PARAM;
    if (!control->NumPayload)
        return MFX_ERR_NONE;
    job->sei.payloads = calloc(control->NumPayload, sizeof job->sei.payloads[0]);
    if (!job->sei.payloads)
        return MFX_ERR_MEMORY_ALLOC;
    for (unsigned i = 0; i < control->NumPayload; i++) {
        if (!control->Payload[i])
            continue; /* an empty place of the second field */
        if (!read_payload(&job->sei.payloads[job->sei.num_payloads], control->Payload[i]))
            return MFX_ERR_INVALID_VIDEO_PARAM;
        job->sei.num_payloads++;
    }
    return MFX_ERR_NONE;
}

static mfxStatus check_surface(const struct encode_component *encoder, const mfxFrameSurface1 *surface)
{
    const mfxFrameInfo *info = &encoder->settings.par.mfx.FrameInfo;

    if (surface->Info.FourCC != MFX_FOURCC_NV12 || surface->Info.Width < info->CropX + info->CropW ||
        surface->Info.Height < info->CropY + info->CropH)
        return MFX_ERR_INVALID_VIDEO_PARAM;
    if ((surface->Info.CropW || surface->Info.CropH) &&
        (surface->Info.CropX + surface->Info.CropW > surface->Info.Width ||
         surface->Info.CropY + surface->Info.CropH > surface->Info.Height))
        return MFX_ERR_INVALID_VIDEO_PARAM;
    return frame_usable(encoder->session, surface) ? MFX_ERR_NONE : MFX_ERR_UNDEFINED_BEHAVIOR;
}

/* Frames taken and not promised to any bitstream. */
static uint64_t held(const struct encode_component *encoder)
{
    return encoder->accepted + coded_queue_refused(encoder->queue) - encoder->promised;
}

/* Is there a bitstream to promise a frame into, and is it large enough for the largest frame? */
static mfxStatus check_bitstream(const struct encode_component *encoder, const mfxBitstream *bitstream)
{
    if (!bitstream)
        return MFX_ERR_NULL_PTR;
    uint64_t used = (uint64_t)bitstream->DataOffset + bitstream->DataLength;
    if (!bitstream->Data || used > bitstream->MaxLength)
        return bitstream->Data ? MFX_ERR_UNDEFINED_BEHAVIOR : MFX_ERR_NULL_PTR;
    uint64_t need = (uint64_t)encode_buffer_kbytes(&encoder->settings) * 1000;
    return bitstream->MaxLength - used < need ? MFX_ERR_NOT_ENOUGH_BUFFER : MFX_ERR_NONE;
}

static mfxStatus submit(struct encode_component *encoder, struct encode_job *job, bool promise, mfxBitstream *bitstream,
                        mfxSyncPoint *point)
{
    if (promise) {
        job->bitstream = bitstream;
        job->point = task_begin(encoder->session->tasks, bitstream);
        if (!job->point)
            return MFX_WRN_DEVICE_BUSY;
        *point = job->point;
        encoder->promised++;
    }
    worker_submit(encoder->worker, encoder, job); /* there was room, and only calls take it */
    return promise ? MFX_ERR_NONE : MFX_ERR_MORE_DATA;
}

static mfxStatus drain(struct encode_component *encoder, mfxBitstream *bitstream, mfxSyncPoint *point)
{
    if (held(encoder) == 0)
        return MFX_ERR_MORE_DATA;
    mfxStatus status = check_bitstream(encoder, bitstream);
    if (status != MFX_ERR_NONE)
        return status;
    struct encode_job *job = calloc(1, sizeof *job);
    if (!job)
        return MFX_ERR_MEMORY_ALLOC;
    job->kind = JOB_DRAIN;
    status = submit(encoder, job, true, bitstream, point);
    if (status != MFX_ERR_NONE)
        job_free(encoder, job);
    else
        encoder->draining = true;
    return status;
}

mfxStatus encoder_encode(struct encode_component *encoder, mfxEncodeCtrl *control, mfxFrameSurface1 *surface,
                         mfxBitstream *bitstream, mfxSyncPoint *point)
{
    *point = NULL;
    if (worker_full(encoder->worker, encoder))
        return MFX_WRN_DEVICE_BUSY;
    if (!surface)
        return drain(encoder, bitstream, point);
    mfxStatus status = check_surface(encoder, surface);
    if (status != MFX_ERR_NONE)
        return status;
    uint64_t since = encoder->draining ? 0 : encoder->since_open;
    uint64_t ready = encoder->draining ? held(encoder) : encoder->ready;
    bool promise = ready > 0 || since + 1 > encoder->delay;
    if (promise || bitstream)
        status = check_bitstream(encoder, bitstream);
    if (status != MFX_ERR_NONE)
        return status;
    struct encode_job *job = calloc(1, sizeof *job);
    if (!job)
        return MFX_ERR_MEMORY_ALLOC;
    job->kind = JOB_FRAME;
    job->reopen = encoder->draining;
    status = read_control(encoder, control, job);
    if (status == MFX_ERR_NONE) {
        job->dependency = frame_dependency(encoder->session->tasks, surface);
        job->surface = surface;
        job->time_stamp_90k = surface->Data.TimeStamp;
        frame_hold(surface);
        bool idr = job->type == X264_TYPE_IDR;
        status = submit(encoder, job, promise, bitstream, point);
        if (status == MFX_ERR_NONE || status == MFX_ERR_MORE_DATA) {
            encoder->since_idr = idr ? 1 : encoder->since_idr + 1;
            encoder->since_open = since + 1;
            encoder->ready = ready - (promise && ready > 0);
            encoder->draining = false;
            encoder->accepted++;
            return status;
        }
    }
    job_free(encoder, job);
    return status;
}

/* ---- the rest of the API ---------------------------------------------------------------------------------------- */

static mfxStatus write_headers(const struct encode_component *encoder, mfxExtCodingOptionSPSPPS *headers)
{
    if (!headers)
        return MFX_ERR_NONE;
    if (!headers->SPSBuffer || !headers->PPSBuffer)
        return MFX_ERR_NULL_PTR;
    if (headers->SPSBufSize < encoder->sps_bytes || headers->PPSBufSize < encoder->pps_bytes)
        return MFX_ERR_NOT_ENOUGH_BUFFER;
    memcpy(headers->SPSBuffer, encoder->sps, encoder->sps_bytes);
    memcpy(headers->PPSBuffer, encoder->pps, encoder->pps_bytes);
    headers->SPSBufSize = (mfxU16)encoder->sps_bytes;
    headers->PPSBufSize = (mfxU16)encoder->pps_bytes;
    return MFX_ERR_NONE;
}

mfxStatus encoder_get_parameters(struct encode_component *encoder, mfxVideoParam *par)
{
    static const uint32_t known[] = {
        MFX_EXTBUFF_CODING_OPTION,     MFX_EXTBUFF_CODING_OPTION2,       MFX_EXTBUFF_CODING_OPTION3,
        MFX_EXTBUFF_VIDEO_SIGNAL_INFO, MFX_EXTBUFF_ENCODER_RESET_OPTION, MFX_EXTBUFF_CODING_OPTION_SPSPPS,
        SOFTVPL_EXTBUFF_X264
    };

    for (unsigned i = 0; i < par->NumExtParam; i++) {
        bool found = false;
        for (size_t j = 0; j < sizeof known / sizeof known[0]; j++)
            found |= par->ExtParam && par->ExtParam[i] && par->ExtParam[i]->BufferId == known[j];
        if (!found)
            return MFX_ERR_UNSUPPORTED;
    }
    resolve(encoder, par);
    return write_headers(encoder, extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_CODING_OPTION_SPSPPS));
}

mfxStatus encoder_get_statistics(struct encode_component *encoder, mfxEncodeStat *statistics)
{
    uint32_t frames;
    uint64_t bits;

    coded_queue_statistics(encoder->queue, &frames, &bits);
    memset(statistics, 0, sizeof *statistics);
    statistics->NumFrame = frames;
    statistics->NumBit = bits;
    statistics->NumCachedFrame = (mfxU32)(held(encoder));
    return MFX_ERR_NONE;
}

mfxStatus encoder_get_surface(struct encode_component *encoder, mfxFrameSurface1 **surface)
{
    if (!encoder->pool)
        encoder->pool = surface_pool_create(
            &encoder->settings.par.mfx.FrameInfo, POOL_LIMIT,
            MFX_MEMTYPE_SYSTEM_MEMORY | MFX_MEMTYPE_INTERNAL_FRAME | MFX_MEMTYPE_FROM_ENCODE, encoder->session->tasks);
    if (!encoder->pool)
        return MFX_ERR_MEMORY_ALLOC;
    *surface = surface_pool_get(encoder->pool);
    return *surface ? MFX_ERR_NONE : MFX_WRN_ALLOC_TIMEOUT_EXPIRED;
}
