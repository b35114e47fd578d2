/* SPDX-License-Identifier: GPL-2.0-or-later */
/* access_unit.h - cuts an elementary stream (Annex B, MPEG-2 start codes, AV1 units, JPEG pictures) into what a
 * decoder takes at once.
 *
 * Nothing is copied and nothing is kept: the caller shows the bytes it has, and learns where the first access unit lies
 * in them, or that its end is not there yet. An H.264 field is a unit of its own, the two fields of an MPEG-2 frame are
 * one. With `complete` the bytes end where a unit ends.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/softvpl/sequence.h"

struct access_unit {
    size_t start, end;               /* bytes before start belong to no unit */
    bool has_sequence;               /* `sequence` was read from a sequence header of this unit */
    bool bad_sequence;               /* there is one, and it cannot be read */
    bool intra;                      /* holds an H.264 IDR or HEVC IRAP picture, or an MPEG-2 sequence header */
    size_t header_start, header_end; /* the sequence header with its start code, when has_sequence */
    struct sequence sequence;
};

/* false: no complete unit; start says how many bytes in front can be thrown away. */
bool access_unit_find(struct access_unit *unit, uint32_t codec, const uint8_t *data, size_t bytes, bool complete);

/* The first 00 00 01 at or after `from`, or `bytes`. */
size_t start_code_find(const uint8_t *data, size_t bytes, size_t from);
