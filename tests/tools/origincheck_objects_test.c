/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of objects: long folders, in any order, with several tracks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "board/error.h"
#include "tools/origincheck/object_table.h"
#include "tools/origincheck/origin.h"

enum { FOLDER = 5000, FIRST = 100000 };

static struct object_table *table_of(const char *prefix)
{
    struct object_table *table;
    struct error err = { 0 };
    assert_int_equal(object_table_create(&table, prefix, &err), 0);
    return table;
}

static void take(struct object_table *table, const char *track, unsigned number, uint64_t bytes)
{
    char name[64];
    snprintf(name, sizeof name, "news_%s.%05u.jpg", track, number);
    object_table_take(table, &(struct origin_listed){ .name = name, .told = true, .bytes = bytes });
}

/* A folder's order is any: multiplication by an odd number scatters. */
static void take_folder(struct object_table *table, unsigned count)
{
    object_table_round(table);
    for (unsigned i = 0; i < 8192; i++) {
        unsigned place = i * 3001 % 8192;
        if (place < count)
            take(table, "still", FIRST + place, 2000);
    }
}

static void the_newest_of_a_long_folder(void **state)
{
    (void)state;
    struct object_table *table = table_of("news");
    for (unsigned round = 0; round < 20; round++) {
        unsigned fresh = 0;
        take_folder(table, FOLDER + round);
        assert_int_equal(object_table_tracks(table), 1);
        assert_string_equal(object_table_track(table, 0), "still");
        for (unsigned i = 0; i < JUDGE_RECORDS_MAX; i++) {
            struct object *object = object_table_at(table, 0, i);
            assert_non_null(object);
            assert_true(object->seen);
            assert_int_equal(object->number, FIRST + FOLDER + round - JUDGE_RECORDS_MAX + i);
            assert_int_equal(object->bytes, 2000);
            fresh += !object->inspected;
            object->inspected = true;
        }
        assert_int_equal(fresh, round ? 1 : JUDGE_RECORDS_MAX); /* what was learned stays */
    }
    object_table_destroy(table);
}

static void tracks_by_themselves(void **state)
{
    (void)state;
    struct object_table *table = table_of("news");
    for (unsigned number = 0; number < 300; number++) {
        take(table, "big", 7000 + number, 1);
        take(table, "small", number, 1);
    }
    assert_int_equal(object_table_tracks(table), 2);
    assert_int_equal(object_table_at(table, 0, JUDGE_RECORDS_MAX - 1)->number, 7299);
    assert_int_equal(object_table_at(table, 1, 0)->number, 300 - JUDGE_RECORDS_MAX);
    object_table_destroy(table);
}

static void holes_and_what_goes(void **state)
{
    (void)state;
    struct object_table *table = table_of("news");
    take(table, "still", 3, 1);
    take(table, "still", 5, 1);
    assert_null(object_table_at(table, 0, 0)); /* before number 0 */
    assert_null(object_table_at(table, 0, JUDGE_RECORDS_MAX - 2));
    assert_int_equal(object_table_at(table, 0, JUDGE_RECORDS_MAX - 3)->number, 3);
    object_table_round(table);
    take(table, "still", 5, 2);
    assert_false(object_table_at(table, 0, JUDGE_RECORDS_MAX - 3)->seen);
    assert_int_equal(object_table_at(table, 0, JUDGE_RECORDS_MAX - 1)->bytes, 2);
    take(table, "still", 1000, 1); /* all others are too old now */
    for (unsigned i = 0; i + 1 < JUDGE_RECORDS_MAX; i++)
        assert_null(object_table_at(table, 0, i));
    object_table_destroy(table);
}

static void what_is_not_taken(void **state)
{
    (void)state;
    struct object_table *table = table_of("news");
    char track[16], name[200];
    memset(name, 'x', sizeof name);
    memcpy(name, "news", 4);
    memcpy(name + sizeof name - 8, ".01.jpg", 8);
    object_table_take(table, &(struct origin_listed){ .name = name });
    object_table_take(table, &(struct origin_listed){ .name = "other.000001.jpg" });
    object_table_take(table, &(struct origin_listed){ .name = "news.jpg" });
    assert_int_equal(object_table_tracks(table), 0);
    take(table, "still", 1, 10);
    object_table_take(table, &(struct origin_listed){ .name = "news_still.00001.txt", .told = true, .bytes = 3 });
    assert_int_equal(object_table_at(table, 0, JUDGE_RECORDS_MAX - 1)->bytes, 10);
    for (unsigned i = 1; i < OBJECT_TRACKS_MAX; i++) {
        snprintf(track, sizeof track, "t%ut", i);
        take(table, track, 1, 1);
    }
    assert_false(object_table_full(table));
    take(table, "more", 1, 1);
    assert_true(object_table_full(table));
    assert_int_equal(object_table_tracks(table), OBJECT_TRACKS_MAX);
    object_table_destroy(table);
    object_table_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_of_a_long_folder),
        cmocka_unit_test(tracks_by_themselves),
        cmocka_unit_test(holes_and_what_goes),
        cmocka_unit_test(what_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
