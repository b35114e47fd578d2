/* SPDX-License-Identifier: GPL-2.0-or-later */
/* smooth_stream.c - the life of one POST after the other.
 *
 * One timer drives it: retries and rests, delays, silence, and while a POST is open a look ten times a second at what
 * the server's kernel has acknowledged.
 */
#include "mgmt/smooth_stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "board/loop.h"

enum { LOOK_MS = 100, WIDEST_LOOKS = 128, SETTLE_MS = 1000, RETRY_AFTER_MAX_S = 60, ALERT_AFTER_DEFAULT_MS = 2000 };

enum phase {
    PHASE_NONE,  /* no request */
    PHASE_ASK,   /* the one without a body */
    PHASE_POST,  /* the long one */
    PHASE_ENDED, /* its body is over, the answer is waited for */
};

struct smooth_stream {
    struct smooth_stream_config config;
    struct smooth_body *body;
    struct transfer *transfer; /* NULL: none */
    enum phase phase;
    struct loop_timer *timer;
    enum destination_state state;
    unsigned tries;
    uint64_t hold_until_ns;
    uint64_t post_began_ns, newest_ns;     /* newest: when a fragment came last, or the POST began */
    uint64_t given;                        /* bytes of the POST that libcurl has given to the kernel */
    uint64_t arrived, arrived_ns;          /* bytes that the server's kernel has, and since when */
    uint64_t taken_ns;                     /* when the server took something last, or there was nothing to take */
    size_t widest;                         /* room that its kernel had at most in this POST */
    bool settled;                          /* this POST has proven itself */
    bool finished, over;                   /* the channel is stopped; and the server knows, or will never */
    bool last;                             /* no POST will follow this one */
    bool announce;                         /* the header is to be sent, with fragments or without */
    bool reading;                          /* the body of this POST is asked for: there is a connection */
    bool stalled;                          /* what is on its way stands still */
    uint64_t alert_after_ns, alert_due_ns; /* due: when the last failure gets its alert; 0: it has, or there is none */
    char alerts[SMOOTH_ALERTS][ERROR_TEXT_BYTES];
    char last_error[ERROR_TEXT_BYTES];
    char stall_text[ERROR_TEXT_BYTES];
    struct smooth_stream_counters counters;
};

static void pump(struct smooth_stream *stream);

static uint64_t now_ns(const struct smooth_stream *stream)
{
    return clock_monotonic_ns(stream->config.clock);
}

/* ---- fragments that leave ---- */
static void give_back(struct smooth_stream *stream, const struct smooth_fragment *fragment,
                      enum destination_outcome outcome)
{
    switch (outcome) {
    case DESTINATION_TOO_OLD:
        stream->counters.dropped_too_old++;
        break;
    case DESTINATION_NO_ROOM:
        stream->counters.dropped_no_room++;
        break;
    case DESTINATION_GIVEN_UP:
    case DESTINATION_REFUSED:
    case DESTINATION_DAMAGED: /* none of a stream is */
        stream->counters.dropped_given_up++;
        break;
    case DESTINATION_DELIVERED:
        stream->counters.fragments_delivered++;
        stream->counters.bytes_delivered += fragment->bytes;
    }
    stream->config.gone(stream->config.context, fragment, outcome);
}

static void drop_before(struct smooth_stream *stream, uint64_t before_ns, enum destination_outcome outcome)
{
    struct smooth_fragment fragment;
    while (smooth_body_drop(stream->body, before_ns, &fragment))
        give_back(stream, &fragment, outcome);
}

static void take_delivered(struct smooth_stream *stream)
{
    struct smooth_fragment fragment;
    while (smooth_body_take(stream->body, &fragment))
        give_back(stream, &fragment, DESTINATION_DELIVERED);
}

/* ---- success and failure ---- */
static void note_success(struct smooth_stream *stream)
{
    if (stream->state != DESTINATION_WELL)
        log_info(stream->config.log, "%s: is taken again", stream->config.url);
    stream->state = DESTINATION_WELL;
    stream->tries = 0;
    stream->alert_due_ns = 0;
    memset(stream->alerts, 0, sizeof stream->alerts);
}

