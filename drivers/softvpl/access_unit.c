/* SPDX-License-Identifier: GPL-2.0-or-later */
/* access_unit.c - H.264 7.4.1.2.3, H.265 7.4.2.4.4, ISO/IEC 13818-2 6.1.1: where a unit begins. */
#include "drivers/softvpl/access_unit.h"

#include <string.h>

#include "drivers/softvpl/units.h"

/* What a NAL unit or start code means for the border between two units. */
enum role {
    ROLE_OTHER,         /* stays with what came before */
    ROLE_PREFIX,        /* begins a unit, if a picture was seen */
    ROLE_PICTURE_START, /* the same, and is a picture */
    ROLE_PICTURE,       /* another part of the picture */
};

enum {
    H264_IDR = 5,
    H264_SPS = 7,
    HEVC_SPS = 33,
    MPEG2_PICTURE = 0x00,
    MPEG2_EXTENSION = 0xb5,
    MPEG2_SEQUENCE = 0xb3,
    MPEG2_GROUP = 0xb8,
    MPEG2_CODING_EXTENSION = 8,
    MPEG2_FRAME_PICTURE = 3
};

/* How many bytes from the start code on are needed to tell the role. */
enum { NEED_H264 = 5, NEED_HEVC = 6, NEED_MPEG2 = 7 };

size_t start_code_find(const uint8_t *data, size_t bytes, size_t from)
{
    for (size_t at = from + 2; at < bytes; at++) {
        const uint8_t *one = memchr(data + at, 1, bytes - at);
        if (!one)
            break;
        at = (size_t)(one - data);
        if (data[at - 1] == 0 && data[at - 2] == 0)
            return at - 2;
    }
    return bytes;
}

static enum role role_h264(const uint8_t *nal)
{
    unsigned type = nal[3] & 0x1f;
    if (type == 1 || type == 2 || type == 5)
        return nal[4] & 0x80 ? ROLE_PICTURE_START : ROLE_PICTURE; /* first_mb_in_slice is 0 */
    if (type == 3 || type == 4)
        return ROLE_PICTURE;
    return (type >= 6 && type <= 9) || (type >= 14 && type <= 18) ? ROLE_PREFIX : ROLE_OTHER;
}

static enum role role_hevc(const uint8_t *nal)
{
    unsigned type = nal[3] >> 1 & 0x3f, layer = (nal[3] & 1U) << 5 | nal[4] >> 3;
    if (layer)
        return ROLE_OTHER;
    if (type < 32)
        return nal[5] & 0x80 ? ROLE_PICTURE_START : ROLE_PICTURE; /* first_slice_segment_in_pic_flag */
    return (type <= 35 || type == 39 || (type >= 41 && type <= 44) || (type >= 48 && type <= 55)) ? ROLE_PREFIX
                                                                                                  : ROLE_OTHER;
}

static enum role role_mpeg2(const uint8_t *code, bool *field)
{
    unsigned type = code[3];
    if (type == MPEG2_EXTENSION && code[4] >> 4 == MPEG2_CODING_EXTENSION)
        *field = (code[6] & 3) != MPEG2_FRAME_PICTURE;
    if (type == MPEG2_PICTURE)
        return ROLE_PICTURE_START;
    if (type <= 0xaf)
        return ROLE_PICTURE;
    return type == MPEG2_SEQUENCE || type == MPEG2_GROUP ? ROLE_PREFIX : ROLE_OTHER;
}

/* An MPEG-2 sequence header reaches over its extensions, up to the group or picture. */
static size_t sequence_end(uint32_t codec, const uint8_t *data, size_t bytes, size_t at)
{
    size_t next = start_code_find(data, bytes, at + 3);
    while (codec == MFX_CODEC_MPEG2 && next + 3 < bytes && data[next + 3] >= 0xb0 && data[next + 3] != MPEG2_GROUP &&
           data[next + 3] != MPEG2_SEQUENCE)
        next = start_code_find(data, bytes, next + 3);
    return next;
}

