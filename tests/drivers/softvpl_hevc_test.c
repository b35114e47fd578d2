/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The HEVC encoder of the software runtime, from outside: x265's bytes, 8 and 10 bits. */
#include "tests/drivers/softvpl/client.h"

enum { WIDTH = 128, HEIGHT = 72, FRAMES = 30 };

/* ---- the same bytes as x265's command line ---------------------------------------------------------------------- */

struct identity {
    const char *arguments; /* of x265 */
    const char *preset, *tune, *options;
    uint16_t depth, method, target, maximum, buffer, gop, distance, flags, quality;
};

static const struct identity identities[] = {
    { "--preset ultrafast --bitrate 400 --vbv-maxrate 400 --vbv-bufsize 400 --keyint 12", "ultrafast", "", "", 8,
      MFX_RATECONTROL_CBR, 400, 400, 50, 12, 0, 0, 0 },
    { "--preset superfast --bitrate 300 --vbv-maxrate 450 --vbv-bufsize 600 --keyint 20 --no-open-gop", "superfast", "",
      "", 10, MFX_RATECONTROL_VBR, 300, 450, 75, 20, 0, MFX_GOP_CLOSED, 0 },
    { "--preset veryfast --qp 30 --bframes 0 --rc-lookahead 5", "veryfast", "", "rc-lookahead=5", 8,
      MFX_RATECONTROL_CQP, 30, 0, 0, 0, 1, 0, 0 },
    { "--preset veryfast --crf 24 --bframes 2", "veryfast", "", "", 10, MFX_RATECONTROL_ICQ, 24, 0, 0, 0, 3, 0, 0 },
    { "--preset superfast --crf 21 --vbv-maxrate 700 --vbv-bufsize 800 --keyint 20 --no-scenecut --b-adapt 0 "
      "--no-open-gop",
      "superfast", "", "", 8, MFX_RATECONTROL_QVBR, 500, 700, 100, 20, 0, MFX_GOP_STRICT | MFX_GOP_CLOSED, 21 },
    { "--preset ultrafast --tune zerolatency --bitrate 400 --vbv-maxrate 400 --vbv-bufsize 400 --aq-mode 2 --psy-rd "
      "1.5",
      "ultrafast", "zerolatency", "aq-mode=2:psy-rd=1.5", 8, MFX_RATECONTROL_CBR, 400, 400, 50, 0, 0, 0, 0 },
};

static mfxVideoParam hevc_par(int depth)
{
    mfxVideoParam par = encode_par(WIDTH, HEIGHT);
    par.mfx.CodecId = MFX_CODEC_HEVC;
    if (depth == 10)
        par.mfx.FrameInfo = p010_info(WIDTH, HEIGHT);
    return par;
}

/* x265 reads planes of samples at the lower end. */
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
    mfxExtCodingOption3 option3 = { .Header = { MFX_EXTBUFF_CODING_OPTION3, sizeof option3 } };
    mfxExtBuffer *buffers[] = { &words.header, &option3.Header };
    mfxVideoParam par = hevc_par(identity->depth);
    struct encode_run run = { .frames = FRAMES };

    snprintf(words.preset, sizeof words.preset, "%s", identity->preset);
    snprintf(words.tune, sizeof words.tune, "%s", identity->tune);
    snprintf(words.options, sizeof words.options, "%s", identity->options);
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
    encode_stream(&par, &run, stream);
}

