/* SPDX-License-Identifier: GPL-2.0-or-later */
/* console_form_test.c - forms from the real tables over real documents, without a terminal: what fields show and take.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "mgmt/configuration.h"
#include "mgmt/console/form.h"
#include "mgmt/console/lines.h"
#include "mgmt/credentials.h"
#include "mgmt/document.h"
#include "mgmt/network.h"
#include "mgmt/settings_schema.h"
#include "tests/mgmt/configuration_fixture.h"

struct desk {
    json_t *schema, *document, *problems;
    struct form form;
};

static void sit_down(struct desk *desk, const struct settings *settings, const char *text)
{
    desk->schema = settings_schema(settings);
    desk->document = document_parse(text, NULL);
    assert_non_null(desk->document);
    desk->problems = json_pack("[{s:s, s:s, s:s}, {s:s, s:s, s:s}]", "document", "box", "path",
                               "inputs[0].endpoints[1].port", "message", "the port is wrong", "document", "other",
                               "path", "api", "message", "not of this document");
    desk->form = (struct form){
        .settings = desk->schema, .object = desk->document, .problems = desk->problems, .document = "box"
    };
}

static void stand_up(struct desk *desk)
{
    json_decref(desk->schema);
    json_decref(desk->document);
    json_decref(desk->problems);
}

static size_t field(const struct form *form, const char *name)
{
    int found = form_find(form, name);
    if (found < 0)
        fail_msg("there is no field %s", name);
    return (size_t)found;
}

static const char *line(const struct form *form, const char *name)
{
    static char text[FORM_TEXT_BYTES];
    form_line(form, field(form, name), text, sizeof text);
    return text;
}

static void fields_show_values_defaults_and_what_is_inside(void **state)
{
    (void)state;
    struct desk desk;
    sit_down(&desk, &box_settings, fixture_box);
    assert_string_equal(line(&desk.form, "board"), "  board                      dev");
    assert_string_equal(line(&desk.form, "accelerator"), "  accelerator                (the board's)");
    assert_string_equal(line(&desk.form, "inputs"), "! inputs                     2: news-rtp, one-rtp");
    struct form input = form_of_element(&desk.form, field(&desk.form, "inputs"), 0);
    assert_string_equal(line(&input, "reorder_msec"), "  reorder_msec               50 ms (default)");
    assert_string_equal(line(&input, "security_groups"), "  security_groups            studio");
    assert_string_equal(input.path, "inputs[0]");
    char text[FORM_TEXT_BYTES];
    form_element_line(&input, field(&input, "endpoints"), 1, text, sizeof text);
    assert_string_equal(text, "! 2   10.2.0.10  5000");
    stand_up(&desk);
}

static void what_the_board_gives_is_no_default_of_ours(void **state)
{
    (void)state;
    struct desk desk;
    sit_down(&desk, &box_settings, "board = \"rack-2s\";");
    assert_string_equal(line(&desk.form, "nodes"), "  nodes                      (the board's)");
    assert_true(form_is_of_board(&desk.form, field(&desk.form, "nodes")));
    assert_false(form_is_of_board(&desk.form, field(&desk.form, "inputs")));
    form_add_element(&desk.form, field(&desk.form, "nodes"));
    struct form node = form_of_element(&desk.form, field(&desk.form, "nodes"), 0);
    assert_string_equal(line(&node, "memory_megabytes"), "  memory_megabytes           (the board's)");
    assert_string_equal(line(&node, "poll"), "  poll                       (the board's)");
    form_set(&node, field(&node, "memory_megabytes"), "64");
    assert_string_equal(line(&node, "memory_megabytes"), "  memory_megabytes           64 MiB");
    stand_up(&desk);
}

static void help_says_range_and_default(void **state)
{
    (void)state;
    struct desk desk;
    char text[FORM_TEXT_BYTES];
    sit_down(&desk, &box_settings, fixture_box);
    form_help(&desk.form, field(&desk.form, "accelerator"), text, sizeof text);
    assert_non_null(strstr(text, "One of auto, hardware, software. Default: the board's."));
    struct form input = form_of_element(&desk.form, field(&desk.form, "inputs"), 0);
    form_help(&input, field(&input, "reorder_msec"), text, sizeof text);
    assert_string_equal(text, "How long a missing packet is waited for.\n0 to 2000 ms. Default: 50.");
    form_help(&input, field(&input, "name"), text, sizeof text);
    assert_non_null(strstr(text, "letters, digits, _ and -. Required."));
    stand_up(&desk);
}

/* On 80 x 24: below a list are up to 13 lines of 76 letters, in the dialog of a text 9 of 66; an error stands above. */
static void every_help_can_be_read(const json_t *settings)
{
    json_t *object = json_object();
    const struct form form = { .settings = settings, .object = object, .document = "box" };
    for (size_t i = 0; i < form_count(&form); i++) {
        char text[FORM_TEXT_BYTES];
        bool typed = form_kind(&form, i) == FORM_TEXT;
        form_help(&form, i, text, sizeof text);
        if (lines_wrapped(76, text) > 11 || (typed && lines_wrapped(66, text) > 9))
            fail_msg("%s: too long a help", form_name(&form, i));
        const json_t *inner = json_object_get(json_array_get(json_object_get(settings, "rows"), i), "settings");
        if (inner)
            every_help_can_be_read(inner);
    }
    json_decref(object);
}

