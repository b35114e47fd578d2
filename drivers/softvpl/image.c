/* SPDX-License-Identifier: GPL-2.0-or-later */
/* image.c - plane arithmetic. The two chroma loops are written so that the compiler vectorises them. */
#include "drivers/softvpl/image.h"

#include <string.h>

enum { SHIFT_UP = 6 }; /* ten bits to the upper end of sixteen */

static const struct image_format formats[] = {
    { MFX_FOURCC_NV12, AV_PIX_FMT_NV12, MFX_CHROMAFORMAT_YUV420, 2, 1, 1, 1, 8, false },
    { MFX_FOURCC_P010, AV_PIX_FMT_P010LE, MFX_CHROMAFORMAT_YUV420, 2, 2, 1, 1, 10, false },
    { MFX_FOURCC_IYUV, AV_PIX_FMT_YUV420P, MFX_CHROMAFORMAT_YUV420, 3, 1, 1, 1, 8, false },
    { MFX_FOURCC_YV12, AV_PIX_FMT_YUV420P, MFX_CHROMAFORMAT_YUV420, 3, 1, 1, 1, 8, true },
    { MFX_FOURCC_YUY2, AV_PIX_FMT_YUYV422, MFX_CHROMAFORMAT_YUV422, 1, 2, 1, 0, 8, false },
    { MFX_FOURCC_UYVY, AV_PIX_FMT_UYVY422, MFX_CHROMAFORMAT_YUV422, 1, 2, 1, 0, 8, false },
    { MFX_FOURCC_Y210, AV_PIX_FMT_Y210LE, MFX_CHROMAFORMAT_YUV422, 1, 4, 1, 0, 10, false },
    { MFX_FOURCC_RGB4, AV_PIX_FMT_BGRA, MFX_CHROMAFORMAT_YUV444, 1, 4, 0, 0, 8, false },
    { MFX_FOURCC_BGR4, AV_PIX_FMT_RGBA, MFX_CHROMAFORMAT_YUV444, 1, 4, 0, 0, 8, false },
};

const struct image_format *image_format_find(uint32_t fourcc)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (formats[i].fourcc == fourcc)
            return &formats[i];
    return NULL;
}

static const struct image_format planar_forms[] = {
    { 0, AV_PIX_FMT_YUV420P, MFX_CHROMAFORMAT_YUV420, 3, 1, 1, 1, 8, false },
    { 0, AV_PIX_FMT_YUV420P10LE, MFX_CHROMAFORMAT_YUV420, 3, 2, 1, 1, 10, false },
    { 0, AV_PIX_FMT_YUV422P10LE, MFX_CHROMAFORMAT_YUV422, 3, 2, 1, 0, 10, false },
};

const struct image_format *image_planar_form(const struct image_format *format)
{
    switch (format->pixel_format) {
    case AV_PIX_FMT_NV12:
    case AV_PIX_FMT_YUV420P:
        return &planar_forms[0];
    case AV_PIX_FMT_P010LE:
    case AV_PIX_FMT_YUV420P10LE:
        return &planar_forms[1];
    case AV_PIX_FMT_Y210LE:
    case AV_PIX_FMT_YUV422P10LE:
        return &planar_forms[2];
    default:
        return NULL;
    }
}

size_t image_bytes(const struct image_format *format, size_t pitch, size_t height)
{
    if (format->planes == 1)
        return pitch * height;
    return pitch * height + 2 * (pitch / 2) * (height / 2);
}

void image_place(const struct image_format *format, mfxFrameData *data, uint8_t *memory, uint32_t pitch,
                 uint32_t height)
{
    data->PitchHigh = (mfxU16)(pitch >> 16);
    data->PitchLow = (mfxU16)(pitch & 0xffff);
    uint8_t *chroma = memory + (size_t)pitch * height;
    uint8_t *chroma2 = chroma + (size_t)(pitch / 2) * (height / 2);
    data->Y = memory;
    switch (format->fourcc) {
    case MFX_FOURCC_NV12:
        data->UV = chroma;
        data->V = chroma + 1;
        break;
    case MFX_FOURCC_P010:
        data->UV = chroma;
        data->V = chroma + 2;
        break;
    case MFX_FOURCC_IYUV:
        data->U = chroma;
        data->V = chroma2;
        break;
    case MFX_FOURCC_YV12:
        data->V = chroma;
        data->U = chroma2;
        break;
    case MFX_FOURCC_YUY2:
        data->U = memory + 1;
        data->V = memory + 3;
        break;
    case MFX_FOURCC_Y210:
        data->U = memory + 2;
        data->V = memory + 6;
        break;
    case MFX_FOURCC_UYVY:
        data->U = memory;
        data->Y = memory + 1;
        data->V = memory + 2;
        break;
    case MFX_FOURCC_RGB4:
        data->B = memory;
        data->G = memory + 1;
        data->R = memory + 2;
        data->A = memory + 3;
        break;
    default: /* MFX_FOURCC_BGR4 */
        data->R = memory;
        data->G = memory + 1;
        data->B = memory + 2;
        data->A = memory + 3;
        break;
    }
}

