/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deferred_segments_test.c - segments that come while the box has no memory for them. */
#include "mgmt/deferred_segments.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/loop.h"
#include "mgmt/segment_mapping.h"

enum { BYTES = 100000, TAKEN_MAX = 400 };

static bool memory_is_short;

void *mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset)
{
    if (memory_is_short && flags == MAP_SHARED) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return (void *)syscall(SYS_mmap, address, bytes, protection, flags, file, offset);
}

struct bench {
    struct loop *loop;
    struct deferred_segments *deferred;
    int64_t taken[TAKEN_MAX];
    unsigned count, lost, began, ended;
};

static void on_take(void *context, const struct handoff_segment *segment, int memfd)
{
    struct bench *bench = context;
    struct segment_mapping file = { 0 };
    assert_true(bench->count < TAKEN_MAX);
    bench->taken[bench->count++] = segment->number;
    bench->lost += segment_mapping_open(&file, memfd, segment->bytes, NULL) < 0;
    segment_mapping_close(&file);
}

static void on_changed(void *context, bool waits, const char *text)
{
    struct bench *bench = context;
    bench->began += waits;
    bench->ended += !waits;
    assert_int_equal(waits, text[0] != 0);
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    *state = bench;
    assert_int_equal(loop_create(&bench->loop, NULL), 0);
    const struct deferred_segments_config config = {
        .loop = bench->loop, .take = on_take, .changed = on_changed, .context = bench
    };
    assert_int_equal(deferred_segments_create(&bench->deferred, &config, NULL), 0);
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    memory_is_short = false;
    deferred_segments_destroy(bench->deferred);
    loop_destroy(bench->loop);
    free(bench);
    return 0;
}

static void put(struct bench *bench, int64_t number)
{
    const struct handoff_segment segment = { .number = number, .bytes = BYTES };
    int memfd = memfd_create("segment", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(ftruncate(memfd, BYTES), 0);
    assert_int_equal(fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE | F_SEAL_GROW), 0);
    deferred_segments_put(bench->deferred, &segment, memfd);
}

static void test_they_come_in_order_when_there_is_memory(void **state)
{
    struct bench *bench = *state;
    put(bench, 1);
    assert_int_equal(bench->count, 1);
    memory_is_short = true;
    put(bench, 2);
    memory_is_short = false;
    put(bench, 3); /* could be mapped, and is not the oldest */
    assert_int_equal(bench->count, 1);
    assert_int_equal(deferred_segments_waiting(bench->deferred), 2);
    assert_int_equal(bench->began, 1);
    while (bench->count < 3)
        loop_turn(bench->loop, 50);
    put(bench, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(bench->taken[i], i + 1);
    assert_int_equal(bench->lost, 0);
    assert_int_equal(bench->ended, 1);
    assert_int_equal(deferred_segments_count(bench->deferred), 2);
}

static void test_they_are_bounded(void **state)
{
    struct bench *bench = *state;
    memory_is_short = true;
    for (unsigned i = 0; i < DEFERRED_SEGMENTS_MAX + 2; i++)
        put(bench, i);
    assert_int_equal(bench->count, 2);
    assert_int_equal(bench->taken[1], 1);
    assert_int_equal(bench->lost, 2);
    deferred_segments_drop(bench->deferred);
    assert_int_equal(deferred_segments_waiting(bench->deferred), 0);
    assert_int_equal(bench->ended, 1);
}

/* What is no segment at all is for its owner to say. */
static void test_a_damaged_one_does_not_wait(void **state)
{
    struct bench *bench = *state;
    const struct handoff_segment segment = { .number = 7, .bytes = BYTES };
    memory_is_short = true;
    deferred_segments_put(bench->deferred, &segment, memfd_create("empty", MFD_CLOEXEC));
    assert_int_equal(bench->count, 1);
    assert_int_equal(bench->lost, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_they_come_in_order_when_there_is_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_they_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_damaged_one_does_not_wait, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
