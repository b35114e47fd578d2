/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vpp_colours.h - the extension buffers by which oneVPL's VPP converts colours, HDR to SDR for one: a description of
 * each side, and how bright HDR10 is. Intel's runtime wants the mastering display with PQ: where nobody knows it, it is
 * one of 1000 cd/m2. A plain value that must not move once filled (it points into itself).
 *
 *     vpp_colours_fill(&colours, &in, &out);
 *     colours.levels.MaxContentLightLevel = 600;            // if that is known
 *     if (!vpp_colours_supported(session, &colours, MFX_FOURCC_P010, MFX_FOURCC_NV12)) ...
 *     parameters.ExtParam = colours.buffers;
 *     parameters.NumExtParam = (mfxU16)colours.count;
 */
#pragma once
#include <stdbool.h>
#include <vpl/mfx.h>

enum { VPP_COLOURS_BT709 = 1, VPP_COLOURS_BT2020 = 9, VPP_COLOURS_PQ = 16, VPP_COLOURS_HLG = 18 }; /* ITU-T H.273 */

struct vpp_colours {
    mfxExtVideoSignalInfo in, out;
    mfxExtMasteringDisplayColourVolume mastering;
    mfxExtContentLightLevelInfo levels;
    mfxExtBuffer *buffers[4];
    unsigned count;
};

void vpp_colours_fill(struct vpp_colours *colours, const mfxExtVideoSignalInfo *in, const mfxExtVideoSignalInfo *out);
/* Asks the runtime. The session has no VPP. */
bool vpp_colours_supported(mfxSession session, struct vpp_colours *colours, mfxU32 fourcc_in, mfxU32 fourcc_out);
