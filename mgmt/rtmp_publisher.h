/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_publisher.h - the publisher of output groups of type "rtmp" (a class of mgmt/publisher.h).
 *
 * Keeps what is handed over in a cache (mgmt/rtmp_cache.h) and sends it through one session after the other
 * (mgmt/rtmp_client.h), no faster than twice real time when it has to catch up. Every session begins with the headers
 * and a key picture, at time 0; what a broken session may not have delivered is sent again from the key picture before
 * it.
 *
 * A session that cannot be had, or breaks, is tried again after connection_retry_interval; num_retries failures in a
 * row stop the output. What waits is bounded by cache_length and the connection's cache_megabytes. Past it, without a
 * session the oldest groups of pictures are dropped; with a session whose server does not read, cache_full_behavior
 * decides. Alerts: 6018 (no session, or the server does not read), 6015, 6028, 6501 (backlog). One thread (the loop's).
 */
#pragma once
#include "mgmt/publisher.h"

extern const struct publisher_class rtmp_publisher_class;
