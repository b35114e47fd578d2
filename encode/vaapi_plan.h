/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vaapi_plan.h - a video description in VA-API's words, as far as a driver offers what it asks for: profile, rate
 * control, level, block sizes. What is not offered and cannot be done otherwise is refused with a sentence; the rest
 * becomes a note. A plain value. One thread.
 *
 *     vaapi_plan_make(&plan, va, &rung_config, &err);
 *     vaCreateConfig(va, plan.profile, plan.entrypoint, ...);
 *     vaapi_buffers_make(&buffers, &plan, &place);             // vaapi_buffers.h
 */
#pragma once
#include <libavcodec/codec_id.h>
#include <stdbool.h>
#include <stdint.h>
#include <va/va.h>

struct error;
struct rung_config;

struct vaapi_plan {
    enum AVCodecID codec; /* H.264 or HEVC */
    VAProfile profile;
    VAEntrypoint entrypoint;
    unsigned rt_format, fourcc, bit_depth;
    unsigned width, height; /* to be seen */
    unsigned coded_width, coded_height;
    unsigned rate_control;                    /* one VA_RC_ bit */
    unsigned bits_per_second, target_percent; /* at most, and what is aimed at */
    unsigned buffer_bits, quality;            /* quality: of QVBR, as a quantiser */
    unsigned rate_numerator, rate_denominator;
    unsigned aspect_width, aspect_height;
    unsigned gop_frames;
    unsigned level;   /* level_idc of the codec */
    unsigned speed;   /* 1: best .. the driver's range; 0: it has none */
    bool raw_headers; /* the driver takes packed headers of raw data: SEI */
    bool cabac, transform_8x8;
    bool describes_tools;        /* HEVC: the two below are the driver's; else what all are known to take */
    uint32_t tools, block_sizes; /* VAConfigAttribValEncHEVCFeatures, ...BlockSizes */
    unsigned smallest_block;     /* HEVC: of coding; coded sizes are its multiples */
    char changes[128];           /* what is done otherwise than asked; "": nothing */
};

int vaapi_plan_make(struct vaapi_plan *plan, VADisplay va, const struct rung_config *config, struct error *err);
/* The smallest level that has room for this; the highest, when none has. */
unsigned vaapi_level(enum AVCodecID codec, unsigned width, unsigned height, double pictures_per_second,
                     unsigned bits_per_second);
/* Whether a display can encode H.264 at all. */
bool vaapi_can_encode(VADisplay va);
