/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The H.264 encoder of the software runtime, from outside: what an application may rely on. */
#include "tests/drivers/softvpl/client.h"

#include <pthread.h>
#include <sys/wait.h>

enum { WIDTH = 192, HEIGHT = 112, FRAMES = 60 };

/* ---- the same bytes as x264's command line ---------------------------------------------------------------------- */

struct identity {
    const char *arguments; /* of x264 */
    const char *preset, *tune, *options;
    uint16_t method, target, maximum, buffer, gop, distance, flags, quality;
};

static const struct identity identities[] = {
    { "--preset ultrafast --bitrate 800 --vbv-maxrate 800 --vbv-bufsize 800 --keyint 25", "ultrafast", "", "",
      MFX_RATECONTROL_CBR, 800, 800, 100, 25, 0, 0, 0 },
    { "--preset veryfast --bitrate 600 --vbv-maxrate 900 --vbv-bufsize 1200 --keyint 30", "veryfast", "", "",
      MFX_RATECONTROL_VBR, 600, 900, 150, 30, 0, 0, 0 },
    { "--preset medium --bitrate 500 --vbv-maxrate 500 --vbv-bufsize 1000 --keyint 50 --bframes 2", "medium", "", "",
      MFX_RATECONTROL_CBR, 500, 500, 125, 50, 3, 0, 0 },
    { "--preset faster --qp 30 --bframes 0", "faster", "", "", MFX_RATECONTROL_CQP, 30, 0, 0, 0, 1, 0, 0 },
    { "--preset fast --crf 24", "fast", "", "", MFX_RATECONTROL_ICQ, 24, 0, 0, 0, 0, 0, 0 },
    { "--preset superfast --crf 21 --vbv-maxrate 700 --vbv-bufsize 800 --keyint 20 --no-scenecut --b-adapt 0",
      "superfast", "", "", MFX_RATECONTROL_QVBR, 500, 700, 100, 20, 0, MFX_GOP_STRICT | MFX_GOP_CLOSED, 21 },
    { "--preset veryfast --tune zerolatency --bitrate 800 --vbv-maxrate 800 --vbv-bufsize 800 --aq-mode 2 --psy-rd "
      "0.8,0.0",
      "veryfast", "zerolatency", "aq-mode=2:psy-rd=0.8,0.0", MFX_RATECONTROL_CBR, 800, 800, 100, 0, 0, 0, 0 },
};

static char *write_source(char *folder)
{
    static char path[128];
    uint8_t nv12[WIDTH * HEIGHT * 3 / 2];

    snprintf(path, sizeof path, "%s/source.nv12", folder);
    FILE *file = fopen(path, "wb");
    for (int i = 0; i < FRAMES; i++) {
        paint(nv12, WIDTH, WIDTH, HEIGHT, i);
        assert_int_equal(fwrite(nv12, 1, sizeof nv12, file), sizeof nv12);
    }
    fclose(file);
    return path;
}

