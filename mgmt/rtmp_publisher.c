/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_publisher.c - when there is a session and when not. A tick every 200 ms, as long as there is anything to look
 * after, confirms what has arrived, watches the bounds, and keeps the alerts true. */
#include "mgmt/rtmp_publisher_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "board/loop.h"
#include "mgmt/transfer.h"

enum {
    STABLE_S = 10, /* of publishing: failures before it are forgotten */
    WAIT_FOR_SERVER_S = 300,
    JUMP_BACK_PIECES = 500, /* so far below the newest it is no repetition */
};

static uint64_t now_ns(const struct rtmp_publisher *publisher)
{
    return clock_monotonic_ns(publisher->config.clock);
}

static const char *subject(const struct rtmp_publisher *publisher)
{
    return publisher->config.group->name;
}

static void enter(struct rtmp_publisher *publisher, enum rtmp_publisher_state state)
{
    publisher->state = state;
    publisher->since_ns = now_ns(publisher);
    publisher->blocked_ns = publisher->full_ns = 0;
}

/* ---- what becomes of pieces ---- */

static void on_release(void *context, const struct rtmp_piece *piece, bool sent)
{
    struct rtmp_publisher *publisher = context;
    const struct handoff_segment *segment = &piece->segment;
    if (sent) {
        publisher->counters.delivered++;
        publisher->counters.bytes += segment->bytes - segment->header_bytes;
        publisher->delivered_number = segment->number;
    } else {
        ++*publisher->dropping;
    }
    publisher->config.acknowledge(publisher->config.context, segment->instance, segment->serial);
}

static void drop_all(struct rtmp_publisher *publisher, uint64_t *counter)
{
    publisher->dropping = counter;
    rtmp_cache_drop_all(publisher->cache);
    rtmp_feed_break(&publisher->feed);
}

static bool is_over_bounds(const struct rtmp_publisher *publisher)
{
    return (double)rtmp_cache_waiting_90k(publisher->cache) > publisher->settings->cache_length * 90000 ||
           rtmp_cache_bytes(publisher->cache) > (uint64_t)publisher->config.group->connection.cache_megabytes << 20;
}

static void drop_oldest(struct rtmp_publisher *publisher)
{
    publisher->dropping = &publisher->counters.dropped_no_room;
    while (is_over_bounds(publisher) && rtmp_cache_waiting_pieces(publisher->cache)) {
        rtmp_cache_drop_group(publisher->cache);
        rtmp_feed_break(&publisher->feed);
    }
}

/* ---- sessions ---- */

static void connect_now(struct rtmp_publisher *publisher);

static void confirm(struct rtmp_publisher *publisher)
{
    if (publisher->client)
        rtmp_cache_confirm(publisher->cache, rtmp_client_confirmed(publisher->client),
                           rtmp_progress_certain(&publisher->progress));
}

static void leave_session(struct rtmp_publisher *publisher)
{
    confirm(publisher);
    rtmp_client_destroy(publisher->client);
    publisher->client = NULL;
    loop_timer_clear(publisher->pace);
    rtmp_cache_rewind(publisher->cache, rtmp_progress_certain(&publisher->progress));
    rtmp_progress_begin(&publisher->progress, now_ns(publisher));
}

static void stop(struct rtmp_publisher *publisher)
{
    enter(publisher, STATE_STOPPED);
    drop_all(publisher, &publisher->counters.dropped_given_up);
    rtmp_publisher_clear_backlog(publisher);
    log_error(publisher->config.log, "%s, output group %s: the output is stopped: %s", publisher->source,
              subject(publisher), publisher->last_error);
}

static void sleep_in(struct rtmp_publisher *publisher, enum rtmp_publisher_state state, double seconds)
{
    enter(publisher, state);
    loop_timer_set(publisher->wake, now_ns(publisher) + (uint64_t)(seconds * (double)NS_PER_S));
}

