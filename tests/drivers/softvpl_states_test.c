/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The software runtime at its edges: calls before Init, work that is given up, a decoder that begins anew, single
 * pictures with wishes of their own, what streams say of themselves, and what Query answers to each value that cannot
 * be. */
#include "tests/drivers/softvpl/client.h"

enum { WIDTH = 128, HEIGHT = 96, BITSTREAM_BYTES = 200000 };

/* ---- order of calls --------------------------------------------------------------------------------------------- */

static void nothing_works_before_init(void **state)
{
    (void)state;
    struct client client;
    struct frame frame, other;
    mfxVideoParam encode = encode_par(WIDTH, HEIGHT), par = { 0 };
    mfxVideoParam decode = { .IOPattern = MFX_IOPATTERN_OUT_SYSTEM_MEMORY, .mfx.CodecId = MFX_CODEC_AVC };
    mfxBitstream bitstream = { .Data = (mfxU8[16]){ 0 }, .MaxLength = 16 };
    mfxFrameSurface1 *out;
    mfxSyncPoint point;
    mfxHDL handle;

    client_open(&client);
    frame_create(&frame, &encode.mfx.FrameInfo);
    frame_create(&other, &encode.mfx.FrameInfo);
    assert_int_equal(MFXVideoENCODE_GetVideoParam(client.session, &par), MFX_ERR_NOT_INITIALIZED);
    assert_int_equal(MFXVideoENCODE_Reset(client.session, &encode), MFX_ERR_NOT_INITIALIZED);
    assert_int_equal(MFXVideoENCODE_EncodeFrameAsync(client.session, NULL, &frame.surface, &bitstream, &point),
                     MFX_ERR_NOT_INITIALIZED);
    assert_int_equal(MFXVideoENCODE_Close(client.session), MFX_ERR_NOT_INITIALIZED);
    assert_int_equal(MFXVideoDECODE_GetVideoParam(client.session, &par), MFX_ERR_NOT_INITIALIZED);
    assert_int_equal(MFXVideoDECODE_Reset(client.session, &decode), MFX_ERR_NOT_INITIALIZED);
    assert_int_equal(MFXVideoDECODE_DecodeFrameAsync(client.session, &bitstream, NULL, &out, &point),
                     MFX_ERR_NOT_INITIALIZED);
    assert_int_equal(MFXVideoDECODE_Close(client.session), MFX_ERR_NOT_INITIALIZED);
    assert_int_equal(MFXVideoVPP_GetVideoParam(client.session, &par), MFX_ERR_NOT_INITIALIZED);
    assert_int_equal(MFXVideoVPP_RunFrameVPPAsync(client.session, &frame.surface, &other.surface, NULL, &point),
                     MFX_ERR_NOT_INITIALIZED);
    assert_int_equal(MFXVideoVPP_Close(client.session), MFX_ERR_NOT_INITIALIZED);
    assert_int_equal(MFXVideoDECODE_DecodeHeader(client.session, &bitstream, &decode), MFX_ERR_MORE_DATA);
    assert_int_equal(MFXVideoCORE_GetHandle(client.session, MFX_HANDLE_VA_DISPLAY, &handle), MFX_ERR_NOT_FOUND);
    assert_int_equal(MFXVideoENCODE_Query(client.session, &par, NULL), MFX_ERR_NULL_PTR);
    assert_int_equal(MFXVideoENCODE_Init(client.session, &encode), MFX_ERR_NONE);
    assert_int_equal(MFXVideoENCODE_Init(client.session, &encode), MFX_ERR_UNDEFINED_BEHAVIOR);
    client_close(&client);
    frame_destroy(&frame);
    frame_destroy(&other);
}

