/* SPDX-License-Identifier: GPL-2.0-or-later */
/* impairment.h - a bad network in a box: loses, delays, doubles and damages the packets of one path.
 *
 * Packets go in one by one and come out of a callback, none, one or several at once. Everything is decided by a seeded
 * generator: the same seed and the same packets give the same result. At most IMPAIRMENT_HELD_MAX packets are held
 * back; past that nothing more is delayed. One thread.
 *
 *     impairment_init(&impairment, seed);
 *     impairment.loss_percent = 1.0;                       // may change at any time
 *     impairment_push(&impairment, packet, bytes, send_packet, socket);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IMPAIRMENT_HELD_MAX = 64, IMPAIRMENT_PACKET_BYTES_MAX = 1500, IMPAIRMENT_DELAY_CHANCE = 25 };

struct impairment_counters {
    uint64_t received, sent, lost, cut, delayed, duplicated, corrupted;
};

struct impairment {
    /* what is wrong with the path; may be changed between two packets */
    double loss_percent, duplicate_percent;
    double corrupt_percent; /* the first header bytes are damaged */
    unsigned reorder;       /* one packet in IMPAIRMENT_DELAY_CHANCE is sent 1..reorder packets later; 0: in order */
    bool cut;               /* nothing gets through */
    struct impairment_counters counters;
    /* private */
    uint64_t random;
    unsigned held_count;
    struct {
        unsigned wait, bytes; /* packets to wait for */
        uint8_t data[IMPAIRMENT_PACKET_BYTES_MAX];
    } held[IMPAIRMENT_HELD_MAX];
};

typedef void impairment_emit(void *context, const uint8_t *packet, size_t bytes);

void impairment_init(struct impairment *impairment, uint64_t seed); /* a perfect path */
/* packet: borrow, and left as it is; bytes at most IMPAIRMENT_PACKET_BYTES_MAX, longer ones count as lost. */
void impairment_push(struct impairment *impairment, const uint8_t *packet, size_t bytes, impairment_emit *emit,
                     void *context);
/* Lets out what is held back. */
void impairment_flush(struct impairment *impairment, impairment_emit *emit, void *context);
