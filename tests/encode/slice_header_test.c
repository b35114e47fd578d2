/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slice_header_test.c - what x264 makes with all kinds of settings, against libavcodec's own reading of it: its filter
 * trace_headers says of every element of a header at which bit it stands. */
#include "encode/slice_header.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libavcodec/avcodec.h>
#include <libavcodec/bsf.h>
#include <libavutil/opt.h>

#include "board/error.h"
#include "encode/annex_b.h"

enum { HEADERS_MAX = 512, PICTURES = 12 };

/* What the filter said; av_log has no context of ours. */
static struct {
    size_t bits[HEADERS_MAX]; /* of each slice header */
    unsigned count;
    bool in_slice;
} traced;

/* "Slice Header" begins one; "123  name  0101 = 5" is an element. */
static void note_trace(void *context, int level, const char *format, va_list arguments)
{
    char line[512], name[128], bits[128];
    unsigned place;
    (void)context;
    if (level > AV_LOG_INFO)
        return;
    vsnprintf(line, sizeof line, format, arguments);
    if (strncmp(line, "Slice Header", 12) == 0) {
        assert_true(traced.count < HEADERS_MAX);
        traced.in_slice = true;
        traced.bits[traced.count++] = 0;
    } else if (sscanf(line, "%u %127s %127[01] =", &place, name, bits) == 3) {
        if (traced.in_slice && traced.bits[traced.count - 1] < place + strlen(bits))
            traced.bits[traced.count - 1] = place + strlen(bits);
    } else {
        traced.in_slice = false;
    }
}

static void keep_quiet(void *context, int level, const char *format, va_list arguments)
{
    (void)context, (void)level, (void)format, (void)arguments;
}

static size_t bytes_in_nal(const uint8_t *nal, size_t count, size_t bits)
{
    size_t want = (bits + 7) / 8, have = 0, at = 0;
    for (unsigned zeros = 0; at < count && have < want; at++) {
        if (zeros >= 2 && nal[at] == 3) {
            zeros = 0;
            continue;
        }
        zeros = nal[at] ? 0 : zeros + 1;
        have++;
    }
    return at;
}

static void check_packet(AVBSFContext *filter, const struct slice_format *format, const AVPacket *packet)
{
    AVPacket *copy = av_packet_clone(packet);
    struct nal nal;
    unsigned slices = 0;
    traced.count = 0;
    traced.in_slice = false;
    av_log_set_callback(note_trace);
    assert_int_equal(av_bsf_send_packet(filter, copy), 0);
    assert_int_equal(av_bsf_receive_packet(filter, copy), 0);
    av_log_set_callback(keep_quiet);
    av_packet_free(&copy);
    for (const uint8_t *at = packet->data; annex_b_next(&at, packet->data + packet->size, &nal);)
        if (nal.type == NAL_TYPE_SLICE || nal.type == NAL_TYPE_IDR) {
            assert_true(slices < traced.count && traced.bits[slices] > 0);
            assert_int_equal(slice_header_bytes(format, nal.bytes, nal.count),
                             bytes_in_nal(nal.bytes, nal.count, traced.bits[slices]));
            slices++;
        }
    assert_true(slices > 0 && slices == traced.count);
}

static AVCodecContext *open_encoder(const char *settings)
{
    AVCodecContext *encoder = avcodec_alloc_context3(avcodec_find_encoder_by_name("libx264"));
    encoder->width = 128;
    encoder->height = 96;
    encoder->pix_fmt = strstr(settings, "444") ? AV_PIX_FMT_YUV444P : AV_PIX_FMT_YUV420P;
    encoder->time_base = (AVRational){ 1, 25 };
    encoder->gop_size = 6;
    encoder->thread_count = 1;
    encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    if (strstr(settings, "interlaced"))
        encoder->flags |= AV_CODEC_FLAG_INTERLACED_DCT | AV_CODEC_FLAG_INTERLACED_ME;
    av_opt_set(encoder->priv_data, "x264-params", settings, 0);
    assert_int_equal(avcodec_open2(encoder, NULL, NULL), 0);
    return encoder;
}

static AVBSFContext *open_filter(const AVCodecContext *encoder)
{
    AVBSFContext *filter;
    assert_int_equal(av_bsf_alloc(av_bsf_get_by_name("trace_headers"), &filter), 0);
    avcodec_parameters_from_context(filter->par_in, encoder);
    av_log_set_callback(note_trace);
    assert_int_equal(av_bsf_init(filter), 0);
    av_log_set_callback(keep_quiet);
    return filter;
}

