/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sequence_h264.c - ITU-T H.264 7.3.2.1.1 (sequence parameter set) and E.1.1 (video usability information). */
#include <string.h>

#include "drivers/softvpl/bits.h"
#include "drivers/softvpl/sequence.h"

enum { ASPECT_EXTENDED = 255, SPS_BYTES_MAX = 4096 };

static bool has_chroma_format(unsigned profile)
{
    static const uint8_t high[] = { 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135 };
    return memchr(high, (int)profile, sizeof high) != NULL;
}

static void skip_scaling_lists(struct bits *bits, unsigned lists)
{
    for (unsigned i = 0; i < lists; i++) {
        if (!bits_get(bits, 1))
            continue;
        int last = 8, next = 8;
        for (int j = 0; j < (i < 6 ? 16 : 64) && !bits->overrun; j++) {
            if (next)
                next = (last + bits_se(bits)) & 0xff;
            last = next ? next : last;
        }
    }
}

static void skip_picture_order(struct bits *bits)
{
    unsigned type = bits_ue(bits);
    if (type == 0)
        bits_ue(bits);
    if (type != 1)
        return;
    bits_get(bits, 1);
    bits_se(bits);
    bits_se(bits);
    for (uint32_t cycle = bits_ue(bits); cycle > 0 && !bits->overrun; cycle--)
        bits_se(bits);
}

static void read_vui(struct sequence *sequence, struct bits *bits)
{
    if (bits_get(bits, 1)) {
        unsigned index = bits_get(bits, 8);
        if (index == ASPECT_EXTENDED) {
            sequence->aspect_width = (uint16_t)bits_get(bits, 16);
            sequence->aspect_height = (uint16_t)bits_get(bits, 16);
        } else {
            sequence_aspect(index, &sequence->aspect_width, &sequence->aspect_height);
        }
    }
    if (bits_get(bits, 1))
        bits_get(bits, 1); /* overscan */
    sequence->signal_present = bits_get(bits, 1);
    if (sequence->signal_present) {
        sequence->video_format = (uint8_t)bits_get(bits, 3);
        sequence->full_range = (uint8_t)bits_get(bits, 1);
        sequence->colour_present = bits_get(bits, 1);
        if (sequence->colour_present) {
            sequence->primaries = (uint8_t)bits_get(bits, 8);
            sequence->transfer = (uint8_t)bits_get(bits, 8);
            sequence->matrix = (uint8_t)bits_get(bits, 8);
        }
    }
    if (bits_get(bits, 1)) { /* chroma sample location */
        bits_ue(bits);
        bits_ue(bits);
    }
    if (bits_get(bits, 1)) {
        uint32_t units = bits_get(bits, 32), scale = bits_get(bits, 32);
        if (units && scale && units <= UINT32_MAX / 2) { /* a tick is a field */
            sequence->rate_numerator = scale % 2 ? scale : scale / 2;
            sequence->rate_denominator = scale % 2 ? units * 2 : units;
        }
    }
}

/* Table A-1: MaxDpbMbs, in macroblocks. */
static unsigned frames_of_level(unsigned level, bool constraint_set3, unsigned macroblocks)
{
    static const struct {
        uint8_t level;
        uint32_t macroblocks;
    } table[] = { { 10, 396 },    { 11, 900 },    { 12, 2376 },   { 13, 2376 },   { 20, 2376 },
                  { 21, 4752 },   { 22, 8100 },   { 30, 8100 },   { 31, 18000 },  { 32, 20480 },
                  { 40, 32768 },  { 41, 32768 },  { 42, 34816 },  { 50, 110400 }, { 51, 184320 },
                  { 52, 184320 }, { 60, 696320 }, { 61, 696320 }, { 62, 696320 } };
    unsigned frames = 16;

    if (level == 11 && constraint_set3)
        level = 10;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].level == level)
            frames = table[i].macroblocks / macroblocks;
    return frames > 16 ? 16 : frames;
}

static bool read_size(struct sequence *sequence, struct bits *bits)
{
    uint32_t width = bits_ue(bits) + 1, height = bits_ue(bits) + 1;
    sequence->progressive = bits_get(bits, 1);
    if (!sequence->progressive) {
        bits_get(bits, 1); /* mb_adaptive_frame_field */
        if (height > 1024)
            return false;
        height *= 2;
    }
    if (width > 1024 || height > 1024)
        return false;
    sequence->width = (uint16_t)(width * 16);
    sequence->height = (uint16_t)(height * 16);
    bits_get(bits, 1); /* direct_8x8_inference */
    uint32_t crop[4] = { 0 };
    if (bits_get(bits, 1))
        for (int i = 0; i < 4; i++)
            crop[i] = bits_ue(bits);
    uint32_t unit_x = sequence->chroma_format == 1 || sequence->chroma_format == 2 ? 2 : 1;
    uint32_t unit_y = (sequence->chroma_format == 1 ? 2 : 1) * (sequence->progressive ? 1 : 2);
    for (int i = 0; i < 4; i++)
        if (crop[i] > 16384)
            return false;
    if ((crop[0] + crop[1]) * unit_x >= sequence->width || (crop[2] + crop[3]) * unit_y >= sequence->height)
        return false;
    sequence->crop_x = (uint16_t)(crop[0] * unit_x);
    sequence->crop_y = (uint16_t)(crop[2] * unit_y);
    sequence->crop_width = (uint16_t)(sequence->width - (crop[0] + crop[1]) * unit_x);
    sequence->crop_height = (uint16_t)(sequence->height - (crop[2] + crop[3]) * unit_y);
    return true;
}

bool sequence_parse_h264(struct sequence *sequence, const uint8_t *nal, size_t bytes)
{
    uint8_t raw[SPS_BYTES_MAX];
    struct bits bits = bits_of(raw, nal_unescape(raw, sizeof raw, nal, bytes));

    memset(sequence, 0, sizeof *sequence);
    sequence->codec = MFX_CODEC_AVC;
    sequence->profile = (uint16_t)bits_get(&bits, 8);
    unsigned constraints = bits_get(&bits, 8);
    sequence->level = (uint16_t)bits_get(&bits, 8);
    bits_ue(&bits);
    sequence->chroma_format = 1;
    sequence->bit_depth = 8;
    if (has_chroma_format(sequence->profile)) {
        sequence->chroma_format = (uint8_t)bits_ue(&bits);
        if (sequence->chroma_format > 3)
            return false;
        if (sequence->chroma_format == 3)
            bits_get(&bits, 1);
        uint32_t luma = bits_ue(&bits), chroma = bits_ue(&bits);
        if (luma > 6 || chroma > 6)
            return false;
        sequence->bit_depth = (uint8_t)(8 + (luma > chroma ? luma : chroma));
        bits_get(&bits, 1);
        if (bits_get(&bits, 1))
            skip_scaling_lists(&bits, sequence->chroma_format == 3 ? 12 : 8);
    }
    bits_ue(&bits); /* log2_max_frame_num */
    skip_picture_order(&bits);
    uint32_t references = bits_ue(&bits);
    bits_get(&bits, 1);
    if (references > 16 || !read_size(sequence, &bits) || bits.overrun)
        return false;
    unsigned macroblocks = sequence->width / 16U * (sequence->height / 16U);
    unsigned frames = frames_of_level(sequence->level, constraints & 0x10, macroblocks);
    sequence->delay_frames = (uint8_t)(frames > references ? frames : references);
    sequence->reference_frames = sequence->delay_frames;
    if (bits_get(&bits, 1))
        read_vui(sequence, &bits); /* a cut VUI leaves its fields unsaid */
    return true;
}
