/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_publisher_test.c - from hand-over to playlist, through outages, kills and gaps. Every playlist that reaches the
 * origin is checked on arrival: it may only name what is there.
 */
#include "mgmt/publisher.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "board/clock.h"
#include "board/error.h"
#include "mgmt/alerts.h"
#include "mgmt/transfer.h"
#include "tests/mgmt/fake_origin.h"

enum { INSTANCE = 100, NUMBERS_MAX = 200 };

struct bench {
    struct loop *loop;
    struct clock clock;
    struct transfer_engine *engine;
    struct alerts *alerts;
    struct origin *origin;
    char spool[64];
    struct output_group group;
    struct publisher *publisher;
    uint64_t serial;
    unsigned acknowledged;
    uint64_t last_acknowledged;
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
    *bench = (struct bench){ .clock = clock_real(), .spool = "/tmp/biplane-publisher-XXXXXX" };
    assert_non_null(mkdtemp(bench->spool));
    assert_int_equal(loop_create(&bench->loop, NULL), 0);
    assert_int_equal(transfer_engine_create(&bench->engine, bench->loop, &bench->clock, NULL), 0);
    bench->alerts = alerts_create(&bench->clock, NULL);
    bench->origin = origin_create(bench->loop);
    bench->origin->stored = check_stored;
    bench->origin->context = bench;
    bench->group = (struct output_group){
        .name = "web",
        .hls = { .segment_length = 2,
                 .index_n_segments = 3,
                 .keep_segments = 5,
                 .client_cache = true,
                 .discontinuity_tags = true,
                 .stream_inf_resolution = true },
        .connection = { .connection_retry_interval = 0.02,
                        .num_retries = 5,
                        .filecache_duration = 60,
                        .restart_delay = 0.1,
                        .timeout = 1,
                        .cache_megabytes = 1,
                        .connections = 4 },
        .destinations_count = 2,
        .outputs = { { .name = "720p", .name_modifier = "_720p" }, { .name = "360p", .name_modifier = "_360p" } },
        .outputs_count = 2,
    };
    snprintf(bench->group.destinations[1].url, OUTPUT_URL_BYTES, "http://127.0.0.1:%u/live/news", bench->origin->port);
}

static void acknowledge(void *context, uint64_t instance, uint64_t serial)
{
    struct bench *bench = context;
    assert_true(instance >= INSTANCE);
    bench->acknowledged++;
    bench->last_acknowledged = serial;
}

static struct publisher_config config_of(struct bench *bench)
{
    return (struct publisher_config){ .channel = "news",
                                      .pipeline = 1,
                                      .group = &bench->group,
                                      .loop = bench->loop,
                                      .engine = bench->engine,
                                      .alerts = bench->alerts,
                                      .spool_directory = bench->spool,
                                      .clock = &bench->clock,
                                      .acknowledge = acknowledge,
                                      .context = bench };
}

static void open_publisher(struct bench *bench)
{
    struct error err = { 0 };
    struct publisher_config config = config_of(bench);
    assert_int_equal(publisher_create(&bench->publisher, &config, &err), 0);
}

static void tear_down(struct bench *bench)
{
    char path[128];
    publisher_destroy(bench->publisher);
    transfer_engine_destroy(bench->engine);
    alerts_destroy(bench->alerts);
    origin_destroy(bench->origin);
    loop_destroy(bench->loop);
    snprintf(path, sizeof path, "%s/news.1.web.json", bench->spool);
    unlink(path);
    assert_int_equal(rmdir(bench->spool), 0);
}

