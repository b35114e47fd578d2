/* SPDX-License-Identifier: GPL-2.0-or-later */
/* anchors_test.c - twins get the same anchor, whatever happens to their source's timeline. */
#include "mgmt/anchors.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define NOW_90K (INT64_C(1700000000) * 90000)

static struct handoff_anchor_request request(int64_t pts_90k, int64_t arrival_90k)
{
    return (struct handoff_anchor_request){
        .pts_90k = pts_90k & (PTS_MODULUS - 1),
        .arrival_90k = arrival_90k,
        .framerate_numerator = 25,
        .framerate_denominator = 1,
        .frame_multiple = 1,
    };
}

static struct handoff_anchor ask(struct anchors *anchors, unsigned pipeline, int64_t pts_90k, int64_t arrival_90k)
{
    struct handoff_anchor_request asked = request(pts_90k, arrival_90k);
    return anchors_answer(anchors, pipeline, &asked);
}

static void second_gets_what_the_first_got(void **state)
{
    (void)state;
    struct anchors anchors = { 0 };
    struct handoff_anchor first = ask(&anchors, 0, 1000000, NOW_90K);
    assert_int_equal(first.id, 1);
    assert_false(anchors_locked(&anchors));
    /* another picture, 3 s later, which took 0.7 s longer on its way */
    struct handoff_anchor second = ask(&anchors, 1, 1000000 + 3 * 90000, NOW_90K + 3 * 90000 + 63000);
    assert_int_equal(second.id, first.id);
    assert_int_equal(second.anchor_90k, first.anchor_90k);
    assert_true(anchors_locked(&anchors));
    int64_t placed = timeline_place_pts_90k(1000000, first.anchor_90k, NOW_90K);
    assert_in_range(placed - NOW_90K + 1800, 0, 3600);
    assert_int_equal(anchors.framerate_numerator, 25);
}

static void another_timeline_gets_another(void **state)
{
    (void)state;
    struct anchors anchors = { 0 };
    ask(&anchors, 0, 1000000, NOW_90K);
    struct handoff_anchor other = ask(&anchors, 1, 1000000, NOW_90K + 2 * 90000); /* 2 s off: not the same */
    assert_int_equal(other.id, 2);
    assert_false(anchors_locked(&anchors));
    /* both sources loop to the same new timeline: the second to ask follows the first */
    struct handoff_anchor a = ask(&anchors, 0, 500, NOW_90K + 10 * 90000);
    struct handoff_anchor b = ask(&anchors, 1, 500 + 9000, NOW_90K + 10 * 90000 + 9000);
    assert_int_equal(a.id, b.id);
    assert_true(anchors_locked(&anchors));
}

static void wrap_of_the_source(void **state)
{
    (void)state;
    struct anchors anchors = { 0 };
    struct handoff_anchor first = ask(&anchors, 0, PTS_MODULUS - 90000, NOW_90K);
    struct handoff_anchor second = ask(&anchors, 1, 90000, NOW_90K + 2 * 90000); /* wrapped meanwhile */
    assert_int_equal(first.id, second.id);
}

static void drift_is_followed(void **state)
{
    (void)state;
    struct anchors anchors = { 0 };
    struct handoff_anchor first = ask(&anchors, 0, 0, NOW_90K);
    /* the source's clock is 100 ppm fast: 3 s ahead after 30000 s */
    int64_t arrival_90k = NOW_90K, tick_90k = NOW_90K;
    for (unsigned i = 0; i < 15000; i++) {
        arrival_90k += 2 * 90000;
        tick_90k += 2 * 90000 + 18;
        anchors_follow(&anchors, 0, tick_90k, arrival_90k);
    }
    assert_in_range(anchors.known[0].skew_90k, 269000, 270000);
    struct handoff_anchor late = ask(&anchors, 1, tick_90k - NOW_90K, arrival_90k);
    assert_int_equal(late.id, first.id);
    /* a segment that is off by more than can be drift changes nothing */
    int64_t skew_90k = anchors.known[0].skew_90k;
    anchors_follow(&anchors, 0, tick_90k + 60 * 90000, arrival_90k);
    assert_int_equal(anchors.known[0].skew_90k, skew_90k);
}

