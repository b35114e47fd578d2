/* SPDX-License-Identifier: GPL-2.0-or-later */
/* connection_stream.c - libcurl with CURLOPT_CONNECT_ONLY: a multi handle of its own for each stream, since the easy
 * handle must stay in it as long as the connection lives.
 *
 * No libcurl function is called from within a libcurl callback, and the owner's callbacks are the last that a function
 * of ours does: they may destroy the stream.
 */
#include "mgmt/connection_stream.h"

#include <curl/curl.h>
#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"
#include "mgmt/delivery_socket.h"

enum {
    CONNECT_TIMEOUT_DEFAULT_MS = 5000,
    URL_BYTES = 320,
    STAGE_BYTES = 64 * 1024,
    UNSENT_BYTES = 64 * 1024,
    LOST_AFTER_TRIES = 5, /* in a row, of the kernel; each waits twice as long as the one before, from 0.2 s on */
};

struct connection_stream {
    struct connection_stream_config config;
    CURLM *multi;
    CURL *easy;
    struct loop_timer *timer; /* libcurl's */
    curl_socket_t socket;     /* connected; CURL_SOCKET_BAD: not yet */
    struct delivery_path path;
    bool want_write;
    char socket_text[ERROR_TEXT_BYTES]; /* why no socket could be opened; "": it could */
    char error_text[CURL_ERROR_SIZE];
    /* What was accepted and did not go yet. OpenSSL wants a write that it could not finish repeated from the same
     * address: the owner's buffers may move, this one does not. */
    size_t staged, staged_sent;
    unsigned char stage[STAGE_BYTES];
};

static int flush(struct connection_stream *stream)
{
    while (stream->staged_sent < stream->staged) {
        size_t sent = 0;
        CURLcode code = curl_easy_send(stream->easy, stream->stage + stream->staged_sent,
                                       stream->staged - stream->staged_sent, &sent);
        if (code != CURLE_OK && code != CURLE_AGAIN)
            return -ECONNRESET;
        if (code == CURLE_AGAIN || sent == 0)
            return -EAGAIN;
        stream->staged_sent += sent;
    }
    stream->staged = stream->staged_sent = 0;
    return 0;
}

static void watch(struct connection_stream *stream);

static void on_socket(void *context, int file_descriptor, unsigned events)
{
    (void)file_descriptor;
    struct connection_stream *stream = context;
    unsigned report = events & (LOOP_READ | LOOP_HANGUP) ? CONNECTION_READABLE : 0;
    int flushed = events & LOOP_WRITE ? flush(stream) : -EAGAIN;
    if (flushed == -ECONNRESET)
        report |= CONNECTION_READABLE; /* reading tells the same */
    if (flushed == 0 && stream->want_write)
        report |= CONNECTION_WRITABLE;
    if (flushed == 0)
        watch(stream);
    if (report)
        stream->config.ready(stream->config.context, report);
}

static void watch(struct connection_stream *stream)
{
    bool write = stream->want_write || stream->staged;
    loop_watch(stream->config.loop, stream->socket, LOOP_READ | (write ? LOOP_WRITE : 0), on_socket, stream, NULL);
}

static bool is_certificate_failure(CURLcode code)
{
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
           code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_ISSUER_ERROR || code == CURLE_SSL_INVALIDCERTSTATUS;
}

static void finish(struct connection_stream *stream)
{
    int left;
    CURLMsg *message = curl_multi_info_read(stream->multi, &left);
    if (!message || message->msg != CURLMSG_DONE)
        return;
    CURLcode code = message->data.result;
    loop_timer_clear(stream->timer);
    if (code == CURLE_OK)
        code = curl_easy_getinfo(stream->easy, CURLINFO_ACTIVESOCKET, &stream->socket);
    if (code == CURLE_OK && stream->socket != CURL_SOCKET_BAD) {
        watch(stream);
        stream->config.ready(stream->config.context, CONNECTION_WRITABLE);
        return;
    }
    const char *text = stream->socket_text[0]  ? stream->socket_text
                       : stream->error_text[0] ? stream->error_text
                                               : curl_easy_strerror(code);
    stream->config.failed(stream->config.context,
                          is_certificate_failure(code) ? CONNECTION_CERTIFICATE : CONNECTION_UNREACHABLE, text);
}

