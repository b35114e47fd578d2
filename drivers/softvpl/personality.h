/* SPDX-License-Identifier: GPL-2.0-or-later */
/* personality.h - the runtime may answer Query and Init as hardware would, so that what a box will refuse is refused on
 * the desk.
 *
 * BIPLANE_SOFTVPL_PERSONALITY, read when a session is made, is one of these:
 *
 *     "" or unset   the software's own abilities
 *     "vme"         Intel's platforms with both kinds of encoders (Tiger Lake): sizes in whole macroblocks, no AV1,
 *                   LowPower as asked for
 *                   (HDR of these two is PQ of ten bits that becomes SDR, with mastering metadata)
 *     "vdenc"       those with the fixed function only (DG2, Meteor Lake): LowPower always, no interlaced coding, no
 *                   lookahead of the application's
 *
 * The software is still what codes: bytes, speed and delay are its own. With a personality the extension of
 * softvpl_ext.h is not known, ten bits are at the upper end of samples (Shift), and AsyncDepth is left alone. An
 * unknown name refuses the session.
 */
#pragma once
#include <stdbool.h>

#include "drivers/softvpl/vpl.h"

enum personality { PERSONALITY_SOFTWARE, PERSONALITY_VME, PERSONALITY_VDENC };

struct colour_kind;
struct verdict;

bool personality_read(const char *name, enum personality *personality); /* NULL: software; false: no such name */

/* What it adds to the rules of each component. complete: for Init. */
void personality_check_encode(enum personality personality, struct verdict *verdict, mfxVideoParam *par, bool complete);
void personality_check_frame(enum personality personality, struct verdict *verdict, mfxFrameInfo *info);
void personality_check_colours(enum personality personality, struct verdict *verdict, const mfxVideoParam *par,
                               const struct colour_kind *from, const struct colour_kind *to);
