/* SPDX-License-Identifier: GPL-2.0-or-later */
/* format.h - the pixel formats of surfaces and images: VA-API's FourCC, DRM's, and how the pixels lie (image.h).
 */
#pragma once
#include <stdint.h>

#include "drivers/softva/va.h"
#include "drivers/softvpl/image.h"

enum { FORMATS = 6, FORMAT_PLANES_MAX = 2 };

struct va_format {
    VAImageFormat image;
    unsigned rt_format;                     /* VA_RT_FORMAT_ */
    uint32_t layout;                        /* image.h's FourCC */
    uint32_t drm;                           /* the whole, DRM_FORMAT_ */
    uint32_t drm_planes[FORMAT_PLANES_MAX]; /* each plane as a picture of its own */
};

const struct va_format *format_at(unsigned index);         /* NULL: no more */
const struct va_format *format_find(uint32_t fourcc);      /* NULL: not known */
const struct va_format *format_of_rt(unsigned rt_formats); /* what a surface has that names only its kind; or NULL */
const struct va_format *format_of_drm(uint32_t drm);       /* NULL: not known */
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
