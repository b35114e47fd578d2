/* SPDX-License-Identifier: GPL-2.0-or-later */
/* document_test.c - files to JSON and back, lines to paths, secrets, differences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "board/error.h"
#include "mgmt/configuration.h"
#include "mgmt/credentials.h"
#include "mgmt/document.h"
#include "mgmt/settings_schema.h"
#include "tests/mgmt/configuration_fixture.h"

static json_t *parse(const char *text)
{
    struct error err = { 0 };
    json_t *json = document_parse(text, &err);
    if (!json)
        fail_msg("%s", err.text);
    return json;
}

static char *print(const json_t *document)
{
    char *text = NULL;
    size_t bytes;
    struct error err = { 0 };
    FILE *stream = open_memstream(&text, &bytes);
    int result = document_print(document, stream, &err);
    fclose(stream);
    if (result < 0)
        fail_msg("%s", err.text);
    return text;
}

static void what_is_written_reads_back_the_same(void **state)
{
    (void)state;
    static const char *const texts[] = { fixture_box, fixture_channel, fixture_credentials,
                                         "a = -5; b = 5000000000L; c = 0.1; d = true; e = \"q\\\"\\\\\\x0a\"; f = 2.0;"
                                         "g = [ 1, 2 ]; h = 1e300; i = { };" };
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        json_t *once = parse(texts[i]);
        char *text = print(once);
        json_t *twice = parse(text);
        assert_true(json_equal(once, twice));
        free(text);
        json_decref(once);
        json_decref(twice);
    }
}

static void what_cannot_stand_in_a_file_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = { "[]",
                                         "{\"a b\": 1}",
                                         "{\"\": 1}",
                                         "{\"a\": [[1]]}",
                                         "{\"a\": [1, \"b\"]}",
                                         "{\"a\": [{}, 1]}",
                                         "{\"a=1;b\": 2}",
                                         "{\"9\": 2}" };
    FILE *sink = fopen("/dev/null", "w");
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        json_t *json = json_loads(texts[i], 0, NULL);
        assert_int_equal(document_print(json, sink, NULL), -EINVAL);
        json_decref(json);
    }
    json_t *deep = json_object();
    for (unsigned i = 0; i < 40; i++)
        deep = json_pack("{s:o}", "a", deep);
    assert_int_equal(document_print(deep, sink, NULL), -EINVAL);
    json_decref(deep);
    fclose(sink);
    assert_null(document_parse("@include \"/etc/passwd\"\n", NULL));
}

/* What a reader says of a value, with its line, leads back to the value. */
static void a_line_leads_to_its_value(void **state)
{
    (void)state;
    struct configuration_fixture fixture;
    char path[128], found[DOCUMENT_PATH_BYTES];
    struct error err = { 0 };
    fixture_create(&fixture);
    json_t *box = parse(fixture_box);
    json_t *inputs = json_object_get(box, "inputs");
    json_t *endpoint = json_array_get(json_object_get(json_array_get(inputs, 0), "endpoints"), 1);
    json_object_set_new(endpoint, "port", json_integer(70000));
    json_array_set_new(json_object_get(json_array_get(inputs, 1), "security_groups"), 0, json_string("nobody"));
    snprintf(path, sizeof path, "%s/box.cfg", fixture.directory);
    assert_int_equal(document_write(box, path, 0644, &err), 0);
    struct problems *problems = problems_create();
    struct box *value = malloc(sizeof *value);
    assert_int_equal(box_read(value, path, "board/boards", problems), -EINVAL);
    static const char *const expected[] = { "inputs[0].endpoints[1].port", "inputs[1].security_groups[0]" };
    json_object_set_new(endpoint, "port", json_integer(5001));
    for (unsigned i = 0; i < 2; i++) {
        const char *file;
        unsigned line;
        problems_place(problems, 0, &file, &line);
        document_path_of_line(file, line, found);
        assert_string_equal(found, expected[i]);
        problems_destroy(problems);
        problems = problems_create();
        assert_int_equal(document_write(box, path, 0644, &err), 0);
        box_read(value, path, "board/boards", problems);
    }
    document_path_of_line(path, 100000, found);
    assert_string_equal(found, "");
    problems_destroy(problems);
    free(value);
    json_decref(box);
    fixture_destroy(&fixture);
}

