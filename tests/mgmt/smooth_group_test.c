/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/smooth_group.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "mgmt/smooth_event.h"
#include "mgmt/smooth_prelude.h"

static void test_urls(void **state)
{
    (void)state;
    char url[SMOOTH_URL_BYTES];
    smooth_stream_url(url, "http://point/ch1.isml", "1767225600", "stream0");
    assert_string_equal(url, "http://point/ch1.isml/Events(1767225600)/Streams(stream0)");
    smooth_stream_url(url, "http://point/ch1.isml", "", "stream3");
    assert_string_equal(url, "http://point/ch1.isml/Streams(stream3)");
    const struct output_group group = { .outputs_count = 2 };
    char name[SMOOTH_STREAM_NAME_BYTES];
    smooth_stream_name(name, &group, 1);
    assert_string_equal(name, "stream1");
    smooth_stream_name(name, &group, 2);
    assert_string_equal(name, "scte35");
}

static void test_stream_manifest(void **state)
{
    (void)state;
    char text[SMOOTH_MANIFEST_BYTES];
    struct output_group group = { .outputs_count = 2 };
    smooth_stream_manifest(text, "e1", &group);
    assert_string_equal(text, "<?xml version=\"1.0\" encoding=\"utf-8\"?>"
                              "<smil xmlns=\"http://www.w3.org/2001/SMIL20/Language\"><body><par>"
                              "<ref src=\"Events(e1)/Streams(stream0)\"/><ref src=\"Events(e1)/Streams(stream1)\"/>"
                              "</par></body></smil>");
    group.outputs_count = 1;
    smooth_stream_manifest(text, "", &group);
    assert_non_null(strstr(text, "<par><ref src=\"Streams(stream0)\"/></par>"));
    group.smooth.sparse_track_type = SMOOTH_SPARSE_TRACK_SCTE_35;
    smooth_stream_manifest(text, "", &group);
    assert_non_null(strstr(text, "<ref src=\"Streams(stream0)\"/><ref src=\"Streams(scte35)\"/></par>"));
    group.outputs_count = OUTPUT_GROUP_OUTPUTS_MAX;
    smooth_stream_manifest(text, "an-event-id-of-the-longest-kind-that-a-configuration-may-hold..", &group);
    assert_non_null(strstr(text, "</smil>"));
}

static void test_dates(void **state)
{
    (void)state;
    uint64_t ticks = 1;
    assert_int_equal(smooth_date_90k("1970-01-01T00:00:00Z", &ticks), 0);
    assert_int_equal(ticks, 0);
    assert_int_equal(smooth_date_90k("2026-01-01T00:00:00.000Z", &ticks), 0);
    assert_true(ticks == UINT64_C(1767225600) * 90000);
    assert_int_equal(smooth_date_90k("2026-01-01T00:00:01.25Z", &ticks), 0);
    assert_true(ticks == UINT64_C(1767225601) * 90000 + 22500);
    static const char *const wrong[] = { "",
                                         "2026-01-01",
                                         "2026-01-01T00:00:00",
                                         "2026-02-30T00:00:00Z",
                                         "1969-12-31T23:59:59Z",
                                         "2026-01-01T00:00:00.Z",
                                         "2026-01-01T00:00:00.0001Z",
                                         "2026-01-01T00:00:00Zx",
                                         "9026-01-01T00:00:00Z" };
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(smooth_date_90k(wrong[i], &ticks), -EINVAL);
}

/* ---- checks ---- */
static const char group_text[] = "name = \"s\"; type = \"smooth\"; %s"
                                 "destinations = ( { url = \"http://point/ch1.isml\"; } );"
                                 "outputs = ( { name_modifier = \"_a\"; video = \"v\"; audio = [ \"a\" ]; } );";

static struct problems *problems_of(const char *more, struct output_group *group)
{
    char text[2048];
    struct problems *problems = problems_create();
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof text, group_text, more);
#pragma GCC diagnostic pop
    if (settings_read_text(&output_group_settings, "group", text, group, problems) == 0) {
        output_group_complete(group);
        output_group_check(group, 1, problems);
    }
    return problems;
}

static void assert_problem(const char *more, const char *part)
{
    struct output_group *group = calloc(1, sizeof *group);
    struct problems *problems = problems_of(more, group);
    assert_int_equal(problems_count(problems), part ? 1 : 0);
    if (part && !strstr(problems_text(problems, 0), part))
        fail_msg("%s", problems_text(problems, 0));
    problems_destroy(problems);
    free(group);
}

static void test_what_is_refused_when_it_is_read(void **state)
{
    (void)state;
    assert_problem("", NULL);
    assert_problem("smooth = { event_id_mode = \"use_configured\"; event_id = \"final-1\"; };", NULL);
    assert_problem("smooth = { event_id_mode = \"use_configured\"; };", "needs an event_id");
    assert_problem("smooth = { event_id = \"x\"; };", "only used with event_id_mode");
    assert_problem("smooth = { event_id_mode = \"use_configured\"; event_id = \"a)b\"; };", "only letters");
    assert_problem("smooth = { fragment_length = 0.5; };", "fragment_length");
    assert_problem("smooth = { send_delay_ms = 10001; };", "send_delay_ms");
    assert_problem("smooth = { timestamp_offset_mode = \"use_configured_offset\"; timestamp_offset = \"today\"; };",
                   "want a date");
    assert_problem("smooth = { timestamp_offset = \"2026-01-01T00:00:00Z\"; };",
                   "only used with timestamp_offset_mode");
    assert_problem("connection = { filecache_duration = 1; };", "shorter than one fragment");
    assert_problem("connection = { filecache_duration = 0; };", NULL);
    assert_problem("smooth = { sparse_track_type = \"scte_35\"; };", NULL);
    assert_problem("smooth = { sparse_track_type = \"scte_104\"; };", "sparse_track_type");
}

