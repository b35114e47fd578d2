/* SPDX-License-Identifier: GPL-2.0-or-later */
/* light_metadata_fuzz.c - SEI messages of a source: what was read is written as it came. */
#include "encode/light_metadata.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct light_metadata light = { 0 }, again = { 0 };
    uint8_t sei[LIGHT_METADATA_SEI_BYTES], second[LIGHT_METADATA_SEI_BYTES];

    if (!bytes)
        return 0;
    light_metadata_read(&light, data[0], data, bytes);
    light_metadata_read(&light, data[0] & 1 ? 137 : 144, data + 1, bytes - 1);
    size_t count = light_metadata_sei(&light, sei), at = 0;
    if ((count != 0) != light_metadata_known(&light))
        abort();
    while (at < count) {
        if (!light_metadata_read(&again, sei[at], sei + at, count - at))
            abort();
        at += 2 + (size_t)sei[at + 1];
    }
    if (light_metadata_sei(&again, second) != count)
        abort();
    return 0;
}
