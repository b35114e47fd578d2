/* SPDX-License-Identifier: GPL-2.0-or-later */
/* buffer.c - buffers and the calls on them. */
#include "drivers/softva/buffer.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/softva/softva_ext.h"

static void buffer_free(struct object *object)
{
    struct buffer *buffer = (struct buffer *)object;

    if (buffer->surface)
        object_release(&buffer->surface->object);
    if (buffer->exported >= 0)
        close(buffer->exported);
    pthread_mutex_destroy(&buffer->mutex);
    free(buffer->coded);
    free(buffer->data);
    free(buffer);
}

static struct buffer *add(struct driver *driver, struct buffer *buffer, VAStatus *status)
{
    pthread_mutex_init(&buffer->mutex, NULL);
    buffer->exported = -1;
    if (objects_add(driver->objects, OBJECT_BUFFER, &buffer->object, buffer_free))
        return buffer;
    buffer_free(&buffer->object);
    *status = VA_STATUS_ERROR_MAX_NUM_EXCEEDED;
    return NULL;
}

struct buffer *buffer_create(struct driver *driver, VABufferType type, size_t element_bytes, unsigned count,
                             const void *data, VAStatus *status)
{
    *status = VA_STATUS_ERROR_ALLOCATION_FAILED;
    if (!element_bytes || !count || element_bytes > (size_t)BUFFER_BYTES_MAX / count)
        return NULL;
    struct buffer *buffer = calloc(1, sizeof *buffer);
    if (!buffer)
        return NULL;
    buffer->type = type;
    buffer->element_bytes = element_bytes;
    buffer->count = buffer->count_max = count;
    if (type != VAEncCodedBufferType) {
        buffer->data = calloc(count, element_bytes);
        if (!buffer->data) {
            free(buffer);
            return NULL;
        }
        if (data)
            memcpy(buffer->data, data, element_bytes * count);
    }
    return add(driver, buffer, status);
}

struct buffer *buffer_of_surface(struct driver *driver, struct surface *surface, VAStatus *status)
{
    struct buffer *buffer = calloc(1, sizeof *buffer);

    *status = VA_STATUS_ERROR_ALLOCATION_FAILED;
    if (!buffer)
        return NULL;
    object_hold(&surface->object);
    buffer->type = VAImageBufferType;
    buffer->surface = surface;
    buffer->element_bytes = surface->placement.bytes;
    buffer->count = buffer->count_max = 1;
    return add(driver, buffer, status);
}

void *buffer_memory(struct buffer *buffer)
{
    return buffer->surface ? buffer->surface->memory : buffer->data ? buffer->data : (void *)&buffer->segment;
}

bool buffer_put_coded(struct buffer *buffer, const uint8_t *data, size_t bytes, uint32_t status)
{
    bool fits = bytes <= buffer->element_bytes * buffer->count;

    pthread_mutex_lock(&buffer->mutex);
    if (fits && bytes > buffer->coded_room) {
        uint8_t *coded = realloc(buffer->coded, bytes);
        fits = coded != NULL;
        if (coded) {
            buffer->coded = coded;
            buffer->coded_room = bytes;
        }
    }
    memset(&buffer->segment, 0, sizeof buffer->segment);
    if (fits && bytes)
        memcpy(buffer->coded, data, bytes);
    buffer->segment.size = fits ? (uint32_t)bytes : 0;
    buffer->segment.status = status | (fits ? 0 : VA_CODED_BUF_STATUS_SLICE_OVERFLOW_MASK);
    buffer->segment.buf = buffer->coded;
    buffer->late = true;
    buffer->hidden_bytes = 0;
    pthread_mutex_unlock(&buffer->mutex);
    return fits;
}

void buffer_hide_coded(struct buffer *buffer, bool hide)
{
    pthread_mutex_lock(&buffer->mutex);
    if (hide || buffer->hidden_bytes) {
        uint32_t bytes = buffer->segment.size;
        buffer->segment.size = hide ? 0 : buffer->hidden_bytes;
        buffer->hidden_bytes = hide ? bytes : 0;
    }
    pthread_mutex_unlock(&buffer->mutex);
}

/* ---- calls ------------------------------------------------------------------------------------------------------ */

static VAStatus create_buffer(VADriverContextP context, VAContextID context_id, VABufferType type, unsigned size,
                              unsigned count, void *data, VABufferID *id)
{
    struct driver *driver = driver_of(context);
    VAStatus status;

    struct object *owner = objects_use(driver->objects, OBJECT_CONTEXT, context_id);
    if (!owner)
        return VA_STATUS_ERROR_INVALID_CONTEXT;
    object_release(owner);
    if (type < 0 || type >= VABufferTypeMax)
        return VA_STATUS_ERROR_UNSUPPORTED_BUFFERTYPE;
    struct buffer *buffer = buffer_create(driver, type, size, count, data, &status);
    if (!buffer)
        return status;
    *id = buffer->object.id;
    return VA_STATUS_SUCCESS;
}

static VAStatus set_count(VADriverContextP context, VABufferID id, unsigned count)
{
    struct buffer *buffer = objects_use(driver_of(context)->objects, OBJECT_BUFFER, id);

    if (!buffer)
        return VA_STATUS_ERROR_INVALID_BUFFER;
    bool good = count <= buffer->count_max;
    if (good)
        buffer->count = count;
    object_release(&buffer->object);
    return good ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_MAX_NUM_EXCEEDED;
}

