/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cbcs.h - Common Encryption of MP4 samples, scheme `cbcs` (ISO/IEC 23001-7, 10.4): what HLS calls SAMPLE-AES in fMP4.
 *
 * Of a picture's slices all but the header is protected, one block of ten; of a sound all whole blocks. One IV for all
 * stands in the track's header, and begins anew with each slice. The key's id is zeros: HLS names keys by URI. Encrypts
 * in place, nothing grows. One thread.
 *
 *     cbcs_create(&cbcs, &output->encryption, stream->parameters, &err);
 *     cbcs_protection(cbcs, &header, "avc1");              // sinf, in the sample entry "encv"
 *     cbcs_begin(cbcs);                                    // a fragment
 *     cbcs_sample(cbcs, media.bytes + before, bytes);      // each of its samples
 *     cbcs_fragment(cbcs, &boxes, moof);                   // saiz, saio and senc, in its traf
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct AVCodecParameters;
struct boxes;
struct cbcs;
struct encryption;
struct error;

/* -EINVAL: the IV is not one for all, or the parameter sets are not understood. */
int cbcs_create(struct cbcs **out, const struct encryption *encryption, const struct AVCodecParameters *parameters,
                struct error *err);
void cbcs_destroy(struct cbcs *cbcs); /* NULL is fine */

/* format: of the sample entry, were it in clear. */
void cbcs_protection(const struct cbcs *cbcs, struct boxes *boxes, const char format[4]);
void cbcs_begin(struct cbcs *cbcs); /* forgets the samples of the fragment before */
/* A picture of NAL units behind four bytes of length, or a sound. -EINVAL: the lengths do not add up, or it has more
 * slices than can be described; -ENOMEM; -EIO. It may be encrypted in part then. */
int cbcs_sample(struct cbcs *cbcs, uint8_t *sample, size_t count);
/* moof: where that box begins in `boxes`. */
void cbcs_fragment(const struct cbcs *cbcs, struct boxes *boxes, size_t moof);
