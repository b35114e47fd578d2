/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames of address resolution and group membership, byte by byte against what the RFCs say. */
#include "dataplane/neighbour.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/membership.h"
#include "dataplane/packet.h"
#include "dataplane/wire.h"
#include "tests/dataplane/frame.h"

static const uint8_t hardware[6] = { 0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee }, asker[6] = { 2, 0, 0, 0, 0, 2 };
static const uint8_t local_v6[16] = { 0xfe, 0x80, [8] = 0x00, 0xaa, 0xbb, 0xff, 0xfe, 0xcc, 0xdd, 0xee };
static const uint8_t own_v6[16] = { 0xfd, 0, 0, 1, [15] = 3 }, asker_v6[16] = { 0xfd, 0, 0, 1, [15] = 9 };

static struct neighbour own_addresses(void)
{
    struct neighbour own;
    struct cidr addresses[2];
    assert_int_equal(interface_address_parse("10.1.2.3/24", &addresses[0], NULL), 0);
    assert_int_equal(interface_address_parse("fd00:1::3/64", &addresses[1], NULL), 0);
    neighbour_set(&own, hardware, addresses, 2);
    return own;
}

static struct frame arp_question(uint32_t target)
{
    static const uint8_t head[] = { 0, 1, 8, 0, 6, 4, 0, 1 };
    struct frame f;
    frame_ethernet(&f, WIRE_TYPE_ARP);
    memset(f.bytes, 0xff, 6);
    memcpy(f.bytes + 6, asker, 6);
    frame_add(&f, head, sizeof head);
    frame_add(&f, asker, 6);
    frame_32(&f, f.used, 0x0a010209);
    frame_32(&f, f.used + 10, target);
    f.used += 14;
    return f;
}

static void arp_is_answered_for_our_address_only(void **state)
{
    (void)state;
    struct neighbour own = own_addresses();
    uint8_t reply[NEIGHBOUR_FRAME_BYTES];
    struct frame f = arp_question(0x0a010203);
    assert_int_equal(neighbour_answer(&own, f.bytes, f.used, reply), 42);
    assert_memory_equal(reply, asker, 6);
    assert_memory_equal(reply + 6, hardware, 6);
    static const uint8_t head[] = { 8, 6, 0, 1, 8, 0, 6, 4, 0, 2 };
    assert_memory_equal(reply + 12, head, sizeof head);
    assert_memory_equal(reply + 22, hardware, 6);
    static const uint8_t addresses[2][4] = { { 10, 1, 2, 3 }, { 10, 1, 2, 9 } };
    assert_memory_equal(reply + 28, addresses[0], 4);
    assert_memory_equal(reply + 32, asker, 6);
    assert_memory_equal(reply + 38, addresses[1], 4);
    for (unsigned bytes = 0; bytes < f.used; bytes++)
        assert_int_equal(neighbour_answer(&own, f.bytes, bytes, reply), 0);
    f = arp_question(0x0a010204);
    assert_int_equal(neighbour_answer(&own, f.bytes, f.used, reply), 0);
    f = arp_question(0x0a010203);
    f.bytes[21] = 2; /* a reply, not a question */
    assert_int_equal(neighbour_answer(&own, f.bytes, f.used, reply), 0);
}

static void a_tagged_question_gets_a_tagged_answer(void **state)
{
    (void)state;
    struct neighbour own = own_addresses();
    uint8_t reply[NEIGHBOUR_FRAME_BYTES];
    struct frame f = arp_question(0x0a010203);
    memmove(f.bytes + 16, f.bytes + 12, f.used - 12);
    frame_16(&f, 12, WIRE_TYPE_VLAN);
    frame_16(&f, 14, 0x6000 | 42);
    f.used += 4;
    assert_int_equal(neighbour_answer(&own, f.bytes, f.used, reply), 46);
    assert_int_equal(wire_get_16(reply + 12), WIRE_TYPE_VLAN);
    assert_int_equal(wire_get_16(reply + 14), 42);
    assert_int_equal(wire_get_16(reply + 16), WIRE_TYPE_ARP);
}

