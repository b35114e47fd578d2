/* SPDX-License-Identifier: GPL-2.0-or-later */
/* av1_units.c - 5.3 and 5.5 of the AV1 specification, as far as a configuration record goes. */
#include "encode/av1_units.h"

#include <errno.h>
#include <stdio.h>

#include "board/error.h"
#include "encode/bit_reader.h"
#include "encode/boxes.h"
#include "encode/coded_video.h"

enum { LENGTH_BYTES_MAX = 8, PADDING = 15, TILE_LIST = 8, COLOUR_BT709 = 1, TRANSFER_SRGB = 13, MATRIX_IDENTITY = 0 };

/* What a configuration record repeats of the sequence header. */
struct sequence {
    unsigned profile, level, tier, high_depth, twelve_bits, monochrome, subsampling_x, subsampling_y, position;
};

bool av1_units_next(const uint8_t **at, const uint8_t *end, struct av1_unit *unit)
{
    const uint8_t *begin = *at;
    uint64_t length = 0;

    if (begin >= end)
        return false;
    size_t room = (size_t)(end - begin), header = 1 + (begin[0] >> 2 & 1u);
    if (begin[0] & 2) {
        bool more = true;
        for (unsigned i = 0; more && i < LENGTH_BYTES_MAX && header < room; i++) {
            length |= (uint64_t)(begin[header] & 0x7f) << 7 * i;
            more = begin[header++] & 0x80;
        }
        if (more)
            return false;
    } else if (room >= header) {
        length = room - header;
    }
    if (header > room || length > room - header)
        return false;
    *unit = (struct av1_unit){ begin, header + (size_t)length, header, begin[0] >> 3 & 15u };
    *at = begin + unit->count;
    return true;
}

/* ---- the sequence header ---- */
static unsigned read_timing(struct bit_reader *bits, bool *model)
{
    unsigned delay_bits = 0;

    if (!bit_reader_get(bits, 1))
        return 0;
    bit_reader_get(bits, 32);
    bit_reader_get(bits, 32);
    if (bit_reader_get(bits, 1))
        bit_reader_golomb(bits);
    *model = bit_reader_get(bits, 1);
    if (*model) {
        delay_bits = bit_reader_get(bits, 5) + 1;
        bit_reader_get(bits, 32);
        bit_reader_get(bits, 10);
    }
    return delay_bits;
}

static void read_operating_points(struct sequence *sequence, struct bit_reader *bits)
{
    bool model = false;
    unsigned delay_bits = read_timing(bits, &model);
    bool initial_delay = bit_reader_get(bits, 1);
    unsigned count = bit_reader_get(bits, 5) + 1;

    for (unsigned i = 0; i < count; i++) {
        bit_reader_get(bits, 12);
        unsigned level = bit_reader_get(bits, 5), tier = level > 7 ? bit_reader_get(bits, 1) : 0;
        if (i == 0) {
            sequence->level = level;
            sequence->tier = tier;
        }
        if (model && bit_reader_get(bits, 1)) {
            bit_reader_get(bits, delay_bits);
            bit_reader_get(bits, delay_bits);
            bit_reader_get(bits, 1);
        }
        if (initial_delay && bit_reader_get(bits, 1))
            bit_reader_get(bits, 4);
    }
}

static void skip_tools(struct bit_reader *bits, bool reduced)
{
    bit_reader_get(bits, 3);
    if (!reduced) {
        bit_reader_get(bits, 4);
        bool order_hint = bit_reader_get(bits, 1);
        if (order_hint)
            bit_reader_get(bits, 2);
        unsigned screen = bit_reader_get(bits, 1) ? 2 : bit_reader_get(bits, 1);
        if (screen > 0 && !bit_reader_get(bits, 1))
            bit_reader_get(bits, 1);
        if (order_hint)
            bit_reader_get(bits, 3);
    }
    bit_reader_get(bits, 3);
}

