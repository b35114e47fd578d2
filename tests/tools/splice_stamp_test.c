/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/splice_stamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "encode/splice.h"
#include "tests/encode/table_packets.h"

static struct splice parsed(const uint8_t *packet)
{
    struct splice splice;
    assert_int_equal(splice_parse(&splice, packet + 5, 3u + packet[7]), 0);
    return splice;
}

static void moves_the_time(void **state)
{
    (void)state;
    uint8_t packet[188];

    table_splice_insert(packet, 0x1f0, 7, 900000, 0);
    assert_true(splice_stamp(packet, 2160000));
    assert_int_equal(parsed(packet).pts_90k, 3060000);
    assert_true(splice_stamp(packet, -3060001)); /* over the wrap */
    assert_int_equal(parsed(packet).pts_90k, (INT64_C(1) << 33) - 1);
    assert_true(splice_stamp(packet, 1));
    assert_int_equal(parsed(packet).pts_90k, 0);
    assert_int_equal(parsed(packet).id, 7);
}

static void leaves_other_packets_alone(void **state)
{
    (void)state;
    uint8_t packet[188], before[188];

    table_splice_insert(packet, 0x1f0, 7, 900000, 0);
    packet[20] ^= 1; /* a wrong checksum */
    memcpy(before, packet, sizeof packet);
    assert_false(splice_stamp(packet, 90000));
    assert_memory_equal(packet, before, sizeof packet);
    for (unsigned i = 0; i < 256; i++) { /* any pointer, any adaptation field */
        table_splice_insert(packet, 0x1f0, 7, 900000, 0);
        packet[4] = (uint8_t)i;
        splice_stamp(packet, 90000);
        packet[3] |= 0x20;
        splice_stamp(packet, 90000);
    }
    memset(packet, 0xff, sizeof packet);
    assert_false(splice_stamp(packet, 90000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves_the_time),
        cmocka_unit_test(leaves_other_packets_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
