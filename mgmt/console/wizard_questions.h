/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wizard_questions.h - the tables of the wizard's questions, and what stands behind their choices; for the files that
 * are the wizard. */
#pragma once
#include "board/settings.h"
#include "mgmt/console/wizard.h"

enum wizard_downstream {
    DOWNSTREAM_HLS,
    DOWNSTREAM_HLS_WEBDAV,
    DOWNSTREAM_HLS_S3,
    DOWNSTREAM_MEDIAPACKAGE_V1,
    DOWNSTREAM_MEDIAPACKAGE_V2,
    DOWNSTREAM_CMAF_INGEST,
    DOWNSTREAM_RTMP,
    DOWNSTREAM_SMOOTH,
    DOWNSTREAM_ARCHIVE,
    DOWNSTREAMS
};

struct wizard_downstream_kind {
    const char *type, *cdn;   /* of the output group; NULL: by default */
    bool one_output;          /* takes one video only */
    bool tracks;              /* one video or audio an output */
    bool https_digest;        /* MediaPackage v1: credentials are of that scheme */
    const char *length_group; /* where the segment length stands; NULL: nowhere */
    const char *length_key;
};
extern const struct wizard_downstream_kind wizard_kinds[DOWNSTREAMS];

extern const struct settings wizard_tables[WIZARD_STEPS];

/* The answer, or the default of its question. */
const char *wizard_text(const json_t *answers, enum wizard_step step, const char *question);
json_int_t wizard_integer(const json_t *answers, enum wizard_step step, const char *question);
double wizard_number(const json_t *answers, enum wizard_step step, const char *question);
const json_t *wizard_list(const json_t *answers, enum wizard_step step, const char *question);
unsigned wizard_choice(const json_t *answers, enum wizard_step step, const char *question); /* its index */
const struct wizard_downstream_kind *wizard_kind(const json_t *answers);
unsigned wizard_pipelines(const json_t *answers);
bool wizard_makes_input(const json_t *answers);
bool wizard_makes_credentials(const json_t *answers, unsigned pipeline);

/* What is made beside the channel is called after it, or after the input. */
void wizard_credentials_name(const json_t *answers, unsigned pipeline, char name[96]); /* "": none are used */
void wizard_senders_name(const char *input, char name[80]);                            /* the security group */
bool wizard_is_named(const json_t *list, const char *name); /* is there an element of that name? */
