/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit_av1.c - temporal units of the low overhead format (AV1 specification, 5.3 and 7.5), and the sequence header
 * (5.5). There are no start codes: where sizes do not lead on, the next temporal delimiter does. */
#include <string.h>

#include "drivers/softvpl/bits.h"
#include "drivers/softvpl/units.h"

enum {
    SEQUENCE_HEADER = 1,
    TEMPORAL_DELIMITER = 2,
    FRAME_HEADER = 3,
    FRAME = 6,
    LEB_BYTES_MAX = 8,
    DELIMITER_BYTES = 2,
    COLOUR_BT709 = 1,
    TRANSFER_SRGB = 13,
    UNSPECIFIED = 2
};

/* No reserved bits, and a size follows. */
static bool may_be_unit(uint8_t header)
{
    return !(header & 0x81) && header & 2;
}

size_t obu_read(struct obu *obu, const uint8_t *data, size_t bytes)
{
    uint64_t size = 0;
    bool more = true;

    if (bytes < DELIMITER_BYTES || !may_be_unit(data[0]))
        return 0;
    size_t header = 1 + (data[0] >> 2 & 1U);
    for (unsigned i = 0; more && i < LEB_BYTES_MAX && header < bytes; i++) {
        size |= (uint64_t)(data[header] & 0x7f) << 7 * i;
        more = data[header++] & 0x80;
    }
    if (more || size > bytes - header)
        return 0;
    *obu = (struct obu){ data[0] >> 3 & 15U, data + header, (size_t)size };
    return header + (size_t)size;
}

/* ---- the sequence header ---------------------------------------------------------------------------------------- */

static unsigned read_timing(struct sequence *sequence, struct bits *bits, bool *model)
{
    if (!bits_get(bits, 1))
        return 0;
    uint32_t units = bits_get(bits, 32), scale = bits_get(bits, 32);
    bool equal = bits_get(bits, 1);
    uint64_t ticks = equal ? (uint64_t)bits_ue(bits) + 1 : 1;
    if (equal && units && scale && units * ticks <= UINT32_MAX) {
        sequence->rate_numerator = scale;
        sequence->rate_denominator = (uint32_t)(units * ticks);
    }
    *model = bits_get(bits, 1);
    if (!*model)
        return 0;
    unsigned delay_bits = bits_get(bits, 5) + 1;
    bits_skip(bits, 32 + 10);
    return delay_bits;
}

static void read_operating_points(struct sequence *sequence, struct bits *bits)
{
    bool model = false;
    unsigned delay_bits = read_timing(sequence, bits, &model);
    bool initial_delay = bits_get(bits, 1);
    unsigned count = bits_get(bits, 5) + 1;

    for (unsigned i = 0; i < count && !bits->overrun; i++) {
        bits_skip(bits, 12);
        unsigned level = bits_get(bits, 5);
        if (level > 7)
            bits_skip(bits, 1);
        if (i == 0)
            sequence->level = (uint16_t)((2 + (level >> 2)) * 10 + (level & 3));
        if (model && bits_get(bits, 1))
            bits_skip(bits, 2 * (size_t)delay_bits + 1);
        if (initial_delay && bits_get(bits, 1))
            bits_skip(bits, 4);
    }
}

static void skip_tools(struct bits *bits, bool reduced)
{
    bits_skip(bits, 3);
    if (!reduced) {
        bits_skip(bits, 4);
        bool order_hint = bits_get(bits, 1);
        if (order_hint)
            bits_skip(bits, 2);
        unsigned screen = bits_get(bits, 1) ? 2 : bits_get(bits, 1);
        if (screen > 0 && !bits_get(bits, 1))
            bits_skip(bits, 1);
        if (order_hint)
            bits_skip(bits, 3);
    }
    bits_skip(bits, 3);
}

