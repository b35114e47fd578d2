/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reorder.c - numbers are extended over wraps by their signed distance from the next one that is wanted, so that there
 * is no special case at 65535. The window is indexed by the extended number; what left it is remembered as one bit.
 */
#include "dataplane/reorder.h"

#include <string.h>

enum { HISTORY_BITS = 4096 }; /* more than REORDER_DROPOUT_PACKETS, a power of two */
_Static_assert((int)HISTORY_BITS > (int)REORDER_DROPOUT_PACKETS, "late and duplicate are told apart by the history");

struct reorder {
    /* what a packet in order touches */
    _Alignas(64) uint64_t next; /* extended number that is wanted */
    struct packet_address source;
    uint64_t last_ns; /* of this sender's last packet */
    uint32_t ssrc;
    bool active;
    bool has_probe;
    uint16_t flags; /* enum stream_ring_record_flags for the next record */
    uint16_t held;
    uint64_t first; /* of this run of numbers */
    uint64_t deadline_ns;
    /* the rest; ring, counters, the highest number and the time of a packet in order too */
    _Alignas(64) struct reorder_config config;
    uint64_t mask;      /* of slots */
    uint64_t highest;   /* extended number seen */
    uint64_t placed_ns; /* arrival of the last packet that was not late */
    uint64_t expected;  /* of the runs before this one */
    uint64_t hole_since_ns;
    uint64_t contested_until_ns;
    uint64_t probe_ns;
    struct rtp_packet probe;
    unsigned bank_first, bank_count;
    struct rtp_packet bank[REORDER_BANK_PACKETS];
    uint64_t history[HISTORY_BITS / 64]; /* 1: stored */
    struct rtp_packet slots[];           /* buffer NULL: empty */
};

static uint64_t slots_for(unsigned packets)
{
    uint64_t slots = 1;
    while (slots < packets)
        slots *= 2;
    return slots;
}

size_t reorder_bytes(unsigned packets)
{
    size_t bytes = sizeof(struct reorder) + slots_for(packets) * sizeof(struct rtp_packet);
    return (bytes + 63) / 64 * 64;
}

struct reorder *reorder_init(void *memory, const struct reorder_config *config)
{
    struct reorder *reorder = memory;
    reorder->config = *config;
    reorder->mask = slots_for(config->packets) - 1;
    reorder->deadline_ns = UINT64_MAX;
    return reorder;
}

/* Packets held already beyond a smaller window go when the next one comes, or when their time is over. */
void reorder_window(struct reorder *reorder, unsigned packets, uint64_t wait_ns)
{
    reorder->config.packets = packets;
    reorder->config.wait_ns = wait_ns;
}

static inline void count(struct reorder *r, enum packet_outcome outcome)
{
    packet_count(&r->config.counters->outcomes[outcome], 1);
}

static inline void set(packet_counter *counter, uint64_t value)
{
    atomic_store_explicit(counter, value, memory_order_relaxed);
}

static void drop(struct reorder *r, const struct rtp_packet *packet, enum packet_outcome outcome)
{
    count(r, outcome);
    r->config.discard(packet->buffer);
}

/* ---- the run of numbers ---- */

static inline void set_history(struct reorder *r, uint64_t number, bool stored)
{
    uint64_t *word = &r->history[number % HISTORY_BITS / 64], bit = UINT64_C(1) << number % 64;
    *word = stored ? *word | bit : *word & ~bit;
}

static inline bool in_history(const struct reorder *r, uint64_t number)
{
    return r->history[number % HISTORY_BITS / 64] >> number % 64 & 1;
}

/* The packet is the one that is wanted: into the ring with it. */
static inline void store(struct reorder *r, const struct rtp_packet *packet)
{
    struct stream_ring_record record = {
        .arrival_utc_ns = packet->arrival_utc_ns,
        .sequence = r->next,
        .rtp_timestamp = packet->rtp_timestamp,
        .bytes = packet->bytes,
        .flags = r->flags,
    };
    stream_ring_append(r->config.ring, &record, packet->payload);
    set_history(r, r->next, true);
    r->flags = 0;
    r->next++;
    count(r, PACKET_STORED);
    packet_count(&r->config.counters->payload_bytes, packet->bytes);
}

