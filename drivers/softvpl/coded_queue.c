/* SPDX-License-Identifier: GPL-2.0-or-later */
/* coded_queue.c - either frames wait for requests or requests for frames, never both. */
#include "drivers/softvpl/coded_queue.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct kept {
    struct kept *next;
    struct coded_frame frame;
    uint8_t data[];
};

struct request {
    mfxBitstream *bitstream;
    mfxSyncPoint point;
};

struct coded_queue {
    struct task_table *tasks; /* borrow */
    struct kept *first, **last;
    _Atomic uint64_t refused, bits;
    atomic_uint frames;
    unsigned requests, room;
    struct request request[];
};

struct coded_queue *coded_queue_create(struct task_table *tasks, unsigned requests)
{
    struct coded_queue *queue = calloc(1, sizeof *queue + requests * sizeof queue->request[0]);
    if (!queue)
        return NULL;
    queue->tasks = tasks;
    queue->room = requests;
    queue->last = &queue->first;
    return queue;
}

void coded_queue_clear(struct coded_queue *queue)
{
    while (queue->first) {
        struct kept *kept = queue->first;
        queue->first = kept->next;
        free(kept);
    }
    queue->last = &queue->first;
}

void coded_queue_destroy(struct coded_queue *queue)
{
    if (!queue)
        return;
    coded_queue_clear(queue);
    free(queue);
}

/* The oldest request gets the frame (true), or is refused. */
static bool fill(struct coded_queue *queue, const struct coded_frame *frame)
{
    struct request request = queue->request[0];
    mfxBitstream *bitstream = request.bitstream;
    uint64_t used = (uint64_t)bitstream->DataOffset + bitstream->DataLength;

    memmove(queue->request, queue->request + 1, --queue->requests * sizeof queue->request[0]);
    if (used + frame->bytes > bitstream->MaxLength) {
        atomic_fetch_add(&queue->refused, 1);
        task_end(queue->tasks, request.point, MFX_ERR_NOT_ENOUGH_BUFFER);
        return false;
    }
    memcpy(bitstream->Data + used, frame->data, frame->bytes);
    bitstream->DataLength += (mfxU32)frame->bytes;
    bitstream->TimeStamp = frame->time_stamp_90k;
    bitstream->DecodeTimeStamp = frame->decode_time_stamp_90k;
    bitstream->FrameType = frame->frame_type;
    bitstream->PicStruct = frame->picture_structure;
    atomic_fetch_add(&queue->frames, 1);
    atomic_fetch_add(&queue->bits, (uint64_t)frame->bytes * 8);
    task_end(queue->tasks, request.point, MFX_ERR_NONE);
    return true;
}

static void deliver_kept(struct coded_queue *queue)
{
    while (queue->first && queue->requests) {
        struct kept *kept = queue->first;
        if (!fill(queue, &kept->frame))
            continue;
        queue->first = kept->next;
        if (!queue->first)
            queue->last = &queue->first;
        free(kept);
    }
}

void coded_queue_request(struct coded_queue *queue, mfxBitstream *bitstream, mfxSyncPoint point)
{
    if (queue->requests == queue->room) {
        task_end(queue->tasks, point, MFX_ERR_DEVICE_FAILED); /* the owner asks for no more than there is room for */
        return;
    }
    queue->request[queue->requests++] = (struct request){ bitstream, point };
    deliver_kept(queue);
}

void coded_queue_add(struct coded_queue *queue, const struct coded_frame *frame)
{
    while (!queue->first && queue->requests)
        if (fill(queue, frame))
            return;
    struct kept *kept = malloc(sizeof *kept + frame->bytes);
    if (!kept)
        return; /* no memory: the stream has a hole, and the next key frame heals it */
    memcpy(kept->data, frame->data, frame->bytes);
    kept->frame = *frame;
    kept->frame.data = kept->data;
    kept->next = NULL;
    *queue->last = kept;
    queue->last = &kept->next;
    deliver_kept(queue);
}

bool coded_queue_wanting(const struct coded_queue *queue)
{
    return queue->requests > 0;
}

void coded_queue_fail(struct coded_queue *queue, mfxStatus status)
{
    for (unsigned i = 0; i < queue->requests; i++)
        task_end(queue->tasks, queue->request[i].point, status);
    queue->requests = 0;
}

uint64_t coded_queue_refused(const struct coded_queue *queue)
{
    return atomic_load(&queue->refused);
}

void coded_queue_statistics(const struct coded_queue *queue, uint32_t *frames, uint64_t *bits)
{
    *frames = atomic_load(&queue->frames);
    *bits = atomic_load(&queue->bits);
}
