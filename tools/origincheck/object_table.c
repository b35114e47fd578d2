/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/origincheck/object_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "tools/origincheck/address.h"
#include "tools/origincheck/object_name.h"
#include "tools/origincheck/origin.h"

struct object_track {
    char name[OBSERVATION_TRACK_BYTES];
    int64_t newest;
    struct object object[JUDGE_RECORDS_MAX]; /* by number; without a name: none */
};

struct object_table {
    char prefix[ADDRESS_BYTES];
    unsigned count;
    bool full;
    struct object_track *track[OBJECT_TRACKS_MAX];
};

int object_table_create(struct object_table **out, const char *prefix, struct error *err)
{
    struct object_table *table = calloc(1, sizeof *table);
    if (!table)
        return error_set(err, -ENOMEM, "a table of objects");
    snprintf(table->prefix, sizeof table->prefix, "%s", prefix);
    *out = table;
    return 0;
}

void object_table_destroy(struct object_table *table)
{
    for (unsigned i = 0; table && i < table->count; i++)
        free(table->track[i]);
    free(table);
}

void object_table_round(struct object_table *table)
{
    for (unsigned i = 0; i < table->count; i++)
        for (unsigned k = 0; k < JUDGE_RECORDS_MAX; k++)
            table->track[i]->object[k].seen = false;
}

static struct object_track *track_of(struct object_table *table, const char *name)
{
    for (unsigned i = 0; i < table->count; i++)
        if (!strcmp(table->track[i]->name, name))
            return table->track[i];
    struct object_track *track = table->count < OBJECT_TRACKS_MAX ? calloc(1, sizeof *track) : NULL;
    if (!track) {
        table->full = true;
        return NULL;
    }
    track->newest = -1;
    snprintf(track->name, sizeof track->name, "%s", name);
    return table->track[table->count++] = track;
}

void object_table_take(struct object_table *table, const struct origin_listed *listed)
{
    char name[OBSERVATION_TRACK_BYTES];
    int64_t number;
    if (strlen(listed->name) >= sizeof((struct object *)0)->name ||
        !object_name_parse(listed->name, table->prefix, name, sizeof name, &number))
        return;
    struct object_track *track = track_of(table, name);
    if (!track || number <= track->newest - JUDGE_RECORDS_MAX)
        return;
    struct object *object = &track->object[number % JUDGE_RECORDS_MAX];
    if (!*object->name || object->number != number) {
        *object = (struct object){ .number = number };
        snprintf(object->name, sizeof object->name, "%s", listed->name);
    } else if (strcmp(object->name, listed->name) != 0) {
        return; /* the same number with another ending */
    }
    if (number > track->newest)
        track->newest = number;
    object->seen = true;
    if (listed->told) {
        object->bytes = listed->bytes;
        object->modified_ns = listed->modified_ns;
        object->told = true;
    }
}

unsigned object_table_tracks(const struct object_table *table)
{
    return table->count;
}

const char *object_table_track(const struct object_table *table, unsigned track)
{
    return table->track[track]->name;
}

struct object *object_table_at(struct object_table *table, unsigned track, unsigned index)
{
    int64_t number = table->track[track]->newest - JUDGE_RECORDS_MAX + 1 + index;
    if (number < 0)
        return NULL;
    struct object *object = &table->track[track]->object[number % JUDGE_RECORDS_MAX];
    return *object->name && object->number == number ? object : NULL;
}

bool object_table_full(const struct object_table *table)
{
    return table->full;
}
