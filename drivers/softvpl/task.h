/* SPDX-License-Identifier: GPL-2.0-or-later */
/* task.h - sync points: what an application waits for, and what components wait for among themselves.
 *
 * A session has one table of TASK_SLOTS slots; joined sessions share one. A sync point is not an object but a number:
 * slot and generation. An application may therefore drop it, wait twice, or wait late. A slot whose task has ended is
 * used again, the one that ended longest ago first; waiting for a task whose slot went to another one since then
 * returns MFX_ERR_NONE, because only ended tasks give their slot away. When every slot is under way, task_begin()
 * answers NULL and the component says MFX_WRN_DEVICE_BUSY. All functions may be called from any thread.
 *
 *     mfxSyncPoint point = task_begin(tasks, surface);
 *     if (!point) return MFX_WRN_DEVICE_BUSY;
 *     ... on a worker: task_end(tasks, point, MFX_ERR_NONE);
 *     ... in the application: task_wait(tasks, point, 60000);
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "drivers/softvpl/vpl.h"

enum { TASK_SLOTS = 128 };

struct task_table;

struct task_table *task_table_create(void);                  /* give: one reference; NULL: no memory */
struct task_table *task_table_use(struct task_table *table); /* one reference more */
void task_table_release(struct task_table *table);           /* the last one frees; NULL is fine */
unsigned task_table_pending(struct task_table *table);       /* tasks begun and not ended */

/* output: the surface the task writes, or NULL; only its address is kept, until the task ends. */
mfxSyncPoint task_begin(struct task_table *table, const void *output);
void task_end(struct task_table *table, mfxSyncPoint point, mfxStatus status);

/* A device that is lost: from now on tasks end with this status; MFX_WRN_IN_EXECUTION: they do not end, until the table
 * is mended, which ends with MFX_ERR_ABORTED what should have ended meanwhile. */
void task_table_break(struct task_table *table, mfxStatus status);
void task_table_mend(struct task_table *table);

/* MFX_WRN_IN_EXECUTION after wait_ms (MFX_INFINITE: never); otherwise how the task ended. */
mfxStatus task_wait(struct task_table *table, mfxSyncPoint point, uint32_t wait_ms);

/* The task under way that writes this surface, or NULL: how a consumer finds what it has to wait for. */
mfxSyncPoint task_producing(struct task_table *table, const void *output);
