/* SPDX-License-Identifier: GPL-2.0-or-later */
/* surface.c - surface pools and the FrameInterface. mfxFrameSurface1 is the first member of a surface of ours, so the
 * application's pointer is our pointer; which ones are ours is told by the AddRef function they carry. */
#include "drivers/softvpl/surface.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/softvpl/video_memory.h"

enum { PITCH_ALIGNMENT = 64, HEIGHT_ALIGNMENT = 32 };

struct surface {
    mfxFrameSurface1 frame; /* first */
    mfxFrameSurfaceInterface interface;
    struct surface_pool *pool;
    struct surface *next_free;
    atomic_uint references;
    atomic_uintptr_t producer; /* mfxSyncPoint */
    atomic_int mapped;         /* readers; -1: one writer */
    uint8_t *memory;
    struct video_memory *video; /* instead of memory */
};
_Static_assert(offsetof(struct surface, frame) == 0, "the application's pointer is ours");

struct surface_pool {
    pthread_mutex_t mutex;
    mfxFrameInfo info;
    const struct image_format *format;
    uint16_t memory_type; /* of surfaces in the processor's memory */
    void *va_display;     /* NULL: all lie there */
    struct task_table *tasks;
    struct surface *free_list;
    unsigned limit, existing, used;
    bool closed;
};

