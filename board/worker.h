/* SPDX-License-Identifier: GPL-2.0-or-later */
/* worker.h - one thread for work that may block (a disk, a network file system), in order, its results on the loop.
 *
 * A job carries all that its work needs, so that nothing is shared while the thread is at it. Jobs are done one after
 * the other; how many may wait is the owner's bound. worker_abandon() leaves a thread that hangs behind: it ends by
 * itself, should its system call ever come back. worker_destroy() does the same with a thread that is at one job for
 * longer than WORKER_PATIENCE_MS: a disk that hangs keeps nobody from ending.
 *
 *     worker_create(&worker, loop, "spool", &err);
 *     struct append *append = ...; append->job = (struct worker_job){ write_it, written, free_it };
 *     worker_submit(worker, &append->job);                 // written(job, result) is called from the loop
 *     worker_destroy(worker);                              // what waits is still done, what is done is not told
 *
 * Loop side: the loop's thread only.
 */
#pragma once

struct error;
struct loop;
struct worker;

enum { WORKER_PATIENCE_MS = 5000 };

struct worker_job {
    int (*work)(struct worker_job *job);              /* in the thread: 0 or a negative errno */
    void (*done)(struct worker_job *job, int result); /* on the loop; the job is the owner's again */
    void (*release)(struct worker_job *job);          /* instead of done, when the worker goes; any thread */
    struct worker_job *next;                          /* the worker's, as is the next */
    int result;
};

int worker_create(struct worker **out, struct loop *loop, const char *name, struct error *err);
void worker_set_patience(struct worker *worker, unsigned patience_ms); /* instead of WORKER_PATIENCE_MS */
void worker_submit(struct worker *worker, struct worker_job *job);     /* take: until done or release */
/* The job is the owner's again, and done is not called. If it is being worked on, this waits for its work, which should
 * look at a flag of its own: not for work that may hang. */
void worker_withdraw(struct worker *worker, struct worker_job *job);
/* Waits until all that was submitted has been worked on, and releases it: returns 0. Or leaves behind a thread that
 * hangs, and releases what it has not begun: returns how many jobs were not done to the end. The one that it hangs in
 * still uses what its work uses. NULL is fine. */
unsigned worker_destroy(struct worker *worker);
/* Does not wait: what has not been begun is released unworked. NULL is fine. */
void worker_abandon(struct worker *worker);
