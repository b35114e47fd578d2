/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pipeline_start_test.c - where a pipeline begins: behind what was handed over, anew, without a source; and what makes
 * it end to begin anew. */
#include "tests/encode/pipeline_bench.h"

#include "tests/encode/splice_section.h"
#include "tests/encode/strict_decoder.h"

static void resumes_exactly_where_it_ended(void **state)
{
    (void)state;
    struct running a;
    described = true;
    fill_ring(1);
    described = false;
    struct timeline_rate rate = { 24, 1, 1 };
    int64_t now = (int64_t)ns_to_90k(clock_utc_ns(&clock_now));
    int64_t number = now / 90000 - 1;
    fake.welcome.framerate_numerator = 24;
    fake.welcome.framerate_denominator = 1;
    fake.welcome.resume_tick_90k = timeline_frame_tick_90k(&rate, timeline_segment_first_frame(&rate, 90000, number));
    start(&a, 0);
    wait_for(2);
    stop(&a);
    assert_true(fake.segment_count >= 2);
    const struct fake_segment *first = find(0, "large", number);
    assert_non_null(first);
    assert_int_equal(first->header.start_90k, number * 90000);
    assert_true(first->header.flags & HANDOFF_DISCONTINUITY);
    assert_false(first->header.flags & HANDOFF_PARTIAL);
    /* HDR was seen and became SDR: as before the restart, and as in the twin. */
    assert_int_equal(first->header.transfer_characteristics, 1);
    assert_int_equal(decode(first), 24);
}

/* The clock was ahead in the last life. */
static void an_end_in_the_future_is_not_waited_for(void **state)
{
    (void)state;
    struct running a;
    fill_ring(1);
    int64_t now = (int64_t)ns_to_90k(clock_utc_ns(&clock_now));
    fake.welcome.framerate_numerator = 24;
    fake.welcome.framerate_denominator = 1;
    fake.welcome.resume_tick_90k = now + INT64_C(3600) * 90000;
    start(&a, 0);
    wait_for(2);
    stop(&a);
    assert_true(fake.segment_count >= 2);
    assert_true(fake.segments[0].header.start_90k < now + 10 * 90000);
    assert_true(fake.segments[0].header.flags & HANDOFF_DISCONTINUITY);
}

/* By less, and there is no source: the slate goes on behind it, at once. */
static void the_slate_goes_on_where_it_ended(void **state)
{
    (void)state;
    struct running a;
    feed_open(1 << 20);
    int64_t now = (int64_t)ns_to_90k(clock_utc_ns(&clock_now));
    fake.welcome.framerate_numerator = 25;
    fake.welcome.framerate_denominator = 1;
    fake.welcome.resume_tick_90k = now / 90000 * 90000 + INT64_C(600) * 90000;
    fake_stop(&fake); /* it answers when nobody waits for that any more */
    start(&a, 0);
    sleep(1);
    fake_start(&fake, run_directory);
    wait_for(2);
    stop(&a);
    assert_true(fake.segment_count >= 2);
    assert_int_equal(fake.segments[0].header.start_90k, fake.welcome.resume_tick_90k);
    assert_true(fake.segments[0].header.flags & HANDOFF_FILLER);
}

/* An hour ahead, by the anchor that it had, and what comes from the source is no picture. */
static void the_slate_goes_on_ahead_by_the_known_anchor(void **state)
{
    (void)state;
    struct running a;
    static const uint8_t nothing[188] = { 0x47, 0x1f, 0xff, 0x10 };
    uint64_t utc_ns = clock_utc_ns(&clock_now);
    feed_open(1 << 20);
    feed_packet(nothing, sizeof nothing, utc_ns - 3 * NS_PER_S);
    awaited = 1;
    held_utc_ns = utc_ns;
    fake.welcome.framerate_numerator = 25;
    fake.welcome.framerate_denominator = 1;
    fake.welcome.anchors[0] = (struct handoff_anchor){ .id = 1, .anchor_90k = 77, .skew_90k = INT64_C(3600) * 90000 };
    fake.welcome.resume_tick_90k = (int64_t)ns_to_90k(utc_ns) / 90000 * 90000 + INT64_C(3599) * 90000;
    start(&a, 0);
    wait_for(2);
    stop(&a);
    assert_true(fake.segment_count >= 2);
    assert_int_equal(fake.segments[0].header.start_90k, fake.welcome.resume_tick_90k);
    assert_true(fake.segments[0].header.flags & HANDOFF_FILLER);
}

static void without_a_source_the_slate_is_encoded(void **state)
{
    (void)state;
    struct running a;
    feed_open(1 << 20);
    fake.welcome.framerate_numerator = 25;
    fake.welcome.framerate_denominator = 1;
    unreadable_slate = true;
    start(&a, 0);
    unreadable_slate = false;
    wait_for(2);
    stop(&a);
    const struct fake_segment *segment = &fake.segments[0];
    assert_true(fake.segment_count >= 2);
    assert_true(segment->header.flags & HANDOFF_FILLER);
    assert_int_equal(segment->header.end_arrival_utc_ns, 0);
    assert_int_equal(decode(segment), 25);
    assert_non_null(strstr(fake.status[0], "\"id\":5201"));
    assert_non_null(strstr(fake.status[0], "\"id\":5906")); /* nor is there a picture: its colour is shown */
    assert_non_null(strstr(fake.status[0], "no program map has come yet"));
}

