/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_publisher.c - the order of things for one output: segment file confirmed, window saved, acknowledged, playlist
 * sent, playlist confirmed, deletions.
 *
 * The window is saved before the acknowledgement (mgmt/publisher_saver.h). Where windows are long, several segments
 * wait for one saving. Only what was delivered is saved; that a playlist named it is learnt again by sending that
 * playlist once more.
 */
#include "mgmt/hls_publisher.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "board/loop.h"
#include "mgmt/hls_publisher_private.h"
#include "mgmt/state_files.h"

enum {
    BASE_BYTES_MAX = 200,
    SAVE_AT_ONCE_SEGMENTS = 1000, /* a state of less is written with each segment that is delivered */
    SAVE_INTERVAL_NS = 50000,     /* of a longer one, for each of its segments */
};
/* So many segment lengths without a segment: the source is lost, and the encode process pauses. */
#define PAUSE_SEGMENTS 2.5

static struct hls_publisher *of(struct publisher *base)
{
    return (struct hls_publisher *)base; /* its first member */
}

static const struct hls_publisher *of_const(const struct publisher *base)
{
    return (const struct hls_publisher *)base;
}

bool hls_is_vod(const struct hls_publisher *publisher)
{
    return hls_of(publisher)->mode == HLS_MODE_VOD;
}

uint64_t hls_now_ns(const struct hls_publisher *publisher)
{
    return clock_monotonic_ns(publisher->config.clock);
}

/* ---- spool ---- */

static void save(struct hls_publisher *publisher, enum spool_durability durability)
{
    const struct publisher_output *outputs[OUTPUT_GROUP_OUTPUTS_MAX];
    for (unsigned i = 0; i < publisher->lane_count; i++)
        outputs[i] = &publisher->lanes[i].state;
    publisher_saver_put(
        publisher->saver,
        publisher_state_json(outputs, publisher->lane_count, publisher->destination->url, publisher->finished),
        durability);
}

static void on_saved(void *context, struct waiting_segment *waiting, bool saved)
{
    struct hls_publisher *publisher = context;
    if (saved)
        publisher_spool_remove(publisher->spool, waiting);
    hls_free_item((struct hls_item *)waiting); /* its first member */
}

/* How long a state of that many segments is good for: writing it takes some 3 microseconds for each, all channels wait
 * for that, and with long windows it would go on all the time. */
static uint64_t save_interval_ns(const struct hls_publisher *publisher)
{
    uint64_t segments = 0;
    for (unsigned i = 0; i < publisher->lane_count; i++)
        segments += publisher->lanes[i].state.window.count;
    return segments < SAVE_AT_ONCE_SEGMENTS ? 0 : segments * SAVE_INTERVAL_NS;
}

static void save_in_time(struct hls_publisher *publisher)
{
    uint64_t now = hls_now_ns(publisher);
    if (now < publisher->save_due_ns) {
        loop_timer_set(publisher->save_timer, publisher->save_due_ns);
        return;
    }
    save(publisher, SPOOL_FAST);
    publisher->save_due_ns = now + save_interval_ns(publisher);
}

static void on_save_timer(void *context)
{
    struct hls_publisher *publisher = context;
    if (publisher_saver_lacks(publisher->saver))
        save_in_time(publisher);
}

static void load(struct hls_publisher *publisher)
{
    struct error err = { 0 };
    struct publisher_output *outputs[OUTPUT_GROUP_OUTPUTS_MAX];
    for (unsigned i = 0; i < publisher->lane_count; i++)
        outputs[i] = &publisher->lanes[i].state;
    json_t *state = state_files_read(publisher->config.states, publisher->state_name, &err);
    bool finished = false;
    if (state && publisher_state_read(state, outputs, publisher->lane_count, publisher->destination->url,
                                      hls_now_ns(publisher), &finished) < 0)
        error_set(&err, -EBADMSG, "spool file %s is damaged", publisher->state_name);
    if (err.code < 0)
        log_warning(publisher->config.log, "%s: playlists start anew", err.text);
    json_decref(state);
    for (unsigned i = 0; i < publisher->lane_count; i++) {
        struct hls_lane *lane = &publisher->lanes[i];
        if (finished && hls_is_vod(publisher)) /* that recording is complete; what comes now is another one */
            segment_window_restart(&lane->state.window);
        const struct window_segment *newest = segment_window_newest(&lane->state.window);
        lane->newest_number = newest ? newest->number : -1;
        lane->newest_end_90k = newest ? newest->start_90k + newest->duration_90k : 0;
        for (unsigned s = 0; s < lane->state.window.count; s++)
            lane->has_playlist |= lane->state.window.segments[s].named;
    }
}

