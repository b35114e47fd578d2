/* SPDX-License-Identifier: GPL-2.0-or-later */
/* picture_start.h - is a coded picture an IDR: by its NAL units, not by what a container says of it. Pure; reads bytes
 * from outside.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum picture_codec { PICTURE_H264, PICTURE_H265 };

/* length_bytes: of the length in front of each NAL unit (1..4), 0: start codes (Annex B). */
bool picture_is_idr(enum picture_codec codec, const uint8_t *data, size_t bytes, unsigned length_bytes);
