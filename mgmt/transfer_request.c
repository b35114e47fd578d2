/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transfer_request.c - one request: its method and headers, its body on the way out, its answer on the way in.
 *
 * Bodies go out through a read callback: for a body of a segment's size CURLOPT_POSTFIELDS takes the same way inside
 * libcurl (one copy into its upload buffer either way; measured equal within noise), and it also tells how far a
 * transfer came.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "mgmt/transfer_private.h"

/* ---- body ---- */

static size_t read_memory(struct transfer *transfer, char *buffer, size_t room)
{
    uint64_t left = transfer->bytes - transfer->sent;
    size_t bytes = left < room ? (size_t)left : room;
    memcpy(buffer, transfer->body + transfer->sent, bytes);
    transfer->sent += bytes;
    return bytes;
}

/* From the page cache: what is uploaded has been written not long before. */
static ssize_t read_file(const struct transfer *transfer, char *buffer, size_t room)
{
    uint64_t left = transfer->bytes - transfer->sent;
    ssize_t bytes = pread(transfer->descriptor, buffer, left < room ? (size_t)left : room, (off_t)transfer->sent);
    return bytes < 0 ? -errno : bytes;
}

static ssize_t read_more(struct transfer *transfer, char *buffer, size_t room)
{
    if (transfer->cut)
        return -ECONNRESET;
    return transfer->read ? transfer->read(transfer->context, transfer->sent, buffer, room)
                          : read_file(transfer, buffer, room);
}

size_t transfer_read_body(char *buffer, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    size_t room = size * count;
    if (!transfer->read && (transfer->body || !transfer->bytes))
        return transfer->bytes ? read_memory(transfer, buffer, room) : 0;
    ssize_t bytes = read_more(transfer, buffer, room);
    if (bytes == TRANSFER_NOTHING_NOW) {
        transfer->paused = true;
        return CURL_READFUNC_PAUSE;
    }
    if (bytes == 0 && !(transfer->read && transfer->chunked) && transfer->sent < transfer->bytes)
        bytes = -ENODATA; /* less than was promised: the server would wait for the rest */
    if (bytes < 0 || (size_t)bytes > room) {
        transfer->read_error = bytes < 0 ? (int)bytes : -EOVERFLOW;
        return CURL_READFUNC_ABORT;
    }
    transfer->sent += (uint64_t)bytes;
    return (size_t)bytes;
}

/* A kept-alive connection that had died makes libcurl send the body again. */
int transfer_seek_body(void *context, curl_off_t offset, int origin)
{
    struct transfer *transfer = context;
    if (origin != SEEK_SET || offset < 0 || (!transfer->read && (uint64_t)offset > transfer->bytes))
        return CURL_SEEKFUNC_FAIL;
    transfer->sent = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

/* ---- answer ---- */

size_t transfer_keep_answer(char *data, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    size_t bytes = size * count, room = transfer->answer_bytes_max - transfer->answer_bytes;
    size_t kept = bytes < room ? bytes : room;
    transfer->answer_cut = transfer->answer_cut || (transfer->answer_bytes_max && kept < bytes);
    if (kept == 0)
        return bytes;
    char *longer = realloc(transfer->answer, transfer->answer_bytes + kept);
    if (!longer) {
        transfer->answer_cut = true;
        return bytes;
    }
    memcpy(longer + transfer->answer_bytes, data, kept);
    transfer->answer = longer;
    transfer->answer_bytes += kept;
    return bytes;
}

const char *transfer_answer_header(const struct transfer *transfer, const char *name)
{
    struct curl_header *header;
    return curl_easy_header(transfer->easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK ? header->value : NULL;
}

/* ---- request ---- */

static bool add_line(struct transfer *transfer, const char *line)
{
    struct curl_slist *longer = curl_slist_append(transfer->headers, line);
    if (longer)
        transfer->headers = longer;
    return longer != NULL;
}

static bool add_header(struct transfer *transfer, const char *name, const char *value)
{
    char line[256];
    snprintf(line, sizeof line, "%s: %s", name, value);
    return add_line(transfer, line);
}

static bool add_headers(struct transfer *transfer, const struct transfer_request *request)
{
    bool good = add_line(transfer, "Accept:"); /* an empty value takes libcurl's own header away */
    /* an Expect: 100-continue would cost a round trip, and a second against servers that do not know it */
    good = good && add_line(transfer, "Expect:");
    if (request->content_type)
        good = good && add_header(transfer, "Content-Type", request->content_type);
    if (request->cache_control)
        good = good && add_header(transfer, "Cache-Control", request->cache_control);
    for (const char *const *line = request->headers; good && line && *line; line++)
        good = add_line(transfer, *line);
    return good;
}

const char *transfer_method_name(enum transfer_method method)
{
    static const char *const names[] = { "PUT", "DELETE", "POST", "GET", "HEAD", "MKCOL", "MOVE" };
    return names[method];
}

bool transfer_has_body(enum transfer_method method)
{
    return method == TRANSFER_PUT || method == TRANSFER_POST;
}

static void set_length(struct transfer *transfer)
{
    curl_off_t length = transfer->chunked ? (curl_off_t)-1 : (curl_off_t)transfer->bytes;
    curl_easy_setopt(transfer->easy, CURLOPT_INFILESIZE_LARGE, length);
}

static bool set_method(struct transfer *transfer, const struct transfer_request *request)
{
    CURL *easy = transfer->easy;
    enum transfer_method method = request->method;
    bool with_body = transfer_has_body(method);
    curl_easy_setopt(easy, CURLOPT_NOBODY, 0L);
    curl_easy_setopt(easy, CURLOPT_UPLOAD, with_body ? 1L : 0L);
    if (with_body)
        set_length(transfer);
    else if (method == TRANSFER_HEAD)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    bool by_itself = method == TRANSFER_PUT || method == TRANSFER_GET || method == TRANSFER_HEAD;
    return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, by_itself ? NULL : transfer_method_name(method)) == CURLE_OK;
}

static bool prepare(struct transfer *transfer, const struct transfer_request *request)
{
    return add_headers(transfer, request) && set_method(transfer, request) &&
           curl_easy_setopt(transfer->easy, CURLOPT_URL, request->url) == CURLE_OK &&
           curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers) == CURLE_OK &&
           (!transfer->target->identity || (transfer->uri = strdup(transfer_uri_of(request->url)))) &&
           transfer_identity_prepare(transfer) &&
           (transfer->held || curl_multi_add_handle(transfer->target->multi, transfer->easy) == CURLM_OK);
}

