/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/cmaf_publisher.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "mgmt/instances.h"
#include "mgmt/latency.h"
#include "mgmt/publisher_queue.h"
#include "mgmt/publisher_saver.h"
#include "mgmt/publisher_spool.h"
#include "mgmt/segment_mapping.h"
#include "mgmt/state_files.h"

enum { TRACK_NAME_BYTES = ENCODE_NAME_BYTES + 24, JUMP_BACK_SEGMENTS = 100 };

/* A segment between its hand-over and its delivery. */
struct item {
    struct waiting_segment waiting;
    struct item *next;
};

/* One track. */
struct track {
    const struct output *output;
    char name[TRACK_NAME_BYTES]; /* "Streams(video.cmfv)" */
    struct item *first, *last;
    struct instances instances;
    int64_t newest_number; /* handed over, whatever became of it; -1: none */
    int64_t newest_end_90k;
    int64_t delivered_number; /* -1: none */
    int64_t delivered_end_90k;
    uint64_t delivered_instance; /* which life's it was; 0: not known */
    void *header;                /* own: as it was last put into the queue; NULL: none in this life */
    size_t header_bytes;
};

struct counters {
    uint64_t received, resent, duplicates, damaged, unknown_output, jumps_back;
};

struct cmaf_publisher {
    struct publisher base;
    struct publisher_config config;
    const struct destination *destination;
    struct destination_queue *queue;
    struct publisher_spool *spool;
    unsigned track_count;
    struct track tracks[OUTPUT_GROUP_OUTPUTS_MAX];
    struct publisher_saver *saver;
    char source[2 * ENCODE_NAME_BYTES];
    char state_name[4 * ENCODE_NAME_BYTES];
    struct counters counters;
    struct latency handoff_to_delivery, source_to_delivery;
};

static struct cmaf_publisher *of(struct publisher *base)
{
    return (struct cmaf_publisher *)base; /* its first member */
}

static const struct cmaf_publisher *of_const(const struct publisher *base)
{
    return (const struct cmaf_publisher *)base;
}

static uint64_t now_ns(const struct cmaf_publisher *publisher)
{
    return clock_monotonic_ns(publisher->config.clock);
}

static void acknowledge(const struct cmaf_publisher *publisher, const struct handoff_segment *segment)
{
    publisher->config.acknowledge(publisher->config.context, segment->instance, segment->serial);
}

/* ---- spool ---- */
static void save(struct cmaf_publisher *publisher, enum spool_durability durability)
{
    json_t *tracks = json_object();
    for (unsigned i = 0; i < publisher->track_count; i++) {
        const struct track *track = &publisher->tracks[i];
        json_object_set_new(tracks, track->name,
                            json_pack("[I, I, I]", (json_int_t)track->delivered_number,
                                      (json_int_t)track->delivered_end_90k, (json_int_t)track->delivered_instance));
    }
    json_t *state = json_pack("{s:s, s:o}", "url", publisher->destination->url, "tracks", tracks);
    publisher_saver_put(publisher->saver, state, durability);
}

static void on_saved(void *context, struct waiting_segment *waiting, bool saved)
{
    struct cmaf_publisher *publisher = context;
    if (saved)
        publisher_spool_remove(publisher->spool, waiting);
    free(waiting); /* the item's first member */
}

static void load(struct cmaf_publisher *publisher)
{
    struct error err = { 0 };
    json_t *state = state_files_read(publisher->config.states, publisher->state_name, &err);
    const char *url = json_string_value(json_object_get(state, "url"));
    json_t *tracks = json_object_get(state, "tracks");
    for (unsigned i = 0; url && strcmp(url, publisher->destination->url) == 0 && i < publisher->track_count; i++) {
        struct track *track = &publisher->tracks[i];
        json_int_t number, end_90k;
        json_t *entry = json_object_get(tracks, track->name);
        if (!entry || json_unpack(entry, "[I, I]", &number, &end_90k) < 0 || number < -1 || end_90k < 0)
            continue;
        track->delivered_instance = (uint64_t)json_integer_value(json_array_get(entry, 2));
        instances_note(&track->instances, track->delivered_instance);
        track->newest_number = track->delivered_number = number;
        track->newest_end_90k = track->delivered_end_90k = end_90k;
    }
    if (err.code < 0)
        log_warning(publisher->config.log, "%s: what was delivered may be sent again", err.text);
    json_decref(state);
}

/* ---- what the destination reports ---- */
static void remove_item(struct track *track, struct item *item)
{
    struct item *before = NULL;
    for (struct item *other = track->first; other != item; other = other->next)
        before = other;
    if (before)
        before->next = item->next;
    else
        track->first = item->next;
    if (track->last == item)
        track->last = before;
}

