/* SPDX-License-Identifier: GPL-2.0-or-later */
/* packet_queue.h - packets of one encode that are not in a segment yet, oldest first. Bounded: when it is full the
 * oldest goes. Times are ticks of 90 kHz. One thread.
 *
 *     packet_queue_init(&queue, 3600);
 *     lost += packet_queue_add(&queue, packet, mark);
 *     while ((packet = packet_queue_head(&queue)) && packet->pts < until)
 *         packet_queue_drop_head(&queue);
 *     packet_queue_empty(&queue);                    // before it is forgotten
 */
#pragma once
#include <stdint.h>

struct AVPacket;

enum { QUEUE_PACKETS = 1024 /* 8 s of 120 pictures/s, 20 s of audio */ };

struct packet_queue {
    struct AVPacket *packets[QUEUE_PACKETS];
    unsigned first, count;
    int64_t last_dts; /* of the newest that came */
    int64_t end_90k;  /* where the newest that came ends: nothing before it can come */
    int64_t default_duration_90k;
};

/* default_duration_90k: of packets that do not say theirs. */
void packet_queue_init(struct packet_queue *queue, int64_t default_duration_90k);
/* A copy that shares the data; `opaque` becomes the copy's. Returns how many packets were lost: the oldest, or this
 * one. */
unsigned packet_queue_add(struct packet_queue *queue, const struct AVPacket *packet, void *opaque);
struct AVPacket *packet_queue_head(const struct packet_queue *queue); /* borrow; NULL: it is empty */
void packet_queue_drop_head(struct packet_queue *queue);              /* of one that is not empty */
unsigned packet_queue_empty(struct packet_queue *queue);              /* how many there were */
