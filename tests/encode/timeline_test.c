/* SPDX-License-Identifier: GPL-2.0-or-later */
/* timeline_test.c - frames, segments and anchors against brute force, at rates that do not divide 90000. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "encode/timeline.h"

/* about today, in frames of 50 per second */
#define TODAY_90K (INT64_C(1794500000) * 90000)

static const struct timeline_rate rates[] = {
    { 24000, 1001, 1 }, { 24, 1, 1 },       { 25, 1, 1 }, { 25, 1, 2 },
    { 30000, 1001, 1 }, { 30000, 1001, 6 }, { 50, 1, 2 }, { 60000, 1001, 4 },
};
enum { RATES = sizeof rates / sizeof rates[0] };

static void frame_nearest_to_its_own_tick_is_itself(void **state)
{
    (void)state;
    for (unsigned r = 0; r < RATES; r++) {
        int64_t frame = timeline_frame_at_90k(&rates[r], TODAY_90K);
        for (int64_t i = frame; i < frame + 2000; i++) {
            int64_t tick = timeline_frame_tick_90k(&rates[r], i);
            assert_int_equal(timeline_frame_at_90k(&rates[r], tick), i);
            assert_int_equal(timeline_frame_at_90k(&rates[r], tick + 700), i);
            assert_int_equal(timeline_frame_at_90k(&rates[r], tick - 700), i);
        }
    }
}

static void segment_boundaries_agree_with_counting(void **state)
{
    (void)state;
    static const int64_t lengths[] = { 90000, 180000, 173173, 540000 };
    for (unsigned r = 0; r < RATES; r++) {
        for (unsigned l = 0; l < 4; l++) {
            int64_t length = lengths[l], segment = TODAY_90K / length;
            for (int64_t n = segment; n < segment + 20; n++) {
                int64_t first = timeline_segment_first_frame(&rates[r], length, n);
                assert_int_equal(first % rates[r].frame_multiple, 0);
                assert_true(timeline_frame_tick_90k(&rates[r], first) >= n * length);
                assert_true(timeline_frame_tick_90k(&rates[r], first - rates[r].frame_multiple) < n * length);
                assert_int_equal(timeline_segment_of_frame(&rates[r], length, first), n);
                assert_int_equal(timeline_segment_of_frame(&rates[r], length, first - 1), n - 1);
            }
        }
    }
}

static void a_wrapping_pts_goes_on(void **state)
{
    (void)state;
    const struct timeline_rate *rate = &rates[2];
    int64_t pts = PTS_MODULUS - 9000, arrival = TODAY_90K + 1234;
    int64_t anchor = timeline_anchor_for(rate, pts, arrival);
    assert_in_range(anchor, 0, PTS_MODULUS - 1);
    int64_t first = timeline_place_pts_90k(pts, anchor, arrival);
    assert_in_range(first - arrival + 1800, 0, 3600);
    for (int64_t i = 0; i < 50; i++) {
        int64_t wrapped = (pts + i * 3600) % PTS_MODULUS;
        assert_int_equal(timeline_place_pts_90k(wrapped, anchor, arrival + i * 3600), first + i * 3600);
        /* an expectation that is hours off still finds the same wrap */
        assert_int_equal(timeline_place_pts_90k(wrapped, anchor, arrival + i * 3600 + 3600 * 90000), first + i * 3600);
    }
}

static void an_anchor_puts_the_picture_on_the_grid(void **state)
{
    (void)state;
    for (unsigned r = 0; r < RATES; r++) {
        for (int64_t pts = 0; pts < PTS_MODULUS; pts += PTS_MODULUS / 37) {
            int64_t anchor = timeline_anchor_for(&rates[r], pts, TODAY_90K + pts / 7);
            int64_t tick = timeline_place_pts_90k(pts, anchor, TODAY_90K + pts / 7);
            assert_int_equal(timeline_frame_tick_90k(&rates[r], timeline_frame_at_90k(&rates[r], tick)), tick);
        }
    }
}

static void a_lead_is_a_little_less_than_the_skew(void **state)
{
    (void)state;
    assert_int_equal(timeline_lead_90k(0), 0);
    assert_int_equal(timeline_lead_90k(112499), 0);
    assert_int_equal(timeline_lead_90k(-112499), 0);
    for (int64_t skew = 112500; skew < 100 * 90000; skew += 12345) {
        int64_t lead = timeline_lead_90k(skew);
        assert_int_equal(lead % 90000, 0);
        assert_in_range(skew - lead, 22500, 112499);
        assert_int_equal(timeline_lead_90k(-skew), -lead);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_nearest_to_its_own_tick_is_itself),
        cmocka_unit_test(segment_boundaries_agree_with_counting),
        cmocka_unit_test(a_wrapping_pts_goes_on),
        cmocka_unit_test(an_anchor_puts_the_picture_on_the_grid),
        cmocka_unit_test(a_lead_is_a_little_less_than_the_skew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