static void forget_header(struct track *track)
{
    free(track->header);
    track->header = NULL;
}

static void measure(struct cmaf_publisher *publisher, const struct item *item)
{
    uint64_t utc_ns = clock_utc_ns(publisher->config.clock), arrival_ns = item->waiting.segment.end_arrival_utc_ns;
    if (!item->waiting.received_ns) /* in an earlier life */
        return;
    latency_add(&publisher->handoff_to_delivery, now_ns(publisher) - item->waiting.received_ns);
    if (arrival_ns && arrival_ns < utc_ns)
        latency_add(&publisher->source_to_delivery, utc_ns - arrival_ns);
}

static void on_file_done(void *context, unsigned index, void *file, enum destination_outcome outcome)
{
    struct cmaf_publisher *publisher = context;
    struct track *track = &publisher->tracks[index];
    struct item *item = file;
    remove_item(track, item);
    if (outcome == DESTINATION_DELIVERED) {
        track->delivered_number = item->waiting.segment.number;
        track->delivered_end_90k = item->waiting.segment.start_90k + item->waiting.segment.duration_90k;
        track->delivered_instance = item->waiting.segment.instance;
        measure(publisher, item);
        publisher_saver_add(publisher->saver, &item->waiting);
        save(publisher, SPOOL_FAST);
        return;
    }
    if (!track->first)
        forget_header(track); /* it may have been dropped with it */
    publisher_spool_remove(publisher->spool, &item->waiting);
    free(item);
}

static bool is_intact(void *context, unsigned index, void *file)
{
    struct cmaf_publisher *publisher = context;
    (void)index;
    return publisher_spool_intact(publisher->spool, &((struct item *)file)->waiting);
}

static void on_text_done(void *context, unsigned lane, struct destination_text_tag tag)
{
    (void)context; /* there are no texts, */
    (void)lane;
    (void)tag;
}

static void on_delete_done(void *context, unsigned lane, bool deleted)
{
    (void)context; /* and no deletions */
    (void)lane;
    (void)deleted;
}

static void on_recovered(void *context)
{
    (void)context; /* a receiver that has forgotten its headers says 412 */
}

/* ---- what is handed over ---- */
static int find_track(const struct cmaf_publisher *publisher, const char *output)
{
    for (unsigned i = 0; i < publisher->track_count; i++)
        if (strcmp(publisher->tracks[i].output->name, output) == 0)
            return (int)i;
    return -1;
}

static bool jumped_back(const struct track *track, const struct handoff_segment *segment)
{
    return segment->number + JUMP_BACK_SEGMENTS < track->newest_number ||
           instances_jumped_back(&track->instances, segment, track->newest_end_90k);
}

/* True: it is here already, or comes too late. */
static bool is_known(struct cmaf_publisher *publisher, struct track *track, const struct handoff_segment *segment)
{
    if (segment->number > track->newest_number)
        return false;
    if (jumped_back(track, segment)) { /* the timeline itself has */
        publisher->counters.jumps_back++;
        return false;
    }
    if (publisher_spool_has(publisher->spool, segment)) {
        publisher->counters.resent++;
        return true;
    }
    publisher->counters.duplicates++;
    acknowledge(publisher, segment);
    return true;
}

static bool has_header(const struct handoff_segment *segment)
{
    return segment->header_bytes > 0 && segment->header_bytes < segment->bytes;
}

static struct item *make_item(struct cmaf_publisher *publisher, const struct handoff_segment *segment, int memfd)
{
    struct error err = { 0 };
    struct item *item = calloc(1, sizeof *item);
    struct segment_mapping file = { 0 };
    int result = segment_mapping_open(&file, memfd, segment->bytes, &err);
    if (result == 0 && item && has_header(segment)) {
        item->waiting.segment = *segment;
        item->waiting.file = file;
        item->waiting.received_ns = now_ns(publisher);
        return item;
    }
    segment_mapping_close(&file);
    free(item);
    publisher->counters.damaged++;
    log_error(publisher->config.log, "output %s: segment %lld is lost: %s", segment->output, (long long)segment->number,
              err.code ? err.text : "no memory, or no header in it");
    acknowledge(publisher, segment);
    return NULL;
}

