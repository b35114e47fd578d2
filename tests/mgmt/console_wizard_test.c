/* SPDX-License-Identifier: GPL-2.0-or-later */
/* console_wizard_test.c - every downstream's answers become a channel that the box takes; what is wrong leads back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "mgmt/console/wizard.h"
#include "mgmt/document_folder.h"
#include "tests/mgmt/configuration_fixture.h"

static json_t *documents_of(const struct configuration_fixture *fixture)
{
    json_t *documents = document_folder_read(fixture->directory, NULL);
    json_t *masked = documents_masked(documents);
    json_decref(documents);
    return masked;
}

static void set(json_t *answers, enum wizard_step step, const char *question, json_t *value)
{
    json_object_set_new(json_object_get(answers, wizard_step_name(step)), question, value);
}

static json_t *answers_for(const char *downstream, const char *url_0, const char *url_1, const char *credentials)
{
    json_t *answers = wizard_begin();
    set(answers, WIZARD_DOWNSTREAM, "goes_to", json_string(downstream));
    set(answers, WIZARD_ENCODES, "ladder", json_string("phone_360p"));
    set(answers, WIZARD_ENCODES, "framerate", json_string("25"));
    set(answers, WIZARD_SOURCE, "senders", json_pack("[s]", "10.5.0.0/16"));
    set(answers, WIZARD_SOURCE, "audio_language", json_string("eng"));
    set(answers, WIZARD_IDENTIFIERS, "channel", json_string("sport"));
    set(answers, WIZARD_INPUTS, "name", json_string("sport-in"));
    set(answers, WIZARD_INPUTS, "address_0", json_string("10.1.0.10"));
    set(answers, WIZARD_INPUTS, "address_1", json_string("10.2.0.10"));
    set(answers, WIZARD_INPUTS, "port_0", json_integer(6000));
    set(answers, WIZARD_INPUTS, "port_1", json_integer(6000));
    set(answers, WIZARD_DESTINATIONS, "url_0", json_string(url_0));
    set(answers, WIZARD_DESTINATIONS, "url_1", json_string(url_1));
    set(answers, WIZARD_DESTINATIONS, "credentials_0", json_string(credentials));
    set(answers, WIZARD_DESTINATIONS, "credentials_1", json_string(credentials));
    set(answers, WIZARD_DESTINATIONS, "user_0", json_string("u"));
    set(answers, WIZARD_DESTINATIONS, "user_1", json_string("u"));
    set(answers, WIZARD_DESTINATIONS, "password_0", json_string("p"));
    set(answers, WIZARD_DESTINATIONS, "password_1", json_string("q"));
    set(answers, WIZARD_DESTINATIONS, "stream_0", json_string("s"));
    set(answers, WIZARD_DESTINATIONS, "stream_1", json_string("t"));
    return answers;
}

/* Puts what the wizard made over what is there, as biplaned would. give: its problems. */
static json_t *problems_of(const struct configuration_fixture *fixture, const json_t *answers)
{
    json_t *masked = documents_of(fixture), *whole = document_folder_read(fixture->directory, NULL), *document;
    json_t *made = wizard_documents(answers, masked);
    char folder[128];
    const char *name;
    snprintf(folder, sizeof folder, "%s/.made", fixture->directory);
    json_object_foreach(made, name, document)
    {
        document_unmask(document, json_object_get(whole, name), document_table(name));
        json_object_set(whole, name, document);
    }
    assert_int_equal(document_folder_write(folder, whole, NULL), 0);
    json_t *problems = document_folder_problems(folder, fixture->directory, "board/boards");
    json_decref(made);
    json_decref(masked);
    json_decref(whole);
    return problems;
}

