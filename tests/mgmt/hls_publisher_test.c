/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_publisher_test.c - from hand-over to playlist, through outages, kills and gaps. Every playlist that reaches the
 * origin is checked on arrival: it may only name what is there.
 */
#include "mgmt/publisher.h"

#include <errno.h>
#include <string.h>

#include "tests/mgmt/publisher_bench.h"

enum { INSTANCE = 100, NUMBERS_MAX = 200, LARGE_BYTES = 200000 };

struct bench {
    struct publisher_bench base;
    bool named[2][NUMBERS_MAX]; /* by any playlist that arrived */
    unsigned playlists;
};

/* At the origin: all that a playlist names must be there now, and follow each other. */
static void check_stored(void *context, struct origin *origin, const struct origin_file *file)
{
    struct bench *bench = context;
    if (!strstr(file->path, ".m3u8"))
        return;
    bench->playlists++;
    bool gap = false;
    for (const char *line = file->body; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        char name[128], path[160];
        if (strncmp(line, "#EXT-X-GAP", 10) == 0)
            gap = true;
        if (*line == '#' || sscanf(line, "%127s", name) != 1)
            continue;
        snprintf(path, sizeof path, "/live/%s", name);
        assert_int_equal(origin_find(origin, path) != NULL, !gap);
        unsigned output, number;
        if (!gap && sscanf(name, "news_%up_%u.ts", &output, &number) == 2) {
            assert_true(number < NUMBERS_MAX);
            bench->named[output == 360][number] = true;
        }
        gap = false;
    }
}

static void set_up(struct bench *bench)
{
    *bench = (struct bench){ .playlists = 0 };
    publisher_bench_set_up(&bench->base);
    bench->base.pipeline = 1;
    bench->base.origin->stored = check_stored;
    bench->base.origin->context = bench;
    bench->base.group = (struct output_group){
        .name = "web",
        .hls = { .segment_length = 2,
                 .index_n_segments = 3,
                 .keep_segments = 5,
                 .client_cache = true,
                 .discontinuity_tags = true,
                 .stream_inf_resolution = true },
        .connection = publisher_bench_connection(),
        .outputs = { { .name = "720p", .name_modifier = "_720p" }, { .name = "360p", .name_modifier = "_360p" } },
        .outputs_count = 2,
    };
    publisher_bench_url(&bench->base, 1, "/live/news");
}

static void tear_down(struct bench *bench)
{
    publisher_bench_expect_only_state(&bench->base);
    publisher_bench_tear_down(&bench->base);
}

static struct handoff_segment segment_of(struct bench *bench, const char *output, int64_t number)
{
    struct handoff_segment segment = {
        .instance = INSTANCE,
        .serial = ++bench->base.serial,
        .number = number,
        .start_90k = number * 180000,
        .duration_90k = 180000,
        .end_arrival_utc_ns = clock_utc_ns(&bench->base.clock) - 500 * NS_PER_MS,
        .bytes = 1000,
        .width = 1280,
        .height = 720,
        .framerate_numerator = 25,
        .framerate_denominator = 1,
        .average_bitrate = 1000000,
        .peak_bitrate = 1200000,
        .codecs = "avc1.64001f,mp4a.40.2",
    };
    strcpy(segment.group, "web");
    strcpy(segment.output, output);
    return segment;
}

static void hand_over(struct bench *bench, const struct handoff_segment *segment)
{
    static const char zeros[LARGE_BYTES];
    assert_true(segment->bytes <= sizeof zeros);
    publisher_bench_hand_over(&bench->base, segment, zeros);
}

static void hand_over_both(struct bench *bench, int64_t first, int64_t last)
{
    for (int64_t number = first; number <= last; number++) {
        struct handoff_segment segment = segment_of(bench, "720p", number);
        hand_over(bench, &segment);
        segment = segment_of(bench, "360p", number);
        hand_over(bench, &segment);
    }
}

static const char *body_of(struct bench *bench, const char *path)
{
    struct origin_file *file = origin_find(bench->base.origin, path);
    assert_non_null(file);
    return file->body;
}

