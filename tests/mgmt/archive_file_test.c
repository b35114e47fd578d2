/* SPDX-License-Identifier: GPL-2.0-or-later */
/* archive_file_test.c - what is said of a recording's bytes when the disk does not give them. */
#include "mgmt/archive_file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/error.h"

static int read_faults[2]; /* errnos, in turn; 0: none */

ssize_t pread(int descriptor, void *buffer, size_t bytes, off_t offset)
{
    errno = read_faults[0];
    read_faults[0] = read_faults[1];
    read_faults[1] = 0;
    return errno ? -1 : syscall(SYS_pread64, descriptor, buffer, bytes, offset);
}

static void test_a_disk_that_fails_does_not_make_it_damaged(void **state)
{
    (void)state;
    char folder[] = "/tmp/biplane-archive-XXXXXX", command[64];
    struct archive_file *file;
    struct error err = { 0 };
    atomic_bool called_off = false;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(archive_file_open(&file, folder, "a", NULL), 0);
    assert_int_equal(archive_file_append(file, "0123456789", 10, 0, 90000, NULL), 0);
    read_faults[0] = EIO;
    assert_int_equal(archive_file_verify(file, &called_off, &err), -EIO);
    assert_non_null(strstr(err.text, "recording a"));
    read_faults[0] = EINTR;
    assert_int_equal(archive_file_verify(file, &called_off, NULL), 0);
    archive_file_close(file);
    assert_int_equal(archive_file_open(&file, folder, "a", NULL), 0);
    snprintf(command, sizeof command, "echo x > %s/a.part", folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(archive_file_verify(file, &called_off, NULL), -EBADMSG);
    archive_file_close(file);
    archive_file_remove(folder, "a", true);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_disk_that_fails_does_not_make_it_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
