/* SPDX-License-Identifier: GPL-2.0-or-later */
/* worker.h - one thread with a bounded queue of jobs, done in order. Each component (decode, VPP, encode) has one.
 *
 * A full queue refuses (the component answers MFX_WRN_DEVICE_BUSY). Destroying runs what still waits with
 * aborted = true, so that every job gives back what it holds and ends its task.
 *
 *     worker_create(&worker, "vpl-encode", 32, run, encoder);
 *     if (!worker_submit(worker, job)) { free(job); return MFX_WRN_DEVICE_BUSY; }
 *     worker_flush(worker);      // until nothing is queued and nothing runs
 *     worker_destroy(worker);
 */
#pragma once
#include <stdbool.h>

enum { WORKER_QUEUE = 32 };

struct worker;

typedef void worker_run(void *owner, void *job, bool aborted); /* take: the job */

int worker_create(struct worker **out, const char *name, unsigned depth, worker_run *run, void *owner);
void worker_destroy(struct worker *worker);           /* NULL is fine */
bool worker_submit(struct worker *worker, void *job); /* take on true; false: full */
bool worker_full(struct worker *worker);              /* only the submitting thread can make it so */
void worker_flush(struct worker *worker);
