/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vaapi.h - for tests of the encode plane on the software VA-API driver: pictures to encode, and a look at what came
 * out. Included once per test program. */
#pragma once
#include "tests/drivers/softva/display.h"

#include <libavcodec/avcodec.h>

#include "encode/decoder.h"
#include "encode/job.h"
#include "encode/rung.h"
#include "encode/timeline.h"
#include "tests/encode/runtime.h"

enum { STREAM_BYTES = 1 << 21, PACKETS_MAX = 256 };

/* Everything that a rung gave. */
struct stream {
    uint8_t *data;
    size_t bytes;
    unsigned packets, keys, captions;
    unsigned lights; /* content light levels of 1000 and 400 cd/m2 */
    size_t starts[PACKETS_MAX];
    int64_t first_pts, last_pts;
};

static inline void stream_take(void *context, const AVPacket *packet)
{
    struct stream *stream = context;

    if (!stream->data)
        stream->data = calloc(1, STREAM_BYTES);
    assert_true(stream->packets < PACKETS_MAX);
    assert_true(stream->bytes + (size_t)packet->size + AV_INPUT_BUFFER_PADDING_SIZE < STREAM_BYTES);
    stream->starts[stream->packets] = stream->bytes;
    memcpy(stream->data + stream->bytes, packet->data, (size_t)packet->size);
    stream->bytes += (size_t)packet->size;
    if (!stream->packets)
        stream->first_pts = packet->pts;
    else
        assert_true(packet->dts > stream->last_pts);
    stream->last_pts = packet->pts;
    stream->packets++;
    stream->keys += (packet->flags & AV_PKT_FLAG_KEY) != 0;
    for (int i = 0; i + 7 < packet->size; i++) {
        stream->captions += !memcmp(packet->data + i, "\xb5\x00\x31GA94", 7);
        stream->lights += !memcmp(packet->data + i, "\x90\x04\x03\xe8\x01\x90", 6);
    }
}

struct seen {
    unsigned pictures, keys;
    int width, height, format, primaries;
    double luma; /* mean of the last picture, in eight bits */
};

static inline void look_at(struct seen *seen, const AVFrame *frame)
{
    long long sum = 0;
    bool ten = frame->format == AV_PIX_FMT_YUV420P10LE;

    for (int y = 0; y < frame->height; y++)
        for (int x = 0; x < frame->width; x++)
            sum += ten ? ((const uint16_t *)(void *)(frame->data[0] + y * frame->linesize[0]))[x] >> 2
                       : frame->data[0][y * frame->linesize[0] + x];
    seen->luma = (double)sum / (frame->width * frame->height);
    seen->pictures++;
    seen->keys += (unsigned)frame->key_frame;
    seen->width = frame->width;
    seen->height = frame->height;
    seen->format = frame->format;
    seen->primaries = frame->color_primaries;
}

static inline struct seen decode_stream(const struct stream *stream, enum AVCodecID codec)
{
    AVCodecContext *context = avcodec_alloc_context3(avcodec_find_decoder(codec));
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    struct seen seen = { 0 };

    context->thread_count = 1;
    context->err_recognition = AV_EF_EXPLODE;
    assert_int_equal(avcodec_open2(context, NULL, NULL), 0);
    for (unsigned i = 0; i <= stream->packets; i++) {
        size_t end = i + 1 < stream->packets ? stream->starts[i + 1] : stream->bytes;
        packet->data = stream->data + (i < stream->packets ? stream->starts[i] : 0);
        packet->size = i < stream->packets ? (int)(end - stream->starts[i]) : 0;
        assert_int_equal(avcodec_send_packet(context, i < stream->packets ? packet : NULL), 0);
        while (avcodec_receive_frame(context, frame) == 0)
            look_at(&seen, frame);
    }
    av_frame_free(&frame);
    packet->data = NULL;
    packet->size = 0;
    av_packet_free(&packet);
    avcodec_free_context(&context);
    return seen;
}

/* Debian's x265 3.5 forgets some tables and names, a few kilobytes for each encoder. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libx265.so\n";
}