static void secrets_are_masked_and_come_back(void **state)
{
    (void)state;
    json_t *before = parse("credentials = ( { name = \"a\"; user = \"u\"; password = \"one\"; },"
                           "{ name = \"b\"; user = \"u\"; password = \"two\"; salt = \"three\"; } );");
    json_t *shown = json_deep_copy(before);
    document_mask(shown, &credentials_settings);
    char *text = json_dumps(shown, 0);
    assert_null(strstr(text, "one"));
    assert_null(strstr(text, "two"));
    assert_null(strstr(text, "three"));
    free(text);
    /* b comes first now, a is renamed, b gets another password, its salt stays */
    json_t *list = json_object_get(shown, "credentials");
    json_object_set_new(json_array_get(list, 0), "name", json_string("c"));
    json_object_set_new(json_array_get(list, 1), "password", json_string("four"));
    json_array_append(list, json_array_get(list, 0));
    json_array_remove(list, 0);
    document_unmask(shown, before, &credentials_settings);
    const json_t *b = json_array_get(list, 0), *c = json_array_get(list, 1);
    assert_string_equal(json_string_value(json_object_get(b, "password")), "four");
    assert_string_equal(json_string_value(json_object_get(b, "salt")), "three");
    assert_null(json_object_get(c, "password")); /* nobody was called c */
    json_decref(shown);
    json_decref(before);
}

/* Groups without a name as well: destinations that are put into another order keep their users and streams. */
static void secrets_of_nameless_groups_come_back(void **state)
{
    (void)state;
    json_t *before = parse("output_groups = ( { name = \"g\"; destinations = ("
                           "{ url = \"https://u:x-one@a/\"; stream = \"x-key-of-a\"; },"
                           "{ url = \"rtmp://b/live\"; stream = \"x-key-of-b\"; },"
                           "{ url = \"https://u:x-three@c/\"; } ); } );");
    json_t *shown = json_deep_copy(before);
    document_mask(shown, &channel_settings);
    char *text = json_dumps(shown, 0);
    assert_null(strstr(text, "x-"));
    free(text);
    json_t *same = json_deep_copy(shown);
    document_unmask(same, before, &channel_settings);
    assert_true(json_equal(same, before));
    json_t *group = json_array_get(json_object_get(shown, "output_groups"), 0);
    json_t *list = json_object_get(group, "destinations");
    json_array_append(list, json_array_get(list, 0)); /* b, c, a */
    json_array_remove(list, 0);
    document_unmask(shown, before, &channel_settings);
    const json_t *old = json_object_get(json_array_get(json_object_get(before, "output_groups"), 0), "destinations");
    for (size_t i = 0; i < 3; i++)
        assert_true(json_equal(json_array_get(list, i), json_array_get(old, (i + 1) % 3)));
    json_array_remove(list, 0); /* c, a */
    document_mask(shown, &channel_settings);
    document_unmask(shown, before, &channel_settings);
    assert_true(json_equal(json_array_get(list, 0), json_array_get(old, 2)));
    assert_true(json_equal(json_array_get(list, 1), json_array_get(old, 0)));
    json_decref(same);
    json_decref(shown);
    json_decref(before);
}