static void read_colour(struct sequence *sequence, struct bits *bits, unsigned profile)
{
    unsigned high = bits_get(bits, 1), twelve = profile == 2 && high ? bits_get(bits, 1) : 0;
    bool mono = profile != 1 && bits_get(bits, 1), narrow = profile == 0, low = profile == 0;

    sequence->bit_depth = twelve ? 12 : high ? 10 : 8;
    sequence->primaries = sequence->transfer = sequence->matrix = UNSPECIFIED;
    sequence->colour_present = bits_get(bits, 1);
    if (sequence->colour_present) {
        sequence->primaries = (uint8_t)bits_get(bits, 8);
        sequence->transfer = (uint8_t)bits_get(bits, 8);
        sequence->matrix = (uint8_t)bits_get(bits, 8);
    }
    bool rgb = sequence->primaries == COLOUR_BT709 && sequence->transfer == TRANSFER_SRGB && sequence->matrix == 0;
    sequence->full_range = rgb && !mono ? 1 : (uint8_t)bits_get(bits, 1);
    if (profile == 2 && !mono && !rgb) {
        narrow = twelve ? bits_get(bits, 1) : true;
        low = twelve && narrow && bits_get(bits, 1);
    }
    sequence->signal_present = sequence->colour_present || sequence->full_range;
    sequence->video_format = 5;
    sequence->chroma_format = mono ? 0 : low ? 1 : narrow ? 2 : 3;
}

bool sequence_parse_av1(struct sequence *sequence, const uint8_t *header, size_t bytes)
{
    struct bits bits = { .data = header, .size_bits = bytes * 8 };

    memset(sequence, 0, sizeof *sequence);
    sequence->codec = MFX_CODEC_AV1;
    unsigned profile = bits_get(&bits, 3);
    bits_skip(&bits, 1);
    bool reduced = bits_get(&bits, 1);
    if (reduced)
        bits_skip(&bits, 5);
    else
        read_operating_points(sequence, &bits);
    unsigned width_bits = bits_get(&bits, 4) + 1, height_bits = bits_get(&bits, 4) + 1;
    uint32_t width = bits_get(&bits, width_bits) + 1, height = bits_get(&bits, height_bits) + 1;
    if (!reduced && bits_get(&bits, 1))
        bits_skip(&bits, 7);
    skip_tools(&bits, reduced);
    read_colour(sequence, &bits, profile);
    if (bits.overrun || profile > 2 || width > UINT16_MAX - 31 || height > UINT16_MAX - 31)
        return false;
    sequence->profile = (uint16_t)(profile + 1);
    sequence->width = sequence->crop_width = (uint16_t)width;
    sequence->height = sequence->crop_height = (uint16_t)height;
    sequence->progressive = true;
    sequence->reference_frames = 8;
    return true;
}

/* ---- units ------------------------------------------------------------------------------------------------------ */

/* A delimiter is two bytes that seldom stand anywhere else. */
static size_t find_delimiter(const uint8_t *data, size_t bytes, size_t from)
{
    for (size_t at = from; at + 1 < bytes; at++)
        if (data[at] == (TEMPORAL_DELIMITER << 3 | 2) && data[at + 1] == 0)
            return at;
    return bytes;
}

bool unit_find_av1(struct access_unit *unit, const uint8_t *data, size_t bytes, bool complete)
{
    bool frame = false;
    size_t at, used = 0;
    struct obu obu;

    if (bytes && !may_be_unit(data[0]))
        unit->start = find_delimiter(data, bytes, complete ? 1 : 0);
    for (at = unit->start; at < bytes; at += used) {
        used = obu_read(&obu, data + at, bytes - at);
        if (!used || (obu.type == TEMPORAL_DELIMITER && at > unit->start))
            break;
        frame |= obu.type == FRAME || obu.type == FRAME_HEADER;
        if (obu.type != SEQUENCE_HEADER || unit->has_sequence)
            continue;
        unit->has_sequence = sequence_parse_av1(&unit->sequence, obu.data, obu.bytes);
        unit->bad_sequence = !unit->has_sequence;
        unit->intra = unit->has_sequence;
        unit->header_start = at;
        unit->header_end = at + used;
    }
    if (at < bytes && !used) /* what is only cut goes on; what is broken, to the next delimiter */
        at = may_be_unit(data[at]) ? bytes : find_delimiter(data, bytes, at + 1);
    unit->end = at;
    if (at < bytes)
        return frame || at > unit->start;
    return complete && unit->start < bytes;
}
