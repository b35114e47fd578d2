/* SPDX-License-Identifier: GPL-2.0-or-later */
/* archive_publisher.c - which piece belongs to which recording, and which recordings wait for the destination. */

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "board/loop.h"
#include "board/worker.h"
#include "mgmt/alerts.h"
#include "mgmt/archive_publisher_private.h"
#include "mgmt/publisher_queue.h"
#include "mgmt/recording.h"
#include "mgmt/state_files.h"

enum {
    WAITING_BYTES_MAX = 64 << 20, /* for the disk; more: it does not keep up */
    JUMP_BACK_S = 100,            /* so far below all that is known a piece is no repetition: the timeline jumped */
    AGAIN_S = 1, /* until one that could not be completed is tried again, and twice as long each time */
    AGAIN_MAX_S = 300,
    /* A bad sector does not heal, and who looks through a recording keeps the pieces of others waiting. */
    UNREADABLE_PAUSE_S = 30,
    UNREADABLE_TRIES = 3,
};

static struct archive_publisher *of(struct publisher *base)
{
    return (struct archive_publisher *)base; /* its first member */
}

static const struct archive_publisher *of_const(const struct publisher *base)
{
    return (const struct archive_publisher *)base;
}

static void raise_alert(struct archive_publisher *publisher, unsigned id, const char *text)
{
    alerts_raise(publisher->config.alerts, publisher->source, id, publisher->config.group->name, "%s", text);
}

static void clear_alert(struct archive_publisher *publisher, unsigned id)
{
    alerts_clear(publisher->config.alerts, publisher->source, id, publisher->config.group->name);
}

/* ---- recordings ---- */

static struct entry *entry_of(struct archive_publisher *publisher, const struct recording *recording)
{
    struct entry *entry = publisher->entries;
    while (entry->recording != recording)
        entry = entry->next;
    return entry;
}

static void take_out(struct archive_publisher *publisher, const struct entry *entry)
{
    struct entry **place = &publisher->entries;
    while (*place != entry)
        place = &(*place)->next;
    *place = entry->next;
}

/* Its files go too. */
static void forget(struct archive_publisher *publisher, struct entry *entry, bool delivered)
{
    take_out(publisher, entry);
    recording_remove(entry->recording, delivered);
    free(entry);
}

static void number_text(char text[40], const struct entry *entry)
{
    if (entry->part > 1)
        snprintf(text, 40, "%06lld-%u", (long long)entry->number, entry->part);
    else
        snprintf(text, 40, "%06lld", (long long)entry->number);
}

static void on_appended(void *context, struct recording *recording, const struct handoff_segment *segment, int result,
                        const char *text)
{
    struct archive_publisher *publisher = context;
    (void)recording;
    if (result < 0) {
        publisher->counters.lost++;
        raise_alert(publisher, ALERT_WRITE_FAILED, text);
    } else {
        clear_alert(publisher, ALERT_WRITE_FAILED);
    }
    publisher->config.acknowledge(publisher->config.context, segment->instance, segment->serial);
}

static void deliver(struct archive_publisher *publisher, struct entry *entry)
{
    const struct archive_settings *archive = &publisher->config.group->archive;
    const char *base = strrchr(publisher->destination->url, '/') + 1;
    char number[40], name[2 * OUTPUT_URL_BYTES];
    number_text(number, entry);
    snprintf(name, sizeof name, "%s%s.%s.%s", base, publisher->lanes[entry->lane].output->name_modifier, number,
             archive->extension);
    destination_put_file(publisher->queue, entry->lane,
                         &(struct destination_file){ .name = name,
                                                     .content_type = "video/mp2t",
                                                     .descriptor = recording_descriptor(entry->recording),
                                                     .bytes = recording_info(entry->recording).bytes,
                                                     .file = entry,
                                                     .bookmark = entry->bookmark });
}

