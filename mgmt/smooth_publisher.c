/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/smooth_publisher.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "mgmt/alerts.h"
#include "mgmt/credentials.h"
#include "mgmt/smooth_event.h"
#include "mgmt/smooth_group.h"
#include "mgmt/smooth_prelude.h"
#include "mgmt/smooth_stream.h"
#include "mgmt/spool.h"
#include "mgmt/transfer.h"

enum { /* see docs/alerts.md */
       ALERT_OUTPUT_FAILED = 6010,
       ALERT_UNAUTHORIZED = 6015,
       ALERT_CERTIFICATE = 6028,
       ALERT_BACKLOG = 6501,
};

enum {
    BACKLOG_FRAGMENTS = 3,
    BACKLOG_PERCENT = 30,
    JUMP_BACK_FRAGMENTS = 100, /* so far below the newest, it is no repetition: the timeline has jumped back */
    SILENCE_FRAGMENTS = 3,
    SILENCE_MIN_S = 10,
    CONNECT_TIMEOUT_MS = 5000,
};

static const unsigned alert_ids[SMOOTH_ALERTS] = { ALERT_OUTPUT_FAILED, ALERT_UNAUTHORIZED, ALERT_CERTIFICATE };

struct lane {
    struct smooth_publisher *publisher;
    struct smooth_stream *stream;
    char url[SMOOTH_URL_BYTES];
    int64_t newest_number; /* handed over; -1: none */
    int64_t newest_end_90k;
    int64_t delivered_number; /* -1: none */
};

struct smooth_publisher {
    struct publisher base;
    struct publisher_config config;
    const struct destination *destination;
    struct transfer_target *target;
    struct lane lanes[OUTPUT_GROUP_OUTPUTS_MAX];
    unsigned lane_count;
    char event_id[SMOOTH_EVENT_BYTES];
    char source[2 * ENCODE_NAME_BYTES];     /* of alerts */
    char state_name[4 * ENCODE_NAME_BYTES]; /* of the spool file */
    bool finished, backlog, spool_failing;
    uint64_t received, resent, duplicates, damaged, unknown_output, jumps_back;
};

static struct smooth_publisher *of(struct publisher *base)
{
    return (struct smooth_publisher *)base;
}

static const struct smooth_publisher *of_const(const struct publisher *base)
{
    return (const struct smooth_publisher *)base;
}

static const struct smooth_settings *settings_of(const struct smooth_publisher *publisher)
{
    return &publisher->config.group->smooth;
}

/* ---- spool: how far each output has come, for an encoder that is restarted ---- */
static void save(struct smooth_publisher *publisher, enum spool_durability durability)
{
    struct error err = { 0 };
    json_t *ends = json_object();
    for (unsigned i = 0; i < publisher->lane_count; i++)
        json_object_set_new(ends, publisher->config.group->outputs[i].name,
                            json_integer(publisher->lanes[i].newest_end_90k));
    json_t *state = json_pack("{s:o}", "received_until_90k", ends);
    int result = spool_write_json(publisher->config.spool_directory, publisher->state_name, state, durability, &err);
    json_decref(state);
    if (result < 0 && !publisher->spool_failing)
        log_error(publisher->config.log, "%s", err.text);
    publisher->spool_failing = result < 0;
}

static void load(struct smooth_publisher *publisher)
{
    struct error err = { 0 };
    json_t *state = spool_read(publisher->config.spool_directory, publisher->state_name, &err);
    const json_t *ends = json_object_get(state, "received_until_90k");
    for (unsigned i = 0; i < publisher->lane_count; i++) {
        json_int_t end = json_integer_value(json_object_get(ends, publisher->config.group->outputs[i].name));
        publisher->lanes[i].newest_end_90k = end > 0 ? end : 0;
    }
    if (err.code < 0)
        log_warning(publisher->config.log, "%s", err.text);
    json_decref(state);
}

/* ---- what the streams report ---- */
static void on_gone(void *context, const struct smooth_fragment *fragment, enum destination_outcome outcome)
{
    struct lane *lane = context;
    struct smooth_publisher *publisher = lane->publisher;
    if (outcome == DESTINATION_DELIVERED && lane->delivered_number < fragment->number)
        lane->delivered_number = fragment->number;
    publisher->config.acknowledge(publisher->config.context, fragment->instance, fragment->serial);
}

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

