/* SPDX-License-Identifier: GPL-2.0-or-later */
/* channel_names_test.c - what names become, and which cannot become anything. */
#include "mgmt/channel_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct channel channel_of(const char *url, const char *name_modifier, const char *segment_modifier)
{
    struct channel channel = {
        .framerate_numerator = 60000,
        .framerate_denominator = 1001,
        .encodes = { .video = { { .name = "v",
                                  .width = 1280,
                                  .height = 720,
                                  .bitrate = 3000000,
                                  .framerate_divisor = 2 } },
                     .video_count = 1,
                     .audio = { { .name = "a", .bitrate = 128000 }, { .name = "b", .bitrate = 64000 } },
                     .audio_count = 2 },
        .output_groups = { { .name = "web",
                             .type = OUTPUT_GROUP_HLS,
                             .destinations_count = 1,
                             .outputs = { { .name = "o", .video = "v", .audio = { "a", "b" }, .audio_count = 2 } },
                             .outputs_count = 1 } },
        .output_groups_count = 1,
    };
    strcpy(channel.output_groups[0].destinations[0].url, url);
    strcpy(channel.output_groups[0].outputs[0].name_modifier, name_modifier);
    strcpy(channel.output_groups[0].outputs[0].segment_modifier, segment_modifier);
    return channel;
}

static void names_are_filled_in(void **state)
{
    (void)state;
    static struct channel channel;
    channel = channel_of("http://h/$d$/news", "_$w$x$h$_$f$_$rv$_$ra$_$rc$", "_$t$_$h%05$");
    channel_names_resolve(&channel, 1795635005);
    assert_int_equal(channel.start_utc_s, 1795635005);
    assert_string_equal(channel.output_groups[0].destinations[0].url, "http://h/20261125/news");
    assert_string_equal(channel.output_groups[0].outputs[0].name_modifier, "_1280x720_29_3000_192_3192");

    assert_string_equal(channel.output_groups[0].outputs[0].segment_modifier,
                        "_$t$_00720"); /* each segment has its own time */
}

static unsigned problems_of(const struct channel *channel, const char *words)
{
    struct problems *problems = problems_create();
    channel_names_check(channel, problems);
    unsigned count = problems_count(problems);
    if (count)
        assert_non_null(strstr(problems_text(problems, 0), words));
    problems_destroy(problems);
    return count;
}

static void what_only_the_source_knows_is_refused(void **state)
{
    (void)state;
    static struct channel channel;
    channel = channel_of("http://h/news", "_$h$_$f$", "");
    assert_int_equal(problems_of(&channel, ""), 0);
    channel.framerate_numerator = 0;
    assert_int_equal(problems_of(&channel, "the frame rate is not said"), 1);
    channel = channel_of("http://h/news", "_$h$", "");
    channel.encodes.video[0].width = channel.encodes.video[0].height = 0;
    assert_int_equal(problems_of(&channel, "the size of its video is the source's"), 1);
    channel = channel_of("http://h/news", "_$rv$", "");
    channel.output_groups[0].outputs[0].video[0] = 0;
    assert_int_equal(problems_of(&channel, "there is no video in it"), 1);
}

static void what_becomes_too_long_is_refused(void **state)
{
    (void)state;
    static struct channel channel;
    channel = channel_of("http://h/news", "_$dt$$dt$$dt$$dt$$dt$", "");
    assert_int_equal(problems_of(&channel, "is longer than 63 characters"), 1);
    char url[OUTPUT_URL_BYTES] = "http://h/";
    while (strlen(url) < OUTPUT_URL_BYTES - 5)
        strcat(url, "$dt$");
    channel = channel_of(url, "_a", "");
    assert_int_equal(problems_of(&channel, "is longer than 511 characters"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_filled_in),
        cmocka_unit_test(what_only_the_source_knows_is_refused),
        cmocka_unit_test(what_becomes_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
