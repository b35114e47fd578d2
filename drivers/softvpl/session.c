/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session.c - life of a session, and the way to a frame's pixels. */
#include "drivers/softvpl/session.h"

#include <stdlib.h>

#include "drivers/softvpl/decode.h"
#include "drivers/softvpl/encoder.h"
#include "drivers/softvpl/vpp.h"

enum { THREADS_MAX = 64 };

/* Threads is the only thing that can be asked for at this point. */
static mfxStatus read_buffers(struct _mfxSession *session, mfxExtBuffer **buffers, unsigned number)
{
    session->threads = 1;
    for (unsigned i = 0; i < number; i++) {
        if (!buffers || !buffers[i])
            return MFX_ERR_NULL_PTR;
        const mfxExtThreadsParam *threads = (const mfxExtThreadsParam *)buffers[i];
        if (buffers[i]->BufferId != MFX_EXTBUFF_THREADS_PARAM || buffers[i]->BufferSz != sizeof *threads)
            return MFX_ERR_UNSUPPORTED;
        if (threads->NumThread)
            session->threads = threads->NumThread > THREADS_MAX ? THREADS_MAX : threads->NumThread;
    }
    return MFX_ERR_NONE;
}

mfxStatus session_create(mfxSession *out, mfxVersion version, mfxExtBuffer **buffers, unsigned number)
{
    struct _mfxSession *session = calloc(1, sizeof *session);
    if (!session)
        return MFX_ERR_MEMORY_ALLOC;
    mfxStatus status = read_buffers(session, buffers, number);
    if (status == MFX_ERR_NONE && !personality_read(getenv("BIPLANE_SOFTVPL_PERSONALITY"), &session->personality))
        status = MFX_ERR_UNSUPPORTED;
    if (status != MFX_ERR_NONE) {
        free(session);
        return status;
    }
    session->tasks = task_table_create();
    if (!session->tasks) {
        free(session);
        return MFX_ERR_MEMORY_ALLOC;
    }
    pthread_mutex_init(&session->mutex, NULL);
    pthread_mutex_init(&session->decode_mutex, NULL);
    pthread_mutex_init(&session->vpp_mutex, NULL);
    pthread_mutex_init(&session->encode_mutex, NULL);
    session->version = version;
    session->implementation = MFX_IMPL_SOFTWARE;
    fault_open(&session->fault);
    session->priority = MFX_PRIORITY_NORMAL;
    session->log = log_create();
    log_line(session->log, "session, API %u.%u, %u threads", version.Major, version.Minor, session->threads);
    *out = session;
    return MFX_ERR_NONE;
}

mfxStatus session_close(mfxSession session)
{
    pthread_mutex_lock(&session->mutex);
    bool has_children = session->children > 0;
    pthread_mutex_unlock(&session->mutex);
    if (has_children)
        return MFX_ERR_UNDEFINED_BEHAVIOR; /* the children have to be disjoined first */
    session_mend(session);
    session_disjoin(session);
    encoder_destroy(session->encoder);
    vpp_destroy(session->vpp);
    decoder_destroy(session->decoder);
    task_table_release(session->tasks);
    log_destroy(session->log);
    pthread_mutex_destroy(&session->encode_mutex);
    pthread_mutex_destroy(&session->vpp_mutex);
    pthread_mutex_destroy(&session->decode_mutex);
    pthread_mutex_destroy(&session->mutex);
    free(session);
    return MFX_ERR_NONE;
}

struct worker *session_worker_join(mfxSession session, const char *name, void *owner, worker_run *run)
{
    pthread_mutex_lock(&session->mutex);
    if (!session->worker && worker_create(&session->worker, name, WORKER_QUEUE) < 0)
        session->worker = NULL;
    if (session->worker)
        worker_join(session->worker, owner, run);
    struct worker *worker = session->worker;
    pthread_mutex_unlock(&session->mutex);
    return worker;
}

void session_worker_leave(mfxSession session, void *owner)
{
    pthread_mutex_lock(&session->mutex);
    if (worker_leave(session->worker, owner) == 0) {
        worker_destroy(session->worker);
        session->worker = NULL;
    }
    pthread_mutex_unlock(&session->mutex);
}

static bool has_components(const struct _mfxSession *session)
{
    return session->decoder || session->vpp || session->encoder;
}

