/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/neighbour.h"

#include <string.h>

#include "dataplane/wire.h"

enum {
    ARP_BYTES = 28,
    ARP_REQUEST = 1,
    ARP_REPLY = 2,
    SOLICITATION = 135,
    ADVERTISEMENT = 136,
    SOLICITATION_BYTES = 24,  /* without options */
    ADVERTISEMENT_BYTES = 32, /* with our hardware address */
    FLAG_SOLICITED = 0x40,
    FLAG_OVERRIDE = 0x20,
    HOP_LIMIT = 255, /* RFC 4861: proof that it was not routed */
};

static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
static const uint8_t all_nodes_hardware[6] = { 0x33, 0x33, 0, 0, 0, 1 };
static const uint8_t all_nodes[16] = { 0xff, 0x02, [15] = 1 };

static bool is_link_local(const struct ip_address *address)
{
    return address->version == 6 && address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80;
}

void neighbour_set(struct neighbour *own, const uint8_t hardware[6], const struct cidr *addresses, unsigned count)
{
    bool has_v6 = false, has_link_local = false;
    *own = (struct neighbour){ .count = 0 };
    memcpy(own->hardware, hardware, 6);
    for (unsigned i = 0; i < count && i < NEIGHBOUR_ADDRESSES_MAX - 1; i++) {
        own->addresses[own->count++] = addresses[i].address;
        has_v6 |= addresses[i].address.version == 6;
        has_link_local |= is_link_local(&addresses[i].address);
    }
    if (!has_v6 || has_link_local)
        return;
    /* RFC 4291, appendix A: the hardware address with ff:fe in its middle and one bit turned */
    struct ip_address *local = &own->addresses[own->count++];
    *local = (struct ip_address){ .bytes = { 0xfe, 0x80 }, .version = 6 };
    const uint8_t interface[8] = {
        (uint8_t)(hardware[0] ^ 2), hardware[1], hardware[2], 0xff, 0xfe, hardware[3], hardware[4], hardware[5]
    };
    memcpy(local->bytes + 8, interface, 8);
}

const struct ip_address *neighbour_address(const struct neighbour *own, unsigned version, bool link_local)
{
    for (unsigned i = 0; i < own->count; i++)
        if (own->addresses[i].version == version && is_link_local(&own->addresses[i]) == link_local)
            return &own->addresses[i];
    return NULL;
}

static const struct ip_address *find(const struct neighbour *own, unsigned version, const uint8_t *bytes)
{
    for (unsigned i = 0; i < own->count; i++)
        if (own->addresses[i].version == version && memcmp(own->addresses[i].bytes, bytes, version == 4 ? 4 : 16) == 0)
            return &own->addresses[i];
    return NULL;
}

/* ---- ARP ---- */

static size_t put_arp(uint8_t *arp, unsigned operation, const struct neighbour *own, const uint8_t *own_address,
                      const uint8_t *hardware, const uint8_t *address)
{
    static const uint8_t head[6] = { 0, 1, 0x08, 0, 6, 4 }; /* Ethernet, IPv4 */
    memcpy(arp, head, sizeof head);
    wire_put_16(arp + 6, operation);
    memcpy(arp + 8, own->hardware, 6);
    memcpy(arp + 14, own_address, 4);
    memcpy(arp + 18, hardware, 6);
    memcpy(arp + 24, address, 4);
    return ARP_BYTES;
}

static size_t answer_arp(const struct neighbour *own, const uint8_t *arp, size_t bytes, unsigned vlan, uint8_t *reply)
{
    static const uint8_t head[8] = { 0, 1, 0x08, 0, 6, 4, 0, ARP_REQUEST };
    if (bytes < ARP_BYTES || memcmp(arp, head, sizeof head) != 0)
        return 0;
    const struct ip_address *asked = find(own, 4, arp + 24);
    if (!asked)
        return 0;
    size_t used = wire_put_ethernet(reply, arp + 8, own->hardware, vlan, WIRE_TYPE_ARP);
    return used + put_arp(reply + used, ARP_REPLY, own, asked->bytes, arp + 8, arp + 14);
}

/* ---- IPv6 neighbour discovery ---- */

