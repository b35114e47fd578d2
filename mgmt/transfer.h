/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transfer.h - HTTP requests with libcurl's multi interface on the event loop. Nothing here blocks.
 *
 * An engine drives all transfers of the process; a target is one server as one destination uses it: credentials,
 * certificate authority, network interface, time limits, and up to `connections` requests at once, over kept-alive
 * HTTP/1.1 connections or one HTTP/2 connection where the server offers that with TLS. Targets share nothing: neither
 * connections nor credentials, so a slow server holds up its own destination only. One thread (the loop's). Retrying is
 * the caller's business (mgmt/destination.h).
 *
 *     transfer_engine_create(&engine, loop, &clock, &err);
 *     transfer_target_create(&target, engine, &(struct transfer_target_config){.url = "https://origin/live/news",
 *                            .connections = 4, .timeout_s = 10}, &err);
 *     transfer_start(target, &(struct transfer_request){.method = TRANSFER_PUT, .url = url, .body = data,
 *                    .bytes = n, .done = on_done, .context = me}, &transfer, &err);
 *
 * Bodies are sent from the caller's memory, or come piece by piece from its `read`. A read that has nothing now lets
 * the transfer sleep until transfer_resume(): a long-running POST. No limit of time runs while it sleeps:
 *
 *     ssize_t read(void *me, uint64_t offset, void *buffer, size_t bytes) { ... return TRANSFER_NOTHING_NOW; }
 *     transfer_start(target, &(struct transfer_request){.method = TRANSFER_POST, .url = url, .read = read,
 *                    .chunked = true, .done = on_done, .context = me}, &transfer, &err);
 *     transfer_resume(transfer);
 *
 * An answer that comes before the body has gone ends the transfer when it is a failure (status >= 300); a 2xx does not.
 * Creating an engine makes the process ignore SIGPIPE: OpenSSL writes to sockets without MSG_NOSIGNAL. It also lifts
 * the process's soft limit of open files to the hard one: each target holds two descriptors and its connections, and
 * 500 targets do not fit into the usual 1024.
 */
#pragma once
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct clock;
struct credential;
struct error;
struct loop;
struct transfer;
struct transfer_engine;
struct transfer_target;

enum { TRANSFER_TEXT_BYTES = 256, TRANSFER_NOTHING_NOW = -EAGAIN };

enum transfer_method {
    TRANSFER_PUT,
    TRANSFER_DELETE,
    TRANSFER_POST,
    TRANSFER_GET,
    TRANSFER_HEAD,
    TRANSFER_MKCOL, /* WebDAV */
    TRANSFER_MOVE,  /* WebDAV; with a Destination header */
};

enum transfer_outcome {
    TRANSFER_OK,           /* 2xx; for DELETE also 404 and 410 */
    TRANSFER_UNAUTHORIZED, /* 401, 403 */
    TRANSFER_CERTIFICATE,  /* the server's certificate or our authority file is not good */
    TRANSFER_REFUSED,      /* the server will never take this file: 400, 413, 414, 415, 422 */
    TRANSFER_FAILED,       /* every other status, and everything that is below HTTP */
};

enum transfer_certificate_check {
    TRANSFER_VERIFY,      /* signed by a known authority, for this host */
    TRANSFER_SELF_SIGNED, /* whatever certificate: encrypted, but from whom is not known */
};

struct transfer_result {
    enum transfer_outcome outcome;
    unsigned status;        /* HTTP; 0: there was no answer */
    unsigned retry_after_s; /* as the server wishes; 0: it said nothing */
    unsigned pause_ms;      /* that whoever passes this on wishes for before the next try; 0: none */
    uint64_t duration_ns;
    uint64_t still_ns; /* nothing had gone either way for so long at its end; 0 when there was an answer */
    bool new_connection;
    char text[TRANSFER_TEXT_BYTES];  /* "503 Service Unavailable", "Connection refused"; "" when all is well */
    const void *answer;              /* borrow during done: the answer's body; NULL: none, or not asked for */
    size_t answer_bytes;             /* at most answer_bytes_max */
    bool answer_cut;                 /* there was more */
    const struct transfer *transfer; /* borrow during done: for transfer_answer_header() */
};

/* Made from the loop. The transfer is over when it is called: its body and handle are free. */
typedef void transfer_done(void *context, const struct transfer_result *result);

/* Up to `bytes` (at least 1) of the body, from `offset` on, into buffer. Returns how many; 0: the body ends here;
 * TRANSFER_NOTHING_NOW: none yet, transfer_resume() tells when; another negative errno: the transfer fails. offset is
 * where the last read ended, or 0 when the body has to be sent once more (-ESPIPE when that cannot be). Made from
 * within libcurl: no function of this header may be called from it. */
typedef ssize_t transfer_read(void *context, uint64_t offset, void *buffer, size_t bytes);

struct transfer_request {
    enum transfer_method method;
    const char *url;            /* borrow during the call */
    const char *content_type;   /* borrow during the call; NULL: none */
    const char *cache_control;  /* borrow during the call; NULL: none */
    const char *const *headers; /* borrow during the call: more lines "Name: value", then NULL; NULL: none */
    const void *body;           /* PUT, POST: borrow until done or cancelled */
    size_t bytes;               /* of the body */
    transfer_read *read;        /* PUT, POST: instead of body; called with context */
    int descriptor;             /* PUT, POST, with neither body nor read: borrow; a file, read from offset 0 */
    bool chunked;               /* the body's length is not said; with `read`: need not be known */
    size_t answer_bytes_max;    /* of the answer's body to keep; 0: none */
    unsigned timeout_s;         /* without progress; 0: the target's */
    transfer_done *done;
    void *context;
};

/* Something stands still / nothing does any more. No function of this header may be called from it. */
typedef void transfer_stalled(void *context, bool stalled);

/* Somebody who wants to know of transfers that stand still while their time is not over. */
struct transfer_stall_watch {
    transfer_stalled *tell; /* NULL: nobody */
    void *context;
    unsigned ms; /* without progress, while connecting as well */
};

struct transfer_target_config {
    const char *url;                     /* borrow during create: checked, and used in messages */
    const struct credential *credential; /* borrow during create (copied into libcurl); NULL: none */
    const char *certificate_authority;   /* borrow during create: PEM file; NULL or "": the system's */
    unsigned certificate_check;          /* enum transfer_certificate_check */
    const char *interface;               /* borrow during create: to leave by; NULL or "": as routes say */
    const char *source_address;          /* borrow during create: to leave from; NULL or "": as routes say */
    bool only_http_1;            /* HTTP/2 is not offered: for one request of hours on a connection of its own */
    unsigned connections;        /* 0: 4 */
    unsigned connect_timeout_ms; /* 0: 5000 */
    unsigned timeout_s;          /* without progress; 0: 10 */
    /* Of all its transfers, but those with a time limit of their own: their answer may take its time. */
    struct transfer_stall_watch stall_watch;
};

struct transfer_engine_counters {
    uint64_t started, succeeded, failed, cancelled;
    uint64_t connections_opened;
    uint64_t lookups_left_behind, lookups_refused; /* of names: see mgmt/lookups.h */
};

int transfer_engine_create(struct transfer_engine **out, struct loop *loop, const struct clock *clock,
                           struct error *err);
void transfer_engine_destroy(struct transfer_engine *engine); /* its targets are gone before; NULL is fine */
struct transfer_engine_counters transfer_engine_counters(const struct transfer_engine *engine);

/* -EINVAL: the URL is not http:// or https://, or carries a user, a password, a query or a fragment; or an interface or
 * source address that cannot be. One that is only missing fails each transfer, until it is there. */
int transfer_target_create(struct transfer_target **out, struct transfer_engine *engine,
                           const struct transfer_target_config *config, struct error *err);
void transfer_target_destroy(struct transfer_target *target);        /* cancels what runs; NULL is fine */
unsigned transfer_target_free(const struct transfer_target *target); /* how many more may be started now */

/* Returns 0 and the transfer (borrow: until done or cancelled), -EBUSY when all connections are in use, -EINVAL when a
 * header holds a line end. */
int transfer_start(struct transfer_target *target, const struct transfer_request *request, struct transfer **out,
                   struct error *err);
void transfer_resume(struct transfer *transfer); /* its `read` has something again, or the end; too often is fine */
void transfer_cancel(struct transfer *transfer); /* done is not called */
/* Bytes of its connection that the other end's kernel has not acknowledged yet, those of TLS and HTTP among them;
 * UINT64_MAX: not known. What a body's `read` has given before its last call has at least reached our kernel. */
uint64_t transfer_unacknowledged(const struct transfer *transfer);
size_t transfer_window(const struct transfer *transfer); /* delivery_socket_window() of its connection */

/* The value of a header of the answer, the first of that name; NULL: none. Borrow: during done, until a transfer is
 * started on this target. */
const char *transfer_answer_header(const struct transfer *transfer, const char *name);
