/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transfer.c - libcurl tells which sockets and when; the event loop waits; finished handles are collected after.
 *
 * No libcurl function is called from within a libcurl callback: done callbacks are made from collect_finished(), where
 * starting, cancelling and destroying is allowed. Bodies go out through a read callback: for a body of this size
 * CURLOPT_POSTFIELDS takes the same way inside libcurl (one copy into its upload buffer either way; measured equal
 * within noise), and the read callback also tells how far a transfer came.
 */
#include "mgmt/transfer.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"
#include "mgmt/credentials.h"

enum {
    CONNECTIONS_DEFAULT = 4,
    CONNECTIONS_MAX = 32,
    CONNECT_TIMEOUT_DEFAULT_MS = 5000,
    TIMEOUT_DEFAULT_S = 10,
    IDLE_CONNECTIONS_MAX = 1024, /* libcurl's own bound follows the handles in use and would close idle ones early */
    UPLOAD_BUFFER_BYTES = 256 * 1024,
    WATCH_INTERVAL_MS = 200, /* of transfers' progress */
};

struct transfer_engine {
    struct loop *loop;
    const struct clock *clock;
    CURLM *multi;
    struct loop_timer *timer;    /* libcurl's */
    struct loop_timer *watchman; /* looks for transfers that stand still; set while any runs */
    struct transfer_target *targets;
    unsigned running;
    struct transfer_engine_counters counters;
};

/* A libcurl handle; one request after the other. */
struct transfer {
    struct transfer_target *target;
    CURL *easy;
    bool running;
    enum transfer_method method;
    const unsigned char *body;
    size_t bytes, sent;
    transfer_done *done;
    void *context;
    struct curl_slist *headers;
    uint64_t started_ns;
    uint64_t progress_ns; /* when bytes have last gone either way */
    curl_off_t progress;  /* bytes so far */
    char error_text[CURL_ERROR_SIZE];
};

struct transfer_target {
    struct transfer_target *next; /* of the engine's */
    struct transfer_engine *engine;
    uint64_t timeout_ns;
    unsigned count;
    struct transfer transfers[];
};

/* ---- engine ---- */

static bool is_certificate_failure(CURLcode code)
{
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
           code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_ISSUER_ERROR || code == CURLE_SSL_INVALIDCERTSTATUS;
}

static enum transfer_outcome outcome_of(const struct transfer *transfer, CURLcode code, long status)
{
    if (code != CURLE_OK)
        return is_certificate_failure(code) ? TRANSFER_CERTIFICATE : TRANSFER_FAILED;
    switch (status) {
    case 404:
    case 410:
        return transfer->method == TRANSFER_DELETE ? TRANSFER_OK : TRANSFER_FAILED;
    case 401:
    case 403:
        return TRANSFER_UNAUTHORIZED;
    case 400:
    case 413:
    case 414:
    case 415:
    case 422:
        return TRANSFER_REFUSED;
    default:
        return status >= 200 && status < 300 ? TRANSFER_OK : TRANSFER_FAILED;
    }
}

static const char *status_words(long status)
{
    static const struct {
        long status;
        const char *words;
    } known[] = {
        { 301, "Moved Permanently (redirects are not followed)" },
        { 302, "Found (redirects are not followed)" },
        { 307, "Temporary Redirect (redirects are not followed)" },
        { 308, "Permanent Redirect (redirects are not followed)" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 409, "Conflict (does the folder exist?)" },
        { 411, "Length Required" },
        { 413, "Payload Too Large" },
        { 415, "Unsupported Media Type" },
        { 422, "Unprocessable Entity" },
        { 429, "Too Many Requests" },
        { 500, "Internal Server Error" },
        { 502, "Bad Gateway" },
        { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" },
        { 507, "Insufficient Storage" },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].status == status)
            return known[i].words;
    return "is no answer to build on";
}

static void fill_result(struct transfer *transfer, CURLcode code, struct transfer_result *result)
{
    long status = 0, connects = 0;
    curl_off_t retry_after_s = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &connects);
    curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    struct transfer_engine *engine = transfer->target->engine;
    *result = (struct transfer_result){
        .outcome = outcome_of(transfer, code, status),
        .status = code == CURLE_OK ? (unsigned)status : 0,
        .retry_after_s = retry_after_s > 0 && retry_after_s < 86400 ? (unsigned)retry_after_s : 0,
        .duration_ns = clock_monotonic_ns(engine->clock) - transfer->started_ns,
        .new_connection = connects > 0,
    };
    engine->counters.connections_opened += connects > 0;
    if (result->outcome == TRANSFER_OK) {
        engine->counters.succeeded++;
        return;
    }
    engine->counters.failed++;
    if (code == CURLE_OK)
        snprintf(result->text, sizeof result->text, "%ld %s", status, status_words(status));
    else
        snprintf(result->text, sizeof result->text, "%s",
                 transfer->error_text[0] ? transfer->error_text : curl_easy_strerror(code));
}