static size_t put_advertisement(uint8_t *frame, size_t used, const struct neighbour *own,
                                const struct ip_address *address, const uint8_t *to, unsigned flags)
{
    uint8_t *ipv6 = frame + used, *message = ipv6 + WIRE_IPV6_BYTES;
    memset(ipv6, 0, WIRE_IPV6_BYTES + ADVERTISEMENT_BYTES);
    ipv6[0] = 0x60;
    wire_put_16(ipv6 + 4, ADVERTISEMENT_BYTES);
    ipv6[6] = WIRE_PROTOCOL_ICMPV6;
    ipv6[7] = HOP_LIMIT;
    memcpy(ipv6 + 8, address->bytes, 16);
    memcpy(ipv6 + 24, to, 16);
    message[0] = ADVERTISEMENT;
    message[4] = (uint8_t)flags;
    memcpy(message + 8, address->bytes, 16);
    message[24] = 2; /* option: target's hardware address, 8 bytes */
    message[25] = 1;
    memcpy(message + 26, own->hardware, 6);
    wire_put_16(message + 2, wire_icmpv6_checksum(ipv6, message, ADVERTISEMENT_BYTES));
    return used + WIRE_IPV6_BYTES + ADVERTISEMENT_BYTES;
}

static size_t answer_solicitation(const struct neighbour *own, const uint8_t *frame, const uint8_t *ipv6, size_t bytes,
                                  unsigned vlan, uint8_t *reply)
{
    static const uint8_t unspecified[16];
    if (bytes < WIRE_IPV6_BYTES + SOLICITATION_BYTES || ipv6[6] != WIRE_PROTOCOL_ICMPV6 || ipv6[7] != HOP_LIMIT)
        return 0;
    const uint8_t *message = ipv6 + WIRE_IPV6_BYTES;
    size_t message_bytes = wire_get_16(ipv6 + 4);
    if (message_bytes < SOLICITATION_BYTES || message_bytes > bytes - WIRE_IPV6_BYTES || message[0] != SOLICITATION ||
        message[1] != 0 || wire_icmpv6_checksum(ipv6, message, message_bytes) != 0)
        return 0;
    const struct ip_address *asked = find(own, 6, message + 8);
    if (!asked)
        return 0;
    /* who asks from no address is checking whether ours is free (RFC 4862): all are told that it is not */
    bool is_probe = memcmp(ipv6 + 8, unspecified, 16) == 0;
    size_t used =
        wire_put_ethernet(reply, is_probe ? all_nodes_hardware : frame + 6, own->hardware, vlan, WIRE_TYPE_IPV6);
    return put_advertisement(reply, used, own, asked, is_probe ? all_nodes : ipv6 + 8,
                             is_probe ? FLAG_OVERRIDE : FLAG_OVERRIDE | FLAG_SOLICITED);
}

/* ---- both ---- */

size_t neighbour_answer(const struct neighbour *own, const uint8_t *frame, size_t bytes,
                        uint8_t reply[NEIGHBOUR_FRAME_BYTES])
{
    unsigned vlan, type;
    size_t head = wire_get_ethernet(frame, bytes, &vlan, &type);
    if (head && type == WIRE_TYPE_ARP)
        return answer_arp(own, frame + head, bytes - head, vlan, reply);
    if (head && type == WIRE_TYPE_IPV6)
        return answer_solicitation(own, frame, frame + head, bytes - head, vlan, reply);
    return 0;
}

size_t neighbour_announce(const struct neighbour *own, const struct ip_address *address,
                          uint8_t frame[NEIGHBOUR_FRAME_BYTES])
{
    static const uint8_t nobody[6];
    if (address->version == 4) {
        size_t used = wire_put_ethernet(frame, broadcast, own->hardware, 0, WIRE_TYPE_ARP);
        return used + put_arp(frame + used, ARP_REQUEST, own, address->bytes, nobody, address->bytes);
    }
    size_t used = wire_put_ethernet(frame, all_nodes_hardware, own->hardware, 0, WIRE_TYPE_IPV6);
    return put_advertisement(frame, used, own, address, all_nodes, FLAG_OVERRIDE);
}
