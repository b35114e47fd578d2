/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spool.h - small JSON files that outlive the process, replaced as a whole.
 *
 * A file is written beside its place and renamed onto it: a reader, and a process that starts after a kill at any
 * moment, sees the old or the new text, never a half. Writing to disk is only waited for when SPOOL_DURABLE asks:
 * an fsync costs milliseconds on a disk and would be paid for every segment of every destination on the one loop
 * thread. What a power cut can lose is a few segments' worth of playlist, which then goes on with a discontinuity; what
 * kill -9 can lose is nothing, because the page cache is the kernel's. One thread a file.
 *
 *     spool_write(directory, "news-0-web.json", text, strlen(text), SPOOL_FAST, &err);
 *     json_t *state = spool_read(directory, "news-0-web.json", &err);    // NULL and err.code 0: there is none
 */
#pragma once
#include <jansson.h>
#include <stddef.h>

struct error;

enum spool_durability { SPOOL_FAST, SPOOL_DURABLE };

/* -ENOSPC and the like: the old file is still there. */
int spool_write(const char *directory, const char *name, const char *text, size_t bytes,
                enum spool_durability durability, struct error *err);
int spool_write_json(const char *directory, const char *name, const json_t *json, enum spool_durability durability,
                     struct error *err);
/* give; NULL with err->code 0: there is no such file; with -EBADMSG: it is damaged; with another: it
 * cannot be read for now. err must not be NULL. */
json_t *spool_read(const char *directory, const char *name, struct error *err);
void spool_remove(const char *directory, const char *name); /* none is fine */
