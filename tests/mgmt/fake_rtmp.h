/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fake_rtmp.h - an RTMP server that can be told to misbehave. It lives on the test's own event loop and loopback, and
 * keeps what was published, session by session.
 *
 *     struct rtmp_server *server = rtmp_server_create(loop);
 *     server->behaviour = RTMP_SERVER_BAD_NAME;
 *     ... server->sessions[0].messages[3].timestamp_ms
 */
#pragma once
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "board/loop.h"
#include "encode/amf.h"
#include "mgmt/rtmp_protocol.h"

enum rtmp_server_behaviour {
    RTMP_SERVER_GOOD,
    RTMP_SERVER_SILENT,    /* takes the connection and says nothing */
    RTMP_SERVER_NOISE,     /* answers with something else than RTMP */
    RTMP_SERVER_BAD_NAME,  /* rejects publish */
    RTMP_SERVER_REJECT,    /* rejects connect: server->rejection is its description */
    RTMP_SERVER_ADOBE,     /* wants authmod=adobe: user, then a response (that it takes without looking) */
    RTMP_SERVER_DEAF,      /* accepts publish, then does not read any more */
    RTMP_SERVER_CLOSE,     /* closes after server->close_after media messages of a session */
    RTMP_SERVER_LONG_TALK, /* after publish: pings, a window, a bandwidth */
};

enum { RTMP_SERVER_SESSIONS_MAX = 32, RTMP_SERVER_MESSAGES_MAX = 4096 };

struct rtmp_server_message {
    unsigned type;
    uint32_t timestamp_ms, bytes;
    uint8_t first[24]; /* of the payload */
};

struct rtmp_server;

struct rtmp_server_session {
    struct rtmp_server *server;
    int socket; /* -1: closed */
    unsigned handshake_bytes;
    struct rtmp_reader *reader;
    char application[1024], encoder[64], stream[128];
    bool publishing, ended; /* ended: deleteStream came */
    unsigned media, message_count;
    struct rtmp_server_message messages[RTMP_SERVER_MESSAGES_MAX];
    unsigned commands, controls;
    char command_names[16][32];
    struct rtmp_server_message last_control;
};

struct rtmp_server {
    struct loop *loop;
    int listener;
    unsigned port;
    enum rtmp_server_behaviour behaviour;
    const char *rejection;
    unsigned close_after;
    unsigned session_count;
    struct rtmp_server_session *sessions[RTMP_SERVER_SESSIONS_MAX];
};

static inline void rtmp_server_close(struct rtmp_server_session *session)
{
    if (session->socket < 0)
        return;
    loop_unwatch(session->server->loop, session->socket);
    close(session->socket);
    session->socket = -1;
}

static inline void rtmp_server_write(struct rtmp_server_session *session, const void *data, size_t bytes)
{
    ssize_t sent = send(session->socket, data, bytes, MSG_NOSIGNAL);
    (void)sent;
}

static inline void rtmp_server_message(struct rtmp_server_session *session, unsigned type, uint32_t message_stream,
                                       const void *payload, size_t bytes)
{
    uint8_t data[4096];
    struct rtmp_message message = { type, type == RTMP_COMMAND ? 3 : 2, message_stream, 0, (uint32_t)bytes, payload };
    size_t used = rtmp_message_header(data, &message);
    for (size_t at = 0; at < bytes;) {
        size_t part = bytes - at < RTMP_CHUNK_SIZE_DEFAULT ? bytes - at : RTMP_CHUNK_SIZE_DEFAULT;
        memcpy(data + used, (const uint8_t *)payload + at, part);
        used += part;
        at += part;
        if (at < bytes)
            used += rtmp_continuation_header(data + used, &message);
    }
    rtmp_server_write(session, data, used);
}

static inline void rtmp_server_answer(struct rtmp_server_session *session, const char *name, double transaction,
                                      const char *level, const char *code, const char *description)
{
    uint8_t bytes[2048];
    struct amf_writer writer = { .data = bytes, .capacity = sizeof bytes };
    amf_string(&writer, name);
    amf_number(&writer, transaction);
    amf_null(&writer);
    if (code) {
        amf_object(&writer);
        amf_key(&writer, "level");
        amf_string(&writer, level);
        amf_key(&writer, "code");
        amf_string(&writer, code);
        amf_key(&writer, "description");
        amf_string(&writer, description);
        amf_object_end(&writer);
    }
    rtmp_server_message(session, RTMP_COMMAND, 0, bytes, writer.used);
}

