/* SPDX-License-Identifier: GPL-2.0-or-later */
/* h264_sets.h - H.264's parameter sets, written anew from what VA-API tells of them.
 *
 * VA-API's decoders get a picture's slices as they stand in the stream, but of the parameter sets only what hardware
 * needs. A decoder of streams needs the sets themselves. All that steers decoding is there, or can be told from the
 * slice headers (the number of a picture's set, and how many references it has by default). What cannot be told and
 * does not matter here: cropping, VUI, and the order in which pictures are shown.
 *
 *     struct h264_slice slice;
 *     if (h264_slice_read(&slice, &picture, data, bytes)) ...
 *     struct h264_sets sets;
 *     h264_sets_write(&sets, &picture, matrices, slice.set, references);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/softva/va.h"

enum { H264_SETS_BYTES = 2048, H264_SET_NUMBERS = 256 };

/* What stands at a slice's beginning. */
struct h264_slice {
    unsigned set; /* pic_parameter_set_id */
    bool inter, bidirectional;
    bool says_references; /* itself; else its set does */
};

/* data: a NAL unit from its header on. false: it is no slice. */
bool h264_slice_read(struct h264_slice *slice, const VAPictureParameterBufferH264 *picture, const uint8_t *data,
                     size_t bytes);

struct h264_sets {
    uint8_t data[H264_SETS_BYTES]; /* two NAL units with start codes */
    size_t bytes;
};

/* matrices NULL: flat ones. references: num_ref_idx_l0/l1_default_active_minus1. false: no such stream can be. */
bool h264_sets_write(struct h264_sets *sets, const VAPictureParameterBufferH264 *picture,
                     const VAIQMatrixBufferH264 *matrices, unsigned set, const uint8_t references[2]);
