/* SPDX-License-Identifier: GPL-2.0-or-later */
/* colour_transform.h - what a sample of one description of colours is in another: primaries, transfer function, matrix
 * and range, by the numbers of ITU-T H.273.
 *
 * Light is what a display shows of it. White of SDR and the reference white of HDR (203 cd/m2, ITU-R BT.2408) are the
 * same light. What is brighter than the target can show is bent into the room that it has above half of its white (the
 * Mobius curve of libavfilter's tonemap); below that nothing changes. Colours outside of the target's primaries are
 * clipped. A plain value and pure arithmetic; slow: colour_table.h is the fast one.
 *
 *     if (!colour_kind_known(&from) || !colour_kind_known(&to)) return false;
 *     colour_transform_make(&transform, &from, &to, 1000);
 *     colour_transform_run(&transform, yuv, converted);
 */
#pragma once
#include <stdbool.h>

struct colour_kind {
    unsigned primaries, transfer, matrix; /* 0 and 2: not said, as BT.709 */
    bool full_range;
};

enum colour_range { COLOUR_SDR, COLOUR_PQ, COLOUR_HLG };

struct colour_transform {
    enum colour_range from, to;
    double from_red, from_blue, to_red, to_blue; /* what luma has of them */
    double rgb[3][3];                            /* linear, of one's primaries to the other's */
    double peak, limit;                          /* light; 1: reference white. limit 0: none */
};

/* BT.709, BT.601 of either kind, BT.2020 and P3 as primaries; PQ, HLG, and the curves of SDR; no constant luminance. */
bool colour_kind_known(const struct colour_kind *kind);
enum colour_range colour_kind_range(const struct colour_kind *kind);
/* Whether more differs than matrix and range, which any scaler converts. */
bool colour_kinds_differ(const struct colour_kind *a, const struct colour_kind *b);
/* peak_nits: how bright the brightest of `from` may be, if that is HDR. Both are known. */
void colour_transform_make(struct colour_transform *transform, const struct colour_kind *from,
                           const struct colour_kind *to, double peak_nits);
/* Its steps, for who has tables of them. Values (of HLG: of the scene) of 0..1 to light and back; what the light of
 * HLG's scene is multiplied by for its luma, on its way in and out; what light is multiplied by for its brightest
 * component. */
double colour_light(enum colour_range range, double value);
double colour_value(enum colour_range range, double light);
double colour_hlg_in(double luma);
double colour_hlg_out(double luma);
double colour_bend(const struct colour_transform *transform, double brightest);
/* Luma of 0..1, chroma of -0.5..0.5, in nominal range. */
void colour_transform_run(const struct colour_transform *transform, const double in[3], double out[3]);
