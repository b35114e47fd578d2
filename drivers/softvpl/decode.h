/* SPDX-License-Identifier: GPL-2.0-or-later */
/* decode.h - the DECODE component: H.264, HEVC, MPEG-2, AV1 and JPEG, 4:2:0 and 4:2:2 of 8 and 10 bits, to NV12, P010,
 * YUY2 and Y210.
 *
 * An access unit is decoded in the call that brings it, because only decoding tells whether a frame comes out of it,
 * and the answer of the call depends on that. Writing the frame into the surface (libav's planes become NV12, the only
 * copy) is the asynchronous task behind the sync point, done by the component's own thread. Bytes of a unit that is not
 * complete yet stay in the application's bitstream; only when that is full are they taken over.
 */
#pragma once
#include "drivers/softvpl/session.h"

mfxStatus decode_header(mfxSession session, mfxBitstream *bitstream, mfxVideoParam *par);
mfxStatus decode_query(mfxSession session, mfxVideoParam *in, mfxVideoParam *out);
mfxStatus decode_query_surfaces(mfxSession session, mfxVideoParam *par, mfxFrameAllocRequest *request);

mfxStatus decoder_create(mfxSession session, mfxVideoParam *par); /* sets session->decoder */
void decoder_destroy(struct decode_component *decoder);           /* NULL is fine */
mfxStatus decoder_reset(struct decode_component *decoder, mfxVideoParam *par);
mfxStatus decoder_get_parameters(struct decode_component *decoder, mfxVideoParam *par);
mfxStatus decoder_get_statistics(struct decode_component *decoder, mfxDecodeStat *statistics);
mfxStatus decoder_set_skip_mode(struct decode_component *decoder, mfxSkipMode mode);
mfxStatus decoder_get_payload(struct decode_component *decoder, mfxU64 *time_stamp, mfxPayload *payload);
mfxStatus decoder_get_surface(struct decode_component *decoder, mfxFrameSurface1 **surface);
mfxStatus decoder_decode(struct decode_component *decoder, mfxBitstream *bitstream, mfxFrameSurface1 *work,
                         mfxFrameSurface1 **out, mfxSyncPoint *point);

/* Parameters (decode_parameters.c). check: as Init sees them; zeroes what cannot be had. */
struct verdict;
void decode_check(struct verdict *verdict, mfxVideoParam *par, bool complete);
unsigned decode_surfaces_needed(const mfxVideoParam *par);