static void command_line_bytes_match(void **state)
{
    (void)state;
    char folder[] = "/tmp/softvpl-encode-XXXXXX", command[1024], out[128];
    assert_non_null(mkdtemp(folder));
    const char *source = write_source(folder);

    snprintf(out, sizeof out, "%s/out.264", folder);
    for (size_t i = 0; i < sizeof identities / sizeof identities[0]; i++) {
        const struct identity *identity = &identities[i];
        struct softvpl_words x264 = { .header = { SOFTVPL_EXTBUFF_WORDS, sizeof x264 } };
        mfxExtCodingOption3 option3 = { .Header = { MFX_EXTBUFF_CODING_OPTION3, sizeof option3 } };
        mfxExtBuffer *buffers[] = { &x264.header, &option3.Header };
        mfxVideoParam par = encode_par(WIDTH, HEIGHT);
        struct encode_run run = { .frames = FRAMES };
        struct stream stream = { 0 };
        size_t bytes;

        snprintf(x264.preset, sizeof x264.preset, "%s", identity->preset);
        snprintf(x264.tune, sizeof x264.tune, "%s", identity->tune);
        snprintf(x264.options, sizeof x264.options, "%s", identity->options);
        option3.QVBRQuality = identity->quality;
        par.mfx.RateControlMethod = identity->method;
        par.mfx.TargetKbps = identity->target;
        par.mfx.MaxKbps = identity->maximum;
        par.mfx.BufferSizeInKB = identity->buffer;
        par.mfx.GopPicSize = identity->gop;
        par.mfx.GopRefDist = identity->distance;
        par.mfx.GopOptFlag = identity->flags;
        par.ExtParam = buffers;
        par.NumExtParam = 2;
        encode_stream(&par, &run, &stream);
        snprintf(command, sizeof command,
                 "x264 --quiet --threads 1 --input-res %dx%d --fps 25 --input-csp nv12 --demuxer raw %s -o %s %s "
                 ">/dev/null 2>&1",
                 WIDTH, HEIGHT, identity->arguments, out, source);
        assert_int_equal(system(command), 0);
        uint8_t *expected = read_whole(out, &bytes);
        if (bytes != stream.bytes || memcmp(expected, stream.data, bytes) != 0)
            fail_msg("not the bytes of x264 %s (%zu, here %zu)", identity->arguments, bytes, stream.bytes);
        free(expected);
        stream_free(&stream);
    }
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

/* ---- delay, order, time stamps ---------------------------------------------------------------------------------- */

static void delay_is_exact_and_stamps_are_in_order(void **state)
{
    (void)state;
    mfxVideoParam par = encode_par(WIDTH, HEIGHT);
    struct encode_run run = { .frames = FRAMES };
    struct stream stream = { 0 };
    bool seen[FRAMES] = { false };

    par.mfx.TargetUsage = 4;
    par.mfx.GopRefDist = 4;
    encode_stream(&par, &run, &stream);
    assert_int_equal(stream.units, FRAMES);
    assert_true(run.more_data > 3 && run.more_data < FRAMES);
    for (unsigned i = 0; i < FRAMES; i++) {
        uint64_t number = (stream.time_stamp[i] - 1000) / 3600;
        assert_true(number < FRAMES && !seen[number]);
        seen[number] = true;
        assert_true(stream.decode_time_stamp[i] <= (int64_t)stream.time_stamp[i]);
        if (i > 0)
            assert_int_equal(stream.decode_time_stamp[i], stream.decode_time_stamp[i - 1] + 3600);
    }
    assert_int_equal(stream.type[0], MFX_FRAMETYPE_I | MFX_FRAMETYPE_IDR | MFX_FRAMETYPE_REF);
    bool b_frames = false;
    for (unsigned i = 0; i < FRAMES; i++)
        b_frames |= stream.type[i] & MFX_FRAMETYPE_B;
    assert_true(b_frames);
    stream_free(&stream);
}

static void low_delay_answers_every_frame(void **state)
{
    (void)state;
    mfxExtCodingOption3 option3 = { .Header = { MFX_EXTBUFF_CODING_OPTION3, sizeof option3 },
                                    .ScenarioInfo = MFX_SCENARIO_VIDEO_CONFERENCE };
    mfxExtBuffer *buffers[] = { &option3.Header };
    mfxVideoParam par = encode_par(WIDTH, HEIGHT);
    struct encode_run run = { .frames = 10 };
    struct stream stream = { 0 };

    par.ExtParam = buffers;
    par.NumExtParam = 1;
    encode_stream(&par, &run, &stream);
    assert_int_equal(run.more_data, 0);
    assert_int_equal(stream.units, 10);
    stream_free(&stream);
}

/* ---- per-frame control ------------------------------------------------------------------------------------------ */

static void force_idr(unsigned number, mfxEncodeCtrl *control, void *opaque)
{
    (void)opaque;
    if (number == 7 || number == 31)
        control->FrameType = MFX_FRAMETYPE_I | MFX_FRAMETYPE_IDR | MFX_FRAMETYPE_REF;
}

static void forced_idr_comes_at_its_frame(void **state)
{
    (void)state;
    mfxVideoParam par = encode_par(WIDTH, HEIGHT);
    struct encode_run run = { .frames = FRAMES, .control = force_idr };
    struct stream stream = { 0 };
    unsigned idr[8], count = 0;

    par.mfx.GopPicSize = 1000;
    par.mfx.GopOptFlag = MFX_GOP_CLOSED | MFX_GOP_STRICT;
    encode_stream(&par, &run, &stream);
    for (unsigned i = 0; i < stream.units && count < 8; i++)
        if (stream.type[i] & MFX_FRAMETYPE_IDR)
            idr[count++] = (unsigned)((stream.time_stamp[i] - 1000) / 3600);
    assert_int_equal(count, 3);
    assert_int_equal(idr[0], 0);
    assert_int_equal(idr[1], 7);
    assert_int_equal(idr[2], 31);
    stream_free(&stream);
}

static uint8_t caption[] = { 4, 9, 0xb5, 0x00, 0x31, 'G', 'A', '9', '4', 3, 0 };
static uint8_t message[] = { 5, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 't', 'e', 'x', 0 };

struct payloads {
    mfxPayload caption, message;
    mfxPayload *both[2];
    uint8_t data[sizeof caption];
};

static void attach_payloads(unsigned number, mfxEncodeCtrl *control, void *opaque)
{
    struct payloads *payloads = opaque;
    caption[sizeof caption - 1] = (uint8_t)number;
    message[sizeof message - 1] = (uint8_t)number;
    payloads->caption = (mfxPayload){ .Data = caption, .NumBit = sizeof caption * 8, .Type = 4 };
    payloads->message = (mfxPayload){ .Data = message, .NumBit = sizeof message * 8, .Type = 5 };
    payloads->both[0] = &payloads->caption;
    payloads->both[1] = &payloads->message;
    control->Payload = payloads->both;
    control->NumPayload = 2;
}

/* Through the runtime's own decoder: each frame's messages come out with that frame's time stamp. */
static void read_payloads_back(const struct stream *stream)
{
    struct client client;
    unsigned captions = 0, messages = 0;
    mfxVideoParam par = { .IOPattern = MFX_IOPATTERN_OUT_SYSTEM_MEMORY, .mfx.CodecId = MFX_CODEC_AVC };
    mfxBitstream bitstream = { .Data = stream->data, .MaxLength = (mfxU32)stream->bytes };

    client_open(&client);
    bitstream.DataLength = (mfxU32)stream->start[1];
    bitstream.DataFlag = MFX_BITSTREAM_COMPLETE_FRAME;
    assert_int_equal(MFXVideoDECODE_DecodeHeader(client.session, &bitstream, &par), MFX_ERR_NONE);
    assert_int_equal(MFXVideoDECODE_Init(client.session, &par), MFX_ERR_NONE);
    for (unsigned i = 0; i < stream->units; i++) {
        mfxFrameSurface1 *out;
        mfxSyncPoint point;
        bitstream.DataOffset = (mfxU32)stream->start[i];
        bitstream.DataLength = (mfxU32)(stream->start[i + 1] - stream->start[i]);
        bitstream.TimeStamp = stream->time_stamp[i];
        mfxStatus status = MFXVideoDECODE_DecodeFrameAsync(client.session, &bitstream, NULL, &out, &point);
        assert_true(status == MFX_ERR_NONE || status == MFX_ERR_MORE_DATA);
        if (out)
            out->FrameInterface->Release(out); /* before the task is done: it has its own reference */
        uint8_t data[2048];                    /* x264 says in a message of its own what it was told */
        mfxPayload payload = { .Data = data, .BufSize = sizeof data };
        mfxU64 time_stamp;
        while (MFXVideoDECODE_GetPayload(client.session, &time_stamp, &payload) == MFX_ERR_NONE && payload.NumBit) {
            uint8_t number = (uint8_t)((time_stamp - 1000) / 3600);
            if (payload.Type == 4 && payload.NumBit == sizeof caption * 8) {
                assert_memory_equal(data, caption, sizeof caption - 1);
                assert_int_equal(data[sizeof caption - 1], number);
                captions++;
            }
            if (payload.Type == 5 && payload.NumBit == sizeof message * 8) {
                assert_memory_equal(data, message, sizeof message - 1);
                assert_int_equal(data[sizeof message - 1], number);
                messages++;
            }
        }
    }
    client_close(&client); /* with frames still inside */
    assert_int_equal(captions, stream->units);
    assert_int_equal(messages, stream->units);
}

static void user_data_goes_in_and_comes_out(void **state)
{
    (void)state;
    mfxVideoParam par = encode_par(WIDTH, HEIGHT);
    struct payloads payloads;
    struct encode_run run = { .frames = 30, .control = attach_payloads, .opaque = &payloads };
    struct stream stream = { 0 };

    par.mfx.GopRefDist = 3;
    encode_stream(&par, &run, &stream);
    read_payloads_back(&stream);
    stream_free(&stream);
}

static void broken_payload_is_refused(void **state)
{
    (void)state;
    struct client client;
    struct frame frame;
    mfxVideoParam par = encode_par(WIDTH, HEIGHT);
    mfxPayload payload = { .Data = caption, .NumBit = sizeof caption * 8, .Type = 5 }, *list[] = { &payload };
    mfxEncodeCtrl control = { .Payload = list, .NumPayload = 1 };
    mfxSyncPoint point;

    client_open(&client);
    frame_create(&frame, &par.mfx.FrameInfo);
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_NONE);
    assert_int_equal(MFXVideoENCODE_EncodeFrameAsync(client.session, &control, &frame.surface, NULL, &point),
                     MFX_ERR_INVALID_VIDEO_PARAM);
    payload.Type = 4;
    payload.NumBit -= 8; /* shorter than it says */
    assert_int_equal(MFXVideoENCODE_EncodeFrameAsync(client.session, &control, &frame.surface, NULL, &point),
                     MFX_ERR_INVALID_VIDEO_PARAM);
    client_close(&client);
    frame_destroy(&frame);
}

