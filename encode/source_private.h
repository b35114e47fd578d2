/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source_private.h - the inside of a source, shared by the files that make it up: source.c (the thread, the ring, what
 * is selected), source_units.c (what comes out of it becomes items of the queue). Nobody else includes it. All of it is
 * the thread's, but for the queue and, under the mutex, the status.
 */
#pragma once
#include <libavcodec/avcodec.h>
#include <pthread.h>
#include <stdatomic.h>

#include "encode/selection.h"
#include "encode/source.h"
#include "encode/transport.h"

struct source_queue;
struct splitter;
struct stream_ring_reader;

/* One selected elementary stream on its way through a splitter. */
struct lane {
    struct source *source;
    bool video;
    unsigned audio;
    int stream; /* index in the demultiplexer, or STREAM_... */
    int pid;    /* of that stream; 0: what comes next does not continue what came before */
    struct splitter *splitter;
    bool announced;        /* its format has been queued */
    AVCodecContext *probe; /* audio: decodes the first frame, to learn the number of channels */
    unsigned probed_units;
    int unit_samples, sample_rate; /* audio: as the probe found them */
    int64_t last_pts_90k;          /* audio: of the newest unit that had a timestamp, */
    int64_t units_since;           /* and how many came behind it in the same PES packet */
};

struct source {
    struct source_config config;
    struct source_queue *queue;
    pthread_t thread;
    atomic_bool stop;
    int connection;
    struct stream_ring_reader *reader;
    struct transport *transport;
    struct lane video, audios[ENCODE_AUDIO_SELECTORS_MAX];
    struct selection selection;
    uint64_t signature;
    unsigned openings; /* of the transport's demultiplexer, as last seen */
    uint64_t last_instance, last_arrival_utc_ns;
    int64_t newest_pts_90k;           /* of the video units that were queued; -1: none */
    uint64_t sections_damaged;        /* of the transport, when it was last told of them, */
    uint64_t told_of_damaged_ns;      /* monotonic */
    bool flushed;                     /* the splitters hold nothing */
    struct transport_counters before; /* of transports that are gone */
    uint64_t overruns_before;
    char last_refusal[256];
    pthread_mutex_t mutex; /* guards status */
    struct source_status status;
};

/* ---- source_units.c ---- */
void source_put_event(struct source *source, enum source_item_type type, uint64_t arrival_utc_ns);
/* What the lane's units are from here on; NULL: there are none any more. */
void source_put_format(struct lane *lane, const AVCodecContext *codec);
void source_on_unit(void *lane, const AVPacket *unit);                  /* a splitter's */
void source_on_section(struct source *source, const AVPacket *section); /* of SCTE 35 */
void source_tell_of_damaged_sections(struct source *source);            /* if there are new ones */
