/* SPDX-License-Identifier: GPL-2.0-or-later */
/* avails.h - the breaks that the source's SCTE 35 messages speak of: where segments are to be cut, and what a playlist
 * says of each segment.
 *
 * An avail is a splice_insert, or a time_signal with a segmentation descriptor that begins or ends a break, a placement
 * opportunity or an advertisement (which of them: enum avail_mode). It begins at the frame of its time, or, when that
 * is over or is not said, at the first frame that is not encoded yet. It ends where a message says so, else after its
 * duration. What lies within another of a higher kind (a break holds placements, a placement advertisements) is cut at,
 * but is no break of its own.
 *
 * The same event again is not counted twice; a cancelled one that has not begun is forgotten. All other messages are
 * only told. The tables are bounded: what is over leaves first, what does not fit is refused. The answers depend on
 * nothing but the messages: twins give the same. One thread.
 *
 *     avails_create(&avails, &(struct avails_config){ .settings = &job->avails, .rate = &rate }, &err);
 *     if (avails_take(avails, &message, &cuts) == AVAIL_TAKEN) ... cuts.add[0 .. cuts.add_count) ...
 *     avails_cue(avails, &(struct avail_span){ before, first, end }, delta_90k, &segment.cue);
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "encode/handoff_format.h"
#include "encode/timeline.h"

struct avail_settings;
struct avails;
struct error;

enum {
    AVAILS_MAX = 32,
    AVAIL_NOTES_MAX = 64,
    AVAIL_CUTS_MAX = 2 * 8 /* of one message: begin and end of each of its descriptors */
};

struct avails_config {
    const struct avail_settings *settings; /* borrow */
    const struct timeline_rate *rate;      /* borrow */
};

/* A message (splice_parse() takes it). */
struct avail_message {
    int64_t arrival_90k; /* timeline */
    int64_t shift_90k;   /* timeline minus the times in the section */
    int64_t first_frame; /* that no pipeline can have encoded when it came */
    const uint8_t *section;
    size_t bytes;
};

/* Frames where segments begin now, and where they do not any more. */
struct avail_cuts {
    int64_t add[AVAIL_CUTS_MAX], remove[AVAIL_CUTS_MAX];
    unsigned add_count, remove_count;
};

enum avail_outcome {
    AVAIL_TOLD,      /* no avail: it is only told */
    AVAIL_TAKEN,     /* begins or ends one */
    AVAIL_REPEATED,  /* is known */
    AVAIL_CANCELLED, /* takes one back */
    AVAIL_REFUSED,   /* damaged, or the table is full of such as are to come */
};

struct avails_counters {
    uint64_t taken, repeated, cancelled, refused, told;
    uint64_t late; /* of those taken: begin or end later than they say */
};

/* Frames: where the segment before begins, where it begins itself, and where the next one does. */
struct avail_span {
    int64_t before, first, end;
};

int avails_create(struct avails **out, const struct avails_config *config, struct error *err);
void avails_destroy(struct avails *avails); /* NULL is fine */
enum avail_outcome avails_take(struct avails *avails, const struct avail_message *message, struct avail_cuts *cuts);
/* What is said of a segment; the times of its sections are delta_90k later than the timeline. */
void avails_cue(const struct avails *avails, const struct avail_span *span, int64_t delta_90k, struct handoff_cue *cue);
struct avails_counters avails_counters(const struct avails *avails);
