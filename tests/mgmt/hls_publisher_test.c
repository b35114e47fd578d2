/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_publisher_test.c - from hand-over to playlist, through outages and gaps. */
#include "mgmt/publisher.h"

#include "tests/mgmt/hls_bench.h"

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
