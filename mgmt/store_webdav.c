/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_webdav.c - a task is a request of the owner's, and takes one transfer after the other until it is fulfilled or
 * one of them has failed; that one's result is the owner's. A task holds one of the target's handles from its first
 * step to its last: the next one is started before anybody else is told that the last one is free. */
#include "mgmt/store_webdav.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "board/log.h"
#include "mgmt/store_http.h"
#include "mgmt/url.h"

#define TEMPORARY ".part" /* behind a file's name */

enum renaming { RENAMING_UNKNOWN, RENAMING_WORKS, RENAMING_REFUSED };

struct store_webdav {
    struct store base;
    const struct destination *destination;
    const struct connection_settings *connection;
    const struct log *log;
    struct transfer_target *target;
    enum renaming renaming;
};

enum step { STEP_PUT, STEP_MOVE, STEP_MAKE_FOLDER, STEP_CLEAN, STEP_DELETE };

/* Only ever seen as a struct store_task by others. */
struct webdav_task {
    struct store_webdav *store;
    struct store_request request; /* its strings are in `text` */
    enum step step;
    bool temporary;    /* what is put gets its name later */
    bool folders_made; /* once a task */
    bool left_over;    /* a file under its temporary name, which could not be renamed */
    size_t folder_end; /* MAKE_FOLDER: bytes of the URL up to the slash of the folder being made */
    struct transfer *transfer;
    struct transfer_result result; /* CLEAN: of the step before */
    char url[STORE_HTTP_URL_BYTES];
    char text[]; /* name, content type, content encoding, cache control */
};

static struct store_webdav *of(struct store *base)
{
    return (struct store_webdav *)base; /* its first member */
}

static int start_step(struct webdav_task *task, enum step step, struct error *err);

/* ---- what one step led to ---- */

static void finish(struct webdav_task *task, const struct transfer_result *result)
{
    const struct transfer_result kept = *result; /* it may stand in the task */
    transfer_done *done = task->request.done;
    void *context = task->request.context;
    free(task);
    done(context, &kept);
}

static void go_on(struct webdav_task *task, enum step step, const struct transfer_result *result)
{
    struct transfer_result failed = *result;
    struct error err = { 0 };
    if (start_step(task, step, &err) == 0)
        return;
    failed.outcome = TRANSFER_FAILED;
    snprintf(failed.text, sizeof failed.text, "%.*s", TRANSFER_TEXT_BYTES - 1, err.text);
    finish(task, &failed);
}

static bool is_missing_folder(const struct transfer_result *result)
{
    return result->status == 409 || result->status == 404;
}

/* Bytes of the URL up to and with the slash of the server's root. */
static size_t root_folder(const char *url)
{
    return (size_t)(strchr(strstr(url, "://") + 3, '/') - url) + 1;
}

/* The slash that ends the folder above or below the one that ends at `end`; 0: there is none, or only the root. */
static size_t folder_above(const char *url, size_t end)
{
    size_t root = root_folder(url), at = end - 1;
    while (at > root && url[at - 1] != '/')
        at--;
    return at > root ? at : 0;
}

static size_t folder_below(const char *url, size_t end)
{
    const char *slash = strchr(url + end, '/');
    return slash ? (size_t)(slash - url) + 1 : 0;
}

static size_t file_folder(const char *url)
{
    return (size_t)(strrchr(url, '/') - url) + 1;
}

static void put_done(struct webdav_task *task, const struct transfer_result *result)
{
    if (is_missing_folder(result) && !task->folders_made) {
        task->folders_made = true;
        task->folder_end = file_folder(task->url);
        if (task->folder_end > root_folder(task->url)) {
            go_on(task, STEP_MAKE_FOLDER, result);
            return;
        }
    }
    if (result->outcome == TRANSFER_OK && task->temporary) {
        go_on(task, STEP_MOVE, result);
    } else if (result->outcome == TRANSFER_OK && task->left_over) {
        task->result = *result;
        task->result.answer = NULL;
        task->result.answer_bytes = 0;
        go_on(task, STEP_CLEAN, result);
    } else {
        finish(task, result);
    }
}

/* 405: it is there. What is missing above it is made first; then the way leads down again. */
static void folder_done(struct webdav_task *task, const struct transfer_result *result)
{
    bool there = result->outcome == TRANSFER_OK || result->status == 405;
    size_t next = there ? folder_below(task->url, task->folder_end) : folder_above(task->url, task->folder_end);
    if (!there && !(is_missing_folder(result) && next)) {
        finish(task, result);
    } else if (there && !next) {
        go_on(task, STEP_PUT, result);
    } else {
        task->folder_end = next;
        go_on(task, STEP_MAKE_FOLDER, result);
    }
}

/* The server's own word that it does not rename: not a fault of the moment. */
static bool refuses_to_rename(const struct webdav_task *task, const struct transfer_result *result)
{
    return result->status == 405 || result->status == 501 ||
           (task->store->renaming == RENAMING_UNKNOWN && (result->status == 400 || result->status == 403));
}

static void move_done(struct webdav_task *task, const struct transfer_result *result)
{
    struct store_webdav *store = task->store;
    if (result->outcome == TRANSFER_OK) {
        store->renaming = RENAMING_WORKS;
    } else if (refuses_to_rename(task, result)) {
        log_info(store->log, "destination %s: the server does not rename (%s): files are put in place",
                 store->destination->url, result->text);
        store->renaming = RENAMING_REFUSED;
        task->left_over = true;
        go_on(task, STEP_PUT, result);
        return;
    }
    finish(task, result);
}

