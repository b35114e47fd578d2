/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_publisher_texts_test.c - what an HLS group delivers beside plain segments and playlists: headers of fMP4,
 * playlists of key pictures, compressed ones, none at all, those of the other pipeline, and a pause.
 */
#include <zlib.h>

#include "tests/mgmt/publisher_bench.h"

#define SEGMENT_90K 9000 /* 0.1 s: a pause is seen soon */

static void set_up(struct publisher_bench *bench)
{
    publisher_bench_set_up(bench);
    bench->start_utc_s = 1795635005;
    settings_defaults(&output_group_settings, &bench->group);
    strcpy(bench->group.name, "web");
    bench->group.hls.segment_length = 0.1;
    bench->group.hls.index_n_segments = 3;
    bench->group.hls.keep_segments = 4;
    bench->group.connection.connection_retry_interval = 0.02;
    publisher_bench_url(bench, 0, "/live/a");
    publisher_bench_url(bench, 1, "/live/b");
    bench->group.outputs[0] =
        (struct output){ .name = "v", .name_modifier = "_v", .video = "v", .container = CONTAINER_FMP4 };
    bench->group.outputs_count = 1;
}

static void tear_down(struct publisher_bench *bench)
{
    publisher_bench_expect_only_state(bench);
    publisher_bench_tear_down(bench);
}

/* A segment of `text`, the first header_bytes of which are its header. */
static void hand_over(struct publisher_bench *bench, int64_t number, const char *text, uint32_t header_bytes,
                      uint32_t flags, int64_t duration_90k)
{
    struct handoff_segment segment = {
        .instance = 1,
        .serial = ++bench->serial,
        .number = number,
        .start_90k = number * SEGMENT_90K,
        .duration_90k = duration_90k,
        .bytes = strlen(text),
        .header_bytes = header_bytes,
        .flags = flags,
        .width = 1280,
        .height = 720,
        .average_bitrate = 1000000,
        .peak_bitrate = 1200000,
        .codecs = "avc1.64001f",
        .keys_count = 1,
        .keys = { { header_bytes, 4, 0 } },
    };
    strcpy(segment.group, "web");
    strcpy(segment.output, "v");
    publisher_bench_hand_over(bench, &segment, text);
}

static void deliver(struct publisher_bench *bench, int64_t number, const char *text, uint32_t header_bytes)
{
    hand_over(bench, number, text, header_bytes, 0, SEGMENT_90K);
    publisher_bench_run_until_idle(bench);
}

static const char *body_of(struct publisher_bench *bench, const char *path)
{
    struct origin_file *file = origin_find(bench->origin, path);
    assert_non_null(file);
    return file->body;
}

#define HEADER_A "/live/a_v_init_e71fa2190541574b.mp4" /* of "abc" */

static unsigned headers_there(struct publisher_bench *bench)
{
    unsigned count = 0;
    for (unsigned i = 0; i < bench->origin->file_count; i++)
        count += bench->origin->files[i].there && strstr(bench->origin->files[i].path, "_init_");
    return count;
}

static void headers_come_before_segments_and_go_with_them(void **state)
{
    (void)state;
    struct publisher_bench bench;
    set_up(&bench);
    publisher_bench_open(&bench);
    deliver(&bench, 1, "abcsegment one", 3);
    assert_string_equal(bench.origin->requests[0].path, HEADER_A);
    assert_string_equal(bench.origin->requests[1].path, "/live/a_v_00001.mp4");
    assert_memory_equal(body_of(&bench, HEADER_A), "abc", 3);
    assert_memory_equal(body_of(&bench, "/live/a_v_00001.mp4"), "segment one", 11);
    assert_non_null(strstr(body_of(&bench, "/live/a_v.m3u8"), "#EXT-X-MAP:URI=\"a_v_init_e71fa2190541574b.mp4\"\n"));
    deliver(&bench, 2, "abcsegment two", 3);
    assert_int_equal(origin_count(bench.origin, "PUT", "_init_", 0), 1);
    deliver(&bench, 3, "xyzsegment three", 3); /* another format */
    assert_int_equal(origin_count(bench.origin, "PUT", "_init_", 0), 2);
    assert_int_equal(headers_there(&bench), 2);
    for (int i = 4; i <= 12; i++)
        deliver(&bench, i, "xyzsegment", 3);
    for (int i = 0; i < 60 && headers_there(&bench) > 1; i++)
        loop_turn(bench.loop, 10);
    assert_null(origin_find(bench.origin, HEADER_A)); /* nothing needs it any more */
    assert_int_equal(headers_there(&bench), 1);
    tear_down(&bench);
}

