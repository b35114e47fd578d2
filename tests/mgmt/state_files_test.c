/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state_files_test.c - states on their way to a disk that takes its time. */
#include "mgmt/state_files.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "board/error.h"
#include "tests/mgmt/held_disk.h"
#include "tests/mgmt/states_fixture.h"

static const char name[] = "news.0.web.json";

struct bench {
    struct loop *loop;
    char spool[64];
    struct states_fixture states;
    struct state_file *file;
    uint64_t told[8];
    unsigned count;
    int result;
    char text[256];
    bool closes;
};

static void on_written(void *context, uint64_t serial, int result, const char *text)
{
    struct bench *bench = context;
    assert_true(bench->count < 8);
    bench->told[bench->count++] = serial;
    bench->result = result;
    snprintf(bench->text, sizeof bench->text, "%s", text);
    if (bench->closes)
        state_file_close(bench->file);
}

static void open_file(struct bench *bench)
{
    assert_int_equal(state_file_open(&bench->file, bench->states.files, name, on_written, bench, NULL), 0);
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    *state = bench;
    strcpy(bench->spool, "/tmp/biplane-states-XXXXXX");
    assert_non_null(mkdtemp(bench->spool));
    assert_int_equal(loop_create(&bench->loop, NULL), 0);
    states_fixture_open(&bench->states, bench->loop, bench->spool);
    open_file(bench);
    held_disk.renamed = 0;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    states_fixture_close(&bench->states);
    loop_destroy(bench->loop);
    spool_remove(bench->spool, name);
    rmdir(bench->spool);
    free(bench);
    return 0;
}

static uint64_t put(struct bench *bench, int number)
{
    return state_file_put(bench->file, json_pack("{s:i}", "n", number), SPOOL_FAST);
}

static void turn_until_told(struct bench *bench, unsigned count)
{
    while (bench->count < count)
        loop_turn(bench->loop, 20);
    assert_int_equal(bench->count, count);
}

/* -1: there is none. */
static int number_of(json_t *state)
{
    int number = -1;
    if (state)
        assert_int_equal(json_unpack(state, "{s:i}", "n", &number), 0);
    json_decref(state);
    return number;
}

static int on_disk(const struct bench *bench)
{
    struct error err = { 0 };
    return number_of(spool_read(bench->spool, name, &err));
}

static int read_it(const struct bench *bench)
{
    struct error err = { 0 };
    int number = number_of(state_files_read(bench->states.files, name, &err));
    assert_int_equal(err.code, 0);
    return number;
}

static void test_newest_wins(void **state)
{
    struct bench *bench = *state;
    held_disk_hold();
    assert_int_equal(put(bench, 1), 1);
    held_disk_wait();
    for (int number = 2; number <= 5; number++)
        assert_int_equal(put(bench, number), number);
    assert_int_equal(on_disk(bench), -1);
    assert_int_equal(bench->count, 0);
    held_disk_let_go();
    turn_until_told(bench, 2);
    assert_int_equal(bench->told[0], 1);
    assert_int_equal(bench->told[1], 5);
    assert_int_equal(held_disk_renamed(), 2);
    assert_int_equal(on_disk(bench), 5);
    state_file_close(bench->file);
}

static void test_a_reader_finds_what_is_not_written_yet(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(read_it(bench), -1);
    held_disk_hold();
    put(bench, 1);
    held_disk_wait();
    assert_int_equal(read_it(bench), 1); /* it is being written */
    put(bench, 2);
    assert_int_equal(read_it(bench), 2);
    state_file_close(bench->file);
    assert_int_equal(read_it(bench), 2);
    open_file(bench); /* as a publisher that follows another */
    assert_int_equal(read_it(bench), 2);
    put(bench, 3);
    assert_int_equal(read_it(bench), 3);
    state_file_put(bench->file, NULL, SPOOL_FAST);
    assert_int_equal(read_it(bench), -1);
    put(bench, 4);
    held_disk_let_go();
    turn_until_told(bench, 1);
    assert_int_equal(bench->told[0], 3); /* of the file that was opened last; nobody is told of the other's */
    assert_int_equal(read_it(bench), 4);
    assert_int_equal(on_disk(bench), 4);
    state_file_close(bench->file);
}

struct look {
    struct worker_job job;
    const struct bench *bench;
    int seen;
};

static int look(struct worker_job *base)
{
    struct look *job = (struct look *)base;
    job->seen = on_disk(job->bench);
    return 0;
}

static void after_look(struct worker_job *base)
{
    (void)base;
}

static void looked(struct worker_job *base, int result)
{
    (void)base, (void)result;
}

/* What was submitted in between does not find a state that was put after it, nor one that should be there missing. */
static void test_in_turn_with_other_jobs(void **state)
{
    struct bench *bench = *state;
    struct look looks[3];
    held_disk_hold();
    put(bench, 0);
    held_disk_wait();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(state_file_put_in_turn(bench->file, json_pack("{s:i}", "n", i + 1), SPOOL_FAST), i + 2);
        looks[i] = (struct look){ .job = { .work = look, .done = looked, .release = after_look }, .bench = bench };
        worker_submit(bench->states.worker, &looks[i].job);
        assert_int_equal(read_it(bench), i + 1);
    }
    held_disk_let_go();
    turn_until_told(bench, 4);
    state_file_close(bench->file);
    states_fixture_flush(&bench->states);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(looks[i].seen, i + 1);
        assert_int_equal(bench->told[i + 1], i + 2);
    }
    assert_int_equal(on_disk(bench), 3);
}

static void test_what_was_put_is_written_at_the_end(void **state)
{
    struct bench *bench = *state;
    for (int number = 1; number <= 9; number++)
        put(bench, number);
    state_file_close(bench->file);
    states_fixture_flush(&bench->states);
    assert_int_equal(on_disk(bench), 9);
    assert_int_equal(bench->count, 0);
}

static void test_removed(void **state)
{
    struct bench *bench = *state;
    put(bench, 1);
    turn_until_told(bench, 1);
    state_files_remove(bench->states.files, name);
    assert_int_equal(read_it(bench), -1);
    state_file_close(bench->file);
    states_fixture_flush(&bench->states);
    assert_int_equal(on_disk(bench), -1);
}

static void test_a_disk_that_fails(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(rmdir(bench->spool), 0);
    put(bench, 1);
    turn_until_told(bench, 1);
    assert_int_equal(bench->result, -ENOENT);
    assert_non_null(strstr(bench->text, name));
    assert_int_equal(mkdir(bench->spool, 0700), 0);
    put(bench, 2);
    turn_until_told(bench, 2);
    assert_int_equal(bench->result, 0);
    assert_int_equal(on_disk(bench), 2);
    state_file_close(bench->file);
}

static void test_closed_by_who_is_told(void **state)
{
    struct bench *bench = *state;
    bench->closes = true;
    held_disk_hold();
    put(bench, 1);
    held_disk_wait();
    put(bench, 2);
    held_disk_let_go();
    turn_until_told(bench, 1);
    states_fixture_flush(&bench->states);
    assert_int_equal(on_disk(bench), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        T(test_newest_wins),
        T(test_a_reader_finds_what_is_not_written_yet),
        T(test_in_turn_with_other_jobs),
        T(test_what_was_put_is_written_at_the_end),
        T(test_removed),
        T(test_a_disk_that_fails),
        T(test_closed_by_who_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
