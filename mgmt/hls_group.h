/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_group.h - output groups of type "hls": names and numbers of playlists and segments.
 *
 * An HLS destination is a URL prefix without a trailing slash; the master playlist is <prefix>.m3u8, a media playlist
 * is <prefix><name_modifier>.m3u8, a segment <prefix><name_modifier>[<segment_modifier>]_<number>.ts.
 */
#pragma once
#include "mgmt/output_group.h"

extern const struct output_group_class hls_group_class;

/* Whether it hands SCTE 35 messages on, or tells of avails in its playlists. Of MediaPackage v1 too. */
bool hls_has_avails(const struct output_group *group);
