/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Good packets of every shape are understood, and every broken one has its own name. Frames are parsed from a heap
 * block of exactly their size, so that ASan sees a byte read behind the end.
 */
#include "dataplane/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/dataplane/frame.h"

enum { SOURCE = 0x0a010009, DESTINATION = 0x0a010001, PORT = 5000, SSRC = 0x11223344 };
static const uint8_t source_v6[16] = { 0xfd, 0, 0, 1, [15] = 9 }, destination_v6[16] = { 0xff, 0x3e, [15] = 1 };

static enum packet_outcome parse_tagged(const struct frame *f, unsigned device_vlan, struct packet *packet,
                                        unsigned *payload_offset)
{
    uint8_t *exact = malloc(f->used ? f->used : 1);
    memcpy(exact, f->bytes, f->used);
    enum packet_outcome outcome = packet_parse_network(exact, f->used, device_vlan, packet);
    if (outcome == PACKET_GOOD)
        outcome = packet_parse_transport(exact, packet, false);
    if (outcome == PACKET_GOOD)
        outcome = packet_parse_rtp(exact, packet);
    if (outcome == PACKET_GOOD)
        *payload_offset = (unsigned)(packet->rtp.payload - exact);
    free(exact);
    return outcome;
}

static enum packet_outcome parse(const struct frame *f)
{
    struct packet packet;
    unsigned offset;
    return parse_tagged(f, 0, &packet, &offset);
}

static void assert_good(const struct frame *f, unsigned payload_offset, unsigned payload_bytes)
{
    struct packet packet;
    unsigned offset;
    assert_int_equal(parse_tagged(f, 0, &packet, &offset), PACKET_GOOD);
    assert_int_equal(offset, payload_offset);
    assert_int_equal(packet.rtp.bytes, payload_bytes);
}

/* The outcome's name, so that a failure reads well. */
static void assert_outcome(const struct frame *f, const char *name)
{
    assert_string_equal(packet_outcome_names[parse(f)], name);
}

static void an_ordinary_packet(void **state)
{
    (void)state;
    struct frame f;
    struct packet packet;
    unsigned offset;
    frame_ordinary(&f, SOURCE, DESTINATION, PORT, 4711, SSRC);
    assert_int_equal(parse_tagged(&f, 0, &packet, &offset), PACKET_GOOD);
    assert_int_equal(offset, 14 + 20 + 8 + 12);
    assert_int_equal(packet.rtp.bytes, 7 * 188);
    assert_int_equal(packet.rtp.sequence, 4711);
    assert_int_equal(packet.rtp.ssrc, SSRC);
    assert_int_equal(packet.rtp.rtp_timestamp, 0x01020304 + 4711);
    assert_true(packet.key == packet_key_of(4, 0, PORT));
    static const uint8_t source[16] = { 10, 1, 0, 9 }, destination[16] = { 10, 1, 0, 1 };
    assert_memory_equal(&packet.rtp.source, source, 16);
    assert_memory_equal(&packet.destination, destination, 16);
}

static void vlan_tags(void **state)
{
    (void)state;
    struct frame f;
    struct packet packet;
    unsigned offset;
    frame_ethernet(&f, 0x0800);
    frame_vlan(&f, 0x88a8, 7);
    frame_vlan(&f, 0x8100, 42);
    frame_ipv4(&f, SOURCE, DESTINATION, NULL, 0);
    frame_udp(&f, PORT);
    frame_rtp(&f, 0x80, 1, SSRC);
    frame_ts(&f, 1);
    frame_finish(&f);
    assert_int_equal(parse_tagged(&f, 0, &packet, &offset), PACKET_GOOD);
    assert_int_equal(packet.vlan, 42);
    assert_true(packet.key == packet_key_of(4, 42, PORT));
    /* one that the device has taken off */
    frame_ordinary(&f, SOURCE, DESTINATION, PORT, 1, SSRC);
    assert_int_equal(parse_tagged(&f, 0xe000 | 9, &packet, &offset), PACKET_GOOD);
    assert_int_equal(packet.vlan, 9);
    /* three tags are none of ours */
    frame_ethernet(&f, 0x0800);
    for (unsigned i = 0; i < 3; i++)
        frame_vlan(&f, 0x8100, i);
    assert_outcome(&f, "other_protocol");
}

static void ipv4_options_and_frame_padding(void **state)
{
    (void)state;
    struct frame f;
    static const uint8_t options[8] = { 1, 1, 1, 1, 1, 1, 1, 0 };
    frame_ethernet(&f, 0x0800);
    frame_ipv4(&f, SOURCE, DESTINATION, options, 8);
    frame_udp(&f, PORT);
    frame_rtp(&f, 0x80, 1, SSRC);
    frame_ts(&f, 2);
    frame_finish(&f);
    f.used += 10; /* bytes behind the IP packet, as short frames have them */
    assert_good(&f, 14 + 28 + 8 + 12, 2 * 188);
}

