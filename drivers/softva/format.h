/* SPDX-License-Identifier: GPL-2.0-or-later */
/* format.h - the pixel formats of surfaces and images (va_formats.h), and how their pixels lie (image.h).
 */
#pragma once
#include <stdint.h>

#include "drivers/softva/va.h"
#include "drivers/softvpl/image.h"
#include "drivers/va_formats.h"

enum { FORMAT_PLANES_MAX = VA_FORMAT_PLANES_MAX };

const struct image_format *format_layout(const struct va_format *format); /* static */

/* Where the planes of a frame lie. */
struct placement {
    unsigned planes;
    uint32_t pitch[FORMAT_PLANES_MAX], offset[FORMAT_PLANES_MAX];
    size_t bytes;
};
/* Ours: rows of whole cache lines, rows of whole blocks, as graphics hardware has them. */
struct placement format_place(const struct va_format *format, unsigned width, unsigned height);
/* false: it overlaps itself, or hardware would not take it (one pitch for both planes, the second plane after a whole
 * number of rows). Fills in bytes: what has to be there. */
bool format_check(const struct va_format *format, struct placement *placement, unsigned width, unsigned height);
struct image format_image(const struct va_format *format, const struct placement *placement, uint8_t *memory,
                          unsigned width, unsigned height);
