/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/membership.h"

#include <string.h>

#include "dataplane/wire.h"

enum {
    IPV4_BYTES = 24, /* with the router alert option (RFC 2113), which all IGMP carries */
    IGMP_QUERY = 0x11,
    IGMP_V2_REPORT = 0x16,
    IGMP_V2_LEAVE = 0x17,
    IGMP_V3_REPORT = 0x22,
    MLD_QUERY = 130,
    MLD_V2_REPORT = 143,
    HOP_BY_HOP_BYTES = 8,
    REPORT_HEAD_BYTES = 8, /* of IGMPv3 and MLDv2 alike */
};

/* Record types of IGMPv3 and MLDv2 (RFC 3376, 4.2.12). */
enum {
    RECORD_IS_INCLUDE = 1,
    RECORD_IS_EXCLUDE = 2,
    RECORD_TO_INCLUDE = 3,
    RECORD_TO_EXCLUDE = 4,
    RECORD_ALLOW_SOURCES = 5,
    RECORD_BLOCK_SOURCES = 6,
};

bool membership_group_equal(const struct membership_group *a, const struct membership_group *b)
{
    return a->vlan == b->vlan && a->group.version == b->group.version && a->source.version == b->source.version &&
           memcmp(a->group.bytes, b->group.bytes, 16) == 0 && memcmp(a->source.bytes, b->source.bytes, 16) == 0;
}

static unsigned record_type(enum membership_report_type type, bool has_source)
{
    static const unsigned with_source[] = { RECORD_ALLOW_SOURCES, RECORD_IS_INCLUDE, RECORD_BLOCK_SOURCES };
    static const unsigned without[] = { RECORD_TO_EXCLUDE, RECORD_IS_EXCLUDE, RECORD_TO_INCLUDE };
    return has_source ? with_source[type] : without[type];
}

/* Report head and its one record; returns the length. */
static size_t put_report(uint8_t *message, unsigned message_type, const struct membership_group *group,
                         enum membership_report_type type)
{
    size_t address_bytes = group->group.version == 4 ? 4 : 16;
    bool has_source = group->source.version != 0;
    uint8_t *record = message + REPORT_HEAD_BYTES;
    size_t bytes = REPORT_HEAD_BYTES + 4 + address_bytes * (has_source ? 2 : 1);
    memset(message, 0, bytes);
    message[0] = (uint8_t)message_type;
    message[7] = 1; /* record */
    record[0] = (uint8_t)record_type(type, has_source);
    record[3] = has_source;
    memcpy(record + 4, group->group.bytes, address_bytes);
    if (has_source)
        memcpy(record + 4 + address_bytes, group->source.bytes, address_bytes);
    return bytes;
}

/* ---- IPv4 ---- */

static size_t put_igmp(uint8_t *message, const struct membership_group *group, enum membership_report_type type)
{
    size_t bytes = 8;
    if (group->source.version) {
        bytes = put_report(message, IGMP_V3_REPORT, group, type);
    } else {
        memset(message, 0, bytes);
        message[0] = type == MEMBERSHIP_LEAVE ? IGMP_V2_LEAVE : IGMP_V2_REPORT;
        memcpy(message + 4, group->group.bytes, 4);
    }
    wire_put_16(message + 2, wire_checksum_end(wire_checksum_add(0, message, bytes)));
    return bytes;
}

