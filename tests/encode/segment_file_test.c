/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/segment_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <libavformat/avio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "board/error.h"

enum { LONG_BYTES = 300000 };

static void write_pattern(struct segment_file *file, unsigned seed, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        avio_w8(segment_file_io(file), (int)((i * 7 + seed) & 255));
}

static void assert_pattern(int memfd, unsigned seed, size_t bytes)
{
    unsigned char *content = malloc(bytes);
    assert_int_equal(pread(memfd, content, bytes, 0), bytes);
    for (size_t i = 0; i < bytes; i++)
        assert_int_equal(content[i], (i * 7 + seed) & 255);
    free(content);
}

static void test_segments_one_after_the_other(void **state)
{
    (void)state;
    struct segment_file *file;
    struct error err = { 0 };
    uint64_t bytes;
    int memfds[3];

    assert_int_equal(segment_file_create(&file, &err), 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(segment_file_open(file, "web/720p/1", &err), 0);
        write_pattern(file, i, LONG_BYTES + i);
        memfds[i] = segment_file_close(file, &bytes, &err);
        assert_true(memfds[i] >= 0);
        assert_int_equal(bytes, LONG_BYTES + i);
    }
    for (unsigned i = 0; i < 3; i++) {
        struct stat status;
        assert_int_equal(fstat(memfds[i], &status), 0);
        assert_int_equal(status.st_size, LONG_BYTES + i);
        assert_pattern(memfds[i], i, LONG_BYTES + i);
        assert_int_equal(close(memfds[i]), 0);
    }
    segment_file_destroy(file);
}

static void test_a_finished_segment_is_sealed(void **state)
{
    (void)state;
    struct segment_file *file;
    uint64_t bytes;

    assert_int_equal(segment_file_create(&file, NULL), 0);
    assert_int_equal(segment_file_open(file, "x", NULL), 0);
    write_pattern(file, 0, 1000);
    int memfd = segment_file_close(file, &bytes, NULL);
    assert_int_equal(fcntl(memfd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
    assert_int_equal(fcntl(memfd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(lseek(memfd, 0, SEEK_CUR), 0);
    assert_int_equal(pwrite(memfd, "a", 1, 0), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(memfd, 10), -1);
    assert_int_equal(ftruncate(memfd, 10000), -1);
    assert_ptr_equal(mmap(NULL, 1000, PROT_WRITE, MAP_SHARED, memfd, 0), MAP_FAILED);
    close(memfd);
    segment_file_destroy(file);
}

static void test_nothing_is_kept_while_none_is_open(void **state)
{
    (void)state;
    struct segment_file *file;
    struct error err = { 0 };
    uint64_t bytes;

    assert_int_equal(segment_file_create(&file, NULL), 0);
    assert_int_equal(segment_file_close(file, &bytes, &err), -EBADF);
    write_pattern(file, 9, 100); /* still in the buffer when the next one is opened */
    assert_int_equal(segment_file_open(file, "x", NULL), 0);
    write_pattern(file, 1, 50);
    int memfd = segment_file_close(file, &bytes, NULL);
    assert_int_equal(bytes, 50);
    assert_pattern(memfd, 1, 50);
    close(memfd);
    assert_int_equal(segment_file_open(file, "left open", NULL), 0);
    write_pattern(file, 1, LONG_BYTES);
    segment_file_destroy(file);
    segment_file_destroy(NULL);
}

static void test_a_failed_segment_does_not_spoil_the_next(void **state)
{
    (void)state;
    struct segment_file *file;
    struct error err = { 0 };
    struct rlimit before, small;
    uint64_t bytes;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 65536;
    assert_int_equal(segment_file_create(&file, NULL), 0);
    assert_int_equal(segment_file_open(file, "x", NULL), 0);
    setrlimit(RLIMIT_FSIZE, &small);
    write_pattern(file, 0, LONG_BYTES);
    int result = segment_file_close(file, &bytes, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(result, -EFBIG);
    assert_non_null(strstr(err.text, "65536"));

    assert_int_equal(segment_file_open(file, "y", NULL), 0);
    write_pattern(file, 3, LONG_BYTES);
    int memfd = segment_file_close(file, &bytes, NULL);
    assert_int_equal(bytes, LONG_BYTES);
    assert_pattern(memfd, 3, LONG_BYTES);
    close(memfd);
    segment_file_destroy(file);
}

static int edit(void *context, uint8_t *data, size_t count)
{
    size_t *seen = context;
    *seen += count;
    if (data[0] == 255)
        return -EMSGSIZE;
    for (size_t i = 0; i < count; i++)
        data[i]++;
    return 0;
}

static void test_what_is_written_can_be_edited(void **state)
{
    (void)state;
    struct segment_file *file;
    struct error err = { 0 };
    uint64_t bytes;
    size_t seen = 0;

    assert_int_equal(segment_file_create(&file, &err), 0);
    segment_file_edit_with(file, edit, &seen);
    write_pattern(file, 0, 1000); /* to no file */
    assert_int_equal(segment_file_open(file, "x", &err), 0);
    assert_int_equal(seen, 0);
    write_pattern(file, 0, LONG_BYTES);
    int memfd = segment_file_close(file, &bytes, &err);
    assert_int_equal(bytes, LONG_BYTES);
    assert_int_equal(seen, LONG_BYTES);
    assert_pattern(memfd, 1, LONG_BYTES);
    close(memfd);
    assert_int_equal(segment_file_open(file, "y", &err), 0);
    write_pattern(file, 255, 1000);
    assert_int_equal(segment_file_close(file, &bytes, &err), -EMSGSIZE);
    segment_file_destroy(file);
}

/* The descriptor of the one that is open, as nobody else has it yet. */
static int find_memfd(const char *name)
{
    char path[64], target[128], wanted[128];
    snprintf(wanted, sizeof wanted, "/memfd:%s (deleted)", name);
    for (int descriptor = 3; descriptor < 1024; descriptor++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
        ssize_t length = readlink(path, target, sizeof target - 1);
        target[length < 0 ? 0 : length] = 0;
        if (!strcmp(target, wanted))
            return descriptor;
    }
    fail_msg("no memfd of this name");
    return -1;
}

/* Pages that a pipe holds cannot be sealed against writing. */
static void test_a_page_that_is_held_costs_no_segment(void **state)
{
    (void)state;
    struct segment_file *file;
    struct error err = { 0 };
    uint64_t bytes;
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(segment_file_create(&file, &err), 0);
    assert_int_equal(segment_file_open(file, "held", &err), 0);
    write_pattern(file, 5, LONG_BYTES);
    loff_t at = 8192;
    assert_true(splice(find_memfd("held"), &at, ends[1], NULL, 4096, 0) > 0);
    int memfd = segment_file_close(file, &bytes, &err);
    if (memfd < 0)
        fail_msg("%s", err.text);
    assert_int_equal(bytes, LONG_BYTES);
    assert_pattern(memfd, 5, LONG_BYTES);
    assert_int_equal(fcntl(memfd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
    assert_int_equal(fcntl(memfd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    close(memfd);
    close(ends[0]);
    close(ends[1]);
    segment_file_destroy(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments_one_after_the_other),
        cmocka_unit_test(test_a_finished_segment_is_sealed),
        cmocka_unit_test(test_nothing_is_kept_while_none_is_open),
        cmocka_unit_test(test_a_failed_segment_does_not_spoil_the_next),
        cmocka_unit_test(test_what_is_written_can_be_edited),
        cmocka_unit_test(test_a_page_that_is_held_costs_no_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
