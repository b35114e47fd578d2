/* SPDX-License-Identifier: GPL-2.0-or-later */
/* surface.h - frames: those of the runtime's own pools, and those of the application.
 *
 * A pool is bounded and grows up to its bound as surfaces are asked for; a surface whose last reference is released
 * goes back to it. Surfaces outlive the component they came from: a pool is freed with its last surface. An
 * application's surface (no FrameInterface) is held by Data.Locked, one of the pool by its reference count; frame_hold
 * and frame_release do what suits the surface. All functions may be called from any thread.
 *
 *     mfxFrameSurface1 *frame = surface_pool_get(pool);   // one reference, the caller's
 *     frame_hold(frame);                                  // one more, for a job
 *     frame_release(frame);
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "drivers/softvpl/image.h"
#include "drivers/softvpl/task.h"
#include "drivers/softvpl/vpl.h"

struct surface_pool;

/* info is copied; the pool uses the table (one reference) to synchronise its surfaces. va_display: the surfaces lie in
 * its video memory; NULL: in the processor's. NULL: no memory, bad format. */
struct surface_pool *surface_pool_create(const mfxFrameInfo *info, unsigned limit, uint16_t memory_type,
                                         struct task_table *tasks, void *va_display);
void surface_pool_destroy(struct surface_pool *pool); /* surfaces in use stay alive; NULL is fine */

/* give: one reference. NULL: `limit` surfaces are in use, or no memory. */
mfxFrameSurface1 *surface_pool_get(struct surface_pool *pool);
unsigned surface_pool_used(struct surface_pool *pool);

/* Of a surface in video memory: its pixels, until they are given back. A surface of the application's: false. */
bool frame_is_video(const mfxFrameSurface1 *frame);
mfxStatus frame_video_map(mfxFrameSurface1 *frame, mfxFrameData *data);
void frame_video_unmap(mfxFrameSurface1 *frame);

bool frame_is_ours(const mfxFrameSurface1 *frame);
void frame_hold(mfxFrameSurface1 *frame);
void frame_release(mfxFrameSurface1 *frame);

/* The task that writes this frame; consumers of any session that shares the table find it with frame_await. */
void frame_set_producer(mfxFrameSurface1 *frame, mfxSyncPoint point);

/* What a consumer has to wait for: looked up when the job is made, awaited on the worker. */
struct frame_dependency {
    struct task_table *tasks; /* NULL: nothing to wait for */
    mfxSyncPoint point;
};
struct frame_dependency frame_dependency(struct task_table *tasks, mfxFrameSurface1 *frame);
void frame_await(struct frame_dependency *dependency); /* until the producer ended, however; drops the dependency */
