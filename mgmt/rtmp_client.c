/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_client.c - the session's steps. What comes from the server moves them on; whatever fails is noted in `fault` and
 * told to the owner as the last thing that an event does.
 *
 * A server that wants authentication rejects the connect command and closes: the client connects again, with what was
 * asked for, up to twice. That is one session to its owner.
 */
#include "mgmt/rtmp_client.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"
#include "encode/amf.h"
#include "mgmt/connection_stream.h"
#include "mgmt/credentials.h"
#include "mgmt/rtmp_authentication.h"
#include "mgmt/rtmp_command.h"
#include "mgmt/rtmp_outbox.h"
#include "mgmt/rtmp_protocol.h"
#include "mgmt/rtmp_url.h"

enum {
    TIMEOUT_DEFAULT_MS = 10000,
    ROUNDS_MAX = 3,     /* of connecting, for authentication */
    CHUNK_SIZE = 60000, /* as libavformat's publisher asks for: servers are used to it */
    WINDOW_BYTES = 2500000,
    WAITING_BYTES_MAX = 64 * 1024,  /* past it messages are refused */
    WAITING_BYTES_ROOM = 32 * 1024, /* below it there is room again */
    READ_BYTES = 16 * 1024,
    READS_A_TURN = 8, /* a server that talks without end does not stop the loop */
    COMMAND_BYTES = 4096,
    TEXT_BYTES = ERROR_TEXT_BYTES,
    FINISH_TIMEOUT_MS = 5000, /* a server that takes no more is not waited for without end */
    FINISH_INTERVAL_MS = 20,  /* between two looks whether all has arrived */
    /* chunk streams: which message goes where is free; these are what servers see from other encoders */
    CHUNKS_CONTROL = 2,
    CHUNKS_COMMAND = 3,
    CHUNKS_AUDIO = 4,
    CHUNKS_DATA = 5,
    CHUNKS_VIDEO = 6,
    /* transactions */
    CONNECT = 1,
    RELEASE_STREAM = 2,
    FC_PUBLISH = 3,
    CREATE_STREAM = 4,
    PUBLISH = 5,
};

enum step {
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
    enum step step;
    unsigned round;
    char query[RTMP_QUERY_BYTES]; /* authentication, behind the application's name */
    uint32_t message_stream;
    uint64_t received, acknowledged; /* bytes of theirs, and up to where we have said so */
    uint32_t window;                 /* how often they want to hear it; 0: never */
    bool again;                      /* connect once more: a challenge is to be answered */
    bool refused;                    /* a message did not fit: writable is owed */
    bool has_fault;
    enum rtmp_end fault;
    char fault_text[TEXT_BYTES];
    uint8_t handshake[1 + RTMP_HANDSHAKE_BYTES];
    size_t handshake_bytes;
    struct rtmp_outbox outbox;
};

static const char *const end_names[] = { "finished", "unreachable", "certificate", "unauthorized",
                                         "rejected", "timeout",     "closed",      "protocol" };

const char *rtmp_end_name(enum rtmp_end end)
{
    return end_names[end];
}

static int fault(struct rtmp_client *client, enum rtmp_end end, const char *text)
{
    if (!client->has_fault) {
        client->has_fault = true;
        client->fault = end;
        snprintf(client->fault_text, sizeof client->fault_text, "%s", text);
    }
    return -ECONNABORTED;
}

/* ---- what goes out ---- */

static void put_control(struct rtmp_client *client, unsigned type, const uint8_t *payload, uint32_t bytes)
{
    struct rtmp_message message = { type, CHUNKS_CONTROL, 0, 0, bytes, payload };
    if (rtmp_outbox_message(&client->outbox, &message) < 0)
        fault(client, RTMP_END_CLOSED, "no memory");
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
        fault(client, RTMP_END_CLOSED, "no room for a command of ours");
}

static void put_call(struct rtmp_client *client, const char *name, unsigned transaction, const char *stream,
                     const char *kind, uint32_t message_stream)
{
    uint8_t bytes[COMMAND_BYTES];
    struct amf_writer command = { .data = bytes, .capacity = sizeof bytes };
    rtmp_command_call(&command, name, transaction, stream, kind);
    put_command(client, &command, message_stream);
}

static void put_connect(struct rtmp_client *client)
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

static int flush(struct rtmp_client *client)
{
    int result = rtmp_outbox_flush(&client->outbox, client->connection);
    if (result == -ECONNRESET)
        return fault(client, RTMP_END_CLOSED, "the connection was reset");
    connection_stream_want_write(client->connection, result == -EAGAIN || client->refused);
    return 0;
}

/* ---- the server's answers ---- */

