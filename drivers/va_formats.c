/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/va_formats.h"

#include <drm_fourcc.h>
#include <stddef.h>
#include <vpl/mfx.h>

static const struct va_format formats[VA_FORMATS] = {
    { { VA_FOURCC_NV12, VA_LSB_FIRST, 12, 0, 0, 0, 0, 0, { 0 } },
      VA_RT_FORMAT_YUV420,
      MFX_FOURCC_NV12,
      DRM_FORMAT_NV12,
      { DRM_FORMAT_R8, DRM_FORMAT_GR88 },
      2,
      1 },
    { { VA_FOURCC_P010, VA_LSB_FIRST, 24, 0, 0, 0, 0, 0, { 0 } },
      VA_RT_FORMAT_YUV420_10,
      MFX_FOURCC_P010,
      DRM_FORMAT_P010,
      { DRM_FORMAT_R16, DRM_FORMAT_GR1616 },
      2,
      2 },
    { { VA_FOURCC_YUY2, VA_LSB_FIRST, 16, 0, 0, 0, 0, 0, { 0 } },
      VA_RT_FORMAT_YUV422,
      MFX_FOURCC_YUY2,
      DRM_FORMAT_YUYV,
      { DRM_FORMAT_YUYV, 0 },
      1,
      2 },
    { { VA_FOURCC_Y210, VA_LSB_FIRST, 32, 0, 0, 0, 0, 0, { 0 } },
      VA_RT_FORMAT_YUV422_10,
      MFX_FOURCC_Y210,
      DRM_FORMAT_Y210,
      { DRM_FORMAT_Y210, 0 },
      1,
      4 },
    { { VA_FOURCC_BGRA, VA_LSB_FIRST, 32, 32, 0x00ff0000, 0x0000ff00, 0x000000ff, 0xff000000, { 0 } },
      VA_RT_FORMAT_RGB32,
      MFX_FOURCC_RGB4,
      DRM_FORMAT_ARGB8888,
      { DRM_FORMAT_ARGB8888, 0 },
      1,
      4 },
    { { VA_FOURCC_BGRX, VA_LSB_FIRST, 32, 24, 0x00ff0000, 0x0000ff00, 0x000000ff, 0, { 0 } },
      VA_RT_FORMAT_RGB32,
      MFX_FOURCC_RGB4,
      DRM_FORMAT_XRGB8888,
      { DRM_FORMAT_XRGB8888, 0 },
      1,
      4 },
};

const struct va_format *va_format_at(unsigned index)
{
    return index < VA_FORMATS ? &formats[index] : NULL;
}

const struct va_format *va_format_find(uint32_t fourcc)
{
    for (unsigned i = 0; i < VA_FORMATS; i++)
        if (formats[i].image.fourcc == fourcc)
            return &formats[i];
    return NULL;
}

const struct va_format *va_format_of_mfx(uint32_t mfx)
{
    for (unsigned i = 0; i < VA_FORMATS; i++)
        if (formats[i].mfx == mfx)
            return &formats[i];
    return NULL;
}

const struct va_format *va_format_of_rt(unsigned rt_formats)
{
    for (unsigned i = 0; i < VA_FORMATS; i++)
        if (formats[i].rt_format & rt_formats)
            return &formats[i];
    return NULL;
}

const struct va_format *va_format_of_drm(uint32_t drm)
{
    for (unsigned i = 0; i < VA_FORMATS; i++)
        if (formats[i].drm == drm)
            return &formats[i];
    return NULL;
}
