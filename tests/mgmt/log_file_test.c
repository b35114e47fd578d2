/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mgmt/log_file.h"
#include "tests/mgmt/configuration_fixture.h"

static struct configuration_fixture fixture;
static char path[128], older[128];

static int set_up(void **state)
{
    (void)state;
    fixture_create(&fixture);
    snprintf(path, sizeof path, "%s/a.log", fixture.directory);
    snprintf(older, sizeof older, "%s/a.log.1", fixture.directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_destroy(&fixture);
    return 0;
}

static long size_of(const char *file)
{
    struct stat status;
    return stat(file, &status) < 0 ? -1 : (long)status.st_size;
}

static void a_writer_goes_on_in_the_emptied_file(void **state)
{
    (void)state;
    int writer = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(write(writer, "0123456789\n", 11), 11);
    log_file_rotate(path, 1100);
    assert_int_equal(size_of(older), -1); /* not past the bound yet */
    log_file_rotate(path, 1099);
    assert_int_equal(size_of(path), 0);
    assert_int_equal(size_of(older), 1100);
    assert_int_equal(write(writer, "next\n", 5), 5);
    assert_int_equal(size_of(path), 5);
    log_file_rotate(path, 4); /* the older one is replaced, not grown */
    assert_int_equal(size_of(older), 5);
    close(writer);
    log_file_rotate("/nonexistent/a.log", 0);
}

static void the_last_line_is_found_and_made_printable(void **state)
{
    (void)state;
    char line[16];
    assert_false(log_file_last_line(path, line, sizeof line));
    fixture_write(&fixture, "a.log", "", 0600);
    assert_false(log_file_last_line(path, line, sizeof line));
    fixture_write(&fixture, "a.log", "one\ntw\to\n\n\n", 0600);
    assert_true(log_file_last_line(path, line, sizeof line));
    assert_string_equal(line, "tw?o");
    fixture_write(&fixture, "a.log", "no end, and longer than there is room", 0600);
    assert_true(log_file_last_line(path, line, sizeof line));
    assert_string_equal(line, "no end, and lon");
    fixture_write(&fixture, "a.log", "18:25:07.927 error   name: why\n", 0600);
    assert_true(log_file_last_line(path, line, sizeof line));
    assert_string_equal(line, "name: why");
    fixture_write(&fixture, "a.log", "18:25:07.927 \n", 0600);
    assert_true(log_file_last_line(path, line, sizeof line));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_writer_goes_on_in_the_emptied_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_line_is_found_and_made_printable, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
