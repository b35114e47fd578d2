/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wizard_screens.c - goes through the steps. Answers are kept as a draft at biplaned, so that a line that drops loses
 * no more than what was being typed (and passwords: those are asked for again).
 */
#include "mgmt/console/wizard_screens.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "board/error.h"
#include "mgmt/console/console.h"
#include "mgmt/console/editor.h"
#include "mgmt/console/screens.h"
#include "mgmt/console/wizard.h"

struct wizard {
    struct console *console;
    json_t *answers;
    json_t *documents;         /* as others have them */
    json_t *own;               /* what was staged already; NULL: nothing */
    json_t *schema, *problems; /* of the step that is shown */
    json_t *found;             /* what biplaned found: [{step, document, path, message}] */
    enum wizard_step step;
    bool tried[WIZARD_STEPS]; /* what is missing is only told then */
};

/* Others may have staged or applied something since. give: the documents as staged; NULL: nobody is there. */
static json_t *read_documents(struct wizard *wizard, struct error *err)
{
    struct session *session = &wizard->console->session;
    json_t *staged = session_documents(session, err);
    json_t *in_place = staged ? session_get(session, "/v1/configuration", err) : NULL;
    if (in_place) {
        json_decref(wizard->documents);
        wizard->documents = wizard_others(staged, in_place, wizard->own);
        json_decref(in_place);
        return staged;
    }
    json_decref(staged);
    return NULL;
}

/* ---- one step ---- */
static void add_found(const struct wizard *wizard, json_t *problems)
{
    json_t *problem;
    size_t i;
    json_array_foreach(wizard->found, i, problem) if (json_integer_value(json_object_get(problem, "step")) ==
                                                      (json_int_t)wizard->step) json_array_append(problems, problem);
}

static void renew(void *context, struct form *form)
{
    struct wizard *wizard = context;
    json_decref(wizard->schema);
    json_decref(wizard->problems);
    wizard->schema = wizard_schema(wizard->step, wizard->answers, wizard->documents);
    wizard->problems =
        wizard->tried[wizard->step] ? wizard_check(wizard->step, wizard->answers, wizard->documents) : json_array();
    add_found(wizard, wizard->problems);
    form->settings = wizard->schema;
    form->problems = wizard->problems;
}

static void keep_draft(const struct wizard *wizard)
{
    json_t *draft = wizard_draft(wizard->answers, wizard->own), *answer = NULL;
    client_send(&wizard->console->session.client, "PUT", "/v1/draft", draft, &answer, NULL);
    json_decref(answer);
    json_decref(draft);
}

/* What biplaned found was found in what was said before. */
static void stored(void *context)
{
    struct wizard *wizard = context;
    keep_draft(wizard);
    json_decref(wizard->found);
    wizard->found = NULL;
}

static int show_step(struct wizard *wizard, unsigned *selected)
{
    char title[128];
    const char *name = wizard_step_name(wizard->step);
    snprintf(title, sizeof title, "New channel, %d of %d: %s - %s", (int)wizard->step + 1, WIZARD_STEPS, name,
             wizard_step_question(wizard->step));
    const struct editor_page page = { .title = title,
                                      .keys = "npde",
                                      .legend = " Enter: answer   n: next step   p: step before   q: leave",
                                      .renew = renew,
                                      .stored = stored,
                                      .context = wizard };
    struct form form = { .object = json_object_get(wizard->answers, name), .document = "wizard" };
    json_decref(read_documents(wizard, NULL));
    return editor_page(wizard->console, &page, &form, selected);
}

/* ---- the end ---- */
static int stage_difference(struct session *session, const json_t *before, const json_t *after, struct error *err)
{
    const char *name;
    json_t *value;
    int result = 0;
    json_object_foreach((json_t *)after, name, value)
    {
        if (result == 0 && !json_equal(value, json_object_get(before, name)))
            result = session_stage(session, name, value, err);
    }
    json_object_foreach((json_t *)before, name, value)
    {
        if (result == 0 && !json_object_get(after, name))
            result = session_remove(session, name, err); /* it is called something else now */
    }
    return result;
}

/* The first step with a wrong answer, also one that only what others made meanwhile made wrong. */
static enum wizard_step first_wrong(struct wizard *wizard)
{
    for (enum wizard_step step = 0; step < WIZARD_STEPS; step++) {
        json_t *problems = wizard_check(step, wizard->answers, wizard->documents);
        size_t count = json_array_size(problems);
        json_decref(problems);
        if (count)
            return step;
    }
    return WIZARD_STEPS;
}

/* On top of what others have. *wrong: the step that has to be answered anew before; WIZARD_STEPS: it is staged. */
static int stage(struct wizard *wizard, enum wizard_step *wrong, struct error *err)
{
    json_t *staged = read_documents(wizard, err);
    if (!staged)
        return -ENOTCONN;
    *wrong = first_wrong(wizard);
    int result = 0;
    if (*wrong == WIZARD_STEPS) {
        json_t *after = json_copy(wizard->documents), *made = wizard_documents(wizard->answers, wizard->documents);
        json_object_update(after, made);
        result = stage_difference(&wizard->console->session, staged, after, err);
        json_decref(made);
        json_decref(after);
        json_decref(wizard->own);
        wizard->own = wizard_own(wizard->answers);
        keep_draft(wizard);
    }
    json_decref(staged);
    return result;
}

