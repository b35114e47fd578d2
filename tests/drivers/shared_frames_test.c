/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shared_frames_test.c - layouts that hardware takes, memory that cannot be taken away, and what does not fit. */
#include "drivers/shared_frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <va/va.h>

static void frames_lie_as_hardware_takes_them(void **state)
{
    (void)state;
    static const struct {
        uint32_t fourcc;
        unsigned width, height, sample;
    } cases[] = { { VA_FOURCC_NV12, 1920, 1080, 1 },
                  { VA_FOURCC_P010, 1280, 720, 2 },
                  { VA_FOURCC_Y210, 1920, 1080, 4 },
                  { VA_FOURCC_NV12, 642, 358, 1 } };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int huge = 0; huge < 2; huge++) {
            struct shared_frames_layout layout;
            assert_int_equal(
                shared_frames_layout(&layout, cases[i].fourcc, cases[i].width, cases[i].height, 3, huge, NULL), 0);
            size_t rows = (cases[i].height + 63) / 64 * 64;
            assert_true(layout.pitch >= cases[i].width * cases[i].sample && layout.pitch % 256 == 0);
            assert_int_equal(layout.planes, cases[i].fourcc == VA_FOURCC_Y210 ? 1 : 2);
            if (layout.planes == 2)
                assert_int_equal(layout.plane_offset[1], layout.pitch * rows);
            size_t used = layout.pitch * rows * (layout.planes == 2 ? 3 : 2) / 2;
            assert_true(layout.frame_bytes >= used + 4096);
            assert_int_equal(layout.frame_bytes % (huge ? 2 << 20 : 4096), 0);
        }
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    struct shared_frames_layout layout;
    struct error err = { 0 };
    assert_int_equal(shared_frames_layout(&layout, VA_FOURCC_BGRA, 640, 360, 3, false, &err), -EINVAL);
    assert_int_equal(shared_frames_layout(&layout, VA_FOURCC_NV12, 641, 360, 3, false, &err), -EINVAL);
    assert_int_equal(shared_frames_layout(&layout, VA_FOURCC_NV12, 640, 361, 3, false, &err), -EINVAL);
    assert_int_equal(shared_frames_layout(&layout, VA_FOURCC_NV12, 640, 9000, 3, false, &err), -EINVAL);
    assert_int_equal(shared_frames_layout(&layout, VA_FOURCC_NV12, 640, 360, 0, false, &err), -EINVAL);
    assert_int_equal(shared_frames_layout(&layout, VA_FOURCC_NV12, 640, 360, 257, false, &err), -EINVAL);
    assert_int_equal(shared_frames_layout(&layout, VA_FOURCC_Y210, 7680, 4320, 256, false, &err), -EINVAL);
    assert_non_null(strstr(err.text, "4 GiB"));
}

static void both_sides_see_the_same(void **state)
{
    (void)state;
    struct shared_frames_layout layout;
    struct shared_frames *owner, *other;
    struct error err = { 0 };
    assert_int_equal(shared_frames_layout(&layout, VA_FOURCC_P010, 64, 32, 4, false, &err), 0);
    assert_int_equal(shared_frames_create(&owner, &layout, &err), 0);
    assert_int_equal(shared_frames_attach(&other, &layout, shared_frames_descriptor(owner), &err), 0);
    for (unsigned frame = 0; frame < 4; frame++)
        for (unsigned plane = 0; plane < 2; plane++)
            memset(shared_frames_plane(owner, frame, plane), (int)(10 * frame + plane), 64);
    for (unsigned frame = 0; frame < 4; frame++)
        for (unsigned plane = 0; plane < 2; plane++)
            assert_int_equal(shared_frames_plane(other, frame, plane)[63], 10 * frame + plane);
    assert_int_equal(ftruncate(shared_frames_descriptor(owner), 0), -1);
    shared_frames_destroy(owner);
    shared_frames_plane(other, 3, 1)[0] = 1; /* it stays until the last one goes */
    shared_frames_destroy(other);
    shared_frames_destroy(NULL);
}

static void others_are_not_believed(void **state)
{
    (void)state;
    struct shared_frames_layout layout, wrong;
    struct shared_frames *frames = NULL;
    struct error err = { 0 };
    assert_int_equal(shared_frames_layout(&layout, VA_FOURCC_NV12, 64, 32, 4, false, &err), 0);
    int loose = memfd_create("loose", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(ftruncate(loose, (off_t)(layout.frame_bytes * 4)), 0);
    assert_int_equal(shared_frames_attach(&frames, &layout, loose, &err), -EPERM);
    assert_int_equal(ftruncate(loose, (off_t)(layout.frame_bytes * 4 - 1)), 0);
    assert_int_equal(fcntl(loose, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    assert_int_equal(shared_frames_attach(&frames, &layout, loose, &err), -EINVAL);
    wrong = layout;
    wrong.pitch /= 2;
    assert_int_equal(shared_frames_attach(&frames, &wrong, loose, &err), -EINVAL);
    wrong = layout;
    wrong.plane_offset[1] = 0x7fffffff;
    assert_int_equal(shared_frames_attach(&frames, &wrong, loose, &err), -EINVAL);
    assert_int_equal(shared_frames_attach(&frames, &layout, -1, &err), -EPERM);
    assert_null(frames);
    close(loose);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_lie_as_hardware_takes_them),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(both_sides_see_the_same),
        cmocka_unit_test(others_are_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
