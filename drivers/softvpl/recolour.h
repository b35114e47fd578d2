/* SPDX-License-Identifier: GPL-2.0-or-later */
/* recolour.h - one image into another of any size and YUV format, with other colours: other primaries or another
 * transfer function than scale.h knows (HDR to SDR, for one). Scaled as it is coded, then converted. One thread owns
 * it; it is made for two descriptions of colours, and takes images of all sizes.
 *
 *     recolour = recolour_create(&(struct recolour_settings){ .from = hdr10, .to = bt709, .peak_nits = 1000 });
 *     recolour_run(recolour, &to, &from);
 *     recolour_destroy(recolour);
 */
#pragma once
#include "drivers/softvpl/colour_transform.h"
#include "drivers/softvpl/image.h"

struct recolour;

struct recolour_settings {
    struct colour_kind from, to; /* known ones (colour_kind_known) */
    double peak_nits;
    int scale_flags; /* SWS_ */
};

struct recolour *recolour_create(const struct recolour_settings *settings); /* give; NULL: no memory */
void recolour_destroy(struct recolour *recolour);                           /* NULL is fine */
bool recolour_run(struct recolour *recolour, const struct image *to, const struct image *from);