/* Bytes from one chroma sample to the next, in the second and third plane. */
static int chroma_step(const struct image_format *format)
{
    return (format->depth > 8 ? 2 : 1) * (format->planes == 2 ? 2 : 1);
}

/* Packed formats have one pointer per component; the lowest of them is where a pixel begins. */
static uint8_t *packed_start(const mfxFrameInfo *info, const mfxFrameData *data)
{
    switch (info->FourCC) {
    case MFX_FOURCC_UYVY:
        return data->U;
    case MFX_FOURCC_RGB4:
        return data->B;
    case MFX_FOURCC_BGR4:
        return data->R;
    default:
        return data->Y;
    }
}

bool image_of(struct image *image, const mfxFrameInfo *info, const mfxFrameData *data)
{
    memset(image, 0, sizeof *image);
    image->format = image_format_find(info->FourCC);
    if (!image->format)
        return false;
    int pitch = (int)(((uint32_t)data->PitchHigh << 16) | data->PitchLow);
    image->width = info->Width;
    image->height = info->Height;
    image->pitch[0] = pitch;
    if (image->format->planes == 1) {
        image->plane[0] = packed_start(info, data);
    } else if (image->format->planes == 2) {
        image->plane[0] = data->Y;
        image->plane[1] = data->UV;
        image->pitch[1] = pitch;
    } else {
        image->plane[0] = data->Y;
        image->plane[1] = data->U;
        image->plane[2] = data->V;
        image->pitch[1] = image->pitch[2] = pitch / 2;
    }
    for (int i = 0; i < image->format->planes; i++)
        if (!image->plane[i])
            return false;
    return pitch >= image->width * image->format->bytes_per_sample;
}

struct image image_at(const struct image *image, int x, int y, int width, int height)
{
    const struct image_format *format = image->format;
    struct image part = *image;

    part.width = width;
    part.height = height;
    part.plane[0] += (ptrdiff_t)y * image->pitch[0] + (ptrdiff_t)x * format->bytes_per_sample;
    for (int i = 1; i < format->planes; i++) {
        part.plane[i] += (ptrdiff_t)(y >> format->chroma_y) * image->pitch[i];
        part.plane[i] += (ptrdiff_t)(x >> format->chroma_x) * chroma_step(format);
    }
    return part;
}

/* Bytes of a row and rows of a plane. */
static void plane_size(const struct image *image, int i, size_t *bytes, int *rows)
{
    const struct image_format *format = image->format;
    if (i == 0) {
        *bytes = (size_t)image->width * format->bytes_per_sample;
        if (format->planes == 1 && format->chroma_x)
            *bytes = (size_t)((image->width + 1) / 2) * 2 * format->bytes_per_sample;
        *rows = image->height;
        return;
    }
    *bytes = (size_t)((image->width + 1) >> format->chroma_x) * (size_t)chroma_step(format);
    *rows = (image->height + 1) >> format->chroma_y;
}

/* Four bytes again and again make a row; ten bits at the upper end of sixteen are bytes of zero and of eight bits. */
static const uint8_t *black_of(const struct image_format *format, int plane)
{
    static const uint8_t yuyv[4] = { 16, 128, 16, 128 }, uyvy[4] = { 128, 16, 128, 16 }, rgba[4] = { 0, 0, 0, 255 };
    static const uint8_t luma[4] = { 16, 16, 16, 16 }, chroma[4] = { 128, 128, 128, 128 };
    static const uint8_t luma_10[4] = { 0, 16, 0, 16 }, chroma_10[4] = { 0, 128, 0, 128 };

    if (format->planes > 1)
        return format->depth > 8 ? (plane ? chroma_10 : luma_10) : plane ? chroma : luma;
    return format->chroma_format == MFX_CHROMAFORMAT_YUV444 ? rgba : format->fourcc == MFX_FOURCC_UYVY ? uyvy : yuyv;
}

void image_fill_black(const struct image *image)
{
    static const uint8_t y210[8] = { 0, 16, 0, 128, 0, 16, 0, 128 };

    for (int i = 0; i < image->format->planes; i++) {
        size_t bytes;
        int rows;
        plane_size(image, i, &bytes, &rows);
        bool wide = image->format->planes == 1 && image->format->depth > 8;
        const uint8_t *pattern = wide ? y210 : black_of(image->format, i);
        for (int y = 0; y < rows; y++) {
            uint8_t *row = image->plane[i] + (ptrdiff_t)y * image->pitch[i];
            for (size_t x = 0; x < bytes; x++)
                row[x] = pattern[x & (wide ? 7 : 3)];
        }
    }
}