static void release(struct transfer *transfer)
{
    curl_multi_remove_handle(transfer->target->engine->multi, transfer->easy);
    curl_slist_free_all(transfer->headers);
    transfer->headers = NULL;
    transfer->body = NULL;
    transfer->running = false;
    transfer->target->engine->running--;
}

static void collect_finished(struct transfer_engine *engine)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(engine->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct transfer *transfer = NULL;
        struct transfer_result result;
        CURLcode code = message->data.result; /* the message dies with the removal of its handle */
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        fill_result(transfer, code, &result);
        release(transfer);
        transfer->done(transfer->context, &result);
    }
}

/* ---- transfers that stand still ----
 * libcurl's own limit (CURLOPT_LOW_SPEED_TIME) looks at an average over five seconds and comes up to six too late.
 * Connecting has a limit of its own. */

static curl_off_t bytes_so_far(const struct transfer *transfer)
{
    curl_off_t sent = 0, received = 0, connected_us = 0;
    long head = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_DOWNLOAD_T, &received);
    curl_easy_getinfo(transfer->easy, CURLINFO_HEADER_SIZE, &head);
    curl_easy_getinfo(transfer->easy, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
    return connected_us ? 1 + sent + received + head : 0;
}

static struct transfer *find_stalled(struct transfer_engine *engine, uint64_t now)
{
    for (struct transfer_target *target = engine->targets; target; target = target->next)
        for (unsigned i = 0; i < target->count; i++) {
            struct transfer *transfer = &target->transfers[i];
            curl_off_t progress = transfer->running ? bytes_so_far(transfer) : 0;
            if (progress == 0 || progress != transfer->progress) {
                transfer->progress = progress;
                transfer->progress_ns = now;
            } else if (now - transfer->progress_ns >= target->timeout_ns) {
                return transfer;
            }
        }
    return NULL;
}

static void set_watchman(struct transfer_engine *engine)
{
    struct clock real = clock_real();
    loop_timer_set(engine->watchman, clock_monotonic_ns(&real) + WATCH_INTERVAL_MS * NS_PER_MS);
}

static void watch_progress(void *context)
{
    struct transfer_engine *engine = context;
    uint64_t now = clock_monotonic_ns(engine->clock);
    struct transfer *transfer;
    while ((transfer = find_stalled(engine, now))) { /* looked for anew: done() may take targets away */
        struct transfer_result result = { .outcome = TRANSFER_FAILED, .duration_ns = now - transfer->started_ns };
        snprintf(result.text, sizeof result.text, "no progress for %llu s",
                 (unsigned long long)(transfer->target->timeout_ns / NS_PER_S));
        engine->counters.failed++;
        release(transfer);
        transfer->done(transfer->context, &result);
    }
    if (engine->running)
        set_watchman(engine);
}

