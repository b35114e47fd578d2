/* SPDX-License-Identifier: GPL-2.0-or-later */
/* console_pages_test.c - pages of 80 columns from answers good and strange, and lines that fit a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "mgmt/console/pages.h"
#include "mgmt/console/session.h"

static bool has(const struct lines *lines, const char *word)
{
    char *text = lines_join(lines);
    bool found = strstr(text, word) != NULL;
    free(text);
    return found;
}

static void lines_are_wrapped_and_printable(void **state)
{
    (void)state;
    struct lines lines = { 0 };
    lines_add_wrapped(&lines, 10, "one two three four");
    assert_int_equal(lines.count, 2);
    assert_string_equal(lines.text[0], "one two");
    assert_string_equal(lines.text[1], "three four");
    lines_clear(&lines);
    lines_add_wrapped(&lines, 5, "longerthanthat");
    assert_string_equal(lines.text[0], "longe");
    lines_add(&lines, "\033[2J\xc3\xb6");
    assert_string_equal(lines.text[lines.count - 1], "?[2J??");
    lines_clear(&lines);
    for (unsigned i = 0; i < 2 * LINES_MAX; i++)
        lines_add(&lines, "x");
    assert_int_equal(lines.count, LINES_MAX);
    lines_free(&lines);
}

static const char status_text[] =
    "{\"version\": \"0.1\", \"host\": \"alpha\", \"board\": \"dev\", \"accelerator\": \"auto\", \"uptime_s\": 3725.0,"
    "\"alerts\": 1, \"interfaces\": [{\"name\": \"eth0\", \"up\": true, \"addresses\": [\"192.0.2.7/24\","
    "\"2001:db8::7/64\"]}, {\"name\": \"eth1\", \"up\": false, \"addresses\": []}], \"nodes\": [{\"pipeline\": 0, "
    "\"poll\": \"busy\", \"process\": {\"state\": \"running\","
    "\"uptime_s\": 5.0, \"restarts\": 0}, \"ports\": [{\"name\": \"left\", \"device\": \"0000:17:00.0\"}],"
    "\"told\": {\"ports\": [{\"link_up\": true}]}}],"
    "\"channels\": [{\"name\": \"news\", \"state\": \"running\", \"locked\": true, \"pipelines\":"
    "[{\"pipeline\": 0, \"state\": \"running\", \"restarts\": 1, \"segments\": 12, \"last_segment_s\": 1.25}]}]}";
static const char inputs_text[] =
    "[{\"name\": \"rtp\", \"endpoints\": [{\"node\": 0, \"address\": \"10.0.0.1\", \"port\": 5000, \"told\":"
    "{\"present\": true, \"bits_per_second\": 7000000, \"lost\": 3, \"drops\": {\"a\": 1, \"b\": 2}}}]}]";

static void the_status_fits_a_screen_of_80_columns(void **state)
{
    (void)state;
    struct lines lines = { 0 };
    json_t *status = json_loads(status_text, 0, NULL), *inputs = json_loads(inputs_text, 0, NULL);
    json_t *alerts = json_loads("[{\"id\": 5302, \"state\": \"set\", \"source\": \"dataplane/0\", \"subject\": \"rtp\","
                                "\"set\": \"2026-11-25T22:00:00Z\", \"cleared\": null,"
                                "\"message\": \"a very long sentence that goes on and on until it does not fit into "
                                "one line of the screen any more\"}]",
                                0, NULL);
    page_status(status, inputs, alerts, &lines);
    assert_true(has(&lines, "up 1h 02m"));
    assert_true(has(&lines, "network: eth0 192.0.2.7/24 2001:db8::7/64, eth1 down\n"));
    assert_true(has(&lines, "0     running  0m 05s  0         left  up    0000:17:00.0"));
    assert_true(has(&lines, "rtp    0     10.0.0.1  5000  present  7.00  3     3"));
    assert_true(has(&lines, "news     running  yes     0 running  1         12        1.2 s ago"));
    for (unsigned i = 0; i < lines.count; i++)
        assert_true(strlen(lines.text[i]) <= PAGE_COLUMNS + 2);
    lines_free(&lines);
    json_decref(status);
    json_decref(inputs);
    json_decref(alerts);
}

static void a_report_shows_before_after_and_problems(void **state)
{
    (void)state;
    struct lines lines = { 0 };
    json_t *report = json_loads(
        "{\"difference\": [{\"document\": \"box\", \"path\": \"inputs[a].port\", \"before\": 1, \"after\": 2},"
        "{\"document\": \"box\", \"path\": \"api.port\", \"after\": 3},"
        "{\"document\": \"credentials\", \"path\": \"credentials[x].password\", \"secret\": true}],"
        "\"problems\": [{\"document\": \"box\", \"path\": \"api.port\", \"message\": \"it is taken\"}],"
        "\"network\": true, \"confirm_seconds\": 7}",
        0, NULL);
    char title[200];
    page_report(report, &lines);
    assert_true(has(&lines, "! box api.port\nit is taken"));
    assert_true(has(&lines, "~ inputs[a].port: 1 -> 2\n"));
    assert_true(has(&lines, "+ api.port: 3\n"));
    assert_true(has(&lines, "a secret: not shown"));
    assert_true(has(&lines, "touches the network"));
    page_title(report, report, title, sizeof title);
    assert_non_null(strstr(title, "confirm within 7 s"));
    page_title(NULL, NULL, title, sizeof title);
    assert_non_null(strstr(title, "does not answer"));
    json_decref(report);
    lines_free(&lines);
}

static void all_of_a_long_value_is_seen(void **state)
{
    (void)state;
    struct lines lines = { 0 };
    char old[400], new[400];
    snprintf(old, sizeof old, "https://%0300d/WRONG", 0);
    snprintf(new, sizeof new, "https://%0300d/RIGHT", 0);
    json_t *report = json_pack("{s:[{s:s, s:s, s:s, s:s}, {s:s, s:s, s:[s, s]}]}", "difference", "document",
                               "channels/news", "path", "output_groups[web].destinations[0].url", "before", old,
                               "after", new, "document", "channels/news", "path", "list", "after", new, "last");
    page_report(report, &lines);
    assert_true(has(&lines, "before:\n"));
    assert_true(has(&lines, "after:\n"));
    assert_true(has(&lines, "0/WRONG"));
    assert_true(has(&lines, "0/RIGHT"));
    assert_true(has(&lines, "last"));
    for (unsigned i = 0; i < lines.count; i++)
        assert_true(strlen(lines.text[i]) <= PAGE_COLUMNS);
    json_decref(report);
    lines_free(&lines);
}

/* A list that becomes another one while a person is in it. */
static void a_line_is_found_again(void **state)
{
    (void)state;
    struct lines lines = { 0 };
    lines_add(&lines, "news running 12");
    lines_add(&lines, "new running 3");
    lines_add(&lines, "sport running 5");
    lines_add(&lines, "sport stopped");
    assert_int_equal(lines_find(&lines, "sport running 5", 1), 2); /* one came before it */
    assert_int_equal(lines_find(&lines, "sport running 4", 3), 3); /* its counters went on: the nearest of that name */
    assert_int_equal(lines_find(&lines, "new running 9", 3), 1);
    assert_int_equal(lines_find(&lines, "gone running 9", 2), 2);
    assert_int_equal(lines_find(&lines, "gone running 9", 9), 3);
    assert_int_equal(lines_find(&lines, "sport stopped", 0), 0);
    lines_clear(&lines);
    assert_int_equal(lines_find(&lines, "x", 7), 0);
    lines_free(&lines);
}

