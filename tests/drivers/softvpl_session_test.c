/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sessions, sync points and surfaces of the software runtime. */
#include "tests/drivers/softvpl/client.h"

#include <dlfcn.h>
#include <pthread.h>

enum { WIDTH = 192, HEIGHT = 112 };

static bool is_one_of(uint32_t fourcc, const mfxU32 *formats, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (formats[i] == fourcc)
            return true;
    return false;
}

/* Every format that is listed can be had; ten bits are listed where the profile has them. */
static void decoder_has_profile(mfxSession session, mfxU32 codec, const struct decprofile *profile)
{
    const mfxU32 *formats = profile->MemDesc[0].ColorFormats;
    unsigned count = profile->MemDesc[0].NumColorFormats;
    bool ten = is_one_of(MFX_FOURCC_P010, formats, count);

    for (unsigned i = 0; i < count; i++) {
        mfxVideoParam par = { .IOPattern = MFX_IOPATTERN_OUT_SYSTEM_MEMORY };
        bool wide = formats[i] == MFX_FOURCC_YUY2 || formats[i] == MFX_FOURCC_Y210;
        par.mfx.CodecId = codec;
        par.mfx.CodecProfile = (mfxU16)profile->Profile;
        par.mfx.FrameInfo = nv12_info(64, 64);
        par.mfx.FrameInfo.FourCC = formats[i];
        par.mfx.FrameInfo.ChromaFormat = wide ? MFX_CHROMAFORMAT_YUV422 : MFX_CHROMAFORMAT_YUV420;
        assert_int_equal(MFXVideoDECODE_Init(session, &par), MFX_ERR_NONE);
        assert_int_equal(MFXVideoDECODE_Close(session), MFX_ERR_NONE);
    }
    if (codec == MFX_CODEC_AVC)
        assert_int_equal(ten,
                         profile->Profile == MFX_PROFILE_AVC_HIGH10 || profile->Profile == MFX_PROFILE_AVC_HIGH_422);
    if (codec == MFX_CODEC_MPEG2 || codec == MFX_CODEC_JPEG) {
        mfxVideoParam par = { .IOPattern = MFX_IOPATTERN_OUT_SYSTEM_MEMORY };
        par.mfx.CodecId = codec;
        par.mfx.FrameInfo = p010_info(64, 64);
        assert_false(ten);
        assert_int_equal(MFXVideoDECODE_Query(session, &par, &par), MFX_ERR_UNSUPPORTED);
    }
}

static void the_dispatcher_finds_a_true_description(void **state)
{
    (void)state;
    struct client client;
    mfxImplDescription *description;
    mfxVersion version;
    mfxIMPL implementation;

    client_open(&client);
    assert_int_equal(MFXEnumImplementations(client.loader, 0, MFX_IMPLCAPS_IMPLDESCSTRUCTURE, (mfxHDL *)&description),
                     MFX_ERR_NONE);
    assert_int_equal(description->Impl, MFX_IMPL_TYPE_SOFTWARE);
    assert_int_equal(description->AccelerationMode, MFX_ACCEL_MODE_NA);
    assert_int_equal(description->ApiVersion.Major, 2);
    assert_int_equal(description->ApiVersion.Minor, 8);
    /* Whatever is listed can be had, with each format that is listed. */
    for (unsigned i = 0; i < description->Dec.NumCodecs; i++) {
        for (unsigned p = 0; p < description->Dec.Codecs[i].NumProfiles; p++)
            decoder_has_profile(client.session, description->Dec.Codecs[i].CodecID,
                                &description->Dec.Codecs[i].Profiles[p]);
    }
    assert_int_equal(description->Dec.NumCodecs, 5);
    for (unsigned i = 0; i < description->Enc.NumCodecs; i++) {
        for (unsigned p = 0; p < description->Enc.Codecs[i].NumProfiles; p++) {
            const struct encprofile *profile = &description->Enc.Codecs[i].Profiles[p];
            mfxVideoParam par = encode_par(64, 64);
            par.mfx.CodecId = description->Enc.Codecs[i].CodecID;
            par.mfx.CodecProfile = (mfxU16)profile->Profile;
            par.mfx.FrameInfo.FourCC = profile->MemDesc[0].ColorFormats[0];
            if (par.mfx.FrameInfo.FourCC == MFX_FOURCC_Y210)
                par.mfx.FrameInfo.ChromaFormat = MFX_CHROMAFORMAT_YUV422;
            assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_NONE);
            assert_int_equal(MFXVideoENCODE_Close(client.session), MFX_ERR_NONE);
        }
    }
    assert_int_equal(MFXDispReleaseImplDescription(client.loader, description), MFX_ERR_NONE);
    assert_int_equal(MFXQueryVersion(client.session, &version), MFX_ERR_NONE);
    assert_int_equal(version.Version, 2 << 16 | 8);
    assert_int_equal(MFXQueryIMPL(client.session, &implementation), MFX_ERR_NONE);
    assert_int_equal(MFX_IMPL_BASETYPE(implementation), MFX_IMPL_SOFTWARE);
    assert_int_equal(MFXVideoDECODE_VPP_Close(client.session), MFX_ERR_UNSUPPORTED);
    client_close(&client);
}

