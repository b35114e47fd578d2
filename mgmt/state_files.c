/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state_files.c - a job takes what waits when its turn comes, not when it was submitted: so there are never more than
 * one to be begun. A file is freed by whoever leaves last, its owner, the list, or a job. */
#include "mgmt/state_files.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "board/worker.h"

struct state {
    bool there;   /* there is one */
    json_t *json; /* NULL: the file goes */
    enum spool_durability durability;
    uint64_t serial;
};

struct state_file {
    struct state_files *files; /* the loop's, like the next six */
    struct state_file *next;
    state_written *written;
    void *context;
    uint64_t serial;
    unsigned jobs; /* submitted and not told */
    bool closed;
    char *directory, *name;
    atomic_uint users;
    pthread_mutex_t mutex;
    struct state waiting, writing; /* under the mutex */
};

struct state_files {
    struct worker *worker;
    char *directory;
    struct state_file *first; /* newest first; one that is closed stays until it is written */
};

struct write_job {
    struct worker_job job;
    struct state_file *file;
    uint64_t serial;
    struct error err;
};

static void leave(struct state_file *file)
{
    if (atomic_fetch_sub(&file->users, 1) != 1)
        return;
    json_decref(file->waiting.json);
    json_decref(file->writing.json);
    pthread_mutex_destroy(&file->mutex);
    free(file->directory);
    free(file->name);
    free(file);
}

/* ---- in the worker ---- */

static int work(struct worker_job *base)
{
    struct write_job *job = (struct write_job *)base;
    struct state_file *file = job->file;
    pthread_mutex_lock(&file->mutex);
    file->writing = file->waiting;
    file->waiting = (struct state){ 0 };
    const struct state state = file->writing;
    pthread_mutex_unlock(&file->mutex);
    int result = 0;
    if (state.json)
        result = spool_write_json(file->directory, file->name, state.json, state.durability, &job->err);
    else
        spool_remove(file->directory, file->name);
    pthread_mutex_lock(&file->mutex);
    file->writing = (struct state){ 0 };
    pthread_mutex_unlock(&file->mutex);
    json_decref(state.json);
    job->serial = state.serial;
    return result;
}

static void release(struct worker_job *base)
{
    struct write_job *job = (struct write_job *)base;
    leave(job->file);
    free(job);
}

/* ---- on the loop ---- */

static void unlist(struct state_file *file)
{
    struct state_file **place = &file->files->first;
    while (*place != file)
        place = &(*place)->next;
    *place = file->next;
    leave(file);
}

static void on_worked(struct worker_job *base, int result)
{
    struct write_job *job = (struct write_job *)base;
    struct state_file *file = job->file;
    file->jobs--;
    if (!file->closed && file->written)
        file->written(file->context, job->serial, result, job->err.text);
    else if (file->closed && !file->jobs)
        unlist(file);
    release(base);
}

int state_files_create(struct state_files **out, struct worker *worker, const char *directory, struct error *err)
{
    struct state_files *files = calloc(1, sizeof *files);
    char *copy = files ? strdup(directory) : NULL;
    if (!copy) {
        free(files);
        return error_set(err, -ENOMEM, "state files");
    }
    files->worker = worker;
    files->directory = copy;
    *out = files;
    return 0;
}

void state_files_destroy(struct state_files *files)
{
    if (!files)
        return;
    while (files->first)
        unlist(files->first);
    free(files->directory);
    free(files);
}

/* True: that is what the file will be. *json: give; NULL: it will be gone. */
static bool read_unwritten(struct state_file *file, json_t **json)
{
    pthread_mutex_lock(&file->mutex);
    const struct state *state = file->waiting.there ? &file->waiting : &file->writing;
    bool there = state->there;
    *json = there ? json_deep_copy(state->json) : NULL; /* the thread may be reading it: it is only read here */
    pthread_mutex_unlock(&file->mutex);
    return there;
}

json_t *state_files_read(const struct state_files *files, const char *name, struct error *err)
{
    json_t *json;
    *err = (struct error){ 0 };
    for (struct state_file *file = files->first; file; file = file->next)
        if (strcmp(file->name, name) == 0 && read_unwritten(file, &json))
            return json;
    return spool_read(files->directory, name, err);
}

int state_file_open(struct state_file **out, struct state_files *files, const char *name, state_written *written,
                    void *context, struct error *err)
{
    struct state_file *file = calloc(1, sizeof *file);
    if (!file)
        return error_set(err, -ENOMEM, "state file %s", name);
    pthread_mutex_init(&file->mutex, NULL);
    file->users = 1;
    file->directory = strdup(files->directory);
    file->name = strdup(name);
    if (!file->directory || !file->name) {
        leave(file);
        return error_set(err, -ENOMEM, "state file %s", name);
    }
    file->written = written;
    file->context = context;
    file->files = files;
    file->next = files->first;
    files->first = file;
    *out = file;
    return 0;
}

void state_file_close(struct state_file *file)
{
    if (!file)
        return;
    file->closed = true;
    if (!file->jobs)
        unlist(file);
}

/* True: the job that will write it is submitted already. */
static bool replace_waiting(struct state_file *file, const struct state *state)
{
    pthread_mutex_lock(&file->mutex);
    struct state before = file->waiting;
    if (before.there) {
        file->waiting = *state;
        if (before.durability == SPOOL_DURABLE)
            file->waiting.durability = SPOOL_DURABLE;
    }
    pthread_mutex_unlock(&file->mutex);
    json_decref(before.json);
    return before.there;
}

uint64_t state_file_put(struct state_file *file, json_t *json, enum spool_durability durability)
{
    const struct state state = { true, json, durability, file->serial + 1 };
    if (replace_waiting(file, &state))
        return ++file->serial;
    struct write_job *job = calloc(1, sizeof *job);
    if (!job) {
        json_decref(json);
        return 0;
    }
    job->job = (struct worker_job){ .work = work, .done = on_worked, .release = release };
    job->file = file;
    atomic_fetch_add(&file->users, 1);
    file->jobs++;
    pthread_mutex_lock(&file->mutex);
    file->waiting = state;
    pthread_mutex_unlock(&file->mutex);
    worker_submit(file->files->worker, &job->job);
    return ++file->serial;
}

void state_files_remove(struct state_files *files, const char *name)
{
    struct state_file *file;
    if (state_file_open(&file, files, name, NULL, NULL, NULL) < 0)
        return; /* without memory */
    state_file_put(file, NULL, SPOOL_FAST);
    state_file_close(file);
}
