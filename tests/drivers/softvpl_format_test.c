/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ten bits and 4:2:2 through the software runtime: VPP, encoder and decoder agree on where the bits are. */
#include "tests/drivers/softvpl/client.h"

enum { WIDTH = 128, HEIGHT = 64, FRAMES = 6 };

static mfxFrameInfo info_of(uint32_t fourcc)
{
    return fourcc == MFX_FOURCC_P010   ? p010_info(WIDTH, HEIGHT)
           : fourcc == MFX_FOURCC_Y210 ? y210_info(WIDTH, HEIGHT)
                                       : nv12_info(WIDTH, HEIGHT);
}

/* One luma sample of ten bits, whatever the format. */
static int luma_at(const mfxFrameSurface1 *surface, int x, int y)
{
    const uint8_t *row = surface->Data.Y + (ptrdiff_t)y * surface->Data.Pitch;
    if (surface->Info.FourCC == MFX_FOURCC_NV12)
        return row[x] << 2;
    return ((const uint16_t *)row)[surface->Info.FourCC == MFX_FOURCC_Y210 ? 2 * x : x] >> 6;
}

/* The chroma sample for this place of a picture of 4:2:0 or 4:2:2. */
static int chroma_at(const mfxFrameSurface1 *surface, int x, int y)
{
    if (surface->Info.FourCC == MFX_FOURCC_Y210)
        return ((const uint16_t *)(surface->Data.Y + (ptrdiff_t)y * surface->Data.Pitch))[2 * (x & ~1) + 1] >> 6;
    const uint8_t *row = surface->Data.UV + (ptrdiff_t)(y / 2) * surface->Data.Pitch;
    return surface->Info.FourCC == MFX_FOURCC_NV12 ? row[x & ~1] << 2 : ((const uint16_t *)row)[x & ~1] >> 6;
}

static void pictures_agree(const mfxFrameSurface1 *a, const mfxFrameSurface1 *b, int luma, int chroma)
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            if (abs(luma_at(a, x, y) - luma_at(b, x, y)) > luma)
                fail_msg("luma %d,%d: %d, %d", x, y, luma_at(a, x, y), luma_at(b, x, y));
            if (y > 1 && y < HEIGHT - 2 && abs(chroma_at(a, x, y) - chroma_at(b, x, y)) > chroma)
                fail_msg("chroma %d,%d: %d, %d", x, y, chroma_at(a, x, y), chroma_at(b, x, y));
        }
}

/* ---- conversions ------------------------------------------------------------------------------------------------ */

static void formats_become_each_other(void **state)
{
    (void)state;
    static const struct {
        uint32_t from, to;
        int luma, chroma;
    } cases[] = {
        { MFX_FOURCC_P010, MFX_FOURCC_P010, 0, 0 },  { MFX_FOURCC_Y210, MFX_FOURCC_Y210, 0, 0 },
        { MFX_FOURCC_NV12, MFX_FOURCC_P010, 0, 0 },  { MFX_FOURCC_P010, MFX_FOURCC_NV12, 6, 6 },
        { MFX_FOURCC_Y210, MFX_FOURCC_P010, 0, 64 }, { MFX_FOURCC_P010, MFX_FOURCC_Y210, 0, 64 },
        { MFX_FOURCC_Y210, MFX_FOURCC_NV12, 6, 64 },
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct client client;
        struct frame in, out;
        mfxVideoParam par = { .IOPattern = MFX_IOPATTERN_IN_SYSTEM_MEMORY | MFX_IOPATTERN_OUT_SYSTEM_MEMORY };
        mfxSyncPoint point;

        par.vpp.In = info_of(cases[i].from);
        par.vpp.Out = info_of(cases[i].to);
        client_open(&client);
        frame_create(&in, &par.vpp.In);
        frame_create(&out, &par.vpp.Out);
        frame_paint(&in, 3);
        assert_int_equal(MFXVideoVPP_Init(client.session, &par), MFX_ERR_NONE);
        assert_int_equal(MFXVideoVPP_RunFrameVPPAsync(client.session, &in.surface, &out.surface, NULL, &point),
                         MFX_ERR_NONE);
        assert_int_equal(MFXVideoCORE_SyncOperation(client.session, point, WAIT_MS), MFX_ERR_NONE);
        pictures_agree(&in.surface, &out.surface, cases[i].luma, cases[i].chroma);
        client_close(&client);
        frame_destroy(&in);
        frame_destroy(&out);
    }
}

