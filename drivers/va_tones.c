/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/va_tones.h"

#include <va/va_vpp.h>

enum { TRIAL_WIDTH = 1280, TRIAL_HEIGHT = 720 };

static bool context_maps(VADisplay va, VAContextID context)
{
    VAProcFilterType filters[VAProcFilterCount];
    VAProcFilterCapHighDynamicRange caps[VAProcHighDynamicRangeMetadataTypeCount];
    unsigned filter_count = VAProcFilterCount, count = VAProcHighDynamicRangeMetadataTypeCount;
    bool listed = false, maps = false;

    if (vaQueryVideoProcFilters(va, context, filters, &filter_count) != VA_STATUS_SUCCESS)
        return false;
    for (unsigned i = 0; i < filter_count; i++)
        listed |= filters[i] == VAProcFilterHighDynamicRangeToneMapping;
    if (!listed || vaQueryVideoProcFilterCaps(va, context, VAProcFilterHighDynamicRangeToneMapping, caps, &count) !=
                       VA_STATUS_SUCCESS)
        return false;
    for (unsigned i = 0; i < count; i++)
        maps |= caps[i].metadata_type == VAProcHighDynamicRangeMetadataHDR10 &&
                caps[i].caps_flag & VA_TONE_MAPPING_HDR_TO_SDR;
    return maps;
}

bool va_tones_mapped(VADisplay va)
{
    VAConfigID config;
    VAContextID context;

    if (vaCreateConfig(va, VAProfileNone, VAEntrypointVideoProc, NULL, 0, &config) != VA_STATUS_SUCCESS)
        return false;
    bool made =
        vaCreateContext(va, config, TRIAL_WIDTH, TRIAL_HEIGHT, VA_PROGRESSIVE, NULL, 0, &context) == VA_STATUS_SUCCESS;
    bool maps = made && context_maps(va, context);
    if (made)
        vaDestroyContext(va, context);
    vaDestroyConfig(va, config);
    return maps;
}
