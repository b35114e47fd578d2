/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parameter sets and a slice of any bytes: what is called its header lies in it. */
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "encode/slice_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of exactly this size: the sanitizer sees a byte more. */
static uint8_t *copy_of(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    memcpy(copy, data, size);
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice_format format;
    struct error err = { 0 };
    size_t sets = size ? data[size - 1] % size : 0; /* not the first: a record begins with its version */
    uint8_t *format_bytes = copy_of(data, sets), *slice = copy_of(data + sets, size - sets);
    slice_format_read(&format, format_bytes, sets, &err);
    if (slice_header_bytes(&format, slice, size - sets) > size - sets)
        abort();
    free(format_bytes);
    free(slice);
    return 0;
}
