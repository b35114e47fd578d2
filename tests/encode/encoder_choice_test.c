/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encoder_choice_test.c - the kind that is chosen and the sentence with the reason, without a GPU of that node. */
#include "tests/drivers/softva/display.h"

#include <errno.h>
#include <sys/stat.h>

#include "drivers/gpu.h"
#include "encode/encoder_choice.h"
#include "encode/vaapi_surfaces.h"
#include "tests/encode/runtime.h"

enum { NO_NODE = 4711 };

static struct accelerator *accelerator;
static char directory[512]; /* of the software driver */
static const char *software_directory = directory;

static int choose(struct encoder_choice *choice, enum encode_encoder wish, enum encode_accelerator accelerator_wish,
                  struct error *err)
{
    struct encoder_choice_config config = { .wish = wish,
                                            .accelerator_wish = accelerator_wish,
                                            .accelerator = accelerator,
                                            .node = NO_NODE,
                                            .software_directory = software_directory };
    return encoder_choice_make(choice, &config, err);
}

/* The accelerator, which outlives it here, has no display then. */
static void drop(struct encoder_choice *choice)
{
    accelerator_use_display(accelerator, NULL);
    encoder_choice_drop(choice);
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
    assert_int_equal(choose(&choice, ENCODER_VAAPI, ACCELERATOR_SOFTWARE, &err), 0);
    assert_string_equal(choice.sentence, "VA-API: the software driver, because the accelerator is software");
    assert_ptr_equal(encoder_choice_kind(&choice, &jpeg), &encoder_vpl);
    assert_ptr_equal(encoder_choice_kind(&choice, &h264), &encoder_vaapi);
    drop(&choice);
    software_directory = "/nowhere";
    assert_int_equal(choose(&choice, ENCODER_VAAPI, ACCELERATOR_SOFTWARE, &err), -ENODEV);
    assert_non_null(strstr(err.text, "encoder = \"vaapi\": the accelerator is software; "));
    software_directory = directory;
    int status = choose(&choice, ENCODER_VAAPI, ACCELERATOR_HARDWARE, &err);
    if (status < 0) /* this machine has no GPU whose node is not known */
        assert_non_null(strstr(err.text, "encoder = \"vaapi\": "));
    else
        drop(&choice);
}

static void hardware_never_becomes_software(void **state)
{
    (void)state;
    struct encoder_choice choice;
    struct error err = { 0 };
    int status = choose(&choice, ENCODER_AUTO, ACCELERATOR_HARDWARE, &err); /* the accelerator is software */
    if (status == 0)
        assert_ptr_equal(choice.kind, &encoder_vaapi); /* this machine has a GPU whose node is not known */
    else
        assert_non_null(strstr(err.text, "accelerator = \"hardware\": node 4711 has no GPU"));
    drop(&choice);
}

static void the_accelerator_shares_the_display_that_keeps_its_pictures(void **state)
{
    (void)state;
    struct encoder_choice choice;
    struct error err = { 0 };
    char others[64];
    assert_int_equal(accelerator_output_pattern(accelerator), MFX_IOPATTERN_OUT_SYSTEM_MEMORY);
    if (choose(&choice, ENCODER_VAAPI, ACCELERATOR_SOFTWARE, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(choice.sentence, "VA-API: the software driver, because the accelerator is software");
    assert_ptr_equal(accelerator_display(accelerator), choice.display);
    assert_int_equal(accelerator_output_pattern(accelerator), MFX_IOPATTERN_OUT_VIDEO_MEMORY);
    assert_int_equal(vaapi_formats_kept(choice.display, others, sizeof others), 4);
    assert_string_equal(others, "");
    set_attribute(choice.display, SOFTVA_DISPLAY_ATTRIBUTE_ABSENT, VA_FOURCC_Y210);
    set_attribute(choice.display, SOFTVA_DISPLAY_ATTRIBUTE_UNDERIVED, VA_FOURCC_P010);
    assert_int_equal(vaapi_formats_kept(choice.display, others, sizeof others), 2);
    assert_string_equal(others, "P010, Y210");
    drop(&choice);
}

/* ---- a machine with GPUs: their list is made up, and their driver is the software one ---- */

static unsigned opened;
static char opened_device[128];

static int open_as_software(struct va_display **out, const struct gpu *gpu, struct error *err)
{
    opened++;
    snprintf(opened_device, sizeof opened_device, "%s", gpu->device);
    return va_display_create(out, &(struct va_display_settings){ .software_directory = directory }, err);
}

static int refuse_to_open(struct va_display **out, const struct gpu *gpu, struct error *err)
{
    (void)out;
    return error_set(err, -EIO, "%s: no driver", gpu->device);
}

static void put_gpu(const char *sysfs, const char *name, const char *node)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", sysfs, name);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/%s/device", sysfs, name);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/%s/device/numa_node", sysfs, name);
    FILE *file = fopen(path, "we");
    fputs(node, file);
    fclose(file);
    snprintf(path, sizeof path, "%s/%s/device/vendor", sysfs, name);
    file = fopen(path, "we");
    fputs("0x1002\n", file);
    fclose(file);
}