static void ipv6_with_extensions(void **state)
{
    (void)state;
    struct frame f;
    struct packet packet;
    unsigned offset;
    uint8_t hop_by_hop[8] = { 60 }, options[16] = { 51, 1 }, authentication[12] = { 17, 1 };
    frame_ethernet(&f, 0x86dd);
    frame_ipv6(&f, source_v6, destination_v6, 0);
    frame_add(&f, hop_by_hop, 8);
    frame_add(&f, options, 16);
    frame_add(&f, authentication, 12);
    frame_udp(&f, PORT);
    frame_rtp(&f, 0x80, 1, SSRC);
    frame_ts(&f, 3);
    frame_finish(&f);
    assert_int_equal(parse_tagged(&f, 0, &packet, &offset), PACKET_GOOD);
    assert_int_equal(offset, 14 + 40 + 36 + 8 + 12);
    assert_memory_equal(&packet.rtp.source, source_v6, 16);
    assert_memory_equal(&packet.destination, destination_v6, 16);
    assert_true(packet.key == packet_key_of(6, 0, PORT));
}

static void rtp_csrcs_extension_and_padding(void **state)
{
    (void)state;
    struct frame f;
    uint8_t csrcs[3 * 4] = { 0 }, extension[4 + 2 * 4] = { 0xbe, 0xde, 0, 2 }, padding[4] = { 0, 0, 0, 4 };
    frame_ethernet(&f, 0x0800);
    frame_ipv4(&f, SOURCE, DESTINATION, NULL, 0);
    frame_udp(&f, PORT);
    frame_rtp(&f, 0x80 | 0x20 | 0x10 | 3, 1, SSRC);
    frame_add(&f, csrcs, sizeof csrcs);
    frame_add(&f, extension, sizeof extension);
    frame_ts(&f, 4);
    frame_add(&f, padding, sizeof padding);
    frame_finish(&f);
    assert_good(&f, 14 + 20 + 8 + 12 + 12 + 12, 4 * 188);
}

/* Cut off after any number of bytes, a packet is never good, and nothing behind the end is read. */
static void every_prefix_is_refused(void **state)
{
    (void)state;
    struct frame f;
    frame_ordinary(&f, SOURCE, DESTINATION, PORT, 1, SSRC);
    unsigned whole = f.used;
    for (f.used = 0; f.used < whole; f.used++)
        assert_string_equal(packet_outcome_names[parse(&f)], "truncated");
    frame_ethernet(&f, 0x86dd);
    frame_ipv6(&f, source_v6, destination_v6, 60);
    frame_add(&f, (uint8_t[8]){ 17 }, 8);
    frame_udp(&f, PORT);
    frame_rtp(&f, 0x80, 1, SSRC);
    frame_ts(&f, 1);
    frame_finish(&f);
    whole = f.used;
    for (f.used = 0; f.used < whole; f.used++)
        assert_string_equal(packet_outcome_names[parse(&f)], "truncated");
}

static void broken_ipv4(void **state)
{
    (void)state;
    struct frame f;
    frame_ordinary(&f, SOURCE, DESTINATION, PORT, 1, SSRC);
    f.bytes[f.ip] = 0x55;
    assert_outcome(&f, "ip_header");
    frame_ordinary(&f, SOURCE, DESTINATION, PORT, 1, SSRC);
    f.bytes[f.ip] = 0x44; /* header of 16 bytes */
    assert_outcome(&f, "ip_header");
    frame_ordinary(&f, SOURCE, DESTINATION, PORT, 1, SSRC);
    frame_16(&f, f.ip + 2, 19); /* shorter than its header */
    assert_outcome(&f, "ip_header");
    frame_ordinary(&f, SOURCE, DESTINATION, PORT, 1, SSRC);
    frame_16(&f, f.ip + 2, f.used - f.ip + 1); /* longer than the frame */
    assert_outcome(&f, "truncated");
    frame_ordinary(&f, SOURCE, DESTINATION, PORT, 1, SSRC);
    f.bytes[f.ip + 8]--;
    assert_outcome(&f, "ip_checksum");
    frame_ordinary(&f, SOURCE, DESTINATION, PORT, 1, SSRC);
    f.bytes[f.ip + 9] = 6;
    assert_outcome(&f, "not_udp");
}