static void on_curl_socket(void *context, int file_descriptor, unsigned events)
{
    struct connection_stream *stream = context;
    int running, mask = (events & LOOP_READ ? CURL_CSELECT_IN : 0) | (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0) |
                        (events & LOOP_HANGUP ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(stream->multi, file_descriptor, mask, &running);
    finish(stream);
}

static void on_curl_timer(void *context)
{
    struct connection_stream *stream = context;
    int running;
    curl_multi_socket_action(stream->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    finish(stream);
}

/* CURLMOPT_SOCKETFUNCTION. A watch that cannot be had is noticed by the time limit. */
static int watch_curl_socket(CURL *easy, curl_socket_t file_descriptor, int what, void *context, void *unused)
{
    (void)easy;
    (void)unused;
    struct connection_stream *stream = context;
    if (file_descriptor == stream->socket)
        return 0; /* ours already */
    if (what == CURL_POLL_REMOVE)
        loop_unwatch(stream->config.loop, file_descriptor);
    else
        loop_watch(stream->config.loop, file_descriptor,
                   (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0), on_curl_socket,
                   stream, NULL);
    return 0;
}

/* CURLMOPT_TIMERFUNCTION */
static int set_curl_timer(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi;
    struct connection_stream *stream = context;
    struct clock real = clock_real(); /* the loop's timers are real */
    if (timeout_ms < 0 || stream->socket != CURL_SOCKET_BAD)
        loop_timer_clear(stream->timer);
    else
        loop_timer_set(stream->timer, clock_monotonic_ns(&real) + (uint64_t)timeout_ms * NS_PER_MS);
    return 0;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    struct connection_stream *stream = context;
    struct error err = { 0 };
    int file = delivery_socket_open(&stream->path, address->family, address->socktype, address->protocol, &err);
    snprintf(stream->socket_text, sizeof stream->socket_text, "%s", file < 0 ? err.text : "");
    /* what the peer's window does not admit yet stays with the owner, who can still choose what to send */
    const int unsent_bytes = UNSENT_BYTES;
    if (file >= 0)
        setsockopt(file, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes, sizeof unsent_bytes);
    return file < 0 ? CURL_SOCKET_BAD : file;
}

static void set_security(CURL *easy, const struct connection_stream_config *config)
{
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN, 0L); /* it is not HTTP that follows */
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, config->accept_any_certificate ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, config->accept_any_certificate ? 0L : 2L);
    if (config->certificate_authority && *config->certificate_authority) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, config->certificate_authority);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* this authority and not the system's beside it */
    }
}

static bool set_up(struct connection_stream *stream)
{
    const struct connection_stream_config *config = &stream->config;
    char url[URL_BYTES];
    CURL *easy = stream->easy = curl_easy_init();
    stream->multi = curl_multi_init();
    stream->timer = loop_timer_create(config->loop, on_curl_timer, stream);
    if (!easy || !stream->multi || !stream->timer)
        return false;
    curl_multi_setopt(stream->multi, CURLMOPT_SOCKETFUNCTION, watch_curl_socket);
    curl_multi_setopt(stream->multi, CURLMOPT_SOCKETDATA, stream);
    curl_multi_setopt(stream->multi, CURLMOPT_TIMERFUNCTION, set_curl_timer);
    curl_multi_setopt(stream->multi, CURLMOPT_TIMERDATA, stream);
    snprintf(url, sizeof url, "%s://%s:%u", config->tls ? "https" : "http", config->host, config->port);
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, stream->error_text);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");      /* whatever the environment says */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* do not wait for a name that is still being looked up */
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, (void *)stream);
    if (delivery_path_family(&stream->path) != AF_UNSPEC)
        curl_easy_setopt(easy, CURLOPT_IPRESOLVE,
                         delivery_path_family(&stream->path) == AF_INET6 ? (long)CURL_IPRESOLVE_V6
                                                                         : (long)CURL_IPRESOLVE_V4);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     config->connect_timeout_ms ? (long)config->connect_timeout_ms : (long)CONNECT_TIMEOUT_DEFAULT_MS);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 15L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 5L);
    set_security(easy, config);
    return curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK &&
           curl_multi_add_handle(stream->multi, easy) == CURLM_OK;
}

