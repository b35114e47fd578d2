/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rung_test.c - one rung on the software runtime: rate control and profile reach the encoder, captions the bitstream,
 * forced IDR pictures their places, and what cannot be encoded is refused with its name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <libavcodec/avcodec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "encode/av1_units.h"
#include "encode/decoder.h"
#include "encode/device_watch.h"
#include "encode/job.h"
#include "encode/light_metadata.h"
#include "encode/rung.h"
#include "encode/timeline.h"
#include "tests/encode/slated_runtime.h"

static const struct timeline_rate rate = { 25, 1, 1 };
static unsigned packets, keys, captions;
static int64_t last_dts, bytes;

static void take(void *context, const AVPacket *packet)
{
    (void)context;
    packets++;
    bytes += packet->size;
    keys += (packet->flags & AV_PKT_FLAG_KEY) != 0;
    assert_true(packet->dts > last_dts);
    last_dts = packet->dts;
    for (int i = 0; i + 8 < packet->size; i++)
        captions += !memcmp(packet->data + i, "\xb5\x00\x31GA94", 7);
}

static struct video_description describe(void)
{
    struct video_description video = { .name = "v",
                                       .framerate_divisor = 1,
                                       .bitrate = 300000,
                                       .gop_seconds = 1,
                                       .b_frames = 2,
                                       .profile = PROFILE_HIGH,
                                       .preset = PRESET_VERYFAST };
    packets = keys = captions = 0;
    bytes = 0;
    last_dts = INT64_MIN;
    return video;
}

static int create(struct rung **rung, const struct video_description *video, unsigned width, unsigned height,
                  struct error *err)
{
    struct rung_config config = { .description = video,
                                  .rate = &rate,
                                  .width = width,
                                  .height = height,
                                  .gop_frames = 25,
                                  .accelerator = accelerator,
                                  .slate = slate,
                                  .on_packet = take };
    return rung_create(rung, &config, err);
}

/* A picture that belongs to the rung's own encoder pool would do; this one comes from a session of its own. */
static void make_picture(mfxSession session, struct picture *picture, unsigned shade)
{
    memset(picture, 0, sizeof *picture);
    assert_int_equal(MFXMemory_GetSurfaceForVPPOut(session, &picture->surface), MFX_ERR_NONE);
    mfxFrameSurface1 *surface = picture->surface;
    surface->FrameInterface->Map(surface, MFX_MAP_WRITE);
    for (unsigned y = 0; y < surface->Info.Height; y++)
        for (unsigned x = 0; x < surface->Info.Width; x++)
            surface->Data.Y[y * surface->Data.Pitch + x] = (uint8_t)(16 + (x * 3 + y * shade) % 200);
    for (unsigned y = 0; y < surface->Info.Height / 2u; y++)
        memset(surface->Data.UV + y * surface->Data.Pitch, 100 + (int)shade % 50, surface->Info.Width);
    surface->FrameInterface->Unmap(surface);
}

static mfxSession picture_source(unsigned width, unsigned height)
{
    struct error err = { 0 };
    mfxSession session;
    mfxVideoParam parameters = { .IOPattern = MFX_IOPATTERN_IN_SYSTEM_MEMORY | MFX_IOPATTERN_OUT_SYSTEM_MEMORY };
    mfxFrameInfo info = { .FourCC = MFX_FOURCC_NV12,
                          .ChromaFormat = MFX_CHROMAFORMAT_YUV420,
                          .PicStruct = MFX_PICSTRUCT_PROGRESSIVE,
                          .Width = (mfxU16)((width + 15) & ~15u),
                          .Height = (mfxU16)((height + 15) & ~15u),
                          .CropW = (mfxU16)width,
                          .CropH = (mfxU16)height,
                          .FrameRateExtN = 25,
                          .FrameRateExtD = 1 };
    parameters.vpp.In = parameters.vpp.Out = info;
    assert_int_equal(accelerator_session(accelerator, &session, &err), 0);
    assert_true(MFXVideoVPP_Init(session, &parameters) >= MFX_ERR_NONE);
    return session;
}

