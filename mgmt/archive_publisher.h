/* SPDX-License-Identifier: GPL-2.0-or-later */
/* archive_publisher.h - Archive: recordings, collected on the box's disk, delivered when they are complete.
 *
 * A piece that is handed over is acknowledged when it is on the disk: from then on it survives everything but the disk.
 * A recording is complete when the first piece of the next one comes, or the channel is stopped; then it goes to its
 * destination as one file, read from the disk, of whatever size. One that a restart finds is taken up again, or its
 * bytes are checked and it is delivered. What waits is bounded by disk_cache_megabytes; the oldest is dropped past it,
 * counted, and alerted.
 */
#pragma once
#include "mgmt/publisher.h"

extern const struct publisher_class archive_publisher_class;
