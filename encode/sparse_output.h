/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sparse_output.h - the SCTE 35 messages of the source as a stream of Smooth Streaming of their own: a sparse track
 * (smooth_boxes.h).
 *
 * A message is handed over at once, as a segment with one fragment: its time is when the message came, and it tells how
 * much later the splice is. Segment numbers are these times in ticks, so they rise, and are the same in both pipelines.
 * Before any message a segment with nothing but the header is handed over: a publishing point wants to know of all
 * streams at the start. A message that could not be written is counted. One thread.
 *
 *     sparse_output_create(&output, &config, &err);
 *     sparse_output_start(output, first_tick_90k);
 *     sparse_output_message(output, &(struct sparse_message){ .arrival_90k = t, .event_90k = t + 360000, ... });
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "encode/handoff_format.h"

struct encode_sparse;
struct error;
struct log;
struct sparse_output;

struct sparse_message {
    int64_t arrival_90k; /* timeline; later than that of the message before */
    int64_t event_90k;   /* not before it, at most SMOOTH_MESSAGE_AHEAD_MAX_90K later */
    int64_t duration_90k;
    int64_t shift_90k; /* timeline minus the times in the section */
    uint32_t id;
    const void *section; /* borrow during the call */
    size_t bytes;
};

struct sparse_output_config {
    const struct encode_sparse *sparse; /* borrow: outlives the output */
    /* A finished segment, as in package.h; arrival and closing times are not set. memfd: take. */
    void (*on_segment)(void *context, struct handoff_segment *segment, int memfd);
    void *context;
    const struct log *log;
};

struct sparse_output_counters {
    uint64_t messages, failed; /* handed over; no memory for them, or before the times' origin */
};

int sparse_output_create(struct sparse_output **out, const struct sparse_output_config *config, struct error *err);
void sparse_output_destroy(struct sparse_output *output); /* NULL is fine */
void sparse_output_start(struct sparse_output *output, int64_t tick_90k);
void sparse_output_message(struct sparse_output *output, const struct sparse_message *message);
struct sparse_output_counters sparse_output_counters(const struct sparse_output *output);
