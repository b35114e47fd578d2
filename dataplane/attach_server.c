/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/attach_server.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/error.h"
#include "board/log.h"
#include "board/loop.h"
#include "board/message_socket.h"
#include "dataplane/attach_format.h"
#include "dataplane/input_runtime.h"

/* Places for clients that are not attached: they ask and go. */
enum { PLACES = ATTACH_CLIENTS_MAX + 16 };

struct client {
    int connection;                    /* -1: this place is free */
    const struct input_runtime *input; /* attached to; NULL: not yet */
};

struct attach_server {
    struct attach_server_config config;
    struct loop *loop;
    int listener;
    char *path;
    char *reply; /* MESSAGE_BYTES_MAX, for the answer that is being made */
    struct client clients[PLACES];
};

/* ---- answers ---- */

__attribute__((format(printf, 3, 4))) static size_t refuse(void *reply, int code, const char *format, ...)
{
    struct attach_reply head = { .magic = ATTACH_MAGIC, .version = ATTACH_VERSION, .code = code };
    char *text = (char *)reply + sizeof head;
    va_list values;
    va_start(values, format);
    head.text_bytes = (uint32_t)vsnprintf(text, 256, format, values);
    va_end(values);
    if (head.text_bytes > 255)
        head.text_bytes = 255;
    memcpy(reply, &head, sizeof head);
    return sizeof head + head.text_bytes;
}

static size_t accept_with(void *reply, size_t text_bytes)
{
    struct attach_reply head = { .magic = ATTACH_MAGIC, .version = ATTACH_VERSION, .text_bytes = (uint32_t)text_bytes };
    memcpy(reply, &head, sizeof head);
    return sizeof head + text_bytes;
}

size_t attach_server_answer(const struct attach_server_config *config, const void *message, size_t bytes, void *reply,
                            const struct input_runtime **input)
{
    struct attach_request request;
    *input = NULL;
    if (bytes != sizeof request)
        return refuse(reply, -EPROTO, "a request of %zu bytes instead of %zu", bytes, sizeof request);
    memcpy(&request, message, sizeof request);
    if (request.magic != ATTACH_MAGIC || request.version != ATTACH_VERSION)
        return refuse(reply, -EPROTO, "a request of version %u; this data plane speaks %d", request.version,
                      ATTACH_VERSION);
    if (request.type == ATTACH_REQUEST_STATUS) {
        int text_bytes = config->status(config->context, (char *)reply + sizeof(struct attach_reply),
                                        MESSAGE_BYTES_MAX - sizeof(struct attach_reply));
        return text_bytes < 0 ? refuse(reply, text_bytes, "the status does not fit into a message")
                              : accept_with(reply, (size_t)text_bytes);
    }
    if (request.type != ATTACH_REQUEST_ATTACH)
        return refuse(reply, -EPROTO, "request %u is not known", request.type);
    if (!memchr(request.input, '\0', sizeof request.input))
        return refuse(reply, -EPROTO, "the input's name has no end");
    *input = config->find(config->context, request.input);
    return *input ? accept_with(reply, 0) : refuse(reply, -ENOENT, "there is no input \"%s\"", request.input);
}

/* ---- connections ---- */

static void hang_up(struct attach_server *server, struct client *client)
{
    loop_unwatch(server->loop, client->connection);
    close(client->connection);
    *client = (struct client){ .connection = -1 };
}

static struct client *find_client(struct attach_server *server, int connection)
{
    for (unsigned i = 0; i < PLACES; i++)
        if (server->clients[i].connection == connection)
            return &server->clients[i];
    return NULL;
}

static unsigned attached(const struct attach_server *server)
{
    unsigned count = 0;
    for (unsigned i = 0; i < PLACES; i++)
        count += server->clients[i].connection >= 0 && server->clients[i].input;
    return count;
}

