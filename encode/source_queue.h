/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source_queue.h - items from the demultiplexing thread to the pipeline's, oldest first, bounded in number and bytes.
 * Full: the putter waits. Thread-safe: one putter, one taker.
 *
 *     source_queue_put(queue, &item);             // takes the item; false: the queue was closed, item released
 *     if (source_queue_take(queue, &item, 10)) ...
 */
#pragma once
#include <stdbool.h>

struct source_item;
struct source_queue;

struct source_queue *source_queue_create(void); /* give; NULL: no memory */
void source_queue_destroy(struct source_queue *queue);
bool source_queue_put(struct source_queue *queue, const struct source_item *item);
bool source_queue_take(struct source_queue *queue, struct source_item *item, unsigned timeout_ms);
void source_queue_close(struct source_queue *queue); /* wakes the putter for good */
unsigned source_queue_high_water(struct source_queue *queue);
