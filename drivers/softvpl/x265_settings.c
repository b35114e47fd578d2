/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x265_settings.c - oneVPL's parameters in x265's words. */
#include "drivers/softvpl/x265_settings.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "drivers/softvpl/parameters.h"

static const char *const presets[8] = {
    "medium", "veryslow", "slower", "slow", "medium", "fast", "faster", "veryfast"
};

/* Options that would take away what the API itself decides, or touch files. */
static const char *const refused[] = { "frame-threads",
                                       "pools",
                                       "numa-pools",
                                       "pmode",
                                       "pme",
                                       "annexb",
                                       "repeat-headers",
                                       "pass",
                                       "stats",
                                       "csv",
                                       "csv-log-level",
                                       "log-level",
                                       "log",
                                       "fps",
                                       "input-res",
                                       "input-csp",
                                       "input-depth",
                                       "output-depth",
                                       "interlace",
                                       "frames",
                                       "total-frames",
                                       "zones",
                                       "zonefile",
                                       "scaling-list",
                                       "lambda-file",
                                       "analysis-save",
                                       "analysis-load",
                                       "analysis-reuse-file",
                                       "dhdr10-info",
                                       "dolby-vision-profile",
                                       "dolby-vision-rpu",
                                       "atc-sei",
                                       "field",
                                       NULL };

const x265_api *x265_of(const struct encode_settings *settings)
{
    return x265_api_get((int)encode_bit_depth(settings));
}

static void apply_frame(const mfxFrameInfo *info, x265_param *param)
{
    param->sourceWidth = info->CropW;
    param->sourceHeight = info->CropH;
    param->fpsNum = info->FrameRateExtN;
    param->fpsDenom = info->FrameRateExtD;
    param->internalCsp = info->FourCC == MFX_FOURCC_Y210 ? X265_CSP_I422 : X265_CSP_I420;
    if (info->AspectRatioW) {
        param->vui.aspectRatioIdc = X265_EXTENDED_SAR;
        param->vui.sarWidth = info->AspectRatioW;
        param->vui.sarHeight = info->AspectRatioH;
    }
}

/* x265 derives the I and B quantisers from the P one by two factors. They stay x265's own when those give what is
 * asked for. */
static void apply_quantisers(const mfxInfoMFX *mfx, x265_param *param)
{
    int qp = mfx->QPP, default_i = (int)(qp - 6 * log2(param->rc.ipFactor) + 0.5);
    int default_b = (int)(qp + 6 * log2(param->rc.pbFactor) + 0.5);

    param->rc.rateControlMode = X265_RC_CQP;
    param->rc.qp = qp;
    if (mfx->QPI && mfx->QPI != default_i)
        param->rc.ipFactor = exp2((qp - mfx->QPI) / 6.0);
    if (mfx->QPB && mfx->QPB != default_b)
        param->rc.pbFactor = exp2((mfx->QPB - qp) / 6.0);
}

static void apply_rate(const struct encode_settings *settings, x265_param *param)
{
    const mfxInfoMFX *mfx = &settings->par.mfx;

    switch (mfx->RateControlMethod) {
    case MFX_RATECONTROL_CQP:
        apply_quantisers(mfx, param);
        return;
    case MFX_RATECONTROL_ICQ:
        param->rc.rateControlMode = X265_RC_CRF;
        param->rc.rfConstant = mfx->ICQQuality;
        return;
    case MFX_RATECONTROL_QVBR:
        param->rc.rateControlMode = X265_RC_CRF;
        param->rc.rfConstant = settings->option3.QVBRQuality;
        break;
    default:
        param->rc.rateControlMode = X265_RC_ABR;
        param->rc.bitrate = (int)encode_target_kbps(settings);
    }
    param->rc.vbvMaxBitrate = (int)encode_maximum_kbps(settings);
    param->rc.vbvBufferSize = (int)encode_buffer_kbytes(settings) * 8;
    if (mfx->InitialDelayInKB)
        param->rc.vbvBufferInit = (double)mfx->InitialDelayInKB / mfx->BufferSizeInKB;
}

