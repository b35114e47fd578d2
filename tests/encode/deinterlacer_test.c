/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deinterlacer_test.c - which picture is which, on the software runtime: a picture's number is in its timestamp and in
 * its luma, and both come out together, whatever failed before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "board/error.h"
#include "drivers/accelerator.h"
#include "encode/decoder.h"
#include "encode/deinterlacer.h"
#include "tests/encode/runtime.h"

enum { WIDTH = 160, HEIGHT = 96, FRAME = 3600, BLACK = 16, SHADES = 200, HELD_MAX = 128 };

static struct accelerator *accelerator;
static struct deinterlacer *deinterlacer;
static mfxSession source;
static struct picture held[HELD_MAX];
static unsigned held_count, came;
static bool holding;

static unsigned shade_of(mfxFrameSurface1 *surface)
{
    assert_int_equal(surface->FrameInterface->Map(surface, MFX_MAP_READ), MFX_ERR_NONE);
    unsigned shade = surface->Data.Y[HEIGHT / 2 * surface->Data.Pitch + WIDTH / 2];
    surface->FrameInterface->Unmap(surface);
    return shade - BLACK;
}

static void take(void *context, struct picture *picture)
{
    (void)context;
    assert_int_equal(picture->pts_90k / FRAME % SHADES, shade_of(picture->surface));
    came++;
    if (holding)
        held[held_count++] = *picture;
    else
        picture_release(picture);
}

static void paint(mfxFrameSurface1 *surface, int luma)
{
    assert_int_equal(surface->FrameInterface->Map(surface, MFX_MAP_WRITE), MFX_ERR_NONE);
    for (unsigned y = 0; y < HEIGHT; y++)
        memset(surface->Data.Y + y * surface->Data.Pitch, luma, WIDTH);
    for (unsigned y = 0; y < HEIGHT / 2; y++)
        memset(surface->Data.UV + y * surface->Data.Pitch, 128, WIDTH);
    surface->FrameInterface->Unmap(surface);
    surface->Info.PicStruct = MFX_PICSTRUCT_FIELD_TFF;
}

static void push(unsigned number)
{
    struct picture picture = { .pts_90k = (int64_t)number * FRAME };
    assert_int_equal(MFXMemory_GetSurfaceForVPPOut(source, &picture.surface), MFX_ERR_NONE);
    paint(picture.surface, BLACK + (int)(number % SHADES));
    deinterlacer_push(deinterlacer, &picture);
}

static void pictures_keep_their_times(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20; i++)
        push(i);
    deinterlacer_flush(deinterlacer);
    assert_int_equal(came, 20);
    assert_int_equal(deinterlacer_errors(deinterlacer), 0);
}

/* Whoever takes the pictures holds all that there are: those that come then are lost, and nothing else. */
static void they_keep_them_when_some_are_lost(void **state)
{
    (void)state;
    unsigned number = 0;
    for (; number < 4; number++)
        push(number);
    holding = true;
    for (; !deinterlacer_errors(deinterlacer) && number < HELD_MAX; number++)
        push(number);
    assert_true(deinterlacer_errors(deinterlacer) == 1);
    holding = false;
    for (; held_count; held_count--)
        picture_release(&held[held_count - 1]);
    for (unsigned i = 0; i < 20; i++)
        push(number++);
    deinterlacer_flush(deinterlacer);
    assert_int_equal(came, number - deinterlacer_errors(deinterlacer));
}

static int before(void **state)
{
    (void)state;
    struct error err;
    struct deinterlacer_config config = { .accelerator = accelerator, .on_picture = take };
    came = held_count = 0;
    holding = false;
    return deinterlacer_create(&deinterlacer, &config, &err);
}

static int after(void **state)
{
    (void)state;
    deinterlacer_destroy(deinterlacer);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    struct error err;
    mfxFrameInfo info = { .FourCC = MFX_FOURCC_NV12,
                          .ChromaFormat = MFX_CHROMAFORMAT_YUV420,
                          .PicStruct = MFX_PICSTRUCT_PROGRESSIVE,
                          .Width = WIDTH,
                          .Height = HEIGHT,
                          .CropW = WIDTH,
                          .CropH = HEIGHT,
                          .FrameRateExtN = 25,
                          .FrameRateExtD = 1 };
    mfxVideoParam parameters = { .IOPattern = MFX_IOPATTERN_IN_SYSTEM_MEMORY | MFX_IOPATTERN_OUT_SYSTEM_MEMORY };
    parameters.vpp.In = parameters.vpp.Out = info;
    if (runtime_accelerator(&accelerator) < 0 || accelerator_session(accelerator, &source, &err) < 0)
        return -1;
    return MFXVideoVPP_Init(source, &parameters) == MFX_ERR_NONE ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    MFXVideoVPP_Close(source);
    MFXClose(source);
    accelerator_destroy(accelerator);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pictures_keep_their_times, before, after),
        cmocka_unit_test_setup_teardown(they_keep_them_when_some_are_lost, before, after),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
