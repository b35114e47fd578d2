/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fmp4_writer.h - CMAF (ISO/IEC 23000-19): fragmented MP4 of one track, as a container of segments.
 *
 * Every file begins with the header (ftyp, moov), the same bytes each time; behind it a segment: styp, and for each
 * group of pictures moof and mdat. Boxes are written by hand: what stands in them is a function of the packets alone,
 * so twins agree byte for byte, and no edit list shifts anything. Timescale: 90000 for video, the sample rate for
 * audio. Decoding times are the presentation times in ascending order less the encoder's delay, so that durations add
 * up exactly and composition offsets are never negative (with those, libavformat's reader shifts the pictures). The
 * fragment's decoding time (tfdt, 64 bits) is of the channel's timeline. Audio lies on its sample grid.
 *
 * A key picture's place is from its moof to its last byte: what a playlist of key pictures names. Timed metadata become
 * emsg boxes before the moof.
 */
#pragma once
#include "encode/segment_writer.h"

extern const struct segment_writer_class fmp4_writer_class;