static struct frame solicitation(const uint8_t source[16], const uint8_t target[16])
{
    struct frame f;
    frame_ethernet(&f, WIRE_TYPE_IPV6);
    memcpy(f.bytes + 6, asker, 6);
    uint8_t group[16] = { 0xff, 2, [11] = 1, 0xff, target[13], target[14], target[15] };
    frame_ipv6(&f, source, group, 58);
    f.bytes[f.ip + 7] = 255;
    uint8_t message[32] = { 135, [24] = 1, 1 };
    memcpy(message + 8, target, 16);
    memcpy(message + 26, asker, 6);
    frame_add(&f, message, sizeof message);
    frame_finish(&f);
    frame_16(&f, f.ip + 42, wire_icmpv6_checksum(f.bytes + f.ip, f.bytes + f.ip + 40, 32));
    return f;
}

static void neighbours_are_answered(void **state)
{
    (void)state;
    struct neighbour own = own_addresses();
    uint8_t reply[NEIGHBOUR_FRAME_BYTES];
    static const uint8_t unspecified[16], all_nodes[16] = { 0xff, 2, [15] = 1 };
    struct frame f = solicitation(asker_v6, own_v6);
    assert_int_equal(neighbour_answer(&own, f.bytes, f.used, reply), 14 + 40 + 32);
    assert_memory_equal(reply, asker, 6);
    assert_memory_equal(reply + 14 + 8, own_v6, 16);
    assert_memory_equal(reply + 14 + 24, asker_v6, 16);
    assert_int_equal(reply[14 + 7], 255);
    assert_int_equal(reply[54], 136);
    assert_int_equal(reply[58], 0x60); /* solicited, override */
    assert_memory_equal(reply + 62, own_v6, 16);
    assert_memory_equal(reply + 80, hardware, 6);
    assert_int_equal(wire_icmpv6_checksum(reply + 14, reply + 54, 32), 0);
    f = solicitation(asker_v6, local_v6); /* the address that belongs to the hardware address */
    assert_int_equal(neighbour_answer(&own, f.bytes, f.used, reply), 86);
    f = solicitation(unspecified, own_v6); /* is it free? no: told to all */
    assert_int_equal(neighbour_answer(&own, f.bytes, f.used, reply), 86);
    assert_memory_equal(reply + 14 + 24, all_nodes, 16);
    assert_int_equal(reply[58], 0x20);
    f = solicitation(asker_v6, asker_v6);
    assert_int_equal(neighbour_answer(&own, f.bytes, f.used, reply), 0);
    f = solicitation(asker_v6, own_v6);
    for (unsigned bytes = 0; bytes < f.used; bytes++)
        assert_int_equal(neighbour_answer(&own, f.bytes, bytes, reply), 0);
    f.bytes[f.ip + 42] ^= 1; /* checksum */
    assert_int_equal(neighbour_answer(&own, f.bytes, f.used, reply), 0);
    f = solicitation(asker_v6, own_v6);
    f.bytes[f.ip + 7] = 254; /* was routed */
    assert_int_equal(neighbour_answer(&own, f.bytes, f.used, reply), 0);
}

static void addresses_are_announced(void **state)
{
    (void)state;
    struct neighbour own = own_addresses();
    uint8_t frame[NEIGHBOUR_FRAME_BYTES];
    assert_int_equal(own.count, 3);
    assert_memory_equal(own.addresses[2].bytes, local_v6, 16);
    assert_int_equal(neighbour_announce(&own, &own.addresses[0], frame), 42);
    assert_int_equal(frame[0], 0xff);
    assert_memory_equal(frame + 28, frame + 38, 4); /* sender and target are the same */
    assert_int_equal(neighbour_announce(&own, &own.addresses[1], frame), 86);
    assert_int_equal(wire_icmpv6_checksum(frame + 14, frame + 54, 32), 0);
}

