/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/annex_b.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "encode/boxes.h"

/* The bytes lie on the heap in their exact size. */
static uint8_t *copy(const char *bytes, size_t count)
{
    uint8_t *data = malloc(count ? count : 1);
    memcpy(data, bytes, count);
    return data;
}

static void assert_units(const char *bytes, size_t count, const char *types)
{
    uint8_t *data = copy(bytes, count);
    struct nal nal;
    unsigned found = 0;
    for (const uint8_t *at = data; annex_b_next(&at, data + count, &nal); found++) {
        assert_true(found < strlen(types));
        assert_int_equal(nal.type, types[found] - '0');
    }
    assert_int_equal(found, strlen(types));
    free(data);
}

#define UNITS(bytes, types) assert_units(bytes, sizeof bytes - 1, types)

static void test_units_are_found(void **state)
{
    (void)state;
    UNITS("", "");
    UNITS("\0\0\1", "");
    UNITS("\0\0\0\1", "");
    UNITS("\x65\0\0", "");
    UNITS("\0\0\1\x65", "5");
    UNITS("\0\0\0\1\x09\xf0\0\0\0\1\x67\1\2\3\0\0\1\x68\1\0\0\0\1\x65\x88\0", "9785");
    UNITS("\0\0\1\0\0\1\x41\1", "1"); /* one that is empty is none */
}

static void test_zeros_before_a_start_code_are_not_the_units(void **state)
{
    (void)state;
    static const char bytes[] = "\0\0\0\1\x65\x88\1\0\0\0\0\1\x06\5\0\0";
    uint8_t *data = copy(bytes, sizeof bytes - 1);
    const uint8_t *at = data;
    struct nal nal;

    assert_true(annex_b_next(&at, data + sizeof bytes - 1, &nal));
    assert_int_equal(nal.count, 3);
    assert_memory_equal(nal.bytes, "\x65\x88\1", 3);
    assert_true(annex_b_next(&at, data + sizeof bytes - 1, &nal));
    assert_int_equal(nal.count, 2);
    assert_false(annex_b_next(&at, data + sizeof bytes - 1, &nal));
    free(data);
}

static void test_decoder_configuration(void **state)
{
    (void)state;
    static const char high[] = "\0\0\0\1\x67\x64\x00\x1f\xac\0\0\0\1\x68\xeb\xec";
    static const char expected[] = "\1\x64\0\x1f\xff\xe1\0\5\x67\x64\x00\x1f\xac\1\0\3\x68\xeb\xec\xfd\xf8\xf8\0";
    static const char baseline[] = "\0\0\1\x67\x42\xc0\x0d\x8c\0\0\1\x68\xce";
    struct boxes boxes = { 0 };
    struct error err = { 0 };

    assert_int_equal(annex_b_decoder_configuration(&boxes, (const uint8_t *)high, sizeof high - 1, &err), 0);
    assert_int_equal(boxes.count, sizeof expected - 1);
    assert_memory_equal(boxes.bytes, expected, sizeof expected - 1);
    boxes_empty(&boxes);
    assert_int_equal(annex_b_decoder_configuration(&boxes, (const uint8_t *)baseline, sizeof baseline - 1, &err), 0);
    assert_int_equal(boxes.count, 6 + 7 + 1 + 4);
    boxes_free(&boxes);
}

static void assert_refused(const char *bytes, size_t count)
{
    struct boxes boxes = { 0 };
    struct error err = { 0 };
    uint8_t *data = copy(bytes, count);
    assert_int_equal(annex_b_decoder_configuration(&boxes, data, count, &err), -EINVAL);
    assert_true(err.text[0]);
    free(data);
    boxes_free(&boxes);
}

static void test_headers_that_are_none(void **state)
{
    (void)state;
    assert_refused("", 0);
    assert_refused("\0\0\1\x67\x64\0\x1f", 7);          /* no PPS */
    assert_refused("\0\0\1\x68\xeb", 5);                /* no SPS */
    assert_refused("\0\0\1\x67\x64\0\0\1\x68\xeb", 10); /* one that is cut */
}

static void test_samples_have_lengths_and_no_parameter_sets(void **state)
{
    (void)state;
    static const char bytes[] = "\0\0\0\1\x09\xf0\0\0\0\1\x67\1\2\3\0\0\1\x68\1\0\0\1\x06\5\0\0\0\1\x65\x88\x84";
    struct boxes boxes = { 0 };

    annex_b_sample(&boxes, (const uint8_t *)bytes, sizeof bytes - 1);
    assert_int_equal(boxes.count, 13);
    assert_memory_equal(boxes.bytes, "\0\0\0\2\x06\5\0\0\0\3\x65\x88\x84", 13);
    boxes_free(&boxes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_units_are_found),
        cmocka_unit_test(test_zeros_before_a_start_code_are_not_the_units),
        cmocka_unit_test(test_decoder_configuration),
        cmocka_unit_test(test_headers_that_are_none),
        cmocka_unit_test(test_samples_have_lengths_and_no_parameter_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