static void command_line_bytes_match(void **state)
{
    (void)state;
    char folder[] = "/tmp/softvpl-hevc-XXXXXX", source[64], out[64], command[1024];
    assert_non_null(mkdtemp(folder));

    snprintf(out, sizeof out, "%s/out.265", folder);
    for (size_t i = 0; i < sizeof identities / sizeof identities[0]; i++) {
        const struct identity *identity = &identities[i];
        struct stream stream = { 0 };
        size_t bytes;

        snprintf(source, sizeof source, "%s/source%u.yuv", folder, identity->depth);
        write_source(source, identity->depth);
        snprintf(command, sizeof command,
                 "cat %s | x265 --input - --input-depth %u --output-depth %u --input-res %dx%d --fps 25/1 --pools none "
                 "--frame-threads 1 --no-info --repeat-headers --log-level none %s -o %s >/dev/null 2>&1",
                 source, identity->depth, identity->depth, WIDTH, HEIGHT, identity->arguments, out);
        assert_int_equal(system(command), 0);
        uint8_t *expected = read_whole(out, &bytes);
        encode_identity(identity, &stream);
        assert_int_equal(stream.units, FRAMES);
        if (bytes != stream.bytes || memcmp(expected, stream.data, bytes) != 0)
            fail_msg("not the bytes of x265 %s (%zu, here %zu)", identity->arguments, bytes, stream.bytes);
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
    mfxVideoParam par = hevc_par(8);
    struct encode_run run = { .frames = 60 };
    struct stream stream = { 0 };
    bool seen[60] = { false }, b_frames = false;

    par.mfx.GopRefDist = 4;
    encode_stream(&par, &run, &stream);
    assert_int_equal(stream.units, 60);
    assert_true(run.more_data > 3 && run.more_data < 60);
    for (unsigned i = 0; i < 60; i++) {
        uint64_t number = (stream.time_stamp[i] - 1000) / 3600;
        assert_true(number < 60 && !seen[number]);
        seen[number] = true;
        assert_true(stream.decode_time_stamp[i] <= (int64_t)stream.time_stamp[i]);
        if (i > 0)
            assert_int_equal(stream.decode_time_stamp[i], stream.decode_time_stamp[i - 1] + 3600);
        b_frames |= (stream.type[i] & MFX_FRAMETYPE_B) != 0;
    }
    assert_int_equal(stream.type[0], MFX_FRAMETYPE_I | MFX_FRAMETYPE_IDR | MFX_FRAMETYPE_REF);
    assert_true(b_frames);
    stream_free(&stream);
}

static void low_delay_answers_every_frame(void **state)
{
    (void)state;
    mfxExtCodingOption3 option3 = { .Header = { MFX_EXTBUFF_CODING_OPTION3, sizeof option3 },
                                    .ScenarioInfo = MFX_SCENARIO_VIDEO_CONFERENCE };
    mfxExtBuffer *buffers[] = { &option3.Header };
    mfxVideoParam par = hevc_par(10);
    struct encode_run run = { .frames = 6 };
    struct stream stream = { 0 };

    par.ExtParam = buffers;
    par.NumExtParam = 1;
    encode_stream(&par, &run, &stream);
    assert_int_equal(run.more_data, 0);
    assert_int_equal(stream.units, 6);
    stream_free(&stream);
}

/* ---- per-frame control ------------------------------------------------------------------------------------------ */

static void force_idr(unsigned number, mfxEncodeCtrl *control, void *opaque)
{
    (void)opaque;
    if (number == 7 || number == 21)
        control->FrameType = MFX_FRAMETYPE_I | MFX_FRAMETYPE_IDR | MFX_FRAMETYPE_REF;
}

static void forced_idr_comes_at_its_frame(void **state)
{
    (void)state;
    mfxVideoParam par = hevc_par(8);
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
    assert_int_equal(idr[2], 21);
    stream_free(&stream);
}

static uint8_t caption[] = { 4, 9, 0xb5, 0x00, 0x31, 'G', 'A', '9', '4', 3, 0 };

static void attach_caption(unsigned number, mfxEncodeCtrl *control, void *opaque)
{
    static mfxPayload payload, *list[] = { &payload };
    (void)opaque;
    caption[sizeof caption - 1] = (uint8_t)(number + 1);
    payload = (mfxPayload){ .Data = caption, .NumBit = sizeof caption * 8, .Type = 4 };
    control->Payload = list;
    control->NumPayload = 1;
}

static const uint8_t *find(const uint8_t *data, size_t bytes, const void *what, size_t length)
{
    return memmem(data, bytes, what, length);
}

static void every_picture_carries_its_message(void **state)
{
    (void)state;
    mfxVideoParam par = hevc_par(8);
    struct encode_run run = { .frames = FRAMES, .control = attach_caption };
    struct stream stream = { 0 };

    par.mfx.GopRefDist = 3;
    encode_stream(&par, &run, &stream);
    for (unsigned i = 0; i < stream.units; i++) {
        unsigned number = (unsigned)((stream.time_stamp[i] - 1000) / 3600);
        const uint8_t *at =
            find(stream.data + stream.start[i], stream.start[i + 1] - stream.start[i], caption + 1, sizeof caption - 2);
        assert_non_null(at);
        assert_int_equal(at[sizeof caption - 2], number + 1);
    }
    stream_free(&stream);
}

/* x265 itself writes past its memory when a picture's message is longer than that of an earlier one. */
static uint8_t growing[2 + 200];

static void attach_growing(unsigned number, mfxEncodeCtrl *control, void *opaque)
{
    static mfxPayload payload, *list[] = { &payload, &payload };
    (void)opaque;
    growing[0] = 4;
    growing[1] = (uint8_t)(3 + number * 2);
    memset(growing + 2, 0, growing[1]); /* every third byte prevents an emulated start code */
    growing[2 + number] = (uint8_t)(number + 1);
    payload = (mfxPayload){ .Data = growing, .NumBit = (growing[1] + 2U) * 8, .Type = 4 };
    control->Payload = list;
    control->NumPayload = (mfxU16)(1 + number % 2);
}

static void messages_may_be_of_any_size(void **state)
{
    (void)state;
    mfxVideoParam par = hevc_par(8);
    struct encode_run run = { .frames = FRAMES, .control = attach_growing };
    struct stream stream = { 0 };

    par.mfx.GopRefDist = 3;
    encode_stream(&par, &run, &stream);
    assert_int_equal(stream.units, FRAMES);
    for (unsigned i = 0; i < stream.units; i++) {
        const uint8_t *unit = stream.data + stream.start[i], *end = stream.data + stream.start[i + 1];
        unsigned number = (unsigned)((stream.time_stamp[i] - 1000) / 3600), at = 2, zeros = 0;
        uint8_t plain[256];
        const uint8_t head[] = { 0, 0, 1, 39 << 1, 1, 4, (uint8_t)(3 + number * 2) };
        unit = find(unit, (size_t)(end - unit), head, sizeof head);
        assert_non_null(unit);
        for (unit += sizeof head; at < head[6] + 2U; unit++) {
            if (zeros < 2 || *unit != 3)
                plain[at++] = *unit;
            zeros = *unit ? 0 : zeros + 1;
        }
        assert_int_equal(plain[2 + number], number + 1);
    }
    stream_free(&stream);
}

/* ---- what the headers say --------------------------------------------------------------------------------------- */

static void hdr_and_headers(void **state)
{
    (void)state;
    struct client client;
    mfxExtMasteringDisplayColourVolume mastering = {
        .Header = { MFX_EXTBUFF_MASTERING_DISPLAY_COLOUR_VOLUME, sizeof mastering },
        .InsertPayloadToggle = MFX_PAYLOAD_IDR,
        .DisplayPrimariesX = { 13250, 7500, 34000 },
        .DisplayPrimariesY = { 34500, 3000, 16000 },
        .WhitePointX = 15635,
        .WhitePointY = 16450,
        .MaxDisplayMasteringLuminance = 10000000,
        .MinDisplayMasteringLuminance = 50,
    };
    mfxExtContentLightLevelInfo light = { .Header = { MFX_EXTBUFF_CONTENT_LIGHT_LEVEL_INFO, sizeof light },
                                          .InsertPayloadToggle = MFX_PAYLOAD_IDR,
                                          .MaxContentLightLevel = 1000,
                                          .MaxPicAverageLightLevel = 400 };
    mfxExtVideoSignalInfo signal = { .Header = { MFX_EXTBUFF_VIDEO_SIGNAL_INFO, sizeof signal },
                                     .VideoFormat = 5,
                                     .ColourDescriptionPresent = 1,
                                     .ColourPrimaries = 9,
                                     .TransferCharacteristics = 16,
                                     .MatrixCoefficients = 9 };
    uint8_t vps[256], sps[256], pps[256];
    mfxExtCodingOptionSPSPPS sets = { .Header = { MFX_EXTBUFF_CODING_OPTION_SPSPPS, sizeof sets },
                                      .SPSBuffer = sps,
                                      .PPSBuffer = pps,
                                      .SPSBufSize = sizeof sps,
                                      .PPSBufSize = sizeof pps };
    mfxExtCodingOptionVPS option_vps = { .Header = { MFX_EXTBUFF_CODING_OPTION_VPS, sizeof option_vps },
                                         .VPSBuffer = vps,
                                         .VPSBufSize = sizeof vps };
    mfxExtBuffer *buffers[] = { &mastering.Header, &light.Header, &signal.Header };
    mfxExtBuffer *out_buffers[] = { &sets.Header, &option_vps.Header };
    mfxVideoParam par = hevc_par(10), out = { .ExtParam = out_buffers, .NumExtParam = 2 };
    struct encode_run run = { .frames = 3 };
    struct stream stream = { 0 };
    static const uint8_t mastering_sei[] = { 0x89, 24, 0x33, 0xc2, 0x86, 0xc4 };
    static const uint8_t light_sei[] = { 0x90, 4, 0x03, 0xe8, 0x01, 0x90 };

    par.ExtParam = buffers;
    par.NumExtParam = 3;
    client_open(&client);
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_NONE);
    assert_int_equal(MFXVideoENCODE_GetVideoParam(client.session, &out), MFX_ERR_NONE);
    assert_int_equal(out.mfx.CodecProfile, MFX_PROFILE_HEVC_MAIN10);
    par.ExtParam = NULL;
    par.NumExtParam = 0;
    encode_frames(client.session, &par, &run, &stream);
    assert_non_null(find(stream.data, stream.bytes, vps, option_vps.VPSBufSize));
    assert_non_null(find(stream.data, stream.bytes, sps, sets.SPSBufSize));
    assert_non_null(find(stream.data, stream.bytes, pps, sets.PPSBufSize));
    assert_non_null(find(stream.data, stream.bytes, mastering_sei, sizeof mastering_sei));
    assert_non_null(find(stream.data, stream.bytes, light_sei, sizeof light_sei));
    client_close(&client);
    stream_free(&stream);
}