static struct membership_group group_of(const char *group, const char *source)
{
    struct membership_group result = { .vlan = 0 };
    assert_int_equal(ip_address_parse(group, &result.group, NULL), 0);
    if (source)
        assert_int_equal(ip_address_parse(source, &result.source, NULL), 0);
    return result;
}

/* Head of an IGMP frame, and that both checksums are right; returns where the message begins. */
static const uint8_t *check_igmp(const uint8_t *frame, size_t bytes, const uint8_t to[4])
{
    assert_int_equal(frame[0], 1);
    assert_int_equal(frame[5], to[3]);
    assert_int_equal(frame[14], 0x46);
    assert_int_equal(frame[22], 1); /* time to live */
    assert_int_equal(wire_checksum_end(wire_checksum_add(0, frame + 14, 24)), 0);
    assert_memory_equal(frame + 30, to, 4);
    assert_int_equal(frame[34], 0x94); /* router alert */
    assert_int_equal(wire_get_16(frame + 16), bytes - 14);
    assert_int_equal(wire_checksum_end(wire_checksum_add(0, frame + 38, bytes - 38)), 0);
    return frame + 38;
}

static void groups_are_joined_with_igmp(void **state)
{
    (void)state;
    struct neighbour own = own_addresses();
    uint8_t frame[MEMBERSHIP_FRAME_BYTES];
    struct membership_group any = group_of("239.129.2.3", NULL), fixed = group_of("232.1.2.3", "10.9.9.9");
    static const uint8_t to_group[4] = { 239, 129, 2, 3 }, routers[4] = { 224, 0, 0, 2 }, v3[4] = { 224, 0, 0, 22 };
    size_t bytes = membership_report(&own, &any, MEMBERSHIP_JOIN, frame);
    assert_int_equal(bytes, 14 + 24 + 8);
    const uint8_t *message = check_igmp(frame, bytes, to_group);
    assert_int_equal(frame[3], 0x01); /* 129 without its highest bit */
    assert_int_equal(message[0], 0x16);
    assert_memory_equal(message + 4, to_group, 4);
    bytes = membership_report(&own, &any, MEMBERSHIP_LEAVE, frame);
    message = check_igmp(frame, bytes, routers);
    assert_int_equal(message[0], 0x17);
    static const unsigned types[] = { 5, 1, 6 }; /* allow, is include, block */
    for (unsigned i = MEMBERSHIP_JOIN; i <= MEMBERSHIP_LEAVE; i++) {
        bytes = membership_report(&own, &fixed, (enum membership_report_type)i, frame);
        assert_int_equal(bytes, 14 + 24 + 8 + 12);
        message = check_igmp(frame, bytes, v3);
        static const uint8_t addresses[8] = { 232, 1, 2, 3, 10, 9, 9, 9 };
        assert_int_equal(message[0], 0x22);
        assert_int_equal(message[7], 1);
        assert_int_equal(message[8], types[i]);
        assert_int_equal(message[11], 1);
        assert_memory_equal(message + 12, addresses, 8);
    }
    any.vlan = 42;
    assert_int_equal(membership_report(&own, &any, MEMBERSHIP_JOIN, frame), 4 + 14 + 24 + 8);
}

