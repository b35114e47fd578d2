/* SPDX-License-Identifier: GPL-2.0-or-later */
/* smooth_boxes_test.c - times, and the sparse track; audio and video are in smooth_writer_test.c. */
#include "encode/smooth_boxes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "encode/boxes.h"

static const struct smooth_track sparse = { .type = SMOOTH_SPARSE, .id = 1, .name = SMOOTH_SPARSE_NAME };

static void test_ticks_are_rounded_alike(void **state)
{
    (void)state;
    assert_int_equal(smooth_time(0), 0);
    assert_int_equal(smooth_time(1), 111);
    assert_int_equal(smooth_time(5), 556);
    assert_int_equal(smooth_time(9), 1000);
    assert_true(smooth_time(INT64_C(1767225600) * 90000) == INT64_C(1767225600) * SMOOTH_TIMESCALE);
}

static const uint8_t *find(const struct boxes *boxes, const char *type)
{
    for (size_t i = 0; i + 4 <= boxes->count; i++)
        if (memcmp(boxes->bytes + i, type, 4) == 0)
            return boxes->bytes + i;
    fail_msg("no %s", type);
    return NULL;
}

static void test_sparse_header(void **state)
{
    (void)state;
    struct boxes boxes = { 0 };
    static const char *const words[] = {
        "<textstream src=\"Streams\" systemBitrate=\"0\">",
        "name=\"trackName\" value=\"scte35\"",
        "name=\"parentTrackName\" value=\"video\"",
        "name=\"manifestOutput\" value=\"true\"",
        "name=\"Subtype\" value=\"DATA\"",
        "name=\"Scheme\" value=\"urn:scte:scte35:2013:bin\"",
    };

    assert_int_equal(smooth_put_header(&boxes, &sparse, 1, NULL), 0);
    find(&boxes, "nmhd");
    find(&boxes, "scte");
    assert_memory_equal(find(&boxes, "hdlr") + 12, "meta", 4);
    boxes_u8(&boxes, 0);
    char *text = strdup((const char *)find(&boxes, "<?xm"));
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        assert_non_null(strstr(text, words[i]));
    free(text);
    boxes_free(&boxes);
}

static void test_message(void **state)
{
    (void)state;
    static const char section[] = "\xfc\x30\x11";
    struct smooth_message message = { .sequence = 7,
                                      .id = 0x1234,
                                      .arrival_90k = 900000,
                                      .event_90k = 900000 + 4 * 90000,
                                      .duration_90k = 30 * 90000,
                                      .section = section,
                                      .bytes = 3 };
    struct boxes boxes = { 0 };

    smooth_put_message(&boxes, &sparse, &message);
    assert_false(boxes_failed(&boxes));
    const uint8_t *mdat = find(&boxes, "mdat"), *tfxd = find(&boxes, "uuid") + 20;
    assert_memory_equal(tfxd, "\1\0\0\0\0\0\0\0\x05\xf5\xe1\x00\0\0\0\0\x11\xe1\xa3\x00", 20); /* 10 s, 30 s */
    assert_memory_equal(mdat - 4, "\0\0\0\x17mdat\0\0\0\1\0\0\x12\x34\x02\x62\x5a\x00\xfc\x30\x11", 23); /* in 4 s */
    assert_ptr_equal(mdat + 19, boxes.bytes + boxes.count);
    boxes_free(&boxes);
}

/* A programme of three hours: longer than a sample can be. */
static void test_message_of_a_long_event(void **state)
{
    (void)state;
    struct smooth_message message = { .arrival_90k = 900000,
                                      .event_90k = 900000 + SMOOTH_MESSAGE_AHEAD_MAX_90K,
                                      .duration_90k = INT64_C(3) * 3600 * 90000,
                                      .section = "\xfc",
                                      .bytes = 1 };
    struct boxes boxes = { 0 };

    smooth_put_message(&boxes, &sparse, &message);
    const uint8_t *tfxd = find(&boxes, "uuid") + 20, *run = find(&boxes, "trun"), *mdat = find(&boxes, "mdat");
    assert_memory_equal(tfxd + 12, "\0\0\0\x19\x25\x4d\x38\0", 8);
    assert_memory_equal(run + 16, "\xff\xff\xff", 3);
    assert_memory_equal(mdat + 12, "\xff\xff\xff", 3);
    boxes_free(&boxes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ticks_are_rounded_alike),
        cmocka_unit_test(test_sparse_header),
        cmocka_unit_test(test_message),
        cmocka_unit_test(test_message_of_a_long_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
