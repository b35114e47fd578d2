/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encoder.h - the ENCODE component: one for all codecs of the table in encode_codec.h. What each of them can is in
 * docs/softvpl.md.
 *
 * A library holds back a fixed number of frames. EncodeFrameAsync answers MFX_ERR_MORE_DATA for exactly so many, and
 * then one sync point per frame, which never depends on a frame that was not submitted yet. The session's worker
 * encodes; it gives the surface back as soon as the library has taken the pixels. A coded frame that does not fit into
 * the bitstream ends its task with MFX_ERR_NOT_ENOUGH_BUFFER and goes into the next bitstream that is given; nothing is
 * lost, only one later.
 *
 * Reset of rate and quality alone goes on in the same sequence where the library can do that (x264); where it cannot,
 * the frames inside are coded to their end, and the next one begins a new sequence.
 *
 * TargetUsage 1..7 is x264's and x265's veryslow, slower, slow, medium, fast, faster, veryfast; softvpl_ext.h names any
 * preset.
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