static void run(struct rung *rung, mfxSession source, unsigned frames)
{
    static const uint8_t caption[] = { 4, 15,   0xb5, 0,    0x31, 'G',  'A',  '9', '4',
                                       3, 0xc1, 0xff, 0xfc, 0x94, 0x2c, 0xff, 0x80 };
    for (unsigned i = 0; i < frames; i++) {
        struct picture picture;
        make_picture(source, &picture, i);
        if (i % 10 == 0) {
            memcpy(picture.captions, caption, sizeof caption);
            picture.caption_bytes = sizeof caption;
        }
        rung_encode(rung, &(struct rung_frame){ .picture = &picture,
                                                .serial = i + 1,
                                                .left_out = i % 20 == 10,
                                                .tick_90k = INT64_C(161572500000000) + i * 3600,
                                                .idr = i % 25 == 0 });
        picture_release(&picture);
    }
    rung_drain(rung);
}

static void pictures_captions_and_idrs_come_through(void **state)
{
    (void)state;
    struct video_description video = describe();
    struct error err = { 0 };
    struct rung *rung;
    mfxSession source = picture_source(320, 180);
    assert_int_equal(create(&rung, &video, 160, 90, &err), 0);
    run(rung, source, 60);
    assert_int_equal(packets, 60);
    assert_int_equal(keys, 3);
    assert_int_equal(captions, 6);
    assert_int_equal(rung_counters(rung).scaled, 57); /* of those left out only the captions are taken */
    assert_int_equal(rung_counters(rung).errors, 0);
    assert_int_equal(rung_parameters(rung)->profile, 100);
    rung_destroy(rung);
    MFXClose(source);
}

static void the_own_size_is_not_scaled_and_rates_are_kept(void **state)
{
    (void)state;
    struct video_description video = describe();
    struct error err = { 0 };
    struct rung *rung;
    mfxSession source = picture_source(320, 180);
    video.rate_control = RATE_CONTROL_VBR;
    video.max_bitrate = 400000;
    video.profile = PROFILE_BASELINE;
    assert_int_equal(create(&rung, &video, 320, 180, &err), 0);
    run(rung, source, 50);
    assert_int_equal(rung_counters(rung).scaled, 0);
    assert_int_equal(rung_parameters(rung)->profile, 66);
    assert_string_equal(rung_changes(rung), "");
    assert_in_range(bytes, 20000, 110000); /* 2 s */
    rung_destroy(rung);
    MFXClose(source);
}

static void assert_comes_up(const struct video_description *video)
{
    struct error err = { 0 };
    struct rung *rung;
    if (create(&rung, video, 128, 72, &err) < 0)
        fail_msg("%s, %u B pictures: %s", video_codec_name(video->codec), video->b_frames, err.text);
    rung_destroy(rung);
}

/* What the check of a job lets pass: rates far apart from one another, and more B pictures than a preset looks at. */
static void whatever_is_not_refused_before_comes_up(void **state)
{
    (void)state;
    for (unsigned codec = VIDEO_CODEC_H264; codec <= VIDEO_CODEC_AV1; codec++) {
        struct video_description video = describe();
        video.codec = codec;
        video.bitrate = 1000;
        video.buffer_size = 800000000;
        assert_comes_up(&video);
        video.buffer_size = 0;
        video.rate_control = RATE_CONTROL_VBR;
        video.max_bitrate = 200000000;
        assert_comes_up(&video);
    }
    for (unsigned b_frames = 0; b_frames <= 7; b_frames++) {
        struct video_description video = describe();
        video.codec = VIDEO_CODEC_HEVC;
        video.preset = PRESET_ULTRAFAST;
        video.b_frames = b_frames;
        assert_comes_up(&video);
    }
}

static void what_cannot_be_encoded_is_refused_by_name(void **state)
{
    (void)state;
    struct video_description video = describe();
    struct error err = { 0 };
    struct rung *rung = NULL;
    strcpy(video.name, "odd");
    assert_true(create(&rung, &video, 161, 91, &err) < 0);
    assert_non_null(strstr(err.text, "video \"odd\": the encoder refuses 161x91"));
}

static uint8_t first_picture[1 << 18];
static int first_bytes;

static void take_jpeg(void *context, const AVPacket *packet)
{
    take(context, packet);
    assert_int_equal(packet->pts, packet->dts);
    assert_true(packet->size < (int)sizeof first_picture);
    if (packets == 1) {
        first_bytes = packet->size;
        memcpy(first_picture, packet->data, (size_t)packet->size);
    }
}

