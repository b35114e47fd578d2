/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/rtmp_outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mgmt/connection_stream.h"
#include "mgmt/rtmp_protocol.h"

enum { SPARE_BYTES = 64 * 1024 }; /* allocated beyond what is needed: messages come one after the other */

static uint8_t *room(struct rtmp_outbox *outbox, size_t bytes)
{
    if (outbox->begin == outbox->end)
        outbox->begin = outbox->end = 0;
    if (outbox->capacity - outbox->end < bytes && outbox->begin) {
        memmove(outbox->bytes, outbox->bytes + outbox->begin, outbox->end - outbox->begin);
        outbox->end -= outbox->begin;
        outbox->begin = 0;
    }
    if (outbox->capacity - outbox->end < bytes) {
        size_t capacity = outbox->end + bytes + SPARE_BYTES;
        uint8_t *more = realloc(outbox->bytes, capacity);
        if (!more)
            return NULL;
        outbox->bytes = more;
        outbox->capacity = capacity;
    }
    return outbox->bytes + outbox->end;
}

static void added(struct rtmp_outbox *outbox, size_t bytes)
{
    outbox->end += bytes;
    outbox->taken += bytes;
}

int rtmp_outbox_bytes(struct rtmp_outbox *outbox, const void *data, size_t bytes)
{
    uint8_t *to = room(outbox, bytes);
    if (!to)
        return -ENOMEM;
    memcpy(to, data, bytes);
    added(outbox, bytes);
    return 0;
}

int rtmp_outbox_message(struct rtmp_outbox *outbox, const struct rtmp_message *message)
{
    size_t chunks = message->bytes / outbox->chunk_size + 1;
    uint8_t *to = room(outbox, message->bytes + chunks * RTMP_HEADER_BYTES_MAX);
    if (!to)
        return -ENOMEM;
    size_t used = rtmp_message_header(to, message);
    for (uint32_t at = 0; at < message->bytes;) {
        uint32_t part = message->bytes - at < outbox->chunk_size ? message->bytes - at : outbox->chunk_size;
        memcpy(to + used, message->payload + at, part);
        used += part;
        at += part;
        if (at < message->bytes)
            used += rtmp_continuation_header(to + used, message);
    }
    added(outbox, used);
    return 0;
}

size_t rtmp_outbox_waiting(const struct rtmp_outbox *outbox)
{
    return outbox->end - outbox->begin;
}

int rtmp_outbox_flush(struct rtmp_outbox *outbox, struct connection_stream *connection)
{
    while (outbox->begin < outbox->end) {
        ssize_t sent = connection_stream_send(connection, outbox->bytes + outbox->begin, outbox->end - outbox->begin);
        if (sent < 0)
            return (int)sent;
        outbox->begin += (size_t)sent;
    }
    return 0;
}

void rtmp_outbox_restart(struct rtmp_outbox *outbox)
{
    outbox->begin = outbox->end = 0;
    outbox->taken = 0;
    outbox->chunk_size = RTMP_CHUNK_SIZE_DEFAULT;
}

void rtmp_outbox_clear(struct rtmp_outbox *outbox)
{
    free(outbox->bytes);
    *outbox = (struct rtmp_outbox){ 0 };
}