/* A GPU that hangs while frames are under way: closing the encoder gives them up, and says so. */
static void what_is_given_up_is_aborted(void **state)
{
    (void)state;
    struct client client;
    struct frame frame;
    mfxVideoParam par = encode_par(WIDTH, HEIGHT);
    char path[] = "/tmp/softvpl-states-XXXXXX";
    static uint8_t memory[2][BITSTREAM_BYTES];
    mfxSyncPoint points[2];
    mfxBitstream bitstreams[2] = { 0 };
    mfxExtCodingOption3 option3 = { .Header = { MFX_EXTBUFF_CODING_OPTION3, sizeof option3 },
                                    .ScenarioInfo = MFX_SCENARIO_VIDEO_CONFERENCE };
    mfxExtBuffer *buffers[] = { &option3.Header };

    int descriptor = mkstemp(path);
    assert_int_equal(write(descriptor, "hang\n", 5), 5);
    close(descriptor);
    setenv("BIPLANE_SOFTVPL_FAULT", path, 1);
    client_open(&client);
    unsetenv("BIPLANE_SOFTVPL_FAULT");
    frame_create(&frame, &par.mfx.FrameInfo);
    par.ExtParam = buffers;
    par.NumExtParam = 1;
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_NONE);
    for (int i = 0; i < 2; i++) {
        bitstreams[i] = (mfxBitstream){ .Data = memory[i], .MaxLength = BITSTREAM_BYTES };
        assert_int_equal(
            MFXVideoENCODE_EncodeFrameAsync(client.session, NULL, &frame.surface, &bitstreams[i], &points[i]),
            MFX_ERR_NONE);
        assert_int_equal(MFXVideoCORE_SyncOperation(client.session, points[i], 5), MFX_WRN_IN_EXECUTION);
    }
    assert_int_equal(MFXVideoENCODE_Close(client.session), MFX_ERR_NONE);
    for (int i = 0; i < 2; i++)
        assert_int_equal(MFXVideoCORE_SyncOperation(client.session, points[i], WAIT_MS), MFX_ERR_ABORTED);
    assert_int_equal(frame.surface.Data.Locked, 0);
    client_close(&client);
    frame_destroy(&frame);
    unlink(path);
}

/* ---- decoding --------------------------------------------------------------------------------------------------- */

static unsigned decode_all(mfxSession session, const struct stream *stream, unsigned units, uint64_t stamps[])
{
    unsigned frames = 0;

    for (unsigned i = 0; i <= units; i++) {
        bool more = i < units;
        mfxBitstream bitstream = { .Data = stream->data,
                                   .MaxLength = (mfxU32)stream->bytes,
                                   .DataFlag = MFX_BITSTREAM_COMPLETE_FRAME };
        mfxFrameSurface1 *out;
        mfxSyncPoint point;
        if (more) {
            bitstream.DataOffset = (mfxU32)stream->start[i];
            bitstream.DataLength = (mfxU32)(stream->start[i + 1] - stream->start[i]);
            bitstream.TimeStamp = stream->time_stamp[i];
        }
        if (!more && !stamps) /* left inside */
            break;
        while (MFXVideoDECODE_DecodeFrameAsync(session, more ? &bitstream : NULL, NULL, &out, &point) == MFX_ERR_NONE) {
            assert_int_equal(MFXVideoCORE_SyncOperation(session, point, WAIT_MS), MFX_ERR_NONE);
            if (stamps)
                stamps[frames] = out->Data.TimeStamp;
            frames++;
            out->FrameInterface->Release(out);
        }
    }
    return frames;
}

static void decode_header(mfxSession session, const struct stream *stream, uint32_t codec, mfxVideoParam *par)
{
    mfxBitstream bitstream = { .Data = stream->data, .MaxLength = (mfxU32)stream->bytes };

    bitstream.DataLength = (mfxU32)stream->bytes;
    par->IOPattern = MFX_IOPATTERN_OUT_SYSTEM_MEMORY;
    par->mfx.CodecId = codec;
    assert_int_equal(MFXVideoDECODE_DecodeHeader(session, &bitstream, par), MFX_ERR_NONE);
}

