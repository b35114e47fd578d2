/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_master_test.c - whole master playlists, letter by letter. */
#include "mgmt/hls_master.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct hls_settings settings = { .stream_inf_resolution = true };
static const struct output video = { .name = "720p", .video = "v" };
static const struct output audio = { .name = "audio", .audio = { "a" }, .audio_count = 1 };

static void expect(const struct hls_entry *entries, unsigned count, const struct hls_settings *with, const char *want)
{
    char *text = hls_master_playlist(entries, count, with);
    assert_non_null(text);
    assert_string_equal(text, want);
    free(text);
}

static void variants(void **state)
{
    (void)state;
    const struct hls_entry entries[] = {
        { { "avc1.64001f,mp4a.40.2", 3400000, 3100000, 0, 1280, 720, 30000, 1001, 2, 0 },
          &video,
          "news_720p.m3u8",
          "",
          "" },
        { { "mp4a.40.2", 140000, 135000, 0, 0, 0, 0, 0, 2, 0 }, &audio, "news_audio.m3u8", "", "" },
    };
    expect(entries, 2, &settings,
           "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n"
           "#EXT-X-STREAM-INF:BANDWIDTH=3400000,AVERAGE-BANDWIDTH=3100000,"
           "CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=29.970\nnews_720p.m3u8\n"
           "#EXT-X-STREAM-INF:BANDWIDTH=140000,AVERAGE-BANDWIDTH=135000,CODECS=\"mp4a.40.2\"\n"
           "news_audio.m3u8\n");
    expect(entries, 1, &(struct hls_settings){ .stream_inf_resolution = false },
           "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n"
           "#EXT-X-STREAM-INF:BANDWIDTH=3400000,AVERAGE-BANDWIDTH=3100000,"
           "CODECS=\"avc1.64001f,mp4a.40.2\",FRAME-RATE=29.970\nnews_720p.m3u8\n");
}

static void key_pictures(void **state)
{
    (void)state;
    const struct hls_entry entry = { { "avc1.64001f,mp4a.40.2", 3400000, 3100000, 700000, 1280, 720, 25, 1, 2, 0 },
                                     &video,
                                     "http://cdn/news_720p.m3u8",
                                     "http://cdn/news_720p_iframe.m3u8",
                                     "" };
    expect(&entry, 1, &settings,
           "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-INDEPENDENT-SEGMENTS\n"
           "#EXT-X-STREAM-INF:BANDWIDTH=3400000,AVERAGE-BANDWIDTH=3100000,"
           "CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=25.000\nhttp://cdn/news_720p.m3u8\n"
           "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=700000,CODECS=\"avc1.64001f\",RESOLUTION=1280x720,"
           "URI=\"http://cdn/news_720p_iframe.m3u8\"\n");
}

/* What a picture's range is, a player must know before it chooses; who does not know it says nothing. */
static void ranges_of_pictures(void **state)
{
    (void)state;
    static const struct {
        uint32_t transfer;
        const char *text;
    } ranges[] = { { 0, "" },
                   { 2, "" },
                   { 1, ",VIDEO-RANGE=SDR" },
                   { 6, ",VIDEO-RANGE=SDR" },
                   { 13, ",VIDEO-RANGE=SDR" },
                   { 14, ",VIDEO-RANGE=SDR" },
                   { 15, ",VIDEO-RANGE=SDR" },
                   { 16, ",VIDEO-RANGE=PQ" },
                   { 17, "" },
                   { 18, ",VIDEO-RANGE=HLG" },
                   { 255, "" } };

    for (unsigned i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        const struct hls_entry entry = { .format = { .codecs = "hvc1.2.4.L93.90,mp4a.40.2",
                                                     .peak_bitrate = 2,
                                                     .average_bitrate = 1,
                                                     .key_peak_bitrate = 3,
                                                     .width = 1280,
                                                     .height = 720,
                                                     .transfer_characteristics = ranges[i].transfer },
                                         .output = &video,
                                         .uri = "v.m3u8",
                                         .key_uri = "k.m3u8" };
        char want[500];
        snprintf(want, sizeof want,
                 "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-INDEPENDENT-SEGMENTS\n"
                 "#EXT-X-STREAM-INF:BANDWIDTH=2,AVERAGE-BANDWIDTH=1,CODECS=\"hvc1.2.4.L93.90,mp4a.40.2\","
                 "RESOLUTION=1280x720%s\nv.m3u8\n"
                 "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=3,CODECS=\"hvc1.2.4.L93.90\",RESOLUTION=1280x720%s,"
                 "URI=\"k.m3u8\"\n",
                 ranges[i].text, ranges[i].text);
        expect(&entry, 1, &settings, want);
    }
}

