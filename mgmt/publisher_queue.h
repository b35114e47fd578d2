/* SPDX-License-Identifier: GPL-2.0-or-later */
/* publisher_queue.h - what publishers of files have in common: a destination's queue with the group's credentials, and
 * what of it goes into the status. */
#pragma once
#include <jansson.h>

#include "mgmt/destination.h"
#include "mgmt/publisher.h"

struct publisher_queue_config {
    const char *source;                           /* borrow: of alerts, outlives the queue */
    const struct connection_settings *connection; /* borrow: outlives the queue; NULL: the group's */
    uint64_t disk_bytes;                          /* see mgmt/destination.h, like the next two */
    unsigned lanes, texts;
    double segment_length; /* s */
    struct destination_callbacks callbacks;
    void *context;
};

int publisher_queue_open(struct destination_queue **out, const struct publisher_config *publisher,
                         const struct publisher_queue_config *config, struct error *err);
/* Adds delivered, dropped, retries and the like to `counters`. */
void publisher_queue_count(const struct destination_queue *queue, json_t *counters);
/* give: what every publisher's status begins with; outputs and counters: take. */
json_t *publisher_queue_status(const struct destination_queue *queue, const struct publisher_config *publisher,
                               unsigned lanes, json_t *counters, json_t *outputs);
void publisher_count(json_t *counters, const char *name, uint64_t value);