/* What was inside is forgotten; the stream from its beginning gives every frame. */
static void a_decoder_begins_anew_after_reset(void **state)
{
    (void)state;
    struct client client;
    struct stream stream = { 0 };
    struct encode_run run = { .frames = 12 };
    mfxVideoParam encode = encode_par(WIDTH, HEIGHT), decode = { 0 };
    uint64_t stamps[16];

    encode.mfx.GopRefDist = 3;
    encode_stream(&encode, &run, &stream);
    client_open(&client);
    decode_header(client.session, &stream, MFX_CODEC_AVC, &decode);
    assert_int_equal(MFXVideoDECODE_Init(client.session, &decode), MFX_ERR_NONE);
    for (int again = 0; again < 2; again++) {
        decode_all(client.session, &stream, 5, NULL);
        assert_int_equal(MFXVideoDECODE_Reset(client.session, &decode), MFX_ERR_NONE);
        assert_int_equal(decode_all(client.session, &stream, stream.units, stamps), 12);
        for (unsigned i = 0; i < 12; i++)
            assert_int_equal(stamps[i], 1000 + i * 3600);
    }
    decode.mfx.CodecId = MFX_CODEC_HEVC;
    decode.mfx.CodecProfile = 0;
    decode.mfx.CodecLevel = 0;
    assert_int_equal(MFXVideoDECODE_Reset(client.session, &decode), MFX_ERR_INCOMPATIBLE_VIDEO_PARAM);
    client_close(&client);
    stream_free(&stream);
}

/* Three steps: pictures that nothing refers to, all but I and P pictures, all but key pictures. */
static void pictures_are_left_out_when_asked(void **state)
{
    (void)state;
    struct client client;
    struct stream stream = { 0 };
    struct encode_run run = { .frames = 20 };
    mfxVideoParam encode = encode_par(WIDTH, HEIGHT), decode = { 0 };
    uint64_t stamps[32];

    encode.mfx.GopRefDist = 4;
    encode.mfx.GopPicSize = 10;
    encode.mfx.GopOptFlag = MFX_GOP_STRICT | MFX_GOP_CLOSED;
    encode_stream(&encode, &run, &stream);
    client_open(&client);
    decode_header(client.session, &stream, MFX_CODEC_AVC, &decode);
    assert_int_equal(MFXVideoDECODE_Init(client.session, &decode), MFX_ERR_NONE);
    assert_int_equal(MFXVideoDECODE_SetSkipMode(client.session, MFX_SKIPMODE_LESS), MFX_WRN_VALUE_NOT_CHANGED);
    unsigned last = decode_all(client.session, &stream, stream.units, stamps);
    assert_int_equal(last, 20);
    for (mfxStatus status; (status = MFXVideoDECODE_SetSkipMode(client.session, MFX_SKIPMODE_MORE)) == MFX_ERR_NONE;) {
        unsigned frames = decode_all(client.session, &stream, stream.units, stamps);
        assert_true(frames < last);
        last = frames;
    }
    assert_int_equal(last, 2); /* the key pictures */
    assert_int_equal(MFXVideoDECODE_SetSkipMode(client.session, MFX_SKIPMODE_NOSKIP), MFX_ERR_NONE);
    assert_int_equal(decode_all(client.session, &stream, stream.units, stamps), 20);
    client_close(&client);
    stream_free(&stream);
}

/* Colours and the shape of pixels, as they were said to the encoder. */
static void streams_tell_what_they_were_told(void **state)
{
    (void)state;
    static const uint32_t codecs[] = { MFX_CODEC_AVC, MFX_CODEC_HEVC, MFX_CODEC_AV1 };

    for (unsigned i = 0; i < 3; i++) {
        struct client client;
        struct stream stream = { 0 };
        struct encode_run run = { .frames = 3 };
        mfxExtVideoSignalInfo said = { .Header = { MFX_EXTBUFF_VIDEO_SIGNAL_INFO, sizeof said },
                                       .VideoFormat = 5,
                                       .VideoFullRange = 1,
                                       .ColourDescriptionPresent = 1,
                                       .ColourPrimaries = 9,
                                       .TransferCharacteristics = 18,
                                       .MatrixCoefficients = 9 };
        mfxExtVideoSignalInfo heard = { .Header = said.Header };
        mfxExtBuffer *out[] = { &said.Header }, *in[] = { &heard.Header };
        mfxVideoParam encode = encode_par(WIDTH, HEIGHT);
        mfxVideoParam decode = { .ExtParam = in, .NumExtParam = 1 };

        encode.mfx.CodecId = codecs[i];
        encode.ExtParam = out;
        encode.NumExtParam = 1;
        if (codecs[i] != MFX_CODEC_AV1) {
            encode.mfx.FrameInfo.AspectRatioW = 17; /* of none of the usual kinds */
            encode.mfx.FrameInfo.AspectRatioH = 13;
        }
        encode_stream(&encode, &run, &stream);
        client_open(&client);
        decode_header(client.session, &stream, codecs[i], &decode);
        assert_memory_equal(&heard.VideoFormat, &said.VideoFormat, sizeof said - sizeof said.Header);
        if (codecs[i] != MFX_CODEC_AV1) {
            assert_int_equal(decode.mfx.FrameInfo.AspectRatioW, 17);
            assert_int_equal(decode.mfx.FrameInfo.AspectRatioH, 13);
            assert_int_equal(decode.mfx.FrameInfo.FrameRateExtN, 25 * decode.mfx.FrameInfo.FrameRateExtD);
        }
        client_close(&client);
        stream_free(&stream);
    }
}

