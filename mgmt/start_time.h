/* SPDX-License-Identifier: GPL-2.0-or-later */
/* start_time.h - when a channel was started, in the spool: what $dt$, $d$ and $t$ in names mean.
 *
 * Both pipelines of a channel name their files after the same moment, and go on doing so when a pipeline, the
 * management plane or the whole box is started again. It is forgotten when the channel is stopped.
 */
#pragma once
#include <stdint.h>

struct clock;
struct log;

/* Seconds since 1970: as it is kept, or now, which is kept then. */
int64_t start_time_get(const char *spool_directory, const char *channel, const struct clock *clock,
                       const struct log *log);
void start_time_forget(const char *spool_directory, const char *channel);
