/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bit_reader.h - bits of a header, most significant first. Behind the end there are zeros, and `overrun` says so.
 *
 *     struct bit_reader bits = { .bytes = data, .count = bytes };
 *     unsigned profile = bit_reader_get(&bits, 5);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bit_reader {
    const uint8_t *bytes; /* borrow */
    size_t count, at;     /* bytes; bits read */
    bool overrun;
};

static inline uint32_t bit_reader_get(struct bit_reader *bits, unsigned count) /* at most 32 */
{
    uint32_t value = 0;

    for (unsigned i = 0; i < count; i++, bits->at++) {
        bool there = bits->at / 8 < bits->count;
        bits->overrun |= !there;
        value = value << 1 | (there ? bits->bytes[bits->at / 8] >> (7 - bits->at % 8) & 1u : 0);
    }
    return value;
}

/* Exponential Golomb code of H.264 and HEVC; AV1's uvlc is the same. */
static inline uint32_t bit_reader_golomb(struct bit_reader *bits)
{
    unsigned zeros = 0;

    while (zeros < 32 && !bits->overrun && !bit_reader_get(bits, 1))
        zeros++;
    return zeros < 32 ? (UINT32_C(1) << zeros) - 1 + bit_reader_get(bits, zeros) : UINT32_MAX;
}
