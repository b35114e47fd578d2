/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vaapi_buffers.c - field by field; what is not set is 0, which is "no" everywhere. */
#include "encode/vaapi_buffers.h"

#include <string.h>

#include "encode/vaapi_plan.h"

enum {
    MACROBLOCK = 16,
    QP_START = 26,
    LOG2_FRAME_NUM_MINUS4 = 4, /* 8 bits: a GOP may be longer, the number wraps */
    FRAME_NUM_MASK = 0xff,
    SLICE_P = 0,
    SLICE_I = 2,
    EXTENDED_ASPECT = 255,
    HEVC_SLICE_P = 1,
    HEVC_TRAIL_R = 1,
    HEVC_IDR_W_RADL = 19,
    MERGE_CANDIDATES = 5
};

/* ---- rates ---- */
static struct vaapi_misc *add_misc(struct vaapi_buffers *buffers, VAEncMiscParameterType type, size_t bytes)
{
    struct vaapi_misc *misc = &buffers->misc[buffers->miscs];

    misc->type = type;
    buffers->misc_bytes[buffers->miscs++] = sizeof misc->type + bytes;
    return misc;
}

static void make_miscs(struct vaapi_buffers *buffers, const struct vaapi_plan *plan)
{
    struct vaapi_misc *misc = add_misc(buffers, VAEncMiscParameterTypeRateControl, sizeof misc->rate);

    misc->rate.bits_per_second = plan->bits_per_second;
    misc->rate.target_percentage = plan->target_percent;
    misc->rate.window_size = 1000;
    misc->rate.initial_qp = 0;
    if (plan->rate_control == VA_RC_QVBR)
        misc->rate.quality_factor = plan->quality;
    misc = add_misc(buffers, VAEncMiscParameterTypeHRD, sizeof misc->buffer);
    misc->buffer.buffer_size = plan->buffer_bits;
    misc->buffer.initial_buffer_fullness = plan->buffer_bits / 4 * 3;
    misc = add_misc(buffers, VAEncMiscParameterTypeFrameRate, sizeof misc->frame_rate);
    unsigned numerator = plan->rate_numerator, denominator = plan->rate_denominator;
    while (numerator > UINT16_MAX || denominator > UINT16_MAX) { /* two halves of one word */
        numerator /= 2;
        denominator = denominator > 1 ? denominator / 2 : 1;
    }
    misc->frame_rate.framerate = numerator | (denominator > 1 ? denominator << 16 : 0);
    if (plan->speed) {
        misc = add_misc(buffers, VAEncMiscParameterTypeQualityLevel, sizeof misc->quality);
        misc->quality.quality_level = plan->speed;
    }
}

/* ---- H.264 ---- */
static void h264_sequence(VAEncSequenceParameterBufferH264 *sequence, const struct vaapi_plan *plan)
{
    sequence->level_idc = (uint8_t)plan->level;
    sequence->intra_period = sequence->intra_idr_period = plan->gop_frames;
    sequence->ip_period = 1;
    sequence->bits_per_second = plan->bits_per_second;
    sequence->max_num_ref_frames = 1;
    sequence->picture_width_in_mbs = (uint16_t)(plan->coded_width / MACROBLOCK);
    sequence->picture_height_in_mbs = (uint16_t)(plan->coded_height / MACROBLOCK);
    sequence->seq_fields.bits.chroma_format_idc = 1;
    sequence->seq_fields.bits.frame_mbs_only_flag = 1;
    sequence->seq_fields.bits.direct_8x8_inference_flag = 1;
    sequence->seq_fields.bits.log2_max_frame_num_minus4 = LOG2_FRAME_NUM_MINUS4;
    sequence->seq_fields.bits.pic_order_cnt_type = 2; /* out in the order of decoding */
    sequence->frame_cropping_flag = plan->coded_width != plan->width || plan->coded_height != plan->height;
    sequence->frame_crop_right_offset = (plan->coded_width - plan->width) / 2; /* of chroma samples */
    sequence->frame_crop_bottom_offset = (plan->coded_height - plan->height) / 2;
    sequence->vui_parameters_present_flag = 1;
    sequence->vui_fields.bits.aspect_ratio_info_present_flag = 1;
    sequence->aspect_ratio_idc = plan->aspect_width == plan->aspect_height ? 1 : EXTENDED_ASPECT;
    sequence->sar_width = plan->aspect_width;
    sequence->sar_height = plan->aspect_height;
    sequence->vui_fields.bits.timing_info_present_flag = 1;
    sequence->vui_fields.bits.fixed_frame_rate_flag = 1;
    sequence->num_units_in_tick = plan->rate_denominator; /* of fields */
    sequence->time_scale = 2 * plan->rate_numerator;
    sequence->vui_fields.bits.bitstream_restriction_flag = 1;
    sequence->vui_fields.bits.motion_vectors_over_pic_boundaries_flag = 1;
    sequence->vui_fields.bits.log2_max_mv_length_horizontal = 15;
    sequence->vui_fields.bits.log2_max_mv_length_vertical = 15;
}

