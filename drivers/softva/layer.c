/* SPDX-License-Identifier: GPL-2.0-or-later */
/* layer.c - drawing one layer: deinterlace, scale, blend. */
#include <libswscale/swscale.h>

#include "drivers/softva/blend.h"
#include "drivers/softva/fields.h"
#include "drivers/softva/process.h"

enum { FILL_SIZE = 16, WHOLE_ALPHA = 256 };

static bool equal(const struct scale_colours *a, const struct scale_colours *b)
{
    return a->matrix_in == b->matrix_in && a->matrix_out == b->matrix_out && a->full_range_in == b->full_range_in &&
           a->full_range_out == b->full_range_out;
}

/* The scaler is kept as long as colours and quality stay. */
static struct scaler *scaler_for(struct scaler **kept, struct scale_colours *kept_colours, bool same_scaling,
                                 int scaling, const struct scale_colours *colours)
{
    if (*kept && same_scaling && equal(kept_colours, colours))
        return *kept;
    scaler_destroy(*kept);
    *kept = scaler_create(scaling, colours);
    *kept_colours = *colours;
    return *kept;
}

static VAStatus scale(struct process *process, const struct image *to, const struct image *from,
                      const struct layer *layer)
{
    struct scaler *scaler = scaler_for(&process->scaler, &process->colours, process->scaling == layer->scaling,
                                       layer->scaling, &layer->colours);

    process->scaling = layer->scaling;
    if (!scaler)
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    if (!scaler_run(scaler, to, from))
        return VA_STATUS_ERROR_UNIMPLEMENTED;
    if (to->width == from->width && to->height == from->height && to->format == from->format)
        process->driver->copied_bytes +=
            image_bytes(to->format, (size_t)to->width * to->format->bytes_per_sample, (size_t)to->height);
    return VA_STATUS_SUCCESS;
}

/* ---- HDR -------------------------------------------------------------------------------------------------------- */

static bool same_kind(const struct colour_kind *a, const struct colour_kind *b)
{
    return a->primaries == b->primaries && a->transfer == b->transfer && a->matrix == b->matrix &&
           a->full_range == b->full_range;
}

static bool same_settings(const struct recolour_settings *a, const struct recolour_settings *b)
{
    return same_kind(&a->from, &b->from) && same_kind(&a->to, &b->to) && a->scale_flags == b->scale_flags &&
           a->peak_nits <= b->peak_nits && a->peak_nits >= b->peak_nits;
}

/* The table is kept as long as colours and quality stay. */
static VAStatus map_tones(struct process *process, const struct layer *layer, const struct image *source)
{
    if (!process->recolour || !same_settings(&process->recolour_settings, &layer->recolour)) {
        recolour_destroy(process->recolour);
        process->recolour = recolour_create(&layer->recolour);
        process->recolour_settings = layer->recolour;
    }
    if (!process->recolour)
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    return recolour_run(process->recolour, &layer->destination, source) ? VA_STATUS_SUCCESS
                                                                        : VA_STATUS_ERROR_UNIMPLEMENTED;
}

/* ---- blending --------------------------------------------------------------------------------------------------- */

/* Both pictures as BGRA, one over the other, and the result back. */
static VAStatus blend(struct process *process, const struct layer *layer, const struct image *source)
{
    const VABlendState *state = layer->parameters->blend_state;
    const struct va_format *bgra = va_format_find(VA_FOURCC_BGRA);
    const struct image *to = &layer->destination;
    struct scale_colours out = { layer->colours.matrix_out, layer->colours.matrix_out, layer->colours.full_range_out,
                                 layer->colours.full_range_out };
    struct image above, below;

    if (!scratch_image(&process->above, bgra, (unsigned)to->width, (unsigned)to->height, &above) ||
        !scratch_image(&process->below, bgra, (unsigned)to->width, (unsigned)to->height, &below))
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    struct scaler *back = scaler_for(&process->scaler_back, &process->colours_back, true, SWS_BICUBIC, &out);
    VAStatus status = scale(process, &above, source, layer);
    if (status != VA_STATUS_SUCCESS)
        return status;
    if (!back || !scaler_run(back, &below, to))
        return VA_STATUS_ERROR_UNIMPLEMENTED;
    float alpha = state->flags & VA_BLEND_GLOBAL_ALPHA ? state->global_alpha : 1.0F;
    alpha = alpha >= 0 && alpha <= 1 ? alpha : alpha > 1 ? 1 : 0;
    blend_over(&below, &above, (int)(alpha * WHOLE_ALPHA + 0.5F), source->format->fourcc == MFX_FOURCC_RGB4,
               state->flags & VA_BLEND_PREMULTIPLIED_ALPHA);
    return scaler_run(back, to, &below) ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_UNIMPLEMENTED;
}

