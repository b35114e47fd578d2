/* SPDX-License-Identifier: GPL-2.0-or-later */
/* smooth_publisher_status.c - what a Smooth publisher tells: its alerts, and its status as JSON. */
#include "board/clock.h"
#include "board/log.h"
#include "mgmt/alerts.h"
#include "mgmt/smooth_publisher_private.h"

enum { BACKLOG_FRAGMENTS = 3, BACKLOG_PERCENT = 30, LATE_MS = 4000 /* beyond its length, since it could be sent */ };

static const unsigned alert_ids[SMOOTH_ALERTS] = { ALERT_OUTPUT_FAILED, ALERT_UNAUTHORIZED, ALERT_CERTIFICATE };

/* ---- what waits ---- */
uint64_t smooth_publisher_cache_bytes(const struct smooth_publisher *publisher)
{
    return (uint64_t)publisher->config.group->connection.cache_megabytes << 20;
}

uint64_t smooth_publisher_waiting_bytes(const struct smooth_publisher *publisher)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < publisher->lane_count; i++)
        if (publisher->lanes[i].stream)
            bytes += smooth_body_bytes(smooth_stream_body(publisher->lanes[i].stream));
    return bytes;
}

/* ---- alerts ---- */
static void tell_alert(struct smooth_publisher *publisher, enum smooth_alert alert)
{
    const char *text = NULL;
    for (unsigned i = 0; i < publisher->lane_count && !text; i++)
        if (publisher->lanes[i].stream)
            text = smooth_stream_alert(publisher->lanes[i].stream, alert);
    if (text)
        alerts_raise(publisher->config.alerts, publisher->source, alert_ids[alert], publisher->config.group->name,
                     "destination %s", text);
    else
        alerts_clear(publisher->config.alerts, publisher->source, alert_ids[alert], publisher->config.group->name);
}

static bool is_late(const struct smooth_publisher *publisher, const struct smooth_stream *stream)
{
    uint64_t now = clock_monotonic_ns(publisher->config.clock);
    uint64_t since_ns = stream ? smooth_body_unconfirmed_ns(smooth_stream_body(stream)) : 0;
    uint64_t length_ns = (uint64_t)(publisher->config.group->smooth.fragment_length * 1e9);
    return since_ns && now > since_ns + length_ns + LATE_MS * NS_PER_MS;
}

/* Raised early, cleared late: a queue that breathes around the bound must not make the alert flap. Long fragments are
 * not waited for until several of them wait: one that is not there some seconds after the next has come is late. */
static void watch_backlog(struct smooth_publisher *publisher)
{
    unsigned deepest = 0;
    bool late = false;
    for (unsigned i = 0; i < publisher->media_count; i++) { /* messages come in bursts */
        const struct smooth_stream *stream = publisher->lanes[i].stream;
        unsigned waiting = stream ? smooth_body_waiting(smooth_stream_body(stream)) : 0;
        deepest = waiting > deepest ? waiting : deepest;
        late |= is_late(publisher, stream);
    }
    uint64_t percent = smooth_publisher_waiting_bytes(publisher) * 100 / smooth_publisher_cache_bytes(publisher);
    if (late || deepest > BACKLOG_FRAGMENTS || percent > BACKLOG_PERCENT) {
        alerts_raise(publisher->config.alerts, publisher->source, ALERT_BACKLOG, publisher->config.group->name,
                     "destination %s: up to %u fragments of one stream wait%s, %llu %% of the cache",
                     publisher->destination->url, deepest, late ? ", the oldest for longer than it lasts" : "",
                     (unsigned long long)percent);
        publisher->backlog = true;
    } else if (publisher->backlog && deepest <= 1 && percent <= BACKLOG_PERCENT / 2) {
        alerts_clear(publisher->config.alerts, publisher->source, ALERT_BACKLOG, publisher->config.group->name);
        publisher->backlog = false;
    }
}

void smooth_publisher_tell_alerts(struct smooth_publisher *publisher)
{
    for (enum smooth_alert alert = 0; alert < SMOOTH_ALERTS; alert++)
        tell_alert(publisher, alert);
    watch_backlog(publisher);
}

