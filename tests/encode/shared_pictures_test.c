/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shared_pictures_test.c - pictures that another process has written into shared memory go into rungs of VA-API as they
 * lie, in each format: nothing is copied, and the owner sees when a frame is free again. */
#include "tests/encode/vaapi.h"

#include "encode/shared_pictures.h"

enum { WIDTH = 160, HEIGHT = 90, FRAMES = 4, ROUNDS = 5, LUMA = 120 };

static const struct timeline_rate rate = { 25, 1, 1 };

static void fill(const struct shared_frames *owner, unsigned frame)
{
    const struct shared_frames_layout *layout = shared_frames_described(owner);
    uint8_t *luma = shared_frames_plane(owner, frame, 0);

    for (unsigned y = 0; y < HEIGHT; y++) {
        uint8_t *row = luma + (size_t)y * layout->pitch;
        for (unsigned x = 0; x < WIDTH; x++) {
            if (layout->fourcc == VA_FOURCC_NV12)
                row[x] = LUMA;
            else if (layout->fourcc == VA_FOURCC_P010)
                ((uint16_t *)(void *)row)[x] = LUMA << 8;
            else
                ((uint16_t *)(void *)row)[2 * x] = LUMA << 8, ((uint16_t *)(void *)row)[2 * x + 1] = 128 << 8;
        }
    }
    if (layout->planes == 2)
        memset(shared_frames_plane(owner, frame, 1), 128, (size_t)layout->pitch * (HEIGHT / 2));
}

static void run(uint32_t fourcc, unsigned codec, unsigned depth, unsigned width, unsigned height)
{
    struct va_display *display = open_display();
    struct video_description video = { .name = "v",
                                       .codec = codec,
                                       .bit_depth = depth,
                                       .framerate_divisor = 1,
                                       .bitrate = 300000,
                                       .profile = PROFILE_HIGH,
                                       .preset = PRESET_ULTRAFAST };
    struct stream stream = { 0 };
    struct rung_config config = { .kind = &encoder_vaapi,
                                  .description = &video,
                                  .rate = &rate,
                                  .width = width,
                                  .height = height,
                                  .gop_frames = 25,
                                  .va_display = va_display_handle(display),
                                  .on_packet = stream_take,
                                  .context = &stream };
    struct shared_frames_layout layout;
    struct shared_frames *owner;
    struct shared_pictures *pictures;
    struct input_loss_behavior loss = { 0 };
    struct slate *slate;
    struct error err = { 0 };
    struct rung *rung;
    assert_int_equal(slate_create(&slate, &loss, &err), 0);
    config.slate = slate;
    assert_int_equal(shared_frames_layout(&layout, fourcc, WIDTH, HEIGHT, FRAMES, false, &err), 0);
    assert_int_equal(shared_frames_create(&owner, &layout, &err), 0);
    assert_int_equal(shared_pictures_create(&pictures, va_display_handle(display), owner, &err), 0);
    if (rung_create(&rung, &config, &err) < 0)
        fail_msg("%s", err.text);
    for (unsigned i = 0; i < FRAMES * ROUNDS; i++) {
        struct picture picture = { 0 };
        assert_false(shared_pictures_read(pictures, i % FRAMES));
        fill(owner, i % FRAMES);
        shared_pictures_take(pictures, i % FRAMES, &picture);
        assert_true(picture.surface->Data.TimeStamp == (mfxU64)MFX_TIMESTAMP_UNKNOWN); /* an encoder's to write */
        rung_encode(rung, &(struct rung_frame){
                              .picture = &picture, .serial = i + 1, .tick_90k = i * 3600, .idr = i % 10 == 0 });
        picture_release(&picture);
        assert_true(shared_pictures_read(pictures, i % FRAMES)); /* it is shown */
    }
    rung_drain(rung);
    assert_int_equal(rung_counters(rung).errors, 0);
    assert_int_equal(rung_counters(rung).copied_bytes, 0);
    assert_int_equal(copied_bytes(va_display_handle(display)), 0);
    rung_destroy(rung);
    for (unsigned i = 0; i < FRAMES; i++)
        assert_false(shared_pictures_read(pictures, i));
    struct seen seen = decode_stream(&stream, codec == VIDEO_CODEC_HEVC ? AV_CODEC_ID_HEVC : AV_CODEC_ID_H264);
    assert_int_equal(seen.pictures, FRAMES * ROUNDS);
    assert_int_equal(seen.keys, 2);
    assert_int_equal(seen.width, width);
    assert_int_equal(seen.height, height);
    assert_in_range(seen.luma, LUMA - 3, LUMA + 3);
    shared_pictures_destroy(pictures);
    shared_frames_destroy(owner);
    slate_destroy(slate);
    free(stream.data);
    va_display_destroy(display);
}

static void the_encoders_own_format_is_read_where_it_lies(void **state)
{
    (void)state;
    run(VA_FOURCC_NV12, VIDEO_CODEC_H264, 8, WIDTH, HEIGHT);
    run(VA_FOURCC_NV12, VIDEO_CODEC_HEVC, 8, WIDTH, HEIGHT);
    run(VA_FOURCC_P010, VIDEO_CODEC_HEVC, 10, WIDTH, HEIGHT);
}

static void other_sizes_and_4_2_2_are_scaled_from_there(void **state)
{
    (void)state;
    run(VA_FOURCC_NV12, VIDEO_CODEC_H264, 8, 122, 70);
    run(VA_FOURCC_P010, VIDEO_CODEC_H264, 8, 122, 70);
    run(VA_FOURCC_Y210, VIDEO_CODEC_H264, 8, WIDTH, HEIGHT);
    run(VA_FOURCC_Y210, VIDEO_CODEC_HEVC, 10, WIDTH, HEIGHT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_encoders_own_format_is_read_where_it_lies),
        cmocka_unit_test(other_sizes_and_4_2_2_are_scaled_from_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