/* A session ended that should not have. */
static void fail(struct rtmp_publisher *publisher, enum rtmp_end end, const char *text)
{
    bool was_publishing = publisher->state == STATE_PUBLISHING;
    uint64_t lasted_ns = now_ns(publisher) - publisher->since_ns;
    unsigned retries = publisher->settings->num_retries;
    char message[ERROR_TEXT_BYTES];
    if (was_publishing && lasted_ns > STABLE_S * NS_PER_S)
        publisher->failures = 0;
    snprintf(publisher->last_error, sizeof publisher->last_error, "%s", text); /* the text dies with the session */
    leave_session(publisher);
    publisher->counters.failures++;
    publisher->failures++;
    if (publisher->failures > retries)
        snprintf(message, sizeof message, "%.400s; the output is stopped after %u retries", publisher->last_error,
                 retries);
    else
        snprintf(message, sizeof message, "%s", publisher->last_error);
    rtmp_publisher_raise_end(publisher, end, message);
    if (publisher->failures > retries)
        stop(publisher);
    else
        sleep_in(publisher, STATE_RETRYING, publisher->settings->connection_retry_interval);
}

/* The server has a session with us and does not read, and nothing more fits. */
static void give_up_session(struct rtmp_publisher *publisher)
{
    double rest_s = publisher->settings->restart_delay;
    publisher->counters.caches_full++;
    leave_session(publisher);
    drop_all(publisher, &publisher->counters.dropped_cache_full);
    snprintf(publisher->last_error, sizeof publisher->last_error,
             "the server did not take what was sent until the cache was full");
    rtmp_publisher_raise_end(publisher, RTMP_END_TIMEOUT, publisher->last_error);
    publisher->failures = 0;
    if (rest_s > 0)
        sleep_in(publisher, STATE_RESTING, rest_s);
    else
        stop(publisher);
}

static void watch_bounds(struct rtmp_publisher *publisher, uint64_t now)
{
    if (!is_over_bounds(publisher)) {
        publisher->full_ns = 0;
        return;
    }
    bool stuck = publisher->state == STATE_PUBLISHING && publisher->blocked_ns;
    if (stuck && !publisher->full_ns)
        publisher->full_ns = now;
    bool waits = publisher->settings->cache_full_behavior == RTMP_WAIT_FOR_SERVER &&
                 now - publisher->full_ns < WAIT_FOR_SERVER_S * NS_PER_S;
    if (stuck && !waits)
        give_up_session(publisher);
    else
        drop_oldest(publisher);
}

static void finish_if_done(struct rtmp_publisher *publisher)
{
    if (!publisher->finished || publisher->state >= STATE_STOPPED)
        return;
    if (publisher->state == STATE_WAITING) {
        enter(publisher, STATE_FINISHED);
    } else if (publisher->state == STATE_PUBLISHING && rtmp_cache_waiting_pieces(publisher->cache) == 0) {
        enter(publisher, STATE_FINISHING);
        rtmp_client_finish(publisher->client);
    }
}

static void set_tick(struct rtmp_publisher *publisher)
{
    loop_timer_set(publisher->tick, now_ns(publisher) + RTMP_TICK_MS * NS_PER_MS);
}

static void pump(struct rtmp_publisher *publisher)
{
    uint64_t now = now_ns(publisher), again_ns = 0;
    if (publisher->state != STATE_PUBLISHING)
        return;
    enum rtmp_feed_result result = rtmp_feed_run(&publisher->feed, publisher->cache, publisher->client, now, &again_ns);
    if (result == RTMP_FEED_PACED)
        loop_timer_set(publisher->pace, again_ns);
    if (result != RTMP_FEED_BLOCKED)
        publisher->blocked_ns = 0;
    else if (!publisher->blocked_ns)
        publisher->blocked_ns = now;
    confirm(publisher);
    finish_if_done(publisher);
}

static void on_pace(void *context)
{
    pump(context);
}

static void on_tick(void *context)
{
    struct rtmp_publisher *publisher = context;
    uint64_t now = now_ns(publisher);
    if (publisher->client)
        rtmp_progress_note(&publisher->progress, now, rtmp_client_taken(publisher->client),
                           rtmp_client_confirmed(publisher->client), rtmp_client_window(publisher->client));
    confirm(publisher);
    if (publisher->state == STATE_PUBLISHING && rtmp_client_is_lost(publisher->client))
        fail(publisher, RTMP_END_CLOSED, "the network does not carry what is sent any more");
    if (publisher->state < STATE_STOPPED)
        watch_bounds(publisher, now);
    if (publisher->state < STATE_STOPPED)
        rtmp_publisher_watch_alerts(publisher, now);
    if (publisher->state != STATE_WAITING && publisher->state != STATE_STOPPED && publisher->state != STATE_FINISHED)
        set_tick(publisher);
}

