/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transport_stream.h - is this a whole transport stream: packets, continuity counters, a PAT and a PMT first. Reads
 * bytes from outside; pure.
 *
 *     if (transport_stream_is(data, bytes)) transport_stream_look(data, bytes, &media);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct media;

bool transport_stream_is(const uint8_t *data, size_t bytes);
/* Adds faults and the counters of each PID with payload. */
void transport_stream_look(const uint8_t *data, size_t bytes, struct media *media);
/* Where, near the end of a longer stream's tail, packets are in step: for bytes that begin anywhere. */
size_t transport_stream_first_packet(const uint8_t *data, size_t bytes);