/* ---- Reset ------------------------------------------------------------------------------------------------------ */

/* x265 cannot change its rate: what is inside comes out, and the next frame begins a new sequence. */
static void reset_changes_the_rate_and_loses_nothing(void **state)
{
    (void)state;
    struct client client;
    mfxVideoParam par = hevc_par(8);
    mfxExtEncoderResetOption option = { .Header = { MFX_EXTBUFF_ENCODER_RESET_OPTION, sizeof option },
                                        .StartNewSequence = MFX_CODINGOPTION_OFF };
    mfxExtBuffer *buffers[] = { &option.Header };
    struct encode_run run = { .frames = 40, .no_drain = true }, rest = { .frames = 40, .first = 40 };
    struct stream before = { 0 }, after = { 0 };
    unsigned idr = 0;

    par.mfx.GopPicSize = 500;
    par.mfx.TargetKbps = par.mfx.MaxKbps = 800;
    par.mfx.BufferSizeInKB = 50;
    client_open(&client);
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_NONE);
    encode_frames(client.session, &par, &run, &before);
    par.mfx.TargetKbps = par.mfx.MaxKbps = 80;
    par.ExtParam = buffers;
    par.NumExtParam = 1;
    assert_int_equal(MFXVideoENCODE_Reset(client.session, &par), MFX_ERR_INCOMPATIBLE_VIDEO_PARAM);
    par.ExtParam = NULL;
    par.NumExtParam = 0;
    assert_int_equal(MFXVideoENCODE_Reset(client.session, &par), MFX_ERR_NONE);
    encode_frames(client.session, &par, &rest, &after);
    assert_int_equal(before.units + after.units, 80);
    for (unsigned i = 0; i < after.units; i++) {
        idr += (after.type[i] & MFX_FRAMETYPE_IDR) != 0;
        assert_int_equal((after.type[i] & MFX_FRAMETYPE_IDR) != 0, after.time_stamp[i] == 1000 + 40 * 3600);
    }
    assert_int_equal(idr, 1);
    size_t last = (after.bytes - after.start[after.units - 15]) / 15;
    assert_true(last < before.bytes / before.units / 2);
    client_close(&client);
    stream_free(&before);
    stream_free(&after);
}

