/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transfer_private.h - what the files of mgmt/transfer*.c share. Nobody else includes this.
 *
 * transfer.c: engine and loop; transfer_target.c: targets and their libcurl handles; transfer_request.c: one request,
 * its body and its answer; transfer_identity.c: credentials; transfer_result.c: what became of it.
 */
#pragma once
#include <curl/curl.h>

#include "mgmt/delivery_socket.h"
#include "mgmt/digest.h"
#include "mgmt/lookups.h"
#include "mgmt/transfer.h"

enum { TRANSFER_IDENTITY_BYTES = DIGEST_ANSWER_BYTES + 32 };

struct transfer_engine {
    struct loop *loop;
    const struct clock *clock;
    struct loop_timer *watchman; /* looks for transfers that stand still; set while any runs */
    struct transfer_target *targets;
    struct transfer_target
        *visited; /* whose finished transfers are being collected; NULL when it went away meanwhile */
    unsigned running;
    bool watching; /* watchman is set */
    struct lookups lookups;
    struct transfer_engine_counters counters;
};

/* A libcurl handle; one request after the other. */
struct transfer {
    struct transfer_target *target;
    CURL *easy;
    bool running;
    bool looks_up; /* its name: begun, and not known to have failed */
    bool paused;   /* its `read` had nothing */
    bool cut;      /* the server ended the connection meanwhile */
    int socket;    /* of its connection; -1: not known */
    enum transfer_method method;
    const unsigned char *body;
    transfer_read *read;
    int descriptor;
    bool chunked;
    uint64_t bytes, sent;
    int read_error; /* a negative errno: why the body could not be read */
    transfer_done *done;
    void *context;
    struct curl_slist *headers;
    char *answer;
    size_t answer_bytes, answer_bytes_max;
    bool answer_cut;
    uint64_t started_ns, timeout_ns;
    bool may_stall;       /* without anybody being told */
    uint64_t progress_ns; /* when bytes have last gone either way; until it is connected: when it began */
    curl_off_t progress;  /* bytes so far; 0: not connected, or it waits for us */
    long connects;        /* of tries before the last */
    char *uri;            /* of a target with Digest: path and query */
    bool held;            /* waits for the challenge that another request asks for */
    bool asks;            /* without its body and credentials, for a challenge */
    bool identified;      /* carries an answer to a challenge, with the nonce of this number */
    bool no_digest;       /* the server wants something else */
    unsigned nonce_number;
    unsigned restarts;
    struct curl_slist identity_node; /* before the other headers */
    char *identity_line;
    char error_text[CURL_ERROR_SIZE];
    char socket_text[TRANSFER_TEXT_BYTES]; /* why no socket could be had; "": nothing of that kind */
};

/* Digest, of a target that has it. */
struct transfer_identity {
    char user[128], password[256];
    struct digest digest;
    bool challenged;        /* digest is usable */
    bool proven;            /* the server has taken an answer with this nonce */
    bool unprotected;       /* the server did not ask for credentials */
    unsigned nonce_number;  /* changes with the nonce */
    struct transfer *asker; /* whose question is on its way; NULL: none */
};

/* Each has a multi handle, and so a pool of connections, of its own. */
struct transfer_target {
    struct transfer_target *next; /* of the engine's */
    struct transfer_engine *engine;
    CURLM *multi;
    struct loop_timer *timer; /* libcurl's */
    struct delivery_path path;
    struct transfer_identity *identity; /* NULL: no Digest */
    uint64_t timeout_ns;
    struct transfer_stall_watch stall_watch;
    bool stalled; /* as was told */
    unsigned count;
    struct transfer transfers[];
};

/* transfer.c */
int transfer_watch_socket(CURL *easy, curl_socket_t file_descriptor, int what, void *target, void *unused);
int transfer_set_timer(CURLM *multi, long timeout_ms, void *target);
void transfer_on_timeout(void *target);
void transfer_watch_progress(struct transfer_engine *engine);
void transfer_release(struct transfer *transfer); /* it runs no longer, its handle is free */

/* transfer_request.c */
const char *transfer_method_name(enum transfer_method method);
bool transfer_has_body(enum transfer_method method);
void transfer_rewind(struct transfer *transfer); /* to be made again */
void transfer_clear(struct transfer *transfer);  /* what belongs to the request only */
/* libcurl's callbacks */
size_t transfer_read_body(char *buffer, size_t size, size_t count, void *transfer);
int transfer_seek_body(void *transfer, curl_off_t offset, int origin);
size_t transfer_keep_answer(char *data, size_t size, size_t count, void *transfer);

/* transfer_identity.c */
bool transfer_identity_open(struct transfer_target *target, const struct credential *credential);
void transfer_identity_close(struct transfer_target *target);
const char *transfer_uri_of(const char *url);
bool transfer_identity_prepare(struct transfer *transfer);               /* the headers are there; may leave it held */
bool transfer_identity_settle(struct transfer *transfer, CURLcode code); /* true: it goes on */
void transfer_identity_let_go(struct transfer_target *target);           /* starts those that were held, if it may */
void transfer_identity_forget(struct transfer *transfer);                /* it has ended */

/* transfer_result.c */
void transfer_fill_result(struct transfer *transfer, CURLcode code, struct transfer_result *result);