/* Somebody may get out of its files what the disk gives, and the next life looks at them again. */
static void leave_it_there(struct archive_publisher *publisher, struct entry *entry, const char *text)
{
    char reason[ERROR_TEXT_BYTES];
    snprintf(reason, sizeof reason, "recording %s is left on the box's disk, which does not give all of it: %s",
             recording_name(entry->recording), text);
    publisher->counters.damaged++;
    log_error(publisher->config.log, "%s: %s", publisher->source, reason);
    raise_alert(publisher, ALERT_FINALISE_FAILED, reason);
    take_out(publisher, entry);
    recording_destroy(entry->recording);
    free(entry);
}

static void set_again(struct archive_publisher *publisher)
{
    uint64_t earliest = UINT64_MAX;
    for (const struct entry *entry = publisher->entries; entry; entry = entry->next)
        if (entry->again && entry->again_ns < earliest)
            earliest = entry->again_ns;
    if (earliest != UINT64_MAX)
        loop_timer_set(publisher->again, earliest);
}

/* Nothing says that its bytes are not good: its files stay. */
static void try_later(struct archive_publisher *publisher, struct entry *entry, const char *text)
{
    char reason[ERROR_TEXT_BYTES];
    snprintf(reason, sizeof reason, "recording %s is kept and tried again: %s", recording_name(entry->recording), text);
    raise_alert(publisher, ALERT_FINALISE_FAILED, reason);
    entry->pause_s = entry->pause_s ? 2 * entry->pause_s : AGAIN_S;
    if (entry->pause_s > AGAIN_MAX_S)
        entry->pause_s = AGAIN_MAX_S;
    entry->again = true;
    entry->again_ns = clock_monotonic_ns(publisher->config.clock) + entry->pause_s * NS_PER_S;
    set_again(publisher);
}

static void on_again(void *context)
{
    struct archive_publisher *publisher = context;
    uint64_t now = clock_monotonic_ns(publisher->config.clock);
    for (struct entry *entry = publisher->entries, *next; entry; entry = next) {
        next = entry->next; /* without memory for it, on_ready() tells at once */
        if (!entry->again || entry->again_ns > now)
            continue;
        entry->again = false;
        recording_complete(entry->recording, entry->old);
    }
    set_again(publisher);
}

static void on_ready(void *context, struct recording *recording, int result, const char *text)
{
    struct archive_publisher *publisher = context;
    struct entry *entry = entry_of(publisher, recording);
    if (recording_descriptor(recording) >= 0) {
        publisher->counters.completed++;
        clear_alert(publisher, ALERT_FINALISE_FAILED);
        if (result < 0) /* that it is complete is not noted: a later life would complete it again */
            raise_alert(publisher, ALERT_WRITE_FAILED, text);
        deliver(publisher, entry);
        return;
    }
    bool holds_something = entry->old || recording_info(recording).bytes > 0;
    if (holds_something && entry->old && result == -EIO) {
        if (++entry->unreadable == UNREADABLE_TRIES) {
            leave_it_there(publisher, entry, text);
            return;
        }
        if (2 * entry->pause_s < UNREADABLE_PAUSE_S)
            entry->pause_s = UNREADABLE_PAUSE_S / 2; /* the next is twice as long */
    }
    if (holds_something && result != -EBADMSG && result != -ENODATA) {
        try_later(publisher, entry, text);
        return;
    }
    if (holds_something && result != -ENODATA) {
        publisher->counters.damaged++;
        log_error(publisher->config.log, "%s: recording is lost: %s", publisher->source, text);
        raise_alert(publisher, ALERT_FINALISE_FAILED, text);
    }
    destination_forget(publisher->queue, entry->bookmark);
    forget(publisher, entry, false);
}

static int add_entry(struct archive_publisher *publisher, const struct entry *entry, const char *name,
                     struct entry **out)
{
    const struct recording_config config = { .worker = publisher->worker,
                                             .called_off = &publisher->called_off,
                                             .spool_directory = publisher->config.spool_directory,
                                             .appended = on_appended,
                                             .ready = on_ready,
                                             .context = publisher };
    struct entry *added = malloc(sizeof *added);
    if (!added)
        return -ENOMEM;
    *added = *entry;
    archive_file_upload_name(added->bookmark, name);
    int result = recording_create(&added->recording, &config, name, NULL);
    if (result < 0) {
        free(added);
        return result;
    }
    added->next = publisher->entries;
    publisher->entries = added;
    *out = added;
    return 0;
}

