/* SPDX-License-Identifier: GPL-2.0-or-later */
/* payload.c - SEI messages are kept as sei_message(), with type and size in front, as oneVPL hands them over. */
#include "drivers/softvpl/payload.h"

#include <stdlib.h>
#include <string.h>

#include "drivers/softvpl/units.h"

enum {
    SEI_BYTES_MAX = UINT16_MAX,
    H264_SEI = 6,
    HEVC_SEI_PREFIX = 39,
    SEI_T35 = 4,
    OBU_METADATA = 5,
    METADATA_T35 = 4,
    T35_BYTES_MAX = 254, /* so that its size is one byte */
};

struct entry {
    uint64_t time_stamp_90k;
    uint8_t *data;
    uint32_t bytes;
    uint16_t type;
};

struct payload_queue {
    unsigned oldest, used;
    uint64_t dropped;
    struct entry entry[PAYLOADS_KEPT];
};

struct payload_queue *payload_queue_create(void)
{
    return calloc(1, sizeof(struct payload_queue));
}

static void drop_oldest(struct payload_queue *queue)
{
    free(queue->entry[queue->oldest].data);
    queue->entry[queue->oldest].data = NULL;
    queue->oldest = (queue->oldest + 1) % PAYLOADS_KEPT;
    queue->used--;
}

void payload_queue_clear(struct payload_queue *queue)
{
    while (queue->used)
        drop_oldest(queue);
}

void payload_queue_destroy(struct payload_queue *queue)
{
    if (!queue)
        return;
    payload_queue_clear(queue);
    free(queue);
}

uint64_t payload_queue_dropped(const struct payload_queue *queue)
{
    return queue->dropped;
}

static void keep(struct payload_queue *queue, uint16_t type, const uint8_t *data, size_t bytes, uint64_t time_stamp)
{
    if (bytes == 0 || bytes > SEI_BYTES_MAX)
        return; /* BufSize of mfxPayload has 16 bits */
    uint8_t *copy = malloc(bytes);
    if (!copy)
        return;
    memcpy(copy, data, bytes);
    if (queue->used == PAYLOADS_KEPT) {
        drop_oldest(queue);
        queue->dropped++;
    }
    queue->entry[(queue->oldest + queue->used++) % PAYLOADS_KEPT] =
        (struct entry){ .time_stamp_90k = time_stamp, .data = copy, .bytes = (uint32_t)bytes, .type = type };
}

static size_t read_extended(const uint8_t *from, size_t bytes, uint32_t *value)
{
    size_t used = 0;
    *value = 0;
    while (used < bytes && from[used] == 0xff && *value < SEI_BYTES_MAX) {
        *value += 0xff;
        used++;
    }
    if (used == bytes || from[used] == 0xff)
        return 0;
    *value += from[used];
    return used + 1;
}

size_t sei_message_header(const uint8_t *message, size_t bytes, uint32_t *type, uint32_t *size)
{
    size_t first = read_extended(message, bytes, type);
    if (!first)
        return 0;
    size_t second = read_extended(message + first, bytes - first, size);
    if (!second || *size > bytes - first - second)
        return 0;
    return first + second;
}

static void collect_sei(struct payload_queue *queue, const uint8_t *nal, size_t bytes, uint64_t time_stamp)
{
    if (bytes > SEI_BYTES_MAX)
        return;
    uint8_t *raw = malloc(bytes + 1);
    if (!raw)
        return;
    size_t length = nal_unescape(raw, bytes, nal, bytes), at = 0;
    while (length > 0 && raw[length - 1] == 0)
        length--; /* trailing zeros belong to the next start code */
    while (at + 2 < length + 1 && raw[at] != 0x80) {
        uint32_t type, size;
        size_t header = sei_message_header(raw + at, length - at, &type, &size);
        if (!header)
            break;
        if (type <= UINT16_MAX)
            keep(queue, (uint16_t)type, raw + at, header + size, time_stamp);
        at += header + size;
    }
    free(raw);
}

/* AV1 has T.35 in metadata OBUs: they come out as the SEI messages of the other codecs. */
static void collect_metadata(struct payload_queue *queue, const uint8_t *unit, size_t bytes, uint64_t time_stamp)
{
    uint8_t message[2 + T35_BYTES_MAX];
    struct obu obu;
    size_t used;

    for (size_t at = 0; at < bytes && (used = obu_read(&obu, unit + at, bytes - at)); at += used) {
        if (obu.type != OBU_METADATA || obu.bytes < 3 || obu.data[0] != METADATA_T35)
            continue;
        size_t length = obu.bytes - 1;
        while (length && obu.data[length] == 0)
            length--;
        if (length && obu.data[length] == 0x80) /* the trailing bit */
            length--;
        if (!length || length > T35_BYTES_MAX)
            continue;
        message[0] = SEI_T35;
        message[1] = (uint8_t)length;
        memcpy(message + 2, obu.data + 1, length);
        keep(queue, SEI_T35, message, length + 2, time_stamp);
    }
}

void payload_queue_collect(struct payload_queue *queue, uint32_t codec, const uint8_t *unit, size_t bytes,
                           uint64_t time_stamp_90k)
{
    size_t next;

    if (codec == MFX_CODEC_AV1)
        collect_metadata(queue, unit, bytes, time_stamp_90k);
    if (codec != MFX_CODEC_AVC && codec != MFX_CODEC_HEVC && codec != MFX_CODEC_MPEG2)
        return;
    for (size_t at = start_code_find(unit, bytes, 0); at + 5 < bytes; at = next) {
        unsigned code = unit[at + 3];
        bool slice = codec == MFX_CODEC_AVC    ? (code & 0x1f) == 1 || (code & 0x1f) == 5
                     : codec == MFX_CODEC_HEVC ? (code >> 1 & 0x3f) < 32
                                               : code >= 1 && code <= 0xaf;
        if (slice)
            return;
        next = start_code_find(unit, bytes, at + 3);
        if (codec == MFX_CODEC_AVC && (code & 0x1f) == H264_SEI)
            collect_sei(queue, unit + at + 4, next - at - 4, time_stamp_90k);
        else if (codec == MFX_CODEC_HEVC && (code >> 1 & 0x3f) == HEVC_SEI_PREFIX && next >= at + 5)
            collect_sei(queue, unit + at + 5, next - at - 5, time_stamp_90k);
        else if (codec == MFX_CODEC_MPEG2 && code == (PAYLOAD_TYPE_MPEG2_USER_DATA & 0xff))
            keep(queue, PAYLOAD_TYPE_MPEG2_USER_DATA, unit + at + 4, next - at - 4, time_stamp_90k);
    }
}

mfxStatus payload_queue_take(struct payload_queue *queue, mfxU64 *time_stamp_90k, mfxPayload *payload)
{
    payload->NumBit = 0;
    if (!queue->used) {
        *time_stamp_90k = (uint64_t)MFX_TIMESTAMP_UNKNOWN;
        return MFX_ERR_NONE;
    }
    struct entry *entry = &queue->entry[queue->oldest];
    if (!payload->Data || payload->BufSize < entry->bytes)
        return MFX_ERR_NOT_ENOUGH_BUFFER;
    memcpy(payload->Data, entry->data, entry->bytes);
    payload->NumBit = entry->bytes * 8;
    payload->Type = entry->type;
    *time_stamp_90k = entry->time_stamp_90k;
    drop_oldest(queue);
    return MFX_ERR_NONE;
}
