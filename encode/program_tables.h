/* SPDX-License-Identifier: GPL-2.0-or-later */
/* program_tables.h - PAT and PMT of a transport stream as they come by, to notice when they become others.
 *
 * libavformat gives a PID its codec once and keeps it; so a demultiplexer has to be opened anew where a table says
 * something else of a PID, or leaves one out. A table that only adds something is no such change. Sections with a bad
 * checksum, and those that are not in force yet, are ignored; programs and streams beyond the bounds below are not
 * watched. One thread.
 *
 *     if (program_tables_push(tables, packet, position))       // for every packet, in order
 *         ... read on from program_tables_begin(tables), after program_tables_reset(tables)
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct error;
struct program_tables;

enum { PROGRAM_TABLES_PROGRAMS_MAX = 64, PROGRAM_TABLES_STREAMS_MAX = 32 };

#define PROGRAM_TABLES_NOWHERE UINT64_MAX

int program_tables_create(struct program_tables **out, struct error *err);
void program_tables_destroy(struct program_tables *tables); /* NULL is fine */
void program_tables_reset(struct program_tables *tables);   /* nothing has been seen */

/* One transport packet of 188 bytes (borrow) at `position`. True: it completes a table that contradicts what was seen;
 * then that is not taken over, and the answers below are about it until the next push. */
bool program_tables_push(struct program_tables *tables, const uint8_t *packet, uint64_t position);
/* Does the table that contradicts say the same of this PID as the one before it? */
bool program_tables_keeps(const struct program_tables *tables, unsigned pid);
/* Where a demultiplexer finds the PAT that belongs to it, with no outdated PMT behind; PROGRAM_TABLES_NOWHERE: it has
 * to wait for the next PAT. */
uint64_t program_tables_begin(const struct program_tables *tables);
/* An outdated table was last seen here: reading must begin behind it. */
uint64_t program_tables_outdated(const struct program_tables *tables);
