/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encode_settings.c - oneVPL's parameters in x264's words. The tables and formulas here are what README-like documents
 * would say: TargetUsage to preset, rate control to rc, QPI/QPP/QPB to factors. */
#include "drivers/softvpl/encode_settings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/softvpl/parameters.h"

enum { QP_DEFAULT = 26, QVBR_QUALITY_DEFAULT = 23, ICQ_QUALITY_DEFAULT = 23, BUFFER_KBYTES_MAX = 65535 };

static const char *const presets[8] = {
    "medium", "veryslow", "slower", "slow", "medium", "fast", "faster", "veryfast"
};

/* Options that would take away what the API itself decides, or touch files. */
static const char *const refused[] = { "threads",  "lookahead-threads",
                                       "annexb",   "repeat-headers",
                                       "pass",     "stats",
                                       "dump-yuv", "log",
                                       "fps",      "force-cfr",
                                       "zones",    "cqmfile",
                                       "opencl",   "opencl-clbin",
                                       "frames",   "interlaced",
                                       "tff",      "bff" };

static bool is_refused(const char *name)
{
    char plain[40];
    size_t length = 0;
    for (; length < sizeof plain - 1 && name[length]; length++)
        plain[length] = name[length] == '_' ? '-' : name[length];
    plain[length] = 0;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (strcmp(plain, refused[i]) == 0)
            return true;
    return false;
}

static unsigned multiplier(const struct encode_settings *settings)
{
    return settings->par.mfx.BRCParamMultiplier ? settings->par.mfx.BRCParamMultiplier : 1;
}

unsigned encode_target_kbps(const struct encode_settings *settings)
{
    return settings->par.mfx.TargetKbps * multiplier(settings);
}

unsigned encode_maximum_kbps(const struct encode_settings *settings)
{
    return settings->par.mfx.MaxKbps * multiplier(settings);
}

unsigned encode_buffer_kbytes(const struct encode_settings *settings)
{
    return settings->par.mfx.BufferSizeInKB * multiplier(settings);
}

static bool has_bitrate(const mfxInfoMFX *mfx)
{
    return mfx->RateControlMethod == MFX_RATECONTROL_CBR || mfx->RateControlMethod == MFX_RATECONTROL_VBR ||
           mfx->RateControlMethod == MFX_RATECONTROL_QVBR;
}

/* A VBV of one second at the maximum rate; without a rate, a buffer that holds an uncompressed frame. */
static void default_rates(mfxInfoMFX *mfx)
{
    if (mfx->RateControlMethod == 0)
        mfx->RateControlMethod = MFX_RATECONTROL_CBR;
    if (has_bitrate(mfx)) {
        if (!mfx->MaxKbps) {
            unsigned maximum = mfx->TargetKbps;
            if (mfx->RateControlMethod == MFX_RATECONTROL_VBR)
                maximum += maximum / 2;
            mfx->MaxKbps = (mfxU16)(maximum > UINT16_MAX ? UINT16_MAX : maximum);
        }
        if (!mfx->BufferSizeInKB)
            mfx->BufferSizeInKB = (mfxU16)((mfx->MaxKbps + 7) / 8);
        return;
    }
    if (!mfx->BufferSizeInKB) {
        uint32_t frame = (uint32_t)mfx->FrameInfo.Width * mfx->FrameInfo.Height * 3 / 2 / 1000 + 1;
        mfx->BufferSizeInKB = (mfxU16)(frame > BUFFER_KBYTES_MAX ? BUFFER_KBYTES_MAX : frame);
    }
    if (mfx->RateControlMethod == MFX_RATECONTROL_ICQ && !mfx->ICQQuality)
        mfx->ICQQuality = ICQ_QUALITY_DEFAULT;
    if (mfx->RateControlMethod == MFX_RATECONTROL_CQP && !mfx->QPP)
        mfx->QPP = mfx->QPI ? mfx->QPI : QP_DEFAULT;
}

