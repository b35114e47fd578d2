/* SPDX-License-Identifier: GPL-2.0-or-later */
/* recording.h - one recording of an archive on its way through the box: it grows on the disk, is completed, and is
 * given out as a descriptor. The disk work is done by a worker; nothing here waits.
 *
 *     recording_create(&recording, &config, "news.0.record.video.5966123", &err);
 *     recording_append(recording, &segment, &mapping);    // takes the mapping; appended() tells
 *     recording_complete(recording);                      // ready() tells: descriptor and size
 *     recording_remove(recording, true);                  // with its files; it is gone after that
 *
 * A recording is given back to nobody while work of its own is under way: destroy the worker first, then what is left.
 * One thread (the loop's).
 */
#pragma once
#include <stdatomic.h>

#include "encode/handoff_format.h"
#include "mgmt/archive_file.h"
#include "mgmt/segment_mapping.h"

struct recording;
struct worker;

struct recording_config {
    struct worker *worker;         /* borrow */
    const atomic_bool *called_off; /* borrow: work that the next life does again is left, so that nobody waits for it */
    const char *spool_directory;   /* borrow */
    /* A piece is on the disk, or (result < 0) lost, for the reason in text (borrow during the call). */
    void (*appended)(void *context, struct recording *recording, const struct handoff_segment *segment, int result,
                     const char *text);
    /* It is complete: the descriptor stays the recording's. result < 0: with a descriptor only the note that it is
     * complete could not be written; without one it is damaged (-EBADMSG), nothing is in it (-ENODATA), or the disk or
     * the memory fails for now, and recording_complete() may be called again. */
    void (*ready)(void *context, struct recording *recording, int result, const char *text);
    void *context;
};

int recording_create(struct recording **out, const struct recording_config *config, const char *name,
                     struct error *err);
void recording_destroy(struct recording *recording); /* leaves its files; no work of it is under way; NULL is fine */
/* mapping: take always */
void recording_append(struct recording *recording, const struct handoff_segment *segment,
                      struct segment_mapping *mapping);
void recording_complete(struct recording *recording, bool verify); /* verify: it is of an earlier life */
/* take: also its files; told to nobody. delivered: what is said of its upload goes as well. */
void recording_remove(struct recording *recording, bool delivered);

const char *recording_name(const struct recording *recording);              /* borrow */
struct archive_file_info recording_info(const struct recording *recording); /* as last told */
uint64_t recording_waiting_bytes(const struct recording *recording);        /* not on the disk yet */
int recording_descriptor(const struct recording *recording);                /* borrow; -1: not ready */
