/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/latency.h"

#include <stdlib.h>
#include <string.h>

void latency_add(struct latency *latency, uint64_t duration_ns)
{
    latency->samples_ns[latency->next] = duration_ns;
    latency->next = (latency->next + 1) % LATENCY_SAMPLES;
    if (latency->count < LATENCY_SAMPLES)
        latency->count++;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

uint64_t latency_percentile_ns(const struct latency *latency, unsigned percent)
{
    uint64_t sorted[LATENCY_SAMPLES];
    if (latency->count == 0)
        return 0;
    memcpy(sorted, latency->samples_ns, latency->count * sizeof sorted[0]);
    qsort(sorted, latency->count, sizeof sorted[0], compare);
    unsigned rank = (latency->count * percent + 99) / 100;
    return sorted[rank ? rank - 1 : 0];
}

static double ms(uint64_t ns)
{
    return (double)(ns / 1000) / 1000;
}

json_t *latency_json(const struct latency *latency)
{
    if (latency->count == 0)
        return json_null();
    uint64_t last_ns = latency->samples_ns[(latency->next + LATENCY_SAMPLES - 1) % LATENCY_SAMPLES];
    return json_pack("{s:f, s:f, s:f, s:f}", "last", ms(last_ns), "p50", ms(latency_percentile_ns(latency, 50)), "p95",
                     ms(latency_percentile_ns(latency, 95)), "max", ms(latency_percentile_ns(latency, 100)));
}
