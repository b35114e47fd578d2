/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>
#include <signal.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"

struct seen {
    struct loop *loop;
    int descriptors[2];
    unsigned calls, timeouts, signals;
    unsigned events;
    struct loop_timer *timer;
};

static void on_ready(void *context, int file_descriptor, unsigned events)
{
    struct seen *seen = context;
    char byte;
    assert_int_equal(read(file_descriptor, &byte, 1), 1);
    seen->calls++;
    seen->events |= events;
}

static void on_ready_unwatch_both(void *context, int file_descriptor, unsigned events)
{
    (void)file_descriptor;
    (void)events;
    struct seen *seen = context;
    seen->calls++;
    loop_unwatch(seen->loop, seen->descriptors[0]);
    loop_unwatch(seen->loop, seen->descriptors[1]);
}

static void on_timeout(void *context)
{
    struct seen *seen = context;
    seen->timeouts++;
    if (seen->timeouts == 3)
        loop_stop(seen->loop);
    else
        loop_timer_set(seen->timer, 0);
}

static void on_signal(void *context, int signal_number)
{
    struct seen *seen = context;
    assert_int_equal(signal_number, SIGUSR1);
    seen->signals++;
}

static void descriptors_are_watched(void **state)
{
    (void)state;
    struct seen seen = { 0 };
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(loop_create(&seen.loop, NULL), 0);
    assert_int_equal(loop_watch(seen.loop, ends[0], LOOP_READ, on_ready, &seen, NULL), 0);
    assert_int_equal(loop_turn(seen.loop, 0), 0);
    assert_int_equal(seen.calls, 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    loop_turn(seen.loop, 0);
    assert_int_equal(seen.calls, 1);
    assert_true(seen.events & LOOP_READ);
    loop_unwatch(seen.loop, ends[0]);
    assert_int_equal(write(ends[1], "x", 1), 1);
    loop_turn(seen.loop, 0);
    assert_int_equal(seen.calls, 1);
    loop_destroy(seen.loop);
    close(ends[0]);
    close(ends[1]);
}

static void a_removed_watch_is_not_called_in_the_same_turn(void **state)
{
    (void)state;
    struct seen seen = { 0 };
    int one[2], two[2];
    assert_int_equal(pipe(one), 0);
    assert_int_equal(pipe(two), 0);
    assert_int_equal(loop_create(&seen.loop, NULL), 0);
    seen.descriptors[0] = one[0];
    seen.descriptors[1] = two[0];
    loop_watch(seen.loop, one[0], LOOP_READ, on_ready_unwatch_both, &seen, NULL);
    loop_watch(seen.loop, two[0], LOOP_READ, on_ready_unwatch_both, &seen, NULL);
    assert_int_equal(write(one[1], "x", 1), 1);
    assert_int_equal(write(two[1], "x", 1), 1);
    loop_turn(seen.loop, 100);
    loop_turn(seen.loop, 0);
    assert_int_equal(seen.calls, 1);
    loop_destroy(seen.loop);
    for (unsigned i = 0; i < 2; i++) {
        close(one[i]);
        close(two[i]);
    }
}

static void timers_fire_and_can_be_set_again(void **state)
{
    (void)state;
    struct seen seen = { 0 };
    assert_int_equal(loop_create(&seen.loop, NULL), 0);
    seen.timer = loop_timer_create(seen.loop, on_timeout, &seen);
    struct clock clock = clock_real();
    uint64_t start = clock_monotonic_ns(&clock);
    loop_timer_set(seen.timer, start + 5 * NS_PER_MS);
    assert_int_equal(loop_run(seen.loop), 0);
    assert_int_equal(seen.timeouts, 3);
    assert_true(clock_monotonic_ns(&clock) - start >= 5 * NS_PER_MS);
    loop_timer_set(seen.timer, 0);
    loop_timer_clear(seen.timer);
    loop_turn(seen.loop, 0);
    assert_int_equal(seen.timeouts, 3);
    loop_destroy(seen.loop); /* frees the timer */
}

static void signals_come_through_the_loop(void **state)
{
    (void)state;
    struct seen seen = { 0 };
    assert_int_equal(loop_create(&seen.loop, NULL), 0);
    assert_int_equal(loop_signals(seen.loop, (int[]){ SIGUSR1, 0 }, on_signal, &seen, NULL), 0);
    kill(getpid(), SIGUSR1);
    loop_turn(seen.loop, 100);
    assert_int_equal(seen.signals, 1);
    loop_destroy(seen.loop);
}

static void a_descriptor_that_cannot_be_watched_is_an_error(void **state)
{
    (void)state;
    struct loop *loop;
    struct error err = { 0 };
    assert_int_equal(loop_create(&loop, NULL), 0);
    assert_true(loop_watch(loop, 9999, LOOP_READ, on_ready, NULL, &err) < 0);
    assert_string_equal(err.text, "watch of descriptor 9999: Bad file descriptor");
    loop_destroy(loop);
    loop_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_are_watched),
        cmocka_unit_test(a_removed_watch_is_not_called_in_the_same_turn),
        cmocka_unit_test(timers_fire_and_can_be_set_again),
        cmocka_unit_test(signals_come_through_the_loop),
        cmocka_unit_test(a_descriptor_that_cannot_be_watched_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