/* ---- bounds ----------------------------------------------------------------------------------------------------- */

static void small_bitstream_keeps_the_frame(void **state)
{
    (void)state;
    struct client client;
    struct frame frame;
    struct softvpl_words x264 = { .header = { SOFTVPL_EXTBUFF_WORDS, sizeof x264 }, .tune = "zerolatency" };
    mfxExtBuffer *buffers[] = { &x264.header };
    mfxVideoParam par = encode_par(WIDTH, HEIGHT);
    static uint8_t memory[1 << 20];
    unsigned failed = 0, good = 0;

    par.ExtParam = buffers;
    par.NumExtParam = 1;
    par.mfx.RateControlMethod = MFX_RATECONTROL_CQP;
    par.mfx.QPI = par.mfx.QPP = 8;
    par.mfx.QPB = 8;
    par.mfx.MaxKbps = 0;
    par.mfx.BufferSizeInKB = 1; /* so that a bitstream of 1000 bytes is taken at all */
    client_open(&client);
    frame_create(&frame, &par.mfx.FrameInfo);
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_NONE);
    uint64_t expected = 0;
    for (unsigned i = 0; i < 12; i++) {
        mfxBitstream bitstream = { .Data = memory, .MaxLength = i == 2 || i == 5 ? 1000 : sizeof memory };
        mfxSyncPoint point;
        bool input = i < 8;
        paint(frame.memory, WIDTH, WIDTH, HEIGHT, (int)i * 20);
        frame.surface.Data.TimeStamp = i;
        mfxStatus status =
            MFXVideoENCODE_EncodeFrameAsync(client.session, NULL, input ? &frame.surface : NULL, &bitstream, &point);
        if (!input && status == MFX_ERR_MORE_DATA)
            break;
        assert_int_equal(status, MFX_ERR_NONE);
        status = MFXVideoCORE_SyncOperation(client.session, point, WAIT_MS);
        while (frame_locked(&frame))
            usleep(100);
        if (status == MFX_ERR_NOT_ENOUGH_BUFFER) {
            assert_int_equal(bitstream.DataLength, 0);
            failed++;
            continue;
        }
        assert_int_equal(status, MFX_ERR_NONE);
        assert_int_equal(bitstream.TimeStamp, expected++); /* none is lost, and they are in order */
        good++;
    }
    assert_int_equal(failed, 2);
    assert_int_equal(good, 8);
    mfxBitstream none = { .Data = memory, .MaxLength = 10 };
    mfxSyncPoint point;
    assert_int_equal(MFXVideoENCODE_EncodeFrameAsync(client.session, NULL, &frame.surface, &none, &point),
                     MFX_ERR_NOT_ENOUGH_BUFFER);
    client_close(&client);
    frame_destroy(&frame);
}

