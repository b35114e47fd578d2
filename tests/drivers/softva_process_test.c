/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VideoProc of the software VA-API driver: scaling as libswscale does it, pieces and bars where they belong, blending,
 * conversion, deinterlacing. */
#include "tests/drivers/softva/display.h"

#include <libswscale/swscale.h>
#include <va/va_vpp.h>

#include "drivers/va_tones.h"

enum { WIDTH = 320, HEIGHT = 192 };

struct bench {
    struct va_display *display;
    VADisplay va;
    VAConfigID config;
    VAContextID context;
};

static void start(struct bench *bench)
{
    bench->display = open_display();
    bench->va = va_display_handle(bench->display);
    GOOD(vaCreateConfig(bench->va, VAProfileNone, VAEntrypointVideoProc, NULL, 0, &bench->config));
    GOOD(vaCreateContext(bench->va, bench->config, WIDTH, HEIGHT, 0, NULL, 0, &bench->context));
}

static VAStatus process(struct bench *bench, VASurfaceID target, const VAProcPipelineParameterBuffer *layers,
                        unsigned count)
{
    VABufferID buffers[4];
    for (unsigned i = 0; i < count; i++)
        GOOD(vaCreateBuffer(bench->va, bench->context, VAProcPipelineParameterBufferType, sizeof layers[i], 1,
                            (void *)(uintptr_t)&layers[i], &buffers[i]));
    GOOD(vaBeginPicture(bench->va, bench->context, target));
    GOOD(vaRenderPicture(bench->va, bench->context, buffers, (int)count));
    VAStatus status = vaEndPicture(bench->va, bench->context);
    for (unsigned i = 0; i < count; i++)
        GOOD(vaDestroyBuffer(bench->va, buffers[i]));
    GOOD(vaSyncSurface(bench->va, target));
    return status;
}

static void scales_as_libswscale_does(void **state)
{
    (void)state;
    static const struct {
        uint32_t flags;
        int scaling;
    } cases[] = { { VA_FILTER_SCALING_DEFAULT, SWS_BICUBIC },
                  { VA_FILTER_SCALING_FAST, SWS_FAST_BILINEAR },
                  { VA_FILTER_SCALING_HQ, SWS_LANCZOS | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT } };
    enum { TO_WIDTH = 128, TO_HEIGHT = 96 };
    struct bench bench;
    VAImage in, out;
    start(&bench);
    VASurfaceID from = make_nv12(bench.va, WIDTH, HEIGHT), to = make_nv12(bench.va, TO_WIDTH, TO_HEIGHT);
    paint_surface(bench.va, from, 1);
    uint8_t *source = pixels(bench.va, from, &in), *got = pixels(bench.va, to, &out);
    for (unsigned i = 0; i < 3; i++) {
        uint8_t luma[TO_WIDTH * TO_HEIGHT], u[TO_WIDTH * TO_HEIGHT / 4], v[TO_WIDTH * TO_HEIGHT / 4];
        VAProcPipelineParameterBuffer layer = { .surface = from, .filter_flags = cases[i].flags };
        GOOD(process(&bench, to, &layer, 1));
        struct SwsContext *sws = sws_getContext(WIDTH, HEIGHT, AV_PIX_FMT_NV12, TO_WIDTH, TO_HEIGHT, AV_PIX_FMT_YUV420P,
                                                cases[i].scaling, NULL, NULL, NULL);
        sws_scale(sws, (const uint8_t *[4]){ source, source + in.offsets[1] },
                  (int[4]){ (int)in.pitches[0], (int)in.pitches[1] }, 0, HEIGHT, (uint8_t *[4]){ luma, u, v },
                  (int[4]){ TO_WIDTH, TO_WIDTH / 2, TO_WIDTH / 2 });
        sws_freeContext(sws);
        for (int y = 0; y < TO_HEIGHT; y++)
            assert_memory_equal(got + (unsigned)y * out.pitches[0], luma + y * TO_WIDTH, TO_WIDTH);
        for (int y = 0; y < TO_HEIGHT / 2; y++)
            for (int x = 0; x < TO_WIDTH / 2; x++) {
                const uint8_t *pair = got + out.offsets[1] + (unsigned)y * out.pitches[1] + 2 * x;
                assert_int_equal(pair[0], u[y * TO_WIDTH / 2 + x]);
                assert_int_equal(pair[1], v[y * TO_WIDTH / 2 + x]);
            }
    }
    assert_int_equal(copied_bytes(bench.va), 0);
    va_display_destroy(bench.display);
}

