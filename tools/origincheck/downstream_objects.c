/* SPDX-License-Identifier: GPL-2.0-or-later */
/* downstream_objects.c - lists a folder or bucket once a second: archive objects and captured pictures appear complete
 * and then stay as they are. Each is looked into once, when it is new; of a large one only the beginning and the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "tools/origincheck/downstream.h"
#include "tools/origincheck/object_table.h"
#include "tools/origincheck/transport_stream.h"

enum {
    EDGE_BYTES = 4 * 1024 * 1024,  /* of the beginning and the end of an object */
    WHOLE_BYTES = 8 * 1024 * 1024, /* up to this it is read whole */
    INSPECTED_A_ROUND = 8,         /* of all tracks; of each at least one */
    LIST_INTERVAL_S = 1,
};

struct objects {
    const struct downstream_config *config;
    struct origin *origin;
    char folder[ADDRESS_BYTES];
    struct object_table *table;
};

static void on_listed(void *context, const struct origin_listed *listed)
{
    struct objects *objects = context;
    object_table_take(objects->table, listed);
}

static bool get_part(struct objects *objects, const struct object *object, uint64_t head, uint64_t tail,
                     struct origin_answer *answer)
{
    char address[2 * ADDRESS_BYTES];
    snprintf(address, sizeof address, "%s%s", objects->folder, object->name);
    origin_get(objects->origin,
               &(struct origin_request){ .address = address,
                                         .range = head,
                                         .tail = tail,
                                         .head = !head && !tail && !object->bytes,
                                         .bytes_maximum = WHOLE_BYTES },
               answer);
    return answer->outcome == ORIGIN_OK;
}

/* The end of a transport stream says when it ends; what is before the first whole packet is skipped. */
static void look_at_tail(struct media *media, const struct origin_answer *answer, uint64_t whole_bytes, unsigned packet)
{
    struct media tail = { 0 };
    size_t first = transport_stream_first_packet(answer->data, answer->bytes, packet);
    if (whole_bytes % packet)
        media_fault(media, MEDIA_TRUNCATED, "%llu bytes are not a multiple of %u", (unsigned long long)whole_bytes,
                    packet);
    inspect(&(struct inspect_input){ .data = answer->data + first,
                                     .bytes = (answer->bytes - first) / packet * packet,
                                     .depth = INSPECT_TIMES,
                                     .part = true },
            &tail);
    for (unsigned i = 0; i < media->streams_count && i < tail.streams_count; i++) {
        media->streams[i].end_90k = tail.streams[i].end_90k;
        media->streams[i].units = 0;
    }
}

static bool inspect_object(struct objects *objects, struct object *object, struct media *media,
                           struct origin_answer *answer)
{
    bool large = object->bytes > WHOLE_BYTES;
    if (!get_part(objects, object, large ? EDGE_BYTES : object->bytes, 0, answer))
        return false;
    unsigned packet = transport_stream_packet(answer->data, answer->bytes);
    inspect(&(struct inspect_input){ .data = answer->data,
                                     .bytes = large && packet ? answer->bytes / packet * packet : answer->bytes,
                                     .depth = objects->config->depth,
                                     .part = large },
            media);
    if (large && packet) {
        origin_answer_free(answer);
        if (!get_part(objects, object, 0, EDGE_BYTES, answer))
            return false;
        look_at_tail(media, answer, object->bytes, packet);
    }
    media->bytes = object->bytes;
    return true;
}

/* Where the listing tells no sizes they are asked for, one by one. */
static bool ask_size(struct objects *objects, struct object *object, bool *no_answer)
{
    struct origin_answer answer;
    uint64_t bytes = object->bytes;
    object->bytes = 0;
    bool good = get_part(objects, object, 0, 0, &answer);
    *no_answer = answer.outcome == ORIGIN_FAILED && !answer.status;
    object->bytes = good ? answer.length : bytes;
    object->modified_ns = good ? answer.modified_ns : object->modified_ns;
    origin_answer_free(&answer);
    return good;
}