/* The wanted packet will not come any more. */
static inline void lose(struct reorder *r)
{
    set_history(r, r->next, false);
    r->flags |= STREAM_RING_LOST_BEFORE;
    r->next++;
    packet_count(&r->config.counters->lost, 1);
}

static inline struct rtp_packet *slot_of(struct reorder *r, uint64_t number)
{
    return &r->slots[number & r->mask];
}

static void store_held(struct reorder *r)
{
    struct rtp_packet *slot = slot_of(r, r->next);
    store(r, slot);
    r->config.discard(slot->buffer);
    slot->buffer = NULL;
    r->held--;
}

/* Stores what is held without a hole in front of it. */
static void advance(struct reorder *r)
{
    while (r->held && slot_of(r, r->next)->buffer)
        store_held(r);
}

/* Everything before `number` is stored or lost now. */
static void give_up_before(struct reorder *r, uint64_t number)
{
    while (r->next < number)
        if (r->held && slot_of(r, r->next)->buffer)
            store_held(r);
        else
            lose(r);
}

static void flush(struct reorder *r)
{
    while (r->held) {
        while (!slot_of(r, r->next)->buffer)
            lose(r);
        store_held(r);
    }
}

/* A hole is as old as the first packet that came from behind it. */
static void date_hole(struct reorder *r)
{
    uint64_t oldest = UINT64_MAX;
    unsigned left = r->held;
    for (uint64_t number = r->next; left; number++) {
        const struct rtp_packet *slot = slot_of(r, number);
        if (!slot->buffer)
            continue;
        left--;
        if (slot->arrival_ns < oldest)
            oldest = slot->arrival_ns;
    }
    r->hole_since_ns = oldest;
}

