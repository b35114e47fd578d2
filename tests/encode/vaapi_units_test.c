/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vaapi_units_test.c - pictures of libavcodec's own libx264 stand for a driver's: a delimiter and captions are put in,
 * the SPS gets size and colours, and what is no picture is refused. */
#include "tests/encode/vaapi.h"

#include "board/error.h"
#include "encode/annex_b.h"
#include "encode/vaapi_units.h"

/* An IDR picture of 64x48 with its parameter sets, without a delimiter. */
static AVPacket *coded_picture(void)
{
    AVCodecContext *codec = avcodec_alloc_context3(avcodec_find_encoder_by_name("libx264"));
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();

    codec->width = frame->width = 64;
    codec->height = frame->height = 48;
    codec->pix_fmt = AV_PIX_FMT_YUV420P;
    frame->format = AV_PIX_FMT_YUV420P;
    codec->time_base = (AVRational){ 1, 25 };
    codec->thread_count = 1;
    codec->bit_rate = 100000;
    assert_int_equal(avcodec_open2(codec, NULL, NULL), 0);
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    for (int i = 0; i < 3; i++)
        memset(frame->data[i], 100 + i * 20, (size_t)(frame->linesize[i] * (i ? 24 : 48)));
    frame->pts = 0;
    assert_int_equal(avcodec_send_frame(codec, frame), 0);
    assert_int_equal(avcodec_send_frame(codec, NULL), 0);
    assert_int_equal(avcodec_receive_packet(codec, packet), 0);
    av_frame_free(&frame);
    avcodec_free_context(&codec);
    return packet;
}

static unsigned types(const AVPacket *packet, unsigned *list, unsigned room)
{
    const uint8_t *at = packet->data;
    struct nal nal;
    unsigned count = 0;

    while (count < room && annex_b_next(&at, packet->data + packet->size, &nal))
        list[count++] = nal.type;
    return count;
}

static void a_picture_is_made_whole(void **state)
{
    (void)state;
    static const uint8_t caption[] = { 4, 6, 0xb5, 0, 0, 1, 0, 0 };
    const mfxExtVideoSignalInfo colour = {
        .ColourDescriptionPresent = 1, .ColourPrimaries = 9, .TransferCharacteristics = 16, .MatrixCoefficients = 9
    };
    struct vaapi_units_config config = {
        .name = "v", .codec = AV_CODEC_ID_H264, .width = 62, .height = 46, .colour = &colour
    };
    AVPacket *packet = coded_picture();
    AVCodecParameters *parameters = avcodec_parameters_alloc();
    struct stream stream = { 0 };
    struct vaapi_units *units;
    struct error err = { 0 };
    unsigned found[16];
    if (vaapi_units_create(&units, &config, packet->data, (size_t)packet->size, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(vaapi_units_describe(units, parameters), 0);
    assert_int_equal(parameters->extradata[4] & 0x1f, NAL_TYPE_SPS);
    assert_int_equal(parameters->profile, 100);
    packet->pts = 4711;
    assert_int_equal(vaapi_units_finish(units, packet, caption, sizeof caption), 0);
    assert_int_equal(packet->pts, 4711);
    unsigned count = types(packet, found, 16);
    assert_true(count >= 5);
    assert_int_equal(found[0], NAL_TYPE_AUD);
    assert_int_equal(found[count - 2], NAL_TYPE_SEI);
    assert_int_equal(found[count - 1], NAL_TYPE_IDR);
    stream_take(&stream, packet);
    struct seen seen = decode_stream(&stream, AV_CODEC_ID_H264);
    assert_int_equal(seen.pictures, 1);
    assert_int_equal(seen.width, 62);
    assert_int_equal(seen.height, 46);
    assert_int_equal(seen.primaries, 9);
    free(stream.data);
    vaapi_units_destroy(units);
    avcodec_parameters_free(&parameters);
    av_packet_free(&packet);
}

static void a_message_is_escaped(void **state)
{
    (void)state;
    static const uint8_t message[] = { 4, 4, 0, 0, 0, 2 }, h264[] = { 0, 0, 0, 1, 6, 4, 4, 0, 0, 3, 0, 2, 0x80 },
                         hevc[] = { 0, 0, 0, 1, 78, 1, 4, 4, 0, 0, 3, 0, 2, 0x80 };
    uint8_t unit[32];
    assert_int_equal(vaapi_units_sei(AV_CODEC_ID_H264, message, sizeof message, unit, sizeof unit), sizeof h264);
    assert_memory_equal(unit, h264, sizeof h264);
    assert_int_equal(vaapi_units_sei(AV_CODEC_ID_HEVC, message, sizeof message, unit, sizeof unit), sizeof hevc);
    assert_memory_equal(unit, hevc, sizeof hevc);
    assert_int_equal(vaapi_units_sei(AV_CODEC_ID_HEVC, message, sizeof message, unit, 12), 0);
}

static void what_is_no_picture_is_refused(void **state)
{
    (void)state;
    struct vaapi_units_config config = { .name = "v", .codec = AV_CODEC_ID_H264, .width = 128, .height = 48 };
    AVPacket *packet = coded_picture();
    struct vaapi_units *units = NULL;
    struct error err = { 0 };
    assert_int_equal(vaapi_units_create(&units, &config, packet->data, 20, &err), -EINVAL);
    assert_int_equal(vaapi_units_create(&units, &config, packet->data, (size_t)packet->size, &err), -EINVAL);
    assert_non_null(strstr(err.text, "64x48, not 128x48"));
    av_packet_free(&packet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_is_made_whole),
        cmocka_unit_test(a_message_is_escaped),
        cmocka_unit_test(what_is_no_picture_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
