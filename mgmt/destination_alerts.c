/* SPDX-License-Identifier: GPL-2.0-or-later */
/* destination_alerts.c - when a destination's troubles are worth an alert, and when they are over. */
#include <stdarg.h>
#include <stdio.h>

#include "board/clock.h"
#include "mgmt/alerts.h"
#include "mgmt/destination_private.h"

enum {
    BACKLOG_SEGMENTS = 3, /* of one lane; more: alert */
    BACKLOG_PERCENT = 30, /* of the cache; more: alert */
};

void destination_raise(struct destination_queue *queue, unsigned id, const char *format, ...)
{
    char text[ERROR_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (queue->config.alerts)
        alerts_raise(queue->config.alerts, queue->config.source, id, queue->config.subject, "%s", text);
}

void destination_clear(struct destination_queue *queue, unsigned id)
{
    if (queue->config.alerts)
        alerts_clear(queue->config.alerts, queue->config.source, id, queue->config.subject);
}

static uint64_t dropped(const struct destination_queue *queue)
{
    const struct destination_counters *counters = &queue->counters;
    return counters->dropped_too_old + counters->dropped_no_room + counters->dropped_refused +
           counters->dropped_given_up + counters->dropped_damaged;
}

/* Something stands still, though its time is not over: it may yet go on, but somebody should look. */
void destination_stalled(void *context, bool stalled)
{
    struct destination_queue *queue = context;
    queue->stalled = stalled;
    if (stalled)
        destination_raise(queue, ALERT_OUTPUT_FAILED, "destination %s: no progress for %g s",
                          queue->config.destination->url, (double)queue->alert_after_ns / 1e9);
    else if (queue->state == DESTINATION_WELL)
        destination_clear(queue, ALERT_OUTPUT_FAILED);
}

/* The next try may be far away. */
void destination_raise_overdue(struct destination_queue *queue, uint64_t now)
{
    if (!queue->alert_due_ns || now < queue->alert_due_ns)
        return;
    queue->alert_due_ns = 0;
    destination_raise(queue, ALERT_OUTPUT_FAILED, "destination %s: %s", queue->config.destination->url, queue->failure);
}

/* One that the tries to come put right is not worth an alert, unless they come too late. */
void destination_raise_refusal(struct job *job, const struct transfer_result *result)
{
    struct destination_queue *queue = job->queue;
    double left_s =
        queue->config.connection->connection_retry_interval * (DESTINATION_REFUSALS_MAX - (double)job->tries);
    if (job->tries >= DESTINATION_REFUSALS_MAX || left_s * 1e9 > (double)queue->alert_after_ns) {
        destination_raise(queue, ALERT_FILE_REFUSED, "destination refuses %s: %s", job->url, result->text);
        job->list->refused = true;
    }
}

/* Files of other outputs, or texts, that are taken say nothing about those that are refused. */
void destination_note_acceptance(struct destination_queue *queue, struct job_list *list)
{
    bool refused = false;
    if (!list->refused)
        return;
    list->refused = false;
    for (unsigned lane = 0; lane < queue->config.lanes; lane++)
        refused |= queue->files[lane].refused;
    for (unsigned lane = 0; lane < queue->config.texts; lane++)
        refused |= queue->texts[lane].refused;
    if (!refused)
        destination_clear(queue, ALERT_FILE_REFUSED);
}

uint64_t destination_late_at_ns(const struct destination_queue *queue)
{
    uint64_t oldest_ns = UINT64_MAX;
    for (unsigned lane = 0; lane < queue->config.lanes; lane++) {
        const struct job *job = queue->files[lane].first;
        uint64_t since_ns = !job                                  ? UINT64_MAX
                            : job->queued_ns > job->not_before_ns ? job->queued_ns
                                                                  : job->not_before_ns;
        if (oldest_ns > since_ns)
            oldest_ns = since_ns;
    }
    return oldest_ns == UINT64_MAX ? UINT64_MAX
                                   : oldest_ns + queue->config.segment_length_s * NS_PER_S + queue->alert_after_ns;
}

/* Raised early, cleared late: a queue that breathes around the bound must not make the alert flap. Long segments are
 * not waited for until several of them wait: one that is not there some seconds after the next has come is late. */
void destination_watch_backlog(struct destination_queue *queue, uint64_t now)
{
    unsigned deepest = 0;
    for (unsigned lane = 0; lane < queue->config.lanes; lane++)
        if (deepest < queue->files[lane].count)
            deepest = queue->files[lane].count;
    uint64_t percent = destination_waiting_bytes(queue) * 100 / queue->cache_bytes;
    bool late = now >= destination_late_at_ns(queue);
    if (late || deepest > BACKLOG_SEGMENTS || percent > BACKLOG_PERCENT) {
        destination_raise(
            queue, ALERT_BACKLOG,
            "destination %s: up to %u segments of one output wait%s, %llu %% of the cache; %llu dropped so far",
            queue->config.destination->url, deepest, late ? ", the oldest for longer than it lasts" : "",
            (unsigned long long)percent, (unsigned long long)dropped(queue));
        queue->backlog = true;
    } else if (queue->backlog && deepest <= 1 && percent <= BACKLOG_PERCENT / 2) {
        destination_clear(queue, ALERT_BACKLOG);
        queue->backlog = false;
    }
}

void destination_raise_failure(struct destination_queue *queue, const struct job *job,
                               const struct transfer_result *result)
{
    unsigned alert = result->outcome == TRANSFER_UNAUTHORIZED  ? ALERT_UNAUTHORIZED
                     : result->outcome == TRANSFER_CERTIFICATE ? ALERT_CERTIFICATE
                                                               : ALERT_OUTPUT_FAILED;
    snprintf(queue->failure, sizeof queue->failure, "%s", result->text);
    /* one that the next try puts right is not worth an alert: it is counted */
    if (alert == ALERT_OUTPUT_FAILED && job->tries <= 1 && queue->state < DESTINATION_FAILED)
        return;
    queue->alert_due_ns = 0;
    destination_raise(queue, alert, "destination %s: %s", queue->config.destination->url, result->text);
}

void destination_clear_alerts(struct destination_queue *queue)
{
    static const unsigned alerts[] = { ALERT_FILE_REFUSED, ALERT_DELETE_FAILED, ALERT_OUTPUT_FAILED,
                                       ALERT_UNAUTHORIZED, ALERT_CERTIFICATE,   ALERT_BACKLOG };
    for (size_t i = 0; i < sizeof alerts / sizeof alerts[0]; i++)
        destination_clear(queue, alerts[i]);
}
