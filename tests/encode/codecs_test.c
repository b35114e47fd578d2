/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codecs_test.c - every video codec from a rung into each package that takes it, and out again by libavformat. */
#include "tests/encode/package_media.h"

#include "encode/decoder.h"
#include "encode/rung.h"
#include "encode/slate.h"
#include "tests/encode/slated_runtime.h"

enum { WIDTH = 128, HEIGHT = 72, FRAMES = 60, CUT = 25 };

static const struct timeline_rate rate = { 25, 1, 1 };

struct run {
    struct package *package;
    unsigned packets, keys, captions;
};

static void take(void *context, const AVPacket *packet)
{
    struct run *run = context;
    AVPacket *copy = av_packet_clone(packet);

    run->packets++;
    run->keys += (packet->flags & AV_PKT_FLAG_KEY) != 0;
    for (int i = 0; i + 6 < packet->size; i++) /* AV1 has the country code apart */
        run->captions += !memcmp(packet->data + i, "\x00\x31GA94", 6);
    package_video(run->package, copy);
    av_packet_free(&copy);
}

/* A rung needs its package and a package its rung: the first packets come when both are there. */
static void take_later(void *context, const AVPacket *packet)
{
    struct run *run = context;
    if (run->package)
        take(context, packet);
}

static struct package *make_package(const struct rung *rung, const struct encode_output *output, struct shelf *shelf)
{
    struct package *package;
    struct error err = { 0 };
    struct package_config config = { .output = output,
                                     .rate = &rate,
                                     .video = rung_parameters(rung),
                                     .video_bitrate = 300000,
                                     .frame_ticks_90k = 3600,
                                     .framerate_numerator = 25,
                                     .framerate_denominator = 1,
                                     .on_segment = keep,
                                     .context = shelf };
    shelf->count = 0;
    if (package_create(&package, &config, &err) < 0)
        fail_msg("%s", err.text);
    package_start(package, START, false);
    return package;
}

static void encode_slates(struct rung *rung)
{
    static const uint8_t caption[] = { 4, 15,   0xb5, 0,    0x31, 'G',  'A',  '9', '4',
                                       3, 0xc1, 0xff, 0xfc, 0x94, 0x2c, 0xff, 0x80 };
    struct picture picture = { 0 };
    mfxSession session;
    struct error err = { 0 };
    mfxVideoParam parameters = { .IOPattern = MFX_IOPATTERN_IN_SYSTEM_MEMORY | MFX_IOPATTERN_OUT_SYSTEM_MEMORY };

    parameters.vpp.In = (mfxFrameInfo){ .FourCC = MFX_FOURCC_NV12,
                                        .ChromaFormat = MFX_CHROMAFORMAT_YUV420,
                                        .PicStruct = MFX_PICSTRUCT_PROGRESSIVE,
                                        .Width = 160,
                                        .Height = 96,
                                        .CropW = 160,
                                        .CropH = 90,
                                        .FrameRateExtN = 25,
                                        .FrameRateExtD = 1 };
    parameters.vpp.Out = parameters.vpp.In;
    assert_int_equal(accelerator_session(accelerator, &session, &err), 0);
    assert_int_equal(MFXVideoVPP_Init(session, &parameters), MFX_ERR_NONE);
    assert_int_equal(MFXMemory_GetSurfaceForVPPOut(session, &picture.surface), MFX_ERR_NONE);
    assert_int_equal(slate_paint(slate, SLATE_IMAGE, picture.surface), 0);
    memcpy(picture.captions, caption, sizeof caption);
    picture.caption_bytes = sizeof caption;
    for (unsigned i = 0; i < FRAMES; i++)
        rung_encode(rung, &(struct rung_frame){ .picture = i % 10 ? NULL : &picture,
                                                .slate = SLATE_BLACK,
                                                .serial = i + 1,
                                                .tick_90k = START + i * 3600,
                                                .idr = i % CUT == 0 });
    rung_drain(rung);
    picture_release(&picture);
    MFXClose(session);
}

struct kind {
    unsigned codec, depth, package, rate_control;
    const char *name, *format;
};

static void create_rung(struct rung **rung, const struct video_description *video, struct run *run)
{
    struct error err = { 0 };
    struct rung_config config = { .description = video,
                                  .rate = &rate,
                                  .width = WIDTH,
                                  .height = HEIGHT,
                                  .gop_frames = CUT,
                                  .accelerator = accelerator,
                                  .slate = slate,
                                  .on_packet = take_later,
                                  .context = run };
    if (rung_create(rung, &config, &err) < 0)
        fail_msg("%s, %u bits: %s", video_codec_name(video->codec), video->bit_depth, err.text);
}

