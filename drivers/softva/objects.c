/* SPDX-License-Identifier: GPL-2.0-or-later */
/* objects.c - an array of slots with a free list. A number: four bits of kind, fourteen of the slot's age, fourteen of
 * the slot. */
#include "drivers/softva/objects.h"

#include <pthread.h>
#include <stdlib.h>

enum { SLOT_BITS = 14, AGE_MASK = 0x3fff, KIND_SHIFT = 28 };
_Static_assert(OBJECTS_MAX == 1 << SLOT_BITS, "a slot fits its bits");

struct slot {
    struct object *object; /* NULL: free */
    uint16_t age;
    uint16_t next_free; /* slot + 1; 0: none */
};

struct objects {
    pthread_mutex_t mutex;
    unsigned first_free; /* slot + 1 */
    unsigned fresh;      /* slots from here on were never used */
    struct slot slots[OBJECTS_MAX];
};

struct objects *objects_create(void)
{
    struct objects *objects = calloc(1, sizeof *objects);
    if (objects)
        pthread_mutex_init(&objects->mutex, NULL);
    return objects;
}

void objects_destroy(struct objects *objects)
{
    if (!objects)
        return;
    for (unsigned i = 0; i < objects->fresh; i++) { /* an image takes its buffer along */
        struct object *object = objects->slots[i].object;
        objects->slots[i].object = NULL;
        object_release(object);
    }
    pthread_mutex_destroy(&objects->mutex);
    free(objects);
}

bool objects_add(struct objects *objects, enum object_kind kind, struct object *object,
                 void (*destroy)(struct object *object))
{
    unsigned slot = OBJECTS_MAX;

    pthread_mutex_lock(&objects->mutex);
    if (objects->first_free) {
        slot = objects->first_free - 1;
        objects->first_free = objects->slots[slot].next_free;
    } else if (objects->fresh < OBJECTS_MAX) {
        slot = objects->fresh++;
    }
    if (slot < OBJECTS_MAX) {
        struct slot *to = &objects->slots[slot];
        to->age = (to->age + 1) & AGE_MASK;
        to->object = object;
        object->kind = kind;
        object->destroy = destroy;
        atomic_init(&object->references, 1);
        object->id = (VAGenericID)kind << KIND_SHIFT | (VAGenericID)to->age << SLOT_BITS | slot;
    }
    pthread_mutex_unlock(&objects->mutex);
    return slot < OBJECTS_MAX;
}

static struct slot *find(struct objects *objects, enum object_kind kind, VAGenericID id)
{
    struct slot *slot = &objects->slots[id & (OBJECTS_MAX - 1)];
    return slot->object && slot->object->kind == kind && slot->object->id == id ? slot : NULL;
}

void *objects_use(struct objects *objects, enum object_kind kind, VAGenericID id)
{
    pthread_mutex_lock(&objects->mutex);
    struct slot *slot = find(objects, kind, id);
    struct object *object = slot ? slot->object : NULL;
    if (object)
        object_hold(object);
    pthread_mutex_unlock(&objects->mutex);
    return object;
}

bool objects_remove(struct objects *objects, enum object_kind kind, VAGenericID id)
{
    struct object *object = NULL;

    pthread_mutex_lock(&objects->mutex);
    struct slot *slot = find(objects, kind, id);
    if (slot) {
        object = slot->object;
        slot->object = NULL;
        slot->next_free = (uint16_t)objects->first_free;
        objects->first_free = (unsigned)(slot - objects->slots) + 1;
    }
    pthread_mutex_unlock(&objects->mutex);
    object_release(object);
    return object != NULL;
}

void object_hold(struct object *object)
{
    atomic_fetch_add(&object->references, 1);
}

void object_release(struct object *object)
{
    if (object && atomic_fetch_sub(&object->references, 1) == 1)
        object->destroy(object);
}
