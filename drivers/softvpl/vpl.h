/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vpl.h - the oneVPL headers as this runtime sees them: without deprecation marks, since a runtime has to implement
 * what applications may no longer call. */
#pragma once
#define MFX_DEPRECATED_OFF
#include <vpl/mfx.h>
#include <vpl/mfximplcaps.h>

/* mfxExtMultiFrameParam of API 1.25 to 1.35: frames of several sessions coded together. Applications of that time
 * attach it to leave that to the runtime. */
enum { VPL1_EXTBUFF_MULTI_FRAME_PARAM = MFX_MAKEFOURCC('M', 'F', 'R', 'P') };
enum { VPL1_MULTI_FRAME_DISABLED = 1, VPL1_MULTI_FRAME_AUTO = 2 };
struct vpl1_multi_frame {
    mfxExtBuffer header;
    mfxU16 mode, frames_max, reserved[58];
};
_Static_assert(sizeof(struct vpl1_multi_frame) == 128, "the application's layout");
