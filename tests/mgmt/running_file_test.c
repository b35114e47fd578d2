/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mgmt/running_file.h"
#include "tests/mgmt/configuration_fixture.h"

static struct channel named(const char *name, bool start)
{
    struct channel channel = { .start = start };
    strcpy(channel.name, name);
    return channel;
}

static void what_was_done_by_hand_counts_within_a_boot(void **state)
{
    (void)state;
    struct running_file running = { .boot = "this" };
    struct channel started = named("a", false), stopped = named("b", true), other = named("c", true);
    running_file_set(&running, "a", true);
    running_file_set(&running, "b", false);
    assert_true(running_file_wants(&running, &started, "this"));
    assert_false(running_file_wants(&running, &stopped, "this"));
    assert_true(running_file_wants(&running, &other, "this")); /* never touched: its own setting */
}

static void after_a_power_cut_what_ran_runs(void **state)
{
    (void)state;
    struct running_file running = { .boot = "last" };
    struct channel started = named("a", false), stopped = named("b", true), idle = named("c", false);
    running_file_set(&running, "a", true);
    running_file_set(&running, "b", false);
    running_file_set(&running, "c", false);
    assert_true(running_file_wants(&running, &started, "this"));
    assert_true(running_file_wants(&running, &stopped, "this"));
    assert_false(running_file_wants(&running, &idle, "this"));
}

static void it_survives_its_file(void **state)
{
    (void)state;
    struct configuration_fixture fixture;
    struct running_file running = { .boot = "this" }, again;
    fixture_create(&fixture);
    running_file_read(&again, fixture.directory, NULL);
    assert_int_equal(again.channels_count, 0); /* there is none yet */
    running_file_set(&running, "a", true);
    running_file_set(&running, "b", true);
    running_file_set(&running, "b", false);
    running_file_forget(&running, "a");
    running_file_forget(&running, "never");
    assert_int_equal(running_file_write(&running, fixture.directory, NULL), 0);
    running_file_read(&again, fixture.directory, NULL);
    assert_string_equal(again.boot, "this");
    assert_int_equal(again.channels_count, 1);
    assert_string_equal(again.channels[0].name, "b");
    assert_false(again.channels[0].running);
    fixture_write(&fixture, "running.cfg", "channels = 7;", 0600);
    running_file_read(&again, fixture.directory, NULL);
    assert_int_equal(again.channels_count, 0); /* damaged: nothing is known */
    fixture_destroy(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_done_by_hand_counts_within_a_boot),
        cmocka_unit_test(after_a_power_cut_what_ran_runs),
        cmocka_unit_test(it_survives_its_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
