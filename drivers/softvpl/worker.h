/* SPDX-License-Identifier: GPL-2.0-or-later */
/* worker.h - one thread with a bounded queue of jobs, done in order. The decoder has one; VPP and encoder of a session
 * share one, as the scaled frame is what is encoded next: handing it to another thread costs more than it gains.
 *
 * Each owner has room for `depth` jobs; more are refused (the component answers MFX_WRN_DEVICE_BUSY). An owner that
 * leaves has what still waits of its jobs run with aborted = true, so that every job gives back what it holds and ends
 * its task. A job may wait for one that was submitted before it, wherever that was: so two workers never wait for each
 * other.
 *
 *     worker_create(&worker, "vpl-encode", WORKER_QUEUE);
 *     worker_join(worker, encoder, run);
 *     if (!worker_submit(worker, encoder, job)) { free(job); return MFX_WRN_DEVICE_BUSY; }
 *     worker_flush(worker, encoder);     // until nothing of this owner is queued or runs
 *     worker_leave(worker, encoder);
 *     worker_destroy(worker);
 */
#pragma once
#include <stdbool.h>

enum { WORKER_QUEUE = 32, WORKER_OWNERS = 2 };

struct worker;

typedef void worker_run(void *owner, void *job, bool aborted); /* take: the job */

int worker_create(struct worker **out, const char *name, unsigned depth);
void worker_destroy(struct worker *worker);                            /* all have left; NULL is fine */
void worker_join(struct worker *worker, void *owner, worker_run *run); /* at most WORKER_OWNERS */
unsigned worker_leave(struct worker *worker, void *owner);             /* returns how many remain */
bool worker_submit(struct worker *worker, void *owner, void *job);     /* take on true; false: full */
bool worker_full(struct worker *worker, const void *owner); /* only the owner's submitting thread can make it so */
void worker_flush(struct worker *worker, const void *owner);
