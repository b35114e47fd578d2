/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/cut_plan.h"

#include <errno.h>
#include <string.h>

/* Behind a pin so far back the grid is in force again, and nobody asks any more where its segment began. */
enum { KEPT_SEGMENTS = 32 };

void cut_plan_init(struct cut_plan *plan, const struct timeline_rate *rate, int64_t length_90k, int64_t minimum_90k)
{
    bool said = minimum_90k > 0 && minimum_90k < length_90k / 2;
    *plan = (struct cut_plan){ .rate = *rate,
                               .length_90k = length_90k,
                               .minimum_90k = said ? minimum_90k : length_90k / 2 };
}

static int64_t grid(const struct cut_plan *plan, int64_t segment)
{
    return timeline_segment_first_frame(&plan->rate, plan->length_90k, segment);
}

/* The last frame up to so many ticks later that every rung has. */
static int64_t later(const struct cut_plan *plan, int64_t frame, int64_t ticks_90k)
{
    int64_t multiple = plan->rate.frame_multiple ? plan->rate.frame_multiple : 1;
    int64_t latest_90k = timeline_frame_tick_90k(&plan->rate, frame) + ticks_90k;
    int64_t found = timeline_frame_at_90k(&plan->rate, latest_90k) / multiple * multiple;

    if (timeline_frame_tick_90k(&plan->rate, found) > latest_90k)
        found -= multiple;
    return found > frame ? found : frame + multiple;
}

/* Index of the last pin with a number up to this one; -1: none. */
static int pin_before(const struct cut_plan *plan, int64_t segment)
{
    int index = (int)plan->pin_count - 1;
    while (index >= 0 && plan->pins[index].number > segment)
        index--;
    return index;
}

/* Of the boundary behind one at `frame`, where no splice has taken it. */
static int64_t follows(const struct cut_plan *plan, int64_t frame, int64_t segment)
{
    int64_t latest = later(plan, frame, plan->length_90k * 3 / 2), own = grid(plan, segment);
    return own < latest ? own : latest;
}

int64_t cut_plan_first_frame(const struct cut_plan *plan, int64_t segment)
{
    int index = pin_before(plan, segment);

    if (index < 0 || segment - plan->pins[index].number > KEPT_SEGMENTS)
        return grid(plan, segment);
    int64_t frame = plan->pins[index].frame;
    for (int64_t number = plan->pins[index].number + 1; number <= segment; number++) {
        frame = follows(plan, frame, number);
        if (frame == grid(plan, number))
            return grid(plan, segment);
    }
    return frame;
}

int64_t cut_plan_segment_of(const struct cut_plan *plan, int64_t frame)
{
    int64_t segment = timeline_segment_of_frame(&plan->rate, plan->length_90k, frame);

    if (!plan->pin_count)
        return segment;
    while (cut_plan_first_frame(plan, segment + 1) <= frame)
        segment++;
    while (cut_plan_first_frame(plan, segment) > frame)
        segment--;
    return segment;
}

bool cut_plan_is_moved(const struct cut_plan *plan, int64_t segment)
{
    return plan->pin_count && (cut_plan_first_frame(plan, segment) != grid(plan, segment) ||
                               cut_plan_first_frame(plan, segment + 1) != grid(plan, segment + 1));
}

/* ---- changes ---- */
static bool is_pinned(const struct cut_plan *plan, int64_t segment)
{
    int index = pin_before(plan, segment);
    return index >= 0 && plan->pins[index].number == segment;
}

static void forget_old(struct cut_plan *plan, int64_t frame)
{
    int64_t segment = timeline_segment_of_frame(&plan->rate, plan->length_90k, frame);
    unsigned old = 0;

    while (old < plan->pin_count && plan->pins[old].number < segment - KEPT_SEGMENTS)
        old++;
    plan->pin_count -= old;
    memmove(plan->pins, plan->pins + old, plan->pin_count * sizeof plan->pins[0]);
}

static void insert(struct cut_plan *plan, int64_t number, int64_t frame)
{
    unsigned at = (unsigned)(pin_before(plan, number) + 1);

    memmove(plan->pins + at + 1, plan->pins + at, (plan->pin_count - at) * sizeof plan->pins[0]);
    plan->pins[at].number = number;
    plan->pins[at].frame = frame;
    plan->pin_count++;
}

