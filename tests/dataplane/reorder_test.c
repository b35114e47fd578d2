/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whatever the network does to the order: what is stored ascends, nothing is stored twice, every buffer comes back, and
 * received + recovered + lost = expected.
 */
#include "dataplane/reorder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/clock.h"
#include "board/error.h"

enum { WINDOW = 64, BYTES = 188, SSRC = 0x1111, OTHER_SSRC = 0x2222 };
#define WAIT_NS (50 * NS_PER_MS)

struct bench {
    struct stream_ring_writer *ring;
    struct stream_ring_reader *reader;
    struct reorder *reorder;
    void *memory;
    struct reorder_counters counters;
    packet_counter outcomes[PACKET_OUTCOMES];
    uint64_t now_ns;
    uint64_t sent;
    unsigned address; /* of the sender */
};

/* discard() has no context: buffers are heap blocks, so that ASan finds one that is lost or freed twice. */
static void discard(void *buffer)
{
    free(buffer);
}

static struct bench *bench_create(unsigned window, uint64_t wait_ns)
{
    struct bench *b = calloc(1, sizeof *b);
    struct error err;
    assert_int_equal(stream_ring_create(&b->ring, &(struct stream_ring_config){ .payload_bytes = 1 << 20 }, &err), 0);
    assert_int_equal(stream_ring_open(&b->reader, dup(stream_ring_descriptor(b->ring)), &err), 0);
    b->counters.outcomes = b->outcomes;
    b->memory = aligned_alloc(64, reorder_bytes(window));
    memset(b->memory, 0, reorder_bytes(window));
    b->reorder = reorder_init(
        b->memory,
        &(struct reorder_config){
            .packets = window, .wait_ns = wait_ns, .ring = b->ring, .counters = &b->counters, .discard = discard });
    b->now_ns = 100 * NS_PER_S;
    b->address = 1;
    return b;
}

static uint64_t outcome(const struct bench *b, enum packet_outcome which)
{
    return b->outcomes[which];
}

static void assert_identity(const struct bench *b)
{
    assert_int_equal(outcome(b, PACKET_STORED) + b->counters.recovered + b->counters.lost, b->counters.expected);
}

/* Every packet sent has exactly one outcome, once nothing is held any more. */
static void bench_destroy(struct bench *b)
{
    reorder_drain(b->reorder);
    assert_identity(b);
    uint64_t ended = 0;
    for (unsigned i = 0; i < PACKET_OUTCOMES; i++)
        ended += b->outcomes[i];
    assert_int_equal(ended, b->sent);
    assert_int_equal(b->counters.held, 0);
    assert_int_equal(b->counters.payload_bytes, outcome(b, PACKET_STORED) * BYTES);
    assert_int_equal(stream_ring_stored_bytes(b->ring), b->counters.payload_bytes); /* each byte stored once */
    stream_ring_close(b->reader);
    stream_ring_destroy(b->ring);
    free(b->memory);
    free(b);
}

static void turn(struct bench *b)
{
    if (reorder_deadline_ns(b->reorder) <= b->now_ns)
        reorder_turn(b->reorder, b->now_ns);
}

static void pass(struct bench *b, uint64_t duration_ns)
{
    for (uint64_t end = b->now_ns + duration_ns; b->now_ns < end; b->now_ns += NS_PER_MS)
        turn(b);
}

/* The payload carries its SSRC and number. */
static void send_as(struct bench *b, uint32_t ssrc, unsigned number)
{
    uint8_t *buffer = calloc(1, BYTES);
    memcpy(buffer, &ssrc, 4);
    memcpy(buffer + 4, &number, 4);
    struct rtp_packet packet = { .payload = buffer,
                                 .buffer = buffer,
                                 .source = { { b->address, 0 } },
                                 .arrival_utc_ns = b->now_ns,
                                 .arrival_ns = b->now_ns,
                                 .ssrc = ssrc,
                                 .rtp_timestamp = number,
                                 .sequence = (uint16_t)number,
                                 .bytes = BYTES };
    b->sent++;
    if (!reorder_put(b->reorder, &packet, b->now_ns))
        free(buffer);
    turn(b);
}

static void send_one(struct bench *b, unsigned number)
{
    send_as(b, SSRC, number);
}