static void single_pictures_are_jpeg(void **state)
{
    (void)state;
    struct video_description video = describe();
    struct error err = { 0 };
    struct rung *rung;
    mfxSession source = picture_source(320, 180);
    video.codec = VIDEO_CODEC_JPEG;
    video.jpeg_quality = 60;
    struct rung_config config = { .description = &video,
                                  .rate = &rate,
                                  .width = 162, /* no multiple of 16 */
                                  .height = 90,
                                  .accelerator = accelerator,
                                  .slate = slate,
                                  .on_packet = take_jpeg };
    assert_int_equal(rung_create(&rung, &config, &err), 0);
    assert_int_equal(rung_parameters(rung)->codec_id, AV_CODEC_ID_MJPEG);
    run(rung, source, 20);
    assert_int_equal(packets, 20);
    assert_int_equal(keys, 20);
    assert_int_equal(rung_counters(rung).errors, 0);
    AVCodecContext *decoder = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_MJPEG));
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    decoder->thread_count = 1;
    assert_int_equal(avcodec_open2(decoder, NULL, NULL), 0);
    assert_int_equal(av_new_packet(packet, first_bytes), 0);
    memcpy(packet->data, first_picture, (size_t)first_bytes);
    assert_int_equal(avcodec_send_packet(decoder, packet), 0);
    assert_int_equal(avcodec_receive_frame(decoder, frame), 0);
    assert_int_equal(frame->width, 162);
    assert_int_equal(frame->height, 90);
    assert_int_equal(frame->format, AV_PIX_FMT_YUVJ420P);
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&decoder);
    rung_destroy(rung);
    MFXClose(source);
}

/* The source's description of its colours stands in the parameter sets. */
static void colours_are_passed_on(void **state)
{
    (void)state;
    struct error err = { 0 };
    struct video_description video = describe();
    struct rung *rung = NULL;
    const mfxExtVideoSignalInfo colour = { .Header = { MFX_EXTBUFF_VIDEO_SIGNAL_INFO, sizeof colour },
                                           .VideoFormat = 5,
                                           .ColourDescriptionPresent = 1,
                                           .ColourPrimaries = 9,
                                           .TransferCharacteristics = 14,
                                           .MatrixCoefficients = 9 };
    struct rung_config config = { .description = &video,
                                  .rate = &rate,
                                  .width = 320,
                                  .height = 180,
                                  .gop_frames = 25,
                                  .colour = &colour,
                                  .accelerator = accelerator,
                                  .slate = slate,
                                  .on_packet = take };
    assert_int_equal(rung_create(&rung, &config, &err), 0);
    assert_string_equal(rung_changes(rung), "");
    const AVCodecParameters *parameters = rung_parameters(rung);
    assert_int_equal(parameters->color_primaries, 9);
    assert_int_equal(parameters->color_trc, 14);
    assert_int_equal(parameters->color_space, 9);
    assert_int_equal(parameters->color_range, AVCOL_RANGE_MPEG);
    AVPacket headers = { .data = parameters->extradata, .size = parameters->extradata_size, .pts = 0 };
    struct video_decoder *decoder = NULL;
    struct decoder_config decoding = { .accelerator = accelerator, .codec = AV_CODEC_ID_H264 };
    assert_int_equal(decoder_create(&decoder, &decoding, &err), 0);
    assert_null(decoder_colour(decoder));
    decoder_push(decoder, &headers, 0, false);
    const mfxExtVideoSignalInfo *found = decoder_colour(decoder);
    assert_non_null(found);
    assert_int_equal(found->ColourDescriptionPresent, 1);
    assert_int_equal(found->ColourPrimaries, 9);
    assert_int_equal(found->TransferCharacteristics, 14);
    assert_int_equal(found->MatrixCoefficients, 9);
    assert_int_equal(found->VideoFullRange, 0);
    decoder_destroy(decoder);
    rung_destroy(rung);
}

/* A source of HDR: eight bits become SDR, and say so; where that is not wanted, or cannot be, a person is told, once
 * for each video, or the video is refused. */
static const mfxExtVideoSignalInfo *described(mfxExtVideoSignalInfo *colour, unsigned transfer)
{
    bool sdr = transfer == 1;
    *colour = (mfxExtVideoSignalInfo){ .Header = { MFX_EXTBUFF_VIDEO_SIGNAL_INFO, sizeof *colour },
                                       .VideoFormat = 5,
                                       .ColourDescriptionPresent = 1,
                                       .ColourPrimaries = sdr ? 1 : 9,
                                       .TransferCharacteristics = (mfxU16)transfer,
                                       .MatrixCoefficients = sdr ? 1 : 9 };
    return colour;
}

