/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Synthetic downstreams of two copies with one track "v", segments of 2 s, one a fake second; each test breaks one
 * thing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "board/clock.h"
#include "board/error.h"
#include "tools/origincheck/judge.h"
#include "tools/origincheck/playlist.h"

enum { WINDOW = 4, SEGMENT_90K = 180000, STEP_90K = 3600 };
#define UTC_NS (UINT64_C(1769860800) * NS_PER_S)

struct scene {
    struct judge *judge;
    uint64_t at_ns;
    unsigned cleared;
    struct playlist playlist;
    struct playlist_entry entries[WINDOW + 8];
    char uris[WINDOW + 8][32];
};

static void on_finding(void *context, const struct finding *finding, bool cleared)
{
    struct scene *scene = context;
    scene->cleared += cleared;
    assert_true(*finding->text);
}

static struct scene *scene_of(unsigned copies, double interval_s)
{
    static struct scene scene;
    scene = (struct scene){ .at_ns = 100 * NS_PER_S };
    struct judge_group group = { "web", copies, interval_s };
    struct error err = { 0 };
    assert_int_equal(
        judge_create(
            &scene.judge,
            &(struct judge_config){ .groups = &group, .groups_count = 1, .on_finding = on_finding, .context = &scene },
            &err),
        0);
    return &scene;
}

static struct observation observation_of(const struct scene *scene, enum observation_kind kind, unsigned copy)
{
    return (struct observation){
        .kind = kind, .copy = copy, .track = "v", .at_ns = scene->at_ns, .utc_ns = UTC_NS + scene->at_ns
    };
}

static void pass(struct scene *scene, double seconds)
{
    scene->at_ns += (uint64_t)(seconds * 1e9);
    judge_tick(scene->judge, scene->at_ns, UTC_NS + scene->at_ns);
}

/* A playlist whose newest number is this; changed by the caller before it is sent. */
static struct playlist *playlist_to(struct scene *scene, int64_t newest)
{
    scene->playlist = (struct playlist){ .target_duration_s = 2,
                                         .media_sequence = newest - WINDOW + 1,
                                         .entries_count = WINDOW,
                                         .entries = scene->entries };
    for (unsigned i = 0; i < WINDOW; i++) {
        int64_t number = newest - WINDOW + 1 + i;
        snprintf(scene->uris[i], sizeof scene->uris[i], "v_%05d.ts", (int)number);
        scene->entries[i] = (struct playlist_entry){ .uri = scene->uris[i],
                                                     .number = number,
                                                     .duration_s = 2,
                                                     .date_time_ns = (int64_t)UTC_NS + number * 2000000000 };
    }
    return &scene->playlist;
}

static void send_playlist(struct scene *scene, unsigned copy)
{
    struct observation observation = observation_of(scene, OBSERVED_PLAYLIST, copy);
    observation.playlist = &scene->playlist;
    judge_observe(scene->judge, &observation);
}

static struct observation segment_of(const struct scene *scene, unsigned copy, int64_t number)
{
    struct observation observation = observation_of(scene, OBSERVED_SEGMENT, copy);
    observation.segment = (struct observed_segment){
        .number = number,
        .there = true,
        .bytes = 1880,
        .digest = (uint64_t)number + 1,
        .media = { .looked_into = true,
                   .streams_count = 1,
                   .counters_count = 1,
                   .streams = { { 'v', "avc1.64001f", number * SEGMENT_90K & ((INT64_C(1) << 33) - 1),
                                  (number + 1) * SEGMENT_90K, 50, STEP_90K } },
                   .counters = { { 256, (uint8_t)(number * 10 & 15), (uint8_t)((number * 10 + 9) & 15) } } }
    };
    return observation;
}

static void send_segment(struct scene *scene, unsigned copy, int64_t number)
{
    struct observation observation = segment_of(scene, copy, number);
    judge_observe(scene->judge, &observation);
}

/* Both copies live through the numbers from..to, all well. */
static void play(struct scene *scene, unsigned copies, int64_t from, int64_t to)
{
    for (int64_t number = from; number <= to; number++) {
        for (unsigned copy = 0; copy < copies; copy++) {
            playlist_to(scene, number);
            send_playlist(scene, copy);
            send_segment(scene, copy, number);
        }
        pass(scene, 2);
    }
}

static const struct finding *finding(const struct scene *scene, enum finding_kind kind)
{
    for (unsigned i = 0; i < judge_findings(scene->judge); i++)
        if (judge_finding(scene->judge, i)->kind == kind)
            return judge_finding(scene->judge, i);
    return NULL;
}

static void assert_found(struct scene *scene, enum finding_kind kind, const char *part)
{
    const struct finding *found = finding(scene, kind);
    if (!found || !strstr(found->text, part)) {
        for (unsigned i = 0; i < judge_findings(scene->judge); i++)
            print_message("%s: %s\n", finding_name(judge_finding(scene->judge, i)->kind),
                          judge_finding(scene->judge, i)->text);
        fail_msg("no %s with \"%s\"", finding_name(kind), part);
    }
    judge_destroy(scene->judge);
}

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
    pass(scene, 2);
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
        cmocka_unit_test(twins_that_are_well),
        cmocka_unit_test(what_is_under_way_at_the_end),
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
        cmocka_unit_test(an_archive_with_one_and_none),
        cmocka_unit_test(an_object_that_grows),
        cmocka_unit_test(a_hole_between_objects),
        cmocka_unit_test(a_rollover_that_loses),
        cmocka_unit_test(objects_that_stop_coming),
        cmocka_unit_test(a_stream_that_stops),
        cmocka_unit_test(a_stream_that_fails),
        cmocka_unit_test(fragments_with_a_gap),
        cmocka_unit_test(fragments_of_twins),
        cmocka_unit_test(fragments_of_one_copy_only),
        cmocka_unit_test(messages_come_when_they_come),
        cmocka_unit_test(fragments_that_end),
        cmocka_unit_test(what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
