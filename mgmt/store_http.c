/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/store_http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "board/error.h"
#include "mgmt/url.h"

struct store_http {
    struct store base;
    const struct destination *destination;
    struct transfer_target *target;
    size_t folder_bytes; /* of the URL, its last slash included */
};

/* What a task of this family is. */
struct http_task {
    struct transfer *transfer;
    int descriptor;
    transfer_done *done;
    void *context;
};

static struct store_http *of(struct store *base)
{
    return (struct store_http *)base; /* its first member */
}

static const char *fault(const struct destination *destination, const struct connection_settings *connection)
{
    (void)connection;
    return url_prefix_fault(destination->url);
}

static void destroy(struct store *base)
{
    transfer_target_destroy(of(base)->target);
    free(base);
}

static int create(struct store **out, const struct store_config *config, struct error *err)
{
    const struct transfer_target_config target = {
        .url = config->destination->url,
        .credential = config->credential,
        .certificate_authority = config->destination->certificate_authority,
        .connections = config->connection->connections,
        .timeout_s = config->connection->timeout,
    };
    struct store_http *store = calloc(1, sizeof *store);
    if (!store)
        return error_set(err, -ENOMEM, "destination %s", target.url);
    store->destination = config->destination;
    store->folder_bytes = url_folder_bytes(target.url);
    int result = transfer_target_create(&store->target, config->engine, &target, err);
    if (result < 0) {
        free(store);
        return result;
    }
    *out = &store->base;
    return 0;
}

static unsigned count_free(const struct store *base)
{
    return transfer_target_free(((const struct store_http *)base)->target);
}

/* ---- one request ---- */

/* From the page cache: what is uploaded has been written not long before. */
static ssize_t read_file(void *context, uint64_t offset, void *buffer, size_t bytes)
{
    const struct http_task *task = context;
    ssize_t count = pread(task->descriptor, buffer, bytes, (off_t)offset);
    return count < 0 ? -errno : count;
}

static void on_done(void *context, const struct transfer_result *result)
{
    struct http_task *task = context;
    transfer_done *done = task->done;
    void *owner = task->context;
    free(task);
    done(owner, result);
}

static int start(struct store *base, const struct store_request *request, struct store_task **out, struct error *err)
{
    struct store_http *store = of(base);
    char url[2 * OUTPUT_URL_BYTES];
    char encoding[64];
    const char *headers[] = { encoding, NULL };
    snprintf(url, sizeof url, "%.*s%s", (int)store->folder_bytes, store->destination->url, request->name);
    struct http_task *task = malloc(sizeof *task);
    if (!task)
        return error_set(err, -ENOMEM, "request for %s", url);
    *task = (struct http_task){ .descriptor = request->descriptor, .done = request->done, .context = request->context };
    if (request->content_encoding)
        snprintf(encoding, sizeof encoding, "Content-Encoding: %s", request->content_encoding);
    const struct transfer_request transfer = {
        .method = request->method == STORE_DELETE ? TRANSFER_DELETE : TRANSFER_PUT,
        .url = url,
        .content_type = request->content_type,
        .cache_control = request->cache_control,
        .headers = request->content_encoding ? headers : NULL,
        .body = request->body,
        .bytes = request->bytes,
        .read = request->body || request->method == STORE_DELETE ? NULL : read_file,
        .done = on_done,
        .context = task,
    };
    int result = transfer_start(store->target, &transfer, &task->transfer, err);
    if (result < 0)
        free(task);
    else
        *out = (struct store_task *)task;
    return result;
}

static void cancel(struct store *base, struct store_task *opaque)
{
    (void)base;
    struct http_task *task = (struct http_task *)opaque;
    transfer_cancel(task->transfer);
    free(task);
}

const struct store_class store_http_class = { "basic_put", fault, create, destroy, count_free, start, cancel };
