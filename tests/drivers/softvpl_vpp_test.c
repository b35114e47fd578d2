/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The VPP of the software runtime: scaling as libswscale does it, crops and bars where they belong, and the
 * deinterlacer's arithmetic of frames in and out. */
#include "tests/drivers/softvpl/client.h"

#include <libswscale/swscale.h>

enum { WIDTH = 320, HEIGHT = 192 };

static mfxVideoParam vpp_par(int width, int height, int out_width, int out_height)
{
    mfxVideoParam par = { .AsyncDepth = 4,
                          .IOPattern = MFX_IOPATTERN_IN_SYSTEM_MEMORY | MFX_IOPATTERN_OUT_SYSTEM_MEMORY };
    par.vpp.In = nv12_info(width, height);
    par.vpp.Out = nv12_info(out_width, out_height);
    return par;
}

static void run_one(mfxSession session, mfxFrameSurface1 *in, mfxFrameSurface1 *out)
{
    mfxSyncPoint point;
    assert_int_equal(MFXVideoVPP_RunFrameVPPAsync(session, in, out, NULL, &point), MFX_ERR_NONE);
    assert_int_equal(MFXVideoCORE_SyncOperation(session, point, WAIT_MS), MFX_ERR_NONE);
    assert_int_equal(in->Data.Locked, 0);
    assert_int_equal(out->Data.Locked, 0);
}

static void start(struct client *client, mfxVideoParam *par, struct frame *in, struct frame *out)
{
    client_open(client);
    frame_create(in, &par->vpp.In);
    frame_create(out, &par->vpp.Out);
    assert_int_equal(MFXVideoVPP_Init(client->session, par), MFX_ERR_NONE);
    paint(in->memory, par->vpp.In.Width, par->vpp.In.Width, par->vpp.In.Height, 1);
    in->surface.Data.TimeStamp = 12345;
}

static void stop(struct client *client, struct frame *in, struct frame *out)
{
    assert_int_equal(MFXVideoVPP_Close(client->session), MFX_ERR_NONE);
    client_close(client);
    frame_destroy(in);
    frame_destroy(out);
}

static void scaled_as_swscale(const struct frame *in, const uint8_t *got, int to_width, int to_height, int flags)
{
    uint8_t *expected = malloc((size_t)to_width * (size_t)to_height * 3 / 2);
    const uint8_t *from[4] = { in->memory, in->memory + WIDTH * HEIGHT };
    uint8_t *chroma = malloc((size_t)to_width * (size_t)to_height / 2);
    uint8_t *to[4] = { expected, chroma, chroma + to_width * to_height / 4 };
    struct SwsContext *context = sws_getContext(WIDTH, HEIGHT, AV_PIX_FMT_NV12, to_width, to_height, AV_PIX_FMT_YUV420P,
                                                flags, NULL, NULL, NULL);
    sws_scale(context, from, (int[4]){ WIDTH, WIDTH }, 0, HEIGHT, to, (int[4]){ to_width, to_width / 2, to_width / 2 });
    for (int i = 0; i < to_width * to_height / 4; i++) {
        expected[to_width * to_height + 2 * i] = to[1][i];
        expected[to_width * to_height + 2 * i + 1] = to[2][i];
    }
    free(chroma);
    assert_memory_equal(got, expected, (size_t)to_width * (size_t)to_height * 3 / 2);
    sws_freeContext(context);
    free(expected);
}

static void scales_as_libswscale_does(void **state)
{
    (void)state;
    static const struct {
        uint16_t mode, interpolation;
        int flags;
    } cases[] = { { 0, 0, SWS_BICUBIC },
                  { MFX_SCALING_MODE_LOWPOWER, 0, SWS_FAST_BILINEAR },
                  { 0, MFX_INTERPOLATION_BILINEAR, SWS_BILINEAR },
                  { 0, MFX_INTERPOLATION_NEAREST_NEIGHBOR, SWS_POINT },
                  { MFX_SCALING_MODE_QUALITY, 0, SWS_LANCZOS | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT } };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct client client;
        struct frame in, out;
        mfxExtVPPScaling scaling = { .Header = { MFX_EXTBUFF_VPP_SCALING, sizeof scaling },
                                     .ScalingMode = cases[i].mode,
                                     .InterpolationMethod = cases[i].interpolation };
        mfxExtBuffer *buffers[] = { &scaling.Header };
        mfxVideoParam par = vpp_par(WIDTH, HEIGHT, 128, 96);
        par.ExtParam = buffers;
        par.NumExtParam = 1;
        start(&client, &par, &in, &out);
        run_one(client.session, &in.surface, &out.surface);
        assert_int_equal(out.surface.Data.TimeStamp, 12345);
        scaled_as_swscale(&in, out.memory, 128, 96, cases[i].flags);
        stop(&client, &in, &out);
    }
}

