/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "board/worker.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "board/loop.h"

struct note {
    struct worker_job job;
    unsigned number;
    atomic_uint *worked, *released;
    unsigned *done, *last;
    atomic_bool *gate; /* the work waits until it is open; NULL: no gate */
    struct worker **worker;
};

static int work(struct worker_job *job)
{
    struct note *note = (struct note *)job;
    while (note->gate && !atomic_load(note->gate))
        nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
    atomic_fetch_add(note->worked, 1);
    return note->number % 2 ? -EIO : 0;
}

static void done(struct worker_job *job, int result)
{
    struct note *note = (struct note *)job;
    assert_int_equal(result, note->number % 2 ? -EIO : 0);
    assert_int_equal(*note->last + 1, note->number);
    *note->last = note->number;
    ++*note->done;
    if (note->worker) {
        worker_destroy(*note->worker);
        *note->worker = NULL;
    }
    free(note);
}

static void release(struct worker_job *job)
{
    struct note *note = (struct note *)job;
    atomic_fetch_add(note->released, 1);
    free(note);
}

struct bench {
    struct loop *loop;
    struct worker *worker;
    atomic_uint worked, released;
    unsigned done, last;
    atomic_bool gate;
};

static void set_up(struct bench *bench)
{
    *bench = (struct bench){ 0 };
    assert_int_equal(loop_create(&bench->loop, NULL), 0);
    assert_int_equal(worker_create(&bench->worker, bench->loop, "test", NULL), 0);
}

static struct note *submit(struct bench *bench, unsigned number, bool gated)
{
    struct note *note = calloc(1, sizeof *note);
    *note = (struct note){ .job = { .work = work, .done = done, .release = release },
                           .number = number,
                           .worked = &bench->worked,
                           .released = &bench->released,
                           .done = &bench->done,
                           .last = &bench->last,
                           .gate = gated ? &bench->gate : NULL };
    worker_submit(bench->worker, &note->job);
    return note;
}

static void test_in_order_with_results(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    for (unsigned i = 1; i <= 100; i++)
        submit(&bench, i, false);
    while (bench.done < 100)
        loop_turn(bench.loop, 1000);
    assert_int_equal(bench.worked, 100);
    worker_destroy(bench.worker);
    loop_destroy(bench.loop);
}

static void test_destroy_does_what_waits(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    for (unsigned i = 1; i <= 50; i++)
        submit(&bench, i, true);
    atomic_store(&bench.gate, true);
    worker_destroy(bench.worker);
    assert_int_equal(bench.worked, 50);
    assert_int_equal(bench.released, 50);
    assert_int_equal(bench.done, 0);
    loop_destroy(bench.loop);
}

static void test_abandon_waits_for_nobody(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    for (unsigned i = 1; i <= 5; i++)
        submit(&bench, i, true);
    while (atomic_load(&bench.released) < 4) { /* the first may not have been begun */
        if (bench.worker)
            worker_abandon(bench.worker);
        bench.worker = NULL;
    }
    assert_int_equal(bench.worked, 0);
    atomic_store(&bench.gate, true);
    while (atomic_load(&bench.released) < 5) /* and the one at work when it comes back */
        nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
    nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
    loop_destroy(bench.loop);
}

static void test_destroy_leaves_a_thread_that_hangs(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    worker_set_patience(bench.worker, 20);
    for (unsigned i = 1; i <= 5; i++)
        submit(&bench, i, true);
    assert_int_equal(worker_destroy(bench.worker), 5);
    assert_int_equal(bench.worked, 0);
    assert_int_equal(bench.released, 4);
    atomic_store(&bench.gate, true);
    while (atomic_load(&bench.released) < 5)
        nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
    nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
    loop_destroy(bench.loop);
}

/* Of three jobs one is being worked on, one waits, and one is done; none of them is told of. */
static void test_withdrawn_at_every_stage(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    struct note *done_already = submit(&bench, 1, false);
    while (atomic_load(&bench.worked) < 1)
        nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
    struct note *at_work = submit(&bench, 2, true), *waiting = submit(&bench, 3, true);
    worker_withdraw(bench.worker, &waiting->job);
    worker_withdraw(bench.worker, &done_already->job);
    atomic_store(&bench.gate, true);
    worker_withdraw(bench.worker, &at_work->job);
    free(waiting);
    free(done_already);
    free(at_work);
    loop_turn(bench.loop, 20);
    assert_int_equal(bench.done, 0);
    assert_int_equal(worker_destroy(bench.worker), 0);
    assert_int_equal(bench.released, 0);
    loop_destroy(bench.loop);
}

static void test_destroyed_from_its_own_callback(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    submit(&bench, 1, false)->worker = &bench.worker;
    while (bench.worker)
        loop_turn(bench.loop, 1000);
    assert_int_equal(bench.done, 1);
    loop_destroy(bench.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_order_with_results),    cmocka_unit_test(test_destroy_does_what_waits),
        cmocka_unit_test(test_abandon_waits_for_nobody), cmocka_unit_test(test_destroy_leaves_a_thread_that_hangs),
        cmocka_unit_test(test_withdrawn_at_every_stage), cmocka_unit_test(test_destroyed_from_its_own_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
