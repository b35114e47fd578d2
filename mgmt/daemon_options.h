/* SPDX-License-Identifier: GPL-2.0-or-later */
/* daemon_options.h - the command line of biplaned. */
#pragma once
#include <stdbool.h>

#include "board/log.h"
#include "mgmt/media.h"

struct daemon_options {
    const char *config, *run, *spool;        /* borrow: of the command line, like all */
    const char *runtime, *programs, *boards; /* NULL: where they came with the program */
    const char *machine;                     /* socket */
    struct media media;
    struct log_config log;
    bool check, print_devices, print_reference, is_clock_set, print_version, print_help;
};

extern const char daemon_usage[];

bool daemon_options_parse(int argc, char **argv, struct daemon_options *options); /* false: not understood */
/* Prints what the options only ask to have printed (help, version, reference); false: they ask for more. */
bool daemon_options_answer(const struct daemon_options *options);
