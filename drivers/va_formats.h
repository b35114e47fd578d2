/* SPDX-License-Identifier: GPL-2.0-or-later */
/* va_formats.h - the pixel formats of pictures, by all their names: VA-API's, oneVPL's and DRM's. One table for
 * everybody who brings pictures from one of them to another.
 *
 *     const struct va_format *format = va_format_of_mfx(info->FourCC);
 *     if (!format) return -ENOTSUP;
 *     vaCreateSurfaces(va, format->rt_format, ...);
 */
#pragma once
#include <stdint.h>
#include <va/va.h>

enum { VA_FORMATS = 6, VA_FORMAT_PLANES_MAX = 2 };

struct va_format {
    VAImageFormat image;                       /* image.fourcc: VA_FOURCC_ */
    unsigned rt_format;                        /* VA_RT_FORMAT_ */
    uint32_t mfx;                              /* MFX_FOURCC_ */
    uint32_t drm;                              /* the whole, DRM_FORMAT_ */
    uint32_t drm_planes[VA_FORMAT_PLANES_MAX]; /* each plane as a picture of its own */
    unsigned planes, bytes;                    /* bytes: of a pixel in the first plane */
};

const struct va_format *va_format_at(unsigned index);         /* NULL: no more */
const struct va_format *va_format_find(uint32_t fourcc);      /* by VA-API's; NULL: not known */
const struct va_format *va_format_of_mfx(uint32_t mfx);       /* NULL: not known */
const struct va_format *va_format_of_rt(unsigned rt_formats); /* what a surface has that names only its kind; or NULL */
const struct va_format *va_format_of_drm(uint32_t drm);       /* NULL: not known */
