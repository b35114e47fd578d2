/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session.h - one oneVPL session: its sync points, its three components, what the application told it.
 *
 * Each component has a mutex of its own, taken for the length of an API call; so one thread may decode while another
 * encodes in the same session. Nothing is shared between sessions but a task table, once they are joined.
 */
#pragma once
#include <pthread.h>
#include <stdbool.h>

#include "drivers/softvpl/fault.h"
#include "drivers/softvpl/log.h"
#include "drivers/softvpl/personality.h"
#include "drivers/softvpl/surface.h"
#include "drivers/softvpl/task.h"
#include "drivers/softvpl/video_memory.h"
#include "drivers/softvpl/vpl.h"
#include "drivers/softvpl/worker.h"

struct decode_component;
struct vpp_component;
struct encode_component;

struct _mfxSession {
    pthread_mutex_t mutex; /* priority, join, allocator, handles */
    mfxVersion version;
    mfxIMPL implementation; /* what it says that it is */
    enum personality personality;
    struct fault fault;
    mfxPriority priority;
    unsigned threads; /* mfxExtThreadsParam; at least 1 */
    struct task_table *tasks;
    struct _mfxSession *parent; /* joined to; borrow: the application disjoins or closes children first */
    unsigned children;
    mfxFrameAllocator allocator;
    bool has_allocator;
    mfxHDL va_display;
    struct log *log;

    pthread_mutex_t decode_mutex, vpp_mutex, encode_mutex;
    struct decode_component *decoder;
    struct vpp_component *vpp;
    struct encode_component *encoder;
    struct worker *worker; /* of VPP and encoder, while there is one of them; guarded by mutex */
};

mfxStatus session_create(mfxSession *out, mfxVersion version, mfxExtBuffer **buffers, unsigned number);
mfxStatus session_close(mfxSession session);
mfxStatus session_join(mfxSession parent, mfxSession child);
mfxStatus session_disjoin(mfxSession child);
/* A frame is submitted: MFX_ERR_NONE, or what the call has to answer because the device is (made to be) lost. */
mfxStatus session_submit(mfxSession session, enum fault_component component);
/* Components must be able to go away: a hung device hangs no longer. */
void session_mend(mfxSession session);

/* The worker that VPP and encoder share, made by the first of them; NULL: out of memory. */
struct worker *session_worker_join(mfxSession session, const char *name, void *owner, worker_run *run);
void session_worker_leave(mfxSession session, void *owner);

/* The pixels of a frame for a worker. An application's frame without pointers is mapped as the VA-API surface that its
 * allocator has for it (GetHDL), or locked through the allocator; it has to be given back with the same structure. */
struct frame_access {
    struct image image;
    mfxFrameData data;
    struct video_view view;
    bool locked, mapped, viewed;
};
mfxStatus frame_access_begin(mfxSession session, struct frame_access *access, mfxFrameSurface1 *frame);
void frame_access_end(mfxSession session, struct frame_access *access, mfxFrameSurface1 *frame);

/* The display whose memory a component with this IOPattern keeps its own surfaces in; NULL: the processor's. */
void *session_video_display(const struct _mfxSession *session, unsigned pattern);

/* Can this surface be a component's input or output at all? Cheap, before anything is queued. */
bool frame_usable(const mfxSession session, const mfxFrameSurface1 *frame);
