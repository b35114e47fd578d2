/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_protocol.c - chunk headers in their four forms. The reader collects one header at a time in a small buffer, then
 * copies payload straight into the message it belongs to. */
#include "mgmt/rtmp_protocol.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"

enum {
    TIMESTAMP_EXTENDED = 0xffffff,
    READ_HEADER_BYTES_MAX = 3 + 11 + 4, /* basic header of three bytes */
    FORM_FULL = 0,
    FORM_SAME_STREAM = 1,
    FORM_SAME_LENGTH = 2,
    FORM_CONTINUATION = 3,
};

static uint32_t read_big(const uint8_t *at, unsigned bytes)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

static void write_big(uint8_t *at, unsigned bytes, uint32_t value)
{
    for (unsigned i = bytes; i-- > 0; value >>= 8)
        at[i] = (uint8_t)value;
}

/* ---- writing ---- */

static size_t write_extended(uint8_t *at, uint32_t timestamp_ms)
{
    if (timestamp_ms < TIMESTAMP_EXTENDED)
        return 0;
    write_big(at, 4, timestamp_ms);
    return 4;
}

size_t rtmp_message_header(uint8_t *header, const struct rtmp_message *message)
{
    header[0] = (uint8_t)(FORM_FULL << 6 | message->chunk_stream);
    write_big(header + 1, 3,
              message->timestamp_ms < TIMESTAMP_EXTENDED ? message->timestamp_ms : (uint32_t)TIMESTAMP_EXTENDED);
    write_big(header + 4, 3, message->bytes);
    header[7] = (uint8_t)message->type;
    for (unsigned i = 0; i < 4; i++) /* the one little-endian field of the protocol */
        header[8 + i] = (uint8_t)(message->message_stream >> 8 * i);
    return 12 + write_extended(header + 12, message->timestamp_ms);
}

/* An extended timestamp is repeated: the specification's text is silent, every server in use reads it there. */
size_t rtmp_continuation_header(uint8_t *header, const struct rtmp_message *message)
{
    header[0] = (uint8_t)(FORM_CONTINUATION << 6 | message->chunk_stream);
    return 1 + write_extended(header + 1, message->timestamp_ms);
}

void rtmp_handshake_begin(uint8_t *c0c1, uint32_t time_ms, const uint8_t *random)
{
    c0c1[0] = 3;
    write_big(c0c1 + 1, 4, time_ms);
    memset(c0c1 + 5, 0, 4); /* a version of 0 asks for the plain handshake */
    memcpy(c0c1 + 9, random, RTMP_HANDSHAKE_BYTES - 8);
}

void rtmp_handshake_answer(uint8_t *c2, const uint8_t *s1, uint32_t time_ms)
{
    memcpy(c2, s1, RTMP_HANDSHAKE_BYTES);
    write_big(c2 + 4, 4, time_ms);
}

/* ---- reading ---- */

/* One chunk stream: the header of its newest message, and the part of it that is there. */
struct chunk_stream {
    bool known;
    bool extended; /* the newest header had an extended timestamp */
    struct rtmp_message message;
    uint8_t *payload; /* of message.bytes; NULL: none is begun */
    uint32_t received;
};

struct rtmp_reader {
    uint32_t chunk_size;
    uint8_t header[READ_HEADER_BYTES_MAX];
    unsigned header_bytes;
    struct chunk_stream *current; /* whose payload comes next; NULL: a header comes */
    uint32_t chunk_left;
    struct chunk_stream streams[RTMP_CHUNK_STREAMS_MAX];
};

int rtmp_reader_create(struct rtmp_reader **out, struct error *err)
{
    struct rtmp_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return error_set(err, -ENOMEM, "no memory for an RTMP reader");
    reader->chunk_size = RTMP_CHUNK_SIZE_DEFAULT;
    *out = reader;
    return 0;
}

void rtmp_reader_destroy(struct rtmp_reader *reader)
{
    for (unsigned i = 0; reader && i < RTMP_CHUNK_STREAMS_MAX; i++)
        free(reader->streams[i].payload);
    free(reader);
}

/* NULL: more of them than we keep. */
static struct chunk_stream *find_stream(struct rtmp_reader *reader, unsigned number)
{
    for (unsigned i = 0; i < RTMP_CHUNK_STREAMS_MAX; i++) {
        struct chunk_stream *stream = &reader->streams[i];
        if (!stream->known)
            stream->message.chunk_stream = number;
        if (stream->message.chunk_stream == number)
            return stream;
    }
    return NULL;
}

static unsigned basic_bytes(uint8_t first)
{
    return (first & 0x3f) == 0 ? 2 : (first & 0x3f) == 1 ? 3 : 1;
}

static unsigned chunk_stream_number(const uint8_t *header)
{
    switch (header[0] & 0x3f) {
    case 0:
        return 64u + header[1];
    case 1:
        return 64u + header[1] + 256u * header[2];
    default:
        return header[0] & 0x3f;
    }
}

