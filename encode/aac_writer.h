/* SPDX-License-Identifier: GPL-2.0-or-later */
/* aac_writer.h - packed audio (RFC 8216, 3.4), as a container of segments: an ID3 tag with the timestamp of the first
 * sample, then AAC frames with ADTS headers. */
#pragma once
#include "encode/segment_writer.h"

extern const struct segment_writer_class aac_writer_class;
