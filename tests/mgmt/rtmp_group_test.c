/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_group_test.c - what a group of type "rtmp" may be, and what becomes of it in an encode job. */
#include "mgmt/rtmp_group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "mgmt/channel.h"
#include "mgmt/rtmp_client.h"

static struct output_group good_group(void)
{
    struct output_group group;
    settings_defaults(&output_group_settings, &group);
    strcpy(group.name, "push");
    group.type = OUTPUT_GROUP_RTMP;
    group.destinations_count = 1;
    settings_defaults(&destination_settings, &group.destinations[0]);
    strcpy(group.destinations[0].url, "rtmp://live.example.com/app");
    strcpy(group.destinations[0].stream, "news_1");
    group.outputs_count = 1;
    settings_defaults(&output_settings, &group.outputs[0]);
    strcpy(group.outputs[0].name, "main");
    strcpy(group.outputs[0].video, "v720");
    strcpy(group.outputs[0].audio[0], "a128");
    group.outputs[0].audio_count = 1;
    output_group_complete(&group);
    return group;
}

static void check(const struct output_group *group, const char *words)
{
    struct problems *problems = problems_create();
    output_group_check(group, 1, problems);
    assert_int_equal(problems_count(problems), words ? 1 : 0);
    if (words && !strstr(problems_text(problems, 0), words))
        fail_msg("%s", problems_text(problems, 0));
    problems_destroy(problems);
}

static void test_good(void **state)
{
    (void)state;
    struct output_group group = good_group();
    check(&group, NULL);
    assert_true(group.rtmp.cache_length == 30 && group.rtmp.restart_delay == 15 &&
                group.rtmp.connection_retry_interval == 2 && group.rtmp.num_retries == 10);
    strcpy(group.destinations[0].url, "rtmps://live.example.com:443/app/instance?token=1");
    group.outputs[0].audio_count = 0;
    check(&group, NULL);
}

static void test_refused(void **state)
{
    (void)state;
    struct output_group group = good_group();
    strcpy(group.destinations[0].url, "http://live.example.com/app");
    check(&group, "rtmp://");
    group = good_group();
    group.destinations[0].stream[0] = '\0';
    check(&group, "stream of its destination is missing");
    group = good_group();
    group.outputs[0].video[0] = '\0';
    check(&group, "one video");
    group = good_group();
    strcpy(group.outputs[0].audio[1], "a64");
    group.outputs[0].audio_count = 2;
    check(&group, "at most one audio");
    group = good_group();
    strcpy(group.outputs[0].name_modifier, "_x");
    check(&group, "no files");
    group = good_group();
    group.rtmp.authentication_scheme = RTMP_AUTHENTICATION_AKAMAI;
    check(&group, "needs credentials");
    group = good_group();
    strcpy(group.destinations[0].url, "rtmps://live.example.com/app");
    strcpy(group.destinations[0].certificate_authority, "/etc/passwd"); /* there, and readable */
    check(&group, NULL);
    group = good_group();
    group.outputs[1] = group.outputs[0];
    strcpy(group.outputs[1].name, "second");
    group.outputs_count = 2;
    check(&group, "one output");
}

static void test_encode_job(void **state)
{
    (void)state;
    struct output_group group = good_group();
    struct encode_output made = { 0 };
    group.rtmp.input_loss_action = INPUT_LOSS_PAUSE_OUTPUT;
    rtmp_group_class.encode(&group, &group.outputs[0], &made);
    assert_int_equal(made.package, PACKAGE_FLV);
    assert_true(made.segment_length == 0.2);
    assert_int_equal(made.input_loss_action, INPUT_LOSS_PAUSE_OUTPUT);
    assert_null(rtmp_group_class.segment_length(&group)); /* it takes the video's GOPs as they are */
}

static void test_two_channels_to_one_stream(void **state)
{
    (void)state;
    static struct channel one, two;
    const struct channel *channels[] = { &one, &two };
    strcpy(one.name, "one");
    strcpy(two.name, "two");
    one.output_groups_count = two.output_groups_count = 1;
    one.output_groups[0] = two.output_groups[0] = good_group();
    struct problems *problems = problems_create();
    channels_check_destinations(channels, 2, problems);
    assert_int_equal(problems_count(problems), 1);
    problems_destroy(problems);
    problems = problems_create();
    strcpy(two.output_groups[0].destinations[0].stream, "news_2");
    channels_check_destinations(channels, 2, problems);
    assert_int_equal(problems_count(problems), 0);
    problems_destroy(problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_encode_job),
        cmocka_unit_test(test_two_channels_to_one_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