static int sealed_memfd(size_t bytes, int seals)
{
    static char zeros[4096];
    int memfd = memfd_create("segment", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_true(memfd >= 0);
    for (size_t left = bytes; left; left -= left < sizeof zeros ? left : sizeof zeros)
        assert_true(write(memfd, zeros, left < sizeof zeros ? left : sizeof zeros) > 0);
    assert_int_equal(fcntl(memfd, F_ADD_SEALS, seals), 0);
    return memfd;
}

static struct handoff_segment segment_of(struct bench *bench, const char *output, int64_t number)
{
    struct handoff_segment segment = {
        .instance = INSTANCE,
        .serial = ++bench->serial,
        .number = number,
        .start_90k = number * 180000,
        .duration_90k = 180000,
        .end_arrival_utc_ns = clock_utc_ns(&bench->clock) - 500 * NS_PER_MS,
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
    publisher_segment(bench->publisher, segment,
                      sealed_memfd(segment->bytes, F_SEAL_SHRINK | F_SEAL_WRITE | F_SEAL_GROW));
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

static void run_until_idle(struct bench *bench, unsigned timeout_ms)
{
    uint64_t end = clock_monotonic_ns(&bench->clock) + timeout_ms * NS_PER_MS;
    do
        loop_turn(bench->loop, 5);
    while (!publisher_idle(bench->publisher) && clock_monotonic_ns(&bench->clock) < end);
    assert_true(publisher_idle(bench->publisher));
}

static void run_for(struct bench *bench, unsigned ms)
{
    uint64_t end = clock_monotonic_ns(&bench->clock) + ms * NS_PER_MS;
    while (clock_monotonic_ns(&bench->clock) < end)
        loop_turn(bench->loop, 5);
}

static const char *body_of(struct bench *bench, const char *path)
{
    struct origin_file *file = origin_find(bench->origin, path);
    assert_non_null(file);
    return file->body;
}

static int64_t status_integer(struct bench *bench, const char *object, const char *name)
{
    json_t *status = publisher_status(bench->publisher);
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
    open_publisher(&bench);
    assert_int_equal(publisher_resume_tick_90k(bench.publisher), 0);
    struct handoff_segment segment = segment_of(&bench, "720p", 1);
    hand_over(&bench, &segment);
    run_until_idle(&bench, 1000);
    assert_non_null(origin_find(bench.origin, "/live/news_720p.m3u8"));
    assert_null(origin_find(bench.origin, "/live/news.m3u8")); /* one output has nothing yet */
    assert_int_equal(publisher_resume_tick_90k(bench.publisher), 0);
    segment = segment_of(&bench, "360p", 1);
    hand_over(&bench, &segment);
    assert_int_equal(publisher_resume_tick_90k(bench.publisher), 2 * 180000);
    run_until_idle(&bench, 1000);
    assert_string_equal(body_of(&bench, "/live/news.m3u8"),
                        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n"
                        "#EXT-X-STREAM-INF:BANDWIDTH=1200000,AVERAGE-BANDWIDTH=1000000,CODECS=\"avc1.64001f,mp4a.40.2\""
                        ",RESOLUTION=1280x720,FRAME-RATE=25.000\nnews_720p.m3u8\n"
                        "#EXT-X-STREAM-INF:BANDWIDTH=1200000,AVERAGE-BANDWIDTH=1000000,CODECS=\"avc1.64001f,mp4a.40.2\""
                        ",RESOLUTION=1280x720,FRAME-RATE=25.000\nnews_360p.m3u8\n");
    for (int64_t number = 2; number <= 4; number++) {
        hand_over_both(&bench, number, number);
        run_until_idle(&bench, 1000);
    }
    assert_string_equal(body_of(&bench, "/live/news_360p.m3u8"),
                        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:2\n"
                        "#EXT-X-MEDIA-SEQUENCE:2\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
                        "#EXTINF:2.00000,\nnews_360p_00002.ts\n#EXTINF:2.00000,\nnews_360p_00003.ts\n"
                        "#EXTINF:2.00000,\nnews_360p_00004.ts\n");
    assert_int_equal(bench.acknowledged, 8);
    assert_int_equal(origin_count(bench.origin, "PUT", "news.m3u8", 201), 1);
    assert_int_equal(status_integer(&bench, "counters", "segments_delivered"), 8);
    assert_int_equal(status_integer(&bench, NULL, "queued_segments"), 0);
    json_t *status = publisher_status(bench.publisher);
    assert_string_equal(json_string_value(json_object_get(status, "state")), "well");
    json_t *latency = json_object_get(status, "source_to_playlist_ms");
    assert_in_range((int)json_real_value(json_object_get(latency, "p50")), 500, 900);
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
    bench.group.hls.keep_segments = 4;
    bench.group.outputs[0].segment_modifier[0] = 'x';
    open_publisher(&bench);
    for (int64_t number = 1; number <= 9; number++) {
        hand_over_both(&bench, number, number);
        run_until_idle(&bench, 1000);
    }
    assert_null(origin_find(bench.origin, "/live/news_720px_00005.ts"));
    assert_non_null(origin_find(bench.origin, "/live/news_720px_00006.ts"));
    assert_null(origin_find(bench.origin, "/live/news_360p_00005.ts"));
    assert_int_equal(origin_count(bench.origin, "DELETE", "", 204), 10);
    assert_int_equal(status_integer(&bench, "counters", "segments_deleted"), 10);
    tear_down(&bench);
}

/* What happens when the process is killed: the spool stays as it was, everything else is gone. */
static void kill_publisher(struct bench *bench)
{
    char path[128], text[8192];
    snprintf(path, sizeof path, "%s/news.1.web.json", bench->spool);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t bytes = fread(text, 1, sizeof text, file);
    fclose(file);
    publisher_destroy(bench->publisher);
    file = fopen(path, "w");
    fwrite(text, 1, bytes, file);
    fclose(file);
    origin_drop_connections(bench->origin);
}

static void killed_and_started_again(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    open_publisher(&bench);
    hand_over_both(&bench, 1, 3);
    run_until_idle(&bench, 1000);
    bench.origin->behaviour = ORIGIN_HANG; /* 4 and 5 do not get through before the end */
    uint64_t first_unacknowledged = bench.serial + 1;
    hand_over_both(&bench, 4, 5);
    run_for(&bench, 50);
    assert_int_equal(bench.acknowledged, 6);
    kill_publisher(&bench);
    bench.origin->behaviour = ORIGIN_GOOD;

    open_publisher(&bench);
    assert_int_equal(publisher_resume_tick_90k(bench.publisher), 4 * 180000);
    bench.serial = 4; /* the last acknowledgements were lost as well: 3 comes once more */
    hand_over_both(&bench, 3, 3);
    assert_int_equal(bench.acknowledged, 8);
    assert_int_equal(bench.serial + 1, first_unacknowledged);
    hand_over_both(&bench, 4, 6);
    run_until_idle(&bench, 1000);
    assert_int_equal(bench.acknowledged, 14);
    assert_string_equal(body_of(&bench, "/live/news_720p.m3u8"),
                        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:2\n"
                        "#EXT-X-MEDIA-SEQUENCE:4\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
                        "#EXTINF:2.00000,\nnews_720p_00004.ts\n#EXTINF:2.00000,\nnews_720p_00005.ts\n"
                        "#EXTINF:2.00000,\nnews_720p_00006.ts\n");
    for (int number = 1; number <= 6; number++) {
        char name[64];
        assert_true(bench.named[0][number] && bench.named[1][number]);
        snprintf(name, sizeof name, "news_720p_%05d.ts", number);
        assert_in_range(origin_count(bench.origin, "PUT", name, 201), 1, 1);
    }
    assert_int_equal(status_integer(&bench, "counters", "segments_duplicate"), 2);
    tear_down(&bench);
}

/* Killed between a segment's confirmation and its playlist: the playlist comes with the next life. */
static void killed_before_the_playlist(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    open_publisher(&bench);
    bench.origin->behaviour = ORIGIN_HANG;
    bench.origin->only_path = ".m3u8";
    hand_over_both(&bench, 1, 1);
    run_for(&bench, 50);
    assert_int_equal(bench.acknowledged, 2);
    kill_publisher(&bench);
    bench.origin->behaviour = ORIGIN_GOOD;
    open_publisher(&bench);
    run_until_idle(&bench, 1000);
    assert_true(bench.named[0][1] && bench.named[1][1]);
    assert_non_null(origin_find(bench.origin, "/live/news.m3u8"));
    tear_down(&bench);
}

static void restarted_encoder(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    open_publisher(&bench);
    hand_over_both(&bench, 1, 3);
    run_until_idle(&bench, 1000);
    /* a new process begins with what the old one had delivered, misses two, and goes on */
    struct handoff_segment again = segment_of(&bench, "720p", 3);
    again.instance = INSTANCE + 1;
    again.serial = 1;
    unsigned before = bench.acknowledged;
    hand_over(&bench, &again);
    assert_int_equal(bench.acknowledged, before + 1);
    assert_int_equal(origin_count(bench.origin, "PUT", "720p_00003", 201), 1);
    again.number = 6;
    again.start_90k = 6 * 180000;
    again.serial = 2;
    again.flags = HANDOFF_DISCONTINUITY;
    hand_over(&bench, &again);
    run_until_idle(&bench, 1000);
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
    bench.origin->behaviour = ORIGIN_HANG;
    open_publisher(&bench);
    struct handoff_segment segment = segment_of(&bench, "720p", 1);
    hand_over(&bench, &segment);
    hand_over(&bench, &segment);
    run_for(&bench, 20);
    assert_int_equal(bench.acknowledged, 0);
    bench.origin->behaviour = ORIGIN_GOOD;
    origin_drop_connections(bench.origin);
    run_until_idle(&bench, 1000);
    assert_int_equal(bench.acknowledged, 1);
    assert_int_equal(status_integer(&bench, "counters", "segments_resent"), 1);
    tear_down(&bench);
}

/* Fifteen segments wait through an outage; afterwards every one has been in a playlist, in order. */
static void outage(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.group.hls.keep_segments = 21;
    open_publisher(&bench);
    hand_over_both(&bench, 1, 3);
    run_until_idle(&bench, 1000);
    origin_shut(bench.origin);
    hand_over_both(&bench, 4, 18);
    run_for(&bench, 300);
    assert_int_equal(status_integer(&bench, NULL, "queued_segments"), 30);
    assert_int_not_equal(alerts_active(bench.alerts), 0);
    unsigned masters = origin_count(bench.origin, "PUT", "news.m3u8", 201);
    origin_listen(bench.origin);
    run_until_idle(&bench, 2000);
    for (int number = 1; number <= 18; number++)
        assert_true(bench.named[0][number] && bench.named[1][number]);
    assert_null(strstr(body_of(&bench, "/live/news_720p.m3u8"), "DISCONTINUITY\n"));
    assert_non_null(strstr(body_of(&bench, "/live/news_720p.m3u8"), "news_720p_00018.ts"));
    assert_int_equal(origin_count(bench.origin, "PUT", "news.m3u8", 201),
                     masters + 1); /* it may have come back empty */
    assert_int_equal(bench.acknowledged, 36);
    assert_int_equal(alerts_active(bench.alerts), 0);
    tear_down(&bench);
}

static void dropped_segments_leave_a_discontinuity(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.group.outputs_count = 1;
    open_publisher(&bench);
    struct handoff_segment segment = segment_of(&bench, "720p", 1);
    hand_over(&bench, &segment);
    run_until_idle(&bench, 1000);
    bench.origin->behaviour = ORIGIN_STATUS;
    bench.origin->status = 413;
    bench.origin->only_path = "00002.ts";
    for (int64_t number = 2; number <= 3; number++) {
        segment = segment_of(&bench, "720p", number);
        hand_over(&bench, &segment);
    }
    run_until_idle(&bench, 1000);
    assert_int_equal(bench.acknowledged, 3); /* given up is an end, too */
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
    bench.group.hls.mode = HLS_MODE_VOD;
    open_publisher(&bench);
    hand_over_both(&bench, 1, 8);
    publisher_finish(bench.publisher);
    run_until_idle(&bench, 1000);
    const char *text = body_of(&bench, "/live/news_720p.m3u8");
    assert_non_null(strstr(text, "PLAYLIST-TYPE:VOD"));
    assert_non_null(strstr(text, "news_720p_00001.ts"));
    assert_non_null(strstr(text, "news_720p_00008.ts\n#EXT-X-ENDLIST\n"));
    assert_int_equal(origin_count(bench.origin, "DELETE", "", 0), 0);
    publisher_destroy(bench.publisher);
    open_publisher(&bench);
    assert_int_equal(publisher_resume_tick_90k(bench.publisher), 0);
    hand_over_both(&bench, 20, 20);
    run_until_idle(&bench, 1000);
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
    open_publisher(&bench);
    hand_over_both(&bench, 1, 2);
    publisher_finish(bench.publisher);
    run_until_idle(&bench, 1000);
    assert_null(strstr(body_of(&bench, "/live/news_720p.m3u8"), "ENDLIST"));
    tear_down(&bench);
}

static void numbers_jump_back(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    open_publisher(&bench);
    hand_over_both(&bench, 150, 152);
    run_until_idle(&bench, 1000);
    hand_over_both(&bench, 100, 100); /* too late */
    assert_int_equal(status_integer(&bench, "counters", "segments_duplicate"), 2);
    hand_over_both(&bench, 10, 11); /* another timeline */
    run_until_idle(&bench, 1000);
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
    open_publisher(&bench);
    struct handoff_segment segment = segment_of(&bench, "240p", 1); /* no such output */
    hand_over(&bench, &segment);
    segment = segment_of(&bench, "720p", 1);
    segment.bytes = 999; /* not as long as it is */
    publisher_segment(bench.publisher, &segment, sealed_memfd(1000, F_SEAL_SHRINK | F_SEAL_WRITE | F_SEAL_GROW));
    segment.bytes = 1000;
    publisher_segment(bench.publisher, &segment, sealed_memfd(1000, F_SEAL_GROW)); /* may change under way */
    publisher_segment(bench.publisher, &segment, open("/dev/null", O_RDONLY | O_CLOEXEC));
    assert_int_equal(bench.acknowledged, 4);
    assert_int_equal(status_integer(&bench, "counters", "segments_damaged"), 3);
    assert_int_equal(status_integer(&bench, "counters", "segments_unknown_output"), 1);
    hand_over(&bench, &segment);
    run_until_idle(&bench, 1000);
    assert_true(bench.named[0][1]);
    tear_down(&bench);
}

static void spool_that_does_not_fit(void **state)
{
    (void)state;
    struct bench bench;
    char path[128];
    set_up(&bench);
    snprintf(path, sizeof path, "%s/news.1.web.json", bench.spool);
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
        open_publisher(&bench);
        assert_int_equal(publisher_resume_tick_90k(bench.publisher), 0);
        publisher_destroy(bench.publisher);
    }
    open_publisher(&bench);
    hand_over_both(&bench, 1, 3);
    run_until_idle(&bench, 1000);
    publisher_destroy(bench.publisher);
    strcat(bench.group.destinations[1].url, "-other"); /* what is known is elsewhere */
    open_publisher(&bench);
    assert_int_equal(publisher_resume_tick_90k(bench.publisher), 0);
    tear_down(&bench);
}

static void refused_configurations(void **state)
{
    (void)state;
    struct bench bench;
    struct error err = { 0 };
    set_up(&bench);
    struct publisher_config config = config_of(&bench);
    strcpy(bench.group.destinations[1].credentials, "nobody");
    assert_int_equal(publisher_create(&bench.publisher, &config, &err), -ENOENT);
    assert_string_equal(err.text, "output group web: there are no credentials named nobody");
    bench.group.destinations_count = 1;
    assert_int_equal(publisher_create(&bench.publisher, &config, &err), -EINVAL);
    publisher_destroy(NULL);
    bench.publisher = NULL;
    tear_down(&bench);
}

static json_int_t counter(const struct bench *bench, const char *name)
{
    json_t *status = publisher_status(bench->publisher);
    json_int_t value = json_integer_value(json_object_get(json_object_get(status, "counters"), name));
    json_decref(status);
    return value;
}

static void hand_over_large(struct bench *bench, int64_t first, int64_t last)
{
    for (int64_t number = first; number <= last; number++)
        for (unsigned output = 0; output < 2; output++) {
            struct handoff_segment segment = segment_of(bench, output ? "360p" : "720p", number);
            segment.bytes = 200000;
            hand_over(bench, &segment);
        }
}

/* 1 MiB of memory, 4 MiB of disk, 4 MB to keep: what does not fit into memory outlives a power cut. */
static void test_a_long_outage_goes_to_the_disk(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.group.connection.disk_cache_megabytes = 4;
    bench.origin->behaviour = ORIGIN_STATUS;
    bench.origin->status = 503;
    open_publisher(&bench);
    hand_over_large(&bench, 1, 10);
    for (unsigned i = 0; i < 400 && counter(&bench, "segments_spooled") < 14; i++)
        loop_turn(bench.loop, 5);
    json_int_t spooled = counter(&bench, "segments_spooled");
    assert_true(spooled >= 14);
    assert_int_equal(bench.acknowledged, spooled);
    publisher_destroy(bench.publisher);
    open_publisher(&bench);
    assert_true(counter(&bench, "segments_taken_up") >= spooled); /* and what was under way to the disk */
    bench.serial = 0;
    hand_over_large(&bench, 1, 10); /* the encode process sends again what was not acknowledged, and more */
    bench.origin->behaviour = ORIGIN_GOOD;
    run_until_idle(&bench, 3000);
    for (unsigned number = 1; number <= 10; number++)
        assert_true(bench.named[0][number] && bench.named[1][number]);
    assert_int_equal(counter(&bench, "dropped_damaged"), 0);
    assert_int_equal(counter(&bench, "dropped_no_room"), 0);
    for (unsigned i = 0; i < 20; i++)
        loop_turn(bench.loop, 5); /* the files go */
    tear_down(&bench);
}

static void test_the_disk_is_bounded_too(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.group.connection.disk_cache_megabytes = 1;
    bench.origin->behaviour = ORIGIN_STATUS;
    bench.origin->status = 503;
    open_publisher(&bench);
    hand_over_large(&bench, 1, 10); /* 4 MB into 2 MiB */
    for (unsigned i = 0; i < 50; i++)
        loop_turn(bench.loop, 5);
    assert_true(counter(&bench, "dropped_no_room") >= 10);
    assert_true(alerts_active(bench.alerts) > 0);
    bench.origin->behaviour = ORIGIN_GOOD;
    run_until_idle(&bench, 3000);
    assert_true(bench.named[0][10] && bench.named[1][10]);
    for (unsigned i = 0; i < 20; i++)
        loop_turn(bench.loop, 5);
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steady_stream),
        cmocka_unit_test(old_segments_are_deleted),
        cmocka_unit_test(killed_and_started_again),
        cmocka_unit_test(killed_before_the_playlist),
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