static void check_settings(const char *settings)
{
    AVCodecContext *encoder = open_encoder(settings);
    AVBSFContext *filter = open_filter(encoder);
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    struct slice_format format;
    struct error err = { 0 };
    unsigned packets = 0;
    assert_int_equal(slice_format_read(&format, encoder->extradata, (size_t)encoder->extradata_size, &err), 0);
    frame->width = encoder->width;
    frame->height = encoder->height;
    frame->format = encoder->pix_fmt;
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    for (int i = 0; i <= PICTURES; i++) {
        assert_int_equal(av_frame_make_writable(frame), 0);
        for (int plane = 0; plane < 3; plane++)
            for (int j = 0; j < frame->linesize[plane] * (plane && !strstr(settings, "444") ? 48 : 96); j++)
                frame->data[plane][j] = (uint8_t)(plane ? i * 9 + j : i * 20 + j / 64 * j);
        frame->pts = i;
        assert_int_equal(avcodec_send_frame(encoder, i < PICTURES ? frame : NULL), 0);
        while (avcodec_receive_packet(encoder, packet) == 0) {
            check_packet(filter, &format, packet);
            av_packet_unref(packet);
            packets++;
        }
    }
    assert_int_equal(packets, PICTURES);
    av_frame_free(&frame);
    av_packet_free(&packet);
    av_bsf_free(&filter);
    avcodec_free_context(&encoder);
}

static void test_all_kinds_of_slices(void **state)
{
    (void)state;
    static const char *const settings[] = {
        "bframes=0",
        "bframes=3:b-adapt=0:weightp=2:weightb=1:ref=4",
        "bframes=3:b-adapt=0:b-pyramid=normal:ref=6:slices=4",
        "cabac=0:bframes=2:weightp=1",
        "cabac=0:no-deblock=1:8x8dct=0",
        "deblock=2,2:slices=3:nal-hrd=vbr:vbv-maxrate=500:vbv-bufsize=500",
        "interlaced=1:bframes=2:weightp=0",
        "interlaced=1:cabac=0:slices=2",
        "444=1:bframes=1",
        "cqm=jvt:bframes=1",
        "profile=baseline:bframes=0:cabac=0:weightp=0:8x8dct=0:ref=3",
        "intra-refresh=1:bframes=0",
        "slice-max-size=200:bframes=2",
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        check_settings(settings[i]);
}

/* The same parameter sets in the record that MP4 has. */
static void test_a_record_says_the_same(void **state)
{
    (void)state;
    AVCodecContext *encoder = open_encoder("bframes=2:weightp=2");
    struct slice_format one, other;
    struct error err = { 0 };
    uint8_t record[512] = { 1, 100, 0, 30, 0xff, 0xe1 };
    size_t at = 6;
    struct nal nal;
    const uint8_t *end = encoder->extradata + encoder->extradata_size;
    for (unsigned type = NAL_TYPE_SPS; type <= NAL_TYPE_PPS; type++)
        for (const uint8_t *from = encoder->extradata; annex_b_next(&from, end, &nal);)
            if (nal.type == type) {
                if (type == NAL_TYPE_PPS)
                    record[at++] = 1;
                record[at++] = (uint8_t)(nal.count >> 8);
                record[at++] = (uint8_t)nal.count;
                memcpy(record + at, nal.bytes, nal.count);
                at += nal.count;
            }
    assert_int_equal(slice_format_read(&one, encoder->extradata, (size_t)encoder->extradata_size, &err), 0);
    assert_int_equal(slice_format_read(&other, record, at, &err), 0);
    assert_memory_equal(&one, &other, sizeof one);
    for (size_t cut = 0; cut + 1 < at; cut++)
        assert_true(slice_format_read(&other, record, cut, &err) < 0);
    avcodec_free_context(&encoder);
}

static void test_what_is_not_understood(void **state)
{
    (void)state;
    struct slice_format format;
    struct error err = { 0 };
    static const uint8_t groups[] = { 0, 0, 1, 0x67, 66, 0, 30, 0xf8, 0x41, 0xa2, 0, 0, 1, 0x68, 0xc4, 0x80 };
    assert_int_equal(slice_format_read(&format, NULL, 0, &err), -EINVAL);
    assert_int_equal(slice_format_read(&format, groups, sizeof groups, &err), -ENOTSUP);
    memset(&format, 0, sizeof format);
    assert_int_equal(slice_header_bytes(&format, (const uint8_t *)"\x65\x88\x84", 3), 3); /* of no parameter set */
    assert_int_equal(slice_header_bytes(&format, NULL, 0), 0);
}

int main(void)
{
    av_log_set_callback(keep_quiet);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_kinds_of_slices),
        cmocka_unit_test(test_a_record_says_the_same),
        cmocka_unit_test(test_what_is_not_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
