/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/cut_plan.h"

#include <errno.h>
#include <string.h>

enum {
    KEPT_SEGMENTS = 64, /* behind a pin so far back the grid is in force again */
    ALONG_MAX = 3,      /* pins that make room for one between them */
};

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

/* A frame so many ticks later, where every rung has one. */
static int64_t later(const struct cut_plan *plan, int64_t frame, int64_t ticks_90k)
{
    int64_t multiple = plan->rate.frame_multiple ? plan->rate.frame_multiple : 1;
    int64_t found = timeline_frame_at_90k(&plan->rate, timeline_frame_tick_90k(&plan->rate, frame) + ticks_90k) /
                    multiple * multiple;
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

/* The pins from `segment` on, as many as stand side by side, take the numbers one higher each. */
static bool move_along(struct cut_plan *plan, int64_t segment)
{
    int first = pin_before(plan, segment), count = 0;

    while (is_pinned(plan, segment + count))
        if (++count > ALONG_MAX)
            return false;
    for (int i = 0; i < count; i++)
        plan->pins[first + i].number++;
    return true;
}

static bool may_take(const struct cut_plan *plan, int64_t segment, int64_t first_frame)
{
    return !is_pinned(plan, segment) && cut_plan_first_frame(plan, segment) >= first_frame;
}

int cut_plan_add(struct cut_plan *plan, int64_t frame, int64_t first_frame)
{
    forget_old(plan, first_frame);
    int64_t segment = cut_plan_segment_of(plan, frame);
    int64_t begins = cut_plan_first_frame(plan, segment);
    int64_t after_90k = timeline_frame_tick_90k(&plan->rate, frame) - timeline_frame_tick_90k(&plan->rate, begins);
    bool before = may_take(plan, segment, first_frame);

    if (plan->pin_count == CUT_PLAN_MAX)
        return -ENOBUFS;
    if (begins == frame) {
        if (!is_pinned(plan, segment)) /* so that it stays there, whatever else moves */
            insert(plan, segment, frame);
        return 0;
    }
    if (before && after_90k < plan->minimum_90k) {
        insert(plan, segment, frame);
        return 0;
    }
    if (is_pinned(plan, segment + 1) && !move_along(plan, segment + 1))
        return -ENOBUFS;
    insert(plan, segment + 1, frame);
    return 0;
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
        if (frame >= first_frame && back >= first_frame)
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
