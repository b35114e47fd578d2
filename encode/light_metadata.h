/* SPDX-License-Identifier: GPL-2.0-or-later */
/* light_metadata.h - how bright a video is meant to be shown: HDR10's description of the display that it was mastered
 * on (SMPTE ST 2086) and its content light levels (CTA-861.3). It comes as SEI messages, and goes on as oneVPL's
 * extension buffers, as SEI messages and as boxes of MP4. A plain value; pure functions over bytes of any content.
 *
 *     struct light_metadata light = { 0 };
 *     light_metadata_read(&light, payload.Type, payload.Data, payload.NumBit / 8);     // of each SEI message
 *     if (light_metadata_known(&light)) light_metadata_boxes(&light, &boxes);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct boxes;

enum { LIGHT_METADATA_SEI_BYTES = 2 + 24 + 2 + 4 };

struct light_metadata {
    bool has_mastering, has_levels;
    uint16_t primaries_x[3], primaries_y[3]; /* of green, blue, red; in 0.00002 */
    uint16_t white_x, white_y;
    uint32_t luminance_maximum, luminance_minimum; /* of the display; 0.0001 cd/m2 */
    uint16_t content_maximum, average_maximum;     /* brightest pixel, brightest picture's average; cd/m2 */
};

/* A message with its head, as oneVPL hands it over. Others than the two, and ones that cannot be right, are passed
 * over. Returns whether it was one of them. */
bool light_metadata_read(struct light_metadata *light, unsigned type, const uint8_t *message, size_t bytes);
bool light_metadata_known(const struct light_metadata *light);
/* As messages with their heads. Returns their bytes; 0: nothing is known. */
size_t light_metadata_sei(const struct light_metadata *light, uint8_t messages[LIGHT_METADATA_SEI_BYTES]);
void light_metadata_boxes(const struct light_metadata *light, struct boxes *boxes); /* mdcv and clli, if known */
