/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/publisher_spool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "board/error.h"
#include "board/log.h"
#include "mgmt/alerts.h"
#include "mgmt/destination.h"
#include "mgmt/publisher_queue.h"
#include "mgmt/segment_spool.h"

/* What may wait in memory past cache_megabytes while the disk has enough to do. */
enum { REFUSED_BYTES_MAX = 64 << 20 };

struct publisher_spool {
    struct publisher_spool_config config;
    struct segment_spool *disk; /* NULL: there is none to be used */
    struct waiting_segment *oldest, *newest;
    uint64_t bytes_max;                /* in memory */
    uint64_t stored, failed, taken_up; /* segments onto the disk, and from an earlier life */
    uint64_t too_late;                 /* of an earlier life, and older than what was delivered since */
    bool disk_fails;                   /* the last that was to be stored was not */
};

/* ---- the items ---- */

static void link_newest(struct publisher_spool *spool, struct waiting_segment *item)
{
    item->older = spool->newest;
    item->newer = NULL;
    *(spool->newest ? &spool->newest->newer : &spool->oldest) = item;
    spool->newest = item;
}

static void unlink_item(struct publisher_spool *spool, struct waiting_segment *item)
{
    *(item->older ? &item->older->newer : &spool->oldest) = item->newer;
    *(item->newer ? &item->newer->older : &spool->newest) = item->older;
}

void publisher_spool_add(struct publisher_spool *spool, struct waiting_segment *item, unsigned lane)
{
    item->lane = lane;
    link_newest(spool, item);
}

static void acknowledge(const struct publisher_spool *spool, struct waiting_segment *item)
{
    const struct publisher_config *publisher = spool->config.publisher;
    if (!item->acknowledged)
        publisher->acknowledge(publisher->context, item->segment.instance, item->segment.serial);
    item->acknowledged = true;
}

bool publisher_spool_has(struct publisher_spool *spool, const struct handoff_segment *segment)
{
    struct waiting_segment *item = spool->oldest;
    while (item && (item->segment.instance != segment->instance || item->segment.serial != segment->serial))
        item = item->newer;
    if (item && item->acknowledged) { /* an earlier life did, and was not heard */
        item->acknowledged = false;
        acknowledge(spool, item);
    }
    return item != NULL;
}

void publisher_spool_remove(struct publisher_spool *spool, struct waiting_segment *item)
{
    unlink_item(spool, item);
    if (spool->disk)
        segment_spool_forget(spool->disk, item->id);
    acknowledge(spool, item);
    segment_mapping_close(&item->file);
}

bool publisher_spool_intact(struct publisher_spool *spool, struct waiting_segment *item)
{
    if (!item->unchecked)
        return true;
    item->unchecked = false;
    if ((uint32_t)crc32_z(0, item->file.data, item->file.bytes) == item->checksum)
        return true;
    log_error(spool->config.publisher->log, "%s: segment %lld of output %s is damaged on the box's disk, and lost",
              spool->config.source, (long long)item->segment.number, item->segment.output);
    return false;
}

/* ---- the disk ---- */

/* What is on its way to the disk is as good as there, but not while the disk fails. */
static bool is_in_memory(const struct publisher_spool *spool, const struct waiting_segment *item)
{
    return spool->disk_fails ? !item->acknowledged : !item->id;
}

static uint64_t memory_bytes(const struct publisher_spool *spool)
{
    uint64_t bytes = 0;
    for (const struct waiting_segment *item = spool->oldest; item; item = item->newer)
        bytes += is_in_memory(spool, item) ? item->file.bytes : 0;
    return bytes;
}

/* False: there is none, but for those that are being sent. */
static bool drop_oldest_in_memory(struct publisher_spool *spool)
{
    for (struct waiting_segment *item = spool->oldest; item; item = item->newer)
        if (is_in_memory(spool, item) && destination_drop_file(spool->config.queue, item->lane, item))
            return true; /* it is not in the list any more */
    return false;
}

/* What the disk does not take must not fill the memory in its place. */
static void drop_what_is_too_much(struct publisher_spool *spool)
{
    uint64_t bytes_max = spool->bytes_max + (spool->disk_fails ? 0 : REFUSED_BYTES_MAX);
    while (memory_bytes(spool) > bytes_max && drop_oldest_in_memory(spool))
        ;
}

void publisher_spool_relieve(struct publisher_spool *spool)
{
    struct waiting_segment *item = spool->disk ? spool->oldest : NULL;
    uint64_t bytes = memory_bytes(spool);
    for (; item && bytes > spool->bytes_max; item = item->newer) {
        if (!is_in_memory(spool, item))
            continue;
        if (!item->id)
            item->id = segment_spool_store(spool->disk, &item->segment, &item->file, item);
        if (!item->id) { /* the disk has enough to do: when it has done some of it */
            drop_what_is_too_much(spool);
            return;
        }
        bytes -= item->file.bytes;
    }
}

