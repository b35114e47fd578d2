/* SPDX-License-Identifier: GPL-2.0-or-later */
/* follower.h - the source's pictures onto the channel's timeline: which picture is output frame i, or not yet, or none.
 *
 * Pictures are placed with the anchor in use. When they lie more than a second from where their arrival says (the first
 * ones, a jump, another source, a clock that was set), an anchor is asked for; until it comes, or for half a second,
 * they are held, and the output stands. With nobody to ask, an anchor that is known and fits is taken, or one is made
 * alone. Either leaves the output where it is but for two seconds: no more than that is filled, or left out, because a
 * clock was set while the source was there. Without a source the output follows the clock: up to a minute is filled at
 * once, behind more than that it is stranded.
 *
 * The output never waits for long: a frame whose picture has not come by its time is filled: the last picture for a
 * while, then black, then the slate. How long the last picture was ago decides, so twins with the same loss fill alike.
 * The source's clock is followed slowly, so that "its time" stays right for months. One thread.
 *
 *     follower_push(follower, &picture);                    // takes the picture
 *     follower_take(follower, i, &shown);
 *     if (shown.kind != FOLLOWER_WAIT) encode(i++, shown.picture, shown.slate);
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "encode/handoff_format.h"
#include "encode/slate.h"

struct clock;
struct error;
struct follower;
struct input_loss_behavior;
struct log;
struct picture;
struct timeline_rate;

enum { FOLLOWER_HELD_MAX = 32 };

struct follower_config {
    const struct timeline_rate *rate;       /* borrow */
    const struct input_loss_behavior *loss; /* borrow */
    const struct clock *clock;              /* borrow */
    const struct log *log;
    /* Asks for an anchor; 0: asked, follower_answer() will be called; negative: there is nobody to ask. */
    int (*request_anchor)(void *context, int64_t pts_90k, int64_t arrival_90k);
    void (*on_anchor)(void *context, const struct handoff_anchor *anchor); /* from now on in use */
    void *context;
};

enum follower_kind { FOLLOWER_WAIT, FOLLOWER_PICTURE, FOLLOWER_REPEAT, FOLLOWER_SLATE };

struct follower_shown {
    enum follower_kind kind;
    const struct picture *picture; /* PICTURE and REPEAT: borrow until the next call */
    uint64_t serial;               /* of the picture */
    enum slate_kind slate;         /* SLATE */
    bool filler;                   /* the source did not give this: it is lost */
};

struct follower_counters {
    uint64_t pictures, shown, repeated, black, slate;
    uint64_t dropped_late, dropped_twice, dropped_unplaced;
    uint64_t anchors, anchors_alone;
};

int follower_create(struct follower **out, const struct follower_config *config, struct error *err);
void follower_destroy(struct follower *follower);                                   /* NULL is fine */
void follower_push(struct follower *follower, struct picture *picture);             /* take, always */
void follower_know(struct follower *follower, const struct handoff_anchor *anchor); /* from WELCOME; oldest first */
void follower_answer(struct follower *follower, const struct handoff_anchor_answer *answer);
/* Frames before this one are late from now on. It may be to come: the output begins when its time is there. */
void follower_start(struct follower *follower, int64_t frame);
/* Until there is an anchor: the output is so far ahead of the clock, and stays there. With one it does nothing. */
void follower_lead(struct follower *follower, int64_t lead_90k);
/* Lets held pictures go when nobody has answered, and looks at the clock; call it often. */
void follower_turn(struct follower *follower);
void follower_take(struct follower *follower, int64_t frame, struct follower_shown *shown);
/* Place of another timestamp of the same source (audio). False: not placed now. */
bool follower_place(const struct follower *follower, int64_t pts_90k, uint64_t arrival_utc_ns, int64_t *tick_90k);
bool follower_asks(const struct follower *follower);                        /* waits for an answer */
bool follower_first_frame(const struct follower *follower, int64_t *frame); /* the oldest picture that waits */
bool follower_full(const struct follower *follower);                        /* pushing more would drop */
/* For a second the output has been far ahead of the clock, where nothing that comes is shown, and nothing filled; or
 * far behind it without a source, and would be filled for as long: the clock was set, and no anchor makes up for it. */
bool follower_is_stranded(const struct follower *follower);
const struct handoff_anchor *follower_anchor(const struct follower *follower); /* id 0: none; skew is kept current */
int64_t follower_newest_pts_90k(const struct follower *follower); /* of the source, 33 bit; -1: no picture yet */
struct follower_counters follower_counters(const struct follower *follower);
