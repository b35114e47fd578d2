/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as FLV: tags lie within them, one behind the other. */
#include <stdlib.h>

#include "mgmt/flv_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct flv_reader reader = { data, size, 0 };
    struct flv_tag tag;
    size_t before = 0;
    while (flv_reader_next(&reader, &tag) > 0) {
        if (reader.at <= before || reader.at > size || tag.data < data || tag.data + tag.bytes > data + size)
            abort();
        before = reader.at;
    }
    return 0;
}
