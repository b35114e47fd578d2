/* SPDX-License-Identifier: GPL-2.0-or-later */
/* splice.c - a reader of bits that remembers when it was asked for more than is there, and one function a structure. */
#include "encode/splice.h"

#include <errno.h>
#include <string.h>

#include "encode/section_bytes.h"
#include "encode/timeline.h"

enum {
    TABLE_ID = 0xfc,
    HEAD_BYTES = 14, /* up to splice_command_type */
    CRC_BYTES = 4,
    ADJUSTMENT_AT = 4, /* the lowest bit of this byte, and the four behind it */
    COMMAND_LENGTH_NOT_SAID = 0xfff,
    DESCRIPTOR_SEGMENTATION = 0x02, /* 10.3.3 */
};

struct reader {
    const uint8_t *bytes;
    size_t count;
    size_t at;   /* bit */
    bool beyond; /* more was asked for than is there */
};

static uint64_t bits(struct reader *reader, unsigned count)
{
    uint64_t value = 0;
    if (count > reader->count * 8 - reader->at) {
        reader->beyond = true;
        reader->at = reader->count * 8;
        return 0;
    }
    for (; count; count--, reader->at++)
        value = value << 1 | (reader->bytes[reader->at / 8] >> (7 - reader->at % 8) & 1);
    return value;
}

static void skip(struct reader *reader, unsigned count)
{
    for (; count > 64; count -= 64)
        bits(reader, 64);
    bits(reader, count);
}

/* ---- times ---- */
/* 9.8.1; -1: not specified */
static int64_t splice_time(struct reader *reader)
{
    if (!bits(reader, 1)) {
        skip(reader, 7);
        return -1;
    }
    skip(reader, 6);
    return (int64_t)bits(reader, 33);
}

/* 9.8.2 */
static void break_duration(struct splice *splice, struct reader *reader)
{
    splice->returns = bits(reader, 1);
    skip(reader, 6);
    splice->duration_90k = (int64_t)bits(reader, 33);
}

/* ---- commands ---- */
/* Component splice mode: each has a time of its own; the first that is said stands for all. */
static int64_t component_times(struct reader *reader, bool immediate)
{
    int64_t first = -1;
    for (uint64_t count = bits(reader, 8); count && !reader->beyond; count--) {
        skip(reader, 8);
        int64_t time = immediate ? -1 : splice_time(reader);
        first = first < 0 ? time : first;
    }
    return first;
}

/* 9.7.3 */
static void splice_insert(struct splice *splice, struct reader *reader)
{
    splice->id = (uint32_t)bits(reader, 32);
    splice->cancels = bits(reader, 1);
    skip(reader, 7);
    if (splice->cancels)
        return;
    splice->out_of_network = bits(reader, 1);
    bool program = bits(reader, 1), duration = bits(reader, 1), immediate = bits(reader, 1);
    skip(reader, 4);
    if (!program)
        splice->pts_90k = component_times(reader, immediate);
    else if (!immediate)
        splice->pts_90k = splice_time(reader);
    if (duration)
        break_duration(splice, reader);
    skip(reader, 32); /* unique_program_id, avail_num, avails_expected */
}

/* splice_schedule(), private_command() and what is not known yet say no time of the stream. */
static void read_command(struct splice *splice, struct reader *reader)
{
    if (splice->type == SPLICE_INSERT)
        splice_insert(splice, reader);
    else if (splice->type == SPLICE_TIME_SIGNAL)
        splice->pts_90k = splice_time(reader); /* 9.7.4 */
}

/* ---- descriptors ---- */
/* 10.3.3; false: it does not fit into its length. */
static bool segmentation_descriptor(struct splice_segmentation *read, struct reader *reader)
{
    *read = (struct splice_segmentation){ .web_delivery_allowed = true, .no_regional_blackout = true };
    read->id = (uint32_t)bits(reader, 32);
    read->cancels = bits(reader, 1);
    skip(reader, 7);
    if (read->cancels)
        return !reader->beyond;
    bool program = bits(reader, 1), duration = bits(reader, 1), unrestricted = bits(reader, 1);
    bool web = bits(reader, 1), regional = bits(reader, 1);
    skip(reader, 3);
    read->web_delivery_allowed = unrestricted || web;
    read->no_regional_blackout = unrestricted || regional;
    if (!program)
        skip(reader, (unsigned)bits(reader, 8) * 48);
    if (duration)
        read->duration_90k = (int64_t)bits(reader, 40);
    bool whole = !reader->beyond; /* what follows did not count before: old writers leave it out */
    read->upid_type = (uint8_t)bits(reader, 8);
    unsigned bytes = (unsigned)bits(reader, 8);
    for (unsigned i = 0; i < bytes && !reader->beyond; i++) {
        uint8_t byte = (uint8_t)bits(reader, 8);
        if (bytes <= SPLICE_UPID_BYTES_MAX)
            read->upid[i] = byte;
    }
    read->type = (uint8_t)bits(reader, 8);
    read->upid_bytes = reader->beyond || bytes > SPLICE_UPID_BYTES_MAX ? 0 : (uint8_t)bytes;
    if (reader->beyond)
        read->type = 0;
    return whole;
}

