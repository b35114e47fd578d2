/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encoder_vaapi_test.c - rungs of the kind "vaapi" on the software driver: scaled pictures of each codec decode to the
 * wanted size, with IDR pictures and captions in their places and the source's colours; what a driver does not offer is
 * refused with the reason. */
#include "encode/light_metadata.h"
#include "tests/encode/vaapi.h"

#include "board/clock.h"
#include "encode/device_watch.h"

static struct accelerator *accelerator;
static struct va_display *display;
static struct slate *slate;
static bool in_video_memory;
static const struct timeline_rate rate = { 25, 1, 1 };

static struct video_description describe(unsigned codec, unsigned depth)
{
    return (struct video_description){ .name = "v",
                                       .codec = codec,
                                       .bit_depth = depth,
                                       .framerate_divisor = 1,
                                       .bitrate = 300000,
                                       .quality = 7,
                                       .gop_seconds = 1,
                                       .profile = PROFILE_HIGH,
                                       .preset = PRESET_ULTRAFAST };
}

static struct rung_config configure(const struct video_description *video, unsigned width, unsigned height,
                                    struct stream *stream)
{
    return (struct rung_config){ .kind = &encoder_vaapi,
                                 .description = video,
                                 .rate = &rate,
                                 .width = width,
                                 .height = height,
                                 .gop_frames = 25,
                                 .accelerator = accelerator,
                                 .va_display = va_display_handle(display),
                                 .slate = slate,
                                 .on_packet = stream_take,
                                 .context = stream };
}

