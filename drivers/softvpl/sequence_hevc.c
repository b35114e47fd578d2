/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sequence_hevc.c - ITU-T H.265 7.3.2.2 (sequence parameter set), 7.3.3 (profile, tier, level) and E.2.1 (VUI). */
#include <string.h>

#include "drivers/softvpl/bits.h"
#include "drivers/softvpl/sequence.h"

enum { ASPECT_EXTENDED = 255, SPS_BYTES_MAX = 4096, SHORT_TERM_SETS_MAX = 64, PICTURES_MAX = 16 };

static void read_profile_tier_level(struct sequence *sequence, struct bits *bits, unsigned sub_layers)
{
    bool profile_present[8] = { false }, level_present[8] = { false };

    bits_get(bits, 2);
    unsigned tier = bits_get(bits, 1);
    sequence->profile = (uint16_t)bits_get(bits, 5);
    bits_skip(bits, 32 + 4);
    bits_skip(bits, 43 + 1);
    unsigned level = bits_get(bits, 8);
    sequence->level = (uint16_t)(level / 3 | (tier ? MFX_TIER_HEVC_HIGH : 0)); /* 30 times the level to 10 times */
    for (unsigned i = 0; i < sub_layers; i++) {
        profile_present[i] = bits_get(bits, 1);
        level_present[i] = bits_get(bits, 1);
    }
    for (unsigned i = sub_layers; sub_layers && i < 8; i++)
        bits_get(bits, 2);
    for (unsigned i = 0; i < sub_layers; i++)
        bits_skip(bits, (profile_present[i] ? 88U : 0U) + (level_present[i] ? 8U : 0U));
}

static void skip_scaling_lists(struct bits *bits)
{
    for (int size = 0; size < 4; size++) {
        for (int matrix = 0; matrix < 6 && !bits->overrun; matrix += size == 3 ? 3 : 1) {
            if (!bits_get(bits, 1)) {
                bits_ue(bits);
                continue;
            }
            int coefficients = size == 0 ? 16 : 64;
            if (size > 1)
                bits_se(bits);
            for (int i = 0; i < coefficients; i++)
                bits_se(bits);
        }
    }
}

/* Returns how many pictures the set has, which the next one may be predicted from. */
static unsigned skip_short_term_set(struct bits *bits, unsigned index, unsigned previous)
{
    if (index && bits_get(bits, 1)) {
        unsigned pictures = 0;
        bits_get(bits, 1);
        bits_ue(bits);
        for (unsigned i = 0; i <= previous && !bits->overrun; i++) {
            bool used = bits_get(bits, 1);
            if (used || bits_get(bits, 1))
                pictures++;
        }
        return pictures;
    }
    uint32_t negative = bits_ue(bits), positive = bits_ue(bits);
    if (negative > PICTURES_MAX || positive > PICTURES_MAX) {
        bits->overrun = true;
        return 0;
    }
    for (uint32_t i = 0; i < negative + positive && !bits->overrun; i++) {
        bits_ue(bits);
        bits_get(bits, 1);
    }
    return negative + positive;
}

static void skip_to_vui(struct bits *bits, unsigned order_bits)
{
    for (int i = 0; i < 6; i++)
        bits_ue(bits); /* block and transform sizes and depths */
    if (bits_get(bits, 1) && bits_get(bits, 1))
        skip_scaling_lists(bits);
    bits_get(bits, 2);
    if (bits_get(bits, 1)) { /* pcm */
        bits_get(bits, 8);
        bits_ue(bits);
        bits_ue(bits);
        bits_get(bits, 1);
    }
    uint32_t sets = bits_ue(bits);
    if (sets > SHORT_TERM_SETS_MAX)
        bits->overrun = true;
    unsigned pictures = 0;
    for (uint32_t i = 0; i < sets && !bits->overrun; i++)
        pictures = skip_short_term_set(bits, i, pictures);
    if (bits_get(bits, 1)) {
        uint32_t long_term = bits_ue(bits);
        for (uint32_t i = 0; i < long_term && !bits->overrun; i++)
            bits_skip(bits, order_bits + 1);
    }
    bits_get(bits, 2);
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
        bits_get(bits, 1);
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
    if (bits_get(bits, 1)) {
        bits_ue(bits);
        bits_ue(bits);
    }
    bits_get(bits, 3); /* neutral chroma, field sequence, frame field information */
    if (bits_get(bits, 1))
        for (int i = 0; i < 4; i++)
            bits_ue(bits); /* default display window */
    if (bits_get(bits, 1)) {
        uint32_t units = bits_get(bits, 32), scale = bits_get(bits, 32);
        if (units && scale && !bits->overrun) {
            sequence->rate_numerator = scale;
            sequence->rate_denominator = units;
        }
    }
}

