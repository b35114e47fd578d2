/* SPDX-License-Identifier: GPL-2.0-or-later */
/* object_table.h - the newest objects of each track in a folder or bucket, known by their numbers.
 *
 * A listing may be long and in any order, with objects of days in it: what is older than the newest JUDGE_RECORDS_MAX
 * of its track is passed over each time, and what was learned about the newest stays. Bounded: OBJECT_TRACKS_MAX
 * tracks, further ones are not taken. One thread; names come from outside.
 *
 *     object_table_create(&table, "news", &err);
 *     object_table_round(table);                           // each round: all are unseen
 *     object_table_take(table, &listed);                   // for each that is listed
 *     for (track...) for (i...) if ((object = object_table_at(table, track, i)) && object->seen) ...
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "tools/origincheck/judge.h"

struct error;
struct object_table;
struct origin_listed;

enum { OBJECT_TRACKS_MAX = 32 };

struct object {
    char name[128];
    int64_t number;
    uint64_t bytes, modified_ns;
    bool told;      /* bytes and modified_ns are from the listing */
    bool inspected; /* for who uses it */
    bool seen;      /* in this round */
};

int object_table_create(struct object_table **out, const char *prefix, struct error *err);
void object_table_destroy(struct object_table *table); /* NULL is fine */
void object_table_round(struct object_table *table);
void object_table_take(struct object_table *table, const struct origin_listed *listed);

unsigned object_table_tracks(const struct object_table *table);
const char *object_table_track(const struct object_table *table, unsigned track); /* borrow */
/* index 0..JUDGE_RECORDS_MAX - 1, from old to new; NULL: none that is known has this number. */
struct object *object_table_at(struct object_table *table, unsigned track, unsigned index);
bool object_table_full(const struct object_table *table); /* there was a track too many */