static void become_failed(struct smooth_stream *stream, uint64_t now)
{
    double rest_s = stream->config.connection->restart_delay;
    stream->counters.failures++;
    stream->state = rest_s > 0 ? DESTINATION_FAILED : DESTINATION_ABANDONED;
    stream->hold_until_ns = now + (uint64_t)(rest_s * 1e9);
    if (rest_s > 0)
        log_error(stream->config.log, "%s failed, rests for %.1f s", stream->config.url, rest_s);
    else
        log_error(stream->config.log, "%s failed and is given up: restart_delay is 0", stream->config.url);
}

static void raise_failure(struct smooth_stream *stream, const struct transfer_result *result)
{
    enum smooth_alert alert = result->outcome == TRANSFER_UNAUTHORIZED  ? SMOOTH_ALERT_UNAUTHORIZED
                              : result->outcome == TRANSFER_CERTIFICATE ? SMOOTH_ALERT_CERTIFICATE
                                                                        : SMOOTH_ALERT_OUTPUT_FAILED;
    /* one that the next try puts right is not worth an alert: it is counted */
    if (alert == SMOOTH_ALERT_OUTPUT_FAILED && stream->tries < 2 && stream->state < DESTINATION_FAILED) {
        uint64_t still_ns = result->still_ns < stream->alert_after_ns ? result->still_ns : stream->alert_after_ns;
        stream->alert_due_ns = now_ns(stream) + stream->alert_after_ns - still_ns;
        return;
    }
    stream->alert_due_ns = 0;
    memcpy(stream->alerts[alert], stream->last_error, sizeof stream->alerts[alert]);
}

/* The next try may be far away. */
static void raise_overdue(struct smooth_stream *stream, uint64_t now)
{
    if (!stream->alert_due_ns || now < stream->alert_due_ns)
        return;
    stream->alert_due_ns = 0;
    memcpy(stream->alerts[SMOOTH_ALERT_OUTPUT_FAILED], stream->last_error, ERROR_TEXT_BYTES);
}

static void note_failure(struct smooth_stream *stream, const struct transfer_result *result)
{
    const struct connection_settings *connection = stream->config.connection;
    uint64_t now = now_ns(stream);
    unsigned wish_s = result->retry_after_s < RETRY_AFTER_MAX_S ? result->retry_after_s : RETRY_AFTER_MAX_S;
    double wait_s = connection->connection_retry_interval > wish_s ? connection->connection_retry_interval : wish_s;

    snprintf(stream->last_error, sizeof stream->last_error, "%.300s: %.200s", stream->config.url, result->text);
    stream->counters.retries++;
    stream->tries++;
    if (stream->state == DESTINATION_WELL) {
        stream->state = DESTINATION_RETRYING;
        log_warning(stream->config.log, "%s", stream->last_error);
    }
    stream->hold_until_ns = now + (uint64_t)(wait_s * 1e9);
    if (stream->state == DESTINATION_RETRYING && stream->tries >= connection->num_retries)
        become_failed(stream, now);
    raise_failure(stream, result);
}

/* ---- the requests ---- */
static void post_is_over(struct smooth_stream *stream)
{
    stream->transfer = NULL;
    stream->phase = PHASE_NONE;
    stream->stalled = false;
}

static void post_broke(struct smooth_stream *stream)
{
    smooth_body_break(stream->body);
    stream->announce = stream->config.rare;
}

/* A server may say in the middle of a POST that it has lost what it knew of the stream. */
static bool wants_header(const struct smooth_stream *stream, const struct transfer_result *result)
{
    return stream->settled && (result->status == 412 || result->status == 400);
}

static void on_posted(void *context, const struct transfer_result *result)
{
    struct smooth_stream *stream = context;
    bool whole = stream->phase == PHASE_ENDED;
    post_is_over(stream);
    if (result->outcome == TRANSFER_OK && whole) {
        stream->counters.posts_completed++;
        smooth_body_complete(stream->body);
        note_success(stream);
        stream->over = stream->last;
        take_delivered(stream);
    } else {
        post_broke(stream);
        if (wants_header(stream, result)) {
            stream->counters.headers_wanted++;
            snprintf(stream->last_error, sizeof stream->last_error, "%.300s: %.200s", stream->config.url, result->text);
        } else {
            note_failure(stream, result);
        }
    }
    stream->settled = stream->last = false;
    pump(stream);
}