static int64_t status_integer(struct bench *bench, const char *object, const char *name)
{
    json_t *status = publisher_status(bench->base.publisher);
    assert_non_null(status);
    json_t *value = json_object_get(object ? json_object_get(status, object) : status, name);
    assert_true(json_is_integer(value));
    int64_t result = json_integer_value(value);
    json_decref(status);
    return result;
}

static void steady_stream(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    publisher_bench_open(&bench.base);
    assert_int_equal(publisher_resume_tick_90k(bench.base.publisher), 0);
    struct handoff_segment segment = segment_of(&bench, "720p", 1);
    hand_over(&bench, &segment);
    publisher_bench_run_until_idle(&bench.base);
    assert_non_null(origin_find(bench.base.origin, "/live/news_720p.m3u8"));
    assert_null(origin_find(bench.base.origin, "/live/news.m3u8")); /* one output has nothing yet */
    assert_int_equal(publisher_resume_tick_90k(bench.base.publisher), 0);
    segment = segment_of(&bench, "360p", 1);
    hand_over(&bench, &segment);
    assert_int_equal(publisher_resume_tick_90k(bench.base.publisher), 2 * 180000);
    publisher_bench_run_until_idle(&bench.base);
    assert_string_equal(body_of(&bench, "/live/news.m3u8"),
                        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n"
                        "#EXT-X-STREAM-INF:BANDWIDTH=1200000,AVERAGE-BANDWIDTH=1000000,CODECS=\"avc1.64001f,mp4a.40.2\""
                        ",RESOLUTION=1280x720,FRAME-RATE=25.000\nnews_720p.m3u8\n"
                        "#EXT-X-STREAM-INF:BANDWIDTH=1200000,AVERAGE-BANDWIDTH=1000000,CODECS=\"avc1.64001f,mp4a.40.2\""
                        ",RESOLUTION=1280x720,FRAME-RATE=25.000\nnews_360p.m3u8\n");
    for (int64_t number = 2; number <= 4; number++) {
        hand_over_both(&bench, number, number);
        publisher_bench_run_until_idle(&bench.base);
    }
    assert_string_equal(body_of(&bench, "/live/news_360p.m3u8"),
                        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:2\n"
                        "#EXT-X-MEDIA-SEQUENCE:2\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
                        "#EXTINF:2.00000,\nnews_360p_00002.ts\n#EXTINF:2.00000,\nnews_360p_00003.ts\n"
                        "#EXTINF:2.00000,\nnews_360p_00004.ts\n");
    assert_int_equal(bench.base.acknowledged, 8);
    assert_int_equal(origin_count(bench.base.origin, "PUT", "news.m3u8", 201), 1);
    assert_int_equal(status_integer(&bench, "counters", "segments_delivered"), 8);
    assert_int_equal(status_integer(&bench, NULL, "queued_segments"), 0);
    json_t *status = publisher_status(bench.base.publisher);
    assert_string_equal(json_string_value(json_object_get(status, "state")), "well");
    json_t *latency = json_object_get(status, "source_to_playlist_ms");
    assert_true(json_real_value(json_object_get(latency, "p50")) >= 500);
    json_t *output = json_array_get(json_object_get(status, "outputs"), 1);
    assert_int_equal(json_integer_value(json_object_get(output, "last_in_playlist")), 4);
    json_decref(status);
    tear_down(&bench);
}

static void old_segments_are_deleted(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.base.group.hls.keep_segments = 4;
    bench.base.group.outputs[0].segment_modifier[0] = 'x';
    publisher_bench_open(&bench.base);
    for (int64_t number = 1; number <= 9; number++) {
        hand_over_both(&bench, number, number);
        publisher_bench_run_until_idle(&bench.base);
    }
    assert_null(origin_find(bench.base.origin, "/live/news_720px_00005.ts"));
    assert_non_null(origin_find(bench.base.origin, "/live/news_720px_00006.ts"));
    assert_null(origin_find(bench.base.origin, "/live/news_360p_00005.ts"));
    assert_int_equal(origin_count(bench.base.origin, "DELETE", "", 204), 10);
    assert_int_equal(status_integer(&bench, "counters", "segments_deleted"), 10);
    tear_down(&bench);
}

