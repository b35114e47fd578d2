/* SPDX-License-Identifier: GPL-2.0-or-later */
/* origincheck_origin_test.c - listings of an HTTP server that answers on loopback: a short one, one without an end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "board/error.h"
#include "tools/origincheck/origin.h"

struct server {
    int listener;
    unsigned status, files; /* of the answer */
    pthread_t thread;
};

/* Says everything, or as much as is taken. */
static void answer(int connection, const struct server *server)
{
    char text[512];
    if (recv(connection, text, sizeof text, 0) <= 0)
        return;
    int used = snprintf(text, sizeof text, "HTTP/1.1 %u Whatever\r\nConnection: close\r\n\r\n<html>", server->status);
    for (unsigned i = 0; i <= server->files && send(connection, text, (size_t)used, MSG_NOSIGNAL) == used; i++)
        used = snprintf(text, sizeof text, "<a href=\"news.%06u.jpg\">%0*u</a>\n", i, 400, i);
}

static void *serve(void *context)
{
    const struct server *server = context;
    int connection = accept(server->listener, NULL, NULL);
    if (connection >= 0) {
        answer(connection, server);
        close(connection);
    }
    return NULL;
}

static void on_listed(void *context, const struct origin_listed *listed)
{
    assert_int_equal(strncmp(listed->name, "news.", 5), 0);
    ++*(unsigned *)context;
}

/* How many names came. */
static unsigned list(unsigned status, unsigned files, struct origin_answer *result)
{
    struct server server = { .status = status, .files = files };
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof address;
    struct origin *origin;
    struct error err = { 0 };
    unsigned count = 0;
    char url[64];
    server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server.listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(server.listener, (struct sockaddr *)&address, &bytes), 0);
    assert_int_equal(listen(server.listener, 1), 0);
    assert_int_equal(pthread_create(&server.thread, NULL, serve, &server), 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/pictures/news", ntohs(address.sin_port));
    assert_int_equal(origin_open(&origin, &(struct origin_config){ .address = url }, &err), 0);
    origin_list(origin, url, on_listed, &count, result);
    origin_close(origin);
    close(server.listener);
    pthread_join(server.thread, NULL);
    return count;
}

static void a_listing_is_read(void **state)
{
    (void)state;
    struct origin_answer result;
    assert_int_equal(list(207, 100, &result), 100);
    assert_int_equal(result.outcome, ORIGIN_OK);
    assert_false(result.cut);
    origin_answer_free(&result);
}

/* What has come counts, and that there is more is told. */
static void of_one_that_is_too_long_there_is_a_part(void **state)
{
    (void)state;
    struct origin_answer result;
    unsigned count = list(207, 40000, &result);
    assert_int_equal(result.outcome, ORIGIN_OK);
    assert_true(result.cut);
    assert_in_range(count, 10000, 30000);
    origin_answer_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listing_is_read),
        cmocka_unit_test(of_one_that_is_too_long_there_is_a_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