/* The next pin from `segment` on, and those side by side with it, take the numbers one higher each. */
static void move_along(struct cut_plan *plan, int64_t segment)
{
    unsigned first = (unsigned)(pin_before(plan, segment - 1) + 1);

    for (unsigned i = first; i < plan->pin_count; i++) {
        bool along = i + 1 < plan->pin_count && plan->pins[i + 1].number == plan->pins[i].number + 1;
        plan->pins[i].number++;
        if (!along)
            return;
    }
}

/* Whether a segment has pictures, and is no longer than one and a half lengths. */
static bool fits(const struct cut_plan *plan, int64_t segment)
{
    int64_t begins = cut_plan_first_frame(plan, segment), ends = cut_plan_first_frame(plan, segment + 1);
    return ends > begins && ends <= later(plan, begins, plan->length_90k * 3 / 2);
}

static bool is_near_grid(const struct cut_plan *plan, int64_t segment, int64_t frame)
{
    int64_t apart_90k =
        timeline_frame_tick_90k(&plan->rate, frame) - timeline_frame_tick_90k(&plan->rate, grid(plan, segment));
    return apart_90k <= plan->length_90k && apart_90k >= -plan->length_90k;
}

/* What pins have fixed from first_frame on is as the header says; between them follows() sees to it. */
static bool is_sound(const struct cut_plan *plan, int64_t first_frame)
{
    for (unsigned i = 0; i < plan->pin_count; i++) {
        int64_t number = plan->pins[i].number, frame = plan->pins[i].frame;
        if (cut_plan_first_frame(plan, number + 1) >= first_frame && !fits(plan, number))
            return false;
        if (frame >= first_frame && (!is_near_grid(plan, number, frame) || !fits(plan, number - 1)))
            return false;
    }
    return true;
}

/* Takes the number for the frame; `along`: what comes behind makes room. False: nothing is changed. */
static bool take(struct cut_plan *plan, int64_t segment, int64_t frame, int64_t first_frame, bool along)
{
    struct cut_plan with = *plan;

    if (cut_plan_first_frame(plan, segment) < first_frame)
        return false;
    if (along)
        move_along(&with, segment);
    if (is_pinned(&with, segment))
        return false;
    insert(&with, segment, frame);
    if (!is_sound(&with, first_frame))
        return false;
    *plan = with;
    return true;
}

int cut_plan_add(struct cut_plan *plan, int64_t frame, int64_t first_frame)
{
    forget_old(plan, first_frame);
    int64_t segment = cut_plan_segment_of(plan, frame);
    int64_t begins = cut_plan_first_frame(plan, segment);
    int64_t after_90k = timeline_frame_tick_90k(&plan->rate, frame) - timeline_frame_tick_90k(&plan->rate, begins);

    if (plan->pin_count == CUT_PLAN_MAX)
        return -ENOBUFS;
    if (begins == frame) {
        if (!is_pinned(plan, segment)) /* so that it stays there, whatever else moves */
            insert(plan, segment, frame);
        return 0;
    }
    if (after_90k < plan->minimum_90k && take(plan, segment, frame, first_frame, false))
        return 0;
    if (take(plan, segment + 1, frame, first_frame, false) || take(plan, segment + 1, frame, first_frame, true) ||
        take(plan, segment, frame, first_frame, false))
        return 0;
    return -ENOBUFS;
}

void cut_plan_remove(struct cut_plan *plan, int64_t frame, int64_t first_frame)
{
    for (unsigned i = 0; i < plan->pin_count; i++) {
        if (plan->pins[i].frame != frame)
            continue;
        struct cut_plan without = *plan;
        memmove(without.pins + i, without.pins + i + 1, (without.pin_count - i - 1) * sizeof without.pins[0]);
        without.pin_count--;
        int64_t back = cut_plan_first_frame(&without, plan->pins[i].number);
        if (frame >= first_frame && back >= first_frame && is_sound(&without, first_frame))
            *plan = without;
        return;
    }
}

unsigned cut_plan_moved_frames(const struct cut_plan *plan, int64_t first_frame, int64_t *frames, unsigned max)
{
    unsigned count = 0;

    for (unsigned i = 0; i < plan->pin_count; i++) {
        int64_t number = plan->pins[i].number, frame = plan->pins[i].frame;
        int64_t next = i + 1 < plan->pin_count ? plan->pins[i + 1].number : INT64_MAX;
        for (; number < next && count < max; frame = follows(plan, frame, ++number)) {
            if (number != plan->pins[i].number && frame == grid(plan, number))
                break;
            if (frame >= first_frame && frame != grid(plan, number))
                frames[count++] = frame;
        }
    }
    return count;
}
