/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.c - the table of capabilities and the calls that ask about it. */
#include "drivers/softva/config.h"

#include <stdlib.h>

#include "drivers/softva/surface.h"

enum {
    RT_PROCESS =
        VA_RT_FORMAT_YUV420 | VA_RT_FORMAT_YUV420_10 | VA_RT_FORMAT_YUV422 | VA_RT_FORMAT_YUV422_10 | VA_RT_FORMAT_RGB32
};

enum { RATES = VA_RC_CQP | VA_RC_CBR | VA_RC_VBR | VA_RC_QVBR | VA_RC_ICQ };

/* SEI messages come as raw data. Clients that see the kinds of their own headers write messages that only fit their own
 * parameter sets; ffmpeg's H.264 does, so that it is only told of raw data. */
#define CODER(profile, engine, rt_format, packed)                                                                      \
    {                                                                                                                  \
        (profile), VAEntrypointEncSlice, (engine), (rt_format), RATES, VA_ENC_PACKED_HEADER_RAW_DATA | (packed)        \
    }
#define H264(profile)                                                                                                  \
    { (profile), VAEntrypointVLD, &engine_h264_decode, VA_RT_FORMAT_YUV420, 0, 0 },                                    \
        CODER(profile, &engine_h264_encode, VA_RT_FORMAT_YUV420, 0)
#define HEVC(profile, rt_format) CODER(profile, &engine_hevc_encode, rt_format, VA_ENC_PACKED_HEADER_MISC)

static const struct capability capabilities[] = {
    { VAProfileNone, VAEntrypointVideoProc, &engine_process, RT_PROCESS, 0, 0 },
    H264(VAProfileH264ConstrainedBaseline),
    H264(VAProfileH264Main),
    H264(VAProfileH264High),
    HEVC(VAProfileHEVCMain, VA_RT_FORMAT_YUV420),
    HEVC(VAProfileHEVCMain10, VA_RT_FORMAT_YUV420_10),
    HEVC(VAProfileHEVCMain422_10, VA_RT_FORMAT_YUV422_10),
    { VAProfileJPEGBaseline, VAEntrypointEncPicture, &engine_jpeg_encode, VA_RT_FORMAT_YUV420, 0,
      VA_ENC_PACKED_HEADER_RAW_DATA },
};
enum { CAPABILITIES = sizeof capabilities / sizeof capabilities[0] };

static const struct capability *find(VAProfile profile, VAEntrypoint entrypoint, VAStatus *status)
{
    *status = VA_STATUS_ERROR_UNSUPPORTED_PROFILE;
    for (unsigned i = 0; i < CAPABILITIES; i++) {
        if (capabilities[i].profile != profile)
            continue;
        *status = VA_STATUS_ERROR_UNSUPPORTED_ENTRYPOINT;
        if (capabilities[i].entrypoint == entrypoint) {
            *status = VA_STATUS_SUCCESS;
            return &capabilities[i];
        }
    }
    return NULL;
}

static VAStatus query_profiles(VADriverContextP context, VAProfile *profiles, int *count)
{
    (void)context;
    *count = 0;
    for (unsigned i = 0; i < CAPABILITIES; i++)
        if (i == 0 || capabilities[i].profile != capabilities[i - 1].profile)
            profiles[(*count)++] = capabilities[i].profile;
    return VA_STATUS_SUCCESS;
}

static VAStatus query_entrypoints(VADriverContextP context, VAProfile profile, VAEntrypoint *entrypoints, int *count)
{
    (void)context;
    *count = 0;
    for (unsigned i = 0; i < CAPABILITIES; i++)
        if (capabilities[i].profile == profile)
            entrypoints[(*count)++] = capabilities[i].entrypoint;
    return *count ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_UNSUPPORTED_PROFILE;
}

/* ---- attributes ------------------------------------------------------------------------------------------------- */

enum { QUALITIES = 7, SLICES_MAX = 32 };

