/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reorder.h - one sender's packets, put in order and stored into the stream ring.
 *
 * Hot path: runs on the poll-mode core, takes the time as a parameter, allocates nothing. A packet that is next goes
 * straight into the ring. One from behind a hole is held (its buffer is kept) until the hole is filled, or was waited
 * for `wait_ns`, or `packets` numbers lie behind it; then what is missing is lost. For every sender
 *
 *     received + recovered + lost = expected
 *
 * where expected is counted by sequence numbers, received by packets, lost by holes; recovered is what error correction
 * brings back (none yet).
 *
 * A sender is its address and its SSRC. The first keeps the endpoint:
 *  - another SSRC from the same address is a restarted sender, or a second one beside the first. Its packets are kept
 *    back until that is clear: when the first says nothing for 100 ms they follow, none is lost; when it goes on they
 *    are dropped after 200 ms as a second sender's, and for 5 s it then takes 1 s of silence;
 *  - another address has to wait for 1 s of silence.
 * A sequence number that is far off (RFC 3550, appendix A.1) is a restart if a second one near it follows, else a
 * stray. So is one that would be late, when nothing but late packets has come for 500 ms, which is more than paths of a
 * network differ: a sender that began again a little behind where it was.
 *
 *     struct reorder *reorder = reorder_init(memory, &config);         // reorder_bytes(packets) of memory, zeroed
 *     if (!reorder_put(reorder, &packet, now_ns)) free(packet.buffer);
 *     if (reorder_deadline_ns(reorder) <= now_ns) reorder_turn(reorder, now_ns);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/packet.h"
#include "dataplane/stream_ring.h"

enum {
    REORDER_PACKETS_MAX = 2048,
    REORDER_BANK_PACKETS = 256,     /* of a new SSRC, kept back until it is clear whose they are */
    REORDER_DROPOUT_PACKETS = 3000, /* RFC 3550 A.1 MAX_DROPOUT; both ways, as our window may be long */
    REORDER_NEAR_PACKETS = 16,      /* so near must the second packet of a restart be */
};
#define REORDER_SILENCE_NS   UINT64_C(1000000000)
#define REORDER_SWITCH_NS    UINT64_C(100000000)
#define REORDER_BANK_NS      UINT64_C(200000000)
#define REORDER_LATE_NS      UINT64_C(500000000)
#define REORDER_CONTESTED_NS UINT64_C(5000000000)

/* Of one input; outcomes[] of those that are decided here. */
struct reorder_counters {
    packet_counter *outcomes; /* borrow: packet_outcome -> counter */
    packet_counter expected;
    packet_counter lost;
    packet_counter recovered;
    packet_counter payload_bytes; /* handed to the ring */
    packet_counter reordered;     /* came behind one with a higher number */
    packet_counter source_changes;
    packet_counter restarts;       /* sequence jumps of the same sender */
    packet_counter held;           /* now, not ever */
    packet_counter last_packet_ns; /* monotonic; of the sender that has the endpoint */
    packet_counter ssrc;           /* its */
};

struct reorder_config {
    unsigned packets; /* 1..REORDER_PACKETS_MAX */
    uint64_t wait_ns;
    struct stream_ring_writer *ring;   /* borrow */
    struct reorder_counters *counters; /* borrow */
    void (*discard)(void *buffer);     /* of a packet that was held */
};

struct reorder;

size_t reorder_bytes(unsigned packets);
struct reorder *reorder_init(void *memory, const struct reorder_config *config);
/* Changes the window, to at most as many packets as the memory was made for; on the poll-mode core. */
void reorder_window(struct reorder *reorder, unsigned packets, uint64_t wait_ns);

/* true: the buffer is kept and given to discard() later; false: it is the caller's, and not needed any more. */
bool reorder_put(struct reorder *reorder, const struct rtp_packet *packet, uint64_t now_ns);
/* When reorder_turn has something to do next, if no packet comes; UINT64_MAX: nothing. */
uint64_t reorder_deadline_ns(const struct reorder *reorder);
void reorder_turn(struct reorder *reorder, uint64_t now_ns);
/* Lets everything go that is held: what is in order into the ring, the rest away. For an input that ends. */
void reorder_drain(struct reorder *reorder);
