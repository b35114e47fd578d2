/* SPDX-License-Identifier: GPL-2.0-or-later */
/* follower_test.c - pictures without pixels, a fake clock, and the questions of a running channel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "board/clock.h"
#include "board/error.h"
#include "encode/decoder.h"
#include "encode/follower.h"
#include "encode/job.h"
#include "encode/timeline.h"

#define START_UTC_NS (UINT64_C(1794500000) * NS_PER_S)

static struct fake_clock fake;
static const struct timeline_rate rate = { 25, 1, 1 };
static struct input_loss_behavior loss;
static struct follower *follower;
static int references; /* of all surfaces */
static mfxFrameSurfaceInterface interface;
static mfxFrameSurface1 surface;
static unsigned asked;
static int64_t asked_pts, asked_arrival;
static bool nobody;
static struct handoff_anchor in_use;

static mfxStatus add(mfxFrameSurface1 *s)
{
    (void)s;
    references++;
    return MFX_ERR_NONE;
}
static mfxStatus drop(mfxFrameSurface1 *s)
{
    (void)s;
    references--;
    return MFX_ERR_NONE;
}
static int request(void *context, int64_t pts, int64_t arrival)
{
    (void)context;
    asked++;
    asked_pts = pts;
    asked_arrival = arrival;
    return nobody ? -ENOTCONN : 0;
}
static void anchored(void *context, const struct handoff_anchor *anchor)
{
    (void)context;
    in_use = *anchor;
}

static int before(void **state)
{
    (void)state;
    struct error err;
    fake = fake_clock_at(START_UTC_NS);
    loss = (struct input_loss_behavior){ .repeat_frame_msec = 1000, .black_frame_msec = 1000 };
    interface.AddRef = add;
    interface.Release = drop;
    surface.FrameInterface = &interface;
    asked = 0;
    references = 0;
    nobody = false;
    memset(&in_use, 0, sizeof in_use);
    struct follower_config config = {
        .rate = &rate, .loss = &loss, .clock = &fake.clock, .request_anchor = request, .on_anchor = anchored
    };
    return follower_create(&follower, &config, &err);
}

static int after(void **state)
{
    (void)state;
    follower_destroy(follower);
    return references == 0 ? 0 : -1;
}

static void push(int64_t pts)
{
    struct picture picture = { .surface = &surface,
                               .pts_90k = pts & (PTS_MODULUS - 1),
                               .arrival_utc_ns = clock_utc_ns(&fake.clock) };
    references++;
    follower_push(follower, &picture);
}

static void answer(uint64_t id)
{
    struct handoff_anchor_answer message = { .pts_90k = asked_pts };
    message.anchor.id = id;
    message.anchor.anchor_90k = timeline_anchor_for(&rate, asked_pts, asked_arrival);
    follower_answer(follower, &message);
}

static enum follower_kind take(int64_t frame, struct follower_shown *shown)
{
    struct follower_shown local;
    shown = shown ? shown : &local;
    follower_turn(follower);
    follower_take(follower, frame, shown);
    return shown->kind;
}

/* Starts at pts; returns the frame of the first picture. */
static int64_t begin(int64_t pts)
{
    int64_t frame;
    push(pts);
    assert_false(follower_first_frame(follower, &frame));
    answer(7);
    assert_true(follower_first_frame(follower, &frame));
    assert_int_equal(in_use.id, 7);
    assert_int_equal(take(frame, NULL), FOLLOWER_PICTURE);
    return frame;
}

static void pictures_follow_each_other_over_a_wrap(void **state)
{
    (void)state;
    int64_t pts = PTS_MODULUS - 50 * 3600, frame = begin(pts);
    assert_int_equal(frame, timeline_frame_at_90k(&rate, (int64_t)ns_to_90k(START_UTC_NS)));
    for (int i = 1; i < 200; i++) {
        assert_int_equal(take(frame + i, NULL), FOLLOWER_WAIT);
        fake_clock_advance(&fake, 40 * NS_PER_MS);
        push(pts + i * 3600);
        assert_int_equal(take(frame + i, NULL), FOLLOWER_PICTURE);
    }
    assert_int_equal(asked, 1);
    assert_int_equal(follower_counters(follower).shown, 200);
}

