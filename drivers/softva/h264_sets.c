/* SPDX-License-Identifier: GPL-2.0-or-later */
/* h264_sets.c - a writer of bits, and the two parameter sets. */
#include "drivers/softva/h264_sets.h"

#include <string.h>

#include "drivers/softvpl/bits.h"

enum {
    PAYLOAD_BYTES = 1024,
    HEADER_BYTES = 64, /* of a slice, up to where it speaks of references */
    UNIT_SLICE = 1,
    UNIT_IDR = 5,
    UNIT_SEQUENCE = 7,
    UNIT_PICTURE = 8,
    PROFILE_HIGH = 100,
    LEVEL = 52,
    SLICE_P = 0,
    SLICE_B = 1,
    SLICE_SP = 3,
    SLICE_KINDS = 5,
    FLAT = 16,
};

/* ---- bits ------------------------------------------------------------------------------------------------------- */

struct writer {
    uint8_t data[PAYLOAD_BYTES];
    size_t position;
};

static void put(struct writer *writer, uint32_t value, unsigned count)
{
    while (count-- && writer->position < PAYLOAD_BYTES * 8UL) {
        if (value >> count & 1)
            writer->data[writer->position / 8] |= (uint8_t)(0x80 >> writer->position % 8);
        writer->position++;
    }
}

static void put_ue(struct writer *writer, uint32_t value)
{
    unsigned length = 0;

    value++;
    while (value >> length > 1)
        length++;
    put(writer, 0, length);
    put(writer, value, length + 1);
}

static void put_se(struct writer *writer, int32_t value)
{
    put_ue(writer, value > 0 ? (uint32_t)value * 2 - 1 : (uint32_t)-value * 2);
}

/* Closes the payload and puts it behind what is there, with a start code and emulation prevention. */
static void add_unit(struct h264_sets *sets, struct writer *writer, uint8_t header)
{
    const uint8_t start[] = { 0, 0, 0, 1, header };
    unsigned zeros = 0;

    put(writer, 1, 1);
    size_t bytes = (writer->position + 7) / 8;
    memcpy(sets->data + sets->bytes, start, sizeof start);
    sets->bytes += sizeof start;
    for (size_t i = 0; i < bytes && sets->bytes + 2 < sizeof sets->data; i++) {
        if (zeros == 2 && writer->data[i] <= 3) {
            sets->data[sets->bytes++] = 3;
            zeros = 0;
        }
        zeros = writer->data[i] ? 0 : zeros + 1;
        sets->data[sets->bytes++] = writer->data[i];
    }
}

/* ---- sequence --------------------------------------------------------------------------------------------------- */

static void write_sequence(struct writer *writer, const VAPictureParameterBufferH264 *va)
{
    bool frames_only = va->seq_fields.bits.frame_mbs_only_flag;
    unsigned rows = va->picture_height_in_mbs_minus1 + 1U;

    put(writer, PROFILE_HIGH, 8);
    put(writer, 0, 8); /* no constraints */
    put(writer, LEVEL, 8);
    put_ue(writer, 0); /* its number */
    put_ue(writer, 1); /* 4:2:0 */
    put_ue(writer, 0); /* eight bits */
    put_ue(writer, 0);
    put(writer, 0, 2); /* no lossless coding, no matrices: they are the picture's */
    put_ue(writer, va->seq_fields.bits.log2_max_frame_num_minus4);
    put_ue(writer, va->seq_fields.bits.pic_order_cnt_type);
    if (va->seq_fields.bits.pic_order_cnt_type == 0) {
        put_ue(writer, va->seq_fields.bits.log2_max_pic_order_cnt_lsb_minus4);
    } else if (va->seq_fields.bits.pic_order_cnt_type == 1) {
        put(writer, va->seq_fields.bits.delta_pic_order_always_zero_flag, 1);
        put_se(writer, 0);
        put_se(writer, 0);
        put_ue(writer, 0);
    }
    put_ue(writer, va->num_ref_frames);
    put(writer, va->seq_fields.bits.gaps_in_frame_num_value_allowed_flag, 1);
    put_ue(writer, va->picture_width_in_mbs_minus1);
    put_ue(writer, (frames_only ? rows : rows / 2) - 1);
    put(writer, frames_only, 1);
    if (!frames_only)
        put(writer, va->seq_fields.bits.mb_adaptive_frame_field_flag, 1);
    put(writer, va->seq_fields.bits.direct_8x8_inference_flag, 1);
    put(writer, 0, 2); /* no cropping, no VUI */
}