static void equal_sizes_are_copied_exactly(void **state)
{
    (void)state;
    struct client client;
    struct frame in, out;
    mfxVideoParam par = vpp_par(WIDTH, HEIGHT, WIDTH, HEIGHT);
    start(&client, &par, &in, &out);
    run_one(client.session, &in.surface, &out.surface);
    assert_memory_equal(in.memory, out.memory, WIDTH * HEIGHT * 3 / 2);
    stop(&client, &in, &out);
}

/* A crop of the input lands in a crop of the output, with black around it. */
static void crops_and_bars(void **state)
{
    (void)state;
    struct client client;
    struct frame in, out;
    mfxVideoParam par = vpp_par(WIDTH, HEIGHT, 160, 160);
    par.vpp.In.CropX = 32;
    par.vpp.In.CropY = 16;
    par.vpp.In.CropW = 128;
    par.vpp.In.CropH = 96;
    par.vpp.Out.CropX = 16;
    par.vpp.Out.CropY = 32;
    par.vpp.Out.CropW = 128;
    par.vpp.Out.CropH = 96;
    start(&client, &par, &in, &out);
    run_one(client.session, &in.surface, &out.surface);
    for (int y = 0; y < 160; y++)
        for (int x = 0; x < 160; x++) {
            bool inside = x >= 16 && x < 144 && y >= 32 && y < 128;
            uint8_t want = inside ? in.memory[(y - 32 + 16) * WIDTH + (x - 16 + 32)] : 16;
            if (out.memory[y * 160 + x] != want)
                fail_msg("luma %d,%d is %u, not %u", x, y, out.memory[y * 160 + x], want);
        }
    assert_int_equal(out.memory[160 * 160], 128);
    out.surface.Info.CropW = 200; /* leaves the surface */
    mfxSyncPoint point;
    assert_int_equal(MFXVideoVPP_RunFrameVPPAsync(client.session, &in.surface, &out.surface, NULL, &point),
                     MFX_ERR_INVALID_VIDEO_PARAM);
    stop(&client, &in, &out);
}

static void set_format(mfxFrameInfo *info, uint32_t fourcc)
{
    info->FourCC = fourcc;
    info->ChromaFormat = fourcc == MFX_FOURCC_RGB4   ? MFX_CHROMAFORMAT_YUV444
                         : fourcc == MFX_FOURCC_YUY2 ? MFX_CHROMAFORMAT_YUV422
                                                     : MFX_CHROMAFORMAT_YUV420;
}

/* NV12 to each format and back, with surfaces of the runtime on the way. */
static void formats_convert_and_return(void **state)
{
    (void)state;
    static const uint32_t formats[] = { MFX_FOURCC_IYUV, MFX_FOURCC_YV12, MFX_FOURCC_YUY2, MFX_FOURCC_RGB4 };
    for (unsigned i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct client there, back;
        struct frame in, out;
        mfxFrameSurface1 *between = NULL;
        mfxVideoParam par = vpp_par(WIDTH, HEIGHT, WIDTH, HEIGHT), reverse = par;
        set_format(&par.vpp.Out, formats[i]);
        set_format(&reverse.vpp.In, formats[i]);
        client_open(&there);
        client_open(&back);
        frame_create(&in, &par.vpp.In);
        frame_create(&out, &reverse.vpp.Out);
        for (int at = 0; at < WIDTH * HEIGHT * 3 / 2; at++) /* smooth, so that subsampling loses little */
            in.memory[at] = (uint8_t)(at < WIDTH * HEIGHT ? 40 + at / WIDTH / 2 + at % WIDTH / 4 : 110 + at % 2 * 30);
        assert_int_equal(MFXVideoVPP_Init(there.session, &par), MFX_ERR_NONE);
        assert_int_equal(MFXVideoVPP_Init(back.session, &reverse), MFX_ERR_NONE);
        assert_int_equal(MFXVideoVPP_ProcessFrameAsync(there.session, &in.surface, &between), MFX_ERR_NONE);
        /* not synchronised: the surface itself says when it is ready, also to another session */
        run_one(back.session, between, &out.surface);
        assert_int_equal(between->FrameInterface->Release(between), MFX_ERR_NONE);
        long error = 0;
        for (int at = 0; at < WIDTH * HEIGHT * 3 / 2; at++)
            error += labs((long)in.memory[at] - out.memory[at]);
        if (formats[i] == MFX_FOURCC_IYUV || formats[i] == MFX_FOURCC_YV12)
            assert_int_equal(error, 0);
        assert_true(error < WIDTH * HEIGHT * 3 / 2 * 2); /* below two steps on average */
        client_close(&there);
        client_close(&back);
        frame_destroy(&in);
        frame_destroy(&out);
    }
}

