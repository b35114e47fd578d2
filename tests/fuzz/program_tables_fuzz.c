/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PAT and PMT out of transport packets that anyone may have sent. The checksum of what looks like a whole section is
 * put right, or nothing would get behind it. */
#include <libavutil/bswap.h>
#include <libavutil/crc.h>
#include <string.h>

#include "board/error.h"
#include "encode/program_tables.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mend(uint8_t *packet)
{
    uint8_t *section = packet + 5;
    unsigned bytes = 3 + (((unsigned)section[1] & 0x0f) << 8 | section[2]);

    if (packet[3] & 0x20 || packet[4] || bytes < 12 || bytes > 183)
        return;
    uint32_t sum = av_crc(av_crc_get_table(AV_CRC_32_IEEE), UINT32_MAX, section, bytes - 4);
    memcpy(section + bytes - 4, &sum, 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct program_tables *tables = NULL;
    struct error err;
    uint8_t packet[188];

    if (program_tables_create(&tables, &err) < 0)
        return 0;
    for (uint64_t at = 0; at + sizeof packet <= size; at += sizeof packet) {
        memcpy(packet, data + at, sizeof packet);
        if (packet[1] & 0x40)
            mend(packet);
        if (!program_tables_push(tables, packet, at))
            continue;
        uint64_t begin = program_tables_begin(tables);
        if ((begin != PROGRAM_TABLES_NOWHERE && begin > at) || program_tables_outdated(tables) > at)
            __builtin_trap();
        program_tables_keeps(tables, 0x100);
        if (packet[187] & 1)
            program_tables_reset(tables);
    }
    program_tables_destroy(tables);
    return 0;
}
