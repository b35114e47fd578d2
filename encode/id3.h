/* SPDX-License-Identifier: GPL-2.0-or-later */
/* id3.h - ID3v2.4 tags, as they go with media: a time of day, a text, or where a segment of packed audio belongs.
 *
 * A tag is built on the caller's stack; what does not fit is left out, whole frames at a time. Plain values.
 *
 *     struct id3_tag tag;
 *     id3_begin(&tag);
 *     id3_text(&tag, "segment 17");
 *     send(tag.bytes, id3_end(&tag));
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { ID3_TAG_BYTES = 1024 };

struct id3_tag {
    uint8_t bytes[ID3_TAG_BYTES];
    size_t count;
};

void id3_begin(struct id3_tag *tag);
void id3_private(struct id3_tag *tag, const char *owner, const void *data, size_t bytes); /* PRIV */
void id3_text(struct id3_tag *tag, const char *text); /* TXXX without a description */
/* The time of day, of a tick of the timeline: as PRIV of com.elementaltechnologies.timestamp.utc, or as TDRL. */
void id3_time_private(struct id3_tag *tag, int64_t tick_90k);
void id3_time_release(struct id3_tag *tag, int64_t tick_90k);
/* RFC 8216, 3.4: the 33-bit timestamp of the first sample of packed audio. */
void id3_transport_timestamp(struct id3_tag *tag, int64_t tick_90k);
size_t id3_end(struct id3_tag *tag); /* its size; 0: there is no frame in it */