/* A piece of one surface in a piece of the other, black around it; a second layer half over it. */
static void pieces_bars_and_layers(void **state)
{
    (void)state;
    struct bench bench;
    VAImage in, out;
    start(&bench);
    VASurfaceID from = make_nv12(bench.va, WIDTH, HEIGHT), to = make_nv12(bench.va, 160, 160);
    paint_surface(bench.va, from, 1);
    uint8_t *source = pixels(bench.va, from, &in), *got = pixels(bench.va, to, &out);
    VARectangle piece = { 32, 16, 128, 96 }, place = { 16, 32, 128, 96 }, corner = { 0, 0, 16, 16 };
    VAProcPipelineParameterBuffer layers[2] = {
        { .surface = from, .surface_region = &piece, .output_region = &place, .output_background_color = 0xff000000 },
        { .surface = from, .surface_region = &corner, .output_region = &corner },
    };
    GOOD(process(&bench, to, layers, 2));
    for (unsigned y = 0; y < 160; y++)
        for (unsigned x = 0; x < 160; x++) {
            bool inside = x >= 16 && x < 144 && y >= 32 && y < 128, in_corner = x < 16 && y < 16;
            uint8_t want = inside      ? source[(y - 16) * in.pitches[0] + x + 16]
                           : in_corner ? source[y * in.pitches[0] + x]
                                       : 16;
            if (got[y * out.pitches[0] + x] != want)
                fail_msg("luma %u,%u is %u, not %u", x, y, got[y * out.pitches[0] + x], want);
        }
    place.x = 40;
    assert_int_equal(process(&bench, to, layers, 1), VA_STATUS_ERROR_INVALID_PARAMETER);
    layers[0].surface = VA_INVALID_ID;
    assert_int_equal(process(&bench, to, layers, 1), VA_STATUS_ERROR_INVALID_SURFACE);
    va_display_destroy(bench.display);
}

static void fill_bgra(VADisplay va, VASurfaceID surface, uint32_t argb)
{
    VAImage image;
    uint8_t *memory = pixels(va, surface, &image);
    for (unsigned y = 0; y < image.height; y++)
        for (unsigned x = 0; x < image.width; x++)
            for (unsigned i = 0; i < 4; i++)
                memory[y * image.pitches[0] + 4 * x + i] = (uint8_t)(argb >> 8 * i);
}

static void near(int got, int want)
{
    if (got < want - 2 || got > want + 2)
        fail_msg("%d is not near %d", got, want);
}

/* White over black in NV12: 16 and 235 are the ends of luma. */
static void logos_are_blended(void **state)
{
    (void)state;
    struct bench bench;
    VAImage image;
    start(&bench);
    VASurfaceID below = make_surface(bench.va, VA_FOURCC_BGRA, VA_RT_FORMAT_RGB32, 64, 64);
    VASurfaceID logo = make_surface(bench.va, VA_FOURCC_BGRA, VA_RT_FORMAT_RGB32, 32, 32);
    VASurfaceID to = make_nv12(bench.va, 64, 64);
    VARectangle place = { 16, 16, 32, 32 };
    static const struct {
        uint32_t logo;
        VABlendState blend;
        int luma;
    } cases[] = { { 0xffffffff, { .flags = VA_BLEND_GLOBAL_ALPHA, .global_alpha = 0.5F }, 126 },
                  { 0xffffffff, { .flags = VA_BLEND_GLOBAL_ALPHA, .global_alpha = 1 }, 235 },
                  { 0x80ffffff, { .flags = VA_BLEND_GLOBAL_ALPHA, .global_alpha = 1 }, 126 },
                  { 0x00ffffff, { .flags = VA_BLEND_GLOBAL_ALPHA, .global_alpha = 1 }, 16 },
                  { 0x80808080, { .flags = VA_BLEND_PREMULTIPLIED_ALPHA }, 126 } };
    fill_bgra(bench.va, below, 0xff000000);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        VAProcPipelineParameterBuffer layers[2] = {
            { .surface = below }, { .surface = logo, .output_region = &place, .blend_state = &cases[i].blend }
        };
        fill_bgra(bench.va, logo, cases[i].logo);
        GOOD(process(&bench, to, layers, 2));
        const uint8_t *got = pixels(bench.va, to, &image);
        near(got[8 * image.pitches[0] + 8], 16);
        near(got[32 * image.pitches[0] + 32], cases[i].luma);
    }
    va_display_destroy(bench.display);
}

