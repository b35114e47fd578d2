/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Composition by the VPP of the software runtime: every pixel is compared with one that is computed here, in another
 * way. */
#include "tests/drivers/softvpl/client.h"

#include <libswscale/swscale.h>

enum { WIDTH = 96, HEIGHT = 64, LOGO_WIDTH = 32, LOGO_HEIGHT = 16, STREAMS = 3 };

struct bench {
    struct client client;
    mfxVideoParam par;
    mfxExtVPPComposite composite;
    mfxExtBuffer *buffers[1];
    mfxVPPCompInputStream stream[STREAMS];
    struct frame in[STREAMS], out;
};

static mfxFrameInfo info_of(uint32_t fourcc, int width, int height)
{
    mfxFrameInfo info = nv12_info(width, height);
    info.FourCC = fourcc;
    if (fourcc == MFX_FOURCC_RGB4)
        info.ChromaFormat = MFX_CHROMAFORMAT_YUV444;
    return info;
}

/* frame_create() of client.h knows the planar formats. */
static void surface_create(struct frame *frame, uint32_t fourcc, int width, int height)
{
    mfxFrameInfo info = info_of(fourcc, width, height);
    if (fourcc != MFX_FOURCC_RGB4) {
        frame_create(frame, &info);
        return;
    }
    memset(frame, 0, sizeof *frame);
    frame->surface.Info = info;
    frame->memory = calloc((size_t)width * (size_t)height, 4);
    frame->surface.Data.B = frame->memory;
    frame->surface.Data.G = frame->memory + 1;
    frame->surface.Data.R = frame->memory + 2;
    frame->surface.Data.A = frame->memory + 3;
    frame->surface.Data.Pitch = (mfxU16)(width * 4);
}

/* One stream that fills the output, and smaller ones upon it. */
static void setup(struct bench *bench, uint32_t in, uint32_t out, unsigned streams)
{
    memset(bench, 0, sizeof *bench);
    bench->par.AsyncDepth = 4;
    bench->par.IOPattern = MFX_IOPATTERN_IN_SYSTEM_MEMORY | MFX_IOPATTERN_OUT_SYSTEM_MEMORY;
    bench->par.vpp.In = info_of(in, WIDTH, HEIGHT);
    bench->par.vpp.Out = info_of(out, WIDTH, HEIGHT);
    bench->composite.Header = (mfxExtBuffer){ MFX_EXTBUFF_VPP_COMPOSITE, sizeof bench->composite };
    bench->composite.Y = 40;
    bench->composite.U = 90;
    bench->composite.V = 200;
    bench->composite.NumInputStream = (mfxU16)streams;
    bench->composite.InputStream = bench->stream;
    bench->buffers[0] = &bench->composite.Header;
    bench->par.ExtParam = bench->buffers;
    bench->par.NumExtParam = 1;
    bench->stream[0].DstW = WIDTH;
    bench->stream[0].DstH = HEIGHT;
    for (unsigned i = 1; i < STREAMS; i++) {
        bench->stream[i].DstX = 8 + 20 * (i - 1);
        bench->stream[i].DstY = 4 + 10 * (i - 1);
        bench->stream[i].DstW = LOGO_WIDTH;
        bench->stream[i].DstH = LOGO_HEIGHT;
    }
    client_open(&bench->client);
}

static void add_frames(struct bench *bench, const uint32_t formats[STREAMS])
{
    for (unsigned i = 0; i < STREAMS; i++) {
        int width = i ? LOGO_WIDTH : WIDTH, height = i ? LOGO_HEIGHT : HEIGHT;
        surface_create(&bench->in[i], formats[i], width, height);
        bench->in[i].surface.Data.TimeStamp = 1000 + i;
        if (formats[i] == MFX_FOURCC_NV12)
            paint(bench->in[i].memory, width, width, height, (int)i * 7);
    }
    surface_create(&bench->out, bench->par.vpp.Out.FourCC, WIDTH, HEIGHT);
}

static void teardown(struct bench *bench)
{
    client_close(&bench->client);
    for (unsigned i = 0; i < STREAMS; i++)
        frame_destroy(&bench->in[i]);
    frame_destroy(&bench->out);
}

