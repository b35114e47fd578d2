/* SPDX-License-Identifier: GPL-2.0-or-later */
/* va_image.c - VAImages: pixels that the application looks at. A derived image is the surface's memory itself. */
#include <libswscale/swscale.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/softva/buffer.h"
#include "drivers/softva/surface.h"
#include "drivers/softvpl/scale.h"

struct va_image {
    struct object object;
    struct driver *driver;
    const struct va_format *format;
    struct placement placement;
    unsigned width, height;
    VABufferID buffer_id;
    struct buffer *buffer; /* held */
};

static void image_free(struct object *object)
{
    struct va_image *image = (struct va_image *)object;

    objects_remove(image->driver->objects, OBJECT_BUFFER, image->buffer_id);
    object_release(&image->buffer->object);
    free(image);
}

static VAStatus query_formats(VADriverContextP context, VAImageFormat *formats, int *count)
{
    (void)context;
    const struct va_format *format;

    for (*count = 0; (format = va_format_at((unsigned)*count)); ++*count)
        formats[*count] = format->image;
    return VA_STATUS_SUCCESS;
}

static void describe(const struct va_image *image, VAImage *out)
{
    memset(out, 0, sizeof *out);
    out->image_id = image->object.id;
    out->format = image->format->image;
    out->buf = image->buffer_id;
    out->width = (uint16_t)image->width;
    out->height = (uint16_t)image->height;
    out->data_size = (uint32_t)image->placement.bytes;
    out->num_planes = image->placement.planes;
    for (unsigned i = 0; i < image->placement.planes; i++) {
        out->pitches[i] = image->placement.pitch[i];
        out->offsets[i] = image->placement.offset[i];
    }
}

/* take: the buffer, which is in the table; the image holds it once more. */
static VAStatus add_image(struct driver *driver, struct va_image *image, struct buffer *buffer, VAImage *out)
{
    image->driver = driver;
    image->buffer = buffer;
    image->buffer_id = buffer->object.id;
    object_hold(&buffer->object);
    if (!objects_add(driver->objects, OBJECT_IMAGE, &image->object, image_free)) {
        image_free(&image->object);
        return VA_STATUS_ERROR_MAX_NUM_EXCEEDED;
    }
    describe(image, out);
    return VA_STATUS_SUCCESS;
}

static VAStatus create_image(VADriverContextP context, VAImageFormat *wanted, int width, int height, VAImage *out)
{
    const struct va_format *format = va_format_find(wanted->fourcc);
    struct driver *driver = driver_of(context);
    VAStatus status;

    out->image_id = out->buf = VA_INVALID_ID;
    if (!format)
        return VA_STATUS_ERROR_INVALID_IMAGE_FORMAT;
    if (width <= 0 || height <= 0 || width > SURFACE_SIZE_MAX || height > SURFACE_SIZE_MAX)
        return VA_STATUS_ERROR_RESOLUTION_NOT_SUPPORTED;
    struct va_image *image = calloc(1, sizeof *image);
    if (!image)
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    image->format = format;
    image->width = (unsigned)width;
    image->height = (unsigned)height;
    image->placement = format_place(format, image->width, image->height);
    struct buffer *buffer = buffer_create(driver, VAImageBufferType, image->placement.bytes, 1, NULL, &status);
    if (!buffer) {
        free(image);
        return status;
    }
    return add_image(driver, image, buffer, out);
}

static VAStatus derive_image(VADriverContextP context, VASurfaceID id, VAImage *out)
{
    struct driver *driver = driver_of(context);
    struct surface *surface = objects_use(driver->objects, OBJECT_SURFACE, id);
    VAStatus status = VA_STATUS_ERROR_ALLOCATION_FAILED;

    out->image_id = out->buf = VA_INVALID_ID;
    if (!surface)
        return VA_STATUS_ERROR_INVALID_SURFACE;
    if ((int)surface->format->image.fourcc == driver->underived) {
        object_release(&surface->object);
        return VA_STATUS_ERROR_OPERATION_FAILED;
    }
    struct va_image *image = calloc(1, sizeof *image);
    struct buffer *buffer = image ? buffer_of_surface(driver, surface, &status) : NULL;
    if (buffer) {
        image->format = surface->format;
        image->width = surface->width;
        image->height = surface->height;
        image->placement = surface->placement;
        status = add_image(driver, image, buffer, out);
    } else {
        free(image);
    }
    object_release(&surface->object);
    return status;
}

static VAStatus destroy_image(VADriverContextP context, VAImageID id)
{
    bool found = objects_remove(driver_of(context)->objects, OBJECT_IMAGE, id);
    return found ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_INVALID_IMAGE;
}

/* ---- copies ----------------------------------------------------------------------------------------------------- */

static bool inside(int x, int y, unsigned width, unsigned height, unsigned total_width, unsigned total_height)
{
    return x >= 0 && y >= 0 && width && height && width <= total_width && height <= total_height &&
           (unsigned)x <= total_width - width && (unsigned)y <= total_height - height;
}

