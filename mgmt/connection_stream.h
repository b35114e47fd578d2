/* SPDX-License-Identifier: GPL-2.0-or-later */
/* connection_stream.h - one TCP connection, with TLS or without, as a stream of bytes on the event loop.
 *
 * Nothing blocks: libcurl resolves the name in a thread of its own, tries the addresses, does the TLS handshake; after
 * that the bytes are the owner's. One thread (the loop's). Callbacks come from the loop only, never from within a call;
 * in each of them the stream may be destroyed. What the peer does not take stays with the owner: send says how much
 * was accepted (64 KiB more than the kernel takes, at most).
 *
 *     connection_stream_create(&stream, &(struct connection_stream_config){ .loop = loop, .host = "live.example.com",
 *                              .port = 443, .tls = true, .ready = on_ready, .failed = on_failed, .context = me },
 * &err);
 *     ... on_ready(me, CONNECTION_WRITABLE)
 *     ssize_t sent = connection_stream_send(stream, data, bytes);     // -EAGAIN: want to hear when there is room
 *
 * Creating one makes the process ignore SIGPIPE: OpenSSL writes to sockets without MSG_NOSIGNAL.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct connection_stream;
struct error;
struct loop;

enum connection_event { CONNECTION_READABLE = 1, CONNECTION_WRITABLE = 2 };

enum connection_failure {
    CONNECTION_UNREACHABLE, /* no such name, refused, no answer in time, reset while connecting */
    CONNECTION_CERTIFICATE, /* the server's certificate or our authority file is not good */
};

struct connection_stream_config {
    struct loop *loop; /* borrow: outlives the stream */
    const char *host;  /* borrow during create: name or address, IPv6 in brackets */
    unsigned port;
    bool tls;
    bool accept_any_certificate;       /* self-signed, expired, of another name */
    const char *certificate_authority; /* borrow during create: PEM file; NULL or "": the system's */
    const char *interface;             /* borrow during create: the network interface it leaves by; NULL or "": any */
    const char *source_address;        /* borrow during create: as numbers; NULL or "": any */
    unsigned connect_timeout_ms;       /* for all of it; 0: 5000 */
    /* Connected (first with CONNECTION_WRITABLE), and then whenever it can be read or, if wanted, written. */
    void (*ready)(void *context, unsigned events);
    void (*failed)(void *context, enum connection_failure failure, const char *text); /* never connected */
    void *context;
};

int connection_stream_create(struct connection_stream **out, const struct connection_stream_config *config,
                             struct error *err);
void connection_stream_destroy(struct connection_stream *stream); /* closes; NULL is fine */

/* Bytes that were accepted, -EAGAIN, or -ECONNRESET: the connection is of no use any more. Only when connected. */
ssize_t connection_stream_send(struct connection_stream *stream, const void *data, size_t bytes);
/* As above; 0: the peer has closed. Read until -EAGAIN: TLS may hold bytes that no event tells of. */
ssize_t connection_stream_receive(struct connection_stream *stream, void *data, size_t bytes);
/* Whether CONNECTION_WRITABLE is to be reported; not wanted after the first report. */
void connection_stream_want_write(struct connection_stream *stream, bool wanted);
/* Bytes that were accepted and the peer has not confirmed: in the kernel and here. */
size_t connection_stream_unconfirmed(const struct connection_stream *stream);
/* delivery_socket_window() of its connection. */
size_t connection_stream_window(const struct connection_stream *stream);
/* The way to the peer does not carry any more: what is sent goes unanswered, again and again (after some 6 s on a near
 * network). The kernel itself would hope for a quarter of an hour. A peer that lives and reads nothing is not lost. */
bool connection_stream_is_lost(const struct connection_stream *stream);