/* What is secret gets to no other destination, however they are moved, removed and edited at once. */
static void secrets_stay_with_their_destination(void **state)
{
    (void)state;
    static const char before_text[] = "output_groups = ( { name = \"g\"; destinations = ("
                                      "{ url = \"rtmp://a/live\"; stream = \"x-key-of-a\"; },"
                                      "{ url = \"rtmp://b/live\"; stream = \"x-key-of-b\"; } ); } );";
    static const struct {
        const char *shown[2]; /* what comes back, with the stream as it is shown */
        const char *streams[2];
    } rows[] = {
        { { "{\"url\":\"rtmp://b/live\"}", "{\"url\":\"rtmp://a/live\",\"interface\":\"eth2\"}" },
          { "x-key-of-b", "x-key-of-a" } },
        { { "{\"url\":\"rtmp://b/live\",\"interface\":\"eth2\"}" }, { "x-key-of-b" } },
        { { "{\"url\":\"rtmp://a/live\"}", "{\"url\":\"rtmp://new/live\"}" }, { "x-key-of-a", "x-key-of-b" } },
        { { "{\"url\":\"rtmp://b/live\"}", "{\"url\":\"rtmp://new/live\"}" }, { "x-key-of-b", NULL } },
        { { "{\"url\":\"rtmp://c/live\"}", "{\"url\":\"rtmp://d/live\"}" }, { NULL, NULL } },
    };
    json_t *before = parse(before_text);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *list = json_array(), *group = json_pack("{s:s, s:o}", "name", "g", "destinations", list);
        json_t *document = json_pack("{s:[o]}", "output_groups", group);
        for (unsigned place = 0; place < 2 && rows[i].shown[place]; place++) {
            json_t *element = json_loads(rows[i].shown[place], 0, NULL);
            json_object_set_new(element, "stream", json_null());
            json_array_append_new(list, element);
        }
        document_unmask(document, before, &channel_settings);
        for (unsigned place = 0; place < json_array_size(list); place++) {
            const char *stream = json_string_value(json_object_get(json_array_get(list, place), "stream"));
            if (!stream != !rows[i].streams[place] || (stream && strcmp(stream, rows[i].streams[place]) != 0))
                fail_msg("row %u, place %u: %s", i, place, stream ? stream : "none");
        }
        json_decref(document);
    }
    json_decref(before);
}

/* Of lists of texts too, and in another order. */
static void users_in_lists_of_texts_come_back(void **state)
{
    (void)state;
    json_t *before = parse("output_groups = ( { name = \"g\"; hls = { base_url_content = [ \"https://u:x-one@a/\","
                           "\"https://u:x-two@b/\" ]; }; } );");
    json_t *shown = json_deep_copy(before);
    document_mask(shown, &channel_settings);
    char *text = json_dumps(shown, 0);
    assert_null(strstr(text, "x-"));
    free(text);
    json_t *same = json_deep_copy(shown);
    document_unmask(same, before, &channel_settings);
    assert_true(json_equal(same, before));
    json_t *group = json_array_get(json_object_get(shown, "output_groups"), 0);
    json_t *urls = json_object_get(json_object_get(group, "hls"), "base_url_content");
    json_array_append(urls, json_array_get(urls, 0));
    json_array_remove(urls, 0);
    document_unmask(shown, before, &channel_settings);
    assert_string_equal(json_string_value(json_array_get(urls, 0)), "https://u:x-two@b/");
    assert_string_equal(json_string_value(json_array_get(urls, 1)), "https://u:x-one@a/");
    json_decref(same);
    json_decref(shown);
    json_decref(before);
}

static json_t *difference(const char *before, const char *after, const struct settings *settings)
{
    json_t *a = before ? parse(before) : NULL, *b = after ? parse(after) : NULL, *list = json_array();
    document_difference("it", a, b, settings, list);
    json_decref(a);
    json_decref(b);
    return list;
}