static void copy_rows(uint8_t *to, int to_pitch, const uint8_t *from, int from_pitch, size_t bytes, int rows)
{
    if (to_pitch == from_pitch && (size_t)to_pitch == bytes) {
        memcpy(to, from, bytes * (size_t)rows);
        return;
    }
    for (int y = 0; y < rows; y++)
        memcpy(to + (ptrdiff_t)y * to_pitch, from + (ptrdiff_t)y * from_pitch, bytes);
}

void image_copy(const struct image *to, const struct image *from)
{
    for (int i = 0; i < to->format->planes; i++) {
        size_t bytes;
        int rows;
        plane_size(to, i, &bytes, &rows);
        copy_rows(to->plane[i], to->pitch[i], from->plane[i], from->pitch[i], bytes, rows);
    }
}

static void interleave(uint8_t *restrict to, const uint8_t *restrict u, const uint8_t *restrict v, int count)
{
    for (int x = 0; x < count; x++) {
        to[2 * x] = u[x];
        to[2 * x + 1] = v[x];
    }
}

static void deinterleave(uint8_t *restrict u, uint8_t *restrict v, const uint8_t *restrict from, int count)
{
    for (int x = 0; x < count; x++) {
        u[x] = from[2 * x];
        v[x] = from[2 * x + 1];
    }
}

void image_planar_to_nv12(const struct image *nv12, const uint8_t *const plane[3], const int pitch[3], int width,
                          int height)
{
    copy_rows(nv12->plane[0], nv12->pitch[0], plane[0], pitch[0], (size_t)width, height);
    for (int y = 0; y < (height + 1) / 2; y++)
        interleave(nv12->plane[1] + (ptrdiff_t)y * nv12->pitch[1], plane[1] + (ptrdiff_t)y * pitch[1],
                   plane[2] + (ptrdiff_t)y * pitch[2], (width + 1) / 2);
}

void image_interleave(const struct image *nv12, uint8_t *const chroma[2], const int pitch[2])
{
    for (int y = 0; y < (nv12->height + 1) / 2; y++)
        interleave(nv12->plane[1] + (ptrdiff_t)y * nv12->pitch[1], chroma[0] + (ptrdiff_t)y * pitch[0],
                   chroma[1] + (ptrdiff_t)y * pitch[1], (nv12->width + 1) / 2);
}

void image_nv12_to_planar(uint8_t *const plane[3], const int pitch[3], const struct image *nv12, int width, int height)
{
    copy_rows(plane[0], pitch[0], nv12->plane[0], nv12->pitch[0], (size_t)width, height);
    for (int y = 0; y < (height + 1) / 2; y++)
        deinterleave(plane[1] + (ptrdiff_t)y * pitch[1], plane[2] + (ptrdiff_t)y * pitch[2],
                     nv12->plane[1] + (ptrdiff_t)y * nv12->pitch[1], (width + 1) / 2);
}

static void deinterleave_16(uint16_t *restrict u, uint16_t *restrict v, const uint16_t *restrict from, int count,
                            unsigned shift)
{
    for (int x = 0; x < count; x++) {
        u[x] = (uint16_t)(from[2 * x] >> shift);
        v[x] = (uint16_t)(from[2 * x + 1] >> shift);
    }
}

static void shift_down(uint16_t *restrict to, const uint16_t *restrict from, int count, unsigned shift)
{
    for (int x = 0; x < count; x++)
        to[x] = (uint16_t)(from[x] >> shift);
}

static void unpack_y210(uint16_t *restrict y, uint16_t *restrict u, uint16_t *restrict v, const uint16_t *restrict from,
                        int pairs, unsigned shift)
{
    for (int x = 0; x < pairs; x++) {
        y[2 * x] = (uint16_t)(from[4 * x] >> shift);
        u[x] = (uint16_t)(from[4 * x + 1] >> shift);
        y[2 * x + 1] = (uint16_t)(from[4 * x + 2] >> shift);
        v[x] = (uint16_t)(from[4 * x + 3] >> shift);
    }
}

static void separate_packed(uint8_t *const plane[3], const int pitch[3], const struct image *from, unsigned shift)
{
    for (int y = 0; y < from->height; y++)
        unpack_y210((uint16_t *)(plane[0] + (ptrdiff_t)y * pitch[0]), (uint16_t *)(plane[1] + (ptrdiff_t)y * pitch[1]),
                    (uint16_t *)(plane[2] + (ptrdiff_t)y * pitch[2]),
                    (const uint16_t *)(from->plane[0] + (ptrdiff_t)y * from->pitch[0]), (from->width + 1) / 2, shift);
}

