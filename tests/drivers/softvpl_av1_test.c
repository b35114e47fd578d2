/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The AV1 encoder of the software runtime, from outside: SVT-AV1's bytes, 8 and 10 bits. */
#include "tests/drivers/softvpl/client.h"

enum { WIDTH = 128, HEIGHT = 72, FRAMES = 30, IVF_FILE = 32, IVF_FRAME = 12 };

static mfxVideoParam av1_par(int depth)
{
    mfxVideoParam par = encode_par(WIDTH, HEIGHT);
    par.mfx.CodecId = MFX_CODEC_AV1;
    par.mfx.TargetKbps = 300;
    if (depth == 10)
        par.mfx.FrameInfo = p010_info(WIDTH, HEIGHT);
    return par;
}

/* ---- the same bytes as SVT-AV1's command line ------------------------------------------------------------------- */

struct identity {
    const char *arguments; /* of SvtAv1EncApp */
    const char *preset, *options;
    uint16_t depth, method, target, maximum, buffer, gop, distance, quality;
};

static const struct identity identities[] = {
    { "--preset 12 --rc 2 --tbr 320 --buf-sz 1000 --pred-struct 1 --keyint 12", "12", "", 8, MFX_RATECONTROL_CBR, 320,
      320, 40, 12, 1, 0 },
    { "--preset 11 --rc 1 --tbr 250 --hierarchical-levels 3 --keyint 16", "11", "", 10, MFX_RATECONTROL_VBR, 250, 400,
      50, 16, 8, 0 },
    { "--preset 10 --crf 37 --lookahead 0 --hierarchical-levels 3", "10", "lookahead=0", 8, MFX_RATECONTROL_ICQ, 30, 0,
      0, 0, 8, 0 },
    { "--preset 12 --rc 0 --aq-mode 0 --qp 32 --pred-struct 1", "12", "", 10, MFX_RATECONTROL_CQP, 128, 0, 0, 0, 1, 0 },
};

/* SVT-AV1 reads planes of samples at the lower end. */
static void write_source(const char *path, int depth)
{
    enum { LUMA = WIDTH * HEIGHT, CHROMA = LUMA / 4 };
    static uint16_t picture[LUMA * 3 / 2];
    FILE *file = fopen(path, "wb");

    for (int i = 0; i < FRAMES; i++) {
        uint8_t plane[LUMA * 3];
        size_t bytes = depth == 10 ? 2 : 1;
        if (depth == 10)
            paint_p010((uint8_t *)picture, WIDTH, HEIGHT, i);
        else
            paint((uint8_t *)picture, WIDTH, WIDTH, HEIGHT, i);
        for (int at = 0; at < LUMA * 3 / 2; at++) {
            int from = at < LUMA            ? at
                       : at < LUMA + CHROMA ? LUMA + 2 * (at - LUMA)
                                            : LUMA + 2 * (at - LUMA - CHROMA) + 1;
            if (depth == 10)
                ((uint16_t *)plane)[at] = picture[from] >> 6;
            else
                plane[at] = ((uint8_t *)picture)[from];
        }
        assert_int_equal(fwrite(plane, bytes, LUMA * 3 / 2, file), LUMA * 3 / 2);
    }
    fclose(file);
}

static void encode_identity(const struct identity *identity, struct stream *stream)
{
    struct softvpl_words words = { .header = { SOFTVPL_EXTBUFF_WORDS, sizeof words } };
    mfxExtBuffer *buffers[] = { &words.header };
    mfxVideoParam par = av1_par(identity->depth);
    struct encode_run run = { .frames = FRAMES };

    snprintf(words.preset, sizeof words.preset, "%s", identity->preset);
    snprintf(words.options, sizeof words.options, "%s", identity->options);
    par.mfx.RateControlMethod = identity->method;
    if (identity->method == MFX_RATECONTROL_CQP)
        par.mfx.QPI = par.mfx.QPB = identity->target;
    par.mfx.TargetKbps = identity->target; /* and QPP, and ICQQuality */
    if (identity->method != MFX_RATECONTROL_CQP)
        par.mfx.MaxKbps = identity->maximum;
    par.mfx.BufferSizeInKB = identity->buffer;
    par.mfx.GopPicSize = identity->gop;
    par.mfx.GopRefDist = identity->distance;
    par.ExtParam = buffers;
    par.NumExtParam = 1;
    encode_stream(&par, &run, stream);
}

