/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "mgmt/channel.h"

static struct output_group good_group(const char *url)
{
    struct output_group group;
    settings_defaults(&output_group_settings, &group);
    strcpy(group.name, "web");
    group.destinations_count = 1;
    snprintf(group.destinations[0].url, sizeof group.destinations[0].url, "%s", url);
    group.outputs_count = 2;
    settings_defaults(&output_settings, &group.outputs[0]);
    settings_defaults(&output_settings, &group.outputs[1]);
    strcpy(group.outputs[0].name_modifier, "_720p");
    strcpy(group.outputs[0].video, "v720");
    strcpy(group.outputs[1].name_modifier, "_360p");
    strcpy(group.outputs[1].video, "v360");
    output_group_complete(&group);
    return group;
}

static unsigned count_problems(const struct output_group *group)
{
    struct problems *problems = problems_create();
    output_group_check(group, 1, problems);
    unsigned count = problems_count(problems);
    problems_destroy(problems);
    return count;
}

static void urls(void **state)
{
    (void)state;
    static const char *const good[] = {
        "http://h/p",         "https://origin.example:8443/live/news", "http://[fd00::1]:80/a/b",
        "http://[fd00::1]/a", "http://10.0.0.1/live.d/x-1_2~3",        "http://h/a@b"
    };
    static const char *const bad[] = { "h/p",           "HTTP",          "https://",     "http://:80/p",
                                       "http://h",      "http://h/",     "http://h/p/",  "http://h:0/p",
                                       "http://h:/p",   "http://h:8a/p", "http://u@h/p", "http://u:p@h/p",
                                       "http://h/p q",  "http://h/p?x",  "http://h/p#x", "http://h/../p",
                                       "http://h/p/..", "http://h/./p",  "http://h/\"p", "s3://h/p",
                                       "http://h/p\x01" };
    for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
        struct output_group group = good_group(good[i]);
        if (count_problems(&group) != 0)
            fail_msg("%s was refused", good[i]);
    }
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct output_group group = good_group(bad[i]);
        if (count_problems(&group) != 1)
            fail_msg("%s was not refused once", bad[i]);
    }
}

static void outputs_without_a_name_are_named_after_their_modifier(void **state)
{
    (void)state;
    struct output_group group = good_group("http://h/p");
    assert_string_equal(group.outputs[0].name, "720p");
    group.outputs[0].name[0] = '\0';
    strcpy(group.outputs[0].name_modifier, "__");
    strcpy(group.outputs[1].name, "mine");
    output_group_complete(&group);
    assert_string_equal(group.outputs[0].name, "output-0");
    assert_string_equal(group.outputs[1].name, "mine");
}

static void modifiers_that_make_the_same_segment_names_are_refused(void **state)
{
    (void)state;
    struct output_group group = good_group("http://h/p");
    strcpy(group.outputs[0].name_modifier, "_a");
    strcpy(group.outputs[0].segment_modifier, "b");
    strcpy(group.outputs[1].name_modifier, "_ab");
    assert_int_equal(count_problems(&group), 1);
    strcpy(group.outputs[1].segment_modifier, "c");
    assert_int_equal(count_problems(&group), 0);
}

static void vod_may_keep_as_few_as_it_likes(void **state)
{
    (void)state;
    struct output_group group = good_group("http://h/p");
    group.hls.keep_segments = 4;
    assert_int_equal(count_problems(&group), 1);
    group.hls.mode = HLS_MODE_VOD;
    assert_int_equal(count_problems(&group), 0);
}

static unsigned count_shared(const struct channel *a, const struct channel *b)
{
    struct problems *problems = problems_create();
    channels_check_destinations((const struct channel *const[]){ a, NULL, b }, 3, problems);
    unsigned count = problems_count(problems);
    problems_destroy(problems);
    return count;
}

static void files_of_all_channels_are_compared(void **state)
{
    (void)state;
    static struct channel a, b;
    a.output_groups_count = b.output_groups_count = 1;
    a.output_groups[0] = good_group("http://h/news");
    b.output_groups[0] = good_group("http://h/sport");
    assert_int_equal(count_shared(&a, &b), 0);
    b.output_groups[0] = good_group("http://h/news");
    assert_int_equal(count_shared(&a, &b), 1);
    b.output_groups[0] = good_group("http://h/news_720p"); /* its master is the other's playlist */
    assert_int_equal(count_shared(&a, &b), 1);
    b.output_groups[0] = good_group("https://h/news");
    assert_int_equal(count_shared(&a, &b), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls),
        cmocka_unit_test(outputs_without_a_name_are_named_after_their_modifier),
        cmocka_unit_test(modifiers_that_make_the_same_segment_names_are_refused),
        cmocka_unit_test(vod_may_keep_as_few_as_it_likes),
        cmocka_unit_test(files_of_all_channels_are_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
