/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "mgmt/alerts.h"

static const char *word(const json_t *list, size_t index, const char *key)
{
    return json_string_value(json_object_get(json_array_get(list, index), key));
}

static void raised_twice_is_one_with_the_newer_message(void **state)
{
    (void)state;
    struct fake_clock clock = fake_clock_at(1700000000 * NS_PER_S);
    struct alerts *alerts = alerts_create(&clock.clock, NULL);
    alerts_raise(alerts, "news/0", 6010, "web", "status %d", 500);
    fake_clock_advance(&clock, NS_PER_S);
    alerts_raise(alerts, "news/0", 6010, "web", "status %d", 503);
    assert_int_equal(alerts_active(alerts), 1);
    json_t *list = alerts_json(alerts, false);
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(word(list, 0, "message"), "status 503");
    assert_string_equal(word(list, 0, "set"), "2023-11-14T22:13:20.000Z");
    json_decref(list);
    alerts_destroy(alerts);
}

static void cleared_is_kept_for_those_who_ask(void **state)
{
    (void)state;
    struct fake_clock clock = fake_clock_at(1700000000 * NS_PER_S);
    struct alerts *alerts = alerts_create(&clock.clock, NULL);
    alerts_raise(alerts, "news/0", 6010, "web", "one");
    alerts_raise(alerts, "news/0", 6010, "other", "two");
    fake_clock_advance(&clock, NS_PER_S);
    alerts_clear(alerts, "news/0", 6010, "web");
    alerts_clear(alerts, "news/0", 6011, "web"); /* never raised */
    assert_int_equal(alerts_active(alerts), 1);
    json_t *list = alerts_json(alerts, true);
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(word(list, 0, "subject"), "other"); /* newest first */
    assert_string_equal(word(list, 1, "state"), "cleared");
    assert_string_equal(word(list, 1, "cleared"), "2023-11-14T22:13:21.000Z");
    json_decref(list);
    alerts_clear_source(alerts, "news/0");
    assert_int_equal(alerts_active(alerts), 0);
    alerts_destroy(alerts);
}

static void a_reporters_list_is_the_whole_truth_about_its_own(void **state)
{
    (void)state;
    struct fake_clock clock = fake_clock_at(1700000000 * NS_PER_S);
    struct alerts *alerts = alerts_create(&clock.clock, NULL);
    alerts_raise(alerts, "news/0", 4001, "process", "restarted");
    json_t *list = json_pack("[{s:i,s:s,s:s},{s:i,s:s,s:s}]", "id", 5302, "name", "news", "message", "silent", "id",
                             5314, "name", "news", "message", "two senders");
    alerts_replace(alerts, "news/0", "encode", list);
    assert_int_equal(alerts_active(alerts), 3);
    json_array_remove(list, 0);
    alerts_replace(alerts, "news/0", "encode", list);
    assert_int_equal(alerts_active(alerts), 2);
    alerts_replace(alerts, "news/1", "encode", NULL);    /* another source */
    alerts_replace(alerts, "news/0", "dataplane", NULL); /* another reporter */
    assert_int_equal(alerts_active(alerts), 2);
    alerts_replace(alerts, "news/0", "encode", NULL);
    assert_int_equal(alerts_active(alerts), 1);
    json_decref(list);
    alerts_destroy(alerts);
}

static void a_strange_list_does_no_harm(void **state)
{
    (void)state;
    struct fake_clock clock = fake_clock_at(1700000000 * NS_PER_S);
    struct alerts *alerts = alerts_create(&clock.clock, NULL);
    json_t *list = json_pack("[n, i, {}, {s:i}, {s:s}, {s:i,s:s}, {s:I}]", 7, "id", -1, "id", "5302", "id", 5302,
                             "message", "line\nbreak \xc3\xa4", "id", (json_int_t)1 << 40);
    alerts_replace(alerts, "x", "encode", list);
    assert_int_equal(alerts_active(alerts), 1);
    json_t *told = alerts_json(alerts, false);
    assert_string_equal(word(told, 0, "message"), "line?break ??");
    json_decref(told);
    json_decref(list);
    alerts_destroy(alerts);
}

static void past_the_bound_the_oldest_cleared_one_goes(void **state)
{
    (void)state;
    struct fake_clock clock = fake_clock_at(1700000000 * NS_PER_S);
    struct alerts *alerts = alerts_create(&clock.clock, NULL);
    for (unsigned i = 1; i <= ALERTS_MAX; i++)
        alerts_raise(alerts, "box", i, "", "alert %u", i);
    alerts_clear(alerts, "box", 7, "");
    alerts_raise(alerts, "box", 1000, "", "one more");
    json_t *list = alerts_json(alerts, true);
    assert_int_equal(json_array_size(list), ALERTS_MAX);
    assert_int_equal(alerts_active(alerts), ALERTS_MAX);
    json_decref(list);
    alerts_raise(alerts, "box", 1001, "", "all are active: the oldest goes");
    assert_int_equal(alerts_active(alerts), ALERTS_MAX);
    alerts_clear(alerts, "box", 1, "");
    assert_int_equal(alerts_active(alerts), ALERTS_MAX); /* that was the oldest */
    alerts_destroy(alerts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raised_twice_is_one_with_the_newer_message),
        cmocka_unit_test(cleared_is_kept_for_those_who_ask),
        cmocka_unit_test(a_reporters_list_is_the_whole_truth_about_its_own),
        cmocka_unit_test(a_strange_list_does_no_harm),
        cmocka_unit_test(past_the_bound_the_oldest_cleared_one_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