mfxStatus session_join(mfxSession parent, mfxSession child)
{
    if (parent == child || parent->parent || child->parent || child->children)
        return MFX_ERR_UNSUPPORTED;
    if (has_components(child))
        return MFX_ERR_UNDEFINED_BEHAVIOR; /* its components hold sync points of the old table */
    task_table_release(child->tasks);
    child->tasks = task_table_use(parent->tasks);
    child->parent = parent;
    pthread_mutex_lock(&parent->mutex);
    parent->children++;
    pthread_mutex_unlock(&parent->mutex);
    return MFX_ERR_NONE;
}

/* The child keeps the common table: its sync points stay valid, and a table is only a table. */
mfxStatus session_disjoin(mfxSession child)
{
    struct _mfxSession *parent = child->parent;
    if (!parent)
        return MFX_ERR_UNDEFINED_BEHAVIOR;
    pthread_mutex_lock(&parent->mutex);
    parent->children--;
    pthread_mutex_unlock(&parent->mutex);
    child->parent = NULL;
    return MFX_ERR_NONE;
}

mfxStatus session_submit(mfxSession session, enum fault_component component)
{
    bool before = atomic_load(&session->fault.status) != MFX_ERR_NONE;
    mfxStatus status = fault_submit(&session->fault, component);

    if (status != MFX_ERR_NONE && !before) {
        log_line(session->log, "the device is made to %s", status == MFX_WRN_IN_EXECUTION ? "hang" : "be lost");
        task_table_break(session->tasks, status);
    }
    return status < MFX_ERR_NONE ? status : MFX_ERR_NONE;
}

void session_mend(mfxSession session)
{
    if (atomic_load(&session->fault.status) != MFX_ERR_NONE)
        task_table_mend(session->tasks);
}

void *session_video_display(const struct _mfxSession *session, unsigned pattern)
{
    return pattern & (MFX_IOPATTERN_IN_VIDEO_MEMORY | MFX_IOPATTERN_OUT_VIDEO_MEMORY) ? session->va_display : NULL;
}

bool frame_usable(const mfxSession session, const mfxFrameSurface1 *frame)
{
    struct image image;

    if (frame_is_video(frame) || image_of(&image, &frame->Info, &frame->Data))
        return true;
    return frame->Data.MemId && session->has_allocator && image_format_find(frame->Info.FourCC);
}

/* Allocators of video memory need not know how to lock it. What GetHDL writes is a pointer to the surface's number;
 * some write the two words of a pair. */
static bool view_surface(mfxSession session, struct frame_access *access, const mfxFrameSurface1 *frame)
{
    const mfxFrameAllocator *allocator = &session->allocator;
    mfxHDLPair handle = { NULL, NULL };

    if (!session->va_display || !allocator->GetHDL)
        return false;
    if (allocator->GetHDL(allocator->pthis, frame->Data.MemId, (mfxHDL *)&handle) != MFX_ERR_NONE || !handle.first)
        return false;
    return video_view_open(&access->view, session->va_display, *(VASurfaceID *)handle.first, &frame->Info,
                           &access->data) == MFX_ERR_NONE;
}

mfxStatus frame_access_begin(mfxSession session, struct frame_access *access, mfxFrameSurface1 *frame)
{
    access->locked = access->mapped = access->viewed = false;
    if (frame_is_video(frame)) { /* the application may map and unmap it meanwhile: a mapping of our own */
        mfxStatus status = frame_video_map(frame, &access->data);
        access->mapped = status == MFX_ERR_NONE;
        if (status != MFX_ERR_NONE || image_of(&access->image, &frame->Info, &access->data))
            return status;
        frame_access_end(session, access, frame);
        return MFX_ERR_LOCK_MEMORY;
    }
    if (image_of(&access->image, &frame->Info, &frame->Data))
        return MFX_ERR_NONE;
    if (!frame->Data.MemId || !session->has_allocator)
        return MFX_ERR_NULL_PTR;
    access->data = frame->Data;
    access->viewed = view_surface(session, access, frame);
    if (!access->viewed &&
        session->allocator.Lock(session->allocator.pthis, frame->Data.MemId, &access->data) != MFX_ERR_NONE)
        return MFX_ERR_LOCK_MEMORY;
    access->locked = !access->viewed;
    if (image_of(&access->image, &frame->Info, &access->data))
        return MFX_ERR_NONE;
    frame_access_end(session, access, frame);
    return MFX_ERR_LOCK_MEMORY;
}

void frame_access_end(mfxSession session, struct frame_access *access, mfxFrameSurface1 *frame)
{
    if (access->locked)
        session->allocator.Unlock(session->allocator.pthis, frame->Data.MemId, &access->data);
    if (access->mapped)
        frame_video_unmap(frame);
    if (access->viewed)
        video_view_close(&access->view);
    access->locked = access->mapped = access->viewed = false;
}
