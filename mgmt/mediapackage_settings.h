/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mediapackage_settings.h - the section "mediapackage" of an output group. */
#pragma once
#include <stdbool.h>

#include "board/settings.h"

enum mediapackage_version { MEDIAPACKAGE_V1, MEDIAPACKAGE_V2 };

struct mediapackage_settings {
    unsigned version;        /* enum mediapackage_version */
    unsigned overridden;     /* no setting: which defaults gave way to what is imposed, by row */
    bool markers_overridden; /* likewise of hls.ad_markers */
};

extern const struct settings mediapackage_settings_table;
