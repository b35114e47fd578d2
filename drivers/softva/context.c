/* SPDX-License-Identifier: GPL-2.0-or-later */
/* context.c - contexts: what vaBeginPicture, vaRenderPicture and vaEndPicture collect for an engine. */
#include <stdlib.h>

#include "drivers/softva/config.h"
#include "drivers/softva/engine.h"

struct context {
    struct object object;
    struct driver *driver;
    struct config *config; /* held */
    const struct engine *engine;
    void *instance;
    pthread_mutex_t mutex;                       /* of the picture, and around the engine's work */
    struct surface *target;                      /* held; NULL: no picture was begun */
    struct buffer *buffers[PICTURE_BUFFERS_MAX]; /* held */
    unsigned count;
};

static void forget_picture(struct context *context)
{
    for (unsigned i = 0; i < context->count; i++)
        object_release(&context->buffers[i]->object);
    context->count = 0;
    if (context->target)
        object_release(&context->target->object);
    context->target = NULL;
}

static void context_free(struct object *object)
{
    struct context *context = (struct context *)object;

    forget_picture(context);
    if (context->instance)
        context->engine->close(context->instance);
    object_release(&context->config->object);
    pthread_mutex_destroy(&context->mutex);
    free(context);
}

/* The surfaces are only looked at: each picture names its own. */
static bool surfaces_exist(struct driver *driver, const VASurfaceID *surfaces, int count)
{
    for (int i = 0; i < count; i++) {
        struct object *object = objects_use(driver->objects, OBJECT_SURFACE, surfaces[i]);
        if (!object)
            return false;
        object_release(object);
    }
    return true;
}

static VAStatus create_context(VADriverContextP va, VAConfigID config_id, int width, int height, int flag,
                               VASurfaceID *surfaces, int count, VAContextID *id)
{
    struct driver *driver = driver_of(va);
    struct context *context;

    (void)flag;
    if (width < 0 || height < 0 || width > SURFACE_SIZE_MAX || height > SURFACE_SIZE_MAX)
        return VA_STATUS_ERROR_RESOLUTION_NOT_SUPPORTED;
    if (count > 0 && (!surfaces || !surfaces_exist(driver, surfaces, count)))
        return VA_STATUS_ERROR_INVALID_SURFACE;
    struct config *config = objects_use(driver->objects, OBJECT_CONFIG, config_id);
    if (!config)
        return VA_STATUS_ERROR_INVALID_CONFIG;
    context = calloc(1, sizeof *context);
    if (!context) {
        object_release(&config->object);
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    }
    context->driver = driver;
    context->config = config;
    context->engine = config->capability->engine;
    pthread_mutex_init(&context->mutex, NULL);
    struct engine_settings settings = { driver, config, (unsigned)width, (unsigned)height };
    VAStatus status = context->engine->open(&context->instance, &settings);
    if (status == VA_STATUS_SUCCESS && !objects_add(driver->objects, OBJECT_CONTEXT, &context->object, context_free))
        status = VA_STATUS_ERROR_MAX_NUM_EXCEEDED;
    if (status == VA_STATUS_SUCCESS)
        *id = context->object.id;
    else
        context_free(&context->object);
    return status;
}

static VAStatus destroy_context(VADriverContextP va, VAContextID id)
{
    bool found = objects_remove(driver_of(va)->objects, OBJECT_CONTEXT, id);
    return found ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_INVALID_CONTEXT;
}

/* ---- pictures --------------------------------------------------------------------------------------------------- */

static VAStatus begin_picture(VADriverContextP va, VAContextID id, VASurfaceID target)
{
    struct driver *driver = driver_of(va);
    struct context *context = objects_use(driver->objects, OBJECT_CONTEXT, id);

    if (!context)
        return VA_STATUS_ERROR_INVALID_CONTEXT;
    struct surface *surface = objects_use(driver->objects, OBJECT_SURFACE, target);
    if (surface) {
        pthread_mutex_lock(&context->mutex);
        forget_picture(context); /* one that was begun and never ended */
        context->target = surface;
        pthread_mutex_unlock(&context->mutex);
    }
    object_release(&context->object);
    return surface ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_INVALID_SURFACE;
}

static VAStatus collect(struct context *context, const VABufferID *buffers, int count)
{
    if (!context->target)
        return VA_STATUS_ERROR_OPERATION_FAILED;
    if (count < 0 || (unsigned)count > PICTURE_BUFFERS_MAX - context->count)
        return VA_STATUS_ERROR_MAX_NUM_EXCEEDED;
    for (int i = 0; i < count; i++) {
        struct buffer *buffer = objects_use(context->driver->objects, OBJECT_BUFFER, buffers[i]);
        if (!buffer)
            return VA_STATUS_ERROR_INVALID_BUFFER;
        context->buffers[context->count++] = buffer;
    }
    return VA_STATUS_SUCCESS;
}

static VAStatus render_picture(VADriverContextP va, VAContextID id, VABufferID *buffers, int count)
{
    struct context *context = objects_use(driver_of(va)->objects, OBJECT_CONTEXT, id);

    if (!context)
        return VA_STATUS_ERROR_INVALID_CONTEXT;
    pthread_mutex_lock(&context->mutex);
    VAStatus status = collect(context, buffers, count);
    pthread_mutex_unlock(&context->mutex);
    object_release(&context->object);
    return status;
}

static VAStatus end_picture(VADriverContextP va, VAContextID id)
{
    struct context *context = objects_use(driver_of(va)->objects, OBJECT_CONTEXT, id);
    VAStatus status = VA_STATUS_ERROR_OPERATION_FAILED;

    if (!context)
        return VA_STATUS_ERROR_INVALID_CONTEXT;
    pthread_mutex_lock(&context->mutex);
    if (context->target) {
        struct picture picture = { context->target, context->buffers, context->count };
        bool write = context->engine->writes_target;
        surface_begin(context->target, write);
        status = context->engine->work(context->instance, &picture);
        surface_end(context->target, write);
        forget_picture(context);
    }
    pthread_mutex_unlock(&context->mutex);
    object_release(&context->object);
    return status;
}

void context_entries(struct VADriverVTable *table)
{
    table->vaCreateContext = create_context;
    table->vaDestroyContext = destroy_context;
    table->vaBeginPicture = begin_picture;
    table->vaRenderPicture = render_picture;
    table->vaEndPicture = end_picture;
}
