/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/audio_drift.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

/* A frame of 1024 samples, stamped `stamped` samples away from where the count of a process that began with `place` has
 * it. Every slip is made. */
struct process {
    struct audio_drift drift;
    int64_t place;
    unsigned slips;
};

static void take(struct process *process, int64_t stamped)
{
    int slip = audio_drift_note(&process->drift, stamped - process->place);
    audio_drift_slipped(&process->drift, slip);
    process->place += slip;
    process->slips += slip != 0;
}

static void test_exact_timestamps_move_nothing(void **state)
{
    (void)state;
    struct process process = { .place = 0 };
    for (unsigned i = 0; i < 1000; i++)
        take(&process, 0);
    assert_int_equal(process.slips, 0);
}

static void test_rounded_timestamps_move_nothing(void **state)
{
    (void)state;
    static const int64_t thirds[3] = { 0, -16, 16 }; /* to milliseconds: 21, 43, 64 */
    struct process to_milliseconds = { .place = 0 }, to_ticks = { .place = 0 };
    for (unsigned i = 0; i < 3000; i++) {
        take(&to_milliseconds, thirds[i % 3]);
        take(&to_ticks, i * 7 % 12 < 6); /* a mean of half a sample */
    }
    assert_int_equal(to_milliseconds.slips, 0);
    assert_in_range(to_ticks.slips, 0, 1);
}

static void test_drift_is_followed_both_ways(void **state)
{
    (void)state;
    for (int way = -1; way <= 1; way += 2) {
        struct process process = { .place = 0 };
        for (int i = 0; i < 4000; i++) /* 100 parts in a million, and up to 2 ms of trembling */
            take(&process, way * i / 10 + i * 37 % 97 - 48);
        assert_in_range(way * process.place, 390, 400);
        assert_in_range(process.slips, 390, 430);
    }
}

static void test_processes_of_different_age_come_to_lie_alike(void **state)
{
    (void)state;
    struct process old = { .place = 0 }, young = { .place = 0 };
    for (int64_t i = 0; i < 3000; i++) {
        int64_t stamped = i / 8;
        take(&old, stamped);
        if (i == 1500)
            young.place = stamped;
        if (i > 1500)
            take(&young, stamped);
        if (i > 1500 + 2 * AUDIO_DRIFT_FRAMES)
            assert_int_equal(young.place, old.place);
    }
}

static void test_one_step_too_large_for_a_while(void **state)
{
    (void)state;
    struct process process = { .place = 0 };
    for (unsigned i = 0; i < 2000; i++)
        take(&process, i < 500 ? 0 : 700);
    assert_int_equal(process.place, 700);
    assert_int_equal(process.slips, 700); /* never past it */
}

static void test_a_slip_keeps_the_tone(void **state)
{
    (void)state;
    for (int slip = -1; slip <= 1; slip += 2) {
        float left[1025], right[1025], *planes[2] = { left, right };
        for (unsigned i = 0; i < 1024; i++) {
            left[i] = sinf(0.1f * (float)i);
            right[i] = (float)i;
        }
        assert_int_equal(audio_drift_slip(planes, 2, 1024, slip), slip);
        unsigned count = (unsigned)(1024 + slip);
        for (unsigned i = 0; i < count; i++) { /* the same line, in so many steps */
            float at = (float)i * 1023 / (float)(count - 1);
            assert_true(fabsf(right[i] - at) < 0.01f);
            assert_true(fabsf(left[i] - sinf(0.1f * at)) < 0.003f);
        }
        assert_true(right[0] == 0 && right[count - 1] == 1023);
    }
}

static void test_short_runs_are_left_alone(void **state)
{
    (void)state;
    float samples[AUDIO_DRIFT_SAMPLES_MIN], *planes[1] = { samples };
    memset(samples, 0, sizeof samples);
    assert_int_equal(audio_drift_slip(planes, 1, AUDIO_DRIFT_SAMPLES_MIN - 1, 1), 0);
    assert_int_equal(audio_drift_slip(planes, 1, 0, -1), 0);
    assert_int_equal(audio_drift_slip(planes, 1, AUDIO_DRIFT_SAMPLES_MIN, 0), 0);
    assert_int_equal(audio_drift_slip(planes, 1, AUDIO_DRIFT_SAMPLES_MIN, -1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_timestamps_move_nothing),
        cmocka_unit_test(test_rounded_timestamps_move_nothing),
        cmocka_unit_test(test_drift_is_followed_both_ways),
        cmocka_unit_test(test_processes_of_different_age_come_to_lie_alike),
        cmocka_unit_test(test_one_step_too_large_for_a_while),
        cmocka_unit_test(test_a_slip_keeps_the_tone),
        cmocka_unit_test(test_short_runs_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