/* Every input into every output that the driver names. */
static void every_pair_of_formats(void **state)
{
    (void)state;
    static const uint32_t rt[] = { VA_RT_FORMAT_YUV420,    VA_RT_FORMAT_YUV420_10, VA_RT_FORMAT_YUV422,
                                   VA_RT_FORMAT_YUV422_10, VA_RT_FORMAT_RGB32,     VA_RT_FORMAT_RGB32 };
    struct bench bench;
    VAProcPipelineCaps caps;
    VAImage image;
    start(&bench);
    GOOD(vaQueryVideoProcPipelineCaps(bench.va, bench.context, NULL, 0, &caps));
    assert_int_equal(caps.num_input_pixel_formats, 6);
    VASurfaceID grey = make_surface(bench.va, VA_FOURCC_BGRA, VA_RT_FORMAT_RGB32, 64, 64),
                back = make_nv12(bench.va, 64, 64);
    fill_bgra(bench.va, grey, 0xff808080);
    for (unsigned i = 0; i < caps.num_output_pixel_formats; i++) {
        uint32_t fourcc = caps.output_pixel_format[i], kind = 0;
        while (caps.input_pixel_format[kind] != fourcc)
            kind++;
        VASurfaceID middle = make_surface(bench.va, fourcc, rt[kind], 64, 64);
        GOOD(process(&bench, middle, &(VAProcPipelineParameterBuffer){ .surface = grey }, 1));
        GOOD(process(&bench, back, &(VAProcPipelineParameterBuffer){ .surface = middle }, 1));
        const uint8_t *got = pixels(bench.va, back, &image);
        near(got[20 * image.pitches[0] + 20], 126);
        near(got[image.offsets[1] + 20], 128);
        near(got[image.offsets[1] + 21], 128);
    }
    va_display_destroy(bench.display);
}

/* ---- deinterlacing ---------------------------------------------------------------------------------------------- */

/* A bar that moves between the fields: in the woven picture it has teeth, in the deinterlaced one it has none. */
static void paint_fields(VADisplay va, VASurfaceID surface, unsigned number)
{
    VAImage image;
    uint8_t *memory = pixels(va, surface, &image);
    memset(memory, 128, image.data_size);
    for (unsigned y = 0; y < image.height; y++) {
        unsigned left = 32 + (2 * number + y % 2) * 16;
        for (unsigned x = 0; x < image.width; x++)
            memory[y * image.pitches[0] + x] = x >= left && x < left + 32 ? 200 : 40;
    }
}

static void deinterlaces(struct bench *bench, VAProcDeinterlacingType algorithm, uint32_t flags, unsigned left)
{
    VASurfaceID surfaces[3], to = make_nv12(bench->va, WIDTH, HEIGHT);
    VAProcFilterParameterBufferDeinterlacing filter = { VAProcFilterDeinterlacing, algorithm, flags, { 0 } };
    VAProcPipelineCaps caps;
    VABufferID filter_id;
    VAImage image;
    for (unsigned i = 0; i < 3; i++) {
        surfaces[i] = make_nv12(bench->va, WIDTH, HEIGHT);
        paint_fields(bench->va, surfaces[i], i);
    }
    GOOD(vaCreateBuffer(bench->va, bench->context, VAProcFilterParameterBufferType, sizeof filter, 1, &filter,
                        &filter_id));
    GOOD(vaQueryVideoProcPipelineCaps(bench->va, bench->context, &filter_id, 1, &caps));
    assert_int_equal(caps.num_forward_references, algorithm == VAProcDeinterlacingMotionAdaptive);
    VAProcPipelineParameterBuffer layer = { .surface = surfaces[1],
                                            .filters = &filter_id,
                                            .num_filters = 1,
                                            .forward_references = &surfaces[0],
                                            .num_forward_references = caps.num_forward_references,
                                            .backward_references = &surfaces[2],
                                            .num_backward_references = caps.num_backward_references };
    GOOD(process(bench, to, &layer, 1));
    const uint8_t *got = pixels(bench->va, to, &image);
    for (unsigned y = 8; y < HEIGHT - 8; y++) {
        near(got[y * image.pitches[0] + left + 4], 200);
        near(got[y * image.pitches[0] + left - 4], 40);
        near(got[y * image.pitches[0] + left + 36], 40);
    }
    GOOD(vaDestroyBuffer(bench->va, filter_id));
    GOOD(vaDestroySurfaces(bench->va, surfaces, 3));
    GOOD(vaDestroySurfaces(bench->va, &to, 1));
}

