/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an application may ask an encoder of the software runtime for, one thing at a time: it is what the library does
 * by a word of its own. Each of them changes the stream, so that one that is dropped on the way is seen. */
#include "tests/drivers/softvpl/client.h"

enum { WIDTH = 192, HEIGHT = 128, FRAMES = 12, AFTER_THE_CUT = 5, CUT = 950, FIELDS = 5 };

struct field {
    size_t at; /* in mfxInfoMFX */
    uint16_t value;
};
#define MFX(name, number)                                                                                              \
    {                                                                                                                  \
        offsetof(mfxInfoMFX, name), (number)                                                                           \
    }

struct buffers {
    mfxExtCodingOption option;
    mfxExtCodingOption2 option2;
    mfxExtCodingOption3 option3;
    mfxExtVideoSignalInfo signal;
    mfxExtHEVCParam hevc;
    mfxExtMasteringDisplayColourVolume mastering;
    mfxExtContentLightLevelInfo light;
};

struct wish {
    const char *preset, *tune, *words; /* the library's; tune and words say the same as ask and buffers */
    struct field base[FIELDS], ask[FIELDS];
    struct buffers buffers;
    bool may_not_matter; /* to pictures as simple as these */
};

/* ---- coding ----------------------------------------------------------------------------------------------------- */

static void set_fields(mfxInfoMFX *mfx, const struct field *fields)
{
    for (int i = 0; i < FIELDS && fields[i].at; i++)
        memcpy((uint8_t *)mfx + fields[i].at, &fields[i].value, sizeof fields[i].value);
}

/* Those that say something. */
static unsigned attach(struct buffers *from, mfxExtBuffer *to[])
{
    const struct {
        mfxExtBuffer *buffer;
        uint32_t id;
        size_t bytes;
    } all[] = {
        { &from->option.Header, MFX_EXTBUFF_CODING_OPTION, sizeof from->option },
        { &from->option2.Header, MFX_EXTBUFF_CODING_OPTION2, sizeof from->option2 },
        { &from->option3.Header, MFX_EXTBUFF_CODING_OPTION3, sizeof from->option3 },
        { &from->signal.Header, MFX_EXTBUFF_VIDEO_SIGNAL_INFO, sizeof from->signal },
        { &from->hevc.Header, MFX_EXTBUFF_HEVC_PARAM, sizeof from->hevc },
        { &from->mastering.Header, MFX_EXTBUFF_MASTERING_DISPLAY_COLOUR_VOLUME, sizeof from->mastering },
        { &from->light.Header, MFX_EXTBUFF_CONTENT_LIGHT_LEVEL_INFO, sizeof from->light },
    };
    unsigned count = 0;

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const uint8_t *bytes = (const uint8_t *)all[i].buffer;
        size_t at = sizeof(mfxExtBuffer);
        while (at < all[i].bytes && !bytes[at])
            at++;
        if (at == all[i].bytes)
            continue;
        all[i].buffer->BufferId = all[i].id;
        all[i].buffer->BufferSz = (mfxU32)all[i].bytes;
        to[count++] = all[i].buffer;
    }
    return count;
}

/* A few pictures, and after a cut a few others. */
static void encode_pictures(mfxVideoParam *par, const char *words, struct stream *stream)
{
    struct client client;
    struct encode_run run = { .frames = FRAMES, .no_drain = true };
    struct encode_run rest = { .frames = AFTER_THE_CUT, .first = CUT };

    client_open(&client);
    mfxStatus status = MFXVideoENCODE_Init(client.session, par);
    if (status != MFX_ERR_NONE)
        fail_msg("%s: Init answers %d", words, status);
    encode_frames(client.session, par, &run, stream);
    encode_frames(client.session, par, &rest, stream);
    client_close(&client);
    assert_int_equal(stream->units, FRAMES + AFTER_THE_CUT);
}

enum way { PLAIN, BY_THE_API, BY_WORDS };

