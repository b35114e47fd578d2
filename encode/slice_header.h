/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slice_header.h - where the header of an H.264 slice ends and its pictures' data begin (ITU-T H.264, 7.3.3).
 *
 * What a header holds depends on the parameter sets: they are read once. Nothing else is made of it. Pure functions
 * over bytes of any content. One thread.
 *
 *     struct slice_format format;
 *     slice_format_read(&format, parameters->extradata, parameters->extradata_size, &err);
 *     size_t clear = slice_header_bytes(&format, nal.bytes, nal.count);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum { SLICE_SPS_MAX = 32, SLICE_PPS_MAX = 256 };

/* Of a sequence parameter set and a picture parameter set, what slice headers depend on. */
struct slice_sequence {
    bool known, separate_planes, colour, frames_only, delta_always_zero;
    uint8_t frame_number_bits, order_type, order_bits;
};

struct slice_picture {
    bool known, cabac, field_order, weighted, deblocking, redundant;
    uint8_t sequence, weighted_b, references[2]; /* of lists 0 and 1, as they are by default */
};

struct slice_format {
    struct slice_sequence sequences[SLICE_SPS_MAX];
    struct slice_picture pictures[SLICE_PPS_MAX];
};

/* data: parameter sets with start codes, or an AVCDecoderConfigurationRecord. -EINVAL: one is missing or not
 * understood; -ENOTSUP: slice groups. */
int slice_format_read(struct slice_format *format, const uint8_t *data, size_t count, struct error *err);
/* Bytes of the NAL unit, its first one included and as they stand there with emulation prevention, up to the first
 * whole byte of slice data. `count`: it ends before that, or is of no parameter set that is known. */
size_t slice_header_bytes(const struct slice_format *format, const uint8_t *nal, size_t count);
