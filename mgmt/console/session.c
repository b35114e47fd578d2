/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/console/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"

enum { PATH_BYTES = 512 };

void session_end(struct session *session)
{
    json_decref(session->schema);
    json_decref(session->report);
    session->schema = session->report = NULL;
}

static json_t *ask(const struct session *session, const char *method, const char *path, struct error *err)
{
    json_t *answer = NULL;
    if (client_request(&session->client, method, path, &answer, err) == 0)
        return answer;
    json_decref(answer);
    return NULL;
}

json_t *session_get(const struct session *session, const char *path, struct error *err)
{
    return ask(session, "GET", path, err);
}

json_t *session_post(const struct session *session, const char *path, struct error *err)
{
    return ask(session, "POST", path, err);
}

const json_t *session_schema(struct session *session, const char *document, struct error *err)
{
    if (!session->schema)
        session->schema = session_get(session, "/v1/schema", err);
    const json_t *schema =
        json_object_get(session->schema, strncmp(document, "channels/", 9) == 0 ? "channel" : document);
    if (!schema && session->schema)
        error_set(err, -ENOENT, "biplaned does not know documents like %s", document);
    return schema;
}

json_t *session_documents(const struct session *session, struct error *err)
{
    return session_get(session, "/v1/configuration?staged=1", err);
}

json_t *session_document(const struct session *session, const char *name, struct error *err)
{
    json_t *documents = session_documents(session, err);
    if (!documents)
        return NULL;
    json_t *document = json_incref(json_object_get(documents, name));
    json_decref(documents);
    return document ? document : json_object();
}

/* ---- staging ---- */
static int take_report(struct session *session, int result, json_t *answer)
{
    if (result < 0) {
        json_decref(answer);
        return result;
    }
    json_decref(session->report);
    session->report = answer;
    return 0;
}

static void path_of(const char *name, char path[PATH_BYTES])
{
    if (strncmp(name, "channels/", 9) == 0)
        snprintf(path, PATH_BYTES, "/v1/configuration/channels/%.200s", name + 9);
    else
        snprintf(path, PATH_BYTES, "/v1/configuration/documents/%.200s", name);
}

int session_stage(struct session *session, const char *name, const json_t *document, struct error *err)
{
    char path[PATH_BYTES];
    json_t *answer = NULL;
    path_of(name, path);
    int result = client_send(&session->client, "PUT", path, document, &answer, err);
    return take_report(session, result, answer);
}

int session_remove(struct session *session, const char *name, struct error *err)
{
    char path[PATH_BYTES];
    json_t *answer = NULL;
    path_of(name, path);
    int result = client_request(&session->client, "DELETE", path, &answer, err);
    return take_report(session, result, answer);
}

int session_do(struct session *session, const char *what, struct error *err)
{
    char path[PATH_BYTES];
    json_t *answer = NULL;
    snprintf(path, sizeof path, "/v1/configuration/%s", what);
    int result = client_request(&session->client, "POST", path, &answer, err);
    return take_report(session, result, answer);
}

int session_refresh(struct session *session, struct error *err)
{
    json_t *answer = NULL;
    int result = client_request(&session->client, "GET", "/v1/configuration/report", &answer, err);
    return take_report(session, result, answer);
}

const json_t *session_problems(const struct session *session)
{
    return json_object_get(session->report, "problems");
}

bool session_must_confirm(const struct session *session, unsigned *seconds)
{
    const json_t *left = json_object_get(session->report, "confirm_seconds");
    *seconds = json_is_integer(left) ? (unsigned)json_integer_value(left) : 0;
    return json_is_integer(left);
}

char *session_escape(const char *text)
{
    char *escaped = malloc(3 * strlen(text) + 1);
    size_t used = 0;
    for (; escaped && *text; text++) {
        bool plain = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
                     (*text >= '0' && *text <= '9') || strchr("-_.~", *text);
        used += (size_t)sprintf(escaped + used, plain ? "%c" : "%%%02X", (unsigned char)*text);
    }
    if (escaped)
        escaped[used] = '\0';
    return escaped;
}