static void joined_sessions_and_priority(void **state)
{
    (void)state;
    struct client client, other;
    mfxPriority priority;

    client_open(&client);
    client_open(&other);
    assert_int_equal(MFXSetPriority(client.session, MFX_PRIORITY_HIGH), MFX_ERR_NONE);
    assert_int_equal(MFXGetPriority(client.session, &priority), MFX_ERR_NONE);
    assert_int_equal(priority, MFX_PRIORITY_HIGH);
    assert_int_equal(MFXJoinSession(client.session, other.session), MFX_ERR_NONE);
    assert_int_equal(MFXDisjoinSession(other.session), MFX_ERR_NONE);
    assert_int_equal(MFXDisjoinSession(other.session), MFX_ERR_UNDEFINED_BEHAVIOR);
    client_close(&other);
    client_close(&client);
}

/* What 2.x has no longer: the old dispatcher wants all of it to be there. */
static void check_dropped_functions(void *library, mfxSession session)
{
    static const char *const names[] = {
        "MFXDoWork",
        "MFXVideoCORE_SetBufferAllocator",
        "MFXVideoVPP_RunFrameVPPAsyncEx",
        "MFXVideoUSER_Register",
        "MFXVideoUSER_Unregister",
        "MFXVideoUSER_GetPlugin",
        "MFXVideoUSER_ProcessFrameAsync",
        "MFXVideoENC_Query",
        "MFXVideoENC_QueryIOSurf",
        "MFXVideoENC_Init",
        "MFXVideoENC_Reset",
        "MFXVideoENC_Close",
        "MFXVideoENC_GetVideoParam",
        "MFXVideoENC_ProcessFrameAsync",
        "MFXVideoPAK_Query",
        "MFXVideoPAK_QueryIOSurf",
        "MFXVideoPAK_Init",
        "MFXVideoPAK_Reset",
        "MFXVideoPAK_Close",
        "MFXVideoPAK_GetVideoParam",
        "MFXVideoPAK_ProcessFrameAsync",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_non_null(dlsym(library, names[i]));
    mfxStatus (*close_pak)(mfxSession) = (mfxStatus(*)(mfxSession))dlsym(library, "MFXVideoPAK_Close");
    assert_int_equal(close_pak(NULL), MFX_ERR_INVALID_HANDLE);
    assert_int_equal(close_pak(session), MFX_ERR_UNSUPPORTED);
}

/* Without the dispatcher: what old clients see, and what the stock dispatcher does not pass on. */
static void old_sessions_speak_api_1(void **state)
{
    (void)state;
    char path[512];
    snprintf(path, sizeof path, "%s/libvplswref64.so.1", getenv("ONEVPL_PRIORITY_PATH"));
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(library);
    mfxStatus (*init)(mfxInitParam, mfxSession *) =
        (mfxStatus(*)(mfxInitParam, mfxSession *))dlsym(library, "MFXInitEx");
    mfxStatus (*close_session)(mfxSession) = (mfxStatus(*)(mfxSession))dlsym(library, "MFXClose");
    mfxStatus (*clone)(mfxSession, mfxSession *) =
        (mfxStatus(*)(mfxSession, mfxSession *))dlsym(library, "MFXCloneSession");
    mfxStatus (*query)(mfxSession, mfxVersion *) =
        (mfxStatus(*)(mfxSession, mfxVersion *))dlsym(library, "MFXQueryVersion");
    mfxStatus (*join)(mfxSession, mfxSession) = (mfxStatus(*)(mfxSession, mfxSession))dlsym(library, "MFXJoinSession");
    mfxInitParam par = { .Implementation = MFX_IMPL_SOFTWARE, .Version = { .Major = 1, .Minor = 20 } };
    mfxSession session, second;
    mfxVersion version;
    assert_int_equal(init(par, &session), MFX_ERR_NONE);
    assert_int_equal(query(session, &version), MFX_ERR_NONE);
    assert_int_equal(version.Version, 1 << 16 | 35);
    assert_int_equal(clone(session, &second), MFX_ERR_NONE);
    assert_int_equal(join(session, second), MFX_ERR_NONE);
    assert_int_equal(close_session(session), MFX_ERR_UNDEFINED_BEHAVIOR); /* it has a child */
    assert_int_equal(close_session(second), MFX_ERR_NONE);
    assert_int_equal(close_session(session), MFX_ERR_NONE);
    par.Version.Minor = 36;
    assert_int_equal(init(par, &session), MFX_ERR_UNSUPPORTED);
    par.Version.Minor = 35;
    par.Implementation = MFX_IMPL_HARDWARE_ANY | MFX_IMPL_VIA_VAAPI;
    assert_int_equal(init(par, &session), MFX_ERR_UNSUPPORTED);
    setenv("BIPLANE_SOFTVPL_HARDWARE", "1", 1); /* it may play one */
    assert_int_equal(init(par, &session), MFX_ERR_NONE);
    unsetenv("BIPLANE_SOFTVPL_HARDWARE");
    mfxStatus (*implementation)(mfxSession, mfxIMPL *) =
        (mfxStatus(*)(mfxSession, mfxIMPL *))dlsym(library, "MFXQueryIMPL");
    mfxIMPL played;
    assert_int_equal(implementation(session, &played), MFX_ERR_NONE);
    assert_int_equal(MFX_IMPL_BASETYPE(played), MFX_IMPL_HARDWARE);
    check_dropped_functions(library, session);
    assert_int_equal(close_session(session), MFX_ERR_NONE);
    assert_int_equal(close_session(NULL), MFX_ERR_INVALID_HANDLE);
    dlclose(library);
}

/* ---- personalities ---------------------------------------------------------------------------------------------- */

static mfxStatus query_as(const char *personality, mfxVideoParam *in, mfxVideoParam *out)
{
    struct client client;

    setenv("BIPLANE_SOFTVPL_PERSONALITY", personality, 1);
    client_open(&client);
    unsetenv("BIPLANE_SOFTVPL_PERSONALITY");
    mfxStatus status = MFXVideoENCODE_Query(client.session, in, out);
    client_close(&client);
    return status;
}

static void personalities_refuse_what_their_hardware_does(void **state)
{
    (void)state;
    mfxVideoParam par = encode_par(192, 112), out = { 0 };

    assert_int_equal(query_as("vdenc", &par, &out), MFX_ERR_NONE);
    par.mfx.FrameInfo.Height = par.mfx.FrameInfo.CropH = 108; /* no whole macroblocks */
    assert_int_equal(query_as("", &par, &out), MFX_ERR_NONE);
    assert_int_equal(query_as("vme", &par, &out), MFX_ERR_UNSUPPORTED);
    assert_int_equal(out.mfx.FrameInfo.Height, 0);
    par = encode_par(192, 112);
    par.mfx.LowPower = MFX_CODINGOPTION_OFF;
    assert_int_equal(query_as("vme", &par, &out), MFX_ERR_NONE);
    assert_int_equal(query_as("vdenc", &par, &out), MFX_WRN_INCOMPATIBLE_VIDEO_PARAM);
    assert_int_equal(out.mfx.LowPower, MFX_CODINGOPTION_ON);
    par.mfx.LowPower = MFX_CODINGOPTION_ON;
    assert_int_equal(query_as("vdenc", &par, &out), MFX_ERR_NONE);
    assert_int_equal(query_as("", &par, &out), MFX_WRN_INCOMPATIBLE_VIDEO_PARAM);
    par = encode_par(192, 128);
    par.mfx.FrameInfo.PicStruct = MFX_PICSTRUCT_FIELD_TFF;
    assert_int_equal(query_as("vme", &par, &out), MFX_ERR_NONE);
    assert_int_equal(query_as("vdenc", &par, &out), MFX_ERR_UNSUPPORTED);
    par = encode_par(192, 112);
    par.mfx.CodecId = MFX_CODEC_AV1;
    assert_int_equal(query_as("vdenc", &par, &out), MFX_ERR_NONE);
    assert_int_equal(query_as("vme", &par, &out), MFX_ERR_UNSUPPORTED);
}

static void hardware_does_not_know_the_words_of_x264(void **state)
{
    (void)state;
    struct softvpl_words words = { .header = { SOFTVPL_EXTBUFF_WORDS, sizeof words }, .preset = "fast" };
    mfxExtCodingOption2 option2 = { .Header = { MFX_EXTBUFF_CODING_OPTION2, sizeof option2 }, .LookAheadDepth = 20 };
    mfxExtBuffer *buffers[] = { &words.header };
    mfxVideoParam par = encode_par(192, 112);

    par.ExtParam = buffers;
    par.NumExtParam = 1;
    assert_int_equal(query_as("", &par, &par), MFX_ERR_NONE);
    assert_int_equal(query_as("vdenc", &par, &par), MFX_ERR_UNSUPPORTED);
    buffers[0] = &option2.Header;
    assert_int_equal(query_as("vme", &par, &par), MFX_ERR_NONE);
    assert_int_equal(query_as("vdenc", &par, &par), MFX_WRN_INCOMPATIBLE_VIDEO_PARAM);
    assert_int_equal(option2.LookAheadDepth, 0);
}

/* ---- sync points ------------------------------------------------------------------------------------------------ */

static void sync_points_time_out_end_and_may_be_late(void **state)
{
    (void)state;
    struct client client;
    struct frame frame;
    struct softvpl_words x264 = { .header = { SOFTVPL_EXTBUFF_WORDS, sizeof x264 },
                                  .preset = "placebo",
                                  .tune = "zerolatency" };
    mfxExtBuffer *buffers[] = { &x264.header };
    mfxVideoParam par = encode_par(640, 368);
    static uint8_t memory[3][400000];
    mfxBitstream bitstreams[3] = { 0 };
    mfxSyncPoint points[3];

    par.ExtParam = buffers;
    par.NumExtParam = 1;
    client_open(&client);
    frame_create(&frame, &par.mfx.FrameInfo);
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_NONE);
    paint(frame.memory, 640, 640, 368, 0);
    for (int i = 0; i < 3; i++) {
        bitstreams[i].Data = memory[i];
        bitstreams[i].MaxLength = sizeof memory[i];
        assert_int_equal(
            MFXVideoENCODE_EncodeFrameAsync(client.session, NULL, &frame.surface, &bitstreams[i], &points[i]),
            MFX_ERR_NONE);
    }
    assert_int_equal(MFXVideoCORE_SyncOperation(client.session, points[2], 0), MFX_WRN_IN_EXECUTION);
    assert_int_equal(MFXVideoCORE_SyncOperation(client.session, points[2], 1), MFX_WRN_IN_EXECUTION);
    assert_true(frame_locked(&frame));
    assert_int_equal(MFXVideoCORE_SyncOperation(client.session, points[2], WAIT_MS), MFX_ERR_NONE);
    assert_int_equal(MFXVideoCORE_SyncOperation(client.session, points[0], 0), MFX_ERR_NONE);
    assert_int_equal(MFXVideoCORE_SyncOperation(client.session, points[0], 0), MFX_ERR_NONE); /* twice */
    assert_true(bitstreams[0].DataLength > 0 && bitstreams[1].DataLength > 0 && bitstreams[2].DataLength > 0);
    assert_int_equal(MFXVideoCORE_SyncOperation(client.session, NULL, 0), MFX_ERR_NULL_PTR);
    assert_int_equal(MFXVideoCORE_SyncOperation(client.session, (mfxSyncPoint)(uintptr_t)0xffffff01, 0),
                     MFX_ERR_INVALID_HANDLE); /* a generation nobody was given */
    assert_int_equal(MFXVideoCORE_SyncOperation(client.session, (mfxSyncPoint)(uintptr_t)&client, 0),
                     MFX_ERR_INVALID_HANDLE);
    client_close(&client);
    frame_destroy(&frame);
}