static VAPictureH264 h264_no_picture(void)
{
    return (VAPictureH264){ .picture_id = VA_INVALID_ID, .flags = VA_PICTURE_H264_INVALID };
}

static VAPictureH264 h264_picture_at(VASurfaceID surface, unsigned since_idr, unsigned flags)
{
    return (VAPictureH264){ .picture_id = surface,
                            .frame_idx = since_idr & FRAME_NUM_MASK,
                            .flags = flags,
                            .TopFieldOrderCnt = (int32_t)(2 * since_idr),
                            .BottomFieldOrderCnt = (int32_t)(2 * since_idr) };
}

static void h264_picture(VAEncPictureParameterBufferH264 *picture, const struct vaapi_plan *plan,
                         const struct vaapi_place *place)
{
    picture->CurrPic = h264_picture_at(place->reconstructed, place->since_idr, 0);
    for (unsigned i = 0; i < sizeof picture->ReferenceFrames / sizeof picture->ReferenceFrames[0]; i++)
        picture->ReferenceFrames[i] = h264_no_picture();
    if (!place->idr)
        picture->ReferenceFrames[0] =
            h264_picture_at(place->reference, place->since_idr - 1, VA_PICTURE_H264_SHORT_TERM_REFERENCE);
    picture->coded_buf = place->coded;
    picture->frame_num = place->since_idr & FRAME_NUM_MASK;
    picture->pic_init_qp = QP_START;
    picture->pic_fields.bits.idr_pic_flag = place->idr;
    picture->pic_fields.bits.reference_pic_flag = 1;
    picture->pic_fields.bits.entropy_coding_mode_flag = plan->cabac;
    picture->pic_fields.bits.transform_8x8_mode_flag = plan->transform_8x8;
    picture->pic_fields.bits.deblocking_filter_control_present_flag = 1;
}

static void h264_slice(VAEncSliceParameterBufferH264 *slice, const struct vaapi_plan *plan,
                       const struct vaapi_place *place)
{
    slice->num_macroblocks = plan->coded_width / MACROBLOCK * (plan->coded_height / MACROBLOCK);
    slice->macroblock_info = VA_INVALID_ID;
    slice->slice_type = place->idr ? SLICE_I : SLICE_P;
    slice->idr_pic_id = (uint16_t)place->idr_number;
    slice->direct_spatial_mv_pred_flag = 1;
    for (unsigned i = 0; i < sizeof slice->RefPicList0 / sizeof slice->RefPicList0[0]; i++)
        slice->RefPicList0[i] = slice->RefPicList1[i] = h264_no_picture();
    if (!place->idr)
        slice->RefPicList0[0] =
            h264_picture_at(place->reference, place->since_idr - 1, VA_PICTURE_H264_SHORT_TERM_REFERENCE);
}

