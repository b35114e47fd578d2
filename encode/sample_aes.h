/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sample_aes.h - SAMPLE-AES as HLS knows it ("MPEG-2 Stream Encryption Format for HTTP Live Streaming"): of a picture
 * the slices, of AAC the frame, partly and block by block; whatever else a segment holds stays in clear.
 *
 * The IV begins anew with each slice and each frame, and follows from the segment alone (segment_cipher.h): any picture
 * can be decrypted without those before it. Slices are encrypted as they stand in the byte stream, with their emulation
 * prevention; what comes out gets emulation prevention once more, which a player takes away before it decrypts. Pure
 * functions over bytes of any content. One thread.
 *
 *     uint8_t *out = malloc(sample_aes_room(count));
 *     ptrdiff_t bytes = sample_aes_picture(cipher, segment_number, access_unit, count, out);
 *     sample_aes_sound(cipher, segment_number, frame, frame_bytes);
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct AVCodecParameters;
struct error;
struct segment_cipher;

enum {
    SAMPLE_AES_CONFIG_BYTES = 2,                          /* an AudioSpecificConfig without extensions */
    SAMPLE_AES_SETUP_BYTES = 8 + SAMPLE_AES_CONFIG_BYTES, /* audio setup information */
};

/* What sample_aes_picture can write of an access unit of `count` bytes, at most. */
size_t sample_aes_room(size_t count);
/* Encrypts an access unit with start codes into `out`. Its bytes; -EINVAL: it does not begin with a start code. */
ptrdiff_t sample_aes_picture(struct segment_cipher *cipher, int64_t number, const uint8_t *data, size_t count,
                             uint8_t *out);
/* Encrypts an AAC frame, without its ADTS header, in place. Negative errno: it failed. */
int sample_aes_sound(struct segment_cipher *cipher, int64_t number, uint8_t *frame, size_t count);
/* What a player has to know of an encrypted AAC stream. -EINVAL: it is none that fits into ADTS. */
int sample_aes_setup(uint8_t setup[SAMPLE_AES_SETUP_BYTES], const struct AVCodecParameters *parameters,
                     struct error *err);
