/* SPDX-License-Identifier: GPL-2.0-or-later */
/* image.h - how the pixels of a surface lie: oneVPL's FourCC in terms of planes, and in libav's terms.
 *
 * One table holds every format that the runtime knows; what a component accepts is its own matter. Planes are in
 * libav's order (Y, U, V; Y, UV; packed), whatever order the surface's pointers have.
 */
#pragma once
#include <libavutil/pixfmt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/softvpl/vpl.h"

struct image_format {
    uint32_t fourcc;
    enum AVPixelFormat pixel_format;
    uint16_t chroma_format;     /* MFX_CHROMAFORMAT_ */
    uint8_t planes;             /* 1..3 */
    uint8_t bytes_per_sample;   /* of the first plane, per pixel */
    uint8_t chroma_x, chroma_y; /* log2 of the subsampling */
    uint8_t depth;              /* bits of a sample; above 8 in 16 bits, at their upper end */
    bool swapped;               /* V lies before U in memory */
};

struct image {
    const struct image_format *format;
    uint8_t *plane[4];
    int pitch[4];
    int width, height; /* what the planes hold in pixels */
};

const struct image_format *image_format_find(uint32_t fourcc); /* NULL: not known */

/* What filters work on: the planes of NV12, I420, YV12, P010 and Y210, samples of ten bits at the lower end. NULL: no
 * filter takes the format. It is no format of surfaces, and found by no FourCC. */
const struct image_format *image_planar_form(const struct image_format *format);

/* Bytes of a frame with this pitch and height. */
size_t image_bytes(const struct image_format *format, size_t pitch, size_t height);

/* Sets the pointers of the surface to one block of memory. */
void image_place(const struct image_format *format, mfxFrameData *data, uint8_t *memory, uint32_t pitch,
                 uint32_t height);

/* The planes of a surface whose pointers are set; false when a pointer or the pitch cannot be right. */
bool image_of(struct image *image, const mfxFrameInfo *info, const mfxFrameData *data);

/* The same image, from pixel x, y on; x and y have to suit the subsampling. */
struct image image_at(const struct image *image, int x, int y, int width, int height);

void image_fill_black(const struct image *image);
void image_copy(const struct image *to, const struct image *from); /* same format and size */

/* Planar 4:2:0 to NV12 and back: only the chroma changes its form. */
void image_planar_to_nv12(const struct image *nv12, const uint8_t *const plane[3], const int pitch[3], int width,
                          int height);
/* Two planes of chroma into NV12's one, over its whole size. */
void image_interleave(const struct image *nv12, uint8_t *const chroma[2], const int pitch[2]);
void image_nv12_to_planar(uint8_t *const plane[3], const int pitch[3], const struct image *nv12, int width, int height);

/* Into planes of image_planar_form(), which lie at `to`. */
void image_to_planar(const struct image *to, const struct image *from);

/* What planar libraries take: two planes of chroma, and one of luma, if plane[0] is not NULL or the format is packed.
 * Samples of ten bits are moved down by `shift`; pitches are in bytes. NV12, P010, Y210. */
void image_separate(uint8_t *const plane[3], const int pitch[3], const struct image *from, unsigned shift);

/* The way back: planes of samples at the lower end, to NV12, P010, YUY2 and Y210. Ten bits go to the upper end. */
void image_join(const struct image *to, const uint8_t *const plane[3], const int pitch[3]);
