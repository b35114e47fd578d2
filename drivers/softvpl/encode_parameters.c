/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encode_parameters.c - Query, QueryIOSurf and the rules behind them: which values an application may ask for. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/softvpl/encode_h264.h"
#include "drivers/softvpl/encode_settings.h"
#include "drivers/softvpl/parameters.h"

#define FIELD(type, name, ...)                                                                                         \
    {                                                                                                                  \
        offsetof(type, name), sizeof(((type *)0)->name), __VA_ARGS__                                                   \
    }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { QP_MAX = 51, LOOKAHEAD_MAX = 250, B_FRAMES_MAX = 16, REFERENCES_MAX = 16, SLICES_MAX = 255 };

static const struct extension_field option_fields[] = {
    FIELD(mfxExtCodingOption, RateDistortionOpt, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption, EndOfSequence, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption, FramePicture, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption, CAVLC, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption, RecoveryPointSEI, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption, ViewOutput, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption, NalHrdConformance, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption, SingleSeiNalUnit, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption, VuiVclHrdParameters, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption, RefPicListReordering, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption, ResetRefList, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption, RefPicMarkRep, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption, FieldOutput, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption, AUDelimiter, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption, EndOfStream, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption, PicTimingSEI, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption, VuiNalHrdParameters, FIELD_SWITCH, 0, 0),
};

static const struct extension_field option2_fields[] = {
    FIELD(mfxExtCodingOption2, MaxSliceSize, FIELD_RANGE, 100, 1 << 24),
    FIELD(mfxExtCodingOption2, BitrateLimit, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption2, MBBRC, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption2, ExtBRC, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption2, LookAheadDepth, FIELD_RANGE, 1, LOOKAHEAD_MAX),
    FIELD(mfxExtCodingOption2, RepeatPPS, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption2, BRefType, FIELD_RANGE, MFX_B_REF_OFF, MFX_B_REF_PYRAMID),
    FIELD(mfxExtCodingOption2, AdaptiveI, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption2, AdaptiveB, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption2, NumMbPerSlice, FIELD_RANGE, 1, UINT16_MAX),
    FIELD(mfxExtCodingOption2, MinQPI, FIELD_RANGE, 1, QP_MAX),
    FIELD(mfxExtCodingOption2, MaxQPI, FIELD_RANGE, 1, QP_MAX),
    FIELD(mfxExtCodingOption2, MinQPP, FIELD_RANGE, 1, QP_MAX),
    FIELD(mfxExtCodingOption2, MaxQPP, FIELD_RANGE, 1, QP_MAX),
    FIELD(mfxExtCodingOption2, MinQPB, FIELD_RANGE, 1, QP_MAX),
    FIELD(mfxExtCodingOption2, MaxQPB, FIELD_RANGE, 1, QP_MAX),
    FIELD(mfxExtCodingOption2, FixedFrameRate, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption2, DisableDeblockingIdc, FIELD_RANGE, 1, 1),
    FIELD(mfxExtCodingOption2, DisableVUI, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption2, EnableMAD, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption2, UseRawRef, FIELD_OFF, 0, 0),
};

static const struct extension_field option3_fields[] = {
    FIELD(mfxExtCodingOption3, QVBRQuality, FIELD_RANGE, 1, QP_MAX),
    FIELD(mfxExtCodingOption3, EnableMBQP, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, DirectBiasAdjustment, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, GlobalMotionBiasAdjustment, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, MBDisableSkipMap, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, AspectRatioInfoPresent, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption3, OverscanInfoPresent, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, TimingInfoPresent, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption3, BitstreamRestriction, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption3, LowDelayHrd, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, ScenarioInfo, FIELD_RANGE, 1, MFX_SCENARIO_REMOTE_GAMING),
    FIELD(mfxExtCodingOption3, ContentInfo, FIELD_RANGE, 1, 3),
    FIELD(mfxExtCodingOption3, PRefType, FIELD_RANGE, 1, 1),
    FIELD(mfxExtCodingOption3, FadeDetection, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, GPB, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, EnableQPOffset, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, TransformSkip, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, TargetChromaFormatPlus1, FIELD_RANGE, 2, 2),
    FIELD(mfxExtCodingOption3, TargetBitDepthLuma, FIELD_RANGE, 8, 8),
    FIELD(mfxExtCodingOption3, TargetBitDepthChroma, FIELD_RANGE, 8, 8),
    FIELD(mfxExtCodingOption3, BRCPanicMode, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, LowDelayBRC, FIELD_SWITCH, 0, 0),
    FIELD(mfxExtCodingOption3, EnableMBForceIntra, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, AdaptiveMaxFrameSize, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, RepartitionCheckEnable, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, EncodedUnitsInfo, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, EnableNalUnitType, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, AdaptiveLTR, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, AdaptiveCQM, FIELD_OFF, 0, 0),
    FIELD(mfxExtCodingOption3, AdaptiveRef, FIELD_OFF, 0, 0),
};

