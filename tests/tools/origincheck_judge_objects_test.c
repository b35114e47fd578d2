/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the judge says of objects that appear, of streams and of fragments: each test breaks one thing. */
#include "tests/tools/judge_scene.h"

/* ---- objects ---- */
static struct observation object_of(const struct scene *scene, unsigned copy, int64_t number)
{
    struct observation segment = segment_of(scene, copy, number);
    struct observation observation = observation_of(scene, OBSERVED_OBJECT, copy);
    observation.object =
        (struct observed_object){ .number = number, .bytes = 1000, .inspected = true, .media = segment.segment.media };
    snprintf(observation.object.name, sizeof observation.object.name, "news.%06d.m2ts", (int)number);
    return observation;
}

static void send_object(struct scene *scene, unsigned copy, int64_t number)
{
    struct observation observation = object_of(scene, copy, number);
    judge_observe(scene->judge, &observation);
}

static void list(struct scene *scene, unsigned copy)
{
    struct observation observation = observation_of(scene, OBSERVED_LISTING, copy);
    judge_observe(scene->judge, &observation);
    pass(scene, 1);
}

static void an_archive_with_one_and_none(void **state)
{
    (void)state;
    struct scene *scene = scene_of(2, 300);
    for (int64_t number = 0; number <= 6; number++)
        for (unsigned copy = 0; copy < 2; copy++) {
            struct observation observation = object_of(scene, copy, number);
            if ((number == 2 && copy == 1) || number == 3)
                media_fault(&observation.object.media, MEDIA_TRUNCATED, "cut off");
            judge_observe(scene->judge, &observation);
            list(scene, copy);
        }
    judge_finish(scene->judge);
    struct judge_tally tally = judge_tally(scene->judge, 0);
    assert_int_equal(tally.all, 5);
    assert_int_equal(tally.some, 1);
    assert_int_equal(tally.none, 1);
    assert_non_null(finding(scene, FINDING_TRUNCATED));
    assert_found(scene, FINDING_NO_COPY, "no copy of number 3 is complete");
}

/* Whoever begins at an archive that has run for an hour sees all of it at once, and looks into a few in each round. */
static void a_long_archive(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 300);
    for (int64_t from = 0; from < 60; from += 8) {
        for (int64_t number = 0; number < 60; number++) {
            struct observation observation = object_of(scene, 0, number);
            observation.object.inspected = number >= from && number < from + 8;
            judge_observe(scene->judge, &observation);
        }
        list(scene, 0);
        judge_finish(scene->judge); /* it may end before all were looked into */
        assert_int_equal(judge_tally(scene->judge, 0).none, 0);
    }
    assert_int_equal(judge_tally(scene->judge, 0).all, 60);
    assert_int_equal(judge_troubles(scene->judge), 0);
    judge_destroy(scene->judge);
}

static void an_object_that_grows(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 300);
    send_object(scene, 0, 0);
    list(scene, 0);
    struct observation observation = object_of(scene, 0, 0);
    observation.object.inspected = false;
    judge_observe(scene->judge, &observation);
    assert_int_equal(judge_troubles(scene->judge), 0);
    observation.object.bytes += 188;
    judge_observe(scene->judge, &observation);
    assert_found(scene, FINDING_CHANGED, "news.000000.m2ts was seen with 1000 bytes, now it has 1188");
}

static void a_hole_between_objects(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 300);
    send_object(scene, 0, 4);
    send_object(scene, 0, 6); /* 5 may still be under way */
    list(scene, 0);
    assert_null(finding(scene, FINDING_HOLE));
    send_object(scene, 0, 7);
    list(scene, 0);
    list(scene, 0);
    assert_int_equal(finding(scene, FINDING_HOLE)->count, 1);
    assert_found(scene, FINDING_HOLE, "number 5 is not there");
}

static void a_rollover_that_loses(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 300);
    send_object(scene, 0, 4);
    struct observation observation = object_of(scene, 0, 5);
    observation.object.media.streams[0].first_90k += STEP_90K;
    judge_observe(scene->judge, &observation);
    assert_found(scene, FINDING_TIMESTAMPS, "object 5 begins 0.040 s off the end of object 4");
}

static void objects_that_stop_coming(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 10);
    send_object(scene, 0, 4);
    list(scene, 0);
    pass(scene, 13);
    assert_null(finding(scene, FINDING_STALE));
    pass(scene, 3);
    assert_found(scene, FINDING_STALE, "behind number 4");
}

/* ---- streams and fragments ---- */
static void send_stream(struct scene *scene, uint64_t pictures, uint64_t sounds, bool connected, const char *fault)
{
    struct observation observation = observation_of(scene, OBSERVED_STREAM, 0);
    observation.stream = (struct observed_stream){ .connected = connected, .pictures = pictures, .sounds = sounds };
    snprintf(observation.stream.fault, sizeof observation.stream.fault, "%s", fault);
    snprintf(observation.text, sizeof observation.text, "%s", connected ? "" : "Connection refused");
    judge_observe(scene->judge, &observation);
}

static void a_stream_that_stops(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    for (unsigned second = 0; second < 10; second++) {
        send_stream(scene, second * 25, second * 47, true, "");
        pass(scene, 1);
    }
    assert_int_equal(judge_troubles(scene->judge), 0);
    for (unsigned second = 10; second < 17; second++) {
        send_stream(scene, second * 25, 9 * 47, true, "");
        pass(scene, 1);
    }
    assert_found(scene, FINDING_STOPPED, "no sound");
}

