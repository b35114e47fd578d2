/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api_configuration.c - the configuration through the API: what may stand in it, what does, what is staged. Secrets are
 * taken and never given.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "mgmt/api_private.h"
#include "mgmt/backup.h"
#include "mgmt/media_desk.h"
#include "mgmt/settings_schema.h"
#include "mgmt/staging.h"

static bool has_staging(struct call *call)
{
    if (!call->api->staging)
        api_refuse(call, 404, "this box does not stage changes");
    return call->api->staging != NULL;
}

static bool asked(const struct call *call, const char *name)
{
    const char *value = http_request_query(call->request, name);
    return value && strcmp(value, "0") != 0;
}

static void get_schema(struct call *call)
{
    static const char *const names[] = { "box", "network", "credentials" };
    call->json = json_object();
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        json_object_set_new(call->json, names[i], settings_schema(document_table(names[i])));
    json_object_set_new(call->json, "channel", settings_schema(document_table("channels/any")));
}

static void get_configuration(struct call *call)
{
    struct error err = { 0 };
    if (!has_staging(call))
        return;
    call->json = staging_documents(call->api->staging, asked(call, "staged"), &err);
    if (!call->json)
        api_refuse(call, 500, err.text);
}

static void answer_report(struct call *call, int result, const struct error *err)
{
    if (result < 0)
        api_refuse(call, api_status_of(result), err->text);
    else
        call->json = staging_report(call->api->staging);
}

static void get_report(struct call *call)
{
    if (has_staging(call))
        answer_report(call, 0, NULL);
}

static void put_named(struct call *call, const char *name)
{
    struct error err = { 0 };
    json_t *body = has_staging(call) ? api_body(call) : NULL;
    if (!body)
        return;
    answer_report(call, staging_put(call->api->staging, name, body, &err), &err);
    json_decref(body);
}

static void put_document(struct call *call)
{
    put_named(call, call->name);
}

static void channel_document(const struct call *call, char name[DOCUMENT_NAME_BYTES + 16])
{
    snprintf(name, DOCUMENT_NAME_BYTES + 16, "channels/%s", call->name);
}

static void put_channel(struct call *call)
{
    char name[DOCUMENT_NAME_BYTES + 16];
    channel_document(call, name);
    put_named(call, name);
}

static void delete_channel(struct call *call)
{
    char name[DOCUMENT_NAME_BYTES + 16];
    struct error err = { 0 };
    channel_document(call, name);
    if (has_staging(call))
        answer_report(call, staging_remove(call->api->staging, name, &err), &err);
}

static void post_apply(struct call *call)
{
    struct error err = { 0 };
    json_t *changes = NULL;
    const char *seconds = http_request_query(call->request, "confirm_seconds");
    if (!has_staging(call))
        return;
    int result = staging_apply(call->api->staging, seconds ? (unsigned)strtoul(seconds, NULL, 10) : 0, &changes, &err);
    if (result < 0) {
        api_refuse(call, result == -EINVAL ? 422 : api_status_of(result), err.text);
        json_decref(changes);
        return;
    }
    call->json = staging_report(call->api->staging);
    json_object_set_new(call->json, "changes", changes ? changes : json_null());
}

static void post_confirm(struct call *call)
{
    struct error err = { 0 };
    if (has_staging(call))
        answer_report(call, staging_confirm(call->api->staging, &err), &err);
}

static void post_discard(struct call *call)
{
    if (!has_staging(call))
        return;
    staging_discard(call->api->staging);
    answer_report(call, 0, NULL);
}

static void post_rollback(struct call *call)
{
    struct error err = { 0 };
    if (has_staging(call))
        answer_report(call, staging_roll_back(call->api->staging, &err), &err);
}

/* ---- drafts ---- */
static void get_draft(struct call *call)
{
    if (!has_staging(call))
        return;
    call->json = staging_draft(call->api->staging);
    if (!call->json)
        api_refuse(call, 404, "there is no draft");
}

static void keep_draft(struct call *call, const json_t *draft)
{
    struct error err = { 0 };
    int result = staging_keep_draft(call->api->staging, draft, &err);
    if (result < 0)
        api_refuse(call, api_status_of(result), err.text);
    else
        call->json = json_pack("{s:b}", "ok", 1);
}

static void put_draft(struct call *call)
{
    json_t *body = has_staging(call) ? api_body(call) : NULL;
    if (body)
        keep_draft(call, body);
    json_decref(body);
}

static void delete_draft(struct call *call)
{
    if (has_staging(call))
        keep_draft(call, NULL);
}

