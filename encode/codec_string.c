/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec_string.c - AudioSpecificConfig, the first bytes of it; video is in coded_video.h. */
#include "encode/codec_string.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavcodec/codec_par.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "board/error.h"
#include "encode/coded_video.h"

enum { OBJECT_TYPE_ESCAPE = 31 };

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
    snprintf(name, CODED_VIDEO_NAME_BYTES, "mp4a.40.%u", type);
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
    const struct coded_video *video = coded_video_of(parameters->codec_id);
    char name[CODED_VIDEO_NAME_BYTES];
    int result;

    switch (parameters->codec_id) {
    case AV_CODEC_ID_H264:
    case AV_CODEC_ID_HEVC:
    case AV_CODEC_ID_AV1:
        result = video->name(name, parameters->extradata, (size_t)parameters->extradata_size, err);
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