/* How long the header that begins here is, as far as the bytes so far tell; grows to the true length. */
static unsigned header_bytes_wanted(struct rtmp_reader *reader)
{
    static const unsigned message_header_bytes[] = { 11, 7, 3, 0 };
    const uint8_t *header = reader->header;
    unsigned basic = reader->header_bytes ? basic_bytes(header[0]) : 1;
    if (reader->header_bytes < basic)
        return basic;
    unsigned form = header[0] >> 6, wanted = basic + message_header_bytes[form];
    if (form == FORM_CONTINUATION) {
        const struct chunk_stream *stream = find_stream(reader, chunk_stream_number(header));
        return wanted + (stream && stream->known && stream->extended ? 4 : 0);
    }
    if (reader->header_bytes < basic + 3)
        return wanted;
    return wanted + (read_big(header + basic, 3) == TIMESTAMP_EXTENDED ? 4 : 0);
}

static int begin_message(struct chunk_stream *stream)
{
    if (stream->message.bytes > RTMP_MESSAGE_BYTES_MAX)
        return -EMSGSIZE;
    stream->payload = malloc(stream->message.bytes + 1); /* never of no size */
    stream->received = 0;
    return stream->payload ? 0 : -ENOMEM;
}

static int take_header(struct rtmp_reader *reader)
{
    const uint8_t *fields = reader->header + basic_bytes(reader->header[0]);
    unsigned form = reader->header[0] >> 6;
    struct chunk_stream *stream = find_stream(reader, chunk_stream_number(reader->header));
    if (!stream)
        return -EMSGSIZE;
    /* in the middle of a message only its continuation may come; before any header only a full one */
    if ((stream->payload && form != FORM_CONTINUATION) || (!stream->known && form != FORM_FULL))
        return -EBADMSG;
    if (form != FORM_CONTINUATION) {
        stream->message.timestamp_ms = read_big(fields, 3);
        stream->extended = stream->message.timestamp_ms == TIMESTAMP_EXTENDED;
    }
    if (form <= FORM_SAME_STREAM) {
        stream->message.bytes = read_big(fields + 3, 3);
        stream->message.type = fields[6];
    }
    if (form == FORM_FULL)
        stream->message.message_stream =
            fields[7] | (uint32_t)fields[8] << 8 | (uint32_t)fields[9] << 16 | (uint32_t)fields[10] << 24;
    if (stream->extended)
        stream->message.timestamp_ms = read_big(reader->header + reader->header_bytes - 4, 4);
    stream->known = true;
    int result = stream->payload ? 0 : begin_message(stream);
    uint32_t left = stream->message.bytes - stream->received;
    reader->chunk_left = left < reader->chunk_size ? left : reader->chunk_size;
    reader->current = stream;
    reader->header_bytes = 0;
    return result;
}

static int obey(struct rtmp_reader *reader, const struct rtmp_message *message)
{
    if (message->type == RTMP_SET_CHUNK_SIZE) {
        uint32_t size = message->bytes == 4 ? read_big(message->payload, 4) : 0;
        if (size < 1 || size > INT32_MAX)
            return -EBADMSG;
        reader->chunk_size = size;
    } else if (message->type == RTMP_ABORT && message->bytes == 4) {
        for (unsigned i = 0; i < RTMP_CHUNK_STREAMS_MAX; i++) {
            struct chunk_stream *stream = &reader->streams[i];
            if (!stream->known || stream->message.chunk_stream != read_big(message->payload, 4))
                continue;
            free(stream->payload);
            stream->payload = NULL;
        }
    }
    return 0;
}

/* The chunk is complete; perhaps its message too. */
static int end_chunk(struct rtmp_reader *reader, rtmp_on_message *on_message, void *context)
{
    struct chunk_stream *stream = reader->current;
    reader->current = NULL;
    if (stream->received < stream->message.bytes)
        return 0;
    struct rtmp_message message = stream->message;
    uint8_t *payload = stream->payload;
    message.payload = payload;
    stream->payload = NULL; /* before: an abort of its own stream finds nothing */
    int result = obey(reader, &message);
    if (result == 0)
        result = on_message(context, &message);
    free(payload);
    return result;
}

int rtmp_reader_feed(struct rtmp_reader *reader, const uint8_t *data, size_t bytes, rtmp_on_message *on_message,
                     void *context)
{
    int result = 0;
    while (result == 0 && (bytes || (reader->current && reader->chunk_left == 0))) {
        if (!reader->current) {
            reader->header[reader->header_bytes++] = *data++;
            bytes--;
            if (reader->header_bytes == header_bytes_wanted(reader))
                result = take_header(reader);
            continue;
        }
        size_t part = reader->chunk_left < bytes ? reader->chunk_left : bytes;
        memcpy(reader->current->payload + reader->current->received, data, part);
        reader->current->received += (uint32_t)part;
        reader->chunk_left -= (uint32_t)part;
        data += part;
        bytes -= part;
        if (reader->chunk_left == 0)
            result = end_chunk(reader, on_message, context);
    }
    return result;
}
