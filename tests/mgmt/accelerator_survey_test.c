/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accelerator_survey_test.c - a program that tells the third time it is asked; one that never does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"
#include "mgmt/accelerator_survey.h"
#include "tests/mgmt/configuration_fixture.h"

struct desk {
    struct configuration_fixture fixture;
    struct loop *loop;
    struct clock clock;
};

static int set_up(void **state)
{
    struct desk *desk = calloc(1, sizeof *desk);
    struct error err = { 0 };
    fixture_create(&desk->fixture);
    desk->clock = clock_real();
    *state = desk;
    return loop_create(&desk->loop, &err);
}

static int tear_down(void **state)
{
    struct desk *desk = *state;
    loop_destroy(desk->loop);
    fixture_destroy(&desk->fixture);
    free(desk);
    return 0;
}

static struct accelerator_survey *begin(struct desk *desk, const char *script, json_t *first, unsigned times,
                                        bool (*complete)(const json_t *known))
{
    struct accelerator_survey *survey = NULL;
    struct error err = { 0 };
    struct accelerator_survey_config config = { .loop = desk->loop,
                                                .clock = &desk->clock,
                                                .programs_directory = desk->fixture.directory,
                                                .first = first,
                                                .complete = complete,
                                                .times = times,
                                                .pause_ns = NS_PER_MS };
    fixture_write(&desk->fixture, "biplane-encode", script, 0755);
    assert_int_equal(accelerator_survey_create(&survey, &config, &err), 0);
    return survey;
}

/* How often the program was asked: it writes a byte each time. */
static unsigned asked(const struct desk *desk)
{
    char path[512];
    snprintf(path, sizeof path, "%s/biplane-encode.asked", desk->fixture.directory);
    FILE *file = fopen(path, "re");
    unsigned count = 0;
    for (; file && fgetc(file) != EOF; count++)
        ;
    if (file)
        fclose(file);
    return count;
}

static void it_is_asked_again_until_it_tells(void **state)
{
    struct desk *desk = *state;
    struct accelerator_survey *survey = begin(desk,
                                              "#!/bin/sh\nprintf x >>$0.asked\n[ $(wc -c <$0.asked) -ge 3 ] || exit 1\n"
                                              "echo '{\"accelerators\": [{\"name\": \"late\"}]}'\n",
                                              NULL, 10, NULL);
    assert_null(accelerator_survey_known(survey));
    for (unsigned i = 0; i < 2000 && !accelerator_survey_known(survey); i++)
        loop_turn(desk->loop, 10);
    assert_int_equal(json_array_size(json_object_get(accelerator_survey_known(survey), "accelerators")), 1);
    assert_int_equal(asked(desk), 3);
    loop_turn(desk->loop, 20);
    assert_int_equal(asked(desk), 3); /* and no more */
    accelerator_survey_destroy(survey);
}

static void it_is_given_up(void **state)
{
    struct desk *desk = *state;
    struct accelerator_survey *survey = begin(desk, "#!/bin/sh\nprintf x >>$0.asked\nexit 1\n", NULL, 2, NULL);
    for (unsigned i = 0; i < 2000 && asked(desk) < 2; i++)
        loop_turn(desk->loop, 10);
    for (unsigned i = 0; i < 10; i++)
        loop_turn(desk->loop, 10);
    assert_int_equal(asked(desk), 2);
    assert_null(accelerator_survey_known(survey));
    accelerator_survey_destroy(survey);
}

static void what_is_known_is_not_asked_for(void **state)
{
    struct desk *desk = *state;
    json_t *first = json_loads("{\"accelerators\": []}", 0, NULL);
    struct accelerator_survey *survey = begin(desk, "#!/bin/sh\nprintf x >>$0.asked\n", first, 2, NULL);
    assert_ptr_equal(accelerator_survey_known(survey), first);
    for (unsigned i = 0; i < 5; i++)
        loop_turn(desk->loop, 10);
    assert_int_equal(asked(desk), 0);
    accelerator_survey_destroy(survey);
    json_decref(first);
}

static bool has_two(const json_t *known)
{
    return json_array_size(json_object_get(known, "accelerators")) == 2;
}

/* A GPU's driver is late: what is known without it counts, until it is there as well. */
static void what_lacks_something_is_asked_for_again(void **state)
{
    struct desk *desk = *state;
    json_t *first = json_loads("{\"accelerators\": [{\"name\": \"soft\"}]}", 0, NULL);
    struct accelerator_survey *survey =
        begin(desk,
              "#!/bin/sh\nprintf x >>$0.asked\n[ $(wc -c <$0.asked) -ge 2 ] || exit 1\n"
              "echo '{\"accelerators\": [{\"name\": \"soft\"}, {\"name\": \"late\"}]}'\n",
              first, 10, has_two);
    assert_ptr_equal(accelerator_survey_known(survey), first);
    for (unsigned i = 0; i < 2000 && !has_two(accelerator_survey_known(survey)); i++) {
        assert_non_null(accelerator_survey_known(survey));
        loop_turn(desk->loop, 10);
    }
    assert_true(has_two(accelerator_survey_known(survey)));
    assert_int_equal(asked(desk), 2);
    accelerator_survey_destroy(survey);
    json_decref(first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_asked_again_until_it_tells, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_is_given_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_known_is_not_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_lacks_something_is_asked_for_again, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
