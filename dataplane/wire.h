/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wire.h - writing and reading frames byte by byte on the control thread: big-endian numbers, checksums, Ethernet
 * heads. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    WIRE_ETHERNET_BYTES = 14,
    WIRE_VLAN_BYTES = 4,
    WIRE_IPV6_BYTES = 40,
    WIRE_TYPE_IPV4 = 0x0800,
    WIRE_TYPE_ARP = 0x0806,
    WIRE_TYPE_VLAN = 0x8100,
    WIRE_TYPE_QINQ = 0x88a8,
    WIRE_TYPE_IPV6 = 0x86dd,
    WIRE_PROTOCOL_HOP_BY_HOP = 0,
    WIRE_PROTOCOL_IGMP = 2,
    WIRE_PROTOCOL_ICMPV6 = 58,
};

static inline unsigned wire_get_16(const uint8_t *bytes)
{
    return (unsigned)bytes[0] << 8 | bytes[1];
}

static inline void wire_put_16(uint8_t *bytes, unsigned value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

/* RFC 1071, over more than one piece: begin with 0 (or the sum of a pseudo header), end with wire_checksum_end. */
static inline uint32_t wire_checksum_add(uint32_t sum, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i + 1 < count; i += 2)
        sum += wire_get_16(bytes + i);
    return count % 2 ? sum + ((uint32_t)bytes[count - 1] << 8) : sum;
}

static inline unsigned wire_checksum_end(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

/* Of ICMPv6 in an IPv6 packet: over addresses, length and protocol too (RFC 8200, 8.1). */
static inline unsigned wire_icmpv6_checksum(const uint8_t *ipv6, const uint8_t *message, size_t bytes)
{
    uint32_t sum = (uint32_t)bytes + WIRE_PROTOCOL_ICMPV6;
    return wire_checksum_end(wire_checksum_add(wire_checksum_add(sum, ipv6 + 8, 32), message, bytes));
}

/* Writes an Ethernet head, tagged if vlan is not 0; returns its length. */
static inline size_t wire_put_ethernet(uint8_t *frame, const uint8_t to[6], const uint8_t from[6], unsigned vlan,
                                       unsigned type)
{
    memcpy(frame, to, 6);
    memcpy(frame + 6, from, 6);
    wire_put_16(frame + 12, vlan ? WIRE_TYPE_VLAN : type);
    if (!vlan)
        return WIRE_ETHERNET_BYTES;
    wire_put_16(frame + 14, vlan);
    wire_put_16(frame + 16, type);
    return WIRE_ETHERNET_BYTES + WIRE_VLAN_BYTES;
}

/* Reads an Ethernet head with at most one tag; returns its length, or 0: the frame is too short. */
static inline size_t wire_get_ethernet(const uint8_t *frame, size_t bytes, unsigned *vlan, unsigned *type)
{
    *vlan = 0;
    if (bytes < WIRE_ETHERNET_BYTES)
        return 0;
    *type = wire_get_16(frame + 12);
    if (*type != WIRE_TYPE_VLAN)
        return WIRE_ETHERNET_BYTES;
    if (bytes < WIRE_ETHERNET_BYTES + WIRE_VLAN_BYTES)
        return 0;
    *vlan = wire_get_16(frame + 14) & 0x0fff;
    *type = wire_get_16(frame + 16);
    return WIRE_ETHERNET_BYTES + WIRE_VLAN_BYTES;
}
