/* SPDX-License-Identifier: GPL-2.0-or-later */
/* task.c - one mutex and one condition for the whole table: a session has few waiters, and a task is milliseconds. */
#include "drivers/softvpl/task.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct slot {
    uint32_t generation; /* 0: never used */
    bool pending;
    bool swallowed; /* its end came while the table was broken */
    mfxStatus status;
    const void *output;
};

struct task_table {
    atomic_uint references;
    pthread_mutex_t mutex;
    pthread_cond_t ended;
    unsigned waiters, pending, next;
    mfxStatus broken; /* MFX_ERR_NONE: it is whole */
    struct slot slot[TASK_SLOTS];
};

/* A sync point is generation << 8 | slot + 1 and so never NULL. */
static mfxSyncPoint point_of(const struct task_table *table, unsigned index)
{
    return (mfxSyncPoint)((uintptr_t)table->slot[index].generation << 8 | (index + 1)); // NOLINT
}

static bool index_of(mfxSyncPoint point, unsigned *index, uint32_t *generation)
{
    uintptr_t number = (uintptr_t)point;
    *index = (unsigned)(number & 0xff) - 1;
    *generation = (uint32_t)(number >> 8);
    return (number & 0xff) != 0 && *index < TASK_SLOTS && number >> 40 == 0;
}
_Static_assert(TASK_SLOTS < 256, "the slot has eight bits of a sync point");

struct task_table *task_table_create(void)
{
    struct task_table *table = calloc(1, sizeof *table);
    if (!table)
        return NULL;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&table->ended, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&table->mutex, NULL);
    atomic_init(&table->references, 1);
    return table;
}

struct task_table *task_table_use(struct task_table *table)
{
    atomic_fetch_add(&table->references, 1);
    return table;
}

void task_table_release(struct task_table *table)
{
    if (!table || atomic_fetch_sub(&table->references, 1) != 1)
        return;
    pthread_cond_destroy(&table->ended);
    pthread_mutex_destroy(&table->mutex);
    free(table);
}

unsigned task_table_pending(struct task_table *table)
{
    pthread_mutex_lock(&table->mutex);
    unsigned pending = table->pending;
    pthread_mutex_unlock(&table->mutex);
    return pending;
}

mfxSyncPoint task_begin(struct task_table *table, const void *output)
{
    mfxSyncPoint point = NULL;

    pthread_mutex_lock(&table->mutex);
    for (unsigned i = 0; i < TASK_SLOTS && !point; i++) {
        unsigned index = (table->next + i) % TASK_SLOTS;
        struct slot *slot = &table->slot[index];
        if (slot->pending)
            continue;
        if (++slot->generation == 0)
            slot->generation = 1;
        slot->pending = true;
        slot->output = output;
        table->pending++;
        table->next = (index + 1) % TASK_SLOTS;
        point = point_of(table, index);
    }
    pthread_mutex_unlock(&table->mutex);
    return point;
}

/* The mutex is held. */
static void end_slot(struct task_table *table, struct slot *slot, mfxStatus status)
{
    slot->pending = slot->swallowed = false;
    slot->status = status;
    slot->output = NULL;
    table->pending--;
    if (table->waiters)
        pthread_cond_broadcast(&table->ended);
}

void task_end(struct task_table *table, mfxSyncPoint point, mfxStatus status)
{
    unsigned index;
    uint32_t generation;

    if (!index_of(point, &index, &generation))
        return;
    pthread_mutex_lock(&table->mutex);
    struct slot *slot = &table->slot[index];
    if (slot->pending && slot->generation == generation) {
        if (table->broken == MFX_WRN_IN_EXECUTION)
            slot->swallowed = true;
        else
            end_slot(table, slot, table->broken != MFX_ERR_NONE ? table->broken : status);
    }
    pthread_mutex_unlock(&table->mutex);
}

void task_table_break(struct task_table *table, mfxStatus status)
{
    pthread_mutex_lock(&table->mutex);
    table->broken = status;
    pthread_mutex_unlock(&table->mutex);
}

void task_table_mend(struct task_table *table)
{
    pthread_mutex_lock(&table->mutex);
    table->broken = MFX_ERR_NONE;
    for (unsigned i = 0; i < TASK_SLOTS; i++)
        if (table->slot[i].pending && table->slot[i].swallowed)
            end_slot(table, &table->slot[i], MFX_ERR_ABORTED);
    pthread_mutex_unlock(&table->mutex);
}

static struct timespec deadline_after(uint32_t wait_ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += wait_ms / 1000;
    at.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

mfxStatus task_wait(struct task_table *table, mfxSyncPoint point, uint32_t wait_ms)
{
    unsigned index;
    uint32_t generation;

    if (!index_of(point, &index, &generation))
        return MFX_ERR_INVALID_HANDLE;
    struct timespec deadline = deadline_after(wait_ms == MFX_INFINITE ? 0 : wait_ms);
    pthread_mutex_lock(&table->mutex);
    struct slot *slot = &table->slot[index];
    /* A generation that this slot has not reached yet was never handed out. */
    bool known = (int32_t)(slot->generation - generation) >= 0 && slot->generation != 0;
    int timed_out = 0;
    table->waiters++;
    while (known && slot->pending && slot->generation == generation && timed_out != ETIMEDOUT) {
        if (wait_ms == MFX_INFINITE)
            pthread_cond_wait(&table->ended, &table->mutex);
        else if (wait_ms == 0)
            timed_out = ETIMEDOUT;
        else
            timed_out = pthread_cond_timedwait(&table->ended, &table->mutex, &deadline);
    }
    table->waiters--;
    mfxStatus status = MFX_ERR_NONE;
    if (!known)
        status = MFX_ERR_INVALID_HANDLE;
    else if (slot->generation == generation)
        status = slot->pending ? MFX_WRN_IN_EXECUTION : slot->status;
    pthread_mutex_unlock(&table->mutex);
    return status;
}

mfxSyncPoint task_producing(struct task_table *table, const void *output)
{
    mfxSyncPoint point = NULL;

    pthread_mutex_lock(&table->mutex);
    for (unsigned i = 0; i < TASK_SLOTS && table->pending; i++)
        if (table->slot[i].pending && table->slot[i].output == output)
            point = point_of(table, i);
    pthread_mutex_unlock(&table->mutex);
    return point;
}