static int rejected(struct rtmp_client *client, const char *what, const struct rtmp_answer *answer)
{
    char text[TEXT_BYTES];
    snprintf(text, sizeof text, "the server rejects the %s: %s%s%.200s", what,
             answer->code[0] ? answer->code : "no reason given", answer->description[0] ? ", " : "",
             answer->description);
    return fault(client, RTMP_END_REJECTED, text);
}

/* Own challenges never repeat: 64 bits of chance. */
static int prepare_answer(struct rtmp_client *client, const struct rtmp_challenge *challenge)
{
    unsigned char random[8];
    char own_challenge[2 * sizeof random + 1];
    if (RAND_bytes(random, sizeof random) != 1)
        return fault(client, RTMP_END_UNAUTHORIZED, "no random numbers for the challenge");
    for (unsigned i = 0; i < sizeof random; i++)
        snprintf(own_challenge + 2 * i, 3, "%02x", random[i]);
    if (rtmp_authentication_query(client->query, sizeof client->query, client->config.credential, challenge,
                                  own_challenge) < 0)
        return fault(client, RTMP_END_UNAUTHORIZED, "the server's challenge is too long");
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
        return fault(client, RTMP_END_UNAUTHORIZED, "the server wants an authentication other than authmod=adobe");
    case RTMP_CHALLENGE_FAILED:
        return fault(client, RTMP_END_UNAUTHORIZED, "the server does not accept the user or password");
    case RTMP_CHALLENGE_NEEDED:
    case RTMP_CHALLENGE_GIVEN:
        break;
    }
    if (!client->config.credential)
        return fault(client, RTMP_END_UNAUTHORIZED, "the server wants a user and a password, and has none configured");
    if (client->round >= ROUNDS_MAX)
        return fault(client, RTMP_END_UNAUTHORIZED, "the server asks for authentication without end");
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
        return fault(client, RTMP_END_PROTOCOL, "the server's answer to createStream is damaged");
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
        return fault(client, RTMP_END_PROTOCOL, "a command of the server is damaged");
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
        return fault(client, RTMP_END_CLOSED, "the server ends the session");
    return 0; /* onBWDone, onFCPublish, ... */
}

