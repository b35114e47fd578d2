/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slate_test.c - colours, and a picture from a file, painted into plain memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/error.h"
#include "encode/job.h"
#include "encode/slate.h"

enum { WIDTH = 64, HEIGHT = 32, PITCH = 80 };

static uint8_t luma[PITCH * HEIGHT], chroma[PITCH * HEIGHT / 2];
static unsigned maps, unmaps;

static mfxStatus map(mfxFrameSurface1 *surface, mfxU32 flags)
{
    assert_int_equal(flags, MFX_MAP_WRITE);
    surface->Data.Y = luma;
    surface->Data.UV = chroma;
    surface->Data.Pitch = PITCH;
    maps++;
    return MFX_ERR_NONE;
}
static mfxStatus unmap(mfxFrameSurface1 *surface)
{
    surface->Data.Y = NULL;
    unmaps++;
    return MFX_ERR_NONE;
}

static mfxFrameSurfaceInterface interface = { .Map = map, .Unmap = unmap };
static mfxFrameSurface1 surface = { .FrameInterface = &interface,
                                    .Info = { .Width = WIDTH, .Height = HEIGHT, .CropW = WIDTH, .CropH = HEIGHT } };

static void expect(unsigned x, unsigned y, const unsigned char *yuv, unsigned tolerance)
{
    const uint8_t *uv = &chroma[y / 2 * PITCH + (x & ~1u)];
    assert_in_range(luma[y * PITCH + x] + tolerance, yuv[0], yuv[0] + 2 * tolerance);
    assert_in_range(uv[0] + tolerance, yuv[1], yuv[1] + 2 * tolerance);
    assert_in_range(uv[1] + tolerance, yuv[2], yuv[2] + 2 * tolerance);
}

static void colours_are_limited_range_bt709(void **state)
{
    (void)state;
    unsigned char yuv[3];
    assert_int_equal(slate_color_parse("000000", yuv), 0);
    assert_memory_equal(yuv, "\x10\x80\x80", 3);
    assert_int_equal(slate_color_parse("ffffff", yuv), 0);
    assert_memory_equal(yuv, "\xeb\x80\x80", 3);
    assert_int_equal(slate_color_parse("FF0000", yuv), 0);
    assert_memory_equal(yuv, "\x3f\x66\xf0", 3);
    assert_int_equal(slate_color_parse("red", yuv), -EINVAL);
    assert_int_equal(slate_color_parse("ff00000", yuv), -EINVAL);
    assert_int_equal(slate_color_parse("0x00ff", yuv), -EINVAL);
}

static void black_and_colour_fill_the_surface(void **state)
{
    (void)state;
    struct input_loss_behavior loss = { .color = "ff0000" };
    struct slate *slate;
    struct error err;
    assert_int_equal(slate_create(&slate, &loss, &err), 0);
    assert_int_equal(slate_paint(slate, SLATE_BLACK, &surface), 0);
    expect(0, 0, (const unsigned char *)"\x10\x80\x80", 0);
    expect(WIDTH - 1, HEIGHT - 1, (const unsigned char *)"\x10\x80\x80", 0);
    assert_int_equal(slate_paint(slate, SLATE_IMAGE, &surface), 0);
    expect(WIDTH - 1, HEIGHT - 1, (const unsigned char *)"\x3f\x66\xf0", 0);
    assert_int_equal(maps, unmaps);
    slate_destroy(slate);
}

/* One green pixel. */
static const uint8_t green_png[] = { 0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48,
                                     0x44, 0x52, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x00, 0x00,
                                     0x00, 0x90, 0x77, 0x53, 0xde, 0x00, 0x00, 0x00, 0x0c, 0x49, 0x44, 0x41, 0x54, 0x78,
                                     0x9c, 0x63, 0x60, 0xf8, 0xcf, 0x00, 0x00, 0x02, 0x02, 0x01, 0x00, 0x7b, 0x09, 0x81,
                                     0x78, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82 };

static void a_picture_stands_in_the_middle(void **state)
{
    (void)state;
    char path[] = "/tmp/slate-test-XXXXXX";
    int file = mkstemp(path);
    struct input_loss_behavior loss = { .image = INPUT_LOSS_SLATE };
    struct slate *slate = NULL;
    struct error err = { 0 };
    unsigned char green[3];
    assert_int_equal(write(file, green_png, sizeof green_png), (ssize_t)sizeof green_png);
    close(file);
    snprintf(loss.slate, sizeof loss.slate, "%s", path);
    if (slate_create(&slate, &loss, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(slate_paint(slate, SLATE_IMAGE, &surface), 0);
    assert_int_equal(slate_color_parse("00ff00", green), 0);
    expect(WIDTH / 2, HEIGHT / 2, green, 2);
    expect(2, HEIGHT / 2, (const unsigned char *)"\x10\x80\x80", 0); /* a square picture on a wide screen */
    slate_destroy(slate);
    unlink(path);
}

/* It is for when the source is lost: it keeps nobody off the air while the source is there. */
static void the_colour_stands_in_for_a_picture_that_cannot_be_read(void **state)
{
    (void)state;
    struct input_loss_behavior loss = { .image = INPUT_LOSS_SLATE, .slate = "/nowhere/slate.png", .color = "00ff00" };
    struct slate *slate = NULL;
    struct error err = { 0 };
    unsigned char green[3];
    assert_int_equal(slate_create(&slate, &loss, &err), 0);
    assert_string_equal(slate_missing(slate), "slate /nowhere/slate.png: no such file");
    assert_int_equal(slate_paint(slate, SLATE_IMAGE, &surface), 0);
    assert_int_equal(slate_color_parse("00ff00", green), 0);
    assert_int_equal(luma[0], green[0]);
    slate_destroy(slate);
    strcpy(loss.slate, "tests/encode/slate_test.c");
    assert_int_equal(slate_create(&slate, &loss, &err), 0);
    assert_non_null(strstr(slate_missing(slate), "no PNG or JPEG"));
    slate_destroy(slate);
    strcpy(loss.color, "green");
    assert_int_equal(slate_create(&slate, &loss, &err), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(colours_are_limited_range_bt709),
        cmocka_unit_test(black_and_colour_fill_the_surface),
        cmocka_unit_test(a_picture_stands_in_the_middle),
        cmocka_unit_test(the_colour_stands_in_for_a_picture_that_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
