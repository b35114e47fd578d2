/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sections of SCTE 35 that anyone may have sent. The length and the checksum are put right, or nothing would get behind
 * them. */
#include <libavutil/crc.h>
#include <stdlib.h>
#include <string.h>

#include "encode/splice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mend(uint8_t *section, size_t bytes)
{
    section[0] = 0xfc;
    section[1] = (uint8_t)((section[1] & 0xf0) | ((bytes - 3) >> 8 & 0x0f));
    section[2] = (uint8_t)(bytes - 3);
    section[3] = 0;
    uint32_t sum = av_crc(av_crc_get_table(AV_CRC_32_IEEE), UINT32_MAX, section, bytes - 4);
    memcpy(section + bytes - 4, &sum, 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct splice splice;
    size_t bytes = size > SPLICE_BYTES_MAX ? SPLICE_BYTES_MAX : size;
    uint8_t *section = malloc(bytes ? bytes : 1);

    memcpy(section, data, bytes);
    splice_parse(&splice, section, bytes);
    if (bytes >= 18) {
        mend(section, bytes);
        if (splice_parse(&splice, section, bytes) == 0 &&
            (splice.pts_90k < -1 || splice.pts_90k >= INT64_C(1) << 33 || splice.duration_90k < 0 ||
             splice.duration_90k >= INT64_C(1) << 40))
            __builtin_trap();
        splice_is_wanted(&splice);
    }
    free(section);
    return 0;
}
