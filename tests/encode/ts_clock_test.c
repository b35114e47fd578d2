/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/ts_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static struct ts_clock clock_at(int64_t newest_90k)
{
    return (struct ts_clock){ .pid = 481, .longest_90k = TS_CLOCK_LONGEST_90K, .newest_90k = newest_90k };
}

static void test_a_reference_is_due_after_the_longest_time(void **state)
{
    (void)state;
    struct ts_clock clock = clock_at(TS_CLOCK_NONE);
    uint8_t packet[TS_CLOCK_PACKET_BYTES];
    assert_false(ts_clock_is_due(&clock, 1000000)); /* there was no picture yet */
    ts_clock_set(&clock, 1000000);
    assert_false(ts_clock_is_due(&clock, 1009000));
    assert_true(ts_clock_is_due(&clock, 1009001));
    ts_clock_packet(&clock, packet);
    assert_int_equal(clock.newest_90k, 1009000);
    assert_false(ts_clock_is_due(&clock, 1009001));
    assert_false(ts_clock_is_due(&clock, 999000)); /* time that goes back */
    assert_false(ts_clock_is_due(&clock, 1009000 + 3 * 90000));
}

static void test_the_packet_is_as_the_standard_wants_it(void **state)
{
    (void)state;
    /* 33 bits of a time of our days: 0x1_2345_6789, counted on by 0x2328 */
    struct ts_clock clock = clock_at((INT64_C(7) << 33) + 0x123456789);
    static const uint8_t head[] = { 0x47, 0x01, 0xe1, 0x2b, 183, 0x10, 0x91, 0xa2, 0xc5, 0x58, 0xfe, 0x00, 0xff };
    uint8_t other[2 * TS_CLOCK_PACKET_BYTES] = { 0x47, 0x41, 0xe1, 0x1b }, packet[TS_CLOCK_PACKET_BYTES];
    memcpy(other + TS_CLOCK_PACKET_BYTES, "\x47\x01\xe2\x1c", 4); /* of another PID */
    ts_clock_note(&clock, other, sizeof other);
    assert_int_equal(clock.continuity, 11);
    assert_ptr_equal(ts_clock_packet(&clock, packet), packet);
    assert_memory_equal(packet, head, sizeof head);
    for (unsigned i = sizeof head; i < sizeof packet; i++)
        assert_int_equal(packet[i], 0xff);
    ts_clock_note(&clock, packet, sizeof packet); /* its own has no payload */
    assert_int_equal(clock.continuity, 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_reference_is_due_after_the_longest_time),
        cmocka_unit_test(test_the_packet_is_as_the_standard_wants_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
