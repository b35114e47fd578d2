/* SPDX-License-Identifier: GPL-2.0-or-later */
/* segment_spool.h - segments that wait on the box's disk, because there are too many of them for memory.
 *
 * Each is a file of its own: what was handed over with it, its checksum, and its bytes, synced before it counts. After
 * a restart, or a power cut, what is there is loaded again, oldest first; whoever sends a loaded one compares the
 * checksum just before (mgmt/destination.h does). A thread does the writing; bytes under way to it are bounded, more is
 * refused. The owner bounds what lies on the disk: it forgets what it does not want.
 *
 * Files of a version that is not known yet (the box went back to an older release) are kept for the release that can
 * read them, and those that cannot be read for now (no descriptor, no memory, a disk that fails) for the next life.
 * They count towards bytes_max, and are the first to go, oldest first, when segments need the room.
 *
 *     segment_spool_create(&spool, &(struct segment_spool_config){ .directory = spool, .prefix = "news.0.web.", ... },
 * &err); segment_spool_load(spool, on_loaded); item->spooled = segment_spool_store(spool, &segment, &mapping, item); //
 * 0: not now
 *     ... stored(me, item, result, &mapping)                 // the same bytes, but on the disk: the memory may go
 *     segment_spool_forget(spool, item->spooled);            // delivered or dropped: the file goes
 *
 * One thread (the loop's).
 */
#pragma once
#include <stdint.h>

#include "encode/handoff_format.h"
#include "mgmt/segment_mapping.h"

struct error;
struct loop;
struct segment_spool;

struct segment_spool_config {
    const char *directory, *prefix; /* borrow during create; no other spool has this prefix */
    struct loop *loop;              /* borrow */
    uint64_t bytes_max;             /* with more than that on the disk, files of later versions go; 0: none is kept */
    /* Result 0: it is on the disk, and mapped from there (take). Negative: it is not, for the reason in text (borrow).
     */
    void (*stored)(void *context, void *owner, int result, const char *text, struct segment_mapping *mapping);
    void *context;
};

/* A segment found at load. mapping: give, when an owner is returned; NULL: it is not wanted, its file goes. */
typedef void *segment_spool_loaded(void *context, const struct handoff_segment *segment, uint64_t id, uint32_t checksum,
                                   struct segment_mapping *mapping);

int segment_spool_create(struct segment_spool **out, const struct segment_spool_config *config, struct error *err);
/* What is under way is finished; all files stay for the next life. Returns 0, or, of a disk that hangs
 * (board/worker.h), how many segments did not get there: stored() was not called for them. NULL is fine. */
unsigned segment_spool_destroy(struct segment_spool *spool);
void segment_spool_load(struct segment_spool *spool, segment_spool_loaded *loaded);

/* mapping: borrow during the call. Returns an id, or 0: too much is under way, or no memory. */
uint64_t segment_spool_store(struct segment_spool *spool, const struct handoff_segment *segment,
                             const struct segment_mapping *mapping, void *owner);
void segment_spool_forget(struct segment_spool *spool, uint64_t id); /* stored() is not called any more; 0 is fine */
uint64_t segment_spool_bytes(const struct segment_spool *spool);     /* on the disk, or on their way there */
uint64_t segment_spool_lost(const struct segment_spool *spool);      /* files found at load that held no segment */
uint64_t segment_spool_kept(const struct segment_spool *spool);      /* files that wait for a later life */
uint64_t segment_spool_unread(const struct segment_spool *spool);    /* those of them that could not be read */
uint64_t segment_spool_kept_lost(const struct segment_spool *spool); /* and those that had to go */
