/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/codec_string.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <libavcodec/codec_par.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"

/* Appends a codec with these headers; they lie on the heap in their exact size. */
static int append(char *text, size_t capacity, enum AVCodecID codec, const char *headers, int bytes)
{
    uint8_t *copy = malloc(bytes ? (size_t)bytes : 1);
    memcpy(copy, headers, (size_t)bytes);
    AVCodecParameters parameters = { .codec_id = codec, .extradata = copy, .extradata_size = bytes };
    struct error err = { 0 };
    int result = codec_string_append(text, capacity, &parameters, &err);
    assert_int_equal(result, err.code);
    free(copy);
    return result;
}

static void test_h264_from_annex_b_and_avcc(void **state)
{
    (void)state;
    static const char annex_b[] = "\0\0\0\1\x67\x64\x00\x1f\xac\0\0\0\1\x68\xeb";
    static const char delimiter_first[] = "\0\0\0\1\x09\xf0\0\0\1\x27\x42\xc0\x0d\x8c";
    static const char avcc[] = "\1\x4d\x40\x28\xff\xe1";
    char text[64] = "";

    assert_int_equal(append(text, sizeof text, AV_CODEC_ID_H264, annex_b, sizeof annex_b - 1), 0);
    assert_string_equal(text, "avc1.64001f");
    text[0] = '\0';
    assert_int_equal(append(text, sizeof text, AV_CODEC_ID_H264, delimiter_first, sizeof delimiter_first - 1), 0);
    assert_string_equal(text, "avc1.42c00d");
    text[0] = '\0';
    assert_int_equal(append(text, sizeof text, AV_CODEC_ID_H264, avcc, sizeof avcc - 1), 0);
    assert_string_equal(text, "avc1.4d4028");
}

static void test_aac_object_types(void **state)
{
    (void)state;
    char text[64] = "";

    assert_int_equal(append(text, sizeof text, AV_CODEC_ID_AAC, "\x11\x90", 2), 0);
    assert_string_equal(text, "mp4a.40.2");
    text[0] = '\0';
    assert_int_equal(append(text, sizeof text, AV_CODEC_ID_AAC, "\x2b\x11\x88", 3), 0);
    assert_string_equal(text, "mp4a.40.5");
    text[0] = '\0';
    assert_int_equal(append(text, sizeof text, AV_CODEC_ID_AAC, "\xf9\x40", 2), 0); /* 31, then 10: 42 (xHE-AAC) */
    assert_string_equal(text, "mp4a.40.42");
}

static void test_a_list_names_each_once(void **state)
{
    (void)state;
    char text[64] = "";

    assert_int_equal(append(text, sizeof text, AV_CODEC_ID_H264, "\1\x64\0\x1f", 4), 0);
    assert_int_equal(append(text, sizeof text, AV_CODEC_ID_AAC, "\xf9\x40", 2), 0);
    assert_int_equal(append(text, sizeof text, AV_CODEC_ID_AAC, "\x21\x10", 2), 0); /* .4: the head of .42, not it */
    assert_int_equal(append(text, sizeof text, AV_CODEC_ID_AAC, "\xf9\x40", 2), 0);
    assert_string_equal(text, "avc1.64001f,mp4a.40.42,mp4a.40.4");
}

static void test_errors_leave_the_text(void **state)
{
    (void)state;
    char text[16] = "avc1.64001f";
    char headers[8] = "\0\0\1\x67\x64\0";

    assert_int_equal(append(text, sizeof text, AV_CODEC_ID_AAC, "\x11\x90", 2), -ENOSPC);
    assert_int_equal(append(text, sizeof text, AV_CODEC_ID_AAC, "\x11", 1), -EINVAL);
    assert_int_equal(append(text, sizeof text, AV_CODEC_ID_AAC, "\x01\x90", 2), -EINVAL);
    assert_int_equal(append(text, sizeof text, AV_CODEC_ID_AC3, "", 0), -ENOTSUP);
    for (int bytes = 0; bytes < 7; bytes++)
        assert_int_equal(append(text, sizeof text, AV_CODEC_ID_H264, headers, bytes), -EINVAL);
    assert_string_equal(text, "avc1.64001f");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h264_from_annex_b_and_avcc),
        cmocka_unit_test(test_aac_object_types),
        cmocka_unit_test(test_a_list_names_each_once),
        cmocka_unit_test(test_errors_leave_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
