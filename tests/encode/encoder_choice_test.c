/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encoder_choice_test.c - the kind that is chosen and the sentence with the reason, without a GPU of that node. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "encode/encoder_choice.h"
#include "tests/encode/runtime.h"

enum { NO_NODE = 4711 };

static struct accelerator *accelerator;

static int choose(struct encoder_choice *choice, enum encode_encoder wish, enum encode_accelerator accelerator_wish,
                  struct error *err)
{
    struct encoder_choice_config config = {
        .wish = wish, .accelerator_wish = accelerator_wish, .accelerator = accelerator, .node = NO_NODE
    };
    return encoder_choice_make(choice, &config, err);
}

static void onevpl_is_the_rule(void **state)
{
    (void)state;
    struct encoder_choice choice;
    struct error err = { 0 };
    assert_int_equal(choose(&choice, ENCODER_AUTO, ACCELERATOR_SOFTWARE, &err), 0);
    assert_ptr_equal(choice.kind, &encoder_vpl);
    assert_string_equal(choice.sentence, "oneVPL: the accelerator is software");
    assert_int_equal(choose(&choice, ENCODER_VPL, ACCELERATOR_AUTO, &err), 0);
    assert_string_equal(choice.sentence, "oneVPL: the configuration says so");
    assert_false(choice.hardware);
    assert_null(choice.own);
}

static void the_wish_is_kept_or_refused(void **state)
{
    (void)state;
    struct encoder_choice choice;
    struct error err = { 0 };
    struct video_description jpeg = { .codec = VIDEO_CODEC_JPEG }, h264 = { .codec = VIDEO_CODEC_H264 };
    int status = choose(&choice, ENCODER_VAAPI, ACCELERATOR_SOFTWARE, &err);
    if (status == 0) { /* the software driver lies beside the programs, not beside the tests */
        assert_non_null(strstr(choice.sentence, "VA-API: the software driver, because the accelerator is software"));
        assert_ptr_equal(encoder_choice_kind(&choice, &jpeg), &encoder_vpl);
        assert_ptr_equal(encoder_choice_kind(&choice, &h264), &encoder_vaapi);
        assert_false(choice.hardware);
        encoder_choice_drop(&choice);
    } else {
        assert_int_equal(status, -ENODEV);
        assert_non_null(strstr(err.text, "encoder = \"vaapi\": the accelerator is software; there is no software"));
    }
    status = choose(&choice, ENCODER_VAAPI, ACCELERATOR_HARDWARE, &err);
    if (status < 0) /* this machine has no GPU whose node is not known */
        assert_non_null(strstr(err.text, "encoder = \"vaapi\": "));
    else
        encoder_choice_drop(&choice);
}

static int setup(void **state)
{
    (void)state;
    return runtime_accelerator(&accelerator);
}

static int teardown(void **state)
{
    (void)state;
    accelerator_destroy(accelerator);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(onevpl_is_the_rule),
        cmocka_unit_test(the_wish_is_kept_or_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