/* Of encoders of video. One picture before is all that a picture may refer to: then each is coded at once. */
static uint32_t encode_attribute(const struct capability *capability, VAConfigAttribType type)
{
    switch (type) {
    case VAConfigAttribRateControl:
        return capability->rate_controls;
    case VAConfigAttribEncPackedHeaders:
        return capability->packed_headers;
    case VAConfigAttribEncMaxRefFrames:
        return 1;
    case VAConfigAttribEncMaxSlices:
        return capability->engine == &engine_h264_encode ? SLICES_MAX : 1;
    case VAConfigAttribEncSliceStructure:
        return VA_ENC_SLICE_STRUCTURE_EQUAL_ROWS;
    case VAConfigAttribEncQualityRange:
        return QUALITIES;
    default:
        return VA_ATTRIB_NOT_SUPPORTED;
    }
}

static uint32_t attribute_of(const struct capability *capability, VAConfigAttribType type)
{
    switch (type) {
    case VAConfigAttribRTFormat:
        return capability->rt_formats;
    case VAConfigAttribMaxPictureWidth:
    case VAConfigAttribMaxPictureHeight:
        return SURFACE_SIZE_MAX;
    case VAConfigAttribDecSliceMode:
        return capability->entrypoint == VAEntrypointVLD ? VA_DEC_SLICE_MODE_NORMAL : VA_ATTRIB_NOT_SUPPORTED;
    case VAConfigAttribEncJPEG: {
        VAConfigAttribValEncJPEG jpeg = { .bits = { .max_num_quantization_tables = 3,
                                                    .max_num_huffman_tables = 2,
                                                    .max_num_scans = 1,
                                                    .max_num_components = 3 } };
        return capability->entrypoint == VAEntrypointEncPicture ? jpeg.value : VA_ATTRIB_NOT_SUPPORTED;
    }
    case VAConfigAttribEncPackedHeaders:
        if (capability->entrypoint == VAEntrypointEncPicture)
            return capability->packed_headers;
        break;
    default:
        break;
    }
    return capability->rate_controls ? encode_attribute(capability, type) : VA_ATTRIB_NOT_SUPPORTED;
}

static VAStatus get_attributes(VADriverContextP context, VAProfile profile, VAEntrypoint entrypoint,
                               VAConfigAttrib *attributes, int count)
{
    VAStatus status;
    const struct capability *capability = find(profile, entrypoint, &status);

    (void)context;
    for (int i = 0; capability && i < count; i++)
        attributes[i].value = attribute_of(capability, attributes[i].type);
    return status;
}

/* ---- configurations --------------------------------------------------------------------------------------------- */

static void config_free(struct object *object)
{
    free(object);
}

static VAStatus apply(struct config *config, const VAConfigAttrib *attribute)
{
    const struct capability *capability = config->capability;

    switch (attribute->type) {
    case VAConfigAttribRTFormat:
        if (!(attribute->value & capability->rt_formats))
            return VA_STATUS_ERROR_UNSUPPORTED_RT_FORMAT;
        config->rt_formats = attribute->value & capability->rt_formats;
        return VA_STATUS_SUCCESS;
    case VAConfigAttribRateControl:
        if (attribute->value & ~capability->rate_controls)
            return VA_STATUS_ERROR_INVALID_CONFIG;
        config->rate_control = attribute->value;
        return VA_STATUS_SUCCESS;
    case VAConfigAttribEncPackedHeaders:
        if (attribute->value & ~capability->packed_headers)
            return VA_STATUS_ERROR_INVALID_CONFIG;
        config->packed_headers = attribute->value;
        return VA_STATUS_SUCCESS;
    default:
        return VA_STATUS_SUCCESS;
    }
}

static VAStatus create_config(VADriverContextP context, VAProfile profile, VAEntrypoint entrypoint,
                              VAConfigAttrib *attributes, int count, VAConfigID *id)
{
    VAStatus status;
    const struct capability *capability = find(profile, entrypoint, &status);

    if (!capability)
        return status;
    struct config *config = calloc(1, sizeof *config);
    if (!config)
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    config->capability = capability;
    config->rt_formats = capability->entrypoint == VAEntrypointVideoProc
                             ? capability->rt_formats
                             : capability->rt_formats & -capability->rt_formats;
    config->rate_control = capability->rate_controls ? VA_RC_CQP : 0;
    for (int i = 0; status == VA_STATUS_SUCCESS && i < count; i++)
        status = apply(config, &attributes[i]);
    if (status == VA_STATUS_SUCCESS &&
        !objects_add(driver_of(context)->objects, OBJECT_CONFIG, &config->object, config_free))
        status = VA_STATUS_ERROR_MAX_NUM_EXCEEDED;
    if (status == VA_STATUS_SUCCESS)
        *id = config->object.id;
    else
        free(config);
    return status;
}

