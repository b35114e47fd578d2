/* SPDX-License-Identifier: GPL-2.0-or-later */
/* segment_cipher.h - AES-128 in CBC mode with a static key, as HLS encrypts segments (RFC 8216, 4.3.2.4 and 5.2).
 *
 * The key is taken from the configuration's text once and wiped when the cipher goes; it is in no message. One thread.
 *
 *     segment_cipher_create(&cipher, &output->encryption, &err);
 *     segment_cipher_begin(cipher, segment_number);
 *     bytes = segment_cipher_update(cipher, data, count, out);      // out: count + SEGMENT_CIPHER_BLOCK
 *     bytes = segment_cipher_finish(cipher, out);                   // the padding
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "encode/job.h"

enum { SEGMENT_CIPHER_BLOCK = 16 };

struct error;
struct segment_cipher;

/* -EINVAL: key or constant_iv are not 32 hexadecimal digits. */
int segment_cipher_create(struct segment_cipher **out, const struct encryption *encryption, struct error *err);
void segment_cipher_destroy(struct segment_cipher *cipher); /* NULL is fine */
/* 16 bytes, borrow; NULL: the IV is the segment's number. */
const uint8_t *segment_cipher_constant_iv(const struct segment_cipher *cipher);
/* A whole segment: with the constant IV, or with its number as IV. */
int segment_cipher_begin(struct segment_cipher *cipher, int64_t number);
/* Bytes that came out; negative errno: it failed. */
int segment_cipher_update(struct segment_cipher *cipher, const uint8_t *data, size_t count, uint8_t *out);
int segment_cipher_finish(struct segment_cipher *cipher, uint8_t *out);