static void check_segments(const struct kind *kind, const struct shelf *shelf)
{
    static const unsigned expected[] = { 25, 25, 10 };

    assert_int_equal(shelf->count, 3);
    for (unsigned i = 0; i < shelf->count; i++) {
        const struct handoff_segment *segment = &shelf->segments[i];
        struct decoded decoded = decode_as(shelf, i, kind->format);
        assert_int_equal(decoded.pictures, expected[i]);
        assert_true(decoded.first_is_key);
        assert_int_equal(decoded.width, WIDTH);
        if (strncmp(segment->codecs, kind->name, strlen(kind->name)) != 0)
            fail_msg("codecs %s", segment->codecs);
    }
}

static void every_codec_fills_its_packages(void **state)
{
    (void)state;
    static const struct kind kinds[] = {
        { VIDEO_CODEC_H264, 8, PACKAGE_FMP4, RATE_CONTROL_CBR, "avc1.", "mov" },
        { VIDEO_CODEC_HEVC, 8, PACKAGE_FMP4, RATE_CONTROL_CBR, "hvc1.1.6.L", "mov" },
        { VIDEO_CODEC_HEVC, 10, PACKAGE_FMP4, RATE_CONTROL_QVBR, "hvc1.2.4.L", "mov" },
        { VIDEO_CODEC_HEVC, 8, PACKAGE_HLS_TS, RATE_CONTROL_VBR, "hvc1.1.6.L", "mpegts" },
        { VIDEO_CODEC_AV1, 8, PACKAGE_FMP4, RATE_CONTROL_CBR, "av01.0.", "mov" },
        { VIDEO_CODEC_AV1, 10, PACKAGE_FMP4, RATE_CONTROL_QVBR, "av01.0.", "mov" },
    };

    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct video_description video = { .name = "v",
                                           .codec = kinds[i].codec,
                                           .bit_depth = kinds[i].depth,
                                           .rate_control = kinds[i].rate_control,
                                           .framerate_divisor = 1,
                                           .bitrate = 300000,
                                           .quality = 6,
                                           .gop_seconds = 1,
                                           .b_frames = 2,
                                           .profile = PROFILE_HIGH,
                                           .preset = PRESET_ULTRAFAST };
        struct encode_output output = { .group = "web", .name = "v", .package = kinds[i].package, .segment_length = 1 };
        struct run run = { 0 };
        struct shelf shelf;
        struct rung *rung;

        create_rung(&rung, &video, &run);
        run.package = make_package(rung, &output, &shelf);
        encode_slates(rung);
        assert_int_equal(run.packets, FRAMES);
        assert_int_equal(run.keys, 3);
        assert_int_equal(run.captions, 6);
        assert_int_equal(rung_counters(rung).errors, 0);
        assert_string_equal(rung_changes(rung), "");
        package_finish(run.package);
        check_segments(&kinds[i], &shelf);
        package_destroy(run.package);
        rung_destroy(rung);
        clear(&shelf);
    }
}

/* AV1's header is had by coding a picture, into the room that its bitrate asks for. */
static void high_bitrates_begin_too(void **state)
{
    (void)state;
    static const unsigned codecs[] = { VIDEO_CODEC_H264, VIDEO_CODEC_HEVC, VIDEO_CODEC_AV1 };

    for (unsigned i = 0; i < sizeof codecs / sizeof codecs[0]; i++) {
        struct video_description video = { .name = "v",
                                           .codec = codecs[i],
                                           .bit_depth = 8,
                                           .rate_control = RATE_CONTROL_CBR,
                                           .framerate_divisor = 1,
                                           .bitrate = 40000000,
                                           .profile = PROFILE_HIGH,
                                           .preset = PRESET_ULTRAFAST };
        struct run run = { 0 };
        struct rung *rung;

        create_rung(&rung, &video, &run);
        assert_true(rung_parameters(rung)->extradata_size > 0);
        rung_destroy(rung);
    }
}

static int setup(void **state)
{
    (void)state;
    return slated_runtime_open("1e90ff");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_codec_fills_its_packages),
                                        cmocka_unit_test(high_bitrates_begin_too) };
    return cmocka_run_group_tests(tests, setup, slated_runtime_close);
}
