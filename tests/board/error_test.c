/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "board/error.h"

static void sentence_and_code(void **state)
{
    (void)state;
    struct error err = { 0 };
    assert_int_equal(error_set(&err, -EINVAL, "rung %u: width %u is not even", 2U, 641U), -EINVAL);
    assert_string_equal(err.text, "rung 2: width 641 is not even");
    assert_int_equal(error_wrap(&err, "channel %s", "news"), -EINVAL);
    assert_string_equal(err.text, "channel news: rung 2: width 641 is not even");
}

static void errno_words(void **state)
{
    (void)state;
    struct error err = { 0 };
    assert_int_equal(error_set_errno(&err, -ENOENT, "opening %s", "x"), -ENOENT);
    assert_string_equal(err.text, "opening x: No such file or directory");
}

static void long_sentences_are_cut_and_terminated(void **state)
{
    (void)state;
    char longer[2 * ERROR_TEXT_BYTES];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    struct error err = { 0 };
    error_set(&err, -EIO, "%s", longer);
    assert_int_equal(strlen(err.text), ERROR_TEXT_BYTES - 1);
    assert_int_equal(error_wrap(&err, "%s", longer), -EIO);
    assert_int_equal(strlen(err.text), ERROR_TEXT_BYTES - 1);
    assert_int_equal(error_set_errno(&err, -EIO, "%s", longer), -EIO);
    assert_int_equal(strlen(err.text), ERROR_TEXT_BYTES - 1);
}

static void null_loses_only_the_sentence(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, -EBUSY, "x"), -EBUSY);
    assert_int_equal(error_set_errno(NULL, -EBUSY, "x"), -EBUSY);
    assert_true(error_wrap(NULL, "x") < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentence_and_code),
        cmocka_unit_test(errno_words),
        cmocka_unit_test(long_sentences_are_cut_and_terminated),
        cmocka_unit_test(null_loses_only_the_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
