/* SPDX-License-Identifier: GPL-2.0-or-later */
/* destination_outcome.c - what the end of a try means: for its job, and for the state of the destination.
 *
 * A failure holds back the whole destination (it is one server), a refusal only its own file. Nothing is started here:
 * the queue does that after each end.
 */
#include <stdio.h>

#include "board/clock.h"
#include "board/log.h"
#include "mgmt/alerts.h"
#include "mgmt/destination_private.h"

enum {
    HEADER_TRIES_MAX = 3,   /* of one file whose receiver asks for its header */
    RETRY_AFTER_MAX_S = 15, /* an origin's wish for a longer pause is not granted: it is live */
};

static void count_troubled(struct job *job, void *context)
{
    *(unsigned *)context += job->troubled;
}

static void note_success(struct destination_queue *queue)
{
    unsigned troubled = 0;
    destination_for_each_job(queue, count_troubled, &troubled);
    if (queue->state != DESTINATION_RETRYING || troubled)
        return;
    log_info(queue->config.log, "destination %s is well again after %.1f s", queue->config.destination->url,
             (double)(destination_now_ns(queue) - queue->failing_since_ns) / 1e9);
    queue->state = DESTINATION_WELL;
    queue->alert_due_ns = 0;
    if (!queue->stalled)
        destination_clear(queue, ALERT_OUTPUT_FAILED);
    destination_clear(queue, ALERT_UNAUTHORIZED);
    destination_clear(queue, ALERT_CERTIFICATE);
    queue->config.callbacks.recovered(queue->config.context);
}

static void become_failed(struct destination_queue *queue, uint64_t now)
{
    double rest_s = queue->config.connection->restart_delay;
    queue->counters.failures++;
    queue->state = rest_s > 0 ? DESTINATION_FAILED : DESTINATION_ABANDONED;
    queue->hold_until_ns = now + (uint64_t)(rest_s * 1e9);
    if (rest_s > 0)
        log_error(queue->config.log, "destination %s failed, rests for %.1f s", queue->config.destination->url, rest_s);
    else
        log_error(queue->config.log, "destination %s failed and is given up: restart_delay is 0",
                  queue->config.destination->url);
}

/* The whole destination waits before its next try, and may have failed with this one. */
static void note_failure(struct destination_queue *queue, struct job *job, const struct transfer_result *result)
{
    const struct connection_settings *connection = queue->config.connection;
    uint64_t now = destination_now_ns(queue);
    double wait_s = connection->connection_retry_interval;
    unsigned wish_s = result->retry_after_s < RETRY_AFTER_MAX_S ? result->retry_after_s : RETRY_AFTER_MAX_S;
    if (wait_s < wish_s)
        wait_s = wish_s;
    if (wait_s < result->pause_ms / 1e3)
        wait_s = result->pause_ms / 1e3;
    if (queue->state == DESTINATION_WELL) {
        queue->state = DESTINATION_RETRYING;
        queue->failing_since_ns = now;
        uint64_t still_ns = result->still_ns < queue->alert_after_ns ? result->still_ns : queue->alert_after_ns;
        queue->alert_due_ns = now + queue->alert_after_ns - still_ns;
        log_warning(queue->config.log, "%s", queue->last_error);
    }
    if (queue->state == DESTINATION_RETRYING) {
        uint64_t until = now + (uint64_t)(wait_s * 1e9);
        queue->hold_until_ns = until > queue->hold_until_ns ? until : queue->hold_until_ns;
        if (job->tries >= connection->num_retries)
            become_failed(queue, now);
    }
    destination_raise_failure(queue, job, result);
}

/* An answer that says no to this deletion, not to all: not a reason to hold anything back. */
static bool is_about_deletion(const struct job *job, const struct transfer_result *result)
{
    return job->kind == JOB_DELETE && result->status >= 400 && result->status < 500 && result->status != 429;
}

