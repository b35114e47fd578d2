/* SPDX-License-Identifier: GPL-2.0-or-later */
/* segment_mapping.h - the bytes of a finished segment: a sealed memfd, mapped once and sent from there.
 *
 * Only what is sealed against shrinking and writing is mapped: nobody can take pages away or change them while they are
 * on their way. The descriptor is closed at once, so that a long queue costs no descriptors.
 *
 *     segment_mapping_open(&file, memfd, segment->bytes, &err);      // takes memfd always
 *     send(file.data, file.bytes);
 *     segment_mapping_close(&file);
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct error;

struct segment_mapping {
    const void *data; /* NULL: none */
    size_t bytes;
};

/* -EBADMSG: not sealed, or not as long as it was said to be. */
int segment_mapping_open(struct segment_mapping *file, int memfd, uint64_t bytes, struct error *err);
int segment_mapping_try(int memfd, uint64_t bytes, struct error *err); /* memfd: borrow. Would it be mapped? */
void segment_mapping_close(struct segment_mapping *file);              /* none is fine */
/* A second view of the same memory, for another thread: each is closed by itself. */
int segment_mapping_duplicate(struct segment_mapping *copy, const struct segment_mapping *file);
