/* SPDX-License-Identifier: GPL-2.0-or-later */
/* svtav1_settings.c - oneVPL's parameters in SVT-AV1's words. */
#include "drivers/softvpl/svtav1_settings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUALITY_STEPS = 51, CRF_STEPS = 63, PRESET_MAX = 13, BUFFER_MS_MAX = 10000, BUFFER_MS_MIN = 20 };

/* By TargetUsage: AV1's presets are slower than those of the other codecs. */
static const char *const presets[8] = { "8", "4", "6", "7", "8", "9", "10", "12" };

/* Options that would take away what the API itself decides, or touch files. */
static const char *const refused[] = { "width",
                                       "height",
                                       "fps",
                                       "fps-num",
                                       "fps-denom",
                                       "frames",
                                       "input",
                                       "output",
                                       "stats",
                                       "pass",
                                       "passes",
                                       "input-depth",
                                       "color-format",
                                       "profile",
                                       "lp",
                                       "pin",
                                       "ss",
                                       "resize-mode",
                                       "superres-mode",
                                       "use-q-file",
                                       "qpfile",
                                       "force-key-frames",
                                       "enable-force-key-frames",
                                       NULL };

struct parsing {
    EbSvtAv1EncConfiguration *configuration;
    bool good;
};

static bool parse_word(void *context, const char *name, const char *value)
{
    return value && svt_av1_enc_parse_parameter(context, name, value) == EB_ErrorNone;
}

__attribute__((format(printf, 3, 4))) static void say(struct parsing *parsing, const char *name, const char *format,
                                                      ...)
{
    char value[200];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(value, sizeof value, format, arguments);
    va_end(arguments);
    if (svt_av1_enc_parse_parameter(parsing->configuration, name, value) != EB_ErrorNone)
        parsing->good = false;
}

bool svtav1_low_delay(const struct encode_settings *settings)
{
    const mfxInfoMFX *mfx = &settings->par.mfx;
    return mfx->GopRefDist == 1 || mfx->RateControlMethod == MFX_RATECONTROL_CBR || encode_wants_low_delay(settings);
}

static unsigned crf_of(unsigned quality)
{
    return (quality * CRF_STEPS + QUALITY_STEPS / 2) / QUALITY_STEPS;
}

static unsigned buffer_ms(const struct encode_settings *settings)
{
    unsigned rate = encode_target_kbps(settings), buffer = encode_buffer_kbytes(settings) * 8;
    unsigned ms = rate ? (unsigned)((uint64_t)buffer * 1000 / rate) : 0;
    return ms < BUFFER_MS_MIN ? BUFFER_MS_MIN : ms > BUFFER_MS_MAX ? BUFFER_MS_MAX : ms;
}

static void say_rate(struct parsing *parsing, const struct encode_settings *settings)
{
    const mfxInfoMFX *mfx = &settings->par.mfx;

    switch (mfx->RateControlMethod) {
    case MFX_RATECONTROL_CQP:
        say(parsing, "rc", "0");
        say(parsing, "aq-mode", "0");
        say(parsing, "qp", "%u", mfx->QPP < 4 ? 1U : (mfx->QPP + 2U) / 4 > CRF_STEPS ? CRF_STEPS : (mfx->QPP + 2U) / 4);
        return;
    case MFX_RATECONTROL_ICQ:
        say(parsing, "crf", "%u", crf_of(mfx->ICQQuality));
        return;
    case MFX_RATECONTROL_QVBR:
        say(parsing, "crf", "%u", crf_of(settings->option3.QVBRQuality));
        say(parsing, "mbr", "%u", encode_maximum_kbps(settings));
        return;
    case MFX_RATECONTROL_CBR:
        say(parsing, "rc", "2");
        say(parsing, "tbr", "%u", encode_target_kbps(settings));
        say(parsing, "buf-sz", "%u", buffer_ms(settings));
        return;
    default:
        say(parsing, "rc", "1");
        say(parsing, "tbr", "%u", encode_target_kbps(settings));
    }
}