/* The lowest that is free: a quiet destination keeps to one handle and its connection. */
static struct transfer *find_free(struct transfer_target *target)
{
    for (unsigned i = 0; i < target->count; i++)
        if (!target->transfers[i].running)
            return &target->transfers[i];
    return NULL;
}

static bool is_one_line(const char *text)
{
    return !text || !strpbrk(text, "\r\n");
}

static bool headers_are_lines(const struct transfer_request *request)
{
    for (const char *const *line = request->headers; line && *line; line++)
        if (!is_one_line(*line))
            return false;
    return is_one_line(request->content_type) && is_one_line(request->cache_control);
}

void transfer_rewind(struct transfer *transfer)
{
    transfer->paused = false;
    transfer->cut = false;
    transfer->socket = -1;
    transfer->sent = 0;
    transfer->read_error = 0;
    transfer->answer_bytes = 0;
    transfer->answer_cut = false;
    transfer->progress = 0;
    transfer->progress_ns = clock_monotonic_ns(transfer->target->engine->clock);
    transfer->error_text[0] = '\0';
    transfer->socket_text[0] = '\0';
    if (transfer_has_body(transfer->method))
        set_length(transfer);
}

static void take_request(struct transfer *transfer, const struct transfer_request *request)
{
    const struct transfer_target *target = transfer->target;
    transfer->method = request->method;
    transfer->body = request->body;
    transfer->read = request->read;
    transfer->descriptor = request->descriptor;
    transfer->chunked = request->chunked;
    transfer->bytes = request->bytes;
    transfer->connects = 0;
    transfer->no_digest = false;
    transfer->restarts = 0;
    transfer->done = request->done;
    transfer->context = request->context;
    transfer->answer_bytes_max = request->answer_bytes_max;
    transfer->may_stall = request->timeout_s > 0;
    transfer->timeout_ns = request->timeout_s ? request->timeout_s * NS_PER_S : target->timeout_ns;
    transfer->started_ns = clock_monotonic_ns(target->engine->clock);
    transfer_rewind(transfer);
}

void transfer_clear(struct transfer *transfer)
{
    curl_slist_free_all(transfer->headers);
    transfer->headers = NULL;
    free(transfer->uri);
    transfer->uri = NULL;
    transfer->body = NULL;
    transfer->running = transfer->held = false;
    transfer_identity_forget(transfer);
}

int transfer_start(struct transfer_target *target, const struct transfer_request *request, struct transfer **out,
                   struct error *err)
{
    struct transfer *transfer = find_free(target);
    if (!transfer)
        return error_set(err, -EBUSY, "all %u connections are in use", target->count);
    if (!headers_are_lines(request))
        return error_set(err, -EINVAL, "request for %s: a header holds a line end", request->url);
    take_request(transfer, request);
    if (!prepare(transfer, request)) {
        transfer_clear(transfer);
        return error_set(err, -ENOMEM, "request for %s", request->url);
    }
    transfer->running = true;
    if (target->engine->running++ == 0)
        transfer_watch_progress(target->engine);
    target->engine->counters.started++;
    *out = transfer;
    return 0;
}

void transfer_resume(struct transfer *transfer)
{
    if (!transfer->running || !transfer->paused)
        return;
    transfer->paused = false;
    transfer->progress_ns = clock_monotonic_ns(transfer->target->engine->clock);
    curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
}

void transfer_cancel(struct transfer *transfer)
{
    transfer->target->engine->counters.cancelled++;
    transfer_release(transfer);
    free(transfer->answer);
    transfer->answer = NULL;
    transfer->answer_bytes = 0;
}
