/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encoder_choice.c - the order of preference, and the reason in words. */
#include "encode/encoder_choice.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "board/error.h"
#include "drivers/accelerator.h"
#include "drivers/gpu.h"
#include "drivers/va_display.h"
#include "encode/vaapi_plan.h"
#include "encode/vaapi_surfaces.h"

static int open_driver(struct va_display **out, const struct gpu *gpu, struct error *err)
{
    return va_display_create(out, &(struct va_display_settings){ .device = gpu->device }, err);
}

/* The display of the node's GPU, if it can encode; else why not. */
static struct va_display *open_gpu(const struct encoder_choice_config *config, char *why, size_t bytes)
{
    struct gpu gpus[GPUS_MAX];
    const char *listed = config->sysfs_directory ? config->sysfs_directory : "/sys/class/drm";
    unsigned count = gpu_list(gpus, GPUS_MAX, listed, "/dev/dri");
    const struct gpu *gpu = gpu_choose(gpus, count, config->node);
    struct va_display *display = NULL;
    struct error err = { 0 };

    if (!gpu) {
        snprintf(why, bytes, "node %d has no GPU", config->node);
        return NULL;
    }
    if ((config->open ? config->open : open_driver)(&display, gpu, &err) < 0) {
        snprintf(why, bytes, "%.150s", err.text);
        return NULL;
    }
    if (vaapi_can_encode(va_display_handle(display))) {
        snprintf(why, bytes, "%s (%s)", gpu->device, gpu_vendor_name(gpu->vendor));
        return display;
    }
    snprintf(why, bytes, "%s does not encode H.264", gpu->device);
    va_display_destroy(display);
    return NULL;
}

bool encoder_choice_has_gpu(int node)
{
    char why[200];
    struct va_display *display = open_gpu(&(struct encoder_choice_config){ .node = node }, why, sizeof why);

    bool has = display != NULL;

    va_display_destroy(display);
    return has;
}

static void choose_vpl(struct encoder_choice *choice, const char *why)
{
    choice->kind = &encoder_vpl;
    snprintf(choice->sentence, sizeof choice->sentence, "oneVPL: %s", why);
}

static void choose_vaapi(struct encoder_choice *choice, void *display, const char *where)
{
    choice->kind = &encoder_vaapi;
    choice->display = display;
    snprintf(choice->sentence, sizeof choice->sentence, "VA-API: %s", where);
}

static int choose_wanted_vaapi(struct encoder_choice *choice, const struct encoder_choice_config *config,
                               struct error *err)
{
    char why[200] = "the accelerator is software";
    void *shared = accelerator_display(config->accelerator);

    if (shared) {
        choose_vaapi(choice, shared, "on the accelerator's GPU");
        return 0;
    }
    if (config->accelerator_wish != ACCELERATOR_SOFTWARE)
        choice->own = open_gpu(config, why, sizeof why);
    if (choice->own) {
        choose_vaapi(choice, va_display_handle(choice->own), why);
        return 0;
    }
    if (config->accelerator_wish == ACCELERATOR_HARDWARE)
        return error_set(err, -ENODEV, "encoder = \"vaapi\": %s", why);
    struct error software = { 0 };
    struct va_display_settings settings = { .software_directory = config->software_directory };
    if (va_display_create(&choice->own, &settings, &software) < 0)
        return error_set(err, -ENODEV, "encoder = \"vaapi\": %s; %s", why, software.text);
    char sentence[240];
    snprintf(sentence, sizeof sentence, "the software driver, because %s", why);
    choose_vaapi(choice, va_display_handle(choice->own), sentence);
    return 0;
}

static int choose_best(struct encoder_choice *choice, const struct encoder_choice_config *config, struct error *err)
{
    char why[200] = "the accelerator is software";

    if (accelerator_is_hardware(config->accelerator)) {
        choose_vpl(choice, "the accelerator has it");
        return 0;
    }
    if (config->accelerator_wish != ACCELERATOR_SOFTWARE)
        choice->own = open_gpu(config, why, sizeof why);
    if (choice->own)
        choose_vaapi(choice, va_display_handle(choice->own), why);
    else if (config->accelerator_wish == ACCELERATOR_HARDWARE) /* a GPU that was there a moment ago */
        return error_set(err, -ENODEV, "accelerator = \"hardware\": %s", why);
    else
        choose_vpl(choice, why);
    return 0;
}

/* The accelerator keeps its pictures on our display, where that can keep them; others are brought to the encoder. */
static void share_display(struct encoder_choice *choice, struct accelerator *accelerator)
{
    char others[64];
    size_t used = strlen(choice->sentence);

    if (vaapi_formats_kept(choice->display, others, sizeof others))
        accelerator_use_display(accelerator, choice->display);
    if (others[0])
        snprintf(choice->sentence + used, sizeof choice->sentence - used, "; copied to it: %s", others);
}

int encoder_choice_make(struct encoder_choice *choice, const struct encoder_choice_config *config, struct error *err)
{
    int status = 0;

    *choice = (struct encoder_choice){ .forced = config->wish == ENCODER_VAAPI };
    if (config->wish == ENCODER_VAAPI)
        status = choose_wanted_vaapi(choice, config, err);
    else if (config->wish == ENCODER_VPL)
        choose_vpl(choice, "the configuration says so");
    else
        status = choose_best(choice, config, err);
    if (status == 0 && choice->own)
        share_display(choice, config->accelerator);
    choice->hardware =
        accelerator_is_hardware(config->accelerator) || (choice->own && !va_display_is_software(choice->own));
    return status;
}

void encoder_choice_drop(struct encoder_choice *choice)
{
    va_display_destroy(choice->own);
    *choice = (struct encoder_choice){ 0 };
}

const struct encoder_kind *encoder_choice_kind(const struct encoder_choice *choice,
                                               const struct video_description *video)
{
    bool other = video->codec == VIDEO_CODEC_JPEG || (video->codec == VIDEO_CODEC_AV1 && !choice->forced);
    return other ? &encoder_vpl : choice->kind;
}