static void helps_fit_on_the_screen(void **state)
{
    (void)state;
    const struct settings *const tables[] = { &box_settings, &channel_settings, &credentials_settings,
                                              &network_settings };
    for (unsigned i = 0; i < 4; i++) {
        json_t *schema = settings_schema(tables[i]);
        every_help_can_be_read(schema);
        json_decref(schema);
    }
    assert_int_equal(lines_wrapped(10, "One word\nand another one\n"), 4);
    assert_int_equal(lines_wrapped(10, ""), 0);
}

static void errors_stand_at_their_fields(void **state)
{
    (void)state;
    struct desk desk;
    char text[FORM_TEXT_BYTES];
    sit_down(&desk, &box_settings, fixture_box);
    assert_true(form_error(&desk.form, field(&desk.form, "inputs"), text, sizeof text));
    assert_string_equal(text, "the port is wrong");
    assert_false(form_error(&desk.form, field(&desk.form, "api"), text, sizeof text));
    assert_int_equal(form_first_error(&desk.form), form_find(&desk.form, "inputs"));
    struct form input = form_of_element(&desk.form, field(&desk.form, "inputs"), 0);
    struct form endpoint = form_of_element(&input, field(&input, "endpoints"), 1);
    assert_true(form_error(&endpoint, field(&endpoint, "port"), text, sizeof text));
    assert_false(form_error(&endpoint, field(&endpoint, "address"), text, sizeof text));
    struct form other = form_of_element(&input, field(&input, "endpoints"), 0);
    assert_int_equal(form_first_error(&other), -1);
    assert_true(form_path_is_below("inputs[1]", "inputs"));
    assert_false(form_path_is_below("inputs_more", "inputs"));
    stand_up(&desk);
}

static void what_is_typed_becomes_what_the_table_wants(void **state)
{
    (void)state;
    struct desk desk;
    sit_down(&desk, &box_settings, fixture_box);
    struct form input = form_of_element(&desk.form, field(&desk.form, "inputs"), 0);
    form_set(&input, field(&input, "reorder_msec"), "80");
    form_set(&input, field(&input, "reorder_packets"), "many"); /* biplaned says what is wrong with it */
    form_set(&input, field(&input, "security_groups"), "studio,  abroad");
    assert_int_equal(json_integer_value(json_object_get(input.object, "reorder_msec")), 80);
    assert_string_equal(json_string_value(json_object_get(input.object, "reorder_packets")), "many");
    assert_int_equal(json_array_size(json_object_get(input.object, "security_groups")), 2);
    form_set(&input, field(&input, "reorder_msec"), ""); /* back to the default */
    assert_null(json_object_get(input.object, "reorder_msec"));
    struct form api = form_of_group(&desk.form, field(&desk.form, "api"));
    form_set(&api, field(&api, "port"), "0");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(desk.document, "api"), "port")), 0);
    stand_up(&desk);
    sit_down(&desk, &channel_settings, fixture_channel);
    form_set(&desk.form, field(&desk.form, "start"), "true");
    assert_true(json_is_true(json_object_get(desk.document, "start")));
    struct form group = form_of_element(&desk.form, field(&desk.form, "output_groups"), 0);
    struct form hls = form_of_group(&group, field(&group, "hls"));
    form_set(&hls, field(&hls, "segment_length"), "2.5");
    assert_true(json_real_value(json_object_get(hls.object, "segment_length")) == 2.5);
    stand_up(&desk);
}

static void elements_come_and_go(void **state)
{
    (void)state;
    struct desk desk;
    sit_down(&desk, &box_settings, "board = \"dev\";");
    size_t inputs = field(&desk.form, "inputs");
    assert_int_equal(form_elements(&desk.form, inputs), 0);
    assert_int_equal(form_add_element(&desk.form, inputs), 0);
    struct form input = form_of_element(&desk.form, inputs, 0);
    form_set(&input, field(&input, "name"), "one");
    assert_string_equal(line(&desk.form, "inputs"), "! inputs                     1: one");
    form_remove_element(&desk.form, inputs, 0);
    assert_null(json_object_get(desk.document, "inputs"));
    assert_int_equal(form_room(&desk.form, inputs), 32);
    stand_up(&desk);
}

static void secrets_are_never_shown(void **state)
{
    (void)state;
    struct desk desk;
    char text[FORM_TEXT_BYTES];
    sit_down(&desk, &credentials_settings, fixture_credentials);
    struct form one = form_of_element(&desk.form, 0, 0);
    assert_string_equal(line(&one, "password"), "  password                   (set, not shown)");
    assert_string_equal(line(&one, "salt"), "  salt                       (not set)");
    form_edit_text(&one, field(&one, "password"), text, sizeof text);
    assert_string_equal(text, "");
    form_element_line(&desk.form, 0, 0, text, sizeof text);
    assert_null(strstr(text, "a-secret"));
    stand_up(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_show_values_defaults_and_what_is_inside),
        cmocka_unit_test(what_the_board_gives_is_no_default_of_ours),
        cmocka_unit_test(help_says_range_and_default),
        cmocka_unit_test(helps_fit_on_the_screen),
        cmocka_unit_test(errors_stand_at_their_fields),
        cmocka_unit_test(what_is_typed_becomes_what_the_table_wants),
        cmocka_unit_test(elements_come_and_go),
        cmocka_unit_test(secrets_are_never_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
