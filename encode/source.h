/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source.h - the channel's input as access units: a thread that attaches to the data plane, reads the stream ring in
 * place, demultiplexes, selects, and queues what it finds for the pipeline.
 *
 * When the data plane goes away, what is left in its ring is read; then it is attached to again, every 200 ms. Damaged
 * units are passed on, flagged. The queue is bounded by units and bytes; when it is full the thread waits and the ring
 * holds what comes, until the writer laps it: that is counted and announced as a gap.
 *
 *     source_create(&source, &(struct source_config){.job = job, .run_directory = run, .clock = clock}, &err);
 *     while (source_take(source, &item, 10)) {       // waits up to 10 ms
 *         use(&item);
 *         source_item_release(&item);
 *     }
 *     source_destroy(source);
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "encode/job.h"

struct AVCodecParameters;
struct AVPacket;
struct clock;
struct error;
struct log;
struct source;

enum source_item_type {
    SOURCE_ATTACHED, /* a ring has been opened: arrival_utc_ns is that of the first byte that will be read from it */
    SOURCE_VIDEO_FORMAT, /* parameters: of the video units that follow; NULL: there is no usable video any more */
    SOURCE_AUDIO_FORMAT, /* the same for one audio selector */
    SOURCE_VIDEO,        /* packet: one access unit */
    SOURCE_AUDIO,
    SOURCE_SPLICE, /* packet: a section of SCTE 35 as it came; pts: when it came, on the source's timeline */
    SOURCE_GAP,    /* bytes were lost here, or the stream paused: nothing continues over this */
};

struct source_item {
    enum source_item_type type;
    unsigned audio;          /* selector's index; 0 when the job has none */
    struct AVPacket *packet; /* pts and dts 33-bit, or AV_NOPTS_VALUE */
    struct AVCodecParameters *parameters;
    uint64_t arrival_utc_ns; /* of the unit's first packet */
    bool damaged;
    int64_t newest_pts_90k; /* SPLICE: of the video units before it, the last to be shown; -1: none came */
};

struct source_config {
    const struct encode_job *job; /* borrow: outlives the source */
    const char *run_directory;    /* borrow */
    const struct clock *clock;    /* borrow */
    const struct log *log;        /* borrow */
    uint64_t start_utc_ns;        /* begin at what arrived then, if the ring still holds it; 0: 2.5 s back */
    /* as attach_input() of dataplane/attach.h, which NULL means */
    int (*attach)(const char *run_directory, unsigned pipeline, const char *input, int *descriptor, struct error *err);
};

struct source_status {
    bool attached, present; /* a ring is open; packets came within the last second */
    bool video, scrambled;  /* usable video has been found */
    char reason[256];       /* why not, for a person */
    unsigned program, video_pid;
    const char *video_codec;                         /* static name, or NULL */
    unsigned audio_pids[ENCODE_AUDIO_SELECTORS_MAX]; /* 0: not there */
    const char *audio_codecs[ENCODE_AUDIO_SELECTORS_MAX];
    uint64_t newest_arrival_utc_ns; /* of the newest unit queued */
    unsigned splice_pid;            /* of SCTE 35 messages; 0: there are none */
    uint64_t video_units, audio_units, splices, damaged_units, bytes, bytes_copied, packets_unaligned, overruns,
        attaches;
    unsigned queue_high_water;
};

int source_create(struct source **out, const struct source_config *config, struct error *err);
void source_destroy(struct source *source); /* stops the thread; NULL is fine */
bool source_take(struct source *source, struct source_item *item, unsigned timeout_ms); /* give: release the item */
void source_item_release(struct source_item *item);
struct source_status source_status(struct source *source);