static void say_structure(struct parsing *parsing, const struct encode_settings *settings)
{
    const mfxInfoMFX *mfx = &settings->par.mfx;
    unsigned levels = 0;

    while (1U << levels < mfx->GopRefDist)
        levels++;
    if (svtav1_low_delay(settings))
        say(parsing, "pred-struct", "1");
    else if (mfx->GopRefDist)
        say(parsing, "hierarchical-levels", "%u", levels);
    if (mfx->GopPicSize)
        say(parsing, "keyint", "%u", mfx->GopPicSize);
    if (!(mfx->GopOptFlag & MFX_GOP_CLOSED) && mfx->IdrInterval != 1 && mfx->IdrInterval)
        say(parsing, "irefresh-type", "1");
    if (settings->option2.LookAheadDepth)
        say(parsing, "lookahead", "%u", settings->option2.LookAheadDepth);
    if (encode_qp_minimum(settings))
        say(parsing, "min-qp", "%u", encode_qp_minimum(settings));
    if (encode_qp_maximum(settings))
        say(parsing, "max-qp", "%u", encode_qp_maximum(settings));
}

/* HDR10: the primaries are in the order green, blue, red; SVT-AV1 reads fractions. */
static void say_light(struct parsing *parsing, const struct encode_settings *settings)
{
    const mfxExtMasteringDisplayColourVolume *mastering = &settings->mastering;
    const mfxExtContentLightLevelInfo *light = &settings->light;
    const mfxU16 *x = mastering->DisplayPrimariesX, *y = mastering->DisplayPrimariesY;
    const double unit = 50000, candela = 10000;

    if (mastering->InsertPayloadToggle == MFX_PAYLOAD_IDR)
        say(parsing, "mastering-display", "G(%.5f,%.5f)B(%.5f,%.5f)R(%.5f,%.5f)WP(%.5f,%.5f)L(%.4f,%.4f)", x[0] / unit,
            y[0] / unit, x[1] / unit, y[1] / unit, x[2] / unit, y[2] / unit, mastering->WhitePointX / unit,
            mastering->WhitePointY / unit, mastering->MaxDisplayMasteringLuminance / candela,
            mastering->MinDisplayMasteringLuminance / candela);
    if (light->InsertPayloadToggle == MFX_PAYLOAD_IDR)
        say(parsing, "content-light", "%u,%u", light->MaxContentLightLevel, light->MaxPicAverageLightLevel);
}

static void say_signal(struct parsing *parsing, const mfxExtVideoSignalInfo *signal)
{
    say(parsing, "color-range", "%u", signal->VideoFullRange ? 1U : 0U);
    if (!signal->ColourDescriptionPresent)
        return;
    say(parsing, "color-primaries", "%u", signal->ColourPrimaries);
    say(parsing, "transfer-characteristics", "%u", signal->TransferCharacteristics);
    say(parsing, "matrix-coefficients", "%u", signal->MatrixCoefficients);
}

static bool preset_known(const char *preset)
{
    char *end;
    unsigned long number = strtoul(preset, &end, 10);
    return !*preset || (!*end && number <= PRESET_MAX);
}

bool svtav1_settings_apply(const struct encode_settings *settings, unsigned threads,
                           EbSvtAv1EncConfiguration *configuration)
{
    const mfxInfoMFX *mfx = &settings->par.mfx;
    const struct softvpl_words *words = &settings->words;
    const char *preset = encode_words_preset(words, presets[mfx->TargetUsage & 7]);
    struct parsing parsing = { configuration, true };

    if (!encode_words_end(words) || !preset_known(preset))
        return false;
    say(&parsing, "preset", "%s", preset);
    if (words->tune[0])
        say(&parsing, "tune", "%s", words->tune);
    say(&parsing, "lp", "%u", mfx->NumThread ? mfx->NumThread : threads);
    if (mfx->FrameInfo.CropW) {
        configuration->source_width = mfx->FrameInfo.CropW;
        configuration->source_height = mfx->FrameInfo.CropH;
        configuration->frame_rate_numerator = mfx->FrameInfo.FrameRateExtN;
        configuration->frame_rate_denominator = mfx->FrameInfo.FrameRateExtD;
        configuration->encoder_bit_depth = encode_bit_depth(settings);
    }
    if (mfx->RateControlMethod)
        say_rate(&parsing, settings);
    say_structure(&parsing, settings);
    if (mfx->CodecLevel)
        say(&parsing, "level", "%u", mfx->CodecLevel);
    if (settings->has_signal)
        say_signal(&parsing, &settings->signal);
    say_light(&parsing, settings);
    return parsing.good && encode_words_apply(words, refused, parse_word, configuration);
}