static void auto_takes_the_gpu_of_its_node(void **state)
{
    (void)state;
    char sysfs[] = "/tmp/encoder-choice-XXXXXX", command[64];
    struct encoder_choice choice;
    struct error err = { 0 };
    assert_non_null(mkdtemp(sysfs));
    put_gpu(sysfs, "renderD128", "0\n");
    put_gpu(sysfs, "renderD130", "1\n"); /* one was taken out */
    struct encoder_choice_config config = { .wish = ENCODER_AUTO,
                                            .accelerator_wish = ACCELERATOR_AUTO,
                                            .accelerator = accelerator,
                                            .node = 1,
                                            .sysfs_directory = sysfs,
                                            .open = open_as_software };
    assert_int_equal(encoder_choice_make(&choice, &config, &err), 0);
    assert_ptr_equal(choice.kind, &encoder_vaapi);
    assert_string_equal(opened_device, "/dev/dri/renderD130");
    assert_non_null(strstr(choice.sentence, "VA-API: /dev/dri/renderD130 (AMD)"));
    assert_ptr_equal(accelerator_display(accelerator), choice.display);
    drop(&choice);
    config.accelerator_wish = ACCELERATOR_SOFTWARE; /* no GPU is looked at */
    assert_int_equal(encoder_choice_make(&choice, &config, &err), 0);
    assert_ptr_equal(choice.kind, &encoder_vpl);
    drop(&choice);
    config.accelerator_wish = ACCELERATOR_AUTO;
    config.node = 2; /* another node's GPU is never taken */
    assert_int_equal(encoder_choice_make(&choice, &config, &err), 0);
    assert_ptr_equal(choice.kind, &encoder_vpl);
    assert_string_equal(choice.sentence, "oneVPL: node 2 has no GPU");
    drop(&choice);
    assert_int_equal(opened, 1);
    config.node = 0;
    config.open = refuse_to_open;
    assert_int_equal(encoder_choice_make(&choice, &config, &err), 0);
    assert_ptr_equal(choice.kind, &encoder_vpl);
    assert_string_equal(choice.sentence, "oneVPL: /dev/dri/renderD128: no driver");
    drop(&choice);
    config.accelerator_wish = ACCELERATOR_HARDWARE;
    assert_int_equal(encoder_choice_make(&choice, &config, &err), -ENODEV);
    snprintf(command, sizeof command, "rm -rf %s", sysfs);
    assert_int_equal(system(command), 0);
}

static int setup(void **state)
{
    (void)state;
    const char *build = getenv("BUILD");
    snprintf(directory, sizeof directory, "%s/asan/lib/va", build ? build : "build");
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
        cmocka_unit_test(hardware_never_becomes_software),
        cmocka_unit_test(auto_takes_the_gpu_of_its_node),
        cmocka_unit_test(the_accelerator_shares_the_display_that_keeps_its_pictures),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
