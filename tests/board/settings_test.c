/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>

#include "board/error.h"
#include "board/settings.h"

struct endpoint {
    char name[16];
    char address[32];
    unsigned port;
    double weight;
    char tags[4][8];
    unsigned tags_count;
    bool enabled;
};

struct root {
    struct endpoint endpoints[3];
    unsigned endpoints_count;
    unsigned kind;
    struct endpoint spare;
    uint64_t bytes;
    char title[32];
};

static const char *const kinds[] = { "push", "pull", NULL };

static const struct setting endpoint_rows[] = {
    SETTING_STRING(struct endpoint, name, .flags = SETTING_REQUIRED | SETTING_NAME, .help = "Its name."),
    SETTING_STRING(struct endpoint, address, .default_text = "127.0.0.1", .help = "Where."),
    SETTING_UNSIGNED(struct endpoint, port, .minimum = 1, .maximum = 65535, .default_number = 5000, .help = "Port."),
    SETTING_DOUBLE(struct endpoint, weight, .minimum = 0, .maximum = 10, .default_number = 1.5, .unit = "kg"),
    SETTING_STRINGS(struct endpoint, tags),
    SETTING_BOOL(struct endpoint, enabled, .default_number = 1),
    { 0 }
};
static const struct settings endpoint_settings = { "endpoint", sizeof(struct endpoint), endpoint_rows, "An endpoint." };

static const struct setting root_rows[] = { SETTING_LIST(struct root, endpoints, &endpoint_settings),
                                            SETTING_CHOICE(struct root, kind, .choices = kinds, .default_number = 1,
                                                           .help = "Which."),
                                            SETTING_GROUP(struct root, spare, &endpoint_settings),
                                            SETTING_UINT64(struct root, bytes, .flags = SETTING_LIVE),
                                            SETTING_STRING(struct root, title),
                                            { 0 } };
static const struct settings root_settings = { "root", sizeof(struct root), root_rows, "All." };

static void defaults_and_values_are_read(void **state)
{
    (void)state;
    struct problems *problems = problems_create();
    struct root root;
    const char *text =
        "endpoints = ( { name = \"a\"; tags = [\"x\", \"y\"]; }, { name = \"b\"; port = 0x10; weight = 3; "
        "enabled = false; } );\nkind = \"push\";\nbytes = 5000000000L;\n";
    assert_int_equal(settings_read_text(&root_settings, "t.cfg", text, &root, problems), 0);
    assert_int_equal(problems_count(problems), 0);
    assert_int_equal(root.endpoints_count, 2);
    assert_string_equal(root.endpoints[0].address, "127.0.0.1");
    assert_int_equal(root.endpoints[0].port, 5000);
    assert_int_equal(root.endpoints[0].tags_count, 2);
    assert_string_equal(root.endpoints[0].tags[1], "y");
    assert_true(root.endpoints[0].enabled && !root.endpoints[1].enabled);
    assert_int_equal(root.endpoints[1].port, 16);
    assert_true(root.endpoints[1].weight == 3.0);
    assert_int_equal(root.kind, 0);
    assert_true(root.bytes == 5000000000);
    assert_int_equal(root.spare.port, 5000);
    problems_destroy(problems);
}