/* Two languages and two qualities of audio; a variant for each quality; both pipelines. */
static void renditions_of_both_pipelines(void **state)
{
    (void)state;
    const struct output picture = { .name = "720p",
                                    .video = "v",
                                    .container = CONTAINER_FMP4,
                                    .audio_rendition_sets = { "high", "low" },
                                    .audio_rendition_sets_count = 2 };
    const struct output english = { .name = "english",
                                    .audio_group = "high",
                                    .language = "en",
                                    .audio_track_type = ALTERNATE_AUDIO_AUTO_SELECT_DEFAULT };
    const struct output french = {
        .name = "french", .audio_group = "high", .language = "fr", .audio_track_type = ALTERNATE_AUDIO_AUTO_SELECT
    };
    const struct output small = { .name = "small",
                                  .audio_group = "low",
                                  .audio_track_type = ALTERNATE_AUDIO_NOT_AUTO_SELECT };
    const struct hls_format v = { "avc1.64001f", 3000000, 2900000, 0, 1280, 720, 25, 1, 0, 0 };
    const struct hls_format a = { "mp4a.40.2", 200000, 190000, 0, 0, 0, 0, 0, 2, 0 };
    const struct hls_format b = { "mp4a.40.2", 300000, 180000, 0, 0, 0, 0, 0, 6, 0 };
    const struct hls_format c = { "mp4a.40.5", 50000, 40000, 0, 0, 0, 0, 0, 0, 0 };
    const struct hls_entry entries[] = {
        { v, &picture, "a_v.m3u8", "", "-0" }, { a, &english, "a_en.m3u8", "", "-0" },
        { b, &french, "a_fr.m3u8", "", "-0" }, { c, &small, "a_s.m3u8", "", "-0" },
        { v, &picture, "b_v.m3u8", "", "-1" }, { a, &english, "b_en.m3u8", "", "-1" },
    };
    expect(entries, 6, &settings,
           "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n"
           "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"high-0\",NAME=\"english\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES,"
           "CHANNELS=\"2\",URI=\"a_en.m3u8\"\n"
           "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"high-0\",NAME=\"french\",LANGUAGE=\"fr\",DEFAULT=NO,AUTOSELECT=YES,"
           "CHANNELS=\"6\",URI=\"a_fr.m3u8\"\n"
           "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"low-0\",NAME=\"small\",DEFAULT=NO,AUTOSELECT=NO,URI=\"a_s.m3u8\"\n"
           "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"high-1\",NAME=\"english\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES,"
           "CHANNELS=\"2\",URI=\"b_en.m3u8\"\n"
           "#EXT-X-STREAM-INF:BANDWIDTH=3300000,AVERAGE-BANDWIDTH=3090000,CODECS=\"avc1.64001f,mp4a.40.2\","
           "RESOLUTION=1280x720,FRAME-RATE=25.000,AUDIO=\"high-0\"\na_v.m3u8\n"
           "#EXT-X-STREAM-INF:BANDWIDTH=3050000,AVERAGE-BANDWIDTH=2940000,CODECS=\"avc1.64001f,mp4a.40.5\","
           "RESOLUTION=1280x720,FRAME-RATE=25.000,AUDIO=\"low-0\"\na_v.m3u8\n"
           "#EXT-X-STREAM-INF:BANDWIDTH=3200000,AVERAGE-BANDWIDTH=3090000,CODECS=\"avc1.64001f,mp4a.40.2\","
           "RESOLUTION=1280x720,FRAME-RATE=25.000,AUDIO=\"high-1\"\nb_v.m3u8\n"
           "#EXT-X-STREAM-INF:BANDWIDTH=3000000,AVERAGE-BANDWIDTH=2900000,CODECS=\"avc1.64001f\","
           "RESOLUTION=1280x720,FRAME-RATE=25.000,AUDIO=\"low-1\"\nb_v.m3u8\n");
}