void smooth_publisher_clear_alerts(struct smooth_publisher *publisher)
{
    for (unsigned i = 0; i < SMOOTH_ALERTS; i++)
        alerts_clear(publisher->config.alerts, publisher->source, alert_ids[i], publisher->config.group->name);
    alerts_clear(publisher->config.alerts, publisher->source, ALERT_BACKLOG, publisher->config.group->name);
}

/* ---- status ---- */
static json_t *output_status(const struct smooth_publisher *publisher, unsigned index)
{
    const struct lane *lane = &publisher->lanes[index];
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "name", lane->name, "url", lane->url, "state",
                     destination_state_name(smooth_stream_state(lane->stream)), "queued_segments",
                     (json_int_t)smooth_body_waiting(smooth_stream_body(lane->stream)), "last_received",
                     (json_int_t)lane->newest_number, "last_delivered", (json_int_t)lane->delivered_number);
}

static void set_count(json_t *object, const char *name, uint64_t value)
{
    json_object_set_new(object, name, json_integer((json_int_t)value));
}

static struct smooth_stream_counters sum_counters(const struct smooth_publisher *publisher)
{
    struct smooth_stream_counters sum = { 0 };
    for (unsigned i = 0; i < publisher->lane_count; i++) {
        struct smooth_stream_counters one = smooth_stream_counters(publisher->lanes[i].stream);
        sum.fragments_delivered += one.fragments_delivered;
        sum.bytes_delivered += one.bytes_delivered;
        sum.posts += one.posts;
        sum.posts_completed += one.posts_completed;
        sum.retries += one.retries;
        sum.failures += one.failures;
        sum.headers_wanted += one.headers_wanted;
        sum.dropped_too_old += one.dropped_too_old;
        sum.dropped_no_room += one.dropped_no_room;
        sum.dropped_given_up += one.dropped_given_up;
    }
    return sum;
}

static json_t *counters_status(const struct smooth_publisher *publisher)
{
    struct smooth_stream_counters sum = sum_counters(publisher);
    json_t *counters = json_object();
    set_count(counters, "segments_received", publisher->received);
    set_count(counters, "segments_resent", publisher->resent);
    set_count(counters, "segments_duplicate", publisher->duplicates);
    set_count(counters, "segments_damaged", publisher->damaged);
    set_count(counters, "segments_unknown_output", publisher->unknown_output);
    set_count(counters, "jumps_back", publisher->jumps_back);
    set_count(counters, "segments_delivered", sum.fragments_delivered);
    set_count(counters, "bytes_delivered", sum.bytes_delivered);
    set_count(counters, "posts", sum.posts);
    set_count(counters, "posts_completed", sum.posts_completed);
    set_count(counters, "headers_wanted", sum.headers_wanted);
    set_count(counters, "dropped_too_old", sum.dropped_too_old);
    set_count(counters, "dropped_no_room", sum.dropped_no_room);
    set_count(counters, "dropped_given_up", sum.dropped_given_up);
    set_count(counters, "retries", sum.retries);
    set_count(counters, "failures", sum.failures);
    return counters;
}

json_t *smooth_publisher_status(const struct publisher *base)
{
    const struct smooth_publisher *publisher = (const struct smooth_publisher *)base;
    enum destination_state worst = DESTINATION_WELL;
    const char *last_error = "";
    unsigned queued = 0;
    json_t *outputs = json_array();
    for (unsigned i = 0; i < publisher->lane_count; i++) {
        const struct smooth_stream *stream = publisher->lanes[i].stream;
        enum destination_state state = smooth_stream_state(stream);
        worst = state > worst ? state : worst;
        queued += smooth_body_waiting(smooth_stream_body(stream));
        last_error = *last_error ? last_error : smooth_stream_last_error(stream);
        json_array_append_new(outputs, output_status(publisher, i));
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:o, s:o}", "group", publisher->config.group->name, "url",
                     publisher->destination->url, "event_id", publisher->event_id, "state",
                     destination_state_name(worst), "queued_segments", (json_int_t)queued, "queued_bytes",
                     (json_int_t)smooth_publisher_waiting_bytes(publisher), "last_error", last_error, "counters",
                     counters_status(publisher), "outputs", outputs);
}
