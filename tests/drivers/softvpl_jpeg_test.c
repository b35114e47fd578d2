/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The JPEG encoder of the software runtime, from outside: the same bytes as ffmpeg's mjpeg. */
#include "tests/drivers/softvpl/client.h"

enum { WIDTH = 200, HEIGHT = 112, FRAMES = 3 };

static mfxVideoParam jpeg_par(unsigned quality)
{
    mfxVideoParam par = { .AsyncDepth = 4, .IOPattern = MFX_IOPATTERN_IN_SYSTEM_MEMORY };
    par.mfx.CodecId = MFX_CODEC_JPEG;
    par.mfx.CodecProfile = MFX_PROFILE_JPEG_BASELINE;
    par.mfx.FrameInfo = nv12_info(WIDTH, HEIGHT);
    par.mfx.FrameInfo.AspectRatioW = par.mfx.FrameInfo.AspectRatioH = 1;
    par.mfx.Interleaved = 1;
    par.mfx.Quality = (mfxU16)quality;
    return par;
}

static void encode(unsigned quality, struct stream *stream)
{
    static mfxU8 memory[WIDTH * HEIGHT * 3];
    mfxVideoParam par = jpeg_par(quality);
    struct client client;
    struct frame frame;
    mfxEncodeStat statistics;

    client_open(&client);
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_NONE);
    frame_create(&frame, &par.mfx.FrameInfo);
    for (int i = 0; i < FRAMES; i++) {
        mfxBitstream bitstream = { .Data = memory, .MaxLength = sizeof memory };
        mfxSyncPoint point;
        paint(frame.memory, frame.surface.Info.Width, frame.surface.Info.Width, frame.surface.Info.Height, i);
        frame.surface.Data.TimeStamp = 1000 + (mfxU64)i * 90000;
        assert_int_equal(MFXVideoENCODE_EncodeFrameAsync(client.session, NULL, &frame.surface, &bitstream, &point),
                         MFX_ERR_NONE);
        assert_int_equal(MFXVideoCORE_SyncOperation(client.session, point, WAIT_MS), MFX_ERR_NONE);
        assert_false(frame_locked(&frame));
        assert_int_equal(bitstream.TimeStamp, 1000 + i * 90000);
        stream_add(stream, &bitstream);
    }
    mfxBitstream nothing = { .Data = memory, .MaxLength = sizeof memory };
    mfxSyncPoint point;
    assert_int_equal(MFXVideoENCODE_EncodeFrameAsync(client.session, NULL, NULL, &nothing, &point), MFX_ERR_MORE_DATA);
    assert_int_equal(MFXVideoENCODE_GetEncodeStat(client.session, &statistics), MFX_ERR_NONE);
    assert_int_equal(statistics.NumFrame, FRAMES);
    frame_destroy(&frame);
    assert_int_equal(MFXVideoENCODE_Close(client.session), MFX_ERR_NONE);
    assert_int_equal(MFXVideoENCODE_Close(client.session), MFX_ERR_NOT_INITIALIZED);
    client_close(&client);
}

static void the_bytes_are_those_of_ffmpeg(void **state)
{
    (void)state;
    static const struct {
        unsigned quality, scale;
    } levels[] = { { 100, 2 }, { 80, 8 }, { 1, 31 } };
    char folder[] = "/tmp/softvpl-jpeg-XXXXXX", path[128], out[128], command[1024];
    uint8_t nv12[WIDTH * HEIGHT * 3 / 2];

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/source.nv12", folder);
    snprintf(out, sizeof out, "%s/out.mjpeg", folder);
    FILE *file = fopen(path, "wb");
    for (int i = 0; i < FRAMES; i++) {
        paint(nv12, WIDTH, WIDTH, HEIGHT, i);
        assert_int_equal(fwrite(nv12, 1, sizeof nv12, file), sizeof nv12);
    }
    fclose(file);
    for (unsigned i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        struct stream stream = { 0 };
        size_t bytes;
        encode(levels[i].quality, &stream);
        snprintf(command, sizeof command,
                 "ffmpeg -v error -y -f rawvideo -pix_fmt nv12 -s %dx%d -i %s -vf setsar=1,format=yuvj420p -c:v mjpeg "
                 "-threads 1 -flags +bitexact -q:v %u -f mjpeg %s </dev/null",
                 WIDTH, HEIGHT, path, levels[i].scale, out);
        assert_int_equal(system(command), 0);
        uint8_t *expected = read_whole(out, &bytes);
        if (bytes != stream.bytes || memcmp(expected, stream.data, bytes) != 0)
            fail_msg("not the bytes of ffmpeg -q:v %u (%zu, here %zu)", levels[i].scale, bytes, stream.bytes);
        free(expected);
        stream_free(&stream);
    }
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

static void what_cannot_be_had_is_refused(void **state)
{
    (void)state;
    struct client client;
    mfxVideoParam par = jpeg_par(101), out = { 0 };

    client_open(&client);
    out.mfx.CodecId = MFX_CODEC_JPEG;
    assert_int_equal(MFXVideoENCODE_Query(client.session, &par, &out), MFX_WRN_INCOMPATIBLE_VIDEO_PARAM);
    assert_int_equal(out.mfx.Quality, 100);
    par = jpeg_par(50);
    par.mfx.RestartInterval = 3;
    assert_int_equal(MFXVideoENCODE_Query(client.session, &par, &out), MFX_ERR_UNSUPPORTED);
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_INVALID_VIDEO_PARAM);
    par = jpeg_par(50);
    par.mfx.FrameInfo.FourCC = MFX_FOURCC_RGB4;
    assert_true(MFXVideoENCODE_Init(client.session, &par) < MFX_ERR_NONE);
    par = jpeg_par(0);
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_NONE);
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_UNDEFINED_BEHAVIOR);
    assert_int_equal(MFXVideoENCODE_GetVideoParam(client.session, &out), MFX_ERR_NONE);
    assert_int_equal(out.mfx.Quality, 75);
    client_close(&client); /* with the encoder in it */
}

static int setup(void **state)
{
    (void)state;
    client_environment();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_are_those_of_ffmpeg),
        cmocka_unit_test(what_cannot_be_had_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
