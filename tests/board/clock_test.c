/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/timex.h>

#include <cmocka.h>

#include "board/clock.h"

static void fake_time_only_moves_by_hand(void **state)
{
    (void)state;
    struct fake_clock fake = fake_clock_at(1700000000 * NS_PER_S);
    uint64_t before = clock_monotonic_ns(&fake.clock);
    fake_clock_advance(&fake, 20 * NS_PER_MS);
    assert_true(clock_monotonic_ns(&fake.clock) - before == 20 * NS_PER_MS);
    assert_true(clock_utc_ns(&fake.clock) == 1700000000 * NS_PER_S + 20 * NS_PER_MS);
}

static void real_time_moves(void **state)
{
    (void)state;
    struct clock clock = clock_real();
    uint64_t before = clock_monotonic_ns(&clock);
    assert_true(clock_monotonic_ns(&clock) >= before);
    assert_true(clock_utc_ns(&clock) > 1700000000 * NS_PER_S);
}

/* Whatever it is here: it is asked, and stays as it is. */
static void the_machine_says_whether_its_clock_is_set(void **state)
{
    (void)state;
    struct timex timex = { .modes = 0 };
    if (adjtimex(&timex) < 0)
        skip();
    assert_int_equal(clock_is_set(), !(timex.status & STA_UNSYNC));
}

static void ticks_are_exact_and_do_not_overflow(void **state)
{
    (void)state;
    assert_true(ns_to_90k(NS_PER_S) == 90000);
    assert_true(ns_to_90k(4000000000 * NS_PER_S + 11111) == 4000000000 * 90000); /* year 2096 */
    assert_true(ns_to_90k(11112) == 1);
    assert_true(ns_from_90k(90000) == NS_PER_S);
    assert_true(ns_from_90k(4000000000 * UINT64_C(90000)) == 4000000000 * NS_PER_S);
    for (uint64_t ticks = 0; ticks < 100000; ticks += 7)
        assert_in_range(ns_to_90k(ns_from_90k(ticks) + 1), ticks, ticks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fake_time_only_moves_by_hand),
        cmocka_unit_test(real_time_moves),
        cmocka_unit_test(the_machine_says_whether_its_clock_is_set),
        cmocka_unit_test(ticks_are_exact_and_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
