/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_publisher.c - the order of things for one output: segment file confirmed, window saved, acknowledged, playlist
 * sent, playlist confirmed, deletions.
 *
 * The window is saved before the acknowledgement: whatever is killed in between, either the encode process still has
 * the segment and sends it again, or the spool knows that it was delivered. Only what was delivered is saved; that a
 * playlist named it is learnt again by sending that playlist once more.
 */
#include "mgmt/hls_publisher.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "board/loop.h"
#include "mgmt/credentials.h"
#include "mgmt/destination.h"
#include "mgmt/hls_playlist.h"
#include "mgmt/latency.h"
#include "mgmt/publisher_state.h"
#include "mgmt/segment_mapping.h"
#include "mgmt/spool.h"

/* A segment so far below all that is known is no repetition: the timeline itself has jumped back. */
enum { JUMP_BACK_SEGMENTS = 100, BASE_BYTES_MAX = 300 };

/* A segment between its hand-over and its delivery. */
struct item {
    struct item *next;
    struct handoff_segment segment;
    struct segment_mapping file;
    uint64_t received_ns;
};

/* One output. */
struct lane {
    struct publisher_output state; /* window and variant: what the spool keeps */
    struct item *first, *last;
    int64_t newest_number; /* handed over, whatever became of it; -1: none */
    int64_t newest_end_90k;
    bool has_playlist; /* confirmed at least once */
    char playlist[HLS_FILE_NAME_BYTES];
};

struct publisher_counters {
    uint64_t received, resent, duplicates, damaged, unknown_output, jumps_back;
};

struct hls_publisher {
    struct publisher base;
    struct publisher_config config;
    const struct destination *destination;
    struct destination_queue *queue;
    struct loop_timer *timer; /* of deletions that must wait */
    unsigned lane_count;
    struct lane lanes[OUTPUT_GROUP_OUTPUTS_MAX];
    bool finished;
    bool spool_failing;
    char *master; /* the newest text that was sent; NULL: none in this life */
    char master_name[HLS_FILE_NAME_BYTES];
    char source[2 * ENCODE_NAME_BYTES];     /* of alerts */
    char state_name[4 * ENCODE_NAME_BYTES]; /* of the spool file */
    struct publisher_counters counters;
    struct latency handoff_to_playlist, source_to_playlist;
};

static struct hls_publisher *of(struct publisher *base)
{
    return (struct hls_publisher *)base; /* its first member */
}

static const struct hls_publisher *of_const(const struct publisher *base)
{
    return (const struct hls_publisher *)base;
}

static const struct hls_settings *hls_of(const struct hls_publisher *publisher)
{
    return &publisher->config.group->hls;
}

static bool is_vod(const struct hls_publisher *publisher)
{
    return hls_of(publisher)->mode == HLS_MODE_VOD;
}

static uint64_t now_ns(const struct hls_publisher *publisher)
{
    return clock_monotonic_ns(publisher->config.clock);
}

/* ---- spool ---- */

static void save(struct hls_publisher *publisher, enum spool_durability durability)
{
    struct error err = { 0 };
    const struct publisher_output *outputs[OUTPUT_GROUP_OUTPUTS_MAX];
    for (unsigned i = 0; i < publisher->lane_count; i++)
        outputs[i] = &publisher->lanes[i].state;
    json_t *state =
        publisher_state_json(outputs, publisher->lane_count, publisher->destination->url, publisher->finished);
    int result = spool_write_json(publisher->config.spool_directory, publisher->state_name, state, durability, &err);
    json_decref(state);
    /* Delivery goes on: what is lost is that a restart finds its playlists. Said once, not at every segment. */
    if (result < 0 && !publisher->spool_failing)
        log_error(publisher->config.log, "%s", err.text);
    publisher->spool_failing = result < 0;
}

