/* SPDX-License-Identifier: GPL-2.0-or-later */
/* connection_stream_test.c - bytes both ways over loopback, without TLS (the rig has a TLS server); peers that do not
 * read, close, are not there. */
#include "mgmt/connection_stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/error.h"
#include "board/loop.h"

struct bench {
    struct loop *loop;
    int listener, peer;
    unsigned port;
    struct connection_stream *stream;
    struct connection_stream_config config;
    unsigned readable, writable, failed;
    bool destroy;
    char text[256];
};

static void on_ready(void *context, unsigned events)
{
    struct bench *bench = context;
    bench->readable += (events & CONNECTION_READABLE) != 0;
    bench->writable += (events & CONNECTION_WRITABLE) != 0;
    connection_stream_want_write(bench->stream, false);
    if (bench->destroy) {
        connection_stream_destroy(bench->stream);
        bench->stream = NULL;
    }
}

static void on_failed(void *context, enum connection_failure failure, const char *text)
{
    struct bench *bench = context;
    bench->failed++;
    assert_int_equal(failure, CONNECTION_UNREACHABLE);
    strncpy(bench->text, text, sizeof bench->text - 1);
    connection_stream_destroy(bench->stream);
    bench->stream = NULL;
}

static void set_up(struct bench *bench)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    *bench = (struct bench){ .peer = -1 };
    assert_int_equal(loop_create(&bench->loop, NULL), 0);
    bench->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(bench->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(bench->listener, 4), 0);
    getsockname(bench->listener, (struct sockaddr *)&address, &length);
    bench->port = ntohs(address.sin_port);
    bench->config = (struct connection_stream_config){ .loop = bench->loop,
                                                       .host = "127.0.0.1",
                                                       .port = bench->port,
                                                       .ready = on_ready,
                                                       .failed = on_failed,
                                                       .context = bench };
}

static void tear_down(struct bench *bench)
{
    connection_stream_destroy(bench->stream);
    if (bench->peer >= 0)
        close(bench->peer);
    if (bench->listener >= 0)
        close(bench->listener);
    loop_destroy(bench->loop);
}

#define TURN_UNTIL(bench, condition)                                                                                   \
    for (unsigned turn_ = 0; turn_ < 300 && !(condition); turn_++)                                                     \
    loop_turn((bench)->loop, 10)

static void open_stream(struct bench *bench)
{
    assert_int_equal(connection_stream_create(&bench->stream, &bench->config, NULL), 0);
    TURN_UNTIL(bench, bench->writable || bench->failed);
    assert_int_equal(bench->failed, 0);
    bench->peer = accept(bench->listener, NULL, NULL);
    assert_true(bench->peer >= 0);
}

static void test_both_ways(void **state)
{
    (void)state;
    struct bench bench;
    char data[16];
    set_up(&bench);
    bench.config.source_address = "127.0.0.1";
    open_stream(&bench);
    assert_int_equal(bench.writable, 1);
    assert_int_equal(connection_stream_receive(bench.stream, data, sizeof data), -EAGAIN);
    assert_int_equal(connection_stream_send(bench.stream, "hello", 5), 5);
    assert_int_equal(read(bench.peer, data, sizeof data), 5);
    assert_memory_equal(data, "hello", 5);
    assert_int_equal(connection_stream_unconfirmed(bench.stream), 0);
    assert_in_range(connection_stream_window(bench.stream), 10000, 64 << 20);
    assert_int_equal(write(bench.peer, "answer", 6), 6);
    TURN_UNTIL(&bench, bench.readable);
    assert_int_equal(connection_stream_receive(bench.stream, data, sizeof data), 6);
    assert_memory_equal(data, "answer", 6);
    close(bench.peer);
    bench.peer = -1;
    bench.readable = 0;
    TURN_UNTIL(&bench, bench.readable);
    assert_int_equal(connection_stream_receive(bench.stream, data, sizeof data), 0);
    tear_down(&bench);
}

/* Whatever moves in the owner's buffers, the peer gets the bytes in order, each once. */
static void test_a_peer_that_reads_late(void **state)
{
    (void)state;
    struct bench bench;
    enum { BYTES = 12 * 1024 * 1024 };
    uint8_t *data = malloc(BYTES), *read_back = malloc(BYTES);
    size_t sent = 0, got = 0;
    for (size_t i = 0; i < BYTES; i++)
        data[i] = (uint8_t)(i * 31 + i / 251);
    set_up(&bench);
    open_stream(&bench);
    ssize_t result = 0;
    while (sent < BYTES && (result = connection_stream_send(bench.stream, data + sent, BYTES - sent)) > 0)
        sent += (size_t)result;
    assert_int_equal(result, -EAGAIN);
    assert_true(connection_stream_unconfirmed(bench.stream) > 0);
    assert_true(connection_stream_window(bench.stream) < connection_stream_unconfirmed(bench.stream));
    assert_false(connection_stream_is_lost(bench.stream));
    bench.writable = 0;
    connection_stream_want_write(bench.stream, true);
    loop_turn(bench.loop, 20);
    assert_int_equal(bench.writable, 0); /* there is no room */
    while (got < BYTES) {
        ssize_t bytes = recv(bench.peer, read_back + got, BYTES - got, MSG_DONTWAIT);
        got += bytes > 0 ? (size_t)bytes : 0;
        unsigned before = bench.writable;
        connection_stream_want_write(bench.stream, sent < BYTES);
        loop_turn(bench.loop, 1);
        if (bench.writable > before && (result = connection_stream_send(bench.stream, data + sent, BYTES - sent)) > 0)
            sent += (size_t)result;
    }
    assert_true(bench.writable > 0);
    assert_int_equal(sent, BYTES);
    assert_memory_equal(data, read_back, BYTES);
    free(data);
    free(read_back);
    tear_down(&bench);
}

static void test_not_there(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    close(bench.listener);
    bench.listener = -1;
    assert_int_equal(connection_stream_create(&bench.stream, &bench.config, NULL), 0);
    TURN_UNTIL(&bench, bench.failed);
    assert_int_equal(bench.failed, 1);
    assert_true(bench.text[0]);
    tear_down(&bench);
}

static void test_an_interface_that_is_missing(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.config.interface = "nowhere9";
    assert_int_equal(connection_stream_create(&bench.stream, &bench.config, NULL), 0);
    TURN_UNTIL(&bench, bench.failed);
    assert_non_null(strstr(bench.text, "nowhere9"));
    bench.config.source_address = "not an address";
    struct error err = { 0 };
    assert_int_equal(connection_stream_create(&bench.stream, &bench.config, &err), -EINVAL);
    tear_down(&bench);
}

static void test_destroyed_at_any_moment(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    assert_int_equal(connection_stream_create(&bench.stream, &bench.config, NULL), 0);
    connection_stream_destroy(bench.stream); /* before anything */
    bench.destroy = true;
    assert_int_equal(connection_stream_create(&bench.stream, &bench.config, NULL), 0);
    TURN_UNTIL(&bench, bench.writable);
    assert_null(bench.stream); /* in its own callback */
    bench.config.host = "no-such-name.invalid";
    assert_int_equal(connection_stream_create(&bench.stream, &bench.config, NULL), 0);
    loop_turn(bench.loop, 0);
    tear_down(&bench); /* while a name is looked up */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_a_peer_that_reads_late),
        cmocka_unit_test(test_not_there),
        cmocka_unit_test(test_an_interface_that_is_missing),
        cmocka_unit_test(test_destroyed_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
