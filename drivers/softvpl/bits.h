/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bits.h - a reader of bits that cannot leave its buffer: past the end it gives zeros and remembers it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bits {
    const uint8_t *data;
    size_t size_bits, position;
    bool overrun;
};

static inline struct bits bits_of(const uint8_t *data, size_t bytes)
{
    return (struct bits){ .data = data, .size_bits = bytes * 8 };
}

static inline uint32_t bits_get(struct bits *bits, unsigned count) /* 0..32 */
{
    uint32_t value = 0;

    if (count > bits->size_bits - bits->position) {
        bits->overrun = true;
        bits->position = bits->size_bits;
        return 0;
    }
    for (unsigned i = 0; i < count; i++, bits->position++)
        value = value << 1 | (bits->data[bits->position >> 3] >> (7 - (bits->position & 7)) & 1);
    return value;
}

static inline void bits_skip(struct bits *bits, size_t count)
{
    if (count > bits->size_bits - bits->position) {
        bits->overrun = true;
        bits->position = bits->size_bits;
        return;
    }
    bits->position += count;
}

static inline uint32_t bits_ue(struct bits *bits) /* Exp-Golomb; 32 bits and more are an overrun */
{
    unsigned zeros = 0;

    while (!bits_get(bits, 1)) {
        if (bits->overrun || ++zeros > 31) {
            bits->overrun = true;
            return 0;
        }
    }
    return ((uint32_t)1 << zeros) - 1 + bits_get(bits, zeros);
}

static inline int32_t bits_se(struct bits *bits)
{
    uint32_t code = bits_ue(bits);
    return code & 1 ? (int32_t)(code / 2 + 1) : -(int32_t)(code / 2);
}
