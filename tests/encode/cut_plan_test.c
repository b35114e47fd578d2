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

static void breaks_shorter_than_a_segment(void **state)
{
    (void)state;
    static const int64_t splices[] = { 20, 30, 45 };
    struct cut_plan plan = plan_of(0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(cut_plan_add(&plan, at(splices[i]), at(-100)), 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(cut_plan_first_frame(&plan, cut_plan_segment_of(&plan, at(splices[i]))), at(splices[i]));
    assert_whole(&plan, LENGTH * 3 / 2);
}

static void what_is_told_in_another_order_is_cut_as_well(void **state)
{
    (void)state;
    static const int64_t splices[] = { 45, 20, 30 };
    struct cut_plan plan = plan_of(0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(cut_plan_add(&plan, at(splices[i]), at(-100)), 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(cut_plan_first_frame(&plan, cut_plan_segment_of(&plan, at(splices[i]))), at(splices[i]));
    assert_whole(&plan, LENGTH * 3 / 2);
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
        cmocka_unit_test(a_cancelled_splice_gives_its_boundary_back),
        cmocka_unit_test(many_breaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
