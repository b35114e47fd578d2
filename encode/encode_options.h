/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encode_options.h - the command line of biplane-encode.
 *
 *     if (!encode_options_parse(argc, argv, &options)) { encode_options_usage(stderr); return 2; }
 */
#pragma once
#include <stdbool.h>
#include <stdio.h>

#include "board/log.h"

struct encode_options {
    const char *job, *run, *runtime; /* borrow: of argv; runtime NULL: beside the program */
    bool accelerators;               /* only tell what there is */
    bool place;                      /* bind to the pipeline's NUMA node and cores */
    struct log_config log;
};

bool encode_options_parse(int argc, char **argv, struct encode_options *options);
void encode_options_usage(FILE *stream);