/* Of a picture that both ask for, on a timeline that is skew_s off after weeks. */
static int64_t place_after_drift(struct anchors *anchors, int skew_s)
{
    const int64_t skew_90k = skew_s * INT64_C(90000), start_pts = 12345678;
    *anchors = (struct anchors){ 0 };
    ask(anchors, 0, 0, NOW_90K);
    ask(anchors, 1, 0, NOW_90K);
    for (int64_t i = 1, at = 0; i <= 3000; i++, at = skew_90k * (i < 2000 ? i : 2000) / 2000)
        anchors_follow(anchors, i & 1, NOW_90K + i * 180000 + at, NOW_90K + i * 180000);
    int64_t arrival_90k = NOW_90K + 3001 * 180000;
    struct handoff_anchor first = ask(anchors, 0, start_pts, arrival_90k);
    struct handoff_anchor second = ask(anchors, 1, start_pts + 18000, arrival_90k + 18000);
    assert_int_equal(first.id, 2);
    assert_int_equal(second.id, 2); /* the twin gets the same */
    assert_true(anchors_locked(anchors));
    return timeline_place_pts_90k(start_pts, first.anchor_90k, arrival_90k + first.skew_90k) - arrival_90k;
}

/* The output is ahead of UTC, or behind it, and cannot go back to it for a source that begins anew. */
static void a_new_anchor_goes_on_where_the_output_is(void **state)
{
    (void)state;
    struct anchors anchors;
    assert_in_range(place_after_drift(&anchors, 30), 28 * 90000, 30 * 90000);
    assert_in_range(-place_after_drift(&anchors, -30), 28 * 90000, 30 * 90000);
    assert_in_range(place_after_drift(&anchors, 0) + 1800, 0, 3600);
    /* a source that begins anew again and again carries it nowhere: back to UTC, in fact */
    place_after_drift(&anchors, 30);
    for (int i = 0; i < 40; i++)
        ask(&anchors, 0, i * INT64_C(90000000), NOW_90K + (10000 + i) * INT64_C(90000));
    assert_int_equal(anchors.known[0].skew_90k, 0);
}

/* It was on the air when the timeline was where UTC is, and its clock is good. */
static void a_standby_does_not_take_the_output_back(void **state)
{
    (void)state;
    struct anchors anchors = { 0 };
    struct handoff_anchor standby = ask(&anchors, 0, 0, NOW_90K);
    ask(&anchors, 0, 5000000000, NOW_90K);
    anchors.known[0].skew_90k = 26 * 90000; /* after a month */
    struct handoff_anchor again = ask(&anchors, 0, 900 * 90000, NOW_90K + 900 * 90000);
    assert_int_not_equal(again.id, standby.id);
    assert_int_equal(again.skew_90k, 25 * 90000);
    assert_int_equal(ask(&anchors, 1, 901 * 90000, NOW_90K + 901 * 90000).id, again.id);
    /* not so far: the same again */
    assert_int_equal(ask(&anchors, 0, 5000000000 + 26 * 90000, NOW_90K).id, standby.id + 1);
    assert_int_equal(ask(&anchors, 0, 902 * 90000, NOW_90K + 902 * 90000).id, again.id);
}

