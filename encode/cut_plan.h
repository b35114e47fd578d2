/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cut_plan.h - where segments begin that are cut at splices: the grid of the timeline with some of its boundaries
 * moved.
 *
 * A splice adds no segment. It takes a boundary of the grid and moves it to the frame of the splice, so that as many
 * segments begin in an hour as without, and number n always lies where the grid has it, within a segment's length.
 * Whoever knows of no splice, was started later or missed a message is in step again at the next boundary that is not
 * moved.
 *
 * Which boundary: the one behind the splice, so that a segment ends early; but the one before it, so that a segment
 * ends late, where the early end would leave less than `minimum_90k` and that boundary is still to come. Behind a
 * boundary that was moved the next ones move too, as far as it takes to have no segment longer than one and a half
 * times the length. That bound, and the one to the grid, hold always: where the one boundary would break them, it is
 * the other, or those of later splices take numbers one higher; and where none can be found, the splice is refused.
 * Pure state; the same calls give the same plan.
 *
 *     cut_plan_init(&plan, &rate, 180000, 0);
 *     cut_plan_add(&plan, splice_frame, first_frame);          // nothing before first_frame is changed any more
 *     number = cut_plan_segment_of(&plan, frame);
 *     begins = cut_plan_first_frame(&plan, number) == frame;
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "encode/timeline.h"

enum { CUT_PLAN_MAX = 128 }; /* some 30 that are over, and begin and end of as many avails as are known */

struct cut_plan {
    struct timeline_rate rate;
    int64_t length_90k, minimum_90k;
    struct {
        int64_t number, frame;
    } pins[CUT_PLAN_MAX]; /* boundaries that splices have taken; both rise */
    unsigned pin_count;
};

/* minimum_90k: up to half of the length, which 0 means. */
void cut_plan_init(struct cut_plan *plan, const struct timeline_rate *rate, int64_t length_90k, int64_t minimum_90k);
int64_t cut_plan_first_frame(const struct cut_plan *plan, int64_t segment);
int64_t cut_plan_segment_of(const struct cut_plan *plan, int64_t frame);
/* Whether the segment is another than the grid's. */
bool cut_plan_is_moved(const struct cut_plan *plan, int64_t segment);

/* Lets a segment begin at `frame`, a multiple of the rate's and not before `first_frame`; frames before that are
 * encoded already. 0: it does. -ENOBUFS: splices lie too close together, or there are too many, and nothing is
 * changed. */
int cut_plan_add(struct cut_plan *plan, int64_t frame, int64_t first_frame);
/* The splice is called off: its boundary goes back to the grid, unless that is over, or what else is moved needs it. */
void cut_plan_remove(struct cut_plan *plan, int64_t frame, int64_t first_frame);
/* Frames from first_frame on at which segments begin off the grid, and so need an IDR picture of their own. Returns
 * how many were written. */
unsigned cut_plan_moved_frames(const struct cut_plan *plan, int64_t first_frame, int64_t *frames, unsigned max);