static void colours_are_what_the_video_asks_for(void **state)
{
    (void)state;
    static const struct {
        unsigned depth, color_space, source, transfer; /* of the source and of what comes out */
        const char *personality, *told;
    } cases[] = { { 8, COLOR_SPACE_AUTO, 16, 1, NULL, NULL },
                  { 8, COLOR_SPACE_AUTO, 18, 1, NULL, NULL },
                  { 8, COLOR_SPACE_AUTO, 14, 14, NULL, NULL },
                  { 10, COLOR_SPACE_AUTO, 16, 16, NULL, NULL },
                  { 8, COLOR_SPACE_PASSTHROUGH, 16, 16, NULL, "the source is HDR (PQ), which is not converted: in 8" },
                  { 8, COLOR_SPACE_AUTO, 18, 18, "vdenc", "HDR (HLG), which is not converted (this accelerator" },
                  { 10, COLOR_SPACE_REC_709, 18, 1, NULL, NULL },
                  { 10, COLOR_SPACE_REC_709, 18, 18, "vdenc", "color_space = \"rec_709\": the source is HDR (HLG)" },
                  { 10, COLOR_SPACE_HDR10, 1, 16, NULL, NULL },
                  { 10, COLOR_SPACE_HLG_2020, 16, 18, NULL, NULL } };

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = { 0 };
        struct video_description video = describe();
        struct rung *rung = NULL;
        struct log log;
        char text[1024] = "";
        int ends[2];
        mfxExtVideoSignalInfo colour;
        assert_int_equal(pipe(ends), 0);
        log_open(&log, &(struct log_config){ .name = "test", .level = LOG_LEVEL_WARNING, .file_descriptor = ends[1] });
        struct rung_config config = { .description = &video,
                                      .rate = &rate,
                                      .width = 160,
                                      .height = 90,
                                      .gop_frames = 25,
                                      .colour = described(&colour, cases[i].source),
                                      .accelerator = accelerator,
                                      .slate = slate,
                                      .on_packet = take,
                                      .log = &log };
        video.codec = cases[i].depth > 8 ? VIDEO_CODEC_HEVC : VIDEO_CODEC_H264;
        video.bit_depth = cases[i].depth;
        video.color_space = cases[i].color_space;
        video.preset = PRESET_ULTRAFAST;
        if (cases[i].personality)
            setenv("BIPLANE_SOFTVPL_PERSONALITY", cases[i].personality, 1);
        int status = rung_create(&rung, &config, &err);
        unsetenv("BIPLANE_SOFTVPL_PERSONALITY");
        assert_int_equal(status, 0);
        assert_int_equal(rung_parameters(rung)->color_trc, cases[i].transfer);
        rung_destroy(rung);
        close(ends[1]);
        assert_true(read(ends[0], text, sizeof text - 1) >= 0);
        close(ends[0]);
        if (cases[i].told)
            assert_non_null(strstr(text, cases[i].told));
        else
            assert_string_equal(text, "");
    }
}

static AVPacket *first_packet;

static void drop_picture(void *context, struct picture *picture)
{
    (void)context;
    picture_release(picture);
}

static void take_first(void *context, const AVPacket *packet)
{
    (void)context;
    if (!first_packet)
        first_packet = av_packet_clone(packet);
}

static void expect_light(const struct light_metadata *found, const struct light_metadata *wanted)
{
    uint8_t a[LIGHT_METADATA_SEI_BYTES], b[LIGHT_METADATA_SEI_BYTES];

    assert_non_null(found);
    assert_int_equal(light_metadata_sei(found, a), sizeof a);
    assert_int_equal(light_metadata_sei(wanted, b), sizeof b);
    assert_memory_equal(a, b, sizeof a);
}

