/* SPDX-License-Identifier: GPL-2.0-or-later */
/* strict_decoder.h - whether all pictures of a segment that was handed over decode without a fault. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "tests/encode/fake_management.h"

/* Decodes a segment strictly; returns its number of pictures. */
static inline unsigned decode(const struct fake_segment *segment)
{
    char path[] = "/tmp/pipeline-test-XXXXXX";
    int file = mkstemp(path);
    AVFormatContext *format = NULL;
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    AVCodecContext *context = avcodec_alloc_context3(NULL);
    unsigned pictures = 0, packets = 0;
    assert_int_equal(write(file, segment->bytes, segment->header.bytes), (ssize_t)segment->header.bytes);
    close(file);
    assert_int_equal(avformat_open_input(&format, path, NULL, NULL), 0);
    assert_true(avformat_find_stream_info(format, NULL) >= 0);
    assert_int_equal(format->nb_streams, 2);
    assert_int_equal(avcodec_open2(context, avcodec_find_decoder(AV_CODEC_ID_H264), NULL), 0);
    context->err_recognition = AV_EF_EXPLODE;
    while (av_read_frame(format, packet) >= 0) {
        if (format->streams[packet->stream_index]->codecpar->codec_type == AVMEDIA_TYPE_VIDEO) {
            if (packets++ == 0)
                assert_true(packet->flags & AV_PKT_FLAG_KEY);
            assert_int_equal(avcodec_send_packet(context, packet), 0);
            while (avcodec_receive_frame(context, frame) >= 0)
                pictures++;
        }
        av_packet_unref(packet);
    }
    avcodec_send_packet(context, NULL);
    while (avcodec_receive_frame(context, frame) >= 0)
        pictures++;
    avcodec_free_context(&context);
    avformat_close_input(&format);
    av_frame_free(&frame);
    av_packet_free(&packet);
    unlink(path);
    return pictures;
}
