/* SPDX-License-Identifier: GPL-2.0-or-later */
/* segment_file.h - what libavformat writes into: one anonymous file in memory (memfd) per segment, sealed when done.
 *
 * One segment_file and its AVIOContext serve a muxer for all its segments; only the memfd below changes. While no file
 * is open, what the muxer writes is thrown away. A finished memfd is sealed against every change, so that whoever gets
 * the descriptor may trust its size and bytes; its file offset is 0 (it is shared with every process that gets the
 * descriptor: read it with pread or mmap). One thread.
 *
 *     segment_file_create(&file, &err);
 *     muxer->pb = segment_file_io(file);
 *     segment_file_open(file, "news/720p/17", &err);
 *     ... av_write_frame ...
 *     int memfd = segment_file_close(file, &bytes, &err);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct AVIOContext;
struct encryption;
struct error;
struct segment_file;

int segment_file_create(struct segment_file **out, struct error *err);
void segment_file_destroy(struct segment_file *file);           /* with what is open and not closed; NULL is fine */
struct AVIOContext *segment_file_io(struct segment_file *file); /* borrow, as long as the file */

/* From now on what is written to an open file goes through `edit` first, as the muxer wrote it, in pieces of its own
 * size: it may change the bytes. Negative errno of it: the open file is given up. */
void segment_file_edit_with(struct segment_file *file, int (*edit)(void *context, uint8_t *data, size_t count),
                            void *context);

/* From now on segments may be encrypted whole with this key, if there is one. -ENOTSUP: of another method. */
int segment_file_use_key(struct segment_file *file, const struct encryption *encryption, struct error *err);
bool segment_file_is_encrypted(const struct segment_file *file);
/* What is written to the open file from here on is encrypted, as segment `number`, if there is a key. */
void segment_file_encrypt(struct segment_file *file, int64_t number);

/* Begins a new memfd; `name` is what /proc/PID/fd shows. One that is still open is discarded. */
int segment_file_open(struct segment_file *file, const char *name, struct error *err);
/* Seals and gives the memfd (caller closes) and its size. Negative errno: it could not be written whole, it is gone. */
int segment_file_close(struct segment_file *file, uint64_t *bytes, struct error *err);
