/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_playlist_test.c - whole playlists, letter by letter. */
#include "mgmt/hls_playlist.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#include <cmocka.h>

#define TICK_90K(number) ((number)*180000)

static const struct hls_settings live = { .segment_length = 2,
                                          .index_n_segments = 3,
                                          .keep_segments = 7,
                                          .client_cache = true,
                                          .discontinuity_tags = true,
                                          .iv_in_manifest = true,
                                          .stream_inf_resolution = true };
static const struct hls_names names = { "news", "_720p", "", "ts", 0, 0 };

/* How many dates were printed. */
static unsigned dates;

struct tm *gmtime_r(const time_t *restrict time, struct tm *restrict parts)
{
    static struct tm *(*original)(const time_t *, struct tm *);
    if (!original)
        *(void **)&original = dlsym(RTLD_NEXT, "gmtime_r");
    dates++;
    return original(time, parts);
}

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
    char name[HLS_FILE_NAME_BYTES];
    hls_segment_name(name, &names, number, TICK_90K(number));
    struct window_segment segment = { .number = number,
                                      .start_90k = TICK_90K(number),
                                      .date_90k = TICK_90K(number),
                                      .duration_90k = duration_90k,
                                      .name = name,
                                      .discontinuity = discontinuity };
    assert_int_equal(segment_window_append(window, &segment), 0);
}