static inline void rtmp_server_reject(struct rtmp_server_session *session, const char *description)
{
    rtmp_server_answer(session, "_error", 1, "error", "NetConnection.Connect.Rejected", description);
    rtmp_server_close(session);
}

static inline void rtmp_server_on_connect(struct rtmp_server_session *session)
{
    struct rtmp_server *server = session->server;
    const char *application = session->application;
    if (server->behaviour == RTMP_SERVER_REJECT)
        rtmp_server_reject(session, server->rejection);
    else if (server->behaviour == RTMP_SERVER_ADOBE && !strstr(application, "authmod=adobe"))
        rtmp_server_reject(session, "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ");
    else if (server->behaviour == RTMP_SERVER_ADOBE && !strstr(application, "&response="))
        rtmp_server_reject(session, "[ AccessManager.Reject ] : [ authmod=adobe ] : "
                                    "?reason=needauth&user=live&salt=c2FsdA==&challenge=Y2hhbGxlbmdl");
    else
        rtmp_server_answer(session, "_result", 1, "status", "NetConnection.Connect.Success", "well");
}

static inline void rtmp_server_on_publish(struct rtmp_server_session *session)
{
    if (session->server->behaviour == RTMP_SERVER_BAD_NAME) {
        rtmp_server_answer(session, "onStatus", 0, "error", "NetStream.Publish.BadName", "already publishing");
        return;
    }
    rtmp_server_answer(session, "onStatus", 0, "status", "NetStream.Publish.Start", "go");
    session->publishing = true;
    if (session->server->behaviour == RTMP_SERVER_DEAF)
        loop_unwatch(session->server->loop, session->socket);
    if (session->server->behaviour == RTMP_SERVER_LONG_TALK) {
        rtmp_server_message(session, RTMP_WINDOW_SIZE, 0, "\0\0\x0b\0", 4);
        rtmp_server_message(session, RTMP_USER_CONTROL, 0, "\0\x06\x12\x34\x56\x78", 6);
        rtmp_server_message(session, RTMP_PEER_BANDWIDTH, 0, "\0\0\x40\0\x02", 5);
    }
}

static inline void rtmp_server_on_command(struct rtmp_server_session *session, const struct rtmp_message *message)
{
    struct amf_reader reader = { message->payload, message->payload + message->bytes };
    char *name = session->command_names[session->commands++ % 16];
    double transaction = 0;
    assert(amf_read_string(&reader, name, 32) == 0 && amf_read_number(&reader, &transaction) == 0);
    if (strcmp(name, "connect") == 0) {
        struct amf_reader again = reader;
        assert(amf_read_property(&reader, "app", session->application, sizeof session->application) == 0);
        assert(amf_read_property(&again, "flashVer", session->encoder, sizeof session->encoder) == 0);
        rtmp_server_on_connect(session);
    } else if (strcmp(name, "createStream") == 0) {
        uint8_t bytes[64];
        struct amf_writer writer = { .data = bytes, .capacity = sizeof bytes };
        amf_string(&writer, "_result");
        amf_number(&writer, transaction);
        amf_null(&writer);
        amf_number(&writer, 5);
        rtmp_server_message(session, RTMP_COMMAND, 0, bytes, writer.used);
    } else if (strcmp(name, "publish") == 0) {
        assert(message->message_stream == 5 && amf_skip(&reader) == 0);
        assert(amf_read_string(&reader, session->stream, sizeof session->stream) == 0);
        rtmp_server_on_publish(session);
    } else if (strcmp(name, "deleteStream") == 0) {
        session->ended = true;
    } else { /* releaseStream, FCPublish, FCUnpublish: like many servers, this one does not know them */
        rtmp_server_answer(session, "_error", transaction, "error", "NetConnection.Call.Failed", "no such call");
    }
}

