/* SPDX-License-Identifier: GPL-2.0-or-later */
/* smooth_boxes.h - the bytes of Smooth Streaming's live ingest ([MS-SSTR] 2.2.7): what a stream begins with, and its
 * fragments.
 *
 * A stream begins with ftyp, the Live Server Manifest box (a SMIL text that tells the server what each track is) and
 * moov; the same bytes in both pipelines. A fragment is one track's moof and mdat. Its tfxd box tells the time of its
 * first sample and its duration in units of 100 ns; there is no tfdt box. Composition offsets count from the first
 * sample's presentation, so that its time is the same whether a receiver takes it for decoding or for presentation
 * time. tfrf boxes tell of later fragments, which a live encoder does not know: the server adds them.
 *
 * A sparse track holds SCTE-35 messages, in a stream of its own: each a fragment with the message in a small frame.
 * Pure functions. One thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct AVCodecParameters;
struct boxes;
struct error;

#define SMOOTH_TIMESCALE     10000000
#define SMOOTH_SPARSE_NAME   "scte35"
#define SMOOTH_SPARSE_SCHEME "urn:scte:scte35:2013:bin"
#define SMOOTH_VIDEO_NAME    "video"
/* A message can tell of an event that is 2^32 units later. */
#define SMOOTH_MESSAGE_AHEAD_MAX_90K (INT64_C(0xffffffff) * 9 / 1000 - 1)

enum smooth_track_type { SMOOTH_VIDEO, SMOOTH_AUDIO, SMOOTH_SPARSE };

struct smooth_track {
    enum smooth_track_type type;
    unsigned id;                                /* 1, 2, ... in its stream */
    const char *name;                           /* tracks of one name are one stream to a player */
    const char *language;                       /* "eng"; NULL: not said */
    unsigned bitrate;                           /* bit/s */
    const struct AVCodecParameters *parameters; /* H.264 with Annex B headers, AAC with its AudioSpecificConfig; sparse:
                                                   NULL */
};

struct smooth_sample {
    uint32_t bytes;
    int64_t pts_90k, dts_90k;
    int64_t end_90k; /* decoding time of the next */
    bool key;
};

/* Timeline ticks in units of 100 ns, rounded: the same for the same tick wherever it is asked. */
int64_t smooth_time(int64_t ticks_90k);

/* -EINVAL: a codec or headers that Smooth Streaming has no words for. */
int smooth_put_header(struct boxes *boxes, const struct smooth_track *tracks, unsigned count, struct error *err);

/* moof, and the head of the mdat whose bytes come next. count > 0, decoding order. */
void smooth_put_fragment(struct boxes *boxes, const struct smooth_track *track, const struct smooth_sample *samples,
                         unsigned count, uint32_t sequence);

/* A message of a sparse track: it came at arrival_90k and is about the time event_90k (not before it, and at most
 * SMOOTH_MESSAGE_AHEAD_MAX_90K later); duration 0: not known. Messages with one id mean the same. */
struct smooth_message {
    uint32_t sequence, id;
    int64_t arrival_90k, event_90k, duration_90k;
    const void *section; /* a splice_info_section */
    size_t bytes;
};
void smooth_put_message(struct boxes *boxes, const struct smooth_track *track, const struct smooth_message *message);

/* What ends a stream: a movie fragment random access box with nothing in it. */
void smooth_put_end(struct boxes *boxes);