/* The next playlist, confirmed at once. */
static char *next_text(struct segment_window *window, const struct hls_settings *settings, bool ended)
{
    uint64_t first, end;
    segment_window_listing(window, &first, &end);
    const struct hls_view view = { settings, &names, "" };
    char *text = hls_media_playlist(window, first, end, &view, ended);
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
    window.segments[0].date_90k += 45045;
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

/* ---- what else may stand in it ---- */
static char *text_of(const struct segment_window *window, const struct hls_settings *settings, const char *url,
                     bool of_keys)
{
    uint64_t first, end;
    const struct hls_view view = { settings, &names, url };
    segment_window_listing(window, &first, &end);
    return of_keys ? hls_key_playlist(window, first, end, &view, false)
                   : hls_media_playlist(window, first, end, &view, false);
}

static void expect_of(const struct segment_window *window, const struct hls_settings *settings, const char *url,
                      bool of_keys, const char *want)
{
    char *text = text_of(window, settings, url, of_keys);
    assert_non_null(text);
    assert_string_equal(text, want);
    free(text);
}

static void put(struct segment_window *window, int64_t number, const char *header, unsigned keys_count,
                const struct handoff_key *keys, uint32_t tables_bytes)
{
    char name[32];
    snprintf(name, sizeof name, "s_%lld.x", (long long)number);
    struct window_segment segment = { .number = number,
                                      .start_90k = TICK_90K(number),
                                      .date_90k = TICK_90K(number),
                                      .duration_90k = 180000,
                                      .name = name,
                                      .header = (char *)header,
                                      .keys = (struct handoff_key *)keys,
                                      .keys_count = keys_count,
                                      .tables_bytes = tables_bytes };
    assert_int_equal(segment_window_append(window, &segment), 0);
}

static void content_url_and_cache(void **state)
{
    (void)state;
    struct hls_settings settings = live;
    settings.client_cache = false;
    struct segment_window window = window_of(&settings);
    put(&window, 7, NULL, 0, NULL, 0);
    put(&window, 9, NULL, 0, NULL, 0);
    window.first_listable = window.base + 1;
    expect_of(&window, &settings, "http://cdn/x/", false,
              "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-ALLOW-CACHE:NO\n#EXT-X-INDEPENDENT-SEGMENTS\n"
              "#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:9\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
              "#EXT-X-DISCONTINUITY\n#EXTINF:2.00000,\nhttp://cdn/x/s_9.x\n");
    window.first_listable = window.base; /* a gap needs a version that does not know ALLOW-CACHE any more */
    char *text = text_of(&window, &settings, "http://cdn/x/", false);
    assert_null(strstr(text, "ALLOW-CACHE"));
    assert_non_null(strstr(text, "#EXT-X-GAP\nhttp://cdn/x/news_720p_00008.ts\n"));
    free(text);
    segment_window_clear(&window);
}

static void headers_of_fmp4(void **state)
{
    (void)state;
    struct segment_window window = window_of(&live);
    put(&window, 7, "init_a.mp4", 0, NULL, 0);
    put(&window, 8, "init_a.mp4", 0, NULL, 0);
    put(&window, 9, "init_b.mp4", 0, NULL, 0);
    expect_of(&window, &live, "", false,
              "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:2\n"
              "#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
              "#EXT-X-MAP:URI=\"init_a.mp4\"\n#EXTINF:2.00000,\ns_7.x\n#EXTINF:2.00000,\ns_8.x\n"
              "#EXT-X-MAP:URI=\"init_b.mp4\"\n#EXTINF:2.00000,\ns_9.x\n");
    segment_window_clear(&window);
}

static void keys_of_encryption(void **state)
{
    (void)state;
    struct hls_settings settings = live;
    struct segment_window window = window_of(&settings);
    settings.encryption.method = ENCRYPTION_AES_128;
    strcpy(settings.key_provider_url, "https://keys/k");
    put(&window, 255, "i.mp4", 0, NULL, 0);
    put(&window, 256, "j.mp4", 0, NULL, 0);
    expect_of(&window, &settings, "", false,
              "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:2\n"
              "#EXT-X-MEDIA-SEQUENCE:255\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
              "#EXT-X-MAP:URI=\"i.mp4\"\n"
              "#EXT-X-KEY:METHOD=AES-128,URI=\"https://keys/k\",IV=0x000000000000000000000000000000ff\n"
              "#EXTINF:2.00000,\ns_255.x\n"
              "#EXT-X-KEY:METHOD=NONE\n#EXT-X-MAP:URI=\"j.mp4\"\n"
              "#EXT-X-KEY:METHOD=AES-128,URI=\"https://keys/k\",IV=0x00000000000000000000000000000100\n"
              "#EXTINF:2.00000,\ns_256.x\n");
    segment_window_clear(&window);
}

static void keys_that_stay(void **state)
{
    (void)state;
    static const struct {
        unsigned iv;
        bool in_manifest;
        const char *format, *versions, *line;
        int version;
    } rows[] = {
        { ENCRYPTION_IV_EXPLICIT, true, "identity", "", "URI=\"k\",IV=0x0123456789abcdef0123456789ABCDEF\n", 5 },
        { ENCRYPTION_IV_EXPLICIT, false, "", "", "URI=\"k\"\n", 5 },
        { ENCRYPTION_IV_FOLLOWS_SEGMENT_NUMBER, false, "identity", "1/2",
          "URI=\"k\",KEYFORMAT=\"identity\",KEYFORMATVERSIONS=\"1/2\"\n", 5 },
        { ENCRYPTION_IV_FOLLOWS_SEGMENT_NUMBER, false, "com.drm", "", "URI=\"k\",KEYFORMAT=\"com.drm\"\n", 5 },
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char want[512];
        struct hls_settings settings = live;
        struct segment_window window = window_of(&settings);
        settings.encryption.method = ENCRYPTION_SAMPLE_AES;
        settings.encryption.iv = rows[i].iv;
        strcpy(settings.encryption.constant_iv, "0123456789abcdef0123456789ABCDEF");
        strcpy(settings.key_provider_url, "k");
        strcpy(settings.key_format, rows[i].format);
        strcpy(settings.key_format_versions, rows[i].versions);
        settings.iv_in_manifest = rows[i].in_manifest;
        put(&window, 1, NULL, 0, NULL, 0);
        put(&window, 2, NULL, 0, NULL, 0);
        snprintf(want, sizeof want,
                 "#EXTM3U\n#EXT-X-VERSION:%d\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:2\n"
                 "#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n#EXT-X-KEY:METHOD=SAMPLE-AES,%s"
                 "#EXTINF:2.00000,\ns_1.x\n#EXTINF:2.00000,\ns_2.x\n",
                 rows[i].version, rows[i].line);
        expect_of(&window, &settings, "", false, want);
        segment_window_clear(&window);
    }
}

static void key_pictures_of_a_transport_stream(void **state)
{
    (void)state;
    static const struct handoff_key keys[] = { { 0, 5000, 0 }, { 40000, 4000, 90000 } };
    struct segment_window window = window_of(&live);
    assert_null(hls_key_playlist(&window, 0, 0, &(struct hls_view){ &live, &names, "" }, false));
    put(&window, 7, NULL, 2, keys, 564);
    put(&window, 8, NULL, 1, keys, 564);
    put(&window, 9, NULL, 2, keys, 564);
    put(&window, 10, NULL, 2, keys, 564);
    segment_window_confirmed(&window, 0, 3, 1);
    expect_of(&window, &live, "c/", true,
              "#EXTM3U\n#EXT-X-VERSION:5\n#EXT-X-I-FRAMES-ONLY\n#EXT-X-TARGETDURATION:2\n"
              "#EXT-X-MEDIA-SEQUENCE:16\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
              "#EXT-X-MAP:URI=\"c/s_8.x\",BYTERANGE=\"564@0\"\n"
              "#EXTINF:2.00000,\n#EXT-X-BYTERANGE:5000@0\nc/s_8.x\n"
              "#EXT-X-MAP:URI=\"c/s_9.x\",BYTERANGE=\"564@0\"\n"
              "#EXTINF:1.00000,\n#EXT-X-BYTERANGE:5000@0\nc/s_9.x\n"
              "#EXTINF:1.00000,\n#EXT-X-BYTERANGE:4000@40000\nc/s_9.x\n"
              "#EXT-X-MAP:URI=\"c/s_10.x\",BYTERANGE=\"564@0\"\n"
              "#EXTINF:1.00000,\n#EXT-X-BYTERANGE:5000@0\nc/s_10.x\n"
              "#EXTINF:1.00000,\n#EXT-X-BYTERANGE:4000@40000\nc/s_10.x\n");
    segment_window_clear(&window);
}

/* Their sequence numbers are others than the segments', whose number is the IV: it must be said. */
static void key_pictures_whose_iv_is_a_number(void **state)
{
    (void)state;
    static const struct handoff_key key = { 100, 5000, 0 };
    struct hls_settings settings = live;
    settings.encryption.method = ENCRYPTION_SAMPLE_AES;
    settings.iv_in_manifest = false;
    strcpy(settings.key_provider_url, "k");
    struct segment_window window = window_of(&settings);
    put(&window, 7, NULL, 1, &key, 564);
    expect_of(&window, &settings, "", true,
              "#EXTM3U\n#EXT-X-VERSION:5\n#EXT-X-I-FRAMES-ONLY\n#EXT-X-TARGETDURATION:2\n"
              "#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
              "#EXT-X-MAP:URI=\"s_7.x\",BYTERANGE=\"564@0\"\n"
              "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"k\",IV=0x00000000000000000000000000000007\n"
              "#EXTINF:2.00000,\n#EXT-X-BYTERANGE:5000@100\ns_7.x\n");
    segment_window_clear(&window);
}

static void key_pictures_of_fmp4(void **state)
{
    (void)state;
    static const struct handoff_key key = { 100, 5000, 0 };
    struct hls_settings settings = live;
    settings.encryption.method = ENCRYPTION_SAMPLE_AES;
    settings.iv_in_manifest = true;
    settings.encryption.iv = ENCRYPTION_IV_EXPLICIT;
    strcpy(settings.encryption.constant_iv, "0123456789abcdef0123456789ABCDEF");
    strcpy(settings.key_provider_url, "k");
    struct segment_window window = window_of(&settings);
    put(&window, 7, "i.mp4", 1, &key, 0);
    expect_of(&window, &settings, "", true,
              "#EXTM3U\n#EXT-X-VERSION:5\n#EXT-X-I-FRAMES-ONLY\n#EXT-X-TARGETDURATION:2\n"
              "#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
              "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"k\",IV=0x0123456789abcdef0123456789ABCDEF\n"
              "#EXT-X-MAP:URI=\"i.mp4\"\n#EXTINF:2.00000,\n#EXT-X-BYTERANGE:5000@100\ns_7.x\n");
    segment_window_clear(&window);
}

static void a_clock_that_was_taken_anew_is_told(void **state)
{
    (void)state;
    struct hls_settings settings = live;
    settings.program_date_time = true;
    settings.program_date_time_period = 3600;
    struct segment_window window = window_of(&settings);
    for (int i = 1; i <= 3; i++)
        append(&window, i, 180000, false);
    window.segments[2].date_90k += 90000;
    char *text = text_of(&window, &settings, "", false);
    assert_non_null(strstr(text, "#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:02.000Z\n#EXTINF:2.00000,\n"
                                 "news_720p_00001.ts\n#EXTINF:2.00000,\nnews_720p_00002.ts\n"
                                 "#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:07.000Z\n"));
    free(text);
    segment_window_clear(&window);
}

static unsigned draw(unsigned *seed, unsigned below)
{
    *seed = *seed * 1103515245 + 12345;
    return (*seed >> 16) % below;
}

static void append_any(struct segment_window *window, int64_t *number, unsigned *seed)
{
    struct handoff_key keys[2] = { { 1000, 500, 0 }, { 9000, 700, 90000 } };
    char name[HLS_FILE_NAME_BYTES], header[40];
    *number += 1 + (draw(seed, 8) == 0) * (draw(seed, 3) == 0 ? 50 : 1);
    hls_segment_name(name, &names, *number, TICK_90K(*number));
    snprintf(header, sizeof header, "header%u.mp4", draw(seed, 10) / 8);
    struct window_segment segment = { .number = *number,
                                      .start_90k = TICK_90K(*number),
                                      .date_90k = TICK_90K(*number) + draw(seed, 20) / 19,
                                      .duration_90k = 180000,
                                      .name = name,
                                      .header = draw(seed, 6) ? header : NULL,
                                      .keys = keys,
                                      .keys_count = draw(seed, 3),
                                      .tables_bytes = draw(seed, 2) * 376,
                                      .discontinuity = draw(seed, 9) == 0 };
    assert_int_equal(segment_window_append(window, &segment), 0);
}

/* What is kept of one playlist for the next makes no letter of it another. */
static void printed_again_it_is_the_same(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed < 40; seed++) {
        struct hls_settings settings = live;
        unsigned drawn = seed;
        int64_t number = 1000;
        struct hls_printed *printed[2];
        settings.index_n_segments = 8;
        settings.program_date_time = seed & 1;
        settings.program_date_time_period = seed & 2 ? 0 : 6;
        settings.mode = seed % 5 == 0 ? HLS_MODE_VOD : HLS_MODE_LIVE;
        settings.encryption.method = seed % 3;
        settings.encryption.iv = seed & 4 ? ENCRYPTION_IV_EXPLICIT : ENCRYPTION_IV_FOLLOWS_SEGMENT_NUMBER;
        const struct hls_view view = { &settings, &names, "x/" };
        struct segment_window window = window_of(&settings);
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(hls_printed_create(&printed[i], i), 0);
        for (unsigned step = 0; step < 60; step++) {
            uint64_t first, end;
            for (unsigned i = draw(&drawn, 4); i > 0; i--)
                append_any(&window, &number, &drawn);
            segment_window_listing(&window, &first, &end);
            for (unsigned i = 0; i < 2 && first < end; i++) {
                bool ended = step == 59;
                char *kept = hls_printed_text(printed[i], &window, first, end, &view, ended);
                char *whole = i ? hls_key_playlist(&window, first, end, &view, ended)
                                : hls_media_playlist(&window, first, end, &view, ended);
                assert_int_equal(!kept, !whole);
                if (kept)
                    assert_string_equal(kept, whole);
                free(kept);
                free(whole);
            }
            if (first < end && draw(&drawn, 3))
                segment_window_confirmed(&window, first, end, 1);
        }
        for (unsigned i = 0; i < 2; i++)
            hls_printed_destroy(printed[i]);
        segment_window_clear(&window);
    }
}