/* ---- HEVC ---- */
static void hevc_tools(VAEncSequenceParameterBufferHEVC *sequence, const struct vaapi_plan *plan)
{
    VAConfigAttribValEncHEVCFeatures tools = { .value = plan->tools };
    VAConfigAttribValEncHEVCBlockSizes sizes = { .value = plan->block_sizes };

    if (!plan->describes_tools) { /* blocks of 16 to 32, transforms of 4 to 32 */
        sequence->log2_min_luma_coding_block_size_minus3 = 1;
        sequence->log2_diff_max_min_luma_coding_block_size = 1;
        sequence->log2_diff_max_min_transform_block_size = 3;
        sequence->max_transform_hierarchy_depth_inter = sequence->max_transform_hierarchy_depth_intra = 2;
        sequence->seq_fields.bits.amp_enabled_flag = 1;
        return;
    }
    sequence->seq_fields.bits.amp_enabled_flag = tools.bits.amp != 0;
    sequence->seq_fields.bits.sample_adaptive_offset_enabled_flag = tools.bits.sao != 0;
    sequence->seq_fields.bits.sps_temporal_mvp_enabled_flag = tools.bits.temporal_mvp != 0;
    sequence->seq_fields.bits.strong_intra_smoothing_enabled_flag = tools.bits.strong_intra_smoothing != 0;
    sequence->log2_min_luma_coding_block_size_minus3 = (uint8_t)sizes.bits.log2_min_luma_coding_block_size_minus3;
    sequence->log2_diff_max_min_luma_coding_block_size = (uint8_t)(sizes.bits.log2_max_coding_tree_block_size_minus3 -
                                                                   sizes.bits.log2_min_luma_coding_block_size_minus3);
    sequence->log2_min_transform_block_size_minus2 = (uint8_t)sizes.bits.log2_min_luma_transform_block_size_minus2;
    sequence->log2_diff_max_min_transform_block_size = (uint8_t)(sizes.bits.log2_max_luma_transform_block_size_minus2 -
                                                                 sizes.bits.log2_min_luma_transform_block_size_minus2);
    sequence->max_transform_hierarchy_depth_inter = (uint8_t)sizes.bits.max_max_transform_hierarchy_depth_inter;
    sequence->max_transform_hierarchy_depth_intra = (uint8_t)sizes.bits.max_max_transform_hierarchy_depth_intra;
}

static void hevc_sequence(VAEncSequenceParameterBufferHEVC *sequence, const struct vaapi_plan *plan)
{
    sequence->general_profile_idc = plan->bit_depth > 8 ? 2 : 1;
    sequence->general_level_idc = (uint8_t)plan->level;
    sequence->intra_period = sequence->intra_idr_period = plan->gop_frames;
    sequence->ip_period = 1;
    sequence->bits_per_second = plan->bits_per_second;
    sequence->pic_width_in_luma_samples = (uint16_t)plan->coded_width;
    sequence->pic_height_in_luma_samples = (uint16_t)plan->coded_height;
    sequence->seq_fields.bits.chroma_format_idc = 1;
    sequence->seq_fields.bits.bit_depth_luma_minus8 = plan->bit_depth - 8;
    sequence->seq_fields.bits.bit_depth_chroma_minus8 = plan->bit_depth - 8;
    sequence->seq_fields.bits.low_delay_seq = 1;
    hevc_tools(sequence, plan);
    sequence->vui_parameters_present_flag = 1;
    sequence->vui_fields.bits.aspect_ratio_info_present_flag = 1;
    sequence->aspect_ratio_idc = plan->aspect_width == plan->aspect_height ? 1 : EXTENDED_ASPECT;
    sequence->sar_width = plan->aspect_width;
    sequence->sar_height = plan->aspect_height;
    sequence->vui_fields.bits.vui_timing_info_present_flag = 1;
    sequence->vui_num_units_in_tick = plan->rate_denominator;
    sequence->vui_time_scale = plan->rate_numerator;
}

static VAPictureHEVC hevc_no_picture(void)
{
    return (VAPictureHEVC){ .picture_id = VA_INVALID_ID, .flags = VA_PICTURE_HEVC_INVALID };
}

static VAPictureHEVC hevc_reference(const struct vaapi_place *place)
{
    return (VAPictureHEVC){ .picture_id = place->reference,
                            .pic_order_cnt = (int32_t)place->since_idr - 1,
                            .flags = VA_PICTURE_HEVC_RPS_ST_CURR_BEFORE };
}

