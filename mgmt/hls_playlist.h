/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_playlist.h - the text of HLS playlists (RFC 8216), from what is known. Pure functions, any thread.
 *
 * A media playlist's media sequence is the absolute number of its first segment, so that twin pipelines give the same
 * segment the same sequence number whenever each was started. Numbers that are missing between two segments appear as
 * EXT-X-GAP entries, which keeps the count right; a player steps over them.
 *
 *     char *text = hls_media_playlist(&window, first, end, &settings, "news_720p", false);   // give
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "mgmt/output_group.h"
#include "mgmt/segment_window.h"

enum { HLS_FILE_NAME_BYTES = OUTPUT_URL_BYTES };

/* "<stem>_00042.ts" */
void hls_segment_name(char name[HLS_FILE_NAME_BYTES], const char *stem, int64_t number);

/* Names the segments of the window at the positions first up to and without end (at least one). stem: what segments'
 * names begin with. `ended`: nothing will follow. give: free(); NULL: no memory. */
char *hls_media_playlist(const struct segment_window *window, uint64_t first, uint64_t end,
                         const struct hls_settings *settings, const char *stem, bool ended);

/* One line pair of a master playlist. */
struct hls_variant {
    char uri[HLS_FILE_NAME_BYTES];
    char codecs[64];
    uint32_t peak_bitrate, average_bitrate; /* bit/s */
    uint32_t width, height;                 /* 0: no video */
    uint32_t framerate_numerator, framerate_denominator;
};

char *hls_master_playlist(const struct hls_variant *variants, unsigned count, const struct hls_settings *settings);
