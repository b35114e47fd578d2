/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/flv_reader.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/mgmt/flv_pieces.h"

static void test_tags(void **state)
{
    (void)state;
    struct flv_bytes *bytes = calloc(1, sizeof *bytes);
    struct handoff_segment segment;
    struct flv_tag tag;
    flv_put_piece(bytes, &segment, 5, 100, 1);
    struct flv_reader reader = { bytes->data, segment.header_bytes, FLV_HEADER_BYTES };
    unsigned count = 0;
    while (flv_reader_next(&reader, &tag) > 0) {
        assert_false(tag.key); /* a sequence header is none */
        count++;
    }
    assert_int_equal(count, 3);
    reader = (struct flv_reader){ bytes->data, bytes->used, segment.header_bytes };
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(flv_reader_next(&reader, &tag), 1);
        assert_int_equal(tag.type, i % 2 ? FLV_TAG_AUDIO : FLV_TAG_VIDEO);
        assert_int_equal(tag.timestamp_ms, (25 + i / 2) * 40 + i % 2 * 5);
        assert_int_equal(tag.bytes, i % 2 ? 7 : 100);
        assert_int_equal(tag.key, i == 0);
    }
    assert_int_equal(flv_reader_next(&reader, &tag), 0);
    free(bytes);
}

static void test_all_32_bits_of_time(void **state)
{
    (void)state;
    struct flv_bytes *bytes = calloc(1, sizeof *bytes);
    struct flv_tag tag;
    flv_put_tag(bytes, FLV_TAG_AUDIO, 0xfedcba98, "\xaf\1", 2);
    struct flv_reader reader = { bytes->data, bytes->used, 0 };
    assert_int_equal(flv_reader_next(&reader, &tag), 1);
    assert_int_equal(tag.timestamp_ms, 0xfedcba98);
    free(bytes);
}

static void test_damage(void **state)
{
    (void)state;
    struct flv_bytes *bytes = calloc(1, sizeof *bytes);
    struct flv_tag tag;
    flv_put_tag(bytes, FLV_TAG_AUDIO, 0, "\xaf\1", 2);
    for (size_t cut = 1; cut < bytes->used; cut++) {
        struct flv_reader reader = { bytes->data, cut, 0 };
        assert_int_equal(flv_reader_next(&reader, &tag), -EBADMSG);
    }
    bytes->data[bytes->used - 1]++; /* the size behind it */
    struct flv_reader reader = { bytes->data, bytes->used, 0 };
    assert_int_equal(flv_reader_next(&reader, &tag), -EBADMSG);
    reader = (struct flv_reader){ bytes->data, bytes->used, bytes->used + 1 };
    assert_int_equal(flv_reader_next(&reader, &tag), -EBADMSG);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_tags), cmocka_unit_test(test_all_32_bits_of_time),
                                        cmocka_unit_test(test_damage) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
