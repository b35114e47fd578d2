/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session.h - the console's side of the API: what it asks for, what it stages. Each answer is asked for anew, so that a
 * biplaned that was restarted in between is no fault; tables are kept. Nothing of the configuration is kept here: each
 * change is staged at once, and is there for the next console when this one's line drops.
 *
 *     struct session session = { .client.run = "/run/biplane" };
 *     json_t *status = session_get(&session, "/v1/status", &err);
 *     session_stage(&session, "box", document, &err);              // session.report is new then
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#include "mgmt/client.h"

struct error;

struct session {
    struct client client;
    json_t *schema; /* NULL: not asked for yet */
    json_t *report; /* of what is staged, as it was told last; NULL: not told yet */
};

void session_end(struct session *session);

json_t *session_get(const struct session *session, const char *path, struct error *err); /* give; NULL */
/* give: the answer; NULL: it was refused, or nobody is there. */
json_t *session_post(const struct session *session, const char *path, struct error *err);

const json_t *session_schema(struct session *session, const char *document, struct error *err); /* borrow; NULL */
/* The document as staged, or as in place; {} where there is none. give; NULL: nobody is there. */
json_t *session_document(const struct session *session, const char *name, struct error *err);
json_t *session_documents(const struct session *session, struct error *err); /* give: all of them */

/* These leave the new report in the session. */
int session_stage(struct session *session, const char *name, const json_t *document, struct error *err);
int session_remove(struct session *session, const char *name, struct error *err);
int session_do(struct session *session, const char *what, struct error *err); /* apply, confirm, discard, rollback */
int session_refresh(struct session *session, struct error *err);

const json_t *session_problems(const struct session *session); /* borrow; NULL: none */
bool session_must_confirm(const struct session *session, unsigned *seconds);

/* A part of a path or query, with what has a meaning there escaped. give */
char *session_escape(const char *text);
