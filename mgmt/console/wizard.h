/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wizard.h - the questions for a new channel, from where it goes back to where it comes from: downstream, encodes,
 * class, source, identifiers, inputs, destinations. Pure: answers are JSON, one object a step; of them it makes the
 * documents that are staged.
 *
 * A step's questions are a table of settings like any other, so its form is too. What is wrong with an answer is found
 * by the table; what is wrong with the channel is found by biplaned, and is led back to the question it came from.
 *
 *     json_t *answers = wizard_begin();
 *     json_t *schema = wizard_schema(WIZARD_CLASS, answers, documents);
 *     json_t *problems = wizard_check(WIZARD_CLASS, answers, documents);
 *     json_t *made = wizard_documents(answers, documents);        // {"channels/news": ..., "box": ...}
 *
 * A wizard may stand open for hours: the documents are read anew for each step and at the end, so that nothing is taken
 * back that others staged or applied meanwhile.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>

enum wizard_step {
    WIZARD_DOWNSTREAM,
    WIZARD_ENCODES,
    WIZARD_CLASS,
    WIZARD_SOURCE,
    WIZARD_IDENTIFIERS,
    WIZARD_INPUTS,
    WIZARD_DESTINATIONS,
    WIZARD_STEPS
};

json_t *wizard_begin(void);                              /* give: no answers yet */
const char *wizard_step_name(enum wizard_step step);     /* static: "downstream": the answers' key */
const char *wizard_step_question(enum wizard_step step); /* static: a sentence */
const char *wizard_channel_name(const json_t *answers);  /* borrow; "": not said yet */

/* The step's table as in GET /v1/schema, without what the other answers make needless, with the names that there are as
 * choices. documents: as staged. give */
json_t *wizard_schema(enum wizard_step step, const json_t *answers, const json_t *documents);
/* give: list of {document: "wizard", path: "url_0", message}. documents: without the wizard's own */
json_t *wizard_check(enum wizard_step step, const json_t *answers, const json_t *documents);

/* give: the documents that become others: channels/<name>, box with a new input, credentials with new ones. */
json_t *wizard_documents(const json_t *answers, const json_t *documents);

/* What of those is the wizard's own: {"channel": "news", "input": "studio", "credentials": ["news-0"]}. give */
json_t *wizard_own(const json_t *answers);
/* The documents as staged, without what this wizard staged itself before (own; NULL: nothing), which may be called
 * something else by now. What is in place stays. give */
json_t *wizard_others(const json_t *staged, const json_t *in_place, const json_t *own);

/* The step that a problem of the made documents comes from, and its question (static); false: none, or it was found in
 * what others made. documents: without the wizard's own. */
bool wizard_question_of(const json_t *problem, const json_t *answers, const json_t *documents, enum wizard_step *step,
                        const char **question);

/* Answers without what is secret, to be kept while nobody is there. own: borrow; NULL. give */
json_t *wizard_draft(const json_t *answers, const json_t *own);
