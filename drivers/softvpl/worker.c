/* SPDX-License-Identifier: GPL-2.0-or-later */
/* worker.c - a ring of job pointers. Signals stay with the application's threads. */
#include "drivers/softvpl/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct worker {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake, idle;
    worker_run *run;
    void *owner;
    unsigned depth, oldest, used;
    bool busy, stopping;
    void *job[];
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
        void *job = worker->job[worker->oldest];
        worker->oldest = (worker->oldest + 1) % worker->depth;
        worker->used--;
        worker->busy = true;
        bool aborted = worker->stopping;
        pthread_mutex_unlock(&worker->mutex);
        worker->run(worker->owner, job, aborted);
        pthread_mutex_lock(&worker->mutex);
        worker->busy = false;
        if (!worker->used)
            pthread_cond_broadcast(&worker->idle);
    }
    pthread_mutex_unlock(&worker->mutex);
    return NULL;
}

int worker_create(struct worker **out, const char *name, unsigned depth, worker_run *run, void *owner)
{
    struct worker *worker = calloc(1, sizeof *worker + depth * sizeof worker->job[0]);
    if (!worker)
        return -ENOMEM;
    worker->depth = depth;
    worker->run = run;
    worker->owner = owner;
    pthread_mutex_init(&worker->mutex, NULL);
    pthread_cond_init(&worker->wake, NULL);
    pthread_cond_init(&worker->idle, NULL);

    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&worker->thread, NULL, worker_main, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        pthread_cond_destroy(&worker->idle);
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
    pthread_cond_destroy(&worker->idle);
    pthread_cond_destroy(&worker->wake);
    pthread_mutex_destroy(&worker->mutex);
    free(worker);
}

bool worker_submit(struct worker *worker, void *job)
{
    pthread_mutex_lock(&worker->mutex);
    bool room = worker->used < worker->depth && !worker->stopping;
    if (room) {
        worker->job[(worker->oldest + worker->used++) % worker->depth] = job;
        pthread_cond_signal(&worker->wake);
    }
    pthread_mutex_unlock(&worker->mutex);
    return room;
}

bool worker_full(struct worker *worker)
{
    pthread_mutex_lock(&worker->mutex);
    bool full = worker->used == worker->depth;
    pthread_mutex_unlock(&worker->mutex);
    return full;
}

void worker_flush(struct worker *worker)
{
    pthread_mutex_lock(&worker->mutex);
    while (worker->used || worker->busy)
        pthread_cond_wait(&worker->idle, &worker->mutex);
    pthread_mutex_unlock(&worker->mutex);
}
