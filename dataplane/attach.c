/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attach.c - one request, one reply, each a single message on a SEQPACKET socket. */
#include "dataplane/attach.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "board/error.h"
#include "board/message_socket.h"
#include "dataplane/attach_format.h"

enum { ANSWER_WAIT_MS = 1000 };

static int connect_to(const char *run_directory, unsigned pipeline, struct error *err)
{
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    if (snprintf(path, sizeof path, "%s/dataplane-%u.socket", run_directory, pipeline) >= (int)sizeof path)
        return error_set(err, -ENAMETOOLONG, "data plane %u: the run directory's name %s is too long", pipeline,
                         run_directory);
    int connection = message_socket_connect(path, err);
    if (connection < 0)
        error_wrap(err, "data plane %u", pipeline);
    return connection;
}

/* Checks the reply's head and the length of its text; the sender's reason becomes the error's sentence. */
static int check_reply(const struct attach_reply *reply, ssize_t bytes, unsigned pipeline, struct error *err)
{
    if (bytes == 0)
        return error_set(err, -ECONNREFUSED, "data plane %u closed the connection instead of answering", pipeline);
    if (bytes < (ssize_t)sizeof *reply || reply->magic != ATTACH_MAGIC || reply->version != ATTACH_VERSION ||
        reply->text_bytes != (size_t)bytes - sizeof *reply || reply->code > 0)
        return error_set(err, -EPROTO, "data plane %u: not an answer that this program understands", pipeline);
    if (reply->code < 0)
        return error_set(err, reply->code, "data plane %u: %.*s", pipeline, (int)reply->text_bytes,
                         (const char *)(reply + 1));
    return 0;
}

/* Sends the request and waits for the reply; returns its text's length. buffer holds MESSAGE_BYTES_MAX. */
static int ask(int connection, unsigned pipeline, const struct attach_request *request, struct attach_reply *buffer,
               int *descriptors, unsigned *descriptor_count, struct error *err)
{
    int result = message_send(connection, request, sizeof *request, NULL, 0, err);
    if (result < 0)
        return error_wrap(err, "data plane %u", pipeline);
    struct pollfd wait = { .fd = connection, .events = POLLIN };
    do
        result = poll(&wait, 1, ANSWER_WAIT_MS);
    while (result < 0 && errno == EINTR);
    if (result == 0)
        return error_set(err, -ETIMEDOUT, "data plane %u does not answer", pipeline);
    ssize_t bytes = message_receive(connection, buffer, MESSAGE_BYTES_MAX, descriptors, descriptor_count, err);
    if (bytes < 0)
        return error_wrap(err, "data plane %u", pipeline);
    result = check_reply(buffer, bytes, pipeline, err);
    return result < 0 ? result : (int)buffer->text_bytes;
}

static int attach_on(int connection, unsigned pipeline, const char *input, int *descriptor, struct error *err)
{
    struct attach_request request = { .magic = ATTACH_MAGIC, .version = ATTACH_VERSION, .type = ATTACH_REQUEST_ATTACH };
    if (snprintf(request.input, sizeof request.input, "%s", input) >= (int)sizeof request.input)
        return error_set(err, -ENOENT, "data plane %u: no input can have the name \"%s\"", pipeline, input);
    struct attach_reply *reply = malloc(MESSAGE_BYTES_MAX);
    if (!reply)
        return error_set(err, -ENOMEM, "attaching to input \"%s\"", input);
    int descriptors[MESSAGE_DESCRIPTORS_MAX];
    unsigned count = 0;
    int result = ask(connection, pipeline, &request, reply, descriptors, &count, err);
    free(reply);
    if (result >= 0 && count != 1)
        result =
            error_set(err, -EPROTO, "data plane %u: an answer with %u descriptors instead of one", pipeline, count);
    if (result >= 0) {
        *descriptor = descriptors[0];
        return 0;
    }
    for (unsigned i = 0; i < count; i++)
        close(descriptors[i]);
    return result;
}

int attach_input(const char *run_directory, unsigned pipeline, const char *input, int *descriptor, struct error *err)
{
    int connection = connect_to(run_directory, pipeline, err);
    if (connection < 0)
        return connection;
    int result = attach_on(connection, pipeline, input, descriptor, err);
    if (result < 0) {
        close(connection);
        return result;
    }
    return connection;
}

/* The data plane never sends after its reply: anything that can be read is the end. */
bool attach_closed(int connection)
{
    struct pollfd wait = { .fd = connection, .events = POLLIN | POLLRDHUP };
    return poll(&wait, 1, 0) > 0 && wait.revents;
}

int attach_status(const char *run_directory, unsigned pipeline, char *text, size_t bytes, struct error *err)
{
    int connection = connect_to(run_directory, pipeline, err);
    if (connection < 0)
        return connection;
    struct attach_request request = { .magic = ATTACH_MAGIC, .version = ATTACH_VERSION, .type = ATTACH_REQUEST_STATUS };
    struct attach_reply *reply = malloc(MESSAGE_BYTES_MAX);
    int result = reply ? ask(connection, pipeline, &request, reply, NULL, NULL, err)
                       : error_set(err, -ENOMEM, "status of data plane %u", pipeline);
    if (result >= 0 && (size_t)result >= bytes)
        result =
            error_set(err, -ENOBUFS, "status of data plane %u: %d bytes do not fit into %zu", pipeline, result, bytes);
    if (result >= 0) {
        memcpy(text, reply + 1, (size_t)result);
        text[result] = '\0';
    }
    free(reply);
    close(connection);
    return result;
}
