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

/* Numbers and words that the table does not take. Values are stored in a struct of its own, to be forgotten. */
static void check_by_table(enum wizard_step step, const json_t *answers, json_t *list)
{
    char *text = NULL;
    size_t bytes;
    json_t *step_answers = json_deep_copy(json_object_get(answers, wizard_tables[step].name));
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

static bool is_taken(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *other = json_string_value(json_object_get(json_array_get(list, i), "name"));
        if (other && strcmp(other, name) == 0)
            return true;
    }
    return false;
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
    if (step == WIZARD_INPUTS && wizard_makes_input(answers)) {
        const json_t *inputs = json_object_get(json_object_get(documents, "box"), "inputs");
        if (is_taken(inputs, wizard_text(answers, WIZARD_INPUTS, "name")))
            complain(list, "name", "there is an input of this name already: choose it above, or another name");
        if (json_array_size(wizard_list(answers, WIZARD_SOURCE, "senders")) == 0)
            complain(list, "input", "a new input needs its senders: go back to the source with p and say who sends");
    }
    return list;
}

static const struct lead {
    const char *document, *path; /* begins so */
    enum wizard_step step;
    const char *question;
} leads[] = {
    { "channels/", "output_groups[0].destinations[0].url", WIZARD_DESTINATIONS, "url_0" },
    { "channels/", "output_groups[0].destinations[1].url", WIZARD_DESTINATIONS, "url_1" },
    { "channels/", "output_groups[0].destinations[0].stream", WIZARD_DESTINATIONS, "stream_0" },
    { "channels/", "output_groups[0].destinations[1].stream", WIZARD_DESTINATIONS, "stream_1" },
    { "channels/", "output_groups[0].destinations[1]", WIZARD_DESTINATIONS, "credentials_1" },
    { "channels/", "output_groups[0].destinations", WIZARD_DESTINATIONS, "credentials_0" },
    { "channels/", "output_groups", WIZARD_DOWNSTREAM, "segment_length" },
    { "channels/", "input_attachments[0].audio_selectors", WIZARD_SOURCE, "audio_language" },
    { "channels/", "input_attachments[0].video_selector", WIZARD_SOURCE, "program_id" },
    { "channels/", "input_attachments", WIZARD_INPUTS, "input" },
    { "channels/", "encodes", WIZARD_ENCODES, "ladder" },
    { "channels/", "framerate", WIZARD_ENCODES, "framerate" },
    { "channels/", "class", WIZARD_CLASS, "class" },
    { "channels/", "name", WIZARD_IDENTIFIERS, "channel" },
    { "box", "input_security_groups", WIZARD_SOURCE, "senders" },
    { "credentials", "credentials", WIZARD_DESTINATIONS, "credentials_0" },
};

bool wizard_question_of(const json_t *problem, const json_t *answers, enum wizard_step *step, const char **question)
{
    const char *document = json_string_value(json_object_get(problem, "document"));
    const char *path = json_string_value(json_object_get(problem, "path"));
    if (!document || !path)
        return false;
    if (strcmp(document, "box") == 0 && strncmp(path, "inputs[", 7) == 0) { /* the new input is the last of the list */
        *step = WIZARD_INPUTS;
        *question = strstr(path, "endpoints[1].port")   ? "port_1"
                    : strstr(path, "endpoints[1]")      ? "address_1"
                    : strstr(path, "endpoints[0].port") ? "port_0"
                    : strstr(path, "endpoints")         ? "address_0"
                                                        : "name";
        return wizard_makes_input(answers);
    }
    for (unsigned i = 0; i < sizeof leads / sizeof *leads; i++)
        if (strncmp(document, leads[i].document, strlen(leads[i].document)) == 0 &&
            strncmp(path, leads[i].path, strlen(leads[i].path)) == 0) {
            *step = leads[i].step;
            *question = leads[i].question;
            return true;
        }
    return false;
}

json_t *wizard_draft(const json_t *answers)
{
    json_t *draft = json_deep_copy(answers);
    for (unsigned i = 0; i < WIZARD_STEPS; i++)
        document_mask(json_object_get(draft, wizard_tables[i].name), &wizard_tables[i]);
    return draft;
}
