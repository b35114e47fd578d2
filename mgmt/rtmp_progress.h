/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_progress.h - how far a server is with what one session has sent it, and how late.
 *
 * A server that stalls or reads too slowly is not seen by what is sent: kernels on both sides take seconds of a stream
 * before they say no. It is seen by what the server's kernel has confirmed, and by the room that it says it has left:
 * when that falls by more than a half, what is missing is counted as not read. The oldest byte that is not confirmed,
 * or not read, is so and so old. Late is a session whose oldest byte is older than RTMP_LATE_MS, and it stays late
 * until that is below RTMP_PROMPT_MS for RTMP_CALM_MS: a server that takes a gulp now and then does not make an alert
 * flap.
 *
 * Looked at every RTMP_TICK_MS. One thread; a plain struct.
 *
 *     rtmp_progress_begin(&progress, now_ns);                              // a session begins to publish
 *     rtmp_progress_note(&progress, now_ns, taken, confirmed, window);     // every tick
 *     if (rtmp_progress_is_still(&progress, now_ns)) ...                   // it does not take what is sent
 *     else if (progress.late) ...                                          // it takes it, but too slowly
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RTMP_TICK_MS = 200,
    RTMP_LATE_MS = 2000,  /* on its way: late */
    RTMP_PROMPT_MS = 500, /* no longer than that on its way: as it should be */
    RTMP_CALM_MS = 1000,  /* of which so much ends it */
    RTMP_STILL_MS =
        2000, /* nothing confirmed for so long, though something is to be; or late, and next to nothing read */
    RTMP_READ_MS = 2000,      /* after its arrival everything counts as read by the server */
    RTMP_PROGRESS_TICKS = 64, /* that are remembered: what is older counts as that old */
};

struct rtmp_progress {
    struct {
        uint64_t at_ns, taken, confirmed, read; /* bytes; read: as far as the room tells */
        size_t window;
    } ticks[RTMP_PROGRESS_TICKS]; /* the newest at (count - 1) % RTMP_PROGRESS_TICKS */
    uint64_t count;
    uint64_t moved_ns;  /* when something was confirmed last, or nothing was to be */
    uint64_t lag_ns;    /* how long the oldest byte that is not confirmed and read is on its way; 0: all are */
    uint64_t prompt_ns; /* since when it is as it should be; 0: it is not */
    bool late;
};

void rtmp_progress_begin(struct rtmp_progress *progress, uint64_t now_ns);
/* Bytes of the session that were given to it, and that the server's kernel has confirmed; for how many more it has room
 * (mgmt/rtmp_client.h). */
void rtmp_progress_note(struct rtmp_progress *progress, uint64_t now_ns, uint64_t taken, uint64_t confirmed,
                        size_t window);
bool rtmp_progress_is_still(const struct rtmp_progress *progress, uint64_t now_ns);
/* Bytes that the server has certainly read: what the other end's kernel has, its server may never read. */
uint64_t rtmp_progress_certain(const struct rtmp_progress *progress);
