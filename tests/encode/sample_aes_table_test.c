/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/sample_aes_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

enum { PACKET = 188 };

static const struct sample_aes_table table = {
    .pmt_pid = 480,
    .audios = { { 482, { 'z', 'a', 'a', 'c', 0, 0, 1, 2, 0x11, 0x90 } },
                { 483, { 'z', 'a', 'a', 'c', 0, 0, 1, 2, 0x12, 0x10 } } },
    .count = 2,
};

/* Of MPEG: bit by bit, over a section with its checksum 0. */
static uint32_t checksum_of(const uint8_t *section, size_t count)
{
    uint32_t checksum = UINT32_MAX;
    for (size_t i = 0; i < count * 8; i++) {
        uint32_t top = checksum >> 31 ^ (section[i / 8] >> (7 - i % 8) & 1u);
        checksum = checksum << 1 ^ (top ? 0x04c11db7u : 0);
    }
    return checksum;
}

static void begin(uint8_t packet[PACKET])
{
    memset(packet, 0xff, PACKET);
    memcpy(packet, "\x47\x41\xe0\x17\0\x02\xb0\0\0\1\xc1\0\0\xe1\xe1\xf0\0", 17);
    packet[7] = 9 + 4;
}

static void add(uint8_t packet[PACKET], unsigned type, unsigned pid, const char *descriptors, unsigned count)
{
    uint8_t *at = packet + 8 + packet[7] - 4;
    memcpy(at, (uint8_t[]){ (uint8_t)type, (uint8_t)(0xe0 | pid >> 8), (uint8_t)pid, 0xf0, (uint8_t)count }, 5);
    memcpy(at + 5, descriptors, count);
    packet[7] = (uint8_t)(packet[7] + 5 + count);
    memset(at + 5 + count, 0, 4);
}

static void test_streams_are_marked(void **state)
{
    static const char want[] = "\xdb\xe1\xe1\xf0\x06\x0f\4zavc"
                               "\xcf\xe1\xe2\xf0\x1c\x0a\4eng\0\x0f\4aacd\5\x0e"
                               "apadzaac\0\0\1\2\x11\x90"
                               "\xcf\xe1\xe3\xf0\x16\x0f\4aacd\5\x0e"
                               "apadzaac\0\0\1\2\x12\x10"
                               "\x15\xe1\xf6\xf0\x03\x26\1x";
    uint8_t packets[3 * PACKET], other[PACKET];

    (void)state;
    memset(other, 3, sizeof other);
    memcpy(other, "\x47\x01\xe1\x10", 4);
    memcpy(packets, other, PACKET);
    memcpy(packets + 2 * PACKET, other, PACKET);
    uint8_t *pmt = packets + PACKET;
    begin(pmt);
    add(pmt, 0x1b, 481, "", 0);
    add(pmt, 0x0f, 482, "\x0a\4eng\0", 6);
    add(pmt, 0x0f, 483, "", 0);
    add(pmt, 0x15, 502, "\x26\1x", 3);
    assert_int_equal(sample_aes_table_edit(&table, packets, sizeof packets), 0);
    assert_memory_equal(packets, other, PACKET);
    assert_memory_equal(packets + 2 * PACKET, other, PACKET);
    assert_memory_equal(pmt, "\x47\x41\xe0\x17\0\x02\xb0", 7);
    assert_int_equal(pmt[7], 9 + sizeof want - 1 + 4);
    assert_memory_equal(pmt + 17, want, sizeof want - 1);
    assert_int_equal(checksum_of(pmt + 5, 3u + pmt[7]), 0);
    for (unsigned i = 8u + pmt[7]; i < PACKET; i++)
        assert_int_equal(pmt[i], 0xff);
}

static void test_the_largest_table_fits(void **state)
{
    struct sample_aes_table four = table;
    uint8_t pmt[PACKET], was[PACKET];

    (void)state;
    four.count = 4;
    begin(pmt);
    add(pmt, 0x1b, 481, "", 0);
    for (unsigned i = 0; i < 4; i++) {
        four.audios[i].pid = 482 + i;
        add(pmt, 0x0f, 482 + i, "\x0a\4eng\0", 6);
    }
    add(pmt, 0x15, 502, "\x26\x0d\xff\xffID3 \xffID3 \0\x0f", 15);
    memcpy(was, pmt, PACKET);
    assert_int_equal(sample_aes_table_edit(&four, pmt, PACKET), 0);
    assert_int_equal(checksum_of(pmt + 5, 3u + pmt[7]), 0);
    memcpy(pmt, was, PACKET);
    add(pmt, 0x06, 600, "", 0);
    memcpy(was, pmt, PACKET);
    assert_int_equal(sample_aes_table_edit(&four, pmt, PACKET), -EMSGSIZE);
    assert_memory_equal(pmt, was, PACKET);
}

static void test_what_is_no_table_is_refused(void **state)
{
    uint8_t good[PACKET], pmt[PACKET];
    static const struct {
        unsigned at;
        uint8_t is;
    } rows[] = {
        { 0, 0x48 }, { 1, 0x01 }, { 3, 0x37 }, { 4, 1 },  { 5, 0 },    { 6, 0xb1 },
        { 7, 3 },    { 7, 180 },  { 7, 17 },   { 16, 9 }, { 21, 200 }, { 19, 0xff },
    };

    (void)state;
    begin(good);
    add(good, 0x0f, 482, "", 0);
    memcpy(pmt, good, PACKET);
    assert_int_equal(sample_aes_table_edit(&table, pmt, PACKET), 0);
    assert_int_equal(sample_aes_table_edit(&table, pmt, PACKET - 1), -EINVAL);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        memcpy(pmt, good, PACKET);
        pmt[rows[i].at] = rows[i].is;
        if (sample_aes_table_edit(&table, pmt, PACKET) != -EINVAL)
            fail_msg("byte %u = %u was taken", rows[i].at, rows[i].is);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams_are_marked),
        cmocka_unit_test(test_the_largest_table_fits),
        cmocka_unit_test(test_what_is_no_table_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
