/* SPDX-License-Identifier: GPL-2.0-or-later */
/* destination_private.h - what the files of a destination's queue share: destination.c (the order of things),
 * destination_outcome.c (what the end of a try means), destination_alerts.c. Nobody else includes it.
 */
#pragma once
#include "board/clock.h"
#include "board/error.h"
#include "mgmt/destination.h"
#include "mgmt/destination_job.h"
#include "mgmt/transfer.h"

enum { DESTINATION_REFUSALS_MAX = 3 /* tries of a file that the origin does not want */ };

struct destination_queue {
    struct destination_queue_config config;
    struct store *store;
    struct loop_timer *timer;
    struct job_list files[DESTINATION_LANES_MAX];
    struct job_list texts[DESTINATION_TEXTS_MAX];
    struct job_list deletes;
    size_t folder_bytes; /* of the URL, its last slash included */
    uint64_t cache_bytes;
    enum destination_state state;
    uint64_t hold_until_ns;    /* nothing is started before */
    uint64_t failing_since_ns; /* of the failures in a row; 0: none */
    uint64_t alert_due_ns;     /* when those get their alert, if that has not come by then; 0: it has */
    uint64_t alert_after_ns;
    bool stalled; /* something on its way stands still */
    bool backlog;
    struct destination_counters counters;
    char text_caching[48], file_caching[48];
    char last_error[ERROR_TEXT_BYTES];
    char failure[TRANSFER_TEXT_BYTES]; /* of the last that held back all */
};

static inline uint64_t destination_now_ns(const struct destination_queue *queue)
{
    return clock_monotonic_ns(queue->config.clock);
}

/* ---- destination.c ---- */
uint64_t destination_waiting_bytes(const struct destination_queue *queue);
/* Calls visit for every job there is. */
void destination_for_each_job(struct destination_queue *queue, void (*visit)(struct job *job, void *context),
                              void *context);
void destination_drop_job(struct job *job, enum destination_outcome outcome); /* frees the job, and tells its owner */

/* ---- destination_outcome.c ---- */
/* A try of the job has ended: the job goes, or waits for its next try. Its owner may be told; the job may be gone. */
void destination_settle(struct job *job, const struct transfer_result *result);

/* ---- destination_alerts.c ---- */
void destination_raise(struct destination_queue *queue, unsigned id, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void destination_clear(struct destination_queue *queue, unsigned id);
void destination_clear_alerts(struct destination_queue *queue); /* all */
void destination_stalled(void *context, bool stalled);          /* a transfer_stall_watch */
void destination_raise_overdue(struct destination_queue *queue, uint64_t now);
void destination_raise_refusal(struct job *job, const struct transfer_result *result);
void destination_raise_failure(struct destination_queue *queue, const struct job *job,
                               const struct transfer_result *result);
void destination_note_acceptance(struct destination_queue *queue, struct job_list *list);
/* When the oldest file should have been delivered, and is an alert; UINT64_MAX: there is none. */
uint64_t destination_late_at_ns(const struct destination_queue *queue);
void destination_watch_backlog(struct destination_queue *queue, uint64_t now);
