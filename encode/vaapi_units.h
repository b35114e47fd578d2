/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vaapi_units.h - access units as a VA-API driver writes them, into what outputs need: an access unit delimiter in
 * front; the visible size and the source's colours in the SPS, of which VA-API's parameters say nothing; captions as
 * SEI, where the driver does not take them itself. What is coded is not touched.
 *
 * It is made with a first coded picture, since the parameter sets are the driver's: they are read there. One thread.
 *
 *     vaapi_units_create(&units, &config, data, bytes, &err);
 *     vaapi_units_describe(units, parameters);              // extradata, profile, level
 *     vaapi_units_finish(units, packet, captions, bytes);   // each one, in place
 */
#pragma once
#include <libavcodec/codec_id.h>
#include <stddef.h>
#include <stdint.h>
#include <vpl/mfx.h>

struct AVCodecParameters;
struct AVPacket;
struct error;
struct vaapi_units;

struct vaapi_units_config {
    const char *name; /* of the video, for sentences; borrow during create */
    enum AVCodecID codec;
    unsigned width, height;              /* to be seen */
    const mfxExtVideoSignalInfo *colour; /* borrow during create; NULL: not known */
};

/* give. -EINVAL: the picture has no parameter sets, or smaller ones than the size. */
int vaapi_units_create(struct vaapi_units **out, const struct vaapi_units_config *config, const uint8_t *first,
                       size_t bytes, struct error *err);
void vaapi_units_destroy(struct vaapi_units *units); /* NULL is fine */

int vaapi_units_describe(const struct vaapi_units *units, struct AVCodecParameters *parameters); /* 0 or -ENOMEM */
/* 0; negative: the packet is as it was. captions: SEI messages with their heads, or NULL. */
int vaapi_units_finish(struct vaapi_units *units, struct AVPacket *packet, const uint8_t *captions,
                       size_t caption_bytes);

/* A NAL unit of SEI with its start code, emulation prevention included. Returns its length; 0: no room. */
size_t vaapi_units_sei(enum AVCodecID codec, const uint8_t *messages, size_t bytes, uint8_t *unit, size_t room);
