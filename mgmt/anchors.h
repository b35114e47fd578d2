/* SPDX-License-Identifier: GPL-2.0-or-later */
/* anchors.h - one channel's agreed differences between source timelines and its own: what locks the twins.
 *
 * A pipeline that meets a new source timeline asks; if a known anchor puts the picture where its arrival says (within
 * 1 s, the source clock's drift considered), that one is the answer, so that the second pipeline to ask gets what the
 * first got; else a new one is made from the arrival, and from where the pipeline's output is: drift of a source or a
 * clock that was set may have taken it away from UTC, and what lies behind the output's end is never shown. The last
 * HANDOFF_ANCHORS_MAX are kept, and saved in the spool (by mgmt/inbox.h). Pure state: no I/O, time comes in with the
 * calls. All zero is a channel that never ran.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "encode/handoff_format.h"
#include "encode/timeline.h"

struct anchors {
    struct handoff_anchor known[HANDOFF_ANCHORS_MAX];    /* newest first; id 0 ends */
    uint64_t next_id;                                    /* 1 at first */
    uint64_t in_use[2];                                  /* id that each pipeline reports; 0: none */
    int64_t reached_90k[2];                              /* end of its newest segment; 0: none */
    uint32_t framerate_numerator, framerate_denominator; /* of the channel; 0: not known yet */
};

/* The anchor for a picture with pts_90k that arrived at arrival_90k. */
struct handoff_anchor anchors_answer(struct anchors *anchors, unsigned pipeline,
                                     const struct handoff_anchor_request *request);
/* A pipeline begins, and resumes behind tick_90k (0: fresh); a segment of it, whatever is in it, ends at tick_90k. */
void anchors_resume(struct anchors *anchors, unsigned pipeline, int64_t tick_90k);
void anchors_reach(struct anchors *anchors, unsigned pipeline, int64_t tick_90k);
/* A pipeline tells which anchor it uses (also one it had to choose alone: kept, so that its twin can follow it). */
void anchors_use(struct anchors *anchors, unsigned pipeline, const struct handoff_anchor *anchor);
/* The source packet that completed a segment which ends at tick_90k arrived at utc_90k: follows the source clock's
 * drift. Arrival, not the time when the segment was finished: what the pipeline adds must not look like drift. */
void anchors_follow(struct anchors *anchors, unsigned pipeline, int64_t tick_90k, int64_t utc_90k);
bool anchors_locked(const struct anchors *anchors); /* both pipelines use the same one */

/* For the spool. Which pipeline uses which, and how far it has come, is not saved: that is known when they connect. */
json_t *anchors_json(const struct anchors *anchors);                /* give */
int anchors_from_json(struct anchors *anchors, const json_t *json); /* -EBADMSG: not anchors; they are all zero then */
