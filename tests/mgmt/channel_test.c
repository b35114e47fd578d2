/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mgmt/configuration.h"
#include "mgmt/credentials.h"
#include "tests/mgmt/configuration_fixture.h"

static struct channel channel;

static void read_channel(const char *text)
{
    struct problems *problems = problems_create();
    int result = settings_read_text(&channel_settings, "news.cfg", text, &channel, problems);
    problems_print(problems, stderr);
    assert_int_equal(result, 0);
    channel_complete(&channel, "/etc/biplane");
    problems_destroy(problems);
}

static void the_job_is_what_the_channel_says(void **state)
{
    (void)state;
    static struct encode_job job;
    read_channel(fixture_channel);
    assert_int_equal(channel_pipelines(&channel), 2);
    channel_encode_job(&channel, 1, &job);
    assert_string_equal(job.channel, "news");
    assert_int_equal(job.pipeline, 1);
    assert_string_equal(job.input, "news-rtp");
    assert_int_equal(job.videos_count, 2);
    assert_int_equal(job.videos[1].width, 640);
    assert_int_equal(job.audios_count, 1);
    assert_string_equal(job.audio_selectors[0].language, "eng");
    assert_int_equal(job.outputs_count, 2);
    assert_string_equal(job.outputs[1].group, "web");
    assert_string_equal(job.outputs[1].name, "360p");
    assert_string_equal(job.outputs[1].video, "v360");
    assert_string_equal(job.outputs[1].audios[0], "a128");
    assert_float_equal(job.outputs[1].segment_length, 2.0, 0);
    assert_int_equal(job.unacknowledged_megabytes, 256); /* a default of the job's own table */
}

/* One group hands messages on: the other is cut too, or only it, as the channel says. */
static void which_groups_are_cut_at_avails(void **state)
{
    (void)state;
    static const char head[] = "name = \"n\"; input_attachments = ( { input = \"i\"; } ); encodes = { };\n";
    static const char groups[] =
        "output_groups = ( { name = \"g\"; destinations = ( { url = \"http://h/p\"; } ); outputs = ( { } ); },\n"
        " { name = \"h\"; hls = { min_segment_length = 2; %s }; destinations = ( { url = \"http://h/q\"; } );\n"
        "   outputs = ( { } ); },\n"
        " { name = \"c\"; type = \"cmaf_ingest\"; destinations = ( { url = \"http://h/c/\"; } ); outputs = ( { } ); } "
        ");";
    static const struct {
        const char *channel, *group;
        bool first, second;
    } cases[] = {
        { "", "", false, false },
        { "", "ad_markers = [ \"elemental\" ];", true, true },
        { "", "transport_stream = { scte35 = \"passthrough\"; };", true, true },
        { "avail_configuration = { scte35_segmentation_scope = \"scte35_enabled_output_groups\"; };",
          "ad_markers = [ \"adobe\" ];", false, true },
    };
    static struct encode_job job;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[2048], more[1024];
        snprintf(more, sizeof more, groups, cases[i].group);
        snprintf(text, sizeof text, "%s%s%s", head, cases[i].channel, more);
        read_channel(text);
        channel_encode_job(&channel, 0, &job);
        assert_int_equal(job.outputs[0].splice_cut, cases[i].first ? SPLICE_CUT_SEGMENT : SPLICE_CUT_NONE);
        assert_int_equal(job.outputs[1].splice_cut, cases[i].second ? SPLICE_CUT_SEGMENT : SPLICE_CUT_NONE);
        assert_int_equal(job.outputs[2].splice_cut, SPLICE_CUT_NONE);
        assert_float_equal(job.outputs[1].min_segment_length, 2, 0);
    }
    assert_int_equal(job.avails.scte35_segmentation_scope, AVAIL_SCOPE_SCTE35_ENABLED_OUTPUT_GROUPS);
}

static void a_job_survives_its_file(void **state)
{
    (void)state;
    static struct encode_job job, again;
    struct problems *problems = problems_create();
    read_channel(fixture_channel);
    channel_encode_job(&channel, 0, &job);
    char *text = configuration_text(&encode_job_settings, &job);
    assert_int_equal(settings_read_text(&encode_job_settings, "job", text, &again, problems), 0);
    char *text_again = configuration_text(&encode_job_settings, &again);
    assert_string_equal(text, text_again);
    assert_null(strstr(text, "127.0.0.1")); /* nothing of destinations is in it */
    free(text);
    free(text_again);
    problems_destroy(problems);
}

static void relative_paths_are_of_the_configuration_folder(void **state)
{
    (void)state;
    char *text = fixture_replace(fixture_channel, "color = \"102040\"", "slate = \"slates/off.png\"");
    read_channel(text);
    assert_string_equal(channel.input_loss.slate, "/etc/biplane/slates/off.png");
    free(text);
}

static void the_fields_defaults_are_kept(void **state)
{
    (void)state;
    static const char small[] =
        "name = \"n\"; input_attachments = ( { input = \"i\"; } ); encodes = { };\n"
        "output_groups = ( { name = \"g\"; destinations = ( { url = \"http://h/p\"; } ); outputs = ( { } ); } );";
    read_channel(small);
    const struct output_group *group = &channel.output_groups[0];
    assert_int_equal(channel.channel_class, CHANNEL_STANDARD);
    assert_float_equal(group->hls.segment_length, 10, 0);
    assert_int_equal(group->hls.index_n_segments, 10);
    assert_int_equal(group->hls.keep_segments, 21);
    assert_int_equal(group->connection.num_retries, 10);
    assert_float_equal(group->connection.connection_retry_interval, 1, 0);
    assert_int_equal(group->connection.filecache_duration, 300);
    assert_float_equal(group->connection.restart_delay, 15, 0);
    assert_int_equal(channel.input_loss.repeat_frame_msec, 1000);
    assert_string_equal(group->outputs[0].name, "output-0");
}

/* The examples of the documentation, with their credentials as a user would copy them. */
static void the_examples_have_no_problems(void **state)
{
    (void)state;
    struct configuration_fixture fixture;
    struct configuration *configuration = NULL;
    struct problems *problems = problems_create();
    char command[512];
    fixture_create(&fixture);
    snprintf(command, sizeof command,
             "cp docs/examples/box.cfg %s && cp docs/examples/channels.d/* %s/channels.d/ && "
             "install -m 600 docs/examples/credentials.cfg.example %s/credentials.cfg",
             fixture.directory, fixture.directory, fixture.directory);
    assert_int_equal(system(command), 0);
    int result = configuration_read(&configuration, fixture.directory, "board/boards", problems);
    problems_print(problems, stderr);
    assert_int_equal(result, 0);
    assert_int_equal(configuration->channels_count, 1);
    assert_true(configuration_channel(configuration, "news")->start);
    assert_non_null(credentials_find(configuration->credentials, "origin-b"));
    configuration_destroy(configuration);
    problems_destroy(problems);
    fixture_destroy(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_job_is_what_the_channel_says),
        cmocka_unit_test(which_groups_are_cut_at_avails),
        cmocka_unit_test(a_job_survives_its_file),
        cmocka_unit_test(relative_paths_are_of_the_configuration_folder),
        cmocka_unit_test(the_fields_defaults_are_kept),
        cmocka_unit_test(the_examples_have_no_problems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
