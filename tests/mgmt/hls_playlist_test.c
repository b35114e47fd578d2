/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_playlist_test.c - whole playlists, letter by letter. */
#include "mgmt/hls_playlist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TICK_90K(number) ((number)*180000)

static const struct hls_settings live = { .segment_length = 2,
                                          .index_n_segments = 3,
                                          .keep_segments = 7,
                                          .discontinuity_tags = true,
                                          .stream_inf_resolution = true };

static struct segment_window window_of(const struct hls_settings *settings)
{
    struct segment_window window;
    segment_window_init(&window, &(struct segment_window_config){
                                     .index_segments = settings->index_n_segments,
                                     .keep_segments = settings->keep_segments,
                                     .keep_all = settings->mode == HLS_MODE_VOD,
                                     .discontinuity_tags = settings->discontinuity_tags,
                                     .segment_length_s = settings->segment_length,
                                 });
    return window;
}

static void append(struct segment_window *window, int64_t number, int64_t duration_90k, bool discontinuity)
{
    struct window_segment segment = {
        .number = number, .start_90k = TICK_90K(number), .duration_90k = duration_90k, .discontinuity = discontinuity
    };
    assert_int_equal(segment_window_append(window, &segment), 0);
}

/* The next playlist, confirmed at once. */
static char *next_text(struct segment_window *window, const struct hls_settings *settings, bool ended)
{
    uint64_t first, end;
    segment_window_listing(window, &first, &end);
    char *text = hls_media_playlist(window, first, end, settings, "news_720p", ended);
    segment_window_confirmed(window, first, end, 1);
    return text;
}

static void expect(struct segment_window *window, const struct hls_settings *settings, bool ended, const char *want)
{
    char *text = next_text(window, settings, ended);
    assert_string_equal(text, want);
    free(text);
}

static void live_window_slides(void **state)
{
    (void)state;
    struct segment_window window = window_of(&live);
    append(&window, 850000001, 180000, true); /* the first of all has nothing to be discontinuous with */
    expect(&window, &live, false,
           "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:2\n"
           "#EXT-X-MEDIA-SEQUENCE:850000001\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
           "#EXTINF:2.00000,\nnews_720p_850000001.ts\n");
    for (int i = 2; i <= 4; i++) {
        append(&window, 850000000 + i, i == 3 ? 183600 : 176400, false);
        free(next_text(&window, &live, false));
    }
    expect(&window, &live, false,
           "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:2\n"
           "#EXT-X-MEDIA-SEQUENCE:850000002\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
           "#EXTINF:1.96000,\nnews_720p_850000002.ts\n#EXTINF:2.04000,\nnews_720p_850000003.ts\n"
           "#EXTINF:1.96000,\nnews_720p_850000004.ts\n");
    segment_window_clear(&window);
}

/* A restarted pipeline: two numbers are missing; sequence numbers stay those of the twin. */
static void gap_and_discontinuity_sequence(void **state)
{
    (void)state;
    struct segment_window window = window_of(&live);
    for (int i = 10; i <= 12; i++)
        append(&window, i, 180000, false);
    free(next_text(&window, &live, false));
    append(&window, 15, 90000, true);
    expect(&window, &live, false,
           "#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:2\n"
           "#EXT-X-MEDIA-SEQUENCE:11\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
           "#EXTINF:2.00000,\nnews_720p_00011.ts\n#EXTINF:2.00000,\nnews_720p_00012.ts\n"
           "#EXTINF:2.00000,\n#EXT-X-GAP\nnews_720p_00013.ts\n#EXTINF:2.00000,\n#EXT-X-GAP\nnews_720p_00014.ts\n"
           "#EXT-X-DISCONTINUITY\n#EXTINF:1.00000,\nnews_720p_00015.ts\n");
    append(&window, 16, 180000, false);
    free(next_text(&window, &live, false));
    append(&window, 17, 180000, false);
    expect(&window, &live, false, /* the gap has left, the tag is still there */
           "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:2\n"
           "#EXT-X-MEDIA-SEQUENCE:15\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
           "#EXT-X-DISCONTINUITY\n#EXTINF:1.00000,\nnews_720p_00015.ts\n#EXTINF:2.00000,\nnews_720p_00016.ts\n"
           "#EXTINF:2.00000,\nnews_720p_00017.ts\n");
    append(&window, 18, 180000, false);
    expect(&window, &live, false, /* the tag has left: it is counted */
           "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:2\n"
           "#EXT-X-MEDIA-SEQUENCE:16\n#EXT-X-DISCONTINUITY-SEQUENCE:1\n"
           "#EXTINF:2.00000,\nnews_720p_00016.ts\n#EXTINF:2.00000,\nnews_720p_00017.ts\n"
           "#EXTINF:2.00000,\nnews_720p_00018.ts\n");
    segment_window_clear(&window);
}

