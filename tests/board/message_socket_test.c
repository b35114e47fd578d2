/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "board/error.h"
#include "board/message_socket.h"

struct pair {
    char folder[64], path[96];
    int listener, client, server;
};

static int set_up(void **state)
{
    struct pair *pair = calloc(1, sizeof *pair);
    strcpy(pair->folder, "/tmp/message-socket-XXXXXX");
    if (!mkdtemp(pair->folder))
        return -1;
    snprintf(pair->path, sizeof pair->path, "%s/x.socket", pair->folder);
    pair->listener = message_socket_listen(pair->path, NULL);
    pair->client = message_socket_connect(pair->path, NULL);
    pair->server = message_socket_accept(pair->listener, NULL);
    *state = pair;
    return pair->listener < 0 || pair->client < 0 || pair->server < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    struct pair *pair = *state;
    close(pair->listener);
    close(pair->client);
    close(pair->server);
    unlink(pair->path);
    rmdir(pair->folder);
    free(pair);
    return 0;
}

static void messages_keep_their_borders(void **state)
{
    struct pair *pair = *state;
    char buffer[64];
    assert_int_equal(message_send(pair->client, "one", 3, NULL, 0, NULL), 0);
    assert_int_equal(message_send(pair->client, "three", 5, NULL, 0, NULL), 0);
    assert_int_equal(message_receive(pair->server, buffer, sizeof buffer, NULL, NULL, NULL), 3);
    assert_int_equal(message_receive(pair->server, buffer, sizeof buffer, NULL, NULL, NULL), 5);
    assert_int_equal(message_receive(pair->server, buffer, sizeof buffer, NULL, NULL, NULL), -EAGAIN);
    assert_int_equal(message_socket_peer_pid(pair->server), getpid());
}

static void descriptors_travel_and_close_on_exec(void **state)
{
    struct pair *pair = *state;
    char buffer[8];
    int memory = memfd_create("t", MFD_CLOEXEC), got[MESSAGE_DESCRIPTORS_MAX];
    unsigned count;
    assert_int_equal(write(memory, "segment", 7), 7);
    assert_int_equal(message_send(pair->client, "x", 1, &memory, 1, NULL), 0);
    close(memory);
    assert_int_equal(message_receive(pair->server, buffer, sizeof buffer, got, &count, NULL), 1);
    assert_int_equal(count, 1);
    assert_true(fcntl(got[0], F_GETFD) & FD_CLOEXEC);
    assert_int_equal(pread(got[0], buffer, 8, 0), 7);
    assert_memory_equal(buffer, "segment", 7);
    close(got[0]);
}

static void descriptors_nobody_wants_are_closed(void **state)
{
    struct pair *pair = *state;
    char buffer[8];
    int before = dup(0);
    close(before);
    assert_int_equal(message_send(pair->client, "x", 1, &pair->client, 1, NULL), 0);
    assert_int_equal(message_receive(pair->server, buffer, sizeof buffer, NULL, NULL, NULL), 1);
    assert_int_equal(message_send(pair->client, "too long for it", 15, &pair->client, 1, NULL), 0);
    assert_int_equal(message_receive(pair->server, buffer, 4, NULL, NULL, NULL), -EMSGSIZE);
    int after = dup(0);
    close(after);
    assert_int_equal(before, after);
}

static void a_peer_that_goes_away_is_seen(void **state)
{
    struct pair *pair = *state;
    char buffer[8];
    close(pair->client);
    assert_int_equal(message_receive(pair->server, buffer, sizeof buffer, NULL, NULL, NULL), 0);
    assert_int_equal(message_send(pair->server, "x", 1, NULL, 0, NULL), -EPIPE);
    pair->client = dup(0);
}

static void a_peer_that_does_not_read_is_told_apart(void **state)
{
    struct pair *pair = *state;
    static const char message[MESSAGE_BYTES_MAX];
    int result = 0;
    for (unsigned i = 0; i < 1000 && result == 0; i++)
        result = message_send(pair->client, message, sizeof message, NULL, 0, NULL);
    assert_int_equal(result, -EAGAIN);
    assert_int_equal(message_send(pair->client, message, MESSAGE_BYTES_MAX + 1, NULL, 0, NULL), -EMSGSIZE);
}

static void listening_replaces_the_dead_and_respects_the_living(void **state)
{
    struct pair *pair = *state;
    struct error err = { 0 };
    struct stat status;
    assert_int_equal(stat(pair->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(message_socket_listen(pair->path, &err), -EADDRINUSE);
    close(pair->listener);
    pair->listener = message_socket_listen(pair->path, &err);
    assert_true(pair->listener >= 0);
}

static void nobody_there_is_an_errno(void **state)
{
    struct pair *pair = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/none.socket", pair->folder);
    assert_int_equal(message_socket_connect(path, NULL), -ENOENT);
    close(pair->listener);
    assert_int_equal(message_socket_connect(pair->path, NULL), -ECONNREFUSED);
    pair->listener = dup(0);
    char longer[256];
    memset(longer, 'a', sizeof longer - 1);
    longer[255] = '\0';
    assert_int_equal(message_socket_connect(longer, NULL), -ENAMETOOLONG);
}

#define WITH_PAIR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PAIR(messages_keep_their_borders),
        WITH_PAIR(descriptors_travel_and_close_on_exec),
        WITH_PAIR(descriptors_nobody_wants_are_closed),
        WITH_PAIR(a_peer_that_goes_away_is_seen),
        WITH_PAIR(a_peer_that_does_not_read_is_told_apart),
        WITH_PAIR(listening_replaces_the_dead_and_respects_the_living),
        WITH_PAIR(nobody_there_is_an_errno),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
