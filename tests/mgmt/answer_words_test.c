/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/answer_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_durations(void **state)
{
    (void)state;
    assert_string_equal(word_of_duration(-1).text, "0m 00s");
    assert_string_equal(word_of_duration(92.9).text, "1m 32s");
    assert_string_equal(word_of_duration(3600).text, "1h 00m");
    assert_string_equal(word_of_duration(2 * 86400 + 5 * 3600).text, "2d 05h");
}

static void test_drops(void **state)
{
    (void)state;
    json_t *told = json_pack("{s:{s:i, s:i}}", "drops", "late", 3, "not_rtp", 14);
    json_t *nothing = json_object();
    assert_string_equal(word_of_drops(told).text, "17");
    assert_string_equal(word_of_drops(nothing).text, "-");
    assert_string_equal(word_of_drops(NULL).text, "-");
    json_decref(told);
    json_decref(nothing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_drops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
