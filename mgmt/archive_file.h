/* SPDX-License-Identifier: GPL-2.0-or-later */
/* archive_file.h - a recording that grows on the box's own disk until it is complete and may be delivered.
 *
 * Two files in the spool: "<name>.part" holds the bytes, "<name>.json" says how many of them count, with their checksum
 * and times. Every append is on the disk before it returns, first the bytes, then what is said of them, so that a power
 * cut at any moment leaves what was appended before. All functions block: they belong to a worker (board/worker.h), one
 * file to one thread at a time.
 *
 *     archive_file_open(&file, spool, "news.0.record.video.5966123", &err);    // new, or as it was left
 *     archive_file_append(file, data, bytes, start_90k, end_90k, &err);
 *     archive_file_complete(file, &err);
 *     struct archive_file_info info = archive_file_info(file);
 *     archive_file_close(file);
 *
 * When it is sent in parts, "<name>.upload" says how far that has come (mgmt/s3_file.h writes it).
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct archive_file;
struct error;

enum { ARCHIVE_NAME_BYTES = 320 };

struct archive_file_info {
    uint64_t bytes;
    int64_t start_90k, end_90k; /* timeline; 0: nothing is in it yet */
    unsigned pieces;
    unsigned holes;    /* places where a piece did not follow the one before it */
    uint32_t checksum; /* CRC-32 of the bytes */
    bool complete;
};

/* Creates it, or goes on with what is there. -EBADMSG: what is there is damaged (shorter than was said). */
int archive_file_open(struct archive_file **out, const char *directory, const char *name, struct error *err);
void archive_file_close(struct archive_file *file); /* leaves it as it is; NULL is fine */
/* -ENOSPC and the like: the file is as before. */
int archive_file_append(struct archive_file *file, const void *data, size_t bytes, int64_t start_90k, int64_t end_90k,
                        struct error *err);
int archive_file_complete(struct archive_file *file, struct error *err); /* nothing more will be appended */
struct archive_file_info archive_file_info(const struct archive_file *file);

/* Reads all of it: -EBADMSG when the bytes are not those that were written. Between megabytes it looks whether it is
 * called off by another thread: -ECANCELED then. */
int archive_file_verify(const struct archive_file *file, const atomic_bool *called_off, struct error *err);
/* -ENOENT: nothing is said of it; -EBADMSG: that is damaged; others: it cannot be read for now. */
int archive_file_read(const char *directory, const char *name, struct archive_file_info *info, struct error *err);
int archive_file_descriptor(const char *directory, const char *name); /* give, to read; negative errno */
/* upload: what is said of its upload goes too, last of all. */
void archive_file_remove(const char *directory, const char *name, bool upload);
void archive_file_upload_name(char out[ARCHIVE_NAME_BYTES], const char *name);

/* Calls visit with the name of every file there whose name begins with `prefix`. name: borrow during the call. */
void archive_file_list(const char *directory, const char *prefix, void (*visit)(void *context, const char *name),
                       void *context);
/* Likewise with the name of every one of whose upload something is said, whether it is still there or not. */
void archive_file_list_uploads(const char *directory, const char *prefix,
                               void (*visit)(void *context, const char *name), void *context);
