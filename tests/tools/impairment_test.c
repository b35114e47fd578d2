/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/impairment.h"

enum { PACKETS = 20000, BYTES = 64 };

struct sink {
    unsigned count, changed;
    unsigned *order; /* numbers as they came */
};

static void receive(void *context, const uint8_t *packet, size_t bytes)
{
    struct sink *sink = context;
    uint32_t number;
    assert_int_equal(bytes, BYTES);
    memcpy(&number, packet + 20, sizeof number);
    sink->changed += packet[0] != 0x80 || packet[1] != 33 || packet[14] || packet[BYTES - 1];
    sink->order[sink->count++] = number;
}

static void push(struct impairment *impairment, struct sink *sink, uint32_t number)
{
    uint8_t packet[BYTES] = { 0x80, 33 };
    memcpy(packet + 20, &number, sizeof number);
    impairment_push(impairment, packet, sizeof packet, receive, sink);
}

static void push_all(struct impairment *impairment, struct sink *sink)
{
    for (uint32_t i = 0; i < PACKETS; i++)
        push(impairment, sink, i);
    impairment_flush(impairment, receive, sink);
}

static int make(void **state)
{
    struct sink *sink = calloc(1, sizeof *sink);
    sink->order = calloc(2 * PACKETS, sizeof *sink->order);
    *state = sink;
    return 0;
}

static int unmake(void **state)
{
    struct sink *sink = *state;
    free(sink->order);
    free(sink);
    return 0;
}

static void a_perfect_path_changes_nothing(void **state)
{
    struct sink *sink = *state;
    struct impairment path;
    impairment_init(&path, 1);
    push_all(&path, sink);
    assert_int_equal(sink->count, PACKETS);
    for (unsigned i = 0; i < PACKETS; i++)
        assert_int_equal(sink->order[i], i);
    assert_int_equal(path.counters.sent, PACKETS);
}

static void loses_and_doubles_as_many_as_told(void **state)
{
    struct sink *sink = *state;
    struct impairment path;
    impairment_init(&path, 2);
    path.loss_percent = 1;
    path.duplicate_percent = 5;
    push_all(&path, sink);
    assert_in_range(path.counters.lost, PACKETS / 100 - 60, PACKETS / 100 + 60);
    assert_in_range(path.counters.duplicated, PACKETS / 20 - 130, PACKETS / 20 + 130);
    assert_int_equal(sink->count, PACKETS - path.counters.lost + path.counters.duplicated);
    assert_int_equal(sink->count, path.counters.sent);
}

static void delays_within_bounds_and_loses_none(void **state)
{
    struct sink *sink = *state;
    struct impairment path;
    unsigned late = 0, latest = 0, newest = 0;
    impairment_init(&path, 3);
    path.reorder = 20;
    push_all(&path, sink);
    assert_int_equal(sink->count, PACKETS);
    for (unsigned i = 0; i < PACKETS; i++) {
        if (sink->order[i] > newest)
            newest = sink->order[i];
        unsigned behind = newest - sink->order[i];
        late += behind > 0;
        latest = behind > latest ? behind : latest;
    }
    assert_in_range(late, PACKETS / IMPAIRMENT_DELAY_CHANCE / 2, PACKETS / IMPAIRMENT_DELAY_CHANCE * 2);
    assert_true(late <= path.counters.delayed); /* one that is delayed together with its followers is not late */
    assert_int_equal(latest, 20);
}

static void a_cut_swallows_all(void **state)
{
    struct sink *sink = *state;
    struct impairment path;
    impairment_init(&path, 4);
    push(&path, sink, 0);
    path.cut = true;
    for (uint32_t i = 1; i < 10; i++)
        push(&path, sink, i);
    path.cut = false;
    push(&path, sink, 10);
    assert_int_equal(sink->count, 2);
    assert_int_equal(sink->order[1], 10);
    assert_int_equal(path.counters.cut, 9);
}

static void damages_only_what_it_counts(void **state)
{
    struct sink *sink = *state;
    struct impairment path;
    impairment_init(&path, 5);
    path.corrupt_percent = 10;
    push_all(&path, sink);
    assert_int_equal(sink->count, PACKETS);
    assert_int_equal(sink->changed, path.counters.corrupted);
    assert_in_range(sink->changed, PACKETS / 10 - 200, PACKETS / 10 + 200);
}

static void the_same_seed_does_the_same(void **state)
{
    struct sink *sink = *state;
    for (unsigned round = 0; round < 2; round++) {
        struct impairment path;
        impairment_init(&path, 6);
        path.loss_percent = 3;
        path.reorder = 7;
        sink->count = 0;
        struct sink own = { .order = sink->order + round * PACKETS };
        push_all(&path, &own);
        sink->count = own.count;
    }
    assert_memory_equal(sink->order, sink->order + PACKETS, sink->count * sizeof *sink->order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_perfect_path_changes_nothing, make, unmake),
        cmocka_unit_test_setup_teardown(loses_and_doubles_as_many_as_told, make, unmake),
        cmocka_unit_test_setup_teardown(delays_within_bounds_and_loses_none, make, unmake),
        cmocka_unit_test_setup_teardown(a_cut_swallows_all, make, unmake),
        cmocka_unit_test_setup_teardown(damages_only_what_it_counts, make, unmake),
        cmocka_unit_test_setup_teardown(the_same_seed_does_the_same, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
