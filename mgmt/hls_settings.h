/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_settings.h - the section "hls" of an output group. */
#pragma once
#include <stdbool.h>

#include "board/settings.h"
#include "encode/job.h"

enum hls_mode { HLS_MODE_LIVE, HLS_MODE_VOD };
enum manifest_duration_format { MANIFEST_DURATION_FLOATING_POINT, MANIFEST_DURATION_INTEGER };
enum codec_specification { CODEC_SPECIFICATION_RFC_4281, CODEC_SPECIFICATION_RFC_6381 };
enum program_date_time_clock { DATE_TIME_OUTPUT_TIMECODE, DATE_TIME_SYSTEM_CLOCK };
enum hls_output_selection {
    HLS_MANIFESTS_AND_SEGMENTS,
    HLS_SEGMENTS_ONLY,
    HLS_VARIANT_MANIFESTS_AND_SEGMENTS /* no master */
};
enum hls_incomplete_segments { HLS_INCOMPLETE_AUTO, HLS_INCOMPLETE_SUPPRESS };
enum hls_directory_structure { HLS_SINGLE_DIRECTORY, HLS_SUBDIRECTORY_PER_STREAM };
enum manifest_compression { MANIFEST_COMPRESSION_NONE, MANIFEST_COMPRESSION_GZIP };

enum hls_ad_marker {                                 /* what of SCTE 35 a playlist tells, and how; bits */
                     HLS_MARKER_ADOBE = 1,           /* EXT-X-CUE */
                     HLS_MARKER_ELEMENTAL = 2,       /* EXT-X-CUE-OUT, -OUT-CONT, -IN */
                     HLS_MARKER_ELEMENTAL_SCTE35 = 4 /* the same, with the messages */
};

enum { HLS_URL_BYTES = 512, HLS_BASE_URLS_MAX = 2, HLS_AD_MARKERS_MAX = 3 };

struct hls_settings {
    double segment_length;     /* s */
    double min_segment_length; /* s, before an avail; 0: half of segment_length */
    unsigned timestamp_delta_milliseconds;
    unsigned index_n_segments;
    unsigned keep_segments;
    unsigned mode;                        /* enum hls_mode */
    unsigned input_loss_action;           /* enum input_loss_action */
    unsigned output_selection;            /* enum hls_output_selection */
    unsigned incomplete_segment_behavior; /* enum hls_incomplete_segments */
    unsigned manifest_duration_format;    /* enum manifest_duration_format */
    unsigned manifest_compression;        /* enum manifest_compression */
    unsigned codec_specification;         /* enum codec_specification */
    bool client_cache;
    bool program_date_time;
    unsigned program_date_time_period; /* s; 0: every segment */
    unsigned program_date_time_clock;  /* enum program_date_time_clock */
    bool discontinuity_tags;
    bool stream_inf_resolution;
    bool i_frame_only_playlists;
    bool redundant_manifest;
    char ad_markers[HLS_AD_MARKERS_MAX][ENCODE_NAME_BYTES];
    unsigned ad_markers_count;
    bool cut_at_avails;           /* no setting: channel_complete() sets it */
    unsigned directory_structure; /* enum hls_directory_structure */
    unsigned segments_per_subdirectory;
    char base_url_content[HLS_BASE_URLS_MAX][HLS_URL_BYTES]; /* one a pipeline, or one for both */
    unsigned base_url_content_count;
    char base_url_manifest[HLS_BASE_URLS_MAX][HLS_URL_BYTES];
    unsigned base_url_manifest_count;
    unsigned timed_metadata_id3_frame;  /* enum timed_metadata_frame */
    unsigned timed_metadata_id3_period; /* s */
    char id3_segment_tag[ENCODE_TEXT_BYTES];
    struct transport_stream transport_stream;
    struct encryption encryption;
    char key_provider_url[HLS_URL_BYTES]; /* where players get the key */
    char key_format[ENCODE_NAME_BYTES];
    char key_format_versions[ENCODE_NAME_BYTES];
    bool iv_in_manifest;
};

extern const struct settings hls_settings_table;

/* enum hls_ad_marker of the words in ad_markers; what is none of them counts nothing. */
unsigned hls_markers(const struct hls_settings *settings);
/* What is put before the names of a pipeline's media files, and of its playlists; empty: nothing. */
const char *hls_content_url(const struct hls_settings *settings, unsigned pipeline);
const char *hls_manifest_url(const struct hls_settings *settings, unsigned pipeline);
