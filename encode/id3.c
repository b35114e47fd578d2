/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/id3.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "encode/timeline.h"

#define TIME_OWNER      "com.elementaltechnologies.timestamp.utc"
#define TIMESTAMP_OWNER "com.apple.streaming.transportStreamTimestamp"

enum { TAG_HEADER = 10, FRAME_HEADER = 10, UTF_8 = 3 };

/* 28 bits in four bytes, the top bit of each clear. */
static void put_size(uint8_t *at, size_t size)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(size >> 7 * (3 - i) & 0x7f);
}

void id3_begin(struct id3_tag *tag)
{
    memcpy(tag->bytes, "ID3\4\0\0\0\0\0\0", TAG_HEADER);
    tag->count = TAG_HEADER;
}

/* Room for a frame's content, or NULL. */
static uint8_t *frame(struct id3_tag *tag, const char *name, size_t bytes)
{
    if (bytes > sizeof tag->bytes || tag->count + FRAME_HEADER + bytes > sizeof tag->bytes)
        return NULL;
    uint8_t *at = tag->bytes + tag->count;
    memcpy(at, name, 4);
    put_size(at + 4, bytes);
    at[8] = at[9] = 0;
    tag->count += FRAME_HEADER + bytes;
    return at + FRAME_HEADER;
}

void id3_private(struct id3_tag *tag, const char *owner, const void *data, size_t bytes)
{
    size_t length = strlen(owner) + 1;
    uint8_t *at = bytes < sizeof tag->bytes ? frame(tag, "PRIV", length + bytes) : NULL;
    if (!at)
        return;
    memcpy(at, owner, length);
    memcpy(at + length, data, bytes);
}

void id3_text(struct id3_tag *tag, const char *text)
{
    size_t length = strlen(text) + 1;
    uint8_t *at = frame(tag, "TXXX", 2 + length);
    if (!at)
        return;
    at[0] = UTF_8;
    at[1] = 0;
    memcpy(at + 2, text, length);
}

static void format_time(char *text, size_t bytes, int64_t tick_90k, const char *format)
{
    time_t seconds = (time_t)(tick_90k / 90000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    strftime(text, bytes, format, &utc);
}

void id3_time_private(struct id3_tag *tag, int64_t tick_90k)
{
    char seconds[32], text[48];
    format_time(seconds, sizeof seconds, tick_90k, "%Y-%m-%dT%H:%M:%S");
    int length = snprintf(text, sizeof text, "%s.%03dZ", seconds, (int)(tick_90k % 90000 / 90));
    id3_private(tag, TIME_OWNER, text, (size_t)length + 1);
}

void id3_time_release(struct id3_tag *tag, int64_t tick_90k)
{
    char text[32];
    format_time(text, sizeof text, tick_90k, "%Y-%m-%dT%H:%M:%S");
    uint8_t *at = frame(tag, "TDRL", 1 + strlen(text) + 1);
    if (!at)
        return;
    at[0] = UTF_8;
    memcpy(at + 1, text, strlen(text) + 1);
}

void id3_transport_timestamp(struct id3_tag *tag, int64_t tick_90k)
{
    uint64_t timestamp = (uint64_t)tick_90k & (PTS_MODULUS - 1);
    uint8_t bytes[8];
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(timestamp >> 8 * (7 - i));
    id3_private(tag, TIMESTAMP_OWNER, bytes, sizeof bytes);
}

size_t id3_end(struct id3_tag *tag)
{
    put_size(tag->bytes + 6, tag->count - TAG_HEADER);
    return tag->count > TAG_HEADER ? tag->count : 0;
}
