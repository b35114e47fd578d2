/* SPDX-License-Identifier: GPL-2.0-or-later */
/* segment_window_test.c - what a playlist names, and what may be deleted when. */
#include "mgmt/segment_window.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "board/clock.h"

static struct segment_window window_of(unsigned index, unsigned keep)
{
    struct segment_window window;
    segment_window_init(&window, &(struct segment_window_config){ .index_segments = index,
                                                                  .keep_segments = keep,
                                                                  .discontinuity_tags = true,
                                                                  .segment_length_s = 2 });
    return window;
}

static void append(struct segment_window *window, int64_t first, int64_t last)
{
    for (int64_t number = first; number <= last; number++) {
        struct handoff_key keys[2] = { { 0, 100, 0 }, { 200, 50, 90000 } };
        struct window_segment segment = { .number = number,
                                          .start_90k = number * 180000,
                                          .date_90k = number * 180000 + 7,
                                          .duration_90k = 180000,
                                          .name = "a.ts",
                                          .header = number % 2 ? "init.mp4" : NULL,
                                          .keys = keys,
                                          .keys_count = number % 3 ? 2 : 0,
                                          .tables_bytes = 564 };
        assert_int_equal(segment_window_append(window, &segment), 0);
    }
}

/* Numbers that the next playlist names; confirms it at now_ns unless that is 0. */
static void expect_listing(struct segment_window *window, uint64_t now_ns, int64_t first_number, int64_t last_number)
{
    uint64_t first, end;
    segment_window_listing(window, &first, &end);
    assert_int_equal(segment_window_at(window, first)->number, first_number);
    assert_int_equal(segment_window_at(window, end - 1)->number, last_number);
    if (now_ns)
        segment_window_confirmed(window, first, end, now_ns);
}

static int64_t expire(struct segment_window *window, uint64_t now_ns)
{
    uint64_t due;
    const struct window_segment *segment = segment_window_expire(window, now_ns, &due);
    return segment ? segment->number : due ? -2 : -1;
}

static void steady_stream(void **state)
{
    (void)state;
    struct segment_window window = window_of(3, 5);
    uint64_t now = NS_PER_S;
    for (int64_t number = 1; number <= 20; number++, now += 2 * NS_PER_S) {
        append(&window, number, number);
        expect_listing(&window, now, number > 3 ? number - 2 : 1, number);
        assert_int_equal(expire(&window, now), number > 5 ? number - 5 : -1);
        assert_int_equal(expire(&window, now), -1); /* one in, one out */
        segment_window_deleted(&window);
        assert_in_range(window.count, 1, 5);
    }
    segment_window_clear(&window);
}

/* Ten segments arrive at once after an outage: all are named before any leaves, and a player with the old playlist
 * finds its segments for a while. */
static void burst_after_an_outage(void **state)
{
    (void)state;
    struct segment_window window = window_of(3, 15);
    append(&window, 1, 5);
    expect_listing(&window, NS_PER_S, 1, 5); /* never named so far: all of them */
    append(&window, 6, 15);
    expect_listing(&window, 0, 6, 15); /* on its way, not yet confirmed */
    append(&window, 16, 17);
    expect_listing(&window, 2 * NS_PER_S, 6, 17);
    assert_int_equal(expire(&window, 3 * NS_PER_S), -2); /* 1 is surplus, but left the playlist a second ago */
    expect_listing(&window, 4 * NS_PER_S, 15, 17);
    assert_int_equal(expire(&window, (2 + 21) * NS_PER_S), -2); /* 11 spare segments of 2 s each */
    assert_int_equal(expire(&window, (2 + 22) * NS_PER_S), 1);
    assert_int_equal(expire(&window, (2 + 22) * NS_PER_S), 2);
    assert_int_equal(expire(&window, (2 + 22) * NS_PER_S), -1);
    segment_window_clear(&window);
}

/* Playlists fail while segments go through: nothing may be deleted that the origin's playlist still names. */
static void nothing_is_deleted_before_it_is_replaced(void **state)
{
    (void)state;
    struct segment_window window = window_of(3, 4);
    append(&window, 1, 3);
    expect_listing(&window, NS_PER_S, 1, 3);
    append(&window, 4, 10);
    assert_int_equal(expire(&window, 1000 * NS_PER_S), -1);
    expect_listing(&window, 1000 * NS_PER_S, 7, 10); /* no more than keep_segments */
    for (int64_t number = 1; number <= 6; number++)
        assert_int_equal(expire(&window, 1001 * NS_PER_S), number);
    assert_int_equal(expire(&window, 1001 * NS_PER_S), -1);
    segment_window_clear(&window);
}

static void earlier_window_is_deleted(void **state)
{
    (void)state;
    struct segment_window window = window_of(3, 4);
    append(&window, 1, 3);
    expect_listing(&window, NS_PER_S, 1, 3);
    append(&window, 100, 100);
    assert_int_equal(expire(&window, 2 * NS_PER_S), -1);
    expect_listing(&window, 2 * NS_PER_S, 100, 100);
    assert_int_equal(expire(&window, 3 * NS_PER_S), 1);
    assert_int_equal(expire(&window, 3 * NS_PER_S), 2);
    assert_int_equal(expire(&window, 3 * NS_PER_S), 3);
    assert_int_equal(expire(&window, 3 * NS_PER_S), -1);
    append(&window, 50, 50); /* numbers jump back */
    expect_listing(&window, 4 * NS_PER_S, 50, 50);
    assert_int_equal(segment_window_newest(&window)->discontinuities, 2);
    segment_window_clear(&window);
}

