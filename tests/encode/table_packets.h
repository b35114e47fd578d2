/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_packets.h - for tests: PAT and PMT as transport packets. Header only. */
#pragma once
#include <libavutil/bswap.h>
#include <libavutil/crc.h>
#include <stdint.h>
#include <string.h>

struct table_stream {
    unsigned type, pid;
    unsigned descriptor; /* 0: none; else one of this tag, with four bytes of content */
};

struct table_program {
    unsigned number, pmt_pid;
};

/* Puts header, length and checksum around `bytes` of a table's body that lie at packet + 13. */
static inline void table_close(uint8_t *packet, unsigned pid, unsigned table, unsigned number, unsigned version,
                               unsigned bytes)
{
    uint8_t *section = packet + 5;
    unsigned length = 5 + bytes + 4;
    const uint8_t header[] = { 0x47, (uint8_t)(0x40 | pid >> 8), (uint8_t)pid, 0x10, 0 };

    memcpy(packet, header, sizeof header);
    section[0] = (uint8_t)table;
    section[1] = (uint8_t)(0xb0 | length >> 8);
    section[2] = (uint8_t)length;
    section[3] = (uint8_t)(number >> 8);
    section[4] = (uint8_t)number;
    section[5] = (uint8_t)(0xc1 | version << 1);
    section[6] = section[7] = 0;
    uint32_t sum = av_bswap32(av_crc(av_crc_get_table(AV_CRC_32_IEEE), UINT32_MAX, section, 3 + length - 4));
    for (unsigned i = 0; i < 4; i++)
        section[3 + length - 4 + i] = (uint8_t)(sum >> (24 - 8 * i));
    memset(section + 3 + length, 0xff, 188 - 5 - 3 - length);
}

static inline void table_pat(uint8_t *packet, const struct table_program *programs, unsigned count)
{
    uint8_t *at = packet + 13;
    for (unsigned i = 0; i < count; i++, at += 4) {
        at[0] = (uint8_t)(programs[i].number >> 8);
        at[1] = (uint8_t)programs[i].number;
        at[2] = (uint8_t)(0xe0 | programs[i].pmt_pid >> 8);
        at[3] = (uint8_t)programs[i].pmt_pid;
    }
    table_close(packet, 0, 0, 1, 0, 4 * count);
}

/* Registered: with the descriptor that SCTE 35 wants of a program (type 0x86 is its messages). */
static inline void table_pmt_of(uint8_t *packet, const struct table_program *program, unsigned version,
                                const struct table_stream *streams, unsigned count, unsigned pcr_pid, int registered)
{
    uint8_t *at = packet + 13;
    const uint8_t head[] = {
        (uint8_t)(0xe0 | pcr_pid >> 8), (uint8_t)pcr_pid, 0xf0, registered ? 6 : 0, 5, 4, 'C', 'U', 'E', 'I'
    };
    memcpy(at, head, sizeof head);
    at += registered ? 10 : 4;
    for (unsigned i = 0; i < count; i++) {
        unsigned descriptors = streams[i].descriptor ? 6 : 0;
        const uint8_t stream[] = { (uint8_t)streams[i].type,
                                   (uint8_t)(0xe0 | streams[i].pid >> 8),
                                   (uint8_t)streams[i].pid,
                                   0xf0,
                                   (uint8_t)descriptors,
                                   (uint8_t)streams[i].descriptor,
                                   4,
                                   'e',
                                   'n',
                                   'g',
                                   0 };
        memcpy(at, stream, 5 + descriptors);
        at += 5 + descriptors;
    }
    table_close(packet, program->pmt_pid, 2, program->number, version, (unsigned)(at - packet - 13));
}

static inline void table_pmt(uint8_t *packet, const struct table_program *program, unsigned version,
                             const struct table_stream *streams, unsigned count)
{
    table_pmt_of(packet, program, version, streams, count, 0x100, 0);
}

/* A splice_insert that leaves the network for duration_90k (0: not said) and comes back by itself. */
static inline void table_splice_insert(uint8_t *packet, unsigned pid, uint32_t id, uint64_t pts_90k,
                                       uint64_t duration_90k)
{
    uint8_t *section = packet + 5, *at = section + 14;
    unsigned command = duration_90k ? 20 : 15, length = 11 + command + 2 + 4;
    const uint8_t header[] = { 0x47, (uint8_t)(0x40 | pid >> 8), (uint8_t)pid, 0x10, 0 };
    const uint8_t head[] = { 0xfc, 0x30, (uint8_t)length, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xf0, (uint8_t)command, 5 };

    memset(packet, 0xff, 188);
    memcpy(packet, header, sizeof header);
    memcpy(section, head, sizeof head);
    for (unsigned i = 0; i < 4; i++)
        *at++ = (uint8_t)(id >> (24 - 8 * i));
    *at++ = 0x7f;
    *at++ = duration_90k ? 0xef : 0xcf;
    *at++ = (uint8_t)(0xfe | pts_90k >> 32);
    for (unsigned i = 0; i < 4; i++)
        *at++ = (uint8_t)(pts_90k >> (24 - 8 * i));
    if (duration_90k)
        *at++ = (uint8_t)(0xfe | duration_90k >> 32);
    for (unsigned i = 0; duration_90k && i < 4; i++)
        *at++ = (uint8_t)(duration_90k >> (24 - 8 * i));
    memset(at, 0, 4 + 2); /* program, avail; no descriptors */
    at += 4 + 2;
    uint32_t sum = av_bswap32(av_crc(av_crc_get_table(AV_CRC_32_IEEE), UINT32_MAX, section, (size_t)(at - section)));
    for (unsigned i = 0; i < 4; i++)
        *at++ = (uint8_t)(sum >> (24 - 8 * i));
}