static const struct extension_field signal_fields[] = {
    FIELD(mfxExtVideoSignalInfo, VideoFormat, FIELD_RANGE, 1, 5),
    FIELD(mfxExtVideoSignalInfo, VideoFullRange, FIELD_RANGE, 1, 1),
    FIELD(mfxExtVideoSignalInfo, ColourDescriptionPresent, FIELD_RANGE, 1, 1),
    FIELD(mfxExtVideoSignalInfo, ColourPrimaries, FIELD_RANGE, 1, 12),
    FIELD(mfxExtVideoSignalInfo, TransferCharacteristics, FIELD_RANGE, 1, 18),
    FIELD(mfxExtVideoSignalInfo, MatrixCoefficients, FIELD_RANGE, 1, 14),
};

static const struct extension_field reset_fields[] = {
    FIELD(mfxExtEncoderResetOption, StartNewSequence, FIELD_SWITCH, 0, 0),
};

static const struct extension_rule rules[] = {
    { MFX_EXTBUFF_CODING_OPTION, sizeof(mfxExtCodingOption), option_fields, COUNT(option_fields), false },
    { MFX_EXTBUFF_CODING_OPTION2, sizeof(mfxExtCodingOption2), option2_fields, COUNT(option2_fields), false },
    { MFX_EXTBUFF_CODING_OPTION3, sizeof(mfxExtCodingOption3), option3_fields, COUNT(option3_fields), false },
    { MFX_EXTBUFF_VIDEO_SIGNAL_INFO, sizeof(mfxExtVideoSignalInfo), signal_fields, COUNT(signal_fields), false },
    { MFX_EXTBUFF_ENCODER_RESET_OPTION, sizeof(mfxExtEncoderResetOption), reset_fields, COUNT(reset_fields), false },
    { MFX_EXTBUFF_CODING_OPTION_SPSPPS, sizeof(mfxExtCodingOptionSPSPPS), NULL, 0, true },
    { SOFTVPL_EXTBUFF_X264, sizeof(struct softvpl_x264), NULL, 0, true },
};

static bool profile_known(unsigned profile)
{
    switch (profile) {
    case MFX_PROFILE_UNKNOWN:
    case MFX_PROFILE_AVC_BASELINE:
    case MFX_PROFILE_AVC_CONSTRAINED_BASELINE:
    case MFX_PROFILE_AVC_MAIN:
    case MFX_PROFILE_AVC_HIGH:
    case MFX_PROFILE_AVC_CONSTRAINED_HIGH:
    case MFX_PROFILE_AVC_PROGRESSIVE_HIGH:
        return true;
    default:
        return false;
    }
}

static bool level_known(unsigned level)
{
    for (int i = 0; x264_levels[i].level_idc; i++)
        if (x264_levels[i].level_idc == level)
            return true;
    return level == 0;
}

