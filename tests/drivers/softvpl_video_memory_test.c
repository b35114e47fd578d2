/* SPDX-License-Identifier: GPL-2.0-or-later */
/* softvpl_video_memory_test.c - a stream decoded, scaled and encoded anew in the surfaces of a VA-API display: the
 * bytes are those of system memory, nothing is copied between the three, and what the surfaces say of themselves is
 * true. */
#include "tests/drivers/softva/display.h"
#include "tests/drivers/softvpl/client.h"

enum { WIDTH = 320, HEIGHT = 192, SMALL_WIDTH = 160, SMALL_HEIGHT = 96, FRAMES = 12 };

struct chain {
    struct client client;
    mfxVideoParam decode, vpp, encode;
    bool video;
    VADisplay va;
    mfxU8 *memory;
    mfxU32 room;
};

static void chain_open(struct chain *chain, VADisplay va, const struct stream *source)
{
    mfxBitstream look = { .Data = source->data,
                          .DataLength = (mfxU32)source->bytes,
                          .MaxLength = (mfxU32)source->bytes };
    mfxU16 in = va ? MFX_IOPATTERN_IN_VIDEO_MEMORY : MFX_IOPATTERN_IN_SYSTEM_MEMORY;
    mfxU16 out = va ? MFX_IOPATTERN_OUT_VIDEO_MEMORY : MFX_IOPATTERN_OUT_SYSTEM_MEMORY;

    *chain = (struct chain){ .va = va, .encode = encode_par(SMALL_WIDTH, SMALL_HEIGHT) };
    client_open(&chain->client);
    mfxSession session = chain->client.session;
    if (va)
        assert_int_equal(MFXVideoCORE_SetHandle(session, MFX_HANDLE_VA_DISPLAY, va), MFX_ERR_NONE);
    chain->decode.mfx.CodecId = MFX_CODEC_AVC;
    chain->decode.IOPattern = out;
    assert_int_equal(MFXVideoDECODE_DecodeHeader(session, &look, &chain->decode), MFX_ERR_NONE);
    assert_int_equal(MFXVideoDECODE_Init(session, &chain->decode), MFX_ERR_NONE);
    chain->vpp.IOPattern = in | out;
    chain->vpp.vpp.In = chain->decode.mfx.FrameInfo;
    chain->vpp.vpp.In.FrameRateExtN = 25;
    chain->vpp.vpp.In.FrameRateExtD = 1;
    chain->vpp.vpp.Out = chain->encode.mfx.FrameInfo;
    assert_true(MFXVideoVPP_Init(session, &chain->vpp) >= MFX_ERR_NONE);
    chain->encode.IOPattern = in;
    assert_true(MFXVideoENCODE_Init(session, &chain->encode) >= MFX_ERR_NONE);
    chain->room = 1 << 20;
    chain->memory = malloc(chain->room);
}

static void chain_close(struct chain *chain)
{
    MFXVideoDECODE_Close(chain->client.session);
    MFXVideoVPP_Close(chain->client.session);
    MFXVideoENCODE_Close(chain->client.session);
    client_close(&chain->client);
    free(chain->memory);
}

/* What a surface tells where it lies. */
static void check_surface(const struct chain *chain, mfxFrameSurface1 *surface)
{
    mfxHDL handle = NULL, device = NULL;
    mfxResourceType type;
    mfxHandleType device_type;
    mfxStatus status = surface->FrameInterface->GetNativeHandle(surface, &handle, &type);

    if (!chain->video) {
        assert_int_equal(status, MFX_ERR_UNSUPPORTED);
        assert_true(surface->Data.MemType & MFX_MEMTYPE_SYSTEM_MEMORY);
        return;
    }
    assert_int_equal(status, MFX_ERR_NONE);
    assert_int_equal(type, MFX_RESOURCE_VA_SURFACE);
    assert_int_equal(vaSyncSurface(chain->va, *(VASurfaceID *)handle), VA_STATUS_SUCCESS);
    assert_int_equal(surface->FrameInterface->GetDeviceHandle(surface, &device, &device_type), MFX_ERR_NONE);
    assert_ptr_equal(device, chain->va);
    assert_int_equal(device_type, MFX_HANDLE_VA_DISPLAY);
    assert_false(surface->Data.MemType & MFX_MEMTYPE_SYSTEM_MEMORY);
}