/* ---- single pictures -------------------------------------------------------------------------------------------- */

static void set_quantiser(unsigned number, mfxEncodeCtrl *control, void *opaque)
{
    (void)opaque;
    if (number == 6)
        control->QP = 10;
    if (number == 9)
        control->FrameType = MFX_FRAMETYPE_I | MFX_FRAMETYPE_REF;
}

/* A picture of QP 10 among others of 40; and one that is an I picture, though no IDR picture. */
static void single_pictures_have_quantisers_and_types(void **state)
{
    (void)state;
    static const uint32_t codecs[] = { MFX_CODEC_AVC, MFX_CODEC_HEVC };

    for (unsigned i = 0; i < 2; i++) {
        struct stream stream = { 0 };
        struct encode_run run = { .frames = 12, .control = set_quantiser };
        mfxVideoParam par = encode_par(WIDTH, HEIGHT);

        par.mfx.CodecId = codecs[i];
        par.mfx.RateControlMethod = MFX_RATECONTROL_CQP;
        par.mfx.QPI = par.mfx.QPP = par.mfx.QPB = 40;
        par.mfx.GopRefDist = 1;
        par.mfx.GopPicSize = 100;
        par.mfx.BufferSizeInKB = 200;
        encode_stream(&par, &run, &stream);
        assert_int_equal(stream.units, 12);
        size_t with = stream.start[7] - stream.start[6], without = stream.start[6] - stream.start[5];
        if (with < 4 * without)
            fail_msg("codec %u: %zu bytes with QP 10, %zu with QP 40", i, with, without);
        for (unsigned n = 1; n < 12; n++)
            assert_int_equal(stream.type[n] & (MFX_FRAMETYPE_I | MFX_FRAMETYPE_IDR), n == 9 ? MFX_FRAMETYPE_I : 0);
        stream_free(&stream);
    }
}

/* ---- Query ------------------------------------------------------------------------------------------------------ */

#define MFX(name) offsetof(mfxVideoParam, mfx.name)

struct question {
    uint32_t codec;
    size_t at; /* of a field of sixteen bits */
    uint16_t value;
    mfxStatus status;
    uint16_t answer;
    const char *personality; /* NULL: the software's own */
};

enum { AVC = MFX_CODEC_AVC, HEVC = MFX_CODEC_HEVC, AV1 = MFX_CODEC_AV1 };
#define NO      MFX_ERR_UNSUPPORTED
#define CHANGED MFX_WRN_INCOMPATIBLE_VIDEO_PARAM
#define YES     MFX_ERR_NONE

