/* SPDX-License-Identifier: GPL-2.0-or-later */
/* boxes.c - bytes in order, and lengths filled in when a box ends. */
#include "encode/boxes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BYTES = 4096, TEXT_BYTES = 1024 };

void boxes_free(struct boxes *boxes)
{
    free(boxes->bytes);
    *boxes = (struct boxes){ 0 };
}

void boxes_empty(struct boxes *boxes)
{
    boxes->count = 0;
    boxes->depth = 0;
    boxes->failed = false;
}

bool boxes_failed(const struct boxes *boxes)
{
    return boxes->failed || boxes->depth > 0;
}

/* Room for `count` more bytes; NULL: there is none. */
static uint8_t *extend(struct boxes *boxes, size_t count)
{
    if (boxes->failed)
        return NULL;
    if (count > boxes->capacity - boxes->count) {
        size_t capacity = boxes->capacity ? boxes->capacity : FIRST_BYTES;
        while (capacity - boxes->count < count && capacity <= UINT32_MAX)
            capacity *= 2;
        uint8_t *bytes = capacity <= UINT32_MAX ? realloc(boxes->bytes, capacity) : NULL;
        if (!bytes) {
            boxes->failed = true;
            return NULL;
        }
        boxes->bytes = bytes;
        boxes->capacity = capacity;
    }
    uint8_t *at = boxes->bytes + boxes->count;
    boxes->count += count;
    return at;
}

void boxes_put(struct boxes *boxes, const void *bytes, size_t count)
{
    uint8_t *at = count ? extend(boxes, count) : NULL;
    if (at)
        memcpy(at, bytes, count);
}

void boxes_zeros(struct boxes *boxes, size_t count)
{
    uint8_t *at = extend(boxes, count);
    if (at)
        memset(at, 0, count);
}

static void put_number(struct boxes *boxes, uint64_t value, unsigned bytes)
{
    uint8_t *at = extend(boxes, bytes);
    for (unsigned i = 0; at && i < bytes; i++)
        at[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

void boxes_u8(struct boxes *boxes, unsigned value)
{
    put_number(boxes, value, 1);
}

void boxes_u16(struct boxes *boxes, unsigned value)
{
    put_number(boxes, value, 2);
}

void boxes_u24(struct boxes *boxes, uint32_t value)
{
    put_number(boxes, value, 3);
}

void boxes_u32(struct boxes *boxes, uint32_t value)
{
    put_number(boxes, value, 4);
}

void boxes_u64(struct boxes *boxes, uint64_t value)
{
    put_number(boxes, value, 8);
}

void boxes_text(struct boxes *boxes, const char *text)
{
    boxes_put(boxes, text, strlen(text));
}

void boxes_format(struct boxes *boxes, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof text)
        boxes->failed = true;
    else
        boxes_put(boxes, text, (size_t)length);
}

void boxes_patch_u32(struct boxes *boxes, size_t offset, uint32_t value)
{
    if (boxes->failed || offset + 4 > boxes->count)
        return;
    for (unsigned i = 0; i < 4; i++)
        boxes->bytes[offset + i] = (uint8_t)(value >> 8 * (3 - i));
}

void boxes_begin(struct boxes *boxes, const char type[4])
{
    if (boxes->depth == BOXES_DEPTH_MAX) {
        boxes->failed = true;
        return;
    }
    boxes->open[boxes->depth++] = boxes->count;
    boxes_u32(boxes, 0);
    boxes_put(boxes, type, 4);
}

void boxes_begin_full(struct boxes *boxes, const char type[4], unsigned version, unsigned flags)
{
    boxes_begin(boxes, type);
    boxes_u8(boxes, version);
    boxes_u24(boxes, flags);
}

void boxes_begin_uuid(struct boxes *boxes, const uint8_t uuid[BOXES_UUID_BYTES], unsigned version, unsigned flags)
{
    boxes_begin(boxes, "uuid");
    boxes_put(boxes, uuid, BOXES_UUID_BYTES);
    boxes_u8(boxes, version);
    boxes_u24(boxes, flags);
}

void boxes_end(struct boxes *boxes)
{
    if (boxes->depth == 0) {
        boxes->failed = true;
        return;
    }
    size_t begin = boxes->open[--boxes->depth];
    boxes_patch_u32(boxes, begin, (uint32_t)(boxes->count - begin));
}