static void groups_are_joined_with_mld(void **state)
{
    (void)state;
    struct neighbour own = own_addresses();
    uint8_t frame[MEMBERSHIP_FRAME_BYTES];
    struct membership_group any = group_of("ff3e::1", NULL), fixed = group_of("ff3e::1", "fd00:1::9");
    static const unsigned types[2][3] = { { 4, 2, 3 }, { 5, 1, 6 } };
    for (unsigned i = 0; i < 6; i++) {
        const struct membership_group *group = i < 3 ? &any : &fixed;
        size_t bytes = membership_report(&own, group, (enum membership_report_type)(i % 3), frame);
        assert_int_equal(bytes, 14 + 40 + 8 + 8 + 20 + (i < 3 ? 0 : 16));
        const uint8_t *ip = frame + 14, *message = ip + 48;
        assert_int_equal(ip[6], 0);
        assert_int_equal(ip[7], 1);
        assert_memory_equal(ip + 8, local_v6, 16);
        assert_int_equal(ip[40], 58);
        assert_int_equal(ip[42], 5); /* router alert */
        assert_int_equal(message[0], 143);
        assert_int_equal(message[8], types[i / 3][i % 3]);
        assert_memory_equal(message + 12, any.group.bytes, 16);
        assert_int_equal(wire_icmpv6_checksum(ip, message, bytes - 14 - 48), 0);
    }
    struct neighbour four_only;
    struct cidr address;
    interface_address_parse("10.1.2.3/24", &address, NULL);
    neighbour_set(&four_only, hardware, &address, 1);
    assert_int_equal(membership_report(&four_only, &any, MEMBERSHIP_JOIN, frame), 0);
}

static void queries_are_recognised(void **state)
{
    (void)state;
    struct frame f;
    frame_ethernet(&f, 0x0800);
    frame_ipv4(&f, 0x0a010201, 0xe0000001, (uint8_t[4]){ 0x94, 4 }, 4);
    f.bytes[f.ip + 9] = 2;
    frame_add(&f, (uint8_t[8]){ 0x11, 100 }, 8);
    frame_finish(&f);
    assert_true(membership_is_query(f.bytes, f.used));
    for (unsigned bytes = 0; bytes < f.used; bytes++)
        assert_false(membership_is_query(f.bytes, bytes));
    f.bytes[f.ip + 24] = 0x16; /* somebody's report */
    assert_false(membership_is_query(f.bytes, f.used));
    frame_ethernet(&f, 0x86dd);
    static const uint8_t all_nodes[16] = { 0xff, 2, [15] = 1 };
    frame_ipv6(&f, local_v6, all_nodes, 0);
    frame_add(&f, (uint8_t[8]){ 58, 0, 5, 2 }, 8);
    frame_add(&f, (uint8_t[24]){ 130 }, 24);
    frame_finish(&f);
    assert_true(membership_is_query(f.bytes, f.used));
    f.bytes[f.ip + 41] = 200; /* the option is longer than the frame */
    assert_false(membership_is_query(f.bytes, f.used));
}

/* Our own parser finds in our frames what it hands to the control thread. */
static void the_hot_path_knows_what_is_for_control(void **state)
{
    (void)state;
    struct neighbour own = own_addresses();
    struct membership_group four = group_of("239.1.2.3", NULL), six = group_of("ff3e::1", NULL);
    uint8_t frame[MEMBERSHIP_FRAME_BYTES];
    struct packet packet;
    size_t bytes = membership_report(&own, &four, MEMBERSHIP_JOIN, frame);
    assert_int_equal(packet_parse_network(frame, (unsigned)bytes, 0, &packet), PACKET_NOT_UDP);
    assert_int_equal(packet.protocol, WIRE_PROTOCOL_IGMP);
    bytes = membership_report(&own, &six, MEMBERSHIP_JOIN, frame);
    assert_int_equal(packet_parse_network(frame, (unsigned)bytes, 0, &packet), PACKET_NOT_UDP);
    assert_int_equal(packet.protocol, WIRE_PROTOCOL_ICMPV6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arp_is_answered_for_our_address_only),
        cmocka_unit_test(a_tagged_question_gets_a_tagged_answer),
        cmocka_unit_test(neighbours_are_answered),
        cmocka_unit_test(addresses_are_announced),
        cmocka_unit_test(groups_are_joined_with_igmp),
        cmocka_unit_test(groups_are_joined_with_mld),
        cmocka_unit_test(queries_are_recognised),
        cmocka_unit_test(the_hot_path_knows_what_is_for_control),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
