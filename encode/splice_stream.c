/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/splice_stream.h"

#include <errno.h>
#include <string.h>

#include "encode/section_bytes.h"

enum {
    PACKET_BYTES = 188,
    PACKET_HEAD = 4,
    SYNC = 0x47,
    START_OF_UNIT = 0x40,
    PAYLOAD_ONLY = 0x10,
    TABLE_HEAD = 12, /* up to the descriptors of the program */
    TABLE_MAX = PACKET_BYTES - PACKET_HEAD - 1,
    STREAM_BYTES = 5,
    SECTION_BYTES_MIN = 17,
};

static const uint8_t registration[] = { 0x05, 4, 'C', 'U', 'E', 'I' };

/* ---- the table ---- */
static int edit_table(const struct splice_stream *stream, uint8_t *table)
{
    const uint8_t entry[STREAM_BYTES] = { 0x86, (uint8_t)(0xe0 | stream->pid >> 8), (uint8_t)stream->pid, 0xf0, 0 };
    size_t descriptors = section_twelve_bits(table + 10), end = 3 + section_twelve_bits(table + 1),
           at = TABLE_HEAD + descriptors;

    if (table[0] != SECTION_TABLE_ID_PMT || end > TABLE_MAX || end < TABLE_HEAD + SECTION_CHECKSUM_BYTES ||
        at > end - SECTION_CHECKSUM_BYTES)
        return -EINVAL;
    if (end + sizeof registration + sizeof entry > TABLE_MAX)
        return -EMSGSIZE;
    end -= SECTION_CHECKSUM_BYTES;
    memmove(table + at + sizeof registration, table + at, end - at);
    memcpy(table + at, registration, sizeof registration);
    end += sizeof registration;
    memcpy(table + end, entry, sizeof entry);
    end += sizeof entry;
    section_put_twelve_bits(table + 10, descriptors + sizeof registration);
    section_put_twelve_bits(table + 1, end + SECTION_CHECKSUM_BYTES - 3);
    section_put_checksum(table, end);
    return 0;
}

int splice_stream_edit_table(const struct splice_stream *stream, uint8_t *packets, size_t count)
{
    if (count % PACKET_BYTES)
        return -EINVAL;
    for (uint8_t *packet = packets; packet < packets + count; packet += PACKET_BYTES) {
        if (packet[0] != SYNC)
            return -EINVAL;
        if (((packet[1] & 0x1fu) << 8 | packet[2]) != stream->pmt_pid)
            continue;
        if (!(packet[1] & START_OF_UNIT) || (packet[3] & 0x30) != PAYLOAD_ONLY || packet[4] != 0)
            return -EINVAL;
        int result = edit_table(stream, packet + PACKET_HEAD + 1);
        if (result < 0)
            return result;
    }
    return 0;
}

/* ---- messages ---- */
/* With as much of the section as it takes, the rest stuffed; returns how much that is. */
static size_t put_packet(struct splice_stream *stream, uint8_t *packet, const uint8_t *section, size_t bytes,
                         int begins)
{
    size_t room = PACKET_BYTES - PACKET_HEAD - (size_t)begins, part = bytes < room ? bytes : room;
    uint8_t *at = packet + PACKET_HEAD;

    packet[0] = SYNC;
    packet[1] = (uint8_t)((begins ? START_OF_UNIT : 0) | stream->pid >> 8);
    packet[2] = (uint8_t)stream->pid;
    packet[3] = (uint8_t)(PAYLOAD_ONLY | stream->continuity);
    stream->continuity = (stream->continuity + 1) & 15;
    if (begins)
        *at++ = 0; /* pointer_field */
    memcpy(at, section, part);
    memset(at + part, 0xff, room - part);
    return part;
}

size_t splice_stream_packets(struct splice_stream *stream, const uint8_t *section, size_t bytes, int64_t shift_90k,
                             uint8_t *packets)
{
    uint8_t shifted[SPLICE_BYTES_MAX];
    size_t at = 0, written = 0;

    if (bytes < SECTION_BYTES_MIN || bytes > sizeof shifted)
        return 0;
    memcpy(shifted, section, bytes);
    splice_shift(shifted, bytes, shift_90k);
    for (; at < bytes; written += PACKET_BYTES)
        at += put_packet(stream, packets + written, shifted + at, bytes - at, at == 0);
    return written;
}
