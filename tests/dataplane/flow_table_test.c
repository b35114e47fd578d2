/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which input a packet belongs to, and who may send: flow table and security group, with addresses as people write
 * them. */
#include "dataplane/flow_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "board/error.h"
#include "dataplane/address.h"
#include "dataplane/security_group.h"

static struct packet_address address_of(const char *text, unsigned *version)
{
    struct ip_address address;
    struct packet_address hot;
    assert_int_equal(ip_address_parse(text, &address, NULL), 0);
    memcpy(&hot, address.bytes, sizeof hot);
    *version = address.version;
    return hot;
}

static bool add(struct flow_table *table, const char *destination, unsigned port, unsigned vlan, const char *source,
                int input, int *taken_by)
{
    unsigned version;
    struct flow flow = { .destination = address_of(destination, &version), .input = (int16_t)input };
    flow.key = packet_key_of(version, vlan, port);
    flow.has_source = source;
    if (source)
        flow.source = address_of(source, &version);
    return flow_table_add(table, &flow, taken_by);
}

static int find(const struct flow_table *table, const char *source, const char *destination, unsigned port,
                unsigned vlan)
{
    unsigned version;
    struct packet packet = { .destination = address_of(destination, &version) };
    packet.rtp.source = address_of(source, &version);
    packet.key = packet_key_of(version, vlan, port);
    return flow_table_find(table, &packet);
}

static void flows_are_found_by_address_port_and_vlan(void **state)
{
    (void)state;
    struct flow_table table = { 0 };
    int taken_by;
    assert_true(add(&table, "10.1.0.1", 5000, 0, NULL, 0, &taken_by));
    assert_true(add(&table, "10.1.0.1", 5002, 0, NULL, 1, &taken_by));
    assert_true(add(&table, "239.1.1.1", 5000, 42, NULL, 2, &taken_by));
    assert_true(add(&table, "239.1.1.1", 5000, 0, NULL, 3, &taken_by));
    assert_true(add(&table, "fd00::1", 5000, 0, NULL, 4, &taken_by));
    assert_int_equal(find(&table, "10.2.0.1", "10.1.0.1", 5000, 0), 0);
    assert_int_equal(find(&table, "10.2.0.1", "10.1.0.1", 5000, 7), 0); /* on any VLAN */
    assert_int_equal(find(&table, "10.2.0.1", "10.1.0.1", 5002, 0), 1);
    assert_int_equal(find(&table, "10.2.0.1", "239.1.1.1", 5000, 42), 2);
    assert_int_equal(find(&table, "10.2.0.1", "239.1.1.1", 5000, 43), 3);
    assert_int_equal(find(&table, "fd00::9", "fd00::1", 5000, 0), 4);
    assert_int_equal(find(&table, "10.2.0.1", "10.1.0.1", 5001, 0), FLOW_NONE);
    assert_int_equal(find(&table, "10.2.0.1", "10.1.0.2", 5000, 0), FLOW_NONE);
    /* the IPv6 address whose first bytes are those of the IPv4 one is another */
    assert_int_equal(find(&table, "fd00::9", "a01:1::", 5000, 0), FLOW_NONE);
}

static void a_fixed_sender_counts_more_than_any(void **state)
{
    (void)state;
    struct flow_table table = { 0 };
    int taken_by;
    assert_true(add(&table, "232.1.1.1", 5000, 0, NULL, 0, &taken_by));
    assert_true(add(&table, "232.1.1.1", 5000, 0, "10.0.0.1", 1, &taken_by));
    assert_true(add(&table, "232.1.1.1", 5000, 0, "10.0.0.2", 2, &taken_by));
    assert_int_equal(find(&table, "10.0.0.1", "232.1.1.1", 5000, 0), 1);
    assert_int_equal(find(&table, "10.0.0.2", "232.1.1.1", 5000, 0), 2);
    assert_int_equal(find(&table, "10.0.0.3", "232.1.1.1", 5000, 0), 0);
}

static void an_endpoint_is_taken_once(void **state)
{
    (void)state;
    struct flow_table table = { 0 };
    int taken_by;
    assert_true(add(&table, "10.1.0.1", 5000, 0, NULL, 3, &taken_by));
    assert_false(add(&table, "10.1.0.1", 5000, 0, NULL, 4, &taken_by));
    assert_int_equal(taken_by, 3);
}

static void as_many_as_can_be_are_all_found(void **state)
{
    (void)state;
    struct flow_table table = { 0 };
    int taken_by;
    char text[32];
    for (int i = 0; i < FLOWS_MAX; i++) {
        snprintf(text, sizeof text, "239.0.%d.%d", i / 4, i * 7 % 256);
        assert_true(add(&table, text, 5000, 0, NULL, i, &taken_by));
    }
    assert_false(add(&table, "10.0.0.1", 5000, 0, NULL, 99, &taken_by));
    assert_int_equal(taken_by, FLOW_NONE);
    for (int i = 0; i < FLOWS_MAX; i++) {
        snprintf(text, sizeof text, "239.0.%d.%d", i / 4, i * 7 % 256);
        assert_int_equal(find(&table, "10.0.0.1", text, 5000, 0), i);
    }
}