static void a_lost_source_is_filled_and_comes_back(void **state)
{
    (void)state;
    struct follower_shown shown;
    int64_t pts = 900000, frame = begin(pts), next = frame + 1;
    unsigned kinds[4] = { 0 }, black = 0;
    for (int i = 0; i < 100; i++) { /* 4 s of silence */
        fake_clock_advance(&fake, 40 * NS_PER_MS);
        while (take(next, &shown) != FOLLOWER_WAIT) {
            assert_true(shown.filler);
            kinds[shown.kind]++;
            black += shown.kind == FOLLOWER_SLATE && shown.slate == SLATE_BLACK;
            next++;
        }
    }
    assert_int_equal(kinds[FOLLOWER_REPEAT], 25); /* 1 s */
    assert_int_equal(black, 25);
    assert_in_range(next - frame, 88, 92); /* a margin behind now */
    push(pts + 100 * 3600);
    while (next < frame + 100) {
        assert_int_not_equal(take(next++, &shown), FOLLOWER_WAIT);
        assert_true(shown.filler);
    }
    assert_int_equal(take(next, &shown), FOLLOWER_PICTURE);
    assert_false(shown.filler);
    assert_int_equal(asked, 1);
}

static void a_hole_of_one_picture_is_bridged(void **state)
{
    (void)state;
    struct follower_shown shown;
    int64_t frame = begin(900000);
    loss.repeat_frame_msec = 0;
    push(900000 + 2 * 3600);
    assert_int_equal(take(frame + 1, &shown), FOLLOWER_REPEAT);
    assert_false(shown.filler);
    assert_int_equal(shown.serial, 1);
    assert_int_equal(take(frame + 2, &shown), FOLLOWER_PICTURE);
    assert_int_equal(shown.serial, 2);
    push(900000 + 2 * 3600 + 100); /* twice */
    push(900000 + 3600);           /* late */
    assert_int_equal(follower_counters(follower).dropped_late, 2);
}

static void a_jump_asks_for_another_anchor(void **state)
{
    (void)state;
    int64_t frame = begin(900000), first;
    fake_clock_advance(&fake, 400 * NS_PER_MS);
    push(5000000000);
    assert_int_equal(asked, 2);
    assert_int_equal(take(frame + 1, NULL), FOLLOWER_WAIT);
    for (int i = 1; i <= 5; i++) /* held meanwhile */
        push(5000000000 + i * 3600);
    answer(8);
    assert_int_equal(in_use.id, 8);
    assert_true(follower_first_frame(follower, &first));
    assert_int_equal(first, frame + 10);
    for (int64_t i = frame + 1; i < first; i++)
        assert_int_equal(take(i, NULL), FOLLOWER_REPEAT);
    for (int64_t i = first; i <= first + 5; i++)
        assert_int_equal(take(i, NULL), FOLLOWER_PICTURE);
}

static void without_an_answer_it_chooses_alone(void **state)
{
    (void)state;
    int64_t frame;
    push(900000);
    fake_clock_advance(&fake, 510 * NS_PER_MS);
    follower_turn(follower);
    assert_true(follower_first_frame(follower, &frame));
    assert_true(in_use.id >> 63);
    answer(9); /* too late */
    assert_true(in_use.id >> 63);
    nobody = true;
    fake_clock_advance(&fake, NS_PER_S);
    push(70000000);
    assert_int_equal(follower_counters(follower).anchors_alone, 2);
}

static void a_known_anchor_is_used_when_nobody_answers(void **state)
{
    (void)state;
    struct handoff_anchor known = { .id = 3, .skew_90k = 4500 };
    nobody = true;
    int64_t now = (int64_t)ns_to_90k(START_UTC_NS), frame;
    known.anchor_90k = timeline_anchor_for(&rate, 900000, now + 9000);
    follower_know(follower, &known);
    push(900000);
    assert_int_equal(in_use.id, 3);
    assert_true(follower_first_frame(follower, &frame));
    assert_int_equal(frame, timeline_frame_at_90k(&rate, now + 9000));
}

