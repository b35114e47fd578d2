/* SPDX-License-Identifier: GPL-2.0-or-later */
/* staging_mark_test.c - the mark comes, goes, and cannot where there is no spool. That it does so for good is tested
 * with its user (staging_test.c). */
#include "mgmt/staging_mark.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/error.h"

static void comes_and_goes(void **state)
{
    (void)state;
    char spool[] = "/tmp/biplane-mark-XXXXXX";
    assert_non_null(mkdtemp(spool));
    assert_false(staging_mark_is_set(spool));
    assert_int_equal(staging_mark_clear(spool, NULL), 0);
    assert_int_equal(staging_mark_set(spool, NULL), 0);
    assert_int_equal(staging_mark_set(spool, NULL), 0);
    assert_true(staging_mark_is_set(spool));
    assert_int_equal(staging_mark_clear(spool, NULL), 0);
    assert_false(staging_mark_is_set(spool));
    assert_int_equal(rmdir(spool), 0);
}

static void needs_a_spool(void **state)
{
    (void)state;
    struct error err = { 0 };
    assert_int_equal(staging_mark_set("/nonexistent", &err), -ENOENT);
    assert_non_null(strstr(err.text, "/nonexistent/unconfirmed"));
    assert_int_equal(staging_mark_clear("/nonexistent", &err), -ENOENT);
    assert_false(staging_mark_is_set("/nonexistent"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_and_goes),
        cmocka_unit_test(needs_a_spool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