/* Is the header another than the last one that was sent? It is remembered. */
static bool header_is_new(struct track *track, const struct item *item)
{
    size_t bytes = item->waiting.segment.header_bytes;
    if (track->header && track->header_bytes == bytes && memcmp(track->header, item->waiting.file.data, bytes) == 0)
        return false;
    void *copy = malloc(bytes);
    free(track->header);
    track->header = copy; /* without memory: it is sent with every segment */
    track->header_bytes = bytes;
    if (copy)
        memcpy(copy, item->waiting.file.data, bytes);
    return true;
}

static void put(struct cmaf_publisher *publisher, unsigned index, struct item *item)
{
    struct track *track = &publisher->tracks[index];
    const struct handoff_segment *segment = &item->waiting.segment;
    unsigned delay_ms = publisher->config.pipeline ? publisher->config.group->cmaf_ingest.send_delay_ms : 0;
    bool is_new = header_is_new(track, item);
    if (track->last)
        track->last->next = item;
    else
        track->first = item;
    track->last = item;
    publisher_spool_add(publisher->spool, &item->waiting, index);
    track->newest_number = segment->number;
    track->newest_end_90k = segment->start_90k + segment->duration_90k;
    instances_note(&track->instances, segment->instance);
    destination_put_file(publisher->queue, index,
                         &(struct destination_file){
                             .name = track->name,
                             .content_type = track->output->video[0] ? "video/mp4" : "audio/mp4",
                             .data = (const char *)item->waiting.file.data + segment->header_bytes,
                             .bytes = item->waiting.file.bytes - segment->header_bytes,
                             .file = item,
                             .header = item->waiting.file.data,
                             .header_bytes = segment->header_bytes,
                             .header_first = is_new,
                             .not_before_ns = delay_ms ? item->waiting.received_ns + delay_ms * NS_PER_MS : 0,
                         });
}

static void take_segment(struct publisher *base, const struct handoff_segment *segment, int memfd)
{
    struct cmaf_publisher *publisher = of(base);
    int index = find_track(publisher, segment->output);
    publisher->counters.received++;
    if (index < 0) {
        publisher->counters.unknown_output++;
        acknowledge(publisher, segment);
    }
    if (index < 0 || is_known(publisher, &publisher->tracks[index], segment)) {
        close(memfd);
        return;
    }
    struct item *item = make_item(publisher, segment, memfd);
    if (item) {
        put(publisher, (unsigned)index, item);
        publisher_spool_relieve(publisher->spool);
    }
}

/* ---- what an earlier life left ---- */
static struct waiting_segment *take_up(void *context, const struct handoff_segment *segment, unsigned *lane)
{
    struct cmaf_publisher *publisher = context;
    int index = find_track(publisher, segment->output);
    if (index < 0 || !has_header(segment))
        return NULL;
    if (segment->number <= publisher->tracks[index].newest_number)
        return NULL; /* it was delivered, or comes too late: what lies on a disk is no sign that the timeline jumped */
    *lane = (unsigned)index;
    return calloc(1, sizeof(struct item));
}

static void put_waiting(void *context, struct waiting_segment *waiting)
{
    put(context, waiting->lane, (struct item *)waiting); /* its first member */
}

static bool is_idle(const struct publisher *base)
{
    return destination_queue_idle(of_const(base)->queue) && publisher_saver_idle(of_const(base)->saver);
}

static int64_t resume_tick_90k(const struct publisher *base)
{
    const struct cmaf_publisher *publisher = of_const(base);
    int64_t tick_90k = INT64_MAX;
    for (unsigned i = 0; i < publisher->track_count; i++)
        if (publisher->tracks[i].newest_end_90k < tick_90k)
            tick_90k = publisher->tracks[i].newest_end_90k;
    return publisher->track_count ? tick_90k : 0;
}

/* ---- life ---- */
static void name_tracks(struct cmaf_publisher *publisher)
{
    const struct publisher_config *config = &publisher->config;
    for (unsigned i = 0; i < publisher->track_count; i++) {
        struct track *track = &publisher->tracks[i];
        track->output = &config->group->outputs[i];
        track->newest_number = track->delivered_number = -1;
        snprintf(track->name, sizeof track->name, "Streams(%s.cmf%c)", track->output->name_modifier,
                 track->output->video[0] ? 'v' : 'a');
    }
    snprintf(publisher->source, sizeof publisher->source, "%s/%u", config->channel, config->pipeline);
    snprintf(publisher->state_name, sizeof publisher->state_name, "%s.%u.%s.json", config->channel, config->pipeline,
             config->group->name);
}

