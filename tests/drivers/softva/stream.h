/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stream.h - a small client of VA-API's encoders, and a look at what came out by libavcodec. Included once per test
 * program. */
#pragma once
#include "tests/drivers/softva/display.h"

#include <libavcodec/avcodec.h>

enum { WIDTH = 320, HEIGHT = 192, CODED_BYTES = 1 << 20, DATA_BYTES = 1 << 21 };

struct stream {
    VADisplay va;
    VAProfile profile;
    bool hevc;
    VAConfigID config;
    VAContextID context;
    VABufferID coded;
    unsigned rate_control;
    unsigned bits_per_second; /* sent when it is not 0, once */
    unsigned qp;
    bool sequence_sent;
    uint8_t *data; /* the elementary stream so far */
    size_t bytes, last;
    bool plain; /* messages are given without emulation prevention */
};

static inline void stream_open(struct stream *stream, VADisplay va, VAProfile profile, unsigned rate_control,
                               unsigned rt)
{
    VAConfigAttrib attributes[] = { { VAConfigAttribRTFormat, rt }, { VAConfigAttribRateControl, rate_control } };
    bool hevc = profile == VAProfileHEVCMain || profile == VAProfileHEVCMain10 || profile == VAProfileHEVCMain422_10;
    *stream = (struct stream){ .va = va, .profile = profile, .hevc = hevc, .rate_control = rate_control, .qp = 26 };
    stream->data = calloc(1, DATA_BYTES);
    GOOD(vaCreateConfig(va, profile, VAEntrypointEncSlice, attributes, 2, &stream->config));
    GOOD(vaCreateContext(va, stream->config, WIDTH, HEIGHT, VA_PROGRESSIVE, NULL, 0, &stream->context));
    GOOD(vaCreateBuffer(va, stream->context, VAEncCodedBufferType, CODED_BYTES, 1, NULL, &stream->coded));
}

static inline void stream_close(struct stream *stream)
{
    GOOD(vaDestroyBuffer(stream->va, stream->coded));
    GOOD(vaDestroyContext(stream->va, stream->context));
    GOOD(vaDestroyConfig(stream->va, stream->config));
    free(stream->data);
}

static inline void render(struct stream *stream, VABufferType type, const void *data, size_t bytes)
{
    VABufferID id;
    GOOD(vaCreateBuffer(stream->va, stream->context, type, (unsigned)bytes, 1, (void *)(uintptr_t)data, &id));
    GOOD(vaRenderPicture(stream->va, stream->context, &id, 1));
    GOOD(vaDestroyBuffer(stream->va, id));
}

static inline void render_rate(struct stream *stream, unsigned bits_per_second)
{
    struct {
        VAEncMiscParameterType type;
        VAEncMiscParameterRateControl rate;
    } misc = {
        VAEncMiscParameterTypeRateControl,
        { .bits_per_second = bits_per_second, .target_percentage = 100, .ICQ_quality_factor = 25, .quality_factor = 25 }
    };
    struct {
        VAEncMiscParameterType type;
        VAEncMiscParameterFrameRate rate;
    } frame = { VAEncMiscParameterTypeFrameRate, { .framerate = 25 } };
    render(stream, VAEncMiscParameterBufferType, &misc, sizeof misc);
    render(stream, VAEncMiscParameterBufferType, &frame, sizeof frame);
}

static inline void render_h264(struct stream *stream, bool idr)
{
    VAEncSequenceParameterBufferH264 sequence = { .picture_width_in_mbs = WIDTH / 16,
                                                  .picture_height_in_mbs = HEIGHT / 16 };
    VAEncPictureParameterBufferH264 picture = { .coded_buf = stream->coded, .pic_init_qp = (uint8_t)stream->qp };
    VAEncSliceParameterBufferH264 slice = { .num_macroblocks = WIDTH / 16 * HEIGHT / 16, .slice_type = idr ? 2 : 0 };
    sequence.seq_fields.bits.chroma_format_idc = sequence.seq_fields.bits.frame_mbs_only_flag = 1;
    picture.pic_fields.bits.idr_pic_flag = idr;
    if (!stream->sequence_sent)
        render(stream, VAEncSequenceParameterBufferType, &sequence, sizeof sequence);
    render(stream, VAEncPictureParameterBufferType, &picture, sizeof picture);
    render(stream, VAEncSliceParameterBufferType, &slice, sizeof slice);
}

static inline void render_hevc(struct stream *stream, bool idr)
{
    VAEncSequenceParameterBufferHEVC sequence = { .pic_width_in_luma_samples = WIDTH,
                                                  .pic_height_in_luma_samples = HEIGHT };
    VAEncPictureParameterBufferHEVC picture = { .coded_buf = stream->coded, .pic_init_qp = (uint8_t)stream->qp };
    VAEncSliceParameterBufferHEVC slice = { .slice_type = idr ? 2 : 1 };
    picture.pic_fields.bits.idr_pic_flag = idr;
    picture.pic_fields.bits.coding_type = idr ? 1 : 2;
    if (!stream->sequence_sent)
        render(stream, VAEncSequenceParameterBufferType, &sequence, sizeof sequence);
    render(stream, VAEncPictureParameterBufferType, &picture, sizeof picture);
    render(stream, VAEncSliceParameterBufferType, &slice, sizeof slice);
}