static void load(struct hls_publisher *publisher)
{
    struct error err = { 0 };
    struct publisher_output *outputs[OUTPUT_GROUP_OUTPUTS_MAX];
    for (unsigned i = 0; i < publisher->lane_count; i++)
        outputs[i] = &publisher->lanes[i].state;
    json_t *state = spool_read(publisher->config.spool_directory, publisher->state_name, &err);
    bool finished = false;
    if (state && publisher_state_read(state, outputs, publisher->lane_count, publisher->destination->url,
                                      now_ns(publisher), &finished) < 0)
        error_set(&err, -EBADMSG, "spool file %s is damaged", publisher->state_name);
    if (err.code < 0)
        log_warning(publisher->config.log, "%s: playlists start anew", err.text);
    json_decref(state);
    for (unsigned i = 0; i < publisher->lane_count; i++) {
        struct lane *lane = &publisher->lanes[i];
        if (finished && is_vod(publisher)) /* that recording is complete; what comes now is another one */
            segment_window_restart(&lane->state.window);
        const struct window_segment *newest = segment_window_newest(&lane->state.window);
        lane->newest_number = newest ? newest->number : -1;
        lane->newest_end_90k = newest ? newest->start_90k + newest->duration_90k : 0;
        for (unsigned s = 0; s < lane->state.window.count; s++)
            lane->has_playlist |= lane->state.window.segments[s].named;
    }
}

/* ---- playlists ---- */

/* text: take */
static void put_playlist(struct hls_publisher *publisher, unsigned lane, const char *name, char *text,
                         struct destination_text_tag tag)
{
    destination_put_text(publisher->queue, lane,
                         &(struct destination_text){ .name = name,
                                                     .content_type = "application/vnd.apple.mpegurl",
                                                     .body = text,
                                                     .bytes = strlen(text),
                                                     .tag = tag });
}

static void send_playlist(struct hls_publisher *publisher, unsigned index)
{
    struct lane *lane = &publisher->lanes[index];
    struct destination_text_tag tag;
    segment_window_listing(&lane->state.window, &tag.first, &tag.end);
    if (tag.first == tag.end)
        return;
    bool ended = publisher->finished && is_vod(publisher) && !lane->first;
    char *text =
        hls_media_playlist(&lane->state.window, tag.first, tag.end, hls_of(publisher), lane->state.stem, ended);
    if (text)
        put_playlist(publisher, index, lane->playlist, text, tag);
}

/* The master names media playlists: it goes out when all of them are there, and when what it says has changed. */
static void send_master(struct hls_publisher *publisher, bool again)
{
    struct hls_variant variants[OUTPUT_GROUP_OUTPUTS_MAX];
    for (unsigned i = 0; i < publisher->lane_count; i++) {
        if (!publisher->lanes[i].has_playlist || !publisher->lanes[i].state.variant.codecs[0])
            return;
        variants[i] = publisher->lanes[i].state.variant;
        memcpy(variants[i].uri, publisher->lanes[i].playlist, sizeof variants[i].uri);
    }
    char *text = hls_master_playlist(variants, publisher->lane_count, hls_of(publisher));
    char *sent = text ? strdup(text) : NULL;
    if (!sent || (!again && publisher->master && strcmp(publisher->master, text) == 0)) {
        free(text);
        free(sent);
        return;
    }
    free(publisher->master);
    publisher->master = text;
    put_playlist(publisher, publisher->lane_count, publisher->master_name, sent, (struct destination_text_tag){ 0 });
}

static void delete_expired(struct hls_publisher *publisher)
{
    uint64_t now = now_ns(publisher), earliest = 0;
    for (unsigned i = 0; i < publisher->lane_count; i++) {
        struct lane *lane = &publisher->lanes[i];
        const struct window_segment *segment;
        uint64_t due;
        while ((segment = segment_window_expire(&lane->state.window, now, &due))) {
            char name[HLS_FILE_NAME_BYTES];
            hls_segment_name(name, lane->state.stem, segment->number);
            destination_delete(publisher->queue, i, name);
        }
        if (due && (!earliest || due < earliest))
            earliest = due;
    }
    if (earliest)
        loop_timer_set(publisher->timer, earliest);
}

static void on_timer(void *context)
{
    delete_expired(context);
}

/* ---- what the destination reports ---- */