static void on_ready(void *context, int file_descriptor, unsigned events)
{
    struct transfer_engine *engine = context;
    int running, mask = (events & LOOP_READ ? CURL_CSELECT_IN : 0) | (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0) |
                        (events & LOOP_HANGUP ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(engine->multi, file_descriptor, mask, &running);
    collect_finished(engine);
}

static void on_timeout(void *context)
{
    struct transfer_engine *engine = context;
    int running;
    curl_multi_socket_action(engine->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect_finished(engine);
}

/* CURLMOPT_SOCKETFUNCTION. A watch that cannot be had is noticed by the transfer's own time limits. */
static int watch_socket(CURL *easy, curl_socket_t file_descriptor, int what, void *context, void *unused)
{
    (void)easy;
    (void)unused;
    struct transfer_engine *engine = context;
    if (what == CURL_POLL_REMOVE)
        loop_unwatch(engine->loop, file_descriptor);
    else
        loop_watch(engine->loop, file_descriptor,
                   (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0), on_ready, engine,
                   NULL);
    return 0;
}

/* CURLMOPT_TIMERFUNCTION */
static int set_timer(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi;
    struct transfer_engine *engine = context;
    struct clock real = clock_real(); /* the loop's timers are real even where the clock of the owner is not */
    if (timeout_ms < 0)
        loop_timer_clear(engine->timer);
    else
        loop_timer_set(engine->timer, clock_monotonic_ns(&real) + (uint64_t)timeout_ms * NS_PER_MS);
    return 0;
}

int transfer_engine_create(struct transfer_engine **out, struct loop *loop, const struct clock *clock,
                           struct error *err)
{
    struct transfer_engine *engine = calloc(1, sizeof *engine);
    if (!engine || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(engine);
        return error_set(err, -ENOMEM, "transfer engine");
    }
    engine->loop = loop;
    engine->clock = clock;
    engine->multi = curl_multi_init();
    engine->timer = loop_timer_create(loop, on_timeout, engine);
    engine->watchman = loop_timer_create(loop, watch_progress, engine);
    if (!engine->multi || !engine->timer || !engine->watchman) {
        transfer_engine_destroy(engine);
        return error_set(err, -ENOMEM, "transfer engine");
    }
    curl_multi_setopt(engine->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(engine->multi, CURLMOPT_SOCKETDATA, engine);
    curl_multi_setopt(engine->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(engine->multi, CURLMOPT_TIMERDATA, engine);
    curl_multi_setopt(engine->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    curl_multi_setopt(engine->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS_MAX);
    signal(SIGPIPE, SIG_IGN);
    *out = engine;
    return 0;
}

void transfer_engine_destroy(struct transfer_engine *engine)
{
    if (!engine)
        return;
    if (engine->multi)
        curl_multi_cleanup(engine->multi);
    loop_timer_destroy(engine->timer);
    loop_timer_destroy(engine->watchman);
    curl_global_cleanup();
    free(engine);
}

struct transfer_engine_counters transfer_engine_counters(const struct transfer_engine *engine)
{
    return engine->counters;
}

/* ---- target ---- */

static size_t read_body(char *buffer, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    size_t room = size * count, left = transfer->bytes - transfer->sent;
    size_t bytes = left < room ? left : room;
    memcpy(buffer, transfer->body + transfer->sent, bytes);
    transfer->sent += bytes;
    return bytes;
}

/* A challenge, or a kept-alive connection that had died, makes libcurl send the body again. */
static int seek_body(void *context, curl_off_t offset, int origin)
{
    struct transfer *transfer = context;
    if (origin != SEEK_SET || offset < 0 || (size_t)offset > transfer->bytes)
        return CURL_SEEKFUNC_FAIL;
    transfer->sent = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static size_t discard_answer(char *data, size_t size, size_t count, void *context)
{
    (void)data;
    (void)context;
    return size * count;
}

/* Encode processes are started from this one: they must not inherit an origin's connection. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)context;
    (void)purpose;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static int check_url(const char *url, struct error *err)
{
    bool secure = strncmp(url, "https://", 8) == 0;
    if (!secure && strncmp(url, "http://", 7) != 0)
        return error_set(err, -EINVAL, "destination URL must start with http:// or https://");
    const char *host = url + (secure ? 8 : 7);
    size_t authority = strcspn(host, "/");
    if (memchr(host, '@', authority)) /* not repeated in the sentence: it holds a secret */
        return error_set(err, -EINVAL, "destination URL holds a user name: put it into the credentials file");
    if (authority == 0 || strpbrk(host, "?# "))
        return error_set(err, -EINVAL, "destination URL %.200s: want a host, and no query, fragment or space", url);
    return 0;
}

static void set_limits(CURL *easy, const struct transfer_target_config *config)
{
    long connect_timeout_ms = config->connect_timeout_ms ? config->connect_timeout_ms : CONNECT_TIMEOUT_DEFAULT_MS;
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 15L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 5L);
}

static bool set_identity(CURL *easy, const struct transfer_target_config *config)
{
    CURLcode code = CURLE_OK;
    if (config->credential) {
        const struct credential *credential = config->credential;
        /* exactly one method: with CURLAUTH_ANY every new handle would ask with a bare request first */
        long method = credential->scheme == CREDENTIAL_DIGEST ? (long)CURLAUTH_DIGEST : (long)CURLAUTH_BASIC;
        code = curl_easy_setopt(easy, CURLOPT_HTTPAUTH, method);
        if (code == CURLE_OK)
            code = curl_easy_setopt(easy, CURLOPT_USERNAME, credential->user);
        if (code == CURLE_OK)
            code = curl_easy_setopt(easy, CURLOPT_PASSWORD, credential->password);
    }
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (code == CURLE_OK && config->certificate_authority && *config->certificate_authority) {
        code = curl_easy_setopt(easy, CURLOPT_CAINFO, config->certificate_authority);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* this authority and not the system's beside it */
    }
    return code == CURLE_OK;
}

static bool open_handle(struct transfer *transfer, const struct transfer_target_config *config)
{
    CURL *easy = transfer->easy = curl_easy_init();
    if (!easy)
        return false;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, (void *)transfer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error_text);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* whatever the environment says */
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "biplane");
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, discard_answer);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, read_body);
    curl_easy_setopt(easy, CURLOPT_READDATA, (void *)transfer);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, seek_body);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, (void *)transfer);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BUFFER_BYTES);
    set_limits(easy, config);
    return set_identity(easy, config);
}