/* ---- what an earlier life left ---- */

/* A recording of an earlier life: the newest of its output may go on, the others are delivered. */
static void take_up(void *context, const char *name)
{
    struct archive_publisher *publisher = context;
    struct archive_file_info info;
    struct error err = { 0 };
    struct entry found = { .part = 1, .old = true }, *entry;
    char output[ENCODE_NAME_BYTES];
    long long number;
    if (sscanf(name + strlen(publisher->prefix), "%63[^.].%lld-%u", output, &number, &found.part) < 2)
        return;
    for (found.lane = 0; found.lane < publisher->lane_count; found.lane++)
        if (strcmp(publisher->lanes[found.lane].output->name, output) == 0)
            break;
    if (found.lane == publisher->lane_count)
        return;
    int result = archive_file_read(publisher->config.spool_directory, name, &info, &err);
    if (result < 0) {
        bool useless = result == -ENOENT || result == -EBADMSG; /* it was never said to hold anything */
        log_warning(publisher->config.log, "%s: it %s", err.text, useless ? "is removed" : "stays for a later start");
        if (useless)
            archive_file_remove(publisher->config.spool_directory, name, false);
        return;
    }
    found.number = number;
    if (add_entry(publisher, &found, name, &entry) < 0)
        return;
    struct lane *lane = &publisher->lanes[found.lane];
    if (info.end_90k > lane->end_90k)
        lane->end_90k = info.end_90k;
    bool newest = number > lane->number || (number == lane->number && found.part >= lane->part);
    if (newest) {
        lane->number = number;
        lane->part = found.part;
    }
    if (newest && !info.complete) {
        if (lane->open)
            recording_complete(lane->open->recording, true);
        lane->open = entry;
    } else {
        recording_complete(entry->recording, true);
    }
}

/* What is at the destination of a recording that is not here any more is of no use to anybody. */
static void clear_upload(void *context, const char *name)
{
    struct archive_publisher *publisher = context;
    char bookmark[ARCHIVE_NAME_BYTES];
    for (const struct entry *entry = publisher->entries; entry; entry = entry->next)
        if (strcmp(recording_name(entry->recording), name) == 0)
            return;
    archive_file_upload_name(bookmark, name);
    log_info(publisher->config.log, "%s: the upload of recording %s is given up: it is not on the box's disk any more",
             publisher->source, name);
    destination_forget(publisher->queue, bookmark);
}

/* ---- what is handed over ---- */

static void close_open(struct archive_publisher *publisher, struct lane *lane)
{
    if (!lane->open)
        return;
    recording_complete(lane->open->recording, lane->open->old);
    lane->open = NULL;
    archive_save(publisher);
}

static bool open_next(struct archive_publisher *publisher, unsigned index, int64_t number)
{
    struct lane *lane = &publisher->lanes[index];
    const struct entry entry = { .lane = index, .number = number, .part = number == lane->number ? lane->part + 1 : 1 };
    char name[ARCHIVE_NAME_BYTES], text[40];
    number_text(text, &entry);
    snprintf(name, sizeof name, "%s%.*s.%s", publisher->prefix, ENCODE_NAME_BYTES, lane->output->name, text);
    if (add_entry(publisher, &entry, name, &lane->open) < 0)
        return false;
    lane->number = number;
    lane->part = entry.part;
    return true;
}

static uint64_t waiting_bytes(const struct archive_publisher *publisher)
{
    uint64_t bytes = 0;
    for (const struct entry *entry = publisher->entries; entry; entry = entry->next)
        bytes += recording_waiting_bytes(entry->recording);
    return bytes;
}

static int find_lane(const struct archive_publisher *publisher, const char *output)
{
    for (unsigned i = 0; i < publisher->lane_count; i++)
        if (strcmp(publisher->lanes[i].output->name, output) == 0)
            return (int)i;
    return -1;
}