/* 10.1, 10.2 */
static void read_descriptors(struct splice *splice, const uint8_t *bytes, size_t count)
{
    while (count >= 2 && (size_t)bytes[1] + 2 <= count && splice->segmentations_count < SPLICE_SEGMENTATIONS_MAX) {
        struct reader reader = { .bytes = bytes + 6, .count = bytes[1] >= 4 ? bytes[1] - 4u : 0 };
        if (bytes[0] == DESCRIPTOR_SEGMENTATION && bytes[1] >= 4 && memcmp(bytes + 2, "CUEI", 4) == 0 &&
            segmentation_descriptor(&splice->segmentations[splice->segmentations_count], &reader))
            splice->segmentations_count++;
        count -= (size_t)bytes[1] + 2;
        bytes += (size_t)bytes[1] + 2;
    }
}

/* The first segmentation descriptor tells what a time_signal is about. */
static void take_first(struct splice *splice)
{
    const struct splice_segmentation *first = &splice->segmentations[0];

    if (splice->type != SPLICE_TIME_SIGNAL || !splice->segmentations_count)
        return;
    splice->id = first->id;
    splice->cancels = first->cancels;
    splice->duration_90k = first->duration_90k;
}

/* ---- the section ---- */
/* Where the descriptors begin. 0: the command does not fit. */
static size_t read_body(struct splice *splice, const uint8_t *section, size_t end)
{
    size_t said = (size_t)(section[11] & 0x0f) << 8 | section[12];
    size_t room = said == COMMAND_LENGTH_NOT_SAID ? end - HEAD_BYTES : said;
    if (room > end - HEAD_BYTES)
        return 0;
    struct reader reader = { .bytes = section + HEAD_BYTES, .count = room };
    read_command(splice, &reader);
    if (reader.beyond)
        return 0;
    bool read = splice->type == SPLICE_INSERT || splice->type == SPLICE_TIME_SIGNAL;
    if (said == COMMAND_LENGTH_NOT_SAID)
        return read ? HEAD_BYTES + reader.at / 8 : end;
    return HEAD_BYTES + said;
}

static bool is_whole(const uint8_t *section, size_t bytes)
{
    if (bytes < HEAD_BYTES + CRC_BYTES || section[0] != TABLE_ID)
        return false;
    if (3 + ((size_t)(section[1] & 0x0f) << 8 | section[2]) != bytes)
        return false;
    return section_is_intact(section, bytes);
}

int splice_parse(struct splice *splice, const uint8_t *section, size_t bytes)
{
    if (!is_whole(section, bytes) || section[3] != 0 /* protocol_version */)
        return -EBADMSG;
    size_t end = bytes - CRC_BYTES;
    struct reader head = { .bytes = section + 4, .count = HEAD_BYTES - 4 };
    *splice = (struct splice){ .pts_90k = -1, .encrypted = bits(&head, 1) };
    skip(&head, 6);
    int64_t adjustment_90k = (int64_t)bits(&head, 33);
    splice->type = section[13];
    splice->id = (uint32_t)section[end] << 24 | (uint32_t)section[end + 1] << 16 | (uint32_t)section[end + 2] << 8 |
                 section[end + 3];
    if (splice->encrypted)
        return 0;
    size_t descriptors = read_body(splice, section, end);
    if (descriptors == 0)
        return -EBADMSG;
    bool has_descriptors = splice->type == SPLICE_TIME_SIGNAL || splice->type == SPLICE_INSERT;
    if (descriptors + 2 <= end && has_descriptors) {
        size_t count = (size_t)section[descriptors] << 8 | section[descriptors + 1];
        if (count > end - descriptors - 2 && splice->type == SPLICE_TIME_SIGNAL)
            return -EBADMSG;
        if (count <= end - descriptors - 2)
            read_descriptors(splice, section + descriptors + 2, count);
    }
    take_first(splice);
    if (splice->pts_90k >= 0)
        splice->pts_90k = (splice->pts_90k + adjustment_90k) & (PTS_MODULUS - 1);
    return 0;
}

void splice_shift(uint8_t *section, size_t bytes, int64_t shift_90k)
{
    uint8_t *at = section + ADJUSTMENT_AT;
    uint64_t adjustment = (uint64_t)(at[0] & 1) << 32 | (uint64_t)at[1] << 24 | at[2] << 16 | at[3] << 8 | at[4];

    adjustment = (adjustment + (uint64_t)shift_90k) & (PTS_MODULUS - 1);
    at[0] = (uint8_t)((at[0] & ~1u) | adjustment >> 32);
    for (unsigned i = 1; i <= 4; i++)
        at[i] = (uint8_t)(adjustment >> 8 * (4 - i));
    section_put_checksum(section, bytes - CRC_BYTES);
}

bool splice_is_wanted(const struct splice *splice)
{
    return splice->encrypted || (splice->type != SPLICE_NULL && splice->type != SPLICE_BANDWIDTH_RESERVATION);
}
