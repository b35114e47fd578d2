/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wizard.c - which questions are asked, and what is wrong with their answers. wizard_channel.c makes the channel. */
#include "mgmt/console/wizard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mgmt/console/wizard_questions.h"
#include "mgmt/document.h"
#include "mgmt/settings_schema.h"

json_t *wizard_begin(void)
{
    json_t *answers = json_object();
    for (unsigned i = 0; i < WIZARD_STEPS; i++)
        json_object_set_new(answers, wizard_tables[i].name, json_object());
    return answers;
}

const char *wizard_step_name(enum wizard_step step)
{
    return wizard_tables[step].name;
}

const char *wizard_step_question(enum wizard_step step)
{
    return wizard_tables[step].help;
}

const char *wizard_channel_name(const json_t *answers)
{
    return wizard_text(answers, WIZARD_IDENTIFIERS, "channel");
}

/* ---- which questions ---- */
static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text), wanted = strlen(ending);
    return length >= wanted && strcmp(text + length - wanted, ending) == 0;
}

static bool is_new_credential(const json_t *answers, const char *pipeline)
{
    char question[32];
    snprintf(question, sizeof question, "credentials%s", pipeline);
    return strcmp(wizard_text(answers, WIZARD_DESTINATIONS, question), "(new)") == 0;
}

static bool is_asked(enum wizard_step step, const char *question, const json_t *answers)
{
    unsigned downstream = wizard_choice(answers, WIZARD_DOWNSTREAM, "goes_to");
    const char *pipeline = ends_with(question, "_1") ? "_1" : "_0";
    if (ends_with(question, "_1") && wizard_pipelines(answers) < 2)
        return false;
    if (step == WIZARD_DOWNSTREAM && strcmp(question, "segment_length") == 0)
        return wizard_kind(answers)->length_key != NULL;
    if (step == WIZARD_INPUTS && strcmp(question, "input") != 0)
        return wizard_makes_input(answers);
    if (step != WIZARD_DESTINATIONS)
        return true;
    if (strncmp(question, "stream_", 7) == 0)
        return downstream == DOWNSTREAM_RTMP;
    if (strncmp(question, "user_", 5) == 0 || strncmp(question, "password_", 9) == 0)
        return is_new_credential(answers, pipeline);
    if (strcmp(question, "region") == 0 || strcmp(question, "endpoint") == 0)
        return downstream == DOWNSTREAM_HLS_S3;
    return true;
}

static void add_names(json_t *choices, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_object_get(json_array_get(list, i), "name"));
        if (name)
            json_array_append_new(choices, json_string(name));
    }
}

/* A name becomes a choice of those that there are. */
static void offer_names(json_t *row, const char *question, const json_t *documents)
{
    json_t *choices = json_array();
    if (strcmp(question, "input") == 0) {
        add_names(choices, json_object_get(json_object_get(documents, "box"), "inputs"));
    } else {
        json_array_append_new(choices, json_string("(none)"));
        add_names(choices, json_object_get(json_object_get(documents, "credentials"), "credentials"));
    }
    json_array_append_new(choices, json_string("(new)"));
    json_object_set_new(row, "type", json_string("choice"));
    json_object_set_new(row, "choices", choices);
}

json_t *wizard_schema(enum wizard_step step, const json_t *answers, const json_t *documents)
{
    json_t *schema = settings_schema(&wizard_tables[step]), *rows = json_object_get(schema, "rows");
    for (size_t i = json_array_size(rows); i > 0; i--) {
        json_t *row = json_array_get(rows, i - 1);
        const char *question = json_string_value(json_object_get(row, "name"));
        if (!is_asked(step, question, answers))
            json_array_remove(rows, i - 1);
        else if ((step == WIZARD_INPUTS && strcmp(question, "input") == 0) ||
                 (step == WIZARD_DESTINATIONS && strncmp(question, "credentials_", 12) == 0))
            offer_names(row, question, documents);
    }
    return schema;
}

/* ---- what is wrong ---- */
static void complain(json_t *list, const char *question, const char *message)
{
    json_array_append_new(list,
                          json_pack("{s:s, s:s, s:s}", "document", "wizard", "path", question, "message", message));
}

