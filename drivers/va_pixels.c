/* SPDX-License-Identifier: GPL-2.0-or-later */
/* va_pixels.c - derive, or make an image of the same format and put it. */
#include "drivers/va_pixels.h"

#include <string.h>

#define WAIT_NS UINT64_C(2000000000)

static VAStatus make_image(struct va_pixels *pixels, uint32_t fourcc, unsigned width, unsigned height)
{
    VAStatus status = vaDeriveImage(pixels->va, pixels->surface, &pixels->image);

    pixels->derived = status == VA_STATUS_SUCCESS && pixels->image.format.fourcc == fourcc;
    if (pixels->derived)
        return status;
    if (status == VA_STATUS_SUCCESS)
        vaDestroyImage(pixels->va, pixels->image.image_id);
    VAImageFormat format = { .fourcc = fourcc, .byte_order = VA_LSB_FIRST };
    return vaCreateImage(pixels->va, &format, (int)width, (int)height, &pixels->image);
}

/* Drivers before libva 2.9, and Mesa's of today, cannot be asked for so long: there the kernel's reset ends the wait.
 */
static VAStatus wait_for(VADisplay va, VASurfaceID surface)
{
    VAStatus status = vaSyncSurface2(va, surface, WAIT_NS);
    return status == VA_STATUS_ERROR_UNIMPLEMENTED ? vaSyncSurface(va, surface) : status;
}

VAStatus va_pixels_begin(struct va_pixels *pixels, VADisplay va, VASurfaceID surface, uint32_t fourcc, unsigned width,
                         unsigned height)
{
    void *memory = NULL;

    memset(pixels, 0, sizeof *pixels);
    pixels->va = va;
    pixels->surface = surface;
    VAStatus status = wait_for(va, surface);
    if (status == VA_STATUS_SUCCESS)
        status = make_image(pixels, fourcc, width, height);
    if (status != VA_STATUS_SUCCESS)
        return status;
    status = vaMapBuffer(va, pixels->image.buf, &memory);
    if (status != VA_STATUS_SUCCESS) {
        vaDestroyImage(va, pixels->image.image_id);
        return status;
    }
    pixels->planes = pixels->image.num_planes < VA_PIXELS_PLANES ? pixels->image.num_planes : VA_PIXELS_PLANES;
    pixels->width = pixels->image.width;
    pixels->height = pixels->image.height;
    for (unsigned i = 0; i < pixels->planes; i++) {
        pixels->plane[i] = (uint8_t *)memory + pixels->image.offsets[i];
        pixels->pitch[i] = pixels->image.pitches[i];
    }
    return VA_STATUS_SUCCESS;
}

VAStatus va_pixels_end(struct va_pixels *pixels)
{
    VAStatus status = vaUnmapBuffer(pixels->va, pixels->image.buf);
    const VAImage *image = &pixels->image;

    if (!pixels->derived && status == VA_STATUS_SUCCESS)
        status = vaPutImage(pixels->va, pixels->surface, image->image_id, 0, 0, image->width, image->height, 0, 0,
                            image->width, image->height);
    vaDestroyImage(pixels->va, pixels->image.image_id);
    return status;
}