/* What happens when the process is killed: the spool stays as it was, everything else is gone. */
static void kill_publisher(struct bench *bench)
{
    char path[128], text[8192];
    snprintf(path, sizeof path, "%s/news.1.web.json", bench->base.spool);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t bytes = fread(text, 1, sizeof text, file);
    fclose(file);
    publisher_destroy(bench->base.publisher);
    file = fopen(path, "w");
    fwrite(text, 1, bytes, file);
    fclose(file);
    origin_drop_connections(bench->base.origin);
}

static void killed_and_started_again(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    publisher_bench_open(&bench.base);
    hand_over_both(&bench, 1, 3);
    publisher_bench_run_until_idle(&bench.base);
    bench.base.origin->behaviour = ORIGIN_HANG; /* 4 and 5 do not get through before the end */
    uint64_t first_unacknowledged = bench.base.serial + 1;
    hand_over_both(&bench, 4, 5);
    publisher_bench_run_for(&bench.base, 50);
    assert_int_equal(bench.base.acknowledged, 6);
    kill_publisher(&bench);
    bench.base.origin->behaviour = ORIGIN_GOOD;

    publisher_bench_open(&bench.base);
    assert_int_equal(publisher_resume_tick_90k(bench.base.publisher), 4 * 180000);
    bench.base.serial = 4; /* the last acknowledgements were lost as well: 3 comes once more */
    hand_over_both(&bench, 3, 3);
    assert_int_equal(bench.base.acknowledged, 8);
    assert_int_equal(bench.base.serial + 1, first_unacknowledged);
    hand_over_both(&bench, 4, 6);
    publisher_bench_run_until_idle(&bench.base);
    assert_int_equal(bench.base.acknowledged, 14);
    assert_string_equal(body_of(&bench, "/live/news_720p.m3u8"),
                        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:2\n"
                        "#EXT-X-MEDIA-SEQUENCE:4\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
                        "#EXTINF:2.00000,\nnews_720p_00004.ts\n#EXTINF:2.00000,\nnews_720p_00005.ts\n"
                        "#EXTINF:2.00000,\nnews_720p_00006.ts\n");
    for (int number = 1; number <= 6; number++) {
        char name[64];
        assert_true(bench.named[0][number] && bench.named[1][number]);
        snprintf(name, sizeof name, "news_720p_%05d.ts", number);
        assert_in_range(origin_count(bench.base.origin, "PUT", name, 201), 1, 1);
    }
    assert_int_equal(status_integer(&bench, "counters", "segments_duplicate"), 2);
    tear_down(&bench);
}

/* A break's tags stand before the same segments in the next life. */
static void tags_of_breaks_outlive_the_process(void **state)
{
    (void)state;
    static const uint32_t flags[] = { 0, HANDOFF_CUE_OUT | HANDOFF_CUE_SECTION,
                                      HANDOFF_CUE_CONTINUES | HANDOFF_CUE_SECTION, HANDOFF_CUE_IN };
    struct bench bench;
    set_up(&bench);
    bench.base.group.hls.cut_at_avails = true;
    strcpy(bench.base.group.hls.ad_markers[0], "elemental_scte35");
    bench.base.group.hls.ad_markers_count = 1;
    publisher_bench_open(&bench.base);
    for (unsigned life = 0; life < 2; life++) {
        for (int64_t number = 1 + 2 * life; number <= 2 + 2 * life; number++) {
            struct handoff_segment segment = segment_of(&bench, "720p", number);
            segment.cue = (struct handoff_cue){ .flags = flags[number - 1],
                                                .begin_90k = 360000,
                                                .duration_90k = 360000,
                                                .elapsed_90k = number == 3 ? 180000 : 0,
                                                .sections_count = number == 2 || number == 3,
                                                .section_bytes = { 3 },
                                                .sections = "abc" };
            hand_over(&bench, &segment);
            segment = segment_of(&bench, "360p", number);
            hand_over(&bench, &segment);
        }
        publisher_bench_run_until_idle(&bench.base);
        if (life == 0) {
            kill_publisher(&bench);
            publisher_bench_open(&bench.base);
            bench.base.serial = 4;
        }
    }
    assert_string_equal(body_of(&bench, "/live/news_720p.m3u8"),
                        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:3\n"
                        "#EXT-X-MEDIA-SEQUENCE:2\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
                        "#EXT-OATCLS-SCTE35:YWJj\n#EXT-X-CUE-OUT:4.000\n#EXTINF:2.00000,\nnews_720p_00002.ts\n"
                        "#EXT-X-CUE-OUT-CONT:ElapsedTime=2.000,Duration=4.000,SCTE35=YWJj\n"
                        "#EXTINF:2.00000,\nnews_720p_00003.ts\n"
                        "#EXT-X-CUE-IN\n#EXTINF:2.00000,\nnews_720p_00004.ts\n");
    tear_down(&bench);
}

