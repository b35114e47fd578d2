/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cut_plan_test.c - boundaries of 2 s segments at 25 pictures a second (50 frames each), moved to splices. */
#include "encode/cut_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

#define LENGTH_90K INT64_C(180000)

enum { LENGTH = 50, NUMBER = 900000000 };

static const struct timeline_rate rate_25 = { 25, 1, 1 };

/* Frame so many frames behind the begin of segment NUMBER. */
static int64_t at(int64_t frames)
{
    return (int64_t)NUMBER * LENGTH + frames;
}

static struct cut_plan plan_of(double minimum_s)
{
    struct cut_plan plan;
    cut_plan_init(&plan, &rate_25, LENGTH_90K, (int64_t)(minimum_s * 90000));
    return plan;
}

/* Where segment NUMBER + n begins, in frames behind the begin of segment NUMBER on the grid. */
static int64_t begin_of(const struct cut_plan *plan, int n)
{
    return cut_plan_first_frame(plan, NUMBER + n) - at(0);
}

/* Numbers and begins fit together, and no segment is longer than said. */
static void assert_whole(const struct cut_plan *plan, int64_t longest)
{
    for (int n = -5; n < 20; n++) {
        int64_t begins = cut_plan_first_frame(plan, NUMBER + n), ends = cut_plan_first_frame(plan, NUMBER + n + 1);
        assert_in_range(ends - begins, 1, longest);
        for (int64_t frame = begins; frame < ends; frame++)
            assert_int_equal(cut_plan_segment_of(plan, frame), NUMBER + n);
    }
    assert_int_equal(begin_of(plan, 19), 19 * LENGTH); /* on the grid again */
    assert_int_equal(begin_of(plan, -5), -5 * LENGTH);
}

static void without_splices_it_is_the_grid(void **state)
{
    (void)state;
    struct cut_plan plan = plan_of(0);
    assert_whole(&plan, LENGTH);
    assert_false(cut_plan_is_moved(&plan, NUMBER));
}

static void the_nearer_boundary_moves(void **state)
{
    (void)state;
    struct cut_plan plan = plan_of(0);
    assert_int_equal(cut_plan_add(&plan, at(10), at(-200)), 0); /* just behind the begin of segment 0 */
    assert_int_equal(begin_of(&plan, 0), 10);
    assert_int_equal(begin_of(&plan, 1), LENGTH);
    assert_whole(&plan, LENGTH + 10);
    assert_true(cut_plan_is_moved(&plan, NUMBER - 1) && cut_plan_is_moved(&plan, NUMBER));
    assert_false(cut_plan_is_moved(&plan, NUMBER + 1) || cut_plan_is_moved(&plan, NUMBER - 2));
    plan = plan_of(0);
    assert_int_equal(cut_plan_add(&plan, at(40), at(-200)), 0); /* just before its end */
    assert_int_equal(begin_of(&plan, 0), 0);
    assert_int_equal(begin_of(&plan, 1), 40);
    assert_whole(&plan, LENGTH + 10);
}

static void a_smaller_minimum_ends_early(void **state)
{
    (void)state;
    struct cut_plan plan = plan_of(0.2); /* 5 frames */
    assert_int_equal(cut_plan_add(&plan, at(10), at(-200)), 0);
    assert_int_equal(begin_of(&plan, 0), 0);
    assert_int_equal(begin_of(&plan, 1), 10);
    assert_int_equal(begin_of(&plan, 2), 10 + LENGTH * 3 / 2); /* no longer than one and a half */
    assert_whole(&plan, LENGTH * 3 / 2);
    plan = plan_of(0.2);
    assert_int_equal(cut_plan_add(&plan, at(4), at(-200)), 0);
    assert_int_equal(begin_of(&plan, 0), 4);
}