/* Gives the streams in their order; one picture comes, with the time of the first. */
static void compose(struct bench *bench)
{
    mfxSession session = bench->client.session;
    unsigned count = bench->composite.NumInputStream;

    for (unsigned i = 0; i < count; i++) {
        mfxSyncPoint point = NULL;
        mfxStatus status =
            MFXVideoVPP_RunFrameVPPAsync(session, &bench->in[i].surface, &bench->out.surface, NULL, &point);
        if (i + 1 < count) {
            assert_int_equal(status, MFX_ERR_MORE_DATA);
            continue;
        }
        assert_int_equal(status, MFX_ERR_NONE);
        assert_int_equal(MFXVideoCORE_SyncOperation(session, point, WAIT_MS), MFX_ERR_NONE);
    }
    assert_int_equal(bench->out.surface.Data.TimeStamp, 1000);
}

/* ---- NV12 ------------------------------------------------------------------------------------------------------- */

typedef double alpha_of(const struct bench *bench, unsigned stream, int x, int y); /* 0..1; of a pixel */

static uint8_t *expected_nv12(const struct bench *bench, unsigned streams, alpha_of *alpha)
{
    enum { LUMA = WIDTH * HEIGHT };
    uint8_t *picture = malloc(LUMA * 3 / 2);

    memset(picture, bench->composite.Y, LUMA);
    for (int i = LUMA; i < LUMA * 3 / 2; i++)
        picture[i] = (uint8_t)(i % 2 ? bench->composite.V : bench->composite.U);
    for (unsigned s = 0; s < streams; s++) {
        const mfxVPPCompInputStream *at = &bench->stream[s];
        int width = (int)at->DstW, height = (int)at->DstH;
        const uint8_t *from = bench->in[s].memory;
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                uint8_t *to = &picture[((int)at->DstY + y) * WIDTH + (int)at->DstX + x];
                double a = alpha(bench, s, x, y);
                *to = (uint8_t)(from[y * width + x] * a + *to * (1 - a) + 0.5);
            }
        for (int y = 0; y < height / 2; y++)
            for (int x = 0; x < width; x++) {
                uint8_t *to = &picture[LUMA + ((int)at->DstY / 2 + y) * WIDTH + (int)at->DstX + x];
                double sum = 0;
                for (int i = 0; i < 4; i++)
                    sum += 255 * alpha(bench, s, (x & ~1) + i % 2, 2 * y + i / 2);
                double a = (int)((sum + 2) / 4) / 255.0;
                *to = (uint8_t)(from[width * height + y * width + x] * a + *to * (1 - a) + 0.5);
            }
    }
    return picture;
}

static void same_pictures(const uint8_t *got, const uint8_t *expected, size_t bytes, int tolerance)
{
    for (size_t i = 0; i < bytes; i++)
        if (abs(got[i] - expected[i]) > tolerance)
            fail_msg("byte %zu is %u, not %u", i, got[i], expected[i]);
}

static double opaque(const struct bench *bench, unsigned stream, int x, int y)
{
    (void)bench, (void)stream, (void)x, (void)y;
    return 1;
}

static double one_alpha(const struct bench *bench, unsigned stream, int x, int y)
{
    (void)x, (void)y;
    return bench->stream[stream].GlobalAlphaEnable ? bench->stream[stream].GlobalAlpha / 255.0 : 1;
}

static double keyed(const struct bench *bench, unsigned stream, int x, int y)
{
    const mfxVPPCompInputStream *key = &bench->stream[stream];
    uint8_t luma = bench->in[stream].memory[y * (int)key->DstW + x];
    return key->LumaKeyEnable && luma >= key->LumaKeyMin && luma <= key->LumaKeyMax ? 0 : 1;
}

static const uint32_t all_nv12[STREAMS] = { MFX_FOURCC_NV12, MFX_FOURCC_NV12, MFX_FOURCC_NV12 };

