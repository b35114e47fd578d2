/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_client.h - one publishing session with one RTMP server: connected, authenticated, publishing, ended.
 *
 * Lives on the event loop and never blocks; one thread (the loop's). A client is one session: when it fails, its owner
 * makes another (mgmt/rtmp_publisher.h says when). What waits to be sent is bounded: a message is refused (-EAGAIN)
 * while more than 64 KiB wait, and `writable` tells when there is room again. Callbacks come from the loop, never from
 * within a call; in `ended` the client may be destroyed.
 *
 *     rtmp_client_create(&client, &cfg, &err);
 *     ... published(me)
 *     rtmp_client_send(client, RTMP_DATA, 0, metadata, bytes);
 *     rtmp_client_send(client, RTMP_VIDEO, timestamp_ms, tag, bytes);
 *     rtmp_client_finish(client);                              // ... ended(me, RTMP_END_FINISHED, "")
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct credential;
struct error;
struct loop;
struct rtmp_client;
struct rtmp_url;

enum rtmp_authentication_scheme {
    RTMP_AUTHENTICATION_COMMON, /* the user is told when the server asks for it */
    RTMP_AUTHENTICATION_AKAMAI, /* as that network's entry points want it: an FMLE by name, the user told at once */
};

enum rtmp_end {
    RTMP_END_FINISHED,     /* as asked */
    RTMP_END_UNREACHABLE,  /* no such name, refused, no answer */
    RTMP_END_CERTIFICATE,  /* the server's certificate or our authority file is not good */
    RTMP_END_UNAUTHORIZED, /* it wants other credentials, or a method that we do not have */
    RTMP_END_REJECTED,     /* it does not want this application or stream */
    RTMP_END_TIMEOUT,      /* connected, but not publishing in time */
    RTMP_END_CLOSED,       /* by the server, or the network */
    RTMP_END_PROTOCOL,     /* what it says is no RTMP */
};

struct rtmp_client_config {
    struct loop *loop;          /* borrow: outlives the client */
    const struct rtmp_url *url; /* borrow: outlives the client, like all below */
    const char *stream;         /* its name at the server */
    enum rtmp_authentication_scheme scheme;
    const struct credential *credential; /* NULL: none */
    bool accept_any_certificate;
    const char *certificate_authority;      /* PEM file; NULL or "": the system's */
    const char *interface, *source_address; /* that the connection leaves by; NULL or "": any */
    unsigned timeout_ms;                    /* until it publishes; 0: 10000 */
    void (*published)(void *context);       /* the server takes messages */
    void (*writable)(void *context);        /* after an -EAGAIN: there is room again */
    void (*ended)(void *context, enum rtmp_end end, const char *text); /* once, and nothing after it */
    void *context;
};

int rtmp_client_create(struct rtmp_client **out, const struct rtmp_client_config *config, struct error *err);
void rtmp_client_destroy(struct rtmp_client *client); /* closes without a word; NULL is fine */

/* type: RTMP_AUDIO, RTMP_VIDEO, RTMP_DATA. payload: borrow. 0, -EAGAIN, -ENOTCONN (not publishing), -ENOMEM. */
int rtmp_client_send(struct rtmp_client *client, unsigned type, uint32_t timestamp_ms, const uint8_t *payload,
                     size_t bytes);
/* Tells the server that the stream ends, once all is sent; then `ended`. */
void rtmp_client_finish(struct rtmp_client *client);

/* Bytes of all messages that were taken since the session began, and how many of those the server's side of the
 * connection has confirmed: what lies between may be lost with the session. */
uint64_t rtmp_client_taken(const struct rtmp_client *client);
uint64_t rtmp_client_confirmed(const struct rtmp_client *client);
/* connection_stream_window() of its connection. */
size_t rtmp_client_window(const struct rtmp_client *client);
bool rtmp_client_is_lost(const struct rtmp_client *client); /* the network does not carry it any more */
const char *rtmp_end_name(enum rtmp_end end);               /* "unreachable", "rejected", ... */
