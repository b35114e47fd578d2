/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_server_test.c - requests over a unix socket: while it runs, and while it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"
#include "mgmt/http_server.h"

static bool watches_fail; /* of descriptors that are epoll's themselves: what the loop watches of a listener */

static bool is_epoll(int descriptor)
{
    char path[32], target[64] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    return readlink(path, target, sizeof target - 1) > 0 && strstr(target, "eventpoll");
}

int epoll_ctl(int epoll, int operation, int descriptor, struct epoll_event *event)
{
    if (!watches_fail || operation != EPOLL_CTL_ADD || !is_epoll(descriptor))
        return (int)syscall(SYS_epoll_ctl, epoll, operation, descriptor, event);
    errno = ENOSPC; /* of /proc/sys/fs/epoll/max_user_watches */
    return -1;
}

struct room {
    struct clock clock;
    struct loop *loop;
    struct http_server *server;
    char path[64];
    unsigned asked;
};

static void on_request(void *context, const struct http_request *request, struct http_answer *answer)
{
    struct room *room = context;
    (void)request;
    room->asked++;
    *answer = (struct http_answer){ 200, "text/plain", strdup("well\n"), 5 };
}

static int set_up(void **state)
{
    struct room *room = calloc(1, sizeof *room);
    struct error err = { 0 };
    room->clock = clock_real();
    snprintf(room->path, sizeof room->path, "/tmp/http-server-test-%d", (int)getpid());
    *state = room;
    if (loop_create(&room->loop, &err) < 0 ||
        http_server_create(&room->server, room->loop, &room->clock, on_request, room, &err) < 0)
        return -1;
    return http_server_listen_unix(room->server, room->path, &err);
}

static int tear_down(void **state)
{
    struct room *room = *state;
    http_server_destroy(room->server);
    loop_destroy(room->loop);
    free(room);
    return 0;
}

static int ask_with(const struct room *room, const char *request)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", room->path);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(write(client, request, strlen(request)), strlen(request));
    return client;
}

static int ask(const struct room *room)
{
    return ask_with(room, "GET /v1/media HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n");
}

static void requests_are_answered(void **state)
{
    struct room *room = *state;
    char text[512] = "";
    int client = ask(room);
    for (unsigned i = 0; i < 1000 && recv(client, text, sizeof text - 1, MSG_DONTWAIT) <= 0; i++)
        loop_turn(room->loop, 5);
    assert_non_null(strstr(text, "200 OK"));
    assert_int_equal(room->asked, 1);
    close(client);
}

/* Without end, and the loop has other things to do than to read it. Too large by little is told. */
static void a_body_without_end_is_not_read_to_its_end(void **state)
{
    static const char chunk[0x8000 + 8] = "8000\r\n";
    struct room *room = *state;
    size_t sent = 0;
    int client = ask_with(room, "PUT /v1/x HTTP/1.1\r\nHost: box\r\nTransfer-Encoding: chunked\r\n\r\n");
    char whole[sizeof chunk];
    memcpy(whole, chunk, sizeof chunk);
    memcpy(whole + sizeof whole - 2, "\r\n", 2);
    for (ssize_t now = 0; sent<32 << 20; sent += now> 0 ? (size_t)now : 0) {
        size_t at = sent % sizeof whole;
        now = send(client, whole + at, sizeof whole - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (now < 0 && errno != EAGAIN)
            break;
        loop_turn(room->loop, 0);
    }
    assert_in_range(sent, 4 << 20, 8 << 20);
    assert_int_equal(room->asked, 0);
    close(client);
}

static void a_body_that_is_announced_too_large_is_refused_at_once(void **state)
{
    static const char *const headers[] = { "Content-Length: 1000000000",
                                           "Expect: 100-continue\r\nContent-Length: 1000000" };
    struct room *room = *state;
    for (unsigned i = 0; i < 2; i++) {
        char request[256], text[512] = "";
        snprintf(request, sizeof request, "PUT /v1/x HTTP/1.1\r\nHost: box\r\n%s\r\n\r\n", headers[i]);
        int client = ask_with(room, request);
        for (unsigned turn = 0; turn < 1000 && recv(client, text, sizeof text - 1, MSG_DONTWAIT) <= 0; turn++)
            loop_turn(room->loop, 5);
        assert_non_null(strstr(text, " 413 "));
        close(client);
    }
    assert_int_equal(room->asked, 0);
}

/* What the handler works with may be gone by then. */
static void who_asks_while_it_ends_is_not_heard(void **state)
{
    struct room *room = *state;
    int client = ask(room);
    http_server_destroy(room->server);
    room->server = NULL;
    assert_int_equal(room->asked, 0);
    close(client);
}

/* The cable of the management network is out, or its DHCP server has not answered yet. */
static void listens_on_an_address_that_is_not_there(void **state)
{
    struct room *room = *state;
    struct error err = { 0 };
    assert_true(http_server_listen(room->server, "192.0.2.7", 0, &err) > 0);
}

static void listens_on_an_ipv6_address_that_is_not_there(void **state)
{
    struct room *room = *state;
    struct error err = { 0 };
    int port = http_server_listen(room->server, "2001:db8::7", 0, &err);
    assert_true(port > 0 || port == -EAFNOSUPPORT);
}

/* A listener that could not be watched takes no place and no socket. */
static void a_listener_that_cannot_be_watched_leaves_nothing(void **state)
{
    struct room *room = *state;
    struct error err = { 0 };
    watches_fail = true;
    for (unsigned i = 0; i < 3; i++)
        assert_int_not_equal(http_server_listen(room->server, "127.0.0.1", 0, &err), 0);
    watches_fail = false;
    assert_int_not_equal(err.code, -ENOBUFS);
    assert_true(http_server_listen(room->server, "127.0.0.1", 0, &err) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(requests_are_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_body_without_end_is_not_read_to_its_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_body_that_is_announced_too_large_is_refused_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_asks_while_it_ends_is_not_heard, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_listener_that_cannot_be_watched_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(listens_on_an_address_that_is_not_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(listens_on_an_ipv6_address_that_is_not_there, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