static void an_audio_output_may_be_a_variant(void **state)
{
    (void)state;
    struct output output = { .name = "a", .audio_group = "g", .audio_track_type = AUDIO_ONLY_VARIANT_STREAM };
    assert_false(hls_output_is_rendition(&output));
    output.audio_track_type = ALTERNATE_AUDIO_AUTO_SELECT;
    assert_true(hls_output_is_rendition(&output));
    output.audio_group[0] = 0;
    assert_false(hls_output_is_rendition(&output));
}

/* Two that both are the default, as outputs are that say nothing; another of the first's language; one by hand. */
static void of_several_defaults_the_first_is_it(void **state)
{
    (void)state;
    static const struct output variant = {
        .name = "v", .video = "v", .audio_rendition_sets = { "s" }, .audio_rendition_sets_count = 1
    };
    static const struct {
        const char *language;
        unsigned type;
    } of[] = { { "en", ALTERNATE_AUDIO_AUTO_SELECT },         { "en", ALTERNATE_AUDIO_AUTO_SELECT_DEFAULT },
               { "fr", ALTERNATE_AUDIO_AUTO_SELECT_DEFAULT }, { "fr", ALTERNATE_AUDIO_AUTO_SELECT },
               { "de", ALTERNATE_AUDIO_NOT_AUTO_SELECT },     { "de", ALTERNATE_AUDIO_AUTO_SELECT } };
    static const char *const want[] = { "NO,AUTOSELECT=NO", "YES,AUTOSELECT=YES", "NO,AUTOSELECT=YES",
                                        "NO,AUTOSELECT=NO", "NO,AUTOSELECT=NO",   "NO,AUTOSELECT=YES" };
    enum { COUNT = sizeof of / sizeof *of };
    struct output outputs[COUNT] = { 0 };
    struct hls_entry entries[COUNT + 1] = {
        { { "avc1.64001f", 1000, 900, 0, 640, 360, 25, 1, 0, 0 }, &variant, "v.m3u8", "", "" }
    };
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(outputs[i].name, sizeof outputs[i].name, "a%u", i);
        snprintf(outputs[i].audio_group, sizeof outputs[i].audio_group, "s");
        snprintf(outputs[i].language, sizeof outputs[i].language, "%s", of[i].language);
        outputs[i].audio_track_type = of[i].type;
        entries[i + 1] = (struct hls_entry){ { "mp4a.40.2", 100, 90, 0, 0, 0, 0, 0, 2, 0 }, &outputs[i], "a", "", "" };
    }
    char *text = hls_master_playlist(entries, COUNT + 1, &settings);
    for (unsigned i = 0; i < COUNT; i++) {
        char line[128];
        snprintf(line, sizeof line, "NAME=\"a%u\",LANGUAGE=\"%s\",DEFAULT=%s,", i, of[i].language, want[i]);
        assert_non_null(strstr(text, line));
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variants),
        cmocka_unit_test(key_pictures),
        cmocka_unit_test(ranges_of_pictures),
        cmocka_unit_test(renditions_of_both_pipelines),
        cmocka_unit_test(an_audio_output_may_be_a_variant),
        cmocka_unit_test(of_several_defaults_the_first_is_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