/* It is of no output of ours, or on the disk already. */
static bool is_unwanted(struct archive_publisher *publisher, int index, const struct handoff_segment *segment)
{
    if (index < 0) {
        publisher->counters.unknown_output++;
        return true;
    }
    struct lane *lane = &publisher->lanes[index];
    if (segment->start_90k + segment->duration_90k > lane->end_90k)
        return false;
    if (segment->start_90k + (int64_t)JUMP_BACK_S * 90000 < lane->end_90k) {
        publisher->counters.jumps_back++;
        close_open(publisher, lane);
        return false;
    }
    publisher->counters.duplicates++;
    return true;
}

/* The recording that a piece belongs to, a new one if need be; NULL: it cannot be kept. */
static struct recording *recording_for(struct archive_publisher *publisher, unsigned index,
                                       const struct handoff_segment *segment)
{
    struct lane *lane = &publisher->lanes[index];
    int64_t number =
        segment->start_90k / publisher->interval_90k; /* pieces begin at the first picture of an interval */
    if (lane->open && lane->open->number != number)
        close_open(publisher, lane);
    if (waiting_bytes(publisher) + segment->bytes > WAITING_BYTES_MAX) {
        raise_alert(publisher, ALERT_WRITE_FAILED, "the box's disk does not keep up with the recordings");
        return NULL;
    }
    return lane->open || open_next(publisher, index, number) ? lane->open->recording : NULL;
}

static void take_segment(struct publisher *base, const struct handoff_segment *segment, int memfd)
{
    struct archive_publisher *publisher = of(base);
    struct segment_mapping mapping = { 0 };
    struct error err = { 0 };
    int index = find_lane(publisher, segment->output);
    publisher->counters.received++;
    bool unwanted = is_unwanted(publisher, index, segment);
    if (unwanted)
        close(memfd);
    else if (segment_mapping_open(&mapping, memfd, segment->bytes, &err) < 0)
        log_error(publisher->config.log, "output %s: a piece is lost: %s", segment->output, err.text);
    struct recording *recording = mapping.data ? recording_for(publisher, (unsigned)index, segment) : NULL;
    if (recording) {
        publisher->lanes[index].end_90k = segment->start_90k + segment->duration_90k;
        recording_append(recording, segment, &mapping);
        return;
    }
    publisher->counters.lost += !unwanted;
    segment_mapping_close(&mapping);
    publisher->config.acknowledge(publisher->config.context, segment->instance, segment->serial);
}

/* ---- what the destination reports ---- */

static void on_file_done(void *context, unsigned lane, void *file, enum destination_outcome outcome)
{
    struct archive_publisher *publisher = context;
    struct entry *entry = file;
    if (outcome == DESTINATION_DELIVERED)
        publisher->lanes[lane].delivered_number = entry->number;
    else
        log_error(publisher->config.log, "%s: recording %s was not delivered", publisher->source,
                  recording_name(entry->recording));
    forget(publisher, entry, outcome == DESTINATION_DELIVERED);
}

static void on_text_done(void *context, unsigned lane, struct destination_text_tag tag)
{
    (void)context, (void)lane, (void)tag; /* an archive has no texts */
}

static void on_delete_done(void *context, unsigned lane, bool deleted)
{
    (void)context, (void)lane, (void)deleted; /* nor does it delete */
}

static void on_recovered(void *context)
{
    (void)context; /* what was delivered is not ours any more */
}

/* ---- life ---- */

static void finish(struct publisher *base)
{
    struct archive_publisher *publisher = of(base);
    for (unsigned i = 0; i < publisher->lane_count; i++)
        close_open(publisher, &publisher->lanes[i]);
}

static bool is_idle(const struct publisher *base)
{
    return !of_const(base)->entries && destination_queue_idle(of_const(base)->queue);
}

static int64_t resume_tick_90k(const struct publisher *base)
{
    const struct archive_publisher *publisher = of_const(base);
    int64_t tick_90k = INT64_MAX;
    for (unsigned i = 0; i < publisher->lane_count; i++)
        if (publisher->lanes[i].end_90k < tick_90k)
            tick_90k = publisher->lanes[i].end_90k;
    return publisher->lane_count ? tick_90k : 0;
}