/* HDR10's static metadata stand in front of the key pictures: as SEI messages, or in metadata OBUs. */
static void light_is_passed_on(unsigned codec)
{
    struct error err = { 0 };
    struct video_description video = describe();
    struct rung *rung = NULL;
    const struct light_metadata light = { .has_mastering = true,
                                          .has_levels = true,
                                          .primaries_x = { 13250, 7500, 34000 },
                                          .primaries_y = { 34500, 3000, 16000 },
                                          .white_x = 15635,
                                          .white_y = 16450,
                                          .luminance_maximum = 10000000,
                                          .luminance_minimum = 50,
                                          .content_maximum = 1000,
                                          .average_maximum = 400 };
    struct rung_config config = { .description = &video,
                                  .rate = &rate,
                                  .width = 160,
                                  .height = 90,
                                  .gop_frames = 25,
                                  .light = &light,
                                  .accelerator = accelerator,
                                  .slate = slate,
                                  .on_packet = take_first };
    video.codec = codec;
    video.bit_depth = 10;
    video.preset = PRESET_ULTRAFAST;
    assert_int_equal(rung_create(&rung, &config, &err), 0);
    assert_string_equal(rung_changes(rung), "");
    expect_light(rung_light(rung), &light);
    for (unsigned i = 0; i < 3; i++)
        rung_encode(rung, &(struct rung_frame){ .tick_90k = i * 3600, .idr = i == 0 });
    rung_drain(rung);
    assert_non_null(first_packet);
    if (codec == VIDEO_CODEC_HEVC) {
        struct video_decoder *decoder = NULL;
        struct decoder_config decoding = { .accelerator = accelerator,
                                           .codec = AV_CODEC_ID_HEVC,
                                           .on_picture = drop_picture };
        assert_int_equal(decoder_create(&decoder, &decoding, &err), 0);
        assert_null(decoder_light(decoder));
        decoder_push(decoder, first_packet, 0, false);
        expect_light(decoder_light(decoder), &light);
        decoder_destroy(decoder);
    } else {
        const uint8_t *at = first_packet->data, *end = at + first_packet->size;
        struct av1_unit unit;
        unsigned metadata = 0;
        while (av1_units_next(&at, end, &unit))
            metadata += unit.type == 5; /* OBU_METADATA */
        assert_int_equal(metadata, 2);
    }
    av_packet_free(&first_packet);
    rung_destroy(rung);
}

static void light_is_passed_on_in_hevc(void **state)
{
    (void)state;
    light_is_passed_on(VIDEO_CODEC_HEVC);
}

static void light_is_passed_on_in_av1(void **state)
{
    (void)state;
    light_is_passed_on(VIDEO_CODEC_AV1);
}

/* A rung on a device that hangs, or is lost, after some frames: it says so soon, and does not wait at its end. */
static void a_device_goes(const char *fault, const char *reason, unsigned limit_ms)
{
    struct video_description video = describe();
    struct clock clock = clock_real();
    struct device_watch watch;
    struct error err = { 0 };
    struct rung *rung;
    char path[64];

    snprintf(path, sizeof path, "/tmp/biplane-rung-fault-%d", (int)getpid());
    setenv("BIPLANE_SOFTVPL_FAULT", path, 1);
    device_watch_init(&watch, &clock, true);
    watch.limit_ms = limit_ms;
    mfxSession source = picture_source(160, 90);
    struct rung_config config = { .description = &video,
                                  .rate = &rate,
                                  .width = 160,
                                  .height = 90,
                                  .gop_frames = 25,
                                  .accelerator = accelerator,
                                  .watch = &watch,
                                  .slate = slate,
                                  .on_packet = take };
    assert_int_equal(rung_create(&rung, &config, &err), 0);
    unsetenv("BIPLANE_SOFTVPL_FAULT");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(fault, file);
    fclose(file);
    run(rung, source, 60);
    unlink(path);
    assert_in_range(packets, 1, 25);
    assert_non_null(device_watch_lost(&watch));
    assert_non_null(strstr(device_watch_lost(&watch), reason));
    rung_destroy(rung);
    MFXClose(source);
}

static void a_lost_device_is_noticed(void **state)
{
    (void)state;
    a_device_goes("hang after=20 component=encode\n", "video \"v\": nothing has come out for", 300);
    a_device_goes("lost after=20 component=encode\n", "video \"v\": MFX_ERR_DEVICE_LOST", 20000);
    a_device_goes("failed after=20 component=encode\n", "video \"v\": MFX_ERR_DEVICE_FAILED", 20000);
}

static int setup(void **state)
{
    (void)state;
    return slated_runtime_open("");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(colours_are_passed_on),
        cmocka_unit_test(colours_are_what_the_video_asks_for),
        cmocka_unit_test(light_is_passed_on_in_hevc),
        cmocka_unit_test(light_is_passed_on_in_av1),
        cmocka_unit_test(pictures_captions_and_idrs_come_through),
        cmocka_unit_test(the_own_size_is_not_scaled_and_rates_are_kept),
        cmocka_unit_test(whatever_is_not_refused_before_comes_up),
        cmocka_unit_test(what_cannot_be_encoded_is_refused_by_name),
        cmocka_unit_test(single_pictures_are_jpeg),
        cmocka_unit_test(a_lost_device_is_noticed),
    };
    return cmocka_run_group_tests(tests, setup, slated_runtime_close);
}
