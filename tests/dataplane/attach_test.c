/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Client and server of the data plane's socket: a ring comes over, reasons come over, ends are noticed. The server's
 * loop turns in a thread of its own, as in the process.
 */
#include "dataplane/attach.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/error.h"
#include "board/loop.h"
#include "board/message_socket.h"
#include "dataplane/attach_format.h"
#include "dataplane/attach_server.h"
#include "dataplane/input_runtime.h"
#include "dataplane/stream_ring.h"

struct bench {
    char directory[64], path[128];
    struct loop *loop;
    struct attach_server *server;
    struct input_runtime *input;
    pthread_t thread;
    atomic_bool stopping, ending; /* asked of the thread */
    size_t status_bytes;
};

static const struct input_runtime *find(void *context, const char *name)
{
    struct bench *b = context;
    return b->input && strcmp(name, b->input->settings.name) == 0 ? b->input : NULL;
}

static int print_status(void *context, char *text, size_t bytes)
{
    struct bench *b = context;
    if (b->status_bytes > bytes)
        return -EMSGSIZE;
    memset(text, 's', b->status_bytes);
    return (int)b->status_bytes;
}

static void *turn_loop(void *context)
{
    struct bench *b = context;
    while (!atomic_load(&b->stopping)) {
        loop_turn(b->loop, 1);
        if (atomic_exchange(&b->ending, false))
            attach_server_end_input(b->server, b->input);
    }
    return NULL;
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    struct error err;
    strcpy(b->directory, "/tmp/attach-test-XXXXXX");
    assert_non_null(mkdtemp(b->directory));
    snprintf(b->path, sizeof b->path, "%s/dataplane-1.socket", b->directory);
    b->status_bytes = 100;
    struct input settings = { .name = "news", .ring_megabytes = 1 };
    assert_int_equal(input_runtime_create(&b->input, &settings, 0, false, &err), 0);
    assert_int_equal(loop_create(&b->loop, &err), 0);
    struct attach_server_config config = { .context = b, .find = find, .status = print_status };
    assert_int_equal(attach_server_create(&b->server, b->loop, b->path, &config, &err), 0);
    assert_int_equal(pthread_create(&b->thread, NULL, turn_loop, b), 0);
    *state = b;
    return 0;
}

static void stop_server(struct bench *b)
{
    if (!b->server)
        return;
    atomic_store(&b->stopping, true);
    pthread_join(b->thread, NULL);
    attach_server_destroy(b->server);
    b->server = NULL;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    stop_server(b);
    input_runtime_destroy(b->input);
    loop_destroy(b->loop);
    rmdir(b->directory);
    free(b);
    return 0;
}

static bool closes(int connection)
{
    for (unsigned i = 0; i < 1000 && !attach_closed(connection); i++)
        usleep(1000);
    return attach_closed(connection);
}

static void a_ring_comes_over(void **state)
{
    struct bench *b = *state;
    struct error err = { 0 };
    int descriptor;
    struct stream_ring_reader *reader;
    int connection = attach_input(b->directory, 1, "news", &descriptor, &err);
    assert_true(connection >= 0);
    assert_int_equal(stream_ring_open(&reader, descriptor, &err), 0);
    struct stream_ring_record record = { .bytes = 188 };
    uint8_t payload[188] = { 0x47, 1, 2, 3 };
    stream_ring_append(b->input->ring, &record, payload);
    stream_ring_publish(b->input->ring);
    const uint8_t *address;
    assert_int_equal(stream_ring_peek(reader, &address), 188);
    assert_memory_equal(address, payload, 188);
    assert_false(attach_closed(connection));
    stream_ring_close(reader);
    close(connection);
}

static void the_end_of_an_input_is_told(void **state)
{
    struct bench *b = *state;
    int descriptor;
    int connection = attach_input(b->directory, 1, "news", &descriptor, NULL);
    assert_true(connection >= 0);
    atomic_store(&b->ending, true);
    assert_true(closes(connection));
    close(descriptor);
    close(connection);
}

static void the_end_of_the_data_plane_is_told(void **state)
{
    struct bench *b = *state;
    struct error err;
    int descriptor;
    int connection = attach_input(b->directory, 1, "news", &descriptor, NULL);
    assert_true(connection >= 0);
    stop_server(b);
    assert_true(closes(connection));
    assert_int_equal(attach_input(b->directory, 1, "news", &descriptor, &err), -ENOENT);
    assert_non_null(strstr(err.text, "data plane 1"));
    close(descriptor);
    close(connection);
}

