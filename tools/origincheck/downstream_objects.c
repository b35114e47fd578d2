/* SPDX-License-Identifier: GPL-2.0-or-later */
/* downstream_objects.c - lists a folder or bucket once a second: archive objects and captured pictures appear complete
 * and then stay as they are. Each is looked into once, when it is new; of a large one only the beginning and the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "tools/origincheck/downstream.h"
#include "tools/origincheck/object_name.h"
#include "tools/origincheck/transport_stream.h"

enum {
    EDGE_BYTES = 4 * 1024 * 1024,  /* of the beginning and the end of an object */
    WHOLE_BYTES = 8 * 1024 * 1024, /* up to this it is read whole */
    OBJECTS_MAX = 4096,            /* the newest of them are remembered */
    INSPECTED_A_ROUND = 8,
    LIST_INTERVAL_S = 1,
};

struct object {
    char name[128], track[OBSERVATION_TRACK_BYTES];
    int64_t number;
    uint64_t bytes, modified_ns;
    bool told, inspected, seen; /* seen: in this round */
};

struct objects {
    const struct downstream_config *config;
    struct origin *origin;
    char prefix[ADDRESS_BYTES], folder[ADDRESS_BYTES];
    unsigned count;
    struct object *object; /* OBJECTS_MAX */
    bool first_round;
};

static struct object *object_of(struct objects *objects, const char *name)
{
    for (unsigned i = objects->count; i > 0; i--)
        if (!strcmp(objects->object[i - 1].name, name))
            return &objects->object[i - 1];
    return NULL;
}

static void on_listed(void *context, const struct origin_listed *listed)
{
    struct objects *objects = context;
    struct object fresh = { .seen = true };
    if (strlen(listed->name) >= sizeof fresh.name ||
        !object_name_parse(listed->name, objects->prefix, fresh.track, sizeof fresh.track, &fresh.number))
        return;
    struct object *object = object_of(objects, listed->name);
    if (!object) {
        if (objects->count == OBJECTS_MAX) { /* the oldest half is forgotten */
            memmove(objects->object, objects->object + OBJECTS_MAX / 2, OBJECTS_MAX / 2 * sizeof *object);
            objects->count = OBJECTS_MAX / 2;
        }
        object = &objects->object[objects->count++];
        *object = fresh;
        snprintf(object->name, sizeof object->name, "%s", listed->name);
    }
    object->seen = true;
    if (listed->told) {
        object->bytes = listed->bytes;
        object->modified_ns = listed->modified_ns;
        object->told = true;
    }
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
static bool ask_size(struct objects *objects, struct object *object)
{
    struct origin_answer answer;
    uint64_t bytes = object->bytes;
    object->bytes = 0;
    bool good = get_part(objects, object, 0, 0, &answer);
    object->bytes = good ? answer.length : bytes;
    object->modified_ns = good ? answer.modified_ns : object->modified_ns;
    origin_answer_free(&answer);
    return good;
}

static void report_object(struct objects *objects, struct object *object, bool look)
{
    struct observation observation = downstream_observation(objects->config, OBSERVED_OBJECT, object->track);
    struct origin_answer answer = { 0 };
    observation.object = (struct observed_object){ .number = object->number };
    if (!object->told && !ask_size(objects, object))
        return;
    if (look) {
        observation.object.inspected = inspect_object(objects, object, &observation.object.media, &answer);
        object->inspected = observation.object.inspected || answer.outcome == ORIGIN_ABSENT;
        origin_answer_free(&answer);
    }
    observation.object.bytes = object->bytes;
    observation.object.modified_ns = object->modified_ns;
    snprintf(observation.object.name, sizeof observation.object.name, "%s", object->name);
    downstream_report(objects->config, &observation);
}

static int by_number(const void *a, const void *b)
{
    const struct object *one = a, *two = b;
    return one->number < two->number ? -1 : one->number > two->number ? 1 : strcmp(one->track, two->track);
}

static void list_tracks(struct objects *objects)
{
    for (unsigned i = 0; i < objects->count; i++) {
        bool first = true;
        for (unsigned k = 0; k < i && first; k++)
            first = strcmp(objects->object[k].track, objects->object[i].track) != 0;
        if (!first)
            continue;
        struct observation observation =
            downstream_observation(objects->config, OBSERVED_LISTING, objects->object[i].track);
        downstream_report(objects->config, &observation);
    }
}

static void round_of(struct objects *objects)
{
    struct origin_answer answer;
    for (unsigned i = 0; i < objects->count; i++)
        objects->object[i].seen = false;
    origin_list(objects->origin, objects->config->place->address, on_listed, objects, &answer);
    bool good = answer.outcome == ORIGIN_OK;
    if (!good)
        downstream_report_text(objects->config, OBSERVED_UNREACHABLE, "", answer.status, answer.text);
    origin_answer_free(&answer);
    if (!good)
        return;
    struct observation observation = downstream_observation(objects->config, OBSERVED_LISTING, "");
    downstream_report(objects->config, &observation); /* the listing can be read */
    qsort(objects->object, objects->count, sizeof *objects->object, by_number);
    unsigned inspected = 0, newest = objects->count;
    for (unsigned i = 0; i < newest && !atomic_load(objects->config->stop); i++) {
        struct object *object = &objects->object[i];
        bool recent = i + JUDGE_RECORDS_MAX >= newest; /* older ones stay as they are told */
        bool look = !object->inspected && recent && inspected < INSPECTED_A_ROUND;
        inspected += look;
        if (object->seen && recent)
            report_object(objects, object, look);
    }
    list_tracks(objects);
}

static void run(const struct downstream_config *config)
{
    struct objects objects = { .config = config, .first_round = true };
    struct error err = { 0 };
    address_name(objects.prefix, config->place->address);
    snprintf(objects.folder, sizeof objects.folder, "%s", config->place->address);
    objects.folder[strlen(objects.folder) - strlen(objects.prefix)] = '\0';
    objects.object = calloc(OBJECTS_MAX, sizeof *objects.object);
    if (!objects.object || downstream_open(&objects.origin, config, &err) < 0) {
        downstream_report_text(config, OBSERVED_UNREACHABLE, "", 0, err.text);
        free(objects.object);
        return;
    }
    do
        round_of(&objects);
    while (downstream_wait(config, LIST_INTERVAL_S));
    origin_close(objects.origin);
    free(objects.object);
}

const struct downstream_class downstream_objects = { "objects", run };