static void on_stored(void *context, void *owner, int result, const char *text, struct segment_mapping *mapping)
{
    struct publisher_spool *spool = context;
    const struct publisher_config *publisher = spool->config.publisher;
    struct waiting_segment *item = owner;
    if (result < 0) {
        item->id = 0;
        spool->failed++;
        spool->disk_fails = true;
        alerts_raise(publisher->alerts, spool->config.source, ALERT_WRITE_FAILED, publisher->group->name,
                     "%s; what is past cache_megabytes is dropped", text);
        drop_what_is_too_much(spool);
        return;
    }
    spool->disk_fails = false;
    alerts_clear(publisher->alerts, spool->config.source, ALERT_WRITE_FAILED, publisher->group->name);
    spool->stored++;
    if (destination_move_file(spool->config.queue, item->lane, item,
                              (const char *)mapping->data + item->segment.header_bytes, mapping->data)) {
        segment_mapping_close(&item->file);
        item->file = *mapping;
        *mapping = (struct segment_mapping){ 0 };
    }
    acknowledge(spool, item);
    publisher_spool_relieve(spool);
}

/* Its bytes are looked at when they are sent. */
static void *on_loaded(void *context, const struct handoff_segment *segment, uint64_t id, uint32_t checksum,
                       struct segment_mapping *mapping)
{
    struct publisher_spool *spool = context;
    unsigned lane = 0;
    struct waiting_segment *item = spool->config.take_up(spool->config.context, segment, &lane);
    if (!item) {
        spool->too_late++;
        return NULL;
    }
    item->segment = *segment;
    item->file = *mapping;
    *mapping = (struct segment_mapping){ 0 };
    item->id = id;
    item->checksum = checksum;
    item->unchecked = item->acknowledged = true;
    item->lane = lane;
    spool->taken_up++;
    spool->config.put(spool->config.context, item);
    return item;
}

void publisher_spool_load(struct publisher_spool *spool)
{
    if (!spool->disk)
        return;
    segment_spool_load(spool->disk, on_loaded);
    if (segment_spool_lost(spool->disk))
        log_error(spool->config.publisher->log, "%s: group %s: %llu segments are damaged on the box's disk, and lost",
                  spool->config.source, spool->config.publisher->group->name,
                  (unsigned long long)segment_spool_lost(spool->disk));
    if (spool->too_late)
        log_warning(
            spool->config.publisher->log,
            "%s: group %s: %llu segments on the box's disk are not newer than what was delivered, or of outputs "
            "that are not there any more: they are removed",
            spool->config.source, spool->config.publisher->group->name, (unsigned long long)spool->too_late);
    if (segment_spool_kept(spool->disk) || segment_spool_kept_lost(spool->disk))
        log_warning(
            spool->config.publisher->log,
            "%s: group %s: %llu segments on the box's disk are of a later release, or (%llu) cannot be read for now: "
            "they wait for the next start, which delivers what nothing newer was delivered than; %llu were too many",
            spool->config.source, spool->config.publisher->group->name,
            (unsigned long long)segment_spool_kept(spool->disk), (unsigned long long)segment_spool_unread(spool->disk),
            (unsigned long long)segment_spool_kept_lost(spool->disk));
}

/* ---- life ---- */

int publisher_spool_create(struct publisher_spool **out, const struct publisher_spool_config *config, struct error *err)
{
    const struct publisher_config *publisher = config->publisher;
    char prefix[4 * ENCODE_NAME_BYTES];
    struct publisher_spool *spool = calloc(1, sizeof *spool);
    if (!spool)
        return error_set(err, -ENOMEM, "output group %s", publisher->group->name);
    spool->config = *config;
    spool->bytes_max = (uint64_t)publisher->group->connection.cache_megabytes << 20;
    /* names hold no dot: no two publishers can have the same file */
    snprintf(prefix, sizeof prefix, "%s.%u.%s.", publisher->channel, publisher->pipeline, publisher->group->name);
    const struct segment_spool_config disk = { .directory = publisher->spool_directory,
                                               .prefix = prefix,
                                               .loop = publisher->loop,
                                               .bytes_max = (uint64_t)publisher->group->connection.disk_cache_megabytes
                                                            << 20,
                                               .stored = on_stored,
                                               .context = spool };
    int result = publisher->group->connection.disk_cache_megabytes ? segment_spool_create(&spool->disk, &disk, err) : 0;
    if (result < 0) {
        free(spool);
        return result;
    }
    *out = spool;
    return 0;
}

void publisher_spool_destroy(struct publisher_spool *spool)
{
    if (!spool)
        return;
    const struct publisher_config *publisher = spool->config.publisher;
    unsigned undone = segment_spool_destroy(spool->disk);
    if (undone)
        log_error(
            publisher->log,
            "%s: group %s: the box's disk hangs: %u segments are not on it. Encoders that go on running still have "
            "them",
            spool->config.source, publisher->group->name, undone);
    alerts_clear(publisher->alerts, spool->config.source, ALERT_WRITE_FAILED, publisher->group->name);
    for (struct waiting_segment *item = spool->oldest; item; item = item->newer)
        segment_mapping_close(&item->file);
    free(spool);
}

void publisher_spool_count(const struct publisher_spool *spool, json_t *counters)
{
    publisher_count(counters, "segments_spooled", spool->stored);
    publisher_count(counters, "segments_spool_failed", spool->failed);
    publisher_count(counters, "segments_taken_up", spool->taken_up);
    publisher_count(counters, "segments_spool_too_late", spool->too_late);
    publisher_count(counters, "segments_spool_lost", spool->disk ? segment_spool_lost(spool->disk) : 0);
    publisher_count(counters, "segments_spool_kept", spool->disk ? segment_spool_kept(spool->disk) : 0);
    publisher_count(counters, "segments_spool_kept_lost", spool->disk ? segment_spool_kept_lost(spool->disk) : 0);
}
