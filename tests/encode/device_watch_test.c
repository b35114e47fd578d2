/* SPDX-License-Identifier: GPL-2.0-or-later */
/* device_watch_test.c - what is a hang and what is not, with a clock and a processor that stand still. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "board/clock.h"
#include "encode/device_watch.h"

static struct fake_clock fake;
static uint64_t processor;

static uint64_t processor_ns(void)
{
    return processor;
}

static struct device_watch make(bool software)
{
    struct device_watch watch;
    fake = fake_clock_at(1700000000 * NS_PER_S);
    device_watch_init(&watch, &fake.clock, software);
    watch.processor_ns = processor_ns;
    processor = 0;
    return watch;
}

/* Looks every `step_ms`, using so much of the processor; returns after how long it is lost; 0: it is not. */
static unsigned look_for(struct device_watch *watch, struct device_wait *wait, unsigned milliseconds, unsigned step_ms,
                         unsigned percent)
{
    device_watch_look(watch, wait, "video \"hd\"");
    for (unsigned passed = step_ms; passed <= milliseconds; passed += step_ms) {
        fake_clock_advance(&fake, step_ms * NS_PER_MS);
        processor += step_ms * NS_PER_MS * percent / 100;
        device_watch_look(watch, wait, "video \"hd\"");
        if (device_watch_lost(watch))
            return passed;
    }
    return 0;
}

static void silence_is_a_hang(void **state)
{
    (void)state;
    struct device_watch watch = make(true);
    struct device_wait wait = { 0 };
    assert_int_equal(look_for(&watch, &wait, 3000, 10, 2), DEVICE_WATCH_LIMIT_MS);
    assert_non_null(strstr(device_watch_lost(&watch), "video \"hd\": nothing has come out for 1.5 s"));
}

static void software_at_work_is_no_hang(void **state)
{
    (void)state;
    struct device_watch watch = make(true);
    struct device_wait wait = { 0 };
    assert_int_equal(look_for(&watch, &wait, 20000, 50, 50), 0);
    watch = make(false); /* of a GPU's work this process's time says nothing */
    wait = (struct device_wait){ 0 };
    assert_int_equal(look_for(&watch, &wait, 20000, 50, 50), DEVICE_WATCH_LIMIT_MS);
    watch = make(true); /* nor does it where only this part is the GPU's */
    wait = (struct device_wait){ .hardware = true };
    assert_int_equal(look_for(&watch, &wait, 20000, 50, 50), DEVICE_WATCH_LIMIT_MS);
}

static void what_comes_out_ends_the_wait(void **state)
{
    (void)state;
    struct device_watch watch = make(false);
    struct device_wait wait = { 0 };
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(look_for(&watch, &wait, 1400, 50, 0), 0);
        wait.looked_ns = 0; /* as device_watch_sync() does */
    }
}

static void a_machine_that_slept_is_no_hang(void **state)
{
    (void)state;
    struct device_watch watch = make(false);
    struct device_wait wait = { 0 };
    device_watch_look(&watch, &wait, "decoder");
    fake_clock_advance(&fake, 60 * NS_PER_S);
    device_watch_look(&watch, &wait, "decoder");
    assert_null(device_watch_lost(&watch));
}

static void answers_tell_as_well(void **state)
{
    (void)state;
    struct device_watch watch = make(false);
    struct device_wait one = { 0 }, other = { 0 };
    for (unsigned i = 0; i < 100; i++) { /* a picture now and then */
        device_watch_status(&watch, &one, "decoder", MFX_ERR_DEVICE_FAILED);
        device_watch_status(&watch, &one, "decoder", MFX_ERR_NONE);
    }
    assert_null(device_watch_lost(&watch));
    for (unsigned i = 0; i < DEVICE_WATCH_FAILURES_MAX; i++) {
        assert_null(device_watch_lost(&watch));
        device_watch_status(&watch, &one, "decoder", MFX_ERR_DEVICE_FAILED);
        device_watch_status(&watch, &other, "video", MFX_ERR_NONE);
    }
    assert_string_equal(device_watch_lost(&watch), "decoder: MFX_ERR_DEVICE_FAILED");
    watch = make(false);
    device_watch_status(&watch, &one, "video", MFX_ERR_DEVICE_LOST);
    device_watch_status(&watch, &one, "video", MFX_ERR_NONE); /* lost stays lost */
    assert_string_equal(device_watch_lost(&watch), "video: MFX_ERR_DEVICE_LOST");
    device_watch_status(NULL, &one, "video", MFX_ERR_DEVICE_LOST);
    assert_null(device_watch_lost(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_is_a_hang),
        cmocka_unit_test(software_at_work_is_no_hang),
        cmocka_unit_test(what_comes_out_ends_the_wait),
        cmocka_unit_test(a_machine_that_slept_is_no_hang),
        cmocka_unit_test(answers_tell_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