static void run_nv12(struct bench *bench, alpha_of *alpha)
{
    assert_int_equal(MFXVideoVPP_Init(bench->client.session, &bench->par), MFX_ERR_NONE);
    add_frames(bench, all_nv12);
    for (int round = 0; round < 2; round++) { /* the second picture knows nothing of the first */
        compose(bench);
        uint8_t *expected = expected_nv12(bench, bench->composite.NumInputStream, alpha);
        same_pictures(bench->out.memory, expected, WIDTH * HEIGHT * 3 / 2, 0);
        free(expected);
    }
}

static void streams_lie_where_they_are_put(void **state)
{
    (void)state;
    struct bench bench;

    setup(&bench, MFX_FOURCC_NV12, MFX_FOURCC_NV12, STREAMS);
    run_nv12(&bench, opaque);
    teardown(&bench);
}

static void one_alpha_blends_a_stream(void **state)
{
    (void)state;
    struct bench bench;

    setup(&bench, MFX_FOURCC_NV12, MFX_FOURCC_NV12, STREAMS);
    for (unsigned i = 0; i < STREAMS; i++) { /* the first with the background */
        bench.stream[i].GlobalAlphaEnable = 1;
        bench.stream[i].GlobalAlpha = (mfxU16)(230 - i * 90);
    }
    run_nv12(&bench, one_alpha);
    teardown(&bench);
}

static void key_of_luma_is_transparent(void **state)
{
    (void)state;
    struct bench bench;

    setup(&bench, MFX_FOURCC_NV12, MFX_FOURCC_NV12, STREAMS);
    bench.stream[1].LumaKeyEnable = bench.stream[2].LumaKeyEnable = 1;
    bench.stream[1].LumaKeyMin = 60;
    bench.stream[1].LumaKeyMax = 110;
    bench.stream[2].LumaKeyMax = 50;
    run_nv12(&bench, keyed);
    teardown(&bench);
}

/* Outside of the output's crop there is background; the input's crop is what is shown. */
static void crops_cut_both_sides(void **state)
{
    (void)state;
    struct bench bench;

    setup(&bench, MFX_FOURCC_NV12, MFX_FOURCC_NV12, 1);
    bench.stream[0].DstX = 16;
    bench.stream[0].DstW = 48;
    bench.stream[0].DstH = 32;
    assert_int_equal(MFXVideoVPP_Init(bench.client.session, &bench.par), MFX_ERR_NONE);
    add_frames(&bench, all_nv12);
    mfxFrameInfo *in = &bench.in[0].surface.Info, *out = &bench.out.surface.Info;
    in->CropX = 10;
    in->CropY = 6;
    in->CropW = 48;
    in->CropH = 32;
    out->CropX = 32;
    out->CropY = 8;
    out->CropW = 64;
    out->CropH = 40;
    compose(&bench);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            bool shown = x >= 32 && x < 64 && y >= 8 && y < 32;
            uint8_t want = shown ? bench.in[0].memory[(y + 6) * WIDTH + x - 16 + 10] : (uint8_t)bench.composite.Y;
            if (bench.out.memory[y * WIDTH + x] != want)
                fail_msg("luma %d,%d is %u, not %u", x, y, bench.out.memory[y * WIDTH + x], want);
        }
    teardown(&bench);
}

