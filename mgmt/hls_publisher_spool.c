/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_publisher_spool.c - what does not fit into memory waits on the disk.
 *
 * The oldest segments go there, so that after a restart what is on the disk comes before what the encode process hands
 * over again. One that is on the disk is acknowledged, and is sent from there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "board/error.h"
#include "board/log.h"
#include "mgmt/alerts.h"
#include "mgmt/hls_publisher_private.h"

enum { ALERT_WRITE_FAILED = 6006 };

static uint64_t memory_bytes(const struct hls_publisher *publisher)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < publisher->lane_count; i++)
        for (const struct hls_item *item = publisher->lanes[i].first; item; item = item->next)
            bytes += item->spooled ? 0 : item->file.bytes;
    return bytes;
}

/* The oldest that is in memory only; NULL: none is. */
static struct hls_item *oldest_in_memory(const struct hls_publisher *publisher)
{
    struct hls_item *oldest = NULL;
    for (unsigned i = 0; i < publisher->lane_count; i++)
        for (struct hls_item *item = publisher->lanes[i].first; item; item = item->next)
            if (!item->is_header && !item->spooled && (!oldest || item->received_ns < oldest->received_ns))
                oldest = item;
    return oldest;
}

void hls_spool_excess(struct hls_publisher *publisher)
{
    uint64_t bound = (uint64_t)publisher->config.group->connection.cache_megabytes << 20;
    struct hls_item *item;
    while (publisher->spool && memory_bytes(publisher) > bound && (item = oldest_in_memory(publisher))) {
        item->spooled = segment_spool_store(publisher->spool, &item->segment, &item->file, item);
        if (!item->spooled)
            return; /* the disk has enough to do: with the next segment */
    }
}

static unsigned lane_of(const struct hls_publisher *publisher, const struct hls_item *wanted)
{
    for (unsigned i = 0; i < publisher->lane_count; i++)
        for (const struct hls_item *item = publisher->lanes[i].first; item; item = item->next)
            if (item == wanted)
                return i;
    return 0; /* it is in one of them */
}

static void on_stored(void *context, void *owner, int result, const char *text, struct segment_mapping *mapping)
{
    struct hls_publisher *publisher = context;
    struct hls_item *item = owner;
    if (result < 0) {
        item->spooled = 0;
        publisher->counters.spool_failed++;
        alerts_raise(publisher->config.alerts, publisher->source, ALERT_WRITE_FAILED, publisher->config.group->name,
                     "%s", text);
        return;
    }
    alerts_clear(publisher->config.alerts, publisher->source, ALERT_WRITE_FAILED, publisher->config.group->name);
    publisher->counters.spooled++;
    if (destination_move_file(publisher->queue, lane_of(publisher, item), item,
                              (const char *)mapping->data + item->segment.header_bytes)) {
        segment_mapping_close(&item->file);
        item->file = *mapping;
        *mapping = (struct segment_mapping){ 0 };
    }
    item->acknowledged = true;
    publisher->config.acknowledge(publisher->config.context, item->segment.instance, item->segment.serial);
}

/* Of an earlier life. Its bytes are looked at when they are sent. */
static void *on_loaded(void *context, const struct handoff_segment *segment, uint64_t id, uint32_t checksum,
                       struct segment_mapping *mapping)
{
    struct hls_publisher *publisher = context;
    int index = hls_find_lane(publisher, segment->output);
    struct hls_item *item = index < 0 || segment->header_bytes >= segment->bytes ? NULL : calloc(1, sizeof *item);
    if (!item || segment->number <= publisher->lanes[index].newest_number) {
        free(item);
        return NULL;
    }
    item->segment = *segment;
    item->file = *mapping;
    *mapping = (struct segment_mapping){ 0 };
    item->spooled = id;
    item->checksum = checksum;
    item->unchecked = true;
    item->acknowledged = true;
    publisher->counters.taken_up++;
    hls_put_segment(publisher, (unsigned)index, item);
    return item;
}

bool hls_is_intact(void *context, unsigned lane, void *file)
{
    (void)lane;
    struct hls_publisher *publisher = context;
    struct hls_item *item = file;
    if (!item->unchecked)
        return true;
    item->unchecked = false;
    if ((uint32_t)crc32_z(0, item->file.data, item->file.bytes) == item->checksum)
        return true;
    log_error(publisher->config.log, "%s: segment %lld of output %s is damaged on the box's disk, and lost",
              publisher->source, (long long)item->segment.number, item->segment.output);
    return false;
}

int hls_spool_open(struct hls_publisher *publisher, struct error *err)
{
    char prefix[sizeof publisher->state_name];
    if (!publisher->config.group->connection.disk_cache_megabytes)
        return 0;
    snprintf(prefix, sizeof prefix, "%.*s", (int)(strrchr(publisher->state_name, '.') + 1 - publisher->state_name),
             publisher->state_name);
    const struct segment_spool_config config = { .directory = publisher->config.spool_directory,
                                                 .prefix = prefix,
                                                 .loop = publisher->config.loop,
                                                 .stored = on_stored,
                                                 .context = publisher };
    int result = segment_spool_create(&publisher->spool, &config, err);
    if (result == 0)
        segment_spool_load(publisher->spool, on_loaded);
    return result;
}

void hls_spool_close(struct hls_publisher *publisher)
{
    segment_spool_destroy(publisher->spool);
    publisher->spool = NULL;
    alerts_clear(publisher->config.alerts, publisher->source, ALERT_WRITE_FAILED, publisher->config.group->name);
}
