/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_track.h - follows one media playlist: polls it four times a target duration, fetches each new segment and looks
 * into it, looks again at listed ones, and at those that have just left. Blocking; one thread a track.
 *
 * Bounded: one connection, one request at a time, segments of up to HLS_SEGMENT_BYTES_MAX.
 *
 *     hls_track_run(&config, "https://origin/live/news_720p.m3u8", "720p");     // until *config.stop, or its end
 */
#pragma once

#include <stdbool.h>

struct downstream_config;
struct origin;
struct playlist;

enum { HLS_SEGMENT_BYTES_MAX = 256 * 1024 * 1024 };

void hls_track_run(const struct downstream_config *config, const char *address, const char *name);

/* Reads a playlist, unpacks and parses it; NULL and nothing reported: unchanged; NULL: reported. etag: of the last one,
 * updated. give: playlist_destroy(). */
struct playlist *hls_read_playlist(const struct downstream_config *config, struct origin *origin, const char *address,
                                   const char *name, char *etag, bool *failed);