static void pool_free(struct surface_pool *pool)
{
    while (pool->free_list) {
        struct surface *surface = pool->free_list;
        pool->free_list = surface->next_free;
        video_memory_destroy(surface->video);
        free(surface->memory);
        free(surface);
    }
    task_table_release(pool->tasks);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

static void surface_return(struct surface *surface)
{
    struct surface_pool *pool = surface->pool;

    pthread_mutex_lock(&pool->mutex);
    surface->next_free = pool->free_list;
    pool->free_list = surface;
    pool->used--;
    bool last = pool->closed && pool->used == 0;
    pthread_mutex_unlock(&pool->mutex);
    if (last)
        pool_free(pool);
}

/* ---- the interface that applications call ----------------------------------------------------------------------- */

static mfxStatus surface_add_ref(mfxFrameSurface1 *frame)
{
    if (!frame)
        return MFX_ERR_NULL_PTR;
    if (!frame_is_ours(frame))
        return MFX_ERR_INVALID_HANDLE;
    atomic_fetch_add(&((struct surface *)frame)->references, 1);
    return MFX_ERR_NONE;
}

static mfxStatus surface_release(mfxFrameSurface1 *frame)
{
    if (!frame)
        return MFX_ERR_NULL_PTR;
    if (!frame_is_ours(frame))
        return MFX_ERR_INVALID_HANDLE;
    struct surface *surface = (struct surface *)frame;
    unsigned now = atomic_load(&surface->references);
    do {
        if (now == 0)
            return MFX_ERR_UNDEFINED_BEHAVIOR;
    } while (!atomic_compare_exchange_weak(&surface->references, &now, now - 1));
    if (now == 1)
        surface_return(surface);
    return MFX_ERR_NONE;
}

static mfxStatus surface_get_ref_counter(mfxFrameSurface1 *frame, mfxU32 *counter)
{
    if (!frame || !counter)
        return MFX_ERR_NULL_PTR;
    if (!frame_is_ours(frame))
        return MFX_ERR_INVALID_HANDLE;
    *counter = atomic_load(&((struct surface *)frame)->references);
    return MFX_ERR_NONE;
}

static mfxStatus surface_synchronize(mfxFrameSurface1 *frame, mfxU32 wait)
{
    if (!frame)
        return MFX_ERR_NULL_PTR;
    if (!frame_is_ours(frame))
        return MFX_ERR_INVALID_HANDLE;
    struct surface *surface = (struct surface *)frame;
    mfxSyncPoint producer = (mfxSyncPoint)atomic_load(&surface->producer); // NOLINT
    return producer ? task_wait(surface->pool->tasks, producer, wait) : MFX_ERR_NONE;
}

/* One reader less, or no writer any more. False: nobody was there. */
static bool leave_mapping(struct surface *surface)
{
    int now = atomic_load(&surface->mapped);
    do {
        if (now == 0)
            return false;
    } while (!atomic_compare_exchange_weak(&surface->mapped, &now, now < 0 ? 0 : now - 1));
    return true;
}

/* The processor's memory is always there; mapping only has to wait for who writes it and to keep writers apart. */
static mfxStatus surface_map(mfxFrameSurface1 *frame, mfxU32 flags)
{
    if (!frame)
        return MFX_ERR_NULL_PTR;
    if (!frame_is_ours(frame))
        return MFX_ERR_INVALID_HANDLE;
    struct surface *surface = (struct surface *)frame;
    if (!(flags & MFX_MAP_READ_WRITE) || (flags & ~(mfxU32)(MFX_MAP_READ_WRITE | MFX_MAP_NOWAIT)))
        return MFX_ERR_UNSUPPORTED;
    mfxStatus status = surface_synchronize(frame, flags & MFX_MAP_NOWAIT ? 0 : MFX_INFINITE);
    if (status == MFX_WRN_IN_EXECUTION)
        return MFX_ERR_RESOURCE_MAPPED;
    int now = atomic_load(&surface->mapped);
    do {
        if (now < 0 || (now > 0 && (flags & MFX_MAP_WRITE)))
            return MFX_ERR_RESOURCE_MAPPED;
    } while (!atomic_compare_exchange_weak(&surface->mapped, &now, flags & MFX_MAP_WRITE ? -1 : now + 1));
    if (!surface->video)
        return MFX_ERR_NONE;
    status = video_memory_map(surface->video, &frame->Data);
    if (status != MFX_ERR_NONE)
        leave_mapping(surface);
    return status;
}

static mfxStatus surface_unmap(mfxFrameSurface1 *frame)
{
    if (!frame)
        return MFX_ERR_NULL_PTR;
    if (!frame_is_ours(frame))
        return MFX_ERR_INVALID_HANDLE;
    struct surface *surface = (struct surface *)frame;
    if (!leave_mapping(surface))
        return MFX_ERR_UNSUPPORTED;
    if (surface->video)
        video_memory_unmap(surface->video);
    return MFX_ERR_NONE;
}

static mfxStatus surface_native_handle(mfxFrameSurface1 *frame, mfxHDL *resource, mfxResourceType *type)
{
    if (!frame || !resource || !type)
        return MFX_ERR_NULL_PTR;
    if (!frame_is_video(frame))
        return MFX_ERR_UNSUPPORTED; /* system memory has no handle */
    *resource = video_memory_surface(((struct surface *)frame)->video);
    *type = MFX_RESOURCE_VA_SURFACE;
    return MFX_ERR_NONE;
}

static mfxStatus surface_device_handle(mfxFrameSurface1 *frame, mfxHDL *device, mfxHandleType *type)
{
    if (!frame || !device || !type)
        return MFX_ERR_NULL_PTR;
    if (!frame_is_video(frame))
        return MFX_ERR_UNSUPPORTED;
    *device = video_memory_display(((struct surface *)frame)->video);
    *type = MFX_HANDLE_VA_DISPLAY;
    return MFX_ERR_NONE;
}

static mfxStatus surface_query_interface(mfxFrameSurface1 *frame, mfxGUID guid, mfxHDL *interface)
{
    (void)guid;
    if (!frame || !interface)
        return MFX_ERR_NULL_PTR;
    return MFX_ERR_UNSUPPORTED;
}

static const mfxFrameSurfaceInterface interface_template = {
    .Version = { .Version = MFX_FRAMESURFACEINTERFACE_VERSION },
    .AddRef = surface_add_ref,
    .Release = surface_release,
    .GetRefCounter = surface_get_ref_counter,
    .Map = surface_map,
    .Unmap = surface_unmap,
    .GetNativeHandle = surface_native_handle,
    .GetDeviceHandle = surface_device_handle,
    .Synchronize = surface_synchronize,
    .QueryInterface = surface_query_interface,
};

/* ---- the pool --------------------------------------------------------------------------------------------------- */

struct surface_pool *surface_pool_create(const mfxFrameInfo *info, unsigned limit, uint16_t memory_type,
                                         struct task_table *tasks, void *va_display)
{
    const struct image_format *format = image_format_find(info->FourCC);
    if (!format || !info->Width || !info->Height || !limit)
        return NULL;
    struct surface_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return NULL;
    pthread_mutex_init(&pool->mutex, NULL);
    pool->info = *info;
    pool->format = format;
    pool->limit = limit;
    pool->memory_type = memory_type;
    pool->va_display = va_display;
    pool->tasks = task_table_use(tasks);
    return pool;
}

void surface_pool_destroy(struct surface_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->mutex);
    pool->closed = true;
    bool last = pool->used == 0;
    pthread_mutex_unlock(&pool->mutex);
    if (last)
        pool_free(pool);
}