/* Every way a file can be wrong, with the line and words that a person gets. */
static const struct {
    const char *text, *problem;
} broken[] = {
    { "kind = \"pus\";", "t.cfg:1: kind = \"pus\" is not known: want \"push\", \"pull\"" },
    { "\nkind = 3;", "t.cfg:2: kind must be a string in quotes, not an integer" },
    { "colour = 1;", "t.cfg:1: root does not have a key \"colour\"; it has endpoints, kind, spare, bytes, title" },
    { "endpoints = ( { port = 1; } );", "t.cfg:1: endpoint needs a key \"name\"" },
    { "endpoints = ( { name = \"\"; } );", "t.cfg:1: name must not be empty" },
    { "endpoints = ( { name = \"a b\"; } );",
      "t.cfg:1: name = \"a b\": only letters, digits, _ and - may stand in a name" },
    { "endpoints = ( { name = \"a\"; },\n { name = \"a\"; } );", "t.cfg:2: name \"a\" is there twice in endpoints" },
    { "endpoints = ( { name = \"a\"; port = 0; } );", "t.cfg:1: port = 0 is out of range: 1 to 65535" },
    { "endpoints = ( { name = \"a\"; port = -1; } );", "t.cfg:1: port = -1 must not be negative" },
    { "endpoints = ( { name = \"a\"; port = 1.5; } );", "t.cfg:1: port must be an integer, not a number with a point" },
    { "endpoints = ( { name = \"a\"; weight = 11.0; } );", "t.cfg:1: weight = 11 is out of range: 0 to 10 kg" },
    { "endpoints = ( { name = \"a\"; enabled = 1; } );", "t.cfg:1: enabled must be true or false, not an integer" },
    { "endpoints = ( { name = \"0123456789abcdef\"; } );", "t.cfg:1: name is longer than 15 characters" },
    { "endpoints = ( { name = \"a\"; tags = \"x\"; } );",
      "t.cfg:1: tags must be an array of strings [ \"...\" ], not a string" },
    { "endpoints = ( { name = \"a\"; tags = [\"a\",\"b\",\"c\",\"d\",\"e\"]; } );",
      "t.cfg:1: tags has 5 elements: at most 4" },
    { "endpoints = { };", "t.cfg:1: endpoints must be a list of groups ( { ... }, { ... } ), not a group { }" },
    { "endpoints = ( 1 );", "t.cfg:1: each of endpoints must be a group { ... }, not an integer" },
    { "spare = 1;", "t.cfg:1: spare must be a group { ... }, not an integer" },
    { "bytes = \"many\";", "t.cfg:1: bytes must be an integer, not a string" },
    { "title = (", "t.cfg:1: syntax error" },
    { "\n  @include \"/etc/passwd\"\n", "t.cfg:2: @include is not allowed here" },
};

static void every_mistake_has_line_and_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct problems *problems = problems_create();
        struct root root;
        assert_int_equal(settings_read_text(&root_settings, "t.cfg", broken[i].text, &root, problems), -EINVAL);
        assert_int_equal(problems_count(problems), 1);
        assert_string_equal(problems_text(problems, 0), broken[i].problem);
        problems_destroy(problems);
    }
}

static void all_mistakes_come_at_once(void **state)
{
    (void)state;
    struct problems *problems = problems_create();
    struct root root;
    settings_read_text(&root_settings, "t.cfg", "kind = 1;\nbytes = -1;\nx = 1;\n", &root, problems);
    assert_int_equal(problems_count(problems), 3);
    problems_destroy(problems);
}

/* Two elements may refer to the same other thing. */
static void shared_names_may_be_there_twice(void **state)
{
    (void)state;
    static const struct setting rows[] = {
        SETTING_STRING(struct endpoint, name, .flags = SETTING_NAME | SETTING_SHARED), { 0 }
    };
    static const struct settings referring = { "endpoint", sizeof(struct endpoint), rows, "An endpoint." };
    static const struct setting list[] = { SETTING_LIST(struct root, endpoints, &referring), { 0 } };
    static const struct settings all = { "root", sizeof(struct root), list, "All." };
    struct problems *problems = problems_create();
    struct root root;
    assert_int_equal(
        settings_read_text(&all, "t.cfg", "endpoints = ( { name = \"a\"; }, { name = \"a\"; } );", &root, problems), 0);
    assert_int_equal(root.endpoints_count, 2);
    problems_destroy(problems);
}

static void later_checks_point_at_the_line(void **state)
{
    (void)state;
    struct problems *problems = problems_create();
    struct root root;
    settings_read_text(&root_settings, "t.cfg", "endpoints = (\n {\n name = \"a\";\n port = 7; } );\n", &root,
                       problems);
    problem_at(problems, &root.endpoints[0].port, "port %u is taken", root.endpoints[0].port);
    problem_at(problems, &root.endpoints[0].weight, "weight: a default stands where its group began");
    problem_at(problems, &problems, "no place");
    assert_string_equal(problems_text(problems, 0), "t.cfg:4: port 7 is taken");
    assert_string_equal(problems_text(problems, 1), "t.cfg:2: weight: a default stands where its group began");
    assert_string_equal(problems_text(problems, 2), "no place");
    problems_destroy(problems);
}

