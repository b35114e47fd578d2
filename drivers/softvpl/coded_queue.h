/* SPDX-License-Identifier: GPL-2.0-or-later */
/* coded_queue.h - coded frames and the bitstreams that were promised one: they meet in order, on the encoder's worker.
 *
 * A frame goes straight from the encoder's memory into the bitstream that waits for it. A bitstream that is too small
 * ends its task with MFX_ERR_NOT_ENOUGH_BUFFER, and the frame is kept for the next one; such refusals are counted, so
 * that the encoder knows that it owes one more. Only the counters may be read by other threads.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/softvpl/task.h"
#include "drivers/softvpl/vpl.h"

struct coded_queue;

struct coded_frame {
    const uint8_t *data; /* borrow: for the length of the call */
    size_t bytes;
    uint64_t time_stamp_90k;
    int64_t decode_time_stamp_90k;
    uint16_t frame_type, picture_structure;
};

struct coded_queue *coded_queue_create(struct task_table *tasks, unsigned requests); /* NULL: no memory */
void coded_queue_destroy(struct coded_queue *queue);                                 /* NULL is fine */
void coded_queue_clear(struct coded_queue *queue);                                   /* kept frames are dropped */

/* borrow: the bitstream, until the task ends */
void coded_queue_request(struct coded_queue *queue, mfxBitstream *bitstream, mfxSyncPoint point);
void coded_queue_add(struct coded_queue *queue, const struct coded_frame *frame);
bool coded_queue_wanting(const struct coded_queue *queue);          /* a request waits */
void coded_queue_fail(struct coded_queue *queue, mfxStatus status); /* ends all requests that wait */

uint64_t coded_queue_refused(const struct coded_queue *queue);
void coded_queue_statistics(const struct coded_queue *queue, uint32_t *frames, uint64_t *bits);
