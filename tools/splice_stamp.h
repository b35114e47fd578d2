/* SPDX-License-Identifier: GPL-2.0-or-later */
/* splice_stamp.h - moves the time that a SCTE 35 message speaks of, as everything else of a stream is moved that is
 * played again or on another timeline: by its pts_adjustment (ANSI/SCTE 35, 9.6), so that encrypted ones move too.
 * Pure.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* One transport packet of 188 bytes. False, and nothing is changed: no message lies wholly in it. */
bool splice_stamp(uint8_t *packet, int64_t move_90k);