static void a_restart_and_an_outage_send_the_header_again(void **state)
{
    (void)state;
    struct publisher_bench bench;
    set_up(&bench);
    publisher_bench_open(&bench);
    deliver(&bench, 1, "abcsegment one", 3);
    publisher_destroy(bench.publisher);
    publisher_bench_open(&bench);
    deliver(&bench, 2, "abcsegment two", 3);
    assert_int_equal(origin_count(bench.origin, "PUT", "_init_", 0), 2);
    bench.origin->behaviour = ORIGIN_STATUS;
    bench.origin->status = 503;
    hand_over(&bench, 3, "abcsegment three", 3, 0, SEGMENT_90K);
    for (int i = 0; i < 6; i++)
        loop_turn(bench.loop, 10);
    bench.origin->behaviour = ORIGIN_GOOD;
    publisher_bench_run_until_idle(&bench);
    assert_true(origin_count(bench.origin, "PUT", "_init_", 201) >= 3);
    assert_int_equal(bench.acknowledged, 3);
    tear_down(&bench);
}

static void key_pictures_have_a_playlist(void **state)
{
    (void)state;
    struct publisher_bench bench;
    set_up(&bench);
    bench.group.hls.i_frame_only_playlists = true;
    publisher_bench_open(&bench);
    deliver(&bench, 1, "abcsegment one", 3);
    assert_string_equal(body_of(&bench, "/live/a_v_iframe.m3u8"),
                        "#EXTM3U\n#EXT-X-VERSION:5\n#EXT-X-I-FRAMES-ONLY\n#EXT-X-TARGETDURATION:1\n"
                        "#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
                        "#EXT-X-MAP:URI=\"a_v_init_e71fa2190541574b.mp4\"\n"
                        "#EXTINF:0.10000,\n#EXT-X-BYTERANGE:4@0\na_v_00001.mp4\n");
    assert_non_null(strstr(body_of(&bench, "/live/a.m3u8"),
                           "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=100000,CODECS=\"avc1.64001f\",RESOLUTION=1280x720,"
                           "URI=\"a_v_iframe.m3u8\"\n"));
    tear_down(&bench);
}

static void playlists_may_be_compressed(void **state)
{
    (void)state;
    struct publisher_bench bench;
    char text[1024] = "";
    set_up(&bench);
    bench.group.hls.manifest_compression = MANIFEST_COMPRESSION_GZIP;
    publisher_bench_open(&bench);
    deliver(&bench, 1, "abcsegment one", 3);
    struct origin_file *file = origin_find(bench.origin, "/live/a_v.m3u8");
    assert_non_null(file);
    z_stream stream = { .next_in = (Bytef *)file->body,
                        .avail_in = (uInt)file->bytes,
                        .next_out = (Bytef *)text,
                        .avail_out = sizeof text - 1 };
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    inflateEnd(&stream);
    assert_non_null(strstr(text, "a_v_00001.mp4\n"));
    for (unsigned i = 0; i < bench.origin->request_count; i++) {
        const char *encoding = origin_header(bench.origin->requests[i].head, "Content-Encoding");
        assert_int_equal(encoding != NULL, strstr(bench.origin->requests[i].path, ".m3u8") != NULL);
    }
    tear_down(&bench);
}

static void without_playlists_segments_still_go_in_time(void **state)
{
    (void)state;
    struct publisher_bench bench;
    set_up(&bench);
    bench.group.hls.output_selection = HLS_SEGMENTS_ONLY;
    publisher_bench_open(&bench);
    for (int i = 1; i <= 8; i++)
        deliver(&bench, i, "abcsegment", 3);
    for (int i = 0; i < 60 && origin_find(bench.origin, "/live/a_v_00004.mp4"); i++)
        loop_turn(bench.loop, 10);
    assert_null(origin_find(bench.origin, "/live/a_v_00004.mp4"));
    assert_non_null(origin_find(bench.origin, "/live/a_v_00005.mp4"));
    assert_int_equal(origin_count(bench.origin, "PUT", ".m3u8", 0), 0);
    tear_down(&bench);
}

static void without_a_master(void **state)
{
    (void)state;
    struct publisher_bench bench;
    set_up(&bench);
    bench.group.hls.output_selection = HLS_VARIANT_MANIFESTS_AND_SEGMENTS;
    publisher_bench_open(&bench);
    deliver(&bench, 1, "abcsegment", 3);
    assert_non_null(origin_find(bench.origin, "/live/a_v.m3u8"));
    assert_null(origin_find(bench.origin, "/live/a.m3u8"));
    tear_down(&bench);
}

