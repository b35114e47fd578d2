/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/section_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

/* What ffmpeg writes: programme 1, its map on PID 0x1000. */
static const uint8_t programs[] = { 0x00, 0xb0, 0x0d, 0x00, 0x01, 0xc1, 0x00, 0x00,
                                    0x00, 0x01, 0xf0, 0x00, 0x2a, 0xb1, 0x04, 0xb2 };

static void a_section_is_intact_or_not(void **state)
{
    (void)state;
    uint8_t bytes[sizeof programs];
    assert_true(section_is_intact(programs, sizeof programs));
    for (size_t i = 0; i < sizeof programs * 8; i++) {
        memcpy(bytes, programs, sizeof bytes);
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_false(section_is_intact(bytes, sizeof bytes));
    }
}

static void lengths_and_checksums_are_put(void **state)
{
    (void)state;
    uint8_t bytes[sizeof programs];
    memcpy(bytes, programs, sizeof bytes);
    memset(bytes + 12, 0, SECTION_CHECKSUM_BYTES);
    section_put_checksum(bytes, 12);
    assert_memory_equal(bytes, programs, sizeof bytes);
    assert_int_equal(section_twelve_bits(bytes + 1), sizeof bytes - 3);
    section_put_twelve_bits(bytes + 1, 0xabc);
    assert_int_equal(section_twelve_bits(bytes + 1), 0xabc);
    assert_int_equal(bytes[1] & 0xf0, 0xb0); /* what stands above them stays */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_section_is_intact_or_not),
        cmocka_unit_test(lengths_and_checksums_are_put),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
