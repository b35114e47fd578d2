/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/store_http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "board/error.h"
#include "mgmt/url.h"

struct store_http {
    struct store base;
    const struct destination *destination;
    const struct connection_settings *connection;
    struct transfer_target *target;
};

static struct store_http *of(struct store *base)
{
    return (struct store_http *)base; /* its first member */
}

const char *store_http_fault(const struct destination *destination, const struct connection_settings *connection)
{
    (void)connection;
    return url_prefix_fault(destination->url);
}

int store_http_target(struct transfer_target **out, const struct store_config *config, struct error *err)
{
    const struct destination *destination = config->destination;
    const struct transfer_target_config target = {
        .url = destination->url,
        .credential = config->credential,
        .certificate_authority = destination->certificate_authority,
        .certificate_check = destination->certificate_check,
        .interface = destination->interface,
        .source_address = destination->source_address,
        .connections = config->connection->connections,
        .timeout_s = config->connection->timeout,
        .stall_watch = config->stall_watch,
    };
    return transfer_target_create(out, config->engine, &target, err);
}

void store_http_request(struct transfer_request *out, struct store_http_parts *parts,
                        const struct destination *destination, const struct connection_settings *connection,
                        const struct store_request *request)
{
    snprintf(parts->url, sizeof parts->url, "%.*s%s", (int)url_folder_bytes(destination->url), destination->url,
             request->name);
    parts->headers[0] = parts->headers[1] = NULL;
    if (request->content_encoding) {
        snprintf(parts->encoding, sizeof parts->encoding, "Content-Encoding: %s", request->content_encoding);
        parts->headers[0] = parts->encoding;
    }
    *out = (struct transfer_request){
        .method = request->method == STORE_DELETE ? TRANSFER_DELETE : TRANSFER_PUT,
        .url = parts->url,
        .content_type = request->content_type,
        .cache_control = request->cache_control,
        .headers = parts->headers,
        .body = request->body,
        .bytes = request->bytes,
        .descriptor = request->descriptor,
        .chunked = request->method == STORE_PUT && connection->http_transfer_mode == HTTP_TRANSFER_CHUNKED,
        .done = request->done,
        .context = request->context,
    };
}

static void destroy(struct store *base)
{
    transfer_target_destroy(of(base)->target);
    free(base);
}

static int create(struct store **out, const struct store_config *config, struct error *err)
{
    struct store_http *store = calloc(1, sizeof *store);
    if (!store)
        return error_set(err, -ENOMEM, "destination %s", config->destination->url);
    store->destination = config->destination;
    store->connection = config->connection;
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
    return transfer_target_free(((const struct store_http *)base)->target);
}

static int start(struct store *base, const struct store_request *request, struct store_task **out, struct error *err)
{
    struct store_http *store = of(base);
    struct store_http_parts parts = { 0 };
    struct transfer_request transfer;
    store_http_request(&transfer, &parts, store->destination, store->connection, request);
    return transfer_start(store->target, &transfer, (struct transfer **)out, err);
}

static void cancel(struct store *base, struct store_task *task)
{
    (void)base;
    transfer_cancel((struct transfer *)task); /* a task of this family is a transfer */
}

const struct store_class store_http_class = { "basic_put", store_http_fault, create, destroy, count_free,
                                              start,       cancel,           NULL };
