/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/vaapi_colours.h"

#include <string.h>

#include "drivers/va_tones.h"
#include "drivers/vpp_colours.h"
#include "encode/colours.h"

#define DISPLAY_LUMINANCE 10000000U /* 1000 cd/m2, where the source does not say */

bool vaapi_colours_offered(VADisplay va, const struct colours *from, const struct colours *to)
{
    if (!colours_are_hdr(from) && !colours_are_hdr(to))
        return true;
    return from->signal.TransferCharacteristics == VPP_COLOURS_PQ && !colours_are_hdr(to) && va_tones_mapped(va);
}

/* BT.2020 and D65, green first, where nothing is known. */
static void fill_light(VAHdrMetaDataHDR10 *light, const struct light_metadata *known)
{
    static const uint16_t x[3] = { 8500, 6550, 35400 }, y[3] = { 39850, 2300, 14600 };

    *light = (VAHdrMetaDataHDR10){ .white_point_x = 15635,
                                   .white_point_y = 16450,
                                   .max_display_mastering_luminance = DISPLAY_LUMINANCE,
                                   .min_display_mastering_luminance = 1 };
    memcpy(light->display_primaries_x, known->has_mastering ? known->primaries_x : x, sizeof x);
    memcpy(light->display_primaries_y, known->has_mastering ? known->primaries_y : y, sizeof y);
    if (known->has_mastering) {
        light->white_point_x = known->white_x;
        light->white_point_y = known->white_y;
        light->max_display_mastering_luminance = known->luminance_maximum;
        light->min_display_mastering_luminance = known->luminance_minimum;
    }
    if (known->has_levels) {
        light->max_content_light_level = known->content_maximum;
        light->max_pic_average_light_level = known->average_maximum;
    }
}

static VAProcColorProperties properties_of(const struct colours *colours)
{
    const mfxExtVideoSignalInfo *signal = &colours->signal;

    return (VAProcColorProperties){ .color_range =
                                        signal->VideoFullRange ? VA_SOURCE_RANGE_FULL : VA_SOURCE_RANGE_REDUCED,
                                    .colour_primaries = (uint8_t)signal->ColourPrimaries,
                                    .transfer_characteristics = (uint8_t)signal->TransferCharacteristics,
                                    .matrix_coefficients = (uint8_t)signal->MatrixCoefficients };
}

static VAProcColorStandardType standard_of(const struct colours *colours)
{
    if (!colours->signal.ColourDescriptionPresent)
        return VAProcColorStandardNone;
    return colours->signal.MatrixCoefficients == VPP_COLOURS_BT709 ? VAProcColorStandardBT709
                                                                   : VAProcColorStandardExplicit;
}

VAStatus vaapi_colours_begin(struct vaapi_colours *colours, VADisplay va, VAContextID context,
                             const struct colours *from, const struct colours *to,
                             VAProcPipelineParameterBuffer *pipeline)
{
    VAProcFilterParameterBufferHDRToneMapping tones = { .type = VAProcFilterHighDynamicRangeToneMapping };

    colours->filter = VA_INVALID_ID;
    pipeline->surface_color_standard = standard_of(from);
    pipeline->input_color_properties = properties_of(from);
    pipeline->output_color_standard = standard_of(to);
    pipeline->output_color_properties = properties_of(to);
    if (!colours_are_hdr(from))
        return VA_STATUS_SUCCESS;
    fill_light(&colours->light, &from->light);
    tones.data = (VAHdrMetaData){ .metadata_type = VAProcHighDynamicRangeMetadataHDR10,
                                  .metadata = &colours->light,
                                  .metadata_size = sizeof colours->light };
    VAStatus status =
        vaCreateBuffer(va, context, VAProcFilterParameterBufferType, sizeof tones, 1, &tones, &colours->filter);
    if (status != VA_STATUS_SUCCESS)
        return status;
    pipeline->filters = &colours->filter;
    pipeline->num_filters = 1;
    return VA_STATUS_SUCCESS;
}

void vaapi_colours_end(struct vaapi_colours *colours, VADisplay va)
{
    if (colours->filter != VA_INVALID_ID)
        vaDestroyBuffer(va, colours->filter);
    colours->filter = VA_INVALID_ID;
}
