/* SPDX-License-Identifier: GPL-2.0-or-later */
/* delivery_sink - an HTTP server that takes whatever is PUT, throws it away and counts: as little work as it can be.
 *
 *     delivery_sink 9800
 *
 * SIGTERM ends it; then it prints one line of JSON with what came as a whole.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "board/error.h"
#include "board/loop.h"

enum { HEAD_BYTES = 16384, DISCARD_BYTES = 1 << 20 };

struct sink {
    struct loop *loop;
    unsigned long long requests, bytes, connections;
};

struct peer {
    struct sink *sink;
    unsigned long long left; /* of the body that is coming */
    size_t head_bytes;
    char head[HEAD_BYTES + 1];
};

static void fail(const char *what)
{
    fprintf(stderr, "delivery_sink: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void answer(struct peer *peer, int connection)
{
    static const char text[] = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
    peer->sink->requests++;
    if (send(connection, text, sizeof text - 1, MSG_NOSIGNAL) < 0)
        fail("answer");
}

/* What came behind the head belongs to the body: nobody sends a second request before the first is answered. */
static void take_head(struct peer *peer, int connection, const char *end)
{
    const char *length = strcasestr(peer->head, "\r\nContent-Length:");
    if (!length) {
        fprintf(stderr, "delivery_sink: a request without a length\n");
        exit(1);
    }
    size_t behind = peer->head_bytes - (size_t)(end - peer->head);
    unsigned long long bytes = strtoull(length + strlen("\r\nContent-Length:"), NULL, 10);
    peer->sink->bytes += bytes;
    peer->left = bytes - behind;
    peer->head_bytes = 0;
    if (peer->left == 0)
        answer(peer, connection);
}

static ssize_t read_head(struct peer *peer, int connection)
{
    ssize_t bytes = recv(connection, peer->head + peer->head_bytes, HEAD_BYTES - peer->head_bytes, 0);
    if (bytes <= 0)
        return bytes;
    peer->head_bytes += (size_t)bytes;
    peer->head[peer->head_bytes] = '\0';
    const char *end = strstr(peer->head, "\r\n\r\n");
    if (end)
        take_head(peer, connection, end + 4);
    return bytes;
}

/* TCP throws away what MSG_TRUNC takes, without a copy. */
static ssize_t discard_body(struct peer *peer, int connection)
{
    ssize_t bytes = recv(connection, NULL, peer->left < DISCARD_BYTES ? peer->left : DISCARD_BYTES, MSG_TRUNC);
    if (bytes > 0 && (peer->left -= (size_t)bytes) == 0)
        answer(peer, connection);
    return bytes;
}

static void on_readable(void *context, int connection, unsigned events)
{
    (void)events;
    struct peer *peer = context;
    ssize_t bytes = peer->left ? discard_body(peer, connection) : read_head(peer, connection);
    if (bytes > 0 || (bytes < 0 && errno == EAGAIN))
        return;
    loop_unwatch(peer->sink->loop, connection);
    close(connection);
    free(peer);
}

static void on_connection(void *context, int listener, unsigned events)
{
    (void)events;
    struct sink *sink = context;
    int connection = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection < 0)
        return;
    struct peer *peer = calloc(1, sizeof *peer);
    if (!peer || loop_watch(sink->loop, connection, LOOP_READ, on_readable, peer, NULL) < 0)
        fail("connection");
    peer->sink = sink;
    sink->connections++;
}

static void on_signal(void *context, int signal_number)
{
    (void)signal_number;
    loop_stop(((struct sink *)context)->loop);
}

static int listen_at(unsigned port)
{
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_port = htons((uint16_t)port),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int yes = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (const struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 1024) < 0)
        fail("listen");
    return listener;
}

int main(int count, char **arguments)
{
    static const int signals[] = { SIGTERM, SIGINT, 0 };
    struct sink sink = { 0 };
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (count != 2) {
        fprintf(stderr, "usage: delivery_sink PORT\n");
        return 2;
    }
    int listener = listen_at((unsigned)atoi(arguments[1]));
    if (loop_create(&sink.loop, NULL) < 0 || loop_signals(sink.loop, signals, on_signal, &sink, NULL) < 0 ||
        loop_watch(sink.loop, listener, LOOP_READ, on_connection, &sink, NULL) < 0)
        fail("loop");
    loop_run(sink.loop);
    printf("{\"requests\": %llu, \"bytes\": %llu, \"connections\": %llu}\n", sink.requests, sink.bytes,
           sink.connections);
    return 0;
}
