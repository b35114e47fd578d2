/* SPDX-License-Identifier: GPL-2.0-or-later */
/* va_pixels_test.c - the processor's view of a surface: its own memory, or an image that is put back; a surface that is
 * never done is given up. */
#include "tests/drivers/softva/display.h"

#include "drivers/va_pixels.h"

enum { WIDTH = 64, HEIGHT = 32, LUMA = 77 };

/* Paints, and looks whether it is there. */
static void paint(VADisplay va, bool derived)
{
    VASurfaceID surface = make_nv12(va, WIDTH, HEIGHT);
    struct va_pixels view;
    VAImage image;

    GOOD(va_pixels_begin(&view, va, surface, VA_FOURCC_NV12, WIDTH, HEIGHT));
    assert_int_equal(view.derived, derived);
    assert_int_equal(view.planes, 2);
    for (unsigned y = 0; y < HEIGHT; y++)
        memset(view.plane[0] + (size_t)y * view.pitch[0], LUMA, WIDTH);
    for (unsigned y = 0; y < HEIGHT / 2; y++)
        memset(view.plane[1] + (size_t)y * view.pitch[1], 128, WIDTH);
    GOOD(va_pixels_end(&view));
    set_attribute(va, SOFTVA_DISPLAY_ATTRIBUTE_UNDERIVED, 0);
    const uint8_t *memory = pixels(va, surface, &image);
    assert_int_equal(memory[image.offsets[0]], LUMA);
    assert_int_equal(memory[image.offsets[0] + (HEIGHT - 1) * image.pitches[0] + WIDTH - 1], LUMA);
    GOOD(vaDestroySurfaces(va, &surface, 1));
}

static void what_is_written_is_in_the_surface(void **state)
{
    (void)state;
    struct va_display *display = open_display();
    VADisplay va = va_display_handle(display);
    paint(va, true);
    assert_int_equal(copied_bytes(va), 0);
    set_attribute(va, SOFTVA_DISPLAY_ATTRIBUTE_UNDERIVED, VA_FOURCC_NV12);
    paint(va, false);
    assert_true(copied_bytes(va) > 0);
    va_display_destroy(display);
}

static void a_surface_that_is_never_done_is_given_up(void **state)
{
    (void)state;
    struct va_display *display = open_display();
    VADisplay va = va_display_handle(display);
    VASurfaceID surface = make_nv12(va, WIDTH, HEIGHT);
    struct va_pixels view;
    set_waits(va, SOFTVA_WAITS_STUCK);
    assert_int_equal(va_pixels_begin(&view, va, surface, VA_FOURCC_NV12, WIDTH, HEIGHT), VA_STATUS_ERROR_TIMEDOUT);
    set_waits(va, SOFTVA_WAITS_NONE);
    GOOD(va_pixels_begin(&view, va, surface, VA_FOURCC_NV12, WIDTH, HEIGHT));
    GOOD(va_pixels_end(&view));
    va_display_destroy(display);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_in_the_surface),
        cmocka_unit_test(a_surface_that_is_never_done_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
