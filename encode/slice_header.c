/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slice_header.c - names in the comments are those of the standard. */
#include "encode/slice_header.h"

#include <errno.h>
#include <string.h>

#include "board/error.h"
#include "encode/annex_b.h"

enum {
    REFERENCES_MAX = 32,
    OPERATIONS_MAX = 66, /* of reordering or marking, more than a valid slice has */
    CONFIGURATION_VERSION = 1,
    CONFIGURATION_HEAD = 5, /* before the number of sequence parameter sets */
    IDC_444 = 3,
};

/* ---- bits ---- */

/* Of a NAL unit: bytes of emulation prevention are passed over. Behind its end there are zeros, and `over` says so. */
struct bits {
    const uint8_t *at, *end;
    unsigned zeros; /* bytes before `at` */
    unsigned used;  /* of the byte at `at` */
    bool over;
};

static struct bits bits_of(const uint8_t *nal, size_t count)
{
    return (struct bits){ .at = nal, .end = nal + count };
}

static unsigned bit(struct bits *bits)
{
    if (bits->used == 0 && bits->zeros >= 2 && bits->at < bits->end && *bits->at == 3) {
        bits->at++;
        bits->zeros = 0;
    }
    if (bits->at >= bits->end) {
        bits->over = true;
        return 0;
    }
    unsigned value = *bits->at >> (7 - bits->used) & 1u;
    if (++bits->used == 8) {
        bits->zeros = *bits->at ? 0 : bits->zeros + 1;
        bits->at++;
        bits->used = 0;
    }
    return value;
}

static uint32_t fixed(struct bits *bits, unsigned count)
{
    uint32_t value = 0;
    while (count--)
        value = value << 1 | bit(bits);
    return value;
}

/* ue(v) */
static uint32_t number(struct bits *bits)
{
    unsigned zeros = 0;
    while (zeros < 32 && !bits->over && !bit(bits))
        zeros++;
    if (zeros == 32)
        bits->over = true;
    return zeros >= 32 || bits->over ? 0 : (UINT32_C(1) << zeros) - 1 + fixed(bits, zeros);
}

/* se(v), whose value only scaling lists need */
static int32_t difference(struct bits *bits)
{
    uint32_t code = number(bits);
    return code & 1 ? (int32_t)(code / 2 + 1) : -(int32_t)(code / 2);
}

static void skip_numbers(struct bits *bits, unsigned count)
{
    while (count--)
        number(bits);
}

/* ---- parameter sets ---- */

/* Modulo 256, whatever is said: unsigned. */
static void skip_scaling_list(struct bits *bits, unsigned size)
{
    uint32_t last = 8, next = 8;
    for (unsigned i = 0; i < size && !bits->over; i++) {
        if (next)
            next = (last + (uint32_t)difference(bits)) & 255;
        last = next ? next : last;
    }
}

static bool has_chroma_format(unsigned profile)
{
    static const uint8_t profiles[] = { 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135 };
    return memchr(profiles, (int)profile, sizeof profiles) != NULL;
}

static void read_chroma_format(struct bits *bits, struct slice_sequence *sequence)
{
    uint32_t idc = number(bits);
    sequence->separate_planes = idc == IDC_444 && bit(bits);
    sequence->colour = idc != 0 && !sequence->separate_planes;
    skip_numbers(bits, 2); /* bit_depth_luma_minus8, bit_depth_chroma_minus8 */
    bit(bits);             /* qpprime_y_zero_transform_bypass_flag */
    if (bit(bits))         /* seq_scaling_matrix_present_flag */
        for (unsigned i = 0; i < (idc == IDC_444 ? 12 : 8); i++)
            if (bit(bits))
                skip_scaling_list(bits, i < 6 ? 16 : 64);
}

static int read_sequence(struct slice_format *format, const uint8_t *nal, size_t count)
{
    struct bits bits = bits_of(nal + 1, count - 1);
    struct slice_sequence sequence = { .known = true, .colour = true };
    unsigned profile = fixed(&bits, 8);
    fixed(&bits, 16); /* constraints, level */
    uint32_t id = number(&bits);
    if (has_chroma_format(profile))
        read_chroma_format(&bits, &sequence);
    uint32_t frame_number_bits = number(&bits) + 4, order_bits = 4;
    sequence.order_type = (uint8_t)number(&bits);
    if (sequence.order_type == 0) {
        order_bits = number(&bits) + 4;
    } else if (sequence.order_type == 1) {
        sequence.delta_always_zero = bit(&bits);
        skip_numbers(&bits, 2); /* offset_for_non_ref_pic, offset_for_top_to_bottom_field */
        for (uint32_t i = number(&bits); i && !bits.over; i--)
            number(&bits);
    }
    number(&bits); /* max_num_ref_frames */
    bit(&bits);
    skip_numbers(&bits, 2); /* width, height */
    sequence.frames_only = bit(&bits);
    if (bits.over || id >= SLICE_SPS_MAX || frame_number_bits > 16 || order_bits > 16 || sequence.order_type > 2)
        return -EINVAL;
    sequence.frame_number_bits = (uint8_t)frame_number_bits;
    sequence.order_bits = (uint8_t)order_bits;
    format->sequences[id] = sequence;
    return 0;
}

