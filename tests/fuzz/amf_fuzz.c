/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as AMF0: the reader stays within them, and what it calls text is text. */
#include <stdlib.h>
#include <string.h>

#include "encode/amf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[64];
    double number;
    struct amf_reader reader = { data, data + size };
    while (reader.at < reader.end) {
        struct amf_reader start = reader, copy = reader;
        if (amf_read_string(&copy, text, sizeof text) == 0 && strlen(text) >= sizeof text)
            abort();
        copy = reader;
        if (amf_read_property(&copy, "code", text, sizeof text) == 0 && strlen(text) >= sizeof text)
            abort();
        copy = reader;
        amf_read_number(&copy, &number);
        if (amf_skip(&reader) < 0)
            break;
        if (reader.at <= start.at || reader.at > reader.end)
            abort();
    }
    return 0;
}