/* Leads what biplaned found back to the questions. Returns the first step with any; WIZARD_STEPS: none. */
static enum wizard_step lead_back(struct wizard *wizard)
{
    const json_t *problems = session_problems(&wizard->console->session);
    enum wizard_step first = WIZARD_STEPS;
    json_decref(wizard->found);
    wizard->found = json_array();
    for (size_t i = 0; i < json_array_size(problems); i++) {
        enum wizard_step step;
        const char *question;
        const json_t *problem = json_array_get(problems, i);
        if (!wizard_question_of(problem, wizard->answers, wizard->documents, &step, &question))
            continue;
        json_array_append_new(wizard->found,
                              json_pack("{s:i, s:s, s:s, s:O}", "step", (int)step, "document", "wizard", "path",
                                        question, "message", json_object_get(problem, "message")));
        first = step < first ? step : first;
    }
    return first;
}

static void forget_draft(const struct wizard *wizard)
{
    json_t *answer = NULL;
    client_request(&wizard->console->session.client, "DELETE", "/v1/draft", &answer, NULL);
    json_decref(answer);
}

/* Stages the channel; true: it is there, to be looked at and applied. */
static bool finish(struct wizard *wizard)
{
    struct error err = { 0 };
    enum wizard_step step;
    if (stage(wizard, &step, &err) < 0) {
        console_tell(wizard->console, "New channel", &err);
        return false;
    }
    if (step == WIZARD_STEPS)
        step = lead_back(wizard);
    if (step < WIZARD_STEPS) {
        view_message(wizard->console->view, "New channel",
                     "Something of this does not work. You are led to it: it is marked with ! there.");
        wizard->tried[step] = true;
        wizard->step = step;
        return false;
    }
    forget_draft(wizard);
    screen_staged(wizard->console);
    return true;
}

/* ---- the way through ---- */
static bool is_done(struct wizard *wizard)
{
    json_t *problems = wizard_check(wizard->step, wizard->answers, wizard->documents);
    bool good = json_array_size(problems) == 0;
    json_decref(problems);
    wizard->tried[wizard->step] = true;
    return good;
}

static int first_error(struct wizard *wizard)
{
    struct form form = { .object = json_object_get(wizard->answers, wizard_step_name(wizard->step)),
                         .document = "wizard" };
    renew(wizard, &form);
    int field = form_first_error(&form);
    return field < 0 ? 0 : field;
}

static void walk(struct wizard *wizard)
{
    unsigned selected = 0;
    for (int key; (key = show_step(wizard, &selected)) != VIEW_BACK && key != VIEW_GONE;) {
        enum wizard_step before = wizard->step;
        if (key == 'p' && wizard->step > 0)
            wizard->step--;
        else if (key == 'n' && is_done(wizard) && wizard->step + 1 < WIZARD_STEPS)
            wizard->step++;
        else if (key == 'n' && is_done(wizard) && finish(wizard))
            return;
        selected = key == 'n' && (wizard->step <= before) ? (unsigned)first_error(wizard) : 0;
    }
}

/* What was secret is not in a draft: it is asked for again. */
static void take_draft(struct wizard *wizard, json_t *draft)
{
    const char *question;
    json_t *value;
    void *next;
    for (enum wizard_step step = 0; step < WIZARD_STEPS; step++)
        json_object_foreach_safe(json_object_get(draft, wizard_step_name(step)), next, question,
                                 value) if (json_is_null(value))
            json_object_del(json_object_get(draft, wizard_step_name(step)), question);
    json_object_update_existing(wizard->answers, draft);
    wizard->own = json_incref(json_object_get(draft, "own"));
}

static void recall(struct wizard *wizard)
{
    json_t *draft = session_get(&wizard->console->session, "/v1/draft", NULL);
    const char *name = draft ? wizard_channel_name(draft) : "";
    char text[256];
    snprintf(text, sizeof text, "There are answers from before%s%.60s. Forget them, and begin anew?",
             *name ? ", for channel " : "", name);
    bool known = json_is_object(json_object_get(draft, "downstream"));
    if (known && view_ask(wizard->console->view, "New channel", text, "Begin anew", "Go on"))
        forget_draft(wizard);
    else if (known) /* also when nobody answered: nothing is lost without a yes */
        take_draft(wizard, draft);
    json_decref(draft);
}

void wizard_screens(struct console *console)
{
    struct error err = { 0 };
    struct wizard wizard = { .console = console, .answers = wizard_begin() };
    json_t *staged = read_documents(&wizard, &err);
    if (!staged) {
        console_tell(console, "New channel", &err);
    } else {
        json_decref(staged);
        recall(&wizard);
        walk(&wizard);
    }
    json_decref(wizard.answers);
    json_decref(wizard.documents);
    json_decref(wizard.own);
    json_decref(wizard.schema);
    json_decref(wizard.problems);
    json_decref(wizard.found);
}