static int read_picture(struct slice_format *format, const uint8_t *nal, size_t count)
{
    struct bits bits = bits_of(nal + 1, count - 1);
    struct slice_picture picture = { .known = true };
    uint32_t id = number(&bits), sequence = number(&bits), references[2];
    picture.cabac = bit(&bits);
    picture.field_order = bit(&bits);
    if (number(&bits) > 0) /* num_slice_groups_minus1 */
        return bits.over ? -EINVAL : -ENOTSUP;
    for (unsigned i = 0; i < 2; i++)
        references[i] = number(&bits) + 1;
    picture.weighted = bit(&bits);
    picture.weighted_b = (uint8_t)fixed(&bits, 2);
    skip_numbers(&bits, 3); /* pic_init_qp_minus26, pic_init_qs_minus26, chroma_qp_index_offset */
    picture.deblocking = bit(&bits);
    bit(&bits); /* constrained_intra_pred_flag */
    picture.redundant = bit(&bits);
    if (bits.over || id >= SLICE_PPS_MAX || sequence >= SLICE_SPS_MAX || references[0] > REFERENCES_MAX ||
        references[1] > REFERENCES_MAX)
        return -EINVAL;
    picture.sequence = (uint8_t)sequence;
    picture.references[0] = (uint8_t)references[0];
    picture.references[1] = (uint8_t)references[1];
    format->pictures[id] = picture;
    return 0;
}

static int read_set(struct slice_format *format, const uint8_t *nal, size_t count)
{
    unsigned type = count ? nal[0] & 0x1fu : 0;
    return type == NAL_TYPE_SPS   ? read_sequence(format, nal, count)
           : type == NAL_TYPE_PPS ? read_picture(format, nal, count)
                                  : 0;
}

/* Those of a record: first the ones, then the others, each behind two bytes of length. */
static int read_record(struct slice_format *format, const uint8_t *data, size_t count)
{
    const uint8_t *at = data + CONFIGURATION_HEAD, *end = data + count;
    for (unsigned kind = 0; kind < 2; kind++) {
        unsigned sets = at < end ? *at++ & (kind ? 0xffu : 0x1fu) : 0;
        for (; sets; sets--) {
            if (end - at < 2)
                return -EINVAL;
            size_t bytes = (size_t)at[0] << 8 | at[1];
            if (bytes > (size_t)(end - at) - 2)
                return -EINVAL;
            int result = read_set(format, at + 2, bytes);
            if (result < 0)
                return result;
            at += 2 + bytes;
        }
    }
    return 0;
}

static bool is_complete(const struct slice_format *format)
{
    bool any = false;
    for (unsigned i = 0; i < SLICE_PPS_MAX; i++) {
        const struct slice_picture *picture = &format->pictures[i];
        if (picture->known && !format->sequences[picture->sequence].known)
            return false;
        any |= picture->known;
    }
    return any;
}

int slice_format_read(struct slice_format *format, const uint8_t *data, size_t count, struct error *err)
{
    int result = 0;
    struct nal nal;
    memset(format, 0, sizeof *format);
    if (count > CONFIGURATION_HEAD && data[0] == CONFIGURATION_VERSION)
        result = read_record(format, data, count);
    else
        for (const uint8_t *at = data; result == 0 && annex_b_next(&at, data + count, &nal);)
            result = read_set(format, nal.bytes, nal.count);
    if (result == -ENOTSUP)
        return error_set(err, result, "H.264 with slice groups");
    if (result < 0 || !is_complete(format))
        return error_set(err, -EINVAL, "H.264 headers hold no parameter sets that are understood");
    return 0;
}

/* ---- slices ---- */

/* What is known of the slice whose header is read. */
struct slice {
    const struct slice_sequence *sequence;
    const struct slice_picture *picture;
    bool idr, reference, b, intra, field;
    unsigned references[2];
};

static void skip_order(struct bits *bits, const struct slice *slice)
{
    bool both = slice->picture->field_order && !slice->field;
    if (slice->sequence->order_type == 0) {
        fixed(bits, slice->sequence->order_bits);
        if (both)
            number(bits);
    } else if (slice->sequence->order_type == 1 && !slice->sequence->delta_always_zero) {
        skip_numbers(bits, both ? 2 : 1);
    }
}

