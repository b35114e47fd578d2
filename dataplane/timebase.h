/* SPDX-License-Identifier: GPL-2.0-or-later */
/* timebase.h - the clocks' time from the processor's cycle counter, so that the poll-mode loop needs no call for it.
 *
 * Calibrated against both clocks ten times a second, by the polling thread, outside the hot files. Monotonic time never
 * steps back; UTC follows its clock, steps included.
 *
 *     if (timebase_stale(&base, cycles_now())) timebase_calibrate(&base, cycles_now(), monotonic_ns, utc_ns);
 *     struct receive_time time = timebase_now(&base, cycles_now());
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/receive.h"

struct timebase {
    uint64_t cycles_a_second;
    uint64_t factor; /* ns a cycle, 32 binary places */
    uint64_t cycles; /* at the last calibration, with both times */
    uint64_t monotonic_ns;
    uint64_t utc_ns;
    uint64_t last_monotonic_ns; /* given out */
};

void timebase_init(struct timebase *base, uint64_t cycles_a_second, uint64_t cycles, uint64_t monotonic_ns,
                   uint64_t utc_ns);
void timebase_calibrate(struct timebase *base, uint64_t cycles, uint64_t monotonic_ns, uint64_t utc_ns);

static inline bool timebase_stale(const struct timebase *base, uint64_t cycles)
{
    return cycles - base->cycles >= base->cycles_a_second / 10;
}

static inline struct receive_time timebase_now(struct timebase *base, uint64_t cycles)
{
    /* cycles come from one core and ascend; a tenth of a second of them times the factor fits into 64 bits */
    uint64_t passed_ns = (cycles - base->cycles) * base->factor >> 32;
    uint64_t monotonic_ns = base->monotonic_ns + passed_ns;
    if (monotonic_ns < base->last_monotonic_ns)
        monotonic_ns = base->last_monotonic_ns;
    base->last_monotonic_ns = monotonic_ns;
    return (struct receive_time){ .monotonic_ns = monotonic_ns, .utc_ns = base->utc_ns + passed_ns };
}