static void take(void *to, size_t bytes, const mfxVideoParam *par, uint32_t id)
{
    const mfxExtBuffer *buffer = extension_find(par->ExtParam, par->NumExtParam, id);
    if (buffer && buffer->BufferSz == bytes)
        memcpy(to, buffer, bytes);
    ((mfxExtBuffer *)to)->BufferId = id;
    ((mfxExtBuffer *)to)->BufferSz = (mfxU32)bytes;
}

void encode_settings_read(struct encode_settings *settings, const mfxVideoParam *par)
{
    memset(settings, 0, sizeof *settings);
    settings->par = *par;
    take(&settings->option, sizeof settings->option, par, MFX_EXTBUFF_CODING_OPTION);
    take(&settings->option2, sizeof settings->option2, par, MFX_EXTBUFF_CODING_OPTION2);
    take(&settings->option3, sizeof settings->option3, par, MFX_EXTBUFF_CODING_OPTION3);
    take(&settings->signal, sizeof settings->signal, par, MFX_EXTBUFF_VIDEO_SIGNAL_INFO);
    take(&settings->x264, sizeof settings->x264, par, SOFTVPL_EXTBUFF_X264);
    settings->has_signal = extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_VIDEO_SIGNAL_INFO) != NULL;
    settings->par.ExtParam = NULL;
    settings->par.NumExtParam = 0;

    mfxInfoMFX *mfx = &settings->par.mfx;
    if (!settings->par.AsyncDepth)
        settings->par.AsyncDepth = ASYNC_DEPTH_DEFAULT;
    if (!mfx->TargetUsage)
        mfx->TargetUsage = MFX_TARGETUSAGE_BALANCED;
    if (!mfx->FrameInfo.PicStruct)
        mfx->FrameInfo.PicStruct = MFX_PICSTRUCT_PROGRESSIVE;
    if (!mfx->FrameInfo.ChromaFormat)
        mfx->FrameInfo.ChromaFormat = MFX_CHROMAFORMAT_YUV420;
    if (!mfx->FrameInfo.CropW)
        mfx->FrameInfo.CropW = (mfxU16)(mfx->FrameInfo.Width - mfx->FrameInfo.CropX);
    if (!mfx->FrameInfo.CropH)
        mfx->FrameInfo.CropH = (mfxU16)(mfx->FrameInfo.Height - mfx->FrameInfo.CropY);
    default_rates(mfx);
    if (mfx->RateControlMethod == MFX_RATECONTROL_QVBR && !settings->option3.QVBRQuality)
        settings->option3.QVBRQuality = QVBR_QUALITY_DEFAULT;
}

static void give(const void *from, size_t bytes, mfxVideoParam *par, uint32_t id)
{
    mfxExtBuffer *buffer = extension_find(par->ExtParam, par->NumExtParam, id);
    if (buffer && buffer->BufferSz == bytes)
        memcpy(buffer, from, bytes);
}

void encode_settings_write(const struct encode_settings *settings, mfxVideoParam *par)
{
    mfxExtBuffer **buffers = par->ExtParam;
    uint16_t number = par->NumExtParam;

    *par = settings->par;
    par->ExtParam = buffers;
    par->NumExtParam = number;
    give(&settings->option, sizeof settings->option, par, MFX_EXTBUFF_CODING_OPTION);
    give(&settings->option2, sizeof settings->option2, par, MFX_EXTBUFF_CODING_OPTION2);
    give(&settings->option3, sizeof settings->option3, par, MFX_EXTBUFF_CODING_OPTION3);
    give(&settings->signal, sizeof settings->signal, par, MFX_EXTBUFF_VIDEO_SIGNAL_INFO);
    give(&settings->x264, sizeof settings->x264, par, SOFTVPL_EXTBUFF_X264);
}

/* ---- to x264 ---------------------------------------------------------------------------------------------------- */