void image_separate(uint8_t *const plane[3], const int pitch[3], const struct image *from, unsigned shift)
{
    if (from->format->planes == 1) {
        separate_packed(plane, pitch, from, shift);
        return;
    }
    for (int y = 0; y < (from->height + 1) / 2; y++) {
        uint8_t *u = plane[1] + (ptrdiff_t)y * pitch[1], *v = plane[2] + (ptrdiff_t)y * pitch[2];
        const uint8_t *row = from->plane[1] + (ptrdiff_t)y * from->pitch[1];
        if (from->format->depth > 8)
            deinterleave_16((uint16_t *)u, (uint16_t *)v, (const uint16_t *)row, (from->width + 1) / 2, shift);
        else
            deinterleave(u, v, row, (from->width + 1) / 2);
    }
    if (plane[0])
        for (int y = 0; y < from->height; y++)
            shift_down((uint16_t *)(plane[0] + (ptrdiff_t)y * pitch[0]),
                       (const uint16_t *)(from->plane[0] + (ptrdiff_t)y * from->pitch[0]), from->width, shift);
}

void image_to_planar(const struct image *to, const struct image *from)
{
    if (from->format->planes == 3)
        image_copy(to, from);
    else if (from->format->depth == 8)
        image_nv12_to_planar(to->plane, to->pitch, from, from->width, from->height);
    else
        image_separate(to->plane, to->pitch, from, SHIFT_UP);
}

static void shift_up(uint16_t *restrict to, const uint16_t *restrict from, int count)
{
    for (int x = 0; x < count; x++)
        to[x] = (uint16_t)(from[x] << SHIFT_UP);
}

static void interleave_16(uint16_t *restrict to, const uint16_t *restrict u, const uint16_t *restrict v, int count)
{
    for (int x = 0; x < count; x++) {
        to[2 * x] = (uint16_t)(u[x] << SHIFT_UP);
        to[2 * x + 1] = (uint16_t)(v[x] << SHIFT_UP);
    }
}

static void pack_yuy2(uint8_t *restrict to, const uint8_t *restrict y, const uint8_t *restrict u,
                      const uint8_t *restrict v, int pairs)
{
    for (int x = 0; x < pairs; x++) {
        to[4 * x] = y[2 * x];
        to[4 * x + 1] = u[x];
        to[4 * x + 2] = y[2 * x + 1];
        to[4 * x + 3] = v[x];
    }
}

static void pack_y210(uint16_t *restrict to, const uint16_t *restrict y, const uint16_t *restrict u,
                      const uint16_t *restrict v, int pairs)
{
    for (int x = 0; x < pairs; x++) {
        to[4 * x] = (uint16_t)(y[2 * x] << SHIFT_UP);
        to[4 * x + 1] = (uint16_t)(u[x] << SHIFT_UP);
        to[4 * x + 2] = (uint16_t)(y[2 * x + 1] << SHIFT_UP);
        to[4 * x + 3] = (uint16_t)(v[x] << SHIFT_UP);
    }
}

static void join_packed(const struct image *to, const uint8_t *const plane[3], const int pitch[3])
{
    for (int line = 0; line < to->height; line++) {
        uint8_t *row = to->plane[0] + (ptrdiff_t)line * to->pitch[0];
        const uint8_t *y = plane[0] + (ptrdiff_t)line * pitch[0], *u = plane[1] + (ptrdiff_t)line * pitch[1];
        const uint8_t *v = plane[2] + (ptrdiff_t)line * pitch[2];
        if (to->format->depth > 8)
            pack_y210((uint16_t *)row, (const uint16_t *)y, (const uint16_t *)u, (const uint16_t *)v, to->width / 2);
        else
            pack_yuy2(row, y, u, v, to->width / 2);
    }
}

void image_join(const struct image *to, const uint8_t *const plane[3], const int pitch[3])
{
    if (to->format->planes == 1) {
        join_packed(to, plane, pitch);
        return;
    }
    if (to->format->depth == 8) {
        image_planar_to_nv12(to, plane, pitch, to->width, to->height);
        return;
    }
    for (int y = 0; y < to->height; y++)
        shift_up((uint16_t *)(to->plane[0] + (ptrdiff_t)y * to->pitch[0]),
                 (const uint16_t *)(plane[0] + (ptrdiff_t)y * pitch[0]), to->width);
    for (int y = 0; y < (to->height + 1) / 2; y++)
        interleave_16((uint16_t *)(to->plane[1] + (ptrdiff_t)y * to->pitch[1]),
                      (const uint16_t *)(plane[1] + (ptrdiff_t)y * pitch[1]),
                      (const uint16_t *)(plane[2] + (ptrdiff_t)y * pitch[2]), (to->width + 1) / 2);
}