static VAStatus copy(struct driver *driver, const struct image *to, const struct image *from)
{
    struct scale_colours colours = { SWS_CS_DEFAULT, SWS_CS_DEFAULT, false, false };
    struct scaler *scaler = scaler_create(SWS_BICUBIC, &colours);

    if (!scaler)
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    bool done = scaler_run(scaler, to, from);
    scaler_destroy(scaler);
    if (done)
        driver->copied_bytes +=
            image_bytes(to->format, (size_t)to->width * to->format->bytes_per_sample, (size_t)to->height);
    return done ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_INVALID_IMAGE_FORMAT;
}

/* Whole samples of chroma only. */
static bool aligned(const struct va_format *format, int x, int y)
{
    const struct image_format *layout = format_layout(format);
    return (x & ((1 << layout->chroma_x) - 1)) == 0 && (y & ((1 << layout->chroma_y) - 1)) == 0;
}

static struct image pixels_of(const struct va_image *image)
{
    return format_image(image->format, &image->placement, buffer_memory(image->buffer), image->width, image->height);
}

static VAStatus get_image(VADriverContextP context, VASurfaceID surface_id, int x, int y, unsigned width,
                          unsigned height, VAImageID image_id)
{
    struct driver *driver = driver_of(context);
    struct surface *surface = objects_use(driver->objects, OBJECT_SURFACE, surface_id);
    struct va_image *image = objects_use(driver->objects, OBJECT_IMAGE, image_id);
    VAStatus status = !surface ? VA_STATUS_ERROR_INVALID_SURFACE : !image ? VA_STATUS_ERROR_INVALID_IMAGE : 0;

    if (!status && (!inside(x, y, width, height, surface->width, surface->height) ||
                    !inside(0, 0, width, height, image->width, image->height) || !aligned(surface->format, x, y)))
        status = VA_STATUS_ERROR_INVALID_PARAMETER;
    if (!status) {
        struct image from = surface_image(surface), to = pixels_of(image);
        surface_wait(surface, VA_TIMEOUT_INFINITE);
        surface_begin(surface, false);
        from = image_at(&from, x, y, (int)width, (int)height);
        to = image_at(&to, 0, 0, (int)width, (int)height);
        status = copy(driver, &to, &from);
        surface_end(surface, false);
    }
    object_release(surface ? &surface->object : NULL);
    object_release(image ? &image->object : NULL);
    return status;
}

static VAStatus put_image(VADriverContextP context, VASurfaceID surface_id, VAImageID image_id, int from_x, int from_y,
                          unsigned from_width, unsigned from_height, int to_x, int to_y, unsigned to_width,
                          unsigned to_height)
{
    struct driver *driver = driver_of(context);
    struct surface *surface = objects_use(driver->objects, OBJECT_SURFACE, surface_id);
    struct va_image *image = objects_use(driver->objects, OBJECT_IMAGE, image_id);
    VAStatus status = !surface ? VA_STATUS_ERROR_INVALID_SURFACE : !image ? VA_STATUS_ERROR_INVALID_IMAGE : 0;

    if (!status && (!inside(to_x, to_y, to_width, to_height, surface->width, surface->height) ||
                    !inside(from_x, from_y, from_width, from_height, image->width, image->height) ||
                    !aligned(surface->format, to_x, to_y) || !aligned(image->format, from_x, from_y)))
        status = VA_STATUS_ERROR_INVALID_PARAMETER;
    if (!status) {
        struct image to = surface_image(surface), from = pixels_of(image);
        surface_wait(surface, VA_TIMEOUT_INFINITE);
        surface_begin(surface, true);
        to = image_at(&to, to_x, to_y, (int)to_width, (int)to_height);
        from = image_at(&from, from_x, from_y, (int)from_width, (int)from_height);
        status = copy(driver, &to, &from);
        surface_end(surface, true);
    }
    object_release(surface ? &surface->object : NULL);
    object_release(image ? &image->object : NULL);
    return status;
}

/* Between surfaces only; both have to be of one kind and size. */
static VAStatus copy_surface(VADriverContextP context, VACopyObject *to, VACopyObject *from, VACopyOption option)
{
    struct driver *driver = driver_of(context);

    (void)option; /* it is always done when this returns */
    if (to->obj_type != VACopyObjectSurface || from->obj_type != VACopyObjectSurface)
        return VA_STATUS_ERROR_UNIMPLEMENTED;
    struct surface *target = objects_use(driver->objects, OBJECT_SURFACE, to->object.surface_id);
    struct surface *source = objects_use(driver->objects, OBJECT_SURFACE, from->object.surface_id);
    VAStatus status = target && source ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_INVALID_SURFACE;
    if (!status && (target->format != source->format || target->width != source->width ||
                    target->height != source->height || target == source))
        status = VA_STATUS_ERROR_INVALID_PARAMETER;
    if (!status) {
        struct image image_to = surface_image(target), image_from = surface_image(source);
        surface_begin(target, true);
        surface_begin(source, false);
        status = copy(driver, &image_to, &image_from);
        surface_end(source, false);
        surface_end(target, true);
    }
    object_release(target ? &target->object : NULL);
    object_release(source ? &source->object : NULL);
    return status;
}

void va_image_entries(struct VADriverVTable *table)
{
    table->vaQueryImageFormats = query_formats;
    table->vaCreateImage = create_image;
    table->vaDeriveImage = derive_image;
    table->vaDestroyImage = destroy_image;
    table->vaGetImage = get_image;
    table->vaPutImage = put_image;
    table->vaCopy = copy_surface;
}