static void hevc_picture(VAEncPictureParameterBufferHEVC *picture, const struct vaapi_plan *plan,
                         const struct vaapi_place *place)
{
    VAConfigAttribValEncHEVCFeatures tools = { .value = plan->tools };

    picture->decoded_curr_pic =
        (VAPictureHEVC){ .picture_id = place->reconstructed, .pic_order_cnt = (int32_t)place->since_idr };
    for (unsigned i = 0; i < sizeof picture->reference_frames / sizeof picture->reference_frames[0]; i++)
        picture->reference_frames[i] = hevc_no_picture();
    if (!place->idr)
        picture->reference_frames[0] = hevc_reference(place);
    picture->coded_buf = place->coded;
    picture->collocated_ref_pic_index = plan->describes_tools && tools.bits.temporal_mvp && !place->idr ? 0 : 0xff;
    picture->pic_init_qp = QP_START;
    picture->nal_unit_type = place->idr ? HEVC_IDR_W_RADL : HEVC_TRAIL_R;
    picture->pic_fields.bits.idr_pic_flag = place->idr;
    picture->pic_fields.bits.coding_type = place->idr ? 1 : 2;
    picture->pic_fields.bits.reference_pic_flag = 1;
    picture->pic_fields.bits.cu_qp_delta_enabled_flag = 1; /* what rate control turns */
    picture->pic_fields.bits.sign_data_hiding_enabled_flag = plan->describes_tools && tools.bits.sign_data_hiding;
    picture->pic_fields.bits.transform_skip_enabled_flag = plan->describes_tools && tools.bits.transform_skip;
    picture->pic_fields.bits.pps_loop_filter_across_slices_enabled_flag = 1;
}

static void hevc_slice(VAEncSliceParameterBufferHEVC *slice, const struct vaapi_plan *plan,
                       const struct vaapi_place *place)
{
    VAConfigAttribValEncHEVCFeatures tools = { .value = plan->tools };
    VAConfigAttribValEncHEVCBlockSizes sizes = { .value = plan->block_sizes };
    unsigned block = plan->describes_tools ? 8U << sizes.bits.log2_max_coding_tree_block_size_minus3 : 32;

    slice->num_ctu_in_slice = (plan->coded_width + block - 1) / block * ((plan->coded_height + block - 1) / block);
    slice->slice_type = place->idr ? SLICE_I : HEVC_SLICE_P;
    slice->max_num_merge_cand = MERGE_CANDIDATES;
    for (unsigned i = 0; i < sizeof slice->ref_pic_list0 / sizeof slice->ref_pic_list0[0]; i++)
        slice->ref_pic_list0[i] = slice->ref_pic_list1[i] = hevc_no_picture();
    if (!place->idr)
        slice->ref_pic_list0[0] = hevc_reference(place);
    slice->slice_fields.bits.last_slice_of_pic_flag = 1;
    slice->slice_fields.bits.slice_loop_filter_across_slices_enabled_flag = 1;
    if (plan->describes_tools) {
        slice->slice_fields.bits.slice_sao_luma_flag = slice->slice_fields.bits.slice_sao_chroma_flag =
            tools.bits.sao != 0;
        slice->slice_fields.bits.slice_temporal_mvp_enabled_flag = tools.bits.temporal_mvp != 0;
        slice->slice_fields.bits.collocated_from_l0_flag = 1;
    }
}

void vaapi_buffers_make(struct vaapi_buffers *buffers, const struct vaapi_plan *plan, const struct vaapi_place *place)
{
    memset(buffers, 0, sizeof *buffers);
    if (place->idr)
        make_miscs(buffers, plan);
    if (plan->codec == AV_CODEC_ID_HEVC) {
        hevc_sequence(&buffers->sequence.hevc, plan);
        hevc_picture(&buffers->picture.hevc, plan, place);
        hevc_slice(&buffers->slice.hevc, plan, place);
        buffers->sequence_bytes = sizeof buffers->sequence.hevc;
        buffers->picture_bytes = sizeof buffers->picture.hevc;
        buffers->slice_bytes = sizeof buffers->slice.hevc;
        return;
    }
    h264_sequence(&buffers->sequence.h264, plan);
    h264_picture(&buffers->picture.h264, plan, place);
    h264_slice(&buffers->slice.h264, plan, place);
    buffers->sequence_bytes = sizeof buffers->sequence.h264;
    buffers->picture_bytes = sizeof buffers->picture.h264;
    buffers->slice_bytes = sizeof buffers->slice.h264;
}