static void a_boundary_that_is_over_stays(void **state)
{
    (void)state;
    struct cut_plan plan = plan_of(0);
    assert_int_equal(cut_plan_add(&plan, at(10), at(5)), 0); /* segment 0 had begun when the message came */
    assert_int_equal(begin_of(&plan, 0), 0);
    assert_int_equal(begin_of(&plan, 1), 10);
    assert_int_equal(begin_of(&plan, 2), 85);
    assert_whole(&plan, LENGTH * 3 / 2);
    int64_t frames[8];
    assert_int_equal(cut_plan_moved_frames(&plan, at(5), frames, 8), 2);
    assert_int_equal(frames[0], at(10));
    assert_int_equal(frames[1], at(85));
    assert_int_equal(cut_plan_moved_frames(&plan, at(11), frames, 8), 1);
    assert_int_equal(cut_plan_moved_frames(&plan, at(5), frames, 1), 1);
}

static void a_splice_on_the_grid_moves_nothing(void **state)
{
    (void)state;
    struct cut_plan plan = plan_of(0);
    int64_t frames[8];
    assert_int_equal(cut_plan_add(&plan, at(LENGTH), at(0)), 0);
    assert_int_equal(cut_plan_add(&plan, at(LENGTH), at(0)), 0); /* again */
    assert_int_equal(plan.pin_count, 1);
    assert_whole(&plan, LENGTH);
    assert_int_equal(cut_plan_moved_frames(&plan, at(0), frames, 8), 0);
    assert_int_equal(cut_plan_add(&plan, at(LENGTH - 5), at(0)), 0); /* it holds its place beside another */
    assert_int_equal(cut_plan_segment_of(&plan, at(LENGTH)), cut_plan_segment_of(&plan, at(LENGTH - 5)) + 1);
    assert_int_equal(cut_plan_first_frame(&plan, cut_plan_segment_of(&plan, at(LENGTH))), at(LENGTH));
}