/* ---- picture ---------------------------------------------------------------------------------------------------- */

static const uint8_t zigzag4[16] = { 0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15 };
static const uint8_t zigzag8[64] = { 0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,
                                     12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
                                     35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
                                     58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63 };

static void write_matrix(struct writer *writer, const uint8_t *matrix, const uint8_t *order, unsigned count)
{
    int last = 8;

    put(writer, 1, 1);
    for (unsigned i = 0; i < count; i++) {
        int value = matrix[order[i]] ? matrix[order[i]] : 1, difference = value - last;
        put_se(writer, difference > 127 ? difference - 256 : difference < -128 ? difference + 256 : difference);
        last = value;
    }
}

static bool is_flat(const VAIQMatrixBufferH264 *matrices)
{
    const uint8_t *four = matrices->ScalingList4x4[0], *eight = matrices->ScalingList8x8[0];

    for (size_t i = 0; i < sizeof matrices->ScalingList4x4; i++)
        if (four[i] != FLAT)
            return false;
    for (size_t i = 0; i < sizeof matrices->ScalingList8x8; i++)
        if (eight[i] != FLAT)
            return false;
    return true;
}

static void write_picture(struct writer *writer, const VAPictureParameterBufferH264 *va,
                          const VAIQMatrixBufferH264 *matrices, unsigned set, const uint8_t references[2])
{
    bool eight = va->pic_fields.bits.transform_8x8_mode_flag, present = matrices && !is_flat(matrices);

    put_ue(writer, set);
    put_ue(writer, 0); /* the sequence's number */
    put(writer, va->pic_fields.bits.entropy_coding_mode_flag, 1);
    put(writer, va->pic_fields.bits.pic_order_present_flag, 1);
    put_ue(writer, 0); /* one slice group */
    put_ue(writer, references[0]);
    put_ue(writer, references[1]);
    put(writer, va->pic_fields.bits.weighted_pred_flag, 1);
    put(writer, va->pic_fields.bits.weighted_bipred_idc, 2);
    put_se(writer, va->pic_init_qp_minus26);
    put_se(writer, va->pic_init_qs_minus26);
    put_se(writer, va->chroma_qp_index_offset);
    put(writer, va->pic_fields.bits.deblocking_filter_control_present_flag, 1);
    put(writer, va->pic_fields.bits.constrained_intra_pred_flag, 1);
    put(writer, va->pic_fields.bits.redundant_pic_cnt_present_flag, 1);
    put(writer, eight, 1);
    put(writer, present, 1);
    for (unsigned i = 0; present && i < 6; i++)
        write_matrix(writer, matrices->ScalingList4x4[i], zigzag4, 16);
    for (unsigned i = 0; present && eight && i < 2; i++)
        write_matrix(writer, matrices->ScalingList8x8[i], zigzag8, 64);
    put_se(writer, va->second_chroma_qp_index_offset);
}