static void ten_bits_scale_and_get_bars(void **state)
{
    (void)state;
    struct client client;
    struct frame in, out;
    mfxVideoParam par = { .IOPattern = MFX_IOPATTERN_IN_SYSTEM_MEMORY | MFX_IOPATTERN_OUT_SYSTEM_MEMORY };
    mfxSyncPoint point;

    par.vpp.In = info_of(MFX_FOURCC_P010);
    par.vpp.Out = p010_info(96, 96);
    par.vpp.Out.CropH = 48;
    par.vpp.Out.CropY = 24;
    client_open(&client);
    frame_create(&in, &par.vpp.In);
    frame_create(&out, &par.vpp.Out);
    uint16_t *samples = (uint16_t *)in.memory;
    for (int i = 0; i < WIDTH * HEIGHT * 3 / 2; i++)
        samples[i] = (uint16_t)((i < WIDTH * HEIGHT ? 701 : 333) << 6);
    assert_int_equal(MFXVideoVPP_Init(client.session, &par), MFX_ERR_NONE);
    assert_int_equal(MFXVideoVPP_RunFrameVPPAsync(client.session, &in.surface, &out.surface, NULL, &point),
                     MFX_ERR_NONE);
    assert_int_equal(MFXVideoCORE_SyncOperation(client.session, point, WAIT_MS), MFX_ERR_NONE);
    assert_int_equal(luma_at(&out.surface, 48, 23), 64); /* black */
    assert_int_equal(chroma_at(&out.surface, 48, 23), 512);
    assert_int_equal(luma_at(&out.surface, 48, 24), 701);
    assert_int_equal(chroma_at(&out.surface, 48, 26), 333);
    assert_int_equal(luma_at(&out.surface, 95, 71), 701);
    assert_int_equal(luma_at(&out.surface, 95, 72), 64);
    client_close(&client);
    frame_destroy(&in);
    frame_destroy(&out);
}

/* ---- there and back --------------------------------------------------------------------------------------------- */

static void decode_and_compare(const struct stream *stream, uint32_t codec, uint32_t fourcc, int tolerance)
{
    struct client client;
    struct frame expected;
    mfxFrameInfo info = info_of(fourcc);
    mfxVideoParam par = { .IOPattern = MFX_IOPATTERN_OUT_SYSTEM_MEMORY, .mfx.CodecId = codec };
    mfxBitstream bitstream = { .Data = stream->data,
                               .MaxLength = (mfxU32)stream->bytes,
                               .DataLength = (mfxU32)stream->bytes,
                               .DataFlag = MFX_BITSTREAM_EOS };
    unsigned frames = 0;

    client_open(&client);
    frame_create(&expected, &info);
    assert_int_equal(MFXVideoDECODE_DecodeHeader(client.session, &bitstream, &par), MFX_ERR_NONE);
    assert_int_equal(par.mfx.FrameInfo.FourCC, fourcc);
    assert_int_equal(par.mfx.FrameInfo.BitDepthLuma, fourcc == MFX_FOURCC_NV12 ? 8 : 10);
    assert_int_equal(par.mfx.FrameInfo.Shift, fourcc != MFX_FOURCC_NV12);
    assert_int_equal(MFXVideoDECODE_Init(client.session, &par), MFX_ERR_NONE);
    for (mfxBitstream *input = &bitstream; frames < FRAMES;) {
        mfxFrameSurface1 *out;
        mfxSyncPoint point;
        mfxStatus status = MFXVideoDECODE_DecodeFrameAsync(client.session, input, NULL, &out, &point);
        if (status == MFX_ERR_MORE_DATA) {
            assert_non_null(input);
            input = NULL;
            continue;
        }
        assert_int_equal(status, MFX_ERR_NONE);
        assert_int_equal(MFXVideoCORE_SyncOperation(client.session, point, WAIT_MS), MFX_ERR_NONE);
        frame_paint(&expected, (int)frames++);
        pictures_agree(out, &expected.surface, tolerance, tolerance);
        out->FrameInterface->Release(out);
    }
    client_close(&client);
    frame_destroy(&expected);
}

static void coded_pictures_come_back(void **state)
{
    (void)state;
    static const struct {
        uint32_t codec, fourcc;
    } cases[] = { { MFX_CODEC_HEVC, MFX_FOURCC_NV12 },
                  { MFX_CODEC_HEVC, MFX_FOURCC_P010 },
                  { MFX_CODEC_HEVC, MFX_FOURCC_Y210 } };

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mfxVideoParam par = encode_par(WIDTH, HEIGHT);
        struct encode_run run = { .frames = FRAMES };
        struct stream stream = { 0 };
        par.mfx.CodecId = cases[i].codec;
        par.mfx.FrameInfo = info_of(cases[i].fourcc);
        par.mfx.RateControlMethod = MFX_RATECONTROL_CQP;
        par.mfx.QPI = par.mfx.QPP = par.mfx.QPB = 4;
        par.mfx.GopRefDist = 1;
        encode_stream(&par, &run, &stream);
        decode_and_compare(&stream, cases[i].codec, cases[i].fourcc, 48);
        stream_free(&stream);
    }
}

/* Debian's x265 3.5 forgets some tables and names, a few kilobytes for each encoder. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libx265.so\n";
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_become_each_other),
        cmocka_unit_test(ten_bits_scale_and_get_bars),
        cmocka_unit_test(coded_pictures_come_back),
    };
    client_environment();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