static void apply_frame(const mfxFrameInfo *info, x264_param_t *param)
{
    param->i_csp = X264_CSP_NV12;
    param->i_width = info->CropW;
    param->i_height = info->CropH;
    param->i_fps_num = info->FrameRateExtN;
    param->i_fps_den = info->FrameRateExtD;
    param->b_vfr_input = 0; /* time stamps pass beside x264, which counts frames */
    if (info->AspectRatioW) {
        param->vui.i_sar_width = info->AspectRatioW;
        param->vui.i_sar_height = info->AspectRatioH;
    }
    if (info->PicStruct == MFX_PICSTRUCT_FIELD_TFF || info->PicStruct == MFX_PICSTRUCT_FIELD_BFF) {
        param->b_interlaced = 1;
        param->b_tff = info->PicStruct == MFX_PICSTRUCT_FIELD_TFF;
    }
}

/* x264 derives the I and B quantisers from the P one by two factors. They stay x264's own when those give what is
 * asked for. */
static void apply_quantisers(const mfxInfoMFX *mfx, x264_param_t *param)
{
    int qp = mfx->QPP, default_i = (int)(qp - 6 * log2f(param->rc.f_ip_factor) + 0.5F);
    int default_b = (int)(qp + 6 * log2f(param->rc.f_pb_factor) + 0.5F);

    param->rc.i_rc_method = X264_RC_CQP;
    param->rc.i_qp_constant = qp;
    if (mfx->QPI && mfx->QPI != default_i)
        param->rc.f_ip_factor = exp2f((float)(qp - mfx->QPI) / 6.0F);
    if (mfx->QPB && mfx->QPB != default_b)
        param->rc.f_pb_factor = exp2f((float)(mfx->QPB - qp) / 6.0F);
}

static void apply_rate(const struct encode_settings *settings, x264_param_t *param)
{
    const mfxInfoMFX *mfx = &settings->par.mfx;

    switch (mfx->RateControlMethod) {
    case MFX_RATECONTROL_CQP:
        apply_quantisers(mfx, param);
        return;
    case MFX_RATECONTROL_ICQ:
        param->rc.i_rc_method = X264_RC_CRF;
        param->rc.f_rf_constant = mfx->ICQQuality;
        return;
    case MFX_RATECONTROL_QVBR:
        param->rc.i_rc_method = X264_RC_CRF;
        param->rc.f_rf_constant = settings->option3.QVBRQuality;
        break;
    default:
        param->rc.i_rc_method = X264_RC_ABR;
        param->rc.i_bitrate = (int)encode_target_kbps(settings);
    }
    param->rc.i_vbv_max_bitrate = (int)encode_maximum_kbps(settings);
    param->rc.i_vbv_buffer_size = (int)encode_buffer_kbytes(settings) * 8;
    if (mfx->InitialDelayInKB)
        param->rc.f_vbv_buffer_init = (float)mfx->InitialDelayInKB / mfx->BufferSizeInKB;
}

static void apply_structure(const mfxInfoMFX *mfx, x264_param_t *param)
{
    if (mfx->GopPicSize)
        param->i_keyint_max = mfx->GopPicSize;
    if (mfx->GopRefDist)
        param->i_bframe = mfx->GopRefDist - 1;
    if (mfx->GopOptFlag & MFX_GOP_STRICT) {
        param->i_scenecut_threshold = 0;
        param->i_bframe_adaptive = X264_B_ADAPT_NONE;
    }
    param->b_open_gop = mfx->IdrInterval > 0 && !(mfx->GopOptFlag & MFX_GOP_CLOSED);
    if (mfx->NumSlice)
        param->i_slice_count = mfx->NumSlice;
    if (mfx->NumRefFrame)
        param->i_frame_reference = mfx->NumRefFrame;
    if (mfx->CodecLevel)
        param->i_level_idc = mfx->CodecLevel;
}

static int least(int a, int b, int c)
{
    int value = 0;
    for (int i = 0; i < 3; i++) {
        int each = i == 0 ? a : i == 1 ? b : c;
        if (each && (!value || each < value))
            value = each;
    }
    return value;
}