static void unknown_inputs_are_refused_by_name(void **state)
{
    struct bench *b = *state;
    struct error err;
    int descriptor;
    assert_int_equal(attach_input(b->directory, 1, "sport", &descriptor, &err), -ENOENT);
    assert_string_equal(err.text, "data plane 1: there is no input \"sport\"");
    char longest[200];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(attach_input(b->directory, 1, longest, &descriptor, &err), -ENOENT);
    assert_int_equal(attach_input(b->directory, 0, "news", &descriptor, &err), -ENOENT); /* no such data plane */
}

static void the_status_comes_over(void **state)
{
    struct bench *b = *state;
    struct error err;
    static char text[128 * 1024];
    assert_int_equal(attach_status(b->directory, 1, text, sizeof text, &err), 100);
    assert_int_equal(strlen(text), 100);
    assert_int_equal(attach_status(b->directory, 1, text, 100, &err), -ENOBUFS);
    b->status_bytes = 60000;
    assert_int_equal(attach_status(b->directory, 1, text, sizeof text, &err), 60000);
    b->status_bytes = 70000; /* more than a message */
    assert_int_equal(attach_status(b->directory, 1, text, sizeof text, &err), -EMSGSIZE);
}

static void many_readers_attach_and_go(void **state)
{
    struct bench *b = *state;
    struct error err;
    int connections[ATTACH_CLIENTS_MAX], descriptors[ATTACH_CLIENTS_MAX], descriptor;
    for (unsigned i = 0; i < ATTACH_CLIENTS_MAX; i++) {
        connections[i] = attach_input(b->directory, 1, "news", &descriptors[i], &err);
        assert_true(connections[i] >= 0);
    }
    assert_int_equal(attach_input(b->directory, 1, "news", &descriptor, &err), -EBUSY);
    for (unsigned i = 0; i < ATTACH_CLIENTS_MAX; i++) {
        close(connections[i]);
        close(descriptors[i]);
    }
    int connection = -1; /* the server notices the ends in its own time */
    for (unsigned i = 0; i < 1000 && connection < 0; i++) {
        connection = attach_input(b->directory, 1, "news", &descriptor, &err);
        usleep(1000);
    }
    assert_true(connection >= 0);
    close(connection);
    close(descriptor);
}

static size_t answer(struct bench *b, const void *message, size_t bytes, struct attach_reply *reply, char *text)
{
    static char buffer[MESSAGE_BYTES_MAX];
    const struct input_runtime *input;
    struct attach_server_config config = { .context = b, .find = find, .status = print_status };
    size_t used = attach_server_answer(&config, message, bytes, buffer, &input);
    memcpy(reply, buffer, sizeof *reply);
    assert_int_equal(used, sizeof *reply + reply->text_bytes);
    memcpy(text, buffer + sizeof *reply, reply->text_bytes);
    text[reply->text_bytes] = '\0';
    return used;
}

static void nonsense_is_answered_with_a_reason(void **state)
{
    struct bench *b = *state;
    struct attach_reply reply;
    static char text[MESSAGE_BYTES_MAX];
    struct attach_request request = { .magic = ATTACH_MAGIC, .version = ATTACH_VERSION, .type = ATTACH_REQUEST_ATTACH };
    answer(b, &request, sizeof request - 1, &reply, text);
    assert_int_equal(reply.code, -EPROTO);
    assert_non_null(strstr(text, "71 bytes"));
    memset(request.input, 'x', sizeof request.input);
    answer(b, &request, sizeof request, &reply, text);
    assert_non_null(strstr(text, "no end"));
    request.type = 77;
    answer(b, &request, sizeof request, &reply, text);
    assert_non_null(strstr(text, "request 77"));
    request.version = 9;
    answer(b, &request, sizeof request, &reply, text);
    assert_non_null(strstr(text, "version 9"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_ring_comes_over),
        TEST(the_end_of_an_input_is_told),
        TEST(the_end_of_the_data_plane_is_told),
        TEST(unknown_inputs_are_refused_by_name),
        TEST(the_status_comes_over),
        TEST(many_readers_attach_and_go),
        TEST(nonsense_is_answered_with_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
