/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transport_stream.h - is this a whole transport stream: packets, continuity counters, a PAT and a PMT first. Reads
 * bytes from outside; pure. Packets have 188 bytes, or 192 where an arrival time stands in front of each.
 *
 *     if (transport_stream_packet(data, bytes)) transport_stream_look(data, bytes, &media);
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct media;

/* Bytes of a packet, 188 or 192; 0: this is no transport stream. */
unsigned transport_stream_packet(const uint8_t *data, size_t bytes);
/* Adds faults and the counters of each PID with payload. */
void transport_stream_look(const uint8_t *data, size_t bytes, struct media *media);
/* Where the first whole packet begins, in bytes of a longer stream that begin anywhere; `bytes`: nowhere. */
size_t transport_stream_first_packet(const uint8_t *data, size_t bytes, unsigned packet);
