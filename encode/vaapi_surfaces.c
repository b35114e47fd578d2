/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vaapi_surfaces.c - counting readers, and copying rows. */
#include "encode/vaapi_surfaces.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/va_formats.h"
#include "drivers/va_pixels.h"
#include "encode/picture_convert.h"

struct vaapi_pool {
    VADisplay va;
    struct vaapi_format format;
    unsigned count;
    struct vaapi_pooled pooled[VAAPI_POOL_MAX];
};

struct vaapi_pool *vaapi_pool_create(VADisplay va, const struct vaapi_format *format, unsigned count)
{
    struct vaapi_pool *pool = calloc(1, sizeof *pool);
    VASurfaceID surfaces[VAAPI_POOL_MAX];
    VASurfaceAttrib attribute = { VASurfaceAttribPixelFormat,
                                  VA_SURFACE_ATTRIB_SETTABLE,
                                  { VAGenericValueTypeInteger, { .i = (int)format->fourcc } } };

    if (!pool || count > VAAPI_POOL_MAX ||
        vaCreateSurfaces(va, format->rt_format, format->width, format->height, surfaces, count, &attribute, 1) !=
            VA_STATUS_SUCCESS) {
        free(pool);
        return NULL;
    }
    pool->va = va;
    pool->format = *format;
    pool->count = count;
    for (unsigned i = 0; i < count; i++)
        pool->pooled[i].surface = surfaces[i];
    return pool;
}

void vaapi_pool_destroy(struct vaapi_pool *pool)
{
    if (!pool)
        return;
    for (unsigned i = 0; i < pool->count; i++)
        vaDestroySurfaces(pool->va, &pool->pooled[i].surface, 1);
    free(pool);
}

const struct vaapi_format *vaapi_pool_format(const struct vaapi_pool *pool)
{
    return &pool->format;
}

struct vaapi_pooled *vaapi_pool_get(struct vaapi_pool *pool)
{
    for (unsigned i = 0; i < pool->count; i++)
        if (!pool->pooled[i].readers) {
            pool->pooled[i].readers = 1;
            return &pool->pooled[i];
        }
    return NULL;
}

struct vaapi_input vaapi_input_use(const struct vaapi_input *input)
{
    if (input->own)
        input->own->readers++;
    if (input->copy)
        input->copy->readers++;
    if (input->picture)
        input->picture->FrameInterface->AddRef(input->picture);
    return *input;
}

void vaapi_input_release(struct vaapi_input *input)
{
    if (input->own)
        input->own->readers--;
    if (input->copy)
        input->copy->readers--;
    if (input->picture)
        input->picture->FrameInterface->Release(input->picture);
    *input = (struct vaapi_input){ .surface = VA_INVALID_SURFACE };
}

void vaapi_input_forget_copy(struct vaapi_input *input)
{
    if (input->copy)
        input->copy->readers--;
    input->copy = NULL;
}

/* ---- pictures of others ---- */
VASurfaceID vaapi_surface_of(VADisplay va, mfxFrameSurface1 *picture)
{
    mfxFrameSurfaceInterface *interface = picture->FrameInterface;
    mfxHDL handle = NULL, device = NULL;
    mfxResourceType type;
    mfxHandleType device_type;

    if (interface->GetNativeHandle(picture, &handle, &type) != MFX_ERR_NONE || type != MFX_RESOURCE_VA_SURFACE ||
        interface->GetDeviceHandle(picture, &device, &device_type) != MFX_ERR_NONE ||
        device_type != MFX_HANDLE_VA_DISPLAY || device != va)
        return VA_INVALID_SURFACE;
    return *(const VASurfaceID *)handle; /* it is a pointer to the number */
}

/* Pictures of decoders and of shared frames: never RGB. */
static const struct va_format *kind_of(uint32_t mfx)
{
    const struct va_format *format = va_format_of_mfx(mfx);
    return format && format->rt_format != VA_RT_FORMAT_RGB32 ? format : NULL;
}

static bool keeps(VADisplay va, const struct va_format *kind)
{
    enum { SIDE = 64 };
    VASurfaceAttrib attribute = { VASurfaceAttribPixelFormat,
                                  VA_SURFACE_ATTRIB_SETTABLE,
                                  { VAGenericValueTypeInteger, { .i = (int)kind->image.fourcc } } };
    VASurfaceID surface;
    VAImage image;

    if (vaCreateSurfaces(va, kind->rt_format, SIDE, SIDE, &surface, 1, &attribute, 1) != VA_STATUS_SUCCESS)
        return false;
    bool derived = vaDeriveImage(va, surface, &image) == VA_STATUS_SUCCESS;
    bool kept = derived && image.format.fourcc == kind->image.fourcc;
    if (derived)
        vaDestroyImage(va, image.image_id);
    vaDestroySurfaces(va, &surface, 1);
    return kept;
}