/* Reads what was stored: the next packet's number, and its record. */
static unsigned take(struct bench *b, struct stream_ring_record *record)
{
    const uint8_t *address;
    unsigned number;
    stream_ring_publish(b->ring);
    assert_true(stream_ring_peek(b->reader, &address) >= BYTES);
    memcpy(&number, address + 4, 4);
    assert_true(stream_ring_record_at(b->reader, stream_ring_position(b->reader), record));
    assert_int_equal(record->bytes, BYTES);
    assert_int_equal(record->rtp_timestamp, number);
    stream_ring_advance(b->reader, BYTES);
    return number;
}

static bool nothing_left(struct bench *b)
{
    const uint8_t *address;
    stream_ring_publish(b->ring);
    return stream_ring_peek(b->reader, &address) == 0;
}

static void assert_next(struct bench *b, unsigned number, unsigned flags)
{
    struct stream_ring_record record;
    assert_int_equal(take(b, &record), number);
    assert_int_equal(record.flags, flags);
    assert_int_equal((uint16_t)record.sequence, (uint16_t)number);
}

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

static void a_restart_with_the_same_ssrc_is_followed(void **state)
{
    (void)state;
    struct bench *b = bench_create(WINDOW, WAIT_NS);
    for (unsigned i = 0; i < 10; i++)
        send_one(b, 1000 + i);
    for (unsigned i = 0; i < 10; i++)
        send_one(b, 40000 + i);
    for (unsigned i = 0; i < 10; i++)
        assert_next(b, 1000 + i, i ? 0 : STREAM_RING_NEW_SOURCE);
    for (unsigned i = 0; i < 10; i++)
        assert_next(b, 40000 + i, i ? 0 : STREAM_RING_NEW_SOURCE);
    assert_int_equal(b->counters.restarts, 1);
    assert_int_equal(b->counters.lost, 0);
    assert_int_equal(b->counters.expected, 20);
    /* its first two packets swapped */
    send_one(b, 20001);
    send_one(b, 20000);
    assert_next(b, 20000, STREAM_RING_NEW_SOURCE);
    assert_next(b, 20001, 0);
    bench_destroy(b);
}

/* Not far enough to be told from late packets at once. */
static void a_restart_a_little_behind_is_followed(void **state)
{
    (void)state;
    struct bench *b = bench_create(WINDOW, WAIT_NS);
    for (unsigned i = 0; i < 800; i++)
        send_one(b, 1000 + i);
    for (unsigned i = 0; i < 60; i++, pass(b, 10 * NS_PER_MS))
        send_one(b, 1000 + i);
    for (unsigned i = 0; i < 800; i++)
        assert_next(b, 1000 + i, i ? 0 : STREAM_RING_NEW_SOURCE);
    for (unsigned i = 50; i < 60; i++)
        assert_next(b, 1000 + i, i == 50 ? STREAM_RING_NEW_SOURCE : 0);
    assert_int_equal(b->counters.restarts, 1);
    assert_int_equal(b->counters.lost, 0);
    assert_int_equal(outcome(b, PACKET_DUPLICATE), 50);
    bench_destroy(b);
}

/* A packet comes after a pause, but it is only one of those before it. */
static void a_late_one_after_a_pause_is_no_restart(void **state)
{
    (void)state;
    struct bench *b = bench_create(WINDOW, WAIT_NS);
    for (unsigned i = 0; i < 20; i++)
        send_one(b, 1000 + i);
    pass(b, 600 * NS_PER_MS);
    send_one(b, 1010);
    for (unsigned i = 20; i < 40; i++)
        send_one(b, 1000 + i);
    pass(b, 2 * NS_PER_S);
    for (unsigned i = 0; i < 40; i++)
        assert_next(b, 1000 + i, i ? 0 : STREAM_RING_NEW_SOURCE);
    assert_int_equal(b->counters.restarts, 0);
    assert_int_equal(b->counters.lost, 0);
    bench_destroy(b);
}

