/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accelerator_list_test.c - the software runtime of this build is found, with what it can. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "drivers/accelerator_list.h"
#include "tests/encode/runtime.h"

static const struct accelerator_coder *find(const struct accelerator_coder *coders, unsigned count, const char *codec,
                                            unsigned bits)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(coders[i].codec, codec) == 0 && coders[i].bits == bits)
            return &coders[i];
    return NULL;
}

static void the_runtime_of_this_build_tells_what_it_can(void **state)
{
    (void)state;
    struct accelerator *accelerator;
    assert_int_equal(runtime_accelerator(&accelerator), 0); /* sets the environment */
    accelerator_destroy(accelerator);
    struct accelerator_list *list = accelerator_list_create();
    assert_non_null(list);
    const struct accelerator_found *found = NULL;
    for (unsigned i = 0; i < list->count && !found; i++)
        if (strstr(list->found[i].name, "Biplane"))
            found = &list->found[i];
    assert_non_null(found);
    assert_string_equal(found->kind, "oneVPL");
    assert_false(found->hardware);
    assert_int_equal(found->node, -1);
    const struct accelerator_coder *hevc = find(found->encoders, found->encoder_count, "hevc", 10);
    assert_non_null(hevc);
    assert_string_equal(hevc->formats[0], "P010");
    assert_true(hevc->width_max >= 3840 && hevc->height_max >= 2160);
    assert_non_null(find(found->encoders, found->encoder_count, "h264", 8));
    assert_null(find(found->encoders, found->encoder_count, "h264", 10));
    const struct accelerator_coder *av1 = find(found->encoders, found->encoder_count, "av1", 10);
    assert_non_null(av1);
    assert_true(av1->width_min == 64 && av1->height_min == 64); /* smaller ones it refuses */
    assert_non_null(find(found->decoders, found->decoder_count, "mpeg2", 8));
    assert_true(found->hdr10_to_sdr && found->hlg_to_sdr && found->sdr_to_hdr10);
    accelerator_list_destroy(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_runtime_of_this_build_tells_what_it_can) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