unsigned vaapi_formats_kept(VADisplay va, char *others, size_t bytes)
{
    unsigned kept = 0;
    size_t used = 0;

    others[0] = 0;
    const struct va_format *format;
    for (unsigned i = 0; (format = va_format_at(i)); i++) {
        if (!kind_of(format->mfx))
            continue;
        bool good = keeps(va, format);
        kept += good;
        if (!good && used < bytes)
            used += (size_t)snprintf(others + used, bytes - used, "%s%.4s", used ? ", " : "",
                                     (const char *)&format->image.fourcc);
    }
    return kept;
}

bool vaapi_format_of(const mfxFrameSurface1 *picture, struct vaapi_format *format)
{
    const struct va_format *kind = kind_of(picture->Info.FourCC);

    if (!kind)
        return false;
    *format = (struct vaapi_format){ kind->image.fourcc, kind->rt_format, picture->Info.CropW, picture->Info.CropH };
    return true;
}

static int64_t copy_rows(const struct va_format *kind, const struct va_pixels *pixels,
                         const struct picture_planes *planes, const mfxFrameInfo *info)
{
    int64_t bytes = 0;

    for (unsigned plane = 0; plane < kind->planes && plane < pixels->planes; plane++) {
        size_t row = (size_t)info->CropW * kind->bytes;
        unsigned rows = plane ? info->CropH / 2U : info->CropH;
        for (unsigned y = 0; y < rows; y++)
            memcpy(pixels->plane[plane] + (size_t)y * pixels->pitch[plane],
                   planes->plane[plane] + y * planes->pitch[plane], row);
        bytes += (int64_t)(row * rows);
    }
    return bytes;
}

/* The bytes that were written. */
static int64_t convert(const struct va_pixels *pixels, bool ten, const struct picture_planes *from,
                       const mfxFrameInfo *info)
{
    struct picture_planes to = { .plane = { pixels->plane[0], pixels->plane[1] },
                                 .pitch = { pixels->pitch[0], pixels->pitch[1] },
                                 .ten = ten };

    picture_convert(&to, from, info->CropW, info->CropH);
    return (int64_t)info->CropW * info->CropH * 3 / 2 * (ten ? 2 : 1);
}

/* The visible part of a picture that is mapped. */
static struct picture_planes visible(const struct va_format *kind, const mfxFrameSurface1 *picture)
{
    const mfxFrameInfo *info = &picture->Info;
    size_t pitch = picture->Data.PitchLow + ((size_t)picture->Data.PitchHigh << 16);
    size_t left = (size_t)info->CropX * kind->bytes;
    uint8_t *first = kind->mfx == MFX_FOURCC_Y210 ? (uint8_t *)picture->Data.Y16 : picture->Data.Y;

    return (struct picture_planes){ .plane = { first + info->CropY * pitch + left,
                                               kind->planes > 1 ? picture->Data.UV + info->CropY / 2U * pitch + left
                                                                : NULL },
                                    .pitch = { pitch, pitch },
                                    .ten = kind->mfx == MFX_FOURCC_P010 || kind->mfx == MFX_FOURCC_Y210,
                                    .packed = kind->planes == 1 };
}

int64_t vaapi_copy(VADisplay va, const struct vaapi_format *format, VASurfaceID to, mfxFrameSurface1 *from)
{
    const struct va_format *kind = kind_of(from->Info.FourCC);
    struct va_pixels pixels;

    if (!kind || from->FrameInterface->Map(from, MFX_MAP_READ) != MFX_ERR_NONE)
        return -EIO;
    if (va_pixels_begin(&pixels, va, to, format->fourcc, format->width, format->height) != VA_STATUS_SUCCESS) {
        from->FrameInterface->Unmap(from);
        return -EIO;
    }
    struct picture_planes planes = visible(kind, from);
    int64_t bytes = format->fourcc == kind->image.fourcc
                        ? copy_rows(kind, &pixels, &planes, &from->Info)
                        : convert(&pixels, format->fourcc == VA_FOURCC_P010, &planes, &from->Info);
    VAStatus status = va_pixels_end(&pixels);
    from->FrameInterface->Unmap(from);
    return status == VA_STATUS_SUCCESS ? bytes * (pixels.derived ? 1 : 2) : -EIO;
}
