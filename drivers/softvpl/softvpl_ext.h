/* SPDX-License-Identifier: GPL-2.0-or-later */
/* softvpl_ext.h - the one extension of this runtime to oneVPL: x264's own words for the encoder.
 *
 * Attached to mfxVideoParam for Query and Init of the H.264 encoder. A runtime that does not know it (any hardware)
 * answers MFX_ERR_UNSUPPORTED or MFX_ERR_INVALID_VIDEO_PARAM; the application then leaves it out and says TargetUsage.
 *
 *     struct softvpl_x264 x264 = { .header = { SOFTVPL_EXTBUFF_X264, sizeof x264 }, .preset = "superfast" };
 *     strcpy(x264.options, "aq-mode=2:psy-rd=0.8,0.0");
 *
 * preset and tune: as the x264 command line has them; empty: preset from TargetUsage, no tune. options: key=value pairs
 * as in `x264 --key value` without the dashes, separated by colons, applied after everything the other parameters say,
 * and before the profile. Names and values that x264 does not know are refused by Query and Init. What would change the
 * form of the stream or the meaning of the standard parameters (size, input, output, threads, passes) is refused as
 * well.
 */
#pragma once
#include <vpl/mfxstructures.h>

#define SOFTVPL_EXTBUFF_X264 MFX_MAKEFOURCC('B', 'P', 'X', '4')

struct softvpl_x264 {
    mfxExtBuffer header;
    char preset[16]; /* each ends with a zero byte */
    char tune[40];   /* several may be joined with commas */
    char options[512];
};
