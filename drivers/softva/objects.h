/* SPDX-License-Identifier: GPL-2.0-or-later */
/* objects.h - what the application knows by number: configurations, surfaces, images, buffers, contexts.
 *
 * One table of a fixed size for all of them; when it is full nothing is made any more. A number says the kind, the
 * slot, and how often the slot was used, so that a stale or a made-up number is told from a good one. Objects are
 * counted: the table holds one reference, and so does whoever works with an object while the application may destroy
 * it. All functions may be called from any thread.
 *
 *     struct surface *surface = objects_use(objects, OBJECT_SURFACE, id);
 *     if (!surface)
 *         return VA_STATUS_ERROR_INVALID_SURFACE;
 *     ...
 *     object_release(&surface->object);
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "drivers/softva/va.h"

enum { OBJECTS_MAX = 16384 };

enum object_kind { OBJECT_CONFIG = 1, OBJECT_SURFACE, OBJECT_IMAGE, OBJECT_BUFFER, OBJECT_CONTEXT };

/* The first member of everything that has a number. */
struct object {
    VAGenericID id;
    enum object_kind kind;
    atomic_uint references;
    void (*destroy)(struct object *object); /* called with the last reference */
};

struct objects;

struct objects *objects_create(void);          /* give; NULL: no memory */
void objects_destroy(struct objects *objects); /* releases all that is left; NULL is fine */

/* take: the caller's reference becomes the table's. false: the table is full, and nothing was taken. */
bool objects_add(struct objects *objects, enum object_kind kind, struct object *object,
                 void (*destroy)(struct object *object));
void *objects_use(struct objects *objects, enum object_kind kind, VAGenericID id); /* give: one reference; or NULL */
bool objects_remove(struct objects *objects, enum object_kind kind, VAGenericID id);

void object_hold(struct object *object);
void object_release(struct object *object); /* NULL is fine */