static ssize_t on_read(void *context, uint64_t offset, void *buffer, size_t room)
{
    struct smooth_stream *stream = context;
    stream->given = offset;
    stream->reading = true;
    ssize_t bytes = smooth_body_read(stream->body, offset, buffer, room, now_ns(stream));
    if (bytes == 0)
        stream->phase = PHASE_ENDED;
    return bytes;
}

static void start_failed(struct smooth_stream *stream, struct error *err)
{
    struct transfer_result result = { .outcome = TRANSFER_FAILED };
    snprintf(result.text, sizeof result.text, "%.250s", err->text);
    post_is_over(stream);
    note_failure(stream, &result);
}

/* The POST that is open, or is about to be, is the last one. */
static void end_for_good(struct smooth_stream *stream)
{
    smooth_body_end(stream->body, stream->config.eos);
    stream->last = true;
}

static void start_post(struct smooth_stream *stream)
{
    struct error err = { 0 };
    const struct transfer_request request = { .method = TRANSFER_POST,
                                              .url = stream->config.url,
                                              .content_type = "video/mp4",
                                              .read = on_read,
                                              .chunked = true,
                                              .done = on_posted,
                                              .context = stream };
    if (stream->finished)
        end_for_good(stream);
    if (smooth_body_begin(stream->body, stream->announce) <
        0) { /* what there was has been given up meanwhile, or no memory: later */
        post_is_over(stream);
        stream->last = false;
        stream->hold_until_ns = now_ns(stream) + NS_PER_S;
        return;
    }
    stream->announce = stream->reading = false;
    stream->phase = PHASE_POST;
    stream->given = stream->arrived = 0;
    stream->widest = 0;
    stream->post_began_ns = stream->arrived_ns = stream->taken_ns = stream->newest_ns = now_ns(stream);
    stream->settled = false;
    stream->counters.posts++;
    if (transfer_start(stream->config.target, &request, &stream->transfer, &err) < 0) {
        post_broke(stream);
        start_failed(stream, &err);
    }
}

/* Some servers do not take a request without a body, and say so; that is no reason to try no other. */
static bool is_about_the_body(unsigned status)
{
    return status == 400 || status == 405 || status == 411 || status == 412 || status == 415 || status == 422;
}

static void on_asked(void *context, const struct transfer_result *result)
{
    struct smooth_stream *stream = context;
    post_is_over(stream);
    if (result->outcome == TRANSFER_OK || is_about_the_body(result->status))
        start_post(stream);
    else
        note_failure(stream, result);
    pump(stream);
}

static void ask(struct smooth_stream *stream)
{
    struct error err = { 0 };
    const struct transfer_request request = {
        .method = TRANSFER_POST, .url = stream->config.url, .done = on_asked, .context = stream
    };
    stream->phase = PHASE_ASK;
    stream->arrived_ns = stream->taken_ns = now_ns(stream);
    if (transfer_start(stream->config.target, &request, &stream->transfer, &err) < 0)
        start_failed(stream, &err);
}

/* ---- an open POST ---- */
/* The server has what there is to know by now. */
static bool is_proven(const struct smooth_stream *stream)
{
    return smooth_body_confirmed(stream->body) ||
           (stream->config.rare && stream->arrived && !smooth_body_waiting(stream->body));
}

/* What its process does not read takes up the room in its kernel. That may become less for good too (memory is short):
 * what it was at most is forgotten within WIDEST_LOOKS. */
static bool server_reads(struct smooth_stream *stream)
{
    size_t window = transfer_window(stream->transfer);
    if (window != SIZE_MAX)
        stream->widest = window > stream->widest ? window : stream->widest - (stream->widest - window) / WIDEST_LOOKS;
    return window >= stream->widest / 2;
}

