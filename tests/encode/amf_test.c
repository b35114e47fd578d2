/* SPDX-License-Identifier: GPL-2.0-or-later */
/* amf_test.c - what is written reads back; damaged bytes are refused. */
#include "encode/amf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* connect, 1, {app: "live", nested: {a: 1}, code: "ok"}, null */
static size_t write_command(uint8_t *data, size_t capacity)
{
    struct amf_writer writer = { .data = data, .capacity = capacity };
    amf_string(&writer, "connect");
    amf_number(&writer, 1);
    amf_object(&writer);
    amf_key(&writer, "app");
    amf_string(&writer, "live");
    amf_key(&writer, "nested");
    amf_ecma_array(&writer, 1);
    amf_key(&writer, "a");
    amf_boolean(&writer, true);
    amf_object_end(&writer);
    amf_key(&writer, "code");
    amf_string(&writer, "ok\n");
    amf_object_end(&writer);
    amf_null(&writer);
    return writer.overflow ? 0 : writer.used;
}

static void test_reads_what_it_wrote(void **state)
{
    (void)state;
    uint8_t data[256];
    char text[32];
    double number;
    size_t bytes = write_command(data, sizeof data);
    struct amf_reader reader = { data, data + bytes };
    assert_int_equal(amf_read_string(&reader, text, sizeof text), 0);
    assert_string_equal(text, "connect");
    assert_int_equal(amf_read_number(&reader, &number), 0);
    assert_true(number == 1);
    struct amf_reader again = reader;
    assert_int_equal(amf_read_property(&reader, "code", text, sizeof text), 0);
    assert_string_equal(text, "ok?"); /* a line end of theirs never gets into a log of ours */
    assert_int_equal(amf_read_property(&again, "nested", text, sizeof text), 0);
    assert_string_equal(text, "");
    assert_int_equal(amf_read_property(&reader, "code", text, sizeof text), 0); /* null */
    assert_ptr_equal(reader.at, reader.end);
}

/* The bytes as the specification has them. */
static void test_bytes(void **state)
{
    (void)state;
    uint8_t data[32];
    struct amf_writer writer = { .data = data, .capacity = sizeof data };
    amf_number(&writer, 1);
    amf_string(&writer, "ab");
    const uint8_t expected[] = { 0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 2, 0, 2, 'a', 'b' };
    assert_int_equal(writer.used, sizeof expected);
    assert_memory_equal(data, expected, sizeof expected);
}

static void test_too_small_a_buffer(void **state)
{
    (void)state;
    uint8_t data[256];
    size_t bytes = write_command(data, sizeof data);
    assert_true(bytes > 0);
    assert_int_equal(write_command(data, bytes - 1), 0);
    assert_int_equal(write_command(data, bytes), bytes);
}

static void test_cut_off(void **state)
{
    (void)state;
    uint8_t data[256];
    char text[32];
    double number;
    size_t bytes = write_command(data, sizeof data);
    for (size_t cut = 0; cut < bytes; cut++) {
        struct amf_reader reader = { data, data + cut };
        int result = amf_read_string(&reader, text, sizeof text);
        if (result == 0)
            result = amf_read_number(&reader, &number);
        if (result == 0)
            result = amf_read_property(&reader, "code", text, sizeof text);
        if (result == 0)
            result = amf_skip(&reader);
        assert_int_equal(result, -EBADMSG);
    }
}

static void test_refuses(void **state)
{
    (void)state;
    char text[4];
    uint8_t deep[64];
    memset(deep, 3, sizeof deep); /* no object within an object begins so: a key is missing */
    struct amf_reader reader = { deep, deep + sizeof deep };
    assert_int_equal(amf_skip(&reader), -EBADMSG);
    for (size_t i = 0; i < sizeof deep; i += 5) /* strict arrays of one, in each other */
        memcpy(deep + i, "\x0a\0\0\0\x01", i + 5 <= sizeof deep ? 5 : sizeof deep - i);
    reader = (struct amf_reader){ deep, deep + sizeof deep };
    assert_int_equal(amf_skip(&reader), -EBADMSG);
    reader = (struct amf_reader){ (const uint8_t *)"\x02\0\x04long", (const uint8_t *)"" };
    reader.end = reader.at + 7;
    assert_int_equal(amf_read_string(&reader, text, sizeof text), -EBADMSG);
    uint8_t many[] = { 10, 0xff, 0xff, 0xff, 0xff, 5, 5, 5 };
    reader = (struct amf_reader){ many, many + sizeof many };
    assert_int_equal(amf_skip(&reader), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_what_it_wrote),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_too_small_a_buffer),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