/* The clock is behind what was handed over in the last life. */
static void a_new_anchor_is_not_behind_the_end(void **state)
{
    (void)state;
    struct anchors anchors = { 0 };
    anchors_resume(&anchors, 0, NOW_90K + 300 * 90000);
    anchors_resume(&anchors, 1, NOW_90K + 306 * 90000); /* its twin will follow */
    struct handoff_anchor first = ask(&anchors, 0, 777, NOW_90K);
    assert_in_range(timeline_place_pts_90k(777, first.anchor_90k, NOW_90K + first.skew_90k) + 1800,
                    NOW_90K + 306 * 90000, NOW_90K + 306 * 90000 + 3600);
    assert_int_equal(ask(&anchors, 1, 777, NOW_90K).id, first.id);
    /* a process that begins with what its ring has held is not carried to where its twin is by now */
    anchors_use(&anchors, 1, &(struct handoff_anchor){ 0 });
    anchors_resume(&anchors, 1, NOW_90K + 1000 * 90000);
    anchors_reach(&anchors, 0, NOW_90K + 1009 * 90000);
    anchors.known[0].skew_90k = 0;
    assert_int_equal(ask(&anchors, 1, 5000000000, NOW_90K + 998 * 90000).skew_90k, 0);
    /* so far behind that the output has to begin anew */
    anchors = (struct anchors){ 0 };
    anchors_resume(&anchors, 0, NOW_90K + 3600 * 90000);
    assert_int_equal(ask(&anchors, 0, 777, NOW_90K).skew_90k, 0);
    /* nothing keeps it from UTC: off the air for longer than it was ahead */
    anchors.known[0].skew_90k = 26 * 90000;
    anchors_use(&anchors, 0, &(struct handoff_anchor){ 0 });
    anchors_resume(&anchors, 0, NOW_90K + 26 * 90000);
    assert_int_equal(ask(&anchors, 0, 5000000000, NOW_90K + 20 * 90000).skew_90k, 25 * 90000);
    anchors_use(&anchors, 0, &(struct handoff_anchor){ 0 });
    assert_int_equal(ask(&anchors, 0, 70000000, NOW_90K + 70 * 90000).skew_90k, 0);
    anchors_reach(&anchors, 0, NOW_90K + 71 * 90000);
    assert_int_equal(anchors.reached_90k[0], NOW_90K + 71 * 90000);
    anchors_reach(&anchors, 0, NOW_90K); /* once more */
    assert_int_equal(anchors.reached_90k[0], NOW_90K + 71 * 90000);
}

/* The clock is put right while a channel runs: its output goes on where it is, and its twin's there too. */
static void a_clock_that_is_set_moves_no_running_output(void **state)
{
    (void)state;
    static const int64_t steps_90k[] = { 5 * 90000,  20 * 90000,   45 * 90000,   3600 * 90000, INT64_C(5000000) * 90000,
                                         -5 * 90000, -900 * 90000, -3600 * 90000 };
    for (unsigned i = 0; i < sizeof steps_90k / sizeof steps_90k[0]; i++) {
        struct anchors anchors = { 0 };
        struct handoff_anchor_request asked = request(777 + 101 * 90000, NOW_90K + 101 * 90000 + steps_90k[i]);
        asked.next_90k = NOW_90K + 101 * 90000;
        for (unsigned pipeline = 0; pipeline < 2; pipeline++) {
            ask(&anchors, pipeline, 777, NOW_90K);
            anchors_reach(&anchors, pipeline, NOW_90K + 96 * 90000); /* a segment that is still being made */
        }
        struct handoff_anchor first = anchors_answer(&anchors, 0, &asked);
        int64_t placed_90k =
            timeline_place_pts_90k(asked.pts_90k, first.anchor_90k, asked.arrival_90k + first.skew_90k);
        assert_in_range(placed_90k + 1800, asked.next_90k, asked.next_90k + 3600);
        asked.next_90k += 3600; /* the twin is a frame further */
        assert_int_equal(anchors_answer(&anchors, 1, &asked).id, first.id);
        assert_true(anchors_locked(&anchors));
    }
}

/* A second of delay before the clock, or two behind it, is made up for by the pipeline itself. */
static void an_output_that_is_a_little_off_stays_at_utc(void **state)
{
    (void)state;
    static const int64_t offs_90k[] = { 80000, -80000, -170000 };
    for (unsigned i = 0; i < sizeof offs_90k / sizeof offs_90k[0]; i++) {
        struct anchors anchors = { 0 };
        struct handoff_anchor_request asked = request(5000000000, NOW_90K + 3700 * 90000);
        asked.next_90k = asked.arrival_90k + offs_90k[i];
        ask(&anchors, 0, 777, NOW_90K);
        anchors_reach(&anchors, 0, NOW_90K + 100 * 90000); /* its outputs have paused since */
        assert_int_equal(anchors_answer(&anchors, 0, &asked).skew_90k, 0);
    }
}