/* Nobody takes what is inside: closing ends it, and the next encoder of the session begins anew. */
/* x265 looks further ahead than that for so many B pictures: what was there before stays. */
static void a_reset_that_is_refused_changes_nothing(void **state)
{
    (void)state;
    struct client client;
    mfxExtCodingOption2 option2 = { .Header = { MFX_EXTBUFF_CODING_OPTION2, sizeof option2 }, .LookAheadDepth = 1 };
    mfxExtBuffer *buffers[] = { &option2.Header };
    mfxVideoParam par = hevc_par(8), reset, found = { 0 };
    struct encode_run run = { .frames = 10 };
    struct stream stream = { 0 };

    client_open(&client);
    par.mfx.GopRefDist = 8;
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_NONE);
    reset = par;
    reset.ExtParam = buffers;
    reset.NumExtParam = 1;
    assert_int_equal(MFXVideoENCODE_Reset(client.session, &reset), MFX_ERR_INVALID_VIDEO_PARAM);
    assert_int_equal(MFXVideoENCODE_GetVideoParam(client.session, &found), MFX_ERR_NONE);
    assert_int_equal(found.mfx.GopRefDist, 8);
    encode_frames(client.session, &par, &run, &stream);
    assert_int_equal(stream.units, 10);
    assert_int_equal(MFXVideoENCODE_Reset(client.session, &par), MFX_ERR_NONE);
    stream_free(&stream);
    client_close(&client);
}

