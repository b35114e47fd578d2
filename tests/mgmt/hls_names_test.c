/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_names_test.c - every kind of name. */
#include "mgmt/hls_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct output_group group_of(const char *url, unsigned container)
{
    struct output_group group = { .destinations_count = 1,
                                  .outputs = { { .name_modifier = "_720p", .container = container } },
                                  .outputs_count = 1 };
    strcpy(group.destinations[0].url, url);
    return group;
}

#define TICK_90K (INT64_C(1795635005) * 90000) /* 2026-11-25T19:30:05Z */

static void in_one_folder(void **state)
{
    (void)state;
    char name[HLS_FILE_NAME_BYTES];
    struct output_group group = group_of("http://h/live/news", CONTAINER_TS);
    strcpy(group.outputs[0].segment_modifier, "-$t$");
    struct hls_names names = hls_names_of(&group, &group.outputs[0], 0, 1000);
    hls_master_name(name, &names);
    assert_string_equal(name, "news.m3u8");
    hls_playlist_name(name, &names);
    assert_string_equal(name, "news_720p.m3u8");
    hls_key_playlist_name(name, &names);
    assert_string_equal(name, "news_720p_iframe.m3u8");
    hls_segment_name(name, &names, 42, TICK_90K + 89999);
    assert_string_equal(name, "news_720p-193005_00042.ts");
    hls_segment_name(name, &names, 1234567, TICK_90K);
    assert_string_equal(name, "news_720p-193005_1234567.ts");
}

static void in_folders(void **state)
{
    (void)state;
    char name[HLS_FILE_NAME_BYTES];
    struct output_group group = group_of("http://h/live/news", CONTAINER_FMP4);
    group.hls.directory_structure = HLS_SUBDIRECTORY_PER_STREAM;
    group.hls.segments_per_subdirectory = 100;
    strcpy(group.outputs[0].name_modifier, "_$dt$");
    struct hls_names names = hls_names_of(&group, &group.outputs[0], 0, 0);
    hls_playlist_name(name, &names);
    assert_string_equal(name, "news_19700101T000000.m3u8");
    hls_segment_name(name, &names, 1234, TICK_90K);
    assert_string_equal(name, "news_19700101T000000/00012/news_20261125T193005_01234.mp4");
    hls_header_name(name, &names, "abc", 3);
    assert_string_equal(name, "news_19700101T000000/news_19700101T000000_init_e71fa2190541574b.mp4");
}

static void headers_are_called_after_their_bytes(void **state)
{
    (void)state;
    char one[HLS_FILE_NAME_BYTES], other[HLS_FILE_NAME_BYTES];
    struct output_group group = group_of("http://h/news", CONTAINER_FMP4);
    struct hls_names names = hls_names_of(&group, &group.outputs[0], 0, 0);
    hls_header_name(one, &names, "abc", 3);
    assert_string_equal(one, "news_720p_init_e71fa2190541574b.mp4");
    hls_header_name(other, &names, "abd", 3);
    assert_string_not_equal(one, other);
}

/* The destination's URL is filled in when it comes here: what looks like an identifier in it is none. */
static void a_dollar_in_the_base_is_a_dollar(void **state)
{
    (void)state;
    char name[HLS_FILE_NAME_BYTES];
    struct output_group group = group_of("http://h/a$d$", CONTAINER_AAC);
    struct hls_names names = hls_names_of(&group, &group.outputs[0], 0, 0);
    hls_segment_name(name, &names, 1, 0);
    assert_string_equal(name, "a$d$_720p_00001.aac");
}

static void long_names_are_cut_not_overrun(void **state)
{
    (void)state;
    char name[HLS_FILE_NAME_BYTES], url[OUTPUT_URL_BYTES];
    memset(url, 'x', sizeof url);
    memcpy(url, "http://h/", 9);
    url[sizeof url - 1] = 0;
    struct output_group group = group_of(url, CONTAINER_TS);
    group.hls.directory_structure = HLS_SUBDIRECTORY_PER_STREAM;
    group.hls.segments_per_subdirectory = 1;
    struct hls_names names = hls_names_of(&group, &group.outputs[0], 0, 0);
    hls_segment_name(name, &names, INT64_MAX, 0);
    hls_header_name(name, &names, "", 0);
    hls_key_playlist_name(name, &names);
    assert_true(strlen(name) < sizeof name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_one_folder),
        cmocka_unit_test(in_folders),
        cmocka_unit_test(headers_are_called_after_their_bytes),
        cmocka_unit_test(a_dollar_in_the_base_is_a_dollar),
        cmocka_unit_test(long_names_are_cut_not_overrun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
