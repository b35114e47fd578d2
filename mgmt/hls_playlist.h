/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_playlist.h - the text of HLS media playlists (RFC 8216), from what is known. Pure functions, any thread.
 *
 * A media playlist's media sequence is the absolute number of its first segment, so that twin pipelines give the same
 * segment the same sequence number whenever each was started. Numbers that are missing between two segments appear as
 * EXT-X-GAP entries, which keeps the count right; a player steps over them. A playlist of key pictures names parts of
 * the segments' files.
 *
 *     struct hls_view view = { &settings, &names, "" };
 *     char *text = hls_media_playlist(&window, first, end, &view, false);   // give
 *
 * Who prints one again and again keeps what was printed: then only what is new costs time, and a playlist of a day can
 * be had every two seconds.
 *
 *     hls_printed_create(&printed, false);
 *     text = hls_printed_text(printed, &window, first, end, &view, false);  // give, the same
 *     hls_printed_destroy(printed);
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "mgmt/hls_names.h"
#include "mgmt/segment_window.h"

struct hls_printed;

struct hls_view {
    const struct hls_settings *settings; /* borrow, like the others */
    const struct hls_names *names;       /* of segments that are missing */
    const char *content_url;             /* put before the names of media files; "": nothing */
};

/* Names the segments of the window at the positions first up to and without end (at least one). `ended`: nothing will
 * follow. give: free(); NULL: no memory. */
char *hls_media_playlist(const struct segment_window *window, uint64_t first, uint64_t end, const struct hls_view *view,
                         bool ended);
/* The same of their key pictures. NULL: no memory, or no segment has one. */
char *hls_key_playlist(const struct segment_window *window, uint64_t first, uint64_t end, const struct hls_view *view,
                       bool ended);

/* of_keys: of key pictures. -ENOMEM. */
int hls_printed_create(struct hls_printed **out, bool of_keys);
void hls_printed_destroy(struct hls_printed *printed); /* NULL is fine */
/* As the two above. window and view: the same every time. */
char *hls_printed_text(struct hls_printed *printed, const struct segment_window *window, uint64_t first, uint64_t end,
                       const struct hls_view *view, bool ended);
