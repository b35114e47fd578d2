/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log_tail.h - the last lines of the logs: of this process, which are kept in memory, and of those it started, from
 * their files in the run directory, or from the journal where there is one.
 *
 * The journal is read by journalctl, which takes its time: an answer holds what was read last, and has it read again.
 * Bounded. One thread.
 *
 *     log_open(&log, &(struct log_config){ .name = "biplaned", .listener = log_tail_line, .context = tail });
 *     json_t *lines = log_tail_json(tail, "biplaned", 200);
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct clock;
struct error;
struct log_tail;
struct loop;

enum { LOG_TAIL_LINES_MAX = 1000 };

struct log_tail *log_tail_create(void);       /* give; NULL: no memory */
void log_tail_destroy(struct log_tail *tail); /* NULL is fine */
/* Where the others' files are (borrow all); journal: the source "journal" is offered. */
void log_tail_open(struct log_tail *tail, struct loop *loop, const struct clock *clock, const char *run_directory,
                   bool journal);
void log_tail_line(void *tail, const char *line, size_t bytes); /* a line of ours */

/* give: {sources: [names], source: name, lines: [newest last]}; source NULL: "journal" or "biplaned". A name that is
 * none: NULL. */
json_t *log_tail_json(struct log_tail *tail, const char *source, unsigned lines);
/* give: all lines of a source as one text; NULL: none. */
char *log_tail_text(struct log_tail *tail, const char *source);
