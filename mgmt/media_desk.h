/* SPDX-License-Identifier: GPL-2.0-or-later */
/* media_desk.h - what mgmt/media.h does, asked for on the loop and done in a thread: a stick that is broken, or pulled
 * out, can hold whoever reads or writes it for minutes.
 *
 * Questions are worked on one after the other. Who is not answered within MEDIA_SECONDS is told so; what was begun goes
 * on in the thread. No more than MEDIA_WAITING_MAX wait, the one that hangs among them: more are refused. One thread
 * (the loop's).
 *
 *     media_desk_ask(desk, &(struct media_question){ .work = MEDIA_SAVE, .place = "stick", .file = "box.backup",
 *                                                    .data = text, .bytes = strlen(text) }, on_saved, me, &err);
 *     ... on_saved(me, answer): answer->result, answer->path
 */
#pragma once
#include <jansson.h>
#include <stddef.h>

struct clock;
struct error;
struct loop;
struct media;
struct media_desk;

enum { MEDIA_SECONDS = 15, MEDIA_WAITING_MAX = 8 };

enum media_work {
    MEDIA_LIST, /* places */
    MEDIA_SAVE, /* data as `file` in `place`; path */
    MEDIA_FIND, /* path of `file` ("place/name") */
    MEDIA_LOAD, /* text of `file` ("place/name"), up to `bytes` */
};

struct media_question {
    enum media_work work;
    const char *place, *file; /* borrow during the call */
    char *data;               /* take always (free()); wiped afterwards */
    size_t bytes;
};

struct media_answer {
    int result;       /* 0, or a negative errno: -ETIMEDOUT when nothing was heard, -ESHUTDOWN when the desk goes */
    const char *text; /* borrow during the call, like all below: why not */
    json_t *places;
    const char *path;
    const char *data; /* terminated; wiped afterwards */
};

typedef void media_answered(void *context, const struct media_answer *answer);

int media_desk_create(struct media_desk **out, struct loop *loop, const struct clock *clock, const struct media *media,
                      struct error *err);
void media_desk_destroy(struct media_desk *desk); /* everybody is answered first; waits for nothing; NULL is fine */
/* 0: answered() will be called, once, not before this returns. -EBUSY: too many wait; -ENOMEM. */
int media_desk_ask(struct media_desk *desk, const struct media_question *question, media_answered *answered,
                   void *context, struct error *err);