static void a_drifting_clock_is_followed_for_days(void **state)
{
    (void)state;
    int64_t pts = 900000, frame = begin(pts);
    double source = 0;
    for (int i = 1; i < 200000; i++) { /* 2.2 h, 200 ppm fast: 1.6 s apart at the end */
        fake_clock_advance(&fake, 39992000);
        source += 3600;
        push(pts + (int64_t)source);
        assert_int_equal(take(frame + i, NULL), FOLLOWER_PICTURE);
    }
    assert_int_equal(asked, 1);
    assert_in_range(follower_anchor(follower)->skew_90k, 120000, 160000);
}

/* A source whose clock is fast or slow for days, then it begins anew, and nobody answers: the longest time without a
 * frame, in milliseconds, and how many were filled. */
static unsigned restart_after_drift(int step_ns, unsigned *filled)
{
    int64_t pts = 900000, frame = begin(pts), next = frame + 1;
    unsigned without = 0, longest = 0;
    *filled = 0;
    nobody = true;
    double source = 0;
    for (int i = 1; i < 80000; i++) { /* 0.4 ms a picture: 32 s */
        fake_clock_advance(&fake, (uint64_t)(40000000 + step_ns));
        source += 3600;
        push(pts + (int64_t)source);
        while (take(next, NULL) != FOLLOWER_WAIT)
            next++;
    }
    assert_int_equal(asked, 1);
    for (int i = 0; i < 1000; i++) {
        struct follower_shown shown;
        fake_clock_advance(&fake, 40 * NS_PER_MS);
        push(5000000000 + i * 3600);
        without += 40;
        for (; take(next, &shown) != FOLLOWER_WAIT; next++, without = 0)
            *filled += shown.filler;
        longest = without > longest ? without : longest;
    }
    assert_int_equal(asked, 2);
    return longest;
}

static void the_output_goes_on_after_days_of_a_fast_clock(void **state)
{
    (void)state;
    unsigned filled;
    assert_in_range(restart_after_drift(-400000, &filled), 0, 1300);
    assert_in_range(follower_anchor(follower)->skew_90k, 29 * 90000, 32 * 90000);
}

static void the_output_goes_on_after_days_of_a_slow_clock(void **state)
{
    (void)state;
    unsigned filled;
    assert_in_range(restart_after_drift(400000, &filled), 0, 200);
    assert_in_range(filled, 0, 33);
}

/* Plays for so long, with or without a source; returns the longest time without a frame, in milliseconds. */
static unsigned play(int64_t pts, int64_t *next, unsigned seconds, bool source)
{
    unsigned without = 0, longest = 0;
    for (unsigned i = 0; i < seconds * 25; i++, without += 40) {
        fake_clock_advance(&fake, 40 * NS_PER_MS);
        if (source)
            push(pts + i * 3600);
        for (; take(*next, NULL) != FOLLOWER_WAIT; ++*next)
            without = 0;
        longest = without > longest ? without : longest;
    }
    return longest;
}

/* Alone: the output goes on from where it is. */
static void a_clock_that_is_set_is_made_up_for(void **state)
{
    (void)state;
    static const int64_t steps_s[] = { -5, -60, -900, -3600, -86400, 5, 60, 3600, 86400 * INT64_C(365) };
    for (unsigned i = 0; i < sizeof steps_s / sizeof steps_s[0]; i++) {
        int64_t next = begin(900000) + 1, first = next;
        nobody = true;
        assert_in_range(play(903600, &next, 10, true), 0, 80);
        fake.utc_ns += (uint64_t)(steps_s[i] * (int64_t)NS_PER_S);
        assert_in_range(play(903600 + 900000, &next, 10, true), 0, 1500);
        assert_false(follower_is_stranded(follower));
        assert_in_range(next - first, 450, 550); /* nothing is left out, and nothing filled for long */
        after(state);
        before(state);
    }
}

