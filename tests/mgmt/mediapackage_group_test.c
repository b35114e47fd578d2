/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mediapackage_group_test.c - what a group for MediaPackage becomes, and that a whole channel with it is accepted. */
#include "mgmt/mediapackage_group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mgmt/configuration.h"
#include "tests/mgmt/configuration_fixture.h"

static const char v1[] =
    "output_groups = ( { name = \"mp\"; type = \"mediapackage\"; hls = { segment_length = 6; keep_segments = 30; };\n"
    "  destinations = ( { url = \"https://a.example/in/1/channel\"; credentials = \"origin\"; },\n"
    "                   { url = \"https://b.example/in/2/channel\"; credentials = \"origin\"; } );\n"
    "  outputs = ( { name_modifier = \"_720\"; video = \"v720\"; audio = [ \"a128\" ]; },\n"
    "              { name_modifier = \"_360\"; video = \"v360\"; audio = [ \"a128\" ]; } ); } );\n";
static const char v2[] =
    "output_groups = ( { name = \"mp\"; type = \"mediapackage\"; mediapackage = { version = \"v2\"; };\n"
    "  cmaf_ingest = { segment_length = 4000; segment_length_units = \"milliseconds\"; };\n"
    "  destinations = ( { url = \"https://a.example/in/v1/group/1/channel/\"; },\n"
    "                   { url = \"https://b.example/in/v1/group/2/channel/\"; } );\n"
    "  outputs = ( { name_modifier = \"v720\"; video = \"v720\"; }, { name_modifier = \"v360+x\"; video = \"v360\"; "
    "},\n"
    "              { name_modifier = \"audio\"; audio = [ \"a128\" ]; } ); } );\n";

static struct configuration *read_with(const struct configuration_fixture *fixture, const char *groups)
{
    struct configuration *configuration = NULL;
    char text[8192];
    size_t head = (size_t)(strstr(fixture_channel, "output_groups") - fixture_channel);
    snprintf(text, sizeof text, "framerate_numerator = 25;\n%.*s%s", (int)head, fixture_channel, groups);
    fixture_write(fixture, "channels.d/news.cfg", text, 0644);
    fixture_write(fixture, "credentials.cfg",
                  "credentials = ( { name = \"origin\"; user = \"u\"; password = \"p\"; scheme = \"digest\"; } );\n",
                  0600);
    struct problems *problems = problems_create();
    configuration_read(&configuration, fixture->directory, "board/boards", problems);
    problems_print(problems, stderr);
    assert_int_equal(problems_count(problems), 0);
    problems_destroy(problems);
    return configuration;
}

static void v1_is_hls_with_what_is_imposed(void **state)
{
    const struct configuration_fixture *fixture = *state;
    struct configuration *configuration = read_with(fixture, v1);
    const struct output_group *group = &configuration->channels[0]->output_groups[0];
    static struct encode_job job;
    assert_int_equal(group->connection.cdn, CDN_WEBDAV);
    assert_int_equal(group->hls.input_loss_action, INPUT_LOSS_PAUSE_OUTPUT);
    assert_true(group->hls.program_date_time);
    assert_int_equal(group->hls.program_date_time_period, 1);
    assert_int_equal(group->hls.keep_segments, 30);
    channel_encode_job(configuration->channels[0], 0, &job);
    assert_int_equal(job.outputs[0].package, PACKAGE_HLS_TS);
    assert_int_equal(job.outputs[0].transport_stream.pat_interval, 0);
    assert_int_equal(job.outputs[0].transport_stream.scte35, SCTE35_PASSTHROUGH);
    assert_int_equal(job.outputs[0].splice_cut, SPLICE_CUT_SEGMENT);
    assert_int_equal(hls_markers(&group->hls), HLS_MARKER_ELEMENTAL_SCTE35);
    assert_int_equal(job.outputs[0].input_loss_action, INPUT_LOSS_PAUSE_OUTPUT);
    assert_float_equal(job.outputs[0].segment_length, 6, 0);
    configuration_destroy(configuration);
}

static void v2_is_cmaf_ingest(void **state)
{
    const struct configuration_fixture *fixture = *state;
    struct configuration *configuration = read_with(fixture, v2);
    static struct encode_job job;
    channel_encode_job(configuration->channels[0], 1, &job);
    assert_int_equal(job.outputs_count, 3);
    assert_int_equal(job.outputs[2].package, PACKAGE_FMP4);
    assert_float_equal(job.outputs[2].segment_length, 4, 0);
    assert_int_equal(job.outputs[2].input_loss_action, INPUT_LOSS_PAUSE_OUTPUT);
    configuration_destroy(configuration);
}

static int set_up(void **state)
{
    static struct configuration_fixture fixture;
    fixture_create(&fixture);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v1_is_hls_with_what_is_imposed),
        cmocka_unit_test(v2_is_cmaf_ingest),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
