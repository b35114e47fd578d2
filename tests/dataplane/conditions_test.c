/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A condition is there as long as its cause is reported and a while longer, and then clears itself. And the time that
 * everything is stamped with: it follows the clocks and never runs back.
 */
#include "dataplane/conditions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/timebase.h"

static const char *text_of(const json_t *list, size_t place, const char *key)
{
    return json_string_value(json_object_get(json_array_get(list, place), key));
}

static void a_condition_is_raised_once_and_clears_itself(void **state)
{
    (void)state;
    struct fake_clock fake = fake_clock_at(1700000000 * NS_PER_S);
    struct conditions *conditions = conditions_create(&fake.clock, NULL, CONDITION_HOLD_NS);
    conditions_report(conditions, CONDITION_LOST, "news", 10, "lost");
    fake_clock_advance(&fake, 3 * NS_PER_S);
    conditions_report(conditions, CONDITION_LOST, "news", 5, "lost");
    json_t *list = conditions_json(conditions);
    assert_int_equal(json_array_size(list), 1);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "id")), 4102);
    assert_string_equal(text_of(list, 0, "type"), "packets_lost");
    assert_string_equal(text_of(list, 0, "name"), "news");
    assert_string_equal(text_of(list, 0, "message"), "lost (15 packets)");
    assert_string_equal(text_of(list, 0, "since"), "2023-11-14T22:13:20Z");
    json_decref(list);
    fake_clock_advance(&fake, CONDITION_HOLD_NS - 1);
    conditions_turn(conditions);
    assert_int_equal(conditions_count(conditions), 1);
    fake_clock_advance(&fake, 1);
    conditions_turn(conditions);
    assert_int_equal(conditions_count(conditions), 0);
    conditions_report(conditions, CONDITION_LOST, "news", 1, "lost"); /* a new one begins to count anew */
    list = conditions_json(conditions);
    assert_string_equal(text_of(list, 0, "message"), "lost (1 packets)");
    json_decref(list);
    conditions_destroy(conditions);
}

static void conditions_of_others_stay(void **state)
{
    (void)state;
    struct fake_clock fake = fake_clock_at(1700000000 * NS_PER_S);
    struct conditions *conditions = conditions_create(&fake.clock, NULL, CONDITION_HOLD_NS);
    conditions_report(conditions, CONDITION_SILENT, "news", 0, "silent");
    conditions_report(conditions, CONDITION_SILENT, "sport", 0, "silent");
    conditions_report(conditions, CONDITION_LOST, "news", 0, "lost");
    fake_clock_advance(&fake, 4 * NS_PER_S);
    conditions_report(conditions, CONDITION_SILENT, "sport", 0, "silent");
    fake_clock_advance(&fake, 2 * NS_PER_S);
    conditions_turn(conditions);
    json_t *list = conditions_json(conditions);
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(text_of(list, 0, "name"), "sport");
    json_decref(list);
    conditions_report(conditions, CONDITION_LOST, "sport", 0, "lost");
    conditions_report(conditions, CONDITION_LOST, "news", 0, "lost");
    conditions_forget(conditions, "sport");
    assert_int_equal(conditions_count(conditions), 1);
    conditions_destroy(conditions);
}

static void there_is_a_limit(void **state)
{
    (void)state;
    struct fake_clock fake = fake_clock_at(1700000000 * NS_PER_S);
    struct conditions *conditions = conditions_create(&fake.clock, NULL, CONDITION_HOLD_NS);
    for (unsigned i = 0; i < 2 * CONDITIONS_MAX; i++) {
        char name[32];
        snprintf(name, sizeof name, "input-%u", i);
        conditions_report(conditions, CONDITION_SILENT, name, 0, "silent");
    }
    assert_int_equal(conditions_count(conditions), CONDITIONS_MAX);
    conditions_destroy(conditions);
}

static void time_follows_the_clocks(void **state)
{
    (void)state;
    struct timebase base;
    uint64_t cycles_a_second = 2600000000, cycles = 77;
    timebase_init(&base, cycles_a_second, cycles, 5 * NS_PER_S, 1700000000 * NS_PER_S);
    assert_false(timebase_stale(&base, cycles + cycles_a_second / 10 - 1));
    assert_true(timebase_stale(&base, cycles + cycles_a_second / 10));
    struct receive_time time = timebase_now(&base, cycles + cycles_a_second / 20);
    assert_in_range(time.monotonic_ns, 5 * NS_PER_S + 50 * NS_PER_MS - 100, 5 * NS_PER_S + 50 * NS_PER_MS);
    assert_in_range(time.utc_ns, 1700000000 * NS_PER_S + 50 * NS_PER_MS - 100, 1700000000 * NS_PER_S + 50 * NS_PER_MS);
    /* slept for ten seconds without a calibration: still right */
    time = timebase_now(&base, cycles + cycles_a_second);
    assert_in_range(time.monotonic_ns, 6 * NS_PER_S - 1000, 6 * NS_PER_S);
}

static void monotonic_time_never_runs_back_but_utc_may(void **state)
{
    (void)state;
    struct timebase base;
    timebase_init(&base, 1000000000, 0, 5 * NS_PER_S, 100 * NS_PER_S);
    uint64_t before = timebase_now(&base, 50000000).monotonic_ns;
    /* the clock says that less time has passed than the cycles did; and the operator has set UTC back */
    timebase_calibrate(&base, 100000000, 5 * NS_PER_S + 20 * NS_PER_MS, 90 * NS_PER_S);
    struct receive_time time = timebase_now(&base, 100000000);
    assert_int_equal(time.monotonic_ns, before);
    assert_int_equal(time.utc_ns, 90 * NS_PER_S);
    assert_true(timebase_now(&base, 150000000).monotonic_ns > before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_condition_is_raised_once_and_clears_itself),
        cmocka_unit_test(conditions_of_others_stay),
        cmocka_unit_test(there_is_a_limit),
        cmocka_unit_test(time_follows_the_clocks),
        cmocka_unit_test(monotonic_time_never_runs_back_but_utc_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
