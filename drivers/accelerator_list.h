/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accelerator_list.h - everything on this machine that encodes and decodes, and what each can do.
 *
 * oneVPL implementations describe themselves; of each GPU's VA-API driver and of the software one its profiles and
 * largest sizes are asked for. Drivers are loaded and may do what drivers do: this runs in a process of its own
 * (biplane-encode --accelerators).
 *
 *     accelerator_environment(runtime_directory);
 *     struct accelerator_list *list = accelerator_list_create();
 *     for (unsigned i = 0; i < list->count; i++) print(&list->found[i]);
 *     accelerator_list_destroy(list);
 */
#pragma once
#include <stdbool.h>

#include "drivers/gpu.h"

enum { ACCELERATORS_MAX = 2 * GPUS_MAX + 4, ACCELERATOR_CODERS_MAX = 12, ACCELERATOR_FORMATS_MAX = 8 };

/* One codec at one bit depth. */
struct accelerator_coder {
    const char *codec; /* "h264", "hevc", "av1", "mpeg2", "jpeg", "vp9"; static */
    unsigned bits;     /* 8 or 10 */
    unsigned width_min, width_max, height_min, height_max;
    char formats[ACCELERATOR_FORMATS_MAX][5]; /* of pictures: "NV12"; "": no more */
};

struct accelerator_found {
    char name[128];
    const char *kind; /* "oneVPL", "VA-API"; static */
    bool hardware;
    char device[GPU_PATH_BYTES];                 /* "": none */
    unsigned vendor;                             /* PCI; 0: none */
    int node;                                    /* NUMA; -1: not known, or any */
    bool hdr10_to_sdr, hlg_to_sdr, sdr_to_hdr10; /* what it converts pictures to, before they are encoded */
    struct accelerator_coder encoders[ACCELERATOR_CODERS_MAX], decoders[ACCELERATOR_CODERS_MAX];
    unsigned encoder_count, decoder_count;
};

struct accelerator_list {
    unsigned count;
    struct accelerator_found found[ACCELERATORS_MAX];
};

struct accelerator_list *accelerator_list_create(void); /* give; NULL: no memory */
void accelerator_list_destroy(struct accelerator_list *list);
