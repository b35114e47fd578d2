/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "board/clock.h"

#include <sys/timex.h>
#include <time.h>

static uint64_t read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static uint64_t real_monotonic_ns(const struct clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_MONOTONIC);
}

static uint64_t real_utc_ns(const struct clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_REALTIME);
}

static uint64_t fake_monotonic_ns(const struct clock *clock)
{
    return ((const struct fake_clock *)clock)->monotonic_ns;
}

static uint64_t fake_utc_ns(const struct clock *clock)
{
    return ((const struct fake_clock *)clock)->utc_ns;
}

struct clock clock_real(void)
{
    return (struct clock){ .monotonic_ns = real_monotonic_ns, .utc_ns = real_utc_ns };
}

uint64_t clock_monotonic_ns(const struct clock *clock)
{
    return clock->monotonic_ns(clock);
}

uint64_t clock_utc_ns(const struct clock *clock)
{
    return clock->utc_ns(clock);
}

bool clock_is_set(void)
{
    struct timex timex = { .modes = 0 }; /* only asked */
    return adjtimex(&timex) >= 0 && !(timex.status & STA_UNSYNC);
}

struct fake_clock fake_clock_at(uint64_t utc_ns)
{
    return (struct fake_clock){
        .clock = { .monotonic_ns = fake_monotonic_ns, .utc_ns = fake_utc_ns },
        .monotonic_ns = NS_PER_S,
        .utc_ns = utc_ns,
    };
}

void fake_clock_advance(struct fake_clock *fake, uint64_t duration_ns)
{
    fake->monotonic_ns += duration_ns;
    fake->utc_ns += duration_ns;
}

/* 90000 / 1e9 = 9 / 100000: split so that a UTC time times 9 does not pass 2^64. */
uint64_t ns_to_90k(uint64_t ns)
{
    return ns / 100000 * 9 + ns % 100000 * 9 / 100000;
}

uint64_t ns_from_90k(uint64_t ticks_90k)
{
    return ticks_90k / 9 * 100000 + ticks_90k % 9 * 100000 / 9;
}
