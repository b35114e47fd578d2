/* SPDX-License-Identifier: GPL-2.0-or-later */
/* colours_test.c - what a video says of its colours, and which pictures are converted to that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "encode/colours.h"
#include "encode/job.h"

static struct colours described(unsigned primaries, unsigned transfer, unsigned matrix)
{
    const mfxExtVideoSignalInfo signal = { .ColourDescriptionPresent = 1,
                                           .ColourPrimaries = (mfxU16)primaries,
                                           .TransferCharacteristics = (mfxU16)transfer,
                                           .MatrixCoefficients = (mfxU16)matrix };
    const struct light_metadata light = { .has_levels = true, .content_maximum = 800 };
    return colours_of(&signal, transfer == 16 ? &light : NULL);
}

static void they_have_names(void **state)
{
    (void)state;
    struct colours nothing = colours_of(NULL, NULL), pq = described(9, 16, 9), hlg = described(9, 18, 9);
    assert_false(colours_said(&nothing));
    assert_true(colours_said(&pq));
    assert_string_equal(colours_name(&nothing), "SDR");
    assert_string_equal(colours_name(&pq), "HDR (PQ)");
    assert_string_equal(colours_name(&hlg), "HDR (HLG)");
    struct colours other = pq;
    assert_true(colours_equal(&pq, &other));
    other.light.content_maximum = 900;
    assert_false(colours_equal(&pq, &other));
}

static void a_plan_is_kept_and_the_rest_converted(void **state)
{
    (void)state;
    enum { NOTHING, BT709, PAL, PQ, HLG, SOURCES };
    const struct colours sources[SOURCES] = { colours_of(NULL, NULL), described(1, 1, 1), described(5, 6, 5),
                                              described(9, 16, 9), described(9, 18, 9) };
    static const struct {
        unsigned color_space, depth, height, source;
        unsigned transfer; /* of what comes out; 0: nothing is said */
        bool converts[SOURCES];
    } cases[] = {
        { COLOR_SPACE_AUTO, 8, 720, NOTHING, 0, { 0, 0, 0, 1, 1 } },
        { COLOR_SPACE_AUTO, 8, 720, BT709, 1, { 0, 0, 0, 1, 1 } },
        { COLOR_SPACE_AUTO, 8, 720, PQ, 1, { 0, 0, 0, 1, 1 } },
        { COLOR_SPACE_AUTO, 10, 720, NOTHING, 0, { 0, 0, 0, 0, 0 } },
        { COLOR_SPACE_AUTO, 10, 720, PQ, 16, { 1, 1, 1, 0, 1 } },
        { COLOR_SPACE_AUTO, 10, 720, BT709, 1, { 0, 0, 0, 1, 1 } },
        { COLOR_SPACE_PASSTHROUGH, 8, 720, HLG, 18, { 0, 0, 0, 0, 0 } },
        { COLOR_SPACE_REC_709, 8, 720, PAL, 1, { 0, 0, 1, 1, 1 } },
        { COLOR_SPACE_REC_601, 8, 576, PAL, 6, { 0, 1, 0, 1, 1 } },
        { COLOR_SPACE_REC_601, 8, 480, PAL, 6, { 0, 1, 1, 1, 1 } },
        { COLOR_SPACE_HDR10, 10, 720, PQ, 16, { 1, 1, 1, 0, 1 } },
        { COLOR_SPACE_HLG_2020, 10, 720, PQ, 18, { 1, 1, 1, 1, 0 } },
    };

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct video_description video = { .color_space = cases[i].color_space, .bit_depth = cases[i].depth };
        struct colour_plan plan;
        colour_plan_make(&plan, &video, &sources[cases[i].source], cases[i].height);
        assert_int_equal(plan.out.signal.TransferCharacteristics, cases[i].transfer);
        assert_int_equal(light_metadata_known(&plan.out.light), cases[i].transfer == 16);
        for (unsigned j = 0; j < SOURCES; j++)
            if (colour_plan_converts(&plan, &sources[j]) != cases[i].converts[j])
                fail_msg("case %u, picture %u", i, j);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_have_names),
        cmocka_unit_test(a_plan_is_kept_and_the_rest_converted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