/* The segment behind a break never came: the one after it says that the break is over. */
static void the_end_of_a_break_is_not_lost(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.base.group.hls.cut_at_avails = true;
    strcpy(bench.base.group.hls.ad_markers[0], "elemental");
    bench.base.group.hls.ad_markers_count = 1;
    publisher_bench_open(&bench.base);
    for (int64_t number = 1; number <= 5; number++) {
        struct handoff_segment segment = segment_of(&bench, "720p", number);
        segment.cue.flags = number == 2 ? HANDOFF_CUE_OUT : number == 3 ? HANDOFF_CUE_IN : 0;
        if (number != 3)
            hand_over(&bench, &segment);
        segment = segment_of(&bench, "360p", number);
        hand_over(&bench, &segment);
    }
    publisher_bench_run_until_idle(&bench.base);
    const char *text = body_of(&bench, "/live/news_720p.m3u8"), *in = strstr(text, "#EXT-X-CUE-IN\n");
    assert_non_null(in);
    assert_null(strstr(in + 1, "#EXT-X-CUE-IN"));
    assert_true(in < strstr(text, "news_720p_00004.ts"));
    tear_down(&bench);
}

/* Killed between a segment's confirmation and its playlist: the playlist comes with the next life. */
static void killed_before_the_playlist(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    publisher_bench_open(&bench.base);
    bench.base.origin->behaviour = ORIGIN_HANG;
    bench.base.origin->only_path = ".m3u8";
    hand_over_both(&bench, 1, 1);
    publisher_bench_run_until_acknowledged(&bench.base, 2);
    kill_publisher(&bench);
    bench.base.origin->behaviour = ORIGIN_GOOD;
    publisher_bench_open(&bench.base);
    publisher_bench_run_until_idle(&bench.base);
    assert_true(bench.named[0][1] && bench.named[1][1]);
    assert_non_null(origin_find(bench.base.origin, "/live/news.m3u8"));
    tear_down(&bench);
}

static void restarted_encoder(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    publisher_bench_open(&bench.base);
    hand_over_both(&bench, 1, 3);
    publisher_bench_run_until_idle(&bench.base);
    /* a new process begins with what the old one had delivered, misses two, and goes on */
    struct handoff_segment again = segment_of(&bench, "720p", 3);
    again.instance = INSTANCE + 1;
    again.serial = 1;
    unsigned before = bench.base.acknowledged;
    hand_over(&bench, &again);
    assert_int_equal(bench.base.acknowledged, before + 1);
    assert_int_equal(origin_count(bench.base.origin, "PUT", "720p_00003", 201), 1);
    again.number = 6;
    again.start_90k = 6 * 180000;
    again.serial = 2;
    again.flags = HANDOFF_DISCONTINUITY;
    hand_over(&bench, &again);
    publisher_bench_run_until_idle(&bench.base);
    assert_string_equal(body_of(&bench, "/live/news_720p.m3u8"),
                        "#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:2\n"
                        "#EXT-X-MEDIA-SEQUENCE:2\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
                        "#EXTINF:2.00000,\nnews_720p_00002.ts\n#EXTINF:2.00000,\nnews_720p_00003.ts\n"
                        "#EXTINF:2.00000,\n#EXT-X-GAP\nnews_720p_00004.ts\n"
                        "#EXTINF:2.00000,\n#EXT-X-GAP\nnews_720p_00005.ts\n"
                        "#EXT-X-DISCONTINUITY\n#EXTINF:2.00000,\nnews_720p_00006.ts\n");
    tear_down(&bench);
}

