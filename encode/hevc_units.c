/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hevc_units.c - 7.3.2.2 and 7.3.3 of ITU-T H.265 as far as a configuration record goes; 8.3.3 of ISO/IEC 14496-15. */
#include "encode/hevc_units.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "board/error.h"
#include "encode/annex_b.h"
#include "encode/bit_reader.h"
#include "encode/boxes.h"
#include "encode/coded_video.h"

enum {
    NAL_LAST_SUB_LAYER_N = 14, /* up to here, even types are pictures that no other of their layer refers to */
    NAL_LAST_SLICE = 31,
    NAL_VPS = 32,
    NAL_SPS = 33,
    NAL_PPS = 34,
    NAL_AUD = 35,
    NAL_HEADER_BYTES = 2,
    SPS_READ_BYTES = 256,
    GENERAL_BYTES = 12, /* of profile, tier and level */
    CONSTRAINT_BYTES = 6,
    SETS_MAX = 16,
    NAL_BYTES_MAX = 65535,
};

/* What a configuration record repeats of the sequence parameter set. */
struct sequence {
    uint8_t general[GENERAL_BYTES];
    unsigned sub_layers, nested, chroma, luma_depth, chroma_depth;
};

static unsigned type_of(const struct nal *nal)
{
    return nal->bytes[0] >> 1 & 0x3fu;
}

/* Takes the emulation prevention bytes out. */
static size_t unescape(uint8_t *to, size_t room, const uint8_t *from, size_t bytes)
{
    size_t written = 0;
    unsigned zeros = 0;

    for (size_t i = 0; i < bytes && written < room; i++) {
        if (zeros >= 2 && from[i] == 3) {
            zeros = 0;
            continue;
        }
        zeros = from[i] ? 0 : zeros + 1;
        to[written++] = from[i];
    }
    return written;
}

static void skip_sub_layers(struct bit_reader *bits, unsigned more)
{
    bool profile[8] = { false }, level[8] = { false };

    for (unsigned i = 0; i < more; i++) {
        profile[i] = bit_reader_get(bits, 1);
        level[i] = bit_reader_get(bits, 1);
    }
    for (unsigned i = more; more && i < 8; i++)
        bit_reader_get(bits, 2);
    for (unsigned i = 0; i < more; i++)
        bits->at += (profile[i] ? 88u : 0u) + (level[i] ? 8u : 0u);
}

static bool read_sequence(struct sequence *sequence, const struct nal *nal)
{
    uint8_t raw[SPS_READ_BYTES];
    struct bit_reader bits = { .bytes = raw };

    if (nal->count < NAL_HEADER_BYTES)
        return false;
    bits.count = unescape(raw, sizeof raw, nal->bytes + NAL_HEADER_BYTES, nal->count - NAL_HEADER_BYTES);
    bit_reader_get(&bits, 4);
    unsigned more = bit_reader_get(&bits, 3);
    sequence->sub_layers = more + 1;
    sequence->nested = bit_reader_get(&bits, 1);
    for (unsigned i = 0; i < GENERAL_BYTES; i++)
        sequence->general[i] = (uint8_t)bit_reader_get(&bits, 8);
    skip_sub_layers(&bits, more);
    bit_reader_golomb(&bits); /* its id */
    sequence->chroma = bit_reader_golomb(&bits);
    if (sequence->chroma == 3)
        bit_reader_get(&bits, 1);
    bit_reader_golomb(&bits);
    bit_reader_golomb(&bits); /* the size */
    if (bit_reader_get(&bits, 1))
        for (unsigned i = 0; i < 4; i++)
            bit_reader_golomb(&bits);
    sequence->luma_depth = bit_reader_golomb(&bits);
    sequence->chroma_depth = bit_reader_golomb(&bits);
    return !bits.overrun && sequence->chroma < 4 && sequence->luma_depth < 8 && sequence->chroma_depth < 8;
}

static int find_sequence(struct sequence *sequence, const uint8_t *data, size_t bytes, struct error *err)
{
    struct nal nal;

    for (const uint8_t *at = data; annex_b_next(&at, data + bytes, &nal);)
        if (type_of(&nal) == NAL_SPS)
            return read_sequence(sequence, &nal)
                       ? 0
                       : error_set(err, -EINVAL, "HEVC headers hold a sequence parameter set that cannot be read");
    return error_set(err, -EINVAL, "HEVC headers hold no sequence parameter set");
}

