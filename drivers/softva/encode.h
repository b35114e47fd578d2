/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encode.h - what the encoders of video share: rate control and other lasting parameters, one coding library each
 * (softvpl's encode_codec.h), one coded picture for each vaEndPicture.
 *
 * The library writes all parameter sets and slice headers itself, with a key picture in front where the application
 * asks for one; a picture refers to those right before it. So the surfaces of reconstructed pictures, which the
 * application names, stay untouched. SEI messages come as packed headers, and go in front of their picture.
 *
 * What is changed within a stream takes effect at once where the library can (x264: rates), else at the next IDR.
 */
#pragma once
#include "drivers/softva/config.h"
#include "drivers/softva/engine.h"
#include "drivers/softvpl/encode_settings.h"

/* What a sequence says, in whichever codec. */
struct encode_sequence {
    unsigned width, height; /* of the visible part */
    unsigned level, bits_per_second;
    unsigned rate_numerator, rate_denominator; /* pictures; 0: not said */
    unsigned aspect_width, aspect_height;
    bool high_tier, cavlc;
};

/* What a picture says. */
struct encode_request {
    VABufferID coded;
    bool idr, intra;
    unsigned qp; /* for constant quality */
    unsigned slices;
};

/* Lasting parameters of no codec in particular. */
struct encode_misc {
    unsigned rate_numerator, rate_denominator;
    unsigned bits_per_second, target_percent, minimum_qp, maximum_qp, icq_quality, qvbr_quality;
    unsigned buffer_bits, buffer_fullness;
    unsigned quality_level;
};

/* One for each codec. read: false: something is missing or cannot be. */
struct encode_kind {
    uint32_t codec; /* MFX_CODEC_ */
    const char *options;
    uint8_t sei_units[2]; /* NAL unit types */
    unsigned unit_header_bytes;
    bool level_needs_rate; /* the library promises no level without a bit rate */
    bool (*read_sequence)(const struct buffer *buffer, struct encode_sequence *sequence);
    bool (*read_picture)(const struct buffer *buffer, struct encode_request *request);
    bool (*read_slice)(const struct buffer *buffer, struct encode_request *request);
};

VAStatus encoder_create(void **instance, const struct engine_settings *settings, const struct encode_kind *kind);
void encoder_destroy(void *instance);
VAStatus encoder_work(void *instance, const struct picture *picture);

/* The picture's SEI messages out of packed NAL units; those that only fit the application's own parameter sets are left
 * out. */
struct message_list {
    struct encode_messages messages;
    uint8_t *bytes; /* of all messages; free with message_list_clear */
    size_t used, room;
};
bool message_list_add(struct message_list *list, const struct encode_kind *kind, const uint8_t *data, size_t bytes,
                      bool escaped);
void message_list_clear(struct message_list *list);
