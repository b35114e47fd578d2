/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmaf_publisher.h - CMAF ingest: the segments of each track, in order, to one publishing point.
 *
 * Every PUT goes to the track's own URL; the header (ftyp, moov) goes before the first segment of a life of this
 * process, before one whose header is another, and again when the receiver answers 412. What is acknowledged is with
 * the receiver or on the disk (mgmt/publisher_spool.h); what was delivered is kept in the spool, so that a restart goes
 * on where it was.
 */
#pragma once
#include "mgmt/publisher.h"

extern const struct publisher_class cmaf_publisher_class;