static void a_checksum_that_the_device_has_checked(void **state)
{
    (void)state;
    struct frame f;
    struct packet packet;
    frame_ordinary(&f, SOURCE, DESTINATION, PORT, 1, SSRC);
    f.bytes[f.ip + 10] ^= 0xff;
    assert_int_equal(packet_parse_network(f.bytes, f.used, 0, &packet), PACKET_GOOD);
    assert_int_equal(packet_parse_transport(f.bytes, &packet, true), PACKET_GOOD);
    assert_int_equal(packet_parse_transport(f.bytes, &packet, false), PACKET_IP_CHECKSUM);
}

/* Many headers, each checksum checked against the one that was computed another way. */
static void checksums_of_many_headers(void **state)
{
    (void)state;
    struct frame f;
    uint32_t random = 12345;
    for (unsigned i = 0; i < 2000; i++) {
        random = random * 1664525 + 1013904223;
        frame_ordinary(&f, random, random * 7, PORT, 1, SSRC);
        frame_16(&f, f.ip + 4, random >> 16);
        frame_checksum(&f);
        assert_int_equal(parse(&f), PACKET_GOOD);
        f.bytes[f.ip + 4 + random % 2] ^= (uint8_t)(1U << (random >> 8) % 8);
        assert_int_equal(parse(&f), PACKET_IP_CHECKSUM);
    }
}

static void fragments(void **state)
{
    (void)state;
    struct frame f;
    frame_ordinary(&f, SOURCE, DESTINATION, PORT, 1, SSRC);
    frame_16(&f, f.ip + 6, 0x2000); /* more follow */
    frame_checksum(&f);
    assert_outcome(&f, "ip_fragment");
    frame_16(&f, f.ip + 6, 0x0010); /* not the first */
    frame_checksum(&f);
    assert_outcome(&f, "ip_fragment");
    uint8_t fragment[8] = { 17 };
    frame_ethernet(&f, 0x86dd);
    frame_ipv6(&f, source_v6, destination_v6, 44);
    frame_add(&f, fragment, 8);
    frame_udp(&f, PORT);
    frame_finish(&f);
    assert_outcome(&f, "ip_fragment");
}

static void broken_ipv6(void **state)
{
    (void)state;
    struct frame f;
    frame_ethernet(&f, 0x86dd);
    frame_ipv6(&f, source_v6, destination_v6, 17);
    frame_udp(&f, PORT);
    frame_finish(&f);
    f.bytes[f.ip] = 0x40;
    assert_outcome(&f, "ip_header");
    frame_ethernet(&f, 0x86dd); /* an extension that is longer than the packet */
    frame_ipv6(&f, source_v6, destination_v6, 60);
    frame_add(&f, (uint8_t[8]){ 17, 200 }, 8);
    frame_finish(&f);
    assert_outcome(&f, "truncated");
    frame_ethernet(&f, 0x86dd); /* extensions without end */
    frame_ipv6(&f, source_v6, destination_v6, 60);
    for (unsigned i = 0; i < 20; i++)
        frame_add(&f, (uint8_t[8]){ 60 }, 8);
    frame_finish(&f);
    assert_outcome(&f, "ip_header");
    frame_ethernet(&f, 0x86dd); /* ICMPv6 behind a hop-by-hop header: the protocol is told all the same */
    frame_ipv6(&f, source_v6, destination_v6, 0);
    frame_add(&f, (uint8_t[8]){ 58 }, 8);
    frame_finish(&f);
    struct packet packet;
    assert_int_equal(packet_parse_network(f.bytes, f.used, 0, &packet), PACKET_NOT_UDP);
    assert_int_equal(packet.protocol, 58);
}

static void other_protocols(void **state)
{
    (void)state;
    struct frame f;
    struct packet packet;
    frame_ethernet(&f, 0x0806);
    assert_int_equal(packet_parse_network(f.bytes, f.used, 0, &packet), PACKET_OTHER_PROTOCOL);
    assert_int_equal(packet.ethertype, 0x0806);
}

static void udp_lengths(void **state)
{
    (void)state;
    struct frame f;
    frame_ordinary(&f, SOURCE, DESTINATION, PORT, 1, SSRC);
    frame_16(&f, f.udp + 4, 7);
    assert_outcome(&f, "udp_length");
    frame_16(&f, f.udp + 4, f.used - f.udp + 1);
    assert_outcome(&f, "udp_length");
    frame_16(&f, f.udp + 4, 8 + 12 + 188); /* shorter than IP says: the rest is not UDP's */
    assert_good(&f, 54, 188);
    frame_16(&f, f.udp + 4, 8);
    assert_outcome(&f, "rtp_header");
}

