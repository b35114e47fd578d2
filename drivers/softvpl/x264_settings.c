/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x264_settings.c - oneVPL's parameters in x264's words. The tables and formulas here are what README-like documents
 * would say: TargetUsage to preset, rate control to rc, QPI/QPP/QPB to factors. */
#include "drivers/softvpl/x264_settings.h"

#include <math.h>
#include <string.h>

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
                                       "tff",      "bff",
                                       NULL };

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
    /* x264 keeps the quantiser of a single picture between those three. Without B pictures theirs is free. */
    if (mfx->GopRefDist == 1 && qp > 1)
        param->rc.f_pb_factor = exp2f((float)(1 - qp) / 6.0F);
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

static void apply_options(const struct encode_settings *settings, x264_param_t *param)
{
    const mfxExtCodingOption *option = &settings->option;
    const mfxExtCodingOption2 *option2 = &settings->option2;

    if (option->CAVLC)
        param->b_cabac = option->CAVLC == MFX_CODINGOPTION_OFF;
    if (option->NalHrdConformance == MFX_CODINGOPTION_ON || option->VuiNalHrdParameters == MFX_CODINGOPTION_ON)
        param->i_nal_hrd = settings->par.mfx.RateControlMethod == MFX_RATECONTROL_CBR ? X264_NAL_HRD_CBR
                           : encode_has_bitrate(&settings->par.mfx)                   ? X264_NAL_HRD_VBR
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
    if (option2->Trellis == MFX_TRELLIS_OFF)
        param->analyse.i_trellis = 0;
    else if (option2->Trellis && !param->analyse.i_trellis)
        param->analyse.i_trellis = 1;
    if (option2->IntRefType)
        param->b_intra_refresh = 1;
    if (option2->IntRefType && option2->IntRefCycleSize) /* one cycle is from key frame to key frame */
        param->i_keyint_max = option2->IntRefCycleSize;
    if (option2->MaxSliceSize)
        param->i_slice_max_size = (int)option2->MaxSliceSize;
    if (option2->NumMbPerSlice)
        param->i_slice_max_mbs = option2->NumMbPerSlice;
    if (option2->DisableDeblockingIdc)
        param->b_deblocking_filter = 0;
    unsigned minimum = encode_qp_minimum(settings), maximum = encode_qp_maximum(settings);
    if (minimum)
        param->rc.i_qp_min = (int)minimum;
    if (maximum)
        param->rc.i_qp_max = (int)maximum;
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

static bool parse_word(void *context, const char *name, const char *value)
{
    return x264_param_parse(context, name, value) == 0;
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

static bool is_one_of(const char *name, size_t length, const char *const *names)
{
    for (; *names; names++)
        if (strlen(*names) == length && memcmp(*names, name, length) == 0)
            return true;
    return false;
}

/* x264 complains on stderr about names it does not know; so they are looked at before. */
static bool names_known(const char *preset, const struct softvpl_words *words)
{
    if (!is_one_of(preset, strlen(preset), x264_preset_names))
        return false;
    for (const char *tune = words->tune; *tune;) {
        size_t length = strcspn(tune, ",./-+");
        if (!is_one_of(tune, length, x264_tune_names))
            return false;
        tune += length;
        tune += *tune ? 1 : 0;
    }
    return true;
}

bool x264_settings_apply(const struct encode_settings *settings, unsigned threads, x264_param_t *param)
{
    const mfxInfoMFX *mfx = &settings->par.mfx;
    const struct softvpl_words *words = &settings->words;
    const char *preset = encode_words_preset(words, presets[mfx->TargetUsage & 7]);
    const char *tune = words->tune[0] ? words->tune : encode_wants_low_delay(settings) ? "zerolatency" : NULL;

    x264_param_default(param);
    if (!encode_words_end(words) || !names_known(preset, words) || x264_param_default_preset(param, preset, tune) < 0)
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
    if (!encode_words_apply(words, refused, parse_word, param))
        return false;
    /* x264 takes offsets where its adaptive quantisation is on: so little of it that it does nothing of its own. */
    if (encode_wants_regions(settings) && (!param->rc.i_aq_mode || param->rc.f_aq_strength <= 0)) {
        param->rc.i_aq_mode = X264_AQ_VARIANCE;
        param->rc.f_aq_strength = 0.001F;
    }
    return x264_param_apply_profile(param, profile_name(mfx->CodecProfile)) == 0;
}
