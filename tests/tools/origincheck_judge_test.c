/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the judge says of playlists, segments and twins: all is well at first, and each test breaks one thing. */
#include "tests/tools/judge_scene.h"

/* ---- all is well ---- */
static void twins_that_are_well(void **state)
{
    (void)state;
    struct scene *scene = scene_of(2, 0);
    play(scene, 2, 50, 60);
    judge_finish(scene->judge);
    assert_int_equal(judge_troubles(scene->judge), 0);
    struct judge_tally tally = judge_tally(scene->judge, 0);
    assert_int_equal(tally.all, 11);
    assert_int_equal(tally.some + tally.none, 0);
    assert_int_equal(judge_tracks(scene->judge), 2);
    struct judge_track_view view = judge_track(scene->judge, 0);
    assert_int_equal(view.newest_number, 60);
    assert_int_equal(view.well, 11);
    assert_true(view.age_s > 80 - 122 && view.behind_s < 0.001);
    judge_destroy(scene->judge);
}

static void what_is_under_way_at_the_end(void **state)
{
    (void)state;
    struct scene *scene = scene_of(2, 0);
    play(scene, 2, 50, 55);
    playlist_to(scene, 56);
    send_playlist(scene, 0);
    send_playlist(scene, 1);
    send_segment(scene, 0, 56); /* copy 1 is still fetching it */
    judge_finish(scene->judge);
    struct judge_tally tally = judge_tally(scene->judge, 0);
    assert_int_equal(tally.all, 6);
    assert_int_equal(tally.some + tally.none, 0);
    judge_destroy(scene->judge);
}

/* An origin that was away comes back with everything: fetching takes longer than the next tick. */
static void many_at_once(void **state)
{
    (void)state;
    for (unsigned copies = 1; copies <= 2; copies++) {
        struct scene *scene = scene_of(copies, 0);
        play(scene, copies, 50, 52);
        playlist_to(scene, 56);
        for (unsigned copy = 0; copy < copies; copy++)
            send_playlist(scene, copy);
        for (int64_t number = 53; number <= 56; number++) {
            pass(scene, 0.3);
            for (unsigned copy = 0; copy < copies; copy++)
                send_segment(scene, copy, number);
        }
        judge_finish(scene->judge);
        struct judge_tally tally = judge_tally(scene->judge, 0);
        assert_int_equal(tally.all, 7);
        assert_int_equal(tally.some + tally.none, 0);
        assert_null(finding(scene, FINDING_NO_COPY));
        judge_destroy(scene->judge);
    }
}

/* What is listed and never looked at is waited for, but not for ever. */
static void one_that_is_never_looked_at(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    play(scene, 1, 50, 52);
    for (int64_t number = 53; number <= 100; number++) {
        playlist_to(scene, number);
        send_playlist(scene, 0);
        if (number != 60)
            send_segment(scene, 0, number);
        pass(scene, 2);
    }
    assert_int_equal(judge_tally(scene->judge, 0).all, 97 - 50);
    assert_int_equal(judge_tally(scene->judge, 0).none, 1);
    assert_found(scene, FINDING_NO_COPY, "number 60");
}

static void timestamps_that_wrap(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    int64_t wrap = (INT64_C(1) << 33) / SEGMENT_90K;
    play(scene, 1, wrap - 3, wrap + 3);
    assert_null(finding(scene, FINDING_TIMESTAMPS));
    judge_destroy(scene->judge);
}

/* ---- playlists ---- */
static void stale_and_back(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    play(scene, 1, 50, 52);
    pass(scene, 0.9);
    assert_null(finding(scene, FINDING_STALE));
    pass(scene, 0.3);
    assert_non_null(finding(scene, FINDING_STALE));
    assert_true(finding(scene, FINDING_STALE)->open);
    play(scene, 1, 53, 53);
    assert_false(finding(scene, FINDING_STALE)->open);
    assert_int_equal(scene->cleared, 1);
    assert_found(scene, FINDING_STALE, "behind number 52");
}

static void an_ended_playlist_is_not_stale(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    play(scene, 1, 50, 52);
    playlist_to(scene, 52)->ended = true;
    send_playlist(scene, 0);
    pass(scene, 60);
    assert_null(finding(scene, FINDING_STALE));
    judge_destroy(scene->judge);
}