/* message: a packed NAL unit, or NULL. */
static inline VAStatus submit(struct stream *stream, VASurfaceID surface, bool idr, const uint8_t *message,
                              size_t bytes)
{
    GOOD(vaBeginPicture(stream->va, stream->context, surface));
    if (stream->bits_per_second)
        render_rate(stream, stream->bits_per_second);
    stream->bits_per_second = 0;
    if (message) {
        VAEncPackedHeaderParameterBuffer head = { .type = VAEncPackedHeaderRawData,
                                                  .bit_length = (unsigned)bytes * 8,
                                                  .has_emulation_bytes = !stream->plain };
        render(stream, VAEncPackedHeaderParameterBufferType, &head, sizeof head);
        render(stream, VAEncPackedHeaderDataBufferType, message, bytes);
    }
    if (stream->hevc)
        render_hevc(stream, idr);
    else
        render_h264(stream, idr);
    stream->sequence_sent = true;
    return vaEndPicture(stream->va, stream->context);
}

static inline VAStatus encode_with(struct stream *stream, VASurfaceID surface, bool idr, const uint8_t *message,
                                   size_t bytes)
{
    VACodedBufferSegment *segment;
    VAStatus status = submit(stream, surface, idr, message, bytes);
    if (status != VA_STATUS_SUCCESS)
        return status;
    GOOD(vaSyncSurface(stream->va, surface));
    GOOD(vaSyncBuffer(stream->va, stream->coded, VA_TIMEOUT_INFINITE));
    GOOD(vaMapBuffer(stream->va, stream->coded, (void **)&segment));
    assert_null(segment->next);
    assert_true(stream->bytes + segment->size < DATA_BYTES - AV_INPUT_BUFFER_PADDING_SIZE);
    memcpy(stream->data + stream->bytes, segment->buf, segment->size);
    stream->last = segment->size;
    stream->bytes += segment->size;
    GOOD(vaUnmapBuffer(stream->va, stream->coded));
    return status;
}

static inline void encode(struct stream *stream, VASurfaceID surface, bool idr)
{
    GOOD(encode_with(stream, surface, idr, NULL, 0));
}

/* ---- looking at what came out ----------------------------------------------------------------------------------- */

static inline void check_frame(const AVFrame *frame, unsigned number, int shift)
{
    long long error = 0;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            int want = 16 + (((x + 3 * (int)number) ^ (y + (int)number)) % 128) + (x * 7 + y * 13) % 11;
            int got = shift ? ((const uint16_t *)(frame->data[0] + y * frame->linesize[0]))[x] >> shift
                            : frame->data[0][y * frame->linesize[0] + x];
            error += (got - want) * (got - want);
        }
    if (error > 60LL * WIDTH * HEIGHT)
        fail_msg("picture %u: mean square error %lld", number, error / (WIDTH * HEIGHT));
}

/* Decodes the whole stream; returns the number of pictures. Their painted numbers have to follow each other. */
static inline unsigned decode(const struct stream *stream, unsigned first, int shift, unsigned *keys)
{
    AVCodecContext *codec =
        avcodec_alloc_context3(avcodec_find_decoder(stream->hevc ? AV_CODEC_ID_HEVC : AV_CODEC_ID_H264));
    AVCodecParserContext *parser = av_parser_init(codec->codec_id);
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    const uint8_t *at = stream->data;
    int left = (int)stream->bytes;
    unsigned count = 0;
    bool end = false;
    codec->thread_count = 1;
    *keys = 0;
    assert_int_equal(avcodec_open2(codec, codec->codec, NULL), 0);
    while (!end) {
        int used =
            av_parser_parse2(parser, codec, &packet->data, &packet->size, at, left, AV_NOPTS_VALUE, AV_NOPTS_VALUE, 0);
        at += used;
        left -= used;
        end = !used && !packet->size;
        if (!packet->size && !end)
            continue;
        assert_int_equal(avcodec_send_packet(codec, end ? NULL : packet), 0);
        while (avcodec_receive_frame(codec, frame) == 0) {
            assert_int_equal(frame->width, WIDTH);
            assert_int_equal(frame->height, HEIGHT);
            check_frame(frame, first + count++, shift);
            *keys += (unsigned)frame->key_frame;
            av_frame_unref(frame);
        }
    }
    av_frame_free(&frame);
    av_packet_free(&packet);
    av_parser_close(parser);
    avcodec_free_context(&codec);
    return count;
}

static inline bool contains(const struct stream *stream, const char *text)
{
    return memmem(stream->data, stream->bytes, text, strlen(text)) != NULL;
}

/* Debian's x265 3.5 forgets some tables and names, a few kilobytes for each encoder; nothing of ours is hidden by this.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libx265.so\n";
}
