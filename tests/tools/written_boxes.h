/* SPDX-License-Identifier: GPL-2.0-or-later */
/* written_boxes.h - boxes (ISO/IEC 14496-12, 4.2) written by tests: begin one, write what is in it, end it. */
#pragma once
#include <stdint.h>
#include <string.h>

static inline uint8_t *put32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (24 - 8 * i));
    return p + 4;
}

static inline uint8_t *begin_box(uint8_t *p, const char *type)
{
    memcpy(p + 4, type, 4);
    return p + 8;
}

static inline uint8_t *end_box(uint8_t *begin, uint8_t *end)
{
    put32(begin, (uint32_t)(end - begin));
    return end;
}
