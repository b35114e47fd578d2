/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whatever the network does to the order: what is stored ascends, nothing is stored twice, every buffer comes back, and
 * received + recovered + lost = expected.
 */
#include "tests/dataplane/reorder_bench.h"

static void packets_in_order_are_stored_at_once(void **state)
{
    (void)state;
    struct bench *b = bench_create(WINDOW, WAIT_NS);
    for (unsigned i = 65000; i < 66500; i++)
        send_one(b, i); /* over the wrap */
    assert_next(b, 65000, STREAM_RING_NEW_SOURCE);
    uint64_t last = 0;
    for (unsigned i = 65001; i < 66500; i++) {
        struct stream_ring_record record;
        assert_int_equal(take(b, &record), i);
        assert_true(last == 0 || record.sequence == last + 1); /* extended: goes on behind 65535 */
        last = record.sequence;
    }
    assert_int_equal(b->counters.lost, 0);
    assert_int_equal(b->counters.expected, 1500);
    bench_destroy(b);
}

static void a_swap_is_put_right(void **state)
{
    (void)state;
    struct bench *b = bench_create(WINDOW, WAIT_NS);
    static const unsigned order[] = { 10, 12, 11, 15, 14, 13, 16 };
    for (unsigned i = 0; i < 7; i++)
        send_one(b, order[i]);
    assert_next(b, 10, STREAM_RING_NEW_SOURCE);
    for (unsigned i = 11; i <= 16; i++)
        assert_next(b, i, 0);
    assert_int_equal(b->counters.reordered, 3);
    assert_int_equal(b->counters.lost, 0);
    bench_destroy(b);
}

static void a_hole_is_let_go_after_its_time_though_nothing_comes(void **state)
{
    (void)state;
    struct bench *b = bench_create(WINDOW, WAIT_NS);
    send_one(b, 1);
    send_one(b, 4);
    pass(b, WAIT_NS - 2 * NS_PER_MS);
    assert_next(b, 1, STREAM_RING_NEW_SOURCE);
    assert_true(nothing_left(b));
    assert_int_equal(b->counters.held, 1);
    pass(b, 4 * NS_PER_MS);
    assert_next(b, 4, STREAM_RING_LOST_BEFORE);
    assert_int_equal(b->counters.lost, 2);
    send_one(b, 2);
    assert_int_equal(outcome(b, PACKET_LATE), 1);
    send_one(b, 4);
    assert_int_equal(outcome(b, PACKET_DUPLICATE), 1);
    assert_int_equal(b->counters.lost, 2);
    bench_destroy(b);
}

static void each_hole_waits_its_own_time(void **state)
{
    (void)state;
    struct bench *b = bench_create(WINDOW, WAIT_NS);
    send_one(b, 1);
    send_one(b, 3); /* at 0 ms: hole at 2 */
    pass(b, 30 * NS_PER_MS);
    send_one(b, 5); /* at 30 ms: hole at 4 */
    pass(b, 25 * NS_PER_MS);
    assert_next(b, 1, STREAM_RING_NEW_SOURCE);
    assert_next(b, 3, STREAM_RING_LOST_BEFORE);
    assert_true(nothing_left(b));
    pass(b, 30 * NS_PER_MS);
    assert_next(b, 5, STREAM_RING_LOST_BEFORE);
    bench_destroy(b);
}

static void a_hole_is_let_go_over_so_many_packets(void **state)
{
    (void)state;
    struct bench *b = bench_create(8, NS_PER_S);
    send_one(b, 100);
    for (unsigned i = 102; i < 109; i++)
        send_one(b, i);
    assert_next(b, 100, STREAM_RING_NEW_SOURCE);
    assert_true(nothing_left(b));
    send_one(b, 109); /* the ninth number from 101 on */
    assert_next(b, 102, STREAM_RING_LOST_BEFORE);
    for (unsigned i = 103; i < 110; i++)
        assert_next(b, i, 0);
    assert_int_equal(b->counters.lost, 1);
    bench_destroy(b);
}

static void a_long_gap_is_counted_whole(void **state)
{
    (void)state;
    struct bench *b = bench_create(WINDOW, WAIT_NS);
    send_one(b, 65500);
    send_one(b, 65500 + 2501);
    pass(b, WAIT_NS + 2 * NS_PER_MS);
    assert_next(b, 65500, STREAM_RING_NEW_SOURCE);
    assert_next(b, 65500 + 2501, STREAM_RING_LOST_BEFORE);
    assert_int_equal(b->counters.lost, 2500);
    bench_destroy(b);
}

/* ---- a network at its worst: properties that hold for any seed ---- */

struct shuffle {
    unsigned numbers[8192];
    unsigned count;
};

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    return *state ^= *state << 5;
}

