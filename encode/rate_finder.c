/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rate_finder.c - distances around the median are averaged: one that spans a lost picture does not count. Eight of them
 * tell 23.976 from 24, as their rounding errors do not add up. */
#include "encode/rate_finder.h"

#include <math.h>
#include <stdlib.h>

#include "encode/timeline.h"

static const struct {
    uint32_t numerator, denominator;
} rates[] = { { 24000, 1001 }, { 24, 1 },       { 25, 1 },  { 30000, 1001 }, { 30, 1 },        { 48, 1 },
              { 50, 1 },       { 60000, 1001 }, { 60, 1 },  { 12, 1 },       { 25, 2 },        { 15, 1 },
              { 15000, 1001 }, { 20, 1 },       { 100, 1 }, { 120, 1 },      { 120000, 1001 }, { 10, 1 } };

static int ascending(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static double average_90k(const struct rate_finder *finder)
{
    int64_t sorted[RATE_FINDER_DISTANCES] = { 0 }, sum = 0;
    unsigned count = 0;

    for (unsigned i = 0; i < finder->count; i++)
        sorted[i] = finder->distances_90k[i];
    qsort(sorted, finder->count, sizeof sorted[0], ascending);
    int64_t median = sorted[finder->count / 2];
    for (unsigned i = 0; i < finder->count; i++)
        if (llabs(sorted[i] - median) * 4 <= median) {
            sum += sorted[i];
            count++;
        }
    return (double)sum / count;
}

static void decide(struct rate_finder *finder, uint32_t numerator, uint32_t denominator)
{
    double measured = 90000.0 / average_90k(finder), least = 1;

    if (numerator && denominator && fabs((double)numerator / denominator / measured - 1) < 0.0004) {
        finder->numerator = numerator;
        finder->denominator = denominator;
    }
    for (unsigned i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        double difference = fabs((double)rates[i].numerator / rates[i].denominator / measured - 1);
        if (difference < least && (!finder->numerator || difference < 0.0004)) {
            least = difference;
            finder->numerator = rates[i].numerator;
            finder->denominator = rates[i].denominator;
        }
    }
    if (least > 0.02 && least < 1) { /* like no other: as it is, to a hundredth */
        finder->numerator = (uint32_t)llround(measured * 100);
        finder->denominator = 100;
    }
}

bool rate_finder_push(struct rate_finder *finder, int64_t pts_90k, uint32_t header_numerator,
                      uint32_t header_denominator)
{
    int64_t distance_90k = (pts_90k - finder->last_pts_90k) & (PTS_MODULUS - 1);

    if (finder->numerator)
        return true;
    finder->last_pts_90k = pts_90k;
    if (finder->pictures++ == 0 || distance_90k < 90000 / 250 || distance_90k > 90000 / 4)
        return false;
    finder->distances_90k[finder->count++] = distance_90k;
    if (finder->count == RATE_FINDER_DISTANCES)
        decide(finder, header_numerator, header_denominator);
    return finder->numerator != 0;
}
