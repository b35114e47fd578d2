/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/section_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "encode/splice_stream.h"

enum { PID = 500, PACKET = 188 };

/* A section of so many bytes as transport packets; its checksum is right. */
static size_t section(struct splice_stream *stream, size_t bytes, uint8_t *packets)
{
    static uint8_t content[SPLICE_BYTES_MAX];
    memset(content, 0x5a, bytes);
    content[0] = 0xfc;
    content[1] = (uint8_t)(0x30 | (bytes - 3) >> 8);
    content[2] = (uint8_t)(bytes - 3);
    return splice_stream_packets(stream, content, bytes, 0, packets);
}

static unsigned push_all(struct section_check *check, const uint8_t *packets, size_t bytes)
{
    unsigned damaged = 0;
    for (size_t at = 0; at < bytes; at += PACKET)
        damaged += section_check_push(check, packets + at);
    return damaged;
}

static void good_ones(void **state)
{
    struct splice_stream stream = { .pid = PID };
    struct section_check check;
    uint8_t packets[SPLICE_STREAM_BYTES_MAX];

    (void)state;
    section_check_begin(&check, PID);
    for (size_t bytes = 17; bytes <= SPLICE_BYTES_MAX; bytes += bytes < 400 ? 1 : 97) {
        size_t written = section(&stream, bytes, packets);
        assert_int_equal(push_all(&check, packets, written), 0);
        assert_int_equal(section_check_push(&check, packets + written - PACKET), 0); /* the same packet again */
    }
}

static void damaged_ones(void **state)
{
    struct splice_stream stream = { .pid = PID };
    struct section_check check;
    uint8_t packets[SPLICE_STREAM_BYTES_MAX];

    (void)state;
    section_check_begin(&check, PID);
    for (size_t bytes = 30; bytes < 1500; bytes += 83) {
        size_t written = section(&stream, bytes, packets);
        packets[20] ^= 1;
        assert_int_equal(push_all(&check, packets, written), 1);
        written = section(&stream, bytes, packets); /* the next one is read again */
        assert_int_equal(push_all(&check, packets, written), 0);
    }
}

static void a_packet_that_is_missing(void **state)
{
    struct splice_stream stream = { .pid = PID };
    struct section_check check;
    uint8_t packets[SPLICE_STREAM_BYTES_MAX];

    (void)state;
    section_check_begin(&check, PID);
    for (unsigned lost = 0; lost < 4; lost++) {
        unsigned damaged = 0;
        size_t written = section(&stream, 700, packets);
        assert_int_equal(written, 4 * PACKET);
        for (unsigned i = 0; i < 4; i++)
            damaged += i == lost ? 0 : section_check_push(&check, packets + i * PACKET);
        written = section(&stream, 100, packets);
        damaged += push_all(&check, packets, written);
        assert_int_equal(damaged, lost != 0); /* of one whose beginning is missing nobody knows */
    }
}

static void other_packets_do_not_matter(void **state)
{
    struct splice_stream stream = { .pid = PID + 1 };
    struct section_check check;
    uint8_t packets[SPLICE_STREAM_BYTES_MAX];

    (void)state;
    section_check_begin(&check, PID);
    size_t written = section(&stream, 40, packets);
    packets[20] ^= 1;
    assert_int_equal(push_all(&check, packets, written), 0);
    section_check_begin(&check, 0);
    assert_int_equal(push_all(&check, packets, written), 0);
}

static void whatever_comes(void **state)
{
    struct section_check check;
    uint8_t packet[PACKET];

    (void)state;
    srand(1);
    section_check_begin(&check, PID);
    for (unsigned i = 0; i < 20000; i++) {
        for (unsigned j = 0; j < PACKET; j++)
            packet[j] = (uint8_t)rand();
        packet[1] = (uint8_t)((packet[1] & 0xe0) | PID >> 8);
        packet[2] = PID & 0xff;
        packet[3] &= 0x3f;
        section_check_push(&check, packet);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones),
        cmocka_unit_test(damaged_ones),
        cmocka_unit_test(a_packet_that_is_missing),
        cmocka_unit_test(other_packets_do_not_matter),
        cmocka_unit_test(whatever_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
