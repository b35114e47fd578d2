/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encode_codec.c - the table. */
#include "drivers/softvpl/encode_codec.h"

#include <string.h>

static const struct encode_codec *const codecs[] = { &encode_codec_h264, &encode_codec_hevc, &encode_codec_av1,
                                                     &encode_codec_jpeg };

const struct encode_codec *encode_codec_at(unsigned index)
{
    return index < sizeof codecs / sizeof codecs[0] ? codecs[index] : NULL;
}

const struct encode_codec *encode_codec_find(uint32_t id)
{
    const struct encode_codec *codec = NULL;
    for (unsigned i = 0; (codec = encode_codec_at(i)) && codec->id != id; i++)
        continue;
    return codec;
}

void encode_header_keep(struct encode_headers *headers, enum encode_header_kind kind, const uint8_t *data, size_t bytes)
{
    struct encode_header *header = &headers->header[kind];

    if (bytes > sizeof header->data)
        return;
    memcpy(header->data, data, bytes);
    header->bytes = bytes;
}
