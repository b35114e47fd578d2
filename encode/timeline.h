/* SPDX-License-Identifier: GPL-2.0-or-later */
/* timeline.h - the arithmetic that makes twins interchangeable: source timestamps to the channel's timeline, and the
 * timeline to frames, segments and audio frames.
 *
 * The channel's timeline counts 90 kHz ticks since 1970 (UTC when the anchor was set; it then follows the source's own
 * clock). An *anchor* is the difference between it and the source's 33-bit PTS; both pipelines use the same one, so the
 * same picture has the same time in both. Everything else is a pure function of that time, the same in every process
 * whenever it was started:
 *
 *     frame i                  at tick  floor(i * 90000 * denominator / numerator)
 *     segment n (length L)     starts at the first frame i, a multiple of `frame_multiple`, with tick(i) >= n * L
 *     audio frame j            at tick  floor(j * samples_per_frame * 90000 / sample_rate)
 *
 * so segment numbers are those of the absolute grid: about 900 million for 2 s segments. Pure functions, no state.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define PTS_MODULUS (INT64_C(1) << 33)

/* An output that ended so far ahead of the clock, or less, goes on where it ended, ahead of the clock as before. One
 * that ended further ahead begins anew: publishers see that it jumped. */
#define TIMELINE_AHEAD_MAX_90K (1000 * INT64_C(90000))

struct timeline_rate {
    uint32_t numerator, denominator; /* frames per second */
    uint32_t frame_multiple;         /* least common multiple of all rungs' frame rate divisors */
};

/* Start of frame i, and the frame nearest to a tick. Ticks are 90 kHz since 1970. */
int64_t timeline_frame_tick_90k(const struct timeline_rate *rate, int64_t frame);
int64_t timeline_frame_at_90k(const struct timeline_rate *rate, int64_t tick_90k);

/* First frame of segment n, and the segment a frame belongs to, for segments of length_90k. */
int64_t timeline_segment_first_frame(const struct timeline_rate *rate, int64_t length_90k, int64_t segment);
int64_t timeline_segment_of_frame(const struct timeline_rate *rate, int64_t length_90k, int64_t frame);

/* A 33-bit PTS placed on the timeline with an anchor (timeline = PTS + anchor modulo 2^33), at the wrap nearest to
 * `expected_90k`. */
int64_t timeline_place_pts_90k(int64_t pts_90k, int64_t anchor_90k, int64_t expected_90k);

/* The anchor (0 .. 2^33-1) that puts pts_90k onto the frame of the grid nearest to arrival_90k. */
int64_t timeline_anchor_for(const struct timeline_rate *rate, int64_t pts_90k, int64_t arrival_90k);

/* How far from its arrival a new anchor is to put a picture where the timeline so far was skew_90k away from UTC, so
 * that the output goes on where it is instead of waiting, or filling, for as long as that. In whole seconds, so that
 * twins which choose alone come to the same, and 0.25 to 1.25 s nearer to UTC: many anchors must not carry it away. */
int64_t timeline_lead_90k(int64_t skew_90k);
