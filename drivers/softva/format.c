/* SPDX-License-Identifier: GPL-2.0-or-later */
/* format.c - the arithmetic of planes. */
#include "drivers/softva/format.h"

#include <string.h>

enum { PITCH_ALIGNMENT = 128, HEIGHT_ALIGNMENT = 32 };

const struct image_format *format_layout(const struct va_format *format)
{
    return image_format_find(format->mfx);
}

static uint32_t row_bytes(const struct image_format *layout, unsigned width)
{
    unsigned even = layout->chroma_x ? (width + 1) & ~1U : width;
    return even * layout->bytes_per_sample;
}

struct placement format_place(const struct va_format *format, unsigned width, unsigned height)
{
    const struct image_format *layout = format_layout(format);
    uint32_t pitch = (row_bytes(layout, width) + PITCH_ALIGNMENT - 1) & ~(PITCH_ALIGNMENT - 1U);
    uint32_t rows = (height + HEIGHT_ALIGNMENT - 1) & ~(HEIGHT_ALIGNMENT - 1U);
    struct placement placement = { .planes = layout->planes, .pitch = { pitch } };

    if (layout->planes > 1) {
        placement.pitch[1] = pitch;
        placement.offset[1] = pitch * rows;
    }
    placement.bytes = image_bytes(layout, pitch, rows);
    return placement;
}

bool format_check(const struct va_format *format, struct placement *placement, unsigned width, unsigned height)
{
    const struct image_format *layout = format_layout(format);
    size_t last = placement->planes - 1, rows = last ? (height + 1U) / 2 : height;

    if (placement->planes != layout->planes || placement->pitch[0] < row_bytes(layout, width) ||
        placement->pitch[0] > INT32_MAX || placement->pitch[0] % layout->bytes_per_sample)
        return false;
    if (last && (placement->pitch[1] != placement->pitch[0] || placement->offset[1] < placement->offset[0] ||
                 (placement->offset[1] - placement->offset[0]) % placement->pitch[0] ||
                 (placement->offset[1] - placement->offset[0]) / placement->pitch[0] < height))
        return false;
    placement->bytes = placement->offset[last] + (size_t)placement->pitch[last] * rows;
    return true;
}

struct image format_image(const struct va_format *format, const struct placement *placement, uint8_t *memory,
                          unsigned width, unsigned height)
{
    struct image image = { .format = format_layout(format), .width = (int)width, .height = (int)height };

    for (unsigned i = 0; i < placement->planes; i++) {
        image.plane[i] = memory + placement->offset[i];
        image.pitch[i] = (int)placement->pitch[i];
    }
    return image;
}
