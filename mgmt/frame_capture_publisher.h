/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frame_capture_publisher.h - Frame capture: each picture is a file at the destination, and stays there.
 *
 * What does not fit into memory waits on the disk (mgmt/publisher_spool.h). It never holds a restarted encoder back:
 * pictures may be an hour apart.
 */
#pragma once
#include "mgmt/publisher.h"

extern const struct publisher_class frame_capture_publisher_class;