/* ---- deletions ---- */

/* The header of what goes is deleted with the last segment that needs it. */
static void delete_header(struct hls_publisher *publisher, const struct hls_lane *lane,
                          const struct window_segment *segment)
{
    const struct segment_window *window = &lane->state.window;
    if (!segment->header || strcmp(segment->header, lane->header.name) == 0)
        return;
    for (uint64_t position = window->deleting; position < window->base + window->count; position++) {
        const struct window_segment *later = segment_window_at(window, position);
        if (later->header && strcmp(later->header, segment->header) == 0)
            return;
    }
    destination_delete(publisher->queue, publisher->lane_count, segment->header);
}

static void delete_expired(struct hls_publisher *publisher)
{
    uint64_t now = hls_now_ns(publisher), earliest = 0;
    for (unsigned i = 0; i < publisher->lane_count; i++) {
        struct hls_lane *lane = &publisher->lanes[i];
        const struct window_segment *segment;
        uint64_t due;
        while ((segment = segment_window_expire(&lane->state.window, now, &due))) {
            delete_header(publisher, lane, segment);
            if (segment->replaced) /* there is, or will be, another one of that name */
                segment_window_deleted(&lane->state.window);
            else
                destination_delete(publisher->queue, i, segment->name);
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

static bool has_playlists(const struct hls_publisher *publisher)
{
    return hls_of(publisher)->output_selection != HLS_SEGMENTS_ONLY;
}

static void announce(struct hls_publisher *publisher, unsigned index);

static void append(struct hls_publisher *publisher, struct hls_lane *lane, struct hls_item *item)
{
    struct handoff_key keys[HANDOFF_KEYS_MAX];
    struct window_segment segment = hls_window_segment(publisher, lane, item, keys);
    segment_window_append(&lane->state.window, &segment);
    free(segment.cue);
    hls_remember_format(lane, item);
    lane->state.delivered_instance = item->waiting.segment.instance;
    publisher_saver_add(publisher->saver, &item->waiting);
    save_in_time(publisher);
}

static void on_header_done(struct hls_publisher *publisher, unsigned index, struct hls_item *item,
                           enum destination_outcome outcome)
{
    struct hls_lane *lane = &publisher->lanes[index];
    bool newest = strcmp(item->name, lane->header.name) == 0;
    if (newest && outcome == DESTINATION_DELIVERED && !lane->header.confirmed) {
        lane->header.confirmed = true;
        announce(publisher, index);
    }
    hls_free_item(item);
}

static void on_file_done(void *context, unsigned index, void *file, enum destination_outcome outcome)
{
    struct hls_publisher *publisher = context;
    struct hls_lane *lane = &publisher->lanes[index];
    struct hls_item *item = file;
    hls_remove_item(lane, item);
    if (item->is_header) {
        on_header_done(publisher, index, item, outcome);
        return;
    }
    bool lacks_header = item->waiting.segment.header_bytes && !lane->header.confirmed;
    if (outcome == DESTINATION_DELIVERED) {
        append(publisher, lane, item);
    } else {
        publisher_spool_remove(publisher->spool, &item->waiting);
        hls_free_item(item);
    }
    if (lacks_header && outcome == DESTINATION_DELIVERED)
        hls_put_header(publisher, index); /* it was dropped on its way: once more, and then the playlist */
    else if (outcome == DESTINATION_DELIVERED || (publisher->finished && !lane->first))
        announce(publisher, index);
}

static bool is_intact(void *context, unsigned index, void *file)
{
    struct hls_publisher *publisher = context;
    struct hls_item *item = file;
    (void)index;
    return item->is_header || publisher_spool_intact(publisher->spool, &item->waiting);
}

static void measure(struct hls_publisher *publisher, const struct window_segment *segment)
{
    if (segment->named || !segment->received_ns)
        return;
    uint64_t utc_ns = clock_utc_ns(publisher->config.clock);
    latency_add(&publisher->handoff_to_playlist, hls_now_ns(publisher) - segment->received_ns);
    if (segment->arrival_utc_ns && segment->arrival_utc_ns < utc_ns)
        latency_add(&publisher->source_to_playlist, utc_ns - segment->arrival_utc_ns);
}

static void confirm(struct hls_publisher *publisher, struct hls_lane *lane, struct destination_text_tag tag)
{
    for (uint64_t position = tag.first; position < tag.end; position++) {
        const struct window_segment *segment = segment_window_at(&lane->state.window, position);
        if (segment)
            measure(publisher, segment);
    }
    segment_window_confirmed(&lane->state.window, tag.first, tag.end, hls_now_ns(publisher));
    delete_expired(publisher);
}

/* What is at the destination is told to players; where there are no playlists, being there is all. */
static void announce(struct hls_publisher *publisher, unsigned index)
{
    struct destination_text_tag tag;
    if (has_playlists(publisher)) {
        hls_send_playlist(publisher, index);
        return;
    }
    segment_window_listing(&publisher->lanes[index].state.window, &tag.first, &tag.end);
    if (tag.first < tag.end)
        confirm(publisher, &publisher->lanes[index], tag);
}

static void on_text_done(void *context, unsigned index, struct destination_text_tag tag)
{
    struct hls_publisher *publisher = context;
    if (index > publisher->lane_count)
        publisher->lanes[index - publisher->lane_count - 1].has_key_playlist = !publisher->paused;
    if (index < publisher->lane_count) {
        publisher->lanes[index].has_playlist = !publisher->paused;
        confirm(publisher, &publisher->lanes[index], tag);
        hls_send_key_playlist(publisher, index);
    }
    if (index != publisher->lane_count)
        hls_send_master(publisher, false);
}

static void on_delete_done(void *context, unsigned index, bool deleted)
{
    (void)deleted;
    struct hls_publisher *publisher = context;
    if (index < publisher->lane_count)
        segment_window_deleted(&publisher->lanes[index].state.window);
    else if (index > publisher->lane_count && !publisher->paused) /* the source came back in the meantime */
        announce(publisher, index - publisher->lane_count - 1);
}

/* An origin that was away may have come back empty: it gets headers and playlists again, newest text each. */
static void on_recovered(void *context)
{
    struct hls_publisher *publisher = context;
    for (unsigned i = 0; i < publisher->lane_count; i++) {
        if (publisher->lanes[i].header.confirmed)
            hls_put_header(publisher, i);
        announce(publisher, i);
    }
    hls_send_master(publisher, true);
}

/* ---- what is handed over ---- */

/* Only with redundant manifests there is another pipeline that a player could go to. */
static bool may_pause(const struct hls_publisher *publisher)
{
    return hls_of(publisher)->redundant_manifest && hls_of(publisher)->input_loss_action == INPUT_LOSS_PAUSE_OUTPUT &&
           !publisher->finished;
}

static void on_pause(void *context)
{
    struct hls_publisher *publisher = context;
    if (may_pause(publisher))
        hls_pause(publisher);
}

static void take_segment(struct publisher *base, const struct handoff_segment *segment, int memfd)
{
    struct hls_publisher *publisher = of(base);
    if (may_pause(publisher)) {
        uint64_t patience_ns = (uint64_t)(PAUSE_SEGMENTS * hls_of(publisher)->segment_length * 1e9);
        hls_resume(publisher);
        loop_timer_set(publisher->pause_timer, hls_now_ns(publisher) + patience_ns);
    }
    hls_take_segment(publisher, segment, memfd);
}

static void finish(struct publisher *base)
{
    struct hls_publisher *publisher = of(base);
    publisher->finished = true;
    save(publisher, SPOOL_DURABLE);
    for (unsigned i = 0; i < publisher->lane_count; i++)
        if (hls_is_vod(publisher) && !publisher->lanes[i].first)
            announce(publisher, i);
}

static bool is_idle(const struct publisher *base)
{
    return destination_queue_idle(of_const(base)->queue) && publisher_saver_idle(of_const(base)->saver);
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

static void name_lane(const struct publisher_config *config, struct hls_lane *lane, const struct output *output)
{
    char playlist[HLS_FILE_NAME_BYTES];
    lane->output = output;
    lane->names = hls_names_of(config->group, output, config->pipeline, config->start_utc_s);
    hls_playlist_name(playlist, &lane->names);
    memcpy(lane->playlist, playlist, sizeof playlist);
    hls_key_playlist_name(lane->key_playlist, &lane->names);
    snprintf(lane->state.name, sizeof lane->state.name, "%s", output->name);
    snprintf(lane->state.stem, sizeof lane->state.stem, "%.300s %s.%s %u", playlist, output->segment_modifier,
             lane->names.extension, lane->names.segments_per_subdirectory);
}

static void name_files(struct hls_publisher *publisher)
{
    const struct publisher_config *config = &publisher->config;
    for (unsigned i = 0; i < publisher->lane_count; i++)
        name_lane(config, &publisher->lanes[i], &config->group->outputs[i]);
    hls_master_name(publisher->master_name, &publisher->lanes[0].names);
    snprintf(publisher->source, sizeof publisher->source, "%s/%u", config->channel, config->pipeline);
    /* names hold no dot: no two publishers can have the same file */
    snprintf(publisher->state_name, sizeof publisher->state_name, "%s.%u.%s.json", config->channel, config->pipeline,
             config->group->name);
}

static void publisher_free(struct hls_publisher *publisher)
{
    destination_queue_destroy(publisher->queue);
    publisher_spool_destroy(publisher->spool);
    loop_timer_destroy(publisher->timer);
    loop_timer_destroy(publisher->pause_timer);
    loop_timer_destroy(publisher->save_timer);
    for (unsigned i = 0; i < publisher->lane_count; i++)
        hls_free_lane(&publisher->lanes[i]);
    publisher_saver_destroy(publisher->saver);
    free(publisher->master);
    free(publisher);
}

static int open_queue(struct hls_publisher *publisher, struct error *err)
{
    const struct output_group *group = publisher->config.group;
    const struct publisher_queue_config queue = {
        .source = publisher->source,
        .disk_bytes = (uint64_t)group->connection.disk_cache_megabytes << 20,
        .lanes = publisher->lane_count,
        .texts = 2 * publisher->lane_count + 1,
        .segment_length = group->hls.segment_length,
        .callbacks = { on_file_done, on_text_done, on_delete_done, on_recovered, is_intact },
        .context = publisher,
    };
    return publisher_queue_open(&publisher->queue, &publisher->config, &queue, err);
}

static int open_spool(struct hls_publisher *publisher, struct error *err)
{
    const struct publisher_spool_config spool = { .publisher = &publisher->config,
                                                  .source = publisher->source,
                                                  .queue = publisher->queue,
                                                  .take_up = hls_take_up,
                                                  .put = hls_put_waiting,
                                                  .context = publisher };
    int result = publisher_spool_create(&publisher->spool, &spool, err);
    if (result == 0)
        publisher_spool_load(publisher->spool);
    return result;
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
        .keep_all = hls_is_vod(publisher),
        .discontinuity_tags = group->hls.discontinuity_tags,
        .segment_length_s = group->hls.segment_length,
        .longest_s = group->hls.cut_at_avails ? 1.5 * group->hls.segment_length : 0,
    };
    for (unsigned i = 0; i < publisher->lane_count; i++)
        segment_window_init(&publisher->lanes[i].state.window, &window);
    name_files(publisher);
    const struct publisher_saver_config saver = {
        .publisher = &publisher->config, .name = publisher->state_name, .release = on_saved, .context = publisher
    };
    load(publisher);
    int result = publisher_saver_create(&publisher->saver, &saver, err);
    for (unsigned i = 0; i < publisher->lane_count && result == 0; i++)
        if (hls_printed_create(&publisher->lanes[i].printed, false) < 0 ||
            hls_printed_create(&publisher->lanes[i].printed_keys, true) < 0)
            result = error_set(err, -ENOMEM, "output group %s", group->name);
    if (result == 0)
        result = open_queue(publisher, err);
    publisher->timer = loop_timer_create(config->loop, on_timer, publisher);
    publisher->pause_timer = loop_timer_create(config->loop, on_pause, publisher);
    publisher->save_timer = loop_timer_create(config->loop, on_save_timer, publisher);
    if (result == 0 && (!publisher->timer || !publisher->pause_timer || !publisher->save_timer))
        result = error_set(err, -ENOMEM, "output group %s", group->name);
    if (result == 0)
        result = open_spool(publisher, err);
    if (result < 0) {
        publisher_free(publisher);
        return result;
    }
    for (unsigned i = 0; i < publisher->lane_count; i++) {
        const struct window_segment *newest = segment_window_newest(&publisher->lanes[i].state.window);
        if (newest && !newest->named)
            announce(publisher, i);
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

const struct publisher_class hls_publisher_class = {
    .name = "hls",
    .create = create,
    .destroy = destroy,
    .segment = take_segment,
    .finish = finish,
    .idle = is_idle,
    .resume_tick_90k = resume_tick_90k,
    .status = hls_status,
};
