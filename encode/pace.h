/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pace.h - does the output keep up with real time, and if not, which pictures are left out so that it does again.
 *
 * A pipeline that reads up what the stream ring has kept for it (after a start) lies behind too, but gains ground: that
 * is no overload. One that lies behind and does not gain leaves out every second picture, the next time two of three,
 * then three of four: the picture before is encoded again, which costs little. So an overload takes smoothness from the
 * whole, evenly, rather than a piece of the programme when the ring is full. A plain value, zero at first; one thread.
 *
 *     pace_note(&pace, now_ns, lag_ns);                 // once a turn
 *     if (pace_leaves_out(&pace)) encode_again(); else encode(picture);
 *     if (pace_is_behind(&pace)) tell_alert();
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { PACE_LEVEL_MAX = 3 }; /* three of four */

struct pace {
    uint64_t window_ns;       /* monotonic, since when ground is looked for; 0: not behind */
    int64_t window_lag_ns;    /* how far behind it was then */
    unsigned level;           /* 0: keeps up; n: n pictures of n + 1 are left out */
    unsigned left_out_in_row; /* since one was shown */
    uint64_t left_out;        /* counter */
};

/* now_ns: monotonic; lag_ns: how long ago the next frame was due. */
void pace_note(struct pace *pace, uint64_t now_ns, int64_t lag_ns);
bool pace_is_behind(const struct pace *pace);
/* To be asked once for each picture; true: it is left out, and counted. */
bool pace_leaves_out(struct pace *pace);