static void resent_while_it_waits(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.base.origin->behaviour = ORIGIN_HANG;
    publisher_bench_open(&bench.base);
    struct handoff_segment segment = segment_of(&bench, "720p", 1);
    hand_over(&bench, &segment);
    hand_over(&bench, &segment);
    publisher_bench_run_for(&bench.base, 20);
    assert_int_equal(bench.base.acknowledged, 0);
    bench.base.origin->behaviour = ORIGIN_GOOD;
    origin_drop_connections(bench.base.origin);
    publisher_bench_run_until_idle(&bench.base);
    assert_int_equal(bench.base.acknowledged, 1);
    assert_int_equal(status_integer(&bench, "counters", "segments_resent"), 1);
    tear_down(&bench);
}

/* Fifteen segments wait through an outage; afterwards every one has been in a playlist, in order. */
static void outage(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.base.group.hls.keep_segments = 21;
    publisher_bench_open(&bench.base);
    hand_over_both(&bench, 1, 3);
    publisher_bench_run_until_idle(&bench.base);
    origin_shut(bench.base.origin);
    hand_over_both(&bench, 4, 18);
    publisher_bench_run_until(&bench.base, "failures", 1);
    assert_int_equal(status_integer(&bench, NULL, "queued_segments"), 30);
    assert_int_not_equal(alerts_active(bench.base.alerts), 0);
    unsigned masters = origin_count(bench.base.origin, "PUT", "news.m3u8", 201);
    origin_listen(bench.base.origin);
    publisher_bench_run_until_idle(&bench.base);
    for (int number = 1; number <= 18; number++)
        assert_true(bench.named[0][number] && bench.named[1][number]);
    assert_null(strstr(body_of(&bench, "/live/news_720p.m3u8"), "DISCONTINUITY\n"));
    assert_non_null(strstr(body_of(&bench, "/live/news_720p.m3u8"), "news_720p_00018.ts"));
    assert_true(origin_count(bench.base.origin, "PUT", "news.m3u8", 201) > masters); /* it may have come back empty */
    assert_int_equal(bench.base.acknowledged, 36);
    assert_int_equal(alerts_active(bench.base.alerts), 0);
    tear_down(&bench);
}

static void dropped_segments_leave_a_discontinuity(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.base.group.outputs_count = 1;
    publisher_bench_open(&bench.base);
    struct handoff_segment segment = segment_of(&bench, "720p", 1);
    hand_over(&bench, &segment);
    publisher_bench_run_until_idle(&bench.base);
    bench.base.origin->behaviour = ORIGIN_STATUS;
    bench.base.origin->status = 413;
    bench.base.origin->only_path = "00002.ts";
    for (int64_t number = 2; number <= 3; number++) {
        segment = segment_of(&bench, "720p", number);
        hand_over(&bench, &segment);
    }
    publisher_bench_run_until_idle(&bench.base);
    assert_int_equal(bench.base.acknowledged, 3); /* given up is an end, too */
    assert_non_null(
        strstr(body_of(&bench, "/live/news_720p.m3u8"),
               "#EXT-X-GAP\nnews_720p_00002.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:2.00000,\nnews_720p_00003.ts"));
    assert_int_equal(status_integer(&bench, "counters", "dropped_refused"), 1);
    tear_down(&bench);
}

static void vod_is_ended_and_begun_anew(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.base.group.hls.mode = HLS_MODE_VOD;
    publisher_bench_open(&bench.base);
    hand_over_both(&bench, 1, 8);
    publisher_finish(bench.base.publisher);
    publisher_bench_run_until_idle(&bench.base);
    const char *text = body_of(&bench, "/live/news_720p.m3u8");
    assert_non_null(strstr(text, "PLAYLIST-TYPE:VOD"));
    assert_non_null(strstr(text, "news_720p_00001.ts"));
    assert_non_null(strstr(text, "news_720p_00008.ts\n#EXT-X-ENDLIST\n"));
    assert_int_equal(origin_count(bench.base.origin, "DELETE", "", 0), 0);
    publisher_destroy(bench.base.publisher);
    publisher_bench_open(&bench.base);
    assert_int_equal(publisher_resume_tick_90k(bench.base.publisher), 0);
    hand_over_both(&bench, 20, 20);
    publisher_bench_run_until_idle(&bench.base);
    text = body_of(&bench, "/live/news_720p.m3u8");
    assert_non_null(strstr(text, "PLAYLIST-TYPE:EVENT"));
    assert_null(strstr(text, "00008"));
    tear_down(&bench);
}

