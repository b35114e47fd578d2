/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encode_jobs.c - the worker's half of the encoder: frames into the library, coded pictures into bitstreams. */
#include <stdlib.h>
#include <string.h>

#include "drivers/softvpl/encoder_private.h"

/* ---- times that are read late ------------------------------------------------------------------------------------ */

/* What the surface says now, if it is still held. */
static uint64_t time_stamp_of(const struct encode_component *encoder, uint64_t number)
{
    const mfxFrameSurface1 *late = encoder->late[number % ENCODE_RECORDS];

    if (late && late->Data.TimeStamp != (mfxU64)MFX_TIMESTAMP_UNKNOWN)
        return late->Data.TimeStamp;
    return encoder->time_stamp_90k[number % ENCODE_RECORDS];
}

static void release_late(struct encode_component *encoder, uint64_t number)
{
    mfxFrameSurface1 **late = &encoder->late[number % ENCODE_RECORDS];

    if (!*late)
        return;
    encoder->time_stamp_90k[number % ENCODE_RECORDS] = time_stamp_of(encoder, number);
    frame_release(*late);
    *late = NULL;
}

/* ---- the library ------------------------------------------------------------------------------------------------ */

mfxStatus encode_library_open(struct encode_component *encoder)
{
    const struct encode_codec *codec = encoder->settings.codec;
    mfxStatus status =
        codec->open(&encoder->library, &encoder->settings, encoder->session->threads, encoder->session->log);

    if (status != MFX_ERR_NONE)
        return status;
    encoder->next_number = 0;
    memset(&encoder->headers, 0, sizeof encoder->headers);
    if (codec->headers)
        codec->headers(encoder->library, &encoder->headers);
    return MFX_ERR_NONE;
}

void encode_library_close(struct encode_component *encoder)
{
    if (encoder->library)
        encoder->settings.codec->close(encoder->library);
    encoder->library = NULL;
    for (unsigned i = 0; i < ENCODE_RECORDS; i++)
        release_late(encoder, i);
}

/* ---- what comes out --------------------------------------------------------------------------------------------- */

static int64_t duration_90k(const struct encode_component *encoder, int64_t frames)
{
    const mfxFrameInfo *info = &encoder->settings.par.mfx.FrameInfo;
    return info->FrameRateExtN ? frames * 90000 * info->FrameRateExtD / info->FrameRateExtN : 0;
}

/* Libraries count decode time in frames: before the first frame there is only the frame rate to count with. */
static int64_t decode_time_of(const struct encode_component *encoder, int64_t number)
{
    if (number >= 0)
        return (int64_t)time_stamp_of(encoder, (uint64_t)number);
    return (int64_t)time_stamp_of(encoder, 0) + duration_90k(encoder, number);
}

static void queue_picture(struct encode_component *encoder, const struct encode_coded *coded)
{
    if (!coded->bytes)
        return;
    struct coded_frame frame = {
        .data = coded->data,
        .bytes = coded->bytes,
        .time_stamp_90k = time_stamp_of(encoder, coded->number),
        .decode_time_stamp_90k = decode_time_of(encoder, coded->decode_number),
        .frame_type = coded->frame_type,
        .picture_structure = encoder->settings.par.mfx.FrameInfo.PicStruct,
    };
    release_late(encoder, coded->number); /* before the sync point ends */
    coded_queue_add(encoder->queue, &frame);
}

/* One frame out of the library's delay; false: it has none. */
static bool drain_one(struct encode_component *encoder)
{
    struct encode_coded coded;

    if (!encoder->library || !encoder->settings.codec->encode(encoder->library, NULL, &coded))
        return false;
    queue_picture(encoder, &coded);
    return coded.bytes > 0;
}

/* ---- jobs ------------------------------------------------------------------------------------------------------- */

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

static bool encode_frame(struct encode_component *encoder, struct encode_job *job, struct frame_access *access,
                         struct encode_coded *coded)
{
    uint64_t *time_stamp = &encoder->time_stamp_90k[encoder->next_number % ENCODE_RECORDS];
    struct encode_picture picture = {
        .image = visible_part(encoder, &access->image, &job->surface->Info),
        .number = encoder->next_number,
        .type = job->type,
        .qp = job->qp,
        .messages = job->messages,
        .regions = job->regions,
        .due = coded_queue_wanting(encoder->queue),
    };

    *time_stamp = job->time_stamp_90k;
    if (*time_stamp == (uint64_t)MFX_TIMESTAMP_UNKNOWN)
        *time_stamp = (uint64_t)duration_90k(encoder, (int64_t)encoder->next_number);
    encoder->next_number++;
    return encoder->settings.codec->encode(encoder->library, &picture, coded);
}

static mfxStatus run_frame(struct encode_component *encoder, struct encode_job *job)
{
    struct frame_access access;
    struct encode_coded coded;

    if (job->reopen) {
        while (drain_one(encoder))
            continue;
        encode_library_close(encoder);
        if (encode_library_open(encoder) != MFX_ERR_NONE)
            return MFX_ERR_DEVICE_FAILED;
    }
    if (!encoder->library)
        return MFX_ERR_DEVICE_FAILED;
    frame_await(&job->dependency);
    mfxStatus status = frame_access_begin(encoder->session, &access, job->surface);
    if (status != MFX_ERR_NONE)
        return status;
    uint64_t number = encoder->next_number;
    bool good = encode_frame(encoder, job, &access, &coded);
    frame_access_end(encoder->session, &access, job->surface);
    if (good && atomic_load(&encoder->session->fault.late))
        encoder->late[number % ENCODE_RECORDS] = job->surface;
    else
        frame_release(job->surface); /* before any sync point of this frame ends: then the application may free it */
    job->surface = NULL;
    if (!good)
        return MFX_ERR_DEVICE_FAILED;
    queue_picture(encoder, &coded);
    return MFX_ERR_NONE;
}

static void run_drain(struct encode_component *encoder)
{
    while (coded_queue_wanting(encoder->queue) && drain_one(encoder))
        continue;
}

void encode_job_free(struct encode_job *job)
{
    if (job->dependency.tasks)
        task_table_release(job->dependency.tasks);
    if (job->surface)
        frame_release(job->surface);
    for (unsigned i = 0; job->messages && i < job->messages->count; i++)
        free(job->messages->message[i].data);
    free(job->messages);
    free(job->regions);
    free(job);
}

void encode_job_run(void *owner, void *argument, bool aborted)
{
    struct encode_component *encoder = owner;
    struct encode_job *job = argument;
    mfxStatus status = MFX_ERR_NONE;

    if (aborted) {
        if (job->point)
            task_end(encoder->session->tasks, job->point, MFX_ERR_ABORTED);
        encode_job_free(job);
        return;
    }
    if (job->point)
        coded_queue_request(encoder->queue, job->bitstream, job->point);
    if (job->drain)
        run_drain(encoder);
    else
        status = run_frame(encoder, job);
    /* One frame in, one out: a request that is still open here would wait for a frame that nobody has submitted. */
    coded_queue_fail(encoder->queue, status == MFX_ERR_NONE ? MFX_ERR_DEVICE_FAILED : status);
    encode_job_free(job);
}
