/* SPDX-License-Identifier: GPL-2.0-or-later */
/* poll.h - the poll-mode thread: turns of receive_turn() until stopped, and how the control thread talks to it.
 *
 * Another configuration is another table: the control thread builds it, offers it with poll_swap(), and has the old one
 * back when the polling thread has taken the new one between two turns; from then on nobody looks at the old one.
 *
 * POLL_BUSY never sleeps. POLL_ADAPTIVE sleeps idle_sleep_ns whenever little or nothing came: the receive queue has to
 * hold what comes meanwhile.
 *
 *     poll_create(&poll, &config, table, &err);
 *     eal_launch(eal, poll_main, poll, &err);
 *     poll_swap(poll, other, &err);            // then free the first table
 *     poll_stop(poll); eal_join(eal); poll_destroy(poll);
 */
#pragma once
#include <stdint.h>

#include "board/clock.h"
#include "dataplane/job.h"
#include "dataplane/receive.h"

struct error;
struct poll;

struct poll_config {
    enum poll_mode mode;
    uint64_t idle_sleep_ns;
    const struct clock *clock; /* borrow */
};

struct poll_statistics {
    uint64_t turns, idle_turns, sleeps;
    uint64_t busy_ns; /* spent in turns that brought packets */
    uint64_t cpu_ns;  /* that the polling thread has used, as of a tenth of a second ago */
};

int poll_create(struct poll **out, const struct poll_config *config, struct receive_table *table, struct error *err);
void poll_destroy(struct poll *poll);
int poll_main(void *poll); /* the thread's function */
void poll_stop(struct poll *poll);
/* Waits (a few sleeps of the polling thread at most) until the table is taken; returns 0, or -ETIMEDOUT when the
 * polling thread does not turn any more: then neither table may be freed. */
int poll_swap(struct poll *poll, struct receive_table *table, struct error *err);
struct poll_statistics poll_statistics(const struct poll *poll);
