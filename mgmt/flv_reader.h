/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flv_reader.h - the tags of FLV bytes, one after the other. Pure; any thread.
 *
 * The bytes come from another process: nothing outside them is read, whatever they say.
 *
 *     struct flv_reader reader = { data, bytes, FLV_HEADER_BYTES };
 *     while ((result = flv_reader_next(&reader, &tag)) > 0) ...         // < 0: damaged
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flv_tag {
    unsigned type; /* enum flv_tag_type, or another */
    uint32_t timestamp_ms;
    const uint8_t *data; /* borrow: in the reader's bytes */
    size_t bytes;
    bool key; /* a video tag with a key picture (not its sequence header) */
};

struct flv_reader {
    const uint8_t *data; /* borrow */
    size_t bytes;
    size_t at; /* where the next tag begins */
};

int flv_reader_next(struct flv_reader *reader, struct flv_tag *tag); /* 1, 0: no more, -EBADMSG */