/* ---- backups ---- */
static json_t *backup_of(const struct call *call, struct error *err)
{
    const struct clock *clock = call->api->clock;
    json_t *documents = asked(call, "secrets") ? staging_documents_with_secrets(call->api->staging, err)
                                               : staging_documents(call->api->staging, false, err);
    json_t *backup = documents ? backup_make(documents, (int64_t)(clock_utc_ns(clock) / NS_PER_S)) : NULL;
    json_decref(documents);
    return backup;
}

static void get_backup(struct call *call)
{
    struct error err = { 0 };
    if (!has_staging(call))
        return;
    call->json = backup_of(call, &err);
    if (!call->json)
        api_refuse(call, 500, err.text);
}

void api_tell_path(struct call *call, const struct media_answer *saved)
{
    call->json = json_pack("{s:s}", "path", saved->path);
}

static void post_backup(struct call *call)
{
    struct error err = { 0 };
    char name[BACKUP_NAME_BYTES];
    const char *place = http_request_query(call->request, "place");
    if (!has_staging(call))
        return;
    if (!place || !call->desk) {
        api_refuse(call, 400, "where to? ?place= is the name of a stick of /v1/media");
        return;
    }
    json_t *backup = backup_of(call, &err);
    char *text = backup ? json_dumps(backup, JSON_INDENT(2)) : NULL;
    if (text && strlen(text) >= BACKUP_BYTES_MAX) {
        api_refuse(call, 500, "the configuration is too large for a backup");
        explicit_bzero(text, strlen(text));
        free(text);
    } else if (text) {
        backup_name(backup, name);
        api_ask_media(call,
                      &(struct media_question){
                          .work = MEDIA_SAVE, .place = place, .file = name, .data = text, .bytes = strlen(text) },
                      api_tell_path);
    } else {
        api_refuse(call, 500, backup ? "no memory for a backup" : err.text);
    }
    json_decref(backup);
}

static void restore(struct call *call, const json_t *backup)
{
    struct error err = { 0 };
    const json_t *documents = backup_documents(backup, &err);
    int result = documents ? staging_replace(call->api->staging, documents, &err) : -EINVAL;
    answer_report(call, result, &err);
}

static void restore_loaded(struct call *call, const struct media_answer *loaded)
{
    json_t *backup = json_loads(loaded->data, 0, NULL);
    restore(call, backup);
    json_decref(backup);
}

/* Stages what a backup holds: from a stick, or from the body. */
static void post_restore(struct call *call)
{
    const char *file = http_request_query(call->request, "file");
    if (!has_staging(call))
        return;
    if (file && call->desk) {
        api_ask_media(call, &(struct media_question){ .work = MEDIA_LOAD, .file = file, .bytes = BACKUP_BYTES_MAX },
                      restore_loaded);
        return;
    }
    json_t *backup = file ? NULL : api_body(call);
    if (file)
        api_refuse(call, 404, "this box does not do that");
    else if (backup)
        restore(call, backup);
    json_decref(backup);
}

const struct route api_configuration_routes[] = {
    { "GET", "/v1/schema", get_schema, ROUTE_ANYBODY },
    { "GET", "/v1/configuration", get_configuration, ROUTE_ANYBODY },
    { "GET", "/v1/configuration/report", get_report, ROUTE_ANYBODY },
    { "PUT", "/v1/configuration/documents/*", put_document, ROUTE_UNIX_SOCKET },
    { "PUT", "/v1/configuration/channels/*", put_channel, ROUTE_UNIX_SOCKET },
    { "DELETE", "/v1/configuration/channels/*", delete_channel, ROUTE_UNIX_SOCKET },
    { "POST", "/v1/configuration/apply", post_apply, ROUTE_UNIX_SOCKET },
    { "POST", "/v1/configuration/confirm", post_confirm, ROUTE_UNIX_SOCKET },
    { "POST", "/v1/configuration/discard", post_discard, ROUTE_UNIX_SOCKET },
    { "POST", "/v1/configuration/rollback", post_rollback, ROUTE_UNIX_SOCKET },
    { "GET", "/v1/draft", get_draft, ROUTE_UNIX_SOCKET },
    { "PUT", "/v1/draft", put_draft, ROUTE_UNIX_SOCKET },
    { "DELETE", "/v1/draft", delete_draft, ROUTE_UNIX_SOCKET },
    { "GET", "/v1/backup", get_backup, ROUTE_UNIX_SOCKET },
    { "POST", "/v1/backup", post_backup, ROUTE_UNIX_SOCKET },
    { "POST", "/v1/restore", post_restore, ROUTE_UNIX_SOCKET },
    { 0 },
};