static VAStatus destroy_config(VADriverContextP context, VAConfigID id)
{
    bool found = objects_remove(driver_of(context)->objects, OBJECT_CONFIG, id);
    return found ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_INVALID_CONFIG;
}

static VAStatus query_config(VADriverContextP context, VAConfigID id, VAProfile *profile, VAEntrypoint *entrypoint,
                             VAConfigAttrib *attributes, int *count)
{
    struct config *config = objects_use(driver_of(context)->objects, OBJECT_CONFIG, id);

    if (!config)
        return VA_STATUS_ERROR_INVALID_CONFIG;
    *profile = config->capability->profile;
    *entrypoint = config->capability->entrypoint;
    *count = 0;
    attributes[(*count)++] = (VAConfigAttrib){ VAConfigAttribRTFormat, config->rt_formats };
    if (config->rate_control)
        attributes[(*count)++] = (VAConfigAttrib){ VAConfigAttribRateControl, config->rate_control };
    if (config->packed_headers)
        attributes[(*count)++] = (VAConfigAttrib){ VAConfigAttribEncPackedHeaders, config->packed_headers };
    object_release(&config->object);
    return VA_STATUS_SUCCESS;
}

/* ---- what surfaces it takes ------------------------------------------------------------------------------------- */

static VASurfaceAttrib integer(VASurfaceAttribType type, uint32_t flags, int value)
{
    return (VASurfaceAttrib){ type, flags, { VAGenericValueTypeInteger, { .i = value } } };
}

static VAStatus query_surface_attributes(VADriverContextP context, VAConfigID id, VASurfaceAttrib *attributes,
                                         unsigned *count)
{
    struct config *config = objects_use(driver_of(context)->objects, OBJECT_CONFIG, id);
    const uint32_t get = VA_SURFACE_ATTRIB_GETTABLE, both = VA_SURFACE_ATTRIB_GETTABLE | VA_SURFACE_ATTRIB_SETTABLE;
    VASurfaceAttrib list[VA_FORMATS + 8];
    unsigned found = 0;

    if (!config)
        return VA_STATUS_ERROR_INVALID_CONFIG;
    const struct va_format *format;
    for (unsigned i = 0; (format = va_format_at(i)); i++)
        if (format->rt_format & config->rt_formats)
            list[found++] = integer(VASurfaceAttribPixelFormat, both, (int)format->image.fourcc);
    object_release(&config->object);
    list[found++] = integer(VASurfaceAttribMinWidth, get, 16);
    list[found++] = integer(VASurfaceAttribMinHeight, get, 16);
    list[found++] = integer(VASurfaceAttribMaxWidth, get, SURFACE_SIZE_MAX);
    list[found++] = integer(VASurfaceAttribMaxHeight, get, SURFACE_SIZE_MAX);
    list[found++] = integer(VASurfaceAttribMemoryType, both,
                            VA_SURFACE_ATTRIB_MEM_TYPE_VA | VA_SURFACE_ATTRIB_MEM_TYPE_USER_PTR |
                                VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME | VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2);
    list[found++] = (VASurfaceAttrib){ VASurfaceAttribExternalBufferDescriptor,
                                       VA_SURFACE_ATTRIB_SETTABLE,
                                       { VAGenericValueTypePointer, { .p = NULL } } };
    unsigned room = *count;
    *count = found;
    if (!attributes)
        return VA_STATUS_SUCCESS;
    if (room < found)
        return VA_STATUS_ERROR_MAX_NUM_EXCEEDED;
    for (unsigned i = 0; i < found; i++)
        attributes[i] = list[i];
    return VA_STATUS_SUCCESS;
}

void config_entries(struct VADriverVTable *table)
{
    table->vaQueryConfigProfiles = query_profiles;
    table->vaQueryConfigEntrypoints = query_entrypoints;
    table->vaGetConfigAttributes = get_attributes;
    table->vaCreateConfig = create_config;
    table->vaDestroyConfig = destroy_config;
    table->vaQueryConfigAttributes = query_config;
    table->vaQuerySurfaceAttributes = query_surface_attributes;
}
