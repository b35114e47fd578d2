/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_client_private.h - what the files of a session share: rtmp_client.c (connections and bytes) and
 * rtmp_client_dialogue.c (commands, and the server's answers).
 */
#pragma once
#include "board/error.h"
#include "mgmt/rtmp_authentication.h"
#include "mgmt/rtmp_client.h"
#include "mgmt/rtmp_outbox.h"
#include "mgmt/rtmp_protocol.h"
#include "mgmt/rtmp_url.h"

enum {
    RTMP_CLIENT_WAITING_BYTES_MAX = 64 * 1024, /* past it messages are refused */
    RTMP_CLIENT_TEXT_BYTES = ERROR_TEXT_BYTES,
    /* chunk streams: which message goes where is free; these are what servers see from other encoders */
    CHUNKS_CONTROL = 2,
    CHUNKS_COMMAND = 3,
    CHUNKS_AUDIO = 4,
    CHUNKS_DATA = 5,
    CHUNKS_VIDEO = 6,
};

enum rtmp_client_step {
    STEP_CONNECTING,
    STEP_HANDSHAKE_1, /* S0 and S1 are waited for */
    STEP_HANDSHAKE_2, /* S2 */
    STEP_CONNECT,     /* its _result */
    STEP_CREATE,      /* the stream's number */
    STEP_PUBLISH,     /* NetStream.Publish.Start */
    STEP_PUBLISHING,
    STEP_FINISHING, /* what waits goes out, then the connection is closed */
    STEP_ENDED,
};

struct rtmp_client {
    struct rtmp_client_config config;
    struct connection_stream *connection;
    struct rtmp_reader *reader;
    struct loop_timer *timer;
    uint64_t deadline_ns;
    enum rtmp_client_step step;
    unsigned round;
    char query[RTMP_QUERY_BYTES]; /* authentication, behind the application's name */
    uint32_t message_stream;
    uint64_t received, acknowledged; /* bytes of theirs, and up to where we have said so */
    uint32_t window;                 /* how often they want to hear it; 0: never */
    bool again;                      /* connect once more: a challenge is to be answered */
    bool refused;                    /* a message did not fit: writable is owed */
    bool has_fault;
    enum rtmp_end fault;
    char fault_text[RTMP_CLIENT_TEXT_BYTES];
    uint8_t handshake[1 + RTMP_HANDSHAKE_BYTES];
    size_t handshake_bytes;
    struct rtmp_outbox outbox;
};

/* Notes why the session ends: the first reason counts. Always -ECONNABORTED. */
int rtmp_client_fault(struct rtmp_client *client, enum rtmp_end end, const char *text);

/* ---- rtmp_client_dialogue.c: puts into the outbox ---- */
void rtmp_client_put_connect(struct rtmp_client *client);
void rtmp_client_put_acknowledgement(struct rtmp_client *client);              /* of what was received */
void rtmp_client_put_end(struct rtmp_client *client);                          /* of the stream */
int rtmp_client_on_message(void *context, const struct rtmp_message *message); /* of rtmp_reader_feed */