/* Nobody waits, nobody reads: the runtime says it is busy instead of growing, and closes cleanly. */
static void unread_sync_points_end_in_busy(void **state)
{
    (void)state;
    struct client client;
    mfxVideoParam par = encode_par(640, 368);
    enum { BITSTREAMS = 300 };
    static mfxBitstream bitstreams[BITSTREAMS];
    unsigned busy = 0, taken = 0;

    par.mfx.TargetUsage = 1;
    client_open(&client);
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_NONE);
    for (unsigned i = 0; i < BITSTREAMS && busy < 3; i++) {
        mfxFrameSurface1 *surface = NULL;
        mfxSyncPoint point;
        bitstreams[i] = (mfxBitstream){ .Data = malloc(100000), .MaxLength = 100000 };
        mfxStatus status = MFXMemory_GetSurfaceForEncode(client.session, &surface);
        assert_int_equal(status, MFX_ERR_NONE);
        assert_int_equal(surface->FrameInterface->Map(surface, MFX_MAP_WRITE), MFX_ERR_NONE);
        paint(surface->Data.Y, surface->Data.Pitch, 640, 368, (int)i);
        assert_int_equal(surface->FrameInterface->Unmap(surface), MFX_ERR_NONE);
        status = MFXVideoENCODE_EncodeFrameAsync(client.session, NULL, surface, &bitstreams[i], &point);
        surface->FrameInterface->Release(surface); /* right away */
        if (status == MFX_WRN_DEVICE_BUSY)
            busy++;
        else
            taken++;
    }
    assert_int_equal(busy, 3);
    assert_true(taken >= 32);
    client_close(&client);
    for (unsigned i = 0; i < BITSTREAMS; i++) {
        free(bitstreams[i].Data);
        bitstreams[i].Data = NULL;
    }
}

/* ---- Reset ------------------------------------------------------------------------------------------------------ */

