/* SPDX-License-Identifier: GPL-2.0-or-later */
/* va_frames_test.c - pictures that somebody else writes into shared memory are encoded from there: the bytes are those
 * of the usual way, and none was copied. */
#include "drivers/va_frames.h"

#include "tests/drivers/softva/stream.h"

#include <errno.h>

enum { FRAMES = 3, ROUNDS = 2 };

/* As the owner: the painted picture in the frame's format, ten bits at the upper end. */
static void fill(const struct shared_frames *owner, unsigned frame, unsigned number)
{
    const struct shared_frames_layout *layout = shared_frames_described(owner);
    uint8_t *plane = shared_frames_plane(owner, frame, 0);

    if (layout->fourcc == VA_FOURCC_NV12) {
        paint_nv12(plane, shared_frames_plane(owner, frame, 1), layout->pitch, WIDTH, HEIGHT, number);
        return;
    }
    uint8_t *eight = malloc(WIDTH * HEIGHT * 3 / 2);
    paint_nv12(eight, eight + WIDTH * HEIGHT, WIDTH, WIDTH, HEIGHT, number);
    unsigned step = layout->fourcc == VA_FOURCC_Y210 ? 2 : 1;
    for (unsigned y = 0; y < HEIGHT; y++)
        for (unsigned x = 0; x < WIDTH; x++) {
            uint16_t *row = (uint16_t *)(void *)(plane + y * layout->pitch);
            row[x * step] = (uint16_t)(eight[y * WIDTH + x] << 8);
            if (step == 2)
                row[x * 2 + 1] = (uint16_t)(eight[WIDTH * HEIGHT + y / 2 * WIDTH + x] << 8);
        }
    for (unsigned y = 0; step == 1 && y < HEIGHT / 2; y++)
        for (unsigned x = 0; x < WIDTH; x++) {
            uint16_t *row = (uint16_t *)(void *)(shared_frames_plane(owner, frame, 1) + y * layout->pitch);
            row[x] = (uint16_t)(eight[WIDTH * HEIGHT + y * WIDTH + x] << 8);
        }
    free(eight);
}

/* The same picture in a surface of the driver's own. */
static void copy_into(VADisplay va, VASurfaceID surface, const struct shared_frames *owner, unsigned frame)
{
    const struct shared_frames_layout *layout = shared_frames_described(owner);
    size_t row = WIDTH * (layout->fourcc == VA_FOURCC_NV12 ? 1U : layout->fourcc == VA_FOURCC_P010 ? 2U : 4U);
    VAImage image;
    uint8_t *to = pixels(va, surface, &image);

    for (unsigned plane = 0; plane < layout->planes; plane++)
        for (unsigned y = 0; y < (plane ? HEIGHT / 2 : HEIGHT); y++)
            memcpy(to + image.offsets[plane] + y * image.pitches[plane],
                   shared_frames_plane(owner, frame, plane) + y * layout->pitch, row);
}

static void encode_both_ways(VAProfile profile, uint32_t fourcc, unsigned rt, int shift)
{
    struct va_display *display = open_display();
    VADisplay va = va_display_handle(display);
    struct shared_frames_layout layout;
    struct shared_frames *owner, *other;
    struct va_frames *surfaces;
    struct error err = { 0 };
    struct stream direct, usual;
    unsigned keys;
    assert_int_equal(shared_frames_layout(&layout, fourcc, WIDTH, HEIGHT, FRAMES, false, &err), 0);
    assert_int_equal(shared_frames_create(&owner, &layout, &err), 0);
    assert_int_equal(shared_frames_attach(&other, &layout, shared_frames_descriptor(owner), &err), 0);
    assert_int_equal(va_frames_create(&surfaces, va, other, &err), 0);
    assert_non_null(va_frames_way(surfaces));
    VASurfaceID own = make_surface(va, fourcc, rt, WIDTH, HEIGHT);
    stream_open(&direct, va, profile, VA_RC_CQP, rt);
    stream_open(&usual, va, profile, VA_RC_CQP, rt);
    for (unsigned number = 0; number < FRAMES * ROUNDS; number++) { /* after the import, and again in the same memory */
        fill(owner, number % FRAMES, number);
        encode(&direct, va_frames_surface(surfaces, number % FRAMES), number == 0);
    }
    assert_int_equal(copied_bytes(va), 0);
    for (unsigned number = 0; number < FRAMES * ROUNDS; number++) {
        fill(owner, number % FRAMES, number);
        copy_into(va, own, owner, number % FRAMES);
        encode(&usual, own, number == 0);
    }
    assert_int_equal(direct.bytes, usual.bytes);
    assert_memory_equal(direct.data, usual.data, usual.bytes);
    assert_int_equal(decode(&direct, 0, shift, &keys), FRAMES * ROUNDS);
    stream_close(&direct);
    stream_close(&usual);
    va_frames_destroy(surfaces);
    shared_frames_destroy(other);
    shared_frames_destroy(owner);
    va_display_destroy(display);
}

static void eight_bits(void **state)
{
    (void)state;
    encode_both_ways(VAProfileH264High, VA_FOURCC_NV12, VA_RT_FORMAT_YUV420, 0);
    encode_both_ways(VAProfileHEVCMain, VA_FOURCC_NV12, VA_RT_FORMAT_YUV420, 0);
}

static void ten_bits(void **state)
{
    (void)state;
    encode_both_ways(VAProfileHEVCMain10, VA_FOURCC_P010, VA_RT_FORMAT_YUV420_10, 2);
}

static void ten_bits_of_4_2_2(void **state)
{
    (void)state;
    encode_both_ways(VAProfileHEVCMain422_10, VA_FOURCC_Y210, VA_RT_FORMAT_YUV422_10, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eight_bits),
        cmocka_unit_test(ten_bits),
        cmocka_unit_test(ten_bits_of_4_2_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
