/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runtime_channel.h - a configured channel as it runs: its pipelines, each an encode process and a publisher for every
 * output group, and the state that comes of them.
 *
 * A pipeline's publishers exist before its process may hand over, and outlive it until what it made is delivered (for a
 * bounded time). A changed configuration is taken over when the channel is idle: a running one is stopped and started
 * with it. One thread (the loop's). Nothing here waits.
 *
 *     runtime_channel_create(&channel, &environment, configuration_channel, credentials, &err);
 *     runtime_channel_start(channel);
 *     ... inbox callbacks -> runtime_channel_hello(), _segment(), _told(), _gone()
 *     runtime_channel_stop(channel);      // idle once runtime_channel_state() says so
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#include "mgmt/channel.h"
#include "mgmt/environment.h"
#include "mgmt/inbox.h"

struct credentials;
struct runtime_channel;

enum { RUNTIME_PIPELINES_MAX = 2, ALERT_PUBLISHER_FAILED = 4003 };

enum channel_state {
    CHANNEL_IDLE,
    CHANNEL_STARTING, /* a pipeline has not made its first segment yet */
    CHANNEL_RUNNING,
    CHANNEL_RECOVERING, /* a pipeline that ran is being restarted */
    CHANNEL_STOPPING,
};

/* The channel's values are copied; credentials: borrow until the next update, which must come before they go.
 * accelerator: what "auto" means on this box (enum encode_accelerator). */
int runtime_channel_create(struct runtime_channel **out, const struct environment *environment,
                           const struct channel *channel, unsigned accelerator, const struct credentials *credentials,
                           struct error *err);
/* Leaves its processes running; publishers save their state. NULL is fine. */
void runtime_channel_destroy(struct runtime_channel *channel);

void runtime_channel_start(struct runtime_channel *channel);
void runtime_channel_stop(struct runtime_channel *channel);
/* Of one that is stopping: what may be delivered in another life is left for that. */
void runtime_channel_hurry(struct runtime_channel *channel);
int runtime_channel_restart(struct runtime_channel *channel, int pipeline, struct error *err); /* -1: all */
/* Another configuration for a channel of this name; false: it is the same. What runs with another one is restarted. */
bool runtime_channel_update(struct runtime_channel *channel, const struct channel *configuration, unsigned accelerator,
                            const struct credentials *credentials);
/* It is removed from the box: stopped, and to be destroyed when it is idle. */
void runtime_channel_remove(struct runtime_channel *channel);
bool runtime_channel_removed(const struct runtime_channel *channel);

const char *runtime_channel_name(const struct runtime_channel *channel); /* borrow */
bool runtime_channel_wanted(const struct runtime_channel *channel);      /* started and not stopped */
enum channel_state runtime_channel_state(const struct runtime_channel *channel);
const char *channel_state_name(enum channel_state state);

/* From the inbox, for peers of this channel. */
int runtime_channel_hello(struct runtime_channel *channel, const struct inbox_peer *peer, int64_t *resume_tick_90k,
                          struct error *err);
void runtime_channel_segment(struct runtime_channel *channel, const struct inbox_peer *peer,
                             const struct handoff_segment *segment, int memfd); /* memfd: take */
void runtime_channel_told(struct runtime_channel *channel, const struct inbox_peer *peer, json_t *status);
void runtime_channel_gone(struct runtime_channel *channel, const struct inbox_peer *peer);

json_t *
runtime_channel_summary(const struct runtime_channel *channel); /* give: name, class, input, state, locked ... */
json_t *
runtime_channel_status(const struct runtime_channel *channel); /* give: that, and pipelines with all they tell */
