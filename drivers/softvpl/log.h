/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log.h - what the runtime says for a person who debugs it: nothing, unless the environment asks.
 *
 * BIPLANE_SOFTVPL_LOG=stderr or BIPLANE_SOFTVPL_LOG=<file to append to>. It is read when a session is made; there is
 * no state outside the session. Lines of several sessions may go to one file: each line is one write.
 */
#pragma once

struct log;

struct log *log_create(void); /* give: NULL when no log was asked for, and that is fine everywhere below */
void log_destroy(struct log *log);
void log_line(struct log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));