static void look(struct smooth_stream *stream, uint64_t now)
{
    bool reads = server_reads(stream);
    bool nothing_is_due = stream->phase == PHASE_POST && stream->reading;
    uint64_t waits = transfer_unacknowledged(stream->transfer);
    uint64_t arrived = waits < stream->given ? stream->given - waits : 0;
    if (arrived > stream->arrived || (waits == 0 && nothing_is_due)) {
        stream->arrived_ns = now;
        if (reads)
            stream->taken_ns = now;
    }
    if (arrived > stream->arrived) {
        stream->arrived = arrived;
        smooth_body_confirm(stream->body, arrived);
        take_delivered(stream);
    }
    if (!stream->settled && is_proven(stream) && now - stream->post_began_ns >= SETTLE_MS * NS_PER_MS) {
        stream->settled = true;
        note_success(stream);
    }
}

static void give_up_post(struct smooth_stream *stream)
{
    const struct transfer_result result = { .outcome = TRANSFER_FAILED,
                                            .still_ns = now_ns(stream) - stream->arrived_ns,
                                            .text = "the server acknowledges nothing" };
    transfer_cancel(stream->transfer);
    post_is_over(stream);
    post_broke(stream);
    stream->settled = stream->last = false;
    note_failure(stream, &result);
}

static void keep_post(struct smooth_stream *stream, uint64_t now)
{
    look(stream, now);
    if (now - stream->arrived_ns > stream->config.connection->timeout * NS_PER_S) {
        give_up_post(stream);
        return;
    }
    if (stream->phase != PHASE_POST)
        return;
    if (stream->finished)
        end_for_good(stream);
    else if (now - stream->newest_ns > stream->config.silence_ns && !smooth_body_waiting(stream->body))
        smooth_body_end(stream->body, false);
    transfer_resume(stream->transfer);
}

/* ---- the timer ---- */
static bool has_work(const struct smooth_stream *stream, uint64_t now)
{
    uint64_t due_ns = smooth_body_next_due_ns(stream->body);
    if (stream->finished)
        return !stream->over;
    return stream->announce || (smooth_body_waiting(stream->body) > 0 && due_ns && due_ns <= now);
}

static void begin(struct smooth_stream *stream)
{
    if (stream->state == DESTINATION_FAILED) {
        stream->state = DESTINATION_RETRYING;
        stream->tries = 0;
    }
    if (stream->finished && smooth_body_empty(stream->body) && (!stream->config.eos || stream->counters.posts == 0))
        stream->over = true; /* the server has all, and there is nothing to be said */
    else
        ask(stream);
}

static void set_timer(struct smooth_stream *stream, uint64_t now)
{
    uint64_t at = UINT64_MAX, due_ns = smooth_body_next_due_ns(stream->body);
    if (stream->phase == PHASE_POST || stream->phase == PHASE_ENDED)
        at = now + LOOK_MS * NS_PER_MS;
    else if (stream->phase == PHASE_NONE && stream->state != DESTINATION_ABANDONED && has_work(stream, UINT64_MAX))
        at = stream->hold_until_ns;
    else if (stream->phase == PHASE_ASK && !stream->stalled)
        at = stream->taken_ns + stream->alert_after_ns;
    if (due_ns > now && due_ns < at)
        at = due_ns;
    if (stream->alert_due_ns && stream->alert_due_ns < at)
        at = stream->alert_due_ns;
    if (at == UINT64_MAX)
        loop_timer_clear(stream->timer);
    else
        loop_timer_set(stream->timer, at > now ? at : now + NS_PER_MS);
}

static void pump(struct smooth_stream *stream)
{
    uint64_t now = now_ns(stream);
    unsigned cached_s = stream->config.connection->filecache_duration;
    if (stream->state == DESTINATION_ABANDONED) {
        drop_before(stream, UINT64_MAX, DESTINATION_GIVEN_UP);
        stream->over = stream->finished;
    } else if (now > cached_s * NS_PER_S) {
        drop_before(stream, now - cached_s * NS_PER_S, DESTINATION_TOO_OLD);
    }
    if (stream->phase == PHASE_POST || stream->phase == PHASE_ENDED)
        keep_post(stream, now);
    if (stream->phase == PHASE_NONE && stream->state != DESTINATION_ABANDONED && now >= stream->hold_until_ns &&
        has_work(stream, now))
        begin(stream);
    /* a server that ends a POST of hours has something to write, before it answers */
    uint64_t patience_ns = (stream->phase == PHASE_ENDED ? 2 : 1) * stream->alert_after_ns;
    stream->stalled = stream->phase != PHASE_NONE && now >= stream->taken_ns + patience_ns;
    raise_overdue(stream, now);
    set_timer(stream, now);
    stream->config.changed(stream->config.context);
}

