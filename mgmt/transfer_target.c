/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transfer_target.c - one server as one destination uses it. A target's handles live as long as it does: what libcurl
 * learned about the server is kept. Its multi handle is its own, because libcurl's pool of connections is one for each
 * multi handle and would give a connection of one destination to another that goes to the same host.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"
#include "mgmt/credentials.h"
#include "mgmt/transfer_private.h"

enum {
    CONNECTIONS_DEFAULT = 4,
    CONNECTIONS_MAX = 32,
    CONNECT_TIMEOUT_DEFAULT_MS = 5000,
    TIMEOUT_DEFAULT_S = 10,
    UPLOAD_BUFFER_BYTES = 256 * 1024,
};

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

/* CURLOPT_OPENSOCKETFUNCTION. Encode processes are started from this process: they must not inherit a connection. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    struct transfer *transfer = context;
    const struct transfer_target *target = transfer->target;
    struct error err = { 0 };
    int file = delivery_socket_open(&target->path, address->family, address->socktype, address->protocol, &err);
    if (file < 0) {
        snprintf(transfer->socket_text, sizeof transfer->socket_text, "%.*s", TRANSFER_TEXT_BYTES - 1, err.text);
        return CURL_SOCKET_BAD;
    }
    transfer->socket_text[0] = '\0';
    /* a transfer that sleeps has given all to the kernel: only the kernel can see then that nobody takes it. Longer
     * than our own limit, which knows better words */
    unsigned limit_ms = (unsigned)(2 * target->timeout_ns / NS_PER_MS);
    setsockopt(file, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit_ms, sizeof limit_ms);
    return file;
}

/* CURLOPT_RESOLVER_START_FUNCTION */
static int begin_lookup(void *state, void *reserved, void *context)
{
    (void)state, (void)reserved;
    struct transfer *transfer = context;
    struct transfer_engine *engine = transfer->target->engine;
    if (!lookups_may_begin(&engine->lookups, transfer->target, clock_monotonic_ns(engine->clock))) {
        snprintf(transfer->socket_text, sizeof transfer->socket_text,
                 "names take long to be looked up: %u lookups are still under way",
                 lookups_under_way(&engine->lookups, clock_monotonic_ns(engine->clock)));
        return 1;
    }
    transfer->looks_up = true;
    return 0;
}

static void set_connection(CURL *easy, const struct transfer_target *target,
                           const struct transfer_target_config *config)
{
    long connect_timeout_ms = config->connect_timeout_ms ? config->connect_timeout_ms : CONNECT_TIMEOUT_DEFAULT_MS;
    bool secure = strncmp(config->url, "https://", 8) == 0;
    int family = delivery_path_family(&target->path);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 15L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 5L);
    if (family != AF_UNSPEC)
        curl_easy_setopt(easy, CURLOPT_IPRESOLVE,
                         family == AF_INET6 ? (long)CURL_IPRESOLVE_V6 : (long)CURL_IPRESOLVE_V4);
    if (secure && !config->only_http_1) {
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
        curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L); /* ask a connection under way first whether it can take more */
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    }
}

static bool set_identity(CURL *easy, const struct transfer_target_config *config)
{
    CURLcode code = CURLE_OK;
    const struct credential *credential = config->credential;
    if (credential && credential->user[0] && credential->scheme == CREDENTIAL_BASIC) {
        /* exactly one method: with CURLAUTH_ANY every new handle would ask with a bare request first */
        code = curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        if (code == CURLE_OK)
            code = curl_easy_setopt(easy, CURLOPT_USERNAME, credential->user);
        if (code == CURLE_OK)
            code = curl_easy_setopt(easy, CURLOPT_PASSWORD, credential->password);
    }
    bool verify = config->certificate_check == TRANSFER_VERIFY;
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
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
    curl_easy_setopt(easy, CURLOPT_PROXY, "");      /* whatever the environment says */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* do not wait for a name that is still being looked up */
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L); /* a signature covers the path as it was given */
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "biplane");
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, (void *)transfer);
    curl_easy_setopt(easy, CURLOPT_RESOLVER_START_FUNCTION, begin_lookup);
    curl_easy_setopt(easy, CURLOPT_RESOLVER_START_DATA, (void *)transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, transfer_keep_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, (void *)transfer);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, transfer_read_body);
    curl_easy_setopt(easy, CURLOPT_READDATA, (void *)transfer);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, transfer_seek_body);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, (void *)transfer);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BUFFER_BYTES);
    set_connection(easy, transfer->target, config);
    return set_identity(easy, config);
}

