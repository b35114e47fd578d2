/* SPDX-License-Identifier: GPL-2.0-or-later */
/* segment_window.h - one output's segments at one destination: which of them the next playlist names, and which may go.
 *
 * Segments are appended when the destination has confirmed them, in order. The playlist names the newest
 * `index_segments`, and before them everything that no confirmed playlist has named yet, so that after an outage a
 * player finds all that it missed. A segment may be deleted when `keep_segments` newer ones are there, a confirmed
 * playlist without it has replaced those that named it, and a player that still holds one of those had time to load it.
 *
 * Numbers are those of the absolute grid. Missing ones make a discontinuity; up to `index_segments` of them are shown
 * as gaps, so that media sequence numbers stay equal to the twin pipeline's; past it, and when numbers jump back, the
 * window starts anew (one that keeps all goes on without showing the gap). Pure state: no I/O, time comes in with the
 * calls. Positions count appended segments for ever.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "encode/handoff_format.h"

enum { SEGMENT_WINDOW_MAX = 43200 }; /* of a playlist that keeps all: 24 h of 2 s segments; the oldest leave past it */

struct hls_cue;

struct window_segment {
    int64_t number;
    int64_t start_90k, duration_90k;
    int64_t date_90k;         /* what EXT-X-PROGRAM-DATE-TIME says: the start, by the clock that is wanted */
    char *name;               /* of its file, from the folder of the destination's prefix */
    char *header;             /* file of its fMP4 header; NULL: it needs none */
    unsigned keys_count;      /* key pictures that a playlist of them names */
    struct handoff_key *keys; /* offsets are in the file */
    uint64_t keys_before;     /* sequence number of the first of them */
    uint32_t tables_bytes;    /* at the head of a transport stream, that they need; 0: none */
    struct hls_cue *cue;      /* what SCTE 35 says of it; NULL: nothing */
    bool discontinuity;       /* a tag stands before it */
    unsigned discontinuities; /* tags since the window's first segment, its own included */
    bool named;               /* a confirmed playlist has named it */
    bool replaced;            /* its file becomes another's, or has: it is not deleted */
    uint64_t unlisted_ns;     /* when a playlist without it was confirmed after that; 0: not yet. Monotonic */
    uint64_t received_ns;     /* monotonic, for the latency; 0: in an earlier life */
    uint64_t arrival_utc_ns;  /* of the source packet that completed it; 0: filler */
};

struct segment_window_config {
    unsigned index_segments, keep_segments;
    bool keep_all; /* VOD: everything stays in the playlist, nothing is deleted */
    bool discontinuity_tags;
    double segment_length_s;
    double longest_s; /* where segments are cut at splices; 0: they are not */
};

struct segment_window {
    struct segment_window_config config;
    struct window_segment *segments; /* oldest first */
    unsigned count, capacity;
    uint64_t base;              /* position of segments[0] */
    uint64_t first_listable;    /* position: what is before it belongs to an earlier window */
    uint64_t deleting;          /* position: those before it are being deleted */
    unsigned target_duration_s; /* grows if a longer segment comes, never shrinks */
};

void segment_window_init(struct segment_window *window, const struct segment_window_config *config);
void segment_window_clear(struct segment_window *window); /* frees; as initialised afterwards */

/* Number, times, names, keys, cue (all copied) and `discontinuity` (as its maker says) count; the rest is filled in.
 * -ENOMEM. */
int segment_window_append(struct segment_window *window, const struct window_segment *segment);
const struct window_segment *segment_window_newest(const struct segment_window *window); /* borrow; NULL: empty */
const struct window_segment *segment_window_at(const struct segment_window *window, uint64_t position); /* NULL: gone */

/* How many gap entries stand between two neighbours: 0 when none is missing, and when too many are. */
unsigned segment_window_gap(const struct segment_window *window, const struct window_segment *before,
                            const struct window_segment *segment);

/* Positions of what the next playlist names: *first up to and without *end. Equal: nothing yet. */
void segment_window_listing(const struct segment_window *window, uint64_t *first, uint64_t *end);
/* A playlist that named these is confirmed. */
void segment_window_confirmed(struct segment_window *window, uint64_t first, uint64_t end, uint64_t now_ns);

/* The oldest that may be deleted now (borrow), marked as being deleted; NULL: none, and *due_ns says when to ask again
 * (0: not before the next confirmation). */
const struct window_segment *segment_window_expire(struct segment_window *window, uint64_t now_ns, uint64_t *due_ns);
/* Numbers begin anew at this one: what is there of it and of those behind it will be overwritten. */
void segment_window_replace(struct segment_window *window, int64_t number);
/* The oldest of those being deleted is deleted, or will never be. */
void segment_window_deleted(struct segment_window *window);
/* Everything that is known at the destination, oldest first, is to be forgotten: a new life begins. */
void segment_window_restart(struct segment_window *window);

json_t *segment_window_json(const struct segment_window *window); /* give */
/* After init. -EBADMSG: not a window; it is empty then. */
int segment_window_from_json(struct segment_window *window, const json_t *json, uint64_t now_ns);
