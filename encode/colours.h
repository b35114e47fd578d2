/* SPDX-License-Identifier: GPL-2.0-or-later */
/* colours.h - what the samples of a picture mean, and what a video makes of them.
 *
 * A video (a rung) decides once, from its setting color_space and the source of that moment, what its stream says; that
 * stays as long as the video runs. Pictures of other colours are converted to it, if the setting wants that: with
 * "auto" those of another dynamic range only (HDR against SDR), with a colour space by name all that differ. Plain
 * values and pure functions.
 *
 *     struct colours source = colours_of(decoder_colour(decoder), decoder_light(decoder));
 *     colour_plan_make(&plan, description, &source, height);
 *     if (colour_plan_converts(&plan, &picture->colours)) ... from picture->colours to plan.out
 */
#pragma once
#include <stdbool.h>
#include <vpl/mfx.h>

#include "encode/light_metadata.h"

struct video_description;

struct colours {
    mfxExtVideoSignalInfo signal; /* without a Header: nothing is said, as of BT.709 */
    struct light_metadata light;
};

struct colour_plan {
    struct colours out; /* of what is encoded */
    bool converts, all; /* pictures of another dynamic range; of any other colours */
};

struct colours colours_of(const mfxExtVideoSignalInfo *signal, const struct light_metadata *light); /* NULL: unknown */
bool colours_said(const struct colours *colours);
bool colours_are_hdr(const struct colours *colours);
const char *colours_name(const struct colours *colours); /* "HDR (PQ)", "HDR (HLG)", "SDR"; static */
bool colours_equal(const struct colours *a, const struct colours *b);

/* height: of the video; with rec_601 it tells which of the two. */
void colour_plan_make(struct colour_plan *plan, const struct video_description *description,
                      const struct colours *source, unsigned height);
/* What cannot be converted stays as it is. */
void colour_plan_keep(struct colour_plan *plan, const struct colours *source);
bool colour_plan_converts(const struct colour_plan *plan, const struct colours *picture);