static void apply_options(const struct encode_settings *settings, x264_param_t *param)
{
    const mfxExtCodingOption *option = &settings->option;
    const mfxExtCodingOption2 *option2 = &settings->option2;

    if (option->CAVLC)
        param->b_cabac = option->CAVLC == MFX_CODINGOPTION_OFF;
    if (option->NalHrdConformance == MFX_CODINGOPTION_ON || option->VuiNalHrdParameters == MFX_CODINGOPTION_ON)
        param->i_nal_hrd = settings->par.mfx.RateControlMethod == MFX_RATECONTROL_CBR ? X264_NAL_HRD_CBR
                           : has_bitrate(&settings->par.mfx)                          ? X264_NAL_HRD_VBR
                                                                                      : X264_NAL_HRD_NONE;
    if (option->AUDelimiter)
        param->b_aud = option->AUDelimiter == MFX_CODINGOPTION_ON;
    if (option->PicTimingSEI == MFX_CODINGOPTION_ON)
        param->b_pic_struct = 1;
    if (option2->LookAheadDepth)
        param->rc.i_lookahead = option2->LookAheadDepth;
    if (option2->BRefType)
        param->i_bframe_pyramid = option2->BRefType == MFX_B_REF_PYRAMID ? X264_B_PYRAMID_NORMAL : X264_B_PYRAMID_NONE;
    if (option2->AdaptiveI == MFX_CODINGOPTION_OFF)
        param->i_scenecut_threshold = 0;
    if (option2->AdaptiveB == MFX_CODINGOPTION_OFF)
        param->i_bframe_adaptive = X264_B_ADAPT_NONE;
    if (option2->MBBRC == MFX_CODINGOPTION_OFF)
        param->rc.i_aq_mode = X264_AQ_NONE;
    if (option2->MaxSliceSize)
        param->i_slice_max_size = (int)option2->MaxSliceSize;
    if (option2->NumMbPerSlice)
        param->i_slice_max_mbs = option2->NumMbPerSlice;
    if (option2->DisableDeblockingIdc)
        param->b_deblocking_filter = 0;
    int minimum = least(option2->MinQPI, option2->MinQPP, option2->MinQPB);
    int maximum = -least(-option2->MaxQPI, -option2->MaxQPP, -option2->MaxQPB);
    if (minimum)
        param->rc.i_qp_min = minimum;
    if (maximum)
        param->rc.i_qp_max = maximum;
}

static void apply_signal(const mfxExtVideoSignalInfo *signal, x264_param_t *param)
{
    param->vui.i_vidformat = signal->VideoFormat;
    param->vui.b_fullrange = signal->VideoFullRange;
    if (signal->ColourDescriptionPresent) {
        param->vui.i_colorprim = signal->ColourPrimaries;
        param->vui.i_transfer = signal->TransferCharacteristics;
        param->vui.i_colmatrix = signal->MatrixCoefficients;
    }
}

/* "a=b:c:d=e"; a copy is cut up in place. */
static bool apply_text(const char *options, x264_param_t *param)
{
    char text[sizeof((struct softvpl_x264 *)0)->options], *rest = text;

    memcpy(text, options, sizeof text);
    for (char *name; (name = strsep(&rest, ":"));) {
        if (!*name)
            continue;
        char *value = strchr(name, '=');
        if (value)
            *value++ = 0;
        if (is_refused(name) || x264_param_parse(param, name, value) != 0)
            return false;
    }
    return true;
}

static const char *profile_name(unsigned profile)
{
    switch (profile) {
    case MFX_PROFILE_AVC_BASELINE:
    case MFX_PROFILE_AVC_CONSTRAINED_BASELINE:
        return "baseline";
    case MFX_PROFILE_AVC_MAIN:
        return "main";
    case MFX_PROFILE_UNKNOWN:
        return NULL;
    default:
        return "high";
    }
}

