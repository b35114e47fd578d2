/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parameter sets and a slice of any bytes: what is called its header lies in it. */
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "encode/slice_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice_format format;
    struct error err = { 0 };
    size_t sets = size ? data[0] % size : 0;
    uint8_t *slice = malloc(size - sets + 1); /* exactly: the sanitizer sees a byte more */
    if (!slice)
        return 0;
    memcpy(slice, data + sets, size - sets);
    slice_format_read(&format, data, sets, &err);
    if (slice_header_bytes(&format, slice, size - sets) > size - sets)
        abort();
    free(slice);
    return 0;
}
