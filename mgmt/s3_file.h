/* SPDX-License-Identifier: GPL-2.0-or-later */
/* s3_file.h - a file of many gigabytes becomes an object, in parts, with a few buffers of memory.
 *
 * Over mgmt/s3_upload.h. It has a part read into a buffer (mgmt/disk_reader.h: by a thread), sends it, and has the next
 * one read; S3_FILE_BUFFERS are on their way at once. A try that fails ends the work for its owner (`done` says why),
 * but what the store has stays: s3_file_continue() goes on from there, with the same bytes. Whoever gives up calls
 * s3_file_abandon(). With a bookmark (a small file in the spool, mgmt/state_files.h) a later life of the box goes on
 * too: every part that the store confirmed is noted there, and the store is asked which it still has. When the file is
 * with the store as a whole, the bookmark stays: its owner removes it after the file itself, so that no kill in between
 * makes it be sent once more. One thread (the loop's).
 *
 *     s3_file_create(&file, &(struct s3_file_config){ .client = client, .key = "archive/news.000000.m2ts",
 *                    .bytes = 8 << 30, .reader = reader, .loop = loop, .clock = &clock }, &err);
 *     s3_file_continue(file, descriptor, on_done, me);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mgmt/transfer.h"

struct clock;
struct disk_reader;
struct error;
struct log;
struct loop;
struct s3_client;
struct s3_file;
struct state_files;

enum { S3_FILE_BUFFERS = 3, S3_FILE_PART_BYTES = 8 << 20 /* larger when a file would have more than 10000 */ };

struct s3_file_config {
    struct s3_client *client;                                    /* borrow: outlives the file, like loop and clock */
    const char *key, *content_type, *cache_control, *canned_acl; /* borrow during create; NULL: none but key */
    uint64_t bytes;
    size_t part_bytes;          /* 0: as large as they need to be */
    const char *bookmark;       /* borrow during create; its name. NULL: none */
    struct state_files *states; /* borrow, like all below: outlives the file. Where it is; NULL: nowhere */
    struct disk_reader *reader;
    struct loop *loop;
    const struct clock *clock;
    const struct log *log;
};

/* Goes on with what the bookmark says, where that is of this object and this length; else that is aborted first. */
int s3_file_create(struct s3_file **out, const struct s3_file_config *config, struct error *err);
/* One that is to be abandoned: key and bytes are as the bookmark says. -ENOENT: nothing is noted there. */
int s3_file_find(struct s3_file **out, const struct s3_file_config *config, struct error *err);
void s3_file_destroy(struct s3_file *file); /* parts that are at the store stay there; NULL is fine */

/* descriptor: borrow until done or pause; read with pread. done is called once, from the loop: complete, or what went
 * wrong. -EBUSY: it is at work. */
int s3_file_continue(struct s3_file *file, int descriptor, transfer_done *done, void *context);
void s3_file_pause(struct s3_file *file); /* done is not called, descriptor is free */
/* The store is told to forget the parts; gone is called from the loop when that is over, one way or the other: destroy
 * then (or before). The bookmark goes when the store has said yes. */
void s3_file_abandon(struct s3_file *file, void (*gone)(void *context, struct s3_file *file), void *context);

bool s3_file_is(const struct s3_file *file, const char *key, uint64_t bytes);
bool s3_file_is_of(const struct s3_file *file, const char *key, const char *bookmark); /* either; NULL: not by that */
bool s3_file_is_at_work(const struct s3_file *file);                                   /* between continue and done */
uint64_t s3_file_bytes_done(const struct s3_file *file);
