/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_publisher_files.c - segments and their headers on the way to the destination.
 *
 * An fMP4 segment comes with its header before it. The header is a file of its own, called after its bytes: it is
 * delivered before the first segment that needs it, once, and again when the destination may have lost it.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "mgmt/hls_cue.h"
#include "mgmt/hls_publisher_private.h"

/* A segment so far below all that is known is no repetition, of whatever life it is: the timeline itself has jumped. */
enum { JUMP_BACK_SEGMENTS = 100, CLOCK_DRIFT_90K = 45000, TABLES_PACKETS_MAX = 16, TS_PACKET = 188 };

/* ---- items ---- */
void hls_free_item(struct hls_item *item)
{
    segment_mapping_close(&item->waiting.file);
    free(item->header);
    free(item);
}

void hls_remove_item(struct hls_lane *lane, struct hls_item *item)
{
    struct hls_item *before = NULL;
    for (struct hls_item *other = lane->first; other != item; other = other->next)
        before = other;
    if (before)
        before->next = item->next;
    else
        lane->first = item->next;
    if (lane->last == item)
        lane->last = before;
}

static void append_item(struct hls_lane *lane, struct hls_item *item)
{
    if (lane->last)
        lane->last->next = item;
    else
        lane->first = item;
    lane->last = item;
}

void hls_free_lane(struct hls_lane *lane)
{
    while (lane->first) {
        struct hls_item *item = lane->first;
        lane->first = item->next;
        hls_free_item(item);
    }
    segment_window_clear(&lane->state.window);
    hls_printed_destroy(lane->printed);
    hls_printed_destroy(lane->printed_keys);
    free(lane->header.data);
}

static const char *content_type_of(const struct output *output)
{
    if (output->container == CONTAINER_TS)
        return "video/mp2t";
    if (output->container == CONTAINER_AAC)
        return "audio/aac";
    return output->video[0] ? "video/mp4" : "audio/mp4";
}

/* ---- headers ---- */
void hls_put_header(struct hls_publisher *publisher, unsigned index)
{
    struct hls_lane *lane = &publisher->lanes[index];
    struct hls_item *item = lane->header.data ? calloc(1, sizeof *item) : NULL;
    void *copy = item ? malloc(lane->header.bytes) : NULL;
    if (!copy) {
        free(item);
        return;
    }
    memcpy(copy, lane->header.data, lane->header.bytes);
    item->is_header = true;
    item->header = copy;
    strcpy(item->name, lane->header.name);
    append_item(lane, item);
    destination_put_file(publisher->queue, index,
                         &(struct destination_file){ .name = item->name,
                                                     .content_type = content_type_of(lane->output),
                                                     .data = copy,
                                                     .bytes = lane->header.bytes,
                                                     .file = item });
}

static void note_header(struct hls_publisher *publisher, unsigned index, const struct hls_item *item)
{
    struct hls_lane *lane = &publisher->lanes[index];
    uint32_t bytes = item->waiting.segment.header_bytes;
    if (!bytes || (lane->header.data && lane->header.bytes == bytes &&
                   memcmp(lane->header.data, item->waiting.file.data, bytes) == 0))
        return;
    void *copy = malloc(bytes);
    if (!copy)
        return; /* the next segment has it too */
    memcpy(copy, item->waiting.file.data, bytes);
    free(lane->header.data);
    lane->header = (struct hls_header){ .data = copy, .bytes = bytes };
    hls_header_name(lane->header.name, &lane->names, copy, bytes);
    hls_put_header(publisher, index);
}

/* ---- what a playlist says of a segment ---- */
/* Bytes of a transport stream up to and with its first program map table; 0: not found near the beginning. */
static uint32_t tables_bytes(const struct segment_mapping *file)
{
    const uint8_t *data = file->data;
    unsigned map_pid = 0;
    for (uint32_t i = 0; i < TABLES_PACKETS_MAX && (size_t)(i + 1) * TS_PACKET <= file->bytes; i++) {
        const uint8_t *packet = data + (size_t)i * TS_PACKET;
        unsigned pid = (packet[1] & 0x1fu) << 8 | packet[2];
        size_t at = 4 + (packet[3] & 0x20 ? 1u + packet[4] : 0);
        if (packet[0] != 0x47)
            return 0;
        if (map_pid && pid == map_pid)
            return (i + 1) * TS_PACKET;
        /* pointer, then a table: 8 bytes of head, then programs of 4; 0 would be the network's */
        if (pid == 0 && packet[1] & 0x40 && at + 1 < TS_PACKET) {
            at += 1u + packet[at] + 8;
            while (at + 4 <= TS_PACKET && packet[at] == 0 && packet[at + 1] == 0)
                at += 4;
            if (at + 4 <= TS_PACKET)
                map_pid = (packet[at + 2] & 0x1fu) << 8 | packet[at + 3];
        }
    }
    return 0;
}

