/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deferred_segments.h - segments that were handed over and cannot be mapped for now (the box is short of memory, or of
 * places for mappings): they wait, in order, and so do those behind them, until they can.
 *
 * Nothing is copied: what waits is the descriptor, and the encode process keeps its own until it is acknowledged. Up to
 * DEFERRED_SEGMENTS_MAX wait; past it the oldest is given on as it is, for its owner to count as lost. One thread (the
 * loop's).
 *
 *     deferred_segments_create(&deferred, &config, &err);
 *     deferred_segments_put(deferred, &segment, memfd);      // take(me, &segment, memfd), at once or later
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "encode/handoff_format.h"

struct deferred_segments;
struct error;
struct loop;

enum { DEFERRED_SEGMENTS_MAX = 256 };

struct deferred_segments_config {
    struct loop *loop;                                                             /* borrow */
    void (*take)(void *context, const struct handoff_segment *segment, int memfd); /* memfd: give */
    void (*changed)(void *context, bool waits, const char *text);                  /* some wait, or none do any more */
    void *context;
};

int deferred_segments_create(struct deferred_segments **out, const struct deferred_segments_config *config,
                             struct error *err);
void deferred_segments_destroy(struct deferred_segments *deferred); /* nobody takes what waits; NULL is fine */
/* memfd: take. The last thing that it does is to give it on: it may be destroyed in that. */
void deferred_segments_put(struct deferred_segments *deferred, const struct handoff_segment *segment, int memfd);
void deferred_segments_drop(struct deferred_segments *deferred); /* what waits is given on to nobody */
unsigned deferred_segments_waiting(const struct deferred_segments *deferred);
uint64_t deferred_segments_count(const struct deferred_segments *deferred); /* how many have waited */