/* ---- surfaces --------------------------------------------------------------------------------------------------- */

static void surfaces_count_references_and_mappings(void **state)
{
    (void)state;
    struct client client;
    mfxFrameSurface1 *surface, *again;
    mfxU32 counter;
    mfxVideoParam par = encode_par(WIDTH, HEIGHT);
    mfxHDL handle;
    mfxResourceType type;

    client_open(&client);
    assert_int_equal(MFXMemory_GetSurfaceForEncode(client.session, &surface), MFX_ERR_NOT_INITIALIZED);
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_NONE);
    assert_int_equal(MFXMemory_GetSurfaceForEncode(client.session, &surface), MFX_ERR_NONE);
    mfxFrameSurfaceInterface *interface = surface->FrameInterface;
    assert_int_equal((uintptr_t)surface->Data.Y % 64, 0);
    assert_int_equal(surface->Data.Pitch % 64, 0);
    assert_int_equal(interface->GetRefCounter(surface, &counter), MFX_ERR_NONE);
    assert_int_equal(counter, 1);
    assert_int_equal(interface->AddRef(surface), MFX_ERR_NONE);
    assert_int_equal(interface->Map(surface, MFX_MAP_READ), MFX_ERR_NONE);
    assert_int_equal(interface->Map(surface, MFX_MAP_READ), MFX_ERR_NONE);
    assert_int_equal(interface->Map(surface, MFX_MAP_WRITE), MFX_ERR_RESOURCE_MAPPED);
    assert_int_equal(interface->Unmap(surface), MFX_ERR_NONE);
    assert_int_equal(interface->Unmap(surface), MFX_ERR_NONE);
    assert_int_equal(interface->Unmap(surface), MFX_ERR_UNSUPPORTED);
    assert_int_equal(interface->Map(surface, MFX_MAP_WRITE), MFX_ERR_NONE);
    assert_int_equal(interface->Map(surface, MFX_MAP_READ), MFX_ERR_RESOURCE_MAPPED);
    assert_int_equal(interface->Unmap(surface), MFX_ERR_NONE);
    assert_int_equal(interface->GetNativeHandle(surface, &handle, &type), MFX_ERR_UNSUPPORTED);
    assert_int_equal(interface->Release(surface), MFX_ERR_NONE);
    assert_int_equal(interface->Release(surface), MFX_ERR_NONE);
    assert_int_equal(MFXMemory_GetSurfaceForEncode(client.session, &again), MFX_ERR_NONE);
    assert_ptr_equal(again, surface); /* used again */
    assert_int_equal(interface->Release(again), MFX_ERR_NONE);
    client_close(&client);
}