static void on_timer(void *context)
{
    pump(context);
}

/* ---- the owner's side ---- */
int smooth_stream_create(struct smooth_stream **out, const struct smooth_stream_config *config, struct error *err)
{
    struct smooth_stream *stream = calloc(1, sizeof *stream);
    const struct smooth_body_config body = { .stream_manifest = config->stream_manifest, .delay_ns = config->delay_ns };
    if (!stream)
        return error_set(err, -ENOMEM, "stream %s", config->url);
    stream->config = *config;
    stream->config.stream_manifest = NULL;
    stream->alert_after_ns = (config->alert_after_ms ? config->alert_after_ms : ALERT_AFTER_DEFAULT_MS) * NS_PER_MS;
    snprintf(stream->stall_text, sizeof stream->stall_text, "%.400s: no progress for %g s", config->url,
             (double)stream->alert_after_ns / 1e9);
    int result = smooth_body_create(&stream->body, &body, err);
    if (result == 0 && !(stream->timer = loop_timer_create(config->loop, on_timer, stream)))
        result = error_set(err, -ENOMEM, "stream %s", config->url);
    if (result < 0) {
        smooth_stream_destroy(stream);
        return result;
    }
    *out = stream;
    return 0;
}

void smooth_stream_destroy(struct smooth_stream *stream)
{
    if (!stream)
        return;
    if (stream->transfer)
        transfer_cancel(stream->transfer);
    loop_timer_destroy(stream->timer);
    smooth_body_destroy(stream->body);
    free(stream);
}

int smooth_stream_add(struct smooth_stream *stream, const struct handoff_segment *segment, struct segment_mapping *file,
                      struct error *err)
{
    uint64_t now = now_ns(stream);
    int result = smooth_body_add(stream->body, segment, file, now, err);
    if (result < 0)
        return result;
    stream->newest_ns = now;
    loop_timer_set(stream->timer, now); /* not from here: callbacks come later */
    return 0;
}

int smooth_stream_set_header(struct smooth_stream *stream, const void *header, size_t bytes, struct error *err)
{
    return smooth_body_set_header(stream->body, header, bytes, err);
}

void smooth_stream_announce(struct smooth_stream *stream)
{
    if (stream->phase != PHASE_NONE || !smooth_body_has_header(stream->body))
        return;
    stream->announce = true;
    loop_timer_set(stream->timer, now_ns(stream));
}

bool smooth_stream_has(const struct smooth_stream *stream, uint64_t instance, uint64_t serial)
{
    return smooth_body_has(stream->body, instance, serial);
}

bool smooth_stream_drop_oldest(struct smooth_stream *stream)
{
    struct smooth_fragment fragment;
    if (!smooth_body_drop(stream->body, UINT64_MAX, &fragment))
        return false;
    give_back(stream, &fragment, DESTINATION_NO_ROOM);
    return true;
}

void smooth_stream_finish(struct smooth_stream *stream)
{
    stream->finished = true;
    loop_timer_set(stream->timer, now_ns(stream));
}

bool smooth_stream_idle(const struct smooth_stream *stream)
{
    if (stream->finished)
        return stream->over;
    return stream->phase == PHASE_NONE && smooth_body_empty(stream->body);
}

enum destination_state smooth_stream_state(const struct smooth_stream *stream)
{
    return stream->state;
}

const char *smooth_stream_alert(const struct smooth_stream *stream, enum smooth_alert alert)
{
    if (stream->alerts[alert][0])
        return stream->alerts[alert];
    return alert == SMOOTH_ALERT_OUTPUT_FAILED && stream->stalled ? stream->stall_text : NULL;
}

const struct smooth_body *smooth_stream_body(const struct smooth_stream *stream)
{
    return stream->body;
}

struct smooth_stream_counters smooth_stream_counters(const struct smooth_stream *stream)
{
    return stream->counters;
}

const char *smooth_stream_last_error(const struct smooth_stream *stream)
{
    return stream->last_error;
}
