/* SPDX-License-Identifier: GPL-2.0-or-later */
/* layer_colours.c - what a layer says of colours. Primaries and transfer functions are only converted by the filter for
 * it, VAProcFilterHighDynamicRangeToneMapping, as hardware does; without that, matrix and range are. */
#include <libswscale/swscale.h>

#include "drivers/softva/process.h"

enum { BT709 = 1, BT601 = 6, BT2020 = 9, PQ = 16, LUMINANCE_UNITS = 10000 };
#define PEAK_DEFAULT 1000.0 /* cd/m2 */
#define PEAK_MIN     203.0

static int matrix_of(VAProcColorStandardType standard, const VAProcColorProperties *properties)
{
    switch (standard) {
    case VAProcColorStandardBT709:
    case VAProcColorStandardXVYCC709:
        return SWS_CS_ITU709;
    case VAProcColorStandardSMPTE240M:
        return SWS_CS_SMPTE240M;
    case VAProcColorStandardBT470M:
        return SWS_CS_FCC;
    case VAProcColorStandardBT2020:
        return SWS_CS_BT2020;
    case VAProcColorStandardExplicit:
        switch (properties->matrix_coefficients) { /* the numbers of the video standards are swscale's */
        case SWS_CS_ITU709:
        case SWS_CS_FCC:
        case SWS_CS_ITU601:
        case SWS_CS_SMPTE240M:
        case SWS_CS_BT2020:
            return properties->matrix_coefficients;
        default:
            return SWS_CS_DEFAULT;
        }
    default:
        return SWS_CS_DEFAULT;
    }
}

/* Where only one side says what it is, the other is taken to be the same. */
static struct scale_colours colours_of(const VAProcPipelineParameterBuffer *parameters)
{
    const VAProcColorProperties *in = &parameters->input_color_properties, *out = &parameters->output_color_properties;
    VAProcColorStandardType from = parameters->surface_color_standard, to = parameters->output_color_standard;
    struct scale_colours colours = { matrix_of(from ? from : to, from ? in : out),
                                     matrix_of(to ? to : from, to ? out : in), in->color_range == VA_SOURCE_RANGE_FULL,
                                     out->color_range == VA_SOURCE_RANGE_FULL };

    if (out->color_range == VA_SOURCE_RANGE_UNKNOWN)
        colours.full_range_out = colours.full_range_in;
    if (in->color_range == VA_SOURCE_RANGE_UNKNOWN)
        colours.full_range_in = colours.full_range_out;
    return colours;
}

/* The tone mapping filter's source is HDR10 unless it is described otherwise. */
static struct colour_kind kind_of(VAProcColorStandardType standard, const VAProcColorProperties *properties, bool in)
{
    struct colour_kind kind = { .full_range = properties->color_range == VA_SOURCE_RANGE_FULL };

    if (standard == VAProcColorStandardExplicit) {
        kind.primaries = properties->colour_primaries;
        kind.transfer = properties->transfer_characteristics;
        kind.matrix = properties->matrix_coefficients;
        return kind;
    }
    kind.primaries = kind.matrix = standard == VAProcColorStandardBT2020  ? BT2020
                                   : standard == VAProcColorStandardBT709 ? BT709
                                   : standard == VAProcColorStandardNone  ? (in ? BT2020 : BT709)
                                                                          : BT601;
    kind.transfer = in ? PQ : kind.primaries;
    return kind;
}

static double peak_of(const VAHdrMetaData *data)
{
    const VAHdrMetaDataHDR10 *light = data->metadata;
    double peak = PEAK_DEFAULT;

    if (!light || data->metadata_size < sizeof *light)
        return peak;
    if (light->max_content_light_level)
        peak = light->max_content_light_level;
    else if (light->max_display_mastering_luminance)
        peak = (double)light->max_display_mastering_luminance / LUMINANCE_UNITS;
    return peak < PEAK_MIN ? PEAK_MIN : peak;
}

static bool is_rgb(const struct image *image)
{
    return image->format->chroma_format == MFX_CHROMAFORMAT_YUV444;
}

VAStatus layer_read_colours(struct layer *layer)
{
    const VAProcPipelineParameterBuffer *parameters = layer->parameters;
    struct recolour_settings *recolour = &layer->recolour;

    layer->colours = colours_of(parameters);
    if (!layer->tones)
        return VA_STATUS_SUCCESS;
    recolour->from = kind_of(parameters->surface_color_standard, &parameters->input_color_properties, true);
    recolour->to = kind_of(parameters->output_color_standard, &parameters->output_color_properties, false);
    recolour->peak_nits = peak_of(&layer->tones->data);
    recolour->scale_flags = layer->scaling;
    if (layer->fields || parameters->blend_state || is_rgb(&layer->source) || is_rgb(&layer->destination))
        return VA_STATUS_ERROR_INVALID_FILTER_CHAIN;
    if (!colour_kind_known(&recolour->from) || !colour_kind_known(&recolour->to))
        return VA_STATUS_ERROR_INVALID_PARAMETER;
    return VA_STATUS_SUCCESS;
}
