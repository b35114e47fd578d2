/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clock.h - time as a parameter: the real clocks of the box, or a fake one that a test turns by hand.
 *
 * Two times, never mixed: `monotonic` only measures durations, `utc` is nanoseconds since 1970 and may be stepped by
 * the operator. A `struct clock` is borrowed by whoever gets it and outlives its users. Any thread may read one.
 *
 *     struct clock clock = clock_real();
 *     uint64_t deadline_ns = clock_monotonic_ns(&clock) + 500 * NS_PER_MS;
 *
 *     struct fake_clock fake = fake_clock_at(1700000000 * NS_PER_S);   // in tests
 *     fake_clock_advance(&fake, 20 * NS_PER_MS);
 *     use(&fake.clock);
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_US UINT64_C(1000)

struct clock {
    uint64_t (*monotonic_ns)(const struct clock *clock);
    uint64_t (*utc_ns)(const struct clock *clock);
};

struct fake_clock {
    struct clock clock; /* first: a pointer to it is a pointer to the fake */
    uint64_t monotonic_ns;
    uint64_t utc_ns;
};

struct clock clock_real(void);
uint64_t clock_monotonic_ns(const struct clock *clock);
uint64_t clock_utc_ns(const struct clock *clock);
bool clock_is_set(
    void); /* the machine's: NTP or PTP has set it and keeps it; asks the kernel, which both of them tell */

struct fake_clock fake_clock_at(uint64_t utc_ns); /* monotonic time starts at 1 s */
void fake_clock_advance(struct fake_clock *fake, uint64_t duration_ns);

/* 90 kHz ticks of a duration or a UTC time in ns, rounded down; exact for 100 years (no 64-bit overflow). */
uint64_t ns_to_90k(uint64_t ns);
uint64_t ns_from_90k(uint64_t ticks_90k);
