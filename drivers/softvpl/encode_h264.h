/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encode_h264.h - the ENCODE component: H.264 by x264's own interface, NV12 in system memory.
 *
 * x264 holds back a fixed number of frames. EncodeFrameAsync answers MFX_ERR_MORE_DATA for exactly so many, and then
 * one sync point per frame, which never depends on a frame that was not submitted yet. The component's own thread
 * encodes; it gives the surface back as soon as x264 has taken the pixels (x264's copy into its padded frame is the
 * only one). A coded frame that does not fit into the bitstream ends its task with MFX_ERR_NOT_ENOUGH_BUFFER and goes
 * into the next bitstream that is given; nothing is lost, only one later.
 *
 * TargetUsage 1..7 is x264's veryslow, slower, slow, medium, fast, faster, veryfast; softvpl_ext.h names any preset.
 */
#pragma once
#include "drivers/softvpl/session.h"

mfxStatus encode_query(mfxSession session, mfxVideoParam *in, mfxVideoParam *out);
mfxStatus encode_query_surfaces(mfxSession session, mfxVideoParam *par, mfxFrameAllocRequest *request);

mfxStatus encoder_create(mfxSession session, mfxVideoParam *par); /* sets session->encoder */
void encoder_destroy(struct encode_component *encoder);           /* NULL is fine */
mfxStatus encoder_reset(struct encode_component *encoder, mfxVideoParam *par);
mfxStatus encoder_get_parameters(struct encode_component *encoder, mfxVideoParam *par);
mfxStatus encoder_get_statistics(struct encode_component *encoder, mfxEncodeStat *statistics);
mfxStatus encoder_get_surface(struct encode_component *encoder, mfxFrameSurface1 **surface);
mfxStatus encoder_encode(struct encode_component *encoder, mfxEncodeCtrl *control, mfxFrameSurface1 *surface,
                         mfxBitstream *bitstream, mfxSyncPoint *point);