/* The units of an IVF file, one after the other. */
static size_t strip_ivf(uint8_t *data, size_t bytes)
{
    size_t to = 0;
    for (size_t at = IVF_FILE; at + IVF_FRAME <= bytes;) {
        size_t unit = data[at] | (size_t)data[at + 1] << 8 | (size_t)data[at + 2] << 16;
        memmove(data + to, data + at + IVF_FRAME, unit);
        to += unit;
        at += IVF_FRAME + unit;
    }
    return to;
}

static void command_line_bytes_match(void **state)
{
    (void)state;
    char folder[] = "/tmp/softvpl-av1-XXXXXX", source[64], out[64], command[1024];
    assert_non_null(mkdtemp(folder));

    snprintf(out, sizeof out, "%s/out.ivf", folder);
    for (size_t i = 0; i < sizeof identities / sizeof identities[0]; i++) {
        const struct identity *identity = &identities[i];
        struct stream stream = { 0 };
        size_t bytes;

        snprintf(source, sizeof source, "%s/source%u.yuv", folder, identity->depth);
        write_source(source, identity->depth);
        snprintf(command, sizeof command,
                 "SvtAv1EncApp -i %s --input-depth %u -w %d -h %d --fps-num 25 --fps-denom 1 -n %d --lp 1 "
                 "--progress 0 %s -b %s >/dev/null 2>&1",
                 source, identity->depth, WIDTH, HEIGHT, FRAMES, identity->arguments, out);
        assert_int_equal(system(command), 0);
        uint8_t *expected = read_whole(out, &bytes);
        bytes = strip_ivf(expected, bytes);
        encode_identity(identity, &stream);
        assert_int_equal(stream.units, FRAMES);
        if (bytes != stream.bytes || memcmp(expected, stream.data, bytes) != 0)
            fail_msg("not the bytes of SvtAv1EncApp %s (%zu, here %zu)", identity->arguments, bytes, stream.bytes);
        free(expected);
        stream_free(&stream);
    }
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

/* ---- delay, order, key frames ----------------------------------------------------------------------------------- */

static void force_key(unsigned number, mfxEncodeCtrl *control, void *opaque)
{
    (void)opaque;
    if (number == 11 || number == 30)
        control->FrameType = MFX_FRAMETYPE_I | MFX_FRAMETYPE_IDR | MFX_FRAMETYPE_REF;
}

static void check_units(const struct stream *stream, unsigned frames)
{
    static const uint8_t delimiter[] = { 0x12, 0x00 };

    assert_int_equal(stream->units, frames);
    for (unsigned i = 0; i < frames; i++) {
        bool key = i == 0 || i == 11 || i == 30;
        assert_int_equal(stream->time_stamp[i], 1000 + i * 3600);
        assert_int_equal(stream->decode_time_stamp[i], stream->time_stamp[i]);
        assert_int_equal((stream->type[i] & MFX_FRAMETYPE_IDR) != 0, key);
        assert_memory_equal(stream->data + stream->start[i], delimiter, sizeof delimiter);
    }
}

static void forced_key_frames_come_at_their_place(void **state)
{
    (void)state;
    struct softvpl_words words = { .header = { SOFTVPL_EXTBUFF_WORDS, sizeof words },
                                   .preset = "12",
                                   .options = "lookahead=0" };
    mfxExtBuffer *buffers[] = { &words.header };

    for (int distance = 1; distance <= 8; distance += 7) {
        mfxVideoParam par = av1_par(8);
        struct encode_run run = { .frames = 40, .control = force_key };
        struct stream stream = { 0 };
        par.mfx.RateControlMethod = MFX_RATECONTROL_QVBR;
        par.mfx.GopRefDist = (mfxU16)distance;
        par.mfx.GopPicSize = 1000;
        par.mfx.GopOptFlag = MFX_GOP_CLOSED;
        par.ExtParam = buffers;
        par.NumExtParam = 1;
        encode_stream(&par, &run, &stream);
        assert_int_equal(run.more_data, distance == 1 ? 1 : 11);
        check_units(&stream, 40);
        stream_free(&stream);
    }
}

static void force_all(unsigned number, mfxEncodeCtrl *control, void *opaque)
{
    (void)number, (void)opaque;
    control->FrameType = MFX_FRAMETYPE_I | MFX_FRAMETYPE_IDR | MFX_FRAMETYPE_REF;
}

/* SVT-AV1 takes an intra period of one for none. */
static void a_group_of_one_picture_is_a_key_frame(void **state)
{
    (void)state;
    mfxVideoParam par = av1_par(8);
    struct encode_run run = { .frames = 4, .control = force_all };
    struct stream stream = { 0 };
    par.mfx.RateControlMethod = MFX_RATECONTROL_QVBR;
    par.mfx.GopRefDist = 1;
    par.mfx.GopPicSize = 1;
    par.mfx.GopOptFlag = MFX_GOP_CLOSED;
    encode_stream(&par, &run, &stream);
    assert_int_equal(stream.units, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_true(stream.type[i] & MFX_FRAMETYPE_IDR);
    stream_free(&stream);
}

/* As CEA-708 has it: libavcodec's AV1 decoder gives no picture for what it cannot read of one. */
static uint8_t caption[] = { 4, 14, 0xb5, 0x00, 0x31, 'G', 'A', '9', '4', 3, 0x41, 0xff, 0xfc, 0x94, 0, 0xff };
enum { NUMBER_AT = sizeof caption - 2 };

static void attach_caption(unsigned number, mfxEncodeCtrl *control, void *opaque)
{
    static mfxPayload payload, *list[] = { &payload };
    (void)opaque;
    caption[NUMBER_AT] = (uint8_t)(number + 1);
    payload = (mfxPayload){ .Data = caption, .NumBit = sizeof caption * 8, .Type = 4 };
    control->Payload = list;
    control->NumPayload = 1;
}

static void messages_become_metadata(void **state)
{
    (void)state;
    mfxVideoParam par = av1_par(8);
    struct encode_run run = { .frames = 8, .control = attach_caption };
    struct stream stream = { 0 };

    encode_stream(&par, &run, &stream);
    for (unsigned i = 0; i < stream.units; i++) {
        const uint8_t *at =
            memmem(stream.data + stream.start[i], stream.start[i + 1] - stream.start[i], caption + 2, NUMBER_AT - 2);
        assert_non_null(at);
        assert_int_equal(at[NUMBER_AT - 2], i + 1);
    }
    stream_free(&stream);
}

/* Through the runtime's own decoder: every frame with its time stamp, every message with its frame's. */
static void streams_decode_with_their_messages(void **state)
{
    (void)state;
    struct client client;
    mfxVideoParam par = av1_par(10), decode = { .IOPattern = MFX_IOPATTERN_OUT_SYSTEM_MEMORY };
    struct encode_run run = { .frames = 12, .control = attach_caption };
    struct stream stream = { 0 };
    unsigned frames = 0, messages = 0;

    encode_stream(&par, &run, &stream);
    mfxBitstream bitstream = { .Data = stream.data,
                               .MaxLength = (mfxU32)stream.bytes,
                               .DataFlag = MFX_BITSTREAM_COMPLETE_FRAME };
    bitstream.DataLength = (mfxU32)stream.start[1];
    decode.mfx.CodecId = MFX_CODEC_AV1;
    client_open(&client);
    assert_int_equal(MFXVideoDECODE_DecodeHeader(client.session, &bitstream, &decode), MFX_ERR_NONE);
    assert_int_equal(decode.mfx.FrameInfo.FourCC, MFX_FOURCC_P010);
    assert_int_equal(decode.mfx.FrameInfo.CropW, WIDTH);
    assert_int_equal(decode.mfx.FrameInfo.CropH, HEIGHT);
    assert_int_equal(decode.mfx.CodecProfile, MFX_PROFILE_AV1_MAIN);
    assert_int_equal(MFXVideoDECODE_Init(client.session, &decode), MFX_ERR_NONE);
    for (unsigned i = 0; i <= stream.units; i++) {
        uint8_t data[256];
        mfxPayload payload = { .Data = data, .BufSize = sizeof data };
        mfxFrameSurface1 *out;
        mfxSyncPoint point;
        mfxU64 time_stamp;
        bool input = i < stream.units;
        if (input) {
            bitstream.DataOffset = (mfxU32)stream.start[i];
            bitstream.DataLength = (mfxU32)(stream.start[i + 1] - stream.start[i]);
            bitstream.TimeStamp = stream.time_stamp[i];
        }
        while (MFXVideoDECODE_DecodeFrameAsync(client.session, input ? &bitstream : NULL, NULL, &out, &point) ==
               MFX_ERR_NONE) {
            assert_int_equal(MFXVideoCORE_SyncOperation(client.session, point, WAIT_MS), MFX_ERR_NONE);
            assert_int_equal(out->Data.TimeStamp, 1000 + frames++ * 3600);
            out->FrameInterface->Release(out);
        }
        while (MFXVideoDECODE_GetPayload(client.session, &time_stamp, &payload) == MFX_ERR_NONE && payload.NumBit) {
            assert_int_equal(payload.Type, 4);
            assert_int_equal(payload.NumBit, sizeof caption * 8);
            assert_memory_equal(data, caption, NUMBER_AT);
            assert_int_equal(data[NUMBER_AT], (time_stamp - 1000) / 3600 + 1);
            messages++;
        }
    }
    assert_int_equal(frames, 12);
    assert_int_equal(messages, 12);
    client_close(&client);
    stream_free(&stream);
}

/* ---- the form of the stream ------------------------------------------------------------------------------------- */

static void ivf_when_it_is_asked_for(void **state)
{
    (void)state;
    mfxExtAV1BitstreamParam form = { .Header = { MFX_EXTBUFF_AV1_BITSTREAM_PARAM, sizeof form } };
    mfxExtBuffer *buffers[] = { &form.Header };
    mfxVideoParam par = av1_par(8);
    struct encode_run run = { .frames = 5 };
    struct stream plain = { 0 }, ivf = { 0 };

    encode_stream(&par, &run, &plain);
    par.ExtParam = buffers;
    par.NumExtParam = 1;
    encode_stream(&par, &run, &ivf);
    assert_int_equal(ivf.bytes, plain.bytes + IVF_FILE + 5 * IVF_FRAME);
    assert_memory_equal(ivf.data, "DKIF", 4);
    assert_int_equal(strip_ivf(ivf.data, ivf.bytes), plain.bytes);
    assert_memory_equal(ivf.data, plain.data, plain.bytes);
    stream_free(&ivf);
    stream_free(&plain);
}

static void query_knows_what_cannot_be(void **state)
{
    (void)state;
    struct client client;
    mfxVideoParam par = av1_par(10), out = { 0 };

    client_open(&client);
    assert_int_equal(MFXVideoENCODE_Query(client.session, &par, &out), MFX_ERR_NONE);
    par.mfx.GopRefDist = 8; /* CBR */
    assert_int_equal(MFXVideoENCODE_Query(client.session, &par, &out), MFX_WRN_INCOMPATIBLE_VIDEO_PARAM);
    assert_int_equal(out.mfx.GopRefDist, 1);
    par = av1_par(8);
    par.mfx.FrameInfo = nv12_info(32, 32);
    assert_int_equal(MFXVideoENCODE_Query(client.session, &par, &out), MFX_ERR_UNSUPPORTED);
    par = av1_par(8);
    par.mfx.CodecProfile = MFX_PROFILE_AV1_PRO;
    assert_int_equal(MFXVideoENCODE_Query(client.session, &par, &out), MFX_ERR_UNSUPPORTED);
    /* Opened and closed with frames inside, or none. */
    par = av1_par(8);
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_NONE);
    assert_int_equal(MFXVideoENCODE_Close(client.session), MFX_ERR_NONE);
    struct encode_run run = { .frames = 4, .no_drain = true };
    struct stream stream = { 0 };
    par.mfx.RateControlMethod = MFX_RATECONTROL_VBR;
    encode_stream(&par, &run, &stream);
    assert_int_equal(stream.units, 0);
    client_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_line_bytes_match),
        cmocka_unit_test(forced_key_frames_come_at_their_place),
        cmocka_unit_test(a_group_of_one_picture_is_a_key_frame),
        cmocka_unit_test(messages_become_metadata),
        cmocka_unit_test(streams_decode_with_their_messages),
        cmocka_unit_test(ivf_when_it_is_asked_for),
        cmocka_unit_test(query_knows_what_cannot_be),
    };
    client_environment();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
