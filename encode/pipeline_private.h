/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pipeline_private.h - the inside of a pipeline, shared by the files that make it up: pipeline.c (the loop),
 * pipeline_start.c (where the output begins), pipeline_splice.c (SCTE 35), pipeline_status.c (what it tells). Nobody
 * else includes it.
 */
#pragma once
#include <libavcodec/codec_par.h>
#include <libavcodec/packet.h>

#include "encode/avails.h"
#include "encode/decoder.h"
#include "encode/deinterlacer.h"
#include "encode/device_watch.h"
#include "encode/follower.h"
#include "encode/handoff.h"
#include "encode/job.h"
#include "encode/ladder.h"
#include "encode/outputs.h"
#include "encode/pace.h"
#include "encode/pipeline.h"
#include "encode/rate_finder.h"
#include "encode/slate.h"
#include "encode/source.h"
#include "encode/timeline.h"

enum { EARLY_PICTURES = 16, HELD_AUDIO = 512, HELD_SPLICES = 16, SPLICES_PER_SECOND_MAX = 32 };

/* How the output began, decided once. */
enum pipeline_begin {
    BEGIN_UNDECIDED,
    BEGIN_FRESH,  /* at the next segment boundary */
    BEGIN_RESUME, /* exactly behind what was handed over before: nothing is missing */
    BEGIN_MIDDLE, /* at the live edge, within a segment */
};

struct held_audio {
    AVPacket *packet;
    unsigned selector;
    uint64_t arrival_utc_ns, held_ns;
};

struct held_splice {
    AVPacket *packet; /* a good section; pts: when it came, on the source's timeline */
    int64_t newest_pts_90k;
    uint64_t arrival_utc_ns, held_ns;
};

struct splice_counters {
    uint64_t taken, damaged, unplaced, too_many;
    uint64_t idle; /* that tell nothing: splice_null */
};

struct splice_state {
    struct held_splice held[HELD_SPLICES]; /* messages whose place is not known yet, oldest first */
    unsigned first, count;
    int64_t last_90k;    /* of the newest that was given out, timeline */
    int64_t second;      /* of the timeline, */
    unsigned in_second;  /* and how many messages came in it */
    uint64_t damaged_ns; /* monotonic, when the newest damaged one came */
    struct splice_counters counters;
};

struct pipeline {
    struct pipeline_config config;
    const struct encode_job *job;
    struct handoff *handoff;
    struct source *source;
    struct video_decoder *decoder;
    struct deinterlacer *deinterlacer;
    struct follower *follower;
    struct ladder *ladder;
    struct device_watch watch;
    struct slate *slate;
    struct outputs *outputs;
    struct timeline_rate rate;
    bool rate_known, welcomed, stop_asked, started, paused;
    struct handoff_welcome welcome;
    enum pipeline_begin begin;
    uint64_t created_ns, rate_known_ns, attached_ns; /* monotonic */
    uint64_t ring_begin_utc_ns;                      /* arrival of the oldest byte that was read; 0: not attached yet */
    /* until the rate is known */
    struct rate_finder finder;
    struct picture early[EARLY_PICTURES];
    unsigned early_count;
    /* the source as it is */
    mfxFrameInfo picture_info; /* of the newest picture; Width 0: none yet */
    bool undescribed;          /* the ladder was made before there was one */
    AVCodecParameters *audio_formats[ENCODE_AUDIO_SELECTORS_MAX];
    struct held_audio held[HELD_AUDIO]; /* audio whose place is not known yet, oldest first */
    unsigned held_first, held_count;
    struct splice_state splice;
    struct avails *avails; /* NULL: the output has not begun */
    /* output */
    int64_t next_frame;
    uint64_t newest_arrival_utc_ns; /* of the newest picture shown */
    struct pace pace;
    /* counters, and their values at the last status */
    uint64_t frames, gaps, audio_unplaced, pictures_early_dropped;
    uint64_t picture_seen_ns, first_picture_ns; /* monotonic; 0: none yet */
    struct decoder_counters decoders_before;    /* of decoders that are gone */
    uint64_t status_ns, status_frames[ENCODE_VIDEOS_MAX], status_bytes[ENCODE_VIDEOS_MAX];
};

/* pipeline_start.c */
uint64_t
pipeline_source_start(struct pipeline *pipeline); /* where in the ring to begin: arrival UTC, 0: a little back */
void pipeline_set_rate(struct pipeline *pipeline, uint32_t numerator, uint32_t denominator);
int pipeline_try_start(struct pipeline *pipeline, struct error *err); /* 1: the output begins now; 0: not yet */
/* -ESTALE: what was coded without a source is not described as the source, which has come, describes itself. Resuming
 * loses nothing. */
int pipeline_check_description(struct pipeline *pipeline, struct error *err);
/* -ESTALE: the clock was set, and the output is out of its reach. */
int pipeline_check_timeline(struct pipeline *pipeline, struct error *err);

/* pipeline_splice.c */
void pipeline_take_splice(struct pipeline *pipeline, struct source_item *item); /* takes the packet it needs */
void pipeline_release_splices(struct pipeline *pipeline);                       /* those whose place is known by now */
void pipeline_recall_splices(struct pipeline *pipeline); /* what the process before this one knew */
void pipeline_forget_splices(struct pipeline *pipeline);

/* pipeline_status.c */
char *pipeline_status_json(struct pipeline *pipeline); /* give: free() */
