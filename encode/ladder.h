/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ladder.h - one picture to every rung: which rungs encode a frame, and where all of them put an IDR picture.
 *
 * The IDR cadence is a pure function of the frame's place on the timeline: at every segment boundary of every output
 * that the rung feeds, and every GOP counted from there. Twins therefore cut alike whenever they were started, and so
 * do the rungs of an output group, whose segments are of one length. A last GOP that would be shorter than half is
 * joined to the one before. Where no GOP is set, a segment is one; where nothing is cut either, a GOP lasts two
 * seconds. One thread.
 *
 *     ladder_create(&ladder, &config, &err);
 *     ladder_encode(ladder, frame, &(struct ladder_picture){.picture = &picture, .serial = n});
 *     ladder_poll(ladder);
 *     ladder_drain(ladder);
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "encode/job.h"
#include "encode/rung.h"
#include "encode/timeline.h"

struct encoder_choice;
struct ladder;
struct light_metadata;

enum { LADDER_CUTS_MAX = 256 };

struct ladder_config {
    const struct encode_job *job;                       /* borrow: outlives the ladder */
    const struct timeline_rate *rate;                   /* borrow: outlives the ladder */
    unsigned source_width, source_height;               /* for descriptions without a size */
    unsigned source_aspect_width, source_aspect_height; /* of the source's pixels; 0: square, or no source yet */
    const mfxExtVideoSignalInfo *source_colour;         /* borrow during create; NULL: not described */
    const struct light_metadata *source_light;          /* likewise */
    struct accelerator *accelerator;
    struct device_watch *watch;           /* borrow; NULL: none */
    const struct encoder_choice *encoder; /* borrow: outlives the ladder; NULL: oneVPL */
    const struct slate *slate;
    mfxSession join;
    void (*on_packet)(void *context, unsigned video, const struct AVPacket *packet); /* borrow */
    void *context;
    const struct log *log;
};

struct ladder_picture {
    const struct picture *picture; /* borrow; NULL: the slate */
    enum slate_kind slate;
    uint64_t serial; /* of the picture, from 1; the same again: the same picture */
    bool left_out;   /* for want of time: see rung.h */
};

int ladder_create(struct ladder **out, const struct ladder_config *config, struct error *err);
void ladder_destroy(struct ladder *ladder); /* NULL is fine */
void ladder_encode(struct ladder *ladder, int64_t frame, const struct ladder_picture *picture);
/* This frame, that is still to come, will be an IDR picture of every video that an output wants cut at splices. It is a
 * multiple of the frame multiple. To be said once or often. Of more than LADDER_CUTS_MAX the newest are forgotten. */
void ladder_cut(struct ladder *ladder, int64_t frame);
void ladder_poll(struct ladder *ladder);
bool ladder_wait(struct ladder *ladder, unsigned wait_ms); /* for the first frame under way; false: there is none */
void ladder_drain(struct ladder *ladder);
const struct rung *ladder_rung(const struct ladder *ladder, unsigned video); /* borrow; for parameters and counters */

/* Is this frame, of the channel's frame rate, an IDR picture of job->videos[video]? */
bool ladder_is_idr(const struct encode_job *job, const struct timeline_rate *rate, unsigned video, int64_t frame);
/* Is this frame one that a JPEG video takes? The first one of each interval of the timeline. */
bool ladder_is_captured(const struct encode_job *job, const struct timeline_rate *rate, unsigned video, int64_t frame);
/* Least common multiple of all frame rate divisors: every rung has a picture at its multiples. */
unsigned ladder_frame_multiple(const struct encode_job *job);
/* Distance of the IDR pictures that an output needs; 0: it needs none. */
int64_t ladder_cut_length_90k(const struct encode_output *output);
