/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.h - where the files of a destination are put: an HTTP server, WebDAV, S3, a folder ... behind one set of calls.
 *
 * A family of destinations is a class of functions (store_http.h, ...), found by the connection's `cdn` in a table in
 * store.c. A store knows how one file is put and deleted there and whether that worked, and does what its protocol asks
 * for on the way (a challenge, a missing collection, a redirect). Patience and order are mgmt/destination.h's. Nothing
 * blocks. One thread (the loop's).
 *
 *     store_create(&store, &config, &err);
 *     if (store_free(store))
 *         store_start(store, &(struct store_request){ .method = STORE_PUT, .name = "news_720p_00042.ts", .body = data,
 *                     .bytes = n, .done = on_done, .context = me }, &task, &err);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "mgmt/output_group.h"
#include "mgmt/transfer.h"

struct clock;
struct credential;
struct error;
struct log;
struct loop;
struct problems;
struct state_files;
struct store;
struct store_task;

enum store_method { STORE_PUT, STORE_DELETE };

struct store_request {
    enum store_method method;
    const char *name; /* behind the last slash of the destination's URL, may hold slashes; borrow during the call */
    const char *content_type, *content_encoding, *cache_control; /* borrow during the call; NULL: none */
    const void *body; /* borrow until done or cancelled; NULL: the file's bytes are in `descriptor` */
    int descriptor;   /* borrow likewise: read with pread from offset 0, may be of many gigabytes */
    size_t bytes;
    /* Name of a state file, where the store may note how much of a large file is there, so that a
     * later life of the box goes on with it; borrow during the call; NULL: it begins again. */
    const char *bookmark;
    transfer_done *done; /* made from the loop, never from within a call */
    void *context;
};

struct store_config {
    const struct destination *destination;        /* borrow: outlives the store */
    const struct connection_settings *connection; /* borrow: likewise */
    const struct credential *credential;          /* borrow during create; NULL: none */
    struct state_files *states;                   /* borrow: likewise; NULL: no request has a bookmark */
    struct transfer_stall_watch stall_watch;      /* of all its tasks */
    struct transfer_engine *engine;               /* borrow, like all below */
    struct loop *loop;
    const struct clock *clock;
    const struct log *log;
};

struct store_class {
    const char *name; /* as in the configuration: "basic_put" */
    /* What is wrong with the destination for this family, as the end of a sentence; NULL: nothing. Pure. */
    const char *(*fault)(const struct destination *destination, const struct connection_settings *connection);
    int (*create)(struct store **out, const struct store_config *config, struct error *err);
    void (*destroy)(struct store *store);
    unsigned (*free)(const struct store *store);
    int (*start)(struct store *store, const struct store_request *request, struct store_task **out, struct error *err);
    void (*cancel)(struct store *store, struct store_task *task);
    void (*forget)(struct store *store, const char *name, const char *bookmark); /* NULL: nothing to do */
};

/* The first member of every store. */
struct store {
    const struct store_class *class;
};

const struct store_class *store_class_of(unsigned cdn); /* enum cdn_type; borrow: static */

int store_create(struct store **out, const struct store_config *config, struct error *err);
void store_destroy(struct store *store);        /* nothing runs any more; NULL is fine */
unsigned store_free(const struct store *store); /* how many more requests may be started now */
/* 0 and the task (borrow: until done or cancelled), or -EBUSY, -ENOMEM. */
int store_start(struct store *store, const struct store_request *request, struct store_task **out, struct error *err);
/* done is not called. What is there of a large file may stay, to be gone on with. */
void store_cancel(struct store *store, struct store_task *task);
/* This file, of which no task is under way, will not be put any more: what is there of it goes, and its bookmark. Not
 * waited for. name: NULL when only the bookmark is known; bookmark: NULL when it has none. False: this family knows no
 * bookmarks, and nothing is done. */
bool store_forget(struct store *store, const char *name, const char *bookmark);