static void remember_format(struct hls_variant *variant, const struct handoff_segment *segment)
{
    memcpy(variant->codecs, segment->codecs, sizeof variant->codecs);
    variant->peak_bitrate = segment->peak_bitrate;
    variant->average_bitrate = segment->average_bitrate;
    variant->width = segment->width;
    variant->height = segment->height;
    variant->framerate_numerator = segment->framerate_numerator;
    variant->framerate_denominator = segment->framerate_denominator;
}

static void free_item(struct item *item)
{
    segment_mapping_close(&item->file);
    free(item);
}

static void remove_item(struct lane *lane, struct item *item)
{
    struct item *before = NULL;
    for (struct item *other = lane->first; other != item; other = other->next)
        before = other;
    if (before)
        before->next = item->next;
    else
        lane->first = item->next;
    if (lane->last == item)
        lane->last = before;
}

static void on_file_done(void *context, unsigned index, void *file, enum destination_outcome outcome)
{
    struct hls_publisher *publisher = context;
    struct lane *lane = &publisher->lanes[index];
    struct item *item = file;
    const struct handoff_segment *segment = &item->segment;
    remove_item(lane, item);
    if (outcome == DESTINATION_DELIVERED) {
        segment_window_append(&lane->state.window, &(struct window_segment){
                                                       .number = segment->number,
                                                       .start_90k = segment->start_90k,
                                                       .duration_90k = segment->duration_90k,
                                                       .discontinuity = segment->flags & HANDOFF_DISCONTINUITY,
                                                       .received_ns = item->received_ns,
                                                       .arrival_utc_ns = segment->end_arrival_utc_ns,
                                                   });
        remember_format(&lane->state.variant, segment);
        save(publisher, SPOOL_FAST);
    }
    publisher->config.acknowledge(publisher->config.context, segment->instance, segment->serial);
    free_item(item);
    if (outcome == DESTINATION_DELIVERED || (publisher->finished && !lane->first))
        send_playlist(publisher, index);
}

static void measure(struct hls_publisher *publisher, const struct window_segment *segment)
{
    if (segment->named || !segment->received_ns)
        return;
    uint64_t utc_ns = clock_utc_ns(publisher->config.clock);
    latency_add(&publisher->handoff_to_playlist, now_ns(publisher) - segment->received_ns);
    if (segment->arrival_utc_ns && segment->arrival_utc_ns < utc_ns)
        latency_add(&publisher->source_to_playlist, utc_ns - segment->arrival_utc_ns);
}

static void on_text_done(void *context, unsigned index, struct destination_text_tag tag)
{
    struct hls_publisher *publisher = context;
    if (index == publisher->lane_count)
        return;
    struct lane *lane = &publisher->lanes[index];
    for (uint64_t position = tag.first; position < tag.end; position++) {
        const struct window_segment *segment = segment_window_at(&lane->state.window, position);
        if (segment)
            measure(publisher, segment);
    }
    segment_window_confirmed(&lane->state.window, tag.first, tag.end, now_ns(publisher));
    lane->has_playlist = true;
    send_master(publisher, false);
    delete_expired(publisher);
}

static void on_delete_done(void *context, unsigned index, bool deleted)
{
    (void)deleted;
    struct hls_publisher *publisher = context;
    segment_window_deleted(&publisher->lanes[index].state.window);
}

/* An origin that was away may have come back empty: it gets the playlists again, newest text each. */
static void on_recovered(void *context)
{
    struct hls_publisher *publisher = context;
    for (unsigned i = 0; i < publisher->lane_count; i++)
        send_playlist(publisher, i);
    send_master(publisher, true);
}

/* ---- what is handed over ---- */

static int find_lane(const struct hls_publisher *publisher, const char *output)
{
    for (unsigned i = 0; i < publisher->lane_count; i++)
        if (strcmp(publisher->lanes[i].state.name, output) == 0)
            return (int)i;
    return -1;
}

static bool jumped_back(const struct lane *lane, const struct handoff_segment *segment)
{
    const struct segment_window *window = &lane->state.window;
    const struct window_segment *first = segment_window_at(window, window->first_listable);
    int64_t oldest = first ? first->number : lane->newest_number;
    for (const struct item *item = lane->first; item; item = item->next)
        if (item->segment.number < oldest)
            oldest = item->segment.number;
    return segment->number + JUMP_BACK_SEGMENTS < oldest;
}

