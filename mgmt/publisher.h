/* SPDX-License-Identifier: GPL-2.0-or-later */
/* publisher.h - one output group of one pipeline on its way to one destination.
 *
 * Takes finished segments, delivers each with HTTP PUT, and names in a playlist only what the destination has
 * confirmed. What leaves the window is deleted there. State that must outlive the process (the playlists' windows) is
 * kept in the spool, so that after a restart the playlists go on. Its queue is its own: no other publisher waits for
 * it. Bounded by the group's connection settings; what is dropped past the bounds is counted and alerted. One thread
 * (the loop's).
 *
 *     publisher_create(&publisher, &cfg, &err);
 *     publisher_segment(publisher, &segment, memfd);      // takes memfd; a segment it already has is acknowledged
 * again
 *     ... acknowledge(context, instance, serial) when the destination has it, or it was given up
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "encode/handoff_format.h"
#include "mgmt/output_group.h"

struct alerts;
struct clock;
struct credentials;
struct error;
struct log;
struct loop;
struct publisher;
struct transfer_engine;

struct publisher_config {
    const char *channel; /* borrow, like all below */
    unsigned pipeline;
    const struct output_group *group; /* outlives the publisher */
    struct loop *loop;
    struct transfer_engine *engine; /* libcurl's multi interface on the loop, shared by all publishers */
    const struct credentials *credentials;
    struct alerts *alerts;
    const char *spool_directory;
    const struct clock *clock;
    const struct log *log;
    void (*acknowledge)(void *context, uint64_t instance, uint64_t serial);
    void *context;
};

int publisher_create(struct publisher **out, const struct publisher_config *config, struct error *err);
/* Saves its state, gives up what is on the way; NULL is fine. What is not delivered stays unacknowledged. */
void publisher_destroy(struct publisher *publisher);
void publisher_segment(struct publisher *publisher, const struct handoff_segment *segment, int memfd);
/* The channel is stopped: VOD playlists are ended; live ones get EXT-X-ENDLIST only in VOD mode. What is still handed
 * over is still delivered; another run of the channel needs another publisher. */
void publisher_finish(struct publisher *publisher);
/* Everything that was handed over is delivered or given up, and every playlist says so: may be destroyed. */
bool publisher_idle(const struct publisher *publisher);
/* Timeline tick up to which every output's segments have been received (0: none): where a restarted encoder resumes. */
int64_t publisher_resume_tick_90k(const struct publisher *publisher);
/* Status (give): state, url, queue length and bytes, segments and bytes delivered, deleted, dropped, retries, last
 * error, last latency (source packet to playlist, and hand-off to playlist), per output last number. No credential in
 * it. */
json_t *publisher_status(const struct publisher *publisher);
