/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inbox.h - the management plane's end of the hand-off socket: encode processes connect, say who they are, and hand
 * over finished segments.
 *
 * The inbox speaks the protocol (encode/handoff_format.h), keeps each channel's anchors (and saves them in the spool),
 * and refuses what is damaged by closing the connection: the encode process connects again and re-sends. What a segment
 * means is its owner's business. One thread (the loop's); callbacks are made from the loop, never from within a call.
 * Acknowledgements that a peer does not read wait, up to a bound; past it the connection is closed, and the peer
 * re-sends when it is back.
 *
 *     inbox_create(&inbox, &(struct inbox_config){.loop = loop, .run_directory = run, .states = states,
 *                  .clock = &clock, .log = &log, .callbacks = {hello, segment, status, gone}, .context = me}, &err);
 *     ... segment(me, peer, &segment, memfd)  ->  publisher_segment(publisher, &segment, memfd);
 *     ... delivered  ->  inbox_acknowledge(inbox, "news", 0, instance, serial);
 *     inbox_stop(inbox, "news", 0);              // the process drains, hands over, and exits
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "encode/handoff_format.h"
#include "mgmt/anchors.h"

struct clock;
struct error;
struct inbox;
struct log;
struct loop;
struct state_files;

enum { INBOX_PEERS_MAX = 64 };

/* Who is at the other end. Borrow during the callback. */
struct inbox_peer {
    char channel[HANDOFF_NAME_BYTES];
    unsigned pipeline;
    pid_t process; /* as the kernel says, not as the peer says */
    uint64_t instance;
};

struct inbox_callbacks {
    /* An encode process said who it is. 0: it is welcome, and resumes behind *resume_tick_90k (0: fresh). A negative
     * errno: it is turned away (no such channel, not meant to run); the sentence is logged. Called again whenever it
     * has reconnected. A newer process of the same channel and pipeline replaces the older one, which is gone() first.
     */
    int (*hello)(void *context, const struct inbox_peer *peer, int64_t *resume_tick_90k, struct error *err);
    /* A finished segment; memfd: give. Group and output are only known to be well-formed names. */
    void (*segment)(void *context, const struct inbox_peer *peer, const struct handoff_segment *segment, int memfd);
    void (*status)(void *context, const struct inbox_peer *peer, json_t *status); /* borrow: an object */
    /* The connection of a peer that was welcomed has ended (not called from inbox_destroy). */
    void (*gone)(void *context, const struct inbox_peer *peer);
};

struct inbox_config {
    struct loop *loop;          /* borrow, like all below */
    const char *run_directory;  /* the socket is "handoff.socket" in it */
    struct state_files *states; /* "<channel>.anchors.json"; no disk is waited for */
    const struct clock *clock;
    const struct log *log;
    struct inbox_callbacks callbacks;
    void *context;
};

struct inbox_counters {
    uint64_t connections, refused; /* refused: turned away, too many, or without a HELLO first */
    uint64_t segments, acknowledges, statuses, anchor_requests;
    uint64_t damaged;   /* messages that are none; the connection was closed */
    uint64_t overflows; /* connections closed because the peer does not read */
};

int inbox_create(struct inbox **out, const struct inbox_config *config, struct error *err);
void inbox_destroy(struct inbox *inbox); /* closes all and removes the socket; peers keep running; NULL is fine */

/* The segment is delivered or given up: its maker may free it. Nothing happens when that process is not connected. */
void inbox_acknowledge(struct inbox *inbox, const char *channel, unsigned pipeline, uint64_t instance, uint64_t serial);
int inbox_stop(struct inbox *inbox, const char *channel, unsigned pipeline); /* -ENOTCONN: it is not connected */
bool inbox_connected(const struct inbox *inbox, const char *channel, unsigned pipeline);
/* A channel's anchors (anchors_locked() and the frame rate are for the status). NULL: never heard of it. Borrow. */
const struct anchors *inbox_anchors(const struct inbox *inbox, const char *channel);
void inbox_forget_channel(struct inbox *inbox, const char *channel); /* removed from the box: its anchors too */
struct inbox_counters inbox_counters(const struct inbox *inbox);