static void every_downstream_is_a_channel_that_works(void **state)
{
    (void)state;
    static const char *const kinds[][4] = {
        { "hls", "http://a.example/live/sport", "http://b.example/live/sport", "origin" },
        { "hls_webdav", "https://a.example/live/sport", "https://b.example/live/sport", "(new)" },
        { "hls_s3", "s3://bucket-a/live/sport", "s3://bucket-b/live/sport", "origin" },
        { "mediapackage_v1", "https://a.example/in/v2/x/x/channel", "https://b.example/in/v2/y/y/channel", "(new)" },
        { "mediapackage_v2", "https://a.example/in/v1/1/", "https://b.example/in/v1/2/", "(none)" },
        { "cmaf_ingest", "http://a.example/in/", "http://b.example/in/", "(none)" },
        { "rtmp", "rtmp://a.example/app", "rtmp://b.example/app", "(none)" },
        { "smooth", "https://a.example/live/sport.isml", "https://b.example/live/sport.isml", "(none)" },
        { "archive", "http://a.example/live/sport", "http://b.example/live/sport", "(none)" },
    };
    struct configuration_fixture fixture;
    fixture_create(&fixture);
    json_t *documents = documents_of(&fixture);
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        json_t *answers = answers_for(kinds[i][0], kinds[i][1], kinds[i][2], kinds[i][3]);
        for (enum wizard_step step = 0; step < WIZARD_STEPS; step++) {
            json_t *wrong = wizard_check(step, answers, documents);
            if (json_array_size(wrong))
                fail_msg("%s: %s", kinds[i][0], json_dumps(wrong, 0));
            json_decref(wrong);
        }
        json_t *problems = problems_of(&fixture, answers);
        if (json_array_size(problems))
            fail_msg("%s: %s", kinds[i][0], json_dumps(problems, JSON_INDENT(1)));
        json_decref(problems);
        json_decref(answers);
    }
    json_decref(documents);
    fixture_destroy(&fixture);
}

/* Said while there was a question for it; then the channel became one of one pipeline, or took an input that there is.
 */
static void an_answer_to_no_question_is_in_nobodys_way(void **state)
{
    (void)state;
    struct configuration_fixture fixture;
    fixture_create(&fixture);
    json_t *answers = answers_for("hls", "http://a.example/x", "", "(none)"), *documents = documents_of(&fixture);
    set(answers, WIZARD_INPUTS, "port_1", json_integer(99999));
    json_t *wrong = wizard_check(WIZARD_INPUTS, answers, documents);
    assert_int_equal(json_array_size(wrong), 1);
    json_decref(wrong);
    set(answers, WIZARD_CLASS, "class", json_string("single_pipeline"));
    wrong = wizard_check(WIZARD_INPUTS, answers, documents);
    assert_int_equal(json_array_size(wrong), 0);
    json_decref(wrong);
    set(answers, WIZARD_INPUTS, "port_0", json_integer(99999));
    set(answers, WIZARD_INPUTS, "input", json_string("one-rtp"));
    wrong = wizard_check(WIZARD_INPUTS, answers, documents);
    assert_int_equal(json_array_size(wrong), 0);
    json_decref(wrong);
    json_decref(documents);
    json_decref(answers);
    fixture_destroy(&fixture);
}

static void one_pipeline_is_asked_half(void **state)
{
    (void)state;
    struct configuration_fixture fixture;
    fixture_create(&fixture);
    json_t *answers = answers_for("hls", "http://a.example/x", "", "(none)"), *documents = documents_of(&fixture);
    set(answers, WIZARD_CLASS, "class", json_string("single_pipeline"));
    set(answers, WIZARD_INPUTS, "input", json_string("one-rtp"));
    json_t *schema = wizard_schema(WIZARD_DESTINATIONS, answers, documents);
    char *text = json_dumps(schema, 0);
    assert_null(strstr(text, "url_1"));
    assert_null(strstr(text, "user_0"));
    assert_null(strstr(text, "stream_0"));
    assert_non_null(strstr(text, "\"origin\"")); /* credentials that there are */
    free(text);
    json_decref(schema);
    schema = wizard_schema(WIZARD_INPUTS, answers, documents);
    text = json_dumps(schema, 0);
    assert_null(strstr(text, "address_0"));
    assert_non_null(strstr(text, "news-rtp"));
    free(text);
    json_decref(schema);
    json_t *problems = problems_of(&fixture, answers);
    assert_int_equal(json_array_size(problems), 0);
    json_decref(problems);
    json_decref(documents);
    json_decref(answers);
    fixture_destroy(&fixture);
}

static bool complains(enum wizard_step step, const json_t *answers, const json_t *documents, const char *question)
{
    json_t *list = wizard_check(step, answers, documents), *problem;
    bool found = false;
    size_t i;
    json_array_foreach(list, i, problem) found |=
        strcmp(json_string_value(json_object_get(problem, "path")), question) == 0;
    json_decref(list);
    return found;
}