static void apply_structure(const mfxInfoMFX *mfx, x265_param *param)
{
    if (mfx->GopPicSize)
        param->keyframeMax = mfx->GopPicSize;
    if (mfx->GopRefDist)
        param->bframes = mfx->GopRefDist - 1;
    if (mfx->GopOptFlag & MFX_GOP_STRICT) {
        param->scenecutThreshold = 0;
        param->bFrameAdaptive = 0;
    }
    if ((mfx->GopOptFlag & MFX_GOP_CLOSED) || mfx->IdrInterval == 1) /* of HEVC: every I picture is an IDR picture */
        param->bOpenGOP = 0;
    if (mfx->NumSlice)
        param->maxSlices = mfx->NumSlice;
    if (mfx->NumRefFrame)
        param->maxNumReferences = mfx->NumRefFrame;
    if (mfx->CodecLevel) {
        param->levelIdc = mfx->CodecLevel & 0xff;
        param->bHighTier = (mfx->CodecLevel & MFX_TIER_HEVC_HIGH) != 0;
    }
}

static void apply_options(const struct encode_settings *settings, x265_param *param)
{
    const mfxExtCodingOption *option = &settings->option;
    const mfxExtCodingOption2 *option2 = &settings->option2;

    if (option->NalHrdConformance == MFX_CODINGOPTION_ON || option->VuiNalHrdParameters == MFX_CODINGOPTION_ON)
        param->bEmitHRDSEI = encode_has_bitrate(&settings->par.mfx);
    if (option->AUDelimiter)
        param->bEnableAccessUnitDelimiters = option->AUDelimiter == MFX_CODINGOPTION_ON;
    if (option2->LookAheadDepth)
        param->lookaheadDepth = option2->LookAheadDepth;
    else if (param->bframes && param->lookaheadDepth <= param->bframes) /* "ultrafast" looks 5 ahead */
        param->lookaheadDepth = param->bframes + 1;
    if (option2->BRefType)
        param->bBPyramid = option2->BRefType == MFX_B_REF_PYRAMID;
    if (option2->AdaptiveI == MFX_CODINGOPTION_OFF)
        param->scenecutThreshold = 0;
    if (option2->AdaptiveB == MFX_CODINGOPTION_OFF)
        param->bFrameAdaptive = 0;
    if (option2->MBBRC == MFX_CODINGOPTION_OFF)
        param->rc.aqMode = X265_AQ_NONE;
    if (option2->IntRefType)
        param->bIntraRefresh = 1;
    if (option2->IntRefType && option2->IntRefCycleSize) /* one cycle is from key frame to key frame */
        param->keyframeMax = option2->IntRefCycleSize;
    if (option2->DisableDeblockingIdc)
        param->bEnableLoopFilter = 0;
    if (encode_qp_minimum(settings))
        param->rc.qpMin = (int)encode_qp_minimum(settings);
    if (encode_qp_maximum(settings))
        param->rc.qpMax = (int)encode_qp_maximum(settings);
    if (settings->hevc.SampleAdaptiveOffset)
        param->bEnableSAO = settings->hevc.SampleAdaptiveOffset != MFX_SAO_DISABLE;
    if (settings->hevc.LCUSize)
        param->maxCUSize = settings->hevc.LCUSize;
    if (settings->layers.Layer[1].Scale) { /* every second picture is a B picture that nothing refers to */
        param->bEnableTemporalSubLayers = 1;
        param->bframes = 1;
        param->bFrameAdaptive = 0;
        param->bBPyramid = 0;
        param->scenecutThreshold = 0;
    }
}

static void apply_signal(const mfxExtVideoSignalInfo *signal, x265_param *param)
{
    param->vui.bEnableVideoSignalTypePresentFlag = 1;
    param->vui.videoFormat = signal->VideoFormat;
    param->vui.bEnableVideoFullRangeFlag = signal->VideoFullRange;
    if (signal->ColourDescriptionPresent) {
        param->vui.bEnableColorDescriptionPresentFlag = 1;
        param->vui.colorPrimaries = signal->ColourPrimaries;
        param->vui.transferCharacteristics = signal->TransferCharacteristics;
        param->vui.matrixCoeffs = signal->MatrixCoefficients;
    }
}

