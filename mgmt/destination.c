/* SPDX-License-Identifier: GPL-2.0-or-later */
/* destination.c - lists of jobs, and pump(), which is called whenever something changed and starts what may start.
 *
 * The job that is on its way is always the first of its list. Callbacks may add work: lists are looked at anew after
 * each. What a try's end means is destination_outcome.c's.
 */
#include "mgmt/destination.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "board/loop.h"
#include "mgmt/alerts.h"
#include "mgmt/destination_private.h"
#include "mgmt/state_files.h"
#include "mgmt/store.h"
#include "mgmt/url.h"

enum {
    ALERT_AFTER_DEFAULT_MS = 4000,
    CACHE_DEFAULT_MEGABYTES = 256,
    SECONDS_OF_SEGMENT_CACHING = 86400,
};

static void pump(struct destination_queue *queue);

/* ---- jobs ---- */

static struct job *add_job(struct destination_queue *queue, struct job_list *list, const struct job *job,
                           const char *name)
{
    struct job complete = *job;
    complete.queue = queue;
    complete.queued_ns = destination_now_ns(queue);
    return job_list_add(list, &complete, queue->config.destination->url, queue->folder_bytes, name);
}

uint64_t destination_waiting_bytes(const struct destination_queue *queue)
{
    uint64_t bytes = 0;
    for (unsigned lane = 0; lane < queue->config.lanes; lane++)
        bytes += queue->files[lane].bytes;
    return bytes;
}

void destination_for_each_job(struct destination_queue *queue, void (*visit)(struct job *job, void *context),
                              void *context)
{
    for (unsigned lane = 0; lane < queue->config.texts; lane++)
        for (struct job *job = queue->texts[lane].first; job; job = job->next)
            visit(job, context);
    for (unsigned lane = 0; lane < queue->config.lanes; lane++)
        for (struct job *job = queue->files[lane].first; job; job = job->next)
            visit(job, context);
    for (struct job *job = queue->deletes.first; job; job = job->next)
        visit(job, context);
}

/* ---- dropping ---- */

static void forget(struct destination_queue *queue, const char *name, const char *bookmark)
{
    if (!store_forget(queue->store, name, bookmark) && bookmark)
        state_files_remove(queue->config.states, bookmark);
}

void destination_drop_job(struct job *job, enum destination_outcome outcome)
{
    struct destination_queue *queue = job->queue;
    if (job->task)
        store_cancel(queue->store, job->task);
    if (!job->data)
        forget(queue, job->name, job->bookmark);
    if (job->sends_header && job->next && job->next->header)
        job->next->sends_header = true;
    job_unlink(job);
    switch (outcome) {
    case DESTINATION_TOO_OLD:
        queue->counters.dropped_too_old++;
        break;
    case DESTINATION_NO_ROOM:
        queue->counters.dropped_no_room++;
        break;
    case DESTINATION_REFUSED:
        queue->counters.dropped_refused++;
        break;
    case DESTINATION_DAMAGED:
        queue->counters.dropped_damaged++;
        break;
    default:
        queue->counters.dropped_given_up++;
    }
    log_debug(queue->config.log, "destination %s dropped", job->url);
    queue->config.callbacks.file_done(queue->config.context, job->lane, job->file, outcome);
    job_free(job);
}

/* The oldest file of all lanes that is not on its way. */
static struct job *oldest_waiting_file(struct destination_queue *queue)
{
    struct job *oldest = NULL;
    for (unsigned lane = 0; lane < queue->config.lanes; lane++) {
        struct job *job = job_list_oldest_waiting(&queue->files[lane]);
        if (job && (!oldest || job->queued_ns < oldest->queued_ns))
            oldest = job;
    }
    return oldest;
}

/* When a file has waited long enough. One that is on its way gets the time limit of a transfer on top. */
static uint64_t expiry_ns(const struct job *job)
{
    const struct connection_settings *connection = job->queue->config.connection;
    uint64_t seconds = (uint64_t)connection->filecache_duration + (job->task ? connection->timeout : 0);
    if (connection->filecache_duration == 0 && !job->troubled)
        return UINT64_MAX; /* no waiting after a failure, but its first try it has */
    return job->queued_ns + seconds * NS_PER_S;
}