static void read_sequence(struct access_unit *unit, uint32_t codec, const uint8_t *data, size_t bytes, size_t at)
{
    size_t end = sequence_end(codec, data, bytes, at);
    struct sequence sequence;
    size_t header = codec == MFX_CODEC_HEVC ? 5 : 4;
    bool good = false;

    if (end < at + header)
        good = false; /* the next start code cuts the header itself */
    else if (codec == MFX_CODEC_AVC)
        good = sequence_parse_h264(&sequence, data + at + header, end - at - header);
    else if (codec == MFX_CODEC_HEVC)
        good = sequence_parse_hevc(&sequence, data + at + header, end - at - header);
    else
        good = sequence_parse_mpeg2(&sequence, data + at + header, end - at - header);
    if (!good) {
        unit->bad_sequence = true;
        return;
    }
    unit->sequence = sequence;
    unit->has_sequence = true;
    unit->header_start = at;
    unit->header_end = end;
}

static bool is_sequence(uint32_t codec, const uint8_t *nal)
{
    if (codec == MFX_CODEC_AVC)
        return (nal[3] & 0x1f) == H264_SPS;
    if (codec == MFX_CODEC_HEVC)
        return (nal[3] >> 1 & 0x3f) == HEVC_SPS && !((nal[3] & 1) || nal[4] >> 3);
    return nal[3] == MPEG2_SEQUENCE;
}

static bool is_intra(uint32_t codec, const uint8_t *nal)
{
    unsigned hevc = nal[3] >> 1 & 0x3f;
    if (codec == MFX_CODEC_AVC)
        return (nal[3] & 0x1f) == H264_IDR;
    if (codec == MFX_CODEC_HEVC)
        return hevc >= 16 && hevc <= 23;
    return nal[3] == MPEG2_SEQUENCE;
}

bool access_unit_find(struct access_unit *unit, uint32_t codec, const uint8_t *data, size_t bytes, bool complete)
{
    size_t need = codec == MFX_CODEC_AVC ? NEED_H264 : codec == MFX_CODEC_HEVC ? NEED_HEVC : NEED_MPEG2;
    bool started = false, picture = false, field = false, paired = false;

    memset(unit, 0, sizeof *unit);
    if (codec == MFX_CODEC_AV1)
        return unit_find_av1(unit, data, bytes, complete);
    if (codec == MFX_CODEC_JPEG)
        return unit_find_jpeg(unit, data, bytes, complete);
    unit->start = bytes > 3 ? bytes - 3 : 0; /* a start code may be cut there */
    for (size_t at = start_code_find(data, bytes, 0); at < bytes; at = start_code_find(data, bytes, at + 3)) {
        if (!started) {
            unit->start = at;
            started = true;
        }
        if (at + need > bytes)
            break;
        enum role role = codec == MFX_CODEC_AVC    ? role_h264(data + at)
                         : codec == MFX_CODEC_HEVC ? role_hevc(data + at)
                                                   : role_mpeg2(data + at, &field);
        bool second_field = role == ROLE_PICTURE_START && field && !paired;
        if (picture && !second_field && (role == ROLE_PREFIX || role == ROLE_PICTURE_START)) {
            /* The zero of a long start code; in MPEG-2 it may be the end of a slice. */
            bool zero = codec != MFX_CODEC_MPEG2 && at > unit->start && data[at - 1] == 0;
            unit->end = zero ? at - 1 : at;
            return true;
        }
        if (role >= ROLE_PICTURE_START) {
            paired = picture && second_field ? true : paired;
            picture = true;
        }
        unit->intra |= is_intra(codec, data + at);
        if (!unit->has_sequence && is_sequence(codec, data + at))
            read_sequence(unit, codec, data, bytes, at);
    }
    unit->end = bytes;
    return complete && started;
}
