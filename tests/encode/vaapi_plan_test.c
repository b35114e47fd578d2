/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vaapi_plan_test.c - levels as the standards' tables have them; rates, sizes and tools as a driver's answers have
 * them; and what stands in the buffers of a GOP's first pictures. */
#include "tests/encode/vaapi.h"

#include "encode/vaapi_buffers.h"
#include "encode/vaapi_plan.h"

static const struct timeline_rate rate = { 60000, 1001, 1 };

static void levels_have_room(void **state)
{
    (void)state;
    assert_int_equal(vaapi_level(AV_CODEC_ID_H264, 320, 180, 25, 300000), 12);
    assert_int_equal(vaapi_level(AV_CODEC_ID_H264, 1280, 720, 30, 6000000), 31);
    assert_int_equal(vaapi_level(AV_CODEC_ID_H264, 1920, 1080, 25, 10000000), 40);
    assert_int_equal(vaapi_level(AV_CODEC_ID_H264, 1920, 1080, 59.94, 10000000), 42);
    assert_int_equal(vaapi_level(AV_CODEC_ID_H264, 1920, 1080, 25, 40000000), 41);
    assert_int_equal(vaapi_level(AV_CODEC_ID_H264, 7680, 4320, 60, 90000000), 52); /* none has: the highest */
    assert_int_equal(vaapi_level(AV_CODEC_ID_HEVC, 1280, 720, 30, 3000000), 93);
    assert_int_equal(vaapi_level(AV_CODEC_ID_HEVC, 1920, 1080, 59.94, 10000000), 123);
    assert_int_equal(vaapi_level(AV_CODEC_ID_HEVC, 3840, 2160, 59.94, 20000000), 153);
    /* strips, which x265 does not open with less */
    assert_int_equal(vaapi_level(AV_CODEC_ID_HEVC, 4096, 64, 25, 300000), 120);
    assert_int_equal(vaapi_level(AV_CODEC_ID_HEVC, 64, 4096, 25, 300000), 120);
    assert_int_equal(vaapi_level(AV_CODEC_ID_H264, 4096, 64, 25, 300000), 40);
    assert_int_equal(vaapi_level(AV_CODEC_ID_H264, 64, 1024, 25, 300000), 21);
}

static struct vaapi_plan plan_of(const struct video_description *video, struct va_display *display)
{
    struct rung_config config = { .description = video,
                                  .rate = &rate,
                                  .width = 854,
                                  .height = 480,
                                  .aspect_width = 4,
                                  .aspect_height = 3,
                                  .gop_frames = 60 };
    struct vaapi_plan plan;
    struct error err = { 0 };

    if (vaapi_plan_make(&plan, va_display_handle(display), &config, &err) < 0)
        fail_msg("%s", err.text);
    return plan;
}

static void rates_and_sizes_are_the_descriptions(void **state)
{
    (void)state;
    struct va_display *display = open_display();
    struct video_description video = { .name = "v",
                                       .bit_depth = 8,
                                       .framerate_divisor = 2,
                                       .rate_control = RATE_CONTROL_VBR,
                                       .bitrate = 1500000,
                                       .max_bitrate = 2000000,
                                       .profile = PROFILE_HIGH,
                                       .preset = PRESET_SLOW };
    struct vaapi_plan plan = plan_of(&video, display);
    assert_int_equal(plan.profile, VAProfileH264High);
    assert_int_equal(plan.entrypoint, VAEntrypointEncSlice);
    assert_int_equal(plan.rate_control, VA_RC_VBR);
    assert_int_equal(plan.bits_per_second, 2000000);
    assert_int_equal(plan.target_percent, 75);
    assert_int_equal(plan.buffer_bits, 4000000);
    assert_int_equal(plan.coded_width, 864);
    assert_int_equal(plan.coded_height, 480);
    assert_int_equal(plan.speed, 1);
    assert_int_equal(plan.level, 31);
    assert_true(plan.raw_headers);
    video.codec = VIDEO_CODEC_HEVC;
    video.bit_depth = 10;
    video.rate_control = RATE_CONTROL_QVBR;
    video.quality = 10;
    video.preset = PRESET_ULTRAFAST;
    plan = plan_of(&video, display);
    assert_int_equal(plan.profile, VAProfileHEVCMain10);
    assert_int_equal(plan.fourcc, VA_FOURCC_P010);
    assert_int_equal(plan.quality, 17);
    assert_int_equal(plan.speed, 7);
    assert_false(plan.describes_tools);
    va_display_destroy(display);
}

