/* SPDX-License-Identifier: GPL-2.0-or-later */
/* picture_convert_test.c - each kind of decoded picture becomes 4:2:0 of eight and of ten bits: values, places, means
 * of chroma, rounding; and nothing beside the picture is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "encode/picture_convert.h"

enum { WIDTH = 4, HEIGHT = 4, PITCH = 32 };

struct memory {
    _Alignas(8) uint8_t luma[HEIGHT * PITCH], chroma[HEIGHT / 2 * PITCH];
};

static struct picture_planes planes(struct memory *memory, bool ten, bool packed)
{
    return (struct picture_planes){
        .plane = { memory->luma, memory->chroma }, .pitch = { PITCH, PITCH }, .ten = ten, .packed = packed
    };
}

static void set(uint8_t *row, bool ten, unsigned at, unsigned eight)
{
    if (ten)
        ((uint16_t *)(void *)row)[at] = (uint16_t)(eight << 8);
    else
        row[at] = (uint8_t)eight;
}

static unsigned get(const uint8_t *row, bool ten, unsigned at)
{
    return ten ? ((const uint16_t *)(const void *)row)[at] >> 8 : row[at];
}

/* Luma 16 + 10 y + x; U 100 + 4 y, V 200 + 4 y of luma's row y: 4:2:0 has 102 and 202, then 110 and 210. */
static void paint(struct memory *memory, bool ten, bool packed)
{
    for (unsigned y = 0; y < HEIGHT; y++)
        for (unsigned x = 0; x < WIDTH; x++) {
            uint8_t *row = memory->luma + y * PITCH;
            set(row, ten, packed ? 2 * x : x, 16 + 10 * y + x);
            if (packed)
                set(row, ten, 2 * x + 1, (x % 2 ? 200 : 100) + 4 * y);
            else if (y % 2)
                set(memory->chroma + y / 2 * PITCH, ten, x, (x % 2 ? 200 : 100) + 4 * y - 2);
        }
}

static void every_kind_becomes_4_2_0(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 8; kind++) {
        bool ten = kind & 1, packed = kind & 2, to_ten = kind & 4;
        struct memory source = { 0 }, target;
        memset(&target, 0xee, sizeof target);
        paint(&source, ten, packed);
        struct picture_planes from = planes(&source, ten, packed), to = planes(&target, to_ten, false);
        picture_convert(&to, &from, WIDTH, HEIGHT);
        for (unsigned y = 0; y < HEIGHT; y++)
            for (unsigned x = 0; x < WIDTH; x++) {
                assert_int_equal(get(target.luma + y * PITCH, to_ten, x), 16 + 10 * y + x);
                assert_int_equal(get(target.chroma + y / 2 * PITCH, to_ten, x), (x % 2 ? 202 : 102) + 8 * (y / 2));
            }
        assert_int_equal(get(target.luma, to_ten, WIDTH), 0xee);
        assert_int_equal(get(target.chroma, to_ten, WIDTH), 0xee);
    }
}

static void ten_bits_are_rounded_and_kept(void **state)
{
    (void)state;
    static const uint16_t samples[WIDTH] = { 0x1040, 0x1080, 0xff80, 0xffc0 };
    struct memory source = { 0 }, eight, ten;
    memcpy(source.luma, samples, sizeof samples);
    struct picture_planes from = planes(&source, true, false), to = planes(&eight, false, false);
    picture_convert(&to, &from, WIDTH, HEIGHT);
    assert_memory_equal(eight.luma, "\x10\x11\xff\xff", WIDTH);
    to = planes(&ten, true, false);
    picture_convert(&to, &from, WIDTH, HEIGHT);
    assert_memory_equal(ten.luma, samples, sizeof samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_becomes_4_2_0),
        cmocka_unit_test(ten_bits_are_rounded_and_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
