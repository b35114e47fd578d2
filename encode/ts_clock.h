/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ts_clock.h - the program clock of a transport stream where pictures are far apart: the muxer writes a reference with
 * each picture, and what is missing between two of them goes into packets that have nothing else.
 *
 * A plain value; pid, longest_90k and newest_90k = TS_CLOCK_NONE at first. One thread.
 *
 *     ts_clock_note(&clock, packets, count);                 // all that is written
 *     while (ts_clock_is_due(&clock, now_90k))
 *         write(ts_clock_packet(&clock, packet));
 *     ts_clock_set(&clock, now_90k);                         // a picture begins
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TS_CLOCK_NONE        INT64_MIN
#define TS_CLOCK_LONGEST_90K INT64_C(9000) /* 100 ms: ISO/IEC 13818-1, 2.7.2 */

enum { TS_CLOCK_PACKET_BYTES = 188 };

struct ts_clock {
    unsigned pid;
    int64_t longest_90k; /* between two references */
    int64_t newest_90k;  /* reference; TS_CLOCK_NONE: there is none yet */
    uint8_t continuity;  /* of the last packet with payload */
};

void ts_clock_note(struct ts_clock *clock, const uint8_t *packets, size_t count); /* whole packets */
void ts_clock_set(struct ts_clock *clock, int64_t now_90k);
/* Whether more than that has passed since the newest. Where whole seconds have, the stream was interrupted, and the
 * next picture's will do. */
bool ts_clock_is_due(const struct ts_clock *clock, int64_t now_90k);
/* The next one, to be written now. Returns packet. */
const uint8_t *ts_clock_packet(struct ts_clock *clock, uint8_t packet[TS_CLOCK_PACKET_BYTES]);
