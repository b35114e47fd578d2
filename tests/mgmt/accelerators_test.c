/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accelerators_test.c - what no accelerator of the machine encodes is a problem with its line; a program that does not
 * tell is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mgmt/accelerators.h"
#include "mgmt/configuration.h"
#include "tests/mgmt/configuration_fixture.h"

static const char software[] =
    "{\"accelerators\": [{\"name\": \"soft\", \"hardware\": false, \"encoders\": ["
    "{\"codec\": \"h264\", \"bit_depth\": 8, \"width_min\": 16, \"width_max\": 4096, \"height_min\": 16,"
    " \"height_max\": 4096}]}]}";
static const char small_gpu[] =
    "{\"accelerators\": [{\"name\": \"tiny\", \"hardware\": true, \"encoders\": ["
    "{\"codec\": \"h264\", \"bit_depth\": 8, \"width_min\": 16, \"width_max\": 320, \"height_min\": 16,"
    " \"height_max\": 240}, {\"codec\": \"hevc\", \"bit_depth\": 10}]}]}";

static const char deep[] = "{\"accelerators\": [{\"name\": \"deep\", \"hardware\": false, \"encoders\": ["
                           "{\"codec\": \"h264\", \"bit_depth\": 10}]}]}";

struct desk {
    struct configuration_fixture fixture;
    struct problems *problems;
    struct configuration *configuration;
};

static int set_up(void **state)
{
    struct desk *desk = calloc(1, sizeof *desk);
    fixture_create(&desk->fixture);
    *state = desk;
    return 0;
}

static int tear_down(void **state)
{
    struct desk *desk = *state;
    fixture_destroy(&desk->fixture);
    free(desk);
    return 0;
}

/* The channel with this text in the place of another; returns the number of problems and keeps them. */
static unsigned check(struct desk *desk, const char *accelerators, const char *from, const char *to,
                      const struct configuration *before)
{
    char *text = fixture_replace(fixture_channel, from, to);
    json_t *json = json_loads(accelerators, 0, NULL);
    fixture_write(&desk->fixture, "channels.d/news.cfg", text, 0644);
    free(text);
    desk->problems = problems_create();
    assert_int_equal(configuration_read(&desk->configuration, desk->fixture.directory, "board/boards", desk->problems),
                     0);
    accelerators_check(json, desk->configuration, before, desk->problems);
    json_decref(json);
    return problems_count(desk->problems);
}

static void forget(struct desk *desk)
{
    configuration_destroy(desk->configuration);
    problems_destroy(desk->problems);
}

static void what_can_be_encoded_is_no_problem(void **state)
{
    struct desk *desk = *state;
    assert_int_equal(check(desk, software, "news", "news", NULL), 0);
    forget(desk);
    assert_int_equal(check(desk, "{\"accelerators\": []}", "news", "news", NULL), 0); /* not known */
    forget(desk);
}

static void what_cannot_is_one_with_its_line_and_reason(void **state)
{
    struct desk *desk = *state;
    const char *file;
    unsigned line;
    assert_true(check(desk, small_gpu, "news", "news", NULL) >= 1);
    const char *message = problems_place(desk->problems, 0, &file, &line);
    assert_non_null(strstr(file, "channels.d/news.cfg"));
    assert_true(line > 1);
    assert_non_null(strstr(message, "no accelerator of this machine encodes h264 of 8 bits in 1280x720"));
    assert_non_null(strstr(message, "tiny: 16x16 to 320x240"));
    forget(desk);
    assert_true(check(desk, deep, "news", "news", NULL) >= 1);
    assert_non_null(strstr(problems_text(desk->problems, 0), "deep: not h264 of this bit depth"));
    forget(desk);
    assert_true(check(desk, software, "input_attachments", "accelerator = \"hardware\";\ninput_attachments", NULL) >=
                1);
    assert_non_null(strstr(problems_text(desk->problems, 0), "there is no hardware"));
    forget(desk);
    assert_true(check(desk, software, "input_attachments", "encoder = \"vaapi\";\ninput_attachments", NULL) >= 1);
    assert_non_null(strstr(problems_text(desk->problems, 0), "there is no VA-API driver of a GPU"));
    forget(desk);
}

static void a_channel_that_did_not_change_is_left_alone(void **state)
{
    struct desk *desk = *state;
    assert_int_equal(check(desk, software, "news", "news", NULL), 0);
    struct configuration *before = desk->configuration;
    problems_destroy(desk->problems);
    assert_int_equal(check(desk, small_gpu, "news", "news", before), 0);
    forget(desk);
    assert_true(check(desk, small_gpu, "width = 640", "width = 642", before) >= 1);
    forget(desk);
    configuration_destroy(before);
}

static json_t *ask(const struct desk *desk, const char *script)
{
    fixture_write(&desk->fixture, "biplane-encode", script, 0755);
    return accelerators_ask(desk->fixture.directory, "/usr/lib/somewhere");
}

static void the_program_is_asked(void **state)
{
    struct desk *desk = *state;
    json_t *json = ask(desk, "#!/bin/sh\n[ \"$*\" = \"--accelerators --runtime /usr/lib/somewhere\" ] || exit 1\n"
                             "echo '{\"accelerators\": [{\"name\": \"one\"}]}'\n");
    assert_int_equal(json_array_size(json_object_get(json, "accelerators")), 1);
    json_decref(json);
    assert_null(ask(desk, "#!/bin/sh\necho nonsense\n"));
    assert_null(ask(desk, "#!/bin/sh\nkill -11 $$\n"));
    assert_null(ask(desk, "#!/bin/sh\necho '{\"accelerators\": 7}'\n"));
    assert_null(accelerators_ask("/nonexistent", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_can_be_encoded_is_no_problem, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_is_one_with_its_line_and_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_channel_that_did_not_change_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_program_is_asked, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