static bool read_size(struct sequence *sequence, struct bits *bits)
{
    uint32_t width = bits_ue(bits), height = bits_ue(bits), crop[4] = { 0 };
    if (width < 8 || height < 8 || width > 16384 || height > 16384)
        return false;
    sequence->width = (uint16_t)width;
    sequence->height = (uint16_t)height;
    if (bits_get(bits, 1))
        for (int i = 0; i < 4; i++)
            crop[i] = bits_ue(bits);
    uint32_t unit_x = sequence->chroma_format == 1 || sequence->chroma_format == 2 ? 2 : 1;
    uint32_t unit_y = sequence->chroma_format == 1 ? 2 : 1;
    for (int i = 0; i < 4; i++)
        if (crop[i] > 16384)
            return false;
    if ((crop[0] + crop[1]) * unit_x >= width || (crop[2] + crop[3]) * unit_y >= height)
        return false;
    sequence->crop_x = (uint16_t)(crop[0] * unit_x);
    sequence->crop_y = (uint16_t)(crop[2] * unit_y);
    sequence->crop_width = (uint16_t)(width - (crop[0] + crop[1]) * unit_x);
    sequence->crop_height = (uint16_t)(height - (crop[2] + crop[3]) * unit_y);
    return true;
}

bool sequence_parse_hevc(struct sequence *sequence, const uint8_t *nal, size_t bytes)
{
    uint8_t raw[SPS_BYTES_MAX];
    struct bits bits = bits_of(raw, nal_unescape(raw, sizeof raw, nal, bytes));

    memset(sequence, 0, sizeof *sequence);
    sequence->codec = MFX_CODEC_HEVC;
    sequence->progressive = true; /* HEVC codes frames; a field sequence comes as separate pictures */
    bits_get(&bits, 4);
    unsigned sub_layers = bits_get(&bits, 3);
    if (sub_layers > 6)
        return false;
    bits_get(&bits, 1);
    read_profile_tier_level(sequence, &bits, sub_layers);
    bits_ue(&bits);
    sequence->chroma_format = (uint8_t)bits_ue(&bits);
    if (sequence->chroma_format > 3)
        return false;
    if (sequence->chroma_format == 3)
        bits_get(&bits, 1);
    if (!read_size(sequence, &bits))
        return false;
    uint32_t luma = bits_ue(&bits), chroma = bits_ue(&bits), order_bits = bits_ue(&bits) + 4;
    if (luma > 8 || chroma > 8 || order_bits > 16)
        return false;
    sequence->bit_depth = (uint8_t)(8 + (luma > chroma ? luma : chroma));
    for (unsigned i = bits_get(&bits, 1) ? 0 : sub_layers; i <= sub_layers; i++) {
        uint32_t buffering = bits_ue(&bits), reorder = bits_ue(&bits);
        bits_ue(&bits);
        if (buffering > 16 || reorder > 16)
            return false;
        sequence->reference_frames = (uint8_t)(buffering + 1);
        sequence->delay_frames = (uint8_t)reorder;
    }
    if (bits.overrun)
        return false;
    skip_to_vui(&bits, order_bits);
    if (!bits.overrun && bits_get(&bits, 1))
        read_vui(sequence, &bits);
    return true;
}
