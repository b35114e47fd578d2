/* SPDX-License-Identifier: GPL-2.0-or-later */
/* s3_upload.h - one large object in parts: begun, its parts sent in any order and several at once, completed or
 * aborted.
 *
 * Nobody sees the object before it is completed. Parts have 5 MiB or more, all but the last; there are at most 10000.
 * Each part is sent from the caller's memory and repeated until the store has it, as are the other steps: `troubled`
 * tells of each try that failed, and when to lose patience is the owner's to decide (s3_upload_abort). What is at the
 * store can be saved as JSON (s3_upload_save, whenever `opened`, `part_done` or `completing` was called) and taken up
 * again by another process: then the store is asked which parts it really has. One thread (the loop's). Up to
 * S3_UPLOAD_WAITING_MAX parts wait; one more is refused. Callbacks come from the loop, last in what calls them: they
 * may destroy the upload.
 *
 *     s3_upload_create(&upload, &(struct s3_upload_config){ .client = client, .key = "archive/news.000000.m2ts",
 *                      .content_type = "video/m2ts", .loop = loop, .clock = &clock, .callbacks = {...} }, NULL, &err);
 *     s3_upload_part(upload, 1, data, 8 << 20, &err);      // ... part_done(me, 1, data): the memory is free
 *     s3_upload_complete(upload, &err);                    // ... completed(me)
 *     s3_upload_destroy(upload);
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mgmt/s3_parts.h"

struct clock;
struct error;
struct loop;
struct s3_upload;

enum {
    S3_PART_BYTES_MIN = 5 << 20, /* of all but the last */
    S3_UPLOAD_WAITING_MAX = 16,
};

struct s3_upload_callbacks {                                             /* any may be NULL */
    void (*opened)(void *context);                                       /* the store knows of it (again) */
    void (*part_done)(void *context, unsigned number, const void *data); /* confirmed: data is free */
    void (*completed)(void *context);                                    /* the object is there, as a whole */
    void (*aborted)(void *context);                                      /* nothing of it is at the store */
    void (*troubled)(void *context, const struct s3_result *result, unsigned tries); /* and will be tried again */
    /* The store does not know this upload (any more): begin anew. Nothing more happens. */
    void (*lost)(void *context, const struct s3_result *result);
};

struct s3_upload_config {
    struct s3_client *client; /* borrow, like all pointers: outlives the upload, except the texts: during create */
    const char *key, *content_type, *cache_control;
    const char *canned_acl;      /* NULL or "": none */
    unsigned complete_timeout_s; /* joining many parts takes a store a while; 0: 300 */
    size_t part_bytes_min;       /* of all parts but the last; 0: S3_PART_BYTES_MIN; for stores that take less */
    struct loop *loop;
    const struct clock *clock;
    struct s3_upload_callbacks callbacks;
    void *context;
};

struct s3_upload_counters {
    uint64_t parts_done, bytes_done, part_retries, other_retries;
};

/* saved: of s3_upload_save() (borrow during the call), to go on with that; NULL: a new upload. -EINVAL: saved is for
 * another key or not understood. */
int s3_upload_create(struct s3_upload **out, const struct s3_upload_config *config, const json_t *saved,
                     struct error *err);
void s3_upload_destroy(struct s3_upload *upload); /* what is at the store stays there, to be resumed; NULL is fine */

/* number: from 1 on. data: borrow until part_done or destroy. A part that is there already is sent again and replaced.
 * -ENOBUFS: too many wait; -EINVAL: no such number; -EBUSY: it is being completed or aborted. */
int s3_upload_part(struct s3_upload *upload, unsigned number, const void *data, size_t bytes, struct error *err);
bool s3_upload_has_part(const struct s3_upload *upload, unsigned number); /* confirmed by the store */
void s3_upload_hurry(
    struct s3_upload *upload); /* ends the pauses after tries that failed: the owner has paused enough */
unsigned s3_upload_waiting(const struct s3_upload *upload); /* parts that are not confirmed */

/* Joins the parts 1 to the last. -EINVAL: one is missing, or one but the last is not large enough. */
int s3_upload_complete(struct s3_upload *upload, struct error *err);
void s3_upload_abort(struct s3_upload *upload); /* parts that wait are forgotten at once */

json_t *
s3_upload_save(const struct s3_upload *upload); /* give; NULL: the store does not know of it yet, or no memory */
struct s3_upload_counters s3_upload_counters(const struct s3_upload *upload);
