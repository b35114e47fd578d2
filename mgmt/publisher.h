/* SPDX-License-Identifier: GPL-2.0-or-later */
/* publisher.h - one output group of one pipeline on its way to one destination.
 *
 * Takes what the encode process hands over and delivers it in the way of its group's type (hls_publisher.h, ...): each
 * type is a class of functions, found in a table in publisher.c. Its queue is its own: no other publisher waits for it.
 * Bounded by the group's connection settings; what is dropped past the bounds is counted and alerted. State that must
 * outlive the process is kept in the spool. One thread (the loop's).
 *
 *     publisher_create(&publisher, &cfg, &err);
 *     publisher_segment(publisher, &segment, memfd);      // takes memfd; one it already has is acknowledged again
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
struct state_files;
struct transfer_engine;

struct publisher_config {
    const char *channel;              /* borrow, like all below */
    unsigned pipeline, pipelines;     /* of the channel; pipelines 0: additional destinations are not looked at */
    const struct output_group *group; /* outlives the publisher; its names are filled in (mgmt/channel_names.h) */
    int64_t start_utc_s;              /* when the channel was started */
    struct loop *loop;
    struct transfer_engine *engine;        /* libcurl's multi interface on the loop, shared by all publishers */
    const struct credentials *credentials; /* borrow during create: they go with their configuration */
    struct alerts *alerts;
    const char *spool_directory;
    struct state_files *states; /* in that directory */
    const struct clock *clock;
    const struct log *log;
    void (*acknowledge)(void *context, uint64_t instance, uint64_t serial);
    void *context;
};

/* What a type of output group does; the functions below say what each is. Everything but `finish` must be there. */
struct publisher_class {
    const char *name;
    int (*create)(struct publisher **out, const struct publisher_config *config, struct error *err);
    void (*destroy)(struct publisher *publisher);
    void (*segment)(struct publisher *publisher, const struct handoff_segment *segment, int memfd);
    void (*finish)(struct publisher *publisher); /* NULL: nothing to do */
    bool (*idle)(const struct publisher *publisher);
    int64_t (*resume_tick_90k)(const struct publisher *publisher);
    json_t *(*status)(const struct publisher *publisher);
    bool on_disk; /* what it has lies on the disk: it may take its time when the channel is stopped, or be cut short */
};

/* The first member of every publisher. */
struct publisher {
    const struct publisher_class *class;
};

int publisher_create(struct publisher **out, const struct publisher_config *config, struct error *err);
/* Saves its state, gives up what is on the way; NULL is fine. What is not delivered stays unacknowledged. */
void publisher_destroy(struct publisher *publisher);
/* A finished segment; memfd: take. One of an unknown output, and one that it has already, is acknowledged. */
void publisher_segment(struct publisher *publisher, const struct handoff_segment *segment, int memfd);
/* The channel is stopped: recordings and streams are ended in order. What is still handed over is still delivered;
 * another run of the channel needs another publisher. */
void publisher_finish(struct publisher *publisher);
/* Everything that was handed over is delivered or given up, and downstream knows: may be destroyed. */
bool publisher_idle(const struct publisher *publisher);
/* Its last deliveries may take as long as they need, and lose nothing when they are cut short. */
bool publisher_is_patient(const struct publisher *publisher);
/* Timeline tick up to which every output's segments have been received (0: none): where a restarted encoder resumes.
 * INT64_MAX: it does not mind. */
int64_t publisher_resume_tick_90k(const struct publisher *publisher);
/* Status (give): group, url, state, queued_segments, queued_bytes, last_error, counters, and what its type adds. No
 * credential in it. */
json_t *publisher_status(const struct publisher *publisher);
