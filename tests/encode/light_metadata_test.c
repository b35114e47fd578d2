/* SPDX-License-Identifier: GPL-2.0-or-later */
/* light_metadata_test.c - SEI messages in, the same messages and boxes out; what cannot be right is passed over. */
#include "encode/light_metadata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "encode/boxes.h"

/* P3 within BT.2020, 1000 cd/m2. */
static const uint8_t mastering[] = { 137,  24,   0x33, 0xc2, 0x86, 0xc4, 0x1d, 0x4c, 0x0b, 0xb8, 0x84, 0xd0, 0x3e,
                                     0x80, 0x3d, 0x13, 0x40, 0x42, 0x00, 0x98, 0x96, 0x80, 0x00, 0x00, 0x00, 0x32 };
static const uint8_t levels[] = { 144, 4, 0x03, 0xe8, 0x01, 0x90 };

static void messages_are_read(void **state)
{
    (void)state;
    struct light_metadata light = { 0 };
    assert_false(light_metadata_known(&light));
    assert_true(light_metadata_read(&light, 137, mastering, sizeof mastering));
    assert_true(light.has_mastering);
    assert_false(light.has_levels);
    assert_int_equal(light.primaries_x[0], 13250);
    assert_int_equal(light.primaries_y[0], 34500);
    assert_int_equal(light.primaries_x[2], 34000);
    assert_int_equal(light.primaries_y[2], 16000);
    assert_int_equal(light.white_x, 15635);
    assert_int_equal(light.white_y, 16450);
    assert_int_equal(light.luminance_maximum, 10000000);
    assert_int_equal(light.luminance_minimum, 50);
    assert_true(light_metadata_read(&light, 144, levels, sizeof levels));
    assert_true(light.has_levels);
    assert_int_equal(light.content_maximum, 1000);
    assert_int_equal(light.average_maximum, 400);
    assert_true(light_metadata_known(&light));
}

static void messages_are_written_as_they_came(void **state)
{
    (void)state;
    struct light_metadata light = { 0 };
    uint8_t out[LIGHT_METADATA_SEI_BYTES];
    struct boxes boxes = { 0 };

    assert_int_equal(light_metadata_sei(&light, out), 0);
    light_metadata_boxes(&light, &boxes);
    assert_int_equal(boxes.count, 0);
    light_metadata_read(&light, 144, levels, sizeof levels);
    assert_int_equal(light_metadata_sei(&light, out), sizeof levels);
    light_metadata_read(&light, 137, mastering, sizeof mastering);
    assert_int_equal(light_metadata_sei(&light, out), sizeof out);
    assert_memory_equal(out, mastering, sizeof mastering);
    assert_memory_equal(out + sizeof mastering, levels, sizeof levels);
    light_metadata_boxes(&light, &boxes);
    assert_false(boxes_failed(&boxes));
    assert_int_equal(boxes.count, 8 + 24 + 8 + 4);
    assert_memory_equal(boxes.bytes + 4, "mdcv", 4);
    assert_memory_equal(boxes.bytes + 8, mastering + 2, 24);
    assert_memory_equal(boxes.bytes + 36, "clli", 4);
    assert_memory_equal(boxes.bytes + 40, levels + 2, 4);
    boxes_free(&boxes);
}

static void what_cannot_be_right_is_passed_over(void **state)
{
    (void)state;
    struct light_metadata light = { 0 };
    uint8_t bad[sizeof mastering];

    assert_false(light_metadata_read(&light, 137, mastering, sizeof mastering - 1));
    assert_false(light_metadata_read(&light, 144, mastering, sizeof mastering));
    assert_false(light_metadata_read(&light, 4, mastering, sizeof mastering));
    assert_false(light_metadata_read(&light, 144, NULL, 0));
    memcpy(bad, mastering, sizeof bad);
    bad[2] = 0xff; /* a primary outside of the diagram */
    assert_true(light_metadata_read(&light, 137, bad, sizeof bad));
    memcpy(bad, mastering, sizeof bad);
    memset(bad + 18, 0, 4); /* a display without light */
    assert_true(light_metadata_read(&light, 137, bad, sizeof bad));
    static const uint8_t unknown[] = { 144, 4, 0, 0, 0, 0 };
    assert_true(light_metadata_read(&light, 144, unknown, sizeof unknown));
    assert_false(light_metadata_known(&light));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_read),
        cmocka_unit_test(messages_are_written_as_they_came),
        cmocka_unit_test(what_cannot_be_right_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
