/* SPDX-License-Identifier: GPL-2.0-or-later */
/* packet.c - every length is compared with what the frame really has before a byte is read behind it. */
#include "dataplane/packet.h"

#include <string.h>

#define OUTCOME_NAME(constant, name, text) name,
#define OUTCOME_TEXT(constant, name, text) text,
const char *const packet_outcome_names[PACKET_OUTCOMES] = { PACKET_PORT_OUTCOMES(OUTCOME_NAME)
                                                                PACKET_INPUT_OUTCOMES(OUTCOME_NAME) };
const char *const packet_outcome_texts[PACKET_OUTCOMES] = { PACKET_PORT_OUTCOMES(OUTCOME_TEXT)
                                                                PACKET_INPUT_OUTCOMES(OUTCOME_TEXT) };

enum {
    ETHERNET_BYTES = 14,
    VLAN_BYTES = 4,
    VLANS_MAX = 2,
    ETHERTYPE_VLAN = 0x8100,
    ETHERTYPE_QINQ = 0x88a8,
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_IPV6 = 0x86dd,
    IPV4_BYTES = 20,
    IPV6_BYTES = 40,
    IPV6_EXTENSIONS_MAX = 8,
    UDP_BYTES = 8,
    RTP_BYTES = 12,
    PROTOCOL_HOP_BY_HOP = 0,
    PROTOCOL_UDP = 17,
    PROTOCOL_ROUTING = 43,
    PROTOCOL_FRAGMENT = 44,
    PROTOCOL_AUTHENTICATION = 51,
    PROTOCOL_DESTINATION = 60,
    FRAGMENT_BITS = 0x3fff, /* more fragments, or an offset */
    SYNC_BYTE = 0x47,
};

static inline uint16_t load_16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline uint32_t load_32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static inline enum packet_outcome parse_udp_ports(const uint8_t *frame, unsigned offset, struct packet *packet)
{
    if (packet->protocol != PROTOCOL_UDP)
        return PACKET_NOT_UDP;
    if (packet->end - offset < UDP_BYTES)
        return PACKET_TRUNCATED;
    packet->udp_offset = offset;
    packet->key = packet_key_of(packet->ip_version, packet->vlan, load_16(frame + offset + 2));
    return PACKET_GOOD;
}

static inline enum packet_outcome parse_ipv4(const uint8_t *frame, unsigned bytes, struct packet *packet)
{
    const uint8_t *header = frame + packet->ip_offset;
    unsigned room = bytes - packet->ip_offset;
    if (room < IPV4_BYTES)
        return PACKET_TRUNCATED;
    unsigned header_bytes = (header[0] & 15U) * 4, total_bytes = load_16(header + 2);
    if (header[0] >> 4 != 4 || header_bytes < IPV4_BYTES || total_bytes < header_bytes)
        return PACKET_IP_HEADER;
    if (total_bytes > room)
        return PACKET_TRUNCATED;
    packet->ip_version = 4;
    packet->protocol = header[9];
    packet->end = packet->ip_offset + total_bytes; /* short frames are padded: the rest is not ours */
    if (load_16(header + 6) & FRAGMENT_BITS)
        return PACKET_IP_FRAGMENT;
    uint32_t source, destination;
    memcpy(&source, header + 12, 4);
    memcpy(&destination, header + 16, 4);
    packet->rtp.source = (struct packet_address){ { source, 0 } };
    packet->destination = (struct packet_address){ { destination, 0 } };
    return parse_udp_ports(frame, packet->ip_offset + header_bytes, packet);
}

static bool is_extension(unsigned protocol)
{
    return protocol == PROTOCOL_HOP_BY_HOP || protocol == PROTOCOL_ROUTING || protocol == PROTOCOL_DESTINATION ||
           protocol == PROTOCOL_AUTHENTICATION;
}

static inline enum packet_outcome parse_ipv6(const uint8_t *frame, unsigned bytes, struct packet *packet)
{
    const uint8_t *header = frame + packet->ip_offset;
    unsigned room = bytes - packet->ip_offset;
    if (room < IPV6_BYTES)
        return PACKET_TRUNCATED;
    unsigned payload_bytes = load_16(header + 4);
    if (header[0] >> 4 != 6)
        return PACKET_IP_HEADER;
    if (IPV6_BYTES + payload_bytes > room)
        return PACKET_TRUNCATED;
    packet->ip_version = 6;
    packet->protocol = header[6];
    packet->end = packet->ip_offset + IPV6_BYTES + payload_bytes;
    memcpy(&packet->rtp.source, header + 8, 16);
    memcpy(&packet->destination, header + 24, 16);
    unsigned offset = packet->ip_offset + IPV6_BYTES;
    for (unsigned i = 0; is_extension(packet->protocol); i++) {
        if (i == IPV6_EXTENSIONS_MAX)
            return PACKET_IP_HEADER;
        if (offset + 8 > packet->end)
            return PACKET_TRUNCATED;
        /* RFC 4302: the authentication header counts in 4 bytes, all others in 8 (RFC 8200) */
        unsigned length =
            packet->protocol == PROTOCOL_AUTHENTICATION ? (frame[offset + 1] + 2U) * 4 : (frame[offset + 1] + 1U) * 8;
        packet->protocol = frame[offset];
        offset += length;
        if (offset > packet->end)
            return PACKET_TRUNCATED;
    }
    if (packet->protocol == PROTOCOL_FRAGMENT)
        return PACKET_IP_FRAGMENT;
    return parse_udp_ports(frame, offset, packet);
}

