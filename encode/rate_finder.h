/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rate_finder.h - the frame rate of a source, from the distances of its pictures' timestamps.
 *
 * What a stream's headers say is only believed when the timestamps agree. A plain value, zero at first.
 *
 *     struct rate_finder finder = {0};
 *     if (rate_finder_push(&finder, pts_90k, header_numerator, header_denominator)) use(finder.numerator, ...);
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { RATE_FINDER_DISTANCES = 8 };

struct rate_finder {
    int64_t last_pts_90k;
    int64_t distances_90k[RATE_FINDER_DISTANCES];
    unsigned pictures, count;
    uint32_t numerator, denominator; /* the answer */
};

/* Pictures in display order. True: the rate is known now. */
bool rate_finder_push(struct rate_finder *finder, int64_t pts_90k, uint32_t header_numerator,
                      uint32_t header_denominator);
