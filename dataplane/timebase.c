/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/timebase.h"

#include "board/clock.h"

void timebase_init(struct timebase *base, uint64_t cycles_a_second, uint64_t cycles, uint64_t monotonic_ns,
                   uint64_t utc_ns)
{
    *base = (struct timebase){ .cycles_a_second = cycles_a_second,
                               .factor = (NS_PER_S << 32) / cycles_a_second,
                               .last_monotonic_ns = monotonic_ns };
    timebase_calibrate(base, cycles, monotonic_ns, utc_ns);
}

void timebase_calibrate(struct timebase *base, uint64_t cycles, uint64_t monotonic_ns, uint64_t utc_ns)
{
    base->cycles = cycles;
    base->monotonic_ns = monotonic_ns;
    base->utc_ns = utc_ns;
}