static struct job *expired_file(struct destination_queue *queue)
{
    uint64_t now = destination_now_ns(queue);
    for (unsigned lane = 0; lane < queue->config.lanes; lane++)
        for (struct job *job = queue->files[lane].first; job; job = job->next)
            if (now >= expiry_ns(job))
                return job;
            else if (!job->task)
                break; /* those behind it are younger */
    return NULL;
}

static void drop_what_is_too_much(struct destination_queue *queue)
{
    struct job *job;
    while ((job = expired_file(queue)))
        destination_drop_job(job, DESTINATION_TOO_OLD);
    while (queue->state == DESTINATION_ABANDONED && (job = oldest_waiting_file(queue)))
        destination_drop_job(job, DESTINATION_GIVEN_UP);
}

/* ---- starting ---- */

static void on_done(void *context, const struct transfer_result *result)
{
    struct job *job = context;
    struct destination_queue *queue = job->queue;
    job->task = NULL;
    destination_settle(job, result);
    pump(queue);
}

/* Texts first: they are small, and what a player waits for. Then the file that waits longest, then deletions. */
static struct job *next_job(struct destination_queue *queue, uint64_t now)
{
    for (unsigned lane = 0; lane < queue->config.texts; lane++) {
        struct job *job = queue->texts[lane].first;
        if (job && !job->task && job->not_before_ns <= now)
            return job;
    }
    struct job *oldest = NULL;
    for (unsigned lane = 0; lane < queue->config.lanes; lane++) {
        struct job *job = queue->files[lane].first;
        if (job && !job->task && job->not_before_ns <= now && (!oldest || job->queued_ns < oldest->queued_ns))
            oldest = job;
    }
    struct job *deletion = queue->deletes.first;
    if (!oldest && deletion && !deletion->task && deletion->not_before_ns <= now)
        return deletion;
    return oldest;
}

static int start_job(struct job *job)
{
    struct destination_queue *queue = job->queue;
    const struct store_request request = {
        .method = job->kind == JOB_DELETE ? STORE_DELETE : STORE_PUT,
        .name = job->name,
        .content_type = job->content_type,
        .content_encoding = job->content_encoding,
        .cache_control = job->kind == JOB_FILE   ? queue->file_caching
                         : job->kind == JOB_TEXT ? queue->text_caching
                                                 : NULL,
        .body = job->sends_header ? job->header : job->data,
        .descriptor = job->descriptor,
        .bytes = job->sends_header ? job->header_bytes : job->bytes,
        .bookmark = job->bookmark,
        .done = on_done,
        .context = job,
    };
    return store_start(queue->store, &request, &job->task, NULL);
}

static bool is_damaged(const struct job *job)
{
    const struct destination_queue_config *config = &job->queue->config;
    return job->kind == JOB_FILE && config->callbacks.intact &&
           !config->callbacks.intact(config->context, job->lane, job->file);
}

struct wake {
    uint64_t now, at;
};

static void wake_at(struct wake *wake, uint64_t time_ns)
{
    if (time_ns > wake->now && time_ns < wake->at)
        wake->at = time_ns;
}

static void wake_for_job(struct job *job, void *context)
{
    struct wake *wake = context;
    wake_at(wake, job->not_before_ns);
    if (job->kind == JOB_FILE)
        wake_at(wake, expiry_ns(job));
}

static void set_timer(struct destination_queue *queue, uint64_t now)
{
    struct wake wake = { .now = now, .at = UINT64_MAX };
    wake_at(&wake, queue->hold_until_ns);
    wake_at(&wake, queue->alert_due_ns);
    wake_at(&wake, destination_late_at_ns(queue));
    destination_for_each_job(queue, wake_for_job, &wake);
    if (wake.at == UINT64_MAX)
        loop_timer_clear(queue->timer);
    else
        loop_timer_set(queue->timer, wake.at);
}

static void set_tries_zero(struct job *job, void *context)
{
    (void)context;
    job->tries = 0;
}

