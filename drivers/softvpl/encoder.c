/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encoder.c - what the API calls decide, under the session's encode mutex. What the worker does is in encode_jobs.c;
 * they meet in the job and in `promised`. */
#include <stdlib.h>
#include <string.h>

#include "drivers/softvpl/encoder_private.h"
#include "drivers/softvpl/parameters.h"
#include "drivers/softvpl/payload.h"

enum { POOL_LIMIT = 64 };

/* ---- life ------------------------------------------------------------------------------------------------------- */

static mfxStatus check_init(mfxSession session, const mfxVideoParam *par)
{
    struct verdict verdict = { .personality = session->personality,
                               .video_memory = session->va_display != NULL,
                               .read_only = true };
    mfxVideoParam copy = *par;

    encode_check(&verdict, &copy, true);
    if (verdict.unsupported)
        log_line(session->log, "encode Init: %s", verdict.reason);
    return verdict_of_init(&verdict);
}

/* The copy that encode_check() corrected is what is used. */
static void read_settings(mfxSession session, struct encode_settings *settings, const mfxVideoParam *par,
                          const struct encode_settings *before)
{
    struct verdict verdict = { .personality = session->personality,
                               .video_memory = session->va_display != NULL,
                               .read_only = true };
    mfxVideoParam copy = *par;

    encode_check(&verdict, &copy, true);
    encode_settings_read(settings, &copy, before);
}

static mfxStatus start_sequence(struct encode_component *encoder)
{
    mfxStatus status = encode_library_open(encoder);
    if (status != MFX_ERR_NONE)
        return status;
    encoder->delay = encoder->settings.codec->delay(encoder->library);
    encoder->takes_regions =
        encoder->settings.codec->takes_regions && encoder->settings.codec->takes_regions(encoder->library);
    encoder->accepted = encoder->since_open = encoder->ready = 0;
    encoder->promised = coded_queue_refused(encoder->queue);
    encoder->draining = false;
    log_line(encoder->session->log, "%s opened, %ux%u, %u frames of delay", encoder->settings.codec->library,
             encoder->settings.par.mfx.FrameInfo.CropW, encoder->settings.par.mfx.FrameInfo.CropH, encoder->delay);
    return encoder->delay < ENCODE_RECORDS ? MFX_ERR_NONE : MFX_ERR_INVALID_VIDEO_PARAM;
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
    read_settings(session, &encoder->settings, par, NULL);
    encoder->queue = coded_queue_create(session->tasks, WORKER_QUEUE);
    mfxStatus opened = encoder->queue ? start_sequence(encoder) : MFX_ERR_MEMORY_ALLOC;
    encoder->worker =
        opened == MFX_ERR_NONE ? session_worker_join(session, "vpl-encode", encoder, encode_job_run) : NULL;
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
    encode_library_close(encoder);
    coded_queue_destroy(encoder->queue);
    surface_pool_destroy(encoder->pool);
    if (encoder->session->encoder == encoder)
        encoder->session->encoder = NULL;
    free(encoder);
}

/* Between two frames; false: the library cannot. */
static bool reconfigure(struct encode_component *encoder, const struct encode_settings *settings)
{
    if (!encoder->settings.codec->reconfigure)
        return false;
    worker_flush(encoder->worker, encoder); /* only calls give it work */
    if (!encoder->settings.codec->reconfigure(encoder->library, settings))
        return false;
    encoder->settings = *settings;
    return true;
}