/* Numbers and words that the table does not take. Values are stored in a struct of its own, to be forgotten. An answer
 * from when there was a question for it wrongs nobody: it could not be mended, for it is shown nowhere. */
static void check_by_table(enum wizard_step step, const json_t *answers, json_t *list)
{
    char *text = NULL;
    size_t bytes;
    json_t *step_answers = json_deep_copy(json_object_get(answers, wizard_tables[step].name));
    for (const struct setting *row = wizard_tables[step].rows; row->name; row++)
        if (!is_asked(step, row->name, answers))
            json_object_del(step_answers, row->name);
    for (const struct setting *row = wizard_tables[step].rows; row->name; row++)
        if ((row->flags & SETTING_REQUIRED) && !json_object_get(step_answers, row->name))
            json_object_set_new(step_answers, row->name, json_string("x")); /* what is missing is told below */
    FILE *stream = open_memstream(&text, &bytes);
    void *value = calloc(1, wizard_tables[step].size);
    struct problems *problems = problems_create();
    if (stream)
        document_print(step_answers, stream, NULL);
    if (stream && fclose(stream) == 0 && value && problems)
        settings_read_text(&wizard_tables[step], "wizard", text, value, problems);
    for (unsigned i = 0; i < problems_count(problems); i++) {
        const char *file, *message;
        char question[64];
        unsigned line;
        message = problems_place(problems, i, &file, &line);
        snprintf(question, sizeof question, "%.*s", (int)strcspn(message, " "), message);
        complain(list, question, message);
    }
    problems_destroy(problems);
    free(value);
    free(text);
    json_decref(step_answers);
}

/* Nothing that is there already is written over: others use it, or made it meanwhile. */
static void check_names(enum wizard_step step, const json_t *answers, const json_t *documents, json_t *list)
{
    const json_t *box = json_object_get(documents, "box");
    const char *input = wizard_text(answers, WIZARD_INPUTS, "name");
    char name[96], text[256], question[32];
    snprintf(name, sizeof name, "channels/%.80s", wizard_channel_name(answers));
    if (step == WIZARD_IDENTIFIERS && json_object_get(documents, name))
        complain(list, "channel", "there is a channel of this name already: choose another name");
    if (step == WIZARD_INPUTS && wizard_makes_input(answers)) {
        wizard_senders_name(input, name);
        if (wizard_is_named(json_object_get(box, "inputs"), input))
            complain(list, "name", "there is an input of this name already: choose it above, or another name");
        else if (wizard_is_named(json_object_get(box, "input_security_groups"), name))
            complain(list, "name",
                     "there is a security group of this name, with -senders, already: choose another name");
    }
    for (unsigned i = 0; step == WIZARD_DESTINATIONS && i < wizard_pipelines(answers); i++) {
        wizard_credentials_name(answers, i, name);
        if (!wizard_makes_credentials(answers, i) ||
            !wizard_is_named(json_object_get(json_object_get(documents, "credentials"), "credentials"), name))
            continue;
        snprintf(question, sizeof question, "credentials_%u", i);
        snprintf(text, sizeof text,
                 "there are credentials \"%s\" already: choose them, or give the channel another name", name);
        complain(list, question, text);
    }
}

json_t *wizard_check(enum wizard_step step, const json_t *answers, const json_t *documents)
{
    json_t *list = json_array(), *schema = wizard_schema(step, answers, documents), *row;
    const json_t *given = json_object_get(answers, wizard_tables[step].name);
    size_t i;
    check_by_table(step, answers, list);
    json_array_foreach(json_object_get(schema, "rows"), i, row)
    {
        const char *question = json_string_value(json_object_get(row, "name"));
        const json_t *value = json_object_get(given, question);
        if (json_is_true(json_object_get(row, "required")) && (!value || json_is_null(value)))
            complain(list, question, "this has to be said");
    }
    json_decref(schema);
    check_names(step, answers, documents, list);
    if (step == WIZARD_INPUTS && wizard_makes_input(answers) &&
        json_array_size(wizard_list(answers, WIZARD_SOURCE, "senders")) == 0)
        complain(list, "input", "a new input needs its senders: go back to the source with p and say who sends");
    return list;
}

