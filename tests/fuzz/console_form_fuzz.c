/* SPDX-License-Identifier: GPL-2.0-or-later */
/* console_form_fuzz.c - any document under the real tables' forms, any text typed into any field of it, and any answers
 * to the wizard: shown, helped with, changed and made into documents without a fault.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mgmt/console/form.h"
#include "mgmt/console/pages.h"
#include "mgmt/console/wizard.h"
#include "mgmt/document_folder.h"
#include "mgmt/settings_schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DEPTH_MAX = 4 };

static void use(struct form *form, const char *typed, unsigned depth)
{
    static char text[FORM_TEXT_BYTES];
    for (size_t i = 0; i < form_count(form); i++) {
        form_line(form, i, text, sizeof text);
        form_help(form, i, text, sizeof text);
        form_error(form, i, text, sizeof text);
        form_edit_text(form, i, text, sizeof text);
        if (form_kind(form, i) == FORM_GROUP && depth < DEPTH_MAX) {
            struct form inner = form_of_group(form, i);
            use(&inner, typed, depth + 1);
        } else if (form_kind(form, i) == FORM_LIST) {
            for (size_t e = 0; e < form_elements(form, i) && e < 3 && depth < DEPTH_MAX; e++) {
                struct form inner = form_of_element(form, i, e);
                form_element_line(form, i, e, text, sizeof text);
                use(&inner, typed, depth + 1);
            }
        } else {
            form_set(form, i, typed);
        }
    }
}

static void edit(const json_t *json, const char *typed)
{
    static const char *const names[] = { "box", "network", "credentials", "channels/news" };
    for (unsigned i = 0; i < 4; i++) {
        json_t *schema = settings_schema(document_table(names[i])), *copy = json_deep_copy(json);
        struct form form = { .settings = schema, .object = copy, .problems = json, .document = names[i] };
        use(&form, typed, 0);
        json_decref(schema);
        json_decref(copy);
    }
}

static void ask(const json_t *json)
{
    for (enum wizard_step step = 0; step < WIZARD_STEPS; step++) {
        enum wizard_step found;
        const char *question;
        json_decref(wizard_schema(step, json, json));
        json_decref(wizard_check(step, json, json));
        wizard_question_of(json, json, json, &found, &question);
    }
    json_decref(wizard_documents(json, json));
    json_t *own = wizard_own(json);
    json_decref(wizard_draft(json, own));
    json_decref(wizard_others(json, json, own));
    json_decref(wizard_others(json, own, json));
    json_decref(own);
}

static void show(const json_t *json)
{
    struct lines lines = { 0 };
    char title[100];
    page_status(json, json, json, &lines);
    page_channel(json, &lines);
    page_report(json, &lines);
    page_update(json, &lines);
    page_hardware(json, json, &lines);
    page_title(json, json, title, sizeof title);
    if (lines.count)
        lines_find(&lines, lines.text[lines.count / 2], lines.count / 3);
    lines_free(&lines);
}

/* The text up to a zero byte is what is typed, the rest is the JSON. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = memchr(data, 0, size);
    size_t length = zero ? (size_t)(zero - data) : 0;
    char *typed = strndup((const char *)data, length);
    const uint8_t *rest = data + length + (zero != NULL);
    json_t *json = json_loadb((const char *)rest, size - (size_t)(rest - data), JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(json)) {
        edit(json, typed);
        ask(json);
    }
    if (json)
        show(json);
    json_decref(json);
    free(typed);
    return 0;
}
