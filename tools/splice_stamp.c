/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/splice_stamp.h"

#include <libavutil/crc.h>
#include <stddef.h>

enum { PACKET_BYTES = 188, TABLE_ID = 0xfc, SECTION_BYTES_MIN = 20, CRC_BYTES = 4 };

static uint32_t checksum(const uint8_t *bytes, size_t count)
{
    return av_crc(av_crc_get_table(AV_CRC_32_IEEE), UINT32_MAX, bytes, count);
}

/* The section that begins and ends in this packet; NULL: none. */
static uint8_t *find_section(uint8_t *packet, size_t *bytes)
{
    size_t at = packet[3] & 0x20 ? 5u + packet[4] : 4;
    if (!(packet[1] & 0x40) || !(packet[3] & 0x10) || at >= PACKET_BYTES)
        return NULL;
    at += 1u + packet[at]; /* pointer_field */
    if (at + SECTION_BYTES_MIN > PACKET_BYTES || packet[at] != TABLE_ID)
        return NULL;
    *bytes = 3 + ((size_t)(packet[at + 1] & 0x0f) << 8 | packet[at + 2]);
    if (*bytes < SECTION_BYTES_MIN || at + *bytes > PACKET_BYTES || checksum(packet + at, *bytes) != 0)
        return NULL;
    return packet + at;
}

bool splice_stamp(uint8_t *packet, int64_t move_90k)
{
    size_t bytes;
    uint8_t *section = find_section(packet, &bytes);
    if (!section)
        return false;
    uint64_t adjustment = section[4] & 1;
    for (unsigned i = 5; i < 9; i++)
        adjustment = adjustment << 8 | section[i];
    adjustment += (uint64_t)move_90k;
    section[4] = (uint8_t)((section[4] & 0xfe) | (adjustment >> 32 & 1));
    for (unsigned i = 0; i < 4; i++)
        section[5 + i] = (uint8_t)(adjustment >> (24 - 8 * i));
    uint32_t sum = checksum(section, bytes - CRC_BYTES);
    for (unsigned i = 0; i < CRC_BYTES; i++) /* of av_crc, whose lowest byte comes first */
        section[bytes - CRC_BYTES + i] = (uint8_t)(sum >> (8 * i));
    return true;
}
