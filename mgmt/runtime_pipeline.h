/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runtime_pipeline.h - one pipeline of a running channel: its job file, its encode process, its publishers.
 *
 * For mgmt/runtime_channel.c, which decides; here is done. One thread (the loop's).
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#include "mgmt/channel.h"
#include "mgmt/environment.h"
#include "mgmt/inbox.h"

struct credentials;
struct runtime_pipeline;
struct source_shape;

enum { ALERT_PIPELINE_SILENT = 5904, ALERT_SEGMENTS_DEFERRED = 5905 };

enum pipeline_state {
    PIPELINE_IDLE,
    PIPELINE_STARTING,
    PIPELINE_RUNNING,
    PIPELINE_RECOVERING,
    PIPELINE_STOPPING, /* the process ends, then what it made is delivered */
};

struct runtime_pipeline_config {
    const struct environment *environment; /* borrow, like all below */
    const struct channel *channel;         /* outlives the pipeline */
    unsigned pipeline;
    unsigned accelerator;                         /* what "auto" means */
    const struct source_shape *shape;             /* of the channel, likewise: goes into the job */
    const struct credentials *const *credentials; /* of the newest configuration: read when it is needed */
    void (*changed)(void *context);               /* of state; the last thing it does: it may be destroyed in it */
    void *context;
};

int runtime_pipeline_create(struct runtime_pipeline **out, const struct runtime_pipeline_config *config,
                            struct error *err);
void runtime_pipeline_destroy(struct runtime_pipeline *pipeline); /* leaves the process running; NULL is fine */
int runtime_pipeline_start(struct runtime_pipeline *pipeline, struct error *err);
void runtime_pipeline_stop(struct runtime_pipeline *pipeline);
/* Something waits for the pipeline to be idle: recordings that are still being delivered wait on the disk instead. */
void runtime_pipeline_hurry(struct runtime_pipeline *pipeline);
void runtime_pipeline_restart(struct runtime_pipeline *pipeline);
void runtime_pipeline_renew_job(struct runtime_pipeline *pipeline); /* for the next process: this one goes on */
enum pipeline_state runtime_pipeline_state(const struct runtime_pipeline *pipeline);

int runtime_pipeline_hello(struct runtime_pipeline *pipeline, const struct inbox_peer *peer, int64_t *resume_tick_90k,
                           struct error *err);
void runtime_pipeline_segment(struct runtime_pipeline *pipeline, const struct inbox_peer *peer,
                              const struct handoff_segment *segment, int memfd);
void runtime_pipeline_told(struct runtime_pipeline *pipeline, const struct inbox_peer *peer, json_t *status);
void runtime_pipeline_gone(struct runtime_pipeline *pipeline, const struct inbox_peer *peer);
json_t *runtime_pipeline_status(const struct runtime_pipeline *pipeline);  /* give */
json_t *runtime_pipeline_summary(const struct runtime_pipeline *pipeline); /* give: state, pid, segments */