static void fields_become_pictures(void **state)
{
    (void)state;
    struct bench bench;
    VAProcFilterType filters[VAProcFilterCount];
    VAProcFilterCapDeinterlacing caps[VAProcDeinterlacingCount];
    unsigned count = VAProcFilterCount, types = VAProcDeinterlacingCount;
    start(&bench);
    GOOD(vaQueryVideoProcFilters(bench.va, bench.context, filters, &count));
    assert_int_equal(count, 2);
    GOOD(vaQueryVideoProcFilterCaps(bench.va, bench.context, VAProcFilterDeinterlacing, caps, &types));
    assert_int_equal(types, 2);
    assert_int_equal(vaQueryVideoProcFilterCaps(bench.va, bench.context, VAProcFilterNoiseReduction, caps, &types),
                     VA_STATUS_ERROR_UNSUPPORTED_FILTER);
    const unsigned top = 32 + 2 * 16, bottom = top + 16;
    deinterlaces(&bench, VAProcDeinterlacingBob, 0, top);
    deinterlaces(&bench, VAProcDeinterlacingBob, VA_DEINTERLACING_BOTTOM_FIELD, bottom);
    deinterlaces(&bench, VAProcDeinterlacingMotionAdaptive, 0, top);
    deinterlaces(&bench, VAProcDeinterlacingMotionAdaptive, VA_DEINTERLACING_BOTTOM_FIELD, bottom);
    deinterlaces(&bench, VAProcDeinterlacingMotionAdaptive, VA_DEINTERLACING_BOTTOM_FIELD_FIRST, top);
    va_display_destroy(bench.display);
}

/* HDR10's reference white and peak, by the filter; without it only the format changes. */
static void tones_of_hdr10_are_mapped(void **state)
{
    (void)state;
    static const struct {
        uint16_t pq;
        uint8_t sdr, plain;
        uint16_t brightest;
    } cases[] = { { 573, 212, 143, 0 }, { 723, 235, 181, 0 }, { 723, 231, 181, 4000 }, { 64, 16, 16, 1000 } };
    VAHdrMetaDataHDR10 light = { .max_display_mastering_luminance = 10000000 };
    VAProcFilterParameterBufferHDRToneMapping filter = { .type = VAProcFilterHighDynamicRangeToneMapping };
    VAProcFilterCapHighDynamicRange caps;
    struct bench bench;
    VABufferID filter_id;
    VAImage in, out;
    unsigned count = 1;
    start(&bench);
    assert_true(va_tones_mapped(bench.va));
    GOOD(vaQueryVideoProcFilterCaps(bench.va, bench.context, VAProcFilterHighDynamicRangeToneMapping, &caps, &count));
    assert_int_equal(caps.caps_flag, VA_TONE_MAPPING_HDR_TO_SDR);
    VASurfaceID from = make_surface(bench.va, VA_FOURCC_P010, VA_RT_FORMAT_YUV420_10, 64, 64);
    VASurfaceID to = make_nv12(bench.va, 64, 64);
    filter.data = (VAHdrMetaData){ .metadata_type = VAProcHighDynamicRangeMetadataHDR10,
                                   .metadata = &light,
                                   .metadata_size = sizeof light };
    GOOD(vaCreateBuffer(bench.va, bench.context, VAProcFilterParameterBufferType, sizeof filter, 1, &filter,
                        &filter_id));
    uint8_t *source = pixels(bench.va, from, &in), *got = pixels(bench.va, to, &out);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (unsigned at = 0; at < in.offsets[1] / 2; at++)
            ((uint16_t *)(void *)source)[at] = (uint16_t)(cases[i].pq << 6);
        for (unsigned at = in.offsets[1] / 2; at < in.data_size / 2; at++)
            ((uint16_t *)(void *)source)[at] = 512 << 6;
        VAProcPipelineParameterBuffer layer = { .surface = from, .filters = &filter_id, .num_filters = 1 };
        light.max_content_light_level = cases[i].brightest;
        GOOD(process(&bench, to, &layer, 1));
        near(got[0], cases[i].sdr);
        near(got[out.offsets[1]], 128);
        layer.num_filters = 0;
        GOOD(process(&bench, to, &layer, 1));
        near(got[0], cases[i].plain);
    }
    VABlendState blend = { .flags = VA_BLEND_GLOBAL_ALPHA, .global_alpha = 0.5F };
    VAProcPipelineParameterBuffer both = {
        .surface = from, .filters = &filter_id, .num_filters = 1, .blend_state = &blend
    };
    assert_int_equal(process(&bench, to, &both, 1), VA_STATUS_ERROR_INVALID_FILTER_CHAIN);
    GOOD(vaDestroyBuffer(bench.va, filter_id));
    va_display_destroy(bench.display);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scales_as_libswscale_does), cmocka_unit_test(pieces_bars_and_layers),
        cmocka_unit_test(logos_are_blended),         cmocka_unit_test(every_pair_of_formats),
        cmocka_unit_test(fields_become_pictures),    cmocka_unit_test(tones_of_hdr10_are_mapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
