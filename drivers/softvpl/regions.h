/* SPDX-License-Identifier: GPL-2.0-or-later */
/* regions.h - parts of a picture whose quantiser differs from the rest: mfxExtEncoderROI and mfxExtMBQP, as what
 * libraries take: one offset for each block of 16x16 pixels.
 *
 * Libraries add the offsets to what their rate control decides, so constant quantisers have none, and neither mode of
 * absolute quantisers is there. Rectangles grow to whole blocks of the codec; where they overlap the first one counts.
 *
 *     encode_regions_make(&regions, &settings, roi, NULL);   // give: free()
 *     regions->offset[row * regions->columns + column]
 */
#pragma once
#include "drivers/softvpl/vpl.h"

struct encode_settings;
struct verdict;

enum { ENCODE_REGION_BLOCK = 16 };

struct encode_regions {
    unsigned columns, rows; /* of blocks; interlaced H.264: rows of the fields by turns, as x264 wants them */
    float offset[];
};

/* The rules for what is attached to Query and Init. */
void encode_regions_check(struct verdict *verdict, mfxVideoParam *par, unsigned block);

/* Either may be NULL. MFX_ERR_INVALID_VIDEO_PARAM: a rectangle or a map that cannot be; MFX_ERR_UNSUPPORTED: a mode
 * that is not there. *regions is NULL when nothing differs. */
mfxStatus encode_regions_make(struct encode_regions **regions, const struct encode_settings *settings,
                              const mfxExtEncoderROI *roi, const mfxExtMBQP *map);