static int64_t date_of(const struct hls_publisher *publisher, struct hls_lane *lane,
                       const struct handoff_segment *segment)
{
    if (hls_of(publisher)->program_date_time_clock == DATE_TIME_OUTPUT_TIMECODE)
        return segment->start_90k;
    if (segment->end_arrival_utc_ns) {
        int64_t offset_90k =
            (int64_t)ns_to_90k(segment->end_arrival_utc_ns) - segment->start_90k - segment->duration_90k;
        int64_t drift_90k = offset_90k - lane->clock_offset_90k;
        if (!lane->has_clock_offset || drift_90k > CLOCK_DRIFT_90K || drift_90k < -CLOCK_DRIFT_90K)
            lane->clock_offset_90k = offset_90k;
        lane->has_clock_offset = true;
    }
    return segment->start_90k + lane->clock_offset_90k;
}

/* Their places in the file: the header before it is not in it. */
static unsigned keys_of(const struct handoff_segment *segment, struct handoff_key *keys)
{
    unsigned count = 0;
    for (unsigned i = 0; i < segment->keys_count && i < HANDOFF_KEYS_MAX; i++) {
        keys[count] = segment->keys[i];
        bool in_file = keys[count].offset >= segment->header_bytes && keys[count].bytes &&
                       keys[count].offset + (uint64_t)keys[count].bytes <= segment->bytes &&
                       keys[count].after_90k < segment->duration_90k;
        keys[count].offset -= segment->header_bytes;
        count += in_file;
    }
    return count;
}

struct window_segment hls_window_segment(const struct hls_publisher *publisher, struct hls_lane *lane,
                                         const struct hls_item *item, struct handoff_key *keys)
{
    const struct handoff_segment *segment = &item->waiting.segment;
    const struct window_segment *before = segment_window_newest(&lane->state.window);
    bool wants_keys = hls_of(publisher)->i_frame_only_playlists && lane->output->video[0];
    return (struct window_segment){
        .number = segment->number,
        .start_90k = segment->start_90k,
        .duration_90k = segment->duration_90k,
        .date_90k = date_of(publisher, lane, segment),
        .name = (char *)item->name,
        .header = segment->header_bytes ? lane->header.name : NULL,
        .keys = keys,
        .keys_count = wants_keys ? keys_of(segment, keys) : 0,
        .tables_bytes = wants_keys && lane->output->container == CONTAINER_TS ? tables_bytes(&item->waiting.file) : 0,
        .cue = hls_markers(hls_of(publisher)) ? hls_cue_of(&segment->cue, before ? before->cue : NULL) : NULL,
        .discontinuity = segment->flags & HANDOFF_DISCONTINUITY,
        .replaced = item->replaced,
        .received_ns = item->waiting.received_ns,
        .arrival_utc_ns = segment->end_arrival_utc_ns,
    };
}

/* In steps, so that the master does not change with every key picture that is a little larger. */
static void note_key_bitrate(struct hls_format *format, const struct handoff_segment *segment)
{
    enum { STEP = 100000 };
    for (unsigned i = 0; i < segment->keys_count && i < HANDOFF_KEYS_MAX; i++) {
        int64_t end_90k = i + 1 < segment->keys_count ? segment->keys[i + 1].after_90k : segment->duration_90k;
        int64_t ticks_90k = end_90k - segment->keys[i].after_90k;
        uint64_t bitrate = ticks_90k > 0 ? (uint64_t)segment->keys[i].bytes * 8 * 90000 / (uint64_t)ticks_90k : 0;
        bitrate = (bitrate + STEP - 1) / STEP * STEP;
        if (bitrate > format->key_peak_bitrate && bitrate <= UINT32_MAX)
            format->key_peak_bitrate = (uint32_t)bitrate;
    }
}

void hls_remember_format(struct hls_lane *lane, const struct hls_item *item)
{
    const struct handoff_segment *segment = &item->waiting.segment;
    struct hls_format *format = &lane->state.format;
    memcpy(format->codecs, segment->codecs, sizeof format->codecs);
    format->codecs[sizeof format->codecs - 1] = 0;
    format->peak_bitrate = segment->peak_bitrate;
    format->average_bitrate = segment->average_bitrate;
    format->width = segment->width;
    format->height = segment->height;
    format->framerate_numerator = segment->framerate_numerator;
    format->framerate_denominator = segment->framerate_denominator;
    format->channels = segment->channels;
    format->transfer_characteristics = segment->transfer_characteristics;
    note_key_bitrate(format, segment);
}

/* ---- what is handed over ---- */
static int find_lane(const struct hls_publisher *publisher, const char *output)
{
    for (unsigned i = 0; i < publisher->lane_count; i++)
        if (strcmp(publisher->lanes[i].state.name, output) == 0)
            return (int)i;
    return -1;
}

static void acknowledge(struct hls_publisher *publisher, const struct handoff_segment *segment)
{
    publisher->config.acknowledge(publisher->config.context, segment->instance, segment->serial);
}

static bool jumped_back(const struct hls_lane *lane, const struct handoff_segment *segment)
{
    const struct segment_window *window = &lane->state.window;
    const struct window_segment *first = segment_window_at(window, window->first_listable);
    if (instances_jumped_back(&lane->state.instances, segment, lane->newest_end_90k))
        return true;
    int64_t oldest = first ? first->number : lane->newest_number;
    for (const struct hls_item *item = lane->first; item; item = item->next)
        if (!item->is_header && item->waiting.segment.number < oldest)
            oldest = item->waiting.segment.number;
    return segment->number + JUMP_BACK_SEGMENTS < oldest;
}

