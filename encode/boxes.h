/* SPDX-License-Identifier: GPL-2.0-or-later */
/* boxes.h - boxes of the ISO base media file format (ISO/IEC 14496-12), written into memory that grows.
 *
 * A box is begun, filled and ended; its length is put in when it ends. Running out of memory is remembered, not
 * reported at every call: what comes after it is ignored, and boxes_failed tells at the end. All numbers are big
 * endian. One thread.
 *
 *     struct boxes boxes = { 0 };
 *     boxes_begin(&boxes, "moov");
 *     boxes_begin_full(&boxes, "mvhd", 1, 0);
 *     boxes_u32(&boxes, 10000000);
 *     boxes_end(&boxes);
 *     boxes_end(&boxes);
 *     if (!boxes_failed(&boxes)) write(fd, boxes.bytes, boxes.count);
 *     boxes_free(&boxes);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BOXES_DEPTH_MAX = 12, BOXES_UUID_BYTES = 16 };

struct boxes {
    uint8_t *bytes; /* own */
    size_t count, capacity;
    size_t open[BOXES_DEPTH_MAX]; /* where those that are not ended begin */
    unsigned depth;
    bool failed;
};

void boxes_free(struct boxes *boxes);         /* as { 0 } afterwards */
void boxes_empty(struct boxes *boxes);        /* keeps its memory */
bool boxes_failed(const struct boxes *boxes); /* no memory, too deep, too long, or one that was not ended */

void boxes_begin(struct boxes *boxes, const char type[4]);
void boxes_begin_full(struct boxes *boxes, const char type[4], unsigned version, unsigned flags);
void boxes_begin_uuid(struct boxes *boxes, const uint8_t uuid[BOXES_UUID_BYTES], unsigned version, unsigned flags);
void boxes_end(struct boxes *boxes);

void boxes_u8(struct boxes *boxes, unsigned value);
void boxes_u16(struct boxes *boxes, unsigned value);
void boxes_u24(struct boxes *boxes, uint32_t value);
void boxes_u32(struct boxes *boxes, uint32_t value);
void boxes_u64(struct boxes *boxes, uint64_t value);
void boxes_zeros(struct boxes *boxes, size_t count);
void boxes_put(struct boxes *boxes, const void *bytes, size_t count);
void boxes_text(struct boxes *boxes, const char *text); /* without its end */
void boxes_format(struct boxes *boxes, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Writes over four bytes that are there already. */
void boxes_patch_u32(struct boxes *boxes, size_t offset, uint32_t value);
