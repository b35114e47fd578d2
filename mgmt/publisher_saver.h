/* SPDX-License-Identifier: GPL-2.0-or-later */
/* publisher_saver.h - the state of a publisher on its way to the spool (mgmt/state_files.h), and the segments that wait
 * for it: one that was delivered is acknowledged when a state that says so is there.
 *
 * So, whatever is killed in between, either the encode process still has the segment and sends it again, or the spool
 * knows that it was delivered. A write that fails, or takes longer than PUBLISHER_SAVER_PATIENCE_MS, is told once, and
 * what waits for it is acknowledged all the same: delivery goes on, and a disk that hangs does not keep all that was
 * delivered in memory. One thread (the loop's).
 *
 *     publisher_saver_create(&saver, &config, &err);
 *     publisher_saver_add(saver, &item->waiting);               // delivered
 *     publisher_saver_put(saver, state_json(me), SPOOL_FAST);   // it says so
 *     ... release(me, &item->waiting, true)
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#include "mgmt/spool.h"

struct error;
struct publisher_config;
struct publisher_saver;
struct waiting_segment;

enum { PUBLISHER_SAVER_PATIENCE_MS = 10000 };

struct publisher_saver_config {
    const struct publisher_config *publisher; /* borrow: outlives the saver */
    const char *name;                         /* of the file; borrow, likewise */
    /* item: give. saved: acknowledge it; false: the saver goes, and the next life finds out. */
    void (*release)(void *context, struct waiting_segment *item, bool saved);
    void *context;
    unsigned patience_ms; /* with the disk; 0: PUBLISHER_SAVER_PATIENCE_MS */
};

int publisher_saver_create(struct publisher_saver **out, const struct publisher_saver_config *config,
                           struct error *err);
/* What was put is still written. Releases what waits. NULL is fine. */
void publisher_saver_destroy(struct publisher_saver *saver);
void publisher_saver_add(struct publisher_saver *saver, struct waiting_segment *item); /* item: take */
/* state: take always; NULL: no memory. It tells of all that was added. */
void publisher_saver_put(struct publisher_saver *saver, json_t *state, enum spool_durability durability);
bool publisher_saver_lacks(const struct publisher_saver *saver); /* one was added that no state tells of */
bool publisher_saver_idle(const struct publisher_saver *saver);  /* nothing waits for being acknowledged */