static const struct question questions[] = {
    { AVC, MFX(RateControlMethod), MFX_RATECONTROL_LA, NO, 0, NULL },
    { AVC, MFX(RateControlMethod), MFX_RATECONTROL_LA, NO, 0, "vdenc" },
    { AVC, MFX(RateControlMethod), MFX_RATECONTROL_LA_ICQ, NO, 0, "vdenc" },
    { AVC, MFX(RateControlMethod), MFX_RATECONTROL_LA_HRD, NO, 0, "vdenc" },
    { HEVC, MFX(RateControlMethod), MFX_RATECONTROL_LA, NO, 0, "vdenc" },
    { AV1, MFX(RateControlMethod), MFX_RATECONTROL_LA, NO, 0, "vdenc" },
    { AVC, MFX(RateControlMethod), MFX_RATECONTROL_AVBR, NO, 0, "vdenc" },
    { AVC, MFX(RateControlMethod), MFX_RATECONTROL_QVBR, YES, MFX_RATECONTROL_QVBR, NULL },
    { AVC, MFX(GopRefDist), 12, YES, 12, NULL },
    { AVC, MFX(GopRefDist), 12, CHANGED, 8, "vdenc" },
    { AVC, MFX(GopRefDist), 30, CHANGED, 17, NULL },
    { AVC, MFX(GopPicSize), 1, YES, 1, NULL },
    { AVC, MFX(GopOptFlag), 0x80, NO, 0, NULL },
    { AVC, MFX(EncodedOrder), 1, NO, 0, NULL },
    { AVC, MFX(TargetUsage), 9, CHANGED, 7, NULL },
    { AVC, MFX(NumRefFrame), 20, CHANGED, 16, NULL },
    { AVC, MFX(CodecProfile), MFX_PROFILE_AVC_STEREO_HIGH, NO, 0, NULL },
    { AVC, MFX(CodecLevel), 77, NO, 0, NULL },
    { AVC, MFX(FrameInfo.Width), 127, NO, 0, NULL },
    { AVC, MFX(FrameInfo.Width), 130, YES, 130, NULL },
    { AVC, MFX(FrameInfo.Width), 130, NO, 0, "vme" },
    { AVC, MFX(FrameInfo.Height), 98, NO, 0, "vdenc" },
    { AVC, MFX(FrameInfo.PicStruct), 77, NO, 0, NULL },
    { AVC, MFX(FrameInfo.ChromaFormat), MFX_CHROMAFORMAT_YUV444, NO, 0, NULL },
    { AVC, MFX(FrameInfo.BitDepthLuma), 10, NO, 0, NULL },
    { AVC, MFX(FrameInfo.Shift), 1, NO, 0, NULL },
    { AVC, MFX(FrameInfo.CropW), 200, NO, 0, NULL },
    { AVC, MFX(LowPower), MFX_CODINGOPTION_ON, CHANGED, MFX_CODINGOPTION_OFF, NULL },
    { AVC, MFX(LowPower), MFX_CODINGOPTION_ON, YES, MFX_CODINGOPTION_ON, "vme" },
    { HEVC, MFX(LowPower), MFX_CODINGOPTION_OFF, CHANGED, MFX_CODINGOPTION_ON, "vdenc" },
    { AV1, MFX(LowPower), MFX_CODINGOPTION_OFF, CHANGED, MFX_CODINGOPTION_ON, "vdenc" },
    { AVC, MFX(FrameInfo.PicStruct), MFX_PICSTRUCT_FIELD_BFF, YES, MFX_PICSTRUCT_FIELD_BFF, NULL },
    { AVC, MFX(FrameInfo.PicStruct), MFX_PICSTRUCT_FIELD_BFF, NO, 0, "vdenc" },
    { HEVC, MFX(FrameInfo.PicStruct), MFX_PICSTRUCT_FIELD_BFF, NO, 0, "vme" },
    { HEVC, MFX(CodecProfile), MFX_PROFILE_HEVC_MAINSP, NO, 0, NULL },
    { AV1, MFX(FrameInfo.PicStruct), MFX_PICSTRUCT_FIELD_TFF, NO, 0, NULL },
    { AV1, MFX(CodecLevel), 27, NO, 0, NULL },
    { AV1, MFX(NumSlice), 4, CHANGED, 1, NULL },
    { AV1, MFX(NumSlice), 1, NO, 1, "vme" }, /* it has no AV1 at all */
};