static int open_queue(struct cmaf_publisher *publisher, struct error *err)
{
    const struct publisher_queue_config queue = {
        .source = publisher->source,
        .disk_bytes = (uint64_t)publisher->config.group->connection.disk_cache_megabytes << 20,
        .lanes = publisher->track_count,
        .segment_length = publisher->config.group->cmaf_ingest.segment_length_s,
        .callbacks = { on_file_done, on_text_done, on_delete_done, on_recovered, is_intact },
        .context = publisher,
    };
    return publisher_queue_open(&publisher->queue, &publisher->config, &queue, err);
}

static int open_spool(struct cmaf_publisher *publisher, struct error *err)
{
    const struct publisher_spool_config spool = { .publisher = &publisher->config,
                                                  .source = publisher->source,
                                                  .queue = publisher->queue,
                                                  .take_up = take_up,
                                                  .put = put_waiting,
                                                  .context = publisher };
    int result = publisher_spool_create(&publisher->spool, &spool, err);
    if (result == 0)
        publisher_spool_load(publisher->spool);
    return result;
}

static void publisher_free(struct cmaf_publisher *publisher)
{
    destination_queue_destroy(publisher->queue);
    publisher_spool_destroy(publisher->spool);
    for (unsigned i = 0; i < publisher->track_count; i++) {
        struct track *track = &publisher->tracks[i];
        while (track->first) {
            struct item *item = track->first;
            track->first = item->next;
            free(item);
        }
        free(track->header);
    }
    publisher_saver_destroy(publisher->saver);
    free(publisher);
}

static int create(struct publisher **out, const struct publisher_config *config, struct error *err)
{
    struct cmaf_publisher *publisher = calloc(1, sizeof *publisher);
    if (!publisher)
        return error_set(err, -ENOMEM, "output group %s", config->group->name);
    publisher->config = *config;
    publisher->destination = &config->group->destinations[config->pipeline];
    publisher->track_count = config->group->outputs_count;
    name_tracks(publisher);
    const struct publisher_saver_config saver = {
        .publisher = &publisher->config, .name = publisher->state_name, .release = on_saved, .context = publisher
    };
    load(publisher);
    int result = publisher_saver_create(&publisher->saver, &saver, err);
    if (result == 0)
        result = open_queue(publisher, err);
    if (result == 0)
        result = open_spool(publisher, err);
    if (result < 0) {
        publisher_free(publisher);
        return result;
    }
    *out = &publisher->base;
    return 0;
}

static void destroy(struct publisher *base)
{
    struct cmaf_publisher *publisher = of(base);
    save(publisher, SPOOL_DURABLE);
    publisher_free(publisher);
}

/* ---- status ---- */
static json_t *outputs_status(const struct cmaf_publisher *publisher)
{
    json_t *outputs = json_array();
    for (unsigned i = 0; i < publisher->track_count; i++) {
        const struct track *track = &publisher->tracks[i];
        unsigned waiting = destination_queue_files(publisher->queue, i);
        json_array_append_new(outputs, json_pack("{s:s, s:s, s:I, s:I, s:I}", "name", track->output->name, "track",
                                                 track->name, "queued_segments", (json_int_t)waiting, "last_received",
                                                 (json_int_t)track->newest_number, "last_delivered",
                                                 (json_int_t)track->delivered_number));
    }
    return outputs;
}

static json_t *counters_status(const struct cmaf_publisher *publisher)
{
    const struct counters *mine = &publisher->counters;
    json_t *counters = json_object();
    publisher_count(counters, "segments_received", mine->received);
    publisher_count(counters, "segments_resent", mine->resent);
    publisher_count(counters, "segments_duplicate", mine->duplicates);
    publisher_count(counters, "segments_damaged", mine->damaged);
    publisher_count(counters, "segments_unknown_output", mine->unknown_output);
    publisher_count(counters, "jumps_back", mine->jumps_back);
    publisher_spool_count(publisher->spool, counters);
    publisher_queue_count(publisher->queue, counters);
    return counters;
}

static json_t *status(const struct publisher *base)
{
    const struct cmaf_publisher *publisher = of_const(base);
    json_t *status = publisher_queue_status(publisher->queue, &publisher->config, publisher->track_count,
                                            counters_status(publisher), outputs_status(publisher));
    json_object_set_new(status, "handoff_to_delivery_ms", latency_json(&publisher->handoff_to_delivery));
    json_object_set_new(status, "source_to_delivery_ms", latency_json(&publisher->source_to_delivery));
    return status;
}

const struct publisher_class cmaf_publisher_class = {
    .name = "cmaf_ingest",
    .create = create,
    .destroy = destroy,
    .segment = take_segment,
    .idle = is_idle,
    .resume_tick_90k = resume_tick_90k,
    .status = status,
};