int connection_stream_create(struct connection_stream **out, const struct connection_stream_config *config,
                             struct error *err)
{
    if (!*config->host || strlen(config->host) > URL_BYTES - 20)
        return error_set(err, -EINVAL, "\"%.64s\" is no host's name", config->host);
    struct delivery_path path;
    int result = delivery_path_read(&path, config->interface, config->source_address, err);
    if (result < 0)
        return result;
    struct connection_stream *stream = calloc(1, sizeof *stream);
    if (!stream || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(stream);
        return error_set(err, -ENOMEM, "connection to %s", config->host);
    }
    stream->config = *config;
    stream->path = path;
    stream->socket = CURL_SOCKET_BAD;
    signal(SIGPIPE, SIG_IGN);
    if (!set_up(stream)) {
        connection_stream_destroy(stream);
        return error_set(err, -ENOMEM, "connection to %s", config->host);
    }
    *out = stream;
    return 0;
}

void connection_stream_destroy(struct connection_stream *stream)
{
    if (!stream)
        return;
    if (stream->socket != CURL_SOCKET_BAD)
        loop_unwatch(stream->config.loop, stream->socket);
    stream->socket = CURL_SOCKET_BAD; /* what libcurl still watches it unwatches itself */
    if (stream->multi && stream->easy)
        curl_multi_remove_handle(stream->multi, stream->easy);
    curl_easy_cleanup(stream->easy);
    if (stream->multi)
        curl_multi_cleanup(stream->multi);
    loop_timer_destroy(stream->timer);
    curl_global_cleanup();
    free(stream);
}

/* ---- bytes ---- */

ssize_t connection_stream_send(struct connection_stream *stream, const void *data, size_t bytes)
{
    bool had_staged = stream->staged > 0;
    size_t accepted = 0;
    int result = flush(stream);
    while (result == 0 && accepted < bytes) {
        size_t part = bytes - accepted < STAGE_BYTES ? bytes - accepted : STAGE_BYTES;
        memcpy(stream->stage, (const unsigned char *)data + accepted, part);
        stream->staged = part;
        accepted += part;
        result = flush(stream);
    }
    if (had_staged != (stream->staged > 0))
        watch(stream);
    if (result == -ECONNRESET)
        return -ECONNRESET;
    return accepted ? (ssize_t)accepted : -EAGAIN;
}

ssize_t connection_stream_receive(struct connection_stream *stream, void *data, size_t bytes)
{
    size_t received = 0;
    CURLcode code = curl_easy_recv(stream->easy, data, bytes, &received);
    if (code == CURLE_OK)
        return (ssize_t)received;
    return code == CURLE_AGAIN ? -EAGAIN : -ECONNRESET;
}

void connection_stream_want_write(struct connection_stream *stream, bool wanted)
{
    if (wanted == stream->want_write || stream->socket == CURL_SOCKET_BAD)
        return;
    stream->want_write = wanted;
    watch(stream);
}

size_t connection_stream_unconfirmed(const struct connection_stream *stream)
{
    int bytes = 0;
    if (stream->socket == CURL_SOCKET_BAD || ioctl(stream->socket, SIOCOUTQ, &bytes) < 0 || bytes < 0)
        bytes = 0;
    return (size_t)bytes + stream->staged - stream->staged_sent;
}

bool connection_stream_is_lost(const struct connection_stream *stream)
{
    struct tcp_info info = { 0 };
    socklen_t bytes = sizeof info;
    return stream->socket != CURL_SOCKET_BAD && getsockopt(stream->socket, IPPROTO_TCP, TCP_INFO, &info, &bytes) == 0 &&
           (info.tcpi_retransmits >= LOST_AFTER_TRIES || info.tcpi_probes >= LOST_AFTER_TRIES);
}

size_t connection_stream_window(const struct connection_stream *stream)
{
    return stream->socket == CURL_SOCKET_BAD ? SIZE_MAX : delivery_socket_window(stream->socket);
}
