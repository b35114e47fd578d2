/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ts_writer.h - MPEG transport stream (ISO/IEC 13818-1), as a container of segments: libavformat's muxer, kept over all
 * segments of one output, with a new memfd under it each time.
 *
 * Every segment starts with PAT, PMT and SDT; its first picture brings its parameter sets even if the encoder left them
 * out. Timestamps are written as they are, modulo 2^33; the PCR runs a little before the decoding times. PIDs are
 * those of the output's settings; continuity counters go on over segments, so that segments laid end to end are one
 * stream. Timed metadata are a stream of their own (type 0x15). What is written while no segment is open is thrown
 * away. SCTE 35 messages are sections on a PID of their own (splice_stream.h). A key picture's place is that of its
 * transport packets, from the first to the last. Segments may be encrypted whole, or in their pictures and sounds
 * (sample_aes.h): then the program map table says so.
 */
#pragma once
#include "encode/segment_writer.h"

/* Where an output's settings have 0. */
enum { TS_PID_PMT = 480, TS_PID_VIDEO = 481, TS_PID_AUDIO = 482, TS_PID_SCTE35 = 500, TS_PID_METADATA = 502 };

extern const struct segment_writer_class ts_writer_class;