static void begin_run(struct reorder *r, uint16_t sequence)
{
    flush(r);
    r->expected += r->next - r->first;
    r->first = r->next = r->highest = UINT64_C(0x10000) + sequence;
    memset(r->history, 0, sizeof r->history);
    r->flags = STREAM_RING_NEW_SOURCE;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* After anything that is not a packet in order. */
static void settle(struct reorder *r)
{
    uint64_t deadline = UINT64_MAX;
    if (r->held)
        deadline = r->hole_since_ns + r->config.wait_ns;
    if (r->has_probe)
        deadline = earlier(deadline, r->probe_ns + REORDER_SILENCE_NS);
    if (r->bank_count) {
        deadline = earlier(deadline, r->bank[r->bank_first].arrival_ns + REORDER_BANK_NS);
        /* while it is contested, nothing but the bank's own age is looked at */
        if (r->last_ns + REORDER_SWITCH_NS >= r->contested_until_ns)
            deadline = earlier(deadline, r->last_ns + REORDER_SWITCH_NS);
    }
    r->deadline_ns = deadline;
    set(&r->config.counters->expected, r->expected + r->next - r->first);
    set(&r->config.counters->held, r->held + r->bank_count + r->has_probe);
}

/* ---- packets that are not next ---- */

static void end_probe(struct reorder *r, enum packet_outcome outcome)
{
    if (r->has_probe)
        drop(r, &r->probe, outcome);
    r->has_probe = false;
}

/* From behind a hole. */
static bool put_ahead(struct reorder *r, const struct rtp_packet *packet, uint64_t number)
{
    if (number - r->next >= r->config.packets) {
        give_up_before(r, number - r->config.packets + 1);
        advance(r);
        date_hole(r);
        if (number == r->next) {
            store(r, packet);
            return false;
        }
    }
    struct rtp_packet *slot = slot_of(r, number);
    if (slot->buffer) {
        count(r, PACKET_DUPLICATE);
        return false;
    }
    *slot = *packet;
    if (r->held++ == 0)
        r->hole_since_ns = packet->arrival_ns;
    return true;
}

/* A number that left the window: stored before, or given up. */
static void put_behind(struct reorder *r, uint64_t number)
{
    count(r, number >= r->first && in_history(r, number) ? PACKET_DUPLICATE : PACKET_LATE);
}

/* Puts a packet of this run in its place; true: kept. */
static bool place(struct reorder *r, const struct rtp_packet *packet)
{
    int distance = (int16_t)(uint16_t)(packet->sequence - (uint16_t)r->next);
    uint64_t number = r->next + (uint64_t)(int64_t)distance;
    if (distance < 0) {
        put_behind(r, number);
        return false;
    }
    r->placed_ns = packet->arrival_ns;
    if (number < r->highest)
        packet_count(&r->config.counters->reordered, 1);
    else
        r->highest = number;
    if (distance > 0)
        return put_ahead(r, packet, number);
    store(r, packet);
    if (r->held) {
        advance(r);
        if (r->held)
            date_hole(r);
    }
    return false;
}

/* Far off: the first of a restart or a stray; kept until the next one tells. */
static bool put_far(struct reorder *r, const struct rtp_packet *packet, uint64_t now_ns)
{
    if (r->has_probe) {
        int distance = (int16_t)(uint16_t)(packet->sequence - r->probe.sequence);
        if (distance == 0) {
            count(r, PACKET_DUPLICATE);
            return false;
        }
        if (distance >= -REORDER_NEAR_PACKETS && distance <= REORDER_NEAR_PACKETS) {
            begin_run(r, distance < 0 ? packet->sequence : r->probe.sequence);
            packet_count(&r->config.counters->restarts, 1);
            r->has_probe = false;
            if (distance < 0) { /* in order, so that the run begins with its first */
                bool kept = place(r, packet);
                if (!place(r, &r->probe))
                    r->config.discard(r->probe.buffer);
                return kept;
            }
            if (!place(r, &r->probe))
                r->config.discard(r->probe.buffer);
            return place(r, packet);
        }
        end_probe(r, PACKET_STRAY);
    }
    r->probe = *packet;
    r->probe_ns = now_ns;
    r->has_probe = true;
    return true;
}

/* ---- senders ---- */

static void adopt(struct reorder *r, const struct rtp_packet *packet)
{
    begin_run(r, packet->sequence);
    end_probe(r, PACKET_STRAY);
    if (r->active)
        packet_count(&r->config.counters->source_changes, 1);
    r->active = true;
    r->ssrc = packet->ssrc;
    r->source = packet->source;
    set(&r->config.counters->ssrc, packet->ssrc);
}

static void speak(struct reorder *r, uint64_t now_ns)
{
    r->last_ns = now_ns;
    set(&r->config.counters->last_packet_ns, now_ns);
}

static const struct rtp_packet *bank_oldest(const struct reorder *r)
{
    return &r->bank[r->bank_first];
}

static void drop_bank_oldest(struct reorder *r)
{
    drop(r, bank_oldest(r), PACKET_SECOND_SENDER);
    r->bank_first = (r->bank_first + 1) % REORDER_BANK_PACKETS;
    r->bank_count--;
}

static void drop_bank(struct reorder *r)
{
    while (r->bank_count)
        drop_bank_oldest(r);
}

/* The number that comes first among those kept back: they may be out of order themselves. */
static const struct rtp_packet *bank_lowest(const struct reorder *r)
{
    const struct rtp_packet *lowest = bank_oldest(r);
    for (unsigned i = 1; i < r->bank_count; i++) {
        const struct rtp_packet *packet = &r->bank[(r->bank_first + i) % REORDER_BANK_PACKETS];
        if ((int16_t)(uint16_t)(packet->sequence - lowest->sequence) < 0)
            lowest = packet;
    }
    return lowest;
}

static bool put_own(struct reorder *r, const struct rtp_packet *packet, uint64_t now_ns);

/* The sender whose packets were kept back has the endpoint now. */
static void follow_bank(struct reorder *r, uint64_t now_ns)
{
    adopt(r, bank_lowest(r));
    speak(r, now_ns);
    while (r->bank_count) {
        struct rtp_packet packet = *bank_oldest(r);
        r->bank_first = (r->bank_first + 1) % REORDER_BANK_PACKETS;
        r->bank_count--;
        if (!put_own(r, &packet, now_ns))
            r->config.discard(packet.buffer);
    }
}

static bool bank_may_follow(const struct reorder *r, uint64_t now_ns)
{
    uint64_t silence_ns = now_ns - r->last_ns;
    return silence_ns >= (now_ns < r->contested_until_ns ? REORDER_SILENCE_NS : REORDER_SWITCH_NS);
}

static bool put_foreign(struct reorder *r, const struct rtp_packet *packet, uint64_t now_ns)
{
    bool same_bank = r->bank_count && bank_oldest(r)->ssrc == packet->ssrc &&
                     packet_address_equal(&bank_oldest(r)->source, &packet->source);
    if (same_bank && bank_may_follow(r, now_ns)) {
        follow_bank(r, now_ns);
        return put_own(r, packet, now_ns);
    }
    if (now_ns - r->last_ns >= REORDER_SILENCE_NS) {
        drop_bank(r);
        adopt(r, packet);
        return put_own(r, packet, now_ns);
    }
    if (!packet_address_equal(&r->source, &packet->source)) {
        count(r, PACKET_SECOND_SENDER);
        return false;
    }
    if (!same_bank)
        drop_bank(r);
    if (r->bank_count == REORDER_BANK_PACKETS)
        drop_bank_oldest(r);
    r->bank[(r->bank_first + r->bank_count++) % REORDER_BANK_PACKETS] = *packet;
    return true;
}

static bool put_own(struct reorder *r, const struct rtp_packet *packet, uint64_t now_ns)
{
    bool was_silent = now_ns - r->last_ns >= REORDER_SILENCE_NS;
    int distance = (int16_t)(uint16_t)(packet->sequence - (uint16_t)r->next);
    speak(r, now_ns);
    if (was_silent) { /* whatever it says now is a new beginning, or goes on behind what was lost meanwhile */
        if (distance < 0 || distance > REORDER_DROPOUT_PACKETS)
            begin_run(r, packet->sequence);
        r->flags |= STREAM_RING_NEW_SOURCE;
        return place(r, packet);
    }
    bool only_late = distance < 0 && packet->arrival_ns - r->placed_ns >= REORDER_LATE_NS;
    if (distance > REORDER_DROPOUT_PACKETS || distance < -REORDER_DROPOUT_PACKETS || only_late)
        return put_far(r, packet, now_ns);
    return place(r, packet);
}

/* ---- the outside ---- */

bool reorder_put(struct reorder *r, const struct rtp_packet *packet, uint64_t now_ns)
{
    bool own = r->active && packet->ssrc == r->ssrc && packet_address_equal(&packet->source, &r->source);
    if (__builtin_expect(own && packet->sequence == (uint16_t)r->next && r->held == 0 &&
                             now_ns - r->last_ns < REORDER_SILENCE_NS,
                         1)) {
        r->highest = r->next;
        r->placed_ns = packet->arrival_ns;
        store(r, packet);
        speak(r, now_ns);
        set(&r->config.counters->expected, r->expected + r->next - r->first);
        return false;
    }
    bool kept;
    if (!r->active) {
        adopt(r, packet);
        speak(r, now_ns);
        kept = place(r, packet);
    } else {
        kept = own ? put_own(r, packet, now_ns) : put_foreign(r, packet, now_ns);
    }
    settle(r);
    return kept;
}

uint64_t reorder_deadline_ns(const struct reorder *r)
{
    return r->deadline_ns;
}

static void turn_bank(struct reorder *r, uint64_t now_ns)
{
    if (bank_may_follow(r, now_ns)) {
        follow_bank(r, now_ns);
        return;
    }
    while (r->bank_count && now_ns - bank_oldest(r)->arrival_ns >= REORDER_BANK_NS) {
        drop_bank_oldest(r);
        r->contested_until_ns = now_ns + REORDER_CONTESTED_NS;
    }
}

void reorder_turn(struct reorder *r, uint64_t now_ns)
{
    if (r->bank_count)
        turn_bank(r, now_ns);
    if (r->has_probe && now_ns - r->probe_ns >= REORDER_SILENCE_NS)
        end_probe(r, PACKET_STRAY);
    while (r->held && now_ns >= r->hole_since_ns + r->config.wait_ns) {
        while (!slot_of(r, r->next)->buffer)
            lose(r);
        advance(r);
        if (r->held)
            date_hole(r);
    }
    settle(r);
}

void reorder_drain(struct reorder *r)
{
    flush(r);
    drop_bank(r);
    end_probe(r, PACKET_STRAY);
    settle(r);
}