static void strange_answers_are_no_fault(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "null",
        "7",
        "[]",
        "{}",
        "[7, null, {}]",
        "{\"nodes\": 7, \"channels\": [{}], \"interfaces\": [7, {}, {\"addresses\": [7]}]}",
        "{\"difference\": [7, {}], \"problems\": [null]}",
        "{\"pipelines\": [{\"publishers\": [{}], \"process\": 7}]}",
        "{\"available\": true, \"system\": {}, \"bundle\": {\"text\": \"a\\nb\"}}"
    };
    for (unsigned i = 0; i < sizeof answers / sizeof *answers; i++) {
        json_t *answer = json_loads(answers[i], JSON_DECODE_ANY, NULL);
        struct lines lines = { 0 };
        char title[100];
        page_status(answer, answer, answer, &lines);
        page_channel(answer, &lines);
        page_alerts(answer, &lines);
        page_hardware(answer, answer, &lines);
        page_report(answer, &lines);
        page_update(answer, &lines);
        page_title(answer, answer, title, sizeof title);
        lines_free(&lines);
        json_decref(answer);
    }
}

static void a_pipeline_has_its_core_and_its_gpu(void **state)
{
    (void)state;
    struct lines lines = { 0 };
    json_t *hardware = json_loads(
        "{\"nodes\": [], \"gpus\": [{\"device\": \"/dev/dri/renderD129\", \"vendor\": \"Intel\", \"node\": 1}],"
        " \"pipelines\": [{\"pipeline\": 0, \"node\": 0, \"cores\": \"0,2\", \"shared\": false},"
        "                {\"pipeline\": 1, \"node\": 1, \"cores\": \"1,3\", \"shared\": false}]}",
        0, NULL);
    json_t *status = json_loads("{\"accelerator\": \"hardware\", \"nodes\": [{\"poll\": \"busy\", \"told\": null}, "
                                "{\"poll\": \"busy\", \"told\": {\"poll\": {\"core\": 3}}}]}",
                                0, NULL);
    assert_non_null(hardware);
    assert_non_null(status);
    page_hardware(hardware, status, &lines);
    char *text = lines_join(&lines);
    assert_non_null(strstr(text, "PIPELINE  NODE  CORES  SHARED  POLL  POLL CORE  GPU         DATA PLANE"));
    assert_non_null(strstr(text, "0         0     0,2    no      busy  -          -           -"));
    assert_non_null(strstr(text, "1         1     1,3    no      busy  3          renderD129  -"));
    free(text);
    lines_free(&lines);
    json_decref(hardware);
    json_decref(status);
}

static void paths_are_escaped(void **state)
{
    (void)state;
    char *escaped = session_escape("a b/c?d=%");
    assert_string_equal(escaped, "a%20b%2Fc%3Fd%3D%25");
    free(escaped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_wrapped_and_printable),
        cmocka_unit_test(the_status_fits_a_screen_of_80_columns),
        cmocka_unit_test(a_report_shows_before_after_and_problems),
        cmocka_unit_test(all_of_a_long_value_is_seen),
        cmocka_unit_test(a_line_is_found_again),
        cmocka_unit_test(strange_answers_are_no_fault),
        cmocka_unit_test(a_pipeline_has_its_core_and_its_gpu),
        cmocka_unit_test(paths_are_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