static void read_references(struct bits *bits, struct slice *slice)
{
    if (!bit(bits)) /* num_ref_idx_active_override_flag */
        return;
    for (unsigned list = 0; list < (slice->b ? 2 : 1); list++) {
        uint32_t count = number(bits) + 1;
        slice->references[list] = count <= REFERENCES_MAX ? count : 0;
        bits->over |= count > REFERENCES_MAX;
    }
}

static void skip_reordering(struct bits *bits, const struct slice *slice)
{
    enum { END = 3 };
    for (unsigned list = 0; list < (slice->b ? 2 : 1); list++)
        if (bit(bits))
            for (unsigned i = 0; i < OPERATIONS_MAX && !bits->over && number(bits) != END; i++)
                number(bits);
}

static void skip_weights(struct bits *bits, const struct slice *slice)
{
    bool colour = slice->sequence->colour;
    skip_numbers(bits, colour ? 2 : 1);
    for (unsigned list = 0; list < (slice->b ? 2 : 1); list++)
        for (unsigned i = 0; i < slice->references[list]; i++) {
            if (bit(bits))
                skip_numbers(bits, 2);
            if (colour && bit(bits))
                skip_numbers(bits, 4);
        }
}

static void skip_marking(struct bits *bits, const struct slice *slice)
{
    static const uint8_t numbers[] = { 0, 1, 1, 2, 1, 0, 1 }; /* behind each operation */
    if (slice->idr) {
        fixed(bits, 2);
        return;
    }
    if (!bit(bits)) /* adaptive_ref_pic_marking_mode_flag */
        return;
    for (unsigned i = 0; i < OPERATIONS_MAX && !bits->over; i++) {
        uint32_t operation = number(bits);
        if (operation == 0)
            return;
        skip_numbers(bits, operation < sizeof numbers ? numbers[operation] : 0);
    }
}

static void skip_prediction(struct bits *bits, struct slice *slice)
{
    if (slice->b)
        bit(bits); /* direct_spatial_mv_pred_flag */
    if (slice->intra)
        return;
    read_references(bits, slice);
    skip_reordering(bits, slice);
    if (slice->b ? slice->picture->weighted_b == 1 : slice->picture->weighted)
        skip_weights(bits, slice);
}

static void skip_field(struct bits *bits, struct slice *slice)
{
    if (slice->sequence->frames_only)
        return;
    slice->field = bit(bits);
    if (slice->field)
        bit(bits); /* bottom_field_flag */
}

/* The type of the slice, and from it on. */
static void skip_header(struct bits *bits, struct slice *slice, unsigned type)
{
    enum { TYPE_P, TYPE_B, TYPE_I, TYPE_SP, TYPE_SI };
    slice->b = type == TYPE_B;
    slice->intra = type == TYPE_I || type == TYPE_SI;
    if (slice->sequence->separate_planes)
        fixed(bits, 2);
    fixed(bits, slice->sequence->frame_number_bits);
    skip_field(bits, slice);
    if (slice->idr)
        number(bits); /* idr_pic_id */
    skip_order(bits, slice);
    if (slice->picture->redundant)
        number(bits);
    skip_prediction(bits, slice);
    if (slice->reference)
        skip_marking(bits, slice);
    if (slice->picture->cabac && !slice->intra)
        number(bits); /* cabac_init_idc */
    number(bits);     /* slice_qp_delta */
    if (type == TYPE_SP)
        bit(bits);
    if (type == TYPE_SP || type == TYPE_SI)
        number(bits);
    if (slice->picture->deblocking && number(bits) != 1)
        skip_numbers(bits, 2);
}

size_t slice_header_bytes(const struct slice_format *format, const uint8_t *nal, size_t count)
{
    struct slice slice = { .idr = count && (nal[0] & 0x1f) == NAL_TYPE_IDR, .reference = count && nal[0] & 0x60 };
    struct bits bits = bits_of(nal, count);
    fixed(&bits, 8);
    number(&bits); /* first_mb_in_slice */
    uint32_t type = number(&bits), id = number(&bits);
    if (bits.over || id >= SLICE_PPS_MAX || !format->pictures[id].known)
        return count;
    slice.picture = &format->pictures[id];
    slice.sequence = &format->sequences[slice.picture->sequence];
    memcpy(slice.references, (unsigned[]){ slice.picture->references[0], slice.picture->references[1] },
           sizeof slice.references);
    skip_header(&bits, &slice, type % 5);
    return bits.over ? count : (size_t)(bits.at - nal) + (bits.used != 0);
}
