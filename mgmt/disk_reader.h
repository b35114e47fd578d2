/* SPDX-License-Identifier: GPL-2.0-or-later */
/* disk_reader.h - pieces of files read by a thread, so that a slow disk holds up nobody but who waits for the piece.
 *
 * Reads are done one after the other. One that takes longer than DISK_READ_SECONDS is told as -ETIMEDOUT; it stays in
 * the thread's hands, with its memory and a descriptor of its own, until the disk answers. Up to DISK_READS_MAX are in
 * the thread's hands; more are refused (-EBUSY). The thread is made with the first read. One thread (the loop's).
 *
 *     disk_reader_create(&reader, loop, &clock, &err);
 *     disk_reader_start(reader, &(struct disk_read_config){ .descriptor = file, .offset = 8 << 20, .bytes = 8 << 20,
 *                       .data = malloc(8 << 20), .done = on_read, .context = me }, &read, &err);
 *     ... on_read(me, 0, data)                                 // the memory is the caller's again
 *     disk_reader_destroy(reader);
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct clock;
struct disk_read;
struct disk_reader;
struct error;
struct loop;

enum { DISK_READ_SECONDS = 10, DISK_READS_MAX = 8 };

struct disk_read_config {
    int descriptor; /* borrow during the call: it is duplicated */
    uint64_t offset;
    size_t bytes;
    char *data; /* take on 0; from malloc() */
    /* From the loop; the read is over. 0: all bytes are there; -ENODATA: the file is shorter; -ETIMEDOUT; or what the
     * disk says. data: give; NULL after -ETIMEDOUT. */
    void (*done)(void *context, int result, char *data);
    void *context;
};

int disk_reader_create(struct disk_reader **out, struct loop *loop, const struct clock *clock, struct error *err);
/* Waits for nobody; done is not called any more. NULL is fine. */
void disk_reader_destroy(struct disk_reader *reader);

/* 0 and the read (borrow: until done or cancelled), -EBUSY, -ENOMEM, -EMFILE. */
int disk_reader_start(struct disk_reader *reader, const struct disk_read_config *config, struct disk_read **out,
                      struct error *err);
void disk_read_cancel(struct disk_read *read); /* done is not called; its memory is freed when the thread is done */