enum packet_outcome packet_parse_network(const uint8_t *frame, unsigned bytes, unsigned device_vlan,
                                         struct packet *packet)
{
    packet->protocol = 0;
    packet->ip_version = 0;
    packet->ethertype = 0;
    packet->vlan = device_vlan & PACKET_VLAN_MASK;
    if (bytes < ETHERNET_BYTES || bytes > UINT16_MAX)
        return PACKET_TRUNCATED;
    unsigned offset = ETHERNET_BYTES, ethertype = load_16(frame + 12);
    for (unsigned i = 0; i < VLANS_MAX && (ethertype == ETHERTYPE_VLAN || ethertype == ETHERTYPE_QINQ); i++) {
        if (bytes < offset + VLAN_BYTES)
            return PACKET_TRUNCATED;
        packet->vlan = load_16(frame + offset) & PACKET_VLAN_MASK;
        ethertype = load_16(frame + offset + 2);
        offset += VLAN_BYTES;
    }
    packet->ethertype = ethertype;
    packet->ip_offset = offset;
    if (ethertype == ETHERTYPE_IPV4)
        return parse_ipv4(frame, bytes, packet);
    if (ethertype == ETHERTYPE_IPV6)
        return parse_ipv6(frame, bytes, packet);
    return PACKET_OTHER_PROTOCOL;
}

/* RFC 1071 over the header: the ones' complement sum of all its 16-bit words, the checksum's own included, is 0xffff.
 * The sum does not mind the byte order, and 32 bits can be added at a time if the carries are folded in at the end. */
static inline bool ipv4_checksum_good(const uint8_t *header)
{
    unsigned words = header[0] & 15U;
    uint64_t sum = 0;
    for (unsigned i = 0; i < words; i++) {
        uint32_t word;
        memcpy(&word, header + 4 * i, 4);
        sum += word;
    }
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return sum == 0xffff;
}

enum packet_outcome packet_parse_transport(const uint8_t *frame, struct packet *packet, bool checked_by_device)
{
    if (packet->ip_version == 4 && !checked_by_device && !ipv4_checksum_good(frame + packet->ip_offset))
        return PACKET_IP_CHECKSUM;
    unsigned room = packet->end - packet->udp_offset, length = load_16(frame + packet->udp_offset + 4);
    if (length < UDP_BYTES || length > room)
        return PACKET_UDP_LENGTH;
    packet->payload_offset = packet->udp_offset + UDP_BYTES;
    packet->payload_bytes = length - UDP_BYTES;
    return PACKET_GOOD;
}

static inline bool is_transport_stream(const uint8_t *payload, unsigned bytes)
{
    enum { N = PACKET_TS_BYTES };
    if (bytes == 7 * N) /* what nearly everybody sends: as many as fit into an Ethernet frame */
        return ((payload[0] ^ SYNC_BYTE) | (payload[N] ^ SYNC_BYTE) | (payload[2 * N] ^ SYNC_BYTE) |
                (payload[3 * N] ^ SYNC_BYTE) | (payload[4 * N] ^ SYNC_BYTE) | (payload[5 * N] ^ SYNC_BYTE) |
                (payload[6 * N] ^ SYNC_BYTE)) == 0;
    if (bytes % N)
        return false;
    unsigned wrong = 0;
    for (unsigned i = 0; i < bytes; i += N)
        wrong |= payload[i] ^ SYNC_BYTE;
    return wrong == 0;
}

/* A transport stream packet right behind the UDP header. As RTP it would be of version 1, which nobody sends. */
static inline bool is_bare(const uint8_t *payload, unsigned bytes)
{
    return bytes >= PACKET_TS_BYTES && payload[0] == SYNC_BYTE &&
           (bytes == PACKET_TS_BYTES || payload[PACKET_TS_BYTES] == SYNC_BYTE);
}

enum packet_outcome packet_parse_rtp(const uint8_t *frame, struct packet *packet)
{
    const uint8_t *rtp = frame + packet->payload_offset;
    unsigned bytes = packet->payload_bytes, header_bytes = RTP_BYTES;
    if (is_bare(rtp, bytes))
        return PACKET_BARE_TS;
    if (bytes < RTP_BYTES)
        return PACKET_RTP_HEADER;
    if (rtp[0] >> 6 != 2)
        return PACKET_RTP_VERSION;
    header_bytes += (rtp[0] & 15U) * 4; /* CSRC list */
    if (rtp[0] & 0x10) {                /* extension: its length stands in its second half word, in words */
        if (bytes < header_bytes + 4)
            return PACKET_RTP_HEADER;
        header_bytes += 4 + load_16(rtp + header_bytes + 2) * 4U;
    }
    if (bytes < header_bytes)
        return PACKET_RTP_HEADER;
    if (rtp[0] & 0x20) { /* padding: its last byte counts it, itself included */
        unsigned padding = rtp[bytes - 1];
        if (padding == 0 || padding > bytes - header_bytes)
            return PACKET_RTP_PADDING;
        bytes -= padding;
    }
    if (bytes == header_bytes)
        return PACKET_RTP_EMPTY;
    packet->rtp.sequence = load_16(rtp + 2);
    packet->rtp.rtp_timestamp = load_32(rtp + 4);
    packet->rtp.ssrc = load_32(rtp + 8);
    packet->rtp.payload = rtp + header_bytes;
    packet->rtp.bytes = (uint16_t)(bytes - header_bytes);
    return is_transport_stream(rtp + header_bytes, bytes - header_bytes) ? PACKET_GOOD : PACKET_RTP_NOT_TS;
}
