/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vaapi_tasks.c - frames under way: each has a coded buffer and holds what it reads. */
#include <string.h>

#include "board/clock.h"
#include "encode/vaapi_private.h"

enum { BUFFERS_MAX = 12 };

/* ---- a picture's buffers ---- */
struct render {
    VABufferID buffers[BUFFERS_MAX];
    unsigned count;
    VAStatus status;
};

static void add(const struct vaapi_encoder *encoder, struct render *render, VABufferType type, const void *data,
                size_t bytes)
{
    if (render->status != VA_STATUS_SUCCESS)
        return;
    render->status = vaCreateBuffer(encoder->va, encoder->context, type, (unsigned)bytes, 1, (void *)(uintptr_t)data,
                                    &render->buffers[render->count]);
    render->count += render->status == VA_STATUS_SUCCESS;
}

static void add_captions(const struct vaapi_encoder *encoder, struct render *render, const struct encoder_frame *frame)
{
    uint8_t unit[2 * VAAPI_MESSAGES_MAX];
    size_t bytes = vaapi_units_sei(encoder->plan.codec, frame->captions, frame->caption_bytes, unit, sizeof unit);
    VAEncPackedHeaderParameterBuffer head = { .type = VAEncPackedHeaderRawData,
                                              .bit_length = (uint32_t)bytes * 8,
                                              .has_emulation_bytes = 1 };

    if (!bytes)
        return;
    add(encoder, render, VAEncPackedHeaderParameterBufferType, &head, sizeof head);
    add(encoder, render, VAEncPackedHeaderDataBufferType, unit, bytes);
}

static VAStatus submit(struct vaapi_encoder *encoder, VASurfaceID input, const struct vaapi_place *place,
                       const struct encoder_frame *frame)
{
    struct vaapi_buffers buffers;
    struct render render = { .status = VA_STATUS_SUCCESS };

    vaapi_buffers_make(&buffers, &encoder->plan, place);
    if (place->idr)
        add(encoder, &render, VAEncSequenceParameterBufferType, &buffers.sequence, buffers.sequence_bytes);
    for (unsigned i = 0; i < buffers.miscs; i++)
        add(encoder, &render, VAEncMiscParameterBufferType, &buffers.misc[i], buffers.misc_bytes[i]);
    add(encoder, &render, VAEncPictureParameterBufferType, &buffers.picture, buffers.picture_bytes);
    if (frame->captions && encoder->plan.raw_headers)
        add_captions(encoder, &render, frame);
    add(encoder, &render, VAEncSliceParameterBufferType, &buffers.slice, buffers.slice_bytes);
    if (render.status == VA_STATUS_SUCCESS)
        render.status = vaBeginPicture(encoder->va, encoder->context, input);
    if (render.status == VA_STATUS_SUCCESS) {
        render.status = vaRenderPicture(encoder->va, encoder->context, render.buffers, (int)render.count);
        VAStatus ended = vaEndPicture(encoder->va, encoder->context); /* whatever became of the buffers */
        render.status = render.status == VA_STATUS_SUCCESS ? ended : render.status;
    }
    for (unsigned i = 0; i < render.count; i++)
        vaDestroyBuffer(encoder->va, render.buffers[i]);
    return render.status;
}

/* ---- what comes out ---- */

/* The coded bytes as a packet. */
bool vaapi_task_read(struct vaapi_encoder *encoder, VABufferID coded, AVPacket *packet)
{
    VACodedBufferSegment *segments = NULL;
    size_t bytes = 0;
    bool whole = true;

    VAStatus status = vaMapBuffer(encoder->va, coded, (void **)&segments);
    if (status != VA_STATUS_SUCCESS) {
        vaapi_note(encoder, VAAPI_TROUBLE_READING, status);
        return false;
    }
    for (const VACodedBufferSegment *at = segments; at; at = at->next) {
        bytes += at->size;
        whole &= !(at->status & VA_CODED_BUF_STATUS_SLICE_OVERFLOW_MASK);
    }
    bool good = whole && bytes && av_new_packet(packet, (int)bytes) >= 0;
    bytes = 0;
    for (const VACodedBufferSegment *at = segments; good && at; at = at->next) {
        memcpy(packet->data + bytes, at->buf, at->size);
        bytes += at->size;
    }
    vaUnmapBuffer(encoder->va, coded);
    if (!good)
        vaapi_note(encoder, VAAPI_TROUBLE_READING, VA_STATUS_ERROR_OPERATION_FAILED);
    return good;
}