static void reset_to(mfxSession session, mfxVideoParam *par, uint16_t kbps, uint16_t new_sequence)
{
    mfxExtEncoderResetOption option = { .Header = { MFX_EXTBUFF_ENCODER_RESET_OPTION, sizeof option },
                                        .StartNewSequence = new_sequence };
    mfxExtBuffer *buffers[] = { &option.Header };
    par->mfx.TargetKbps = kbps;
    par->mfx.MaxKbps = kbps;
    par->ExtParam = buffers;
    par->NumExtParam = 1;
    assert_int_equal(MFXVideoENCODE_Reset(session, par), MFX_ERR_NONE);
    par->ExtParam = NULL;
    par->NumExtParam = 0;
}

static void reset_changes_the_rate_without_a_new_sequence(void **state)
{
    (void)state;
    struct client client;
    mfxVideoParam par = encode_par(WIDTH, HEIGHT);
    struct encode_run run = { .frames = 50, .no_drain = true }, rest = { .frames = 50, .first = 50 };
    struct stream before = { 0 }, after = { 0 }, again = { 0 };

    par.mfx.GopPicSize = 500;
    par.mfx.BufferSizeInKB = 100;
    par.mfx.MaxKbps = 800;
    client_open(&client);
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_NONE);
    encode_frames(client.session, &par, &run, &before);
    mfxVideoParam actual = { 0 };
    assert_int_equal(MFXVideoENCODE_GetVideoParam(client.session, &actual), MFX_ERR_NONE);
    reset_to(client.session, &actual, 150, MFX_CODINGOPTION_OFF); /* from what was read back */
    encode_frames(client.session, &par, &rest, &after);
    assert_int_equal(before.units + after.units, 100);
    for (unsigned i = 0; i < after.units; i++)
        assert_false(after.type[i] & MFX_FRAMETYPE_IDR);
    size_t early = before.bytes / before.units, late = (after.bytes - after.start[after.units - 20]) / 20;
    assert_true(late * 2 < early);

    mfxVideoParam larger = actual;
    larger.mfx.GopPicSize = 10;
    mfxExtEncoderResetOption option = { .Header = { MFX_EXTBUFF_ENCODER_RESET_OPTION, sizeof option },
                                        .StartNewSequence = MFX_CODINGOPTION_OFF };
    mfxExtBuffer *buffers[] = { &option.Header };
    larger.ExtParam = buffers;
    larger.NumExtParam = 1;
    assert_int_equal(MFXVideoENCODE_Reset(client.session, &larger), MFX_ERR_INCOMPATIBLE_VIDEO_PARAM);

    reset_to(client.session, &actual, 300, MFX_CODINGOPTION_ON);
    struct encode_run third = { .frames = 20, .first = 100 };
    encode_frames(client.session, &par, &third, &again);
    assert_int_equal(again.units, 20);
    assert_true(again.type[0] & MFX_FRAMETYPE_IDR);
    client_close(&client);
    stream_free(&before);
    stream_free(&after);
    stream_free(&again);
}

/* After a drain an application may simply go on. */
static void frames_after_a_drain_begin_a_new_sequence(void **state)
{
    (void)state;
    struct client client;
    mfxVideoParam par = encode_par(WIDTH, HEIGHT);
    struct encode_run run = { .frames = 20 }, more = { .frames = 20, .first = 20 };
    struct stream first = { 0 }, second = { 0 };

    client_open(&client);
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_NONE);
    encode_frames(client.session, &par, &run, &first);
    encode_frames(client.session, &par, &more, &second);
    assert_int_equal(first.units, 20);
    assert_int_equal(second.units, 20);
    assert_true(second.type[0] & MFX_FRAMETYPE_IDR);
    mfxEncodeStat statistics;
    assert_int_equal(MFXVideoENCODE_GetEncodeStat(client.session, &statistics), MFX_ERR_NONE);
    assert_int_equal(statistics.NumFrame, 40);
    assert_int_equal(statistics.NumBit, (first.bytes + second.bytes) * 8);
    client_close(&client);
    stream_free(&first);
    stream_free(&second);
}

