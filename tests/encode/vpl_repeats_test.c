/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vpl_repeats_test.c - which surface is idle is told by its references; each reference is given back once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "encode/vpl_repeats.h"

enum { SURFACES = VPL_REPEATS_MAX + 3 };

static mfxU32 references[SURFACES];
static mfxFrameSurface1 surfaces[SURFACES];

static mfxStatus count(mfxFrameSurface1 *surface, mfxU32 *counter)
{
    *counter = references[surface - surfaces];
    return MFX_ERR_NONE;
}

static mfxStatus release(mfxFrameSurface1 *surface)
{
    references[surface - surfaces]--;
    return MFX_ERR_NONE;
}

static mfxFrameSurfaceInterface interface = { .GetRefCounter = count, .Release = release };

static int setup(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SURFACES; i++) {
        references[i] = 1;
        surfaces[i].FrameInterface = &interface;
    }
    return 0;
}

static void one_that_nobody_else_refers_to_is_idle(void **state)
{
    (void)state;
    struct vpl_repeats repeats = { 0 };

    assert_null(vpl_repeats_idle(&repeats));
    for (unsigned i = 0; i < 3; i++) {
        vpl_repeats_add(&repeats, &surfaces[i]);
        references[i]++; /* an encoder's */
        assert_null(vpl_repeats_idle(&repeats));
    }
    references[1]--;
    assert_ptr_equal(vpl_repeats_idle(&repeats), &surfaces[1]);
    vpl_repeats_clear(&repeats);
    assert_int_equal(references[0], 1);
    assert_int_equal(references[1], 0);
    assert_null(vpl_repeats_idle(&repeats));
}

static void the_oldest_one_makes_room(void **state)
{
    (void)state;
    struct vpl_repeats repeats = { 0 };

    for (unsigned i = 0; i < SURFACES; i++) {
        references[i]++;
        vpl_repeats_add(&repeats, &surfaces[i]);
    }
    for (unsigned i = 0; i < SURFACES; i++)
        assert_int_equal(references[i], i < SURFACES - VPL_REPEATS_MAX ? 1 : 2);
    references[0]--; /* coded; it is not among them any more */
    assert_null(vpl_repeats_idle(&repeats));
    references[SURFACES - 1]--;
    assert_ptr_equal(vpl_repeats_idle(&repeats), &surfaces[SURFACES - 1]);
    vpl_repeats_clear(&repeats);
    for (unsigned i = 0; i < SURFACES; i++)
        assert_int_equal(references[i], i == 0 || i == SURFACES - 1 ? 0 : 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_that_nobody_else_refers_to_is_idle, setup),
        cmocka_unit_test_setup(the_oldest_one_makes_room, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