/* Whatever somebody mistyped: it is not shown, and stays as it was when it comes back unseen. */
static void what_no_table_knows_is_secret(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const struct settings *settings;
    } rows[] = {
        { "credentials = ( { name = \"a\"; user = \"u\"; pasword = \"x-secret\"; } );", &credentials_settings },
        { "credentialz = ( { name = \"a\"; password = \"x-secret\"; } );", &credentials_settings },
        { "credentials = ( \"x-secret\" );", &credentials_settings },
        { "credentials = \"x-secret\";", &credentials_settings },
        { "credentials = ( { name = \"a\"; user = { password = \"x-secret\"; }; } );", &credentials_settings },
        { "password = \"x-secret\";", &box_settings },
        { "output_groups = ( { name = \"g\"; destinations = ( { url = \"https://u:x-secret@h/a\"; } ); } );",
          &channel_settings },
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *before = parse(rows[i].text), *shown = json_deep_copy(before);
        document_mask(shown, rows[i].settings);
        json_t *seen = json_pack("[O, o, o]", shown, difference(rows[i].text, "", rows[i].settings),
                                 difference("name = \"n\";", rows[i].text, rows[i].settings));
        char *text = json_dumps(seen, 0);
        if (strstr(text, "x-secret"))
            fail_msg("%s", text);
        free(text);
        if (i != 2) { /* a text where a group belongs: it is refused */
            document_unmask(shown, before, rows[i].settings);
            assert_true(json_equal(shown, before));
        }
        json_decref(seen);
        json_decref(shown);
        json_decref(before);
    }
}

static void differences_name_elements_and_keep_secrets(void **state)
{
    (void)state;
    char *changed = fixture_replace(fixture_box, "address = \"10.2.0.10\"", "address = \"10.2.0.11\"");
    char *more = fixture_replace(changed, "[ \"10.1.0.0/16\",", "[ \"10.9.0.0/16\",");
    json_t *list = difference(fixture_box, more, &box_settings);
    assert_int_equal(json_array_size(list), 2);
    const char *document, *path, *before, *after;
    json_unpack(json_array_get(list, 1), "{s:s, s:s, s:s, s:s}", "document", &document, "path", &path, "before",
                &before, "after", &after);
    assert_string_equal(document, "it");
    assert_string_equal(path, "inputs[news-rtp].endpoints[1].address");
    assert_string_equal(before, "10.2.0.10");
    assert_string_equal(after, "10.2.0.11");
    json_decref(list);
    free(changed);
    free(more);

    char *other = fixture_replace(fixture_credentials, "a-secret", "b-secret");
    list = difference(fixture_credentials, other, &credentials_settings);
    char *text = json_dumps(list, 0);
    assert_non_null(strstr(text, "credentials[origin].password"));
    assert_null(strstr(text, "-secret"));
    free(text);
    json_decref(list);
    free(other);

    list = difference(NULL, fixture_channel, &channel_settings);
    assert_true(json_array_size(list) > 20);
    json_decref(list);
    list =
        difference("a = ({ name = \"x\"; }, { name = \"y\"; });", "a = ({ name = \"y\"; }, { name = \"x\"; });", NULL);
    assert_int_equal(json_array_size(list), 1); /* another order is a difference too */
    json_decref(list);
}

static void schemas_say_all_that_a_form_needs(void **state)
{
    (void)state;
    json_t *schema = settings_schema(&box_settings);
    const char *type = NULL, *help = NULL;
    json_t *inputs = json_array_get(json_object_get(schema, "rows"), 5);
    json_t *rows = json_object_get(json_object_get(inputs, "settings"), "rows");
    json_int_t minimum = -1, maximum = -1, fallback = -1;
    json_unpack(json_array_get(rows, 4), "{s:s, s:s, s:I, s:I, s:I}", "type", &type, "help", &help, "minimum", &minimum,
                "maximum", &maximum, "default", &fallback);
    assert_string_equal(type, "integer");
    assert_int_equal(maximum, 2000);
    assert_int_equal(fallback, 50);
    assert_true(strlen(help) > 10);
    json_decref(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_reads_back_the_same),
        cmocka_unit_test(what_cannot_stand_in_a_file_is_refused),
        cmocka_unit_test(a_line_leads_to_its_value),
        cmocka_unit_test(secrets_are_masked_and_come_back),
        cmocka_unit_test(secrets_of_nameless_groups_come_back),
        cmocka_unit_test(secrets_stay_with_their_destination),
        cmocka_unit_test(users_in_lists_of_texts_come_back),
        cmocka_unit_test(what_no_table_knows_is_secret),
        cmocka_unit_test(differences_name_elements_and_keep_secrets),
        cmocka_unit_test(schemas_say_all_that_a_form_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