/* Management is there and does not answer: while its answer is waited for, the time that the clock made up is not
 * filled, only the second at most by which the pictures then lie ahead. */
static void what_a_clock_skips_is_not_filled_meanwhile(void **state)
{
    static const unsigned steps_s[] = { 5, 50, 3600, 86400 };
    for (unsigned i = 0; i < sizeof steps_s / sizeof steps_s[0]; i++) {
        int64_t next = begin(900000) + 1;
        struct follower_shown shown;
        unsigned filled = 0, pictures = 0;
        play(903600, &next, 10, true);
        fake.utc_ns += steps_s[i] * NS_PER_S;
        for (unsigned turn = 0; turn < 5 * 100;
             turn++) { /* as the pipeline turns: a hundredth of a second, 16 frames */
            fake_clock_advance(&fake, 10 * NS_PER_MS);
            if (turn % 4 == 0 && !follower_full(follower))
                push(903600 + 900000 + turn / 4 * 3600);
            for (unsigned frames = 0; frames < 16 && take(next, &shown) != FOLLOWER_WAIT; frames++, next++) {
                filled += shown.kind != FOLLOWER_PICTURE;
                pictures += shown.kind == FOLLOWER_PICTURE;
            }
        }
        assert_int_equal(asked, 2);
        assert_in_range(filled, 0, 25);
        assert_in_range(pictures, 120, 125);
        after(state);
        before(state);
    }
}

/* The same with nobody to ask, of an output that began without a source: what is known of before a clock was set fits
 * the source, and lies elsewhere. */
static void what_is_known_of_elsewhere_moves_no_output_that_runs(void **state)
{
    static const int64_t skews_s[] = { -20, 7200 };
    for (unsigned i = 0; i < sizeof skews_s / sizeof skews_s[0]; i++) {
        int64_t source_90k = 900000 + 13 * 90000, next;
        int64_t now_90k = (int64_t)ns_to_90k(START_UTC_NS) + 13 * 90000;
        struct handoff_anchor known = { .id = 7, .skew_90k = skews_s[i] * 90000 };
        known.anchor_90k = timeline_anchor_for(&rate, source_90k, now_90k + known.skew_90k);
        nobody = true;
        follower_know(follower, &known);
        next = timeline_frame_at_90k(&rate, (int64_t)ns_to_90k(START_UTC_NS));
        follower_start(follower, next);
        play(0, &next, 10, false);
        struct follower_shown shown;
        unsigned pictures = 0, others = 0;
        for (unsigned turn = 0; turn < 20 * 25; turn++) {
            fake_clock_advance(&fake, 40 * NS_PER_MS);
            if (!follower_full(follower))
                push(900000 + 10 * 90000 + turn * 3600);
            for (unsigned n = 0; n < 16 && take(next, &shown) != FOLLOWER_WAIT; n++, next++) {
                pictures += shown.kind == FOLLOWER_PICTURE;
                others += shown.kind != FOLLOWER_PICTURE;
            }
            assert_false(follower_is_stranded(follower));
        }
        assert_in_range(pictures, 450, 500);
        assert_in_range(others, 0, 50);
        after(state);
        before(state);
    }
}

static void who_is_out_of_the_reach_of_the_clock_is_stranded(void **state)
{
    (void)state;
    for (int way = -1; way <= 1; way += 2) { /* the source is lost */
        int64_t next = begin(900000) + 1;
        play(903600, &next, 10, true);
        fake.utc_ns += (uint64_t)(way * 86400 * (int64_t)NS_PER_S);
        fake_clock_advance(&fake, 500 * NS_PER_MS);
        follower_turn(follower);
        assert_false(follower_is_stranded(follower));
        assert_int_equal(take(next, NULL), FOLLOWER_WAIT); /* nor is any of it filled */
        fake_clock_advance(&fake, 1100 * NS_PER_MS);
        follower_turn(follower);
        assert_true(follower_is_stranded(follower));
        fake.utc_ns -= (uint64_t)(way * 86400 * (int64_t)NS_PER_S); /* and back again */
        follower_turn(follower);
        assert_false(follower_is_stranded(follower));
        after(state);
        before(state);
    }
}

