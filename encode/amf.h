/* SPDX-License-Identifier: GPL-2.0-or-later */
/* amf.h - AMF0, the values in FLV script tags and RTMP commands: written into a buffer, read from untrusted bytes.
 *
 * A writer that runs out of room says so once, at the end; nothing is written past its buffer. A reader never goes past
 * its bytes and never deeper than AMF_DEPTH_MAX. Plain values on the caller's stack: no allocation, any thread.
 *
 *     struct amf_writer writer = { .data = buffer, .capacity = sizeof buffer };
 *     amf_string(&writer, "connect");
 *     amf_number(&writer, 1);
 *     amf_object(&writer);
 *     amf_key(&writer, "app");
 *     amf_string(&writer, "live");
 *     amf_object_end(&writer);
 *     if (writer.overflow) ...
 *
 *     struct amf_reader reader = { .at = bytes, .end = bytes + count };
 *     amf_read_string(&reader, name, sizeof name);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AMF_DEPTH_MAX = 8 };

struct amf_writer {
    uint8_t *data; /* borrow */
    size_t capacity, used;
    bool overflow; /* something did not fit */
};

void amf_number(struct amf_writer *writer, double value);
void amf_boolean(struct amf_writer *writer, bool value);
void amf_string(struct amf_writer *writer, const char *text); /* cut at 65535 bytes */
void amf_null(struct amf_writer *writer);
void amf_object(struct amf_writer *writer);                       /* begins; then keys with values, then the end */
void amf_ecma_array(struct amf_writer *writer, uint32_t entries); /* as an object, ended alike */
void amf_key(struct amf_writer *writer, const char *name);
void amf_object_end(struct amf_writer *writer);

struct amf_reader {
    const uint8_t *at, *end; /* borrow */
};

/* The next value. -EBADMSG: it is of another type, cut off, or (text) longer than the buffer; the reader then stands
 * anywhere. The text is terminated; what is no printable ASCII in it becomes '?'. */
int amf_read_number(struct amf_reader *reader, double *value);
int amf_read_string(struct amf_reader *reader, char *text, size_t bytes);
int amf_skip(struct amf_reader *reader); /* any value; -EBADMSG: damaged, too deep, or of a type that is not known */
/* Reads an object (or ECMA array) to its end and puts the text of its property `name` into `text`; "" when it has none
 * or it is no text. A null reads like an empty object. */
int amf_read_property(struct amf_reader *reader, const char *name, char *text, size_t bytes);
