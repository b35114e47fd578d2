/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transfer.c - libcurl tells which sockets and when; the event loop waits; finished handles are collected after.
 *
 * No libcurl function is called from within a libcurl callback: done callbacks are made from collect_finished(), where
 * starting, cancelling and destroying is allowed.
 */
#include "mgmt/transfer.h"

#include <curl/curl.h>
#include <linux/sockios.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"
#include "mgmt/delivery_socket.h"
#include "mgmt/transfer_private.h"

enum { WATCH_INTERVAL_MS = 200 /* of transfers' progress */ };

/* The transfer is over, and its lookup may not be. */
static void leave_lookup(struct transfer *transfer)
{
    struct transfer_engine *engine = transfer->target->engine;
    curl_off_t looked_up_us = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_NAMELOOKUP_TIME_T, &looked_up_us);
    if (transfer->looks_up && !looked_up_us)
        lookups_leave(&engine->lookups, transfer->target, clock_monotonic_ns(engine->clock));
    transfer->looks_up = false;
}

void transfer_release(struct transfer *transfer)
{
    leave_lookup(transfer);
    curl_multi_remove_handle(transfer->target->multi, transfer->easy);
    transfer->target->engine->running--;
    transfer_clear(transfer);
}

/* The answer is the transfer's no longer: done may start the next one. */
static void tell(struct transfer *transfer, const struct transfer_result *result)
{
    char *answer = transfer->answer;
    transfer->answer = NULL;
    transfer->answer_bytes = 0;
    transfer->answer_cut = false;
    transfer->done(transfer->context, result);
    free(answer);
}