/* What it shows is ahead of what it has handed over: of that the pictures would come late. */
static void an_output_that_began_without_a_source_goes_on(void **state)
{
    (void)state;
    static const int64_t leads_90k[] = { 8 * 90000, 104 * 90000, 900 * 90000, 0 };
    for (unsigned i = 0; i < sizeof leads_90k / sizeof leads_90k[0]; i++) {
        struct anchors anchors = { 0 };
        struct handoff_anchor_request asked = request(777, NOW_90K);
        asked.next_90k = NOW_90K + leads_90k[i];
        anchors_resume(&anchors, 0, asked.next_90k - 20 * 90000);
        anchors_reach(&anchors, 0, asked.next_90k - 8 * 90000);
        assert_int_equal(anchors_answer(&anchors, 0, &asked).skew_90k, leads_90k[i]);
    }
}

/* Of what was on the air before a clock was set an anchor is left that fits the source's timeline, and lies elsewhere
 * than an output that has begun since, without a source, at UTC. */
static void what_is_known_of_before_moves_no_output_that_runs(void **state)
{
    (void)state;
    static const int64_t set_90k[] = { -20 * 90000, 7200 * INT64_C(90000), 0 };
    for (unsigned i = 0; i < sizeof set_90k / sizeof set_90k[0]; i++) {
        struct anchors anchors = { 0 };
        struct handoff_anchor_request asked = request(1000, NOW_90K);
        asked.next_90k = NOW_90K + set_90k[i];
        struct handoff_anchor before = anchors_answer(&anchors, 0, &asked), after;
        assert_int_equal(before.skew_90k, set_90k[i]);
        anchors_use(&anchors, 0, &(struct handoff_anchor){ 0 }); /* another process */
        asked = request(1000 + 600 * 90000, NOW_90K + 600 * 90000);
        asked.next_90k = asked.arrival_90k - 36000;
        after = anchors_answer(&anchors, 0, &asked);
        assert_int_equal(after.skew_90k, 0);
        assert_true((after.id == before.id) == (set_90k[i] == 0));
    }
}

/* The clock was an hour ahead when the process began: what was reached then is no mark for what comes in that hour. */
static void what_was_reached_before_the_output_began_anew_is_forgotten(void **state)
{
    (void)state;
    struct anchors anchors = { 0 };
    anchors_resume(&anchors, 0, NOW_90K + 3600 * 90000);
    ask(&anchors, 0, 777, NOW_90K);
    for (int64_t minute = 0; minute < 60; minute++)
        anchors_reach(&anchors, 0, NOW_90K + minute * 60 * 90000);
    assert_int_equal(anchors.reached_90k[0], NOW_90K + 59 * 60 * 90000);
    assert_int_equal(ask(&anchors, 0, 5000000000, NOW_90K + 59 * 60 * 90000).skew_90k, 0);
}

static void self_chosen_anchor_is_kept(void **state)
{
    (void)state;
    struct anchors anchors = { 0 };
    uint64_t alone = (UINT64_C(1) << 63) | 77, other = (UINT64_C(1) << 63) | 78;
    int64_t value_90k = timeline_anchor_for(&(struct timeline_rate){ 25, 1, 1 }, 5000, NOW_90K);
    anchors_use(&anchors, 0, &(struct handoff_anchor){ .id = alone, .anchor_90k = value_90k });
    struct handoff_anchor twin = ask(&anchors, 1, 5000, NOW_90K);
    assert_true(twin.id == alone);
    assert_true(anchors_locked(&anchors));
    /* both chose alone, and the same: locked though the ids differ */
    anchors_use(&anchors, 1, &(struct handoff_anchor){ .id = other, .anchor_90k = value_90k });
    assert_true(anchors_locked(&anchors));
    anchors_use(&anchors, 1, &(struct handoff_anchor){ .id = other, .anchor_90k = value_90k + 3600 });
    assert_false(anchors_locked(&anchors));
    anchors_use(&anchors, 1, &(struct handoff_anchor){ 0 });
    assert_int_equal(anchors.in_use[1], 0);
    assert_int_equal(anchors.next_id, 0); /* their numbers are not ours */
}