/* At the boundary of a segment of half a minute. A clock that is put back meanwhile is another thing. */
static void who_waits_for_its_beginning_is_not_stranded(void **state)
{
    for (int put_back = 0; put_back < 2; put_back++) {
        int64_t next, first;
        push(900000);
        answer(7);
        assert_true(follower_first_frame(follower, &first));
        next = first + 30 * 25;
        follower_start(follower, next);
        bool stranded = false;
        for (int i = 1; i < 35 * 25; i++) {
            if (put_back && i == 25)
                fake.utc_ns -= 86400 * NS_PER_S;
            fake_clock_advance(&fake, 40 * NS_PER_MS);
            if (!put_back)
                push(900000 + i * 3600);
            next += take(next, NULL) != FOLLOWER_WAIT;
            stranded |= follower_is_stranded(follower);
        }
        assert_int_equal(stranded, put_back);
        assert_int_equal(next - first, put_back ? 30 * 25 : 35 * 25);
        after(state);
        before(state);
    }
}

/* It ended 100 s ahead of the clock, and there is no source yet; then one comes, and nobody answers. */
static void what_goes_on_ahead_of_the_clock_is_shown_at_once(void **state)
{
    (void)state;
    int64_t first = timeline_frame_at_90k(&rate, (int64_t)ns_to_90k(START_UTC_NS)) + 100 * 25, next = first;
    nobody = true;
    follower_lead(follower, 100 * 90000);
    follower_start(follower, next);
    fake_clock_advance(&fake, 3 * NS_PER_S);
    play(0, &next, 10, false);
    assert_in_range(next - first, 12 * 25, 13 * 25);
    assert_false(follower_is_stranded(follower));
    assert_in_range(play(900000, &next, 10, true), 0, 1300);
    assert_in_range(next - first, 22 * 25, 25 * 25);
    assert_in_range(follower_counters(follower).shown, 9 * 25, 10 * 25);
    assert_in_range(follower_anchor(follower)->skew_90k, 98 * 90000, 101 * 90000);
}

/* A machine that is too slow lies behind ever further, and still has pictures. */
static void who_is_slow_is_not_stranded(void **state)
{
    (void)state;
    int64_t pts = 900000, next = begin(pts) + 1;
    uint64_t arrival_ns = fake.utc_ns;
    for (int i = 1; i < 200; i++) { /* one second for each picture */
        struct picture picture = { .surface = &surface, .pts_90k = pts + i * 3600 };
        arrival_ns += 40 * NS_PER_MS;
        picture.arrival_utc_ns = arrival_ns;
        references++;
        fake_clock_advance(&fake, NS_PER_S);
        follower_push(follower, &picture);
        assert_int_equal(take(next++, NULL), FOLLOWER_PICTURE);
        assert_false(follower_is_stranded(follower));
    }
}

static void a_standby_does_not_take_the_output_back(void **state)
{
    (void)state;
    struct handoff_anchor own = { .id = 3, .skew_90k = 26 * 90000 }, standby = { .id = 4 };
    nobody = true;
    int64_t now = (int64_t)ns_to_90k(START_UTC_NS);
    own.anchor_90k = timeline_anchor_for(&rate, 900000, now + own.skew_90k);
    standby.anchor_90k = timeline_anchor_for(&rate, 5000000000, now);
    follower_know(follower, &standby);
    follower_know(follower, &own);
    push(900000);
    assert_int_equal(in_use.id, 3);
    fake_clock_advance(&fake, NS_PER_S);
    push(5000000000 + 90000);
    assert_int_not_equal(in_use.id, 4);
    assert_int_equal(in_use.skew_90k, 25 * 90000);
}