static bool open_pool(struct transfer_target *target)
{
    target->multi = curl_multi_init();
    target->timer = loop_timer_create(target->engine->loop, transfer_on_timeout, target);
    if (!target->multi || !target->timer)
        return false;
    curl_multi_setopt(target->multi, CURLMOPT_SOCKETFUNCTION, transfer_watch_socket);
    curl_multi_setopt(target->multi, CURLMOPT_SOCKETDATA, target);
    curl_multi_setopt(target->multi, CURLMOPT_TIMERFUNCTION, transfer_set_timer);
    curl_multi_setopt(target->multi, CURLMOPT_TIMERDATA, target);
    curl_multi_setopt(target->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    /* libcurl's own bound follows the handles in use and would close idle connections early */
    curl_multi_setopt(target->multi, CURLMOPT_MAXCONNECTS, (long)target->count);
    return true;
}

static bool open_target(struct transfer_target *target, const struct transfer_target_config *config)
{
    if (!open_pool(target) || !transfer_identity_open(target, config->credential))
        return false;
    for (unsigned i = 0; i < target->count; i++) {
        target->transfers[i].target = target;
        if (!open_handle(&target->transfers[i], config))
            return false;
    }
    return true;
}

int transfer_target_create(struct transfer_target **out, struct transfer_engine *engine,
                           const struct transfer_target_config *config, struct error *err)
{
    struct delivery_path path;
    int result = check_url(config->url, err);
    if (result == 0)
        result = delivery_path_read(&path, config->interface, config->source_address, err);
    if (result < 0)
        return result;
    unsigned count = config->connections ? config->connections : CONNECTIONS_DEFAULT;
    if (count > CONNECTIONS_MAX)
        return error_set(err, -EINVAL, "%u connections to one destination: at most %d", count, CONNECTIONS_MAX);
    struct transfer_target *target = calloc(1, sizeof *target + count * sizeof target->transfers[0]);
    if (!target)
        return error_set(err, -ENOMEM, "transfers to %s", config->url);
    target->engine = engine;
    target->path = path;
    target->count = count;
    target->timeout_ns = (config->timeout_s ? config->timeout_s : TIMEOUT_DEFAULT_S) * NS_PER_S;
    target->stall_watch = config->stall_watch;
    target->next = engine->targets;
    engine->targets = target;
    if (!open_target(target, config)) {
        transfer_target_destroy(target);
        return error_set(err, -ENOMEM, "transfers to %s", config->url);
    }
    *out = target;
    return 0;
}

static void leave_engine(struct transfer_target *target)
{
    struct transfer_engine *engine = target->engine;
    for (struct transfer_target **place = &engine->targets; *place; place = &(*place)->next)
        if (*place == target) {
            *place = target->next;
            break;
        }
    if (engine->visited == target)
        engine->visited = NULL;
}

void transfer_target_destroy(struct transfer_target *target)
{
    if (!target)
        return;
    leave_engine(target);
    transfer_identity_close(target); /* first: what is held is not let go any more */
    for (unsigned i = 0; i < target->count; i++) {
        if (target->transfers[i].running)
            transfer_cancel(&target->transfers[i]);
        curl_easy_cleanup(target->transfers[i].easy);
    }
    if (target->multi)
        curl_multi_cleanup(target->multi);
    loop_timer_destroy(target->timer);
    free(target);
}

unsigned transfer_target_free(const struct transfer_target *target)
{
    unsigned count = 0;
    for (unsigned i = 0; i < target->count; i++)
        count += !target->transfers[i].running;
    return count;
}
