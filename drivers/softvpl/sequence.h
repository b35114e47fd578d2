/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sequence.h - what the sequence headers of H.264, HEVC, MPEG-2, AV1 and JPEG say of the video, before anything is
 * decoded.
 *
 * DecodeHeader fills the application's parameters from it, and the decoder compares each new one with the one it was
 * initialised for. The input comes from a network: any bytes are survived, and what cannot be read is refused.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/softvpl/vpl.h"

struct sequence {
    uint32_t codec; /* MFX_CODEC_ */
    uint16_t profile, level;
    uint16_t width, height; /* coded, in luma pixels */
    uint16_t crop_x, crop_y, crop_width, crop_height;
    uint8_t chroma_format, bit_depth;
    bool progressive;                          /* every frame is; false: some or all may be interlaced */
    uint8_t reference_frames, delay_frames;    /* at most so many are kept and held back */
    uint16_t aspect_width, aspect_height;      /* of a sample; 0: not said */
    uint32_t rate_numerator, rate_denominator; /* frames per second; 0: not said */
    bool signal_present, colour_present;
    uint8_t video_format, full_range, primaries, transfer, matrix;
};

/* The payload of a sequence parameter set (after the NAL unit header, still escaped), or of an MPEG-2 sequence header
 * with its extensions (from the byte after 00 00 01 B3, up to the next picture or group). */
bool sequence_parse_h264(struct sequence *sequence, const uint8_t *nal, size_t bytes);
bool sequence_parse_hevc(struct sequence *sequence, const uint8_t *nal, size_t bytes);
bool sequence_parse_mpeg2(struct sequence *sequence, const uint8_t *header, size_t bytes);

/* Frames of one can be decoded into surfaces made for the other. */
bool sequence_same_frames(const struct sequence *a, const struct sequence *b);

/* Nothing that either says differs. */
bool sequence_equal(const struct sequence *a, const struct sequence *b);

/* The FourCC that its frames are given out in; 0: none here. */
uint32_t sequence_fourcc(const struct sequence *sequence);

void sequence_to_parameters(const struct sequence *sequence, mfxInfoMFX *mfx);

/* Takes the emulation prevention bytes out; returns the bytes written, at most `room`. */
size_t nal_unescape(uint8_t *to, size_t room, const uint8_t *from, size_t bytes);

/* H.264 and HEVC share Table E-1. false: extended or reserved, nothing written. */
bool sequence_aspect(unsigned index, uint16_t *width, uint16_t *height);
