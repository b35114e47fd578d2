/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transfer_private.h - what the files of mgmt/transfer*.c share. Nobody else includes this.
 *
 * transfer.c: engine and loop; transfer_target.c: targets and their libcurl handles; transfer_request.c: one request,
 * its body and its answer; transfer_result.c: what became of it.
 */
#pragma once
#include <curl/curl.h>

#include "mgmt/delivery_socket.h"
#include "mgmt/transfer.h"

struct transfer_engine {
    struct loop *loop;
    const struct clock *clock;
    struct loop_timer *watchman; /* looks for transfers that stand still; set while any runs */
    struct transfer_target *targets;
    struct transfer_target
        *visited; /* whose finished transfers are being collected; NULL when it went away meanwhile */
    unsigned running;
    struct transfer_engine_counters counters;
};

/* A libcurl handle; one request after the other. */
struct transfer {
    struct transfer_target *target;
    CURL *easy;
    bool running;
    bool paused; /* its `read` had nothing */
    bool cut;    /* the server ended the connection meanwhile */
    enum transfer_method method;
    const unsigned char *body;
    transfer_read *read;
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
    uint64_t progress_ns; /* when bytes have last gone either way */
    curl_off_t progress;  /* bytes so far */
    char error_text[CURL_ERROR_SIZE];
    char socket_text[TRANSFER_TEXT_BYTES]; /* why no socket could be had; "": nothing of that kind */
};

/* Each has a multi handle, and so a pool of connections, of its own. */
struct transfer_target {
    struct transfer_target *next; /* of the engine's */
    struct transfer_engine *engine;
    CURLM *multi;
    struct loop_timer *timer; /* libcurl's */
    struct delivery_path path;
    uint64_t timeout_ns;
    unsigned count;
    struct transfer transfers[];
};

/* transfer.c */
int transfer_watch_socket(CURL *easy, curl_socket_t file_descriptor, int what, void *target, void *unused);
int transfer_set_timer(CURLM *multi, long timeout_ms, void *target);
void transfer_on_timeout(void *target);
void transfer_watch_progress(struct transfer_engine *engine);
void transfer_release(struct transfer *transfer); /* it runs no longer, its handle is free */

/* transfer_request.c: libcurl's callbacks */
size_t transfer_read_body(char *buffer, size_t size, size_t count, void *transfer);
int transfer_seek_body(void *transfer, curl_off_t offset, int origin);
size_t transfer_keep_answer(char *data, size_t size, size_t count, void *transfer);

/* transfer_result.c */
void transfer_fill_result(struct transfer *transfer, CURLcode code, struct transfer_result *result);