static void closing_with_pictures_inside(void **state)
{
    (void)state;
    struct client client;
    mfxVideoParam par = hevc_par(10);
    struct encode_run run = { .frames = 5, .no_drain = true }, whole = { .frames = 5 };
    struct stream stream = { 0 };

    client_open(&client);
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_NONE);
    encode_frames(client.session, &par, &run, &stream);
    assert_int_equal(stream.units, 0);
    assert_int_equal(MFXVideoENCODE_Close(client.session), MFX_ERR_NONE);
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_NONE);
    encode_frames(client.session, &par, &whole, &stream);
    assert_int_equal(stream.units, 5);
    client_close(&client);
    stream_free(&stream);
}

/* ---- Query ------------------------------------------------------------------------------------------------------ */

static void query_knows_what_cannot_be(void **state)
{
    (void)state;
    struct client client;
    mfxVideoParam par = hevc_par(10), out = { 0 };

    client_open(&client);
    par.mfx.CodecProfile = MFX_PROFILE_HEVC_MAIN10;
    assert_int_equal(MFXVideoENCODE_Query(client.session, &par, &out), MFX_ERR_NONE);
    par.mfx.CodecProfile = MFX_PROFILE_HEVC_MAIN; /* of ten bits */
    assert_int_equal(MFXVideoENCODE_Query(client.session, &par, &out), MFX_ERR_UNSUPPORTED);
    assert_int_equal(out.mfx.CodecProfile, 0);
    par = hevc_par(8);
    par.mfx.FrameInfo.PicStruct = MFX_PICSTRUCT_FIELD_TFF;
    assert_int_equal(MFXVideoENCODE_Query(client.session, &par, &out), MFX_ERR_UNSUPPORTED);
    par = hevc_par(8);
    par.mfx.CodecLevel = MFX_LEVEL_HEVC_51 | MFX_TIER_HEVC_HIGH;
    assert_int_equal(MFXVideoENCODE_Query(client.session, &par, &out), MFX_ERR_NONE);
    par.mfx.CodecLevel = 77;
    assert_int_equal(MFXVideoENCODE_Query(client.session, &par, &out), MFX_ERR_UNSUPPORTED);
    struct softvpl_words words = { .header = { SOFTVPL_EXTBUFF_WORDS, sizeof words } };
    mfxExtBuffer *buffers[] = { &words.header };
    memset(words.options, 'x', sizeof words.options); /* words without an end */
    par = hevc_par(8);
    par.ExtParam = buffers;
    par.NumExtParam = 1;
    out = par;
    assert_int_equal(MFXVideoENCODE_Query(client.session, &par, &out), MFX_ERR_UNSUPPORTED);
    memset(&out, 0, sizeof out);
    out.mfx.CodecId = MFX_CODEC_HEVC;
    assert_int_equal(MFXVideoENCODE_Query(client.session, NULL, &out), MFX_ERR_NONE);
    assert_int_equal(out.mfx.CodecId, MFX_CODEC_HEVC);
    assert_true(out.mfx.TargetKbps && out.mfx.FrameInfo.BitDepthLuma);
    client_close(&client);
}

