/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shared_clock.h - a time of day that does not jump, the same in all processes of a box that are on the air.
 *
 * What is on the air is placed by UTC: packets get the time of their arrival, pictures and segments theirs from that.
 * When somebody sets the clock of the machine (an operator; NTP a while after a start without a battery), that must not
 * move. So UTC is here the monotonic clock and a distance that stays: it is taken when the first process opens the
 * clock, stands in a file of the run directory, and is taken anew once none has it open any more. Where the file cannot
 * be used the distance is this process's own. Slow corrections of NTP's move the monotonic clock too, and so this one.
 *
 *     struct shared_clock shared;
 *     shared_clock_open(&shared, "/run/biplane");
 *     uint64_t now_ns = clock_utc_ns(&shared.clock);
 */
#pragma once
#include <stdint.h>

#include "board/clock.h"

struct shared_clock {
    struct clock clock; /* first: a pointer to it is a pointer to the whole */
    uint64_t distance_ns;
    int file; /* locked while it is open; -1: there is none */
};

/* 0, or a negative errno: the distance is this process's own then. Either way the clock runs. Waits a second at
 * most, for one who is about to write the file. The struct stays where it is. */
int shared_clock_open(struct shared_clock *shared, const char *directory);
void shared_clock_close(struct shared_clock *shared);
