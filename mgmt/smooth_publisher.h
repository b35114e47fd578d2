/* SPDX-License-Identifier: GPL-2.0-or-later */
/* smooth_publisher.h - output groups of type "smooth": every output is a stream (smooth_stream.h) with a request of its
 * own to the publishing point; what they have in common (bound of bytes, alerts, event id) is kept here.
 *
 * A hand-over is acknowledged when its stream counts it as delivered or given up. When the management plane ends, the
 * requests are cut without a word, and what was not acknowledged is handed over again: the next one begins with it.
 */
#pragma once
#include "mgmt/publisher.h"

extern const struct publisher_class smooth_publisher_class;