static uint64_t cache_bytes(const struct smooth_publisher *publisher)
{
    return (uint64_t)publisher->config.group->connection.cache_megabytes << 20;
}

static uint64_t waiting_bytes(const struct smooth_publisher *publisher)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < publisher->lane_count; i++)
        if (publisher->lanes[i].stream)
            bytes += smooth_body_bytes(smooth_stream_body(publisher->lanes[i].stream));
    return bytes;
}

/* Raised early, cleared late: a queue that breathes around the bound must not make the alert flap. */
static void watch_backlog(struct smooth_publisher *publisher)
{
    unsigned deepest = 0;
    for (unsigned i = 0; i < publisher->lane_count; i++) {
        const struct smooth_stream *stream = publisher->lanes[i].stream;
        unsigned waiting = stream ? smooth_body_waiting(smooth_stream_body(stream)) : 0;
        deepest = waiting > deepest ? waiting : deepest;
    }
    uint64_t percent = waiting_bytes(publisher) * 100 / cache_bytes(publisher);
    if (deepest > BACKLOG_FRAGMENTS || percent > BACKLOG_PERCENT) {
        alerts_raise(publisher->config.alerts, publisher->source, ALERT_BACKLOG, publisher->config.group->name,
                     "destination %s: up to %u fragments of one stream wait, %llu %% of the cache",
                     publisher->destination->url, deepest, (unsigned long long)percent);
        publisher->backlog = true;
    } else if (publisher->backlog && deepest <= 1 && percent <= BACKLOG_PERCENT / 2) {
        alerts_clear(publisher->config.alerts, publisher->source, ALERT_BACKLOG, publisher->config.group->name);
        publisher->backlog = false;
    }
}

static void on_changed(void *context)
{
    struct smooth_publisher *publisher = ((struct lane *)context)->publisher;
    for (enum smooth_alert alert = 0; alert < SMOOTH_ALERTS; alert++)
        tell_alert(publisher, alert);
    watch_backlog(publisher);
}

/* ---- what is handed over ---- */
static void acknowledge(struct smooth_publisher *publisher, const struct handoff_segment *segment)
{
    publisher->config.acknowledge(publisher->config.context, segment->instance, segment->serial);
}

/* True: it is here already, or was. It is acknowledged unless it is kept: then it will be. */
static bool is_known(struct smooth_publisher *publisher, struct lane *lane, const struct handoff_segment *segment)
{
    if (segment->number > lane->newest_number)
        return false;
    if (segment->number + JUMP_BACK_FRAGMENTS < lane->newest_number) {
        publisher->jumps_back++;
        log_warning(publisher->config.log, "output %s: numbers jump back from %lld to %lld", segment->output,
                    (long long)lane->newest_number, (long long)segment->number);
        return false;
    }
    if (smooth_stream_has(lane->stream, segment->instance, segment->serial)) {
        publisher->resent++;
        return true;
    }
    publisher->duplicates++;
    acknowledge(publisher, segment);
    return true;
}

/* Room for more: the oldest of all streams goes first. */
static void make_room(struct smooth_publisher *publisher, uint64_t bytes)
{
    while (waiting_bytes(publisher) + bytes > cache_bytes(publisher)) {
        struct lane *oldest = NULL;
        uint64_t oldest_ns = UINT64_MAX;
        for (unsigned i = 0; i < publisher->lane_count; i++) {
            uint64_t at = smooth_body_oldest_ns(smooth_stream_body(publisher->lanes[i].stream));
            if (at && at < oldest_ns) {
                oldest = &publisher->lanes[i];
                oldest_ns = at;
            }
        }
        if (!oldest || !smooth_stream_drop_oldest(oldest->stream))
            return;
    }
}

static struct lane *find_lane(struct smooth_publisher *publisher, const char *output)
{
    for (unsigned i = 0; i < publisher->lane_count; i++)
        if (strcmp(publisher->config.group->outputs[i].name, output) == 0)
            return &publisher->lanes[i];
    return NULL;
}

