/* SPDX-License-Identifier: GPL-2.0-or-later */
/* format.c - the table, and the arithmetic of planes. */
#include "drivers/softva/format.h"

#include <drm_fourcc.h>
#include <string.h>

enum { PITCH_ALIGNMENT = 128, HEIGHT_ALIGNMENT = 32 };

static const struct va_format formats[FORMATS] = {
    { { VA_FOURCC_NV12, VA_LSB_FIRST, 12, 0, 0, 0, 0, 0, { 0 } },
      VA_RT_FORMAT_YUV420,
      MFX_FOURCC_NV12,
      DRM_FORMAT_NV12,
      { DRM_FORMAT_R8, DRM_FORMAT_GR88 } },
    { { VA_FOURCC_P010, VA_LSB_FIRST, 24, 0, 0, 0, 0, 0, { 0 } },
      VA_RT_FORMAT_YUV420_10,
      MFX_FOURCC_P010,
      DRM_FORMAT_P010,
      { DRM_FORMAT_R16, DRM_FORMAT_GR1616 } },
    { { VA_FOURCC_YUY2, VA_LSB_FIRST, 16, 0, 0, 0, 0, 0, { 0 } },
      VA_RT_FORMAT_YUV422,
      MFX_FOURCC_YUY2,
      DRM_FORMAT_YUYV,
      { DRM_FORMAT_YUYV, 0 } },
    { { VA_FOURCC_Y210, VA_LSB_FIRST, 32, 0, 0, 0, 0, 0, { 0 } },
      VA_RT_FORMAT_YUV422_10,
      MFX_FOURCC_Y210,
      DRM_FORMAT_Y210,
      { DRM_FORMAT_Y210, 0 } },
    { { VA_FOURCC_BGRA, VA_LSB_FIRST, 32, 32, 0x00ff0000, 0x0000ff00, 0x000000ff, 0xff000000, { 0 } },
      VA_RT_FORMAT_RGB32,
      MFX_FOURCC_RGB4,
      DRM_FORMAT_ARGB8888,
      { DRM_FORMAT_ARGB8888, 0 } },
    { { VA_FOURCC_BGRX, VA_LSB_FIRST, 32, 24, 0x00ff0000, 0x0000ff00, 0x000000ff, 0, { 0 } },
      VA_RT_FORMAT_RGB32,
      MFX_FOURCC_RGB4,
      DRM_FORMAT_XRGB8888,
      { DRM_FORMAT_XRGB8888, 0 } },
};

const struct va_format *format_at(unsigned index)
{
    return index < FORMATS ? &formats[index] : NULL;
}

const struct va_format *format_find(uint32_t fourcc)
{
    for (unsigned i = 0; i < FORMATS; i++)
        if (formats[i].image.fourcc == fourcc)
            return &formats[i];
    return NULL;
}

const struct va_format *format_of_rt(unsigned rt_formats)
{
    for (unsigned i = 0; i < FORMATS; i++)
        if (formats[i].rt_format & rt_formats)
            return &formats[i];
    return NULL;
}

const struct va_format *format_of_drm(uint32_t drm)
{
    for (unsigned i = 0; i < FORMATS; i++)
        if (formats[i].drm == drm)
            return &formats[i];
    return NULL;
}

const struct image_format *format_layout(const struct va_format *format)
{
    return image_format_find(format->layout);
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