/* To a size that no vector fits: nothing is written beside it. */
static void streams_are_scaled_to_their_place(void **state)
{
    (void)state;
    enum { TO_WIDTH = 46, TO_HEIGHT = 22 };
    struct bench bench;
    uint8_t luma[TO_HEIGHT * 64], chroma[2][TO_HEIGHT * 64];

    setup(&bench, MFX_FOURCC_NV12, MFX_FOURCC_NV12, 2);
    bench.stream[1].DstW = TO_WIDTH;
    bench.stream[1].DstH = TO_HEIGHT;
    assert_int_equal(MFXVideoVPP_Init(bench.client.session, &bench.par), MFX_ERR_NONE);
    add_frames(&bench, all_nv12);
    compose(&bench);
    const uint8_t *from[4] = { bench.in[1].memory, bench.in[1].memory + LOGO_WIDTH * LOGO_HEIGHT };
    uint8_t *to[4] = { luma, chroma[0], chroma[1] };
    struct SwsContext *context = sws_getContext(LOGO_WIDTH, LOGO_HEIGHT, AV_PIX_FMT_NV12, TO_WIDTH, TO_HEIGHT,
                                                AV_PIX_FMT_YUV420P, SWS_BICUBIC, NULL, NULL, NULL);
    sws_scale(context, from, (int[4]){ LOGO_WIDTH, LOGO_WIDTH }, 0, LOGO_HEIGHT, to, (int[4]){ 64, 64, 64 });
    sws_freeContext(context);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            int inner_x = x - (int)bench.stream[1].DstX, inner_y = y - (int)bench.stream[1].DstY;
            bool inside = inner_x >= 0 && inner_x < TO_WIDTH && inner_y >= 0 && inner_y < TO_HEIGHT;
            uint8_t want = inside ? luma[inner_y * 64 + inner_x] : bench.in[0].memory[y * WIDTH + x];
            if (bench.out.memory[y * WIDTH + x] != want)
                fail_msg("luma %d,%d is %u, not %u", x, y, bench.out.memory[y * WIDTH + x], want);
        }
    teardown(&bench);
}

/* ---- alpha of pixels -------------------------------------------------------------------------------------------- */

struct colour {
    double red, green, blue, alpha; /* 0..1, not premultiplied */
};

/* Blocks of 8x8, each with a colour and an alpha of its own. */
static struct colour colour_at(int x, int y)
{
    int block = x / 8 + 5 * (y / 8) + 1;
    return (struct colour){ block % 4 / 3.0, block / 2 % 5 / 4.0, block * 3 % 7 / 6.0, block % 6 / 5.0 };
}

static uint8_t whole(double value)
{
    return (uint8_t)(value * 255 + 0.5);
}

static void paint_logo(uint8_t *bgra)
{
    for (int y = 0; y < LOGO_HEIGHT; y++)
        for (int x = 0; x < LOGO_WIDTH; x++, bgra += 4) {
            struct colour colour = colour_at(x, y);
            bgra[0] = whole(colour.blue * colour.alpha);
            bgra[1] = whole(colour.green * colour.alpha);
            bgra[2] = whole(colour.red * colour.alpha);
            bgra[3] = whole(colour.alpha);
        }
}

/* BT.601 as it stands in the book. */
static double luma_of(struct colour colour)
{
    return 16 + 219 * (0.299 * colour.red + 0.587 * colour.green + 0.114 * colour.blue);
}

static double chroma_of(struct colour colour, int v)
{
    double luma = 0.299 * colour.red + 0.587 * colour.green + 0.114 * colour.blue;
    return 128 + 224 * (v ? (colour.red - luma) / 1.402 : (colour.blue - luma) / 1.772);
}

static double mixed(double below, double above, double alpha)
{
    return above * alpha + below * (1 - alpha);
}

static void logo_with_alpha_lies_on_nv12(void **state)
{
    (void)state;
    static const uint32_t formats[STREAMS] = { MFX_FOURCC_NV12, MFX_FOURCC_RGB4, MFX_FOURCC_RGB4 };
    struct bench bench;

    setup(&bench, MFX_FOURCC_NV12, MFX_FOURCC_NV12, 2);
    bench.stream[1].PixelAlphaEnable = 1;
    assert_int_equal(MFXVideoVPP_Init(bench.client.session, &bench.par), MFX_ERR_NONE);
    add_frames(&bench, formats);
    paint_logo(bench.in[1].memory);
    compose(&bench);
    const uint8_t *below = bench.in[0].memory, *got = bench.out.memory;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            int logo_x = x - 8, logo_y = y - 4, at = y * WIDTH + x, chroma = (HEIGHT + y / 2) * WIDTH + x;
            bool inside = logo_x >= 0 && logo_x < LOGO_WIDTH && logo_y >= 0 && logo_y < LOGO_HEIGHT;
            struct colour colour = inside ? colour_at(logo_x, logo_y) : (struct colour){ 0 };
            double luma = mixed(below[at], luma_of(colour), colour.alpha);
            if (got[at] - luma > 2 || luma - got[at] > 2)
                fail_msg("luma %d,%d is %u, not %f", x, y, got[at], luma);
            double want = mixed(below[chroma], chroma_of(colour, x & 1), colour.alpha);
            bool edge = inside && (logo_y % 8 < 2 || logo_y % 8 > 5); /* chroma is interpolated */
            if (!edge && (got[chroma] - want > 3 || want - got[chroma] > 3))
                fail_msg("chroma %d,%d is %u, not %f", x, y, got[chroma], want);
        }
    teardown(&bench);
}