/* ---- the whole way ---------------------------------------------------------------------------------------------- */

enum { CHAIN_FRAMES = 40, CHAIN_BYTES = 200000 };

struct chain {
    mfxVideoParam decode, vpp, encode;
    struct stream out;
    mfxBitstream bitstream[CHAIN_FRAMES];
    mfxSyncPoint point[CHAIN_FRAMES];
    unsigned given;
};

static void chain_encode(mfxSession session, struct chain *chain, mfxFrameSurface1 *surface, mfxStatus *status)
{
    mfxBitstream *bitstream = &chain->bitstream[chain->given];
    bitstream->Data = bitstream->Data ? bitstream->Data : malloc(CHAIN_BYTES);
    bitstream->MaxLength = CHAIN_BYTES;
    while ((*status = MFXVideoENCODE_EncodeFrameAsync(session, NULL, surface, bitstream,
                                                      &chain->point[chain->given])) == MFX_WRN_DEVICE_BUSY)
        usleep(500);
    if (*status == MFX_ERR_NONE)
        chain->given++;
}

/* Decode, scale, encode: surfaces go on before they are ready, and are released at once. Or step by step. */
static void run_chain(mfxSession session, struct chain *chain, const struct stream *in, bool step_by_step)
{
    mfxBitstream bitstream = {
        .Data = in->data, .MaxLength = (mfxU32)in->bytes, .DataLength = (mfxU32)in->bytes, .DataFlag = MFX_BITSTREAM_EOS
    };
    mfxStatus status = MFX_ERR_NONE;
    assert_int_equal(MFXVideoDECODE_DecodeHeader(session, &bitstream, &chain->decode), MFX_ERR_NONE);
    assert_int_equal(MFXVideoDECODE_Init(session, &chain->decode), MFX_ERR_NONE);
    assert_int_equal(MFXVideoVPP_Init(session, &chain->vpp), MFX_ERR_NONE);
    assert_int_equal(MFXVideoENCODE_Init(session, &chain->encode), MFX_ERR_NONE);
    for (mfxBitstream *input = &bitstream;;) {
        mfxFrameSurface1 *decoded, *scaled;
        mfxSyncPoint point;
        status = MFXVideoDECODE_DecodeFrameAsync(session, input, NULL, &decoded, &point);
        if (status == MFX_ERR_MORE_DATA) {
            if (!input)
                break;
            input = NULL;
            continue;
        }
        if (status == MFX_WRN_DEVICE_BUSY || status == MFX_WRN_ALLOC_TIMEOUT_EXPIRED) {
            usleep(500);
            continue;
        }
        assert_int_equal(status, MFX_ERR_NONE);
        if (step_by_step)
            assert_int_equal(decoded->FrameInterface->Synchronize(decoded, WAIT_MS), MFX_ERR_NONE);
        while ((status = MFXVideoVPP_ProcessFrameAsync(session, decoded, &scaled)) == MFX_WRN_DEVICE_BUSY)
            usleep(500);
        assert_int_equal(status, MFX_ERR_NONE);
        decoded->FrameInterface->Release(decoded);
        if (step_by_step)
            assert_int_equal(scaled->FrameInterface->Synchronize(scaled, WAIT_MS), MFX_ERR_NONE);
        chain_encode(session, chain, scaled, &status);
        scaled->FrameInterface->Release(scaled);
    }
    do
        chain_encode(session, chain, NULL, &status);
    while (status == MFX_ERR_NONE && chain->given < CHAIN_FRAMES);
    for (unsigned i = 0; i < chain->given; i++) {
        assert_int_equal(MFXVideoCORE_SyncOperation(session, chain->point[i], WAIT_MS), MFX_ERR_NONE);
        stream_add(&chain->out, &chain->bitstream[i]);
    }
    for (unsigned i = 0; i < CHAIN_FRAMES; i++)
        free(chain->bitstream[i].Data);
}

