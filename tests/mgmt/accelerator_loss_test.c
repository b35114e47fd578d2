/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accelerator_loss_test.c - the same again, then software, and when it is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "board/clock.h"
#include "encode/job.h"
#include "mgmt/accelerator_loss.h"

static void one_loss_is_over_after_ten_seconds(void **state)
{
    (void)state;
    struct accelerator_loss loss = { 0 };
    assert_false(accelerator_loss_is_over(&loss, 100 * NS_PER_S));
    accelerator_loss_note(&loss, 100 * NS_PER_S, true, ACCELERATOR_AUTO);
    assert_int_equal(accelerator_loss_choice(&loss, ACCELERATOR_AUTO), ACCELERATOR_AUTO);
    assert_false(accelerator_loss_is_over(&loss, 109 * NS_PER_S));
    assert_true(accelerator_loss_is_over(&loss, 110 * NS_PER_S));
    assert_false(accelerator_loss_is_over(&loss, 120 * NS_PER_S));
}

static void a_gpu_that_is_lost_again_is_left_alone(void **state)
{
    (void)state;
    struct accelerator_loss loss = { 0 };
    accelerator_loss_note(&loss, 100 * NS_PER_S, true, ACCELERATOR_AUTO);
    accelerator_loss_note(&loss, 1100 * NS_PER_S, true, ACCELERATOR_AUTO); /* long after */
    assert_int_equal(accelerator_loss_choice(&loss, ACCELERATOR_AUTO), ACCELERATOR_AUTO);
    accelerator_loss_note(&loss, 1200 * NS_PER_S, true, ACCELERATOR_AUTO);
    assert_int_equal(accelerator_loss_choice(&loss, ACCELERATOR_AUTO), ACCELERATOR_SOFTWARE);
    assert_false(accelerator_loss_is_over(&loss, 9000 * NS_PER_S));
}

static void who_wants_hardware_stays_with_it(void **state)
{
    (void)state;
    struct accelerator_loss loss = { 0 };
    for (unsigned i = 0; i < 3; i++)
        accelerator_loss_note(&loss, (100 + i) * NS_PER_S, true, ACCELERATOR_HARDWARE);
    assert_int_equal(accelerator_loss_choice(&loss, ACCELERATOR_HARDWARE), ACCELERATOR_HARDWARE);
    assert_false(accelerator_loss_is_over(&loss, 111 * NS_PER_S));
    assert_true(accelerator_loss_is_over(&loss, 112 * NS_PER_S));
}

static void software_has_nothing_to_fall_back_to(void **state)
{
    (void)state;
    struct accelerator_loss loss = { 0 };
    accelerator_loss_note(&loss, 100 * NS_PER_S, false, ACCELERATOR_AUTO);
    accelerator_loss_note(&loss, 101 * NS_PER_S, false, ACCELERATOR_AUTO);
    assert_int_equal(accelerator_loss_choice(&loss, ACCELERATOR_AUTO), ACCELERATOR_AUTO);
    assert_true(accelerator_loss_is_over(&loss, 111 * NS_PER_S));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_loss_is_over_after_ten_seconds),
        cmocka_unit_test(a_gpu_that_is_lost_again_is_left_alone),
        cmocka_unit_test(who_wants_hardware_stays_with_it),
        cmocka_unit_test(software_has_nothing_to_fall_back_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
