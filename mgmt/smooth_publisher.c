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
#include "encode/smooth_boxes.h"
#include "mgmt/credentials.h"
#include "mgmt/publisher_saver.h"
#include "mgmt/smooth_prelude.h"
#include "mgmt/smooth_publisher_private.h"
#include "mgmt/state_files.h"
#include "mgmt/transfer.h"

enum {
    JUMP_BACK_FRAGMENTS = 100,
    SILENCE_FRAGMENTS = 3,
    SILENCE_MIN_S = 10,
    CONNECT_TIMEOUT_MS = 5000,
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
    json_t *ends = json_object();
    for (unsigned i = 0; i < publisher->media_count; i++)
        json_object_set_new(ends, publisher->lanes[i].name, json_integer(publisher->lanes[i].newest_end_90k));
    publisher_saver_put(publisher->saver, json_pack("{s:o}", "received_until_90k", ends), durability);
}

static void load(struct smooth_publisher *publisher)
{
    struct error err = { 0 };
    json_t *state = state_files_read(publisher->config.states, publisher->state_name, &err);
    const json_t *ends = json_object_get(state, "received_until_90k");
    for (unsigned i = 0; i < publisher->media_count; i++) {
        json_int_t end = json_integer_value(json_object_get(ends, publisher->lanes[i].name));
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

/* Who begins anew with the media may have forgotten the messages' stream, and wait for it. */
static void announce_sparse(struct smooth_publisher *publisher)
{
    uint64_t posts = 0;
    for (unsigned i = 0; i < publisher->media_count; i++)
        if (publisher->lanes[i].stream)
            posts += smooth_stream_counters(publisher->lanes[i].stream).posts;
    if (posts != publisher->media_posts)
        smooth_stream_announce(publisher->lanes[publisher->media_count].stream);
    publisher->media_posts = posts;
}

static void on_changed(void *context)
{
    struct smooth_publisher *publisher = ((struct lane *)context)->publisher;
    if (publisher->lane_count > publisher->media_count && publisher->lanes[publisher->media_count].stream &&
        !((struct lane *)context)->sparse)
        announce_sparse(publisher);
    smooth_publisher_tell_alerts(publisher);
}

/* ---- what is handed over ---- */
static void acknowledge(struct smooth_publisher *publisher, const struct handoff_segment *segment)
{
    publisher->config.acknowledge(publisher->config.context, segment->instance, segment->serial);
}

/* So far below the newest, it is no repetition: the timeline has jumped back. Messages are numbered by ticks. */
static int64_t jump_back(const struct lane *lane)
{
    double ticks = settings_of(lane->publisher)->fragment_length * 90000;
    return JUMP_BACK_FRAGMENTS * (lane->sparse ? (int64_t)ticks : 1);
}

/* True: it is here already, or was. It is acknowledged unless it is kept: then it will be. */
static bool is_known(struct smooth_publisher *publisher, struct lane *lane, const struct handoff_segment *segment)
{
    if (segment->number > lane->newest_number)
        return false;
    if (segment->number + jump_back(lane) < lane->newest_number ||
        instances_jumped_back(&lane->instances, segment, lane->newest_end_90k)) {
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
    while (smooth_publisher_waiting_bytes(publisher) + bytes > smooth_publisher_cache_bytes(publisher)) {
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
        if (strcmp(publisher->lanes[i].name, output) == 0)
            return &publisher->lanes[i];
    return NULL;
}

/* A header without a fragment: what the messages' stream begins with. Nothing is lost with one that cannot be read. */
static void take_header(struct lane *lane, const struct handoff_segment *segment, int memfd)
{
    struct smooth_publisher *publisher = lane->publisher;
    struct segment_mapping file = { 0 };
    struct error err = { 0 };
    int result = lane->sparse ? segment_mapping_open(&file, memfd, segment->bytes, &err)
                              : error_set(&err, -EBADMSG, "no fragment in it");
    if (!lane->sparse)
        close(memfd);
    if (result == 0)
        result = smooth_stream_set_header(lane->stream, file.data, segment->header_bytes, &err);
    segment_mapping_close(&file);
    if (result < 0) {
        publisher->damaged++;
        log_error(publisher->config.log, "output %s: %s", segment->output, err.text);
        acknowledge(publisher, segment);
        return;
    }
    publisher->header_instance = segment->instance;
    publisher->header_serial = segment->serial;
    smooth_stream_announce(lane->stream);
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
    if (lane && segment->header_bytes == segment->bytes) {
        take_header(lane, segment, memfd);
        return;
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
    instances_note(&lane->instances, segment->instance);
    save(publisher, SPOOL_FAST);
}

static void finish(struct publisher *base)
{
    struct smooth_publisher *publisher = of(base);
    publisher->finished = true;
    for (unsigned i = 0; i < publisher->lane_count; i++)
        smooth_stream_finish(publisher->lanes[i].stream);
    if (publisher->header_serial)
        publisher->config.acknowledge(publisher->config.context, publisher->header_instance, publisher->header_serial);
    publisher->header_serial = 0;
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
    for (unsigned i = 0; i < publisher->media_count; i++)
        if (publisher->lanes[i].newest_end_90k < tick_90k)
            tick_90k = publisher->lanes[i].newest_end_90k;
    return publisher->media_count ? tick_90k : 0;
}

/* ---- life ---- */
static void publisher_free(struct smooth_publisher *publisher)
{
    for (unsigned i = 0; i < publisher->lane_count; i++)
        smooth_stream_destroy(publisher->lanes[i].stream);
    transfer_target_destroy(publisher->target);
    smooth_publisher_clear_alerts(publisher);
    publisher_saver_destroy(publisher->saver);
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
    char name[SMOOTH_STREAM_NAME_BYTES];
    smooth_stream_name(name, publisher->config.group, index);
    smooth_stream_url(lane->url, publisher->destination->url, publisher->event_id, name);
    const struct smooth_stream_config config = {
        .url = lane->url,
        .target = publisher->target,
        .connection = &publisher->config.group->connection,
        .stream_manifest = stream_manifest,
        .delay_ns = publisher->config.pipeline == 1 ? settings->send_delay_ms * NS_PER_MS : 0,
        .silence_ns = silence_ns(publisher),
        .rare = lane->sparse,
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
    smooth_stream_manifest(manifest, publisher->event_id, publisher->config.group);
    for (unsigned i = 0; i < publisher->lane_count && result == 0; i++)
        result = open_stream(publisher, i, sent ? manifest : NULL, err);
    return result;
}

static void set_up_lanes(struct smooth_publisher *publisher)
{
    const struct output_group *group = publisher->config.group;
    publisher->media_count = group->outputs_count;
    publisher->lane_count = group->outputs_count + smooth_has_sparse(group);
    for (unsigned i = 0; i < publisher->lane_count; i++)
        publisher->lanes[i] = (struct lane){
            .publisher = publisher,
            .name = i < publisher->media_count ? group->outputs[i].name : SMOOTH_SPARSE_NAME,
            .sparse = i >= publisher->media_count,
            .newest_number = -1,
            .delivered_number = -1,
        };
}

static int create(struct publisher **out, const struct publisher_config *config, struct error *err)
{
    struct smooth_publisher *publisher = calloc(1, sizeof *publisher);
    if (!publisher)
        return error_set(err, -ENOMEM, "output group %s", config->group->name);
    publisher->config = *config;
    publisher->destination = &config->group->destinations[config->pipeline];
    set_up_lanes(publisher);
    snprintf(publisher->source, sizeof publisher->source, "%s/%u", config->channel, config->pipeline);
    snprintf(publisher->state_name, sizeof publisher->state_name, "%s.%u.%s.json", config->channel, config->pipeline,
             config->group->name);
    const struct publisher_saver_config saver = { .publisher = &publisher->config, .name = publisher->state_name };
    load(publisher);
    choose_event_id(publisher);
    int result = publisher_saver_create(&publisher->saver, &saver, err);
    if (result == 0)
        result = open_target(publisher, err);
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

const struct publisher_class smooth_publisher_class = {
    .name = "smooth",
    .create = create,
    .destroy = destroy,
    .segment = take_segment,
    .finish = finish,
    .idle = is_idle,
    .resume_tick_90k = resume_tick_90k,
    .status = smooth_publisher_status,
};
