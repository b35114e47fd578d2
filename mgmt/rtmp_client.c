/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_client.c - the session's steps. What comes from the server moves them on; whatever fails is noted in `fault` and
 * told to the owner as the last thing that an event does.
 *
 * A server that wants authentication rejects the connect command and closes: the client connects again, with what was
 * asked for, up to twice. That is one session to its owner.
 */
#include "mgmt/rtmp_client_private.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/clock.h"
#include "board/loop.h"
#include "mgmt/connection_stream.h"
#include "mgmt/credentials.h"

enum {
    TIMEOUT_DEFAULT_MS = 10000,
    WAITING_BYTES_ROOM = 32 * 1024, /* below it there is room again */
    READ_BYTES = 16 * 1024,
    READS_A_TURN = 8,         /* a server that talks without end does not stop the loop */
    FINISH_TIMEOUT_MS = 5000, /* a server that takes no more is not waited for without end */
    FINISH_INTERVAL_MS = 20,  /* between two looks whether all has arrived */
};

static const char *const end_names[] = { "finished", "unreachable", "certificate", "unauthorized",
                                         "rejected", "timeout",     "closed",      "protocol" };

const char *rtmp_end_name(enum rtmp_end end)
{
    return end_names[end];
}

int rtmp_client_fault(struct rtmp_client *client, enum rtmp_end end, const char *text)
{
    if (!client->has_fault) {
        client->has_fault = true;
        client->fault = end;
        snprintf(client->fault_text, sizeof client->fault_text, "%s", text);
    }
    return -ECONNABORTED;
}

static int flush(struct rtmp_client *client)
{
    int result = rtmp_outbox_flush(&client->outbox, client->connection);
    if (result == -ECONNRESET)
        return rtmp_client_fault(client, RTMP_END_CLOSED, "the connection was reset");
    connection_stream_want_write(client->connection, result == -EAGAIN || client->refused);
    return 0;
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
            return rtmp_client_fault(client, RTMP_END_PROTOCOL, "the server does not answer as RTMP servers do");
        if (client->handshake_bytes < 1 + RTMP_HANDSHAKE_BYTES)
            return 0;
        uint8_t c2[RTMP_HANDSHAKE_BYTES];
        rtmp_handshake_answer(c2, client->handshake + 1, 0);
        if (rtmp_outbox_bytes(&client->outbox, c2, sizeof c2) < 0)
            return rtmp_client_fault(client, RTMP_END_CLOSED, "no memory");
        client->handshake_bytes = 0;
        client->step = STEP_HANDSHAKE_2;
    }
    handshake_part(client, data, bytes, RTMP_HANDSHAKE_BYTES); /* S2: whatever they echo */
    if (client->handshake_bytes == RTMP_HANDSHAKE_BYTES) {
        client->step = STEP_CONNECT;
        rtmp_client_put_connect(client);
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
    int result = bytes ? rtmp_reader_feed(client->reader, data, bytes, rtmp_client_on_message, client) : 0;
    if (result == -ENOMEM)
        return rtmp_client_fault(client, RTMP_END_CLOSED, "no memory");
    if (result < 0 && !client->again)
        return rtmp_client_fault(client, RTMP_END_PROTOCOL,
                                 "what the server sends is no RTMP"); /* unless something is noted */
    if (client->window && client->received - client->acknowledged >= client->window) {
        rtmp_client_put_acknowledgement(client);
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
            return rtmp_client_fault(client, client->step == STEP_FINISHING ? RTMP_END_FINISHED : RTMP_END_CLOSED,
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
        rtmp_client_fault(client, RTMP_END_CLOSED, "no memory or no random numbers");
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
            rtmp_client_fault(client, RTMP_END_UNREACHABLE, err.text);
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
    rtmp_client_fault(client, failure == CONNECTION_CERTIFICATE ? RTMP_END_CERTIFICATE : RTMP_END_UNREACHABLE, text);
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
        rtmp_client_fault(client, RTMP_END_FINISHED, "");
    else
        rtmp_client_fault(client, RTMP_END_TIMEOUT,
                          client->step == STEP_CONNECTING ? "no connection in time"
                                                          : "the server does not let us publish in time");
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
    if (rtmp_outbox_waiting(&client->outbox) > RTMP_CLIENT_WAITING_BYTES_MAX) {
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
        rtmp_client_put_end(client);
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

size_t rtmp_client_window(const struct rtmp_client *client)
{
    return client->connection ? connection_stream_window(client->connection) : SIZE_MAX;
}

bool rtmp_client_is_lost(const struct rtmp_client *client)
{
    return client->connection && connection_stream_is_lost(client->connection);
}