static void origin_that_deletes_nothing(void **state)
{
    (void)state;
    struct segment_window window = window_of(3, 4);
    append(&window, 1, 5000);
    assert_in_range(window.count, 5, 1100);
    expect_listing(&window, NS_PER_S, 4997, 5000);
    segment_window_clear(&window);
}

/* What will be overwritten is not deleted: it would be the new file that goes. */
static void numbers_that_come_again_are_replaced(void **state)
{
    (void)state;
    struct segment_window window = window_of(3, 5), read = window_of(3, 5);
    append(&window, 10, 19);
    segment_window_replace(&window, 14);
    append(&window, 14, 15);
    for (unsigned i = 0; i < 12; i++)
        assert_int_equal(window.segments[i].replaced, i >= 4 && i < 10);
    json_t *json = segment_window_json(&window);
    assert_int_equal(segment_window_from_json(&read, json, 1), 0);
    for (unsigned i = 0; i < 12; i++)
        assert_int_equal(read.segments[i].replaced, window.segments[i].replaced);
    json_decref(json);
    segment_window_clear(&read);
    segment_window_clear(&window);
}

static void saved_and_read_back(void **state)
{
    (void)state;
    struct segment_window window = window_of(3, 4), read = window_of(3, 4);
    append(&window, 1, 3);
    expect_listing(&window, NS_PER_S, 1, 3);
    append(&window, 6, 9);
    expect_listing(&window, 2 * NS_PER_S, 6, 9);
    append(&window, 10, 10);
    assert_int_equal(expire(&window, 2 * NS_PER_S), 1);
    segment_window_deleted(&window);
    json_t *json = segment_window_json(&window);
    assert_int_equal(segment_window_from_json(&read, json, 7 * NS_PER_S), 0);
    assert_int_equal(read.count, window.count);
    for (unsigned i = 0; i < read.count; i++) {
        const struct window_segment *want = &window.segments[i], *got = &read.segments[i];
        assert_int_equal(got->number, want->number);
        assert_int_equal(got->start_90k, want->start_90k);
        assert_int_equal(got->duration_90k, want->duration_90k);
        assert_int_equal(got->date_90k, want->date_90k);
        assert_string_equal(got->name, want->name);
        assert_int_equal(got->header != NULL, want->header != NULL);
        assert_int_equal(got->keys_count, want->keys_count);
        if (got->keys_count) {
            assert_memory_equal(got->keys, want->keys, got->keys_count * sizeof got->keys[0]);
            assert_int_equal(got->keys_before, want->keys_before);
            assert_int_equal(got->tables_bytes, 564);
        }
        assert_int_equal(got->discontinuity, want->discontinuity);
        assert_int_equal(got->discontinuities, want->discontinuities);
        assert_int_equal(got->named, want->named);
        assert_int_equal(got->unlisted_ns, want->unlisted_ns ? 7 * NS_PER_S : 0);
    }
    expect_listing(&read, 8 * NS_PER_S, 8, 10);
    assert_int_equal(expire(&read, 8 * NS_PER_S), 2);
    json_decref(json);
    segment_window_clear(&read);
    static const char *const damaged[] = {
        "{}",
        "{\"target_duration_s\":2,\"first_listable\":0,\"segments\":5}",
        "{\"target_duration_s\":2,\"first_listable\":1,\"segments\":[]}",
        "{\"target_duration_s\":2,\"first_listable\":0,\"segments\":[[1,2,3]]}",
#define DAMAGED(NUMBER, NAME, KEYS)                                                                                    \
    "{\"target_duration_s\":2,\"first_listable\":0,\"segments\":[{\"number\":" NUMBER ",\"start_90k\":0,"              \
    "\"duration_90k\":9,\"date_90k\":0,\"name\":" NAME                                                                 \
    ",\"discontinuity\":false,\"discontinuities\":0,\"named\":true,"                                                   \
    "\"unlisted\":true,\"keys\":" KEYS "}]}"
        DAMAGED("-1", "\"a\"", "[]"),
        DAMAGED("1", "\"\"", "[]"),
        DAMAGED("1", "\"a\\nb\"", "[]"),
        DAMAGED("1", "\"a\"", "[[1,2]]"),
        DAMAGED("1", "\"a\"", "[[1,0,0]]"),
        DAMAGED("1", "\"a\"", "[[1,99999999999,0]]"),
        "{\"target_duration_s\":0,\"first_listable\":0,\"segments\":[]}",
    };
    for (unsigned i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        json = json_loads(damaged[i], 0, NULL);
        assert_non_null(json);
        assert_int_equal(segment_window_from_json(&read, json, 1), -EBADMSG);
        assert_int_equal(read.count, 0);
        json_decref(json);
    }
    segment_window_clear(&read);
    segment_window_clear(&window);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steady_stream),
        cmocka_unit_test(burst_after_an_outage),
        cmocka_unit_test(nothing_is_deleted_before_it_is_replaced),
        cmocka_unit_test(earlier_window_is_deleted),
        cmocka_unit_test(origin_that_deletes_nothing),
        cmocka_unit_test(numbers_that_come_again_are_replaced),
        cmocka_unit_test(saved_and_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
