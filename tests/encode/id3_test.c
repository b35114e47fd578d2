/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/id3.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <string.h>

static void test_a_time_of_day(void **state)
{
    (void)state;
    struct id3_tag tag;
    id3_begin(&tag);
    id3_time_private(&tag, INT64_C(1800000000) * 90000 + 45000);
    size_t bytes = id3_end(&tag);
    assert_memory_equal(tag.bytes, "ID3\4\0\0", 6);
    assert_int_equal((tag.bytes[8] << 7 | tag.bytes[9]) + 10, bytes);
    assert_memory_equal(tag.bytes + 10, "PRIV", 4);
    assert_string_equal((char *)tag.bytes + 20, "com.elementaltechnologies.timestamp.utc");
    assert_string_equal((char *)tag.bytes + 60, "2027-01-15T08:00:00.500Z");
    id3_begin(&tag);
    id3_time_release(&tag, INT64_C(1800000000) * 90000);
    id3_end(&tag);
    assert_memory_equal(tag.bytes + 10, "TDRL", 4);
    assert_string_equal((char *)tag.bytes + 21, "2027-01-15T08:00:00");
}

static void test_a_transport_timestamp(void **state)
{
    (void)state;
    struct id3_tag tag;
    id3_begin(&tag);
    id3_transport_timestamp(&tag, (INT64_C(5) << 33) + 0x123456789);
    assert_int_equal(id3_end(&tag), 10 + 10 + 45 + 8);
    assert_string_equal((char *)tag.bytes + 20, "com.apple.streaming.transportStreamTimestamp");
    assert_memory_equal(tag.bytes + 65, "\0\0\0\1\x23\x45\x67\x89", 8);
}

static void test_what_does_not_fit_is_left_out(void **state)
{
    (void)state;
    struct id3_tag tag;
    char text[900];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    id3_begin(&tag);
    assert_int_equal(id3_end(&tag), 0);
    id3_text(&tag, text);
    size_t bytes = id3_end(&tag);
    assert_int_equal(bytes, 10 + 10 + 2 + sizeof text);
    assert_memory_equal(tag.bytes + 10, "TXXX\0\0\7\6\0\0\3\0xxx", 15);
    id3_text(&tag, text);
    assert_int_equal(id3_end(&tag), bytes);
    id3_private(&tag, "a", text, (size_t)-1);
    assert_int_equal(id3_end(&tag), bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_time_of_day),
        cmocka_unit_test(test_a_transport_timestamp),
        cmocka_unit_test(test_what_does_not_fit_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
