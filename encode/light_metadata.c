/* SPDX-License-Identifier: GPL-2.0-or-later */
/* light_metadata.c - the messages of H.264 and HEVC and the boxes of MP4 hold the same fields in the same order. */
#include "encode/light_metadata.h"

#include "encode/boxes.h"

enum {
    SEI_MASTERING = 137,
    SEI_LEVELS = 144,
    HEAD_BYTES = 2, /* type and size: both below 255 */
    MASTERING_BYTES = 24,
    LEVELS_BYTES = 4,
    CHROMATICITY_MAX = 50000,
};

static uint16_t u16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t u32(const uint8_t *at)
{
    return (uint32_t)u16(at) << 16 | u16(at + 2);
}

/* Encoders refuse what cannot be; then the picture is better without. */
static bool is_possible(const struct light_metadata *light)
{
    bool inside = light->white_x <= CHROMATICITY_MAX && light->white_y <= CHROMATICITY_MAX;

    for (unsigned i = 0; i < 3; i++)
        inside = inside && light->primaries_x[i] <= CHROMATICITY_MAX && light->primaries_y[i] <= CHROMATICITY_MAX;
    return inside && light->luminance_maximum > light->luminance_minimum;
}

static void read_mastering(struct light_metadata *light, const uint8_t *at)
{
    struct light_metadata read = *light;

    for (unsigned i = 0; i < 3; i++) {
        read.primaries_x[i] = u16(at + 4 * i);
        read.primaries_y[i] = u16(at + 4 * i + 2);
    }
    read.white_x = u16(at + 12);
    read.white_y = u16(at + 14);
    read.luminance_maximum = u32(at + 16);
    read.luminance_minimum = u32(at + 20);
    read.has_mastering = true;
    if (is_possible(&read))
        *light = read;
}

bool light_metadata_read(struct light_metadata *light, unsigned type, const uint8_t *message, size_t bytes)
{
    unsigned wanted = type == SEI_MASTERING ? MASTERING_BYTES : type == SEI_LEVELS ? LEVELS_BYTES : 0;

    if (!wanted || bytes < HEAD_BYTES + wanted || message[0] != type || message[1] != wanted)
        return false;
    if (type == SEI_MASTERING) {
        read_mastering(light, message + HEAD_BYTES);
    } else {
        light->content_maximum = u16(message + HEAD_BYTES);
        light->average_maximum = u16(message + HEAD_BYTES + 2);
        light->has_levels = light->content_maximum || light->average_maximum; /* 0: nobody measured */
    }
    return true;
}

bool light_metadata_known(const struct light_metadata *light)
{
    return light->has_mastering || light->has_levels;
}

static uint8_t *put(uint8_t *at, uint32_t value, unsigned bytes)
{
    while (bytes--)
        *at++ = (uint8_t)(value >> 8 * bytes);
    return at;
}

static uint8_t *put_mastering(uint8_t *at, const struct light_metadata *light)
{
    for (unsigned i = 0; i < 3; i++) {
        at = put(at, light->primaries_x[i], 2);
        at = put(at, light->primaries_y[i], 2);
    }
    at = put(at, light->white_x, 2);
    at = put(at, light->white_y, 2);
    at = put(at, light->luminance_maximum, 4);
    return put(at, light->luminance_minimum, 4);
}

static uint8_t *put_levels(uint8_t *at, const struct light_metadata *light)
{
    at = put(at, light->content_maximum, 2);
    return put(at, light->average_maximum, 2);
}

size_t light_metadata_sei(const struct light_metadata *light, uint8_t messages[LIGHT_METADATA_SEI_BYTES])
{
    uint8_t *at = messages;

    if (light->has_mastering) {
        at = put(at, SEI_MASTERING, 1);
        at = put(at, MASTERING_BYTES, 1);
        at = put_mastering(at, light);
    }
    if (light->has_levels) {
        at = put(at, SEI_LEVELS, 1);
        at = put(at, LEVELS_BYTES, 1);
        at = put_levels(at, light);
    }
    return (size_t)(at - messages);
}

void light_metadata_boxes(const struct light_metadata *light, struct boxes *boxes)
{
    uint8_t bytes[MASTERING_BYTES];

    if (light->has_mastering) {
        boxes_begin(boxes, "mdcv");
        boxes_put(boxes, bytes, (size_t)(put_mastering(bytes, light) - bytes));
        boxes_end(boxes);
    }
    if (light->has_levels) {
        boxes_begin(boxes, "clli");
        boxes_put(boxes, bytes, (size_t)(put_levels(bytes, light) - bytes));
        boxes_end(boxes);
    }
}