static void test_outputs(void **state)
{
    (void)state;
    struct output_group group = { .name = "s", .type = OUTPUT_GROUP_SMOOTH, .outputs_count = 2 };
    struct problems *problems = problems_create();
    group.smooth.fragment_length = 2;
    group.smooth.event_id_mode = SMOOTH_EVENT_ID_TIMESTAMP;
    snprintf(group.outputs[0].name, sizeof group.outputs[0].name, "one");
    snprintf(group.outputs[1].name, sizeof group.outputs[1].name, "two");
    snprintf(group.outputs[1].audio[0], sizeof group.outputs[1].audio[0], "video");
    group.outputs[1].audio_count = 1;
    smooth_group_class.check(&group, problems);
    assert_int_equal(problems_count(problems), 4); /* two without modifier, a track called video, no video at all */
    snprintf(group.outputs[0].name, sizeof group.outputs[0].name, "scte35");
    snprintf(group.outputs[0].audio[0], sizeof group.outputs[0].audio[0], "scte35");
    group.outputs[0].audio_count = 1;
    smooth_group_class.check(&group, problems);
    assert_int_equal(problems_count(problems), 8); /* these are names like others */
    group.smooth.sparse_track_type = SMOOTH_SPARSE_TRACK_SCTE_35;
    smooth_group_class.check(&group, problems);
    assert_int_equal(problems_count(problems), 14); /* if there is no such stream */
    problems_destroy(problems);
}

static void test_what_the_encode_process_is_told(void **state)
{
    (void)state;
    struct output_group *group = calloc(1, sizeof *group);
    struct encode_output made = { 0 };
    problems_destroy(problems_of("smooth = { fragment_length = 4.0; input_loss_action = \"pause_output\"; "
                                 "timestamp_offset_mode = \"use_configured_offset\"; "
                                 "timestamp_offset = \"1970-01-01T00:00:02Z\"; };",
                                 group));
    smooth_group_class.encode(group, &group->outputs[0], &made);
    assert_int_equal(made.package, PACKAGE_SMOOTH);
    assert_true(made.segment_length == 4);
    assert_int_equal(made.input_loss_action, INPUT_LOSS_PAUSE_OUTPUT);
    assert_int_equal(made.time_origin, 180000);
    assert_int_equal(made.splice_cut, SPLICE_CUT_NONE);
    assert_ptr_equal(smooth_group_class.segment_length(group), &group->smooth.fragment_length);
    struct encode_sparse sparse = { 0 };
    assert_false(smooth_group_class.sparse(group, &sparse));
    group->smooth.sparse_track_type = SMOOTH_SPARSE_TRACK_SCTE_35;
    smooth_group_class.encode(group, &group->outputs[0], &made);
    assert_int_equal(made.splice_cut, SPLICE_CUT_FRAGMENT);
    group->smooth.sparse_track_type = SMOOTH_SPARSE_TRACK_SCTE_35_WITHOUT_SEGMENTATION;
    smooth_group_class.encode(group, &group->outputs[0], &made);
    assert_int_equal(made.splice_cut, SPLICE_CUT_KEY);
    assert_true(smooth_group_class.sparse(group, &sparse));
    assert_string_equal(sparse.name, "scte35");
    assert_true(sparse.fragment_length == 4);
    assert_int_equal(sparse.time_origin, 180000);
    free(group);
}

/* ---- event ids ---- */
static void test_event_ids_live_as_long_as_the_run(void **state)
{
    (void)state;
    char spool[] = "/tmp/biplane-smooth-XXXXXX", event[SMOOTH_EVENT_BYTES], path[128];
    assert_non_null(mkdtemp(spool));
    smooth_event_begin(event, spool, "news", "s", 0, 1000, NULL);
    assert_string_equal(event, "1000");
    smooth_event_begin(event, spool, "news", "s", 1, 1002, NULL); /* its twin */
    assert_string_equal(event, "1000");
    smooth_event_begin(event, spool, "news", "s", 0, 1100, NULL); /* the management plane was restarted */
    assert_string_equal(event, "1000");
    smooth_event_end(spool, "news", "s", 0, NULL);
    smooth_event_begin(event, spool, "news", "s", 0, 1200, NULL); /* this pipeline alone was */
    assert_string_equal(event, "1000");
    smooth_event_end(spool, "news", "s", 0, NULL);
    smooth_event_end(spool, "news", "s", 1, NULL);
    smooth_event_begin(event, spool, "news", "s", 1, 1300, NULL); /* another run */
    assert_string_equal(event, "1300");
    smooth_event_begin(event, spool, "news", "other", 1, 1301, NULL);
    assert_string_equal(event, "1301");
    for (unsigned i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/news.%s.event.json", spool, i ? "other" : "s");
        unlink(path);
    }
    assert_int_equal(rmdir(spool), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_stream_manifest),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_what_is_refused_when_it_is_read),
        cmocka_unit_test(test_outputs),
        cmocka_unit_test(test_what_the_encode_process_is_told),
        cmocka_unit_test(test_event_ids_live_as_long_as_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