static void expect_cuts(const int64_t splices[3])
{
    struct cut_plan plan = plan_of(0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(cut_plan_add(&plan, at(splices[i]), at(-100)), 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(cut_plan_first_frame(&plan, cut_plan_segment_of(&plan, at(splices[i]))), at(splices[i]));
    assert_whole(&plan, LENGTH * 3 / 2);
}

static void breaks_shorter_than_a_segment(void **state)
{
    (void)state;
    static const int64_t splices[] = { 20, 30, 55 };
    expect_cuts(splices);
}

static void what_is_told_in_another_order_is_cut_as_well(void **state)
{
    (void)state;
    static const int64_t splices[] = { 55, 20, 30 };
    expect_cuts(splices);
}

static void too_many_at_once_are_refused(void **state)
{
    (void)state;
    struct cut_plan plan = plan_of(0);
    int refused = 0;
    for (int i = 20; i > 0; i--)
        refused += cut_plan_add(&plan, at(i), at(-1)) == -ENOBUFS;
    assert_in_range(refused, 1, 19);
    for (int n = -5; n < 30; n++)
        assert_true(begin_of(&plan, n) < begin_of(&plan, n + 1));
}

/* Ten seconds, splices where neither boundary of the grid is near: the one before is not taken if what it would
 * lengthen has moved itself. */
static void a_segment_that_begins_late_is_not_lengthened(void **state)
{
    (void)state;
    struct cut_plan plan;
    cut_plan_init(&plan, &rate_25, 900000, 0);
    int64_t start = timeline_segment_first_frame(&rate_25, 900000, NUMBER);
    assert_int_equal(cut_plan_add(&plan, start + 378, start - 100), 0); /* 15.12 s */
    assert_int_equal(cut_plan_add(&plan, start + 870, start + 400), 0); /* 34.80 s */
    for (int64_t n = NUMBER - 3; n < NUMBER + 9; n++)
        assert_in_range(cut_plan_first_frame(&plan, n + 1) - cut_plan_first_frame(&plan, n), 1, 375);
    assert_int_equal(cut_plan_first_frame(&plan, cut_plan_segment_of(&plan, start + 870)), start + 870);
}

/* A splice every half length: numbers do not run away from the grid, and it is in force again soon behind them. */
static void numbers_stay_near_the_grid(void **state)
{
    (void)state;
    struct cut_plan plan = plan_of(0);
    unsigned cut = 0;
    for (int i = 1; i <= 60; i++)
        cut += cut_plan_add(&plan, at(i * 25 + 3), at(i * 25 - 60)) == 0;
    assert_in_range(cut, 30, 59);
    for (int n = 0; n < 34; n++)
        assert_in_range(begin_of(&plan, n) - n * LENGTH + LENGTH, 0, 2 * LENGTH);
    assert_int_equal(begin_of(&plan, 34), 34 * LENGTH);
}

/* More breaks than can be kept, with long segments: those that are over make room. */
static void old_pins_make_room(void **state)
{
    (void)state;
    struct cut_plan plan = plan_of(0);
    for (int i = 0; i < 400; i++)
        assert_int_equal(cut_plan_add(&plan, at(i * 60), at(i * 60 - 70)), 0);
    assert_true(plan.pin_count <= CUT_PLAN_MAX);
}

static void assert_bounds(const struct cut_plan *plan, int64_t from, int64_t to)
{
    int64_t longest_90k = plan->length_90k * 3 / 2, before = cut_plan_first_frame(plan, from);
    for (int64_t n = from; n < to; n++) {
        int64_t ends = cut_plan_first_frame(plan, n + 1);
        int64_t begins_90k = timeline_frame_tick_90k(&plan->rate, before);
        int64_t grid = timeline_segment_first_frame(&plan->rate, plan->length_90k, n);
        assert_true(ends > before);
        assert_true(timeline_frame_tick_90k(&plan->rate, ends) - begins_90k <= longest_90k);
        assert_in_range(begins_90k - timeline_frame_tick_90k(&plan->rate, grid) + plan->length_90k, 0,
                        2 * plan->length_90k);
        assert_int_equal(cut_plan_segment_of(plan, before), n);
        assert_int_equal(cut_plan_segment_of(plan, ends - 1), n);
        before = ends;
    }
}

static unsigned next_random(unsigned *random, unsigned below)
{
    *random = *random * 1103515245 + 12345;
    return (*random >> 16) % below;
}

/* Splices told in any order, some called off: no segment is longer than one and a half lengths, no number far from the
 * grid, what is encoded stays as it was, and what was taken has a segment of its own. spread: frames, from now on. */
static void try_splices(const struct timeline_rate *rate, int64_t length_90k, unsigned spread, unsigned *random)
{
    enum { SPLICES = 150 };
    struct cut_plan plan, before;
    cut_plan_init(&plan, rate, length_90k, (int64_t)next_random(random, 4) * length_90k / 8);
    int64_t now = timeline_segment_first_frame(rate, length_90k, 300000000), added[SPLICES];
    for (unsigned i = 0; i < SPLICES; i++) {
        int64_t multiple = rate->frame_multiple, segment = cut_plan_segment_of(&plan, now);
        added[i] = now + next_random(random, spread) / multiple * multiple;
        before = plan;
        int result = cut_plan_add(&plan, added[i], now);
        assert_true(result == 0 || result == -ENOBUFS);
        if (result == 0)
            assert_int_equal(cut_plan_first_frame(&plan, cut_plan_segment_of(&plan, added[i])), added[i]);
        if (next_random(random, 5) == 0)
            cut_plan_remove(&plan, added[next_random(random, i + 1)], now);
        assert_bounds(&plan, segment - 2, segment + 12);
        for (int64_t n = segment - 2; n <= segment && cut_plan_first_frame(&before, n) < now; n++)
            assert_int_equal(cut_plan_first_frame(&plan, n), cut_plan_first_frame(&before, n));
        now += next_random(random, 2) * next_random(random, spread) / multiple * multiple;
    }
}

static void no_segment_is_too_long_whatever_the_splices(void **state)
{
    (void)state;
    static const struct timeline_rate rates[] = { { 25, 1, 1 }, { 30000, 1001, 2 }, { 50, 1, 4 } };
    unsigned random = 7;
    for (unsigned i = 0; i < 90; i++) {
        int64_t length_90k = (1 + next_random(&random, 10)) * INT64_C(90000);
        unsigned frames = (unsigned)timeline_segment_first_frame(&rates[i % 3], length_90k, 1);
        try_splices(&rates[i % 3], length_90k, frames / 2 + next_random(&random, 7 * frames), &random);
    }
}

/* In their order, told in time, and apart so far that whole segments fit between them: each gets its segment. */
static void splices_with_room_between_them_are_never_refused(void **state)
{
    (void)state;
    unsigned random = 3;
    struct cut_plan plan = plan_of(0);
    int64_t frame = at(0);
    for (unsigned i = 0; i < 3000; i++) {
        frame += next_random(&random, 2) ? LENGTH + next_random(&random, 26) : 2 * LENGTH + next_random(&random, 130);
        assert_int_equal(cut_plan_add(&plan, frame, frame - 100), 0);
        assert_bounds(&plan, cut_plan_segment_of(&plan, frame) - 2, cut_plan_segment_of(&plan, frame) + 4);
    }
}

static void a_cancelled_splice_gives_its_boundary_back(void **state)
{
    (void)state;
    struct cut_plan plan = plan_of(0);
    cut_plan_add(&plan, at(10), at(-200));
    cut_plan_remove(&plan, at(11), at(-100)); /* none is there */
    assert_int_equal(begin_of(&plan, 0), 10);
    cut_plan_remove(&plan, at(10), at(-100));
    assert_whole(&plan, LENGTH);
    cut_plan_add(&plan, at(10), at(-200));
    cut_plan_remove(&plan, at(10), at(5)); /* where the grid has it is over: it stays */
    assert_int_equal(begin_of(&plan, 0), 10);
}

/* What an endless channel does: old pins make room, and nothing is ever out of step for long. */
static void many_breaks(void **state)
{
    (void)state;
    static const struct timeline_rate rate = { 30000, 1001, 2 };
    struct cut_plan plan, late;
    unsigned random = 1;
    cut_plan_init(&plan, &rate, 540000, 0);
    cut_plan_init(&late, &rate, 540000, 0);
    int64_t frame = timeline_segment_first_frame(&rate, 540000, 300000000);
    for (unsigned i = 0; i < 300; i++) {
        random = random * 1103515245 + 12345;
        frame += 200 + (random >> 16) % 2000 / 2 * 2;
        assert_int_equal(cut_plan_add(&plan, frame, frame - 120), 0);
        if (i >= 290)
            assert_int_equal(cut_plan_add(&late, frame, frame - 120), 0);
        int64_t number = cut_plan_segment_of(&plan, frame);
        assert_int_equal(cut_plan_first_frame(&plan, number), frame);
        assert_in_range(number - timeline_segment_of_frame(&rate, 540000, frame) + 1, 0, 2);
    }
    for (int64_t n = -4; n < 20; n++) /* begun 290 breaks later: the same */
        assert_int_equal(cut_plan_first_frame(&late, cut_plan_segment_of(&plan, frame) + n),
                         cut_plan_first_frame(&plan, cut_plan_segment_of(&plan, frame) + n));
    assert_true(plan.pin_count <= CUT_PLAN_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_splices_it_is_the_grid),
        cmocka_unit_test(the_nearer_boundary_moves),
        cmocka_unit_test(a_smaller_minimum_ends_early),
        cmocka_unit_test(a_boundary_that_is_over_stays),
        cmocka_unit_test(a_splice_on_the_grid_moves_nothing),
        cmocka_unit_test(breaks_shorter_than_a_segment),
        cmocka_unit_test(what_is_told_in_another_order_is_cut_as_well),
        cmocka_unit_test(too_many_at_once_are_refused),
        cmocka_unit_test(a_segment_that_begins_late_is_not_lengthened),
        cmocka_unit_test(numbers_stay_near_the_grid),
        cmocka_unit_test(old_pins_make_room),
        cmocka_unit_test(no_segment_is_too_long_whatever_the_splices),
        cmocka_unit_test(splices_with_room_between_them_are_never_refused),
        cmocka_unit_test(a_cancelled_splice_gives_its_boundary_back),
        cmocka_unit_test(many_breaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