static void a_flood_of_mistakes_is_bounded(void **state)
{
    (void)state;
    struct problems *problems = problems_create();
    for (unsigned i = 0; i < 100000; i++)
        problem_in_file(problems, "t.cfg", i, "x");
    assert_in_range(problems_count(problems), 100, 300);
    assert_non_null(strstr(problems_text(problems, problems_count(problems) - 1), "the rest is not shown"));
    problems_destroy(problems);
}

static void what_is_written_reads_back_the_same(void **state)
{
    (void)state;
    char folder[] = "/tmp/settings-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/x.cfg", folder);
    struct problems *problems = problems_create();
    struct root root, again;
    settings_defaults(&root_settings, &root);
    root.endpoints_count = 2;
    settings_defaults(&endpoint_settings, &root.endpoints[0]);
    settings_defaults(&endpoint_settings, &root.endpoints[1]);
    strcpy(root.endpoints[0].name, "a");
    strcpy(root.endpoints[1].name, "b");
    strcpy(root.spare.name, "c");
    strcpy(root.endpoints[1].tags[0], "q\"\\\n");
    root.endpoints[1].tags_count = 1;
    root.endpoints[0].weight = 0.1;
    root.bytes = UINT64_C(1) << 60;
    assert_int_equal(settings_write_file(&root_settings, path, &root, NULL), 0);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(settings_read_file(&root_settings, path, &again, problems), 0);
    assert_int_equal(problems_count(problems), 0);
    assert_memory_equal(&root, &again, sizeof root);
    unlink(path);
    assert_int_equal(settings_read_file(&root_settings, path, &again, problems), -ENOENT);
    rmdir(folder);
    struct error err = { 0 };
    assert_true(settings_write_file(&root_settings, path, &root, &err) < 0);
    assert_non_null(strstr(err.text, path));
    problems_destroy(problems);
}

static void the_reference_page_has_every_key(void **state)
{
    (void)state;
    char *page = NULL;
    size_t bytes;
    FILE *stream = open_memstream(&page, &bytes);
    settings_print_reference(&root_settings, stream);
    fclose(stream);
    assert_non_null(strstr(page, "| `port` | integer, 1 to 65535 | 5000 | at the next start | Port. |"));
    assert_non_null(strstr(page, "| `kind` | one of `\"push\"`, `\"pull\"` | `\"pull\"` |"));
    assert_non_null(strstr(page, "| `bytes` | integer | 0 | at once |"));
    assert_non_null(strstr(page, "## endpoint"));
    free(page);
}

struct holder {
    struct {
        unsigned number;
    } inner;
};

static void links_lead_to_headings(void **state)
{
    (void)state;
    static const struct setting inner_rows[] = { SETTING_UNSIGNED(struct holder, inner.number, .help = "Number."),
                                                 { 0 } };
    static const struct settings inner = { "CMAF ingest", sizeof(unsigned), inner_rows, .help = "Inner." };
    static const struct setting rows[] = { SETTING_GROUP(struct holder, inner, &inner, .help = "Group."), { 0 } };
    static const struct settings outer = { "holder", sizeof(struct holder), rows, .help = "Outer." };
    char *page = NULL;
    size_t bytes;
    FILE *stream = open_memstream(&page, &bytes);
    settings_print_reference(&outer, stream);
    fclose(stream);
    assert_non_null(strstr(page, "[CMAF ingest](#cmaf-ingest)"));
    assert_non_null(strstr(page, "## CMAF ingest"));
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_and_values_are_read),
        cmocka_unit_test(every_mistake_has_line_and_reason),
        cmocka_unit_test(all_mistakes_come_at_once),
        cmocka_unit_test(shared_names_may_be_there_twice),
        cmocka_unit_test(later_checks_point_at_the_line),
        cmocka_unit_test(a_flood_of_mistakes_is_bounded),
        cmocka_unit_test(what_is_written_reads_back_the_same),
        cmocka_unit_test(the_reference_page_has_every_key),
        cmocka_unit_test(links_lead_to_headings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