static struct stream encode_wish(uint32_t codec, const struct wish *wish, enum way way)
{
    struct softvpl_words words = { .header = { SOFTVPL_EXTBUFF_WORDS, sizeof words } };
    struct buffers copy = wish->buffers;
    mfxExtBuffer *buffers[8] = { &words.header };
    mfxVideoParam par = encode_par(WIDTH, HEIGHT);
    struct stream stream = { 0 };

    par.mfx.CodecId = codec;
    par.mfx.TargetKbps = par.mfx.MaxKbps = 400;
    par.mfx.BufferSizeInKB = 50;
    par.mfx.GopRefDist = codec == MFX_CODEC_AV1 ? 1 : 4;
    par.NumExtParam = 1;
    par.ExtParam = buffers;
    snprintf(words.preset, sizeof words.preset, "%s",
             wish->preset             ? wish->preset
             : codec == MFX_CODEC_AV1 ? "12"
                                      : "veryfast");
    set_fields(&par.mfx, wish->base);
    if (way == BY_WORDS) {
        snprintf(words.tune, sizeof words.tune, "%s", wish->tune ? wish->tune : "");
        snprintf(words.options, sizeof words.options, "%s", wish->words);
    }
    if (way == BY_THE_API) {
        set_fields(&par.mfx, wish->ask);
        par.NumExtParam = (mfxU16)(1 + attach(&copy, buffers + 1));
    }
    encode_pictures(&par, wish->words, &stream);
    return stream;
}

static bool same(const struct stream *one, const struct stream *other)
{
    return one->bytes == other->bytes && memcmp(one->data, other->data, one->bytes) == 0;
}

/* The same for most of them. */
static bool plain_is_usual(const struct wish *wish)
{
    return !wish->preset && !wish->base[0].at;
}

static void check_wishes(uint32_t codec, const struct wish *wishes, size_t count)
{
    static const struct wish nothing;
    struct stream usual = encode_wish(codec, &nothing, PLAIN);

    for (size_t i = 0; i < count; i++) {
        struct stream plain = { 0 };
        struct stream asked = encode_wish(codec, &wishes[i], BY_THE_API);
        struct stream told = encode_wish(codec, &wishes[i], BY_WORDS);
        const char *tune = wishes[i].tune ? wishes[i].tune : "";

        if (!same(&asked, &told))
            fail_msg("%s%s: %zu bytes by the API, %zu by words", wishes[i].words, tune, asked.bytes, told.bytes);
        if (!plain_is_usual(&wishes[i]))
            plain = encode_wish(codec, &wishes[i], PLAIN);
        if (!wishes[i].may_not_matter && same(&asked, plain_is_usual(&wishes[i]) ? &usual : &plain))
            fail_msg("%s%s makes no difference", wishes[i].words, tune);
        stream_free(&plain);
        stream_free(&asked);
        stream_free(&told);
    }
    stream_free(&usual);
}
#define CHECK(codec, wishes) check_wishes(codec, wishes, sizeof(wishes) / sizeof((wishes)[0]))

/* ---- H.264 ------------------------------------------------------------------------------------------------------ */

#define CONSTANT MFX(RateControlMethod, MFX_RATECONTROL_CQP), MFX(QPP, 28), MFX(MaxKbps, 0), MFX(QPB, 0)
#define PAL_709                                                                                                        \
    {                                                                                                                  \
        .VideoFormat = 1, .VideoFullRange = 1, .ColourDescriptionPresent = 1, .ColourPrimaries = 1,                    \
        .TransferCharacteristics = 1, .MatrixCoefficients = 1                                                          \
    }