/* The settings, with what the library made of those that were left open. */
static void resolve(const struct encode_component *encoder, mfxVideoParam *par)
{
    encode_settings_write(&encoder->settings, par);
    encoder->settings.codec->resolve(encoder->library, &encoder->headers, par);
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

/* What the library still holds is dropped, as the specification says; applications drain first. A sequence that the
 * library refuses leaves the one before, begun anew. */
static mfxStatus replace_sequence(struct encode_component *encoder, const struct encode_settings *settings)
{
    struct encode_settings before = encoder->settings;

    worker_flush(encoder->worker, encoder);
    encode_library_close(encoder);
    coded_queue_clear(encoder->queue);
    encoder->settings = *settings;
    mfxStatus status = start_sequence(encoder);
    if (status == MFX_ERR_NONE)
        return status;
    encode_library_close(encoder);
    encoder->settings = before;
    start_sequence(encoder);
    return status;
}

/* False: it failed, and could not be opened again. The worker opens it anew behind a drain: until that is done, and not
 * only begun, nothing may be read of it. */
static bool has_library(struct encode_component *encoder)
{
    worker_flush(encoder->worker, encoder); /* only calls give it work */
    return encoder->library != NULL;
}

mfxStatus encoder_reset(struct encode_component *encoder, mfxVideoParam *par)
{
    struct encode_settings settings;
    const mfxExtEncoderResetOption *option =
        extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_ENCODER_RESET_OPTION);
    mfxStatus status = check_init(encoder->session, par);

    if (!has_library(encoder))
        return MFX_ERR_NOT_INITIALIZED;
    if (status < MFX_ERR_NONE)
        return status;
    if (par->mfx.CodecId != encoder->settings.par.mfx.CodecId ||
        par->mfx.FrameInfo.FourCC != encoder->settings.par.mfx.FrameInfo.FourCC ||
        par->mfx.FrameInfo.Width > encoder->settings.par.mfx.FrameInfo.Width ||
        par->mfx.FrameInfo.Height > encoder->settings.par.mfx.FrameInfo.Height)
        return MFX_ERR_INCOMPATIBLE_VIDEO_PARAM;
    read_settings(encoder->session, &settings, par,
                  &encoder->settings); /* buffers not attached again keep what they said at Init */
    keep_reported(encoder, &settings);
    bool same = encode_settings_same_sequence(&encoder->settings, &settings);
    unsigned wanted = option ? option->StartNewSequence : MFX_CODINGOPTION_UNKNOWN;
    if (!same && wanted == MFX_CODINGOPTION_OFF)
        return MFX_ERR_INCOMPATIBLE_VIDEO_PARAM;
    if (same && wanted != MFX_CODINGOPTION_ON && reconfigure(encoder, &settings))
        return status;
    if (wanted == MFX_CODINGOPTION_OFF)
        return MFX_ERR_INCOMPATIBLE_VIDEO_PARAM;
    if (same && wanted != MFX_CODINGOPTION_ON) { /* nobody asked for a new sequence: nothing is lost */
        worker_flush(encoder->worker, encoder);
        encoder->settings = settings;
        encoder->draining = true;
        return status;
    }
    mfxStatus opened = replace_sequence(encoder, &settings);
    return opened == MFX_ERR_NONE ? status : opened;
}

/* ---- calls ------------------------------------------------------------------------------------------------------ */

/* The message behind its header, which has to say what the payload says. */
static bool read_payload(struct encode_message *to, const mfxPayload *from)
{
    uint32_t type, size;

    if (!from->Data || from->NumBit % 8)
        return false;
    size_t header = sei_message_header(from->Data, from->NumBit / 8, &type, &size);
    if (!header || type != from->Type || header + size != from->NumBit / 8)
        return false;
    to->data = malloc(size ? size : 1);
    if (!to->data)
        return false;
    memcpy(to->data, from->Data + header, size);
    to->type = (uint16_t)type;
    to->bytes = size;
    return true;
}

static mfxStatus read_payloads(const mfxEncodeCtrl *control, struct encode_job *job)
{
    if (control->NumPayload > ENCODE_MESSAGES_MAX || !control->Payload)
        return MFX_ERR_INVALID_VIDEO_PARAM;
    job->messages = calloc(1, sizeof *job->messages);
    if (!job->messages)
        return MFX_ERR_MEMORY_ALLOC;
    for (unsigned i = 0; i < control->NumPayload; i++) {
        if (!control->Payload[i])
            continue; /* an empty place of the second field */
        if (!read_payload(&job->messages->message[job->messages->count], control->Payload[i]))
            return MFX_ERR_INVALID_VIDEO_PARAM;
        job->messages->count++;
    }
    return MFX_ERR_NONE;
}

/* The buffers of one frame: regions of its own, or those that were said at Init. */
static mfxStatus read_regions(const struct encode_component *encoder, const mfxEncodeCtrl *control,
                              struct encode_job *job)
{
    const mfxExtEncoderROI *roi = encoder->settings.roi.NumROI ? &encoder->settings.roi : NULL;
    const mfxExtMBQP *map = NULL;

    for (unsigned i = 0; control && i < control->NumExtParam; i++) {
        const mfxExtBuffer *buffer = control->ExtParam ? control->ExtParam[i] : NULL;
        if (buffer && buffer->BufferId == MFX_EXTBUFF_ENCODER_ROI && buffer->BufferSz == sizeof *roi)
            roi = (const mfxExtEncoderROI *)buffer;
        else if (buffer && buffer->BufferId == MFX_EXTBUFF_MBQP && buffer->BufferSz == sizeof *map &&
                 encoder->settings.option3.EnableMBQP == MFX_CODINGOPTION_ON)
            map = (const mfxExtMBQP *)buffer;
        else if (!buffer || buffer->BufferId != MFX_EXTBUFF_VPP_AUXDATA)
            return MFX_ERR_UNSUPPORTED;
    }
    if (!map && !(roi && roi->NumROI))
        return MFX_ERR_NONE;
    return encoder->takes_regions ? encode_regions_make(&job->regions, &encoder->settings, roi, map)
                                  : MFX_ERR_UNSUPPORTED;
}

