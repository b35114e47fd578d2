/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/lookups.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "board/clock.h"

static void test_one_server_does_not_take_all(void **state)
{
    (void)state;
    struct lookups lookups = { 0 };
    int one, other;
    for (unsigned i = 0; i < LOOKUPS_LEFT_EACH_MAX; i++) {
        assert_true(lookups_may_begin(&lookups, &one, NS_PER_S));
        lookups_leave(&lookups, &one, NS_PER_S);
    }
    assert_false(lookups_may_begin(&lookups, &one, NS_PER_S));
    assert_true(lookups_may_begin(&lookups, &other, NS_PER_S));
    assert_int_equal(lookups_under_way(&lookups, NS_PER_S), LOOKUPS_LEFT_EACH_MAX);
    uint64_t later = (1 + LOOKUPS_LIFE_S) * NS_PER_S;
    assert_true(lookups_may_begin(&lookups, &one, later)); /* their threads have ended */
    assert_int_equal(lookups_under_way(&lookups, later), 0);
    assert_int_equal(lookups.refused, 1);
    assert_int_equal(lookups.left_behind, LOOKUPS_LEFT_EACH_MAX);
}

static void test_all_are_bounded(void **state)
{
    (void)state;
    struct lookups lookups = { 0 };
    char owners[LOOKUPS_LEFT_MAX + 1];
    for (unsigned i = 0; i < LOOKUPS_LEFT_MAX; i++) {
        assert_true(lookups_may_begin(&lookups, &owners[i], i));
        lookups_leave(&lookups, &owners[i], i);
    }
    assert_false(lookups_may_begin(&lookups, &owners[LOOKUPS_LEFT_MAX], LOOKUPS_LEFT_MAX));
    lookups_leave(&lookups, &owners[LOOKUPS_LEFT_MAX], LOOKUPS_LEFT_MAX); /* one that had begun before: counted only */
    assert_int_equal(lookups_under_way(&lookups, LOOKUPS_LEFT_MAX), LOOKUPS_LEFT_MAX);
    assert_int_equal(lookups.left_behind, LOOKUPS_LEFT_MAX + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_server_does_not_take_all),
        cmocka_unit_test(test_all_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
