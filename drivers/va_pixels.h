/* SPDX-License-Identifier: GPL-2.0-or-later */
/* va_pixels.h - the processor's view of a VA-API surface, for the few places that need one: slates, and pictures that
 * were not decoded into video memory.
 *
 * The surface's own memory where the driver lets it be seen (vaDeriveImage), else an image that is put back at the end.
 * What is under way on the surface is waited for, two seconds at most (VA_STATUS_ERROR_TIMEDOUT) where the driver lets
 * that be said. Of surfaces, not of threads: one at a time for each surface.
 *
 *     va_pixels_begin(&pixels, va, surface, VA_FOURCC_NV12, width, height);
 *     memcpy(pixels.plane[0] + y * pixels.pitch[0], row, bytes);
 *     va_pixels_end(&pixels);
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <va/va.h>

enum { VA_PIXELS_PLANES = 3 };

struct va_pixels {
    uint8_t *plane[VA_PIXELS_PLANES];
    unsigned pitch[VA_PIXELS_PLANES];
    unsigned planes, width, height;
    bool derived; /* the surface's own memory */
    /* for va_pixels_end */
    VADisplay va;
    VASurfaceID surface;
    VAImage image;
};

/* fourcc: the surface's. To be written as a whole: where it is not derived, what stood there is not read. */
VAStatus va_pixels_begin(struct va_pixels *pixels, VADisplay va, VASurfaceID surface, uint32_t fourcc, unsigned width,
                         unsigned height);
VAStatus va_pixels_end(struct va_pixels *pixels); /* after a begin that succeeded */
