/* SPDX-License-Identifier: GPL-2.0-or-later */
/* recolour.c - to ten bits in planes, through the table, and to what is wanted. */
#include "drivers/softvpl/recolour.h"

#include <libavutil/mem.h>
#include <stdlib.h>

#include "drivers/softvpl/colour_table.h"
#include "drivers/softvpl/scale.h"

enum { ALIGNMENT = 64 };

struct planes {
    uint8_t *memory;
    size_t bytes;
};

struct recolour {
    struct colour_table *table;
    struct scaler *before, *after;
    struct planes in, out;
};

struct recolour *recolour_create(const struct recolour_settings *settings)
{
    struct recolour *recolour = calloc(1, sizeof *recolour);
    const struct scale_colours same = { 0 };

    if (!recolour)
        return NULL;
    recolour->table = colour_table_create(&settings->from, &settings->to, settings->peak_nits);
    recolour->before = scaler_create(settings->scale_flags, &same);
    recolour->after = scaler_create(settings->scale_flags, &same);
    if (recolour->table && recolour->before && recolour->after)
        return recolour;
    recolour_destroy(recolour);
    return NULL;
}

void recolour_destroy(struct recolour *recolour)
{
    if (!recolour)
        return;
    colour_table_destroy(recolour->table);
    scaler_destroy(recolour->before);
    scaler_destroy(recolour->after);
    av_free(recolour->in.memory);
    av_free(recolour->out.memory);
    free(recolour);
}

/* An image in planes of the size of `like`. false: no memory. */
static bool make_planes(struct planes *planes, struct image *image, const struct image_format *format,
                        const struct image *like)
{
    size_t sample = format->depth > 8 ? 2 : 1, rows = (size_t)((like->height + format->chroma_y) >> format->chroma_y);
    size_t luma = ((size_t)like->width * sample + 1 + 2 * ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    size_t chroma = ((size_t)(like->width + 1) / 2 * sample + 2 * ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    size_t bytes = luma * (size_t)like->height + 2 * chroma * rows;

    if (planes->bytes < bytes) {
        av_free(planes->memory);
        planes->memory = av_malloc(bytes);
        planes->bytes = planes->memory ? bytes : 0;
    }
    *image = (struct image){ .format = format, .width = like->width, .height = like->height };
    if (!planes->memory)
        return false;
    image->plane[0] = planes->memory;
    image->plane[1] = planes->memory + luma * (size_t)like->height;
    image->plane[2] = image->plane[1] + chroma * rows;
    image->pitch[0] = (int)luma;
    image->pitch[1] = image->pitch[2] = (int)chroma;
    return true;
}

static const struct image_format *planar(uint32_t fourcc)
{
    return image_planar_form(image_format_find(fourcc));
}

/* Ten bits of the same size and chroma only have to be laid out anew. */
static bool bring(struct recolour *recolour, const struct image *in, const struct image *from)
{
    if (from->width != in->width || from->height != in->height || image_planar_form(from->format) != in->format)
        return scaler_run(recolour->before, in, from);
    image_to_planar(in, from);
    return true;
}

bool recolour_run(struct recolour *recolour, const struct image *to, const struct image *from)
{
    bool wide = to->format->chroma_x && !to->format->chroma_y && to->format->depth > 8;
    const struct image_format *ten = planar(wide ? MFX_FOURCC_Y210 : MFX_FOURCC_P010);
    struct image in, out;

    if (!make_planes(&recolour->in, &in, ten, to) ||
        !make_planes(&recolour->out, &out, to->format->depth > 8 ? ten : planar(MFX_FOURCC_NV12), to) ||
        !bring(recolour, &in, from))
        return false;
    colour_table_run(recolour->table, &out, &in);
    if (to->format->depth > 8 && to->format->planes < 3) {
        image_join(to, (const uint8_t *const *)out.plane, out.pitch);
        return true;
    }
    return scaler_run(recolour->after, to, &out);
}