/* What Query gives back is taken. */
static void what_query_corrects_comes_up(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    for (unsigned references = 0; references <= 17; references++)
        for (unsigned distance = 0; distance <= 17; distance += distance ? 4 : 1) {
            mfxVideoParam par = hevc_par(8);
            par.mfx.TargetUsage = 7;
            par.mfx.GopPicSize = 50;
            par.mfx.GopRefDist = (mfxU16)distance;
            par.mfx.NumRefFrame = (mfxU16)references;
            assert_true(MFXVideoENCODE_Query(client.session, &par, &par) >= MFX_ERR_NONE);
            if (MFXVideoENCODE_Init(client.session, &par) < MFX_ERR_NONE)
                fail_msg("%u references, a distance of %u", references, distance);
            assert_int_equal(MFXVideoENCODE_Close(client.session), MFX_ERR_NONE);
        }
    client_close(&client);
}

/* Debian's x265 3.5 forgets some tables and names, a few kilobytes for each encoder; nothing of ours is hidden by this.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libx265.so\n";
}

/* What applications of hardware ask for by habit: one is a wish, of the other only the usual value is there. */
static void generalised_pictures_are_a_wish_and_tiles_are_one(void **state)
{
    (void)state;
    struct client client;
    mfxExtCodingOption3 option3 = { .Header = { MFX_EXTBUFF_CODING_OPTION3, sizeof option3 } };
    mfxExtHEVCTiles tiles = { .Header = { MFX_EXTBUFF_HEVC_TILES, sizeof tiles } };
    mfxExtBuffer *buffers[] = { &option3.Header, &tiles.Header };
    mfxVideoParam par = hevc_par(8);

    par.ExtParam = buffers;
    par.NumExtParam = 2;
    client_open(&client);
    option3.GPB = MFX_CODINGOPTION_ON;
    tiles.NumTileRows = tiles.NumTileColumns = 1;
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_WRN_INCOMPATIBLE_VIDEO_PARAM);
    assert_int_equal(option3.GPB, MFX_CODINGOPTION_ON); /* Init reads */
    assert_int_equal(MFXVideoENCODE_Close(client.session), MFX_ERR_NONE);
    assert_int_equal(MFXVideoENCODE_Query(client.session, &par, &par), MFX_WRN_INCOMPATIBLE_VIDEO_PARAM);
    assert_int_equal(option3.GPB, MFX_CODINGOPTION_OFF);
    assert_int_equal(MFXVideoENCODE_Query(client.session, &par, &par), MFX_ERR_NONE);
    tiles.NumTileColumns = 2;
    assert_int_equal(MFXVideoENCODE_Query(client.session, &par, &par), MFX_ERR_UNSUPPORTED);
    assert_int_equal(tiles.NumTileColumns, 0);
    client_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_line_bytes_match),
        cmocka_unit_test(delay_is_exact_and_stamps_are_in_order),
        cmocka_unit_test(low_delay_answers_every_frame),
        cmocka_unit_test(forced_idr_comes_at_its_frame),
        cmocka_unit_test(every_picture_carries_its_message),
        cmocka_unit_test(messages_may_be_of_any_size),
        cmocka_unit_test(hdr_and_headers),
        cmocka_unit_test(reset_changes_the_rate_and_loses_nothing),
        cmocka_unit_test(a_reset_that_is_refused_changes_nothing),
        cmocka_unit_test(closing_with_pictures_inside),
        cmocka_unit_test(query_knows_what_cannot_be),
        cmocka_unit_test(what_query_corrects_comes_up),
        cmocka_unit_test(generalised_pictures_are_a_wish_and_tiles_are_one),
    };
    client_environment();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
