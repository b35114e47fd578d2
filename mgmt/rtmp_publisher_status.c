/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_publisher_status.c - when a server's troubles are worth an alert, and when they are over; and the status. */
#include <stdio.h>

#include "board/clock.h"
#include "mgmt/alerts.h"
#include "mgmt/rtmp_publisher_private.h"

enum {
    CONNECTING_MS = 2000,    /* without an answer: an alert */
    BACKLOG_90K = 5 * 90000, /* waits: an alert */
};

static const char *const state_names[] = { "waiting", "connecting", "well",      "retrying",
                                           "failed",  "abandoned",  "finishing", "finished" };

static void clear(struct rtmp_publisher *publisher, unsigned id)
{
    alerts_clear(publisher->config.alerts, publisher->source, id, publisher->config.group->name);
}

static void clear_session_alerts(struct rtmp_publisher *publisher)
{
    clear(publisher, ALERT_CONNECT_FAILED);
    clear(publisher, ALERT_UNAUTHORIZED);
    clear(publisher, ALERT_CERTIFICATE);
}

void rtmp_publisher_clear_backlog(struct rtmp_publisher *publisher)
{
    clear(publisher, ALERT_BACKLOG);
}

void rtmp_publisher_clear_alerts(struct rtmp_publisher *publisher)
{
    clear_session_alerts(publisher);
    clear(publisher, ALERT_BACKLOG);
}

static void raise(struct rtmp_publisher *publisher, unsigned id, const char *text)
{
    alerts_raise(publisher->config.alerts, publisher->source, id, publisher->config.group->name, "%s: %s",
                 publisher->shown_url, text);
}

void rtmp_publisher_raise_end(struct rtmp_publisher *publisher, enum rtmp_end end, const char *text)
{
    raise(publisher,
          end == RTMP_END_UNAUTHORIZED  ? ALERT_UNAUTHORIZED
          : end == RTMP_END_CERTIFICATE ? ALERT_CERTIFICATE
                                        : ALERT_CONNECT_FAILED,
          text);
}

static void watch_session(struct rtmp_publisher *publisher, uint64_t now)
{
    bool publishing = publisher->state == STATE_PUBLISHING;
    if (publishing && rtmp_progress_is_still(&publisher->progress, now))
        raise(publisher, ALERT_CONNECT_FAILED, "the server does not take what is sent");
    else if (publisher->state == STATE_CONNECTING && now - publisher->since_ns > CONNECTING_MS * NS_PER_MS)
        raise(publisher, ALERT_CONNECT_FAILED, "the server does not answer so far");
    else if (publishing && publisher->feed.begun && !publisher->progress.late)
        clear_session_alerts(publisher);
}

/* What the kernels have of a session waits for the server too: it is seen by how late it arrives. */
static void watch_backlog(struct rtmp_publisher *publisher)
{
    bool late = publisher->state == STATE_PUBLISHING && publisher->progress.late;
    int64_t waiting_90k = rtmp_cache_waiting_90k(publisher->cache);
    double waiting_s = (double)waiting_90k / 90000 + (late ? (double)publisher->progress.lag_ns / 1e9 : 0);
    if (late || waiting_90k > BACKLOG_90K) {
        char text[96];
        snprintf(text, sizeof text, "%.0f s wait for the server", waiting_s);
        raise(publisher, ALERT_BACKLOG, text);
    } else if (waiting_90k < BACKLOG_90K / 5) {
        clear(publisher, ALERT_BACKLOG);
    }
}

void rtmp_publisher_watch_alerts(struct rtmp_publisher *publisher, uint64_t now)
{
    watch_session(publisher, now);
    watch_backlog(publisher);
}

/* ---- status ---- */

static void set_count(json_t *object, const char *name, uint64_t value)
{
    json_object_set_new(object, name, json_integer((json_int_t)value));
}

static json_t *counters_status(const struct rtmp_publisher *publisher)
{
    json_t *counters = json_object();
    set_count(counters, "segments_received", publisher->counters.received);
    set_count(counters, "segments_duplicate", publisher->counters.duplicates);
    set_count(counters, "segments_damaged", publisher->counters.damaged);
    set_count(counters, "segments_unknown_output", publisher->counters.unknown_output);
    set_count(counters, "segments_delivered", publisher->counters.delivered);
    set_count(counters, "bytes_delivered", publisher->counters.bytes);
    set_count(counters, "pictures_sent", publisher->feed.counters.pictures);
    set_count(counters, "key_pictures_sent", publisher->feed.counters.keys);
    set_count(counters, "tags_skipped", publisher->feed.counters.tags_skipped);
    set_count(counters, "jumps_back", publisher->feed.counters.jumps_back);
    set_count(counters, "dropped_no_room", publisher->counters.dropped_no_room);
    set_count(counters, "dropped_cache_full", publisher->counters.dropped_cache_full);
    set_count(counters, "dropped_given_up", publisher->counters.dropped_given_up);
    set_count(counters, "connections_opened", publisher->counters.sessions);
    set_count(counters, "retries", publisher->counters.retries);
    set_count(counters, "failures", publisher->counters.failures);
    set_count(counters, "caches_full", publisher->counters.caches_full);
    return counters;
}

json_t *rtmp_publisher_status(const struct publisher *given)
{
    const struct rtmp_publisher *publisher = (const struct rtmp_publisher *)given;
    json_int_t queued = rtmp_cache_waiting_pieces(publisher->cache);
    json_t *output = json_pack("{s:s, s:I, s:I, s:I}", "name", publisher->config.group->outputs[0].name,
                               "queued_segments", queued, "last_received", (json_int_t)publisher->newest_number,
                               "last_delivered", (json_int_t)publisher->delivered_number);
    return json_pack(
        "{s:s, s:s, s:s, s:I, s:I, s:I, s:s, s:o, s:o, s:o, s:[o]}", "group", publisher->config.group->name, "url",
        publisher->shown_url, "state", state_names[publisher->state], "queued_segments", queued, "queued_ms",
        (json_int_t)(rtmp_cache_waiting_90k(publisher->cache) / 90), "queued_bytes",
        (json_int_t)rtmp_cache_bytes(publisher->cache), "last_error", publisher->last_error, "handoff_to_sent_ms",
        latency_json(&publisher->handoff_to_sent), "source_to_sent_ms", latency_json(&publisher->source_to_sent),
        "counters", counters_status(publisher), "outputs", output);
}
