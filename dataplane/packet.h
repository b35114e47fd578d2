/* SPDX-License-Identifier: GPL-2.0-or-later */
/* packet.h - from the bytes of a frame to an RTP payload of transport stream packets, or to a named reason why not.
 *
 * Hot path, no state. Three steps, so that the flow and its security group can be looked at between the first and the
 * second, before anything beyond the addresses and ports is parsed:
 *
 *     struct packet packet;
 *     outcome = packet_parse_network(frame, bytes, device_vlan, &packet);   // Ethernet, VLAN, IP, UDP ports
 *     ... flow_table_find(), security_group_allows() ...
 *     outcome = packet_parse_transport(frame, &packet, checked_by_device);  // IPv4 checksum, UDP length
 *     outcome = packet_parse_rtp(frame, &packet);                           // RFC 3550, RFC 2250
 *
 * Every frame that comes in ends in exactly one outcome, and every outcome is a counter.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* X(constant, counter's name, what it means). The first group is counted at the port, the second at the input. */
#define PACKET_PORT_OUTCOMES(X)                                                                                        \
    X(TRUNCATED, "truncated", "the frame ends inside a header")                                                        \
    X(SCATTERED, "scattered", "longer than a packet buffer")                                                           \
    X(OTHER_PROTOCOL, "other_protocol", "neither IPv4 nor IPv6")                                                       \
    X(IP_HEADER, "ip_header", "the IP header contradicts itself or the frame")                                         \
    X(IP_FRAGMENT, "ip_fragment", "a fragment: streams must fit the path's packet size")                               \
    X(NOT_UDP, "not_udp", "IP, but not UDP")                                                                           \
    X(NO_INPUT, "no_input", "sent to no input's endpoint")                                                             \
    X(TO_CONTROL, "to_control", "address resolution or group membership, answered by the data plane")                  \
    X(CONTROL_FULL, "control_full", "the same, but more than can be answered")

#define PACKET_INPUT_OUTCOMES(X)                                                                                       \
    X(STORED, "stored", "in the stream ring")                                                                          \
    X(SECURITY_GROUP, "security_group", "the sender is in none of the input's security groups")                        \
    X(IP_CHECKSUM, "ip_checksum", "the IPv4 header's checksum is wrong")                                               \
    X(UDP_LENGTH, "udp_length", "the UDP length contradicts the IP length")                                            \
    X(UDP_CHECKSUM, "udp_checksum", "the device found the UDP checksum wrong")                                         \
    X(BARE_TS, "bare_ts", "a transport stream without RTP")                                                            \
    X(RTP_VERSION, "rtp_version", "not RTP version 2")                                                                 \
    X(RTP_HEADER, "rtp_header", "the RTP header, CSRC list or extension is longer than the packet")                    \
    X(RTP_PADDING, "rtp_padding", "more RTP padding than packet")                                                      \
    X(RTP_EMPTY, "rtp_empty", "RTP without payload")                                                                   \
    X(RTP_NOT_TS, "rtp_not_ts", "the payload is not whole transport stream packets")                                   \
    X(DUPLICATE, "duplicate", "came before")                                                                           \
    X(LATE, "late", "came after it was given up as lost")                                                              \
    X(SECOND_SENDER, "second_sender", "from another sender while the first goes on")                                   \
    X(STRAY, "stray", "a sequence number far off, and no other near it followed")

#define PACKET_OUTCOME_CONSTANT(constant, name, text) PACKET_##constant,
enum packet_outcome {
    PACKET_PORT_OUTCOMES(PACKET_OUTCOME_CONSTANT) PACKET_INPUT_OUTCOMES(PACKET_OUTCOME_CONSTANT) PACKET_OUTCOMES,
    PACKET_INPUT_OUTCOMES_BEGIN = PACKET_STORED, /* those before are the port's */
    PACKET_GOOD = PACKET_STORED,                 /* of a parser: nothing wrong so far */
};

extern const char *const packet_outcome_names[PACKET_OUTCOMES];
extern const char *const packet_outcome_texts[PACKET_OUTCOMES];

/* Written by the poll-mode core alone, read by anyone. */
typedef _Atomic uint64_t packet_counter;
static inline void packet_count(packet_counter *counter, uint64_t more)
{
    uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, now + more, memory_order_relaxed);
}

/* An IP address in the hot path: its bytes as they stand in the packet; IPv4 in the first four, the rest zero. */
struct packet_address {
    uint64_t words[2];
};

static inline bool packet_address_equal(const struct packet_address *a, const struct packet_address *b)
{
    return ((a->words[0] ^ b->words[0]) | (a->words[1] ^ b->words[1])) == 0;
}

enum { PACKET_TS_BYTES = 188, PACKET_VLAN_MASK = 0x0fff };

/* What is known of an RTP packet once it is parsed; the first three are the receiver's to fill in. */
struct rtp_packet {
    void *buffer; /* what the payload lies in */
    uint64_t arrival_utc_ns, arrival_ns;
    const uint8_t *payload;
    struct packet_address source;
    uint32_t ssrc, rtp_timestamp;
    uint16_t sequence, bytes; /* bytes: of payload */
};

/* Port, VLAN and IP version of a destination in one word: written once, compared once. (Written as three fields and
 * read as one, as compilers like to, the reads would have to wait for the writes to leave the store buffer.) */
typedef uint64_t packet_key;
static inline packet_key packet_key_of(unsigned ip_version, unsigned vlan, unsigned port)
{
    return (packet_key)ip_version << 32 | (packet_key)vlan << 16 | port;
}
#define PACKET_KEY_VLAN ((packet_key)0xffff << 16)

struct packet {
    /* packet_parse_network; ethertype and protocol also when it fails with OTHER_PROTOCOL or NOT_UDP */
    struct rtp_packet rtp; /* .source; the others packet_parse_rtp */
    struct packet_address destination;
    packet_key key; /* IP version, innermost VLAN (0: untagged), destination port */
    uint32_t ethertype, protocol, ip_version, vlan;
    uint32_t ip_offset, udp_offset;
    uint32_t end; /* of the IP packet, from the start of the frame */
    /* packet_parse_transport */
    uint32_t payload_offset, payload_bytes; /* of UDP */
};

/* device_vlan: a tag that the device has taken off already; 0: none. */
enum packet_outcome packet_parse_network(const uint8_t *frame, unsigned bytes, unsigned device_vlan,
                                         struct packet *packet);
/* checked_by_device: the IPv4 checksum needs no checking. The UDP checksum is the device's business alone: on a virtual
 * wire it is never filled in, and a stream's own CRCs and continuity counters tell what it would. */
enum packet_outcome packet_parse_transport(const uint8_t *frame, struct packet *packet, bool checked_by_device);
enum packet_outcome packet_parse_rtp(const uint8_t *frame, struct packet *packet);
