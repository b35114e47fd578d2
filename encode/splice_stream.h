/* SPDX-License-Identifier: GPL-2.0-or-later */
/* splice_stream.h - SCTE 35 in a transport stream that is written: its entry in the program map table, and messages as
 * transport packets.
 *
 * The table gets the registration "CUEI" (ANSI/SCTE 35, 8.1) and a stream of type 0x86, and has to stay within one
 * transport packet. Of a message only pts_adjustment (9.6) and the checksum become others: all its times then are those
 * of the stream that is written. That is so for encrypted messages too, whose adjustment is in clear. Pure but for the
 * continuity counter. One thread.
 *
 *     struct splice_stream stream = { .pmt_pid = 480, .pid = 500 };
 *     splice_stream_edit_table(&stream, packets, 2 * 188);
 *     bytes = splice_stream_packets(&stream, section, section_bytes, timeline_90k - source_90k, packets);
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "encode/splice.h"

enum { SPLICE_STREAM_BYTES_MAX = (1 + SPLICE_BYTES_MAX + 183) / 184 * 188 };

struct splice_stream {
    unsigned pmt_pid, pid;
    unsigned continuity; /* of the next packet */
};

/* Rewrites every program map table among whole transport packets. -EINVAL: these are none, or a table is not whole in
 * its packet; -EMSGSIZE: it would not fit any more. */
int splice_stream_edit_table(const struct splice_stream *stream, uint8_t *packets, size_t count);
/* Writes a good section (splice_parse() took it) whose times become so much later; packets: room for
 * SPLICE_STREAM_BYTES_MAX. Returns how many bytes these are; 0: it is too long or too short for a section. */
size_t splice_stream_packets(struct splice_stream *stream, const uint8_t *section, size_t bytes, int64_t shift_90k,
                             uint8_t *packets);
