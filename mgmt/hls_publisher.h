/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_publisher.h - HLS: segment files and playlists at one destination.
 *
 * Delivers each segment, and names in a playlist only what the destination has confirmed. What leaves the window is
 * deleted there. The playlists' windows are kept in the spool, so that after a restart the playlists go on.
 */
#pragma once
#include "mgmt/publisher.h"

extern const struct publisher_class hls_publisher_class;