static void collect_finished(struct transfer_target *target)
{
    struct transfer_engine *engine = target->engine;
    CURLMsg *message;
    int left;
    engine->visited = target;
    while (engine->visited && (message = curl_multi_info_read(target->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct transfer *transfer = NULL;
        struct transfer_result result;
        CURLcode code = message->data.result; /* the message dies with the removal of its handle */
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        if (transfer_identity_settle(transfer, code))
            continue;
        transfer_fill_result(transfer, code, &result);
        transfer->looks_up &= code != CURLE_COULDNT_RESOLVE_HOST;
        transfer_release(transfer);
        tell(transfer, &result);
    }
    engine->visited = NULL;
}

/* ---- transfers that stand still ----
 * libcurl's own limit (CURLOPT_LOW_SPEED_TIME) looks at an average over five seconds and comes up to six too late.
 * Connecting has a limit of its own. */

static curl_off_t bytes_so_far(const struct transfer *transfer)
{
    curl_off_t sent = 0, received = 0, connected_us = 0;
    long head = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_DOWNLOAD_T, &received);
    curl_easy_getinfo(transfer->easy, CURLINFO_HEADER_SIZE, &head);
    curl_easy_getinfo(transfer->easy, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
    return connected_us ? 1 + sent + received + head : 0;
}

static void note_progress(struct transfer *transfer, uint64_t now)
{
    bool waits = !transfer->running || transfer->paused || transfer->held;
    curl_off_t progress = waits ? 0 : bytes_so_far(transfer);
    if (!waits && progress == transfer->progress)
        return;
    transfer->progress = progress;
    transfer->progress_ns = now;
}

static void tell_stalls(struct transfer_target *target, uint64_t now)
{
    const struct transfer_stall_watch *watch = &target->stall_watch;
    bool stalled = false;
    for (unsigned i = 0; i < target->count; i++) {
        const struct transfer *transfer = &target->transfers[i];
        stalled |= transfer->running && !transfer->may_stall && now - transfer->progress_ns >= watch->ms * NS_PER_MS;
    }
    if (!watch->tell || stalled == target->stalled)
        return;
    target->stalled = stalled;
    watch->tell(watch->context, stalled);
}

static void look_at_all(struct transfer_engine *engine, uint64_t now)
{
    for (struct transfer_target *target = engine->targets; target; target = target->next) {
        for (unsigned i = 0; i < target->count; i++)
            note_progress(&target->transfers[i], now);
        tell_stalls(target, now);
    }
}

/* The first whose time is over. */
static struct transfer *find_stalled(struct transfer_engine *engine, uint64_t now)
{
    for (struct transfer_target *target = engine->targets; target; target = target->next)
        for (unsigned i = 0; i < target->count; i++) {
            struct transfer *transfer = &target->transfers[i];
            if (transfer->running && transfer->progress && now - transfer->progress_ns >= transfer->timeout_ns)
                return transfer;
        }
    return NULL;
}

static void on_watch(void *context)
{
    struct transfer_engine *engine = context;
    uint64_t now = clock_monotonic_ns(engine->clock);
    struct transfer *transfer;
    bool ended = false;
    engine->watching = false;
    look_at_all(engine, now);
    while ((transfer = find_stalled(engine, now))) { /* looked for anew: done() may take targets away */
        struct transfer_result result = { .outcome = TRANSFER_FAILED,
                                          .duration_ns = now - transfer->started_ns,
                                          .still_ns = now - transfer->progress_ns,
                                          .transfer = transfer };
        snprintf(result.text, sizeof result.text, "no progress for %llu s",
                 (unsigned long long)(transfer->timeout_ns / NS_PER_S));
        engine->counters.failed++;
        transfer_release(transfer);
        tell(transfer, &result);
        ended = true;
    }
    if (ended)
        look_at_all(engine, now); /* there may be nothing left to look at next time */
    if (engine->running)
        transfer_watch_progress(engine);
}

void transfer_watch_progress(struct transfer_engine *engine)
{
    struct clock real = clock_real();
    if (engine->watching) /* not put off by whoever starts one after the other */
        return;
    engine->watching = true;
    loop_timer_set(engine->watchman, clock_monotonic_ns(&real) + WATCH_INTERVAL_MS * NS_PER_MS);
}

/* ---- libcurl and the loop ---- */

/* libcurl does not end a transfer that sleeps, whatever the server has said or done: it must be awake to see it. */
static void wake_sleepers(struct transfer_target *target)
{
    for (unsigned i = 0; i < target->count; i++)
        transfer_resume(&target->transfers[i]);
}

static void on_ready(void *context, int file_descriptor, unsigned events)
{
    struct transfer_target *target = context;
    int running, mask = (events & LOOP_READ ? CURL_CSELECT_IN : 0) | (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0) |
                        (events & LOOP_HANGUP ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(target->multi, file_descriptor, mask, &running);
    if (events & (LOOP_READ | LOOP_HANGUP))
        wake_sleepers(target);
    collect_finished(target);
}

void transfer_on_timeout(void *context)
{
    struct transfer_target *target = context;
    int running;
    curl_multi_socket_action(target->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect_finished(target);
}

/* A transfer that sleeps only listens. When libcurl does not even want that any more, and there was no answer, the
 * server has ended the connection, which libcurl does not count as an end of the transfer as long as there is more to
 * send. */
static void notice_cut(CURL *easy, int what)
{
    struct transfer *transfer = NULL;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (transfer && transfer->running && transfer->paused && what == CURL_POLL_REMOVE && status == 0)
        transfer->cut = true;
}

static void note_socket(CURL *easy, curl_socket_t file_descriptor, int what)
{
    struct transfer *transfer = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
    if (transfer)
        transfer->socket = what == CURL_POLL_REMOVE ? -1 : file_descriptor;
}

uint64_t transfer_unacknowledged(const struct transfer *transfer)
{
    int bytes = 0;
    if (!transfer->running || transfer->socket < 0 || ioctl(transfer->socket, SIOCOUTQ, &bytes) < 0)
        return UINT64_MAX;
    return (uint64_t)bytes;
}

size_t transfer_window(const struct transfer *transfer)
{
    return transfer->running && transfer->socket >= 0 ? delivery_socket_window(transfer->socket) : SIZE_MAX;
}

/* CURLMOPT_SOCKETFUNCTION. A watch that cannot be had is noticed by the transfer's own time limits. */
int transfer_watch_socket(CURL *easy, curl_socket_t file_descriptor, int what, void *context, void *unused)
{
    (void)unused;
    struct transfer_target *target = context;
    notice_cut(easy, what);
    note_socket(easy, file_descriptor, what);
    if (what == CURL_POLL_REMOVE)
        loop_unwatch(target->engine->loop, file_descriptor);
    else
        loop_watch(target->engine->loop, file_descriptor,
                   (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0), on_ready, target,
                   NULL);
    return 0;
}

/* CURLMOPT_TIMERFUNCTION */
int transfer_set_timer(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi;
    struct transfer_target *target = context;
    struct clock real = clock_real(); /* the loop's timers are real even where the clock of the owner is not */
    if (timeout_ms < 0)
        loop_timer_clear(target->timer);
    else
        loop_timer_set(target->timer, clock_monotonic_ns(&real) + (uint64_t)timeout_ms * NS_PER_MS);
    return 0;
}

/* ---- engine ---- */

static void lift_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit); /* else as many as there may be */
}

int transfer_engine_create(struct transfer_engine **out, struct loop *loop, const struct clock *clock,
                           struct error *err)
{
    struct transfer_engine *engine = calloc(1, sizeof *engine);
    if (!engine || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(engine);
        return error_set(err, -ENOMEM, "transfer engine");
    }
    engine->loop = loop;
    engine->clock = clock;
    engine->watchman = loop_timer_create(loop, on_watch, engine);
    if (!engine->watchman) {
        transfer_engine_destroy(engine);
        return error_set(err, -ENOMEM, "transfer engine");
    }
    signal(SIGPIPE, SIG_IGN);
    lift_file_limit();
    *out = engine;
    return 0;
}

void transfer_engine_destroy(struct transfer_engine *engine)
{
    if (!engine)
        return;
    loop_timer_destroy(engine->watchman);
    curl_global_cleanup();
    free(engine);
}

struct transfer_engine_counters transfer_engine_counters(const struct transfer_engine *engine)
{
    struct transfer_engine_counters counters = engine->counters;
    counters.lookups_left_behind = engine->lookups.left_behind;
    counters.lookups_refused = engine->lookups.refused;
    return counters;
}
