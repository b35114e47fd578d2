/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encode_kinds.c - what the parameter buffers of H.264 and of HEVC say. */
#include <stdlib.h>

#include "drivers/softva/encode.h"

enum { EXTENDED_ASPECT = 255, MACROBLOCK = 16, SLICE_P = 0, SLICE_I = 2, SLICE_KINDS = 5, QP_MAX = 51 };

/* The ratios that H.264 and HEVC have numbers for. */
static void read_aspect(struct encode_sequence *sequence, unsigned number, unsigned width, unsigned height)
{
    static const uint8_t ratios[][2] = { { 0, 0 },   { 1, 1 },    { 12, 11 }, { 10, 11 }, { 16, 11 }, { 40, 33 },
                                         { 24, 11 }, { 20, 11 },  { 32, 11 }, { 80, 33 }, { 18, 11 }, { 15, 11 },
                                         { 64, 33 }, { 160, 99 }, { 4, 3 },   { 3, 2 },   { 2, 1 } };
    bool known = number < sizeof ratios / sizeof ratios[0];

    sequence->aspect_width = number == EXTENDED_ASPECT ? width : known ? ratios[number][0] : 0;
    sequence->aspect_height = number == EXTENDED_ASPECT ? height : known ? ratios[number][1] : 0;
    if (sequence->aspect_width > UINT16_MAX || sequence->aspect_height > UINT16_MAX)
        sequence->aspect_width = sequence->aspect_height = 0;
}

static bool h264_sequence(const struct buffer *buffer, struct encode_sequence *sequence)
{
    const VAEncSequenceParameterBufferH264 *va = buffer_data(buffer, sizeof *va);

    if (!va || !va->picture_width_in_mbs || !va->picture_height_in_mbs || !va->seq_fields.bits.frame_mbs_only_flag ||
        va->seq_fields.bits.chroma_format_idc != 1 || va->bit_depth_luma_minus8 || va->bit_depth_chroma_minus8)
        return false;
    unsigned width = va->picture_width_in_mbs * MACROBLOCK, height = va->picture_height_in_mbs * MACROBLOCK;
    unsigned long long cut_x = 0, cut_y = 0;
    if (va->frame_cropping_flag) { /* in samples of chroma */
        cut_x = 2 * ((unsigned long long)va->frame_crop_left_offset + va->frame_crop_right_offset);
        cut_y = 2 * ((unsigned long long)va->frame_crop_top_offset + va->frame_crop_bottom_offset);
    }
    if (cut_x >= width || cut_y >= height)
        return false;
    sequence->width = width - (unsigned)cut_x;
    sequence->height = height - (unsigned)cut_y;
    sequence->level = va->level_idc;
    sequence->bits_per_second = va->bits_per_second;
    if (va->vui_parameters_present_flag && va->vui_fields.bits.timing_info_present_flag) {
        sequence->rate_numerator = va->time_scale; /* of fields */
        sequence->rate_denominator = va->num_units_in_tick < UINT32_MAX / 2 ? va->num_units_in_tick * 2 : 0;
    }
    if (va->vui_parameters_present_flag && va->vui_fields.bits.aspect_ratio_info_present_flag)
        read_aspect(sequence, va->aspect_ratio_idc, va->sar_width, va->sar_height);
    return true;
}

static bool h264_picture(const struct buffer *buffer, struct encode_request *request)
{
    const VAEncPictureParameterBufferH264 *va = buffer_data(buffer, sizeof *va);

    if (!va)
        return false;
    request->coded = va->coded_buf;
    request->idr = va->pic_fields.bits.idr_pic_flag;
    request->qp = va->pic_init_qp;
    return true;
}

