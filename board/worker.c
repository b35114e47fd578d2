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
#include <time.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"

struct job_queue {
    struct worker_job *first, *last;
};

/* What the thread and the loop share. */
struct shared {
    pthread_mutex_t mutex;
    pthread_cond_t more, less; /* there is a job to do; one was done, or the thread has ended */
    struct job_queue waiting, finished;
    struct worker_job *current; /* being worked on */
    uint64_t begun_ns;          /* since when */
    bool ending;                /* no more will come: end when nothing waits */
    bool ended;
    bool abandoned; /* the loop side is gone */
    int event;
};

struct worker {
    struct shared *shared;
    struct loop *loop;
    pthread_t thread;
    unsigned patience_ms;
    struct job_queue telling; /* taken over by the loop, their turn comes */
    bool tells, gone;         /* the worker goes while it tells: then who tells frees it */
};

static uint64_t now_ns(void)
{
    struct clock real = clock_real(); /* as the system calls that may hang are */
    return clock_monotonic_ns(&real);
}

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

static bool take_out(struct job_queue *queue, const struct worker_job *job)
{
    struct worker_job *before = NULL;
    for (struct worker_job *at = queue->first; at; before = at, at = at->next) {
        if (at != job)
            continue;
        if (before)
            before->next = at->next;
        else
            queue->first = at->next;
        if (queue->last == at)
            queue->last = before;
        return true;
    }
    return false;
}

static unsigned release_all(struct job_queue *queue)
{
    struct worker_job *job;
    unsigned count = 0;
    for (; (job = pop(queue)); count++)
        job->release(job);
    return count;
}

static void free_shared(struct shared *shared)
{
    release_all(&shared->waiting);
    release_all(&shared->finished);
    if (shared->event >= 0)
        close(shared->event);
    pthread_cond_destroy(&shared->more);
    pthread_cond_destroy(&shared->less);
    pthread_mutex_destroy(&shared->mutex);
    free(shared);
}

/* ---- in the thread ---- */

static void finish(struct shared *shared, struct worker_job *job)
{
    const uint64_t one = 1;
    shared->current = NULL;
    push(&shared->finished, job);
    pthread_cond_broadcast(&shared->less);
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
        shared->current = job;
        shared->begun_ns = now_ns();
        pthread_mutex_unlock(&shared->mutex);
        job->result = job->work(job);
        pthread_mutex_lock(&shared->mutex);
        finish(shared, job);
    }
    bool last = shared->abandoned;
    shared->ended = true;
    pthread_cond_broadcast(&shared->less);
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
    /* a callback may take back a job that is still to be told of, or the worker away */
    worker->telling = finished;
    worker->tells = true;
    struct worker_job *job;
    while ((job = pop(&worker->telling)))
        job->done(job, job->result);
    worker->tells = false;
    if (worker->gone)
        free(worker);
}

static struct shared *create_shared(void)
{
    struct shared *shared = calloc(1, sizeof *shared);
    if (!shared)
        return NULL;
    pthread_mutex_init(&shared->mutex, NULL);
    pthread_cond_init(&shared->more, NULL);
    pthread_cond_init(&shared->less, NULL);
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
    worker->patience_ms = WORKER_PATIENCE_MS;
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

void worker_set_patience(struct worker *worker, unsigned patience_ms)
{
    worker->patience_ms = patience_ms;
}

void worker_submit(struct worker *worker, struct worker_job *job)
{
    pthread_mutex_lock(&worker->shared->mutex);
    push(&worker->shared->waiting, job);
    pthread_cond_signal(&worker->shared->more);
    pthread_mutex_unlock(&worker->shared->mutex);
}

void worker_withdraw(struct worker *worker, struct worker_job *job)
{
    struct shared *shared = worker->shared;
    if (take_out(&worker->telling, job))
        return;
    pthread_mutex_lock(&shared->mutex);
    while (shared->current == job)
        pthread_cond_wait(&shared->less, &shared->mutex);
    if (!take_out(&shared->waiting, job))
        take_out(&shared->finished, job);
    pthread_mutex_unlock(&shared->mutex);
}

static void leave_loop(struct worker *worker)
{
    loop_unwatch(worker->loop, worker->shared->event);
    release_all(&worker->telling);
}

static void free_worker(struct worker *worker)
{
    worker->gone = worker->tells;
    if (!worker->tells)
        free(worker);
}

/* Under the mutex: true when it has ended, false when it is at one job for too long. */
static bool wait_for_end(const struct worker *worker)
{
    struct shared *shared = worker->shared;
    while (!shared->ended) {
        uint64_t now = now_ns(), until_ns = now + NS_PER_S / 50;
        if (shared->current && now - shared->begun_ns > worker->patience_ms * NS_PER_MS)
            return false;
        const struct timespec until = { (time_t)(until_ns / NS_PER_S), (long)(until_ns % NS_PER_S) };
        pthread_cond_clockwait(&shared->less, &shared->mutex, CLOCK_MONOTONIC, &until);
    }
    return true;
}

unsigned worker_destroy(struct worker *worker)
{
    if (!worker)
        return 0;
    struct shared *shared = worker->shared;
    unsigned undone = 0;
    leave_loop(worker);
    pthread_mutex_lock(&shared->mutex);
    shared->ending = true;
    pthread_cond_signal(&shared->more);
    bool ended = wait_for_end(worker);
    if (!ended) {
        pthread_detach(worker->thread); /* before it may end */
        shared->abandoned = true;
        undone = 1 + release_all(&shared->waiting);
    }
    pthread_mutex_unlock(&shared->mutex);
    if (ended) {
        pthread_join(worker->thread, NULL);
        free_shared(shared);
    }
    free_worker(worker);
    return undone;
}

void worker_abandon(struct worker *worker)
{
    if (!worker)
        return;
    struct shared *shared = worker->shared;
    leave_loop(worker);
    pthread_detach(worker->thread); /* before it may end */
    pthread_mutex_lock(&shared->mutex);
    shared->ending = true;
    shared->abandoned = true;
    release_all(&shared->waiting);
    pthread_cond_signal(&shared->more);
    pthread_mutex_unlock(&shared->mutex);
    free_worker(worker);
}