/* A healthy stream is never silent: whatever comes late in it came late. */
static void late_ones_in_a_healthy_stream_are_no_restart(void **state)
{
    (void)state;
    struct bench *b = bench_create(WINDOW, WAIT_NS);
    for (unsigned i = 0; i < 1000; i++, pass(b, NS_PER_MS))
        send_one(b, 1000 + i);
    send_one(b, 1997);
    send_one(b, 1998);
    for (unsigned i = 1000; i < 1100; i++, pass(b, NS_PER_MS))
        send_one(b, 1000 + i);
    for (unsigned i = 0; i < 1100; i++)
        assert_next(b, 1000 + i, i ? 0 : STREAM_RING_NEW_SOURCE);
    assert_true(nothing_left(b));
    assert_int_equal(b->counters.restarts, 0);
    assert_int_equal(b->counters.lost, 0);
    assert_int_equal(outcome(b, PACKET_DUPLICATE), 2);
    bench_destroy(b);
}

/* Two paths to one address, one of them a little longer. */
static void a_stream_that_comes_twice_is_stored_once(void **state)
{
    (void)state;
    enum { BEHIND = 5, COUNT = 2000 };
    struct bench *b = bench_create(WINDOW, WAIT_NS);
    for (unsigned i = 0; i < COUNT + BEHIND; i++, pass(b, NS_PER_MS)) {
        if (i < COUNT)
            send_one(b, 65000 + i); /* over the wrap */
        if (i >= BEHIND)
            send_one(b, 65000 + i - BEHIND);
    }
    for (unsigned i = 0; i < COUNT; i++)
        assert_next(b, 65000 + i, i ? 0 : STREAM_RING_NEW_SOURCE);
    assert_true(nothing_left(b));
    assert_int_equal(b->counters.restarts, 0);
    assert_int_equal(b->counters.lost, 0);
    assert_int_equal(outcome(b, PACKET_DUPLICATE), COUNT);
    bench_destroy(b);
}

static void a_stray_number_disturbs_nothing(void **state)
{
    (void)state;
    struct bench *b = bench_create(WINDOW, WAIT_NS);
    send_one(b, 1);
    send_one(b, 30000);
    send_one(b, 2);
    send_one(b, 50000);
    for (unsigned i = 3; i < 10; i++)
        send_one(b, i);
    pass(b, 2 * NS_PER_S);
    for (unsigned i = 1; i < 10; i++)
        assert_next(b, i, i == 1 ? STREAM_RING_NEW_SOURCE : 0);
    assert_true(nothing_left(b));
    assert_int_equal(outcome(b, PACKET_STRAY), 2);
    assert_int_equal(b->counters.lost, 0);
    bench_destroy(b);
}

static void a_new_ssrc_is_followed_and_loses_nothing(void **state)
{
    (void)state;
    struct bench *b = bench_create(WINDOW, WAIT_NS);
    for (unsigned i = 0; i < 20; i++, pass(b, NS_PER_MS))
        send_as(b, SSRC, 500 + i);
    for (unsigned i = 0; i < 200; i++, pass(b, NS_PER_MS))
        send_as(b, OTHER_SSRC, 9000 + i);
    for (unsigned i = 0; i < 20; i++)
        assert_next(b, 500 + i, i ? 0 : STREAM_RING_NEW_SOURCE);
    for (unsigned i = 0; i < 200; i++)
        assert_next(b, 9000 + i, i ? 0 : STREAM_RING_NEW_SOURCE);
    assert_int_equal(b->counters.source_changes, 1);
    assert_int_equal(outcome(b, PACKET_SECOND_SENDER), 0);
    assert_int_equal(b->counters.lost, 0);
    bench_destroy(b);
}

static void a_new_ssrc_is_followed_though_it_says_only_a_word(void **state)
{
    (void)state;
    struct bench *b = bench_create(WINDOW, WAIT_NS);
    send_as(b, SSRC, 1);
    send_as(b, OTHER_SSRC, 7001);
    send_as(b, OTHER_SSRC, 7000);
    assert_next(b, 1, STREAM_RING_NEW_SOURCE);
    assert_true(nothing_left(b));
    pass(b, REORDER_SWITCH_NS + 2 * NS_PER_MS);
    assert_next(b, 7000, STREAM_RING_NEW_SOURCE);
    assert_next(b, 7001, 0);
    bench_destroy(b);
}