static bool leads_to(const struct configuration_fixture *fixture, const json_t *answers, enum wizard_step wanted,
                     const char *question)
{
    json_t *problems = problems_of(fixture, answers), *problem, *documents = documents_of(fixture);
    bool found = false;
    size_t i;
    json_array_foreach(problems, i, problem)
    {
        enum wizard_step step;
        const char *place;
        assert_true(wizard_question_of(problem, answers, documents, &step, &place));
        found |= step == wanted && strcmp(place, question) == 0;
    }
    json_decref(problems);
    json_decref(documents);
    return found;
}

static void what_is_wrong_is_told_at_its_question(void **state)
{
    (void)state;
    struct configuration_fixture fixture;
    fixture_create(&fixture);
    json_t *answers = answers_for("hls", "", "http://b.example/x/", "(none)"), *documents = documents_of(&fixture);
    json_object_del(json_object_get(answers, "destinations"), "url_0");
    assert_true(complains(WIZARD_DESTINATIONS, answers, documents, "url_0"));
    set(answers, WIZARD_DOWNSTREAM, "segment_length", json_integer(99));
    assert_true(complains(WIZARD_DOWNSTREAM, answers, documents, "segment_length"));
    set(answers, WIZARD_DOWNSTREAM, "segment_length", json_integer(6));
    set(answers, WIZARD_IDENTIFIERS, "channel", json_string("a b"));
    assert_true(complains(WIZARD_IDENTIFIERS, answers, documents, "channel"));
    set(answers, WIZARD_IDENTIFIERS, "channel", json_string("sport"));
    set(answers, WIZARD_INPUTS, "name", json_string("news-rtp"));
    assert_true(complains(WIZARD_INPUTS, answers, documents, "name"));
    set(answers, WIZARD_INPUTS, "name", json_string("sport-in"));
    json_object_del(json_object_get(answers, "source"), "senders");
    assert_true(complains(WIZARD_INPUTS, answers, documents, "input"));
    set(answers, WIZARD_SOURCE, "senders", json_pack("[s]", "10.5.0.0/16"));
    /* and what only biplaned sees: an address that is taken, a slash at the end of the second URL */
    set(answers, WIZARD_DESTINATIONS, "url_0", json_string("http://a.example/x"));
    set(answers, WIZARD_INPUTS, "port_0", json_integer(5000));
    assert_true(leads_to(&fixture, answers, WIZARD_INPUTS, "address_0"));
    set(answers, WIZARD_INPUTS, "port_0", json_integer(6000));
    assert_true(leads_to(&fixture, answers, WIZARD_DESTINATIONS, "url_1"));
    json_decref(documents);
    json_decref(answers);
    fixture_destroy(&fixture);
}

static void a_draft_holds_no_secret(void **state)
{
    (void)state;
    json_t *answers = answers_for("rtmp", "rtmp://a.example/app", "rtmp://b.example/app", "(new)");
    set(answers, WIZARD_DESTINATIONS, "password_0", json_string("a-secret"));
    set(answers, WIZARD_DESTINATIONS, "stream_0", json_string("b-secret"));
    json_t *own = wizard_own(answers), *draft = wizard_draft(answers, own);
    char *text = json_dumps(draft, 0);
    assert_null(strstr(text, "-secret"));
    assert_non_null(strstr(text, "sport-in"));
    free(text);
    assert_true(json_equal(json_object_get(draft, "own"), own));
    json_decref(own);
    json_decref(draft);
    json_decref(answers);
}

static json_t *element(const json_t *documents, const char *document, const char *list, const char *name)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(json_object_get(documents, document), list), i,
                       one) if (strcmp(json_string_value(json_object_get(one, "name")), name) == 0) return one;
    return NULL;
}

static json_t *staged_over(const json_t *documents, const json_t *answers)
{
    json_t *staged = json_deep_copy(documents), *made = wizard_documents(answers, documents);
    json_object_update(staged, made);
    json_decref(made);
    return staged;
}

static void nothing_that_is_there_already_is_written_over(void **state)
{
    (void)state;
    struct configuration_fixture fixture;
    fixture_create(&fixture);
    json_t *answers = answers_for("hls", "http://a.example/x", "http://b.example/x", "(new)");
    json_t *documents = documents_of(&fixture), *others = staged_over(documents, answers);
    assert_true(complains(WIZARD_IDENTIFIERS, answers, others, "channel"));
    assert_true(complains(WIZARD_INPUTS, answers, others, "name"));
    assert_true(complains(WIZARD_DESTINATIONS, answers, others, "credentials_0"));
    assert_true(complains(WIZARD_DESTINATIONS, answers, others, "credentials_1"));
    json_array_clear(json_object_get(json_object_get(others, "box"), "inputs")); /* its senders are left */
    assert_true(complains(WIZARD_INPUTS, answers, others, "name"));
    json_decref(others);
    json_decref(documents);
    json_decref(answers);
    fixture_destroy(&fixture);
}