static void live_is_not_ended(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    publisher_bench_open(&bench.base);
    hand_over_both(&bench, 1, 2);
    publisher_finish(bench.base.publisher);
    publisher_bench_run_until_idle(&bench.base);
    assert_null(strstr(body_of(&bench, "/live/news_720p.m3u8"), "ENDLIST"));
    tear_down(&bench);
}

static void numbers_jump_back(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    publisher_bench_open(&bench.base);
    hand_over_both(&bench, 150, 152);
    publisher_bench_run_until_idle(&bench.base);
    hand_over_both(&bench, 100, 100); /* too late */
    assert_int_equal(status_integer(&bench, "counters", "segments_duplicate"), 2);
    hand_over_both(&bench, 10, 11); /* another timeline */
    publisher_bench_run_until_idle(&bench.base);
    hand_over_both(&bench, 10, 11); /* nothing new in it */
    assert_int_equal(status_integer(&bench, "counters", "segments_duplicate"), 6);
    assert_int_equal(status_integer(&bench, "counters", "jumps_back"), 2);
    const char *text = body_of(&bench, "/live/news_720p.m3u8");
    assert_non_null(strstr(text, "#EXT-X-MEDIA-SEQUENCE:10\n"));
    assert_non_null(strstr(text, "#EXT-X-DISCONTINUITY\n#EXTINF:2.00000,\nnews_720p_00010.ts\n"));
    assert_null(strstr(text, "00152"));
    tear_down(&bench);
}

static void what_cannot_be_published(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    publisher_bench_open(&bench.base);
    struct handoff_segment segment = segment_of(&bench, "240p", 1); /* no such output */
    hand_over(&bench, &segment);
    segment = segment_of(&bench, "720p", 1);
    segment.bytes = 999; /* not as long as it is */
    publisher_segment(bench.base.publisher, &segment,
                      publisher_bench_memfd("", 1, F_SEAL_SHRINK | F_SEAL_WRITE | F_SEAL_GROW));
    segment.bytes = 1000;
    publisher_segment(bench.base.publisher, &segment,
                      publisher_bench_memfd("", 1, F_SEAL_GROW)); /* may change under way */
    publisher_segment(bench.base.publisher, &segment, open("/dev/null", O_RDONLY | O_CLOEXEC));
    assert_int_equal(bench.base.acknowledged, 4);
    assert_int_equal(status_integer(&bench, "counters", "segments_damaged"), 3);
    assert_int_equal(status_integer(&bench, "counters", "segments_unknown_output"), 1);
    hand_over(&bench, &segment);
    publisher_bench_run_until_idle(&bench.base);
    assert_true(bench.named[0][1]);
    tear_down(&bench);
}

static void spool_that_does_not_fit(void **state)
{
    (void)state;
    struct bench bench;
    char path[128];
    set_up(&bench);
    snprintf(path, sizeof path, "%s/news.1.web.json", bench.base.spool);
    static const char *const texts[] = { "",
                                         "{",
                                         "[]",
                                         "{\"version\":1}",
                                         "{\"version\":2,\"outputs\":[]}",
                                         "{\"version\":1,\"url\":\"x\",\"finished\":false,\"outputs\":3}" };
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        FILE *file = fopen(path, "w");
        fputs(texts[i], file);
        fclose(file);
        publisher_bench_open(&bench.base);
        assert_int_equal(publisher_resume_tick_90k(bench.base.publisher), 0);
        publisher_destroy(bench.base.publisher);
    }
    publisher_bench_open(&bench.base);
    hand_over_both(&bench, 1, 3);
    publisher_bench_run_until_idle(&bench.base);
    publisher_destroy(bench.base.publisher);
    strcat(bench.base.group.destinations[1].url, "-other"); /* what is known is elsewhere */
    publisher_bench_open(&bench.base);
    assert_int_equal(publisher_resume_tick_90k(bench.base.publisher), 0);
    tear_down(&bench);
}

