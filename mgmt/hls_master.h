/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_master.h - the text of an HLS master playlist, from what its outputs are. Pure functions, any thread.
 *
 * An output with video is a variant, once for each audio group that goes with it; one without is a rendition of its
 * audio group, or a variant of its own. With redundant manifests the outputs of both pipelines are given, own first,
 * and audio groups carry the pipeline's number.
 *
 *     char *text = hls_master_playlist(entries, count, &settings);   // give
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "mgmt/hls_names.h"

enum { HLS_URI_BYTES = HLS_URL_BYTES + HLS_FILE_NAME_BYTES };

/* What one output's newest segment is. */
struct hls_format {
    char codecs[64];                        /* empty: not known yet */
    uint32_t peak_bitrate, average_bitrate; /* bit/s */
    uint32_t key_peak_bitrate;              /* of the playlist of key pictures */
    uint32_t width, height;                 /* 0: no video */
    uint32_t framerate_numerator, framerate_denominator;
    uint32_t channels;                 /* 0: no audio */
    uint32_t transfer_characteristics; /* of the video, by ITU-T H.273; 0: not said */
};

struct hls_entry {
    struct hls_format format;
    const struct output *output; /* borrow: audio groups, language */
    char uri[HLS_URI_BYTES];
    char key_uri[HLS_URI_BYTES]; /* empty: no playlist of key pictures */
    char suffix[8];              /* of audio groups; "-1" */
};

/* give: free(); NULL: no memory. */
char *hls_master_playlist(const struct hls_entry *entries, unsigned count, const struct hls_settings *settings);
/* Is it an EXT-X-MEDIA there, not a variant? */
bool hls_output_is_rendition(const struct output *output);
