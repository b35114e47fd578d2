/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state_files.h - the files of the spool that change all the time (mgmt/spool.h), written by a worker, so that a slow
 * disk holds up nobody.
 *
 * The newest state of a file wins: while one is being written at most one more waits, the one that was put last. It
 * keeps the place in the worker's queue that the first that waited had: no file waits for ever, but a state may be
 * written before jobs that were submitted before it was put. state_file_put_in_turn() is for who needs them in order;
 * how many of those wait is its user's bound. What waits, or is being written, is what a reader finds, also one that
 * opens the file anew. A file that is closed is still written; what waits when the worker goes is written as far as
 * worker_destroy() waits for it. What waits is kept as a tree, what is being written as text. One thread (the loop's).
 *
 *     state_files_create(&files, worker, spool, &err);
 *     state_file_open(&file, files, "news.0.web.json", on_written, me, &err);
 *     json_t *state = state_files_read(files, "news.0.web.json", &err);    // as spool_read() does
 *     uint64_t serial = state_file_put(file, json, SPOOL_FAST);
 *     ... on_written(me, serial, 0, "")                    // that state, or a newer one, is there
 *     state_file_close(file);
 *     worker_destroy(worker), state_files_destroy(files);  // in this order
 */
#pragma once
#include <jansson.h>
#include <stdint.h>

#include "mgmt/spool.h"

struct error;
struct state_file;
struct state_files;
struct worker;

/* From the loop. All states up to that serial are written, or were replaced by one that is; result < 0: they are not,
 * for the reason in text (borrow during the call), and the old file is still there. May close the file. */
typedef void state_written(void *context, uint64_t serial, int result, const char *text);

int state_files_create(struct state_files **out, struct worker *worker, const char *directory, struct error *err);
void state_files_destroy(struct state_files *files); /* all are closed, and the worker is gone; NULL is fine */
/* give; NULL: see spool_read(). */
json_t *state_files_read(const struct state_files *files, const char *name, struct error *err);
void state_files_remove(struct state_files *files, const char *name); /* none is fine */

/* written: NULL: nobody wants to know. */
int state_file_open(struct state_file **out, struct state_files *files, const char *name, state_written *written,
                    void *context, struct error *err);
void state_file_close(struct state_file *file); /* written() is not called any more; NULL is fine */
/* state: take always, used by nobody else any more; NULL: the file goes. Returns the serial, the first is 1; or 0: no
 * memory, nothing will be written nor told. */
uint64_t state_file_put(struct state_file *file, json_t *state, enum spool_durability durability);
/* The same, but after all that the worker was given before, and before what it is given later; none that waits is
 * replaced by it. */
uint64_t state_file_put_in_turn(struct state_file *file, json_t *state, enum spool_durability durability);
