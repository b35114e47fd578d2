/* SPDX-License-Identifier: GPL-2.0-or-later */
/* captions_fuzz.c - messages of a source in two parts: whatever they hold, they meet within their room. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "encode/captions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct captions captions = { 0 };

    if (size < 2)
        return 0;
    unsigned first = (data[0] * 256u + data[1]) % (unsigned)(size - 1);
    captions_join(&captions, data + 2, first < size - 2 ? first : (unsigned)size - 2);
    if (first < size - 2)
        captions_join(&captions, data + 2 + first, (unsigned)(size - 2 - first));
    if (captions.bytes > sizeof captions.messages)
        abort();
    return 0;
}
