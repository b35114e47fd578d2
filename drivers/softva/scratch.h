/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scratch.h - a picture between two steps, in memory that is kept for the next one.
 *
 *     struct scratch scratch = { 0 };
 *     if (!scratch_image(&scratch, format, 640, 360, &image)) ... no memory ...
 *     free(scratch.memory);
 */
#pragma once
#include <stdlib.h>

#include "drivers/softva/format.h"

struct scratch {
    uint8_t *memory;
    size_t bytes;
};

/* What swscale may write beyond a row's end needs room behind the last one. */
enum { SCRATCH_MARGIN = 64 };

static inline bool scratch_room(struct scratch *scratch, size_t bytes)
{
    if (scratch->bytes >= bytes + SCRATCH_MARGIN)
        return true;
    free(scratch->memory);
    size_t whole = (bytes + 2 * SCRATCH_MARGIN - 1) & ~(size_t)(SCRATCH_MARGIN - 1);
    scratch->memory = aligned_alloc(SCRATCH_MARGIN, whole);
    scratch->bytes = scratch->memory ? whole : 0;
    return scratch->memory != NULL;
}

static inline bool scratch_image(struct scratch *scratch, const struct va_format *format, unsigned width,
                                 unsigned height, struct image *image)
{
    struct placement placement = format_place(format, width, height);
    if (!scratch_room(scratch, placement.bytes))
        return false;
    *image = format_image(format, &placement, scratch->memory, width, height);
    return true;
}