static inline int rtmp_server_on_message(void *context, const struct rtmp_message *message)
{
    struct rtmp_server_session *session = context;
    if (message->type == RTMP_COMMAND) {
        rtmp_server_on_command(session, message);
        return session->socket < 0 ? -ECONNABORTED : 0;
    }
    bool control = message->type < RTMP_AUDIO;
    struct rtmp_server_message *kept = control ? &session->last_control : &session->messages[session->message_count];
    session->controls += control;
    if (!control && session->message_count < RTMP_SERVER_MESSAGES_MAX - 1)
        session->message_count++;
    kept->type = message->type;
    kept->timestamp_ms = message->timestamp_ms;
    kept->bytes = message->bytes;
    memcpy(kept->first, message->payload, message->bytes < sizeof kept->first ? message->bytes : sizeof kept->first);
    session->media += !control;
    if (session->server->behaviour == RTMP_SERVER_CLOSE && session->media >= session->server->close_after) {
        rtmp_server_close(session);
        return -ECONNABORTED;
    }
    return 0;
}

/* C0 and C1 are answered with S0, S1 and S2 at once; C2 is swallowed. */
static inline size_t rtmp_server_shake(struct rtmp_server_session *session, size_t bytes)
{
    const unsigned first = 1 + RTMP_HANDSHAKE_BYTES, whole = first + RTMP_HANDSHAKE_BYTES;
    size_t part = whole - session->handshake_bytes < bytes ? whole - session->handshake_bytes : bytes;
    bool answered = session->handshake_bytes >= first;
    session->handshake_bytes += (unsigned)part;
    if (!answered && session->handshake_bytes >= first && session->server->behaviour != RTMP_SERVER_SILENT) {
        uint8_t answer[1 + 2 * RTMP_HANDSHAKE_BYTES] = { 3 };
        if (session->server->behaviour == RTMP_SERVER_NOISE)
            memcpy(answer, "HTTP/1.1 400 Bad Request", 24);
        rtmp_server_write(session, answer, sizeof answer);
    }
    return part;
}

static inline void rtmp_server_read(void *context, int file_descriptor, unsigned events)
{
    struct rtmp_server_session *session = context;
    static uint8_t data[16384];
    (void)events;
    ssize_t bytes = recv(file_descriptor, data, sizeof data, MSG_DONTWAIT);
    if (bytes < 0 && errno == EAGAIN)
        return;
    if (bytes <= 0) {
        rtmp_server_close(session);
        return;
    }
    size_t used = rtmp_server_shake(session, (size_t)bytes);
    if (used < (size_t)bytes) {
        int result =
            rtmp_reader_feed(session->reader, data + used, (size_t)bytes - used, rtmp_server_on_message, session);
        assert(result == 0 || result == -ECONNABORTED);
    }
}

static inline void rtmp_server_accept(void *context, int file_descriptor, unsigned events)
{
    struct rtmp_server *server = context;
    (void)events;
    int connection = accept4(file_descriptor, NULL, NULL, SOCK_CLOEXEC);
    assert(connection >= 0 && server->session_count < RTMP_SERVER_SESSIONS_MAX);
    struct rtmp_server_session *session = calloc(1, sizeof *session);
    session->server = server;
    session->socket = connection;
    assert(rtmp_reader_create(&session->reader, NULL) == 0);
    server->sessions[server->session_count++] = session;
    loop_watch(server->loop, connection, LOOP_READ, rtmp_server_read, session, NULL);
}

static inline struct rtmp_server *rtmp_server_create(struct loop *loop)
{
    struct rtmp_server *server = calloc(1, sizeof *server);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    server->loop = loop;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int receive_bytes = 64 * 1024; /* one that does not read is noticed soon */
    setsockopt(server->listener, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    assert(bind(server->listener, (struct sockaddr *)&address, sizeof address) == 0);
    assert(listen(server->listener, 16) == 0);
    getsockname(server->listener, (struct sockaddr *)&address, &length);
    server->port = ntohs(address.sin_port);
    loop_watch(loop, server->listener, LOOP_READ, rtmp_server_accept, server, NULL);
    return server;
}

static inline void rtmp_server_destroy(struct rtmp_server *server)
{
    for (unsigned i = 0; i < server->session_count; i++) {
        rtmp_server_close(server->sessions[i]);
        rtmp_reader_destroy(server->sessions[i]->reader);
        free(server->sessions[i]);
    }
    loop_unwatch(server->loop, server->listener);
    close(server->listener);
    free(server);
}