static const struct lead {
    const char *path; /* begins so */
    enum wizard_step step;
    const char *question;
} leads[] = {
    { "output_groups[0].destinations[0].url", WIZARD_DESTINATIONS, "url_0" },
    { "output_groups[0].destinations[1].url", WIZARD_DESTINATIONS, "url_1" },
    { "output_groups[0].destinations[0].stream", WIZARD_DESTINATIONS, "stream_0" },
    { "output_groups[0].destinations[1].stream", WIZARD_DESTINATIONS, "stream_1" },
    { "output_groups[0].destinations[1]", WIZARD_DESTINATIONS, "credentials_1" },
    { "output_groups[0].destinations", WIZARD_DESTINATIONS, "credentials_0" },
    { "output_groups", WIZARD_DOWNSTREAM, "segment_length" },
    { "input_attachments[0].audio_selectors", WIZARD_SOURCE, "audio_language" },
    { "input_attachments[0].video_selector", WIZARD_SOURCE, "program_id" },
    { "input_attachments", WIZARD_INPUTS, "input" },
    { "encodes", WIZARD_ENCODES, "ladder" },
    { "framerate", WIZARD_ENCODES, "framerate" },
    { "class", WIZARD_CLASS, "class" },
    { "name", WIZARD_IDENTIFIERS, "channel" },
};

/* Does it stand in what was put behind the others' elements of a list? Then *behind is its number of those. */
static bool is_behind(const char *path, const json_t *document, const char *list, size_t *behind)
{
    size_t length = strlen(list), others = json_array_size(json_object_get(document, list));
    if (strncmp(path, list, length) != 0 || path[length] != '[')
        return false;
    size_t index = strtoul(path + length + 1, NULL, 10);
    *behind = index - others;
    return index >= others;
}

static bool question_of_box(const char *path, const json_t *box, enum wizard_step *step, const char **question)
{
    size_t behind;
    if (is_behind(path, box, "input_security_groups", &behind)) {
        *step = WIZARD_SOURCE;
        *question = "senders";
        return true;
    }
    *step = WIZARD_INPUTS;
    *question = strstr(path, "endpoints[1].port")   ? "port_1"
                : strstr(path, "endpoints[1]")      ? "address_1"
                : strstr(path, "endpoints[0].port") ? "port_0"
                : strstr(path, "endpoints")         ? "address_0"
                                                    : "name";
    return is_behind(path, box, "inputs", &behind);
}

static bool question_of_credentials(const char *path, const json_t *answers, const json_t *credentials,
                                    enum wizard_step *step, const char **question)
{
    size_t behind;
    if (!is_behind(path, credentials, "credentials", &behind))
        return false;
    *step = WIZARD_DESTINATIONS;
    *question = behind == 0 && wizard_makes_credentials(answers, 0) ? "credentials_0" : "credentials_1";
    return true;
}

bool wizard_question_of(const json_t *problem, const json_t *answers, const json_t *documents, enum wizard_step *step,
                        const char **question)
{
    const char *document = json_string_value(json_object_get(problem, "document"));
    const char *path = json_string_value(json_object_get(problem, "path"));
    char own[96];
    if (!document || !path)
        return false;
    if (strcmp(document, "box") == 0)
        return wizard_makes_input(answers) && question_of_box(path, json_object_get(documents, "box"), step, question);
    if (strcmp(document, "credentials") == 0)
        return question_of_credentials(path, answers, json_object_get(documents, "credentials"), step, question);
    snprintf(own, sizeof own, "channels/%.80s", wizard_channel_name(answers));
    if (strcmp(document, own) != 0)
        return false;
    for (unsigned i = 0; i < sizeof leads / sizeof *leads; i++)
        if (strncmp(path, leads[i].path, strlen(leads[i].path)) == 0) {
            *step = leads[i].step;
            *question = leads[i].question;
            return true;
        }
    return false;
}

json_t *wizard_draft(const json_t *answers, const json_t *own)
{
    json_t *draft = json_deep_copy(answers);
    for (unsigned i = 0; i < WIZARD_STEPS; i++)
        document_mask(json_object_get(draft, wizard_tables[i].name), &wizard_tables[i]);
    if (own)
        json_object_set(draft, "own", (json_t *)own);
    return draft;
}
