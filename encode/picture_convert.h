/* SPDX-License-Identifier: GPL-2.0-or-later */
/* picture_convert.h - pictures as decoders give them, into 4:2:0 of eight or ten bits: for displays that have no
 * surfaces of their kind. The processor's work, and a copy; whoever can does without.
 *
 * Of 4:2:2 two lines of chroma become their mean; of ten bits eight remain, rounded. Any thread.
 *
 *     struct picture_planes from = { .plane = { pixels }, .pitch = { pitch }, .ten = true, .packed = true };    // Y210
 *     struct picture_planes to = { .plane = { luma, chroma }, .pitch = { pitch, pitch } };                      // NV12
 *     picture_convert(&to, &from, 1920, 1080);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct picture_planes {
    uint8_t *plane[2]; /* packed: only the first */
    size_t pitch[2];
    bool ten;    /* samples of 16 bits, the upper ten used; else of eight */
    bool packed; /* 4:2:2 in the order Y U Y V; else 4:2:0, luma, then U and V in turn */
};

/* to: not packed. An odd last row or column has no chroma of its own. */
void picture_convert(const struct picture_planes *to, const struct picture_planes *from, unsigned width,
                     unsigned height);