static void h264_is_coded_as_asked(void **state)
{
    (void)state;
    static const struct wish wishes[] = {
        { .words = "b-pyramid=none", .buffers.option2.BRefType = MFX_B_REF_OFF },
        { .preset = "medium",
          .tune = "",
          .words = "b-pyramid=normal:b-adapt=0",
          .buffers.option2 = { .BRefType = MFX_B_REF_PYRAMID, .AdaptiveB = MFX_CODINGOPTION_OFF } },
        { .words = "aud=1", .buffers.option.AUDelimiter = MFX_CODINGOPTION_ON },
        { .words = "cabac=0", .buffers.option.CAVLC = MFX_CODINGOPTION_ON },
        { .words = "nal-hrd=cbr", .buffers.option.NalHrdConformance = MFX_CODINGOPTION_ON },
        { .words = "nal-hrd=vbr",
          .base = { MFX(RateControlMethod, MFX_RATECONTROL_VBR), MFX(MaxKbps, 600) },
          .buffers.option.VuiNalHrdParameters = MFX_CODINGOPTION_ON },
        { .words = "pic-struct=1", .buffers.option.PicTimingSEI = MFX_CODINGOPTION_ON },
        { .words = "rc-lookahead=3", .buffers.option2.LookAheadDepth = 3 },
        { .words = "scenecut=0", .buffers.option2.AdaptiveI = MFX_CODINGOPTION_OFF },
        { .words = "aq-mode=0", .buffers.option2.MBBRC = MFX_CODINGOPTION_OFF },
        { .words = "no-deblock=1", .buffers.option2.DisableDeblockingIdc = 1 },
        { .words = "qpmin=36", .buffers.option2 = { .MinQPI = 40, .MinQPP = 36, .MinQPB = 38 } },
        { .words = "qpmax=24", .buffers.option2 = { .MaxQPI = 20, .MaxQPP = 22, .MaxQPB = 24 } },
        { .words = "slice-max-size=300", .buffers.option2.MaxSliceSize = 300 },
        { .words = "slice-max-mbs=10", .buffers.option2.NumMbPerSlice = 10 },
        { .words = "intra-refresh=1:keyint=12",
          .base = { MFX(GopRefDist, 1) },
          .buffers.option2 = { .IntRefType = MFX_REFRESH_VERTICAL, .IntRefCycleSize = 12 } },
        { .words = "slices=3", .ask = { MFX(NumSlice, 3) } },
        { .words = "ref=3", .ask = { MFX(NumRefFrame, 3) } },
        { .words = "level=3.1", .ask = { MFX(CodecLevel, MFX_LEVEL_AVC_31) } },
        { .words = "vbv-init=0.3", .ask = { MFX(InitialDelayInKB, 15) } },
        { .words = "sar=16/11", .ask = { MFX(FrameInfo.AspectRatioW, 16), MFX(FrameInfo.AspectRatioH, 11) } },
        { .words = "videoformat=pal:fullrange=on:colorprim=bt709:transfer=bt709:colormatrix=bt709",
          .buffers.signal = PAL_709 },
        { .words = "ipratio=2.0:pbratio=2.0", .base = { CONSTANT }, .ask = { MFX(QPI, 22), MFX(QPB, 34) } },
        { .words = "bitrate=800:vbv-maxrate=800:vbv-bufsize=800", .ask = { MFX(BRCParamMultiplier, 2) } },
        { .words = "", .tune = "zerolatency", .buffers.option3.LowDelayBRC = MFX_CODINGOPTION_ON },
    };
    CHECK(MFX_CODEC_AVC, wishes);
}

static unsigned profile_of(uint32_t codec, unsigned profile)
{
    struct client client;
    mfxVideoParam par = encode_par(WIDTH, HEIGHT), actual = { 0 };

    par.mfx.CodecId = codec;
    par.mfx.CodecProfile = (mfxU16)profile;
    client_open(&client);
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_NONE);
    assert_int_equal(MFXVideoENCODE_GetVideoParam(client.session, &actual), MFX_ERR_NONE);
    struct stream stream = { 0 };
    encode_frames(client.session, &par, &(struct encode_run){ .frames = 2 }, &stream);
    for (size_t at = 0; at + 5 < stream.bytes; at++)
        if (memcmp(stream.data + at, (uint8_t[]){ 0, 0, 1, 0x67 }, 4) == 0)
            assert_int_equal(stream.data[at + 4], profile & 0xff);
    stream_free(&stream);
    client_close(&client);
    return actual.mfx.CodecProfile;
}

