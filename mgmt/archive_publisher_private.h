/* SPDX-License-Identifier: GPL-2.0-or-later */
/* archive_publisher_private.h - what the files of the archive's publisher share: archive_publisher.c (which piece
 * belongs to which recording, which recordings wait for the destination), archive_publisher_state.c (what outlives it),
 * archive_publisher_status.c.
 */
#pragma once
#include <jansson.h>
#include <stdatomic.h>

#include "mgmt/archive_file.h"
#include "mgmt/archive_publisher.h"

struct destination_queue;
struct loop_timer;
struct recording;
struct state_file;
struct state_files;
struct worker;

/* A recording from its first piece to its delivery. */
struct entry {
    struct entry *next;
    unsigned lane;
    int64_t number;
    unsigned part;       /* 1, or 2, ... when that interval had one before */
    bool old;            /* begun in an earlier life: its bytes are checked */
    bool again;          /* could not be completed for now */
    unsigned pause_s;    /* until it is tried again: each try may read all of it; 0: none was needed */
    unsigned unreadable; /* times that the disk did not give its bytes */
    uint64_t again_ns;
    struct recording *recording;
    char bookmark[ARCHIVE_NAME_BYTES]; /* of its upload */
};

/* One output. */
struct lane {
    const struct output *output;
    struct entry *open; /* the one that grows; NULL: none */
    int64_t number;     /* of the newest, open or not; -1: none */
    unsigned part;
    int64_t end_90k; /* of the newest piece that was handed over */
    int64_t delivered_number;
};

struct archive_counters {
    uint64_t received, duplicates, unknown_output, jumps_back;
    uint64_t lost;    /* pieces that did not get onto the disk */
    uint64_t damaged; /* recordings whose bytes were not those that were written, or cannot be read */
    uint64_t completed;
};

struct archive_publisher {
    struct publisher base;
    struct publisher_config config;
    const struct destination *destination;
    struct connection_settings connection; /* bounded by the disk, not by time */
    struct destination_queue *queue;
    struct worker *worker;
    struct state_files *states; /* written by this worker: before the files of what they tell of go */
    struct state_file *state;   /* which recording was the newest */
    bool state_failing;
    atomic_bool called_off;   /* for the worker: nobody waits for what it looks through */
    struct loop_timer *again; /* for entries that are tried again */
    struct entry *entries;
    unsigned lane_count;
    struct lane lanes[OUTPUT_GROUP_OUTPUTS_MAX];
    int64_t interval_90k;
    char source[2 * ENCODE_NAME_BYTES];     /* of alerts */
    char prefix[3 * ENCODE_NAME_BYTES];     /* of the recordings' names in the spool */
    char state_name[4 * ENCODE_NAME_BYTES]; /* of the spool file */
    struct archive_counters counters;
};

/* ---- archive_publisher_state.c: which was the newest, for the time when its files are gone ---- */
/* A state file of the publisher's worker's. */
int archive_open_state(struct archive_publisher *publisher, struct error *err);
void archive_load(struct archive_publisher *publisher);
void archive_save(struct archive_publisher *publisher);

/* ---- archive_publisher_status.c ---- */
json_t *archive_status(const struct publisher *base);