/* ---- deinterlacing ---------------------------------------------------------------------------------------------- */

/* The filter takes NV12; anything else is converted before. false: no memory. */
static bool as_nv12(struct process *process, struct scratch *scratch, const struct image *from, struct image *to,
                    const struct layer *layer)
{
    *to = *from;
    if (from->format->fourcc == MFX_FOURCC_NV12)
        return true;
    return scratch_image(scratch, va_format_find(VA_FOURCC_NV12), (unsigned)from->width, (unsigned)from->height, to) &&
           scale(process, to, from, layer) == VA_STATUS_SUCCESS;
}

static bool same_picture(const struct surface *a, const struct surface *b)
{
    return a && a->format == b->format && a->width == b->width && a->height == b->height;
}

static AVFrame *deinterlace(struct process *process, const struct layer *layer)
{
    const uint32_t flags = layer->fields->flags;
    bool bottom_first = flags & VA_DEINTERLACING_BOTTOM_FIELD_FIRST, bottom = flags & VA_DEINTERLACING_BOTTOM_FIELD;
    struct surface *neighbours[2] = { layer->before, layer->after };
    struct image now, around[2], whole = surface_image(layer->from);
    struct fields fields = { .top_first = !bottom_first,
                             .second = bottom != bottom_first,
                             .spatial_only = layer->fields->algorithm == VAProcDeinterlacingBob };

    if (!as_nv12(process, &process->now, &whole, &now, layer))
        return NULL;
    fields.now = &now;
    for (int i = 0; i < 2; i++) {
        if (!same_picture(neighbours[i], layer->from))
            continue;
        whole = surface_image(neighbours[i]);
        if (!as_nv12(process, &process->neighbour[i], &whole, &around[i], layer))
            return NULL;
        if (i == 0)
            fields.before = &around[i];
        else
            fields.after = &around[i];
    }
    return fields_weave(&fields);
}

static struct image image_of_frame(const AVFrame *frame)
{
    struct image image = { .format = image_format_find(MFX_FOURCC_IYUV),
                           .width = frame->width,
                           .height = frame->height };

    for (int i = 0; i < 3; i++) {
        image.plane[i] = frame->data[i];
        image.pitch[i] = frame->linesize[i];
    }
    return image;
}

/* ---- the layer -------------------------------------------------------------------------------------------------- */

static VAStatus draw(struct process *process, const struct layer *layer, const struct image *source)
{
    const VABlendState *state = layer->parameters->blend_state;
    if (layer->tones)
        return map_tones(process, layer, source);
    bool blended = state && (state->flags & (VA_BLEND_GLOBAL_ALPHA | VA_BLEND_PREMULTIPLIED_ALPHA));

    return blended ? blend(process, layer, source) : scale(process, &layer->destination, source, layer);
}

VAStatus layer_draw(struct process *process, struct layer *layer)
{
    if (!layer->fields)
        return draw(process, layer, &layer->source);
    struct image whole = surface_image(layer->from);
    ptrdiff_t offset = layer->source.plane[0] - whole.plane[0];
    int y = (int)(offset / whole.pitch[0]), x = (int)(offset % whole.pitch[0]) / whole.format->bytes_per_sample;
    AVFrame *frame = deinterlace(process, layer);
    if (!frame)
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    struct image source = image_of_frame(frame);
    source = image_at(&source, x & ~1, y & ~1, layer->source.width, layer->source.height);
    VAStatus status = draw(process, layer, &source);
    av_frame_free(&frame);
    return status;
}

void layer_fill(struct process *process, const struct image *target, uint32_t argb, int matrix)
{
    struct scale_colours colours = { matrix, matrix, false, false };
    struct image small;

    if (!(argb & 0xffffff)) {
        image_fill_black(target);
        return;
    }
    struct scaler *scaler = scaler_for(&process->scaler_back, &process->colours_back, true, SWS_BICUBIC, &colours);
    if (!scaler || !scratch_image(&process->above, va_format_find(VA_FOURCC_BGRA), FILL_SIZE, FILL_SIZE, &small))
        return;
    for (int i = 0; i < FILL_SIZE * small.pitch[0]; i++)
        small.plane[0][i] = (uint8_t)(argb >> 8 * (i & 3)); /* blue first */
    scaler_run(scaler, target, &small);
}
