/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "board/error.h"
#include "tools/origincheck/address.h"
#include "tools/origincheck/playlist.h"

static struct playlist *parse(const char *text)
{
    struct playlist *playlist = NULL;
    struct error err = { 0 };
    assert_int_equal(playlist_parse(&playlist, text, strlen(text), &err), 0);
    return playlist;
}

static void assert_fault(const char *text, const char *part)
{
    struct playlist *playlist = parse(text);
    if (!playlist->faults_count || !strstr(playlist->faults[0], part))
        fail_msg("want \"%s\", got \"%s\"", part, playlist->faults[0]);
    playlist_destroy(playlist);
}

#define LIVE                                                                                                           \
    "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:41\n#EXT-X-DISCONTINUITY-SEQUENCE:3\n"

static void live_playlist(void **state)
{
    (void)state;
    struct playlist *playlist = parse(LIVE "#EXT-X-PROGRAM-DATE-TIME:2026-01-31T12:00:00.040Z\n#EXTINF:2.00000,\n"
                                           "news_00041.ts\r\n#EXTINF:1.96,title\nnews_00042.ts\n"
                                           "#EXT-X-DISCONTINUITY\n#EXTINF:2,\nnews_00043.ts\n");
    assert_int_equal(playlist->faults_count, 0);
    assert_false(playlist->master || playlist->ended);
    assert_int_equal(playlist->target_duration_s, 2);
    assert_int_equal(playlist->discontinuity_sequence, 3);
    assert_int_equal(playlist->entries_count, 3);
    assert_string_equal(playlist->entries[0].uri, "news_00041.ts");
    assert_int_equal(playlist->entries[2].number, 43);
    assert_true(playlist->entries[2].discontinuity && playlist->entries[2].duration_is_integer);
    int64_t first_ns = INT64_C(1769860800040) * 1000000;
    assert_true(playlist_date_time_ns(playlist, 1) == first_ns + INT64_C(2000000000));
    assert_true(playlist_date_time_ns(playlist, 2) == INT64_MIN);
    assert_true(playlist_seconds(playlist) > 5.95 && playlist_seconds(playlist) < 5.97);
    playlist_destroy(playlist);
}

static void dates_with_zones(void **state)
{
    (void)state;
    struct playlist *playlist = parse(LIVE "#EXT-X-PROGRAM-DATE-TIME:2026-01-31T13:30:00.5+01:30\n#EXTINF:2,\na.ts\n");
    assert_true(playlist->entries[0].date_time_ns == INT64_C(1769860800500) * 1000000);
    playlist_destroy(playlist);
    assert_fault(LIVE "#EXT-X-PROGRAM-DATE-TIME:yesterday\n#EXTINF:2,\na.ts\n", "line 6: EXT-X-PROGRAM-DATE-TIME");
}

static void maps_keys_ranges_gaps(void **state)
{
    (void)state;
    struct playlist *playlist =
        parse("#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE:EVENT\n"
              "#EXT-X-KEY:METHOD=AES-128,URI=\"https://keys/a,b\",IV=0x000102030405060708090A0B0C0D0E0F\n"
              "#EXT-X-MAP:URI=\"init.mp4\",BYTERANGE=\"600@20\"\n#EXTINF:2,\n#EXT-X-BYTERANGE:100@1000\nall.mp4\n"
              "#EXT-X-BYTERANGE:50\n#EXTINF:2,\nall.mp4\n#EXT-X-KEY:METHOD=NONE\n#EXT-X-GAP\n#EXTINF:2,\ngone.mp4\n"
              "#EXT-X-ENDLIST\n");
    assert_int_equal(playlist->faults_count, 0);
    assert_int_equal(playlist->type, PLAYLIST_EVENT);
    assert_true(playlist->ended);
    assert_int_equal(playlist->keys_count, 1);
    assert_string_equal(playlist->keys[0].uri, "https://keys/a,b");
    assert_true(playlist->keys[0].iv_set && playlist->keys[0].iv[15] == 15);
    assert_int_equal(playlist->maps[0].range.offset, 20);
    assert_int_equal(playlist->entries[1].range.offset, 1100);
    assert_int_equal(playlist->entries[1].range.bytes, 50);
    assert_int_equal(playlist->entries[1].key, 1);
    assert_int_equal(playlist->entries[2].key, 0);
    assert_true(playlist->entries[2].gap && playlist->entries[2].map == 1);
    playlist_destroy(playlist);
}

