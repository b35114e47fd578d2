/* SPDX-License-Identifier: GPL-2.0-or-later */
/* surface.c - the memory of surfaces, and the calls that wait for them. */
#include "drivers/softva/surface.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "drivers/softva/buffer.h"
#include "drivers/softva/softva_ext.h"

enum { NANOSECONDS = 1000000000 };

struct surface *surface_shell(const struct va_format *format, unsigned width, unsigned height)
{
    struct surface *surface = calloc(1, sizeof *surface);
    pthread_condattr_t attributes;

    if (!surface)
        return NULL;
    surface->format = format;
    surface->width = width;
    surface->height = height;
    surface->descriptor = -1;
    surface->coded = VA_INVALID_ID;
    pthread_mutex_init(&surface->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&surface->idle, &attributes);
    pthread_condattr_destroy(&attributes);
    return surface;
}

void surface_free(struct object *object)
{
    struct surface *surface = (struct surface *)object;

    if (surface->mapped_bytes)
        munmap(surface->memory, surface->mapped_bytes);
    if (surface->descriptor >= 0)
        close(surface->descriptor);
    pthread_cond_destroy(&surface->idle);
    pthread_mutex_destroy(&surface->mutex);
    free(surface);
}

static bool give_memory(struct surface *surface)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t bytes = (surface->placement.bytes + page - 1) & ~(page - 1);

    surface->descriptor = memfd_create("softva-surface", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (surface->descriptor < 0 || ftruncate(surface->descriptor, (off_t)bytes) < 0 ||
        fcntl(surface->descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return false;
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, surface->descriptor, 0);
    if (memory == MAP_FAILED)
        return false;
    surface->memory = memory;
    surface->mapped_bytes = bytes;
    return true;
}

struct surface *surface_create(const struct va_format *format, unsigned width, unsigned height)
{
    struct surface *surface = surface_shell(format, width, height);

    if (!surface)
        return NULL;
    surface->placement = format_place(format, width, height);
    if (give_memory(surface))
        return surface;
    surface_free(&surface->object);
    return NULL;
}

struct image surface_image(const struct surface *surface)
{
    return format_image(surface->format, &surface->placement, surface->memory, surface->width, surface->height);
}

/* ---- use -------------------------------------------------------------------------------------------------------- */

/* A device may have the pages in its caches. */
static void announce(const struct surface *surface, uint64_t flags)
{
    struct dma_buf_sync sync = { .flags = flags };

    while (surface->dma_buf && ioctl(surface->descriptor, DMA_BUF_IOCTL_SYNC, &sync) < 0 && errno == EINTR)
        continue;
}

void surface_begin(struct surface *surface, bool write)
{
    pthread_mutex_lock(&surface->mutex);
    surface->busy++;
    pthread_mutex_unlock(&surface->mutex);
    announce(surface, DMA_BUF_SYNC_START | (write ? DMA_BUF_SYNC_RW : DMA_BUF_SYNC_READ));
}

void surface_end(struct surface *surface, bool write)
{
    announce(surface, DMA_BUF_SYNC_END | (write ? DMA_BUF_SYNC_RW : DMA_BUF_SYNC_READ));
    pthread_mutex_lock(&surface->mutex);
    if (--surface->busy == 0)
        pthread_cond_broadcast(&surface->idle);
    pthread_mutex_unlock(&surface->mutex);
}

bool surface_wait(struct surface *surface, uint64_t timeout_ns)
{
    bool forever = timeout_ns == VA_TIMEOUT_INFINITE;
    struct timespec until;
    int result = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    if (!forever) {
        uint64_t limit = timeout_ns / NANOSECONDS > 86400 ? 86400ULL * NANOSECONDS : timeout_ns;
        uint64_t nanoseconds = (uint64_t)until.tv_nsec + limit;
        until.tv_sec += (time_t)(nanoseconds / NANOSECONDS);
        until.tv_nsec = (long)(nanoseconds % NANOSECONDS);
    }
    pthread_mutex_lock(&surface->mutex);
    while (surface->busy && result != ETIMEDOUT)
        result = forever ? pthread_cond_wait(&surface->idle, &surface->mutex)
                         : pthread_cond_timedwait(&surface->idle, &surface->mutex, &until);
    bool idle = surface->busy == 0;
    pthread_mutex_unlock(&surface->mutex);
    return idle;
}

void surface_owes(struct surface *surface, VABufferID coded)
{
    pthread_mutex_lock(&surface->mutex);
    surface->coded = coded;
    pthread_mutex_unlock(&surface->mutex);
}

/* ---- calls ------------------------------------------------------------------------------------------------------ */

static VAStatus sync_surface2(VADriverContextP context, VASurfaceID id, uint64_t timeout_ns)
{
    struct surface *surface = objects_use(driver_of(context)->objects, OBJECT_SURFACE, id);

    if (!surface)
        return VA_STATUS_ERROR_INVALID_SURFACE;
    bool stuck = driver_of(context)->waits == SOFTVA_WAITS_STUCK;
    bool idle = !stuck && surface_wait(surface, timeout_ns);
    object_release(&surface->object);
    return idle ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_TIMEDOUT;
}

static void show_coded(struct driver *driver, struct surface *surface)
{
    pthread_mutex_lock(&surface->mutex);
    struct buffer *buffer = objects_use(driver->objects, OBJECT_BUFFER, surface->coded);
    surface->coded = VA_INVALID_ID;
    pthread_mutex_unlock(&surface->mutex);
    if (!buffer)
        return;
    buffer_hide_coded(buffer, false);
    object_release(&buffer->object);
}

static VAStatus sync_surface(VADriverContextP context, VASurfaceID id)
{
    struct driver *driver = driver_of(context);
    struct surface *surface = objects_use(driver->objects, OBJECT_SURFACE, id);

    if (!surface)
        return VA_STATUS_ERROR_INVALID_SURFACE;
    surface_wait(surface, VA_TIMEOUT_INFINITE);
    show_coded(driver, surface);
    object_release(&surface->object);
    return VA_STATUS_SUCCESS;
}

static VAStatus query_status(VADriverContextP context, VASurfaceID id, VASurfaceStatus *status)
{
    struct surface *surface = objects_use(driver_of(context)->objects, OBJECT_SURFACE, id);

    if (!surface)
        return VA_STATUS_ERROR_INVALID_SURFACE;
    pthread_mutex_lock(&surface->mutex);
    *status = surface->busy || surface->coded != VA_INVALID_ID ? VASurfaceRendering : VASurfaceReady;
    pthread_mutex_unlock(&surface->mutex);
    object_release(&surface->object);
    return VA_STATUS_SUCCESS;
}

/* A picture that failed said so in vaEndPicture; there is nothing to add later. */
static VAStatus query_error(VADriverContextP context, VASurfaceID id, VAStatus status, void **information)
{
    (void)status;
    VAStatus result = sync_surface2(context, id, VA_TIMEOUT_INFINITE);
    if (information)
        *information = NULL;
    return result;
}

static VAStatus destroy_surfaces(VADriverContextP context, VASurfaceID *surfaces, int count)
{
    VAStatus status = VA_STATUS_SUCCESS;

    for (int i = 0; i < count; i++)
        if (!objects_remove(driver_of(context)->objects, OBJECT_SURFACE, surfaces[i]))
            status = VA_STATUS_ERROR_INVALID_SURFACE;
    return status;
}

void surface_entries(struct VADriverVTable *table)
{
    table->vaSyncSurface = sync_surface;
    table->vaSyncSurface2 = sync_surface2;
    table->vaQuerySurfaceStatus = query_status;
    table->vaQuerySurfaceError = query_error;
    table->vaDestroySurfaces = destroy_surfaces;
}
