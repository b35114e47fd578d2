/* SPDX-License-Identifier: GPL-2.0-or-later */
/* smooth_settings.h - the section "smooth" of an output group. */
#pragma once
#include "board/settings.h"

enum smooth_event_id_mode { SMOOTH_EVENT_ID_CONFIGURED, SMOOTH_EVENT_ID_TIMESTAMP, SMOOTH_EVENT_ID_NONE };
enum smooth_stream_manifest { SMOOTH_STREAM_MANIFEST_SEND, SMOOTH_STREAM_MANIFEST_DO_NOT_SEND };
enum smooth_event_stop { SMOOTH_EVENT_STOP_SEND_EOS, SMOOTH_EVENT_STOP_NONE };
enum smooth_timestamp_offset { SMOOTH_OFFSET_EVENT_START_DATE, SMOOTH_OFFSET_CONFIGURED };
enum smooth_sparse_track {
    SMOOTH_SPARSE_TRACK_NONE,
    SMOOTH_SPARSE_TRACK_SCTE_35,                      /* and the media are cut at splices */
    SMOOTH_SPARSE_TRACK_SCTE_35_WITHOUT_SEGMENTATION, /* and there are IDR pictures at splices */
};

enum { SMOOTH_EVENT_ID_BYTES = 64, SMOOTH_DATE_BYTES = 32 };

struct smooth_settings {
    double fragment_length; /* s */
    unsigned event_id_mode; /* enum smooth_event_id_mode */
    char event_id[SMOOTH_EVENT_ID_BYTES];
    unsigned stream_manifest_behavior; /* enum smooth_stream_manifest */
    unsigned event_stop_behavior;      /* enum smooth_event_stop */
    unsigned send_delay_ms;            /* of pipeline 1 */
    unsigned timestamp_offset_mode;    /* enum smooth_timestamp_offset */
    char timestamp_offset[SMOOTH_DATE_BYTES];
    unsigned input_loss_action; /* enum input_loss_action */
    unsigned sparse_track_type; /* enum smooth_sparse_track */
};

extern const struct settings smooth_settings_table;