static void on_published(void *context)
{
    struct rtmp_publisher *publisher = context;
    log_info(publisher->config.log, "%s, output group %s: publishing to %s", publisher->source, subject(publisher),
             publisher->shown_url);
    publisher->counters.sessions++;
    enter(publisher, STATE_PUBLISHING);
    rtmp_progress_begin(&publisher->progress, publisher->since_ns);
    rtmp_feed_begin(&publisher->feed);
    pump(publisher);
}

static void on_writable(void *context)
{
    struct rtmp_publisher *publisher = context;
    publisher->blocked_ns = 0;
    pump(publisher);
}

static void on_ended(void *context, enum rtmp_end end, const char *text)
{
    struct rtmp_publisher *publisher = context;
    if (publisher->state != STATE_FINISHING) {
        fail(publisher, end, text);
        return;
    }
    /* what the server did not confirm in time is given up; the channel is at its end */
    leave_session(publisher);
    drop_all(publisher, &publisher->counters.dropped_given_up);
    rtmp_publisher_clear_alerts(publisher);
    enter(publisher, STATE_FINISHED);
}

static void connect_now(struct rtmp_publisher *publisher)
{
    const struct destination *destination = publisher->destination;
    struct error err = { 0 };
    const struct rtmp_client_config config = {
        .loop = publisher->config.loop,
        .url = &publisher->url,
        .stream = destination->stream,
        .scheme = publisher->settings->authentication_scheme,
        .credential = destination->credentials[0] ? &publisher->credential : NULL,
        .accept_any_certificate = destination->certificate_check == TRANSFER_SELF_SIGNED,
        .interface = destination->interface,
        .source_address = destination->source_address,
        .certificate_authority = destination->certificate_authority,
        .published = on_published,
        .writable = on_writable,
        .ended = on_ended,
        .context = publisher,
    };
    enter(publisher, STATE_CONNECTING);
    set_tick(publisher);
    if (rtmp_client_create(&publisher->client, &config, &err) < 0) {
        publisher->client = NULL;
        fail(publisher, RTMP_END_UNREACHABLE, err.text);
    }
}

static void on_wake(void *context)
{
    struct rtmp_publisher *publisher = context;
    publisher->counters.retries++;
    connect_now(publisher);
}

/* ---- what is handed over ---- */

static bool is_known(const struct rtmp_publisher *publisher, const struct handoff_segment *segment)
{
    return segment->number <= publisher->newest_number && segment->number + JUMP_BACK_PIECES > publisher->newest_number;
}

static void take_piece(struct rtmp_publisher *publisher, const struct handoff_segment *segment, int memfd)
{
    struct error err = { 0 };
    uint64_t *refused = NULL;
    if (strcmp(segment->output, publisher->config.group->outputs[0].name) != 0)
        refused = &publisher->counters.unknown_output;
    else if (is_known(publisher, segment))
        refused = &publisher->counters.duplicates;
    else if (publisher->state >= STATE_STOPPED)
        refused = &publisher->counters.dropped_given_up;
    if (refused) {
        close(memfd);
    } else if (rtmp_cache_add(publisher->cache, segment, memfd, &err) < 0) {
        refused = &publisher->counters.damaged;
        log_error(publisher->config.log, "output %s: piece %lld is lost: %s", segment->output,
                  (long long)segment->number, err.text);
        rtmp_feed_break(&publisher->feed);
    }
    if (refused != &publisher->counters.unknown_output && refused != &publisher->counters.duplicates) {
        publisher->newest_number = segment->number;
        publisher->newest_end_90k = segment->start_90k + segment->duration_90k;
    }
    if (refused) {
        ++*refused;
        publisher->config.acknowledge(publisher->config.context, segment->instance, segment->serial);
    }
}

static void measure(struct rtmp_publisher *publisher, const struct handoff_segment *segment)
{
    uint64_t utc_ns = clock_utc_ns(publisher->config.clock);
    if (rtmp_cache_waiting_pieces(publisher->cache) || publisher->state != STATE_PUBLISHING)
        return;
    if (segment->closed_utc_ns && segment->closed_utc_ns < utc_ns)
        latency_add(&publisher->handoff_to_sent, utc_ns - segment->closed_utc_ns);
    if (segment->end_arrival_utc_ns && segment->end_arrival_utc_ns < utc_ns)
        latency_add(&publisher->source_to_sent, utc_ns - segment->end_arrival_utc_ns);
}

