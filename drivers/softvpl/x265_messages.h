/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x265_messages.h - SEI messages of pictures that x265 has not given out yet, as the NAL unit that goes in front of the
 * first slice.
 *
 * x265 3.5 is not given them: it keeps its copy in memory of the size that the first message of a reused picture had,
 * and writes a longer one of a later picture past its end. One thread; as many wait as pictures are under way.
 *
 *     x265_messages_hold(&held, picture->number, picture->messages);
 *     struct x265_messages *own = x265_messages_take(&held, number);   // give: free(); NULL: it has none
 *     memcpy(to, own->unit, own->bytes);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct encode_messages;

struct x265_messages {
    struct x265_messages *next;
    uint64_t number; /* of the picture */
    size_t bytes;
    uint8_t unit[]; /* start code first */
};

/* NULL or empty messages: nothing is held. False: no memory; the picture goes without. */
bool x265_messages_hold(struct x265_messages **held, uint64_t number, const struct encode_messages *messages);
struct x265_messages *x265_messages_take(struct x265_messages **held, uint64_t number);
void x265_messages_free(struct x265_messages **held); /* all of them */
