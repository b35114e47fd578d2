/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec_string.c - SPS and AudioSpecificConfig, the first bytes of each. */
#include "encode/codec_string.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavcodec/codec_par.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "board/error.h"

enum { CODEC_NAME_BYTES = 32, NAL_TYPE_SPS = 7, AVCC_VERSION = 1, OBJECT_TYPE_ESCAPE = 31 };

/* The three bytes behind the NAL header of the first SPS: profile, constraint flags, level. NULL: there is none. */
static const uint8_t *sps_profile(const uint8_t *data, size_t size)
{
    if (size >= 4 && data[0] == AVCC_VERSION)
        return data + 1; /* avcC repeats them */
    for (size_t i = 0; i + 7 <= size; i++)
        if (data[i] == 0 && data[i + 1] == 0 && data[i + 2] == 1 && (data[i + 3] & 0x1f) == NAL_TYPE_SPS)
            return data + i + 4;
    return NULL;
}

static int h264_name(char *name, const AVCodecParameters *parameters, struct error *err)
{
    const uint8_t *sps = sps_profile(parameters->extradata, (size_t)parameters->extradata_size);
    if (!sps)
        return error_set(err, -EINVAL, "H.264 headers hold no sequence parameter set");
    snprintf(name, CODEC_NAME_BYTES, "avc1.%02x%02x%02x", sps[0], sps[1], sps[2]);
    return 0;
}

/* ISO 14496-3, 1.6.2.1: five bits of audio object type, 31 says that six more follow. */
static int aac_name(char *name, const AVCodecParameters *parameters, struct error *err)
{
    const uint8_t *config = parameters->extradata;
    if (parameters->extradata_size < 2)
        return error_set(err, -EINVAL, "AAC headers hold no AudioSpecificConfig");
    unsigned type = config[0] >> 3;
    if (type == OBJECT_TYPE_ESCAPE)
        type = 32 + ((config[0] & 7u) << 3 | config[1] >> 5);
    if (type == 0)
        return error_set(err, -EINVAL, "AAC headers say audio object type 0");
    snprintf(name, CODEC_NAME_BYTES, "mp4a.40.%u", type);
    return 0;
}

static bool is_in(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = text; (at = strstr(at, name)); at += length)
        if (at[length] == '\0' || at[length] == ',')
            return true;
    return false;
}

int codec_string_append(char *text, size_t capacity, const struct AVCodecParameters *parameters, struct error *err)
{
    char name[CODEC_NAME_BYTES];
    int result;

    switch (parameters->codec_id) {
    case AV_CODEC_ID_H264:
        result = h264_name(name, parameters, err);
        break;
    case AV_CODEC_ID_AAC:
        result = aac_name(name, parameters, err);
        break;
    case AV_CODEC_ID_MJPEG:
        snprintf(name, sizeof name, "jpeg"); /* as playlists of pictures name it */
        result = 0;
        break;
    default:
        return error_set(err, -ENOTSUP, "%s has no codec string", avcodec_get_name(parameters->codec_id));
    }
    if (result < 0 || is_in(text, name))
        return result;
    size_t used = strlen(text);
    if (used + (used > 0) + strlen(name) + 1 > capacity)
        return error_set(err, -ENOSPC, "no room for codec string %s", name);
    snprintf(text + used, capacity - used, "%s%s", used ? "," : "", name);
    return 0;
}
