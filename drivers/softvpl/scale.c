/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scale.c - swscale with the colours of both sides said. */
#include "drivers/softvpl/scale.h"

#include <libswscale/swscale.h>
#include <stdlib.h>

struct scaler {
    int flags;
    struct scale_colours colours;
    struct SwsContext *context;
};

struct scaler *scaler_create(int flags, const struct scale_colours *colours)
{
    struct scaler *scaler = calloc(1, sizeof *scaler);
    if (!scaler)
        return NULL;
    scaler->flags = flags;
    scaler->colours = *colours;
    return scaler;
}

void scaler_destroy(struct scaler *scaler)
{
    if (!scaler)
        return;
    sws_freeContext(scaler->context);
    free(scaler);
}

static bool same_colours(const struct scale_colours *colours)
{
    return colours->matrix_in == colours->matrix_out && colours->full_range_in == colours->full_range_out;
}

static bool is_rgb(const struct image *image)
{
    return image->format->bytes_per_sample == 4;
}

/* swscale wants the first chroma plane of YV12 where I420 has it. */
static void planes_of(const struct image *image, uint8_t *plane[4], int pitch[4])
{
    for (int i = 0; i < 4; i++) {
        plane[i] = image->plane[i];
        pitch[i] = image->pitch[i];
    }
}

static bool prepare(struct scaler *scaler, const struct image *to, const struct image *from)
{
    struct SwsContext *before = scaler->context;

    scaler->context = sws_getCachedContext(before, from->width, from->height, from->format->pixel_format, to->width,
                                           to->height, to->format->pixel_format, scaler->flags, NULL, NULL, NULL);
    if (!scaler->context)
        return false;
    if (scaler->context == before)
        return true;
    if (is_rgb(to) || is_rgb(from) || !same_colours(&scaler->colours))
        sws_setColorspaceDetails(scaler->context, sws_getCoefficients(scaler->colours.matrix_in),
                                 is_rgb(from) || scaler->colours.full_range_in,
                                 sws_getCoefficients(scaler->colours.matrix_out),
                                 is_rgb(to) || scaler->colours.full_range_out, 0, 1 << 16, 1 << 16);
    return true;
}

bool scaler_run(struct scaler *scaler, const struct image *to, const struct image *from)
{
    uint8_t *plane_to[4], *plane_from[4];
    int pitch_to[4], pitch_from[4];

    if (to->width == from->width && to->height == from->height && same_colours(&scaler->colours)) {
        if (to->format->pixel_format == from->format->pixel_format) {
            image_copy(to, from);
            return true;
        }
        if (to->format->pixel_format == AV_PIX_FMT_NV12 && from->format->pixel_format == AV_PIX_FMT_YUV420P) {
            image_planar_to_nv12(to, (const uint8_t *const *)from->plane, from->pitch, to->width, to->height);
            return true;
        }
        if (to->format->pixel_format == AV_PIX_FMT_YUV420P && from->format->pixel_format == AV_PIX_FMT_NV12) {
            image_nv12_to_planar((uint8_t *const *)to->plane, to->pitch, from, to->width, to->height);
            return true;
        }
    }
    if (!prepare(scaler, to, from))
        return false;
    planes_of(to, plane_to, pitch_to);
    planes_of(from, plane_from, pitch_from);
    return sws_scale(scaler->context, (const uint8_t *const *)plane_from, pitch_from, 0, from->height, plane_to,
                     pitch_to) == to->height;
}