static void give_up(struct job *job, const struct transfer_result *result)
{
    struct destination_queue *queue = job->queue;
    switch (job->kind) {
    case JOB_FILE:
        log_warning(queue->config.log, "destination refuses %s for good: %s", job->url, result->text);
        destination_drop_job(job, DESTINATION_REFUSED);
        return;
    case JOB_TEXT:
        log_warning(queue->config.log, "destination refuses %s for good: %s", job->url, result->text);
        break;
    case JOB_DELETE:
        queue->counters.deletes_given_up++;
        destination_raise(queue, ALERT_DELETE_FAILED, "cannot delete %s: %s", job->url, result->text);
        queue->config.callbacks.delete_done(queue->config.context, job->lane, false);
    }
    job_unlink(job);
    job_free(job);
}

static void job_failed(struct job *job, const struct transfer_result *result)
{
    struct destination_queue *queue = job->queue;
    queue->counters.retries++;
    job->tries++;
    snprintf(queue->last_error, sizeof queue->last_error, "%s %s: %s", job->kind == JOB_DELETE ? "DELETE" : "PUT",
             job->url, result->text);
    bool only_this = is_about_deletion(job, result) || result->outcome == TRANSFER_REFUSED;
    if (only_this && job->kind != JOB_DELETE)
        destination_raise_refusal(job, result);
    if (only_this && job->tries >= DESTINATION_REFUSALS_MAX) {
        give_up(job, result);
        return;
    }
    job->troubled = !only_this;
    if (only_this)
        job->not_before_ns =
            destination_now_ns(queue) + (uint64_t)(queue->config.connection->connection_retry_interval * 1e9);
    else
        note_failure(queue, job, result);
    if (job->kind == JOB_TEXT && job->next) { /* a newer text takes its turn, and its troubles over */
        job->next->tries = job->tries;
        job->next->troubled = job->troubled;
        job->next->not_before_ns = job->not_before_ns;
        queue->counters.texts_replaced++;
        job_unlink(job);
        job_free(job);
    }
}

static void job_succeeded(struct job *job)
{
    struct destination_queue *queue = job->queue;
    const struct destination_callbacks *callbacks = &queue->config.callbacks;
    destination_note_acceptance(queue, job->list);
    job_unlink(job);
    switch (job->kind) {
    case JOB_FILE:
        queue->counters.files_delivered++;
        queue->counters.bytes_delivered += job->bytes;
        callbacks->file_done(queue->config.context, job->lane, job->file, DESTINATION_DELIVERED);
        break;
    case JOB_TEXT:
        queue->counters.texts_delivered++;
        callbacks->text_done(queue->config.context, job->lane, job->tag);
        break;
    case JOB_DELETE:
        queue->counters.deleted++;
        destination_clear(queue, ALERT_DELETE_FAILED);
        callbacks->delete_done(queue->config.context, job->lane, true);
    }
    job_free(job);
    note_success(queue);
}

/* True: the header was delivered, or is to be sent (again): the body is still to come. A receiver that goes on asking
 * for a header that it has taken is treated like one that fails. */
static bool takes_header_turn(struct job *job, const struct transfer_result *result)
{
    enum { STATUS_NEEDS_HEADER = 412 };
    if (job->sends_header && result->outcome == TRANSFER_OK) {
        job->sends_header = false;
        job->queue->counters.headers_delivered++;
        return true;
    }
    if (job->sends_header || result->status != STATUS_NEEDS_HEADER || job->header_tries >= HEADER_TRIES_MAX)
        return false;
    job->sends_header = true;
    job->header_tries++;
    job->queue->counters.headers_asked_for++;
    return true;
}

void destination_settle(struct job *job, const struct transfer_result *result)
{
    job->queue->counters.new_connections += result->new_connection;
    if (job->header && takes_header_turn(job, result))
        ; /* its other part is next */
    else if (result->outcome == TRANSFER_OK)
        job_succeeded(job);
    else
        job_failed(job, result);
}
