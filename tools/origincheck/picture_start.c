/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/origincheck/picture_start.h"

/* 1: an IDR, 0: another picture, -1: this unit is no picture. */
static int unit_is_idr(enum picture_codec codec, uint8_t first)
{
    unsigned type = codec == PICTURE_H264 ? first & 31u : first >> 1 & 63u;
    if (codec == PICTURE_H264)
        return type >= 1 && type <= 5 ? type == 5 : -1;
    return type < 32 ? type == 19 || type == 20 : -1;
}

static bool by_start_codes(enum picture_codec codec, const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i + 3 < bytes; i++) {
        if (data[i] || data[i + 1] || data[i + 2] != 1)
            continue;
        int idr = unit_is_idr(codec, data[i + 3]);
        if (idr >= 0)
            return idr;
        i += 2;
    }
    return false;
}

bool picture_is_idr(enum picture_codec codec, const uint8_t *data, size_t bytes, unsigned length_bytes)
{
    if (!length_bytes)
        return by_start_codes(codec, data, bytes);
    while (bytes > length_bytes) {
        size_t length = 0;
        for (unsigned i = 0; i < length_bytes; i++)
            length = length << 8 | data[i];
        data += length_bytes;
        bytes -= length_bytes;
        if (!length || length > bytes)
            return false;
        int idr = unit_is_idr(codec, data[0]);
        if (idr >= 0)
            return idr;
        data += length;
        bytes -= length;
    }
    return false;
}
