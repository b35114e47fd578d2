/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtp_control.h - steers a running sender: one command a line, from a FIFO (or anything else that has lines).
 *
 *     cut PATH | resume PATH | loss PATH PERCENT | duplicate PATH PERCENT | corrupt PATH PERCENT | reorder PATH PACKETS
 *     ssrc PATH NUMBER | jump PATH SECONDS | bare PATH 0|1 | no-pcr PATH 0|1 | stats
 *
 * PATH counts destinations from 0. A line that is not understood changes nothing and is told on standard error.
 */
#pragma once
#include "tools/rtp_path.h"

struct error;

/* Makes the FIFO when it is not there. Give: a descriptor that never ends (its own writer is open too). */
int rtp_control_open(const char *path, struct error *err);

/* Does one line. 1: "stats" was asked for; -EINVAL: not understood. */
int rtp_control_line(struct rtp_path *paths, unsigned count, const char *line, struct error *err);

/* Does all lines that wait. true: "stats" was among them. */
bool rtp_control_poll(int descriptor, struct rtp_path *paths, unsigned count);
