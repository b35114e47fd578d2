/* SPDX-License-Identifier: GPL-2.0-or-later */
/* smooth_writer.h - Smooth Streaming's live ingest format (smooth_boxes.h), as a container of segments.
 *
 * A segment is the stream's header (header_bytes: the same in every segment of both pipelines) and then one fragment of
 * each track: its samples of this segment. A track without samples has none. Where a splice cuts the segment (and the
 * video has a key picture), it is one of each for the time before and for that behind; both have the segment's number.
 * Times are the timeline's, in units of 100 ns, counted from the output's time_origin; sequence numbers are the
 * segment's of the absolute grid. All videos of a group are tracks named "video", so that a publishing point makes one
 * ladder of them; an audio track bears its description's name.
 *
 * What is written while no segment is open is thrown away.
 */
#pragma once
#include "encode/segment_writer.h"

extern const struct segment_writer_class smooth_writer_class;