static void read_colour(struct sequence *sequence, struct bit_reader *bits)
{
    unsigned primaries = 2, transfer = 2, matrix = 2;

    sequence->high_depth = bit_reader_get(bits, 1);
    sequence->twelve_bits = sequence->profile == 2 && sequence->high_depth ? bit_reader_get(bits, 1) : 0;
    sequence->monochrome = sequence->profile != 1 ? bit_reader_get(bits, 1) : 0;
    if (bit_reader_get(bits, 1)) {
        primaries = bit_reader_get(bits, 8);
        transfer = bit_reader_get(bits, 8);
        matrix = bit_reader_get(bits, 8);
    }
    sequence->subsampling_x = sequence->subsampling_y = sequence->profile == 0 || sequence->monochrome;
    if (sequence->monochrome || (primaries == COLOUR_BT709 && transfer == TRANSFER_SRGB && matrix == MATRIX_IDENTITY))
        return;
    bit_reader_get(bits, 1); /* range */
    if (sequence->profile == 2) {
        sequence->subsampling_x = sequence->twelve_bits ? bit_reader_get(bits, 1) : 1;
        sequence->subsampling_y = sequence->twelve_bits && sequence->subsampling_x ? bit_reader_get(bits, 1) : 0;
    }
    if (sequence->subsampling_x && sequence->subsampling_y)
        sequence->position = bit_reader_get(bits, 2);
}

static bool read_sequence(struct sequence *sequence, const struct av1_unit *unit)
{
    struct bit_reader bits = { .bytes = unit->bytes + unit->header, .count = unit->count - unit->header };

    *sequence = (struct sequence){ .profile = bit_reader_get(&bits, 3) };
    bit_reader_get(&bits, 1);
    bool reduced = bit_reader_get(&bits, 1);
    if (reduced)
        sequence->level = bit_reader_get(&bits, 5);
    else
        read_operating_points(sequence, &bits);
    unsigned width_bits = bit_reader_get(&bits, 4) + 1, height_bits = bit_reader_get(&bits, 4) + 1;
    bit_reader_get(&bits, width_bits);
    bit_reader_get(&bits, height_bits);
    if (!reduced && bit_reader_get(&bits, 1))
        bit_reader_get(&bits, 7);
    skip_tools(&bits, reduced);
    read_colour(sequence, &bits);
    return !bits.overrun && sequence->profile <= 2;
}

static int find_sequence(struct sequence *sequence, struct av1_unit *unit, const uint8_t *data, size_t bytes,
                         struct error *err)
{
    for (const uint8_t *at = data; av1_units_next(&at, data + bytes, unit);)
        if (unit->type == AV1_SEQUENCE_HEADER)
            return read_sequence(sequence, unit)
                       ? 0
                       : error_set(err, -EINVAL, "AV1 headers hold a sequence header that cannot be read");
    return error_set(err, -EINVAL, "AV1 headers hold no sequence header");
}

/* ---- what files hold ---- */
int av1_configuration(struct boxes *boxes, const uint8_t *extradata, size_t bytes, struct error *err)
{
    struct sequence sequence;
    struct av1_unit unit;
    int result = find_sequence(&sequence, &unit, extradata, bytes, err);

    if (result < 0)
        return result;
    boxes_u8(boxes, 0x81); /* marker and version */
    boxes_u8(boxes, sequence.profile << 5 | sequence.level);
    boxes_u8(boxes, sequence.tier << 7 | sequence.high_depth << 6 | sequence.twelve_bits << 5 |
                        sequence.monochrome << 4 | sequence.subsampling_x << 3 | sequence.subsampling_y << 2 |
                        sequence.position);
    boxes_u8(boxes, 0); /* initial presentation delay: not said */
    boxes_put(boxes, unit.bytes, unit.count);
    return 0;
}

/* Whether others refer to it stands deep in the frame header: it is taken for granted. */
bool av1_sample(struct boxes *boxes, const uint8_t *data, size_t bytes)
{
    struct av1_unit unit;

    for (const uint8_t *at = data; av1_units_next(&at, data + bytes, &unit);)
        if (unit.type != AV1_TEMPORAL_DELIMITER && unit.type != PADDING && unit.type != TILE_LIST)
            boxes_put(boxes, unit.bytes, unit.count);
    return true;
}

int av1_name(char *name, const uint8_t *extradata, size_t bytes, struct error *err)
{
    struct sequence sequence;
    struct av1_unit unit;
    int result = find_sequence(&sequence, &unit, extradata, bytes, err);

    if (result < 0)
        return result;
    unsigned depth = sequence.twelve_bits ? 12 : sequence.high_depth ? 10 : 8;
    snprintf(name, CODED_VIDEO_NAME_BYTES, "av01.%u.%02u%c.%02u", sequence.profile, sequence.level,
             sequence.tier ? 'H' : 'M', depth);
    return 0;
}