static size_t report_v4(const struct neighbour *own, const struct membership_group *group,
                        enum membership_report_type type, uint8_t *frame)
{
    static const uint8_t all_routers[4] = { 224, 0, 0, 2 }, all_v3_routers[4] = { 224, 0, 0, 22 };
    const struct ip_address *from = neighbour_address(own, 4, false);
    if (!from)
        return 0;
    const uint8_t *to = group->source.version      ? all_v3_routers
                        : type == MEMBERSHIP_LEAVE ? all_routers
                                                   : group->group.bytes;
    const uint8_t hardware[6] = { 0x01, 0x00, 0x5e, to[1] & 0x7f, to[2], to[3] };
    uint8_t *ip = frame + wire_put_ethernet(frame, hardware, own->hardware, group->vlan, WIRE_TYPE_IPV4);
    size_t bytes = IPV4_BYTES + put_igmp(ip + IPV4_BYTES, group, type);
    memset(ip, 0, IPV4_BYTES);
    ip[0] = 0x46;
    ip[1] = 0xc0; /* internetwork control */
    wire_put_16(ip + 2, (unsigned)bytes);
    ip[6] = 0x40;
    ip[8] = 1; /* not beyond this link */
    ip[9] = WIRE_PROTOCOL_IGMP;
    memcpy(ip + 12, from->bytes, 4);
    memcpy(ip + 16, to, 4);
    ip[20] = 0x94; /* router alert */
    ip[21] = 4;
    wire_put_16(ip + 10, wire_checksum_end(wire_checksum_add(0, ip, IPV4_BYTES)));
    return (size_t)(ip - frame) + bytes;
}

/* ---- IPv6 ---- */

static size_t report_v6(const struct neighbour *own, const struct membership_group *group,
                        enum membership_report_type type, uint8_t *frame)
{
    static const uint8_t all_v2_routers[16] = { 0xff, 0x02, [15] = 0x16 };
    static const uint8_t hardware[6] = { 0x33, 0x33, 0, 0, 0, 0x16 };
    static const uint8_t router_alert[HOP_BY_HOP_BYTES] = { WIRE_PROTOCOL_ICMPV6, 0, 5, 2, 0, 0, 1, 0 };
    const struct ip_address *from = neighbour_address(own, 6, true);
    if (!from)
        return 0;
    uint8_t *ip = frame + wire_put_ethernet(frame, hardware, own->hardware, group->vlan, WIRE_TYPE_IPV6);
    uint8_t *message = ip + WIRE_IPV6_BYTES + HOP_BY_HOP_BYTES;
    size_t bytes = put_report(message, MLD_V2_REPORT, group, type);
    memset(ip, 0, WIRE_IPV6_BYTES);
    ip[0] = 0x60;
    wire_put_16(ip + 4, (unsigned)(HOP_BY_HOP_BYTES + bytes));
    ip[6] = WIRE_PROTOCOL_HOP_BY_HOP;
    ip[7] = 1;
    memcpy(ip + 8, from->bytes, 16);
    memcpy(ip + 24, all_v2_routers, 16);
    memcpy(ip + WIRE_IPV6_BYTES, router_alert, HOP_BY_HOP_BYTES);
    wire_put_16(message + 2, wire_icmpv6_checksum(ip, message, bytes));
    return (size_t)(message - frame) + bytes;
}

size_t membership_report(const struct neighbour *own, const struct membership_group *group,
                         enum membership_report_type type, uint8_t frame[MEMBERSHIP_FRAME_BYTES])
{
    return group->group.version == 4 ? report_v4(own, group, type, frame) : report_v6(own, group, type, frame);
}

/* ---- queries ---- */

static bool is_igmp_query(const uint8_t *ip, size_t bytes)
{
    if (bytes < 20)
        return false;
    size_t head = (ip[0] & 15U) * 4;
    return head >= 20 && bytes >= head + 8 && ip[9] == WIRE_PROTOCOL_IGMP && ip[head] == IGMP_QUERY;
}

static bool is_mld_query(const uint8_t *ip, size_t bytes)
{
    if (bytes < WIRE_IPV6_BYTES + HOP_BY_HOP_BYTES + 1 || ip[6] != WIRE_PROTOCOL_HOP_BY_HOP)
        return false;
    const uint8_t *option = ip + WIRE_IPV6_BYTES;
    size_t head = WIRE_IPV6_BYTES + (option[1] + 1U) * 8;
    return option[0] == WIRE_PROTOCOL_ICMPV6 && bytes > head && ip[head] == MLD_QUERY;
}

bool membership_is_query(const uint8_t *frame, size_t bytes)
{
    unsigned vlan, type;
    size_t head = wire_get_ethernet(frame, bytes, &vlan, &type);
    if (head && type == WIRE_TYPE_IPV4)
        return is_igmp_query(frame + head, bytes - head);
    return head && type == WIRE_TYPE_IPV6 && is_mld_query(frame + head, bytes - head);
}