static void master_playlist(void **state)
{
    (void)state;
    struct playlist *playlist = parse(
        "#EXTM3U\n#EXT-X-VERSION:6\n"
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"aud\",NAME=\"English\",LANGUAGE=\"en\",DEFAULT=YES,URI=\"a_en.m3u8\"\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=3000000,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,AUDIO=\"aud\"\n"
        "720p/v.m3u8\n#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=200000,URI=\"720p/i.m3u8\"\n");
    assert_int_equal(playlist->faults_count, 0);
    assert_true(playlist->master);
    assert_int_equal(playlist->variants_count, 3);
    assert_int_equal(playlist->variants[0].kind, PLAYLIST_AUDIO);
    assert_string_equal(playlist->variants[0].uri, "a_en.m3u8");
    assert_string_equal(playlist->variants[1].uri, "720p/v.m3u8");
    assert_string_equal(playlist->variants[1].codecs, "avc1.64001f,mp4a.40.2");
    assert_int_equal(playlist->variants[2].kind, PLAYLIST_I_FRAMES);
    playlist_destroy(playlist);
}

static void complaints(void **state)
{
    (void)state;
    assert_fault("#EXTM3U\n#EXTINF:2,\na.ts\n", "no EXT-X-TARGETDURATION");
    assert_fault(LIVE "a.ts\n", "a.ts has no EXTINF");
    assert_fault(LIVE "#EXTINF:2.6,\na.ts\n", "more than the target duration of 2 s");
    assert_fault(LIVE "#EXTINF:2,\n#EXT-X-GAP\na.ts\n", "EXT-X-VERSION is 3, but EXT-X-GAP want 8");
    assert_fault(LIVE "#EXTINF:2,\na.ts\n#EXT-X-MEDIA-SEQUENCE:7\n", "EXT-X-MEDIA-SEQUENCE stands behind");
    assert_fault(LIVE "#EXTINF:nan,\na.ts\n", "is not a duration");
    assert_fault(LIVE "#EXTINF:27777777777777777777,\na.ts\n", "is not a duration");
    assert_fault("#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n#EXT-X-BYTERANGE:9\na.ts\n",
                 "has no offset");
    assert_fault("#EXTM3U\n#EXT-X-STREAM-INF:CODECS=\"x\"\nv.m3u8\n", "no BANDWIDTH");
    assert_fault("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n", "followed by no URI");
    assert_fault("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\nv.m3u8\n", "a group that no EXT-X-MEDIA");
    assert_fault(LIVE "#EXTINF:2,\na.ts\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n", "master and media");
}

static void what_is_refused(void **state)
{
    (void)state;
    struct playlist *playlist;
    struct error err = { 0 };
    assert_int_equal(playlist_parse(&playlist, "<html>", 6, &err), -EINVAL);
    assert_int_equal(playlist_parse(&playlist, "#EXTM3U\n\0", 9, &err), -EINVAL);
    assert_int_equal(playlist_parse(&playlist, "", PLAYLIST_BYTES_MAX + 1, &err), -E2BIG);
}

static void addresses(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        { "https://o/live/news.m3u8", "720p/a.ts", "https://o/live/720p/a.ts" },
        { "https://o/live/x/news.m3u8?token=1", "../a.ts?t=2", "https://o/live/a.ts?t=2" },
        { "https://o/live/news.m3u8", "/a/./b", "https://o/a/b" },
        { "https://o/live/news.m3u8", "//p/a", "https://p/a" },
        { "https://o/live/news.m3u8", "http://q/a.ts", "http://q/a.ts" },
        { "https://o", "a.ts", "https://o/a.ts" },
        { "s3://bucket/live/news.m3u8", "a.ts", "s3://bucket/live/a.ts" },
        { "/srv/live/news.m3u8", "../../../a.ts", "/a.ts" },
        { "live/news.m3u8", "a.ts", "live/a.ts" },
    };
    char out[ADDRESS_BYTES], name[ADDRESS_BYTES];
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(address_resolve(out, cases[i][0], cases[i][1]), 0);
        assert_string_equal(out, cases[i][2]);
    }
    assert_string_equal(address_shown(out, "https://me:secret@o:8443/a.ts?token=secret"), "https://o:8443/a.ts");
    assert_string_equal(address_shown(out, "/srv/a@b.ts"), "/srv/a@b.ts");
    assert_string_equal(address_name(name, "https://o/live/a.ts?x=/y"), "a.ts");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_playlist),   cmocka_unit_test(dates_with_zones), cmocka_unit_test(maps_keys_ranges_gaps),
        cmocka_unit_test(master_playlist), cmocka_unit_test(complaints),       cmocka_unit_test(what_is_refused),
        cmocka_unit_test(addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