static void h264_has_the_profile_asked_for(void **state)
{
    (void)state;
    assert_int_equal(profile_of(MFX_CODEC_AVC, MFX_PROFILE_AVC_BASELINE), MFX_PROFILE_AVC_BASELINE);
    assert_int_equal(profile_of(MFX_CODEC_AVC, MFX_PROFILE_AVC_MAIN), MFX_PROFILE_AVC_MAIN);
    assert_int_equal(profile_of(MFX_CODEC_AVC, MFX_PROFILE_AVC_HIGH), MFX_PROFILE_AVC_HIGH);
}

/* IdrInterval of H.264: so many I pictures between two that are IDR. */
static void i_pictures_between_idr_pictures(void **state)
{
    (void)state;
    struct client client;
    struct stream stream = { 0 };
    struct encode_run run = { .frames = 40 };
    mfxVideoParam par = encode_par(WIDTH, HEIGHT);

    par.mfx.GopPicSize = 8;
    par.mfx.GopRefDist = 3;
    par.mfx.IdrInterval = 1;
    par.mfx.GopOptFlag = MFX_GOP_STRICT;
    encode_stream(&par, &run, &stream);
    assert_int_equal(stream.units, 40);
    for (unsigned i = 0; i < stream.units; i++) {
        unsigned number = (unsigned)((stream.time_stamp[i] - 1000) / 3600);
        assert_int_equal(stream.type[i] & (MFX_FRAMETYPE_I | MFX_FRAMETYPE_IDR),
                         (number % 8 ? 0 : MFX_FRAMETYPE_I) | (number % 16 ? 0 : MFX_FRAMETYPE_IDR));
    }
    stream_free(&stream);
    par.mfx.GopRefDist = 1; /* then x264 has no open groups */
    client_open(&client);
    assert_int_equal(MFXVideoENCODE_Query(client.session, &par, &par), MFX_WRN_INCOMPATIBLE_VIDEO_PARAM);
    assert_int_equal(par.mfx.IdrInterval, 0);
    client_close(&client);
}

/* ---- HEVC ------------------------------------------------------------------------------------------------------- */

static void hevc_is_coded_as_asked(void **state)
{
    (void)state;
    static const struct wish wishes[] = {
        { .preset = "fast", .words = "b-pyramid=0", .buffers.option2.BRefType = MFX_B_REF_OFF },
        { .words = "aud=1", .buffers.option.AUDelimiter = MFX_CODINGOPTION_ON },
        { .words = "hrd=1", .buffers.option.NalHrdConformance = MFX_CODINGOPTION_ON },
        { .words = "hrd=1", .buffers.option.VuiNalHrdParameters = MFX_CODINGOPTION_ON },
        { .words = "rc-lookahead=6", .buffers.option2.LookAheadDepth = 6 },
        { .words = "scenecut=0", .may_not_matter = true, .buffers.option2.AdaptiveI = MFX_CODINGOPTION_OFF },
        { .preset = "medium",
          .words = "b-adapt=0",
          .may_not_matter = true,
          .buffers.option2.AdaptiveB = MFX_CODINGOPTION_OFF },
        { .words = "aq-mode=0", .buffers.option2.MBBRC = MFX_CODINGOPTION_OFF },
        { .words = "intra-refresh=1:keyint=12",
          .base = { MFX(GopRefDist, 1) },
          .buffers.option2 = { .IntRefType = MFX_REFRESH_VERTICAL, .IntRefCycleSize = 12 } },
        { .words = "no-deblock=1", .buffers.option2.DisableDeblockingIdc = 1 },
        { .words = "qpmin=36", .buffers.option2 = { .MinQPI = 40, .MinQPP = 36, .MinQPB = 38 } },
        { .words = "qpmax=24", .buffers.option2 = { .MaxQPI = 20, .MaxQPP = 22, .MaxQPB = 24 } },
        { .words = "no-sao=1", .buffers.hevc.SampleAdaptiveOffset = MFX_SAO_DISABLE },
        { .words = "ctu=32", .buffers.hevc.LCUSize = 32 },
        { .words = "slices=2", .ask = { MFX(NumSlice, 2) } },
        { .words = "ref=3", .ask = { MFX(NumRefFrame, 3) } },
        { .words = "level-idc=4.1:high-tier=1", .ask = { MFX(CodecLevel, MFX_LEVEL_HEVC_41 | MFX_TIER_HEVC_HIGH) } },
        { .words = "vbv-init=0.3", .ask = { MFX(InitialDelayInKB, 15) } },
        { .words = "videoformat=pal:range=full:colorprim=bt709:transfer=bt709:colormatrix=bt709",
          .buffers.signal = PAL_709 },
        { .words = "ipratio=2.0:pbratio=2.0", .base = { CONSTANT }, .ask = { MFX(QPI, 22), MFX(QPB, 34) } },
        { .words = "open-gop=0", .base = { MFX(GopPicSize, 8) }, .ask = { MFX(IdrInterval, 1) } },
        { .words = "", .tune = "zerolatency", .buffers.option3.LowDelayBRC = MFX_CODINGOPTION_ON },
    };
    CHECK(MFX_CODEC_HEVC, wishes);
}