static void unreachable(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    play(scene, 1, 50, 51);
    struct observation observation = observation_of(scene, OBSERVED_UNREACHABLE, 0);
    snprintf(observation.text, sizeof observation.text, "Connection refused");
    judge_observe(scene->judge, &observation);
    assert_null(finding(scene, FINDING_UNREACHABLE)); /* once may happen to everybody */
    observation.at_ns += 1100 * NS_PER_MS;
    judge_observe(scene->judge, &observation);
    assert_true(finding(scene, FINDING_UNREACHABLE)->open);
    play(scene, 1, 52, 52);
    assert_false(finding(scene, FINDING_UNREACHABLE)->open);
    assert_found(scene, FINDING_UNREACHABLE, "Connection refused");
}

static void unreachable_by_status(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    struct observation observation = observation_of(scene, OBSERVED_UNREACHABLE, 0);
    observation.status = 404;
    snprintf(observation.text, sizeof observation.text, "404");
    judge_observe(scene->judge, &observation);
    assert_found(scene, FINDING_UNREACHABLE, "404");
}

static void media_that_is_late(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    play(scene, 1, 60, 60); /* at second 100 the newest ends at 122 */
    assert_null(finding(scene, FINDING_LATE));
    scene->at_ns += 40 * NS_PER_S;
    play(scene, 1, 61, 61);
    assert_found(scene, FINDING_LATE, "more than 10.0 s");
}

static void sequence_that_goes_back(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    play(scene, 1, 50, 52);
    playlist_to(scene, 51);
    send_playlist(scene, 0);
    assert_found(scene, FINDING_SEQUENCE_BACK, "51, and was 52");
}

static void an_entry_that_changes(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    play(scene, 1, 50, 52);
    playlist_to(scene, 53)->entries[1].uri = "other.ts";
    send_playlist(scene, 0);
    assert_found(scene, FINDING_ENTRY_CHANGED, "number 51 names other.ts");
}

static void discontinuities_that_leave(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    playlist_to(scene, 53)->entries[1].discontinuity = true; /* 51 */
    send_playlist(scene, 0);
    playlist_to(scene, 54)->entries[0].discontinuity = true;
    send_playlist(scene, 0);
    assert_null(finding(scene, FINDING_DISCONTINUITY_SEQUENCE));
    playlist_to(scene, 55); /* 51 has left, the sequence is still 0 */
    send_playlist(scene, 0);
    assert_found(scene, FINDING_DISCONTINUITY_SEQUENCE, "is 0, not 1");
}

static void target_duration_that_changes(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    play(scene, 1, 50, 51);
    playlist_to(scene, 52)->target_duration_s = 3;
    send_playlist(scene, 0);
    assert_found(scene, FINDING_TARGET_CHANGED, "3 s, and was 2 s");
}

static void dates_that_jump(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    playlist_to(scene, 53)->entries[2].date_time_ns += 3000000000;
    scene->entries[3].date_time_ns += 3000000000;
    send_playlist(scene, 0);
    assert_found(scene, FINDING_DATE_TIME, "number 52: its programme date time is +3.000 s off");
}

static void a_gap(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    play(scene, 1, 50, 51);
    playlist_to(scene, 52)->entries[3].gap = true;
    send_playlist(scene, 0);
    assert_found(scene, FINDING_GAP, "number 52");
}

static void a_playlist_against_the_rfc(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    struct playlist *playlist = playlist_to(scene, 50);
    playlist->faults_count = 1;
    snprintf(playlist->faults[0], sizeof playlist->faults[0], "no EXT-X-TARGETDURATION");
    send_playlist(scene, 0);
    assert_found(scene, FINDING_MALFORMED, "no EXT-X-TARGETDURATION");
}

/* ---- segments ---- */
static struct observation broken_of(struct scene *scene, int64_t number)
{
    play(scene, 1, number - 2, number - 1);
    playlist_to(scene, number);
    send_playlist(scene, 0);
    return segment_of(scene, 0, number);
}

static void segments_that_are_broken(void **state)
{
    (void)state;
    static const struct {
        enum media_fault_kind media;
        enum finding_kind finding;
    } cases[] = {
        { MEDIA_TRUNCATED, FINDING_TRUNCATED },     { MEDIA_MALFORMED, FINDING_BAD_MEDIA },
        { MEDIA_COUNTERS, FINDING_COUNTERS },       { MEDIA_NO_IDR, FINDING_NO_IDR },
        { MEDIA_UNDECODABLE, FINDING_UNDECODABLE },
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_of(1, 0);
        struct observation observation = broken_of(scene, 52);
        media_fault(&observation.segment.media, cases[i].media, "as the reader says");
        judge_observe(scene->judge, &observation);
        assert_found(scene, cases[i].finding, "number 52: as the reader says");
    }
}

