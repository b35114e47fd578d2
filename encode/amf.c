/* SPDX-License-Identifier: GPL-2.0-or-later */
/* amf.c - the types of AMF0 that FLV and RTMP use; the others can be skipped. */
#include "encode/amf.h"

#include <errno.h>
#include <string.h>

enum marker {
    MARKER_NUMBER = 0,
    MARKER_BOOLEAN = 1,
    MARKER_STRING = 2,
    MARKER_OBJECT = 3,
    MARKER_NULL = 5,
    MARKER_UNDEFINED = 6,
    MARKER_REFERENCE = 7,
    MARKER_ECMA_ARRAY = 8,
    MARKER_OBJECT_END = 9,
    MARKER_STRICT_ARRAY = 10,
    MARKER_DATE = 11,
    MARKER_LONG_STRING = 12,
    MARKER_UNSUPPORTED = 13,
};

/* ---- writing ---- */

static void put(struct amf_writer *writer, const void *data, size_t bytes)
{
    if (writer->overflow || bytes > writer->capacity - writer->used) {
        writer->overflow = true;
        return;
    }
    memcpy(writer->data + writer->used, data, bytes);
    writer->used += bytes;
}

static void put_byte(struct amf_writer *writer, unsigned value)
{
    uint8_t byte = (uint8_t)value;
    put(writer, &byte, 1);
}

static void put_text(struct amf_writer *writer, const char *text)
{
    size_t length = strlen(text);
    if (length > UINT16_MAX)
        length = UINT16_MAX;
    put_byte(writer, (unsigned)(length >> 8));
    put_byte(writer, (unsigned)length);
    put(writer, text, length);
}

void amf_number(struct amf_writer *writer, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_byte(writer, MARKER_NUMBER);
    for (int shift = 56; shift >= 0; shift -= 8)
        put_byte(writer, (unsigned)(bits >> shift));
}

void amf_boolean(struct amf_writer *writer, bool value)
{
    put_byte(writer, MARKER_BOOLEAN);
    put_byte(writer, value);
}

void amf_string(struct amf_writer *writer, const char *text)
{
    put_byte(writer, MARKER_STRING);
    put_text(writer, text);
}

void amf_null(struct amf_writer *writer)
{
    put_byte(writer, MARKER_NULL);
}

void amf_object(struct amf_writer *writer)
{
    put_byte(writer, MARKER_OBJECT);
}

void amf_ecma_array(struct amf_writer *writer, uint32_t entries)
{
    put_byte(writer, MARKER_ECMA_ARRAY);
    for (int shift = 24; shift >= 0; shift -= 8)
        put_byte(writer, entries >> shift);
}

void amf_key(struct amf_writer *writer, const char *name)
{
    put_text(writer, name);
}

void amf_object_end(struct amf_writer *writer)
{
    put_text(writer, "");
    put_byte(writer, MARKER_OBJECT_END);
}

/* ---- reading ---- */

static const uint8_t *take(struct amf_reader *reader, size_t bytes)
{
    if ((size_t)(reader->end - reader->at) < bytes)
        return NULL;
    const uint8_t *at = reader->at;
    reader->at += bytes;
    return at;
}

static uint32_t big_endian(const uint8_t *at, unsigned bytes)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

static int take_text(struct amf_reader *reader, unsigned length_bytes, const uint8_t **text, size_t *length)
{
    const uint8_t *at = take(reader, length_bytes);
    if (!at)
        return -EBADMSG;
    *length = big_endian(at, length_bytes);
    *text = take(reader, *length);
    return *text ? 0 : -EBADMSG;
}

int amf_read_number(struct amf_reader *reader, double *value)
{
    const uint8_t *at = take(reader, 9);
    if (!at || at[0] != MARKER_NUMBER)
        return -EBADMSG;
    uint64_t bits = (uint64_t)big_endian(at + 1, 4) << 32 | big_endian(at + 5, 4);
    memcpy(value, &bits, sizeof bits);
    return 0;
}

