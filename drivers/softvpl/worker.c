/* SPDX-License-Identifier: GPL-2.0-or-later */
/* worker.c - a ring of job pointers. Signals stay with the application's threads. */
#include "drivers/softvpl/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct owner {
    void *component; /* NULL: free */
    worker_run *run;
    unsigned unfinished;
    bool leaving;
};

struct job {
    struct owner *owner;
    void *job;
};

struct worker {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake, finished;
    struct owner owners[WORKER_OWNERS];
    unsigned depth, oldest, used;
    bool stopping;
    struct job jobs[];
};

static void *worker_main(void *argument)
{
    struct worker *worker = argument;

    pthread_mutex_lock(&worker->mutex);
    for (;;) {
        while (!worker->used && !worker->stopping)
            pthread_cond_wait(&worker->wake, &worker->mutex);
        if (!worker->used)
            break;
        struct job job = worker->jobs[worker->oldest];
        worker->oldest = (worker->oldest + 1) % (worker->depth * WORKER_OWNERS);
        worker->used--;
        bool aborted = job.owner->leaving;
        pthread_mutex_unlock(&worker->mutex);
        job.owner->run(job.owner->component, job.job, aborted);
        pthread_mutex_lock(&worker->mutex);
        if (--job.owner->unfinished == 0)
            pthread_cond_broadcast(&worker->finished);
    }
    pthread_mutex_unlock(&worker->mutex);
    return NULL;
}

int worker_create(struct worker **out, const char *name, unsigned depth)
{
    struct worker *worker = calloc(1, sizeof *worker + (size_t)depth * WORKER_OWNERS * sizeof worker->jobs[0]);
    if (!worker)
        return -ENOMEM;
    worker->depth = depth;
    pthread_mutex_init(&worker->mutex, NULL);
    pthread_cond_init(&worker->wake, NULL);
    pthread_cond_init(&worker->finished, NULL);

    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&worker->thread, NULL, worker_main, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        pthread_cond_destroy(&worker->finished);
        pthread_cond_destroy(&worker->wake);
        pthread_mutex_destroy(&worker->mutex);
        free(worker);
        return -error;
    }
    pthread_setname_np(worker->thread, name);
    *out = worker;
    return 0;
}

void worker_destroy(struct worker *worker)
{
    if (!worker)
        return;
    pthread_mutex_lock(&worker->mutex);
    worker->stopping = true;
    pthread_cond_signal(&worker->wake);
    pthread_mutex_unlock(&worker->mutex);
    pthread_join(worker->thread, NULL);
    pthread_cond_destroy(&worker->finished);
    pthread_cond_destroy(&worker->wake);
    pthread_mutex_destroy(&worker->mutex);
    free(worker);
}

/* ---- owners ----------------------------------------------------------------------------------------------------- */

static struct owner *owner_of(struct worker *worker, const void *component)
{
    for (unsigned i = 0; i < WORKER_OWNERS; i++)
        if (worker->owners[i].component == component)
            return &worker->owners[i];
    return NULL;
}

void worker_join(struct worker *worker, void *component, worker_run *run)
{
    pthread_mutex_lock(&worker->mutex);
    struct owner *owner = owner_of(worker, NULL);
    if (owner)
        *owner = (struct owner){ .component = component, .run = run };
    pthread_mutex_unlock(&worker->mutex);
}

unsigned worker_leave(struct worker *worker, void *component)
{
    unsigned remain = 0;

    pthread_mutex_lock(&worker->mutex);
    struct owner *owner = owner_of(worker, component);
    if (owner) {
        owner->leaving = true;
        while (owner->unfinished)
            pthread_cond_wait(&worker->finished, &worker->mutex);
        owner->component = NULL;
    }
    for (unsigned i = 0; i < WORKER_OWNERS; i++)
        remain += worker->owners[i].component != NULL;
    pthread_mutex_unlock(&worker->mutex);
    return remain;
}

/* ---- jobs ------------------------------------------------------------------------------------------------------- */

bool worker_submit(struct worker *worker, void *component, void *job)
{
    pthread_mutex_lock(&worker->mutex);
    struct owner *owner = owner_of(worker, component);
    bool room = owner && owner->unfinished < worker->depth && !owner->leaving;
    if (room) {
        owner->unfinished++;
        worker->jobs[(worker->oldest + worker->used++) % (worker->depth * WORKER_OWNERS)] = (struct job){ owner, job };
        pthread_cond_signal(&worker->wake);
    }
    pthread_mutex_unlock(&worker->mutex);
    return room;
}

bool worker_full(struct worker *worker, const void *component)
{
    pthread_mutex_lock(&worker->mutex);
    const struct owner *owner = owner_of(worker, component);
    bool full = owner && owner->unfinished >= worker->depth;
    pthread_mutex_unlock(&worker->mutex);
    return full;
}

void worker_flush(struct worker *worker, const void *component)
{
    pthread_mutex_lock(&worker->mutex);
    struct owner *owner = owner_of(worker, component);
    while (owner && owner->unfinished)
        pthread_cond_wait(&worker->finished, &worker->mutex);
    pthread_mutex_unlock(&worker->mutex);
}
