/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/frame_capture_publisher.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/error.h"
#include "board/log.h"
#include "mgmt/instances.h"
#include "mgmt/publisher_queue.h"
#include "mgmt/publisher_spool.h"
#include "mgmt/segment_mapping.h"

enum { JUMP_BACK_PICTURES = 100 /* so far below the newest a picture is no repetition: the timeline jumped */ };

/* A picture between its hand-over and its delivery. */
struct picture_item {
    struct waiting_segment waiting;
    struct picture_item *next;
};

struct picture_lane {
    const struct output *output;
    struct picture_item *items;              /* newest first */
    int64_t newest_number, delivered_number; /* -1: none in this life */
    int64_t newest_end_90k;
    struct instances instances;
};

struct frame_capture_publisher {
    struct publisher base;
    struct publisher_config config;
    struct destination_queue *queue;
    struct publisher_spool *spool;
    unsigned lane_count;
    struct picture_lane lanes[OUTPUT_GROUP_OUTPUTS_MAX];
    char source[2 * ENCODE_NAME_BYTES]; /* of alerts */
    uint64_t received, duplicates, damaged, unknown_output, jumps_back;
};

static struct frame_capture_publisher *of(struct publisher *base)
{
    return (struct frame_capture_publisher *)base; /* its first member */
}

static const struct frame_capture_publisher *of_const(const struct publisher *base)
{
    return (const struct frame_capture_publisher *)base;
}

static void acknowledge(struct frame_capture_publisher *publisher, const struct handoff_segment *segment)
{
    publisher->config.acknowledge(publisher->config.context, segment->instance, segment->serial);
}

/* ---- what the destination reports ---- */

static void on_file_done(void *context, unsigned index, void *file, enum destination_outcome outcome)
{
    struct frame_capture_publisher *publisher = context;
    struct picture_lane *lane = &publisher->lanes[index];
    struct picture_item *item = file;
    struct picture_item **place = &lane->items;
    while (*place != item)
        place = &(*place)->next;
    *place = item->next;
    if (outcome == DESTINATION_DELIVERED && item->waiting.segment.number > lane->delivered_number)
        lane->delivered_number = item->waiting.segment.number;
    publisher_spool_remove(publisher->spool, &item->waiting);
    free(item);
}

static bool is_intact(void *context, unsigned index, void *file)
{
    struct frame_capture_publisher *publisher = context;
    (void)index;
    return publisher_spool_intact(publisher->spool, &((struct picture_item *)file)->waiting);
}

static void on_text_done(void *context, unsigned lane, struct destination_text_tag tag)
{
    (void)context, (void)lane, (void)tag; /* there are no texts */
}

static void on_delete_done(void *context, unsigned lane, bool deleted)
{
    (void)context, (void)lane, (void)deleted; /* nothing is deleted */
}

static void on_recovered(void *context)
{
    (void)context; /* what was delivered is not ours any more */
}

/* ---- what is handed over ---- */

static struct picture_lane *find_lane(struct frame_capture_publisher *publisher, const char *output)
{
    for (unsigned i = 0; i < publisher->lane_count; i++)
        if (strcmp(publisher->lanes[i].output->name, output) == 0)
            return &publisher->lanes[i];
    return NULL;
}

/* Numbers come from the time of day, which may be put right. */
static bool has_jumped_back(const struct picture_lane *lane, const struct handoff_segment *segment)
{
    return segment->number + JUMP_BACK_PICTURES < lane->newest_number ||
           instances_jumped_back(&lane->instances, segment, lane->newest_end_90k);
}

/* It waits here already (its delivery will be acknowledged), or has been delivered. */
static bool is_known(struct frame_capture_publisher *publisher, struct picture_lane *lane,
                     const struct handoff_segment *segment)
{
    if (publisher_spool_has(publisher->spool, segment))
        return true;
    if (segment->number > lane->newest_number)
        return false;
    if (has_jumped_back(lane, segment)) {
        log_warning(publisher->config.log, "output %s: pictures are numbered from %lld again, after %lld",
                    segment->output, (long long)segment->number, (long long)lane->newest_number);
        publisher->jumps_back++;
        lane->delivered_number = -1;
        return false;
    }
    publisher->duplicates++;
    acknowledge(publisher, segment);
    return true;
}

/* Its number is the newest. */
static void deliver(struct frame_capture_publisher *publisher, struct picture_lane *lane, struct picture_item *item)
{
    const char *base = strrchr(publisher->config.group->destinations[publisher->config.pipeline].url, '/') + 1;
    char name[2 * OUTPUT_URL_BYTES];
    item->next = lane->items;
    lane->items = item;
    lane->newest_number = item->waiting.segment.number;
    lane->newest_end_90k = item->waiting.segment.start_90k + item->waiting.segment.duration_90k;
    instances_note(&lane->instances, item->waiting.segment.instance);
    publisher_spool_add(publisher->spool, &item->waiting, (unsigned)(lane - publisher->lanes));
    snprintf(name, sizeof name, "%s%s.%05lld.jpg", base, lane->output->name_modifier,
             (long long)item->waiting.segment.number);
    destination_put_file(publisher->queue, (unsigned)(lane - publisher->lanes),
                         &(struct destination_file){ .name = name,
                                                     .content_type = "image/jpeg",
                                                     .data = item->waiting.file.data,
                                                     .bytes = item->waiting.file.bytes,
                                                     .file = item });
}