/* The memory is always there. What is mapped stays good until the buffer is destroyed. */
static VAStatus map_buffer(VADriverContextP context, VABufferID id, void **data)
{
    struct buffer *buffer = objects_use(driver_of(context)->objects, OBJECT_BUFFER, id);

    if (!buffer)
        return VA_STATUS_ERROR_INVALID_BUFFER;
    if (buffer->surface)
        surface_wait(buffer->surface, VA_TIMEOUT_INFINITE);
    *data = buffer_memory(buffer);
    object_release(&buffer->object);
    return VA_STATUS_SUCCESS;
}

static VAStatus exists(VADriverContextP context, VABufferID id)
{
    struct buffer *buffer = objects_use(driver_of(context)->objects, OBJECT_BUFFER, id);

    if (!buffer)
        return VA_STATUS_ERROR_INVALID_BUFFER;
    object_release(&buffer->object);
    return VA_STATUS_SUCCESS;
}

static VAStatus sync_buffer(VADriverContextP context, VABufferID id, uint64_t timeout_ns)
{
    struct driver *driver = driver_of(context);
    struct buffer *buffer = objects_use(driver->objects, OBJECT_BUFFER, id);
    int waits = driver->waits;

    (void)timeout_ns; /* a coded picture is complete when vaEndPicture returns */
    if (!buffer)
        return VA_STATUS_ERROR_INVALID_BUFFER;
    pthread_mutex_lock(&buffer->mutex);
    bool late = waits == SOFTVA_WAITS_NEVER || (waits == SOFTVA_WAITS_LATE && buffer->late);
    buffer->late = false;
    pthread_mutex_unlock(&buffer->mutex);
    object_release(&buffer->object);
    return waits == SOFTVA_WAITS_SURFACE ? VA_STATUS_ERROR_UNIMPLEMENTED
           : late                        ? VA_STATUS_ERROR_TIMEDOUT
                                         : VA_STATUS_SUCCESS;
}

static VAStatus destroy_buffer(VADriverContextP context, VABufferID id)
{
    bool found = objects_remove(driver_of(context)->objects, OBJECT_BUFFER, id);
    return found ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_INVALID_BUFFER;
}

static VAStatus buffer_information(VADriverContextP context, VABufferID id, VABufferType *type, unsigned *size,
                                   unsigned *count)
{
    struct buffer *buffer = objects_use(driver_of(context)->objects, OBJECT_BUFFER, id);

    if (!buffer)
        return VA_STATUS_ERROR_INVALID_BUFFER;
    *type = buffer->type;
    *size = (unsigned)buffer->element_bytes;
    *count = buffer->count;
    object_release(&buffer->object);
    return VA_STATUS_SUCCESS;
}

/* The pixels of a derived image, as a descriptor; one for all who ask, closed when the last gives it back. */
static VAStatus acquire(struct buffer *buffer, VABufferInfo *information)
{
    uint32_t wanted = information->mem_type ? information->mem_type : VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME;

    if (!buffer->surface || buffer->surface->descriptor < 0)
        return VA_STATUS_ERROR_UNSUPPORTED_BUFFERTYPE;
    if (!(wanted & VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME))
        return VA_STATUS_ERROR_UNSUPPORTED_MEMORY_TYPE;
    if (!buffer->exports)
        buffer->exported = fcntl(buffer->surface->descriptor, F_DUPFD_CLOEXEC, 3);
    if (buffer->exported < 0)
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    buffer->exports++;
    information->handle = (uintptr_t)buffer->exported;
    information->type = buffer->type;
    information->mem_type = VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME;
    information->mem_size = buffer->surface->mapped_bytes;
    return VA_STATUS_SUCCESS;
}

static VAStatus acquire_handle(VADriverContextP context, VABufferID id, VABufferInfo *information)
{
    struct buffer *buffer = objects_use(driver_of(context)->objects, OBJECT_BUFFER, id);

    if (!buffer)
        return VA_STATUS_ERROR_INVALID_BUFFER;
    pthread_mutex_lock(&buffer->mutex);
    VAStatus status = acquire(buffer, information);
    pthread_mutex_unlock(&buffer->mutex);
    object_release(&buffer->object);
    return status;
}

static VAStatus release_handle(VADriverContextP context, VABufferID id)
{
    struct buffer *buffer = objects_use(driver_of(context)->objects, OBJECT_BUFFER, id);

    if (!buffer)
        return VA_STATUS_ERROR_INVALID_BUFFER;
    pthread_mutex_lock(&buffer->mutex);
    bool held = buffer->exports > 0;
    if (held && --buffer->exports == 0) {
        close(buffer->exported);
        buffer->exported = -1;
    }
    pthread_mutex_unlock(&buffer->mutex);
    object_release(&buffer->object);
    return held ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_INVALID_BUFFER;
}

void buffer_entries(struct VADriverVTable *table)
{
    table->vaCreateBuffer = create_buffer;
    table->vaBufferSetNumElements = set_count;
    table->vaMapBuffer = map_buffer;
    table->vaUnmapBuffer = exists;
    table->vaDestroyBuffer = destroy_buffer;
    table->vaBufferInfo = buffer_information;
    table->vaSyncBuffer = sync_buffer;
    table->vaAcquireBufferHandle = acquire_handle;
    table->vaReleaseBufferHandle = release_handle;
}