static void check_rate(struct verdict *verdict, mfxInfoMFX *mfx, const mfxExtCodingOption3 *option3, bool complete)
{
    switch (mfx->RateControlMethod) {
    case MFX_RATECONTROL_CQP:
        if (mfx->QPI > QP_MAX)
            CORRECT(verdict, mfx->QPI, QP_MAX);
        if (mfx->QPP > QP_MAX)
            CORRECT(verdict, mfx->QPP, QP_MAX);
        if (mfx->QPB > QP_MAX)
            CORRECT(verdict, mfx->QPB, QP_MAX);
        break;
    case MFX_RATECONTROL_ICQ:
        if (mfx->ICQQuality > QP_MAX)
            CORRECT(verdict, mfx->ICQQuality, QP_MAX);
        break;
    case 0:
    case MFX_RATECONTROL_CBR:
    case MFX_RATECONTROL_VBR:
    case MFX_RATECONTROL_QVBR:
        if (complete && !mfx->TargetKbps)
            verdict_unsupported(verdict, "TargetKbps is missing");
        if (mfx->MaxKbps && mfx->MaxKbps < mfx->TargetKbps)
            CORRECT(verdict, mfx->MaxKbps, mfx->TargetKbps);
        if (mfx->RateControlMethod == MFX_RATECONTROL_CBR && mfx->MaxKbps > mfx->TargetKbps)
            CORRECT(verdict, mfx->MaxKbps, mfx->TargetKbps);
        if (mfx->BufferSizeInKB && mfx->InitialDelayInKB > mfx->BufferSizeInKB)
            CORRECT(verdict, mfx->InitialDelayInKB, mfx->BufferSizeInKB);
        break;
    default:
        UNSUPPORTED(verdict, mfx->RateControlMethod);
    }
    if (complete && mfx->RateControlMethod == MFX_RATECONTROL_QVBR && (!option3 || !option3->QVBRQuality))
        verdict->corrected = true; /* a middle quality is taken */
}

static void check_structure(struct verdict *verdict, mfxInfoMFX *mfx)
{
    if (mfx->GopRefDist > B_FRAMES_MAX + 1)
        CORRECT(verdict, mfx->GopRefDist, B_FRAMES_MAX + 1);
    if (mfx->GopPicSize && mfx->GopRefDist > mfx->GopPicSize)
        CORRECT(verdict, mfx->GopRefDist, mfx->GopPicSize);
    bool no_b = mfx->CodecProfile == MFX_PROFILE_AVC_BASELINE ||
                mfx->CodecProfile == MFX_PROFILE_AVC_CONSTRAINED_HIGH ||
                mfx->CodecProfile == MFX_PROFILE_AVC_CONSTRAINED_BASELINE;
    if (no_b && mfx->GopRefDist > 1)
        CORRECT(verdict, mfx->GopRefDist, 1);
    if (mfx->GopOptFlag & ~(MFX_GOP_CLOSED | MFX_GOP_STRICT))
        UNSUPPORTED(verdict, mfx->GopOptFlag);
    if (mfx->IdrInterval && (mfx->GopOptFlag & MFX_GOP_CLOSED))
        CORRECT(verdict, mfx->IdrInterval, 0); /* x264's closed groups begin with an IDR picture */
    if (mfx->NumRefFrame > REFERENCES_MAX)
        CORRECT(verdict, mfx->NumRefFrame, REFERENCES_MAX);
    if (mfx->NumSlice > SLICES_MAX)
        CORRECT(verdict, mfx->NumSlice, SLICES_MAX);
    if (mfx->EncodedOrder)
        UNSUPPORTED(verdict, mfx->EncodedOrder);
    if (mfx->LowPower == MFX_CODINGOPTION_ON)
        CORRECT(verdict, mfx->LowPower, MFX_CODINGOPTION_OFF);
    if (mfx->TargetUsage > MFX_TARGETUSAGE_BEST_SPEED)
        CORRECT(verdict, mfx->TargetUsage, MFX_TARGETUSAGE_BEST_SPEED);
}

/* The words of softvpl_ext.h are only understood by x264 itself: try them. */
static void check_x264(struct verdict *verdict, mfxVideoParam *par)
{
    struct softvpl_x264 *x264 = extension_find(par->ExtParam, par->NumExtParam, SOFTVPL_EXTBUFF_X264);
    struct encode_settings settings = { 0 };
    x264_param_t param;

    if (!x264 || x264->header.BufferSz != sizeof *x264)
        return;
    settings.x264 = *x264;
    if (!encode_settings_apply(&settings, 1, &param)) {
        verdict_unsupported(verdict, "x264 preset, tune or option");
        if (!verdict->read_only)
            memset(x264->preset, 0, sizeof *x264 - sizeof x264->header);
    }
    x264_param_cleanup(&param);
}

