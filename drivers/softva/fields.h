/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fields.h - one progressive picture from an interlaced one and its neighbours, in 4:2:0 of eight bits.
 *
 * Every call stands alone: the filter is made anew, fed, and drained. That costs a fraction of the filter's own work,
 * and a picture never depends on which pictures were asked for before.
 */
#pragma once
#include <libavutil/frame.h>

#include "drivers/softvpl/image.h"

struct fields {
    const struct image *before, *now, *after; /* NV12 or I420, of one size; NULL: there is none */
    bool top_first;
    bool second;       /* the picture of the second field's time */
    bool spatial_only; /* BOB: `now` alone is looked at */
};

AVFrame *fields_weave(const struct fields *fields); /* give: planar 4:2:0; NULL: no memory */