static void pump(struct destination_queue *queue)
{
    drop_what_is_too_much(queue);
    uint64_t now = destination_now_ns(queue);
    if (queue->state == DESTINATION_FAILED && now >= queue->hold_until_ns) {
        queue->state = DESTINATION_RETRYING;
        destination_for_each_job(queue, set_tries_zero, NULL);
    }
    struct job *job;
    while (queue->state != DESTINATION_ABANDONED && now >= queue->hold_until_ns && store_free(queue->store) > 0 &&
           (job = next_job(queue, now))) {
        if (is_damaged(job)) {
            destination_drop_job(job, DESTINATION_DAMAGED);
        } else if (start_job(job) < 0) {
            queue->hold_until_ns = now + NS_PER_S; /* no memory: later */
            break;
        }
    }
    destination_raise_overdue(queue, now);
    destination_watch_backlog(queue, now);
    set_timer(queue, now);
}

static void on_timer(void *context)
{
    pump(context);
}

/* ---- owner's side ---- */

static void set_caching(struct destination_queue *queue)
{
    unsigned seconds = queue->config.segment_length_s;
    if (seconds >= 2)
        snprintf(queue->text_caching, sizeof queue->text_caching, "max-age=%u", seconds / 2);
    else
        snprintf(queue->text_caching, sizeof queue->text_caching, "no-cache");
    snprintf(queue->file_caching, sizeof queue->file_caching, "max-age=%d", SECONDS_OF_SEGMENT_CACHING);
}

int destination_queue_create(struct destination_queue **out, const struct destination_queue_config *config,
                             struct error *err)
{
    const char *url = config->destination->url;
    unsigned alert_after_ms = config->alert_after_ms ? config->alert_after_ms : ALERT_AFTER_DEFAULT_MS;
    struct store_config store = {
        .destination = config->destination,
        .connection = config->connection,
        .credential = config->credential,
        .states = config->states,
        .stall_watch = { .tell = destination_stalled, .ms = alert_after_ms },
        .engine = config->engine,
        .loop = config->loop,
        .clock = config->clock,
        .log = config->log,
    };
    size_t folder_bytes = url_folder_bytes(url);
    if (config->lanes < 1 || config->lanes > DESTINATION_LANES_MAX || config->texts > DESTINATION_TEXTS_MAX)
        return error_set(err, -EINVAL, "%u outputs to one destination: want 1..%d", config->lanes,
                         DESTINATION_LANES_MAX);
    struct destination_queue *queue = calloc(1, sizeof *queue);
    if (!queue)
        return error_set(err, -ENOMEM, "queue of destination");
    queue->config = *config;
    queue->config.credential = NULL;
    queue->alert_after_ns = alert_after_ms * NS_PER_MS;
    store.stall_watch.context = queue;
    if (!config->texts)
        queue->config.texts = config->lanes + 1;
    int result = store_create(&queue->store, &store, err);
    if (result == 0 && (folder_bytes < 4 || strncmp(url + folder_bytes - 3, "://", 3) == 0))
        result = error_set(err, -EINVAL,
                           "destination URL %.200s: want a folder, or a folder and the beginning of a file name", url);
    if (result == 0 && !(queue->timer = loop_timer_create(config->loop, on_timer, queue)))
        result = error_set(err, -ENOMEM, "queue of destination %.200s", url);
    if (result < 0) {
        destination_queue_destroy(queue);
        return result;
    }
    queue->folder_bytes = folder_bytes;
    unsigned megabytes = config->connection->cache_megabytes;
    queue->cache_bytes = ((uint64_t)(megabytes ? megabytes : CACHE_DEFAULT_MEGABYTES) << 20) + config->disk_bytes;
    set_caching(queue);
    *out = queue;
    return 0;
}

static void cancel_task(struct job *job, void *context)
{
    (void)context;
    if (job->task)
        store_cancel(job->queue->store, job->task);
    job->task = NULL;
}

void destination_queue_destroy(struct destination_queue *queue)
{
    if (!queue)
        return;
    destination_for_each_job(queue, cancel_task, NULL);
    store_destroy(queue->store);
    for (unsigned lane = 0; lane < DESTINATION_TEXTS_MAX; lane++)
        job_list_free(&queue->texts[lane]);
    for (unsigned lane = 0; lane < DESTINATION_LANES_MAX; lane++)
        job_list_free(&queue->files[lane]);
    job_list_free(&queue->deletes);
    destination_clear_alerts(queue);
    loop_timer_destroy(queue->timer);
    free(queue);
}

static unsigned count_files(const struct destination_queue *queue)
{
    unsigned count = 0;
    for (unsigned lane = 0; lane < queue->config.lanes; lane++)
        count += queue->files[lane].count;
    return count;
}