/* Each wrong value alone: what cannot be had is zeroed, what can be had otherwise is corrected, the rest stays. */
static void each_wrong_value_has_its_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        const struct question *question = &questions[i];
        struct client client;
        mfxVideoParam par = encode_par(WIDTH, HEIGHT), out = { 0 };
        uint16_t answer;

        setenv("BIPLANE_SOFTVPL_PERSONALITY", question->personality ? question->personality : "", 1);
        client_open(&client);
        unsetenv("BIPLANE_SOFTVPL_PERSONALITY");
        par.mfx.CodecId = question->codec;
        par.mfx.GopRefDist = 1;
        memcpy((uint8_t *)&par + question->at, &question->value, sizeof question->value);
        mfxStatus status = MFXVideoENCODE_Query(client.session, &par, &out);
        memcpy(&answer, (uint8_t *)&out + question->at, sizeof answer);
        if (status != question->status || answer != question->answer)
            fail_msg("question %zu (value %u): status %d, answer %u", i, question->value, status, answer);
        assert_true(out.mfx.TargetKbps == 800);
        status = MFXVideoENCODE_Init(client.session, &par);
        if (question->status == MFX_ERR_UNSUPPORTED ? status != MFX_ERR_INVALID_VIDEO_PARAM : status < MFX_ERR_NONE)
            fail_msg("question %zu (value %u): Init answers %d", i, question->value, status);
        client_close(&client);
    }
}

/* With no input every field that is looked at is marked, of each component. */
static void query_marks_what_is_looked_at(void **state)
{
    (void)state;
    static const uint32_t codecs[] = { MFX_CODEC_AVC, MFX_CODEC_HEVC, MFX_CODEC_AV1, MFX_CODEC_MPEG2, MFX_CODEC_JPEG };
    struct client client;

    client_open(&client);
    for (unsigned i = 0; i < 5; i++) {
        mfxVideoParam out = { .mfx.CodecId = codecs[i] };
        assert_int_equal(MFXVideoDECODE_Query(client.session, NULL, &out), MFX_ERR_NONE);
        assert_int_equal(out.mfx.CodecId, codecs[i]);
        assert_true(out.mfx.FrameInfo.FourCC && out.mfx.FrameInfo.Width && out.IOPattern && !out.mfx.DecodedOrder);
        memset(&out, 0, sizeof out);
        out.mfx.CodecId = codecs[i];
        if (codecs[i] == MFX_CODEC_MPEG2) /* is only decoded */
            continue;
        assert_int_equal(MFXVideoENCODE_Query(client.session, NULL, &out), MFX_ERR_NONE);
        assert_true(out.mfx.FrameInfo.FourCC && out.mfx.FrameInfo.Width && out.IOPattern);
        assert_int_equal(out.mfx.Quality != 0, codecs[i] == MFX_CODEC_JPEG || out.mfx.GopPicSize != 0);
    }
    mfxVideoParam out = { .mfx.CodecId = MFX_CODEC_VP8 };
    assert_int_equal(MFXVideoDECODE_Query(client.session, NULL, &out), MFX_ERR_UNSUPPORTED);
    mfxExtCodingOption2 option2 = { .Header = { MFX_EXTBUFF_CODING_OPTION2, sizeof option2 }, .SkipFrame = 7 };
    mfxExtBuffer *buffers[] = { &option2.Header };
    out = (mfxVideoParam){ .mfx.CodecId = MFX_CODEC_AVC, .ExtParam = buffers, .NumExtParam = 1 };
    assert_int_equal(MFXVideoENCODE_Query(client.session, NULL, &out), MFX_ERR_NONE);
    assert_true(option2.LookAheadDepth && option2.IntRefType && !option2.SkipFrame);
    client_close(&client);
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
        cmocka_unit_test(nothing_works_before_init),
        cmocka_unit_test(what_is_given_up_is_aborted),
        cmocka_unit_test(a_decoder_begins_anew_after_reset),
        cmocka_unit_test(pictures_are_left_out_when_asked),
        cmocka_unit_test(streams_tell_what_they_were_told),
        cmocka_unit_test(single_pictures_have_quantisers_and_types),
        cmocka_unit_test(each_wrong_value_has_its_answer),
        cmocka_unit_test(query_marks_what_is_looked_at),
    };
    client_environment();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