/* A day's playlist goes out with each of its segments, and all channels wait for it. */
static void only_what_is_new_is_printed(void **state)
{
    (void)state;
    struct hls_settings settings = live;
    struct hls_printed *printed;
    settings.program_date_time = true;
    const struct hls_view view = { &settings, &names, "" };
    for (unsigned vod = 0; vod < 2; vod++) {
        settings.mode = vod ? HLS_MODE_VOD : HLS_MODE_LIVE;
        settings.index_n_segments = settings.keep_segments = 2000;
        struct segment_window window = window_of(&settings);
        assert_int_equal(hls_printed_create(&printed, false), 0);
        for (int i = 0; i < 3000; i++) {
            uint64_t first, end;
            append(&window, 1000 + i, 180000, false);
            if (i < 2500)
                continue;
            segment_window_listing(&window, &first, &end);
            dates = 0;
            free(hls_printed_text(printed, &window, first, end, &view, false));
            assert_true(dates <= (i == 2500 ? 2501 : 2)); /* the newest, and the one that is the first now */
            segment_window_confirmed(&window, first, end, 1);
        }
        hls_printed_destroy(printed);
        segment_window_clear(&window);
    }
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
        cmocka_unit_test(printed_again_it_is_the_same),
        cmocka_unit_test(only_what_is_new_is_printed),
        cmocka_unit_test(content_url_and_cache),
        cmocka_unit_test(headers_of_fmp4),
        cmocka_unit_test(keys_of_encryption),
        cmocka_unit_test(keys_that_stay),
        cmocka_unit_test(key_pictures_of_a_transport_stream),
        cmocka_unit_test(key_pictures_whose_iv_is_a_number),
        cmocka_unit_test(key_pictures_of_fmp4),
        cmocka_unit_test(a_clock_that_was_taken_anew_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
