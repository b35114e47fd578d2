/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A media playlist is followed at a server whose connections fail: once is nobody's fault, again and again is. */
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/clock.h"
#include "board/error.h"
#include "tools/origincheck/downstream.h"
#include "tools/origincheck/hls_track.h"

static const char playlist[] = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n"
                               "#EXTINF:1.000,\n0.ts\n#EXTINF:1.000,\n1.ts\n#EXTINF:1.000,\n2.ts\n#EXT-X-ENDLIST\n";

/* Serves the playlist and anything else as a few bytes; resets the connection of the first requests for 1.ts. */
struct server {
    int socket;
    unsigned port, resets, asked;
    atomic_bool stop;
    pthread_t thread;
};

static void answer(struct server *server, int connection)
{
    char request[2048] = "", head[128];
    size_t used = 0;
    while (!strstr(request, "\r\n\r\n")) {
        ssize_t got = recv(connection, request + used, sizeof request - 1 - used, 0);
        if (got <= 0)
            return;
        used += (size_t)got;
    }
    if (strstr(request, "/1.ts ") && server->asked++ < server->resets) {
        struct linger at_once = { 1, 0 };
        setsockopt(connection, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        return;
    }
    const char *body = strstr(request, ".m3u8 ") ? playlist : "WEBVTT\n";
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", strlen(body));
    send(connection, head, strlen(head), MSG_NOSIGNAL);
    send(connection, body, strlen(body), MSG_NOSIGNAL);
}

static void *serve(void *context)
{
    struct server *server = context;
    struct pollfd polled = { .fd = server->socket, .events = POLLIN };
    while (!atomic_load(&server->stop)) {
        if (poll(&polled, 1, 20) <= 0)
            continue;
        int connection = accept4(server->socket, NULL, NULL, SOCK_CLOEXEC);
        if (connection < 0)
            continue;
        answer(server, connection);
        close(connection);
    }
    return NULL;
}

static void start(struct server *server, unsigned resets)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t length = sizeof address;
    *server = (struct server){ .resets = resets };
    server->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server->socket, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(server->socket, 16), 0);
    assert_int_equal(getsockname(server->socket, (struct sockaddr *)&address, &length), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

/* give: judge_destroy(). */
static struct judge *follow(unsigned resets)
{
    struct server server;
    static struct plan_place place;
    struct watch watch = { .lock = PTHREAD_MUTEX_INITIALIZER };
    struct judge_group group = { "web", 1, 0 };
    struct clock clock = clock_real();
    struct error err = { 0 };
    atomic_bool stop = false;
    start(&server, resets);
    place = (struct plan_place){ .kind = PLAN_HLS };
    snprintf(place.address, sizeof place.address, "http://127.0.0.1:%u/news.m3u8", server.port);
    assert_int_equal(judge_create(&watch.judge, &(struct judge_config){ .groups = &group, .groups_count = 1 }, &err),
                     0);
    hls_track_run(
        &(struct downstream_config){
            .place = &place, .copies = 1, .watch = &watch, .clock = &clock, .stop = &stop, .depth = INSPECT_NONE },
        place.address, "main");
    judge_tick(watch.judge, clock_monotonic_ns(&clock), clock_utc_ns(&clock));
    judge_finish(watch.judge);
    atomic_store(&server.stop, true);
    pthread_join(server.thread, NULL);
    close(server.socket);
    return watch.judge;
}

static void connections_that_fail_once(void **state)
{
    (void)state;
    struct judge *judge = follow(1);
    if (judge_troubles(judge))
        fail_msg("%s", judge_finding(judge, 0)->text);
    assert_int_equal(judge_track(judge, 0).well, 3);
    assert_int_equal(judge_tally(judge, 0).none, 0);
    judge_destroy(judge);
}

static void connections_that_go_on_failing(void **state)
{
    (void)state;
    struct judge *judge = follow(1000);
    bool missing = false;
    for (unsigned i = 0; i < judge_findings(judge); i++)
        missing = missing || (judge_finding(judge, i)->kind == FINDING_MISSING &&
                              !strncmp(judge_finding(judge, i)->text, "number 1:", 9));
    assert_true(missing);
    assert_int_equal(judge_track(judge, 0).well, 2); /* the one behind it is looked at all the same */
    judge_destroy(judge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_that_fail_once),
        cmocka_unit_test(connections_that_go_on_failing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