int amf_read_string(struct amf_reader *reader, char *text, size_t bytes)
{
    const uint8_t *marker = take(reader, 1), *at;
    size_t length;
    if (!marker || (*marker != MARKER_STRING && *marker != MARKER_LONG_STRING) ||
        take_text(reader, *marker == MARKER_STRING ? 2 : 4, &at, &length) < 0 || length >= bytes)
        return -EBADMSG;
    for (size_t i = 0; i < length; i++)
        text[i] = at[i] >= 0x20 && at[i] < 0x7f ? (char)at[i] : '?';
    text[length] = '\0';
    return 0;
}

static int skip_deep(struct amf_reader *reader, unsigned depth);

/* The key of the next property; 1: there is one, 0: the end was read. */
static int next_key(struct amf_reader *reader, const uint8_t **key, size_t *length)
{
    if (take_text(reader, 2, key, length) < 0)
        return -EBADMSG;
    if (*length || reader->at == reader->end || *reader->at != MARKER_OBJECT_END)
        return 1;
    reader->at++;
    return 0;
}

static int skip_properties(struct amf_reader *reader, unsigned depth)
{
    const uint8_t *key;
    size_t length;
    int result;
    while ((result = next_key(reader, &key, &length)) > 0)
        if (skip_deep(reader, depth) < 0)
            return -EBADMSG;
    return result;
}

static int skip_items(struct amf_reader *reader, unsigned depth)
{
    const uint8_t *count = take(reader, 4);
    if (!count)
        return -EBADMSG;
    /* every item takes a byte at least: a wrong count ends at the end of the bytes */
    for (uint32_t left = big_endian(count, 4); left; left--)
        if (skip_deep(reader, depth) < 0)
            return -EBADMSG;
    return 0;
}

static int skip_deep(struct amf_reader *reader, unsigned depth)
{
    const uint8_t *marker = take(reader, 1), *text;
    size_t length;
    if (!marker || depth == AMF_DEPTH_MAX)
        return -EBADMSG;
    switch (*marker) {
    case MARKER_NUMBER:
        return take(reader, 8) ? 0 : -EBADMSG;
    case MARKER_BOOLEAN:
        return take(reader, 1) ? 0 : -EBADMSG;
    case MARKER_STRING:
        return take_text(reader, 2, &text, &length);
    case MARKER_LONG_STRING:
        return take_text(reader, 4, &text, &length);
    case MARKER_NULL:
    case MARKER_UNDEFINED:
    case MARKER_UNSUPPORTED:
        return 0;
    case MARKER_REFERENCE:
        return take(reader, 2) ? 0 : -EBADMSG;
    case MARKER_DATE:
        return take(reader, 10) ? 0 : -EBADMSG;
    case MARKER_OBJECT:
        return skip_properties(reader, depth + 1);
    case MARKER_ECMA_ARRAY:
        return take(reader, 4) ? skip_properties(reader, depth + 1) : -EBADMSG;
    case MARKER_STRICT_ARRAY:
        return skip_items(reader, depth + 1);
    default:
        return -EBADMSG;
    }
}

int amf_skip(struct amf_reader *reader)
{
    return skip_deep(reader, 0);
}

int amf_read_property(struct amf_reader *reader, const char *name, char *text, size_t bytes)
{
    const uint8_t *marker = take(reader, 1), *key;
    size_t length;
    int result;
    text[0] = '\0';
    if (!marker || (*marker == MARKER_ECMA_ARRAY && !take(reader, 4)))
        return -EBADMSG;
    if (*marker == MARKER_NULL || *marker == MARKER_UNDEFINED)
        return 0;
    if (*marker != MARKER_OBJECT && *marker != MARKER_ECMA_ARRAY)
        return -EBADMSG;
    while ((result = next_key(reader, &key, &length)) > 0) {
        struct amf_reader value = *reader;
        if (amf_skip(reader) < 0)
            return -EBADMSG;
        if (length == strlen(name) && memcmp(key, name, length) == 0 && amf_read_string(&value, text, bytes) < 0)
            text[0] = '\0';
    }
    return result;
}