static bool encode_one(struct chain *chain, mfxFrameSurface1 *surface, struct stream *stream)
{
    mfxBitstream bitstream = { .Data = chain->memory, .MaxLength = chain->room };
    mfxSyncPoint point = NULL;
    mfxStatus status = MFXVideoENCODE_EncodeFrameAsync(chain->client.session, NULL, surface, &bitstream, &point);

    if (status == MFX_ERR_MORE_DATA)
        return false;
    assert_int_equal(status, MFX_ERR_NONE);
    assert_int_equal(MFXVideoCORE_SyncOperation(chain->client.session, point, WAIT_MS), MFX_ERR_NONE);
    stream_add(stream, &bitstream);
    return true;
}

/* Nobody waits between the stages: each finds its input by itself. */
static void pass_on(struct chain *chain, mfxFrameSurface1 *decoded, struct stream *stream)
{
    mfxSession session = chain->client.session;
    mfxFrameSurface1 *scaled = NULL;
    mfxSyncPoint point;

    check_surface(chain, decoded);
    assert_int_equal(MFXMemory_GetSurfaceForVPPOut(session, &scaled), MFX_ERR_NONE);
    assert_int_equal(MFXVideoVPP_RunFrameVPPAsync(session, decoded, scaled, NULL, &point), MFX_ERR_NONE);
    decoded->FrameInterface->Release(decoded);
    check_surface(chain, scaled);
    encode_one(chain, scaled, stream);
    scaled->FrameInterface->Release(scaled);
}

/* Until the decoder asks for more. in: NULL: what it still holds. */
static void decode_what_is_there(struct chain *chain, mfxBitstream *in, struct stream *stream)
{
    for (;;) {
        mfxFrameSurface1 *decoded = NULL;
        mfxSyncPoint point = NULL;
        mfxStatus status = MFXVideoDECODE_DecodeFrameAsync(chain->client.session, in, NULL, &decoded, &point);
        if (status == MFX_ERR_MORE_DATA)
            return;
        if (status == MFX_WRN_DEVICE_BUSY)
            usleep(500);
        else if (status != MFX_WRN_VIDEO_PARAM_CHANGED)
            assert_int_equal(status, MFX_ERR_NONE);
        if (point)
            pass_on(chain, decoded, stream);
    }
}

static void run(VADisplay va, bool video, const struct stream *source, struct stream *stream)
{
    struct chain chain;
    mfxBitstream in = { .Data = source->data,
                        .DataLength = (mfxU32)source->bytes,
                        .MaxLength = (mfxU32)source->bytes,
                        .DataFlag = MFX_BITSTREAM_EOS,
                        .TimeStamp = (mfxU64)MFX_TIMESTAMP_UNKNOWN };

    chain_open(&chain, va, source);
    chain.video = video;
    decode_what_is_there(&chain, &in, stream);
    decode_what_is_there(&chain, NULL, stream);
    while (encode_one(&chain, NULL, stream))
        ;
    assert_int_equal(stream->units, FRAMES);
    chain_close(&chain);
}

static void the_bytes_are_those_of_system_memory_and_none_is_copied(void **state)
{
    (void)state;
    struct va_display *display = open_display();
    mfxVideoParam par = encode_par(WIDTH, HEIGHT);
    struct encode_run made = { .frames = FRAMES };
    struct stream source = { 0 }, system = { 0 }, video = { 0 };
    encode_stream(&par, &made, &source);
    run(NULL, false, &source, &system);
    run(va_display_handle(display), true, &source, &video);
    assert_int_equal(copied_bytes(va_display_handle(display)), 0);
    assert_int_equal(video.bytes, system.bytes);
    assert_memory_equal(video.data, system.data, system.bytes);
    stream_free(&source);
    stream_free(&system);
    stream_free(&video);
    va_display_destroy(display);
}

