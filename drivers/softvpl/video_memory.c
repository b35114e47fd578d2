/* SPDX-License-Identifier: GPL-2.0-or-later */
/* video_memory.c - a counted mapping. */
#include "drivers/softvpl/video_memory.h"

#include <pthread.h>
#include <stdlib.h>

#include "drivers/va_formats.h"

struct video_memory {
    pthread_mutex_t mutex;
    VASurfaceID surface;
    const struct image_format *format;
    unsigned height, users;
    struct video_view view; /* its image and the pixels: while there are users */
    uint8_t *pixels;
};

/* Never show another stream's frame in what a decoder leaves unwritten. */
static bool blacken(struct video_memory *memory, const mfxFrameInfo *info)
{
    mfxFrameData data = { 0 };
    struct image image;

    if (video_memory_map(memory, &data) != MFX_ERR_NONE)
        return false;
    bool good = image_of(&image, info, &data);
    if (good)
        image_fill_black(&image);
    video_memory_unmap(memory);
    return good;
}

struct video_memory *video_memory_create(VADisplay display, const struct image_format *format, const mfxFrameInfo *info)
{
    const struct va_format *kind = va_format_of_mfx(format->fourcc);
    struct video_memory *memory = kind ? calloc(1, sizeof *memory) : NULL;
    VASurfaceAttrib attribute = { VASurfaceAttribPixelFormat,
                                  VA_SURFACE_ATTRIB_SETTABLE,
                                  { VAGenericValueTypeInteger, { .i = kind ? (int)kind->image.fourcc : 0 } } };

    if (!memory || vaCreateSurfaces(display, kind->rt_format, info->Width, info->Height, &memory->surface, 1,
                                    &attribute, 1) != VA_STATUS_SUCCESS) {
        free(memory);
        return NULL;
    }
    pthread_mutex_init(&memory->mutex, NULL);
    memory->view.display = display;
    memory->format = format;
    memory->height = info->Height;
    if (!blacken(memory, info)) {
        video_memory_destroy(memory);
        return NULL;
    }
    return memory;
}

void video_memory_destroy(struct video_memory *memory)
{
    if (!memory)
        return;
    vaDestroySurfaces(memory->view.display, &memory->surface, 1);
    pthread_mutex_destroy(&memory->mutex);
    free(memory);
}

static mfxStatus view_map(struct video_view *view, VASurfaceID surface, const struct image_format *format,
                          uint8_t **pixels)
{
    void *mapped = NULL;

    if (vaDeriveImage(view->display, surface, &view->image) != VA_STATUS_SUCCESS)
        return MFX_ERR_LOCK_MEMORY;
    if (view->image.format.fourcc == va_format_of_mfx(format->fourcc)->image.fourcc &&
        vaMapBuffer(view->display, view->image.buf, &mapped) == VA_STATUS_SUCCESS) {
        *pixels = mapped;
        return MFX_ERR_NONE;
    }
    vaDestroyImage(view->display, view->image.image_id);
    return MFX_ERR_LOCK_MEMORY;
}

static void place(const VAImage *image, const struct image_format *format, uint8_t *pixels, unsigned height,
                  mfxFrameData *data)
{
    image_place(format, data, pixels + image->offsets[0], image->pitches[0], height);
    if (format->planes == 2) {
        data->UV = pixels + image->offsets[1];
        data->V = data->UV + (format->depth > 8 ? 2 : 1);
    }
}

mfxStatus video_memory_map(struct video_memory *memory, mfxFrameData *data)
{
    mfxStatus status = MFX_ERR_NONE;

    pthread_mutex_lock(&memory->mutex);
    if (!memory->users)
        status = view_map(&memory->view, memory->surface, memory->format, &memory->pixels);
    memory->users += status == MFX_ERR_NONE;
    pthread_mutex_unlock(&memory->mutex);
    if (status == MFX_ERR_NONE)
        place(&memory->view.image, memory->format, memory->pixels, memory->height, data);
    return status;
}

void video_memory_unmap(struct video_memory *memory)
{
    pthread_mutex_lock(&memory->mutex);
    if (--memory->users == 0)
        video_view_close(&memory->view);
    pthread_mutex_unlock(&memory->mutex);
}

VASurfaceID *video_memory_surface(struct video_memory *memory)
{
    return &memory->surface;
}

VADisplay video_memory_display(const struct video_memory *memory)
{
    return memory->view.display;
}

/* ---- the application's surfaces --------------------------------------------------------------------------------- */

/* Lines of a plane that really lie in the image's memory. */
static unsigned lines_of(const VAImage *image, unsigned plane)
{
    unsigned end = plane + 1 < image->num_planes ? image->offsets[plane + 1] : image->data_size;

    return image->pitches[plane] ? (end - image->offsets[plane]) / image->pitches[plane] : 0;
}

static bool has_room(const VAImage *image, const struct image_format *format, const mfxFrameInfo *info)
{
    return image->pitches[0] >= (unsigned)info->Width * format->bytes_per_sample &&
           image->num_planes == format->planes && lines_of(image, 0) >= info->Height &&
           (format->planes == 1 ||
            (lines_of(image, 1) >= (info->Height + 1U) >> format->chroma_y && image->pitches[1] == image->pitches[0]));
}

mfxStatus video_view_open(struct video_view *view, VADisplay display, VASurfaceID surface, const mfxFrameInfo *info,
                          mfxFrameData *data)
{
    const struct image_format *format = image_format_find(info->FourCC);
    uint8_t *pixels = NULL;

    if (!format || !va_format_of_mfx(info->FourCC))
        return MFX_ERR_LOCK_MEMORY;
    view->display = display;
    if (vaSyncSurface(display, surface) != VA_STATUS_SUCCESS ||
        view_map(view, surface, format, &pixels) != MFX_ERR_NONE)
        return MFX_ERR_LOCK_MEMORY;
    if (!has_room(&view->image, format, info)) {
        video_view_close(view);
        return MFX_ERR_LOCK_MEMORY;
    }
    place(&view->image, format, pixels, info->Height, data);
    return MFX_ERR_NONE;
}

void video_view_close(struct video_view *view)
{
    vaUnmapBuffer(view->display, view->image.buf);
    vaDestroyImage(view->display, view->image.image_id);
}
