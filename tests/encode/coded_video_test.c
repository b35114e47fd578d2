/* SPDX-License-Identifier: GPL-2.0-or-later */
/* coded_video_test.c - headers as x265 and SVT-AV1 wrote them, into configuration boxes and names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "board/error.h"
#include "encode/av1_units.h"
#include "encode/boxes.h"
#include "encode/coded_video.h"

static const uint8_t hevc[] = {
    0, 0, 0, 1,    0x40, 1,    0x0c, 1,    0xff, 0xff, 2,    0x20, 0,    0,    3,    0,    0x90, 0,    0,    3, 0,
    0, 3, 0, 0x3c, 0x95, 0x94, 9,    0,    0,    0,    1,    0x42, 1,    1,    2,    0x20, 0,    0,    3,    0, 0x90,
    0, 0, 3, 0,    0,    3,    0,    0x3c, 0xa0, 0x10, 0x20, 0x49, 0x36, 0x59, 0x59, 0x6e, 0x4c, 0x2e, 1,    0, 0,
    3, 0, 1, 0,    0,    3,    0,    0x19, 8,    0,    0,    0,    1,    0x44, 1,    0xc1, 0x73, 0xc0, 0x89,
};
/* A temporal unit's beginning: delimiter, sequence header, the first bytes of a frame. */
static const uint8_t av1[] = { 0x12, 0,    0x0a, 0x0a, 0,    0, 0,    3, 0x37, 0xf8,
                               0xe7, 0xdf, 0xc8, 2,    0x32, 4, 0x10, 0, 0x82, 0 };
enum { AV1_SEQUENCE_AT = 2, AV1_SEQUENCE_BYTES = 12 };

static void names(void **state)
{
    (void)state;
    struct error err = { 0 };
    char name[CODED_VIDEO_NAME_BYTES];

    assert_int_equal(coded_video_of(AV_CODEC_ID_HEVC)->name(name, hevc, sizeof hevc, &err), 0);
    assert_string_equal(name, "hvc1.2.4.L60.90");
    assert_int_equal(coded_video_of(AV_CODEC_ID_AV1)->name(name, av1, sizeof av1, &err), 0);
    assert_string_equal(name, "av01.0.00M.08");
    assert_null(coded_video_of(AV_CODEC_ID_VP9));
}

static void configurations(void **state)
{
    (void)state;
    static const uint8_t hvcc[] = { 1, 2,    0x20, 0,    0,    0, 0x90, 0,    0, 0,         0, 0, 60, 0xf0,
                                    0, 0xfc, 0xfd, 0xfa, 0xfa, 0, 0,    0x0f, 3, 0x80 | 32, 0, 1, 0,  24 };
    static const uint8_t av1c[] = { 0x81, 0, 0x0c, 0 };
    struct error err = { 0 };
    struct boxes boxes = { 0 };

    assert_int_equal(coded_video_of(AV_CODEC_ID_HEVC)->configuration(&boxes, hevc, sizeof hevc, &err), 0);
    assert_memory_equal(boxes.bytes, hvcc, sizeof hvcc);
    assert_int_equal(boxes.count, 23 + 3 * 5 + 24 + 40 + 6);
    boxes_empty(&boxes);
    assert_int_equal(coded_video_of(AV_CODEC_ID_AV1)->configuration(&boxes, av1, sizeof av1, &err), 0);
    assert_int_equal(boxes.count, sizeof av1c + AV1_SEQUENCE_BYTES);
    assert_memory_equal(boxes.bytes, av1c, sizeof av1c);
    assert_memory_equal(boxes.bytes + sizeof av1c, av1 + AV1_SEQUENCE_AT, AV1_SEQUENCE_BYTES);
    boxes_free(&boxes);
}

static void samples_have_no_delimiters_and_no_sets(void **state)
{
    (void)state;
    static const uint8_t referred[] = { 0, 0, 1, 0x46, 1, 0x50, 0, 0, 0, 1, 2 /* TRAIL_R */, 1, 0xd0, 7 };
    static const uint8_t alone[] = { 0, 0, 1, 0x46, 1, 0x50, 0, 0, 0, 1, 0 /* TRAIL_N */, 1, 0xd0, 7 };
    static const uint8_t sample[] = { 0, 0, 0, 4, 2, 1, 0xd0, 7 };
    struct boxes boxes = { 0 };

    assert_true(coded_video_of(AV_CODEC_ID_HEVC)->sample(&boxes, referred, sizeof referred));
    assert_int_equal(boxes.count, sizeof sample);
    assert_memory_equal(boxes.bytes, sample, sizeof sample);
    assert_false(coded_video_of(AV_CODEC_ID_HEVC)->sample(&boxes, alone, sizeof alone));
    boxes_empty(&boxes);
    assert_true(coded_video_of(AV_CODEC_ID_AV1)->sample(&boxes, av1, sizeof av1));
    assert_int_equal(boxes.count, sizeof av1 - 2);
    boxes_empty(&boxes);
    coded_video_of(AV_CODEC_ID_HEVC)->sample(&boxes, hevc, sizeof hevc);
    assert_int_equal(boxes.count, 0);
    boxes_free(&boxes);
}

static void cut_headers_are_refused(void **state)
{
    (void)state;
    static const enum AVCodecID codecs[] = { AV_CODEC_ID_H264, AV_CODEC_ID_HEVC, AV_CODEC_ID_AV1 };
    char name[CODED_VIDEO_NAME_BYTES];

    for (unsigned i = 0; i < 3; i++)
        for (size_t bytes = 0; bytes < 40; bytes++) {
            const struct coded_video *video = coded_video_of(codecs[i]);
            struct error err = { 0 };
            struct boxes boxes = { 0 };
            if (codecs[i] == AV_CODEC_ID_AV1 && bytes >= AV1_SEQUENCE_AT + AV1_SEQUENCE_BYTES)
                break;
            assert_int_equal(video->name(name, codecs[i] == AV_CODEC_ID_AV1 ? av1 : hevc, bytes, &err), -EINVAL);
            assert_true(err.text[0]);
            assert_int_equal(video->configuration(&boxes, codecs[i] == AV_CODEC_ID_AV1 ? av1 : hevc, bytes, &err),
                             -EINVAL);
            boxes_free(&boxes);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(configurations),
        cmocka_unit_test(samples_have_no_delimiters_and_no_sets),
        cmocka_unit_test(cut_headers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
