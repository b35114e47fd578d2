/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/frame_capture_publisher.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/error.h"
#include "board/log.h"
#include "mgmt/publisher_queue.h"
#include "mgmt/segment_mapping.h"

/* A picture between its hand-over and its delivery. */
struct picture_item {
    struct picture_item *next;
    struct handoff_segment segment;
    struct segment_mapping file;
};

struct picture_lane {
    const struct output *output;
    struct picture_item *items;              /* newest first */
    int64_t newest_number, delivered_number; /* -1: none in this life */
};

struct frame_capture_publisher {
    struct publisher base;
    struct publisher_config config;
    struct destination_queue *queue;
    unsigned lane_count;
    struct picture_lane lanes[OUTPUT_GROUP_OUTPUTS_MAX];
    char source[2 * ENCODE_NAME_BYTES]; /* of alerts */
    uint64_t received, duplicates, damaged, unknown_output;
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
    if (outcome == DESTINATION_DELIVERED && item->segment.number > lane->delivered_number)
        lane->delivered_number = item->segment.number;
    acknowledge(publisher, &item->segment);
    segment_mapping_close(&item->file);
    free(item);
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

/* It waits here already (its delivery will be acknowledged), or has been delivered. */
static bool is_known(struct frame_capture_publisher *publisher, const struct picture_lane *lane,
                     const struct handoff_segment *segment)
{
    for (const struct picture_item *item = lane->items; item; item = item->next)
        if (item->segment.instance == segment->instance && item->segment.serial == segment->serial)
            return true;
    if (segment->number > lane->newest_number)
        return false;
    publisher->duplicates++;
    acknowledge(publisher, segment);
    return true;
}

static void deliver(struct frame_capture_publisher *publisher, struct picture_lane *lane, struct picture_item *item)
{
    const char *base = strrchr(publisher->config.group->destinations[publisher->config.pipeline].url, '/') + 1;
    char name[2 * OUTPUT_URL_BYTES];
    snprintf(name, sizeof name, "%s%s.%05lld.jpg", base, lane->output->name_modifier, (long long)item->segment.number);
    destination_put_file(publisher->queue, (unsigned)(lane - publisher->lanes),
                         &(struct destination_file){ .name = name,
                                                     .content_type = "image/jpeg",
                                                     .data = item->file.data,
                                                     .bytes = item->file.bytes,
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
    *item = (struct picture_item){ .next = lane->items, .segment = *segment, .file = file };
    lane->items = item;
    lane->newest_number = segment->number;
    deliver(publisher, lane, item);
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
    for (unsigned i = 0; i < publisher->lane_count; i++)
        while (publisher->lanes[i].items) {
            struct picture_item *item = publisher->lanes[i].items;
            publisher->lanes[i].items = item->next;
            segment_mapping_close(&item->file);
            free(item);
        }
    free(publisher);
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
    const struct publisher_queue_config queue = {
        .source = publisher->source,
        .lanes = publisher->lane_count,
        .segment_length = 1,
        .callbacks = { on_file_done, on_text_done, on_delete_done, on_recovered, NULL },
        .context = publisher,
    };
    int result = publisher_queue_open(&publisher->queue, config, &queue, err);
    if (result < 0) {
        free(publisher);
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
    publisher_count(counters, "segments_damaged", publisher->damaged);
    publisher_count(counters, "segments_unknown_output", publisher->unknown_output);
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