/* HDR10: the primaries are in the order of the SEI message, which is green, blue, red. */
static bool apply_light(const struct encode_settings *settings, const x265_api *api, x265_param *param)
{
    const mfxExtMasteringDisplayColourVolume *mastering = &settings->mastering;
    const mfxExtContentLightLevelInfo *light = &settings->light;
    const mfxU16 *x = mastering->DisplayPrimariesX, *y = mastering->DisplayPrimariesY;
    char text[160];

    if (mastering->InsertPayloadToggle == MFX_PAYLOAD_IDR) {
        snprintf(text, sizeof text, "G(%u,%u)B(%u,%u)R(%u,%u)WP(%u,%u)L(%u,%u)", x[0], y[0], x[1], y[1], x[2], y[2],
                 mastering->WhitePointX, mastering->WhitePointY, mastering->MaxDisplayMasteringLuminance,
                 mastering->MinDisplayMasteringLuminance);
        if (api->param_parse(param, "master-display", text) != 0)
            return false;
    }
    if (light->InsertPayloadToggle == MFX_PAYLOAD_IDR) {
        snprintf(text, sizeof text, "%u,%u", light->MaxContentLightLevel, light->MaxPicAverageLightLevel);
        if (api->param_parse(param, "max-cll", text) != 0)
            return false;
    }
    return true;
}

/* x265 complains on stderr about names it does not know; so they are looked at before. */
static bool name_known(const char *name, const char *const *names)
{
    for (; *name && *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return !*name;
}

static const char *profile_name(const mfxInfoMFX *mfx)
{
    switch (mfx->CodecProfile) {
    case MFX_PROFILE_HEVC_MAIN:
        return "main";
    case MFX_PROFILE_HEVC_MAIN10:
        return "main10";
    case MFX_PROFILE_HEVC_REXT:
        return mfx->FrameInfo.FourCC == MFX_FOURCC_Y210 ? "main422-10" : NULL;
    default:
        return NULL;
    }
}

struct parsing {
    const x265_api *api;
    x265_param *param;
};

static bool parse_word(void *context, const char *name, const char *value)
{
    struct parsing *parsing = context;
    return parsing->api->param_parse(parsing->param, name, value) == 0;
}

bool x265_settings_apply(const struct encode_settings *settings, unsigned threads, const x265_api *api,
                         x265_param *param)
{
    const mfxInfoMFX *mfx = &settings->par.mfx;
    const struct softvpl_words *words = &settings->words;
    const char *preset = encode_words_preset(words, presets[mfx->TargetUsage & 7]);
    const char *tune = words->tune[0] ? words->tune : encode_wants_low_delay(settings) ? "zerolatency" : NULL;
    static const char *const pools[] = { "none", "2", "3", "4", "5", "6", "7", "8" };

    if (!encode_words_end(words) || !name_known(preset, x265_preset_names) ||
        !name_known(words->tune, x265_tune_names) || api->param_default_preset(param, preset, tune) < 0)
        return false;
    /* Rows in parallel, never frames: a second frame under way would be one more of delay, and twins would differ. */
    unsigned pool = mfx->NumThread ? mfx->NumThread : threads;
    param->numaPools = pools[pool == 0 ? 0 : pool > 8 ? 7 : pool - 1];
    param->frameNumThreads = 1;
    param->logLevel = X265_LOG_NONE;
    param->bRepeatHeaders = 1;
    param->bAnnexB = 1;
    param->bEmitInfoSEI = 0; /* it tells of this machine, and differs between twins */
    if (mfx->FrameInfo.CropW)
        apply_frame(&mfx->FrameInfo, param);
    if (mfx->RateControlMethod)
        apply_rate(settings, param);
    apply_structure(mfx, param);
    apply_options(settings, param);
    if (settings->has_signal)
        apply_signal(&settings->signal, param);
    struct parsing parsing = { api, param };
    if (!apply_light(settings, api, param) || !encode_words_apply(words, refused, parse_word, &parsing))
        return false;
    /* x265 takes offsets where its adaptive quantisation is on: so little of it that it does nothing of its own. */
    if (encode_wants_regions(settings) && (!param->rc.aqMode || param->rc.aqStrength <= 0)) {
        param->rc.aqMode = X265_AQ_VARIANCE;
        param->rc.aqStrength = 0.001;
    }
    return !profile_name(mfx) || api->param_apply_profile(param, profile_name(mfx)) == 0;
}