static bool can_be(const VAPictureParameterBufferH264 *va)
{
    return va->seq_fields.bits.chroma_format_idc == 1 && !va->bit_depth_luma_minus8 && !va->bit_depth_chroma_minus8 &&
           !va->seq_fields.bits.residual_colour_transform_flag && va->num_ref_frames <= 16 &&
           va->picture_width_in_mbs_minus1 < 512 && va->picture_height_in_mbs_minus1 < 512 &&
           va->seq_fields.bits.pic_order_cnt_type < 3 && va->seq_fields.bits.log2_max_frame_num_minus4 <= 12 &&
           va->seq_fields.bits.log2_max_pic_order_cnt_lsb_minus4 <= 12 &&
           (va->seq_fields.bits.frame_mbs_only_flag || va->picture_height_in_mbs_minus1 % 2);
}

bool h264_sets_write(struct h264_sets *sets, const VAPictureParameterBufferH264 *picture,
                     const VAIQMatrixBufferH264 *matrices, unsigned set, const uint8_t references[2])
{
    struct writer sequence = { .position = 0 }, writer = { .position = 0 };

    memset(sets, 0, sizeof *sets);
    if (!can_be(picture) || set >= H264_SET_NUMBERS)
        return false;
    write_sequence(&sequence, picture);
    add_unit(sets, &sequence, 0x60 | UNIT_SEQUENCE);
    write_picture(&writer, picture, matrices, set, references);
    add_unit(sets, &writer, 0x60 | UNIT_PICTURE);
    return true;
}

/* ---- slices ----------------------------------------------------------------------------------------------------- */

/* The first bytes without emulation prevention. */
static size_t beginning(uint8_t *to, const uint8_t *from, size_t bytes)
{
    size_t written = 0;
    unsigned zeros = 0;

    for (size_t i = 0; i < bytes && written < HEADER_BYTES; i++) {
        if (zeros >= 2 && from[i] == 3) {
            zeros = 0;
            continue;
        }
        zeros = from[i] ? 0 : zeros + 1;
        to[written++] = from[i];
    }
    return written;
}

static void skip_order(struct bits *bits, const VAPictureParameterBufferH264 *va, bool field)
{
    unsigned type = va->seq_fields.bits.pic_order_cnt_type;
    bool both = va->pic_fields.bits.pic_order_present_flag && !field;

    if (type == 0) {
        bits_skip(bits, va->seq_fields.bits.log2_max_pic_order_cnt_lsb_minus4 + 4U);
        if (both)
            bits_se(bits);
    } else if (type == 1 && !va->seq_fields.bits.delta_pic_order_always_zero_flag) {
        bits_se(bits);
        if (both)
            bits_se(bits);
    }
}

bool h264_slice_read(struct h264_slice *slice, const VAPictureParameterBufferH264 *picture, const uint8_t *data,
                     size_t bytes)
{
    uint8_t head[HEADER_BYTES];
    unsigned unit = bytes ? data[0] & 0x1f : 0;

    memset(slice, 0, sizeof *slice);
    if (unit != UNIT_SLICE && unit != UNIT_IDR)
        return false;
    struct bits bits = bits_of(head, beginning(head, data + 1, bytes - 1));
    bits_ue(&bits); /* its first macroblock */
    unsigned kind = bits_ue(&bits) % SLICE_KINDS;
    slice->set = bits_ue(&bits);
    bits_skip(&bits, picture->seq_fields.bits.log2_max_frame_num_minus4 + 4U);
    bool field = !picture->seq_fields.bits.frame_mbs_only_flag && bits_get(&bits, 1);
    if (field)
        bits_skip(&bits, 1);
    if (unit == UNIT_IDR)
        bits_ue(&bits);
    skip_order(&bits, picture, field);
    if (picture->pic_fields.bits.redundant_pic_cnt_present_flag)
        bits_ue(&bits);
    slice->bidirectional = kind == SLICE_B;
    slice->inter = kind == SLICE_P || kind == SLICE_SP || kind == SLICE_B;
    if (slice->bidirectional)
        bits_skip(&bits, 1);
    slice->says_references = slice->inter && bits_get(&bits, 1);
    return !bits.overrun && slice->set < H264_SET_NUMBERS;
}