static struct chain *chain_create(void)
{
    struct chain *chain = calloc(1, sizeof *chain);
    chain->decode.mfx.CodecId = MFX_CODEC_AVC;
    chain->decode.IOPattern = MFX_IOPATTERN_OUT_SYSTEM_MEMORY;
    chain->vpp.IOPattern = MFX_IOPATTERN_IN_SYSTEM_MEMORY | MFX_IOPATTERN_OUT_SYSTEM_MEMORY;
    chain->vpp.vpp.In = nv12_info(WIDTH, HEIGHT);
    chain->vpp.vpp.Out = nv12_info(128, 80);
    chain->encode = encode_par(128, 80);
    return chain;
}

struct chain_thread {
    const struct stream *in;
    struct chain *chain;
    struct client client;
};

static void *chain_main(void *argument)
{
    struct chain_thread *thread = argument;
    run_chain(thread->client.session, thread->chain, thread->in, false);
    return NULL;
}

/* Two sessions in two threads, and a third one that synchronises every step: the same bytes. */
static void unsynchronised_chains_in_two_threads_agree(void **state)
{
    (void)state;
    struct stream in = { 0 };
    struct encode_run run = { .frames = CHAIN_FRAMES };
    mfxVideoParam par = encode_par(WIDTH, HEIGHT);
    struct chain_thread threads[2];
    pthread_t ids[2];
    struct client client;
    struct chain *expected = chain_create();

    encode_stream(&par, &run, &in);
    client_open(&client);
    run_chain(client.session, expected, &in, true);
    client_close(&client);
    assert_int_equal(expected->out.units, CHAIN_FRAMES);
    for (int i = 0; i < 2; i++) {
        threads[i].in = &in;
        threads[i].chain = chain_create();
        client_open(&threads[i].client);
        assert_int_equal(pthread_create(&ids[i], NULL, chain_main, &threads[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(ids[i], NULL), 0);
        assert_int_equal(threads[i].chain->out.bytes, expected->out.bytes);
        assert_memory_equal(threads[i].chain->out.data, expected->out.data, expected->out.bytes);
        stream_free(&threads[i].chain->out);
        free(threads[i].chain);
        client_close(&threads[i].client);
    }
    stream_free(&expected->out);
    free(expected);
    stream_free(&in);
}

/* BIPLANE_SESSIONS: how many; `make leaks` says 1000. */
static void sessions_leave_nothing_behind(void **state)
{
    (void)state;
    const char *sessions = getenv("BIPLANE_SESSIONS");
    for (int i = 0; i < (sessions ? atoi(sessions) : 50); i++) {
        struct client client;
        mfxVideoParam decode = { .IOPattern = MFX_IOPATTERN_OUT_SYSTEM_MEMORY, .mfx.CodecId = MFX_CODEC_HEVC };
        mfxVideoParam vpp = { .IOPattern = MFX_IOPATTERN_IN_SYSTEM_MEMORY | MFX_IOPATTERN_OUT_SYSTEM_MEMORY };
        mfxVideoParam encode = encode_par(64, 64);
        mfxFrameSurface1 *surface;
        decode.mfx.FrameInfo = vpp.vpp.In = vpp.vpp.Out = nv12_info(64, 64);
        client_open(&client);
        assert_int_equal(MFXVideoDECODE_Init(client.session, &decode), MFX_ERR_NONE);
        assert_int_equal(MFXVideoDECODE_Init(client.session, &decode), MFX_ERR_UNDEFINED_BEHAVIOR); /* twice */
        assert_int_equal(MFXVideoVPP_Init(client.session, &vpp), MFX_ERR_NONE);
        assert_int_equal(MFXVideoENCODE_Init(client.session, &encode), MFX_ERR_NONE);
        assert_int_equal(MFXMemory_GetSurfaceForVPP(client.session, &surface), MFX_ERR_NONE);
        surface->FrameInterface->Release(surface);
        client_close(&client); /* closes the components */
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
        cmocka_unit_test(the_dispatcher_finds_a_true_description),
        cmocka_unit_test(joined_sessions_and_priority),
        cmocka_unit_test(old_sessions_speak_api_1),
        cmocka_unit_test(personalities_refuse_what_their_hardware_does),
        cmocka_unit_test(hardware_does_not_know_the_words_of_x264),
        cmocka_unit_test(sync_points_time_out_end_and_may_be_late),
        cmocka_unit_test(surfaces_count_references_and_mappings),
        cmocka_unit_test(unsynchronised_chains_in_two_threads_agree),
        cmocka_unit_test(sessions_leave_nothing_behind),
    };
    client_environment();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
