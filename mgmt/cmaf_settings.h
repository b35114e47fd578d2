/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmaf_settings.h - the section "cmaf_ingest" of an output group. */
#pragma once
#include "board/settings.h"

enum segment_length_units { SEGMENT_LENGTH_SECONDS, SEGMENT_LENGTH_MILLISECONDS };

struct cmaf_settings {
    double segment_length;         /* in segment_length_units */
    unsigned segment_length_units; /* enum segment_length_units */
    double segment_length_s;       /* no setting: the same in s, once it is completed */
    unsigned send_delay_ms;        /* of pipeline 1 */
    unsigned input_loss_action;    /* enum input_loss_action */
    unsigned timed_metadata_id3_frame;
    unsigned timed_metadata_id3_period; /* s */
};

extern const struct settings cmaf_settings_table;
