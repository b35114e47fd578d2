/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/boxes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static void test_lengths_are_filled_in(void **state)
{
    (void)state;
    static const uint8_t uuid[BOXES_UUID_BYTES] = { 0xaa, [15] = 0xbb };
    static const char expected[] = "\0\0\0\x38moov"
                                   "\0\0\0\x0emvhd\1\0\2\3\x12\x34"
                                   "\0\0\0\x22uuid\xaa\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xbb\0\0\0\1\1\2\3\4\5\6";
    struct boxes boxes = { 0 };

    boxes_begin(&boxes, "moov");
    boxes_begin_full(&boxes, "mvhd", 1, 0x203);
    boxes_u16(&boxes, 0x1234);
    boxes_end(&boxes);
    boxes_begin_uuid(&boxes, uuid, 0, 1);
    boxes_u24(&boxes, 0x10203);
    boxes_u24(&boxes, 0x40506);
    boxes_end(&boxes);
    assert_true(boxes_failed(&boxes)); /* moov is open */
    boxes_end(&boxes);
    assert_false(boxes_failed(&boxes));
    assert_int_equal(boxes.count, sizeof expected - 1);
    assert_memory_equal(boxes.bytes, expected, sizeof expected - 1);
    boxes_free(&boxes);
}

static void test_numbers_and_text(void **state)
{
    (void)state;
    struct boxes boxes = { 0 };

    boxes_u64(&boxes, UINT64_C(0x0102030405060708));
    boxes_u32(&boxes, 0x090a0b0c);
    boxes_text(&boxes, "<a>");
    boxes_format(&boxes, "%u%s", 7u, "x");
    boxes_zeros(&boxes, 2);
    boxes_patch_u32(&boxes, 8, 0xffffffff);
    boxes_patch_u32(&boxes, boxes.count - 2, 1); /* would go past the end */
    assert_int_equal(boxes.count, 19);
    assert_memory_equal(boxes.bytes, "\1\2\3\4\5\6\7\10\xff\xff\xff\xff<a>7x\0\0", 19);
    boxes_empty(&boxes);
    assert_int_equal(boxes.count, 0);
    boxes_free(&boxes);
}

static void test_grows_and_tells_of_misuse(void **state)
{
    (void)state;
    struct boxes boxes = { 0 };
    char block[3000];

    memset(block, 'b', sizeof block);
    for (int i = 0; i < 100; i++)
        boxes_put(&boxes, block, sizeof block);
    assert_int_equal(boxes.count, 300000);
    assert_int_equal(boxes.bytes[299999], 'b');
    boxes_end(&boxes); /* none is open */
    assert_true(boxes_failed(&boxes));
    boxes_empty(&boxes);
    for (int i = 0; i <= BOXES_DEPTH_MAX; i++)
        boxes_begin(&boxes, "deep");
    assert_true(boxes_failed(&boxes));
    boxes_free(&boxes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths_are_filled_in),
        cmocka_unit_test(test_numbers_and_text),
        cmocka_unit_test(test_grows_and_tells_of_misuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
