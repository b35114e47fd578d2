/* SPDX-License-Identifier: GPL-2.0-or-later */
/* picture_convert.c - sample by sample, sixteen bits between reading and writing. */
#include "encode/picture_convert.h"

static unsigned sample(const uint8_t *row, bool ten, size_t at)
{
    return ten ? ((const uint16_t *)(const void *)row)[at] : (unsigned)row[at] << 8;
}

static void put(uint8_t *row, bool ten, size_t at, unsigned value)
{
    if (ten)
        ((uint16_t *)(void *)row)[at] = (uint16_t)(value & 0xffc0);
    else
        row[at] = (uint8_t)(value >= 0xff80 ? 0xff : (value + 0x80) >> 8);
}

static void convert_luma(const struct picture_planes *to, const struct picture_planes *from, unsigned width, unsigned y)
{
    uint8_t *out = to->plane[0] + y * to->pitch[0];
    const uint8_t *in = from->plane[0] + y * from->pitch[0];
    unsigned step = from->packed ? 2 : 1;

    for (size_t x = 0; x < width; x++)
        put(out, to->ten, x, sample(in, from->ten, x * step));
}

/* y: in rows of 4:2:0's chroma. */
static void convert_chroma(const struct picture_planes *to, const struct picture_planes *from, unsigned width,
                           unsigned y)
{
    uint8_t *out = to->plane[1] + y * to->pitch[1];

    if (!from->packed) {
        const uint8_t *in = from->plane[1] + y * from->pitch[1];
        for (size_t i = 0; i < width / 2 * 2; i++)
            put(out, to->ten, i, sample(in, from->ten, i));
        return;
    }
    const uint8_t *above = from->plane[0] + 2 * (size_t)y * from->pitch[0], *below = above + from->pitch[0];
    for (size_t i = 0; i < width / 2 * 2; i++)
        put(out, to->ten, i, (sample(above, from->ten, 2 * i + 1) + sample(below, from->ten, 2 * i + 1) + 1) / 2);
}

void picture_convert(const struct picture_planes *to, const struct picture_planes *from, unsigned width,
                     unsigned height)
{
    for (unsigned y = 0; y < height; y++)
        convert_luma(to, from, width, y);
    for (unsigned y = 0; y < height / 2; y++)
        convert_chroma(to, from, width, y);
}