static struct surface *surface_with_interface(struct surface_pool *pool)
{
    struct surface *surface = calloc(1, sizeof *surface);

    if (!surface)
        return NULL;
    surface->pool = pool;
    surface->interface = interface_template;
    surface->interface.Context = surface;
    return surface;
}

static struct surface *surface_create_video(struct surface_pool *pool)
{
    struct surface *surface = surface_with_interface(pool);

    if (surface)
        surface->video = video_memory_create(pool->va_display, pool->format, &pool->info);
    if (!surface || surface->video)
        return surface;
    free(surface);
    return NULL;
}

static struct surface *surface_create(struct surface_pool *pool)
{
    uint32_t width = (uint32_t)pool->info.Width * pool->format->bytes_per_sample;
    uint32_t pitch = (width + 2 * PITCH_ALIGNMENT - 1) & ~(2U * PITCH_ALIGNMENT - 1); /* half of it is aligned too */
    uint32_t height = (pool->info.Height + HEIGHT_ALIGNMENT - 1U) & ~(HEIGHT_ALIGNMENT - 1U);
    struct surface *surface = surface_with_interface(pool);
    if (!surface)
        return NULL;
    size_t bytes = image_bytes(pool->format, pitch, height);
    surface->memory =
        aligned_alloc(PITCH_ALIGNMENT, (bytes + 2 * PITCH_ALIGNMENT - 1) & ~(size_t)(PITCH_ALIGNMENT - 1));
    if (!surface->memory) {
        free(surface);
        return NULL;
    }
    memset(surface->memory, 0, bytes); /* never show another stream's frame in what a decoder leaves unwritten */
    image_place(pool->format, &surface->frame.Data, surface->memory, pitch, height);
    return surface;
}

static uint16_t memory_type(const struct surface *surface)
{
    unsigned type = surface->pool->memory_type;

    if (!surface->video)
        return (uint16_t)type;
    type &= ~(unsigned)MFX_MEMTYPE_SYSTEM_MEMORY;
    return (uint16_t)(type | (type & MFX_MEMTYPE_FROM_DECODE ? MFX_MEMTYPE_VIDEO_MEMORY_DECODER_TARGET
                                                             : MFX_MEMTYPE_VIDEO_MEMORY_PROCESSOR_TARGET));
}