static void a_segment_that_is_not_there(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    struct observation observation = broken_of(scene, 52);
    observation.segment = (struct observed_segment){ .number = 52 };
    snprintf(observation.text, sizeof observation.text, "404 Not Found");
    judge_observe(scene->judge, &observation);
    play(scene, 1, 53, 56);
    assert_int_equal(judge_tally(scene->judge, 0).none, 1);
    assert_non_null(finding(scene, FINDING_NO_COPY));
    assert_found(scene, FINDING_MISSING, "number 52: 404 Not Found");
}

static void a_transfer_that_ends_early(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    struct observation observation = broken_of(scene, 52);
    observation.segment = (struct observed_segment){ .number = 52, .partial = true };
    judge_observe(scene->judge, &observation);
    assert_found(scene, FINDING_TRUNCATED, "number 52");
}

static void a_segment_that_is_shorter(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    struct observation observation = broken_of(scene, 52);
    observation.segment.media.streams[0].end_90k -= 3 * STEP_90K;
    judge_observe(scene->judge, &observation);
    assert_found(scene, FINDING_DURATION, "lasts 1.880 s, the playlist says 2.000 s");
}

static void timestamps_that_do_not_go_on(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    struct observation observation = broken_of(scene, 52);
    observation.segment.media.streams[0].first_90k += 90000;
    observation.segment.media.streams[0].end_90k += 90000;
    judge_observe(scene->judge, &observation);
    assert_found(scene, FINDING_TIMESTAMPS, "video begins 1.000 s off");
}

static void a_discontinuity_may_jump(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    play(scene, 1, 50, 51);
    playlist_to(scene, 52)->entries[3].discontinuity = true;
    send_playlist(scene, 0);
    struct observation observation = segment_of(scene, 0, 52);
    observation.segment.media.streams[0].first_90k += 90000;
    observation.segment.media.streams[0].end_90k += 90000;
    observation.segment.media.counters[0].first ^= 1;
    judge_observe(scene->judge, &observation);
    assert_int_equal(judge_troubles(scene->judge), 0);
    judge_destroy(scene->judge);
}

static void counters_that_do_not_go_on(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    struct observation observation = broken_of(scene, 52);
    observation.segment.media.counters[0].first ^= 1;
    judge_observe(scene->judge, &observation);
    assert_found(scene, FINDING_COUNTERS, "PID 256");
}

static void a_segment_that_changes(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    play(scene, 1, 50, 52);
    struct observation observation = segment_of(scene, 0, 51);
    observation.kind = OBSERVED_AGAIN;
    judge_observe(scene->judge, &observation);
    assert_int_equal(judge_troubles(scene->judge), 0);
    observation.segment.digest++;
    judge_observe(scene->judge, &observation);
    assert_found(scene, FINDING_CHANGED, "number 51 changed");
}

static void segments_that_go(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    play(scene, 1, 50, 55);
    struct observation observation = observation_of(scene, OBSERVED_AGAIN, 0);
    observation.segment = (struct observed_segment){ .number = 51, .left = true };
    judge_observe(scene->judge, &observation);
    assert_non_null(finding(scene, FINDING_REMOVED_EARLY));
    observation.segment = (struct observed_segment){ .number = 54 };
    snprintf(observation.text, sizeof observation.text, "404");
    judge_observe(scene->judge, &observation);
    assert_found(scene, FINDING_MISSING, "number 54: 404");
}

static void codecs_that_lie(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    struct playlist_variant variant = { .kind = PLAYLIST_STREAM, .codecs = "avc1.42001e,mp4a.40.2", .resolution = "" };
    struct playlist master = { .master = true, .variants = &variant, .variants_count = 1 };
    struct observation observation = observation_of(scene, OBSERVED_MASTER, 0);
    observation.playlist = &master;
    judge_observe(scene->judge, &observation);
    play(scene, 1, 50, 50);
    assert_found(scene, FINDING_CODECS, "the media is avc1.64001f, CODECS says");
}

/* ---- twins ---- */
static void masters_that_differ(void **state)
{
    (void)state;
    struct scene *scene = scene_of(2, 0);
    for (unsigned copy = 0; copy < 2; copy++) {
        struct playlist_variant variant = { .kind = PLAYLIST_STREAM,
                                            .codecs = copy ? "avc1.64001e" : "avc1.64001f",
                                            .resolution = "320x180" };
        struct playlist master = { .master = true, .variants = &variant, .variants_count = 1 };
        struct observation observation = observation_of(scene, OBSERVED_MASTER, copy);
        observation.playlist = &master;
        judge_observe(scene->judge, &observation);
    }
    assert_found(scene, FINDING_MASTERS_DIFFER, "avc1.64001f 320x180 in copy 0");
}

