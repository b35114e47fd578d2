/* SPDX-License-Identifier: GPL-2.0-or-later */
/* process_query.c - what VideoProc says of itself. */
#include <string.h>

#include "drivers/softva/driver.h"
#include "drivers/softva/engine.h"

static VAStatus find_context(VADriverContextP context, VAContextID id)
{
    struct object *object = objects_use(driver_of(context)->objects, OBJECT_CONTEXT, id);
    object_release(object);
    return object ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_INVALID_CONTEXT;
}

static VAStatus query_filters(VADriverContextP context, VAContextID id, VAProcFilterType *filters, unsigned *count)
{
    VAStatus status = find_context(context, id);
    unsigned room = *count;

    if (status != VA_STATUS_SUCCESS)
        return status;
    *count = 2;
    if (room < 2)
        return VA_STATUS_ERROR_MAX_NUM_EXCEEDED;
    filters[0] = VAProcFilterDeinterlacing;
    filters[1] = VAProcFilterHighDynamicRangeToneMapping;
    return VA_STATUS_SUCCESS;
}

static VAStatus fields_caps(VAProcFilterCapDeinterlacing *out, unsigned room, unsigned *count)
{
    static const VAProcDeinterlacingType types[] = { VAProcDeinterlacingBob, VAProcDeinterlacingMotionAdaptive };
    enum { TYPES = sizeof types / sizeof types[0] };

    *count = TYPES;
    if (room < TYPES)
        return VA_STATUS_ERROR_MAX_NUM_EXCEEDED;
    for (unsigned i = 0; i < TYPES; i++)
        out[i] = (VAProcFilterCapDeinterlacing){ .type = types[i] };
    return VA_STATUS_SUCCESS;
}

static VAStatus tones_caps(VAProcFilterCapHighDynamicRange *out, unsigned room, unsigned *count)
{
    *count = 1;
    if (room < 1)
        return VA_STATUS_ERROR_MAX_NUM_EXCEEDED;
    *out = (VAProcFilterCapHighDynamicRange){ .metadata_type = VAProcHighDynamicRangeMetadataHDR10,
                                              .caps_flag = VA_TONE_MAPPING_HDR_TO_SDR };
    return VA_STATUS_SUCCESS;
}

static VAStatus query_filter_caps(VADriverContextP context, VAContextID id, VAProcFilterType type, void *caps,
                                  unsigned *count)
{
    VAStatus status = find_context(context, id);

    if (status != VA_STATUS_SUCCESS)
        return status;
    if (type == VAProcFilterDeinterlacing)
        return fields_caps(caps, *count, count);
    if (type == VAProcFilterHighDynamicRangeToneMapping)
        return tones_caps(caps, *count, count);
    return VA_STATUS_ERROR_UNSUPPORTED_FILTER;
}

/* Motion is seen between a picture and its two neighbours. */
static VAStatus look_at_filters(struct driver *driver, const VABufferID *filters, unsigned count,
                                VAProcPipelineCaps *caps)
{
    for (unsigned i = 0; i < count; i++) {
        struct buffer *buffer = objects_use(driver->objects, OBJECT_BUFFER, filters[i]);
        if (!buffer)
            return VA_STATUS_ERROR_INVALID_BUFFER;
        const VAProcFilterParameterBufferBase *base = buffer_data(buffer, sizeof *base);
        const VAProcFilterParameterBufferDeinterlacing *filter = buffer_data(buffer, sizeof *filter);
        bool fields = filter && filter->type == VAProcFilterDeinterlacing;
        bool known = fields || (base && base->type == VAProcFilterHighDynamicRangeToneMapping);
        if (fields && filter->algorithm == VAProcDeinterlacingMotionAdaptive)
            caps->num_forward_references = caps->num_backward_references = 1;
        object_release(&buffer->object);
        if (!known)
            return VA_STATUS_ERROR_UNSUPPORTED_FILTER;
    }
    return VA_STATUS_SUCCESS;
}

static VAStatus query_pipeline_caps(VADriverContextP context, VAContextID id, VABufferID *filters, unsigned count,
                                    VAProcPipelineCaps *caps)
{
    /* libva has these pointers without const; nobody writes there. */
    static VAProcColorStandardType standards[] = { VAProcColorStandardBT601,     VAProcColorStandardBT709,
                                                   VAProcColorStandardBT470BG,   VAProcColorStandardSMPTE170M,
                                                   VAProcColorStandardSMPTE240M, VAProcColorStandardBT2020,
                                                   VAProcColorStandardExplicit };
    static uint32_t formats[] = { VA_FOURCC_NV12, VA_FOURCC_P010, VA_FOURCC_YUY2,
                                  VA_FOURCC_Y210, VA_FOURCC_BGRA, VA_FOURCC_BGRX };
    VAStatus status = find_context(context, id);

    if (status != VA_STATUS_SUCCESS)
        return status;
    memset(caps, 0, sizeof *caps);
    caps->filter_flags = VA_FILTER_SCALING_FAST | VA_FILTER_SCALING_HQ;
    caps->input_color_standards = caps->output_color_standards = standards;
    caps->num_input_color_standards = caps->num_output_color_standards = sizeof standards / sizeof standards[0];
    caps->rotation_flags = 1 << VA_ROTATION_NONE;
    caps->blend_flags = VA_BLEND_GLOBAL_ALPHA | VA_BLEND_PREMULTIPLIED_ALPHA;
    caps->input_pixel_format = caps->output_pixel_format = formats;
    caps->num_input_pixel_formats = caps->num_output_pixel_formats = sizeof formats / sizeof formats[0];
    caps->max_input_width = caps->max_input_height = SURFACE_SIZE_MAX;
    caps->max_output_width = caps->max_output_height = SURFACE_SIZE_MAX;
    caps->min_input_width = caps->min_input_height = caps->min_output_width = caps->min_output_height = 16;
    return look_at_filters(driver_of(context), filters, count, caps);
}

void process_entries(struct VADriverVTableVPP *table)
{
    table->vaQueryVideoProcFilters = query_filters;
    table->vaQueryVideoProcFilterCaps = query_filter_caps;
    table->vaQueryVideoProcPipelineCaps = query_pipeline_caps;
}
