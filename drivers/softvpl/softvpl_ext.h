/* SPDX-License-Identifier: GPL-2.0-or-later */
/* softvpl_ext.h - the one extension of this runtime to oneVPL: the coding library's own words for an encoder.
 *
 * Attached to mfxVideoParam for Query and Init of the encoders of H.264 (x264), HEVC (x265) and AV1 (SVT-AV1). A
 * runtime that does not know it (any hardware) answers MFX_ERR_UNSUPPORTED or MFX_ERR_INVALID_VIDEO_PARAM; the
 * application then leaves it out and says TargetUsage.
 *
 *     struct softvpl_words words = { .header = { SOFTVPL_EXTBUFF_WORDS, sizeof words }, .preset = "superfast" };
 *     strcpy(words.options, "aq-mode=2:psy-rd=0.8,0.0");
 *
 * preset and tune: as the library's command line has them (SVT-AV1: numbers); empty: preset from TargetUsage, no tune.
 * options: key=value pairs as in `x264 --key value` without the dashes, separated by colons, applied after everything
 * the other parameters say, and before the profile. Names and values that the library does not know are refused by
 * Query and Init. What would change the form of the stream or the meaning of the standard parameters (size, input,
 * output, threads, passes) is refused as well.
 */
#pragma once
#include <vpl/mfxstructures.h>

#define SOFTVPL_EXTBUFF_WORDS MFX_MAKEFOURCC('B', 'P', 'X', 'W')

struct softvpl_words {
    mfxExtBuffer header;
    char preset[16]; /* each ends with a zero byte */
    char tune[40];   /* several may be joined with commas */
    char options[512];
};
