/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vpp.h - the VPP component: crop, deinterlace, convert, scale, letterbox; formats of 8 and 10 bits; colours, HDR and
 * SDR; several inputs into one.
 *
 * The filters (deinterlace, denoise, detail) work on what goes in: 4:2:0 of 8 and 10 bits, and Y210. Frame rates are
 * converted by repeating and leaving out.
 *
 * One frame in, one frame out, except for frame rate conversion (MFX_ERR_MORE_DATA: this one is left out,
 * MFX_ERR_MORE_SURFACE: it is repeated, call again with the same input) and the deinterlacer: it looks one frame ahead
 * (the first call answers MFX_ERR_MORE_DATA) and at double rate gives two frames (MFX_ERR_MORE_SURFACE after the first:
 * call again with the same input). Composition takes one frame of each stream, in their order, and gives one with the
 * last of them (MFX_ERR_MORE_DATA before), which has the time of the first. All pixels are touched on the component's
 * own thread.
 */
#pragma once
#include "drivers/softvpl/compose.h"
#include "drivers/softvpl/recolour.h"
#include "drivers/softvpl/session.h"

mfxStatus vpp_query(mfxSession session, mfxVideoParam *in, mfxVideoParam *out);
mfxStatus vpp_query_surfaces(mfxSession session, mfxVideoParam *par, mfxFrameAllocRequest request[2]);

mfxStatus vpp_create(mfxSession session, mfxVideoParam *par); /* sets session->vpp */
void vpp_destroy(struct vpp_component *vpp);                  /* NULL is fine */
mfxStatus vpp_reset(struct vpp_component *vpp, mfxVideoParam *par);
mfxStatus vpp_get_parameters(struct vpp_component *vpp, mfxVideoParam *par);
mfxStatus vpp_get_statistics(struct vpp_component *vpp, mfxVPPStat *statistics);
mfxStatus vpp_get_surface(struct vpp_component *vpp, bool output, mfxFrameSurface1 **surface);
mfxStatus vpp_run(struct vpp_component *vpp, mfxFrameSurface1 *in, mfxFrameSurface1 *out, mfxExtVppAuxData *auxiliary,
                  mfxSyncPoint *point);
mfxStatus vpp_process(struct vpp_component *vpp, mfxFrameSurface1 *in, mfxFrameSurface1 **out);

/* What the extension buffers ask for (vpp_parameters.c). */
struct vpp_options {
    int scale_flags; /* SWS_ */
    bool deinterlace, double_rate, spatial_only;
    int matrix_in, matrix_out; /* SWS_CS_ of the side that is YUV */
    bool full_range_in, full_range_out;
    /* Other primaries, or another transfer function: MFX_EXTBUFF_VIDEO_SIGNAL_INFO_IN and _OUT. */
    bool recolours;
    struct recolour_settings recolour;
    unsigned denoise, detail; /* 0..100 */
    /* Frame rate conversion: `rate_out` frames for `rate_in`; equal: none. */
    uint64_t rate_in, rate_out;
    struct compose_settings composition;
    bool keep_time_stamps; /* those of the input; repeated frames have none */
};
struct verdict;
void vpp_check(struct verdict *verdict, mfxVideoParam *par, bool complete);
void vpp_read_options(const mfxVideoParam *par, struct vpp_options *options);
/* Each surface says its own crop, and applications leave that of the other side here when sizes differ (onevpl-tools'
 * sample_encode does): one that cannot be becomes the whole picture, and the answer is true. */
bool vpp_crop_is_whole(mfxFrameInfo *info);
/* Of those, what is said of colours (vpp_colours.c). */
void vpp_check_colours(struct verdict *verdict, const mfxVideoParam *par);
void vpp_read_colours(const mfxVideoParam *par, struct vpp_options *options);
