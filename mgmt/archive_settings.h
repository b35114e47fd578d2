/* SPDX-License-Identifier: GPL-2.0-or-later */
/* archive_settings.h - the section "archive" of an output group. */
#pragma once
#include "board/settings.h"
#include "encode/job.h"

struct archive_settings {
    double rollover_interval;      /* s: a file begins at its multiples */
    unsigned disk_cache_megabytes; /* of one destination's recordings on the box's disk; oldest dropped past it */
    char extension[16];
    struct transport_stream transport_stream;
};

extern const struct settings archive_settings_table;