void encode_check(struct verdict *verdict, mfxVideoParam *par, bool complete)
{
    mfxInfoMFX *mfx = &par->mfx;

    common_check(verdict, par, MFX_IOPATTERN_IN_SYSTEM_MEMORY);
    if (complete && !par->IOPattern)
        verdict_unsupported(verdict, "IOPattern is missing");
    if (mfx->CodecId != MFX_CODEC_AVC && (complete || mfx->CodecId))
        UNSUPPORTED(verdict, mfx->CodecId);
    frame_info_check(verdict, &mfx->FrameInfo, complete);
    if (mfx->FrameInfo.FourCC && mfx->FrameInfo.FourCC != MFX_FOURCC_NV12)
        UNSUPPORTED(verdict, mfx->FrameInfo.FourCC);
    if (complete && !mfx->FrameInfo.FrameRateExtN)
        verdict_unsupported(verdict, "frame rate is missing");
    if ((mfx->FrameInfo.CropW | mfx->FrameInfo.CropH | mfx->FrameInfo.CropX | mfx->FrameInfo.CropY) & 1)
        verdict_unsupported(verdict, "crop is odd");
    if (!profile_known(mfx->CodecProfile))
        UNSUPPORTED(verdict, mfx->CodecProfile);
    if (!level_known(mfx->CodecLevel))
        UNSUPPORTED(verdict, mfx->CodecLevel);
    extensions_check(verdict, rules, COUNT(rules), par->ExtParam, par->NumExtParam);
    check_rate(verdict, mfx, extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_CODING_OPTION3), complete);
    check_structure(verdict, mfx);
    check_x264(verdict, par);
}

void encode_mark(struct verdict *verdict, mfxVideoParam *par)
{
    mfxVideoParam marked = { .ExtParam = par->ExtParam, .NumExtParam = par->NumExtParam };
    mfxInfoMFX *mfx = &marked.mfx;
    mfxFrameInfo *info = &mfx->FrameInfo;

    if (par->mfx.CodecId && par->mfx.CodecId != MFX_CODEC_AVC) {
        verdict_unsupported(verdict, "codec");
        return;
    }
    mfx->CodecId = MFX_CODEC_AVC;
    marked.AsyncDepth = marked.IOPattern = 1;
    mfx->BRCParamMultiplier = mfx->CodecProfile = mfx->CodecLevel = mfx->NumThread = mfx->TargetUsage = 1;
    mfx->GopPicSize = mfx->GopRefDist = mfx->GopOptFlag = mfx->IdrInterval = mfx->RateControlMethod = 1;
    mfx->InitialDelayInKB = mfx->BufferSizeInKB = mfx->TargetKbps = mfx->MaxKbps = mfx->NumSlice = 1;
    mfx->NumRefFrame = 1;
    info->FourCC = info->Width = info->Height = info->CropX = info->CropY = info->CropW = info->CropH = 1;
    info->FrameRateExtN = info->FrameRateExtD = info->AspectRatioW = info->AspectRatioH = 1;
    info->PicStruct = info->ChromaFormat = info->BitDepthLuma = info->BitDepthChroma = 1;
    extensions_mark(verdict, rules, COUNT(rules), par->ExtParam, par->NumExtParam);
    *par = marked;
}

static mfxStatus mark_fields(mfxVideoParam *out)
{
    struct verdict verdict = { 0 };

    encode_mark(&verdict, out);
    return verdict_of_query(&verdict);
}

mfxStatus encode_query(mfxSession session, mfxVideoParam *in, mfxVideoParam *out)
{
    static const struct query query = { "encode", mark_fields, encode_check };

    return parameters_query(session, &query, in, out);
}

mfxStatus encode_query_surfaces(mfxSession session, mfxVideoParam *par, mfxFrameAllocRequest *request)
{
    (void)session;
    if (!par || !request)
        return MFX_ERR_NULL_PTR;
    if ((par->mfx.CodecId != MFX_CODEC_AVC && par->mfx.CodecId != MFX_CODEC_JPEG) ||
        par->IOPattern != MFX_IOPATTERN_IN_SYSTEM_MEMORY)
        return MFX_ERR_INVALID_VIDEO_PARAM;
    unsigned depth = par->AsyncDepth ? par->AsyncDepth : ASYNC_DEPTH_DEFAULT;
    memset(request, 0, sizeof *request);
    request->Info = par->mfx.FrameInfo;
    request->NumFrameMin = (mfxU16)(depth + 1); /* what x264 holds back is its own copy */
    request->NumFrameSuggested = (mfxU16)(depth + 2);
    request->Type = MFX_MEMTYPE_SYSTEM_MEMORY | MFX_MEMTYPE_EXTERNAL_FRAME | MFX_MEMTYPE_FROM_ENCODE;
    return MFX_ERR_NONE;
}