/* ---- AV1 -------------------------------------------------------------------------------------------------------- */

static void av1_is_coded_as_asked(void **state)
{
    (void)state;
    static const struct wish wishes[] = {
        { .words = "lookahead=2",
          .base = { MFX(RateControlMethod, MFX_RATECONTROL_VBR), MFX(GopRefDist, 8) },
          .may_not_matter = true,
          .buffers.option2.LookAheadDepth = 2 },
        { .words = "min-qp=50", .buffers.option2 = { .MinQPI = 50, .MinQPP = 50, .MinQPB = 50 } },
        { .words = "max-qp=20", .buffers.option2 = { .MaxQPI = 20, .MaxQPP = 20, .MaxQPB = 20 } },
        { .words = "color-range=1:color-primaries=9:transfer-characteristics=16:matrix-coefficients=9",
          .buffers.signal = { .VideoFormat = 5,
                              .VideoFullRange = 1,
                              .ColourDescriptionPresent = 1,
                              .ColourPrimaries = 9,
                              .TransferCharacteristics = 16,
                              .MatrixCoefficients = 9 } },
        { .words = "mastering-display=G(0.265,0.69)B(0.15,0.06)R(0.68,0.32)WP(0.3127,0.329)L(1000.0,0.005)",
          .buffers.mastering = { .InsertPayloadToggle = MFX_PAYLOAD_IDR,
                                 .DisplayPrimariesX = { 13250, 7500, 34000 },
                                 .DisplayPrimariesY = { 34500, 3000, 16000 },
                                 .WhitePointX = 15635,
                                 .WhitePointY = 16450,
                                 .MaxDisplayMasteringLuminance = 10000000,
                                 .MinDisplayMasteringLuminance = 50 } },
        { .words = "content-light=1000,400",
          .buffers.light = { .InsertPayloadToggle = MFX_PAYLOAD_IDR,
                             .MaxContentLightLevel = 1000,
                             .MaxPicAverageLightLevel = 400 } },
        { .words = "level=41", .ask = { MFX(CodecLevel, MFX_LEVEL_AV1_41) } },
        { .words = "irefresh-type=1",
          .base = { MFX(RateControlMethod, MFX_RATECONTROL_ICQ), MFX(ICQQuality, 30), MFX(GopRefDist, 8),
                    MFX(GopPicSize, 8) },
          .ask = { MFX(IdrInterval, 2) } },
        { .words = "pred-struct=1",
          .base = { MFX(RateControlMethod, MFX_RATECONTROL_VBR), MFX(GopRefDist, 4) },
          .buffers.option3.LowDelayBRC = MFX_CODINGOPTION_ON },
    };
    CHECK(MFX_CODEC_AV1, wishes);
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
        cmocka_unit_test(h264_is_coded_as_asked),          cmocka_unit_test(h264_has_the_profile_asked_for),
        cmocka_unit_test(i_pictures_between_idr_pictures), cmocka_unit_test(hevc_is_coded_as_asked),
        cmocka_unit_test(av1_is_coded_as_asked),
    };
    client_environment();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
