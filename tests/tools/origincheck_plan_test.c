/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/error.h"
#include "tools/origincheck/options.h"

enum { ARGUMENTS_MAX = 24 };

static int read_options(struct options *options, char *said, size_t room, const char *const *words)
{
    char *arguments[ARGUMENTS_MAX + 1] = { "biplane-origincheck" }, copies[ARGUMENTS_MAX][160];
    int count = 1;
    for (; words[count - 1]; count++) {
        snprintf(copies[count], sizeof copies[count], "%s", words[count - 1]);
        arguments[count] = copies[count];
    }
    FILE *stream = fmemopen(said, room, "w");
    int result = options_read(options, count, arguments, stream);
    fclose(stream);
    return result;
}

static void groups_and_their_copies(void **state)
{
    (void)state;
    static struct options options;
    char said[512] = "";
    struct error err = { 0 };
    const char *words[] = { "https://a/live/news",
                            "https://b/live/news.m3u8",
                            "--type",
                            "archive",
                            "--endpoint",
                            "http://127.0.0.1:7480",
                            "--interval",
                            "300",
                            "s3://bucket/news",
                            "--group",
                            "play",
                            "rtmp://c/live/key",
                            NULL };
    assert_int_equal(read_options(&options, said, sizeof said, words), 0);
    assert_int_equal(plan_complete(&options.plan, NULL, &err), 0);
    const struct plan *plan = &options.plan;
    assert_int_equal(plan->groups_count, 3);
    assert_int_equal(plan->groups[0].copies, 2);
    assert_string_equal(plan->places[0].address, "https://a/live/news.m3u8");
    assert_string_equal(plan->places[1].address, "https://b/live/news.m3u8");
    assert_int_equal(plan->kinds[1], PLAN_ARCHIVE);
    assert_int_equal((int)plan->groups[1].interval_s, 300);
    assert_string_equal(plan->places[2].address, "s3://bucket/news");
    assert_string_equal(plan->places[2].settings.endpoint, "http://127.0.0.1:7480");
    assert_string_equal(plan->places[0].settings.endpoint, "");
    assert_int_equal(plan->places[3].kind, PLAN_RTMP);
    assert_int_equal((int)options.seconds, 30);
}

static void read_at(void **state)
{
    (void)state;
    static struct options options;
    char said[512] = "";
    struct error err = { 0 };
    const char *words[] = { "--read-at", "https://ingest/=https://edge/x/", "https://ingest/live/news", NULL };
    assert_int_equal(read_options(&options, said, sizeof said, words), 0);
    assert_int_equal(plan_complete(&options.plan, NULL, &err), 0);
    assert_string_equal(options.plan.places[0].address, "https://edge/x/live/news.m3u8");
}

static void what_is_refused(void **state)
{
    (void)state;
    static struct options options;
    static const struct {
        const char *words[4], *said;
    } cases[] = {
        { { "--seconds", "soon" }, "want a number" },
        { { "--type", "telex" }, "telex is not known" },
        { { "--decode", "some" }, "none, times, edges or all" },
        { { "--interval", "3" }, "belongs behind" },
        { { "--read-at", "x" }, "want FROM=TO" },
        { { "--channel", "/nonexistent/news.cfg" }, "cannot be used" },
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        char said[1024] = "";
        assert_int_equal(read_options(&options, said, sizeof said, cases[i].words), -EINVAL);
        if (!strstr(said, cases[i].said))
            fail_msg("want \"%s\", got \"%s\"", cases[i].said, said);
    }
}

static void what_cannot_be_completed(void **state)
{
    (void)state;
    static struct options options;
    char said[512] = "";
    struct error err = { 0 };
    const char *nothing[] = { "--seconds", "5", NULL }, *unknown[] = { "--use", "origin-a", "http://a/x", NULL };
    assert_int_equal(read_options(&options, said, sizeof said, nothing), 0);
    assert_true(plan_complete(&options.plan, NULL, &err) < 0);
    assert_int_equal(read_options(&options, said, sizeof said, unknown), 0);
    assert_true(plan_complete(&options.plan, NULL, &err) < 0);
    assert_string_equal(err.text, "no credentials \"origin-a\": give their file with --credentials");
}

