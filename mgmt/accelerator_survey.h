/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accelerator_survey.h - what this machine encodes with, asked for again while that is not all that it has.
 *
 * The list is asked for once before anything runs (accelerators.h). A driver that was not ready then, after power-up,
 * costs a list that is empty, or lacks that GPU, for ever; so it is asked for again, some times and with pauses, by a
 * thread that waits in our place, until the owner finds the list complete. What it is told comes in through the loop; a
 * list that is not complete counts until there is a better one. All calls from the loop's thread.
 *
 *     accelerator_survey_create(&survey, &(struct accelerator_survey_config){ .loop = loop, .first = json, ... },
 * &err); json_t *known = accelerator_survey_known(survey); accelerator_survey_destroy(survey);
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct accelerator_survey;
struct clock;
struct error;
struct log;
struct loop;

enum { ACCELERATOR_SURVEY_TIMES = 10 };

struct accelerator_survey_config {
    struct loop *loop; /* borrow, like all below */
    const struct clock *clock;
    const struct log *log;
    const char *programs_directory, *runtime_directory; /* as in accelerators_ask() */
    json_t *first;                                      /* its answer; NULL: none */
    bool (*complete)(const json_t *known);              /* nothing is missing in it; NULL: whatever is told */
    unsigned times;                                     /* at most; 0: ACCELERATOR_SURVEY_TIMES */
    uint64_t pause_ns;                                  /* before each; 0: half a minute */
};

int accelerator_survey_create(struct accelerator_survey **out, const struct accelerator_survey_config *config,
                              struct error *err);
/* Waits for nobody: who is being asked is left to the thread. NULL is fine. */
void accelerator_survey_destroy(struct accelerator_survey *survey);
json_t *accelerator_survey_known(const struct accelerator_survey *survey); /* borrow; NULL: nobody has told */
