/* SPDX-License-Identifier: GPL-2.0-or-later */
/* smooth_publisher_private.h - what the files of the Smooth publisher share: smooth_publisher.c (what is handed over),
 * smooth_publisher_status.c (what it tells: alerts and status).
 */
#pragma once
#include "mgmt/instances.h"
#include "mgmt/smooth_event.h"
#include "mgmt/smooth_group.h"
#include "mgmt/smooth_publisher.h"
#include "mgmt/smooth_stream.h"

/* One stream: an output, or behind the last the SCTE 35 messages. */
struct lane {
    struct smooth_publisher *publisher;
    const char *name; /* of the output */
    bool sparse;
    struct smooth_stream *stream;
    char url[SMOOTH_URL_BYTES];
    int64_t newest_number; /* handed over; -1: none */
    int64_t newest_end_90k;
    struct instances instances;
    int64_t delivered_number; /* -1: none */
};

struct smooth_publisher {
    struct publisher base;
    struct publisher_config config;
    const struct destination *destination;
    struct transfer_target *target;
    struct lane lanes[OUTPUT_GROUP_OUTPUTS_MAX + 1];
    unsigned lane_count, media_count; /* media: without the messages */
    uint64_t media_posts;             /* that had been begun when the messages' stream was announced last */
    /* The segment that told the messages' header: acknowledged only at the end, so that it is handed over again to
     * another life of this process. Serial 0: none. */
    uint64_t header_instance, header_serial;
    char event_id[SMOOTH_EVENT_BYTES];
    char source[2 * ENCODE_NAME_BYTES];     /* of alerts */
    char state_name[4 * ENCODE_NAME_BYTES]; /* of the spool file */
    bool finished, backlog;
    struct publisher_saver *saver; /* no segment waits for it */
    uint64_t received, resent, duplicates, damaged, unknown_output, jumps_back;
};

/* smooth_publisher_status.c */
uint64_t smooth_publisher_cache_bytes(const struct smooth_publisher *publisher);
uint64_t smooth_publisher_waiting_bytes(const struct smooth_publisher *publisher);
void smooth_publisher_tell_alerts(struct smooth_publisher *publisher); /* as the streams are now */
void smooth_publisher_clear_alerts(struct smooth_publisher *publisher);
json_t *smooth_publisher_status(const struct publisher *base); /* give */
