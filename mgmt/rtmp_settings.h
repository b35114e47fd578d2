/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_settings.h - the section "rtmp" of an output group. */
#pragma once
#include "board/settings.h"

enum rtmp_cache_full_behavior { RTMP_DISCONNECT_IMMEDIATELY, RTMP_WAIT_FOR_SERVER };

struct rtmp_settings {
    unsigned authentication_scheme;   /* enum rtmp_authentication_scheme */
    double cache_length;              /* s that media wait for the server */
    unsigned cache_full_behavior;     /* enum rtmp_cache_full_behavior */
    double restart_delay;             /* s after a full cache; 0: never again */
    unsigned input_loss_action;       /* enum input_loss_action */
    double connection_retry_interval; /* s */
    unsigned num_retries;             /* in a row, before the output is stopped */
};

extern const struct settings rtmp_settings_table;
