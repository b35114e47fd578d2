/* SPDX-License-Identifier: GPL-2.0-or-later */
/* process.c - VideoProc: reading what vaRenderPicture brought, layer by layer. */
#include "drivers/softva/process.h"

#include <libswscale/swscale.h>

enum { LAYERS_MAX = 64 };

static VAStatus open_process(void **instance, const struct engine_settings *settings)
{
    struct process *process = calloc(1, sizeof *process);
    if (!process)
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    process->driver = settings->driver;
    *instance = process;
    return VA_STATUS_SUCCESS;
}

static void close_process(void *instance)
{
    struct process *process = instance;

    scaler_destroy(process->scaler);
    scaler_destroy(process->scaler_back);
    recolour_destroy(process->recolour);
    free(process->above.memory);
    free(process->below.memory);
    free(process->now.memory);
    free(process->neighbour[0].memory);
    free(process->neighbour[1].memory);
    free(process);
}

/* ---- a layer ---------------------------------------------------------------------------------------------------- */

static int scaling_of(uint32_t flags)
{
    switch (flags & VA_FILTER_SCALING_MASK) {
    case VA_FILTER_SCALING_FAST:
        return SWS_FAST_BILINEAR;
    case VA_FILTER_SCALING_HQ:
        return SWS_LANCZOS | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT;
    default:
        return SWS_BICUBIC;
    }
}

/* false: the rectangle leaves the surface. What lies between samples of chroma moves to the sample before. */
static bool region(struct image *part, const struct surface *surface, const VARectangle *rectangle)
{
    struct image whole = surface_image(surface);
    int mask_x = (1 << whole.format->chroma_x) - 1, mask_y = (1 << whole.format->chroma_y) - 1;

    *part = whole;
    if (!rectangle)
        return true;
    int x = rectangle->x & ~mask_x, y = rectangle->y & ~mask_y;
    if (rectangle->x < 0 || rectangle->y < 0 || !rectangle->width || !rectangle->height ||
        x + rectangle->width > whole.width || y + rectangle->height > whole.height)
        return false;
    *part = image_at(&whole, x, y, rectangle->width, rectangle->height);
    return true;
}

static struct surface *use_surface(struct process *process, VASurfaceID id)
{
    struct surface *surface = objects_use(process->driver->objects, OBJECT_SURFACE, id);
    if (surface)
        surface_begin(surface, false);
    return surface;
}

static void drop_surface(struct surface *surface)
{
    if (!surface)
        return;
    surface_end(surface, false);
    object_release(&surface->object);
}

enum { FILTERS_MAX = 2 }; /* one of each kind */

/* Takes note of what a filter asks for. */
static VAStatus read_filter(struct layer *layer, const struct buffer *buffer)
{
    const VAProcFilterParameterBufferBase *base = buffer_data(buffer, sizeof *base);
    const VAProcFilterParameterBufferDeinterlacing *fields = buffer_data(buffer, sizeof *fields);
    const VAProcFilterParameterBufferHDRToneMapping *tones = buffer_data(buffer, sizeof *tones);

    if (!base)
        return VA_STATUS_ERROR_INVALID_FILTER_CHAIN;
    if (base->type == VAProcFilterDeinterlacing && fields && !layer->fields &&
        (fields->algorithm == VAProcDeinterlacingBob || fields->algorithm == VAProcDeinterlacingMotionAdaptive)) {
        layer->fields = fields;
        return VA_STATUS_SUCCESS;
    }
    if (base->type == VAProcFilterHighDynamicRangeToneMapping && tones && !layer->tones &&
        tones->data.metadata_type == VAProcHighDynamicRangeMetadataHDR10) {
        layer->tones = tones;
        return VA_STATUS_SUCCESS;
    }
    return VA_STATUS_ERROR_UNSUPPORTED_FILTER;
}

/* give: the filters' buffers, as many as are not NULL. */
static VAStatus find_filters(struct process *process, struct layer *layer, struct buffer *held[FILTERS_MAX])
{
    const VAProcPipelineParameterBuffer *parameters = layer->parameters;
    VAStatus status = VA_STATUS_SUCCESS;

    for (uint32_t i = 0; status == VA_STATUS_SUCCESS && parameters->filters && i < parameters->num_filters; i++) {
        if (i == FILTERS_MAX)
            return VA_STATUS_ERROR_INVALID_FILTER_CHAIN;
        held[i] = objects_use(process->driver->objects, OBJECT_BUFFER, parameters->filters[i]);
        status = held[i] ? read_filter(layer, held[i]) : VA_STATUS_ERROR_INVALID_BUFFER;
    }
    return status;
}

static VAStatus draw_layer(struct process *process, const struct picture *picture, struct layer *layer, bool first)
{
    const VAProcPipelineParameterBuffer *parameters = layer->parameters;
    struct image whole = surface_image(picture->target);

    if (!region(&layer->source, layer->from, parameters->surface_region) ||
        !region(&layer->destination, picture->target, parameters->output_region) || parameters->rotation_state ||
        parameters->mirror_state)
        return VA_STATUS_ERROR_INVALID_PARAMETER;
    layer->scaling = scaling_of(parameters->filter_flags);
    VAStatus status = layer_read_colours(layer);
    if (status != VA_STATUS_SUCCESS)
        return status;
    bool covers = layer->destination.width == whole.width && layer->destination.height == whole.height;
    if (first && !covers && parameters->output_background_color >> 24)
        layer_fill(process, &whole, parameters->output_background_color, layer->colours.matrix_out);
    return layer_draw(process, layer);
}

static VAStatus work_layer(struct process *process, const struct picture *picture, const struct buffer *buffer,
                           bool first)
{
    struct layer layer = { .parameters = buffer_data(buffer, sizeof *layer.parameters) };
    struct buffer *filters[FILTERS_MAX] = { NULL };

    if (!layer.parameters)
        return VA_STATUS_ERROR_INVALID_PARAMETER;
    const VAProcPipelineParameterBuffer *parameters = layer.parameters;
    layer.from = use_surface(process, parameters->surface);
    if (!layer.from)
        return VA_STATUS_ERROR_INVALID_SURFACE;
    VAStatus status = find_filters(process, &layer, filters);
    if (layer.fields && parameters->num_forward_references && parameters->forward_references)
        layer.before = use_surface(process, parameters->forward_references[0]);
    if (layer.fields && parameters->num_backward_references && parameters->backward_references)
        layer.after = use_surface(process, parameters->backward_references[0]);
    if (status == VA_STATUS_SUCCESS)
        status = draw_layer(process, picture, &layer, first);
    drop_surface(layer.before);
    drop_surface(layer.after);
    drop_surface(layer.from);
    for (unsigned i = 0; i < FILTERS_MAX; i++)
        object_release(filters[i] ? &filters[i]->object : NULL);
    return status;
}

static VAStatus work(void *instance, const struct picture *picture)
{
    VAStatus status = VA_STATUS_SUCCESS;
    unsigned layers = 0;

    for (unsigned i = 0; status == VA_STATUS_SUCCESS && i < picture->count; i++) {
        if (picture->buffers[i]->type != VAProcPipelineParameterBufferType)
            continue;
        if (layers == LAYERS_MAX)
            return VA_STATUS_ERROR_MAX_NUM_EXCEEDED;
        status = work_layer(instance, picture, picture->buffers[i], layers++ == 0);
    }
    return layers || status ? status : VA_STATUS_ERROR_INVALID_PARAMETER;
}

const struct engine engine_process = { open_process, close_process, work, true };
