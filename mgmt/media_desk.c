/* SPDX-License-Identifier: GPL-2.0-or-later */
/* media_desk.c - a task carries all that its work needs, so that a thread that hangs may be left behind. */
#include "mgmt/media_desk.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"
#include "board/worker.h"
#include "mgmt/media.h"

struct media_task {
    struct worker_job job; /* first */
    char directory[MEDIA_PATH_BYTES];
    struct media media;
    enum media_work work;
    char place[256], file[MEDIA_PATH_BYTES];
    char *data;
    size_t bytes;
    json_t *places;
    char path[MEDIA_PATH_BYTES];
    char *text;
    struct error err;
    /* the loop's */
    struct media_desk *desk;
    struct media_task *next;
    media_answered *answered; /* NULL: told already */
    void *context;
    uint64_t due_ns;
};

struct media_desk {
    struct loop *loop;
    const struct clock *clock;
    const struct media *media;
    struct worker *worker;
    struct loop_timer *timer;
    struct media_task *tasks; /* oldest first */
};

/* ---- in the thread ---- */
static int work(struct worker_job *job)
{
    struct media_task *task = (struct media_task *)job;
    switch (task->work) {
    case MEDIA_LIST:
        task->places = media_json(&task->media);
        return task->places ? 0 : -ENOMEM;
    case MEDIA_SAVE:
        return media_save(&task->media, task->place, task->file, task->data, task->bytes, task->path, &task->err);
    case MEDIA_FIND:
        return media_find(&task->media, task->file, task->path, &task->err);
    case MEDIA_LOAD:
        task->text = media_load(&task->media, task->file, task->bytes, &task->err);
        return task->text ? 0 : task->err.code;
    }
    return -EINVAL;
}

static void release(struct worker_job *job)
{
    struct media_task *task = (struct media_task *)job;
    if (task->data)
        explicit_bzero(task->data, task->bytes);
    if (task->text)
        explicit_bzero(task->text, strlen(task->text));
    free(task->data);
    free(task->text);
    json_decref(task->places);
    free(task);
}

/* ---- on the loop ---- */
static void answer(struct media_task *task, const struct media_answer *answer)
{
    media_answered *answered = task->answered;
    task->answered = NULL;
    if (answered)
        answered(task->context, answer);
}

static void on_worked(struct worker_job *job, int result)
{
    struct media_task *task = (struct media_task *)job;
    struct media_task **place = &task->desk->tasks;
    while (*place != task)
        place = &(*place)->next;
    *place = task->next;
    answer(task, &(struct media_answer){ .result = result,
                                         .text = task->err.text[0] ? task->err.text : strerror(-result),
                                         .places = task->places,
                                         .path = task->path,
                                         .data = task->text });
    release(job);
}

static void set_timer(struct media_desk *desk)
{
    struct media_task *task = desk->tasks;
    while (task && !task->answered)
        task = task->next;
    if (task)
        loop_timer_set(desk->timer, task->due_ns);
}

static void on_timer(void *context)
{
    struct media_desk *desk = context;
    uint64_t now = clock_monotonic_ns(desk->clock);
    for (struct media_task *task = desk->tasks; task; task = task->next)
        if (task->due_ns <= now)
            answer(task, &(struct media_answer){ .result = -ETIMEDOUT,
                                                 .text = "a stick or disk does not answer; what is written to it may "
                                                         "still get there" });
    set_timer(desk);
}

int media_desk_create(struct media_desk **out, struct loop *loop, const struct clock *clock, const struct media *media,
                      struct error *err)
{
    struct media_desk *desk = calloc(1, sizeof *desk);
    if (!desk)
        return error_set(err, -ENOMEM, "media");
    *desk = (struct media_desk){ .loop = loop, .clock = clock, .media = media };
    desk->timer = loop_timer_create(loop, on_timer, desk);
    int result = desk->timer ? worker_create(&desk->worker, loop, "media", err) : error_set(err, -ENOMEM, "media");
    if (result < 0) {
        media_desk_destroy(desk);
        return result;
    }
    *out = desk;
    return 0;
}

void media_desk_destroy(struct media_desk *desk)
{
    if (!desk)
        return;
    for (struct media_task *task = desk->tasks; task; task = task->next)
        answer(task, &(struct media_answer){ .result = -ESHUTDOWN, .text = "biplaned ends" });
    worker_abandon(desk->worker);
    loop_timer_destroy(desk->timer);
    free(desk);
}

static bool has_room(const struct media_desk *desk)
{
    unsigned count = 0;
    for (const struct media_task *task = desk->tasks; task; task = task->next)
        count++;
    return count < MEDIA_WAITING_MAX;
}

static struct media_task *make_task(struct media_desk *desk, const struct media_question *question)
{
    struct media_task *task = calloc(1, sizeof *task);
    if (!task)
        return NULL;
    task->job = (struct worker_job){ .work = work, .done = on_worked, .release = release };
    snprintf(task->directory, sizeof task->directory, "%s", desk->media->directory);
    task->media = (struct media){ task->directory, desk->media->any_folder };
    task->work = question->work;
    snprintf(task->place, sizeof task->place, "%s", question->place ? question->place : "");
    snprintf(task->file, sizeof task->file, "%s", question->file ? question->file : "");
    task->data = question->data;
    task->bytes = question->bytes;
    task->desk = desk;
    task->due_ns = clock_monotonic_ns(desk->clock) + MEDIA_SECONDS * NS_PER_S;
    return task;
}

int media_desk_ask(struct media_desk *desk, const struct media_question *question, media_answered *answered,
                   void *context, struct error *err)
{
    struct media_task *task = has_room(desk) ? make_task(desk, question) : NULL;
    if (!task) {
        if (question->data)
            explicit_bzero(question->data, question->bytes);
        free(question->data);
        return has_room(desk) ? error_set(err, -ENOMEM, "no memory")
                              : error_set(err, -EBUSY, "a stick or disk does not answer, and others wait for it");
    }
    task->answered = answered;
    task->context = context;
    struct media_task **end = &desk->tasks;
    while (*end)
        end = &(*end)->next;
    *end = task;
    set_timer(desk);
    worker_submit(desk->worker, &task->job);
    return 0;
}
