/* SPDX-License-Identifier: GPL-2.0-or-later */
/* smooth_event.h - the event id of a Smooth group with event_id_mode = "use_timestamp": the Unix time at which its
 * channel started, the same for both pipelines and after a restart of the management plane.
 *
 * It is kept in the spool with the pipelines that run: the first that begins when none runs makes a new one; a pipeline
 * that is restarted alone keeps it. One thread.
 */
#pragma once
#include <stdint.h>

struct log;

enum { SMOOTH_EVENT_BYTES = 64 };

/* A pipeline of this channel's group begins. now_s: Unix time. */
void smooth_event_begin(char event_id[SMOOTH_EVENT_BYTES], const char *spool_directory, const char *channel,
                        const char *group, unsigned pipeline, uint64_t now_s, const struct log *log);
/* It was stopped. */
void smooth_event_end(const char *spool_directory, const char *channel, const char *group, unsigned pipeline,
                      const struct log *log);