/* ---- the deinterlacer ------------------------------------------------------------------------------------------- */

/* Two fields of a bar that moves: lines of one frame belong to two moments. */
static void paint_fields(uint8_t *nv12, int number)
{
    memset(nv12, 60, WIDTH * HEIGHT);
    memset(nv12 + WIDTH * HEIGHT, 128, WIDTH * HEIGHT / 2);
    for (int y = 0; y < HEIGHT; y++)
        memset(nv12 + y * WIDTH + 20 + (2 * number + y % 2) * 8, 200, 40);
}

/* How much neighbouring lines differ: combing. */
static long combing(const uint8_t *luma)
{
    long sum = 0;
    for (int y = 1; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            sum += labs((long)luma[y * WIDTH + x] - luma[(y - 1) * WIDTH + x]);
    return sum;
}

struct counts {
    unsigned more_data, more_surface, none, frames;
    uint64_t time_stamp[64];
    long combing_in, combing_out;
};

static void deinterlace(mfxVideoParam *par, uint16_t structure, unsigned frames, struct counts *counts)
{
    struct client client;
    struct frame in, out;
    unsigned sent = 0;

    memset(counts, 0, sizeof *counts);
    start(&client, par, &in, &out);
    in.surface.Info.PicStruct = structure;
    for (bool again = false, input = false;;) {
        mfxSyncPoint point = NULL;
        if (!again)
            input = sent < frames; /* otherwise the same call once more */
        if (!again && input) {
            paint_fields(in.memory, (int)sent);
            counts->combing_in += combing(in.memory);
            in.surface.Data.TimeStamp = sent * 3600;
            sent++;
        }
        mfxStatus status =
            MFXVideoVPP_RunFrameVPPAsync(client.session, input ? &in.surface : NULL, &out.surface, NULL, &point);
        if (status == MFX_ERR_MORE_DATA) {
            counts->more_data++;
            if (!input)
                break;
            while (frame_locked(&in))
                usleep(100);
            continue;
        }
        assert_true(status == MFX_ERR_NONE || status == MFX_ERR_MORE_SURFACE);
        assert_int_equal(MFXVideoCORE_SyncOperation(client.session, point, WAIT_MS), MFX_ERR_NONE);
        counts->combing_out += combing(out.memory);
        assert_int_equal(out.surface.Info.PicStruct, MFX_PICSTRUCT_PROGRESSIVE);
        counts->time_stamp[counts->frames++] = out.surface.Data.TimeStamp;
        again = status == MFX_ERR_MORE_SURFACE;
        counts->more_surface += again;
        counts->none += !again;
    }
    stop(&client, &in, &out);
}

static void deinterlaces_at_the_same_rate(void **state)
{
    (void)state;
    struct counts counts;
    mfxVideoParam par = vpp_par(WIDTH, HEIGHT, WIDTH, HEIGHT);
    par.vpp.In.PicStruct = MFX_PICSTRUCT_FIELD_TFF;
    deinterlace(&par, MFX_PICSTRUCT_FIELD_TFF, 10, &counts);
    assert_int_equal(counts.frames, 10);
    assert_int_equal(counts.more_data, 2); /* the first, and the end */
    assert_int_equal(counts.more_surface, 0);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(counts.time_stamp[i], i * 3600);
    assert_true(counts.combing_out * 3 < counts.combing_in);
}

static void deinterlaces_at_double_rate(void **state)
{
    (void)state;
    static const uint16_t modes[] = { MFX_DEINTERLACING_ADVANCED, MFX_DEINTERLACING_BOB };
    static const uint16_t structures[] = { MFX_PICSTRUCT_FIELD_TFF, MFX_PICSTRUCT_PROGRESSIVE };
    for (unsigned i = 0; i < 4; i++) {
        struct counts counts;
        mfxExtVPPDeinterlacing mode = { .Header = { MFX_EXTBUFF_VPP_DEINTERLACING, sizeof mode },
                                        .Mode = modes[i % 2] };
        mfxExtBuffer *buffers[] = { &mode.Header };
        mfxVideoParam par = vpp_par(WIDTH, HEIGHT, WIDTH, HEIGHT);
        par.vpp.In.PicStruct = MFX_PICSTRUCT_FIELD_TFF;
        par.vpp.Out.FrameRateExtN = 50;
        par.ExtParam = buffers;
        par.NumExtParam = 1;
        deinterlace(&par, structures[i / 2], 8, &counts); /* progressive frames in between count the same */
        assert_int_equal(counts.frames, 16);
        assert_int_equal(counts.more_surface, 8);
        for (unsigned f = 0; f < 16; f++)
            assert_int_equal(counts.time_stamp[f], f * 1800);
    }
}

/* ---- frame rates and filters ------------------------------------------------------------------------------------ */

/* Feeds frames and counts what comes; the time stamps of the outputs follow each other evenly. */
static unsigned convert(uint32_t rate_in, uint32_t rate_out, unsigned frames, unsigned *left_out)
{
    struct client client;
    struct frame in, out;
    mfxVideoParam par = vpp_par(WIDTH, HEIGHT, 128, 96);
    unsigned outputs = 0;

    par.vpp.In.FrameRateExtN = rate_in;
    par.vpp.Out.FrameRateExtN = rate_out;
    start(&client, &par, &in, &out);
    *left_out = 0;
    for (unsigned i = 0; i < frames; i++) {
        mfxSyncPoint point;
        mfxStatus status;
        in.surface.Data.TimeStamp = 1000 + (uint64_t)i * 90000 / rate_in;
        do {
            status = MFXVideoVPP_RunFrameVPPAsync(client.session, &in.surface, &out.surface, NULL, &point);
            if (status == MFX_ERR_MORE_DATA) {
                ++*left_out;
                break;
            }
            assert_true(status == MFX_ERR_NONE || status == MFX_ERR_MORE_SURFACE);
            assert_int_equal(MFXVideoCORE_SyncOperation(client.session, point, WAIT_MS), MFX_ERR_NONE);
            int64_t due = 1000 + (int64_t)outputs++ * 90000 / rate_out;
            assert_true(llabs((int64_t)out.surface.Data.TimeStamp - due) <= 1);
        } while (status == MFX_ERR_MORE_SURFACE);
    }
    assert_int_equal(MFXVideoVPP_RunFrameVPPAsync(client.session, NULL, &out.surface, NULL, &(mfxSyncPoint){ 0 }),
                     MFX_ERR_MORE_DATA);
    stop(&client, &in, &out);
    return outputs;
}

static void frame_rates_are_converted(void **state)
{
    (void)state;
    unsigned left_out;

    assert_int_equal(convert(25, 25, 25, &left_out), 25);
    assert_int_equal(left_out, 0);
    assert_int_equal(convert(25, 30, 50, &left_out), 60);
    assert_int_equal(left_out, 0);
    assert_int_equal(convert(50, 25, 50, &left_out), 25);
    assert_int_equal(left_out, 25);
    assert_int_equal(convert(60, 25, 60, &left_out), 25);
    assert_int_equal(convert(25, 100, 10, &left_out), 40);
}

static unsigned roughness(const uint8_t *luma, int width, int height)
{
    unsigned sum = 0;
    for (int y = 0; y < height; y++)
        for (int x = 1; x < width; x++)
            sum += (unsigned)abs(luma[y * width + x] - luma[y * width + x - 1]);
    return sum;
}

static void denoise_and_detail_do_what_they_say(void **state)
{
    (void)state;
    mfxExtVPPDenoise2 denoise = { .Header = { MFX_EXTBUFF_VPP_DENOISE2, sizeof denoise }, .Strength = 80 };
    mfxExtVPPDetail detail = { .Header = { MFX_EXTBUFF_VPP_DETAIL, sizeof detail }, .DetailFactor = 60 };
    mfxExtBuffer *both[] = { &denoise.Header, &detail.Header };

    for (int i = 0; i < 2; i++) {
        struct client client;
        struct frame in, out;
        mfxVideoParam par = vpp_par(WIDTH, HEIGHT, WIDTH, HEIGHT);
        par.ExtParam = &both[i];
        par.NumExtParam = 1;
        start(&client, &par, &in, &out);
        for (int at = 0; at < WIDTH * HEIGHT; at++) /* noise on grey */
            in.memory[at] = (uint8_t)(120 + (at * 7 + at / WIDTH * 13) % 9);
        run_one(client.session, &in.surface, &out.surface);
        unsigned before = roughness(in.memory, WIDTH, HEIGHT), after = roughness(out.memory, WIDTH, HEIGHT);
        assert_true(i == 0 ? after < before : after > before);
        stop(&client, &in, &out);
    }
}

static void query_says_what_there_is(void **state)
{
    (void)state;
    struct client client;
    mfxVideoParam par = vpp_par(WIDTH, HEIGHT, 128, 96), out = { 0 };
    mfxExtVPPRotation rotation = { .Header = { MFX_EXTBUFF_VPP_ROTATION, sizeof rotation } };
    mfxExtBuffer *buffers[] = { &rotation.Header };
    client_open(&client);
    assert_int_equal(MFXVideoVPP_Query(client.session, &par, &out), MFX_ERR_NONE);
    assert_int_equal(MFXVideoVPP_Query(client.session, NULL, &out), MFX_ERR_NONE);
    assert_true(out.vpp.In.FourCC && out.vpp.Out.CropW);
    par.vpp.Out.FrameRateExtN = 30;
    assert_int_equal(MFXVideoVPP_Query(client.session, &par, &out), MFX_ERR_NONE);
    par.vpp.Out.FrameRateExtN = 3000; /* too many of the same */
    assert_int_equal(MFXVideoVPP_Query(client.session, &par, &out), MFX_ERR_UNSUPPORTED);
    assert_int_equal(out.vpp.Out.FrameRateExtN, 0);
    par.vpp.Out.FrameRateExtN = 25;
    par.vpp.Out.FourCC = MFX_FOURCC_Y410;
    assert_int_equal(MFXVideoVPP_Init(client.session, &par), MFX_ERR_INVALID_VIDEO_PARAM);
    par.vpp.Out.FourCC = MFX_FOURCC_NV12;
    par.IOPattern = MFX_IOPATTERN_IN_VIDEO_MEMORY | MFX_IOPATTERN_OUT_SYSTEM_MEMORY;
    assert_int_equal(MFXVideoVPP_Init(client.session, &par), MFX_ERR_INVALID_VIDEO_PARAM);
    par.IOPattern = MFX_IOPATTERN_IN_SYSTEM_MEMORY | MFX_IOPATTERN_OUT_SYSTEM_MEMORY;
    par.ExtParam = buffers;
    par.NumExtParam = 1;
    assert_int_equal(MFXVideoVPP_Query(client.session, &par, &par), MFX_ERR_UNSUPPORTED);
    client_close(&client);
}

/* The crop of the input, copied to a smaller output: sample_encode does it, and has surfaces of its own right. */
static void a_crop_that_cannot_be_is_the_whole(void **state)
{
    (void)state;
    struct client client;
    mfxFrameSurface1 *out;
    mfxVideoParam par = vpp_par(WIDTH, HEIGHT, 160, 96), asked, actual;
    mfxVPPStat statistics;
    struct frame in;

    par.vpp.Out.CropW = WIDTH;
    par.vpp.Out.CropH = HEIGHT;
    asked = par;
    client_open(&client);
    assert_int_equal(MFXVideoVPP_Query(client.session, &asked, &asked), MFX_WRN_INCOMPATIBLE_VIDEO_PARAM);
    assert_int_equal(asked.vpp.Out.CropW, 160);
    assert_int_equal(asked.vpp.Out.CropH, 96);
    assert_int_equal(MFXVideoVPP_Init(client.session, &par), MFX_WRN_INCOMPATIBLE_VIDEO_PARAM);
    memset(&actual, 0, sizeof actual);
    assert_int_equal(MFXVideoVPP_GetVideoParam(client.session, &actual), MFX_ERR_NONE);
    assert_int_equal(actual.vpp.Out.CropW, 160);
    frame_create(&in, &par.vpp.In);
    frame_paint(&in, 1);
    assert_int_equal(MFXVideoVPP_ProcessFrameAsync(client.session, &in.surface, &out), MFX_ERR_NONE);
    assert_int_equal(out->FrameInterface->Synchronize(out, WAIT_MS), MFX_ERR_NONE);
    assert_int_equal(out->Info.CropW, 160);
    out->FrameInterface->Release(out);
    assert_int_equal(MFXVideoVPP_GetVPPStat(client.session, &statistics), MFX_ERR_NONE);
    assert_int_equal(statistics.NumFrame, 1);
    client_close(&client);
    frame_destroy(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scales_as_libswscale_does),
        cmocka_unit_test(equal_sizes_are_copied_exactly),
        cmocka_unit_test(crops_and_bars),
        cmocka_unit_test(formats_convert_and_return),
        cmocka_unit_test(deinterlaces_at_the_same_rate),
        cmocka_unit_test(deinterlaces_at_double_rate),
        cmocka_unit_test(frame_rates_are_converted),
        cmocka_unit_test(denoise_and_detail_do_what_they_say),
        cmocka_unit_test(query_says_what_there_is),
        cmocka_unit_test(a_crop_that_cannot_be_is_the_whole),
    };
    client_environment();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