static void a_stream_that_fails(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    send_stream(scene, 1, 1, true, "");
    send_stream(scene, 2, 2, true, "video goes back by 0.5 s");
    assert_non_null(finding(scene, FINDING_TIMESTAMPS));
    send_stream(scene, 2, 2, false, "");
    assert_found(scene, FINDING_UNREACHABLE, "Connection refused");
}

static void fragments_with_a_gap(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    for (unsigned i = 0; i < 6; i++) {
        struct observation observation = observation_of(scene, OBSERVED_FRAGMENT, 0);
        observation.fragment = (struct boxes_fragment){
            .timescale = 90000, .has_time = true, .duration = 180000, .time = i * 180000u + (i == 5 ? 180000u : 0)
        };
        if (i == 5)
            assert_int_equal(judge_troubles(scene->judge), 0);
        judge_observe(scene->judge, &observation);
        pass(scene, 2);
    }
    assert_non_null(finding(scene, FINDING_TIMESTAMPS));
    pass(scene, 4);
    assert_found(scene, FINDING_STALE, "nothing new");
}

static void send_fragment(struct scene *scene, unsigned copy, uint64_t time, unsigned samples)
{
    struct observation observation = observation_of(scene, OBSERVED_FRAGMENT, copy);
    observation.fragment = (struct boxes_fragment){
        .timescale = 90000, .has_time = true, .duration = 180000, .time = time, .samples = samples
    };
    judge_observe(scene->judge, &observation);
}

static void fragments_of_twins(void **state)
{
    (void)state;
    struct scene *scene = scene_of(2, 0);
    for (unsigned i = 0; i < 6; i++) {
        send_fragment(scene, 0, i * 180000u, 50);
        scene->at_ns += 100 * NS_PER_MS;
        send_fragment(scene, 1, i * 180000u, 50);
        pass(scene, 1.9);
    }
    assert_int_equal(judge_troubles(scene->judge), 0);
    assert_true(judge_track(scene->judge, 1).behind_s > 0.09 && judge_track(scene->judge, 1).behind_s < 0.11);
    send_fragment(scene, 0, 6 * 180000, 50);
    send_fragment(scene, 1, 6 * 180000, 49);
    assert_found(scene, FINDING_TWINS_DIFFER, "49 samples from 12.000 s in copy 1");
}

static void fragments_of_one_copy_only(void **state)
{
    (void)state;
    struct scene *scene = scene_of(2, 0);
    for (unsigned i = 0; i < 8; i++) {
        send_fragment(scene, 0, i * 180000u, 50);
        if (i < 4)
            send_fragment(scene, 1, i * 180000u, 50);
        pass(scene, 2);
    }
    assert_non_null(finding(scene, FINDING_STALE));
    assert_found(scene, FINDING_BEHIND, "before those of another copy");
}

static void send_message(struct scene *scene, unsigned copy, uint64_t time)
{
    struct observation observation = observation_of(scene, OBSERVED_FRAGMENT, copy);
    observation.fragment = (struct boxes_fragment){
        .timescale = 10000000, .has_time = true, .time = time, .duration = 300000000, .samples = 1, .sparse = true
    };
    judge_observe(scene->judge, &observation);
}

/* Of a break of 30 s, after a second, after minutes: all well, as long as both copies have the same in order. */
static void messages_come_when_they_come(void **state)
{
    (void)state;
    struct scene *scene = scene_of(2, 0);
    static const uint64_t seconds[] = { 100, 101, 300, 301 };
    for (unsigned i = 0; i < 4; i++) {
        send_message(scene, 0, seconds[i] * 10000000);
        send_message(scene, 1, seconds[i] * 10000000);
        pass(scene, i == 1 ? 199 : 1);
    }
    assert_int_equal(judge_troubles(scene->judge), 0);
    send_message(scene, 0, 3009999999);
    assert_found(scene, FINDING_TIMESTAMPS, "comes behind");
}

static void fragments_that_end(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    send_fragment(scene, 0, 0, 50);
    send_fragment(scene, 0, 180000, 50);
    struct observation observation = observation_of(scene, OBSERVED_FRAGMENT, 0);
    observation.fragment = (struct boxes_fragment){ .ended = true };
    judge_observe(scene->judge, &observation);
    pass(scene, 60);
    assert_int_equal(judge_troubles(scene->judge), 0);
    judge_destroy(scene->judge);
}

static void what_is_refused(void **state)
{
    (void)state;
    struct judge *judge;
    struct error err = { 0 };
    struct judge_group group = { "web", 9, 0 };
    assert_true(judge_create(&judge, &(struct judge_config){ .groups = &group, .groups_count = 1 }, &err) < 0);
    assert_string_equal(err.text, "group web: 9 copies: want 1..4");
    struct scene *scene = scene_of(1, 0);
    send_object(scene, 3, 1);
    assert_int_equal(judge_ignored(scene->judge), 1);
    judge_destroy(scene->judge);
    judge_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_archive_with_one_and_none), cmocka_unit_test(a_long_archive),
        cmocka_unit_test(an_object_that_grows),         cmocka_unit_test(a_hole_between_objects),
        cmocka_unit_test(a_rollover_that_loses),        cmocka_unit_test(objects_that_stop_coming),
        cmocka_unit_test(a_stream_that_stops),          cmocka_unit_test(a_stream_that_fails),
        cmocka_unit_test(fragments_with_a_gap),         cmocka_unit_test(fragments_of_twins),
        cmocka_unit_test(fragments_of_one_copy_only),   cmocka_unit_test(messages_come_when_they_come),
        cmocka_unit_test(fragments_that_end),           cmocka_unit_test(what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