static bool wants_low_delay(const struct encode_settings *settings)
{
    unsigned scenario = settings->option3.ScenarioInfo;
    return settings->option3.LowDelayBRC == MFX_CODINGOPTION_ON || scenario == MFX_SCENARIO_DISPLAY_REMOTING ||
           scenario == MFX_SCENARIO_VIDEO_CONFERENCE || scenario == MFX_SCENARIO_REMOTE_GAMING;
}

static bool is_one_of(const char *name, size_t length, const char *const *names)
{
    for (; *names; names++)
        if (strlen(*names) == length && memcmp(*names, name, length) == 0)
            return true;
    return false;
}

/* x264 complains on stderr about names it does not know; so they are looked at before. */
static bool names_known(const struct softvpl_x264 *x264)
{
    if (x264->preset[0] && !is_one_of(x264->preset, strlen(x264->preset), x264_preset_names))
        return false;
    for (const char *tune = x264->tune; *tune;) {
        size_t length = strcspn(tune, ",./-+");
        if (!is_one_of(tune, length, x264_tune_names))
            return false;
        tune += length;
        tune += *tune ? 1 : 0;
    }
    return true;
}

bool encode_settings_apply(const struct encode_settings *settings, unsigned threads, x264_param_t *param)
{
    const mfxInfoMFX *mfx = &settings->par.mfx;
    const struct softvpl_x264 *x264 = &settings->x264;
    const char *preset = x264->preset[0] ? x264->preset : presets[mfx->TargetUsage & 7];
    const char *tune = x264->tune[0] ? x264->tune : wants_low_delay(settings) ? "zerolatency" : NULL;

    x264_param_default(param);
    if (memchr(x264->preset, 0, sizeof x264->preset) == NULL || memchr(x264->tune, 0, sizeof x264->tune) == NULL ||
        memchr(x264->options, 0, sizeof x264->options) == NULL)
        return false;
    if (!names_known(x264) || x264_param_default_preset(param, preset, tune) < 0)
        return false;
    param->i_threads = (int)(mfx->NumThread ? mfx->NumThread : threads);
    param->i_log_level = X264_LOG_WARNING;
    if (mfx->FrameInfo.CropW)
        apply_frame(&mfx->FrameInfo, param);
    if (mfx->RateControlMethod)
        apply_rate(settings, param);
    apply_structure(mfx, param);
    apply_options(settings, param);
    if (settings->has_signal)
        apply_signal(&settings->signal, param);
    if (mfx->CodecProfile == MFX_PROFILE_AVC_CONSTRAINED_HIGH)
        param->i_bframe = 0;
    if (!apply_text(x264->options, param))
        return false;
    return x264_param_apply_profile(param, profile_name(mfx->CodecProfile)) == 0;
}

bool encode_settings_same_sequence(const struct encode_settings *before, const struct encode_settings *after)
{
    struct encode_settings copy = *after;
    mfxInfoMFX *mfx = &copy.par.mfx;
    const mfxInfoMFX *was = &before->par.mfx;

    if (mfx->RateControlMethod != was->RateControlMethod)
        return false;
    mfx->TargetKbps = was->TargetKbps; /* and QPP, ICQQuality */
    mfx->MaxKbps = was->MaxKbps;
    mfx->BufferSizeInKB = was->BufferSizeInKB;
    mfx->InitialDelayInKB = was->InitialDelayInKB;
    mfx->BRCParamMultiplier = was->BRCParamMultiplier;
    copy.option3.QVBRQuality = before->option3.QVBRQuality;
    copy.par.AsyncDepth = before->par.AsyncDepth;
    copy.par.AllocId = before->par.AllocId;
    return memcmp(&copy.par, &before->par, sizeof copy.par) == 0 &&
           memcmp(&copy.option, &before->option, sizeof copy.option) == 0 &&
           memcmp(&copy.option2, &before->option2, sizeof copy.option2) == 0 &&
           memcmp(&copy.option3, &before->option3, sizeof copy.option3) == 0 &&
           memcmp(&copy.signal, &before->signal, sizeof copy.signal) == 0 &&
           memcmp(&copy.x264, &before->x264, sizeof copy.x264) == 0;
}
