/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hello_watch_test.c - when silence is told, in ticks: a turn of the loop is one at most, however long it takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "board/clock.h"
#include "board/loop.h"
#include "mgmt/hello_watch.h"

struct fixture {
    struct clock clock;
    struct loop *loop;
    struct hello_watch *watch;
    unsigned told, after_ms;
};

static void on_silent(void *context, unsigned after_ms)
{
    struct fixture *f = context;
    f->told++;
    f->after_ms = after_ms;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->clock = clock_real();
    assert_int_equal(loop_create(&f->loop, NULL), 0);
    f->watch = hello_watch_create(f->loop, &f->clock, 20, on_silent, f);
    assert_non_null(f->watch);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    hello_watch_destroy(f->watch);
    hello_watch_destroy(NULL);
    loop_destroy(f->loop);
    free(f);
    return 0;
}

static void turn(struct fixture *f, unsigned times)
{
    while (times--)
        loop_turn(f->loop, 5);
}

static void run_until_told(struct fixture *f, unsigned count)
{
    for (uint64_t begin_ns = clock_monotonic_ns(&f->clock);
         f->told < count && clock_monotonic_ns(&f->clock) - begin_ns < 40 * NS_PER_S;)
        loop_turn(f->loop, 5);
    assert_int_equal(f->told, count);
}

static void silence_is_told_with_more_patience_each_time(void **state)
{
    struct fixture *f = *state;
    static const unsigned within_ms[] = { 20, 40, 80, 160, 160 };
    hello_watch_begin(f->watch);
    for (unsigned i = 0; i < 5; i++) {
        turn(f, within_ms[i] / 2 - 1); /* a tick is 2 ms */
        assert_int_equal(f->told, i);
        run_until_told(f, i + 1);
        assert_int_equal(f->after_ms, within_ms[i]);
    }
    hello_watch_greeted(f->watch);
    turn(f, 20);
    assert_int_equal(f->told, 5);
    hello_watch_begin(f->watch);
    run_until_told(f, 6);
    assert_int_equal(f->after_ms, 20);
}

static void each_process_has_its_own_time(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 5; i++) {
        hello_watch_begin(f->watch);
        turn(f, 9);
    }
    hello_watch_end(f->watch);
    turn(f, 20);
    assert_int_equal(f->told, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(silence_is_told_with_more_patience_each_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_process_has_its_own_time, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