int transfer_target_create(struct transfer_target **out, struct transfer_engine *engine,
                           const struct transfer_target_config *config, struct error *err)
{
    int result = check_url(config->url, err);
    if (result < 0)
        return result;
    unsigned count = config->connections ? config->connections : CONNECTIONS_DEFAULT;
    if (count > CONNECTIONS_MAX)
        return error_set(err, -EINVAL, "%u connections to one destination: at most %d", count, CONNECTIONS_MAX);
    struct transfer_target *target = calloc(1, sizeof *target + count * sizeof target->transfers[0]);
    if (!target)
        return error_set(err, -ENOMEM, "transfers to %s", config->url);
    target->engine = engine;
    target->count = count;
    target->timeout_ns = (config->timeout_s ? config->timeout_s : TIMEOUT_DEFAULT_S) * NS_PER_S;
    target->next = engine->targets;
    engine->targets = target;
    for (unsigned i = 0; i < count; i++) {
        target->transfers[i].target = target;
        if (!open_handle(&target->transfers[i], config)) {
            transfer_target_destroy(target);
            return error_set(err, -ENOMEM, "transfers to %s", config->url);
        }
    }
    *out = target;
    return 0;
}

void transfer_target_destroy(struct transfer_target *target)
{
    if (!target)
        return;
    for (struct transfer_target **place = &target->engine->targets; *place; place = &(*place)->next)
        if (*place == target) {
            *place = target->next;
            break;
        }
    for (unsigned i = 0; i < target->count; i++) {
        if (target->transfers[i].running)
            transfer_cancel(&target->transfers[i]);
        curl_easy_cleanup(target->transfers[i].easy);
    }
    free(target);
}

unsigned transfer_target_free(const struct transfer_target *target)
{
    unsigned count = 0;
    for (unsigned i = 0; i < target->count; i++)
        count += !target->transfers[i].running;
    return count;
}

/* ---- one request ---- */

static bool add_header(struct transfer *transfer, const char *name, const char *value)
{
    char line[256];
    snprintf(line, sizeof line, "%s:%s%s", name, *value ? " " : "", value);
    struct curl_slist *longer = curl_slist_append(transfer->headers, line);
    if (longer)
        transfer->headers = longer;
    return longer != NULL;
}

static bool prepare(struct transfer *transfer, const struct transfer_request *request)
{
    CURL *easy = transfer->easy;
    bool good = add_header(transfer, "Accept", ""); /* an empty value takes libcurl's own header away */
    /* an Expect: 100-continue would cost a round trip, and a second against servers that do not know it */
    good = good && add_header(transfer, "Expect", "");
    if (request->content_type)
        good = good && add_header(transfer, "Content-Type", request->content_type);
    if (request->cache_control)
        good = good && add_header(transfer, "Cache-Control", request->cache_control);
    good = good && curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK;
    if (request->method == TRANSFER_PUT) {
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
        curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->bytes);
    } else {
        curl_easy_setopt(easy, CURLOPT_UPLOAD, 0L);
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
        good = good && curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "DELETE") == CURLE_OK;
    }
    return good && curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers) == CURLE_OK;
}

/* The lowest that is free: a quiet destination keeps to one handle, its connection and its nonce. */
static struct transfer *find_free(struct transfer_target *target)
{
    for (unsigned i = 0; i < target->count; i++)
        if (!target->transfers[i].running)
            return &target->transfers[i];
    return NULL;
}

int transfer_start(struct transfer_target *target, const struct transfer_request *request, struct transfer **out,
                   struct error *err)
{
    struct transfer *transfer = find_free(target);
    if (!transfer)
        return error_set(err, -EBUSY, "all %u connections are in use", target->count);
    transfer->method = request->method;
    transfer->body = request->body;
    transfer->bytes = request->bytes;
    transfer->sent = 0;
    transfer->done = request->done;
    transfer->context = request->context;
    transfer->started_ns = clock_monotonic_ns(target->engine->clock);
    transfer->error_text[0] = '\0';
    if (!prepare(transfer, request) || curl_multi_add_handle(target->engine->multi, transfer->easy) != CURLM_OK) {
        curl_slist_free_all(transfer->headers);
        transfer->headers = NULL;
        return error_set(err, -ENOMEM, "request for %s", request->url);
    }
    transfer->running = true;
    transfer->progress = 0;
    transfer->progress_ns = transfer->started_ns;
    if (target->engine->running++ == 0)
        set_watchman(target->engine);
    target->engine->counters.started++;
    *out = transfer;
    return 0;
}

void transfer_cancel(struct transfer *transfer)
{
    transfer->target->engine->counters.cancelled++;
    release(transfer);
}
