/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/sample_aes_table.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "encode/section_bytes.h"

enum {
    PACKET_BYTES = 188,
    PACKET_HEAD = 5, /* with the pointer to the section */
    SECTION_MAX = PACKET_BYTES - PACKET_HEAD,
    SECTION_HEAD = 12, /* up to the descriptors of the program */
    STREAM_HEAD = 5,
    SYNC = 0x47,
    START_OF_UNIT = 0x40,
    PAYLOAD_ONLY = 0x10,
    TYPE_AAC = 0x0f,
    TYPE_H264 = 0x1b,
    TYPE_AAC_ENCRYPTED = 0xcf,
    TYPE_H264_ENCRYPTED = 0xdb,
    REGISTRATION = 0x05,
    PRIVATE_DATA_INDICATOR = 0x0f,
    REGISTRATION_BYTES = 4 + SAMPLE_AES_SETUP_BYTES,
};

struct section {
    uint8_t bytes[SECTION_MAX];
    size_t count;
    bool full; /* something did not fit */
};

static void put(struct section *section, const void *bytes, size_t count)
{
    section->full |= count > sizeof section->bytes - section->count;
    if (section->full)
        return;
    memcpy(section->bytes + section->count, bytes, count);
    section->count += count;
}

static void put_indicator(struct section *section, const char *name)
{
    put(section, (const uint8_t[]){ PRIVATE_DATA_INDICATOR, 4 }, 2);
    put(section, name, 4);
}

static int put_marks(struct section *section, const struct sample_aes_table *table, unsigned type, unsigned pid)
{
    if (type == TYPE_H264)
        put_indicator(section, "zavc");
    if (type != TYPE_AAC)
        return 0;
    for (unsigned i = 0; i < table->count; i++)
        if (table->audios[i].pid == pid) {
            put_indicator(section, "aacd");
            put(section, (const uint8_t[]){ REGISTRATION, REGISTRATION_BYTES, 'a', 'p', 'a', 'd' }, 6);
            put(section, table->audios[i].setup, sizeof table->audios[i].setup);
            return 0;
        }
    return -EINVAL;
}

/* A stream with its descriptors, the marks behind them. */
static int put_stream(struct section *section, const struct sample_aes_table *table, const uint8_t *stream)
{
    size_t begin = section->count, descriptors = section_twelve_bits(stream + 3);

    put(section, stream, STREAM_HEAD + descriptors);
    int result = put_marks(section, table, stream[0], (stream[1] & 0x1fu) << 8 | stream[2]);
    if (section->full || result < 0)
        return section->full ? -EMSGSIZE : result;
    uint8_t *head = section->bytes + begin;
    head[0] = stream[0] == TYPE_H264 ? TYPE_H264_ENCRYPTED : stream[0] == TYPE_AAC ? TYPE_AAC_ENCRYPTED : stream[0];
    section_put_twelve_bits(head + 3, section->count - begin - STREAM_HEAD);
    return 0;
}

static int finish(struct section *section)
{
    if (section->count + SECTION_CHECKSUM_BYTES > sizeof section->bytes)
        return -EMSGSIZE;
    section_put_twelve_bits(section->bytes + 1, section->count + SECTION_CHECKSUM_BYTES - 3);
    section_put_checksum(section->bytes, section->count);
    section->count += SECTION_CHECKSUM_BYTES;
    return 0;
}

static int edit_section(const struct sample_aes_table *table, uint8_t *packet)
{
    const uint8_t *old = packet + PACKET_HEAD;
    struct section section = { .count = 0 };
    size_t end = 3 + section_twelve_bits(old + 1), at = SECTION_HEAD + section_twelve_bits(old + 10);

    if (old[0] != SECTION_TABLE_ID_PMT || end > SECTION_MAX || end < SECTION_HEAD + SECTION_CHECKSUM_BYTES ||
        at > end - SECTION_CHECKSUM_BYTES)
        return -EINVAL;
    end -= SECTION_CHECKSUM_BYTES;
    put(&section, old, at);
    while (at < end) {
        if (end - at < STREAM_HEAD || end - at - STREAM_HEAD < section_twelve_bits(old + at + 3))
            return -EINVAL;
        int result = put_stream(&section, table, old + at);
        if (result < 0)
            return result;
        at += STREAM_HEAD + section_twelve_bits(old + at + 3);
    }
    int result = finish(&section);
    if (result < 0)
        return result;
    memset(packet + PACKET_HEAD, 0xff, SECTION_MAX);
    memcpy(packet + PACKET_HEAD, section.bytes, section.count);
    return 0;
}

int sample_aes_table_edit(const struct sample_aes_table *table, uint8_t *packets, size_t count)
{
    if (count % PACKET_BYTES)
        return -EINVAL;
    for (uint8_t *packet = packets; packet < packets + count; packet += PACKET_BYTES) {
        if (packet[0] != SYNC)
            return -EINVAL;
        if (((packet[1] & 0x1fu) << 8 | packet[2]) != table->pmt_pid)
            continue;
        if (!(packet[1] & START_OF_UNIT) || (packet[3] & 0x30) != PAYLOAD_ONLY || packet[4] != 0)
            return -EINVAL;
        int result = edit_section(table, packet);
        if (result < 0)
            return result;
    }
    return 0;
}