/* A pipeline that was there first would never say what its twin says of the colours: it ends, and goes on with them. */
static void colours_of_a_late_source_are_taken(void **state)
{
    (void)state;
    struct running a;
    size_t bytes;
    uint8_t *data = load_described("tests/media/sd-hls0000000000.ts", &bytes);
    feed_open(4 << 20);
    fake.welcome.framerate_numerator = 24;
    fake.welcome.framerate_denominator = 1;
    start(&a, 0);
    wait_for(2);
    assert_true(fake.segment_count >= 2);
    assert_int_equal(fake.segments[0].header.transfer_characteristics, 0); /* not described */
    uint64_t now = clock_utc_ns(&clock_now);
    feed_all(data, bytes, now - (uint64_t)(FILE_SECONDS * 1e9), now);
    free(data);
    assert_int_equal(wait_for_end(&a), -ESTALE);
    unsigned count = fake.segment_count;
    const struct handoff_segment *last = &fake.segments[count - 1].header;
    fake.welcome.resume_tick_90k = last->start_90k + last->duration_90k;
    start(&a, 0);
    wait_for(count + 3);
    stop(&a);
    assert_true(fake.segment_count >= count + 3);
    assert_int_equal(fake.segments[count].header.transfer_characteristics, 1); /* HDR became SDR */
}

/* It is told of a break that was announced before it began, when the source had twice as many pictures a second. */
static void a_process_that_begins_anew_cuts_like_its_twin(void **state)
{
    (void)state;
    struct running one;
    fill_ring(1);
    const int64_t number = (int64_t)ns_to_90k(clock_utc_ns(&clock_now)) / 90000 - 1;
    const int64_t event_90k = number * 90000 + 15 * 3750;
    const struct section section = section_insert(77, true, event_90k & (PTS_MODULUS - 1), 2700000, true);
    struct handoff_splice *splice = &fake.welcome.splices[0];
    fake.welcome.framerate_numerator = 48;
    fake.welcome.framerate_denominator = 1;
    fake.welcome.resume_tick_90k = number * 90000;
    splice->arrival_90k = event_90k - 180000;
    splice->newest_90k = splice->arrival_90k + 9000;
    splice->bytes = (uint32_t)section.count;
    memcpy(splice->section, section.bytes, section.count);
    splices = true;
    start(&one, 0);
    splices = false;
    for (unsigned i = 0; i < LONG_MS / 5 && !find_begun(0, "large", event_90k); i++) {
        feed_beat();
        usleep(5000);
    }
    stop(&one);
    const struct fake_segment *segment = find_begun(0, "large", event_90k);
    assert_non_null(segment);
    assert_int_equal(segment->header.number, number + 1);
    assert_int_equal(segment->header.cue.flags, HANDOFF_CUE_OUT | HANDOFF_CUE_SECTION);
    assert_true(fake.splice_count >= 1); /* and it tells it again */
    assert_memory_equal(&fake.splices[0], splice, sizeof *splice);
}

/* ---- a clock that is set ---- */
static atomic_ullong put_back_ns;

static uint64_t set_utc_ns(const struct clock *clock)
{
    (void)clock;
    struct clock real = clock_real();
    return clock_utc_ns(&real) - put_back_ns;
}

/* By a day, and there is no source whose anchor could make up for it. */
static void a_clock_that_is_put_back_lets_it_begin_anew(void **state)
{
    (void)state;
    struct running a;
    feed_open(1 << 20);
    fake.welcome.framerate_numerator = 25;
    fake.welcome.framerate_denominator = 1;
    clock_now.utc_ns = set_utc_ns;
    start(&a, 0);
    wait_for(1);
    assert_true(fake.segment_count >= 1);
    put_back_ns = 86400 * NS_PER_S;
    int status = wait_for_end(&a);
    put_back_ns = 0;
    clock_now.utc_ns = bench_utc_ns;
    assert_int_equal(status, -ESTALE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_process_that_begins_anew_cuts_like_its_twin, before, after),
        cmocka_unit_test_setup_teardown(resumes_exactly_where_it_ended, before, after),
        cmocka_unit_test_setup_teardown(colours_of_a_late_source_are_taken, before, after),
        cmocka_unit_test_setup_teardown(an_end_in_the_future_is_not_waited_for, before, after),
        cmocka_unit_test_setup_teardown(the_slate_goes_on_where_it_ended, before, after),
        cmocka_unit_test_setup_teardown(the_slate_goes_on_ahead_by_the_known_anchor, before, after),
        cmocka_unit_test_setup_teardown(without_a_source_the_slate_is_encoded, before, after),
        cmocka_unit_test_setup_teardown(a_clock_that_is_put_back_lets_it_begin_anew, before, after),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
