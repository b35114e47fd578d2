/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state_files.c - a job holds the state that it will write until its turn comes; one that is put later may take that
 * one's place. A file is freed by whoever leaves last, its owner, the list, or a job. */
#include "mgmt/state_files.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "board/worker.h"

/* A tree takes seven times as much memory as its text. */
struct state {
    bool there;   /* there is one */
    json_t *json; /* neither it nor text: the file goes */
    char *text;   /* in its place while it is being written */
};

struct write_job {
    struct worker_job job;
    struct state_file *file;
    enum spool_durability durability; /* under the file's mutex, like the next three, while it waits */
    uint64_t serial;
    struct state state;
    struct write_job *later;
    struct error err;
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
    struct write_job *first_waiting, *last_waiting; /* under the mutex, like the next */
    struct state writing;
};

struct state_files {
    struct worker *worker;
    char *directory;
    struct state_file *first; /* newest first; one that is closed stays until it is written */
};

static void leave(struct state_file *file)
{
    if (atomic_fetch_sub(&file->users, 1) != 1)
        return;
    pthread_mutex_destroy(&file->mutex);
    free(file->directory);
    free(file->name);
    free(file);
}

/* Under the mutex. It is the first, if it waits at all: their turn comes in the order of the list. */
static void stop_waiting(struct write_job *job)
{
    struct state_file *file = job->file;
    if (file->first_waiting != job)
        return;
    file->first_waiting = job->later;
    if (!job->later)
        file->last_waiting = NULL;
}

/* ---- in the worker ---- */

/* What a reader finds while no newer one waits. */
static void set_writing(struct state_file *file, struct state state)
{
    pthread_mutex_lock(&file->mutex);
    file->writing = state;
    pthread_mutex_unlock(&file->mutex);
}

static int write_state(struct write_job *job)
{
    struct state_file *file = job->file;
    if (!job->state.json) {
        spool_remove(file->directory, file->name);
        return 0;
    }
    job->state.text = json_dumps(job->state.json, JSON_COMPACT);
    if (!job->state.text)
        return error_set(&job->err, -ENOMEM, "spool file %s/%s", file->directory, file->name);
    json_t *tree = job->state.json;
    job->state.json = NULL;
    set_writing(file, job->state);
    json_decref(tree);
    return spool_write(file->directory, file->name, job->state.text, strlen(job->state.text), job->durability,
                       &job->err);
}

static void free_state(struct state *state)
{
    json_decref(state->json);
    free(state->text);
    *state = (struct state){ 0 };
}

static int work(struct worker_job *base)
{
    struct write_job *job = (struct write_job *)base;
    struct state_file *file = job->file;
    pthread_mutex_lock(&file->mutex);
    stop_waiting(job);
    file->writing = job->state;
    pthread_mutex_unlock(&file->mutex);
    int result = write_state(job);
    set_writing(file, (struct state){ 0 });
    free_state(&job->state);
    return result;
}

static void release(struct worker_job *base)
{
    struct write_job *job = (struct write_job *)base;
    pthread_mutex_lock(&job->file->mutex);
    stop_waiting(job);
    pthread_mutex_unlock(&job->file->mutex);
    free_state(&job->state);
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

/* True: that is what the file will be. *json: give; NULL: it will be gone, or there is no memory. */
static bool read_unwritten(struct state_file *file, json_t **json)
{
    pthread_mutex_lock(&file->mutex);
    const struct state *state = file->last_waiting ? &file->last_waiting->state : &file->writing;
    bool there = state->there;
    /* the thread may be reading the tree: it is only read here */
    *json = state->text ? json_loads(state->text, 0, NULL) : json_deep_copy(state->json);
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

/* True: the job that was to write the newest one writes this. */
static bool replace_newest(struct state_file *file, struct state state, enum spool_durability durability,
                           uint64_t serial)
{
    struct state before = { 0 };
    pthread_mutex_lock(&file->mutex);
    struct write_job *job = file->last_waiting;
    if (job) {
        before = job->state;
        job->state = state;
        job->serial = serial;
        if (durability == SPOOL_DURABLE)
            job->durability = SPOOL_DURABLE;
    }
    pthread_mutex_unlock(&file->mutex);
    free_state(&before);
    return job != NULL;
}

static bool submit(struct state_file *file, struct state state, enum spool_durability durability, uint64_t serial)
{
    struct write_job *job = calloc(1, sizeof *job);
    if (!job) {
        free_state(&state);
        return false;
    }
    *job = (struct write_job){ .job = { .work = work, .done = on_worked, .release = release },
                               .file = file,
                               .durability = durability,
                               .serial = serial,
                               .state = state };
    atomic_fetch_add(&file->users, 1);
    file->jobs++;
    pthread_mutex_lock(&file->mutex);
    *(file->last_waiting ? &file->last_waiting->later : &file->first_waiting) = job;
    file->last_waiting = job;
    pthread_mutex_unlock(&file->mutex);
    worker_submit(file->files->worker, &job->job);
    return true;
}

uint64_t state_file_put(struct state_file *file, json_t *json, enum spool_durability durability)
{
    const struct state state = { .there = true, .json = json };
    uint64_t serial = file->serial + 1;
    if (!replace_newest(file, state, durability, serial) && !submit(file, state, durability, serial))
        return 0;
    return file->serial = serial;
}

uint64_t state_file_put_in_turn(struct state_file *file, json_t *json, enum spool_durability durability)
{
    uint64_t serial = file->serial + 1;
    return submit(file, (struct state){ .there = true, .json = json }, durability, serial) ? file->serial = serial : 0;
}

void state_files_remove(struct state_files *files, const char *name)
{
    struct state_file *file;
    if (state_file_open(&file, files, name, NULL, NULL, NULL) < 0)
        return; /* without memory */
    state_file_put(file, NULL, SPOOL_FAST);
    state_file_close(file);
}