static void twins_that_differ(void **state)
{
    (void)state;
    struct scene *scene = scene_of(2, 0);
    play(scene, 2, 50, 51);
    playlist_to(scene, 52);
    send_playlist(scene, 0);
    send_playlist(scene, 1);
    send_segment(scene, 0, 52);
    struct observation observation = segment_of(scene, 1, 52);
    observation.segment.media.streams[0].units = 49;
    judge_observe(scene->judge, &observation);
    assert_null(finding(scene, FINDING_TWINS_DIFFER)); /* it may be the last, cut off where each pipeline was */
    play(scene, 2, 53, 53);
    assert_found(scene, FINDING_TWINS_DIFFER, "49 units, in copy 1");
}

static void a_twin_that_is_behind(void **state)
{
    (void)state;
    struct scene *scene = scene_of(2, 0);
    play(scene, 2, 50, 52);
    for (int64_t number = 53; number <= 56; number++) {
        playlist_to(scene, number);
        send_playlist(scene, 0);
        send_segment(scene, 0, number);
        pass(scene, 2);
    }
    struct judge_tally tally = judge_tally(scene->judge, 0);
    assert_int_equal(tally.some, 1); /* 53: three newer ones are known */
    assert_int_equal(tally.none, 0);
    assert_non_null(finding(scene, FINDING_STALE));
    playlist_to(scene, 53);
    send_playlist(scene, 1);
    send_segment(scene, 1, 53);
    struct judge_track_view view = judge_track(scene->judge, 1);
    assert_true(view.behind_s > 7.9 && view.behind_s < 8.1);
    assert_found(scene, FINDING_BEHIND, "52, that of another copy 55");
}

static void what_others_call_it_is_made_printable(void **state)
{
    (void)state;
    struct scene *scene = scene_of(1, 0);
    for (unsigned i = 0; i < 2; i++) { /* twice the same track */
        struct observation observation = observation_of(scene, OBSERVED_MALFORMED, 0);
        strcpy(observation.track, "v\033[31m");
        strcpy(observation.text, "\xff\033[2J is no playlist");
        judge_observe(scene->judge, &observation);
    }
    assert_int_equal(judge_tracks(scene->judge), 1);
    assert_int_equal(judge_findings(scene->judge), 1);
    assert_string_equal(judge_finding(scene->judge, 0)->track, "v?[31m");
    assert_non_null(strstr(judge_finding(scene->judge, 0)->text, "??[2J is no playlist"));
    judge_destroy(scene->judge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twins_that_are_well),
        cmocka_unit_test(what_is_under_way_at_the_end),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(one_that_is_never_looked_at),
        cmocka_unit_test(timestamps_that_wrap),
        cmocka_unit_test(stale_and_back),
        cmocka_unit_test(an_ended_playlist_is_not_stale),
        cmocka_unit_test(unreachable),
        cmocka_unit_test(unreachable_by_status),
        cmocka_unit_test(media_that_is_late),
        cmocka_unit_test(sequence_that_goes_back),
        cmocka_unit_test(an_entry_that_changes),
        cmocka_unit_test(discontinuities_that_leave),
        cmocka_unit_test(target_duration_that_changes),
        cmocka_unit_test(dates_that_jump),
        cmocka_unit_test(a_gap),
        cmocka_unit_test(a_playlist_against_the_rfc),
        cmocka_unit_test(segments_that_are_broken),
        cmocka_unit_test(a_segment_that_is_not_there),
        cmocka_unit_test(a_transfer_that_ends_early),
        cmocka_unit_test(a_segment_that_is_shorter),
        cmocka_unit_test(timestamps_that_do_not_go_on),
        cmocka_unit_test(a_discontinuity_may_jump),
        cmocka_unit_test(counters_that_do_not_go_on),
        cmocka_unit_test(a_segment_that_changes),
        cmocka_unit_test(segments_that_go),
        cmocka_unit_test(codecs_that_lie),
        cmocka_unit_test(masters_that_differ),
        cmocka_unit_test(twins_that_differ),
        cmocka_unit_test(a_twin_that_is_behind),
        cmocka_unit_test(what_others_call_it_is_made_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