static void on_segment(struct publisher *given, const struct handoff_segment *segment, int memfd)
{
    struct rtmp_publisher *publisher = (struct rtmp_publisher *)given;
    publisher->counters.received++;
    take_piece(publisher, segment, memfd);
    if (publisher->state == STATE_WAITING && rtmp_cache_waiting_pieces(publisher->cache))
        connect_now(publisher);
    if (publisher->state < STATE_STOPPED)
        watch_bounds(publisher, now_ns(publisher));
    pump(publisher);
    measure(publisher, segment);
}

static void finish(struct publisher *given)
{
    struct rtmp_publisher *publisher = (struct rtmp_publisher *)given;
    publisher->finished = true;
    finish_if_done(publisher);
}

static bool is_idle(const struct publisher *given)
{
    const struct rtmp_publisher *publisher = (const struct rtmp_publisher *)given;
    if (publisher->state == STATE_STOPPED || publisher->state == STATE_FINISHED)
        return true;
    return !publisher->finished && rtmp_cache_is_empty(publisher->cache);
}

static int64_t resume_tick_90k(const struct publisher *given)
{
    const struct rtmp_publisher *publisher = (const struct rtmp_publisher *)given;
    return publisher->newest_number < 0 ? INT64_MAX : publisher->newest_end_90k;
}

/* ---- life ---- */

static void destroy(struct publisher *given)
{
    struct rtmp_publisher *publisher = (struct rtmp_publisher *)given;
    if (publisher->cache)
        rtmp_publisher_clear_alerts(publisher);
    rtmp_client_destroy(publisher->client);
    rtmp_cache_destroy(publisher->cache);
    rtmp_feed_clear(&publisher->feed);
    loop_timer_destroy(publisher->tick);
    loop_timer_destroy(publisher->pace);
    loop_timer_destroy(publisher->wake);
    explicit_bzero(&publisher->credential, sizeof publisher->credential);
    free(publisher);
}

static int copy_credential(struct rtmp_publisher *publisher, struct error *err)
{
    const char *name = publisher->destination->credentials;
    const struct credential *credential = *name ? credentials_find(publisher->config.credentials, name) : NULL;
    publisher->config.credentials = NULL;
    if (*name && !credential)
        return error_set(err, -ENOENT, "output group %s: there are no credentials named %s", subject(publisher), name);
    if (credential)
        publisher->credential = *credential;
    return 0;
}

static int set_up(struct rtmp_publisher *publisher, struct error *err)
{
    const struct publisher_config *config = &publisher->config;
    const char *fault = rtmp_url_parse(&publisher->url, publisher->destination->url);
    if (fault)
        return error_set(err, -EINVAL, "output group %s: url of its destination %s", subject(publisher), fault);
    int result = copy_credential(publisher, err);
    if (result < 0)
        return result;
    snprintf(publisher->shown_url, sizeof publisher->shown_url, "%.*s", (int)strcspn(publisher->destination->url, "?"),
             publisher->destination->url);
    snprintf(publisher->source, sizeof publisher->source, "%s/%u", config->channel, config->pipeline);
    publisher->tick = loop_timer_create(config->loop, on_tick, publisher);
    publisher->pace = loop_timer_create(config->loop, on_pace, publisher);
    publisher->wake = loop_timer_create(config->loop, on_wake, publisher);
    if (!publisher->tick || !publisher->pace || !publisher->wake)
        return error_set(err, -ENOMEM, "output group %s", subject(publisher));
    return rtmp_cache_create(&publisher->cache, on_release, publisher, err);
}

static int create(struct publisher **out, const struct publisher_config *config, struct error *err)
{
    struct rtmp_publisher *publisher = calloc(1, sizeof *publisher);
    if (!publisher)
        return error_set(err, -ENOMEM, "output group %s", config->group->name);
    publisher->config = *config;
    publisher->settings = &config->group->rtmp;
    publisher->destination = &config->group->destinations[config->pipeline];
    publisher->newest_number = publisher->delivered_number = -1;
    int result = set_up(publisher, err);
    if (result < 0) {
        destroy(&publisher->publisher);
        return result;
    }
    *out = &publisher->publisher;
    return 0;
}

const struct publisher_class rtmp_publisher_class = {
    .name = "rtmp",
    .create = create,
    .destroy = destroy,
    .segment = on_segment,
    .finish = finish,
    .idle = is_idle,
    .resume_tick_90k = resume_tick_90k,
    .status = rtmp_publisher_status,
};
