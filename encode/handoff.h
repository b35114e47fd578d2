/* SPDX-License-Identifier: GPL-2.0-or-later */
/* handoff.h - the encode process's end of the hand-off socket: finished segments go to the management plane by
 * descriptor, and are kept until it says that they have been delivered.
 *
 * Never blocks. While the management plane is away, segments are kept up to the bound (oldest dropped past it,
 * counted); when it is back they are sent again, in order; it knows by (instance, serial) what it has already. One
 * thread: call handoff_turn() at least ten times a second.
 *
 *     handoff_create(&handoff, &cfg, &err);
 *     handoff_turn(handoff);                              // connect, receive, send; callbacks are made from here
 *     handoff_segment(handoff, &segment, memfd);          // takes memfd
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "board/clock.h"
#include "encode/handoff_format.h"

struct error;
struct handoff;
struct log;
struct timeline_rate;

struct handoff_callbacks {
    void (*on_welcome)(void *context, const struct handoff_welcome *welcome);
    void (*on_anchor)(void *context, const struct handoff_anchor_answer *answer);
    void (*on_stop)(void *context);
};

struct handoff_config {
    const char *run_directory; /* borrow */
    const char *channel;       /* borrow */
    unsigned pipeline;
    uint64_t unacknowledged_bytes;    /* bound of what is kept; 0: 256 MiB */
    unsigned unacknowledged_segments; /* 0: 2000 */
    const struct clock *clock;
    const struct log *log;
    struct handoff_callbacks callbacks;
    void *context;
};

struct handoff_counters {
    uint64_t segments_sent, segments_acknowledged, segments_dropped, reconnects;
    uint64_t messages_refused; /* unknown or malformed ones of the management plane */
    uint64_t status_dropped;   /* nobody listened, or did not keep up */
    uint64_t bytes_kept;
    unsigned segments_kept;
};

int handoff_create(struct handoff **out, const struct handoff_config *config, struct error *err);
void handoff_destroy(struct handoff *handoff); /* closes and forgets what is kept; NULL is fine */
void handoff_turn(struct handoff *handoff);
bool handoff_connected(const struct handoff *handoff); /* and welcomed */
uint64_t handoff_instance(const struct handoff *handoff);

/* Fills in header, instance, serial; takes memfd always. */
void handoff_segment(struct handoff *handoff, struct handoff_segment *segment, int memfd);
/* A message that a process which is started anew has to know of; the last HANDOFF_SPLICES_MAX are told at every
 * connection. */
void handoff_splice(struct handoff *handoff, const struct handoff_splice *splice);
/* -ENOTCONN: nobody there to ask. The answer comes through on_anchor. */
int handoff_request_anchor(struct handoff *handoff, int64_t pts_90k, int64_t arrival_90k, int64_t next_90k,
                           const struct timeline_rate *rate);
void handoff_set_anchor(struct handoff *handoff, const struct handoff_anchor *anchor); /* told at every HELLO */
void handoff_status(struct handoff *handoff, const char *json);                        /* dropped when nobody listens */
struct handoff_counters handoff_counters(const struct handoff *handoff);
