/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_names.h - how the files of one HLS output are called, seen from the folder of the destination's prefix. Pure.
 *
 *     news_720p.m3u8                            playlist       news_720p_iframe.m3u8    of key pictures
 *     news_720p[-seg]_00042.ts                  segment
 *     news_720p/00000/news_720p_00042.ts        the same with a subdirectory per stream
 *     news_720p_init_1f2e3d4c5b6a7980.mp4       header of fMP4 segments, called after its bytes
 *
 * Modifiers may hold dates: in a segment's name they are the segment's, in the others the channel's start.
 */
#pragma once
#include <stdint.h>

#include "mgmt/output_group.h"

enum { HLS_FILE_NAME_BYTES = OUTPUT_URL_BYTES };

struct hls_names {
    const char *base;                             /* borrow: last part of the destination's prefix */
    const char *name_modifier, *segment_modifier; /* borrow */
    const char *extension;                        /* static: "ts" */
    int64_t start_utc_s;                          /* of the channel */
    unsigned segments_per_subdirectory;           /* 0: all in one folder */
};

/* Of one output of a group whose names are filled in (mgmt/channel_names.h). */
struct hls_names hls_names_of(const struct output_group *group, const struct output *output, unsigned pipeline,
                              int64_t start_utc_s);

void hls_master_name(char name[HLS_FILE_NAME_BYTES], const struct hls_names *names);
void hls_playlist_name(char name[HLS_FILE_NAME_BYTES], const struct hls_names *names);
void hls_key_playlist_name(char name[HLS_FILE_NAME_BYTES], const struct hls_names *names);
/* start_90k: the segment's, on the timeline */
void hls_segment_name(char name[HLS_FILE_NAME_BYTES], const struct hls_names *names, int64_t number, int64_t start_90k);
void hls_header_name(char name[HLS_FILE_NAME_BYTES], const struct hls_names *names, const void *header, size_t bytes);