static void destroy(struct publisher *base)
{
    struct archive_publisher *publisher = of(base);
    destination_queue_destroy(publisher->queue);
    loop_timer_destroy(publisher->again);
    publisher->called_off = true;
    if (publisher->state)
        archive_save(publisher);
    state_file_close(publisher->state);
    unsigned undone = worker_destroy(publisher->worker); /* what was handed over gets onto the disk */
    state_files_destroy(publisher->states);
    clear_alert(publisher, ALERT_WRITE_FAILED);
    clear_alert(publisher, ALERT_FINALISE_FAILED);
    if (undone) {
        log_error(
            publisher->config.log,
            "%s: group %s: the box's disk hangs: %u pieces of work on recordings are not done. Encoders that go on "
            "running still have what is not on the disk",
            publisher->source, publisher->config.group->name, undone);
        return; /* recordings and called_off are in the hands of a thread that may come back: they stay where they are
                 */
    }
    while (publisher->entries) {
        struct entry *entry = publisher->entries;
        publisher->entries = entry->next;
        recording_destroy(entry->recording);
        free(entry);
    }
    free(publisher);
}

static int open_queue(struct archive_publisher *publisher, struct error *err)
{
    const struct publisher_queue_config queue = {
        .source = publisher->source,
        .connection = &publisher->connection,
        .lanes = publisher->lane_count,
        .segment_length = publisher->config.group->archive.rollover_interval,
        .callbacks = { on_file_done, on_text_done, on_delete_done, on_recovered, NULL },
        .context = publisher,
    };
    return publisher_queue_open(&publisher->queue, &publisher->config, &queue, err);
}

static void set_up(struct archive_publisher *publisher, const struct publisher_config *config)
{
    const struct output_group *group = config->group;
    publisher->config = *config;
    publisher->destination = &group->destinations[config->pipeline];
    publisher->connection = group->connection;
    publisher->connection.filecache_duration = UINT32_MAX;
    publisher->connection.cache_megabytes = group->archive.disk_cache_megabytes;
    publisher->interval_90k = llround(group->archive.rollover_interval * 90000);
    publisher->lane_count = group->outputs_count;
    for (unsigned i = 0; i < publisher->lane_count; i++)
        publisher->lanes[i] = (struct lane){ .output = &group->outputs[i], .number = -1, .delivered_number = -1 };
    snprintf(publisher->source, sizeof publisher->source, "%s/%u", config->channel, config->pipeline);
    /* names hold no dot: no two publishers can have the same file */
    snprintf(publisher->prefix, sizeof publisher->prefix, "%s.%u.%s.", config->channel, config->pipeline, group->name);
    snprintf(publisher->state_name, sizeof publisher->state_name, "%sjson", publisher->prefix);
}

static int create(struct publisher **out, const struct publisher_config *config, struct error *err)
{
    struct archive_publisher *publisher = calloc(1, sizeof *publisher);
    if (!publisher)
        return error_set(err, -ENOMEM, "output group %s", config->group->name);
    set_up(publisher, config);
    publisher->again = loop_timer_create(config->loop, on_again, publisher);
    int result = publisher->again ? worker_create(&publisher->worker, config->loop, "archive", err)
                                  : error_set(err, -ENOMEM, "output group %s", config->group->name);
    if (result == 0)
        result = archive_open_state(publisher, err);
    if (result == 0)
        result = open_queue(publisher, err);
    if (result < 0) {
        state_file_close(publisher->state);
        publisher->state = NULL; /* nothing of this life is to be saved */
        destroy(&publisher->base);
        return result;
    }
    archive_load(publisher);
    archive_file_list(config->spool_directory, publisher->prefix, take_up, publisher);
    archive_file_list_uploads(config->spool_directory, publisher->prefix, clear_upload, publisher);
    *out = &publisher->base;
    return 0;
}

const struct publisher_class archive_publisher_class = {
    .name = "archive",
    .create = create,
    .destroy = destroy,
    .segment = take_segment,
    .finish = finish,
    .idle = is_idle,
    .resume_tick_90k = resume_tick_90k,
    .status = archive_status,
    .on_disk = true,
};