static void refused_configurations(void **state)
{
    (void)state;
    struct bench bench;
    struct error err = { 0 };
    set_up(&bench);
    struct publisher_config config = publisher_bench_config(&bench.base);
    strcpy(bench.base.group.destinations[1].credentials, "nobody");
    assert_int_equal(publisher_create(&bench.base.publisher, &config, &err), -ENOENT);
    assert_string_equal(err.text, "output group web: there are no credentials named nobody");
    bench.base.group.destinations_count = 1;
    assert_int_equal(publisher_create(&bench.base.publisher, &config, &err), -EINVAL);
    publisher_destroy(NULL);
    bench.base.publisher = NULL;
    tear_down(&bench);
}

static void hand_over_large(struct bench *bench, int64_t first, int64_t last)
{
    for (int64_t number = first; number <= last; number++)
        for (unsigned output = 0; output < 2; output++) {
            struct handoff_segment segment = segment_of(bench, output ? "360p" : "720p", number);
            segment.bytes = LARGE_BYTES;
            hand_over(bench, &segment);
        }
}

/* 1 MiB of memory, 4 MiB of disk, 4 MB to keep: what does not fit into memory outlives a power cut. */
static void test_a_long_outage_goes_to_the_disk(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.base.group.connection.disk_cache_megabytes = 4;
    bench.base.origin->behaviour = ORIGIN_STATUS;
    bench.base.origin->status = 503;
    publisher_bench_open(&bench.base);
    hand_over_large(&bench, 1, 10);
    publisher_bench_run_until(&bench.base, "segments_spooled", 14);
    json_int_t spooled = publisher_bench_counter(&bench.base, "segments_spooled");
    assert_int_equal(bench.base.acknowledged, spooled);
    publisher_bench_reopen(&bench.base);
    /* and what was under way to the disk */
    assert_true(publisher_bench_counter(&bench.base, "segments_taken_up") >= spooled);
    bench.base.serial = 0;
    hand_over_large(&bench, 1, 10); /* the encode process sends again what was not acknowledged, and more */
    bench.base.origin->behaviour = ORIGIN_GOOD;
    publisher_bench_run_until_idle(&bench.base);
    for (unsigned number = 1; number <= 10; number++)
        assert_true(bench.named[0][number] && bench.named[1][number]);
    assert_int_equal(publisher_bench_counter(&bench.base, "dropped_damaged"), 0);
    assert_int_equal(publisher_bench_counter(&bench.base, "dropped_no_room"), 0);
    publisher_bench_run_until_spool_is_empty(&bench.base);
    tear_down(&bench);
}

static void test_the_disk_is_bounded_too(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.base.group.connection.disk_cache_megabytes = 1;
    bench.base.origin->behaviour = ORIGIN_STATUS;
    bench.base.origin->status = 503;
    publisher_bench_open(&bench.base);
    hand_over_large(&bench, 1, 10); /* 4 MB into 2 MiB */
    publisher_bench_run_until(&bench.base, "dropped_no_room", 10);
    assert_true(alerts_active(bench.base.alerts) > 0);
    bench.base.origin->behaviour = ORIGIN_GOOD;
    publisher_bench_run_until_idle(&bench.base);
    assert_true(bench.named[0][10] && bench.named[1][10]);
    publisher_bench_run_until_spool_is_empty(&bench.base);
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steady_stream),
        cmocka_unit_test(old_segments_are_deleted),
        cmocka_unit_test(killed_and_started_again),
        cmocka_unit_test(killed_before_the_playlist),
        cmocka_unit_test(tags_of_breaks_outlive_the_process),
        cmocka_unit_test(the_end_of_a_break_is_not_lost),
        cmocka_unit_test(restarted_encoder),
        cmocka_unit_test(resent_while_it_waits),
        cmocka_unit_test(outage),
        cmocka_unit_test(dropped_segments_leave_a_discontinuity),
        cmocka_unit_test(vod_is_ended_and_begun_anew),
        cmocka_unit_test(live_is_not_ended),
        cmocka_unit_test(numbers_jump_back),
        cmocka_unit_test(what_cannot_be_published),
        cmocka_unit_test(spool_that_does_not_fit),
        cmocka_unit_test(refused_configurations),
        cmocka_unit_test(test_a_long_outage_goes_to_the_disk),
        cmocka_unit_test(test_the_disk_is_bounded_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
