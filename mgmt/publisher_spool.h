/* SPDX-License-Identifier: GPL-2.0-or-later */
/* publisher_spool.h - the segments that wait for a destination: in memory, and what is too much for it on the disk.
 *
 * The oldest go to the disk (mgmt/segment_spool.h), so that after a restart what is there comes before what the encode
 * process hands over again. One that is on the disk is acknowledged and is sent from there; the others are acknowledged
 * when they leave the queue. What an earlier life left is compared with its checksum just before it is sent. Overload
 * is the queue's to handle: past cache_megabytes and disk_cache_megabytes it drops the oldest. With
 * disk_cache_megabytes 0 all wait in memory only. Where the disk fails the oldest in memory are dropped past
 * cache_megabytes, where it is slow past 64 MiB more (and as much again is on its way to it); what is on the disk
 * already stays. Raises and clears alert 6006. One thread (the loop's).
 *
 *     publisher_spool_create(&spool, &config, &err);
 *     publisher_spool_load(spool);                        // of an earlier life: take_up() and put() for each
 *     publisher_spool_add(spool, &item->waiting, lane);   // then: destination_put_file(queue, lane, ... .file = item)
 *     publisher_spool_relieve(spool);
 *     ... from file_done: publisher_spool_remove(spool, &item->waiting); free(item);
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "encode/handoff_format.h"
#include "mgmt/segment_mapping.h"

struct destination_queue;
struct error;
struct publisher_config;
struct publisher_spool;

/* The first member of what a publisher keeps of a segment. The second half is the spool's, the last two lines are
 * mgmt/publisher_saver.h's. */
struct waiting_segment {
    struct handoff_segment segment;
    struct segment_mapping file;
    uint64_t received_ns; /* monotonic; 0: in an earlier life */
    struct waiting_segment *older, *newer;
    unsigned lane;
    uint64_t id;       /* on the disk, or on its way there; 0: it is in memory only */
    uint32_t checksum; /* of one that an earlier life left */
    bool unchecked, acknowledged;
    struct waiting_segment *unsaved; /* the next of those that are delivered and wait for a state that says so */
    uint64_t saved_as;               /* its serial; 0: none was put yet */
};

struct publisher_spool_config {
    const struct publisher_config *publisher; /* borrow, like all below: outlives the spool */
    const char *source;                       /* of the alert: "news/0" */
    struct destination_queue *queue;
    /* What an earlier life left: the item that it is to be kept in (zeros; it comes back with put), and its
     * lane; NULL: it is not wanted. */
    struct waiting_segment *(*take_up)(void *context, const struct handoff_segment *segment, unsigned *lane);
    void (*put)(void *context, struct waiting_segment *item); /* add it, and into the queue: its lane is set */
    void *context;
};

int publisher_spool_create(struct publisher_spool **out, const struct publisher_spool_config *config,
                           struct error *err);
/* After the queue and before the items. What is on the disk stays there. NULL is fine. */
void publisher_spool_destroy(struct publisher_spool *spool);
void publisher_spool_load(struct publisher_spool *spool);

/* item: borrow until it is removed; the newest. Its segment, file and received_ns are set. */
void publisher_spool_add(struct publisher_spool *spool, struct waiting_segment *item, unsigned lane);
void publisher_spool_relieve(struct publisher_spool *spool); /* puts what is too much for memory onto the disk */
/* It has left the queue, one way or the other: its file on the disk goes, its mapping is closed. */
void publisher_spool_remove(struct publisher_spool *spool, struct waiting_segment *item);
/* Is this hand-over one that waits here already? It will be acknowledged, or is now, when it is on the disk. */
bool publisher_spool_has(struct publisher_spool *spool, const struct handoff_segment *segment);
bool publisher_spool_intact(struct publisher_spool *spool, struct waiting_segment *item); /* just before it is sent */

void publisher_spool_count(const struct publisher_spool *spool, json_t *counters);