static void allow(struct security_group *group, const char *network)
{
    struct cidr cidr;
    struct error err;
    assert_int_equal(cidr_parse(network, &cidr, &err), 0);
    assert_true(security_group_add(group, &cidr));
}

static bool allowed(const struct security_group *group, const char *source)
{
    unsigned version;
    struct packet_address address = address_of(source, &version);
    return security_group_allows(group, version, &address);
}

static void only_members_may_send(void **state)
{
    (void)state;
    struct security_group group = { 0 };
    assert_false(allowed(&group, "10.1.0.1")); /* empty: nobody */
    allow(&group, "10.1.0.0/16");
    allow(&group, "192.168.7.128/25");
    allow(&group, "203.0.113.5/32");
    allow(&group, "fd00:1::/63");
    assert_true(allowed(&group, "10.1.0.0"));
    assert_true(allowed(&group, "10.1.255.255"));
    assert_false(allowed(&group, "10.2.0.0"));
    assert_false(allowed(&group, "10.0.255.255"));
    assert_true(allowed(&group, "192.168.7.128"));
    assert_false(allowed(&group, "192.168.7.127"));
    assert_true(allowed(&group, "203.0.113.5"));
    assert_false(allowed(&group, "203.0.113.4"));
    assert_true(allowed(&group, "fd00:1:0:1::9"));
    assert_false(allowed(&group, "fd00:1:0:2::9"));
    assert_false(allowed(&group, "a01::")); /* bytes of 10.1.0.0, but IPv6 */
}

static void everybody_of_one_version(void **state)
{
    (void)state;
    struct security_group four = { 0 }, six = { 0 };
    allow(&four, "0.0.0.0/0");
    allow(&six, "::/0");
    assert_true(allowed(&four, "1.2.3.4"));
    assert_false(allowed(&four, "::1"));
    assert_true(allowed(&six, "2001:db8::1"));
    assert_false(allowed(&six, "1.2.3.4"));
}

static void a_full_group_takes_no_more(void **state)
{
    (void)state;
    struct security_group group = { 0 };
    struct cidr cidr;
    assert_int_equal(cidr_parse("10.0.0.1", &cidr, NULL), 0);
    for (unsigned i = 0; i < SECURITY_GROUP_COMPILED_MAX; i++)
        assert_true(security_group_add(&group, &cidr));
    assert_false(security_group_add(&group, &cidr));
}

static void networks_are_written_without_host_bits(void **state)
{
    (void)state;
    struct cidr cidr;
    struct error err;
    static const struct {
        const char *text, *reason;
    } wrong[] = {
        { "10.1.0.1/16", "the network is 10.1.0.0/16" },
        { "fd00:1::1/64", "the network is fd00:1::/64" },
        { "10.1.0.0/33", "0..32" },
        { "fd00::/129", "0..128" },
        { "10.1.0.0/", "0..32" },
        { "10.1.0.0/8x", "0..32" },
        { "10.1.0.0/-1", "0..32" },
        { "10.1.0/8", "not an IPv4 or IPv6 network" },
        { "", "not an IPv4 or IPv6 network" },
        { "lan", "not an IPv4 or IPv6 network" },
        { "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc/1", "not an IPv4 or IPv6 network" },
    };
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_not_equal(cidr_parse(wrong[i].text, &cidr, &err), 0);
        assert_non_null(strstr(err.text, wrong[i].reason));
    }
    assert_int_equal(cidr_parse("0.0.0.0/0", &cidr, &err), 0);
    assert_int_equal(cidr_parse("10.1.2.3", &cidr, &err), 0);
    assert_int_equal(cidr.prefix, 32);
    assert_int_equal(interface_address_parse("10.1.2.3/24", &cidr, &err), 0);
    assert_int_not_equal(interface_address_parse("10.1.2.3", &cidr, &err), 0);
    assert_int_not_equal(interface_address_parse("239.1.2.3/8", &cidr, &err), 0);
    assert_int_not_equal(interface_address_parse("0.0.0.0/0", &cidr, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flows_are_found_by_address_port_and_vlan),
        cmocka_unit_test(a_fixed_sender_counts_more_than_any),
        cmocka_unit_test(an_endpoint_is_taken_once),
        cmocka_unit_test(as_many_as_can_be_are_all_found),
        cmocka_unit_test(only_members_may_send),
        cmocka_unit_test(everybody_of_one_version),
        cmocka_unit_test(a_full_group_takes_no_more),
        cmocka_unit_test(networks_are_written_without_host_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