/* What is there, or on its way, of this number and of those behind it will be overwritten. */
static void begin_anew(struct hls_lane *lane, int64_t number)
{
    segment_window_replace(&lane->state.window, number);
    for (struct hls_item *item = lane->first; item; item = item->next)
        item->replaced |= !item->is_header && item->waiting.segment.number >= number;
}

/* True: it is here already, or comes too late. It is acknowledged unless it still waits: then its delivery will be. */
static bool is_known(struct hls_publisher *publisher, struct hls_lane *lane, const struct handoff_segment *segment)
{
    if (segment->number > lane->newest_number)
        return false;
    if (jumped_back(lane, segment)) {
        publisher->counters.jumps_back++;
        log_warning(publisher->config.log, "output %s: numbers jump back from %lld to %lld: its playlist starts anew",
                    segment->output, (long long)lane->newest_number, (long long)segment->number);
        begin_anew(lane, segment->number);
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

/* Begins late or ends early, and is not wanted then. A frame is at most a second long. */
static bool is_suppressed(const struct hls_publisher *publisher, const struct handoff_segment *segment)
{
    if (hls_of(publisher)->incomplete_segment_behavior != HLS_INCOMPLETE_SUPPRESS)
        return false;
    int64_t length_90k = (int64_t)(hls_of(publisher)->segment_length * 90000);
    if (segment->flags & HANDOFF_MOVED && !(segment->flags & (HANDOFF_PARTIAL | HANDOFF_LAST)))
        return false; /* as long as it is meant to be */
    return segment->flags & HANDOFF_PARTIAL || segment->duration_90k < length_90k - length_90k / 10;
}

static struct hls_item *make_item(struct hls_publisher *publisher, const struct handoff_segment *segment, int memfd)
{
    struct error err = { 0 };
    struct hls_item *item = calloc(1, sizeof *item);
    struct segment_mapping file = { 0 };
    int result = segment_mapping_open(&file, memfd, segment->bytes, &err);
    if (result == 0 && item && segment->header_bytes < segment->bytes) {
        item->waiting.segment = *segment;
        item->waiting.file = file;
        item->waiting.received_ns = hls_now_ns(publisher);
        return item;
    }
    segment_mapping_close(&file);
    free(item);
    publisher->counters.damaged++;
    log_error(publisher->config.log, "output %s: segment %lld is lost: %s", segment->output, (long long)segment->number,
              err.code ? err.text : "no memory, or no media in it");
    acknowledge(publisher, segment);
    return NULL;
}

/* item: take. Its segment is the newest of its lane. */
static void put_segment(struct hls_publisher *publisher, unsigned index, struct hls_item *item)
{
    struct hls_lane *lane = &publisher->lanes[index];
    const struct handoff_segment *segment = &item->waiting.segment;
    lane->newest_number = segment->number;
    lane->newest_end_90k = segment->start_90k + segment->duration_90k;
    instances_note(&lane->state.instances, segment->instance);
    note_header(publisher, index, item);
    append_item(lane, item);
    publisher_spool_add(publisher->spool, &item->waiting, index);
    hls_segment_name(item->name, &lane->names, segment->number, segment->start_90k);
    destination_put_file(
        publisher->queue, index,
        &(struct destination_file){ .name = item->name,
                                    .content_type = content_type_of(lane->output),
                                    .data = (const char *)item->waiting.file.data + segment->header_bytes,
                                    .bytes = item->waiting.file.bytes - segment->header_bytes,
                                    .file = item });
}

struct waiting_segment *hls_take_up(void *context, const struct handoff_segment *segment, unsigned *lane)
{
    struct hls_publisher *publisher = context;
    int index = find_lane(publisher, segment->output);
    if (index < 0 || segment->header_bytes >= segment->bytes)
        return NULL;
    if (segment->number <= publisher->lanes[index].newest_number)
        return NULL; /* it was delivered, or comes too late: what lies on a disk is no sign that the timeline jumped */
    *lane = (unsigned)index;
    return calloc(1, sizeof(struct hls_item));
}

void hls_put_waiting(void *context, struct waiting_segment *waiting)
{
    put_segment(context, waiting->lane, (struct hls_item *)waiting); /* its first member */
}

void hls_take_segment(struct hls_publisher *publisher, const struct handoff_segment *segment, int memfd)
{
    int index = find_lane(publisher, segment->output);
    publisher->counters.received++;
    if (index < 0) {
        publisher->counters.unknown_output++;
        acknowledge(publisher, segment);
    } else if (!is_known(publisher, &publisher->lanes[index], segment)) {
        if (!is_suppressed(publisher, segment)) {
            struct hls_item *item = make_item(publisher, segment, memfd);
            if (item) {
                put_segment(publisher, (unsigned)index, item);
                publisher_spool_relieve(publisher->spool);
            }
            return;
        }
        publisher->counters.suppressed++;
        acknowledge(publisher, segment);
    }
    close(memfd);
}