/* While the worker opens the library anew, the encoder is there all the same. */
static void what_begins_anew_can_be_asked_meanwhile(void **state)
{
    (void)state;
    struct client client;
    struct frame frame;
    mfxVideoParam par = encode_par(1280, 720), actual;
    static mfxU8 memory[1 << 20];

    client_open(&client);
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_NONE);
    frame_create(&frame, &par.mfx.FrameInfo);
    frame_paint(&frame, 0);
    for (unsigned round = 0; round < 4; round++) {
        struct encode_run run = { .frames = 3 };
        struct stream stream = { 0 };
        mfxSyncPoint point;
        encode_frames(client.session, &par, &run, &stream);
        stream_free(&stream);
        mfxBitstream bitstream = { .Data = memory, .MaxLength = sizeof memory };
        mfxStatus status = MFXVideoENCODE_EncodeFrameAsync(client.session, NULL, &frame.surface, &bitstream, &point);
        do {
            memset(&actual, 0, sizeof actual);
            assert_int_equal(MFXVideoENCODE_GetVideoParam(client.session, &actual), MFX_ERR_NONE);
            assert_int_equal(actual.mfx.FrameInfo.Width, 1280);
        } while (frame_locked(&frame));
        if (status == MFX_ERR_NONE)
            assert_int_equal(MFXVideoCORE_SyncOperation(client.session, point, WAIT_MS), MFX_ERR_NONE);
        else
            assert_int_equal(status, MFX_ERR_MORE_DATA);
        while (frame_locked(&frame))
            usleep(100);
    }
    frame_destroy(&frame);
    client_close(&client);
}

/* ---- parameters ------------------------------------------------------------------------------------------------- */

static void query_zeroes_corrects_and_marks(void **state)
{
    (void)state;
    struct client client;
    mfxVideoParam in = encode_par(WIDTH, HEIGHT), out = { 0 };

    client_open(&client);
    assert_int_equal(MFXVideoENCODE_Query(client.session, &in, &out), MFX_ERR_NONE);
    out.mfx.CodecId = MFX_CODEC_AVC;
    assert_int_equal(MFXVideoENCODE_Query(client.session, NULL, &out), MFX_ERR_NONE);
    assert_true(out.mfx.GopRefDist && out.mfx.TargetKbps && out.mfx.FrameInfo.Width && !out.mfx.EncodedOrder);

    in.mfx.CodecId = MFX_CODEC_VP9;
    assert_int_equal(MFXVideoENCODE_Query(client.session, &in, &out), MFX_ERR_UNSUPPORTED);
    assert_int_equal(out.mfx.CodecId, 0);
    in.mfx.CodecId = MFX_CODEC_AVC;
    in.IOPattern = MFX_IOPATTERN_IN_VIDEO_MEMORY;
    assert_int_equal(MFXVideoENCODE_Query(client.session, &in, &out), MFX_ERR_UNSUPPORTED);
    assert_int_equal(MFXVideoENCODE_Init(client.session, &in), MFX_ERR_INVALID_VIDEO_PARAM);
    in.IOPattern = MFX_IOPATTERN_IN_SYSTEM_MEMORY;
    in.mfx.FrameInfo.FourCC = MFX_FOURCC_P010;
    assert_int_equal(MFXVideoENCODE_Query(client.session, &in, &out), MFX_ERR_UNSUPPORTED);
    in.mfx.FrameInfo.FourCC = MFX_FOURCC_NV12;
    in.mfx.GopRefDist = 40;
    in.mfx.MaxKbps = 1; /* below the target */
    assert_int_equal(MFXVideoENCODE_Query(client.session, &in, &out), MFX_WRN_INCOMPATIBLE_VIDEO_PARAM);
    assert_true(out.mfx.GopRefDist <= 17);
    assert_int_equal(out.mfx.MaxKbps, in.mfx.TargetKbps);
    client_close(&client);
}

static void extension_buffers_are_checked(void **state)
{
    (void)state;
    struct client client;
    mfxExtAvcTemporalLayers layers = { .Header = { MFX_EXTBUFF_AVC_TEMPORAL_LAYERS, sizeof layers } };
    struct softvpl_words x264 = { .header = { SOFTVPL_EXTBUFF_WORDS, sizeof x264 }, .preset = "warpspeed" };
    mfxExtCodingOption2 option2 = { .Header = { MFX_EXTBUFF_CODING_OPTION2, sizeof option2 }, .LookAheadDepth = 10 };
    mfxExtBuffer *buffers[] = { &layers.Header };
    mfxVideoParam par = encode_par(WIDTH, HEIGHT);

    client_open(&client);
    par.ExtParam = buffers;
    par.NumExtParam = 1;
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_INVALID_VIDEO_PARAM);
    assert_int_equal(MFXVideoENCODE_Query(client.session, &par, &par), MFX_ERR_UNSUPPORTED);
    buffers[0] = &x264.header;
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_INVALID_VIDEO_PARAM);
    strcpy(x264.preset, "fast");
    strcpy(x264.options, "threads=4"); /* what the API decides is not an option */
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_INVALID_VIDEO_PARAM);
    strcpy(x264.options, "no-such-thing=1");
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_INVALID_VIDEO_PARAM);
    strcpy(x264.options, "me=umh:subme=3");
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_NONE);
    assert_int_equal(MFXVideoENCODE_Close(client.session), MFX_ERR_NONE);
    buffers[0] = &option2.Header;
    option2.SkipFrame = 1; /* not supported: zeroed, the rest stays */
    assert_int_equal(MFXVideoENCODE_Query(client.session, &par, &par), MFX_ERR_UNSUPPORTED);
    assert_int_equal(option2.SkipFrame, 0);
    assert_int_equal(option2.LookAheadDepth, 10);
    client_close(&client);
}

