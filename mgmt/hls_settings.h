/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_settings.h - the section "hls" of an output group. */
#pragma once
#include <stdbool.h>

#include "board/settings.h"

enum hls_mode { HLS_MODE_LIVE, HLS_MODE_VOD };
enum manifest_duration_format { MANIFEST_DURATION_FLOATING_POINT, MANIFEST_DURATION_INTEGER };

struct hls_settings {
    double segment_length; /* s */
    unsigned index_n_segments;
    unsigned keep_segments;
    unsigned mode;                     /* enum hls_mode */
    unsigned input_loss_action;        /* enum input_loss_action */
    unsigned manifest_duration_format; /* enum manifest_duration_format */
    bool program_date_time;
    unsigned program_date_time_period; /* s; 0: every segment */
    bool discontinuity_tags;
    bool stream_inf_resolution;
};

extern const struct settings hls_settings_table;
