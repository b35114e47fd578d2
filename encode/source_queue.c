/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source_queue.c - a ring of items under one mutex. Two seconds of a stream with many audios fit; a unit that alone is
 * larger than the bound still passes when the queue is empty. */
#include "encode/source_queue.h"

#include <libavcodec/packet.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "encode/source.h"

enum { DEPTH = 1024, BYTES_MAX = 48 << 20 };

struct source_queue {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct source_item items[DEPTH];
    unsigned oldest, used, high_water;
    uint64_t bytes;
    bool closed;
};

struct source_queue *source_queue_create(void)
{
    struct source_queue *queue = calloc(1, sizeof *queue);
    pthread_condattr_t monotonic;

    if (!queue)
        return NULL;
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return queue;
}

void source_queue_destroy(struct source_queue *queue)
{
    if (!queue)
        return;
    for (; queue->used; queue->used--)
        source_item_release(&queue->items[(queue->oldest + queue->used - 1) % DEPTH]);
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->mutex);
    free(queue);
}

static uint64_t item_bytes(const struct source_item *item)
{
    return item->packet ? (uint64_t)item->packet->size : 0;
}

bool source_queue_put(struct source_queue *queue, const struct source_item *item)
{
    pthread_mutex_lock(&queue->mutex);
    while (!queue->closed && queue->used && (queue->used == DEPTH || queue->bytes + item_bytes(item) > BYTES_MAX))
        pthread_cond_wait(&queue->changed, &queue->mutex);
    bool taken = !queue->closed;
    if (taken) {
        queue->items[(queue->oldest + queue->used++) % DEPTH] = *item;
        queue->bytes += item_bytes(item);
        queue->high_water = queue->used > queue->high_water ? queue->used : queue->high_water;
        pthread_cond_signal(&queue->changed);
    }
    pthread_mutex_unlock(&queue->mutex);
    if (!taken) {
        struct source_item refused = *item;
        source_item_release(&refused);
    }
    return taken;
}

bool source_queue_take(struct source_queue *queue, struct source_item *item, unsigned timeout_ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    until.tv_sec += timeout_ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&queue->mutex);
    while (!queue->used && timeout_ms && !pthread_cond_timedwait(&queue->changed, &queue->mutex, &until))
        ;
    bool taken = queue->used > 0;
    if (taken) {
        *item = queue->items[queue->oldest];
        queue->oldest = (queue->oldest + 1) % DEPTH;
        queue->used--;
        queue->bytes -= item_bytes(item);
        pthread_cond_signal(&queue->changed);
    }
    pthread_mutex_unlock(&queue->mutex);
    return taken;
}

void source_queue_close(struct source_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->closed = true;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
}

unsigned source_queue_high_water(struct source_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    unsigned high_water = queue->high_water;
    pthread_mutex_unlock(&queue->mutex);
    return high_water;
}
