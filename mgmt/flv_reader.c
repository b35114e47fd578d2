/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/flv_reader.h"

#include <errno.h>

#include "encode/flv_writer.h"

enum { KEY_PICTURE_AVC = 0x17, SEQUENCE_HEADER = 0 };

static uint32_t big_endian(const uint8_t *at, unsigned bytes)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

int flv_reader_next(struct flv_reader *reader, struct flv_tag *tag)
{
    if (reader->at == reader->bytes)
        return 0;
    size_t left = reader->at < reader->bytes ? reader->bytes - reader->at : 0;
    if (left < FLV_TAG_HEADER_BYTES + FLV_TAG_END_BYTES)
        return -EBADMSG;
    const uint8_t *at = reader->data + reader->at;
    size_t bytes = big_endian(at + 1, 3);
    if (bytes < 1 || bytes > left - FLV_TAG_HEADER_BYTES - FLV_TAG_END_BYTES ||
        big_endian(at + FLV_TAG_HEADER_BYTES + bytes, FLV_TAG_END_BYTES) != bytes + FLV_TAG_HEADER_BYTES)
        return -EBADMSG;
    *tag = (struct flv_tag){ .type = at[0],
                             .timestamp_ms = big_endian(at + 4, 3) | (uint32_t)at[7] << 24,
                             .data = at + FLV_TAG_HEADER_BYTES,
                             .bytes = bytes };
    tag->key =
        tag->type == FLV_TAG_VIDEO && bytes > 1 && tag->data[0] == KEY_PICTURE_AVC && tag->data[1] != SEQUENCE_HEADER;
    reader->at += FLV_TAG_HEADER_BYTES + bytes + FLV_TAG_END_BYTES;
    return 1;
}
