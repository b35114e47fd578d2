/* SPDX-License-Identifier: GPL-2.0-or-later */
/* s3_client.h - signed requests to one bucket or container, as one destination uses it.
 *
 * Over mgmt/transfer.h: it makes the address, signs each try with the time of that try, and understands the answers.
 * What it settles by itself, once a request, without telling: the bucket is in another region or at another address
 * (followed and remembered), the clock of the box and that of the store differ by more than five minutes (the
 * difference is kept and used for signing; the box's clock stays as it is). Everything else is told in words and is the
 * caller's to repeat, with the pause that the result wishes for: random, and longer each time, when the store is
 * overloaded, so that boxes that were refused together do not come back together. A large body is hashed by a thread of
 * the client's before it is signed and sent: that takes up to three milliseconds for each megabyte. One thread (the
 * loop's).
 *
 *     s3_client_create(&client, &(struct s3_client_config){ .place = place, .identity = identity, .target = limits,
 *                      .engine = engine, .loop = loop, .clock = &clock, .log = &log }, &err);
 *     s3_client_start(client, &(struct s3_request){ .method = TRANSFER_PUT, .key = "live/news_00042.ts", .body = data,
 *                     .bytes = n, .done = on_done, .context = me }, &call, &err);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mgmt/s3_address.h"
#include "mgmt/s3_answer.h"
#include "mgmt/sigv4.h"
#include "mgmt/transfer.h"

struct clock;
struct error;
struct log;
struct loop;
struct s3_call;
struct s3_client;

enum { S3_HEADERS_MAX = 4, S3_ETAG_BYTES = 96 };

struct s3_result {
    struct transfer_result transfer; /* outcome and text are judged and put in words as S3 means them */
    struct s3_answer_error error;    /* of an answer that is one */
    char etag[S3_ETAG_BYTES];        /* with its quotation marks; "": none */
    unsigned wait_ms;                /* that the next try should wait at least; 0: the store said nothing of load */
};

/* Made from the loop, or from s3_client_start's caller never. The call is over when it is called. */
typedef void s3_done(void *context, const struct s3_result *result);

struct s3_request {
    enum transfer_method method;
    const char *key;                     /* borrow during the call, like all texts here; complete, from the bucket on */
    const struct sigv4_pair *parameters; /* of the query, up to SIGV4_PARAMETERS_MAX */
    unsigned parameter_count;
    const struct sigv4_pair *headers; /* besides content-type and the like, up to S3_HEADERS_MAX; signed */
    unsigned header_count;
    const char *content_type, *content_encoding, *cache_control; /* NULL or "": none */
    const void *body;                                            /* borrow until done or cancelled */
    size_t bytes;
    size_t answer_bytes_max; /* of the answer's body to keep; 0: as much as an error's words need */
    unsigned timeout_s;      /* without progress; 0: the target's */
    s3_done *done;
    void *context;
};

struct s3_client_config {
    struct s3_place place;                /* borrow during create */
    struct sigv4_identity identity;       /* borrow during create */
    bool unsigned_payload;                /* do not hash bodies; over https only (-EINVAL) */
    unsigned pause_ms;                    /* the first pause's bound, see s3_client_backoff_ms(); 0: 500 */
    struct transfer_target_config target; /* borrow during create; url and credential are not looked at */
    struct transfer_engine *engine;       /* borrow, like all below */
    struct loop *loop;
    const struct clock *clock;
    const struct log *log;
};

struct s3_client_counters {
    uint64_t redirects, clock_corrections, throttled;
};

int s3_client_create(struct s3_client **out, const struct s3_client_config *config, struct error *err);
void s3_client_destroy(struct s3_client *client);                           /* cancels what runs; NULL is fine */
const struct s3_address *s3_client_address(const struct s3_client *client); /* borrow */
struct s3_client_counters s3_client_counters(const struct s3_client *client);
unsigned s3_client_free(const struct s3_client *client); /* how many more requests may be started now */
int64_t s3_client_clock_offset_ns(const struct s3_client *client);

/* 0 and the call (borrow: until done or cancelled), -EBUSY: no connection is free, -EMSGSIZE: cannot be signed (of one
 * with a large body that is told to done). */
int s3_client_start(struct s3_client *client, const struct s3_request *request, struct s3_call **out,
                    struct error *err);
void s3_client_cancel(struct s3_call *call); /* done is not called; the body is not looked at any more */

/* A pause after `tries` tries that failed: random, up to a bound that doubles with each and is at most 15 s. */
unsigned s3_client_backoff_ms(struct s3_client *client, unsigned tries);
