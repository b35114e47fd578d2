/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/store_akamai.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/clock.h"
#include "board/error.h"
#include "mgmt/akamai_token.h"
#include "mgmt/credentials.h"
#include "mgmt/store_http.h"

enum { TOKEN_SECONDS = 300 /* that a token is good for: longer than a transfer, and than clocks differ */ };

struct store_akamai {
    struct store base;
    const struct destination *destination;
    const struct connection_settings *connection;
    const struct clock *clock;
    struct transfer_target *target;
    char salt[sizeof((struct credential *)0)->salt];
};

static struct store_akamai *of(struct store *base)
{
    return (struct store_akamai *)base; /* its first member */
}

static const char *fault(const struct destination *destination, const struct connection_settings *connection)
{
    size_t length = strlen(connection->akamai_token);
    for (const char *c = connection->akamai_token; *c; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '_'))
            return "cannot be sent to: akamai_token may hold letters, digits and _ only";
    if (length < AKAMAI_TOKEN_NAME_MIN || length > AKAMAI_TOKEN_NAME_MAX)
        return "cannot be sent to: akamai_token must have 5 to 12 characters";
    return store_http_fault(destination, connection);
}

static void destroy(struct store *base)
{
    struct store_akamai *store = of(base);
    transfer_target_destroy(store->target);
    explicit_bzero(store->salt, sizeof store->salt);
    free(store);
}

static int create(struct store **out, const struct store_config *config, struct error *err)
{
    struct store_akamai *store = calloc(1, sizeof *store);
    if (!store)
        return error_set(err, -ENOMEM, "destination %s", config->destination->url);
    store->destination = config->destination;
    store->connection = config->connection;
    store->clock = config->clock;
    if (config->credential)
        snprintf(store->salt, sizeof store->salt, "%s", config->credential->salt);
    int result = store_http_target(&store->target, config, err);
    if (result < 0) {
        destroy(&store->base);
        return result;
    }
    *out = &store->base;
    return 0;
}

static unsigned count_free(const struct store *base)
{
    return transfer_target_free(((const struct store_akamai *)base)->target);
}

static int start(struct store *base, const struct store_request *request, struct store_task **out, struct error *err)
{
    struct store_akamai *store = of(base);
    struct store_http_parts parts = { 0 };
    struct transfer_request transfer;
    store_http_request(&transfer, &parts, store->destination, store->connection, request);
    if (store->salt[0]) {
        uint32_t now_s = (uint32_t)(clock_utc_ns(store->clock) / NS_PER_S);
        int result = akamai_token_append(parts.url, sizeof parts.url, store->connection->akamai_token, store->salt,
                                         now_s + TOKEN_SECONDS);
        if (result < 0)
            return error_set(err, result, "token for %s", request->name);
    }
    return transfer_start(store->target, &transfer, (struct transfer **)out, err);
}

static void cancel(struct store *base, struct store_task *task)
{
    (void)base;
    transfer_cancel((struct transfer *)task); /* a task of this family is a transfer */
}

const struct store_class store_akamai_class = { "akamai", fault, create, destroy, count_free, start, cancel, NULL };
