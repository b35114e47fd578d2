/* SPDX-License-Identifier: GPL-2.0-or-later */
/* svtav1_settings.h - encode_settings said to SVT-AV1: all of it by the names and values of its command line, so that
 * equal settings give equal bytes.
 *
 * GopRefDist 1 is its low delay structure (one picture held back), 4, 8, 16, 32 its hierarchies; nothing: what its
 * preset says. CBR is only to be had with low delay. QPI/QPP/QPB of CQP (AV1's 1..255) are one value, QPP; ICQQuality
 * and QVBRQuality 1..51 are spread over its 1..63.
 */
#pragma once
#include <stdint.h>
#include <svt-av1/EbSvtAv1Enc.h>

#include "drivers/softvpl/encode_settings.h"

/* false: SVT-AV1 does not know the preset or an option. */
bool svtav1_settings_apply(const struct encode_settings *settings, unsigned threads,
                           EbSvtAv1EncConfiguration *configuration);
bool svtav1_low_delay(const struct encode_settings *settings);