/* True: it is here already, or comes too late. It is acknowledged unless it still waits: then its delivery will be. */
static bool is_known(struct hls_publisher *publisher, struct lane *lane, const struct handoff_segment *segment)
{
    if (segment->number > lane->newest_number)
        return false;
    if (jumped_back(lane, segment)) {
        publisher->counters.jumps_back++;
        log_warning(publisher->config.log, "output %s: numbers jump back from %lld to %lld: its playlist starts anew",
                    segment->output, (long long)lane->newest_number, (long long)segment->number);
        return false;
    }
    for (const struct item *item = lane->first; item; item = item->next)
        if (item->segment.instance == segment->instance && item->segment.serial == segment->serial) {
            publisher->counters.resent++;
            return true;
        }
    publisher->counters.duplicates++;
    publisher->config.acknowledge(publisher->config.context, segment->instance, segment->serial);
    return true;
}

static struct item *make_item(struct hls_publisher *publisher, const struct handoff_segment *segment, int memfd)
{
    struct error err = { 0 };
    struct item *item = calloc(1, sizeof *item);
    struct segment_mapping file = { 0 };
    int result = segment_mapping_open(&file, memfd, segment->bytes, &err);
    if (result == 0 && item) {
        item->segment = *segment;
        item->file = file;
        item->received_ns = now_ns(publisher);
        return item;
    }
    segment_mapping_close(&file);
    free(item);
    publisher->counters.damaged++;
    log_error(publisher->config.log, "output %s: segment %lld is lost: %s", segment->output, (long long)segment->number,
              err.code ? err.text : "no memory");
    publisher->config.acknowledge(publisher->config.context, segment->instance, segment->serial);
    return NULL;
}

static void take_segment(struct publisher *base, const struct handoff_segment *segment, int memfd)
{
    struct hls_publisher *publisher = of(base);
    int index = find_lane(publisher, segment->output);
    publisher->counters.received++;
    if (index < 0) {
        publisher->counters.unknown_output++;
        publisher->config.acknowledge(publisher->config.context, segment->instance, segment->serial);
    }
    if (index < 0 || is_known(publisher, &publisher->lanes[index], segment)) {
        close(memfd);
        return;
    }
    struct lane *lane = &publisher->lanes[index];
    struct item *item = make_item(publisher, segment, memfd);
    if (!item)
        return;
    if (lane->last)
        lane->last->next = item;
    else
        lane->first = item;
    lane->last = item;
    lane->newest_number = segment->number;
    lane->newest_end_90k = segment->start_90k + segment->duration_90k;
    char name[HLS_FILE_NAME_BYTES];
    hls_segment_name(name, lane->state.stem, segment->number);
    destination_put_file(publisher->queue, (unsigned)index,
                         &(struct destination_file){ .name = name,
                                                     .content_type = "video/mp2t",
                                                     .data = item->file.data,
                                                     .bytes = item->file.bytes,
                                                     .file = item });
}

static void finish(struct publisher *base)
{
    struct hls_publisher *publisher = of(base);
    publisher->finished = true;
    save(publisher, SPOOL_DURABLE);
    for (unsigned i = 0; i < publisher->lane_count; i++)
        if (is_vod(publisher) && !publisher->lanes[i].first)
            send_playlist(publisher, i);
}

static bool is_idle(const struct publisher *base)
{
    return destination_queue_idle(of_const(base)->queue);
}

static int64_t resume_tick_90k(const struct publisher *base)
{
    const struct hls_publisher *publisher = of_const(base);
    int64_t tick_90k = INT64_MAX;
    for (unsigned i = 0; i < publisher->lane_count; i++)
        if (publisher->lanes[i].newest_end_90k < tick_90k)
            tick_90k = publisher->lanes[i].newest_end_90k;
    return publisher->lane_count ? tick_90k : 0;
}

/* ---- life ---- */

