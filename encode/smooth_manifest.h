/* SPDX-License-Identifier: GPL-2.0-or-later */
/* smooth_manifest.h - the Live Server Manifest ([MS-SSTR] 2.2.7.3): a SMIL text that tells a publishing point what the
 * tracks of a stream are, for the manifest that it will give to players. One thread.
 */
#pragma once

struct boxes;
struct smooth_track;

/* The text alone. Tracks' headers must be what smooth_put_header accepts. */
void smooth_put_manifest(struct boxes *boxes, const struct smooth_track *tracks, unsigned count);
