/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "board/clock.h"

#define MS ((int64_t)NS_PER_MS)

/* Notes a lag that changes steadily, every 40 ms; returns the lag at the end. */
static int64_t note(struct pace *pace, uint64_t *now_ns, int64_t lag_ns, int64_t change_in_a_second_ns,
                    unsigned seconds)
{
    for (unsigned i = 0; i < seconds * 25; i++) {
        pace_note(pace, *now_ns, lag_ns);
        *now_ns += 40 * NS_PER_MS;
        lag_ns += change_in_a_second_ns / 25;
    }
    return lag_ns;
}

static unsigned left_out_of(struct pace *pace, unsigned pictures)
{
    unsigned count = 0;
    for (unsigned i = 0; i < pictures; i++)
        count += pace_leaves_out(pace);
    return count;
}

static void who_is_in_time_leaves_nothing_out(void **state)
{
    (void)state;
    struct pace pace = { 0 };
    uint64_t now_ns = NS_PER_S;
    note(&pace, &now_ns, 450 * MS, 0, 20); /* the source is lost: filled late */
    note(&pace, &now_ns, 1900 * MS, 0, 20);
    assert_false(pace_is_behind(&pace));
    assert_int_equal(left_out_of(&pace, 100), 0);
}

static void reading_up_is_no_overload(void **state)
{
    (void)state;
    struct pace pace = { 0 };
    uint64_t now_ns = NS_PER_S;
    assert_true(note(&pace, &now_ns, 20000 * MS, -500 * MS, 40) < 700 * MS); /* at one and a half times real time */
    assert_false(pace_is_behind(&pace));
    assert_int_equal(pace.left_out, 0);
}

static void an_overload_is_shed_evenly_until_it_is_over(void **state)
{
    (void)state;
    struct pace pace = { 0 };
    uint64_t now_ns = NS_PER_S;
    int64_t lag_ns = note(&pace, &now_ns, 0, 400 * MS, 8); /* too slow by two fifths */
    assert_true(pace_is_behind(&pace) && pace.level == 1);
    assert_int_equal(left_out_of(&pace, 100), 50);
    lag_ns = note(&pace, &now_ns, lag_ns, 50 * MS, 2); /* not enough yet */
    assert_int_equal(pace.level, 2);
    assert_int_equal(left_out_of(&pace, 99), 66);
    lag_ns = note(&pace, &now_ns, lag_ns, -300 * MS, 3);
    assert_true(pace.level == 2 && lag_ns > 2000 * MS);
    lag_ns = note(&pace, &now_ns, lag_ns, -300 * MS, 3);
    assert_true(lag_ns < 2000 * MS && lag_ns > 1200 * MS && pace.level == 2); /* to the end, not to and fro */
    note(&pace, &now_ns, lag_ns, -300 * MS, 3);
    assert_false(pace_is_behind(&pace));
    assert_int_equal(left_out_of(&pace, 10), 0);
    assert_int_equal(pace.left_out, 50 + 66);
}

/* After an overload the source itself comes a second later, and that stays: nothing is slow any more. */
static void a_source_that_has_become_later_is_no_overload(void **state)
{
    (void)state;
    struct pace pace = { 0 };
    uint64_t now_ns = NS_PER_S;
    note(&pace, &now_ns, 0, 400 * MS, 8);
    assert_true(pace_is_behind(&pace));
    note(&pace, &now_ns, 1100 * MS, 0, 4);
    assert_false(pace_is_behind(&pace));
}

static void it_never_leaves_out_more_than_three_of_four(void **state)
{
    (void)state;
    struct pace pace = { 0 };
    uint64_t now_ns = NS_PER_S;
    note(&pace, &now_ns, 0, 900 * MS, 60);
    assert_int_equal(pace.level, PACE_LEVEL_MAX);
    assert_int_equal(left_out_of(&pace, 100), 75);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_in_time_leaves_nothing_out),
        cmocka_unit_test(reading_up_is_no_overload),
        cmocka_unit_test(an_overload_is_shed_evenly_until_it_is_over),
        cmocka_unit_test(a_source_that_has_become_later_is_no_overload),
        cmocka_unit_test(it_never_leaves_out_more_than_three_of_four),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