static uint32_t number_of(const struct rtmp_message *message)
{
    const uint8_t *at = message->payload;
    return message->bytes < 4 ? 0
                              : (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | (uint32_t)at[3];
}

static int on_message(void *context, const struct rtmp_message *message)
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
            rtmp_outbox_waiting(&client->outbox) < WAITING_BYTES_MAX) {
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

/* ---- what comes in ---- */

static void handshake_part(struct rtmp_client *client, const uint8_t **data, size_t *bytes, size_t whole)
{
    size_t part = whole - client->handshake_bytes < *bytes ? whole - client->handshake_bytes : *bytes;
    memcpy(client->handshake + client->handshake_bytes, *data, part);
    client->handshake_bytes += part;
    *data += part;
    *bytes -= part;
}

static int shake_hands(struct rtmp_client *client, const uint8_t **data, size_t *bytes)
{
    if (client->step == STEP_HANDSHAKE_1) {
        handshake_part(client, data, bytes, 1 + RTMP_HANDSHAKE_BYTES);
        if (client->handshake[0] != 3)
            return fault(client, RTMP_END_PROTOCOL, "the server does not answer as RTMP servers do");
        if (client->handshake_bytes < 1 + RTMP_HANDSHAKE_BYTES)
            return 0;
        uint8_t c2[RTMP_HANDSHAKE_BYTES];
        rtmp_handshake_answer(c2, client->handshake + 1, 0);
        if (rtmp_outbox_bytes(&client->outbox, c2, sizeof c2) < 0)
            return fault(client, RTMP_END_CLOSED, "no memory");
        client->handshake_bytes = 0;
        client->step = STEP_HANDSHAKE_2;
    }
    handshake_part(client, data, bytes, RTMP_HANDSHAKE_BYTES); /* S2: whatever they echo */
    if (client->handshake_bytes == RTMP_HANDSHAKE_BYTES) {
        client->step = STEP_CONNECT;
        put_connect(client);
    }
    return 0;
}

static int take(struct rtmp_client *client, const uint8_t *data, size_t bytes)
{
    if (client->step < STEP_CONNECT) {
        int result = shake_hands(client, &data, &bytes);
        if (result < 0)
            return result;
    }
    int result = bytes ? rtmp_reader_feed(client->reader, data, bytes, on_message, client) : 0;
    if (result == -ENOMEM)
        return fault(client, RTMP_END_CLOSED, "no memory");
    if (result < 0 && !client->again)
        return fault(client, RTMP_END_PROTOCOL, "what the server sends is no RTMP"); /* unless something is noted */
    if (client->window && client->received - client->acknowledged >= client->window) {
        client->acknowledged = client->received;
        put_control_number(client, RTMP_ACKNOWLEDGEMENT, (uint32_t)client->received);
    }
    return result;
}

static int receive(struct rtmp_client *client)
{
    uint8_t data[READ_BYTES];
    for (unsigned reads = 0; reads < READS_A_TURN; reads++) {
        ssize_t bytes = connection_stream_receive(client->connection, data, sizeof data);
        if (bytes == -EAGAIN)
            return 0;
        if (bytes <= 0)
            return fault(client, client->step == STEP_FINISHING ? RTMP_END_FINISHED : RTMP_END_CLOSED,
                         bytes ? "the connection was reset" : "the server closed the connection");
        client->received += (size_t)bytes;
        int result = take(client, data, (size_t)bytes);
        if (result < 0)
            return result;
    }
    return 0;
}

/* ---- connections ---- */

static int open_connection(struct rtmp_client *client, struct error *err);

static void begin_handshake(struct rtmp_client *client)
{
    uint8_t random[RTMP_HANDSHAKE_BYTES - 8], c0c1[1 + RTMP_HANDSHAKE_BYTES];
    bool good = RAND_bytes(random, sizeof random) == 1;
    if (good) {
        rtmp_handshake_begin(c0c1, 0, random);
        good = rtmp_outbox_bytes(&client->outbox, c0c1, sizeof c0c1) == 0;
    }
    client->step = STEP_HANDSHAKE_1;
    if (!good)
        fault(client, RTMP_END_CLOSED, "no memory or no random numbers");
}

static void close_connection(struct rtmp_client *client)
{
    connection_stream_destroy(client->connection);
    rtmp_reader_destroy(client->reader);
    client->connection = NULL;
    client->reader = NULL;
}

/* The last thing that an event does: the owner may destroy the client in there. */
static void end_event(struct rtmp_client *client)
{
    struct error err = { 0 };
    if (client->again && !client->has_fault) {
        close_connection(client);
        if (open_connection(client, &err) < 0)
            fault(client, RTMP_END_UNREACHABLE, err.text);
    }
    if (!client->has_fault)
        return;
    loop_timer_clear(client->timer);
    client->step = STEP_ENDED;
    client->config.ended(client->config.context, client->fault, client->fault_text);
}

static bool all_arrived(const struct rtmp_client *client)
{
    return rtmp_outbox_waiting(&client->outbox) == 0 &&
           (!client->connection || connection_stream_unconfirmed(client->connection) == 0);
}

static void on_ready(void *context, unsigned events)
{
    struct rtmp_client *client = context;
    if (client->step == STEP_ENDED)
        return;
    bool was_publishing = client->step == STEP_PUBLISHING;
    if (client->step == STEP_CONNECTING)
        begin_handshake(client);
    if (events & CONNECTION_READABLE)
        receive(client);
    if (!client->has_fault && !client->again)
        flush(client);
    if (client->has_fault || client->again) {
        end_event(client);
    } else if (client->step == STEP_PUBLISHING && !was_publishing) {
        client->config.published(client->config.context);
    } else if (client->refused && rtmp_outbox_waiting(&client->outbox) <= WAITING_BYTES_ROOM) {
        client->refused = false;
        client->config.writable(client->config.context);
    }
}

static void on_failed(void *context, enum connection_failure failure, const char *text)
{
    struct rtmp_client *client = context;
    fault(client, failure == CONNECTION_CERTIFICATE ? RTMP_END_CERTIFICATE : RTMP_END_UNREACHABLE, text);
    end_event(client);
}

static uint64_t real_ns(void)
{
    struct clock real = clock_real(); /* the loop's timers are real */
    return clock_monotonic_ns(&real);
}

static void on_timeout(void *context)
{
    struct rtmp_client *client = context;
    bool finishing = client->step == STEP_FINISHING;
    if (finishing && !all_arrived(client) && real_ns() < client->deadline_ns) {
        loop_timer_set(client->timer, real_ns() + FINISH_INTERVAL_MS * NS_PER_MS);
        return;
    }
    if (finishing)
        fault(client, RTMP_END_FINISHED, "");
    else
        fault(client, RTMP_END_TIMEOUT,
              client->step == STEP_CONNECTING ? "no connection in time" : "the server does not let us publish in time");
    end_event(client);
}

static void set_timeout(struct rtmp_client *client)
{
    unsigned timeout_ms = client->config.timeout_ms ? client->config.timeout_ms : TIMEOUT_DEFAULT_MS;
    client->deadline_ns = real_ns() + timeout_ms * NS_PER_MS;
    loop_timer_set(client->timer, client->deadline_ns);
}

static int open_connection(struct rtmp_client *client, struct error *err)
{
    const struct rtmp_url *url = client->config.url;
    struct connection_stream_config config = {
        .loop = client->config.loop,
        .host = url->host,
        .port = url->port,
        .tls = url->tls,
        .accept_any_certificate = client->config.accept_any_certificate,
        .certificate_authority = client->config.certificate_authority,
        .interface = client->config.interface,
        .source_address = client->config.source_address,
        .connect_timeout_ms = client->config.timeout_ms,
        .ready = on_ready,
        .failed = on_failed,
        .context = client,
    };
    client->round++;
    client->again = false;
    client->step = STEP_CONNECTING;
    client->handshake_bytes = 0;
    client->received = client->acknowledged = 0;
    client->window = 0;
    rtmp_outbox_restart(&client->outbox);
    int result = rtmp_reader_create(&client->reader, err);
    return result < 0 ? result : connection_stream_create(&client->connection, &config, err);
}

int rtmp_client_create(struct rtmp_client **out, const struct rtmp_client_config *config, struct error *err)
{
    struct rtmp_client *client = calloc(1, sizeof *client);
    if (!client)
        return error_set(err, -ENOMEM, "RTMP session with %s", config->url->host);
    client->config = *config;
    client->timer = loop_timer_create(config->loop, on_timeout, client);
    int result = client->timer ? 0 : error_set(err, -ENOMEM, "RTMP session with %s", config->url->host);
    if (result == 0 && config->scheme == RTMP_AUTHENTICATION_AKAMAI && config->credential) {
        rtmp_authentication_query(client->query, sizeof client->query, config->credential, NULL, "");
        client->round = 1; /* the first rejection is saved */
    }
    if (result == 0)
        result = open_connection(client, err);
    if (result < 0) {
        rtmp_client_destroy(client);
        return result;
    }
    set_timeout(client);
    *out = client;
    return 0;
}

void rtmp_client_destroy(struct rtmp_client *client)
{
    if (!client)
        return;
    close_connection(client);
    loop_timer_destroy(client->timer);
    rtmp_outbox_clear(&client->outbox);
    free(client);
}

/* ---- the owner's messages ---- */

int rtmp_client_send(struct rtmp_client *client, unsigned type, uint32_t timestamp_ms, const uint8_t *payload,
                     size_t bytes)
{
    if (client->step != STEP_PUBLISHING)
        return -ENOTCONN;
    if (rtmp_outbox_waiting(&client->outbox) > WAITING_BYTES_MAX) {
        client->refused = true;
        connection_stream_want_write(client->connection, true);
        return -EAGAIN;
    }
    unsigned chunks = type == RTMP_AUDIO ? CHUNKS_AUDIO : type == RTMP_VIDEO ? CHUNKS_VIDEO : CHUNKS_DATA;
    struct rtmp_message message = { type, chunks, client->message_stream, timestamp_ms, (uint32_t)bytes, payload };
    int result = rtmp_outbox_message(&client->outbox, &message);
    if (result < 0)
        return result;
    if (flush(client) < 0)
        connection_stream_want_write(client->connection, true); /* the next event tells the owner */
    return 0;
}

void rtmp_client_finish(struct rtmp_client *client)
{
    if (client->step >= STEP_FINISHING)
        return;
    if (client->step == STEP_PUBLISHING) {
        uint8_t bytes[64];
        struct amf_writer command = { .data = bytes, .capacity = sizeof bytes };
        put_call(client, "FCUnpublish", PUBLISH + 1, client->config.stream, NULL, 0);
        rtmp_command_delete_stream(&command, PUBLISH + 2, client->message_stream);
        put_command(client, &command, 0);
    }
    bool connected = client->step >= STEP_HANDSHAKE_1;
    client->step = STEP_FINISHING;
    client->deadline_ns = real_ns() + FINISH_TIMEOUT_MS * NS_PER_MS;
    loop_timer_set(client->timer, real_ns() + FINISH_INTERVAL_MS * NS_PER_MS);
    if (connected)
        flush(client);
}

uint64_t rtmp_client_taken(const struct rtmp_client *client)
{
    return client->outbox.taken;
}

uint64_t rtmp_client_confirmed(const struct rtmp_client *client)
{
    uint64_t open = rtmp_outbox_waiting(&client->outbox);
    if (client->connection)
        open += connection_stream_unconfirmed(client->connection);
    return client->outbox.taken > open ? client->outbox.taken - open : 0;
}

bool rtmp_client_is_lost(const struct rtmp_client *client)
{
    return client->connection && connection_stream_is_lost(client->connection);
}