static void take_segment(struct publisher *base, const struct handoff_segment *segment, int memfd)
{
    struct smooth_publisher *publisher = of(base);
    struct lane *lane = find_lane(publisher, segment->output);
    struct segment_mapping file = { 0 };
    struct error err = { 0 };

    publisher->received++;
    if (!lane) {
        publisher->unknown_output++;
        acknowledge(publisher, segment);
    }
    if (!lane || is_known(publisher, lane, segment)) {
        close(memfd);
        return;
    }
    int result = segment_mapping_open(&file, memfd, segment->bytes, &err);
    if (result == 0) {
        make_room(publisher, segment->bytes);
        result = smooth_stream_add(lane->stream, segment, &file, &err);
    }
    if (result < 0) {
        segment_mapping_close(&file);
        publisher->damaged++;
        log_error(publisher->config.log, "output %s: fragment %lld is lost: %s", segment->output,
                  (long long)segment->number, err.text);
        acknowledge(publisher, segment);
        return;
    }
    lane->newest_number = segment->number;
    lane->newest_end_90k = segment->start_90k + segment->duration_90k;
    save(publisher, SPOOL_FAST);
}

static void finish(struct publisher *base)
{
    struct smooth_publisher *publisher = of(base);
    publisher->finished = true;
    for (unsigned i = 0; i < publisher->lane_count; i++)
        smooth_stream_finish(publisher->lanes[i].stream);
    if (settings_of(publisher)->event_id_mode == SMOOTH_EVENT_ID_TIMESTAMP)
        smooth_event_end(publisher->config.spool_directory, publisher->config.channel, publisher->config.group->name,
                         publisher->config.pipeline, publisher->config.log);
}

static bool is_idle(const struct publisher *base)
{
    const struct smooth_publisher *publisher = of_const(base);
    for (unsigned i = 0; i < publisher->lane_count; i++)
        if (!smooth_stream_idle(publisher->lanes[i].stream))
            return false;
    return true;
}

static int64_t resume_tick_90k(const struct publisher *base)
{
    const struct smooth_publisher *publisher = of_const(base);
    int64_t tick_90k = INT64_MAX;
    for (unsigned i = 0; i < publisher->lane_count; i++)
        if (publisher->lanes[i].newest_end_90k < tick_90k)
            tick_90k = publisher->lanes[i].newest_end_90k;
    return publisher->lane_count ? tick_90k : 0;
}

/* ---- life ---- */
static void publisher_free(struct smooth_publisher *publisher)
{
    static const unsigned ids[] = { ALERT_OUTPUT_FAILED, ALERT_UNAUTHORIZED, ALERT_CERTIFICATE, ALERT_BACKLOG };
    for (unsigned i = 0; i < publisher->lane_count; i++)
        smooth_stream_destroy(publisher->lanes[i].stream);
    transfer_target_destroy(publisher->target);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        alerts_clear(publisher->config.alerts, publisher->source, ids[i], publisher->config.group->name);
    free(publisher);
}

static void choose_event_id(struct smooth_publisher *publisher)
{
    const struct publisher_config *config = &publisher->config;
    switch (settings_of(publisher)->event_id_mode) {
    case SMOOTH_EVENT_ID_CONFIGURED:
        snprintf(publisher->event_id, sizeof publisher->event_id, "%s", settings_of(publisher)->event_id);
        break;
    case SMOOTH_EVENT_ID_TIMESTAMP:
        smooth_event_begin(publisher->event_id, config->spool_directory, config->channel, config->group->name,
                           config->pipeline, clock_utc_ns(config->clock) / NS_PER_S, config->log);
    }
}

static int open_target(struct smooth_publisher *publisher, struct error *err)
{
    const struct publisher_config *config = &publisher->config;
    const char *name = publisher->destination->credentials;
    const struct credential *credential = *name ? credentials_find(config->credentials, name) : NULL;
    if (*name && !credential)
        return error_set(err, -ENOENT, "output group %s: there are no credentials named %s", config->group->name, name);
    const struct transfer_target_config target = {
        .url = publisher->destination->url,
        .credential = credential,
        .certificate_authority = publisher->destination->certificate_authority,
        .certificate_check = publisher->destination->certificate_check,
        .interface = publisher->destination->interface,
        .source_address = publisher->destination->source_address,
        .only_http_1 = true,
        .connections = publisher->lane_count,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .timeout_s = config->group->connection.timeout,
    };
    return transfer_target_create(&publisher->target, config->engine, &target, err);
}