static void answer(struct attach_server *server, struct client *client, const void *message, size_t bytes)
{
    const struct input_runtime *input;
    size_t reply_bytes = attach_server_answer(&server->config, message, bytes, server->reply, &input);
    if (input && attached(server) >= ATTACH_CLIENTS_MAX) {
        input = NULL;
        reply_bytes = refuse(server->reply, -EBUSY, "more than %d readers", ATTACH_CLIENTS_MAX);
    }
    int descriptor = input ? stream_ring_descriptor(input->ring) : -1;
    if (message_send(client->connection, server->reply, reply_bytes, &descriptor, input ? 1 : 0, NULL) < 0 || !input) {
        hang_up(server, client); /* what was sent is still read by the client */
        return;
    }
    client->input = input;
    log_info(server->config.log, "input %s: process %d reads", input->settings.name,
             (int)message_socket_peer_pid(client->connection));
}

static void on_client(void *context, int connection, unsigned events)
{
    (void)events;
    struct attach_server *server = context;
    struct client *client = find_client(server, connection);
    char message[sizeof(struct attach_request) + 1];
    if (!client)
        return;
    ssize_t bytes = message_receive(connection, message, sizeof message, NULL, NULL, NULL);
    if (bytes == -EAGAIN)
        return;
    if (client->input) { /* an attached client only ever goes */
        log_info(server->config.log, "input %s: a reader has gone", client->input->settings.name);
        hang_up(server, client);
    } else if (bytes > 0) {
        answer(server, client, message, (size_t)bytes);
    } else {
        hang_up(server, client);
    }
}

static void on_connection(void *context, int listener, unsigned events)
{
    (void)events;
    struct attach_server *server = context;
    int connection;
    while ((connection = message_socket_accept(listener, NULL)) >= 0) {
        struct client *client = find_client(server, -1);
        if (!client || loop_watch(server->loop, connection, LOOP_READ, on_client, server, NULL) < 0) {
            close(connection);
            continue;
        }
        client->connection = connection;
    }
}

int attach_server_create(struct attach_server **out, struct loop *loop, const char *path,
                         const struct attach_server_config *config, struct error *err)
{
    struct attach_server *server = calloc(1, sizeof *server);
    if (!server)
        return error_set(err, -ENOMEM, "attach socket");
    server->config = *config;
    server->loop = loop;
    server->listener = -1;
    for (unsigned i = 0; i < PLACES; i++)
        server->clients[i].connection = -1;
    server->reply = malloc(MESSAGE_BYTES_MAX);
    server->path = strdup(path);
    int result = server->reply && server->path ? 0 : error_set(err, -ENOMEM, "attach socket");
    if (result == 0)
        result = server->listener = message_socket_listen(path, err);
    if (result >= 0)
        result = loop_watch(loop, server->listener, LOOP_READ, on_connection, server, err);
    if (result < 0) {
        attach_server_destroy(server);
        return result;
    }
    *out = server;
    return 0;
}

void attach_server_destroy(struct attach_server *server)
{
    if (!server)
        return;
    for (unsigned i = 0; i < PLACES; i++)
        if (server->clients[i].connection >= 0)
            hang_up(server, &server->clients[i]);
    if (server->listener >= 0) {
        loop_unwatch(server->loop, server->listener);
        close(server->listener);
        unlink(server->path);
    }
    free(server->path);
    free(server->reply);
    free(server);
}

void attach_server_end_input(struct attach_server *server, const struct input_runtime *input)
{
    for (unsigned i = 0; i < PLACES; i++)
        if (server->clients[i].connection >= 0 && server->clients[i].input == input)
            hang_up(server, &server->clients[i]);
}

unsigned attach_server_readers(const struct attach_server *server, const struct input_runtime *input)
{
    unsigned count = 0;
    for (unsigned i = 0; server && i < PLACES; i++)
        count += server->clients[i].connection >= 0 && server->clients[i].input == input;
    return count;
}
