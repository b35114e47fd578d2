/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attach.h - the client's side of a data plane's socket: get an input's stream ring, or its status.
 *
 *     int connection = attach_input(run_directory, pipeline, "news", &descriptor, &err);
 *     stream_ring_open(&reader, descriptor, &err);
 *     ...
 *     if (attach_closed(connection)) { close(connection); attach again; }   // the data plane went away
 *
 * Calls wait at most one second for the answer.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct error;

/* Returns the connection (give: keep it open while reading; close it) and the ring's descriptor (give). -ENOENT: no
 * such input there; -ECONNREFUSED, -ENOENT: no data plane; -ETIMEDOUT: it does not answer. */
int attach_input(const char *run_directory, unsigned pipeline, const char *input, int *descriptor, struct error *err);
bool attach_closed(int connection); /* never blocks */

/* Writes the data plane's status (JSON text, terminated) into text; returns its length. */
int attach_status(const char *run_directory, unsigned pipeline, char *text, size_t bytes, struct error *err);