static void bare_transport_stream(void **state)
{
    (void)state;
    struct frame f;
    for (unsigned packets = 1; packets <= 7; packets++) {
        frame_ethernet(&f, 0x0800);
        frame_ipv4(&f, SOURCE, DESTINATION, NULL, 0);
        frame_udp(&f, PORT);
        frame_ts(&f, packets);
        frame_finish(&f);
        assert_outcome(&f, "bare_ts");
    }
}

/* One byte of an ordinary packet's RTP part changed. */
static void assert_rtp(unsigned offset, unsigned value, const char *name)
{
    struct frame f;
    frame_ordinary(&f, SOURCE, DESTINATION, PORT, 1, SSRC);
    f.bytes[f.rtp + offset] = (uint8_t)value;
    assert_outcome(&f, name);
}

static void broken_rtp(void **state)
{
    (void)state;
    assert_rtp(0, 0x40, "rtp_version");
    assert_rtp(0, 0x00, "rtp_version");
    assert_rtp(0, 0xc0, "rtp_version");
    assert_rtp(0, 0x81, "rtp_not_ts"); /* a CSRC that is none shifts the payload */
    assert_rtp(0, 0x90, "rtp_not_ts"); /* an extension that is none, too */
    assert_rtp(12 + 188, 0x48, "rtp_not_ts");
    assert_rtp(12, 0x46, "rtp_not_ts");
    assert_rtp(12 + 6 * 188, 0x00, "rtp_not_ts");
    struct frame f;
    frame_ordinary(&f, SOURCE, DESTINATION, PORT, 1, SSRC);
    f.bytes[f.rtp] = 0x90;
    frame_16(&f, f.rtp + 14, 330); /* words of extension: 4 bytes more than the packet */
    assert_outcome(&f, "rtp_header");
    frame_ordinary(&f, SOURCE, DESTINATION, PORT, 1, SSRC);
    f.bytes[f.rtp] = 0xa0;
    f.bytes[f.used - 1] = 0; /* no padding counts itself as none */
    assert_outcome(&f, "rtp_padding");
    f.bytes[f.used - 1] = 188; /* padding of exactly one transport stream packet */
    assert_good(&f, 54, 6 * 188);
    f.bytes[f.used - 1] = 187;
    assert_outcome(&f, "rtp_not_ts");
}

static void rtp_without_payload(void **state)
{
    (void)state;
    struct frame f;
    frame_ethernet(&f, 0x0800);
    frame_ipv4(&f, SOURCE, DESTINATION, NULL, 0);
    frame_udp(&f, PORT);
    frame_rtp(&f, 0x80, 1, SSRC);
    frame_finish(&f);
    assert_outcome(&f, "rtp_empty");
    frame_ethernet(&f, 0x0800);
    frame_ipv4(&f, SOURCE, DESTINATION, NULL, 0);
    frame_udp(&f, PORT);
    frame_rtp(&f, 0x80, 1, SSRC);
    frame_add(&f, (uint8_t[100]){ 0x47 }, 100);
    frame_finish(&f);
    assert_outcome(&f, "rtp_not_ts");
    frame_ethernet(&f, 0x0800); /* padding longer than what there is */
    frame_ipv4(&f, SOURCE, DESTINATION, NULL, 0);
    frame_udp(&f, PORT);
    frame_rtp(&f, 0xa0, 1, SSRC);
    frame_add(&f, (uint8_t[1]){ 2 }, 1);
    frame_finish(&f);
    assert_outcome(&f, "rtp_padding");
    f.bytes[f.used - 1] = 1;
    assert_outcome(&f, "rtp_empty");
}

static void every_outcome_has_a_name_and_a_meaning(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PACKET_OUTCOMES; i++) {
        assert_true(packet_outcome_names[i][0] && packet_outcome_texts[i][0]);
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(packet_outcome_names[i], packet_outcome_names[j]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ordinary_packet),
        cmocka_unit_test(vlan_tags),
        cmocka_unit_test(ipv4_options_and_frame_padding),
        cmocka_unit_test(ipv6_with_extensions),
        cmocka_unit_test(rtp_csrcs_extension_and_padding),
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(broken_ipv4),
        cmocka_unit_test(a_checksum_that_the_device_has_checked),
        cmocka_unit_test(checksums_of_many_headers),
        cmocka_unit_test(fragments),
        cmocka_unit_test(broken_ipv6),
        cmocka_unit_test(other_protocols),
        cmocka_unit_test(udp_lengths),
        cmocka_unit_test(bare_transport_stream),
        cmocka_unit_test(broken_rtp),
        cmocka_unit_test(rtp_without_payload),
        cmocka_unit_test(every_outcome_has_a_name_and_a_meaning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