void destination_put_file(struct destination_queue *queue, unsigned lane, const struct destination_file *file)
{
    struct job *oldest;
    while ((destination_waiting_bytes(queue) + file->bytes > queue->cache_bytes ||
            count_files(queue) >= DESTINATION_FILES_MAX) &&
           (oldest = oldest_waiting_file(queue)))
        destination_drop_job(oldest, DESTINATION_NO_ROOM);
    const struct job job = {
        .kind = JOB_FILE,
        .lane = lane,
        .content_type = file->content_type,
        .content_encoding = file->content_encoding,
        .data = file->data,
        .descriptor = file->descriptor,
        .bytes = file->bytes,
        .file = file->file,
        .header = file->header,
        .header_bytes = file->header_bytes,
        .bookmark = file->bookmark,
        .sends_header = file->header && file->header_first,
        .not_before_ns = file->not_before_ns,
    };
    /* what is on its way may fill the cache alone */
    if (destination_waiting_bytes(queue) + file->bytes > queue->cache_bytes ||
        !add_job(queue, &queue->files[lane], &job, file->name)) {
        queue->counters.dropped_no_room++;
        queue->config.callbacks.file_done(queue->config.context, lane, file->file, DESTINATION_NO_ROOM);
        return;
    }
    pump(queue);
}

/* NULL: it is on its way. */
static struct job *find_waiting_file(const struct destination_queue *queue, unsigned lane, const void *file)
{
    struct job *job = queue->files[lane].first;
    while (job && job->file != file)
        job = job->next;
    return job && !job->task ? job : NULL;
}

bool destination_move_file(struct destination_queue *queue, unsigned lane, const void *file, const void *data,
                           const void *header)
{
    struct job *job = find_waiting_file(queue, lane, file);
    if (!job)
        return false;
    job->data = data;
    job->header = job->header ? header : NULL;
    return true;
}

bool destination_drop_file(struct destination_queue *queue, unsigned lane, const void *file)
{
    struct job *job = find_waiting_file(queue, lane, file);
    if (job)
        destination_drop_job(job, DESTINATION_NO_ROOM);
    return job;
}

void destination_forget(struct destination_queue *queue, const char *bookmark)
{
    forget(queue, NULL, bookmark);
}

void destination_put_text(struct destination_queue *queue, unsigned lane, const struct destination_text *text)
{
    struct job *job = queue->texts[lane].last;
    if (job && !job->task) {
        queue->counters.texts_replaced++;
        free(job->text);
    } else {
        job = add_job(queue, &queue->texts[lane], &(struct job){ .kind = JOB_TEXT, .lane = lane }, text->name);
    }
    if (!job) { /* the next text will say the same and more */
        free(text->body);
        return;
    }
    job->text = text->body;
    job->data = text->body;
    job->bytes = text->bytes;
    job->content_type = text->content_type;
    job->content_encoding = text->content_encoding;
    job->tag = text->tag;
    pump(queue);
}

void destination_delete(struct destination_queue *queue, unsigned lane, const char *name)
{
    if (queue->deletes.count >= DESTINATION_DELETES_MAX ||
        !add_job(queue, &queue->deletes, &(struct job){ .kind = JOB_DELETE, .lane = lane }, name)) {
        queue->counters.deletes_given_up++;
        queue->config.callbacks.delete_done(queue->config.context, lane, false);
        return;
    }
    pump(queue);
}

enum destination_state destination_queue_state(const struct destination_queue *queue)
{
    return queue->state;
}

const char *destination_state_name(enum destination_state state)
{
    static const char *const names[] = { "well", "retrying", "failed", "abandoned" };
    return names[state];
}

struct destination_counters destination_queue_counters(const struct destination_queue *queue)
{
    return queue->counters;
}

unsigned destination_queue_files(const struct destination_queue *queue, unsigned lane)
{
    return queue->files[lane].count;
}

uint64_t destination_queue_bytes(const struct destination_queue *queue)
{
    return destination_waiting_bytes(queue);
}

bool destination_queue_idle(const struct destination_queue *queue)
{
    for (unsigned lane = 0; lane < queue->config.texts; lane++)
        if (queue->texts[lane].count)
            return false;
    return count_files(queue) == 0 && queue->deletes.count == 0;
}

const char *destination_queue_last_error(const struct destination_queue *queue)
{
    return queue->last_error;
}