static VAStatus wait_in_slices(struct vaapi_encoder *encoder, const struct vaapi_task *task, unsigned wait_ms)
{
    VAStatus status;

    do {
        unsigned slice_ms = wait_ms < DEVICE_WATCH_SLICE_MS ? wait_ms : DEVICE_WATCH_SLICE_MS;
        status = vaSyncBuffer(encoder->va, task->coded, slice_ms * NS_PER_MS);
        if (status == VA_STATUS_ERROR_TIMEDOUT)
            device_watch_look(encoder->config.watch, &encoder->wait, encoder->who);
        wait_ms -= slice_ms;
    } while (status == VA_STATUS_ERROR_TIMEDOUT && wait_ms && !vaapi_is_lost(encoder));
    return status;
}

/* Mesa's drivers before 23: only vaSyncSurface ends the wait, and only then the coded picture has a length, which they
 * keep with the surface: of its last picture. That call cannot be cut into slices, so that our watch sees nothing of
 * it: the kernel resets a GPU that hangs (amdgpu after ten seconds), the call returns, and what fails then is counted.
 * Whoever only looks is not made to wait for the newest frame. */
static VAStatus wait_whole(struct vaapi_encoder *encoder, const struct vaapi_task *task, unsigned wait_ms)
{
    if (!wait_ms && encoder->used < 2)
        return VA_STATUS_ERROR_TIMEDOUT;
    return vaSyncSurface(encoder->va, task->input.surface);
}

/* VA_STATUS_ERROR_TIMEDOUT: not yet. */
VAStatus vaapi_task_wait(struct vaapi_encoder *encoder, const struct vaapi_task *task, unsigned wait_ms)
{
    VAStatus status =
        encoder->waits_whole ? wait_whole(encoder, task, wait_ms) : wait_in_slices(encoder, task, wait_ms);

    if (status == VA_STATUS_ERROR_TIMEDOUT)
        return status;
    encoder->wait.looked_ns = 0; /* this wait is over: the next one begins anew */
    device_watch_status(encoder->config.watch, &encoder->wait, encoder->who,
                        status == VA_STATUS_SUCCESS ? MFX_ERR_NONE : MFX_ERR_DEVICE_FAILED);
    return status;
}

static void emit(struct vaapi_encoder *encoder, const struct vaapi_task *task)
{
    AVPacket *packet = encoder->packet;

    if (!vaapi_task_read(encoder, task->coded, packet)) {
        encoder->broken = true;
        return;
    }
    if (vaapi_units_finish(encoder->units, packet, task->caption_bytes ? task->captions : NULL, task->caption_bytes) <
        0)
        vaapi_note(encoder, VAAPI_TROUBLE_UNITS, VA_STATUS_ERROR_OPERATION_FAILED); /* as the driver wrote it, then */
    packet->pts = packet->dts = task->tick_90k;
    packet->flags = task->idr ? AV_PKT_FLAG_KEY : 0;
    encoder->config.on_packet(encoder->config.context, packet);
    av_packet_unref(packet);
}

bool vaapi_wait(void *instance, unsigned wait_ms)
{
    struct vaapi_encoder *encoder = instance;

    if (!encoder->used)
        return false;
    struct vaapi_task *task = &encoder->tasks[encoder->oldest];
    VAStatus status = vaapi_task_wait(encoder, task, wait_ms);
    if (status == VA_STATUS_ERROR_TIMEDOUT)
        return true;
    encoder->oldest = (encoder->oldest + 1) % VAAPI_TASKS;
    encoder->used--;
    if (status == VA_STATUS_SUCCESS) {
        emit(encoder, task);
    } else {
        vaapi_note(encoder, VAAPI_TROUBLE_ENCODING, status);
        encoder->broken = true;
    }
    vaapi_input_release(&task->input);
    return encoder->used > 0;
}

unsigned vaapi_under_way(const void *instance)
{
    const struct vaapi_encoder *encoder = instance;
    return encoder->used;
}