/* All sets of one kind: an array of the record. */
static int put_array(struct boxes *boxes, unsigned type, const uint8_t *data, size_t bytes, struct error *err)
{
    unsigned count = 0;
    struct nal nal;

    for (const uint8_t *at = data; annex_b_next(&at, data + bytes, &nal);)
        count += type_of(&nal) == type && nal.count <= NAL_BYTES_MAX;
    if (!count || count > SETS_MAX)
        return error_set(err, -EINVAL, "HEVC headers hold %u parameter sets of type %u", count, type);
    boxes_u8(boxes, 0x80 | type); /* none of them is in the samples */
    boxes_u16(boxes, count);
    for (const uint8_t *at = data; annex_b_next(&at, data + bytes, &nal);)
        if (type_of(&nal) == type && nal.count <= NAL_BYTES_MAX) {
            boxes_u16(boxes, (unsigned)nal.count);
            boxes_put(boxes, nal.bytes, nal.count);
        }
    return 0;
}

int hevc_configuration(struct boxes *boxes, const uint8_t *extradata, size_t bytes, struct error *err)
{
    static const unsigned types[] = { NAL_VPS, NAL_SPS, NAL_PPS };
    struct sequence sequence;
    int result = find_sequence(&sequence, extradata, bytes, err);

    if (result < 0)
        return result;
    boxes_u8(boxes, 1); /* version */
    boxes_put(boxes, sequence.general, GENERAL_BYTES);
    boxes_u16(boxes, 0xf000); /* spatial segmentation: not said */
    boxes_u8(boxes, 0xfc);    /* parallelism: not said */
    boxes_u8(boxes, 0xfc | sequence.chroma);
    boxes_u8(boxes, 0xf8 | sequence.luma_depth);
    boxes_u8(boxes, 0xf8 | sequence.chroma_depth);
    boxes_u16(boxes, 0);                                                  /* frame rate: not said */
    boxes_u8(boxes, sequence.sub_layers << 3 | sequence.nested << 2 | 3); /* lengths of four bytes */
    boxes_u8(boxes, sizeof types / sizeof types[0]);
    for (unsigned i = 0; result == 0 && i < sizeof types / sizeof types[0]; i++)
        result = put_array(boxes, types[i], extradata, bytes, err);
    return result;
}

bool hevc_sample(struct boxes *boxes, const uint8_t *data, size_t bytes)
{
    bool referred = false;
    struct nal nal;

    for (const uint8_t *at = data; annex_b_next(&at, data + bytes, &nal);) {
        unsigned type = type_of(&nal);
        if (type >= NAL_VPS && type <= NAL_AUD)
            continue;
        if (type <= NAL_LAST_SLICE)
            referred |= type > NAL_LAST_SUB_LAYER_N || type % 2 == 1;
        boxes_u32(boxes, (uint32_t)nal.count);
        boxes_put(boxes, nal.bytes, nal.count);
    }
    return referred;
}

static uint32_t reversed(uint32_t value)
{
    uint32_t out = 0;
    for (unsigned i = 0; i < 32; i++)
        out |= (value >> i & 1u) << (31 - i);
    return out;
}

/* ISO/IEC 14496-15, E.3: profile, compatibility flags from the last to the first, tier and level, constraints. */
int hevc_name(char *name, const uint8_t *extradata, size_t bytes, struct error *err)
{
    struct sequence sequence;
    int result = find_sequence(&sequence, extradata, bytes, err);

    if (result < 0)
        return result;
    const uint8_t *general = sequence.general, *constraints = general + 5;
    uint32_t flags = (uint32_t)general[1] << 24 | general[2] << 16 | general[3] << 8 | general[4];
    unsigned space = general[0] >> 6, last = CONSTRAINT_BYTES;
    int used = snprintf(name, CODED_VIDEO_NAME_BYTES, "hvc1.%s%u.%x.%c%u", space ? &"A\0B\0C"[2 * (space - 1)] : "",
                        general[0] & 0x1fu, (unsigned)reversed(flags), general[0] & 0x20 ? 'H' : 'L', general[11]);
    while (last && !constraints[last - 1])
        last--;
    for (unsigned i = 0; i < last && used < CODED_VIDEO_NAME_BYTES - 3; i++)
        used += snprintf(name + used, (size_t)(CODED_VIDEO_NAME_BYTES - used), ".%x", constraints[i]);
    return 0;
}