static void take_segment(struct publisher *base, const struct handoff_segment *segment, int memfd)
{
    struct frame_capture_publisher *publisher = of(base);
    struct picture_lane *lane = find_lane(publisher, segment->output);
    struct segment_mapping file = { 0 };
    struct error err = { 0 };
    publisher->received++;
    if (lane && is_known(publisher, lane, segment)) {
        close(memfd);
        return;
    }
    struct picture_item *item = lane ? malloc(sizeof *item) : NULL;
    publisher->unknown_output += !lane;
    if (!item)
        close(memfd);
    else if (segment_mapping_open(&file, memfd, segment->bytes, &err) < 0)
        log_error(publisher->config.log, "output %s: picture %lld is lost: %s", segment->output,
                  (long long)segment->number, err.text);
    if (!file.data) {
        publisher->damaged += lane != NULL;
        free(item);
        acknowledge(publisher, segment);
        return;
    }
    *item = (struct picture_item){ .waiting = { .segment = *segment, .file = file } };
    deliver(publisher, lane, item);
    publisher_spool_relieve(publisher->spool);
}

/* ---- what an earlier life left ---- */

static struct waiting_segment *take_up(void *context, const struct handoff_segment *segment, unsigned *lane)
{
    struct frame_capture_publisher *publisher = context;
    struct picture_lane *found = find_lane(publisher, segment->output);
    if (!found || (segment->number <= found->newest_number && !has_jumped_back(found, segment)))
        return NULL;
    *lane = (unsigned)(found - publisher->lanes);
    return calloc(1, sizeof(struct picture_item));
}

static void put_waiting(void *context, struct waiting_segment *waiting)
{
    struct frame_capture_publisher *publisher = context;
    deliver(publisher, &publisher->lanes[waiting->lane], (struct picture_item *)waiting); /* its first member */
}

/* ---- life ---- */

static bool is_idle(const struct publisher *base)
{
    return destination_queue_idle(of_const(base)->queue);
}

static int64_t resume_tick_90k(const struct publisher *base)
{
    (void)base;
    return INT64_MAX;
}

static void destroy(struct publisher *base)
{
    struct frame_capture_publisher *publisher = of(base);
    destination_queue_destroy(publisher->queue);
    publisher_spool_destroy(publisher->spool);
    for (unsigned i = 0; i < publisher->lane_count; i++)
        while (publisher->lanes[i].items) {
            struct picture_item *item = publisher->lanes[i].items;
            publisher->lanes[i].items = item->next;
            free(item);
        }
    free(publisher);
}

static int open_queue(struct frame_capture_publisher *publisher, struct error *err)
{
    const struct publisher_queue_config queue = {
        .source = publisher->source,
        .disk_bytes = (uint64_t)publisher->config.group->connection.disk_cache_megabytes << 20,
        .lanes = publisher->lane_count,
        .segment_length = 1,
        .callbacks = { on_file_done, on_text_done, on_delete_done, on_recovered, is_intact },
        .context = publisher,
    };
    return publisher_queue_open(&publisher->queue, &publisher->config, &queue, err);
}

static int open_spool(struct frame_capture_publisher *publisher, struct error *err)
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

static int create(struct publisher **out, const struct publisher_config *config, struct error *err)
{
    struct frame_capture_publisher *publisher = calloc(1, sizeof *publisher);
    if (!publisher)
        return error_set(err, -ENOMEM, "output group %s", config->group->name);
    publisher->config = *config;
    publisher->lane_count = config->group->outputs_count;
    for (unsigned i = 0; i < publisher->lane_count; i++)
        publisher->lanes[i] =
            (struct picture_lane){ .output = &config->group->outputs[i], .newest_number = -1, .delivered_number = -1 };
    snprintf(publisher->source, sizeof publisher->source, "%s/%u", config->channel, config->pipeline);
    int result = open_queue(publisher, err);
    if (result == 0)
        result = open_spool(publisher, err);
    if (result < 0) {
        destroy(&publisher->base);
        return result;
    }
    *out = &publisher->base;
    return 0;
}

/* ---- status ---- */

static json_t *status(const struct publisher *base)
{
    const struct frame_capture_publisher *publisher = of_const(base);
    json_t *outputs = json_array(), *counters = json_object();
    for (unsigned i = 0; i < publisher->lane_count; i++) {
        const struct picture_lane *lane = &publisher->lanes[i];
        json_array_append_new(outputs, json_pack("{s:s, s:I, s:I}", "name", lane->output->name, "last_received",
                                                 (json_int_t)lane->newest_number, "last_delivered",
                                                 (json_int_t)lane->delivered_number));
    }
    publisher_count(counters, "segments_received", publisher->received);
    publisher_count(counters, "segments_duplicate", publisher->duplicates);
    publisher_count(counters, "jumps_back", publisher->jumps_back);
    publisher_count(counters, "segments_damaged", publisher->damaged);
    publisher_count(counters, "segments_unknown_output", publisher->unknown_output);
    publisher_spool_count(publisher->spool, counters);
    publisher_queue_count(publisher->queue, counters);
    return publisher_queue_status(publisher->queue, &publisher->config, publisher->lane_count, counters, outputs);
}

const struct publisher_class frame_capture_publisher_class = {
    .name = "frame_capture",
    .create = create,
    .destroy = destroy,
    .segment = take_segment,
    .idle = is_idle,
    .resume_tick_90k = resume_tick_90k,
    .status = status,
};
