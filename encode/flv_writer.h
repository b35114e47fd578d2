/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flv_writer.h - FLV, as a container of short pieces for RTMP: one H.264 video, at most one AAC audio.
 *
 * Every piece begins with the same header: the file's, onMetaData, and the sequence headers of video and audio, all at
 * time 0. What follows are tags of encoded pictures and frames in decoding order, which continue the piece before: laid
 * end to end without their headers, pieces are one stream. A piece need not begin with a key picture. Timestamps are
 * the timeline's in milliseconds, modulo 2^32, and the same in both pipelines; rounding never adds up. Parameter sets
 * and access unit delimiters within the stream are left out, they stand in the header.
 */
#pragma once
#include "encode/segment_writer.h"

enum {
    FLV_HEADER_BYTES = 13, /* of the file, with the size of the tag before the first: 0 */
    FLV_TAG_HEADER_BYTES = 11,
    FLV_TAG_END_BYTES = 4, /* behind each tag: its size */
};

enum flv_tag_type { FLV_TAG_AUDIO = 8, FLV_TAG_VIDEO = 9, FLV_TAG_SCRIPT = 18 };

extern const struct segment_writer_class flv_writer_class;
