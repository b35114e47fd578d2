/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sequence_mpeg2.c - ISO/IEC 13818-2 6.2.2: sequence header, sequence extension, sequence display extension. */
#include <string.h>

#include "drivers/softvpl/bits.h"
#include "drivers/softvpl/sequence.h"

enum { START_EXTENSION = 0xb5, EXTENSION_SEQUENCE = 1, EXTENSION_DISPLAY = 2 };

static const struct {
    uint16_t numerator, denominator;
} rates[9] = { { 0, 0 },  { 24000, 1001 }, { 24, 1 },       { 25, 1 }, { 30000, 1001 },
               { 30, 1 }, { 50, 1 },       { 60000, 1001 }, { 60, 1 } };

/* The display aspect ratio of Table 6-3 as that of a sample. */
static void read_aspect(struct sequence *sequence, unsigned code)
{
    static const uint16_t display[5][2] = { { 0, 0 }, { 0, 0 }, { 4, 3 }, { 16, 9 }, { 221, 100 } };
    if (code == 1)
        sequence->aspect_width = sequence->aspect_height = 1;
    if (code < 2 || code > 4)
        return;
    uint32_t width = display[code][0] * (uint32_t)sequence->crop_height;
    uint32_t height = display[code][1] * (uint32_t)sequence->crop_width;
    uint32_t a = width, b = height;
    while (b) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    if (a && width / a <= UINT16_MAX && height / a <= UINT16_MAX) {
        sequence->aspect_width = (uint16_t)(width / a);
        sequence->aspect_height = (uint16_t)(height / a);
    }
}

static void read_extension(struct sequence *sequence, struct bits bits)
{
    switch (bits_get(&bits, 4)) {
    case EXTENSION_SEQUENCE: {
        unsigned profile_level = bits_get(&bits, 8);
        sequence->profile = profile_level & 0x70;
        sequence->level = profile_level & 0x0f;
        sequence->progressive = bits_get(&bits, 1);
        sequence->chroma_format = (uint8_t)bits_get(&bits, 2);
        sequence->width = (uint16_t)(sequence->width | bits_get(&bits, 2) << 12);
        sequence->height = (uint16_t)(sequence->height | bits_get(&bits, 2) << 12);
        bits_skip(&bits, 12 + 1 + 8 + 1);
        sequence->rate_numerator *= bits_get(&bits, 2) + 1;
        sequence->rate_denominator *= bits_get(&bits, 5) + 1;
        break;
    }
    case EXTENSION_DISPLAY:
        sequence->signal_present = true;
        sequence->video_format = (uint8_t)bits_get(&bits, 3);
        sequence->colour_present = bits_get(&bits, 1);
        if (sequence->colour_present) {
            sequence->primaries = (uint8_t)bits_get(&bits, 8);
            sequence->transfer = (uint8_t)bits_get(&bits, 8);
            sequence->matrix = (uint8_t)bits_get(&bits, 8);
        }
        break;
    default:
        break;
    }
}

bool sequence_parse_mpeg2(struct sequence *sequence, const uint8_t *header, size_t bytes)
{
    struct bits bits = bits_of(header, bytes);

    memset(sequence, 0, sizeof *sequence);
    sequence->codec = MFX_CODEC_MPEG2;
    sequence->progressive = true; /* MPEG-1, unless an extension says otherwise */
    sequence->chroma_format = 1;
    sequence->bit_depth = 8;
    sequence->reference_frames = 2;
    sequence->delay_frames = 1;
    sequence->width = (uint16_t)bits_get(&bits, 12);
    sequence->height = (uint16_t)bits_get(&bits, 12);
    unsigned aspect = bits_get(&bits, 4), rate = bits_get(&bits, 4);
    if (bits.overrun || !sequence->width || !sequence->height)
        return false;
    if (rate < sizeof rates / sizeof rates[0]) {
        sequence->rate_numerator = rates[rate].numerator;
        sequence->rate_denominator = rates[rate].denominator;
    }
    for (size_t i = 0; i + 4 < bytes; i++)
        if (header[i] == 0 && header[i + 1] == 0 && header[i + 2] == 1 && header[i + 3] == START_EXTENSION)
            read_extension(sequence, bits_of(header + i + 4, bytes - i - 4));
    sequence->crop_width = sequence->width;
    sequence->crop_height = sequence->height;
    read_aspect(sequence, aspect);
    return true;
}