/* False: there was no answer, which says nothing about the object. */
static bool report_object(struct objects *objects, const char *track, struct object *object, bool look)
{
    struct observation observation = downstream_observation(objects->config, OBSERVED_OBJECT, track);
    struct origin_answer answer = { 0 };
    bool no_answer = false;
    observation.object = (struct observed_object){ .number = object->number };
    if (!object->told && !ask_size(objects, object, &no_answer))
        return !no_answer;
    if (look) {
        observation.object.inspected = inspect_object(objects, object, &observation.object.media, &answer);
        object->inspected = observation.object.inspected || answer.outcome == ORIGIN_ABSENT;
        origin_answer_free(&answer);
    }
    observation.object.bytes = object->bytes;
    observation.object.modified_ns = object->modified_ns;
    snprintf(observation.object.name, sizeof observation.object.name, "%s", object->name);
    downstream_report(objects->config, &observation);
    return true;
}

static void report_track(struct objects *objects, unsigned track)
{
    const char *name = object_table_track(objects->table, track);
    unsigned inspected = 0, share = INSPECTED_A_ROUND / object_table_tracks(objects->table);
    bool all_told = true;
    for (unsigned i = 0; i < JUDGE_RECORDS_MAX && !atomic_load(objects->config->stop); i++) {
        struct object *object = object_table_at(objects->table, track, i);
        if (!object || !object->seen)
            continue;
        bool look = !object->inspected && inspected < (share ? share : 1);
        inspected += look;
        all_told = report_object(objects, name, object, look) && all_told;
    }
    struct observation observation = downstream_observation(objects->config, OBSERVED_LISTING, name);
    if (all_told && !atomic_load(objects->config->stop))
        downstream_report(objects->config, &observation);
}

/* What was there and could not be taken in is said, else silence would pass for health. */
static void report_limits(struct objects *objects, bool cut)
{
    char text[OBSERVATION_TEXT_BYTES] = "";
    if (cut)
        snprintf(text, sizeof text,
                 "the listing is longer than is read (%d objects, over HTTP 8 MB): the newest may not be among them",
                 ORIGIN_LISTED_MAX);
    else if (object_table_full(objects->table))
        snprintf(text, sizeof text, "more than %d names, without their numbers, begin with this", OBJECT_TRACKS_MAX);
    downstream_report_text(objects->config, OBSERVED_NOT_FOLLOWED, "", 0, text);
}

static void round_of(struct objects *objects)
{
    struct origin_answer answer;
    object_table_round(objects->table);
    origin_list(objects->origin, objects->config->place->address, on_listed, objects, &answer);
    bool good = answer.outcome == ORIGIN_OK, cut = answer.cut;
    if (!good)
        downstream_report_text(objects->config, OBSERVED_UNREACHABLE, "", answer.status, answer.text);
    origin_answer_free(&answer);
    if (!good)
        return;
    struct observation observation = downstream_observation(objects->config, OBSERVED_LISTING, "");
    downstream_report(objects->config, &observation); /* the listing can be read */
    report_limits(objects, cut);
    for (unsigned track = 0; track < object_table_tracks(objects->table); track++)
        report_track(objects, track);
}

static void run(const struct downstream_config *config)
{
    struct objects objects = { .config = config };
    struct error err = { 0 };
    char prefix[ADDRESS_BYTES];
    address_name(prefix, config->place->address);
    snprintf(objects.folder, sizeof objects.folder, "%s", config->place->address);
    objects.folder[strlen(objects.folder) - strlen(prefix)] = '\0';
    if (object_table_create(&objects.table, prefix, &err) < 0 || downstream_open(&objects.origin, config, &err) < 0) {
        downstream_report_text(config, OBSERVED_UNREACHABLE, "", 0, err.text);
        object_table_destroy(objects.table);
        return;
    }
    do
        round_of(&objects);
    while (downstream_wait(config, LIST_INTERVAL_S));
    origin_close(objects.origin);
    object_table_destroy(objects.table);
}

const struct downstream_class downstream_objects = { "objects", run };
