/* SPDX-License-Identifier: GPL-2.0-or-later */
/* disk_reader_test.c - a file on a disk that answers, and on one that does not: pread() waits here until the test lets
 * it go, as that of a disk or network file system that hangs does. */
#include "mgmt/disk_reader.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/clock.h"
#include "board/loop.h"

enum { BYTES = 100000, PIECE = 30000 };

static atomic_bool hangs;
static atomic_uint reading;

ssize_t pread(int file, void *buffer, size_t bytes, off_t offset)
{
    reading++;
    while (hangs)
        usleep(1000);
    reading--;
    return syscall(SYS_pread64, file, buffer, bytes < PIECE ? bytes : PIECE, offset);
}

struct bench {
    struct loop *loop;
    struct fake_clock clock;
    struct disk_reader *reader;
    int file;
    unsigned done;
    int result;
    char *data;
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    char *text = malloc(BYTES);
    *state = bench;
    hangs = false;
    bench->clock = fake_clock_at(NS_PER_S);
    bench->file = memfd_create("file", MFD_CLOEXEC);
    for (unsigned i = 0; i < BYTES; i++)
        text[i] = (char)(i / 100);
    assert_int_equal(write(bench->file, text, BYTES), BYTES);
    free(text);
    assert_int_equal(loop_create(&bench->loop, NULL), 0);
    return disk_reader_create(&bench->reader, bench->loop, &bench->clock.clock, NULL);
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    disk_reader_destroy(bench->reader);
    hangs = false;
    while (reading)
        usleep(1000);
    usleep(20000); /* the thread that was left frees what it has */
    loop_destroy(bench->loop);
    if (bench->file >= 0)
        close(bench->file);
    free(bench->data);
    free(bench);
    return 0;
}

static void on_read(void *context, int result, char *data)
{
    struct bench *bench = context;
    bench->done++;
    bench->result = result;
    free(bench->data);
    bench->data = data;
}

static int start(struct bench *bench, uint64_t offset, size_t bytes, struct disk_read **read)
{
    struct disk_read_config config = { .descriptor = bench->file,
                                       .offset = offset,
                                       .bytes = bytes,
                                       .data = malloc(bytes),
                                       .done = on_read,
                                       .context = bench };
    int result = disk_reader_start(bench->reader, &config, read, NULL);
    if (result < 0)
        free(config.data);
    return result;
}

static void run_until(struct bench *bench, unsigned done)
{
    for (unsigned i = 0; i < 1000 && bench->done < done; i++)
        loop_turn(bench->loop, 10);
    assert_int_equal(bench->done, done);
}

static void pieces_are_read(void **state)
{
    struct bench *bench = *state;
    struct disk_read *read;
    assert_int_equal(start(bench, 1000, BYTES - 1000, &read), 0);
    run_until(bench, 1);
    assert_int_equal(bench->result, 0);
    assert_int_equal(bench->data[0], 10);
    assert_int_equal(bench->data[BYTES - 1001], (char)((BYTES - 1) / 100));
    assert_int_equal(start(bench, 1000, BYTES, &read), 0);
    run_until(bench, 2);
    assert_int_equal(bench->result, -ENODATA);
}

/* Told when its time is over, although the thread is still at it. Its clock has gone on before the timer is set: that
 * one is real. */
static void one_that_hangs_is_told_of(void **state)
{
    struct bench *bench = *state;
    struct disk_read *read, *second;
    hangs = true;
    assert_int_equal(start(bench, 0, 100, &read), 0);
    fake_clock_advance(&bench->clock, (DISK_READ_SECONDS + 1) * NS_PER_S);
    assert_int_equal(start(bench, 0, 100, &second), 0);
    run_until(bench, 1);
    assert_int_equal(bench->result, -ETIMEDOUT);
    assert_null(bench->data);
    close(bench->file); /* the thread has its own */
    bench->file = -1;
    hangs = false;
    run_until(bench, 2);
    assert_int_equal(bench->result, 0);
}

static void what_hangs_is_bounded(void **state)
{
    struct bench *bench = *state;
    struct disk_read *read = NULL;
    hangs = true;
    for (unsigned i = 0; i < DISK_READS_MAX; i++)
        assert_int_equal(start(bench, 0, 100, &read), 0);
    disk_read_cancel(read);
    assert_int_equal(start(bench, 0, 100, &read), -EBUSY); /* it is still in the thread's hands */
    hangs = false;
    run_until(bench, DISK_READS_MAX - 1);
    for (unsigned i = 0; i < 100 && start(bench, 0, 100, &read) < 0; i++)
        loop_turn(bench->loop, 10);
    run_until(bench, DISK_READS_MAX);
    assert_int_equal(bench->result, 0);
}

/* The reader goes while it hangs: its memory is freed when the disk answers (the address sanitizer looks). */
static void nobody_waits_at_the_end(void **state)
{
    struct bench *bench = *state;
    struct disk_read *read;
    hangs = true;
    assert_int_equal(start(bench, 0, 100, &read), 0);
    assert_int_equal(start(bench, 0, 100, &read), 0);
    disk_reader_destroy(bench->reader);
    bench->reader = NULL;
    assert_int_equal(bench->done, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pieces_are_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_hangs_is_told_of, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_hangs_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_waits_at_the_end, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
