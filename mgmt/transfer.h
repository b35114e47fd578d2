/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transfer.h - HTTP PUT and DELETE with libcurl's multi interface on the event loop. Nothing here blocks.
 *
 * An engine drives all transfers of the process; a target is one server as one destination uses it: credentials,
 * certificate authority, time limits, and up to `connections` requests at once over kept-alive HTTP/1.1 connections. A
 * target's handles live as long as it does, so that a Digest nonce is used again instead of being asked for each time.
 * Bodies are sent from the caller's memory. One thread (the loop's). Retrying is the caller's business
 * (mgmt/destination.h).
 *
 *     transfer_engine_create(&engine, loop, &clock, &err);
 *     transfer_target_create(&target, engine, &(struct transfer_target_config){.url = "https://origin/live/news",
 *                            .connections = 4, .timeout_s = 10}, &err);
 *     transfer_start(target, &(struct transfer_request){.method = TRANSFER_PUT, .url = url, .body = data,
 *                    .bytes = n, .done = on_done, .context = me}, &transfer, &err);
 *
 * Creating an engine makes the process ignore SIGPIPE: OpenSSL writes to sockets without MSG_NOSIGNAL.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clock;
struct credential;
struct error;
struct loop;
struct transfer;
struct transfer_engine;
struct transfer_target;

enum { TRANSFER_TEXT_BYTES = 256 };

enum transfer_method { TRANSFER_PUT, TRANSFER_DELETE };

enum transfer_outcome {
    TRANSFER_OK,           /* 2xx; for DELETE also 404 and 410 */
    TRANSFER_UNAUTHORIZED, /* 401, 403 */
    TRANSFER_CERTIFICATE,  /* the server's certificate or our authority file is not good */
    TRANSFER_REFUSED,      /* the server will never take this file: 400, 413, 414, 415, 422 */
    TRANSFER_FAILED,       /* every other status, and everything that is below HTTP */
};

struct transfer_result {
    enum transfer_outcome outcome;
    unsigned status;        /* HTTP; 0: there was no answer */
    unsigned retry_after_s; /* as the server wishes; 0: it said nothing */
    uint64_t duration_ns;
    bool new_connection;
    char text[TRANSFER_TEXT_BYTES]; /* "503 Service Unavailable", "Connection refused"; "" when all is well */
};

/* Made from the loop. The transfer is over when it is called: its body and handle are free. */
typedef void transfer_done(void *context, const struct transfer_result *result);

struct transfer_request {
    enum transfer_method method;
    const char *url;           /* borrow during the call */
    const char *content_type;  /* borrow during the call; NULL: none */
    const char *cache_control; /* borrow during the call; NULL: none */
    const void *body;          /* borrow until done or cancelled */
    size_t bytes;
    transfer_done *done;
    void *context;
};

struct transfer_target_config {
    const char *url;                     /* borrow during create: checked, and used in messages */
    const struct credential *credential; /* borrow during create (copied into libcurl); NULL: none */
    const char *certificate_authority;   /* borrow during create: PEM file; NULL or "": the system's */
    unsigned connections;                /* 0: 4 */
    unsigned connect_timeout_ms;         /* 0: 5000 */
    unsigned timeout_s;                  /* without progress; 0: 10 */
};

struct transfer_engine_counters {
    uint64_t started, succeeded, failed, cancelled;
    uint64_t connections_opened;
};

int transfer_engine_create(struct transfer_engine **out, struct loop *loop, const struct clock *clock,
                           struct error *err);
void transfer_engine_destroy(struct transfer_engine *engine); /* its targets are gone before; NULL is fine */
struct transfer_engine_counters transfer_engine_counters(const struct transfer_engine *engine);

/* -EINVAL: the URL is not http:// or https://, or carries a user, a password, a query or a fragment. */
int transfer_target_create(struct transfer_target **out, struct transfer_engine *engine,
                           const struct transfer_target_config *config, struct error *err);
void transfer_target_destroy(struct transfer_target *target);        /* cancels what runs; NULL is fine */
unsigned transfer_target_free(const struct transfer_target *target); /* how many more may be started now */

/* Returns 0 and the transfer (borrow: until done or cancelled), or -EBUSY when all connections are in use. */
int transfer_start(struct transfer_target *target, const struct transfer_request *request, struct transfer **out,
                   struct error *err);
void transfer_cancel(struct transfer *transfer); /* done is not called */