/* The spool was lost, and number 1 was given out again: it must not lock what is not the same. */
static void number_given_out_twice(void **state)
{
    (void)state;
    struct anchors anchors = { 0 };
    struct handoff_anchor mine = ask(&anchors, 0, 0, NOW_90K);
    anchors_use(&anchors, 1, &(struct handoff_anchor){ .id = mine.id, .anchor_90k = mine.anchor_90k ^ 1 });
    assert_false(anchors_locked(&anchors));
    anchors_use(&anchors, 1, &(struct handoff_anchor){ .id = 40, .anchor_90k = 123 });
    assert_int_equal(ask(&anchors, 0, 777777, NOW_90K + 99 * 90000).id, 41);
}

static void those_in_use_are_not_forgotten(void **state)
{
    (void)state;
    struct anchors anchors = { 0 };
    struct handoff_anchor kept = ask(&anchors, 0, 0, NOW_90K);
    for (int i = 1; i < 10; i++)
        ask(&anchors, 1, 0, NOW_90K + i * 10 * 90000);
    bool found = false;
    for (unsigned i = 0; i < HANDOFF_ANCHORS_MAX; i++)
        found |= anchors.known[i].id == kept.id;
    assert_true(found);
    assert_int_equal(anchors.known[0].id, 10);
}

static void saved_and_read_back(void **state)
{
    (void)state;
    struct anchors anchors = { 0 }, read = { 0 };
    ask(&anchors, 0, 0, NOW_90K);
    ask(&anchors, 1, 0, NOW_90K + 10 * 90000);
    anchors_use(&anchors, 1,
                &(struct handoff_anchor){ .id = UINT64_MAX, .anchor_90k = PTS_MODULUS - 1, .skew_90k = -5 });
    json_t *json = anchors_json(&anchors);
    assert_int_equal(anchors_from_json(&read, json), 0);
    anchors.in_use[0] = anchors.in_use[1] = 0;
    assert_memory_equal(&read, &anchors, sizeof read);
    json_object_set_new(json, "version", json_integer(2));
    assert_int_equal(anchors_from_json(&read, json), -EBADMSG);
    assert_int_equal(read.known[0].id, 0);
    json_decref(json);
    json = json_pack("{s:i, s:i, s:i, s:i, s:[{s:i, s:i, s:i}]}", "version", 1, "next_id", 1, "framerate_numerator", 25,
                     "framerate_denominator", 1, "anchors", "id", 1, "anchor_90k", -1, "skew_90k", 0);
    assert_int_equal(anchors_from_json(&read, json), -EBADMSG);
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(second_gets_what_the_first_got),
        cmocka_unit_test(another_timeline_gets_another),
        cmocka_unit_test(wrap_of_the_source),
        cmocka_unit_test(drift_is_followed),
        cmocka_unit_test(a_new_anchor_goes_on_where_the_output_is),
        cmocka_unit_test(a_standby_does_not_take_the_output_back),
        cmocka_unit_test(a_new_anchor_is_not_behind_the_end),
        cmocka_unit_test(a_clock_that_is_set_moves_no_running_output),
        cmocka_unit_test(an_output_that_is_a_little_off_stays_at_utc),
        cmocka_unit_test(an_output_that_began_without_a_source_goes_on),
        cmocka_unit_test(what_is_known_of_before_moves_no_output_that_runs),
        cmocka_unit_test(what_was_reached_before_the_output_began_anew_is_forgotten),
        cmocka_unit_test(self_chosen_anchor_is_kept),
        cmocka_unit_test(number_given_out_twice),
        cmocka_unit_test(those_in_use_are_not_forgotten),
        cmocka_unit_test(saved_and_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
