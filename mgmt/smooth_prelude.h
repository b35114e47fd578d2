/* SPDX-License-Identifier: GPL-2.0-or-later */
/* smooth_prelude.h - what a POST of a stream begins with: the header that the encode process made, with the list of all
 * streams put in where [MS-SSTR] 2.2.7 wants it: ftyp, StreamManifestBox, LiveServerManifestBox, moov. Pure functions
 * over bytes of any content; one thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct boxes;
struct output_group;

enum { SMOOTH_MANIFEST_BYTES = 2048 };

/* ftyp, uuid and moov in this order, and nothing else. */
bool smooth_prelude_is_header(const void *header, size_t bytes);
/* Appends it. manifest: the StreamManifest's text; NULL: none. The header must be one. */
void smooth_prelude_put(struct boxes *boxes, const void *header, size_t bytes, const char *manifest);
/* Whether `boxes` holds exactly what smooth_prelude_put would append. */
bool smooth_prelude_has(const struct boxes *boxes, const void *header, size_t bytes, const char *manifest);

/* The text for all streams of a group in an event (empty: no event id). */
void smooth_stream_manifest(char text[SMOOTH_MANIFEST_BYTES], const char *event_id, const struct output_group *group);
