/* SPDX-License-Identifier: GPL-2.0-or-later */
/* annex_b.h - H.264 as a byte stream with start codes (ITU-T H.264, Annex B), as encoders give it, into what files of
 * ISO/IEC 14496-15 hold: NAL units with their length in front, parameter sets apart from them.
 *
 * Pure functions over bytes of any content. One thread.
 *
 *     struct nal nal;
 *     for (const uint8_t *at = data; annex_b_next(&at, end, &nal);)
 *         if (nal.type == NAL_TYPE_IDR) ...
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct boxes;
struct error;

enum nal_type {
    NAL_TYPE_SLICE = 1,
    NAL_TYPE_IDR = 5,
    NAL_TYPE_SEI = 6,
    NAL_TYPE_SPS = 7,
    NAL_TYPE_PPS = 8,
    NAL_TYPE_AUD = 9
};

struct nal {
    const uint8_t *bytes; /* borrow: its header first */
    size_t count;         /* without the zeros before the next start code */
    unsigned type;        /* enum nal_type and others, 0..31 */
};

/* Takes the next NAL unit from *at on and moves *at behind it. False: there is none any more. */
bool annex_b_next(const uint8_t **at, const uint8_t *end, struct nal *nal);

/* Appends the AVCDecoderConfigurationRecord of the parameter sets in `data`. -EINVAL: no SPS or no PPS, or too many. */
int annex_b_decoder_configuration(struct boxes *boxes, const uint8_t *data, size_t count, struct error *err);

/* Appends an access unit: each NAL unit behind four bytes of length. Parameter sets and access unit delimiters are left
 * out: the decoder configuration has the ones, and lengths make the others needless. */
void annex_b_sample(struct boxes *boxes, const uint8_t *data, size_t count);
