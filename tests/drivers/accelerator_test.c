/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accelerator_test.c - what is chosen and why, on a machine whose only implementation is the one of this build. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/encode/runtime.h"

static void software_gives_sessions(void **state)
{
    (void)state;
    struct accelerator *accelerator;
    struct error err = { 0 };
    mfxSession first, second;
    assert_int_equal(runtime_accelerator(&accelerator), 0);
    assert_false(accelerator_is_hardware(accelerator));
    assert_true(accelerator_is_ours(accelerator));
    assert_non_null(strstr(accelerator_sentence(accelerator), "because the configuration says so"));
    assert_int_equal(accelerator_session(accelerator, &first, &err), 0);
    assert_int_equal(accelerator_session(accelerator, &second, &err), 0);
    assert_ptr_not_equal(first, second);
    MFXClose(first);
    MFXClose(second);
    assert_int_equal(accelerator_input_pattern(accelerator), MFX_IOPATTERN_IN_SYSTEM_MEMORY);
    accelerator_destroy(accelerator);
}

static void a_missing_runtime_is_an_error_with_its_place(void **state)
{
    (void)state;
    struct accelerator *accelerator = NULL;
    struct error err = { 0 };
    accelerator_environment("/nowhere");
    assert_int_equal(
        accelerator_create(&accelerator, &(struct accelerator_config){ .wish = ACCELERATOR_WISH_SOFTWARE }, &err),
        -ENODEV);
    assert_non_null(strstr(err.text, "/nowhere"));
}

static void hardware_on_a_node_without_a_gpu_is_refused(void **state)
{
    (void)state;
    struct accelerator *accelerator = NULL;
    struct error err = { 0 };
    struct accelerator_config config = { .wish = ACCELERATOR_WISH_HARDWARE, .node = 4711 };
    if (accelerator_create(&accelerator, &config, &err) == 0) { /* one whose node is not known */
        assert_true(accelerator_is_hardware(accelerator));
        accelerator_destroy(accelerator);
        return;
    }
    assert_int_equal(err.code, -ENODEV);
    assert_non_null(strstr(err.text, "accelerator = \"hardware\""));
}

static void the_environment_names_one_place_only(void **state)
{
    (void)state;
    char directory[512];
    setenv("ONEVPL_SEARCH_PATH", "/tmp", 1);
    setenv("LIBVA_DRIVER_NAME", "evil", 1);
    accelerator_environment("/usr/lib/biplane");
    assert_null(getenv("ONEVPL_SEARCH_PATH"));
    assert_null(getenv("LIBVA_DRIVER_NAME"));
    assert_string_equal(getenv("ONEVPL_PRIORITY_PATH"), "/usr/lib/biplane");
    accelerator_runtime_directory(directory, sizeof directory);
    assert_non_null(strstr(directory, "/lib"));
    assert_string_equal(accelerator_status_name(MFX_ERR_UNSUPPORTED), "MFX_ERR_UNSUPPORTED");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(software_gives_sessions),
        cmocka_unit_test(a_missing_runtime_is_an_error_with_its_place),
        cmocka_unit_test(hardware_on_a_node_without_a_gpu_is_refused),
        cmocka_unit_test(the_environment_names_one_place_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