/* The first slice speaks for all: a quantiser of each slice's own is nothing that x264 takes. */
static bool h264_slice(const struct buffer *buffer, struct encode_request *request)
{
    const VAEncSliceParameterBufferH264 *va = buffer_data(buffer, sizeof *va);
    unsigned kind = va ? va->slice_type % SLICE_KINDS : 0;

    if (!va || (kind != SLICE_I && kind != SLICE_P))
        return false;
    if (request->slices > buffer->count)
        return true;
    int qp = (int)request->qp + va->slice_qp_delta;
    request->qp = (unsigned)(qp < 0 ? 0 : qp > QP_MAX ? QP_MAX : qp);
    request->intra = kind == SLICE_I;
    return true;
}

static const struct encode_kind h264 = { .codec = MFX_CODEC_AVC,
                                         .options = "scenecut=0:keyint=infinite",
                                         .sei_units = { 6, 6 },
                                         .unit_header_bytes = 1,
                                         .read_sequence = h264_sequence,
                                         .read_picture = h264_picture,
                                         .read_slice = h264_slice };

static VAStatus open_h264(void **instance, const struct engine_settings *settings)
{
    return encoder_create(instance, settings, &h264);
}

const struct engine engine_h264_encode = { open_h264, encoder_destroy, encoder_work, false };

/* ---- HEVC ------------------------------------------------------------------------------------------------------- */

enum { CODING_INTRA = 1, HEVC_SLICE_B = 0, HEVC_SLICE_I = 2, HEVC_LEVEL_STEP = 3 };

static bool hevc_sequence(const struct buffer *buffer, struct encode_sequence *sequence)
{
    const VAEncSequenceParameterBufferHEVC *va = buffer_data(buffer, sizeof *va);

    if (!va || !va->pic_width_in_luma_samples || !va->pic_height_in_luma_samples)
        return false;
    sequence->width = va->pic_width_in_luma_samples;
    sequence->height = va->pic_height_in_luma_samples;
    sequence->level = va->general_level_idc / HEVC_LEVEL_STEP;
    sequence->high_tier = va->general_tier_flag;
    sequence->bits_per_second = va->bits_per_second;
    if (va->vui_parameters_present_flag && va->vui_fields.bits.vui_timing_info_present_flag) {
        sequence->rate_numerator = va->vui_time_scale;
        sequence->rate_denominator = va->vui_num_units_in_tick;
    }
    if (va->vui_parameters_present_flag && va->vui_fields.bits.aspect_ratio_info_present_flag)
        read_aspect(sequence, va->aspect_ratio_idc, va->sar_width, va->sar_height);
    return true;
}

static bool hevc_picture(const struct buffer *buffer, struct encode_request *request)
{
    const VAEncPictureParameterBufferHEVC *va = buffer_data(buffer, sizeof *va);

    if (!va)
        return false;
    request->coded = va->coded_buf;
    request->idr = va->pic_fields.bits.idr_pic_flag;
    request->intra = va->pic_fields.bits.coding_type == CODING_INTRA;
    request->qp = va->pic_init_qp;
    return true;
}

/* Several slices of HEVC would make x265 hold a picture back. */
static bool hevc_slice(const struct buffer *buffer, struct encode_request *request)
{
    const VAEncSliceParameterBufferHEVC *va = buffer_data(buffer, sizeof *va);

    if (!va || va->slice_type == HEVC_SLICE_B || request->slices > 1)
        return false;
    int qp = (int)request->qp + va->slice_qp_delta;
    request->qp = (unsigned)(qp < 0 ? 0 : qp > QP_MAX ? QP_MAX : qp);
    request->intra = request->intra || va->slice_type == HEVC_SLICE_I;
    return true;
}

static const struct encode_kind hevc = { .codec = MFX_CODEC_HEVC,
                                         .options = "scenecut=0:keyint=-1",
                                         .sei_units = { 39, 40 },
                                         .unit_header_bytes = 2,
                                         .level_needs_rate = true,
                                         .read_sequence = hevc_sequence,
                                         .read_picture = hevc_picture,
                                         .read_slice = hevc_slice };

static VAStatus open_hevc(void **instance, const struct engine_settings *settings)
{
    return encoder_create(instance, settings, &hevc);
}

const struct engine engine_hevc_encode = { open_hevc, encoder_destroy, encoder_work, false };