static void h264_refers_to_the_picture_before(void **state)
{
    (void)state;
    struct va_display *display = open_display();
    struct video_description video = {
        .name = "v", .bit_depth = 8, .framerate_divisor = 1, .bitrate = 1500000, .profile = PROFILE_MAIN
    };
    struct vaapi_plan plan = plan_of(&video, display);
    struct vaapi_buffers buffers;
    vaapi_buffers_make(
        &buffers, &plan,
        &(struct vaapi_place){ .idr = true, .idr_number = 7, .reconstructed = 1, .reference = 2, .coded = 3 });
    assert_int_equal(buffers.miscs, 4);
    assert_int_equal(buffers.misc[2].frame_rate.framerate, 60000 | 1001u << 16);
    assert_int_equal(buffers.sequence.h264.frame_crop_right_offset, 5);
    assert_int_equal(buffers.sequence.h264.time_scale, 120000);
    assert_int_equal(buffers.sequence.h264.sar_width, 4);
    assert_int_equal(buffers.picture.h264.pic_fields.bits.idr_pic_flag, 1);
    assert_int_equal(buffers.picture.h264.pic_fields.bits.transform_8x8_mode_flag, 0);
    assert_int_equal(buffers.picture.h264.pic_fields.bits.entropy_coding_mode_flag, 1);
    assert_int_equal(buffers.picture.h264.ReferenceFrames[0].picture_id, VA_INVALID_ID);
    assert_int_equal(buffers.slice.h264.slice_type, 2);
    assert_int_equal(buffers.slice.h264.idr_pic_id, 7);
    assert_int_equal(buffers.slice.h264.num_macroblocks, 54 * 30);
    vaapi_buffers_make(&buffers, &plan,
                       &(struct vaapi_place){ .since_idr = 257, .reconstructed = 2, .reference = 1, .coded = 3 });
    assert_int_equal(buffers.miscs, 0);
    assert_int_equal(buffers.picture.h264.frame_num, 1); /* eight bits of it */
    assert_int_equal(buffers.picture.h264.CurrPic.TopFieldOrderCnt, 514);
    assert_int_equal(buffers.picture.h264.ReferenceFrames[0].picture_id, 1);
    assert_int_equal(buffers.picture.h264.ReferenceFrames[0].frame_idx, 0);
    assert_int_equal(buffers.picture.h264.ReferenceFrames[1].flags, VA_PICTURE_H264_INVALID);
    assert_int_equal(buffers.slice.h264.RefPicList0[0].picture_id, 1);
    assert_int_equal(buffers.slice.h264.RefPicList1[0].picture_id, VA_INVALID_ID);
    assert_int_equal(buffers.slice.h264.slice_type, 0);
    va_display_destroy(display);
}

static void hevc_takes_the_tools_that_the_driver_has(void **state)
{
    (void)state;
    VAConfigAttribValEncHEVCBlockSizes sizes = { .bits = { .log2_max_coding_tree_block_size_minus3 = 3,
                                                           .log2_max_luma_transform_block_size_minus2 = 3 } };
    VAConfigAttribValEncHEVCFeatures tools = { .bits = { .sao = 1, .temporal_mvp = 1 } };
    struct vaapi_plan plan = { .codec = AV_CODEC_ID_HEVC,
                               .bit_depth = 10,
                               .width = 1920,
                               .height = 1080,
                               .coded_width = 1920,
                               .coded_height = 1080,
                               .describes_tools = true,
                               .tools = tools.value,
                               .block_sizes = sizes.value };
    struct vaapi_buffers buffers;
    vaapi_buffers_make(&buffers, &plan, &(struct vaapi_place){ .since_idr = 3, .reference = 9 });
    assert_int_equal(buffers.sequence.hevc.general_profile_idc, 2);
    assert_int_equal(buffers.sequence.hevc.seq_fields.bits.amp_enabled_flag, 0);
    assert_int_equal(buffers.sequence.hevc.seq_fields.bits.sample_adaptive_offset_enabled_flag, 1);
    assert_int_equal(buffers.sequence.hevc.log2_diff_max_min_luma_coding_block_size, 3);
    assert_int_equal(buffers.picture.hevc.nal_unit_type, 1);
    assert_int_equal(buffers.picture.hevc.collocated_ref_pic_index, 0);
    assert_int_equal(buffers.picture.hevc.reference_frames[0].pic_order_cnt, 2);
    assert_int_equal(buffers.slice.hevc.ref_pic_list0[0].picture_id, 9);
    assert_int_equal(buffers.slice.hevc.num_ctu_in_slice, 30 * 17);
    assert_int_equal(buffers.slice.hevc.slice_fields.bits.slice_sao_luma_flag, 1);
    vaapi_buffers_make(&buffers, &plan, &(struct vaapi_place){ .idr = true });
    assert_int_equal(buffers.picture.hevc.nal_unit_type, 19);
    assert_int_equal(buffers.picture.hevc.collocated_ref_pic_index, 0xff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_have_room),
        cmocka_unit_test(rates_and_sizes_are_the_descriptions),
        cmocka_unit_test(h264_refers_to_the_picture_before),
        cmocka_unit_test(hevc_takes_the_tools_that_the_driver_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