static void logo_with_alpha_lies_on_bgra(void **state)
{
    (void)state;
    static const uint32_t formats[STREAMS] = { MFX_FOURCC_RGB4, MFX_FOURCC_RGB4, MFX_FOURCC_RGB4 };
    struct bench bench;

    setup(&bench, MFX_FOURCC_RGB4, MFX_FOURCC_RGB4, 2);
    bench.stream[1].PixelAlphaEnable = 1;
    assert_int_equal(MFXVideoVPP_Init(bench.client.session, &bench.par), MFX_ERR_NONE);
    add_frames(&bench, formats);
    for (int i = 0; i < WIDTH * HEIGHT * 4; i++)
        bench.in[0].memory[i] = (uint8_t)(i % 4 == 3 ? 255 : i * 7 % 256);
    paint_logo(bench.in[1].memory);
    compose(&bench);
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        int logo_x = i % WIDTH - 8, logo_y = i / WIDTH - 4;
        bool inside = logo_x >= 0 && logo_x < LOGO_WIDTH && logo_y >= 0 && logo_y < LOGO_HEIGHT;
        struct colour colour = inside ? colour_at(logo_x, logo_y) : (struct colour){ 0 };
        const double above[3] = { colour.blue, colour.green, colour.red };
        for (int c = 0; c < 3; c++) {
            double want = mixed(bench.in[0].memory[4 * i + c], above[c] * 255, colour.alpha);
            double got = bench.out.memory[4 * i + c];
            if (got - want > 1.1 || want - got > 1.1)
                fail_msg("component %d of pixel %d is %f, not %f", c, i, got, want);
        }
        assert_int_equal(bench.out.memory[4 * i + 3], 255);
    }
    teardown(&bench);
}

/* ---- rules ------------------------------------------------------------------------------------------------------ */

static mfxStatus init(struct bench *bench)
{
    mfxStatus status = MFXVideoVPP_Init(bench->client.session, &bench->par);
    if (status >= MFX_ERR_NONE)
        assert_int_equal(MFXVideoVPP_Close(bench->client.session), MFX_ERR_NONE);
    return status;
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    struct bench bench;
    mfxExtVPPDenoise2 denoise = { .Header = { MFX_EXTBUFF_VPP_DENOISE2, sizeof denoise }, .Strength = 30 };
    mfxExtBuffer *both[2];

    setup(&bench, MFX_FOURCC_NV12, MFX_FOURCC_NV12, STREAMS);
    bench.composite.NumInputStream = 1000; /* how many? */
    bench.composite.InputStream = NULL;
    assert_int_equal(MFXVideoVPP_Query(bench.client.session, &bench.par, &bench.par), MFX_WRN_INCOMPATIBLE_VIDEO_PARAM);
    assert_int_equal(bench.composite.NumInputStream, 64);
    bench.composite.NumInputStream = STREAMS;
    assert_int_equal(init(&bench), MFX_ERR_INVALID_VIDEO_PARAM);
    bench.composite.InputStream = bench.stream;
    assert_int_equal(init(&bench), MFX_ERR_NONE);
    bench.stream[2].DstX = WIDTH - 4; /* leaves the output */
    assert_int_equal(init(&bench), MFX_ERR_INVALID_VIDEO_PARAM);
    bench.stream[2].DstX = 21;
    assert_int_equal(init(&bench), MFX_WRN_INCOMPATIBLE_VIDEO_PARAM);
    bench.stream[2].DstX = 20;
    bench.stream[1].LumaKeyEnable = bench.stream[2].GlobalAlphaEnable = 1;
    assert_int_equal(init(&bench), MFX_ERR_INVALID_VIDEO_PARAM);
    bench.stream[1].LumaKeyEnable = bench.stream[2].GlobalAlphaEnable = 0;
    bench.par.vpp.In = info_of(MFX_FOURCC_RGB4, WIDTH, HEIGHT); /* for alpha of pixels only */
    assert_int_equal(init(&bench), MFX_ERR_INVALID_VIDEO_PARAM);
    bench.par.vpp.In = nv12_info(WIDTH, HEIGHT);
    bench.par.vpp.In.PicStruct = MFX_PICSTRUCT_FIELD_TFF;
    assert_int_equal(init(&bench), MFX_ERR_INVALID_VIDEO_PARAM);
    bench.par.vpp.In.PicStruct = MFX_PICSTRUCT_PROGRESSIVE;
    both[0] = bench.buffers[0];
    both[1] = &denoise.Header;
    bench.par.ExtParam = both;
    bench.par.NumExtParam = 2;
    assert_int_equal(init(&bench), MFX_WRN_FILTER_SKIPPED);
    client_close(&bench.client);
}

