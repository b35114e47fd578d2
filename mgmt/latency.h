/* SPDX-License-Identifier: GPL-2.0-or-later */
/* latency.h - the last hundred durations of something, and their percentiles for the status. One thread.
 *
 *     latency_add(&latency, duration_ns);
 *     json_object_set_new(status, "handoff_to_playlist_ms", latency_json(&latency));   // last, p50, p95, max
 */
#pragma once
#include <jansson.h>
#include <stdint.h>

enum { LATENCY_SAMPLES = 100 };

struct latency { /* all zero: none yet */
    uint64_t samples_ns[LATENCY_SAMPLES];
    unsigned count, next;
};

void latency_add(struct latency *latency, uint64_t duration_ns);
uint64_t latency_percentile_ns(const struct latency *latency, unsigned percent); /* 0: none yet; nearest rank */
json_t *latency_json(const struct latency *latency); /* give: {last, p50, p95, max} in ms, or null */