static uint64_t silence_ns(const struct smooth_publisher *publisher)
{
    double silence_s = SILENCE_FRAGMENTS * settings_of(publisher)->fragment_length;
    return (uint64_t)((silence_s > SILENCE_MIN_S ? silence_s : SILENCE_MIN_S) * 1e9);
}

static int open_stream(struct smooth_publisher *publisher, unsigned index, const char *stream_manifest,
                       struct error *err)
{
    const struct smooth_settings *settings = settings_of(publisher);
    struct lane *lane = &publisher->lanes[index];
    smooth_stream_url(lane->url, publisher->destination->url, publisher->event_id, index);
    const struct smooth_stream_config config = {
        .url = lane->url,
        .target = publisher->target,
        .connection = &publisher->config.group->connection,
        .stream_manifest = stream_manifest,
        .delay_ns = publisher->config.pipeline == 1 ? settings->send_delay_ms * NS_PER_MS : 0,
        .silence_ns = silence_ns(publisher),
        .eos = settings->event_stop_behavior == SMOOTH_EVENT_STOP_SEND_EOS,
        .loop = publisher->config.loop,
        .clock = publisher->config.clock,
        .log = publisher->config.log,
        .gone = on_gone,
        .changed = on_changed,
        .context = lane,
    };
    return smooth_stream_create(&lane->stream, &config, err);
}

static int open_streams(struct smooth_publisher *publisher, struct error *err)
{
    char manifest[SMOOTH_MANIFEST_BYTES];
    bool sent = settings_of(publisher)->stream_manifest_behavior == SMOOTH_STREAM_MANIFEST_SEND;
    int result = 0;
    smooth_stream_manifest(manifest, publisher->event_id, publisher->lane_count);
    for (unsigned i = 0; i < publisher->lane_count && result == 0; i++)
        result = open_stream(publisher, i, sent ? manifest : NULL, err);
    return result;
}

static int create(struct publisher **out, const struct publisher_config *config, struct error *err)
{
    struct smooth_publisher *publisher = calloc(1, sizeof *publisher);
    if (!publisher)
        return error_set(err, -ENOMEM, "output group %s", config->group->name);
    publisher->config = *config;
    publisher->destination = &config->group->destinations[config->pipeline];
    publisher->lane_count = config->group->outputs_count;
    for (unsigned i = 0; i < publisher->lane_count; i++) {
        publisher->lanes[i].publisher = publisher;
        publisher->lanes[i].newest_number = publisher->lanes[i].delivered_number = -1;
    }
    snprintf(publisher->source, sizeof publisher->source, "%s/%u", config->channel, config->pipeline);
    snprintf(publisher->state_name, sizeof publisher->state_name, "%s.%u.%s.json", config->channel, config->pipeline,
             config->group->name);
    load(publisher);
    choose_event_id(publisher);
    int result = open_target(publisher, err);
    if (result == 0)
        result = open_streams(publisher, err);
    if (result < 0) {
        publisher_free(publisher);
        return result;
    }
    *out = &publisher->base;
    return 0;
}

static void destroy(struct publisher *base)
{
    save(of(base), SPOOL_DURABLE);
    publisher_free(of(base));
}

/* ---- status ---- */
static json_t *output_status(const struct smooth_publisher *publisher, unsigned index)
{
    const struct lane *lane = &publisher->lanes[index];
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "name", publisher->config.group->outputs[index].name, "url",
                     lane->url, "state", destination_state_name(smooth_stream_state(lane->stream)), "queued_segments",
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

static json_t *status(const struct publisher *base)
{
    const struct smooth_publisher *publisher = of_const(base);
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
                     (json_int_t)waiting_bytes(publisher), "last_error", last_error, "counters",
                     counters_status(publisher), "outputs", outputs);
}

const struct publisher_class smooth_publisher_class = {
    .name = "smooth",
    .create = create,
    .destroy = destroy,
    .segment = take_segment,
    .finish = finish,
    .idle = is_idle,
    .resume_tick_90k = resume_tick_90k,
    .status = status,
};