static void a_second_sender_beside_the_first_is_dropped(void **state)
{
    (void)state;
    struct bench *b = bench_create(WINDOW, WAIT_NS);
    for (unsigned i = 0; i < 2000; i++, pass(b, NS_PER_MS)) {
        send_as(b, SSRC, i);
        send_as(b, OTHER_SSRC, 30000 + i);
    }
    for (unsigned i = 0; i < 2000; i++)
        assert_next(b, i, i ? 0 : STREAM_RING_NEW_SOURCE);
    assert_true(nothing_left(b));
    assert_int_equal(b->counters.source_changes, 0);
    assert_true(outcome(b, PACKET_SECOND_SENDER) >= 1700);
    /* it was contested: a pause of the first for 300 ms is not enough */
    unsigned other = 32000;
    for (unsigned i = 0; i < 300; i++, pass(b, NS_PER_MS))
        send_as(b, OTHER_SSRC, other++);
    assert_int_equal(b->counters.source_changes, 0);
    /* one of more than 1 s is */
    for (unsigned i = 0; i < 1000; i++, pass(b, NS_PER_MS))
        send_as(b, OTHER_SSRC, other++);
    assert_int_equal(b->counters.source_changes, 1);
    assert_int_equal(b->counters.ssrc, OTHER_SSRC);
    bench_destroy(b);
}

static void another_address_waits_for_a_second_of_silence(void **state)
{
    (void)state;
    struct bench *b = bench_create(WINDOW, WAIT_NS);
    send_one(b, 1);
    b->address = 2;
    for (unsigned i = 0; i < 990; i++, pass(b, NS_PER_MS))
        send_one(b, 2 + i); /* the same SSRC and fitting numbers make it no friend */
    assert_int_equal(outcome(b, PACKET_SECOND_SENDER), 990);
    pass(b, 20 * NS_PER_MS);
    send_one(b, 5000);
    assert_next(b, 1, STREAM_RING_NEW_SOURCE);
    assert_next(b, 5000, STREAM_RING_NEW_SOURCE);
    assert_int_equal(b->counters.source_changes, 1);
    bench_destroy(b);
}

static void after_silence_the_same_sender_is_marked(void **state)
{
    (void)state;
    struct bench *b = bench_create(WINDOW, WAIT_NS);
    send_one(b, 10);
    pass(b, 3 * NS_PER_S);
    send_one(b, 11); /* it paused */
    pass(b, 3 * NS_PER_S);
    send_one(b, 2411); /* it was cut off */
    pass(b, 3 * NS_PER_S);
    send_one(b, 2000); /* it began anew */
    pass(b, 30 * NS_PER_S);
    send_one(b, 33000); /* nobody knows */
    assert_next(b, 10, STREAM_RING_NEW_SOURCE);
    assert_next(b, 11, STREAM_RING_NEW_SOURCE);
    assert_next(b, 2411, STREAM_RING_NEW_SOURCE | STREAM_RING_LOST_BEFORE);
    assert_next(b, 2000, STREAM_RING_NEW_SOURCE);
    assert_next(b, 33000, STREAM_RING_NEW_SOURCE);
    assert_int_equal(b->counters.lost, 2399);
    assert_int_equal(b->counters.source_changes, 0);
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
        cmocka_unit_test(a_restart_with_the_same_ssrc_is_followed),
        cmocka_unit_test(a_restart_a_little_behind_is_followed),
        cmocka_unit_test(a_late_one_after_a_pause_is_no_restart),
        cmocka_unit_test(late_ones_in_a_healthy_stream_are_no_restart),
        cmocka_unit_test(a_stream_that_comes_twice_is_stored_once),
        cmocka_unit_test(a_stray_number_disturbs_nothing),
        cmocka_unit_test(a_new_ssrc_is_followed_and_loses_nothing),
        cmocka_unit_test(a_new_ssrc_is_followed_though_it_says_only_a_word),
        cmocka_unit_test(a_second_sender_beside_the_first_is_dropped),
        cmocka_unit_test(another_address_waits_for_a_second_of_silence),
        cmocka_unit_test(after_silence_the_same_sender_is_marked),
        cmocka_unit_test(loss_reorder_and_duplicates_by_chance),
        cmocka_unit_test(a_window_that_is_too_small_loses_but_keeps_the_books),
        cmocka_unit_test(noise_keeps_the_books),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