static void random_timestamps_do_not_ask_without_end(void **state)
{
    (void)state;
    begin(900000);
    for (unsigned i = 0; i < 1000; i++) {
        push((int64_t)(i * UINT64_C(7919000003)) & (PTS_MODULUS - 1));
        if (i % 3 == 0)
            answer(100 + i);
    }
    assert_true(asked < 10);
}

/* 50 pictures a second in a channel of 25. */
static void captions_of_dropped_pictures_go_with_the_next(void **state)
{
    (void)state;
    unsigned seen = 0;
    struct follower_shown shown;
    int64_t next = begin(1000) + 1;
    for (unsigned i = 1; i <= 100; i++) {
        struct picture picture = { .surface = &surface,
                                   .pts_90k = 1000 + i * 1800,
                                   .arrival_utc_ns = clock_utc_ns(&fake.clock),
                                   .caption_bytes = 3,
                                   .captions = { 5, 1, (uint8_t)i } };
        references++;
        follower_push(follower, &picture);
        fake_clock_advance(&fake, 20 * NS_PER_MS);
        if (i % 8)
            continue;
        for (; take(next, &shown) != FOLLOWER_WAIT; next++)
            for (unsigned at = 0; shown.kind == FOLLOWER_PICTURE && at < shown.picture->caption_bytes; at += 3)
                assert_int_equal(shown.picture->captions[at + 2], ++seen);
    }
    struct follower_counters counters = follower_counters(follower);
    assert_in_range(counters.dropped_twice + counters.dropped_late, 40, 50);
    assert_in_range(seen, 90, 100); /* in their order, without a gap; the last ones wait for a picture */
}

/* A process that was stopped for a while reads on where it was, 1.2 s behind, no faster than the source: after the few
 * frames that were filled it shows pictures again, late, instead of filling for ever. */
static void a_slow_reader_shows_pictures_again(void **state)
{
    (void)state;
    int64_t pts = 900000, frame = begin(pts), output = frame + 1;
    uint64_t start_utc_ns = fake.utc_ns;
    unsigned shown = 0;

    fake_clock_advance(&fake, 1200 * NS_PER_MS);
    while (take(output, NULL) != FOLLOWER_WAIT)
        output++;
    assert_in_range(output - frame, 15, 25); /* filled up to the margin */
    for (int i = 1; i <= 100; i++) {
        struct picture picture = { .surface = &surface,
                                   .pts_90k = pts + i * 3600,
                                   .arrival_utc_ns = start_utc_ns + (uint64_t)i * 40 * NS_PER_MS };
        references++;
        follower_push(follower, &picture);
        fake_clock_advance(&fake, 40 * NS_PER_MS);
        struct follower_shown what;
        while (take(output, &what) != FOLLOWER_WAIT) {
            shown += what.kind == FOLLOWER_PICTURE;
            output++;
        }
    }
    assert_in_range(shown, 70, 90);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, before, after)
    const struct CMUnitTest tests[] = {
        T(pictures_follow_each_other_over_a_wrap),
        T(a_lost_source_is_filled_and_comes_back),
        T(a_hole_of_one_picture_is_bridged),
        T(a_jump_asks_for_another_anchor),
        T(without_an_answer_it_chooses_alone),
        T(a_known_anchor_is_used_when_nobody_answers),
        T(a_drifting_clock_is_followed_for_days),
        T(random_timestamps_do_not_ask_without_end),
        T(a_slow_reader_shows_pictures_again),
        T(the_output_goes_on_after_days_of_a_fast_clock),
        T(a_standby_does_not_take_the_output_back),
        T(a_clock_that_is_set_is_made_up_for),
        T(what_a_clock_skips_is_not_filled_meanwhile),
        T(what_is_known_of_elsewhere_moves_no_output_that_runs),
        T(who_is_out_of_the_reach_of_the_clock_is_stranded),
        T(who_waits_for_its_beginning_is_not_stranded),
        T(what_goes_on_ahead_of_the_clock_is_shown_at_once),
        T(who_is_slow_is_not_stranded),
        T(the_output_goes_on_after_days_of_a_slow_clock),
        T(captions_of_dropped_pictures_go_with_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
