/* SPDX-License-Identifier: GPL-2.0-or-later */
/* video_memory.c - a counted mapping. */
#include "drivers/softvpl/video_memory.h"

#include <pthread.h>
#include <stdlib.h>

#include "drivers/va_formats.h"

struct video_memory {
    pthread_mutex_t mutex;
    VADisplay display;
    VASurfaceID surface;
    const struct image_format *format;
    unsigned height, users;
    VAImage image;
    uint8_t *pixels; /* while there are users */
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
    memory->display = display;
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
    vaDestroySurfaces(memory->display, &memory->surface, 1);
    pthread_mutex_destroy(&memory->mutex);
    free(memory);
}

static bool open_mapping(struct video_memory *memory)
{
    void *pixels = NULL;

    if (vaDeriveImage(memory->display, memory->surface, &memory->image) != VA_STATUS_SUCCESS)
        return false;
    if (memory->image.format.fourcc == va_format_of_mfx(memory->format->fourcc)->image.fourcc &&
        vaMapBuffer(memory->display, memory->image.buf, &pixels) == VA_STATUS_SUCCESS) {
        memory->pixels = pixels;
        return true;
    }
    vaDestroyImage(memory->display, memory->image.image_id);
    return false;
}

mfxStatus video_memory_map(struct video_memory *memory, mfxFrameData *data)
{
    const VAImage *image = &memory->image;

    pthread_mutex_lock(&memory->mutex);
    bool good = memory->users || open_mapping(memory);
    memory->users += good;
    pthread_mutex_unlock(&memory->mutex);
    if (!good)
        return MFX_ERR_LOCK_MEMORY;
    image_place(memory->format, data, memory->pixels + image->offsets[0], image->pitches[0], memory->height);
    if (memory->format->planes == 2) {
        data->UV = memory->pixels + image->offsets[1];
        data->V = data->UV + (memory->format->depth > 8 ? 2 : 1);
    }
    return MFX_ERR_NONE;
}

void video_memory_unmap(struct video_memory *memory)
{
    pthread_mutex_lock(&memory->mutex);
    if (--memory->users == 0) {
        vaUnmapBuffer(memory->display, memory->image.buf);
        vaDestroyImage(memory->display, memory->image.image_id);
    }
    pthread_mutex_unlock(&memory->mutex);
}

VASurfaceID *video_memory_surface(struct video_memory *memory)
{
    return &memory->surface;
}

VADisplay video_memory_display(const struct video_memory *memory)
{
    return memory->display;
}