/* Surfaces that cannot be made, or not be seen: the processor's memory has the pictures, and nothing is missing. */
static void what_a_display_cannot_keep_lies_in_system_memory(void **state)
{
    (void)state;
    static const VADisplayAttribType types[] = { SOFTVA_DISPLAY_ATTRIBUTE_ABSENT, SOFTVA_DISPLAY_ATTRIBUTE_UNDERIVED };
    struct va_display *display = open_display();
    mfxVideoParam par = encode_par(WIDTH, HEIGHT);
    struct encode_run made = { .frames = FRAMES };
    struct stream source = { 0 }, system = { 0 };
    encode_stream(&par, &made, &source);
    run(NULL, false, &source, &system);
    for (unsigned i = 0; i < 2; i++) {
        struct stream stream = { 0 };
        set_attribute(va_display_handle(display), types[i], VA_FOURCC_NV12);
        run(va_display_handle(display), false, &source, &stream);
        set_attribute(va_display_handle(display), types[i], 0);
        assert_int_equal(stream.bytes, system.bytes);
        assert_memory_equal(stream.data, system.data, system.bytes);
        stream_free(&stream);
    }
    stream_free(&source);
    stream_free(&system);
    va_display_destroy(display);
}

static void surfaces_can_be_mapped(void **state)
{
    (void)state;
    struct va_display *display = open_display();
    struct client client;
    mfxVideoParam par = encode_par(WIDTH, HEIGHT);
    mfxFrameSurface1 *surface = NULL;
    par.IOPattern = MFX_IOPATTERN_IN_VIDEO_MEMORY;
    client_open(&client);
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_INVALID_VIDEO_PARAM); /* no display yet */
    assert_int_equal(MFXVideoCORE_SetHandle(client.session, MFX_HANDLE_VA_DISPLAY, va_display_handle(display)), 0);
    assert_true(MFXVideoENCODE_Init(client.session, &par) >= MFX_ERR_NONE);
    mfxFrameAllocRequest request;
    assert_int_equal(MFXVideoENCODE_QueryIOSurf(client.session, &par, &request), MFX_ERR_NONE);
    assert_true(request.Type & MFX_MEMTYPE_VIDEO_MEMORY_PROCESSOR_TARGET);
    assert_int_equal(MFXMemory_GetSurfaceForEncode(client.session, &surface), MFX_ERR_NONE);
    assert_int_equal(surface->FrameInterface->Map(surface, MFX_MAP_WRITE), MFX_ERR_NONE);
    assert_int_equal(surface->Data.Y[0], 16); /* black at first */
    assert_int_equal(surface->Data.UV[0], 128);
    surface->Data.Y[5] = 99;
    assert_int_equal(surface->FrameInterface->Map(surface, MFX_MAP_READ), MFX_ERR_RESOURCE_MAPPED);
    assert_int_equal(surface->FrameInterface->Unmap(surface), MFX_ERR_NONE);
    assert_int_equal(surface->FrameInterface->Map(surface, MFX_MAP_READ), MFX_ERR_NONE);
    assert_int_equal(surface->FrameInterface->Map(surface, MFX_MAP_READ), MFX_ERR_NONE);
    assert_int_equal(surface->Data.Y[5], 99);
    assert_int_equal(surface->FrameInterface->Unmap(surface), MFX_ERR_NONE);
    assert_int_equal(surface->Data.Y[5], 99);
    assert_int_equal(surface->FrameInterface->Unmap(surface), MFX_ERR_NONE);
    assert_int_equal(surface->FrameInterface->Release(surface), MFX_ERR_NONE);
    assert_int_equal(MFXVideoENCODE_Close(client.session), MFX_ERR_NONE);
    client_close(&client);
    va_display_destroy(display);
}

/* ---- an application's own surfaces ------------------------------------------------------------------------------- */

static mfxStatus never(mfxHDL pthis, mfxMemId id, mfxFrameData *data)
{
    (void)pthis;
    (void)id;
    (void)data;
    return MFX_ERR_UNSUPPORTED;
}

/* As libavcodec's allocator does: two words. */
static mfxStatus tell_handle(mfxHDL pthis, mfxMemId id, mfxHDL *handle)
{
    (void)pthis;
    ((mfxHDLPair *)handle)->first = id;
    ((mfxHDLPair *)handle)->second = NULL;
    return MFX_ERR_NONE;
}

