/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_client_dialogue.c - what is said to the server, what it answers, and what follows from it. */
#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "board/loop.h"
#include "encode/amf.h"
#include "mgmt/credentials.h"
#include "mgmt/rtmp_client_private.h"
#include "mgmt/rtmp_command.h"

enum {
    ROUNDS_MAX = 3,     /* of connecting, for authentication */
    CHUNK_SIZE = 60000, /* as libavformat's publisher asks for: servers are used to it */
    WINDOW_BYTES = 2500000,
    COMMAND_BYTES = 4096,
    /* transactions */
    CONNECT = 1,
    RELEASE_STREAM = 2,
    FC_PUBLISH = 3,
    CREATE_STREAM = 4,
    PUBLISH = 5,
};

/* ---- what goes out ---- */

static void put_control(struct rtmp_client *client, unsigned type, const uint8_t *payload, uint32_t bytes)
{
    struct rtmp_message message = { type, CHUNKS_CONTROL, 0, 0, bytes, payload };
    if (rtmp_outbox_message(&client->outbox, &message) < 0)
        rtmp_client_fault(client, RTMP_END_CLOSED, "no memory");
}

static void put_control_number(struct rtmp_client *client, unsigned type, uint32_t value)
{
    uint8_t payload[4] = { (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value };
    put_control(client, type, payload, sizeof payload);
}

static void put_command(struct rtmp_client *client, const struct amf_writer *command, uint32_t message_stream)
{
    struct rtmp_message message = { RTMP_COMMAND, CHUNKS_COMMAND, message_stream, 0, (uint32_t)command->used,
                                    command->data };
    if (command->overflow || rtmp_outbox_message(&client->outbox, &message) < 0)
        rtmp_client_fault(client, RTMP_END_CLOSED, "no room for a command of ours");
}

static void put_call(struct rtmp_client *client, const char *name, unsigned transaction, const char *stream,
                     const char *kind, uint32_t message_stream)
{
    uint8_t bytes[COMMAND_BYTES];
    struct amf_writer command = { .data = bytes, .capacity = sizeof bytes };
    rtmp_command_call(&command, name, transaction, stream, kind);
    put_command(client, &command, message_stream);
}

void rtmp_client_put_connect(struct rtmp_client *client)
{
    uint8_t bytes[COMMAND_BYTES];
    struct amf_writer command = { .data = bytes, .capacity = sizeof bytes };
    bool akamai = client->config.scheme == RTMP_AUTHENTICATION_AKAMAI;
    rtmp_command_connect(&command, CONNECT, client->config.url, client->query,
                         akamai ? "FMLE/3.0 (compatible; FMSc/1.0)" : "FMLE/3.0 (compatible; Biplane)");
    put_command(client, &command, 0);
}

static void put_create(struct rtmp_client *client)
{
    put_control_number(client, RTMP_WINDOW_SIZE, WINDOW_BYTES);
    put_control_number(client, RTMP_SET_CHUNK_SIZE, CHUNK_SIZE);
    client->outbox.chunk_size = CHUNK_SIZE;
    put_call(client, "releaseStream", RELEASE_STREAM, client->config.stream, NULL, 0);
    put_call(client, "FCPublish", FC_PUBLISH, client->config.stream, NULL, 0);
    put_call(client, "createStream", CREATE_STREAM, NULL, NULL, 0);
}

void rtmp_client_put_acknowledgement(struct rtmp_client *client)
{
    client->acknowledged = client->received;
    put_control_number(client, RTMP_ACKNOWLEDGEMENT, (uint32_t)client->received);
}

void rtmp_client_put_end(struct rtmp_client *client)
{
    uint8_t bytes[64];
    struct amf_writer command = { .data = bytes, .capacity = sizeof bytes };
    put_call(client, "FCUnpublish", PUBLISH + 1, client->config.stream, NULL, 0);
    rtmp_command_delete_stream(&command, PUBLISH + 2, client->message_stream);
    put_command(client, &command, 0);
}

/* ---- the server's answers ---- */

static int rejected(struct rtmp_client *client, const char *what, const struct rtmp_answer *answer)
{
    char text[RTMP_CLIENT_TEXT_BYTES];
    snprintf(text, sizeof text, "the server rejects the %s: %s%s%.200s", what,
             answer->code[0] ? answer->code : "no reason given", answer->description[0] ? ", " : "",
             answer->description);
    return rtmp_client_fault(client, RTMP_END_REJECTED, text);
}

/* Own challenges never repeat: 64 bits of chance. */
static int prepare_answer(struct rtmp_client *client, const struct rtmp_challenge *challenge)
{
    unsigned char random[8];
    char own_challenge[2 * sizeof random + 1];
    if (RAND_bytes(random, sizeof random) != 1)
        return rtmp_client_fault(client, RTMP_END_UNAUTHORIZED, "no random numbers for the challenge");
    for (unsigned i = 0; i < sizeof random; i++)
        snprintf(own_challenge + 2 * i, 3, "%02x", random[i]);
    if (rtmp_authentication_query(client->query, sizeof client->query, client->config.credential, challenge,
                                  own_challenge) < 0)
        return rtmp_client_fault(client, RTMP_END_UNAUTHORIZED, "the server's challenge is too long");
    client->again = true;
    return -ECONNABORTED;
}

/* connect was rejected: for good, or with a challenge. Its description is not shown when it is about authentication. */
static int connect_rejected(struct rtmp_client *client, const struct rtmp_answer *answer)
{
    struct rtmp_challenge challenge;
    rtmp_challenge_read(&challenge, answer->description);
    switch (challenge.kind) {
    case RTMP_CHALLENGE_NONE:
        return rejected(client, "application", answer);
    case RTMP_CHALLENGE_UNKNOWN:
        return rtmp_client_fault(client, RTMP_END_UNAUTHORIZED,
                                 "the server wants an authentication other than authmod=adobe");
    case RTMP_CHALLENGE_FAILED:
        return rtmp_client_fault(client, RTMP_END_UNAUTHORIZED, "the server does not accept the user or password");
    case RTMP_CHALLENGE_NEEDED:
    case RTMP_CHALLENGE_GIVEN:
        break;
    }
    if (!client->config.credential)
        return rtmp_client_fault(client, RTMP_END_UNAUTHORIZED,
                                 "the server wants a user and a password, and has none configured");
    if (client->round >= ROUNDS_MAX)
        return rtmp_client_fault(client, RTMP_END_UNAUTHORIZED, "the server asks for authentication without end");
    return prepare_answer(client, &challenge);
}

static int on_connected(struct rtmp_client *client, const struct rtmp_answer *answer)
{
    /* some servers reject with a _result */
    if (answer->code[0] && strcmp(answer->code, "NetConnection.Connect.Success") != 0)
        return connect_rejected(client, answer);
    client->step = STEP_CREATE;
    put_create(client);
    return 0;
}

static int on_created(struct rtmp_client *client, const struct rtmp_answer *answer)
{
    if (!answer->has_number || !(answer->number >= 0 && answer->number <= UINT32_MAX))
        return rtmp_client_fault(client, RTMP_END_PROTOCOL, "the server's answer to createStream is damaged");
    client->message_stream = (uint32_t)answer->number;
    client->step = STEP_PUBLISH;
    put_call(client, "publish", PUBLISH, client->config.stream, "live", client->message_stream);
    return 0;
}

static int on_error(struct rtmp_client *client, const struct rtmp_answer *answer)
{
    if (answer->transaction == CONNECT && client->step == STEP_CONNECT)
        return connect_rejected(client, answer);
    if (answer->transaction == CREATE_STREAM || answer->transaction == PUBLISH)
        return rejected(client, "stream", answer);
    return 0; /* releaseStream and FCPublish are only habits: many servers do not know them */
}

static int on_status(struct rtmp_client *client, const struct rtmp_answer *answer)
{
    if (client->step == STEP_PUBLISH && strcmp(answer->code, "NetStream.Publish.Start") == 0) {
        client->step = STEP_PUBLISHING;
        loop_timer_clear(client->timer);
        return 0;
    }
    bool refuses = strcmp(answer->level, "error") == 0 || strcmp(answer->code, "NetStream.Publish.BadName") == 0 ||
                   strcmp(answer->code, "NetStream.Publish.Denied") == 0 ||
                   strcmp(answer->code, "NetConnection.Connect.Closed") == 0;
    return refuses && client->step <= STEP_PUBLISHING ? rejected(client, "stream", answer) : 0;
}

static int on_command(struct rtmp_client *client, const struct rtmp_message *message)
{
    struct rtmp_answer answer;
    if (rtmp_answer_read(&answer, message->payload, message->bytes) < 0)
        return rtmp_client_fault(client, RTMP_END_PROTOCOL, "a command of the server is damaged");
    bool result = strcmp(answer.name, "_result") == 0;
    if (result && answer.transaction == CONNECT && client->step == STEP_CONNECT)
        return on_connected(client, &answer);
    if (result && answer.transaction == CREATE_STREAM && client->step == STEP_CREATE)
        return on_created(client, &answer);
    if (strcmp(answer.name, "_error") == 0)
        return on_error(client, &answer);
    if (strcmp(answer.name, "onStatus") == 0)
        return on_status(client, &answer);
    if (strcmp(answer.name, "close") == 0)
        return rtmp_client_fault(client, RTMP_END_CLOSED, "the server ends the session");
    return 0; /* onBWDone, onFCPublish, ... */
}

static uint32_t number_of(const struct rtmp_message *message)
{
    const uint8_t *at = message->payload;
    return message->bytes < 4 ? 0
                              : (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | (uint32_t)at[3];
}

int rtmp_client_on_message(void *context, const struct rtmp_message *message)
{
    struct rtmp_client *client = context;
    switch (message->type) {
    case RTMP_WINDOW_SIZE:
        client->window = number_of(message);
        return 0;
    case RTMP_PEER_BANDWIDTH:
        put_control_number(client, RTMP_WINDOW_SIZE, number_of(message));
        return 0;
    case RTMP_USER_CONTROL:
        if (message->bytes == 6 && message->payload[0] == 0 && message->payload[1] == RTMP_PING_REQUEST &&
            rtmp_outbox_waiting(&client->outbox) < RTMP_CLIENT_WAITING_BYTES_MAX) {
            uint8_t answer[6] = { 0, RTMP_PING_RESPONSE };
            memcpy(answer + 2, message->payload + 2, 4);
            put_control(client, RTMP_USER_CONTROL, answer, sizeof answer);
        }
        return 0;
    case RTMP_COMMAND:
        return on_command(client, message);
    default:
        return 0;
    }
}