static void large_gap_starts_the_window_anew(void **state)
{
    (void)state;
    struct segment_window window = window_of(&live);
    for (int i = 1; i <= 3; i++)
        append(&window, i, 180000, false);
    free(next_text(&window, &live, false));
    append(&window, 100, 180000, false);
    expect(&window, &live, false,
           "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:2\n"
           "#EXT-X-MEDIA-SEQUENCE:100\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
           "#EXT-X-DISCONTINUITY\n#EXTINF:2.00000,\nnews_720p_00100.ts\n");
    segment_window_clear(&window);
}

static void date_time_and_integer_durations(void **state)
{
    (void)state;
    struct hls_settings settings = live;
    settings.program_date_time = true;
    settings.program_date_time_period = 600;
    settings.manifest_duration_format = MANIFEST_DURATION_INTEGER;
    settings.discontinuity_tags = false;
    struct segment_window window = window_of(&settings);
    /* 850000199 * 2 s = 2023-11-14T22:19:58Z: the next begins a period of 600 s */
    append(&window, 850000199, 180000, false);
    window.segments[0].start_90k += 45045; /* 500.5 ms */
    append(&window, 850000200, 180000, true);
    append(&window, 850000201, 183600, false);
    expect(&window, &settings, false,
           "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:2\n"
           "#EXT-X-MEDIA-SEQUENCE:850000199\n"
           "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:19:58.500Z\n#EXTINF:2,\nnews_720p_850000199.ts\n"
           "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:20:00.000Z\n#EXTINF:2,\nnews_720p_850000200.ts\n"
           "#EXTINF:2,\nnews_720p_850000201.ts\n");
    segment_window_clear(&window);
}

static void vod_keeps_all_and_ends(void **state)
{
    (void)state;
    struct hls_settings settings = live;
    settings.mode = HLS_MODE_VOD;
    struct segment_window window = window_of(&settings);
    for (int i = 1; i <= 5; i++)
        append(&window, i, 180000, false);
    char *text = next_text(&window, &settings, false);
    assert_non_null(strstr(text, "#EXT-X-MEDIA-SEQUENCE:1\n"));
    assert_non_null(strstr(text, "#EXT-X-PLAYLIST-TYPE:EVENT\n"));
    assert_null(strstr(text, "ENDLIST"));
    free(text);
    append(&window, 500, 180000, false); /* a long gap takes nothing away here */
    text = next_text(&window, &settings, true);
    assert_non_null(strstr(text, "#EXT-X-PLAYLIST-TYPE:VOD\n"));
    assert_non_null(strstr(text, "news_720p_00001.ts\n"));
    assert_non_null(strstr(text, "#EXT-X-DISCONTINUITY\n#EXTINF:2.00000,\nnews_720p_00500.ts\n#EXT-X-ENDLIST\n"));
    assert_null(strstr(text, "EXT-X-GAP"));
    free(text);
    segment_window_clear(&window);
}

static void target_duration(void **state)
{
    (void)state;
    static const struct {
        double length_s;
        unsigned target_s;
    } rows[] = { { 1, 1 }, { 2, 2 }, { 2.4, 2 }, { 2.48, 3 }, { 2.5, 3 }, { 6, 6 }, { 10, 10 } };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct hls_settings settings = live;
        settings.segment_length = rows[i].length_s;
        struct segment_window window = window_of(&settings);
        append(&window, 1, (int64_t)(rows[i].length_s * 90000) + 1800, false); /* half a frame of 25 longer */
        assert_int_equal(window.target_duration_s, rows[i].target_s);
        append(&window, 2, 20 * 90000, false); /* never a duration above the target */
        assert_int_equal(window.target_duration_s, 20);
        segment_window_clear(&window);
    }
}

static void master(void **state)
{
    (void)state;
    struct hls_variant variants[2] = {
        { "news_720p.m3u8", "avc1.64001f,mp4a.40.2", 3400000, 3100000, 1280, 720, 30000, 1001 },
        { "news_audio.m3u8", "mp4a.40.2", 140000, 135000, 0, 0, 0, 0 },
    };
    char *text = hls_master_playlist(variants, 2, &live);
    assert_string_equal(text, "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n"
                              "#EXT-X-STREAM-INF:BANDWIDTH=3400000,AVERAGE-BANDWIDTH=3100000,"
                              "CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=29.970\nnews_720p.m3u8\n"
                              "#EXT-X-STREAM-INF:BANDWIDTH=140000,AVERAGE-BANDWIDTH=135000,CODECS=\"mp4a.40.2\"\n"
                              "news_audio.m3u8\n");
    free(text);
    struct hls_settings settings = live;
    settings.stream_inf_resolution = false;
    text = hls_master_playlist(variants, 1, &settings);
    assert_null(strstr(text, "RESOLUTION"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_window_slides),
        cmocka_unit_test(gap_and_discontinuity_sequence),
        cmocka_unit_test(large_gap_starts_the_window_anew),
        cmocka_unit_test(date_time_and_integer_durations),
        cmocka_unit_test(vod_keeps_all_and_ends),
        cmocka_unit_test(target_duration),
        cmocka_unit_test(master),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
