/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vaapi_units_fuzz.c - what a driver gives for a first picture and for those behind it: refused or rewritten. */
#include "encode/vaapi_units.h"

#include <libavcodec/packet.h>
#include <libavutil/log.h>
#include <string.h>

#include "board/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct vaapi_units_config config = { .name = "v", .codec = AV_CODEC_ID_H264, .width = 16, .height = 16 };
    struct vaapi_units *units = NULL;
    struct error err = { 0 };
    AVPacket *packet = av_packet_alloc();

    av_log_set_level(AV_LOG_QUIET);
    if (bytes && data[0] & 1)
        config.codec = AV_CODEC_ID_HEVC;
    if (bytes > 1 && packet && vaapi_units_create(&units, &config, data + 1, bytes - 1, &err) == 0 &&
        av_new_packet(packet, (int)bytes - 1) == 0) {
        memcpy(packet->data, data + 1, bytes - 1);
        vaapi_units_finish(units, packet, data, bytes < 256 ? bytes : 256);
    }
    av_packet_free(&packet);
    vaapi_units_destroy(units);
    return 0;
}