/* Until fewer than `limit` are under way. False: the device is lost, or nothing came out for VAAPI_WAITS_MAX waits. */
bool vaapi_wait_until_below(struct vaapi_encoder *encoder, unsigned limit)
{
    for (unsigned waits = 0; encoder->used >= limit && waits < VAAPI_WAITS_MAX && !vaapi_is_lost(encoder); waits++)
        vaapi_wait(encoder, VAAPI_WAIT_MS);
    return encoder->used < limit && !vaapi_is_lost(encoder);
}

void vaapi_drain(void *instance)
{
    vaapi_wait_until_below(instance, 1);
}

/* ---- what goes in ---- */

/* The frame with the messages that belong to its picture in front of its captions. */
static struct encoder_frame with_light(const struct vaapi_encoder *encoder, const struct encoder_frame *frame,
                                       uint8_t messages[VAAPI_MESSAGES_MAX])
{
    struct encoder_frame whole = *frame;

    if (!encoder->place.idr || !encoder->light_bytes)
        return whole;
    memcpy(messages, encoder->light, encoder->light_bytes);
    if (frame->caption_bytes)
        memcpy(messages + encoder->light_bytes, frame->captions, frame->caption_bytes);
    whole.captions = messages;
    whole.caption_bytes += (unsigned)encoder->light_bytes;
    return whole;
}

static void keep_captions(const struct vaapi_encoder *encoder, struct vaapi_task *task,
                          const struct encoder_frame *frame)
{
    task->caption_bytes = 0;
    if (!frame->captions || encoder->plan.raw_headers)
        return;
    memcpy(task->captions, frame->captions, frame->caption_bytes);
    task->caption_bytes = frame->caption_bytes;
}

static bool is_under_way(const struct vaapi_encoder *encoder, VASurfaceID surface)
{
    for (unsigned i = 0; i < encoder->used; i++)
        if (encoder->tasks[(encoder->oldest + i) % VAAPI_TASKS].input.surface == surface)
            return true;
    return false;
}

/* For one more frame. Where surfaces are waited for there is one frame of each at a time. */
static bool make_room(struct vaapi_encoder *encoder)
{
    unsigned limit = encoder->waits_whole && is_under_way(encoder, encoder->shown.surface) ? 1 : VAAPI_TASKS;

    return vaapi_wait_until_below(encoder, limit);
}

void vaapi_encode(void *instance, const struct encoder_frame *frame)
{
    struct vaapi_encoder *encoder = instance;
    struct vaapi_place *place = &encoder->place;
    uint8_t messages[VAAPI_MESSAGES_MAX];

    if (encoder->shown.surface == VA_INVALID_SURFACE || !make_room(encoder)) {
        vaapi_note(encoder, VAAPI_TROUBLE_ROOM, VA_STATUS_ERROR_SURFACE_BUSY);
        encoder->broken |= frame->idr; /* then the next one is */
        return;
    }
    struct vaapi_task *task = &encoder->tasks[(encoder->oldest + encoder->used) % VAAPI_TASKS];
    place->idr = frame->idr || encoder->broken;
    if (place->idr) {
        place->since_idr = 0;
        place->idr_number = (place->idr_number + 1) & 0xff;
    }
    unsigned turn = place->reconstructed == encoder->reconstructed[0];
    place->reconstructed = encoder->reconstructed[turn];
    place->reference = encoder->reconstructed[!turn];
    place->coded = task->coded;
    const struct encoder_frame whole = with_light(encoder, frame, messages);
    VAStatus status = submit(encoder, encoder->shown.surface, place, &whole);
    encoder->broken = status != VA_STATUS_SUCCESS;
    if (status != VA_STATUS_SUCCESS)
        device_watch_status(encoder->config.watch, &encoder->wait, encoder->who, MFX_ERR_DEVICE_FAILED);
    if (status != VA_STATUS_SUCCESS) {
        vaapi_note(encoder, VAAPI_TROUBLE_ENCODING, status);
        return;
    }
    place->since_idr++;
    task->input = vaapi_input_use(&encoder->shown);
    task->tick_90k = frame->tick_90k;
    task->idr = place->idr;
    keep_captions(encoder, task, &whole);
    encoder->used++;
}