static mfxStatus read_control(struct encode_component *encoder, const mfxEncodeCtrl *control, struct encode_job *job)
{
    job->qp = -1;
    mfxStatus status = read_regions(encoder, control, job);
    if (!control || status != MFX_ERR_NONE)
        return status;
    if (control->FrameType & MFX_FRAMETYPE_IDR)
        job->type = ENCODE_IDR;
    else if (control->FrameType & MFX_FRAMETYPE_I)
        job->type = ENCODE_I;
    if (control->QP && encoder->settings.par.mfx.RateControlMethod == MFX_RATECONTROL_CQP)
        job->qp = control->QP;
    if (!control->NumPayload)
        return MFX_ERR_NONE;
    return encoder->settings.codec->messages ? read_payloads(control, job) : MFX_ERR_UNSUPPORTED;
}

static mfxStatus check_surface(const struct encode_component *encoder, const mfxFrameSurface1 *surface)
{
    const mfxFrameInfo *info = &encoder->settings.par.mfx.FrameInfo;

    if (surface->Info.FourCC != info->FourCC || surface->Info.Width < info->CropX + info->CropW ||
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
    job->drain = true;
    status = submit(encoder, job, true, bitstream, point);
    if (status != MFX_ERR_NONE)
        encode_job_free(job);
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
    job->reopen = encoder->draining;
    status = read_control(encoder, control, job);
    if (status == MFX_ERR_NONE) {
        job->dependency = frame_dependency(encoder->session->tasks, surface);
        job->surface = surface;
        job->time_stamp_90k = surface->Data.TimeStamp;
        frame_hold(surface);
        status = submit(encoder, job, promise, bitstream, point);
        if (status == MFX_ERR_NONE || status == MFX_ERR_MORE_DATA) {
            encoder->since_open = since + 1;
            encoder->ready = ready - (promise && ready > 0);
            encoder->draining = false;
            encoder->accepted++;
            return status;
        }
    }
    encode_job_free(job);
    return status;
}

/* ---- the rest of the API ---------------------------------------------------------------------------------------- */

static mfxStatus write_header(const struct encode_header *header, mfxU8 *data, mfxU16 *bytes)
{
    if (!data)
        return MFX_ERR_NULL_PTR;
    if (*bytes < header->bytes)
        return MFX_ERR_NOT_ENOUGH_BUFFER;
    memcpy(data, header->data, header->bytes);
    *bytes = (mfxU16)header->bytes;
    return MFX_ERR_NONE;
}

static mfxStatus write_headers(const struct encode_component *encoder, mfxVideoParam *par)
{
    const struct encode_header *header = encoder->headers.header;
    mfxExtCodingOptionSPSPPS *sets = extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_CODING_OPTION_SPSPPS);
    mfxExtCodingOptionVPS *vps = extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_CODING_OPTION_VPS);
    mfxStatus status = MFX_ERR_NONE;

    if (sets)
        status = write_header(&header[ENCODE_SPS], sets->SPSBuffer, &sets->SPSBufSize);
    if (sets && status == MFX_ERR_NONE)
        status = write_header(&header[ENCODE_PPS], sets->PPSBuffer, &sets->PPSBufSize);
    if (vps && status == MFX_ERR_NONE)
        status = write_header(&header[ENCODE_VPS], vps->VPSBuffer, &vps->VPSBufSize);
    return status;
}

mfxStatus encoder_get_parameters(struct encode_component *encoder, mfxVideoParam *par)
{
    if (!has_library(encoder))
        return MFX_ERR_NOT_INITIALIZED;
    for (unsigned i = 0; i < par->NumExtParam; i++) {
        const uint32_t *known = encoder->settings.codec->buffers;
        while (*known && !(par->ExtParam && par->ExtParam[i] && par->ExtParam[i]->BufferId == *known))
            known++;
        if (!*known)
            return MFX_ERR_UNSUPPORTED;
    }
    resolve(encoder, par);
    return write_headers(encoder, par);
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
            MFX_MEMTYPE_SYSTEM_MEMORY | MFX_MEMTYPE_INTERNAL_FRAME | MFX_MEMTYPE_FROM_ENCODE, encoder->session->tasks,
            session_video_display(encoder->session, encoder->settings.par.IOPattern));
    if (!encoder->pool)
        return MFX_ERR_MEMORY_ALLOC;
    *surface = surface_pool_get(encoder->pool);
    return *surface ? MFX_ERR_NONE : MFX_WRN_ALLOC_TIMEOUT_EXPIRED;
}
