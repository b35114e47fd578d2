/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unpack.h - what lies around media and playlists: gzip, and AES-128 of whole segments (RFC 8216 section 4.3.2.4). Pure
 * but for the key file; any thread. What comes out is bounded.
 *
 *     if (unpack_is_gzip(data, bytes)) unpack_gzip(data, bytes, PLAYLIST_BYTES_MAX, &text, &text_bytes, &err);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum { UNPACK_KEY_BYTES = 16 };

bool unpack_is_gzip(const uint8_t *data, size_t bytes);
/* *out: give (free). -EINVAL: damaged, -E2BIG: more than maximum. */
int unpack_gzip(const uint8_t *data, size_t bytes, size_t maximum, uint8_t **out, size_t *out_bytes, struct error *err);

/* In place; *bytes becomes smaller. -EINVAL: not a whole number of blocks, or the padding shows another key. */
int unpack_aes_128(uint8_t *data, size_t *bytes, const uint8_t key[UNPACK_KEY_BYTES], const uint8_t iv[16],
                   struct error *err);
/* 16 bytes, or 32 hexadecimal digits. A file that others can read is refused (-EPERM). */
int unpack_read_key(const char *path, uint8_t key[UNPACK_KEY_BYTES], struct error *err);