static void name_files(struct hls_publisher *publisher)
{
    const struct output_group *group = publisher->config.group;
    const char *slash = strrchr(publisher->destination->url, '/');
    const char *base = slash ? slash + 1 : "";
    snprintf(publisher->master_name, sizeof publisher->master_name, "%s.m3u8", base);
    for (unsigned i = 0; i < publisher->lane_count; i++) {
        struct lane *lane = &publisher->lanes[i];
        const struct output *output = &group->outputs[i];
        snprintf(lane->state.name, sizeof lane->state.name, "%s", output->name);
        snprintf(lane->playlist, sizeof lane->playlist, "%.*s%s.m3u8", BASE_BYTES_MAX, base, output->name_modifier);
        snprintf(lane->state.stem, sizeof lane->state.stem, "%.*s%s%s", BASE_BYTES_MAX, base, output->name_modifier,
                 output->segment_modifier);
    }
    snprintf(publisher->source, sizeof publisher->source, "%s/%u", publisher->config.channel,
             publisher->config.pipeline);
    /* names hold no dot: no two publishers can have the same file */
    snprintf(publisher->state_name, sizeof publisher->state_name, "%s.%u.%s.json", publisher->config.channel,
             publisher->config.pipeline, group->name);
}

static void publisher_free(struct hls_publisher *publisher)
{
    destination_queue_destroy(publisher->queue);
    loop_timer_destroy(publisher->timer);
    for (unsigned i = 0; i < publisher->lane_count; i++) {
        struct lane *lane = &publisher->lanes[i];
        while (lane->first) {
            struct item *item = lane->first;
            lane->first = item->next;
            free_item(item);
        }
        segment_window_clear(&lane->state.window);
    }
    free(publisher->master);
    free(publisher);
}

static int open_queue(struct hls_publisher *publisher, struct error *err)
{
    const struct publisher_config *config = &publisher->config;
    const char *name = publisher->destination->credentials;
    const struct credential *credential = *name ? credentials_find(config->credentials, name) : NULL;
    if (*name && !credential)
        return error_set(err, -ENOENT, "output group %s: there are no credentials named %s", config->group->name, name);
    struct destination_queue_config queue = {
        .source = publisher->source,
        .subject = config->group->name,
        .destination = publisher->destination,
        .connection = &config->group->connection,
        .credential = credential,
        .lanes = publisher->lane_count,
        .segment_length_s = (unsigned)(config->group->hls.segment_length + 0.999),
        .loop = config->loop,
        .engine = config->engine,
        .alerts = config->alerts,
        .clock = config->clock,
        .log = config->log,
        .callbacks = { on_file_done, on_text_done, on_delete_done, on_recovered },
        .context = publisher,
    };
    int result = destination_queue_create(&publisher->queue, &queue, err);
    return result < 0 ? error_wrap(err, "output group %s", config->group->name) : 0;
}

static int create(struct publisher **out, const struct publisher_config *config, struct error *err)
{
    const struct output_group *group = config->group;
    const char *base = strrchr(group->destinations[config->pipeline].url, '/');
    if (base && strlen(base) > BASE_BYTES_MAX)
        return error_set(err, -ENAMETOOLONG, "output group %s: the last part of the destination URL is longer than %d",
                         group->name, BASE_BYTES_MAX);
    struct hls_publisher *publisher = calloc(1, sizeof *publisher);
    if (!publisher)
        return error_set(err, -ENOMEM, "output group %s", group->name);
    publisher->config = *config;
    publisher->destination = &group->destinations[config->pipeline];
    publisher->lane_count = group->outputs_count;
    struct segment_window_config window = {
        .index_segments = group->hls.index_n_segments,
        .keep_segments = group->hls.keep_segments,
        .keep_all = is_vod(publisher),
        .discontinuity_tags = group->hls.discontinuity_tags,
        .segment_length_s = group->hls.segment_length,
    };
    for (unsigned i = 0; i < publisher->lane_count; i++)
        segment_window_init(&publisher->lanes[i].state.window, &window);
    name_files(publisher);
    load(publisher);
    int result = open_queue(publisher, err);
    if (result == 0 && !(publisher->timer = loop_timer_create(config->loop, on_timer, publisher)))
        result = error_set(err, -ENOMEM, "output group %s", group->name);
    if (result < 0) {
        publisher_free(publisher);
        return result;
    }
    for (unsigned i = 0; i < publisher->lane_count; i++) {
        const struct window_segment *newest = segment_window_newest(&publisher->lanes[i].state.window);
        if (newest && !newest->named)
            send_playlist(publisher, i);
    }
    *out = &publisher->base;
    return 0;
}

