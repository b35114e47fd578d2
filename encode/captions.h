/* SPDX-License-Identifier: GPL-2.0-or-later */
/* captions.h - closed captions of pictures that are not coded go with the next one that is.
 *
 * Captions are a stream of constant rate (ANSI/CTA-708-E 4.2): each picture carries its share, ten triplets at sixty
 * pictures a second, twenty at thirty. Where pictures are left out, their shares must not be: letters and control codes
 * would be missing. Shares that meet become one cc_data() (ATSC A/53 part 4, 6.2.3), CEA-608 pairs first, without
 * padding; more than the 31 triplets that one can hold become several. Messages of other kinds are kept as they are.
 *
 *     captions_join(&waiting, left_out->captions, left_out->caption_bytes);
 *     captions_join(&waiting, coded->captions, coded->caption_bytes);
 *     encode(waiting.messages, waiting.bytes);
 *     waiting.bytes = 0;
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { CAPTIONS_BYTES_MAX = 512 };

struct captions {
    unsigned bytes;
    uint8_t messages[CAPTIONS_BYTES_MAX]; /* SEI messages with their heads (ISO/IEC 14496-10 7.3.2.3.1) */
};

/* Puts messages behind those that wait; into empty ones they come as they are, byte by byte. False: not all of them
 * have room, or they are not whole messages; what was there stays. messages: borrow. */
bool captions_join(struct captions *captions, const uint8_t *messages, unsigned bytes);
