/* SPDX-License-Identifier: GPL-2.0-or-later */
/* smooth_group.h - output groups of type "smooth": Microsoft Smooth Streaming to a publishing point.
 *
 * A destination is the publishing point's URL; each output is a stream of its own below it:
 * <url>[/Events(<event id>)]/Streams(stream<N>), N from 0 in the order of the outputs. The SCTE 35 messages of the
 * source are one more, Streams(scte35), if they are wanted. Pure functions.
 */
#pragma once
#include <stdint.h>

#include "mgmt/output_group.h"

enum { SMOOTH_URL_BYTES = OUTPUT_URL_BYTES + 128, SMOOTH_STREAM_NAME_BYTES = 24 };

extern const struct output_group_class smooth_group_class;

bool smooth_has_sparse(const struct output_group *group);
/* Of output `index`; SMOOTH_SPARSE_NAME for the one behind the last. */
void smooth_stream_name(char name[SMOOTH_STREAM_NAME_BYTES], const struct output_group *group, unsigned index);
/* event_id: empty: none. */
void smooth_stream_url(char url[SMOOTH_URL_BYTES], const char *publishing_point, const char *event_id,
                       const char *stream);

/* "2026-01-01T00:00:00Z", with up to three digits behind a dot, into 90 kHz ticks since 1970. -EINVAL: no such date, or
 * not between 1970 and 2100. */
int smooth_date_90k(const char *text, uint64_t *ticks_90k);