static void on_done(void *context, const struct transfer_result *result)
{
    struct webdav_task *task = context;
    task->transfer = NULL;
    switch (task->step) {
    case STEP_PUT:
        put_done(task, result);
        break;
    case STEP_MAKE_FOLDER:
        folder_done(task, result);
        break;
    case STEP_MOVE:
        move_done(task, result);
        break;
    case STEP_CLEAN:
        finish(task, &task->result);
        break;
    case STEP_DELETE:
        finish(task, result);
    }
}

/* ---- one step ---- */

static int start_move(struct webdav_task *task, const char *url, struct error *err)
{
    char destination[STORE_HTTP_URL_BYTES + 16];
    const char *const headers[] = { destination, "Overwrite: T", NULL };
    const struct transfer_request transfer = {
        .method = TRANSFER_MOVE, .url = url, .headers = headers, .done = on_done, .context = task
    };
    snprintf(destination, sizeof destination, "Destination: %s", task->url);
    return transfer_start(task->store->target, &transfer, &task->transfer, err);
}

/* Of a folder to make, or of the file under its temporary name. */
static int start_plain(struct webdav_task *task, enum transfer_method method, const char *url, struct error *err)
{
    const struct transfer_request transfer = { .method = method, .url = url, .done = on_done, .context = task };
    return transfer_start(task->store->target, &transfer, &task->transfer, err);
}

static int start_put(struct webdav_task *task, struct error *err)
{
    struct store_webdav *store = task->store;
    struct store_http_parts parts = { 0 };
    struct transfer_request transfer;
    store_http_request(&transfer, &parts, store->destination, store->connection, &task->request);
    strcpy(task->url, parts.url);
    task->temporary = task->step == STEP_PUT && store->renaming != RENAMING_REFUSED;
    if (task->temporary)
        strncat(parts.url, TEMPORARY, sizeof parts.url - strlen(parts.url) - 1);
    transfer.done = on_done;
    transfer.context = task;
    return transfer_start(store->target, &transfer, &task->transfer, err);
}

static int start_step(struct webdav_task *task, enum step step, struct error *err)
{
    char url[STORE_HTTP_URL_BYTES + sizeof TEMPORARY];
    task->step = step;
    switch (step) {
    case STEP_MOVE:
        snprintf(url, sizeof url, "%s" TEMPORARY, task->url);
        return start_move(task, url, err);
    case STEP_MAKE_FOLDER:
        snprintf(url, sizeof url, "%.*s", (int)task->folder_end, task->url);
        return start_plain(task, TRANSFER_MKCOL, url, err);
    case STEP_CLEAN:
        snprintf(url, sizeof url, "%s" TEMPORARY, task->url);
        return start_plain(task, TRANSFER_DELETE, url, err);
    default:
        return start_put(task, err);
    }
}

/* ---- the store ---- */

static void destroy(struct store *base)
{
    transfer_target_destroy(of(base)->target);
    free(base);
}

static int create(struct store **out, const struct store_config *config, struct error *err)
{
    struct store_webdav *store = calloc(1, sizeof *store);
    if (!store)
        return error_set(err, -ENOMEM, "destination %s", config->destination->url);
    store->destination = config->destination;
    store->connection = config->connection;
    store->log = config->log;
    int result = store_http_target(&store->target, config, err);
    if (result < 0) {
        free(store);
        return result;
    }
    *out = &store->base;
    return 0;
}

static unsigned count_free(const struct store *base)
{
    return transfer_target_free(((const struct store_webdav *)base)->target);
}

/* A copy of a string that the request only lends us, behind the others. */
static const char *keep(char **place, const char *text)
{
    if (!text)
        return NULL;
    char *copy = *place;
    strcpy(copy, text);
    *place += strlen(text) + 1;
    return copy;
}

static struct webdav_task *make_task(struct store_webdav *store, const struct store_request *request)
{
    const char *const texts[] = { request->name, request->content_type, request->content_encoding,
                                  request->cache_control };
    size_t bytes = 0;
    for (unsigned i = 0; i < 4; i++)
        bytes += texts[i] ? strlen(texts[i]) + 1 : 0;
    struct webdav_task *task = calloc(1, sizeof *task + bytes);
    if (!task)
        return NULL;
    char *place = task->text;
    task->store = store;
    task->request = *request;
    task->request.name = keep(&place, request->name);
    task->request.content_type = keep(&place, request->content_type);
    task->request.content_encoding = keep(&place, request->content_encoding);
    task->request.cache_control = keep(&place, request->cache_control);
    return task;
}

static int start(struct store *base, const struct store_request *request, struct store_task **out, struct error *err)
{
    struct webdav_task *task = make_task(of(base), request);
    if (!task)
        return error_set(err, -ENOMEM, "request for %s", request->name);
    int result = start_step(task, request->method == STORE_DELETE ? STEP_DELETE : STEP_PUT, err);
    if (result < 0)
        free(task);
    else
        *out = (struct store_task *)task;
    return result;
}

static void cancel(struct store *base, struct store_task *task)
{
    (void)base;
    struct webdav_task *mine = (struct webdav_task *)task;
    transfer_cancel(mine->transfer);
    free(mine);
}

const struct store_class store_webdav_class = { "webdav", store_http_fault, create, destroy, count_free,
                                                start,    cancel,           NULL };