static void incomplete_segments_may_be_left_out(void **state)
{
    (void)state;
    struct publisher_bench bench;
    set_up(&bench);
    bench.group.hls.incomplete_segment_behavior = HLS_INCOMPLETE_SUPPRESS;
    publisher_bench_open(&bench);
    hand_over(&bench, 1, "abcsegment", 3, HANDOFF_PARTIAL, SEGMENT_90K / 2);
    deliver(&bench, 2, "abcsegment", 3);
    hand_over(&bench, 3, "abcsegment", 3, HANDOFF_MOVED, SEGMENT_90K / 3); /* a splice ends it: it is complete */
    hand_over(&bench, 4, "abcsegment", 3, HANDOFF_MOVED | HANDOFF_LAST, SEGMENT_90K / 3);
    publisher_bench_run_until_idle(&bench);
    assert_int_equal(bench.acknowledged, 4);
    assert_int_equal(origin_count(bench.origin, "PUT", "a_v_0", 0), 2);
    tear_down(&bench);
}

static void folders_and_base_urls(void **state)
{
    (void)state;
    struct publisher_bench bench;
    set_up(&bench);
    bench.group.hls.directory_structure = HLS_SUBDIRECTORY_PER_STREAM;
    bench.group.hls.segments_per_subdirectory = 10;
    bench.group.hls.base_url_content_count = bench.group.hls.base_url_manifest_count = 1;
    strcpy(bench.group.hls.base_url_content[0], "http://media/");
    strcpy(bench.group.hls.base_url_manifest[0], "http://lists/");
    strcpy(bench.group.outputs[0].segment_modifier, "-$t$");
    publisher_bench_open(&bench);
    deliver(&bench, 12, "abcsegment", 3);
    assert_non_null(origin_find(bench.origin, "/live/a_v/00001/a_v-000001_00012.mp4"));
    assert_non_null(strstr(body_of(&bench, "/live/a_v.m3u8"), "\nhttp://media/a_v/00001/a_v-000001_00012.mp4\n"));
    assert_non_null(strstr(body_of(&bench, "/live/a_v.m3u8"), "URI=\"http://media/a_v/a_v_init_"));
    assert_non_null(strstr(body_of(&bench, "/live/a.m3u8"), "\nhttp://lists/a_v.m3u8\n"));
    tear_down(&bench);
}

static void a_pause_sends_players_to_the_other_pipeline(void **state)
{
    (void)state;
    struct publisher_bench bench;
    set_up(&bench);
    bench.group.hls.redundant_manifest = true;
    bench.group.hls.input_loss_action = INPUT_LOSS_PAUSE_OUTPUT;
    publisher_bench_open(&bench);
    deliver(&bench, 1, "abcsegment", 3);
    const char *own = strstr(body_of(&bench, "/live/a.m3u8"), "\na_v.m3u8\n");
    const char *other = strstr(body_of(&bench, "/live/a.m3u8"), "\nb_v.m3u8\n");
    assert_true(own && other && own < other);
    for (int i = 0; i < 100 && origin_find(bench.origin, "/live/a_v.m3u8"); i++)
        loop_turn(bench.loop, 10);
    assert_null(origin_find(bench.origin, "/live/a_v.m3u8"));
    assert_null(strstr(body_of(&bench, "/live/a.m3u8"), "a_v.m3u8"));
    assert_non_null(strstr(body_of(&bench, "/live/a.m3u8"), "\nb_v.m3u8\n"));
    json_t *status = publisher_status(bench.publisher);
    assert_true(json_is_true(json_object_get(status, "paused")));
    json_decref(status);
    deliver(&bench, 20, "abcsegment", 3);
    assert_non_null(strstr(body_of(&bench, "/live/a.m3u8"), "\na_v.m3u8\n"));
    assert_non_null(strstr(body_of(&bench, "/live/a_v.m3u8"), "a_v_00020.mp4\n"));
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_come_before_segments_and_go_with_them),
        cmocka_unit_test(a_restart_and_an_outage_send_the_header_again),
        cmocka_unit_test(key_pictures_have_a_playlist),
        cmocka_unit_test(playlists_may_be_compressed),
        cmocka_unit_test(without_playlists_segments_still_go_in_time),
        cmocka_unit_test(without_a_master),
        cmocka_unit_test(incomplete_segments_may_be_left_out),
        cmocka_unit_test(folders_and_base_urls),
        cmocka_unit_test(a_pause_sends_players_to_the_other_pipeline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