static const char channel_text[] =
    "name = \"news\"; class = \"standard\";\n"
    "input_attachments = ( { input = \"studio\"; } );\n"
    "encodes = { video = ( { name = \"v1\"; codec = \"h264\"; width = 320; height = 180; bitrate = 300000; } ); };\n"
    "output_groups = ( { name = \"web\"; type = \"hls\"; hls = { segment_length = 2.0; };\n"
    "  destinations = ( { url = \"https://a/live/news\"; credentials = \"origin-a\"; }, { url = \"https://b/live/n\"; "
    "} "
    ");\n"
    "  outputs = ( { name_modifier = \"_1\"; video = \"v1\"; } ); },\n"
    "  { name = \"push\"; type = \"rtmp\"; destinations = ( { url = \"rtmp://c/live\"; stream = \"key\"; } );\n"
    "  outputs = ( { video = \"v1\"; } ); } );\n";

static void a_channel(void **state)
{
    (void)state;
    static struct plan plan;
    char path[] = "/tmp/origincheck-XXXXXX.cfg";
    int file = mkstemps(path, 4);
    assert_true(file >= 0);
    assert_int_equal(write(file, channel_text, sizeof channel_text - 1), sizeof channel_text - 1);
    close(file);
    assert_int_equal(plan_add_channel(&plan, path, stderr), 0);
    unlink(path);
    assert_int_equal(plan.places_count, 3);
    assert_string_equal(plan.places[2].address, "rtmp://c/live/key");
    assert_int_equal(plan.kinds[1], PLAN_RTMP);
    assert_string_equal(plan.groups[0].name, "web");
    assert_int_equal(plan.kinds[0], PLAN_HLS);
    assert_string_equal(plan.places[0].settings.credentials, "origin-a");
    assert_string_equal(plan.places[1].address, "https://b/live/n");
}

/* ---- several channels, and what their groups may hold ---- */
#define CHANNEL_BEGIN(name, more)                                                                                      \
    "name = \"" name "\"; class = \"standard\";" more "\n"                                                             \
    "input_attachments = ( { input = \"studio\"; } );\n"                                                               \
    "encodes = { video = ( { name = \"v1\"; codec = \"h264\"; width = 320; height = 180; bitrate = 300000; },\n"       \
    "  { name = \"still\"; codec = \"jpeg\"; width = 320; height = 180; capture_interval = 3; } ); };\n"
#define WEB(url)                                                                                                       \
    "output_groups = ( { name = \"web\"; type = \"hls\";\n"                                                            \
    "  destinations = ( { url = \"" url "\"; }, { url = \"https://b/live/n\"; } );\n"                                  \
    "  outputs = ( { name_modifier = \"_1\"; video = \"v1\"; } ); } );\n"

static int add_text(struct plan *plan, const char *text)
{
    char path[] = "/tmp/origincheck-XXXXXX.cfg";
    int file = mkstemps(path, 4);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    close(file);
    int result = plan_add_channel(plan, path, stderr);
    unlink(path);
    return result;
}

static void several_channels(void **state)
{
    (void)state;
    static struct plan plan, one;
    struct error err = { 0 };
    assert_int_equal(add_text(&plan, CHANNEL_BEGIN("news", "") WEB("https://a/live/news")), 0);
    assert_int_equal(add_text(&plan, CHANNEL_BEGIN("sport", "") WEB("https://a/live/sport")), 0);
    assert_int_equal(plan_add_group(&plan, "web", PLAN_HLS, &err), 0);
    assert_int_equal(plan_add_place(&plan, "https://c/x", &(struct plan_settings){ 0 }, &err), 0);
    assert_int_equal(plan_complete(&plan, NULL, &err), 0);
    assert_string_equal(plan.groups[0].name, "news/web");
    assert_string_equal(plan.groups[1].name, "sport/web");
    assert_string_equal(plan.groups[2].name, "web");
    assert_int_equal(add_text(&one, CHANNEL_BEGIN("news", "") WEB("https://a/live/news")), 0);
    assert_int_equal(plan_complete(&one, NULL, &err), 0);
    assert_string_equal(one.groups[0].name, "web");
}

