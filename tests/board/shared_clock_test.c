/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shared_clock_test.c - one distance for all who have it open; another once none has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include "board/shared_clock.h"

static const uint64_t HOUR_NS = 3600 * NS_PER_S;

static int set_up(void **state)
{
    char *folder = strdup("/tmp/shared-clock-XXXXXX");
    *state = folder;
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    char path[128];
    snprintf(path, sizeof path, "%s/clock", (char *)*state);
    unlink(path);
    rmdir(*state);
    free(*state);
    return 0;
}

/* As if the clock of day had been set by an hour since the first opened it. */
static void step(const char *folder, const struct shared_clock *first)
{
    char path[128];
    uint64_t distance_ns = first->distance_ns - HOUR_NS;
    snprintf(path, sizeof path, "%s/clock", folder);
    int file = open(path, O_WRONLY);
    assert_int_equal(pwrite(file, &distance_ns, sizeof distance_ns, 0), sizeof distance_ns);
    close(file);
}

static uint64_t real_utc_ns(void)
{
    struct clock real = clock_real();
    return clock_utc_ns(&real);
}

static void it_is_the_time_of_day(void **state)
{
    struct shared_clock shared;
    assert_int_equal(shared_clock_open(&shared, *state), 0);
    uint64_t now_ns = real_utc_ns(), shared_ns = clock_utc_ns(&shared.clock);
    assert_true(shared_ns + NS_PER_S > now_ns && shared_ns < now_ns + HOUR_NS);
    assert_true(clock_monotonic_ns(&shared.clock) <= clock_monotonic_ns(&shared.clock));
    shared_clock_close(&shared);
}

static void who_comes_later_has_the_time_of_those_who_are_there(void **state)
{
    struct shared_clock first, second, third;
    assert_int_equal(shared_clock_open(&first, *state), 0);
    step(*state, &first);
    assert_int_equal(shared_clock_open(&second, *state), 0);
    assert_true(second.distance_ns == first.distance_ns - HOUR_NS);
    shared_clock_close(&first); /* the second has it still open */
    assert_int_equal(shared_clock_open(&third, *state), 0);
    assert_true(third.distance_ns == second.distance_ns);
    shared_clock_close(&second);
    shared_clock_close(&third);
}

static void once_none_is_there_it_is_taken_anew(void **state)
{
    struct shared_clock first, second;
    assert_int_equal(shared_clock_open(&first, *state), 0);
    step(*state, &first);
    shared_clock_close(&first);
    assert_int_equal(shared_clock_open(&second, *state), 0);
    assert_true(second.distance_ns > first.distance_ns - HOUR_NS / 2);
    shared_clock_close(&second);
}

static void without_a_folder_it_runs_alone(void **state)
{
    (void)state;
    struct shared_clock shared;
    assert_int_equal(shared_clock_open(&shared, "/nowhere"), -ENOENT);
    assert_true(clock_utc_ns(&shared.clock) > 1700000000 * NS_PER_S);
    shared_clock_close(&shared);
}

/* Stopped while it had the file alone, say. */
static void one_that_is_stuck_is_not_waited_for(void **state)
{
    struct shared_clock shared;
    char path[128];
    snprintf(path, sizeof path, "%s/clock", (const char *)*state);
    int stuck = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(flock(stuck, LOCK_EX), 0);
    assert_int_equal(shared_clock_open(&shared, *state), -EWOULDBLOCK);
    assert_true(clock_utc_ns(&shared.clock) > 1700000000 * NS_PER_S);
    close(stuck);
    shared_clock_close(&shared);
    assert_int_equal(shared_clock_open(&shared, *state), 0);
    shared_clock_close(&shared);
}

/* A full disk is met by the first alone. */
static void what_cannot_be_written_is_not_kept_locked(void **state)
{
    struct shared_clock first, second;
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    none = (struct rlimit){ 0, before.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    assert_int_equal(shared_clock_open(&first, *state), -EFBIG);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(shared_clock_open(&second, *state), 0);
    shared_clock_close(&first);
    shared_clock_close(&second);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(it_is_the_time_of_day),
        TEST(who_comes_later_has_the_time_of_those_who_are_there),
        TEST(once_none_is_there_it_is_taken_anew),
        TEST(without_a_folder_it_runs_alone),
        TEST(one_that_is_stuck_is_not_waited_for),
        TEST(what_cannot_be_written_is_not_kept_locked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