/* What x264 has: for all kinds of pictures there are, or for none. */
static void trellis_is_taken_where_x264_has_it(void **state)
{
    (void)state;
    static const struct {
        unsigned trellis, distance, codec;
        mfxStatus status;
    } cases[] = { { MFX_TRELLIS_OFF, 3, MFX_CODEC_AVC, MFX_ERR_NONE },
                  { MFX_TRELLIS_OFF, 3, MFX_CODEC_HEVC, MFX_ERR_NONE },
                  { MFX_TRELLIS_I | MFX_TRELLIS_P | MFX_TRELLIS_B, 3, MFX_CODEC_AVC, MFX_ERR_NONE },
                  { MFX_TRELLIS_I | MFX_TRELLIS_P, 1, MFX_CODEC_AVC, MFX_ERR_NONE },
                  { MFX_TRELLIS_I | MFX_TRELLIS_P, 3, MFX_CODEC_AVC, MFX_ERR_UNSUPPORTED },
                  { MFX_TRELLIS_I, 1, MFX_CODEC_AVC, MFX_ERR_UNSUPPORTED },
                  { MFX_TRELLIS_OFF | MFX_TRELLIS_I | MFX_TRELLIS_P, 1, MFX_CODEC_AVC, MFX_ERR_UNSUPPORTED },
                  { MFX_TRELLIS_I | MFX_TRELLIS_P, 1, MFX_CODEC_HEVC, MFX_ERR_UNSUPPORTED },
                  { 16, 1, MFX_CODEC_AVC, MFX_ERR_UNSUPPORTED } };
    struct client client;

    client_open(&client);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mfxExtCodingOption2 option2 = { .Header = { MFX_EXTBUFF_CODING_OPTION2, sizeof option2 },
                                        .Trellis = (mfxU16)cases[i].trellis };
        mfxExtBuffer *buffers[] = { &option2.Header };
        mfxVideoParam par = encode_par(WIDTH, HEIGHT);
        par.mfx.CodecId = cases[i].codec;
        par.mfx.CodecProfile = MFX_PROFILE_UNKNOWN;
        par.mfx.GopRefDist = (mfxU16)cases[i].distance;
        par.ExtParam = buffers;
        par.NumExtParam = 1;
        assert_int_equal(MFXVideoENCODE_Query(client.session, &par, &par), cases[i].status);
        assert_int_equal(option2.Trellis, cases[i].status == MFX_ERR_NONE ? cases[i].trellis : 0);
    }
    client_close(&client);
}

/* It is what the command line has by another word. */
static void trellis_comes_through(void **state)
{
    (void)state;
    struct stream streams[4] = { 0 };

    for (unsigned i = 0; i < 4; i++) { /* by the buffer and by x264's option; off and on */
        struct softvpl_words x264 = { .header = { SOFTVPL_EXTBUFF_WORDS, sizeof x264 } };
        mfxExtCodingOption2 option2 = { .Header = { MFX_EXTBUFF_CODING_OPTION2, sizeof option2 } };
        mfxExtBuffer *buffers[] = { &x264.header, &option2.Header };
        mfxVideoParam par = encode_par(WIDTH, HEIGHT);
        struct encode_run run = { .frames = FRAMES };
        bool on = i / 2;
        strcpy(x264.preset, on ? "superfast" : "medium"); /* which have it otherwise */
        if (i % 2)
            strcpy(x264.options, on ? "trellis=1" : "trellis=0");
        else
            option2.Trellis = on ? MFX_TRELLIS_I | MFX_TRELLIS_P | MFX_TRELLIS_B : MFX_TRELLIS_OFF;
        par.ExtParam = buffers;
        par.NumExtParam = 2;
        encode_stream(&par, &run, &streams[i]);
    }
    for (unsigned i = 0; i < 4; i += 2) {
        assert_int_equal(streams[i].bytes, streams[i + 1].bytes);
        assert_memory_equal(streams[i].data, streams[i + 1].data, streams[i].bytes);
    }
    for (unsigned i = 0; i < 4; i++)
        stream_free(&streams[i]);
}

