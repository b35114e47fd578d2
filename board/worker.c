/* SPDX-License-Identifier: GPL-2.0-or-later */
/* worker.c - two lists under one mutex, an eventfd to tell the loop. The shared part is freed by whoever leaves last.
 */
#include "board/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "board/error.h"
#include "board/loop.h"

struct job_queue {
    struct worker_job *first, *last;
};

/* What the thread and the loop share. */
struct shared {
    pthread_mutex_t mutex;
    pthread_cond_t more;
    struct job_queue waiting, finished;
    bool ending;    /* no more will come: end when nothing waits */
    bool abandoned; /* the loop side is gone */
    int event;
};

struct worker {
    struct shared *shared;
    struct loop *loop;
    pthread_t thread;
};

static void push(struct job_queue *queue, struct worker_job *job)
{
    job->next = NULL;
    if (queue->last)
        queue->last->next = job;
    else
        queue->first = job;
    queue->last = job;
}

static struct worker_job *pop(struct job_queue *queue)
{
    struct worker_job *job = queue->first;
    if (job) {
        queue->first = job->next;
        if (!queue->first)
            queue->last = NULL;
    }
    return job;
}

static void release_all(struct job_queue *queue)
{
    struct worker_job *job;
    while ((job = pop(queue)))
        job->release(job);
}

static void free_shared(struct shared *shared)
{
    release_all(&shared->waiting);
    release_all(&shared->finished);
    if (shared->event >= 0)
        close(shared->event);
    pthread_cond_destroy(&shared->more);
    pthread_mutex_destroy(&shared->mutex);
    free(shared);
}

/* ---- in the thread ---- */

static void finish(struct shared *shared, struct worker_job *job)
{
    const uint64_t one = 1;
    push(&shared->finished, job);
    if (write(shared->event, &one, sizeof one) < 0) {
        /* the counter is full: the loop has been told */
    }
}

static void *run(void *context)
{
    struct shared *shared = context;
    pthread_mutex_lock(&shared->mutex);
    while (!shared->abandoned) {
        struct worker_job *job = pop(&shared->waiting);
        if (!job && shared->ending)
            break;
        if (!job) {
            pthread_cond_wait(&shared->more, &shared->mutex);
            continue;
        }
        pthread_mutex_unlock(&shared->mutex);
        job->result = job->work(job);
        pthread_mutex_lock(&shared->mutex);
        finish(shared, job);
    }
    bool last = shared->abandoned;
    pthread_mutex_unlock(&shared->mutex);
    if (last)
        free_shared(shared);
    return NULL;
}

/* ---- on the loop ---- */

static void on_event(void *context, int file_descriptor, unsigned events)
{
    (void)events;
    struct worker *worker = context;
    struct shared *shared = worker->shared;
    uint64_t count;
    if (read(file_descriptor, &count, sizeof count) < 0)
        return;
    pthread_mutex_lock(&shared->mutex);
    struct job_queue finished = shared->finished;
    shared->finished = (struct job_queue){ 0 };
    pthread_mutex_unlock(&shared->mutex);
    /* a callback may take the worker away: only the list of our own is looked at from here on */
    struct worker_job *job;
    while ((job = pop(&finished)))
        job->done(job, job->result);
}

static struct shared *create_shared(void)
{
    struct shared *shared = calloc(1, sizeof *shared);
    if (!shared)
        return NULL;
    pthread_mutex_init(&shared->mutex, NULL);
    pthread_cond_init(&shared->more, NULL);
    shared->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (shared->event < 0) {
        free_shared(shared);
        return NULL;
    }
    return shared;
}

int worker_create(struct worker **out, struct loop *loop, const char *name, struct error *err)
{
    struct worker *worker = calloc(1, sizeof *worker);
    struct shared *shared = create_shared();
    if (!worker || !shared || loop_watch(loop, shared->event, LOOP_READ, on_event, worker, NULL) < 0) {
        if (shared)
            free_shared(shared);
        free(worker);
        return error_set(err, -ENOMEM, "worker %s", name);
    }
    worker->shared = shared;
    worker->loop = loop;
    int result = -pthread_create(&worker->thread, NULL, run, shared);
    if (result < 0) {
        loop_unwatch(loop, shared->event);
        free_shared(shared);
        free(worker);
        return error_set_errno(err, result, "thread of worker %s", name);
    }
    pthread_setname_np(worker->thread, name);
    *out = worker;
    return 0;
}

void worker_submit(struct worker *worker, struct worker_job *job)
{
    pthread_mutex_lock(&worker->shared->mutex);
    push(&worker->shared->waiting, job);
    pthread_cond_signal(&worker->shared->more);
    pthread_mutex_unlock(&worker->shared->mutex);
}

static void tell_end(struct worker *worker, bool abandoned)
{
    loop_unwatch(worker->loop, worker->shared->event);
    pthread_mutex_lock(&worker->shared->mutex);
    worker->shared->ending = true;
    worker->shared->abandoned = abandoned;
    if (abandoned)
        release_all(&worker->shared->waiting);
    pthread_cond_signal(&worker->shared->more);
    pthread_mutex_unlock(&worker->shared->mutex);
}

void worker_destroy(struct worker *worker)
{
    if (!worker)
        return;
    tell_end(worker, false);
    pthread_join(worker->thread, NULL);
    free_shared(worker->shared);
    free(worker);
}

void worker_abandon(struct worker *worker)
{
    if (!worker)
        return;
    pthread_detach(worker->thread); /* before it may end */
    tell_end(worker, true);
    free(worker);
}