/* loss in 1/1000, duplicates in 1/1000, each packet late by up to `by` places. */
static void shuffle(struct shuffle *s, uint32_t seed, unsigned first, unsigned count, unsigned loss, unsigned copies,
                    unsigned by)
{
    static struct {
        unsigned place, number;
    } all[8192];
    unsigned n = 0;
    for (unsigned i = 0; i < count; i++) {
        if (i > 0 && i + 1 < count && next_random(&seed) % 1000 < loss)
            continue;
        unsigned times = next_random(&seed) % 1000 < copies ? 2 : 1;
        while (times--) {
            all[n].number = first + i;
            all[n++].place = i + (i > 0 && by ? next_random(&seed) % (by + 1) : 0);
        }
    }
    for (unsigned i = 1; i < n; i++) /* nearly sorted: insertion, which is stable */
        for (unsigned j = i; j && all[j].place < all[j - 1].place; j--) {
            unsigned place = all[j].place, number = all[j].number;
            all[j] = all[j - 1];
            all[j - 1].place = place;
            all[j - 1].number = number;
        }
    s->count = n;
    for (unsigned i = 0; i < n; i++)
        s->numbers[i] = all[i].number;
}

/* Sends the sequence, 1 ms apart, and checks that what was stored ascends. */
static void run(struct bench *b, const struct shuffle *s)
{
    for (unsigned i = 0; i < s->count; i++, pass(b, NS_PER_MS)) {
        send_one(b, s->numbers[i]);
        if (i % 100 == 0) {
            assert_identity(b);
        }
    }
    pass(b, 200 * NS_PER_MS);
    struct stream_ring_record record;
    uint64_t last = 0;
    while (!nothing_left(b)) {
        take(b, &record);
        assert_true(record.sequence > last);
        assert_int_equal(record.flags & STREAM_RING_LOST_BEFORE ? 1 : 0, last && record.sequence != last + 1);
        last = record.sequence;
    }
}

static void loss_reorder_and_duplicates_by_chance(void **state)
{
    (void)state;
    static struct shuffle s;
    for (uint32_t seed = 1; seed <= 40; seed++) {
        struct bench *b = bench_create(WINDOW, WAIT_NS);
        unsigned count = 2000, first = 65536 - 1000 + seed * 37;
        shuffle(&s, seed, first, count, 10, 20, 20);
        run(b, &s);
        assert_int_equal(b->counters.expected, count);
        assert_int_equal(b->counters.restarts, 0);
        assert_int_equal(outcome(b, PACKET_LATE), 0); /* a window of 64 and 50 ms holds a reorder by 20 */
        assert_int_equal(outcome(b, PACKET_STORED) + outcome(b, PACKET_DUPLICATE), s.count);
        assert_true(b->counters.lost > 0 && outcome(b, PACKET_DUPLICATE) > 0 && b->counters.reordered > 0);
        bench_destroy(b);
    }
}

static void a_window_that_is_too_small_loses_but_keeps_the_books(void **state)
{
    (void)state;
    static struct shuffle s;
    for (uint32_t seed = 1; seed <= 20; seed++) {
        struct bench *b = bench_create(4, 3 * NS_PER_MS);
        shuffle(&s, seed, 65000, 2000, 50, 50, 20);
        run(b, &s);
        assert_true(outcome(b, PACKET_LATE) > 0);
        assert_int_equal(outcome(b, PACKET_STORED) + outcome(b, PACKET_DUPLICATE) + outcome(b, PACKET_LATE), s.count);
        bench_destroy(b);
    }
}

/* Anything at all: numbers, senders, pauses. The books must balance and nothing may leak. */
static void noise_keeps_the_books(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 60; seed++) {
        struct bench *b = bench_create(1 + seed % 32, seed % 3 * 10 * NS_PER_MS);
        uint32_t random = seed;
        unsigned number = 0;
        for (unsigned i = 0; i < 1000; i++) {
            uint32_t dice = next_random(&random) % 100;
            number += dice < 80 ? 1 : dice < 90 ? next_random(&random) % 6 : 0;
            if (dice == 99)
                number = next_random(&random) % 65536;
            b->address = dice == 98 ? 2 : 1;
            uint32_t ssrc = next_random(&random) % 500 < 30 ? OTHER_SSRC : SSRC;
            send_as(b, ssrc, (number - (dice == 97 ? 5 : 0)) & 0xffff);
            if (dice == 96)
                pass(b, next_random(&random) % 1500 * NS_PER_MS);
            else
                pass(b, dice % 4 * NS_PER_MS);
            assert_identity(b);
        }
        bench_destroy(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_in_order_are_stored_at_once),
        cmocka_unit_test(a_swap_is_put_right),
        cmocka_unit_test(a_hole_is_let_go_after_its_time_though_nothing_comes),
        cmocka_unit_test(each_hole_waits_its_own_time),
        cmocka_unit_test(a_hole_is_let_go_over_so_many_packets),
        cmocka_unit_test(a_long_gap_is_counted_whole),
        cmocka_unit_test(loss_reorder_and_duplicates_by_chance),
        cmocka_unit_test(a_window_that_is_too_small_loses_but_keeps_the_books),
        cmocka_unit_test(noise_keeps_the_books),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
