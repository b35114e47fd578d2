/* SPDX-License-Identifier: GPL-2.0-or-later */
/* configuration_wait_test.c - a configuration that is mended while biplaned waits, or not. */
#include "mgmt/configuration_wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/settings.h"
#include "mgmt/configuration.h"
#include "tests/mgmt/configuration_fixture.h"

struct bench {
    struct configuration_fixture fixture;
    unsigned slept_s, mended_at_s; /* 0: never */
    char *told;
    size_t told_bytes;
    FILE *stream;
};

static struct configuration *read_it(void *context, struct problems *problems)
{
    struct bench *bench = context;
    struct configuration *configuration = NULL;
    configuration_read(&configuration, bench->fixture.directory, "board/boards", problems);
    return configuration;
}

static void rest(void *context, unsigned seconds)
{
    struct bench *bench = context;
    bench->slept_s += seconds;
    if (bench->slept_s == bench->mended_at_s)
        fixture_write(&bench->fixture, "credentials.cfg", fixture_credentials, 0600);
}

static struct configuration *await_it(struct bench *bench, unsigned seconds_max)
{
    const struct configuration_wait wait = { read_it, rest, bench->stream, seconds_max, bench };
    struct configuration *configuration = configuration_await(&wait);
    fflush(bench->stream);
    return configuration;
}

/* Copied as everybody copies: others may read the passwords. */
static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    fixture_create(&bench->fixture);
    fixture_write(&bench->fixture, "credentials.cfg", fixture_credentials, 0640);
    bench->stream = open_memstream(&bench->told, &bench->told_bytes);
    *state = bench;
    return bench->stream ? 0 : -1;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    fclose(bench->stream);
    free(bench->told);
    fixture_destroy(&bench->fixture);
    free(bench);
    return 0;
}

static void one_that_is_mended_is_used(void **state)
{
    struct bench *bench = *state;
    bench->mended_at_s = 2 * CONFIGURATION_LOOK_S;
    struct configuration *configuration = await_it(bench, CONFIGURATION_WAIT_S);
    assert_non_null(configuration);
    assert_int_equal(bench->slept_s, 2 * CONFIGURATION_LOOK_S);
    configuration_destroy(configuration);
    const char *told = strstr(bench->told, "credentials.cfg"); /* once, not with every look */
    assert_non_null(told);
    assert_null(strstr(strchr(told, '\n'), "credentials.cfg"));
}

/* 12 ends within 15 minutes are what the machine is restarted for. */
static void it_ends_so_late_that_the_machine_is_not_restarted(void **state)
{
    struct bench *bench = *state;
    assert_null(await_it(bench, CONFIGURATION_WAIT_S));
    assert_int_equal(bench->slept_s, CONFIGURATION_WAIT_S);
    assert_true(12 * CONFIGURATION_WAIT_S > 15 * 60);
}

static void nobody_waits_who_was_started_by_hand(void **state)
{
    struct bench *bench = *state;
    assert_null(await_it(bench, 0));
    assert_int_equal(bench->slept_s, 0);
    assert_non_null(strstr(bench->told, "credentials.cfg"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_that_is_mended_is_used, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_ends_so_late_that_the_machine_is_not_restarted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_waits_who_was_started_by_hand, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
