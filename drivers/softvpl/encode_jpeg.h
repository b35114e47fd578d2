/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encode_jpeg.h - the ENCODE component for single pictures: baseline JPEG by libavcodec's mjpeg, NV12 in system memory.
 *
 * Nothing is held back: every surface gets its sync point at once, and the session's worker codes it. Levels of video
 * (16..235) become those of JPEG (0..255). Quality 1..100 is mjpeg's scale 31..2. Calls as in encode_h264.h.
 */
#pragma once
#include "drivers/softvpl/session.h"

struct jpeg_component;

mfxStatus jpeg_query(mfxSession session, mfxVideoParam *in, mfxVideoParam *out);

mfxStatus jpeg_create(mfxSession session, mfxVideoParam *par); /* sets session->jpeg */
void jpeg_destroy(struct jpeg_component *jpeg);                /* NULL is fine */
mfxStatus jpeg_get_parameters(struct jpeg_component *jpeg, mfxVideoParam *par);
mfxStatus jpeg_get_statistics(struct jpeg_component *jpeg, mfxEncodeStat *statistics);
mfxStatus jpeg_get_surface(struct jpeg_component *jpeg, mfxFrameSurface1 **surface);
mfxStatus jpeg_encode(struct jpeg_component *jpeg, mfxFrameSurface1 *surface, mfxBitstream *bitstream,
                      mfxSyncPoint *point);
