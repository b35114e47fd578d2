/* SPDX-License-Identifier: GPL-2.0-or-later */
/* decoder_test.c - files through the decoder on the software runtime: as many pictures as libavcodec finds, each with
 * its timestamp and arrival, also over a change of size and after damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <string.h>

#include "board/error.h"
#include "drivers/accelerator.h"
#include "encode/decoder.h"
#include "tests/encode/runtime.h"

struct seen {
    unsigned pictures, with_pts, damaged, captions;
    int64_t last_pts, backwards;
    unsigned widths[4], width_count;
    uint64_t arrival_mismatches;
};

static struct accelerator *accelerator;

/* Arrival is derived from the timestamp, so that each picture can be checked by itself. */
static uint64_t arrival_for(int64_t pts)
{
    return 1000000 + (uint64_t)pts * 3;
}

static void take(void *context, struct picture *picture)
{
    struct seen *seen = context;
    unsigned width = picture->surface->Info.CropW;

    seen->pictures++;
    seen->damaged += picture->damaged;
    seen->captions += picture->caption_bytes > 0;
    if (picture->pts_90k >= 0) {
        seen->with_pts++;
        seen->backwards += picture->pts_90k <= seen->last_pts;
        seen->last_pts = picture->pts_90k;
        seen->arrival_mismatches += picture->arrival_utc_ns != arrival_for(picture->pts_90k);
    }
    if (seen->width_count == 0 || (seen->widths[seen->width_count - 1] != width && seen->width_count < 4))
        seen->widths[seen->width_count++] = width;
    picture_release(picture);
}

static struct video_decoder *start(struct seen *seen, enum AVCodecID codec)
{
    struct error err = { 0 };
    struct video_decoder *decoder = NULL;
    struct decoder_config config = { .accelerator = accelerator, .codec = codec, .on_picture = take, .context = seen };
    memset(seen, 0, sizeof *seen);
    seen->last_pts = -1;
    if (decoder_create(&decoder, &config, &err) < 0)
        fail_msg("%s", err.text);
    return decoder;
}

/* Pushes the first `limit` video packets of a file, leaving out number `skip` (-1: none); returns how many it has. */
static unsigned push_file(struct video_decoder *decoder, const char *path, unsigned limit, int skip)
{
    AVFormatContext *format = NULL;
    AVPacket *packet = av_packet_alloc();
    unsigned count = 0;
    assert_int_equal(avformat_open_input(&format, path, NULL, NULL), 0);
    assert_true(avformat_find_stream_info(format, NULL) >= 0);
    int video = av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    while (av_read_frame(format, packet) >= 0) {
        if (packet->stream_index == video && count < limit && (int)count++ != skip)
            decoder_push(decoder, packet, arrival_for(packet->pts), false);
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    avformat_close_input(&format);
    return count;
}

static void whole_file(const char *path, enum AVCodecID codec, unsigned width)
{
    struct seen seen;
    struct video_decoder *decoder = start(&seen, codec);
    unsigned units = push_file(decoder, path, 1000, -1);
    decoder_drain(decoder);
    assert_int_equal(seen.pictures, units);
    assert_int_equal(seen.with_pts, units);
    assert_int_equal(seen.backwards, 0);
    assert_int_equal(seen.arrival_mismatches, 0);
    assert_int_equal(seen.widths[0], width);
    assert_int_equal(decoder_counters(decoder).errors, 0);
    decoder_destroy(decoder);
}

static void h264(void **state)
{
    (void)state;
    whole_file("tests/media/sample_h264.ts", AV_CODEC_ID_H264, 854);
    whole_file("tests/media/sample_h264_no_access_unit_delimiters.ts", AV_CODEC_ID_H264, 640);
}

static void hevc(void **state)
{
    (void)state;
    whole_file("tests/media/sample_h265.ts", AV_CODEC_ID_HEVC, 854);
}

static void mpeg2(void **state)
{
    (void)state;
    whole_file("tests/media/sample_scte35.ts", AV_CODEC_ID_MPEG2VIDEO, 640);
}

static void captions_come_with_pictures(void **state)
{
    (void)state;
    struct seen seen;
    struct video_decoder *decoder = start(&seen, AV_CODEC_ID_H264);
    push_file(decoder, "tests/media/sd-hls0000000000.ts", 58, -1);
    decoder_drain(decoder);
    assert_int_equal(seen.pictures, 58);
    assert_int_equal(seen.captions, 3);
    decoder_destroy(decoder);
}

static void another_size_in_the_middle(void **state)
{
    (void)state;
    struct seen seen;
    struct video_decoder *decoder = start(&seen, AV_CODEC_ID_H264);
    unsigned first = push_file(decoder, "tests/media/sample_h264.ts", 10, -1);
    unsigned second = push_file(decoder, "tests/media/sd-hls0000000000.ts", 10, -1);
    decoder_drain(decoder);
    assert_int_equal(seen.pictures, first + second);
    assert_int_equal(seen.width_count, 2);
    assert_int_equal(seen.widths[1], 640);
    decoder_destroy(decoder);
}

static void starts_in_the_middle_and_survives_garbage(void **state)
{
    (void)state;
    struct seen seen;
    struct video_decoder *decoder = start(&seen, AV_CODEC_ID_H264);
    uint8_t bytes[4000 + AV_INPUT_BUFFER_PADDING_SIZE] = { 0, 0, 0, 1, 0x65, 0x88 };
    AVPacket garbage = { .data = bytes, .size = 4000, .pts = 5 };
    for (unsigned i = 6; i < 4000; i++)
        bytes[i] = (uint8_t)(i * 31);
    decoder_push(decoder, &garbage, 0, true); /* no parameter sets yet */
    assert_int_equal(seen.pictures, 0);
    assert_int_equal(decoder_counters(decoder).units_skipped, 1);
    push_file(decoder, "tests/media/sd-hls0000000000.ts", 20, 0); /* the IDR is missing */
    decoder_push(decoder, &garbage, 0, true);
    unsigned units = push_file(decoder, "tests/media/sd-hls0000000000.ts", 20, -1);
    decoder_drain(decoder);
    assert_true(seen.pictures >= units);
    decoder_destroy(decoder);
}

static int setup(void **state)
{
    (void)state;
    return runtime_accelerator(&accelerator);
}

static int teardown(void **state)
{
    (void)state;
    accelerator_destroy(accelerator);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(h264),
        cmocka_unit_test(hevc),
        cmocka_unit_test(mpeg2),
        cmocka_unit_test(captions_come_with_pictures),
        cmocka_unit_test(another_size_in_the_middle),
        cmocka_unit_test(starts_in_the_middle_and_survives_garbage),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