static void whose_a_listed_address_is(void **state)
{
    (void)state;
    static struct plan plan;
    struct error err = { 0 };
    static const char *const addresses[] = { "https://a/news.m3u8", "https://a/news2.m3u8", "https://b/news.m3u8" };
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(plan_add_place(&plan, addresses[i], &(struct plan_settings){ 0 }, &err), 0);
    assert_int_equal(plan_complete(&plan, NULL, &err), 0);
    assert_true(plan_is_of(&plan, &plan.places[0], "https://a/news_v.m3u8"));
    assert_false(plan_is_of(&plan, &plan.places[0], "https://a/news2_v.m3u8"));
    assert_true(plan_is_of(&plan, &plan.places[1], "https://a/news2_v.m3u8"));
    assert_false(plan_is_of(&plan, &plan.places[1], "https://a/news_v.m3u8"));
    assert_false(plan_is_of(&plan, &plan.places[2], "https://a/news_v.m3u8"));
}

static void names_that_come_again(void **state)
{
    (void)state;
    static struct plan plan;
    static const char *const names[] = { "web", "web-2", "web", "web" };
    struct error err = { 0 };
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(plan_add_group(&plan, names[i], PLAN_HLS, &err), 0);
        assert_int_equal(plan_add_place(&plan, "https://c/x", &(struct plan_settings){ 0 }, &err), 0);
    }
    assert_int_equal(plan_complete(&plan, NULL, &err), 0);
    for (unsigned i = 0; i < 4; i++)
        for (unsigned k = 0; k < i; k++)
            assert_string_not_equal(plan.groups[i].name, plan.groups[k].name);
    assert_string_equal(plan.groups[0].name, "web");
}

static void the_time_of_the_start(void **state)
{
    (void)state;
    static struct plan plan;
    struct error err = { 0 };
    assert_int_equal(add_text(&plan, CHANNEL_BEGIN("news", "") WEB("https://a/$dt$/news")), 0);
    assert_true(plan_complete(&plan, NULL, &err) < 0);
    assert_non_null(strstr(err.text, "--read-at"));
    static struct plan read;
    assert_int_equal(add_text(&read, CHANNEL_BEGIN("news", "") WEB("https://a/$dt$/news")), 0);
    assert_int_equal(plan_add_replacement(&read, "https://a/$dt$/=https://a/20260101T000000/", &err), 0);
    assert_int_equal(plan_complete(&read, NULL, &err), 0);
    assert_string_equal(read.places[0].address, "https://a/20260101T000000/news.m3u8");
}

static const char packager_text[] = CHANNEL_BEGIN(
    "news",
    " framerate_numerator = 25;") "output_groups = ( { name = \"mp\"; type = \"mediapackage\"; mediapackage = { "
                                  "version = \"v2\"; };\n"
                                  "  destinations = ( { url = \"https://a/in/1/\"; }, { url = \"https://a/in/2/\"; },\n"
                                  "    { url = \"https://b/in/1/\"; }, { url = \"https://b/in/2/\"; } );\n"
                                  "  outputs = ( { video = \"v1\"; } ); },\n"
                                  "  { name = \"stills\"; type = \"frame_capture\";\n"
                                  "  destinations = ( { url = \"/srv/a/news\"; }, { url = \"/srv/b/news\"; } );\n"
                                  "  outputs = ( { name_modifier = \"_s\"; video = \"still\"; } ); } );\n";

static void fragments_and_pictures(void **state)
{
    (void)state;
    static struct plan plan;
    struct error err = { 0 };
    assert_int_equal(add_text(&plan, packager_text), 0);
    assert_int_equal(plan_add_replacement(&plan, "https://b/in/=https://b/out.m3u8?", &err), 0);
    assert_int_equal(plan_complete(&plan, NULL, &err), 0);
    assert_int_equal(plan.groups_count, 3);
    assert_int_equal(plan.kinds[0], PLAN_FRAGMENTS);
    assert_string_equal(plan.groups[1].name, "mp-additional");
    assert_int_equal(plan.groups[1].copies, 2);
    assert_int_equal(plan.kinds[1], PLAN_HLS); /* what the packager makes of them */
    assert_int_equal((int)plan.groups[2].interval_s, 3);
    assert_string_equal(plan.places[1].address, "https://a/in/2/");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_and_their_copies),
        cmocka_unit_test(read_at),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(what_cannot_be_completed),
        cmocka_unit_test(a_channel),
        cmocka_unit_test(several_channels),
        cmocka_unit_test(whose_a_listed_address_is),
        cmocka_unit_test(names_that_come_again),
        cmocka_unit_test(the_time_of_the_start),
        cmocka_unit_test(fragments_and_pictures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