/* Pictures as the software runtime decodes them: without a display in system memory, with one in its surfaces. */
static mfxSession picture_source(unsigned width, unsigned height, uint32_t fourcc)
{
    struct error err = { 0 };
    mfxSession session;
    bool ten = fourcc == MFX_FOURCC_P010;
    mfxVideoParam parameters = { .IOPattern = (mfxU16)(accelerator_input_pattern(accelerator) |
                                                       accelerator_output_pattern(accelerator)) };
    mfxFrameInfo info = { .FourCC = fourcc,
                          .ChromaFormat = MFX_CHROMAFORMAT_YUV420,
                          .BitDepthLuma = ten ? 10 : 8,
                          .BitDepthChroma = ten ? 10 : 8,
                          .Shift = ten,
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

static void encode_pictures(struct rung *rung, mfxSession source, unsigned frames)
{
    static const uint8_t caption[] = { 4, 15,   0xb5, 0,    0x31, 'G',  'A',  '9', '4',
                                       3, 0xc1, 0xff, 0xfc, 0x94, 0x2c, 0xff, 0x80 };
    for (unsigned i = 0; i < frames; i++) {
        struct picture picture = { .caption_bytes = i % 10 == 0 ? sizeof caption : 0 };
        assert_int_equal(MFXMemory_GetSurfaceForVPPOut(source, &picture.surface), MFX_ERR_NONE);
        assert_int_equal(slate_paint(slate, SLATE_IMAGE, picture.surface), 0);
        memcpy(picture.captions, caption, sizeof caption);
        for (unsigned again = 0; again < 2; again++) /* each is shown twice */
            rung_encode(rung, &(struct rung_frame){ .picture = &picture,
                                                    .serial = i + 1,
                                                    .tick_90k = INT64_C(161572500000000) + (i * 2 + again) * 3600,
                                                    .idr = (i * 2 + again) % 25 == 0 });
        picture_release(&picture);
    }
    rung_drain(rung);
}

static const struct kind {
    unsigned codec, depth, rate_control;
    uint32_t fourcc;
    enum AVCodecID id;
    int format;
} kinds[] = {
    { VIDEO_CODEC_H264, 8, RATE_CONTROL_CBR, MFX_FOURCC_NV12, AV_CODEC_ID_H264, AV_PIX_FMT_YUV420P },
    { VIDEO_CODEC_HEVC, 8, RATE_CONTROL_VBR, MFX_FOURCC_NV12, AV_CODEC_ID_HEVC, AV_PIX_FMT_YUV420P },
    { VIDEO_CODEC_HEVC, 10, RATE_CONTROL_QVBR, MFX_FOURCC_P010, AV_CODEC_ID_HEVC, AV_PIX_FMT_YUV420P10LE },
};

static void run(const struct kind *kind, unsigned width, unsigned height, unsigned scaled)
{
    struct video_description video = describe(kind->codec, kind->depth);
    const mfxExtVideoSignalInfo colour = {
        .ColourDescriptionPresent = 1, .ColourPrimaries = 9, .TransferCharacteristics = 14, .MatrixCoefficients = 9
    };
    const struct light_metadata light = { .has_levels = true, .content_maximum = 1000, .average_maximum = 400 };
    struct stream stream = { 0 };
    struct rung_config config = configure(&video, width, height, &stream);
    struct error err = { 0 };
    struct rung *rung;
    mfxSession source = picture_source(160, 90, kind->fourcc);

    video.rate_control = kind->rate_control;
    config.colour = &colour;
    config.light = &light;
    if (rung_create(&rung, &config, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(rung_kind(rung), "vaapi");
    assert_string_equal(rung_changes(rung), "");
    const AVCodecParameters *parameters = rung_parameters(rung);
    assert_int_equal(parameters->codec_id, kind->id);
    assert_true(parameters->extradata_size > 20);
    assert_int_equal(parameters->color_trc, 14);
    encode_pictures(rung, source, 30);
    assert_int_equal(stream.packets, 60);
    assert_int_equal(stream.keys, 3);
    assert_int_equal(stream.captions, 3);
    assert_int_equal(stream.lights, kind->id == AV_CODEC_ID_HEVC ? 3 : 0);
    assert_int_equal(stream.last_pts - stream.first_pts, 59 * 3600);
    struct rung_counters counters = rung_counters(rung);
    assert_int_equal(counters.errors, 0);
    assert_int_equal(counters.scaled, scaled);
    assert_int_equal(counters.reused, 30);
    assert_int_equal(counters.copied_bytes, in_video_memory ? 0 : 30 * 160 * 90 * 3 / 2 * (kind->depth > 8 ? 2 : 1));
    struct seen seen = decode_stream(&stream, kind->id);
    assert_int_equal(seen.pictures, 60);
    assert_int_equal(seen.keys, 3);
    assert_int_equal(seen.width, width);
    assert_int_equal(seen.height, height);
    assert_int_equal(seen.format, kind->format);
    assert_int_equal(seen.primaries, 9);
    assert_in_range(seen.luma, 120, 128); /* 1e90ff */
    rung_destroy(rung);
    MFXClose(source);
    free(stream.data);
}

static void scaled_pictures_of_each_codec_decode(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        run(&kinds[i], 122, 70, 30);
}

/* Ribbons of lamps are so long: their level goes by the longer side. */
static void strips_are_encoded(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++)
        run(&kinds[i], 2560, 64, 30);
}

static void the_own_size_is_not_scaled(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        run(&kinds[i], 160, 90, 0);
}

/* The runtime's pictures lie in surfaces of the display from now on: the last of these tests. */
static void pictures_of_the_same_display_are_read_where_they_lie(void **state)
{
    (void)state;
    accelerator_use_display(accelerator, va_display_handle(display));
    forget_copied_bytes(va_display_handle(display));
    in_video_memory = true;
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        run(&kinds[i], 122, 70, 30);
        run(&kinds[i], 160, 90, 0);
    }
    assert_int_equal(copied_bytes(va_display_handle(display)), 0);
}

static uint64_t no_processor_time(void)
{
    return 0;
}

/* A slice passes each time that somebody looks. */
static uint64_t hurrying_ns(const struct clock *clock)
{
    struct fake_clock *fake = (struct fake_clock *)(uintptr_t)clock;

    return fake->monotonic_ns += DEVICE_WATCH_SLICE_MS * NS_PER_MS;
}

/* As Mesa's before 23: the same pictures come out, in full, though each is shown twice. */
static void drivers_that_only_wait_for_surfaces_are_waited_for_so(void **state)
{
    (void)state;
    set_waits(va_display_handle(display), SOFTVA_WAITS_SURFACE);
    run(&kinds[0], 122, 70, 30);
    run(&kinds[0], 160, 90, 0);
    set_waits(va_display_handle(display), SOFTVA_WAITS_NONE);
}

/* A device that hangs when the encoder is made: a reason after a while, and a loss where somebody watches. */
static void a_device_that_hangs_gives_no_encoder(void **state)
{
    (void)state;
    struct video_description video = describe(VIDEO_CODEC_H264, 8);
    struct stream stream = { 0 };
    struct rung_config config = configure(&video, 96, 64, &stream);
    struct fake_clock fake = fake_clock_at(1700000000 * NS_PER_S);
    struct device_watch watch;
    struct error err = { 0 };
    struct rung *rung = NULL;

    set_waits(config.va_display, SOFTVA_WAITS_NEVER);
    assert_true(rung_create(&rung, &config, &err) < 0);
    assert_non_null(strstr(err.text, "video \"v\": a first picture: "));
    device_watch_init(&watch, &fake.clock, false);
    watch.processor_ns = no_processor_time;
    config.watch = &watch;
    fake.clock.monotonic_ns = hurrying_ns;
    assert_true(rung_create(&rung, &config, &err) < 0);
    assert_non_null(strstr(device_watch_lost(&watch), "video \"v\": nothing has come out"));
    set_waits(config.va_display, SOFTVA_WAITS_NONE);
}

/* The same pictures come out where the display has no surfaces of ten bits, and an output of eight wants them. */
static void pictures_that_a_display_does_not_have_are_converted(void **state)
{
    (void)state;
    for (unsigned whole = 0; whole < 2; whole++) {
        struct video_description video = describe(VIDEO_CODEC_H264, 8);
        struct stream stream = { 0 };
        struct rung_config config = configure(&video, whole ? 160 : 122, whole ? 90 : 70, &stream);
        struct error err = { 0 };
        struct rung *rung;
        mfxSession source = picture_source(160, 90, MFX_FOURCC_P010);

        set_attribute(config.va_display, SOFTVA_DISPLAY_ATTRIBUTE_ABSENT, VA_FOURCC_P010);
        assert_int_equal(rung_create(&rung, &config, &err), 0);
        encode_pictures(rung, source, 10);
        assert_int_equal(rung_counters(rung).errors, 0);
        assert_int_equal(rung_counters(rung).scaled, whole ? 0 : 10);
        assert_int_equal(rung_counters(rung).copied_bytes, 10 * 160 * 90 * 3 / 2);
        struct seen seen = decode_stream(&stream, AV_CODEC_ID_H264);
        assert_int_equal(seen.pictures, 20);
        assert_in_range(seen.luma, 120, 128);
        set_attribute(config.va_display, SOFTVA_DISPLAY_ATTRIBUTE_ABSENT, 0);
        rung_destroy(rung);
        MFXClose(source);
        free(stream.data);
    }
}

/* Grey of 203 cd/m2, HDR's reference white, becomes 212 in SDR (see softvpl_colour_test.c); passed through it is 143.
 */
static void paint_reference_white(mfxFrameSurface1 *surface)
{
    mfxFrameData *data = &surface->Data;

    assert_int_equal(surface->FrameInterface->Map(surface, MFX_MAP_WRITE), MFX_ERR_NONE);
    unsigned pitch = (unsigned)data->PitchHigh << 16 | data->PitchLow;
    for (unsigned y = 0; y < surface->Info.Height; y++)
        for (unsigned x = 0; x < surface->Info.Width; x++) {
            ((uint16_t *)(void *)(data->Y + y * pitch))[x] = 573 << 6;
            ((uint16_t *)(void *)(data->UV + y / 2 * pitch))[x] = 512 << 6;
        }
    assert_int_equal(surface->FrameInterface->Unmap(surface), MFX_ERR_NONE);
}

static double luma_of(const struct encoder_kind *kind, unsigned color_space, unsigned source, unsigned pictures)
{
    const mfxExtVideoSignalInfo colour = { .ColourDescriptionPresent = 1,
                                           .ColourPrimaries = 9,
                                           .TransferCharacteristics = (mfxU16)source,
                                           .MatrixCoefficients = 9 };
    const mfxExtVideoSignalInfo pq = {
        .ColourDescriptionPresent = 1, .ColourPrimaries = 9, .TransferCharacteristics = 16, .MatrixCoefficients = 9
    };
    struct video_description video = describe(VIDEO_CODEC_H264, 8);
    struct stream stream = { 0 };
    struct rung_config config = configure(&video, 160, 90, &stream);
    struct error err = { 0 };
    struct rung *rung;
    mfxSession session = picture_source(160, 90, MFX_FOURCC_P010);

    video.color_space = color_space;
    video.bitrate = 2000000;
    config.kind = kind;
    config.colour = &colour;
    if (rung_create(&rung, &config, &err) < 0)
        fail_msg("%s", err.text);
    for (unsigned i = 0; i < pictures; i++) {
        struct picture picture = { .colours = colours_of(&pq, NULL) };
        assert_int_equal(MFXMemory_GetSurfaceForVPPOut(session, &picture.surface), MFX_ERR_NONE);
        paint_reference_white(picture.surface);
        rung_encode(rung,
                    &(struct rung_frame){ .picture = &picture, .serial = i + 1, .tick_90k = i * 3600, .idr = i == 0 });
        picture_release(&picture);
    }
    rung_drain(rung);
    assert_int_equal(rung_counters(rung).errors, 0);
    struct seen seen = decode_stream(&stream, AV_CODEC_ID_H264);
    assert_int_equal(seen.pictures, pictures);
    assert_int_equal(seen.primaries, color_space == COLOR_SPACE_PASSTHROUGH ? 9 : source == 16 ? 1 : 9);
    rung_destroy(rung);
    MFXClose(session);
    free(stream.data);
    return seen.luma;
}

static void hdr_becomes_sdr_in_eight_bits(void **state)
{
    (void)state;
    const struct encoder_kind *both[] = { &encoder_vpl, &encoder_vaapi };

    for (unsigned i = 0; i < 2; i++) {
        assert_in_range(luma_of(both[i], COLOR_SPACE_AUTO, 16, 6), 211, 213);
        assert_in_range(luma_of(both[i], COLOR_SPACE_PASSTHROUGH, 16, 6), 142, 144);
        assert_in_range(luma_of(both[i], COLOR_SPACE_AUTO, 14, 6), 209, 213); /* the source was SDR before */
    }
}

static void slates_are_painted(void **state)
{
    (void)state;
    struct video_description video = describe(VIDEO_CODEC_HEVC, 10);
    struct stream stream = { 0 };
    struct rung_config config = configure(&video, 96, 64, &stream);
    struct error err = { 0 };
    struct rung *rung;

    assert_int_equal(rung_create(&rung, &config, &err), 0);
    for (unsigned i = 0; i < 20; i++)
        rung_encode(rung, &(struct rung_frame){
                              .slate = i < 10 ? SLATE_BLACK : SLATE_IMAGE, .tick_90k = i * 3600, .idr = i % 10 == 0 });
    rung_drain(rung);
    assert_int_equal(rung_counters(rung).copied_bytes, 0);
    assert_int_equal(rung_counters(rung).errors, 0);
    struct seen seen = decode_stream(&stream, AV_CODEC_ID_HEVC);
    assert_int_equal(seen.pictures, 20);
    assert_in_range(seen.luma, 120, 128);
    rung_destroy(rung);
    free(stream.data);
}

static void what_is_not_offered_is_refused_with_the_reason(void **state)
{
    (void)state;
    struct video_description video = describe(VIDEO_CODEC_AV1, 8);
    struct stream stream = { 0 };
    struct rung_config config = configure(&video, 160, 90, &stream);
    struct error err = { 0 };
    struct rung *rung = NULL;

    assert_true(rung_create(&rung, &config, &err) < 0);
    assert_non_null(strstr(err.text, "video \"v\": the encoder \"vaapi\" has H.264 of eight bits, and HEVC"));
    const mfxExtVideoSignalInfo hlg = {
        .ColourDescriptionPresent = 1, .ColourPrimaries = 9, .TransferCharacteristics = 18, .MatrixCoefficients = 9
    };
    video = describe(VIDEO_CODEC_H264, 8); /* drivers map the tones of HDR10 only */
    video.color_space = COLOR_SPACE_REC_709;
    config.colour = &hlg;
    assert_int_equal(rung_create(&rung, &config, &err), 0); /* the source's doing: it goes through, and says so */
    assert_int_equal(rung_parameters(rung)->color_trc, 18);
    rung_destroy(rung);
    config.colour = NULL;
    video = describe(VIDEO_CODEC_H264, 8);
    config.width = 161;
    assert_true(rung_create(&rung, &config, &err) < 0);
    assert_non_null(strstr(err.text, "video \"v\": the encoder refuses 161x90"));
    video.b_frames = 3;
    video.reference_frames = 3;
    config.width = 160;
    assert_int_equal(rung_create(&rung, &config, &err), 0);
    assert_string_equal(rung_changes(rung), "b_frames 3 became 0, reference_frames 3 became 1");
    rung_destroy(rung);
    video.b_frames = 2; /* what it is when nobody says anything */
    video.reference_frames = 0;
    assert_int_equal(rung_create(&rung, &config, &err), 0);
    assert_string_equal(rung_changes(rung), "");
    rung_destroy(rung);
}

/* As a GPU does: every picture is a little late, far less than what a hang takes. */
static void pictures_that_are_a_little_late_are_no_hang(void **state)
{
    (void)state;
    struct video_description video = describe(VIDEO_CODEC_H264, 8);
    struct stream stream = { 0 };
    struct rung_config config = configure(&video, 96, 64, &stream);
    struct fake_clock fake = fake_clock_at(1700000000 * NS_PER_S);
    struct device_watch watch;
    struct error err = { 0 };
    struct rung *rung;

    device_watch_init(&watch, &fake.clock, false);
    watch.processor_ns = no_processor_time;
    config.watch = &watch;
    assert_int_equal(rung_create(&rung, &config, &err), 0);
    set_waits(config.va_display, SOFTVA_WAITS_LATE);
    for (unsigned i = 0; i < 50; i++) { /* ten seconds */
        rung_encode(rung, &(struct rung_frame){ .tick_90k = i * 18000, .idr = i % 25 == 0 });
        rung_poll(rung);
        fake_clock_advance(&fake, 200 * NS_PER_MS);
        rung_poll(rung);
        assert_null(device_watch_lost(&watch));
    }
    set_waits(config.va_display, SOFTVA_WAITS_NONE);
    rung_drain(rung);
    assert_int_equal(stream.packets, 50);
    rung_destroy(rung);
    free(stream.data);
}

/* wide: too wide for any surface of the driver */
static void show_one(struct rung *rung, mfxSession source, unsigned number, bool wide)
{
    struct picture picture = { 0 };

    assert_int_equal(MFXMemory_GetSurfaceForVPPOut(source, &picture.surface), MFX_ERR_NONE);
    assert_int_equal(slate_paint(slate, SLATE_IMAGE, picture.surface), 0);
    picture.surface->Info.CropW = wide ? 8224 : picture.surface->Info.CropW;
    rung_encode(rung, &(struct rung_frame){
                          .picture = &picture, .serial = number + 1, .tick_90k = number * 3600, .idr = number == 0 });
    picture_release(&picture);
}

/* What was shown before is encoded again, and nothing is lost. */
static void a_picture_that_no_surface_takes_changes_nothing(void **state)
{
    (void)state;
    struct video_description video = describe(VIDEO_CODEC_H264, 8);
    struct stream stream = { 0 };
    struct rung_config config = configure(&video, 96, 64, &stream);
    struct clock clock = clock_real();
    struct device_watch watch;
    struct error err = { 0 };
    struct rung *rung;
    mfxSession source = picture_source(160, 90, MFX_FOURCC_NV12), wide = picture_source(160, 90, MFX_FOURCC_NV12);

    device_watch_init(&watch, &clock, true);
    config.watch = &watch;
    assert_int_equal(rung_create(&rung, &config, &err), 0);
    show_one(rung, source, 0, false);
    for (unsigned i = 1; i < 10; i++)
        show_one(rung, wide, i, true);
    show_one(rung, source, 10, false);
    rung_drain(rung);
    assert_null(device_watch_lost(&watch));
    assert_int_equal(stream.packets, 11);
    assert_int_equal(rung_counters(rung).scaled, 2);
    assert_true(rung_counters(rung).errors >= 9);
    rung_destroy(rung);
    MFXClose(wide);
    MFXClose(source);
    free(stream.data);
}

/* Pictures of another size come while frames are under way that will never be done. */
static void surfaces_outlive_what_a_lost_device_reads(void **state)
{
    (void)state;
    struct video_description video = describe(VIDEO_CODEC_H264, 8);
    struct stream stream = { 0 };
    struct rung_config config = configure(&video, 96, 64, &stream);
    struct fake_clock fake = fake_clock_at(1700000000 * NS_PER_S);
    struct device_watch watch;
    struct error err = { 0 };
    struct rung *rung;
    mfxSession source = picture_source(160, 90, MFX_FOURCC_NV12), other = picture_source(128, 96, MFX_FOURCC_NV12);

    device_watch_init(&watch, &fake.clock, false);
    watch.processor_ns = no_processor_time;
    fake.clock.monotonic_ns = hurrying_ns;
    config.watch = &watch;
    assert_int_equal(rung_create(&rung, &config, &err), 0);
    set_waits(config.va_display, SOFTVA_WAITS_NEVER);
    show_one(rung, source, 0, false);
    show_one(rung, source, 1, false);
    show_one(rung, other, 2, false); /* waits, in vain */
    assert_non_null(device_watch_lost(&watch));
    show_one(rung, other, 3, false);
    show_one(rung, source, 4, false);
    rung_destroy(rung);
    set_waits(config.va_display, SOFTVA_WAITS_NONE);
    assert_int_equal(stream.packets, 0);
    MFXClose(other);
    MFXClose(source);
}

/* Where nobody watches, too, every call comes back; what was under way comes out in the end. */
static void waiting_for_a_device_that_hangs_ends(void **state)
{
    (void)state;
    struct video_description video = describe(VIDEO_CODEC_H264, 8);
    struct stream stream = { 0 };
    struct rung_config config = configure(&video, 96, 64, &stream);
    struct error err = { 0 };
    struct rung *rung;
    mfxSession source = picture_source(160, 90, MFX_FOURCC_NV12), other = picture_source(128, 96, MFX_FOURCC_NV12);

    assert_int_equal(rung_create(&rung, &config, &err), 0);
    set_waits(config.va_display, SOFTVA_WAITS_NEVER);
    for (unsigned i = 0; i < 6; i++)
        show_one(rung, i < 5 ? source : other, i, false);
    rung_drain(rung);
    assert_int_equal(stream.packets, 0);
    assert_true(rung_counters(rung).errors > 0);
    set_waits(config.va_display, SOFTVA_WAITS_NONE);
    rung_drain(rung);
    assert_int_equal(stream.packets, 4);
    rung_destroy(rung);
    MFXClose(other);
    MFXClose(source);
    free(stream.data);
}

static void without_a_picture_nothing_is_encoded(void **state)
{
    (void)state;
    struct video_description video = describe(VIDEO_CODEC_H264, 8);
    struct stream stream = { 0 };
    struct rung_config config = configure(&video, 96, 64, &stream);
    struct clock clock = clock_real();
    struct device_watch watch;
    struct error err = { 0 };
    void *encoder;

    device_watch_init(&watch, &clock, true);
    config.watch = &watch;
    assert_int_equal(encoder_vaapi.create(&encoder, &config, &err), 0);
    for (unsigned i = 0; i < 2 * DEVICE_WATCH_FAILURES_MAX; i++)
        encoder_vaapi.encode(encoder, &(struct encoder_frame){ .tick_90k = i * 3600 });
    assert_int_equal(encoder_vaapi.under_way(encoder), 0);
    assert_null(device_watch_lost(&watch)); /* it is not the device's fault */
    encoder_vaapi.destroy(encoder);
}

static int setup(void **state)
{
    (void)state;
    struct input_loss_behavior loss = { .color = "1e90ff" };
    struct error err = { 0 };
    int status = runtime_accelerator(&accelerator);
    display = open_display();
    return status < 0 ? status : slate_create(&slate, &loss, &err);
}

static int teardown(void **state)
{
    (void)state;
    slate_destroy(slate);
    accelerator_destroy(accelerator);
    va_display_destroy(display);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scaled_pictures_of_each_codec_decode),
        cmocka_unit_test(strips_are_encoded),
        cmocka_unit_test(the_own_size_is_not_scaled),
        cmocka_unit_test(drivers_that_only_wait_for_surfaces_are_waited_for_so),
        cmocka_unit_test(a_device_that_hangs_gives_no_encoder),
        cmocka_unit_test(pictures_that_a_display_does_not_have_are_converted),
        cmocka_unit_test(hdr_becomes_sdr_in_eight_bits),
        cmocka_unit_test(slates_are_painted),
        cmocka_unit_test(what_is_not_offered_is_refused_with_the_reason),
        cmocka_unit_test(pictures_that_are_a_little_late_are_no_hang),
        cmocka_unit_test(a_picture_that_no_surface_takes_changes_nothing),
        cmocka_unit_test(surfaces_outlive_what_a_lost_device_reads),
        cmocka_unit_test(waiting_for_a_device_that_hangs_ends),
        cmocka_unit_test(without_a_picture_nothing_is_encoded),
        cmocka_unit_test(pictures_of_the_same_display_are_read_where_they_lie),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