static void destroy(struct publisher *base)
{
    struct hls_publisher *publisher = of(base);
    save(publisher, SPOOL_DURABLE);
    publisher_free(publisher);
}

/* ---- status ---- */

static json_t *output_status(const struct hls_publisher *publisher, unsigned index)
{
    const struct lane *lane = &publisher->lanes[index];
    const struct window_segment *delivered = segment_window_newest(&lane->state.window);
    int64_t named = -1;
    for (unsigned i = lane->state.window.count; i > 0 && named < 0; i--)
        if (lane->state.window.segments[i - 1].named)
            named = lane->state.window.segments[i - 1].number;
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "name", lane->state.name, "playlist", lane->playlist,
                     "queued_segments", (json_int_t)destination_queue_files(publisher->queue, index), "last_received",
                     (json_int_t)lane->newest_number, "last_delivered",
                     (json_int_t)(delivered ? delivered->number : -1), "last_in_playlist", (json_int_t)named);
}

static void set_count(json_t *object, const char *name, uint64_t value)
{
    json_object_set_new(object, name, json_integer((json_int_t)value));
}

static json_t *counters_status(const struct hls_publisher *publisher)
{
    const struct publisher_counters *mine = &publisher->counters;
    struct destination_counters queue = destination_queue_counters(publisher->queue);
    json_t *counters = json_object();
    set_count(counters, "segments_received", mine->received);
    set_count(counters, "segments_resent", mine->resent);
    set_count(counters, "segments_duplicate", mine->duplicates);
    set_count(counters, "segments_damaged", mine->damaged);
    set_count(counters, "segments_unknown_output", mine->unknown_output);
    set_count(counters, "jumps_back", mine->jumps_back);
    set_count(counters, "segments_delivered", queue.files_delivered);
    set_count(counters, "bytes_delivered", queue.bytes_delivered);
    set_count(counters, "playlists_delivered", queue.texts_delivered);
    set_count(counters, "playlists_replaced", queue.texts_replaced);
    set_count(counters, "segments_deleted", queue.deleted);
    set_count(counters, "deletes_given_up", queue.deletes_given_up);
    set_count(counters, "dropped_too_old", queue.dropped_too_old);
    set_count(counters, "dropped_no_room", queue.dropped_no_room);
    set_count(counters, "dropped_refused", queue.dropped_refused);
    set_count(counters, "dropped_given_up", queue.dropped_given_up);
    set_count(counters, "retries", queue.retries);
    set_count(counters, "failures", queue.failures);
    set_count(counters, "connections_opened", queue.new_connections);
    return counters;
}

static json_t *status(const struct publisher *base)
{
    const struct hls_publisher *publisher = of_const(base);
    unsigned queued = 0;
    json_t *outputs = json_array();
    for (unsigned i = 0; i < publisher->lane_count; i++) {
        queued += destination_queue_files(publisher->queue, i);
        json_array_append_new(outputs, output_status(publisher, i));
    }
    return json_pack(
        "{s:s, s:s, s:s, s:I, s:I, s:s, s:o, s:o, s:o, s:o}", "group", publisher->config.group->name, "url",
        publisher->destination->url, "state", destination_state_name(destination_queue_state(publisher->queue)),
        "queued_segments", (json_int_t)queued, "queued_bytes", (json_int_t)destination_queue_bytes(publisher->queue),
        "last_error", destination_queue_last_error(publisher->queue), "handoff_to_playlist_ms",
        latency_json(&publisher->handoff_to_playlist), "source_to_playlist_ms",
        latency_json(&publisher->source_to_playlist), "counters", counters_status(publisher), "outputs", outputs);
}

const struct publisher_class hls_publisher_class = {
    "hls", create, destroy, take_segment, finish, is_idle, resume_tick_90k, status,
};