/* The first picture of encode_frames(). */
static void paint_first(VADisplay va, VASurfaceID surface)
{
    VAImage image;
    uint8_t *to = pixels(va, surface, &image), *from = malloc(WIDTH * HEIGHT * 3 / 2);

    paint(from, WIDTH, WIDTH, HEIGHT, 0);
    for (unsigned y = 0; y < HEIGHT; y++)
        memcpy(to + image.offsets[0] + y * image.pitches[0], from + y * WIDTH, WIDTH);
    for (unsigned y = 0; y < HEIGHT / 2; y++)
        memcpy(to + image.offsets[1] + y * image.pitches[1], from + (HEIGHT + y) * WIDTH, WIDTH);
    free(from);
}

/* One picture of a surface that only GetHDL knows. */
static mfxStatus encode_of_allocator(VADisplay va, int height, struct stream *stream)
{
    struct client client;
    mfxFrameAllocator allocator = { .Lock = never, .Unlock = never, .GetHDL = tell_handle };
    mfxVideoParam par = encode_par(WIDTH, HEIGHT);
    static mfxU8 memory[1 << 20];
    mfxBitstream bitstream = { .Data = memory, .MaxLength = sizeof memory };
    mfxFrameSurface1 frame = { .Info = par.mfx.FrameInfo };
    VASurfaceID surface;
    mfxSyncPoint point;

    par.IOPattern = MFX_IOPATTERN_IN_VIDEO_MEMORY;
    client_open(&client);
    assert_int_equal(MFXVideoCORE_SetHandle(client.session, MFX_HANDLE_VA_DISPLAY, va), MFX_ERR_NONE);
    assert_int_equal(MFXVideoCORE_SetFrameAllocator(client.session, &allocator), MFX_ERR_NONE);
    assert_true(MFXVideoENCODE_Init(client.session, &par) >= MFX_ERR_NONE);
    assert_int_equal(vaCreateSurfaces(va, VA_RT_FORMAT_YUV420, WIDTH, (unsigned)height, &surface, 1, NULL, 0), 0);
    if (height == HEIGHT)
        paint_first(va, surface);
    frame.Data.MemId = &surface;
    assert_int_equal(MFXVideoENCODE_EncodeFrameAsync(client.session, NULL, &frame, NULL, &point), MFX_ERR_MORE_DATA);
    assert_int_equal(MFXVideoENCODE_EncodeFrameAsync(client.session, NULL, NULL, &bitstream, &point), MFX_ERR_NONE);
    mfxStatus status = MFXVideoCORE_SyncOperation(client.session, point, WAIT_MS);
    if (status == MFX_ERR_NONE)
        stream_add(stream, &bitstream);
    assert_int_equal(MFXVideoENCODE_Close(client.session), MFX_ERR_NONE);
    client_close(&client);
    assert_int_equal(vaDestroySurfaces(va, &surface, 1), VA_STATUS_SUCCESS);
    return status;
}

static void surfaces_of_an_allocator_are_read_where_they_lie(void **state)
{
    (void)state;
    struct va_display *display = open_display();
    mfxVideoParam par = encode_par(WIDTH, HEIGHT);
    struct encode_run one = { .frames = 1 };
    struct stream system = { 0 }, video = { 0 };
    encode_stream(&par, &one, &system);
    assert_int_equal(encode_of_allocator(va_display_handle(display), HEIGHT, &video), MFX_ERR_NONE);
    assert_int_equal(copied_bytes(va_display_handle(display)), 0);
    assert_int_equal(video.bytes, system.bytes);
    assert_memory_equal(video.data, system.data, system.bytes);
    /* a surface that is smaller than it should be is not read beyond its end */
    assert_true(encode_of_allocator(va_display_handle(display), HEIGHT / 2, &video) < MFX_ERR_NONE);
    stream_free(&system);
    stream_free(&video);
    va_display_destroy(display);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_are_those_of_system_memory_and_none_is_copied),
        cmocka_unit_test(what_a_display_cannot_keep_lies_in_system_memory),
        cmocka_unit_test(surfaces_can_be_mapped),
        cmocka_unit_test(surfaces_of_an_allocator_are_read_where_they_lie),
    };
    client_environment();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
