/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/section_bytes.h"

#include <libavutil/crc.h>

static uint32_t checksum_of(const uint8_t *bytes, size_t count)
{
    return av_crc(av_crc_get_table(AV_CRC_32_IEEE), UINT32_MAX, bytes, count);
}

unsigned section_twelve_bits(const uint8_t *at)
{
    return (at[0] & 0x0fu) << 8 | at[1];
}

void section_put_twelve_bits(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)((at[0] & 0xf0) | value >> 8);
    at[1] = (uint8_t)value;
}

void section_put_checksum(uint8_t *bytes, size_t count)
{
    uint32_t checksum = checksum_of(bytes, count);
    for (unsigned i = 0; i < SECTION_CHECKSUM_BYTES; i++) /* the library has its bytes the other way round */
        bytes[count + i] = (uint8_t)(checksum >> 8 * i);
}

bool section_is_intact(const uint8_t *bytes, size_t count)
{
    return checksum_of(bytes, count) == 0;
}