/* The application lets the runtime make the output, begins anew in the middle, and goes on with fewer streams. */
static void sessions_begin_anew_with_fewer_streams(void **state)
{
    (void)state;
    struct bench bench;
    mfxFrameSurface1 *out = NULL;
    mfxFrameAllocRequest request[2];

    setup(&bench, MFX_FOURCC_NV12, MFX_FOURCC_NV12, STREAMS);
    mfxSession session = bench.client.session;
    add_frames(&bench, all_nv12);
    assert_int_equal(MFXVideoVPP_QueryIOSurf(session, &bench.par, request), MFX_ERR_NONE);
    assert_true(request[0].NumFrameMin >= request[1].NumFrameMin + STREAMS - 1);
    bench.composite.NumInputStream = 2;
    assert_int_equal(MFXVideoVPP_Init(session, &bench.par), MFX_ERR_NONE);
    assert_int_equal(MFXVideoVPP_ProcessFrameAsync(session, &bench.in[0].surface, &out), MFX_ERR_MORE_DATA);
    assert_null(out);
    assert_int_equal(MFXVideoVPP_ProcessFrameAsync(session, &bench.in[1].surface, &out), MFX_ERR_NONE);
    assert_int_equal(out->FrameInterface->Map(out, MFX_MAP_READ), MFX_ERR_NONE);
    uint8_t *expected = expected_nv12(&bench, 2, opaque);
    for (int y = 0; y < HEIGHT; y++)
        assert_memory_equal(out->Data.Y + y * out->Data.Pitch, expected + y * WIDTH, WIDTH);
    free(expected);
    assert_int_equal(out->FrameInterface->Unmap(out), MFX_ERR_NONE);
    assert_int_equal(out->FrameInterface->Release(out), MFX_ERR_NONE);
    assert_int_equal(MFXVideoVPP_ProcessFrameAsync(session, &bench.in[0].surface, &out), MFX_ERR_MORE_DATA);
    bench.composite.NumInputStream = STREAMS;
    assert_int_equal(MFXVideoVPP_Reset(session, &bench.par), MFX_ERR_INCOMPATIBLE_VIDEO_PARAM);
    bench.composite.NumInputStream = 1;
    assert_int_equal(MFXVideoVPP_Reset(session, &bench.par), MFX_ERR_NONE);
    compose(&bench);
    assert_memory_equal(bench.out.memory, bench.in[0].memory, WIDTH * HEIGHT * 3 / 2);
    teardown(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_lie_where_they_are_put),
        cmocka_unit_test(one_alpha_blends_a_stream),
        cmocka_unit_test(key_of_luma_is_transparent),
        cmocka_unit_test(crops_cut_both_sides),
        cmocka_unit_test(streams_are_scaled_to_their_place),
        cmocka_unit_test(logo_with_alpha_lies_on_nv12),
        cmocka_unit_test(logo_with_alpha_lies_on_bgra),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(sessions_begin_anew_with_fewer_streams),
    };
    client_environment();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