/* What a wizard staged is its own until it is applied: it may be called something else the next time. */
static void its_own_is_no_others(void **state)
{
    (void)state;
    struct configuration_fixture fixture;
    fixture_create(&fixture);
    json_t *answers = answers_for("hls", "http://a.example/x", "http://b.example/x", "(new)");
    json_t *documents = documents_of(&fixture), *own = wizard_own(answers);
    json_t *staged = staged_over(documents, answers);
    json_t *inputs = json_object_get(json_object_get(staged, "box"), "inputs"); /* somebody else's, staged meanwhile */
    json_array_append_new(inputs, json_pack("{s:s}", "name", "other"));
    json_t *others = wizard_others(staged, documents, own);
    assert_null(json_object_get(others, "channels/sport"));
    assert_null(element(others, "box", "inputs", "sport-in"));
    assert_null(element(others, "box", "input_security_groups", "sport-in-senders"));
    assert_null(element(others, "credentials", "credentials", "sport-0"));
    assert_non_null(element(others, "credentials", "credentials", "origin"));
    assert_non_null(element(others, "box", "inputs", "other"));
    assert_non_null(element(others, "box", "inputs", "news-rtp"));
    assert_non_null(json_object_get(others, "channels/news"));
    json_decref(others);
    others = wizard_others(staged, staged, own); /* applied, by somebody else */
    assert_true(json_equal(others, staged));
    json_decref(others);
    others = wizard_others(staged, documents, NULL);
    assert_true(json_equal(others, staged));
    json_decref(others);
    json_decref(staged);
    json_decref(own);
    json_decref(documents);
    json_decref(answers);
    fixture_destroy(&fixture);
}

static bool leads_somewhere(const json_t *answers, const json_t *documents, const char *document, const char *path)
{
    json_t *problem = json_pack("{s:s, s:s}", "document", document, "path", path);
    enum wizard_step step;
    const char *question;
    bool found = wizard_question_of(problem, answers, documents, &step, &question);
    json_decref(problem);
    return found;
}

/* Nobody is led to her own answer because of what somebody else staged. */
static void what_is_wrong_with_others_leads_nowhere(void **state)
{
    (void)state;
    struct configuration_fixture fixture;
    fixture_create(&fixture);
    json_t *answers = answers_for("hls", "http://a.example/x", "http://b.example/x", "(new)");
    json_t *documents = documents_of(&fixture);
    assert_true(leads_somewhere(answers, documents, "channels/sport", "output_groups[0].destinations[0].url"));
    assert_false(leads_somewhere(answers, documents, "channels/news", "output_groups[0].destinations[0].url"));
    assert_true(leads_somewhere(answers, documents, "box", "inputs[2].endpoints[0].address"));
    assert_false(leads_somewhere(answers, documents, "box", "inputs[1].endpoints[0].address"));
    assert_true(leads_somewhere(answers, documents, "box", "input_security_groups[1].cidrs[0]"));
    assert_false(leads_somewhere(answers, documents, "box", "input_security_groups[0].cidrs[0]"));
    assert_false(leads_somewhere(answers, documents, "box", "nodes[0]"));
    assert_true(leads_somewhere(answers, documents, "credentials", "credentials[1].user"));
    assert_false(leads_somewhere(answers, documents, "credentials", "credentials[0].user"));
    json_decref(documents);
    json_decref(answers);
    fixture_destroy(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_downstream_is_a_channel_that_works),
        cmocka_unit_test(an_answer_to_no_question_is_in_nobodys_way),
        cmocka_unit_test(one_pipeline_is_asked_half),
        cmocka_unit_test(what_is_wrong_is_told_at_its_question),
        cmocka_unit_test(a_draft_holds_no_secret),
        cmocka_unit_test(nothing_that_is_there_already_is_written_over),
        cmocka_unit_test(its_own_is_no_others),
        cmocka_unit_test(what_is_wrong_with_others_leads_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