static void headers_and_resolved_values_are_reported(void **state)
{
    (void)state;
    struct client client;
    uint8_t sps[128], pps[128];
    mfxExtCodingOptionSPSPPS headers = { .Header = { MFX_EXTBUFF_CODING_OPTION_SPSPPS, sizeof headers },
                                         .SPSBuffer = sps,
                                         .PPSBuffer = pps,
                                         .SPSBufSize = sizeof sps,
                                         .PPSBufSize = sizeof pps };
    mfxExtBuffer *buffers[] = { &headers.Header };
    mfxVideoParam par = encode_par(WIDTH, HEIGHT), actual = { .ExtParam = buffers, .NumExtParam = 1 };
    struct encode_run run = { .frames = 5 };
    struct stream stream = { 0 };

    client_open(&client);
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_NONE);
    assert_int_equal(MFXVideoENCODE_GetVideoParam(client.session, &actual), MFX_ERR_NONE);
    assert_int_equal(actual.mfx.CodecProfile, MFX_PROFILE_AVC_HIGH);
    assert_true(actual.mfx.CodecLevel && actual.mfx.BufferSizeInKB && actual.mfx.NumRefFrame);
    encode_frames(client.session, &par, &run, &stream);
    assert_memory_equal(stream.data, sps, headers.SPSBufSize);
    assert_memory_equal(stream.data + headers.SPSBufSize, pps, headers.PPSBufSize);
    headers.SPSBufSize = 4;
    assert_int_equal(MFXVideoENCODE_GetVideoParam(client.session, &actual), MFX_ERR_NOT_ENOUGH_BUFFER);
    client_close(&client);
    stream_free(&stream);
}

static void many_lives_leave_nothing_behind(void **state)
{
    (void)state;
    struct client client;
    mfxVideoParam par = encode_par(64, 64);

    client_open(&client);
    for (int i = 0; i < 50; i++) {
        struct payloads payloads;
        struct encode_run run = { .frames = 3, .control = attach_payloads, .opaque = &payloads, .no_drain = true };
        struct stream stream = { 0 };
        assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_NONE);
        encode_frames(client.session, &par, &run, &stream);
        assert_int_equal(MFXVideoENCODE_Close(client.session), MFX_ERR_NONE); /* with frames inside */
        stream_free(&stream);
    }
    client_close(&client);
}

/* What libavcodec says to every runtime of API 1.x: an aspect ratio of 0:1, and that frames of several sessions may be
 * coded together. */
static void habits_of_libavcodec_are_known(void **state)
{
    (void)state;
    struct client client;
    struct {
        mfxExtBuffer header;
        mfxU16 mode, frames_max, reserved[58];
    } multi_frame = { .header = { MFX_MAKEFOURCC('M', 'F', 'R', 'P'), sizeof multi_frame }, .mode = 2 };
    mfxExtBuffer *buffers[] = { &multi_frame.header };
    mfxVideoParam par = encode_par(320, 192);

    par.ExtParam = buffers;
    par.NumExtParam = 1;
    par.mfx.FrameInfo.AspectRatioH = 1;
    client_open(&client);
    assert_int_equal(MFXVideoENCODE_Query(client.session, &par, &par), MFX_ERR_NONE);
    par.mfx.FrameInfo.AspectRatioW = 1;
    par.mfx.FrameInfo.AspectRatioH = 0;
    assert_int_equal(MFXVideoENCODE_Query(client.session, &par, &par), MFX_ERR_UNSUPPORTED);
    par.mfx.FrameInfo.AspectRatioW = 0;
    multi_frame.mode = 3; /* the application's own */
    assert_int_equal(MFXVideoENCODE_Query(client.session, &par, &par), MFX_ERR_UNSUPPORTED);
    assert_int_equal(multi_frame.mode, 0);
    client_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_line_bytes_match),
        cmocka_unit_test(delay_is_exact_and_stamps_are_in_order),
        cmocka_unit_test(low_delay_answers_every_frame),
        cmocka_unit_test(forced_idr_comes_at_its_frame),
        cmocka_unit_test(user_data_goes_in_and_comes_out),
        cmocka_unit_test(broken_payload_is_refused),
        cmocka_unit_test(small_bitstream_keeps_the_frame),
        cmocka_unit_test(unread_sync_points_end_in_busy),
        cmocka_unit_test(reset_changes_the_rate_without_a_new_sequence),
        cmocka_unit_test(frames_after_a_drain_begin_a_new_sequence),
        cmocka_unit_test(what_begins_anew_can_be_asked_meanwhile),
        cmocka_unit_test(query_zeroes_corrects_and_marks),
        cmocka_unit_test(extension_buffers_are_checked),
        cmocka_unit_test(habits_of_libavcodec_are_known),
        cmocka_unit_test(trellis_is_taken_where_x264_has_it),
        cmocka_unit_test(trellis_comes_through),
        cmocka_unit_test(headers_and_resolved_values_are_reported),
        cmocka_unit_test(many_lives_leave_nothing_behind),
    };
    client_environment();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
