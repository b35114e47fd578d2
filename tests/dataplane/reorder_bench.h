/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reorder_bench.h - for tests: packets into a reorder window, what was stored out of its ring, and the books in
 * between.
 */
#pragma once
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
static inline void discard(void *buffer)
{
    free(buffer);
}

static inline struct bench *bench_create(unsigned window, uint64_t wait_ns)
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

static inline uint64_t outcome(const struct bench *b, enum packet_outcome which)
{
    return b->outcomes[which];
}

static inline void assert_identity(const struct bench *b)
{
    assert_int_equal(outcome(b, PACKET_STORED) + b->counters.recovered + b->counters.lost, b->counters.expected);
}

/* Every packet sent has exactly one outcome, once nothing is held any more. */
static inline void bench_destroy(struct bench *b)
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

static inline void turn(struct bench *b)
{
    if (reorder_deadline_ns(b->reorder) <= b->now_ns)
        reorder_turn(b->reorder, b->now_ns);
}

static inline void pass(struct bench *b, uint64_t duration_ns)
{
    for (uint64_t end = b->now_ns + duration_ns; b->now_ns < end; b->now_ns += NS_PER_MS)
        turn(b);
}

/* The payload carries its SSRC and number. */
static inline void send_as(struct bench *b, uint32_t ssrc, unsigned number)
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

static inline void send_one(struct bench *b, unsigned number)
{
    send_as(b, SSRC, number);
}

/* Reads what was stored: the next packet's number, and its record. */
static inline unsigned take(struct bench *b, struct stream_ring_record *record)
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

static inline bool nothing_left(struct bench *b)
{
    const uint8_t *address;
    stream_ring_publish(b->ring);
    return stream_ring_peek(b->reader, &address) == 0;
}

static inline void assert_next(struct bench *b, unsigned number, unsigned flags)
{
    struct stream_ring_record record;
    assert_int_equal(take(b, &record), number);
    assert_int_equal(record.flags, flags);
    assert_int_equal((uint16_t)record.sequence, (uint16_t)number);
}
