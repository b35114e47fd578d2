/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/impairment.h"

#include <string.h>

void impairment_init(struct impairment *impairment, uint64_t seed)
{
    memset(impairment, 0, sizeof *impairment);
    impairment->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

/* xorshift64*: small, repeatable everywhere, good enough for dice. */
static uint32_t roll(struct impairment *impairment)
{
    uint64_t x = impairment->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    impairment->random = x;
    return (uint32_t)(x * UINT64_C(0x2545f4914f6cdd1d) >> 32);
}

/* No dice are rolled for what cannot happen: one kind of impairment does not change the pattern of another. */
static bool happens(struct impairment *impairment, double percent)
{
    return percent > 0 && roll(impairment) < percent / 100 * 4294967296.0;
}

/* Each way a receiver must notice: other versions, other payload types, more CSRCs or a longer extension than there is
 * packet, padding of no length. */
static void damage(struct impairment *impairment, uint8_t *packet, size_t bytes)
{
    if (bytes < 16)
        return;
    switch (roll(impairment) % 5) {
    case 0:
        packet[0] = (uint8_t)((packet[0] & 0x3f) | 0x40);
        break;
    case 1:
        packet[1] = (uint8_t)((packet[1] & 0x80) | (roll(impairment) % 32));
        break;
    case 2:
        packet[0] |= 0x0f;
        break;
    case 3:
        packet[0] |= 0x10;
        packet[14] = packet[15] = 0xff;
        break;
    default:
        packet[0] |= 0x20;
        packet[bytes - 1] = 0;
        break;
    }
}

static void let_out(struct impairment *impairment, const uint8_t *packet, size_t bytes, impairment_emit *emit,
                    void *context)
{
    impairment->counters.sent++;
    emit(context, packet, bytes);
}

static void release_due(struct impairment *impairment, impairment_emit *emit, void *context)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < impairment->held_count; i++) {
        if (--impairment->held[i].wait == 0)
            let_out(impairment, impairment->held[i].data, impairment->held[i].bytes, emit, context);
        else if (kept++ != i)
            impairment->held[kept - 1] = impairment->held[i];
    }
    impairment->held_count = kept;
}

static void hold(struct impairment *impairment, const uint8_t *packet, size_t bytes)
{
    unsigned i = impairment->held_count++;
    impairment->held[i].wait = 1 + roll(impairment) % impairment->reorder;
    impairment->held[i].bytes = (unsigned)bytes;
    memcpy(impairment->held[i].data, packet, bytes);
    impairment->counters.delayed++;
}

void impairment_push(struct impairment *impairment, const uint8_t *packet, size_t bytes, impairment_emit *emit,
                     void *context)
{
    uint8_t copy[IMPAIRMENT_PACKET_BYTES_MAX];
    impairment->counters.received++;
    if (impairment->cut) {
        impairment->counters.cut++;
        impairment->held_count = 0; /* what was on the way is lost with the line */
        return;
    }
    if (bytes > sizeof copy || happens(impairment, impairment->loss_percent)) {
        impairment->counters.lost++;
        release_due(impairment, emit, context);
        return;
    }
    if (happens(impairment, impairment->corrupt_percent)) {
        memcpy(copy, packet, bytes);
        damage(impairment, copy, bytes);
        packet = copy;
        impairment->counters.corrupted++;
    }
    bool delay = impairment->reorder && impairment->held_count < IMPAIRMENT_HELD_MAX &&
                 happens(impairment, 100.0 / IMPAIRMENT_DELAY_CHANCE);
    if (!delay)
        let_out(impairment, packet, bytes, emit, context);
    if (!delay && happens(impairment, impairment->duplicate_percent)) {
        impairment->counters.duplicated++;
        let_out(impairment, packet, bytes, emit, context);
    }
    release_due(impairment, emit, context);
    if (delay)
        hold(impairment, packet, bytes);
}

void impairment_flush(struct impairment *impairment, impairment_emit *emit, void *context)
{
    for (unsigned i = 0; i < impairment->held_count; i++)
        let_out(impairment, impairment->held[i].data, impairment->held[i].bytes, emit, context);
    impairment->held_count = 0;
}