static void surface_reset(struct surface *surface)
{
    mfxFrameSurface1 *frame = &surface->frame;
    frame->FrameInterface = &surface->interface;
    frame->Version.Version = MFX_FRAMESURFACE1_VERSION;
    frame->Info = surface->pool->info;
    frame->Data.MemType = memory_type(surface);
    frame->Data.TimeStamp = (mfxU64)MFX_TIMESTAMP_UNKNOWN;
    frame->Data.FrameOrder = (mfxU32)MFX_FRAMEORDER_UNKNOWN;
    frame->Data.Locked = 0;
    frame->Data.Corrupted = 0;
    frame->Data.DataFlag = 0;
    frame->Data.NumExtParam = 0;
    frame->Data.ExtParam = NULL;
    atomic_store(&surface->references, 1);
    atomic_store(&surface->producer, 0);
    atomic_store(&surface->mapped, 0);
}

mfxFrameSurface1 *surface_pool_get(struct surface_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    struct surface *surface = pool->free_list;
    if (surface) {
        pool->free_list = surface->next_free;
    } else if (pool->existing < pool->limit) {
        surface = pool->va_display ? surface_create_video(pool) : NULL;
        if (!surface) /* the display does not keep pictures of this format, or has no room */
            surface = surface_create(pool);
        if (surface)
            pool->existing++;
    }
    if (surface)
        pool->used++;
    pthread_mutex_unlock(&pool->mutex);
    if (!surface)
        return NULL;
    surface_reset(surface);
    return &surface->frame;
}

unsigned surface_pool_used(struct surface_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    unsigned used = pool->used;
    pthread_mutex_unlock(&pool->mutex);
    return used;
}

/* ---- any frame -------------------------------------------------------------------------------------------------- */

bool frame_is_video(const mfxFrameSurface1 *frame)
{
    return frame_is_ours(frame) && ((const struct surface *)frame)->video;
}

mfxStatus frame_video_map(mfxFrameSurface1 *frame, mfxFrameData *data)
{
    *data = (mfxFrameData){ 0 }; /* the frame's own pointers are the application's to set, by Map, at any time */
    return video_memory_map(((struct surface *)frame)->video, data);
}

void frame_video_unmap(mfxFrameSurface1 *frame)
{
    video_memory_unmap(((struct surface *)frame)->video);
}

bool frame_is_ours(const mfxFrameSurface1 *frame)
{
    return frame->FrameInterface && frame->FrameInterface->AddRef == surface_add_ref &&
           frame->FrameInterface->Context == (mfxHDL)frame;
}

void frame_hold(mfxFrameSurface1 *frame)
{
    if (frame->FrameInterface && frame->FrameInterface->AddRef)
        frame->FrameInterface->AddRef(frame);
    else
        __atomic_fetch_add(&frame->Data.Locked, 1, __ATOMIC_ACQ_REL); /* a plain member of the application's struct */
}

void frame_release(mfxFrameSurface1 *frame)
{
    if (frame->FrameInterface && frame->FrameInterface->Release)
        frame->FrameInterface->Release(frame);
    else
        __atomic_fetch_sub(&frame->Data.Locked, 1, __ATOMIC_ACQ_REL);
}

void frame_set_producer(mfxFrameSurface1 *frame, mfxSyncPoint point)
{
    if (frame_is_ours(frame))
        atomic_store(&((struct surface *)frame)->producer, (uintptr_t)point);
}

struct frame_dependency frame_dependency(struct task_table *tasks, mfxFrameSurface1 *frame)
{
    struct frame_dependency dependency = { NULL, NULL };

    if (frame_is_ours(frame)) {
        struct surface *surface = (struct surface *)frame;
        dependency.point = (mfxSyncPoint)atomic_load(&surface->producer); // NOLINT
        tasks = surface->pool->tasks;
    } else {
        dependency.point = task_producing(tasks, frame);
    }
    if (dependency.point)
        dependency.tasks = task_table_use(tasks);
    return dependency;
}

void frame_await(struct frame_dependency *dependency)
{
    if (!dependency->tasks)
        return;
    task_wait(dependency->tasks, dependency->point, MFX_INFINITE);
    task_table_release(dependency->tasks);
    dependency->tasks = NULL;
}
