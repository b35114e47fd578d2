/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encoder_choice.h - which kind of encoder (encoder.h) the rungs of a pipeline are, on which display, and why.
 *
 *   encoder = "vpl"     oneVPL, as the accelerator is.
 *   encoder = "vaapi"   VA-API: of the accelerator's display where it has one, else of the GPU of the pipeline's node,
 *                       else, unless hardware is asked for, of the software driver.
 *   encoder = "auto"    oneVPL where the accelerator is hardware or no GPU encodes through VA-API; else VA-API: AMD's.
 *
 * The accelerator then is given the display: what it decodes lies where the encoder reads it, but for formats that the
 * display does not keep, which the sentence names. Pictures of JPEG, and
 * of AV1 with "auto", are oneVPL's in any case. One thread.
 *
 *     encoder_choice_make(&choice, &config, &err);
 *     ladder_config.encoder = &choice;
 *     encoder_choice_drop(&choice);            // after everything that was made with it, the accelerator too
 */
#pragma once
#include <stdbool.h>

#include "encode/encoder.h"
#include "encode/job.h"

struct accelerator;
struct error;
struct gpu;
struct va_display;
struct video_description;

struct encoder_choice_config {
    enum encode_encoder wish;
    enum encode_accelerator accelerator_wish;
    struct accelerator *accelerator; /* borrow: outlives the choice's use */
    int node;                        /* NUMA node whose GPU is wanted */
    const char *software_directory;  /* of the software driver (va_display.h); NULL: beside the programs */
    const char *sysfs_directory;     /* where GPUs are listed, for tests; NULL: /sys/class/drm */
    /* Opens a GPU's display (give), for tests; NULL: its own driver. */
    int (*open)(struct va_display **out, const struct gpu *gpu, struct error *err);
};

struct encoder_choice {
    const struct encoder_kind *kind;
    bool forced;
    bool hardware;          /* oneVPL's, or VA-API's GPU: not software all the way */
    struct va_display *own; /* NULL: none was opened */
    void *display;          /* VADisplay; NULL: none */
    char sentence[256];
};

/* -ENODEV: "vaapi" is wanted, or hardware, and there is nothing for it. */
int encoder_choice_make(struct encoder_choice *choice, const struct encoder_choice_config *config, struct error *err);
void encoder_choice_drop(struct encoder_choice *choice); /* an empty one is fine */
const struct encoder_kind *encoder_choice_kind(const struct encoder_choice *choice,
                                               const struct video_description *video);
/* Whether the node's GPU encodes through VA-API: then hardware is there, with or without a oneVPL runtime. */
bool encoder_choice_has_gpu(int node);
