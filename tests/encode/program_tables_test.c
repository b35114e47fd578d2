/* SPDX-License-Identifier: GPL-2.0-or-later */
/* program_tables_test.c - which tables contradict those before them, and where reading may begin then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "board/error.h"
#include "encode/program_tables.h"
#include "tests/encode/table_packets.h"

static const struct table_program one = { 1, 0x1000 }, two = { 2, 0x1001 };
static const struct table_stream usual[] = { { 0x1b, 0x100, 0 }, { 0x0f, 0x101, 0 } };
static struct program_tables *tables;
static uint64_t at;

static bool push(const uint8_t *packet)
{
    at += 188;
    return program_tables_push(tables, packet, at);
}

static bool push_pat(const struct table_program *programs, unsigned count)
{
    uint8_t packet[188];
    table_pat(packet, programs, count);
    return push(packet);
}

static bool push_pmt(const struct table_program *program, unsigned version, const struct table_stream *streams,
                     unsigned count)
{
    uint8_t packet[188];
    table_pmt(packet, program, version, streams, count);
    return push(packet);
}

static int before(void **state)
{
    struct error err;
    (void)state;
    at = 188000;
    return program_tables_create(&tables, &err);
}

static int after(void **state)
{
    (void)state;
    program_tables_destroy(tables);
    return 0;
}

static void the_same_again_is_no_change(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        assert_false(push_pat(&one, 1));
        assert_false(push_pmt(&one, i, usual, 2));
    }
}

static void another_codec_on_a_pid(void **state)
{
    (void)state;
    const struct table_stream hevc[] = { { 0x24, 0x100, 0 }, { 0x0f, 0x101, 0 } };
    push_pat(&one, 1);
    push_pmt(&one, 0, usual, 2);
    uint64_t outdated = at;
    push_pat(&one, 1);
    uint64_t pat = at;
    assert_true(push_pmt(&one, 1, hevc, 2));
    assert_int_equal(program_tables_begin(tables), pat);
    assert_int_equal(program_tables_outdated(tables), outdated);
    assert_false(program_tables_keeps(tables, 0x100));
    assert_true(program_tables_keeps(tables, 0x101));
    assert_false(program_tables_keeps(tables, 0x102));
    assert_true(push_pmt(&one, 1, hevc, 2)); /* until it is told to begin anew */
    program_tables_reset(tables);
    assert_false(push_pat(&one, 1));
    assert_false(push_pmt(&one, 1, hevc, 2));
    assert_false(push_pmt(&one, 1, hevc, 2));
}

/* The PAT that a demultiplexer would find lies before the outdated PMT. */
static void a_map_without_a_pat_of_its_own(void **state)
{
    (void)state;
    const struct table_stream ac3[] = { { 0x1b, 0x100, 0 }, { 0x81, 0x101, 0 } };
    push_pat(&one, 1);
    push_pmt(&one, 0, usual, 2);
    assert_true(push_pmt(&one, 1, ac3, 2));
    assert_int_equal(program_tables_begin(tables), PROGRAM_TABLES_NOWHERE);
}

static void other_pids_and_fewer_streams(void **state)
{
    (void)state;
    const struct table_stream moved[] = { { 0x1b, 0x200, 0 }, { 0x0f, 0x101, 0 } };
    push_pat(&one, 1);
    push_pmt(&one, 0, usual, 2);
    assert_true(push_pmt(&one, 0, moved, 2));
    assert_true(push_pmt(&one, 0, usual, 1));
    assert_true(push_pmt(&one, 0, usual, 0));
    assert_false(push_pmt(&one, 0, usual, 2));
}

static void more_streams_contradict_nothing(void **state)
{
    (void)state;
    push_pat(&one, 1);
    assert_false(push_pmt(&one, 0, usual + 1, 1));
    assert_false(push_pmt(&one, 1, usual, 2));
    assert_true(push_pmt(&one, 2, usual + 1, 1));
}

static void descriptors_that_name_a_codec(void **state)
{
    (void)state;
    const struct table_stream private_data[] = { { 0x06, 0x100, 0 } }, ac3[] = { { 0x06, 0x100, 0x6a } },
                              language[] = { { 0x06, 0x100, 0x0a } };
    push_pat(&one, 1);
    assert_false(push_pmt(&one, 0, private_data, 1));
    assert_false(push_pmt(&one, 1, language, 1));
    assert_true(push_pmt(&one, 2, ac3, 1));
}

static void another_program(void **state)
{
    (void)state;
    const struct table_program both[] = { one, two }, moved = { 1, 0x1002 };
    push_pat(&one, 1);
    push_pmt(&one, 0, usual, 2);
    uint64_t outdated = at;
    assert_false(push_pat(both, 2)); /* one more */
    assert_false(push_pat(&one, 1)); /* it never had a map */
    assert_true(push_pat(&two, 1));
    assert_int_equal(program_tables_begin(tables), at);
    assert_int_equal(program_tables_outdated(tables), outdated);
    assert_false(program_tables_keeps(tables, 0x100));
    assert_true(push_pat(&moved, 1));
    assert_false(push_pat(&one, 1));
    assert_false(push_pmt(&two, 0, usual, 2)); /* not in the PAT: somebody else's */
}

static void what_is_broken_or_not_in_force_is_ignored(void **state)
{
    (void)state;
    const struct table_stream hevc[] = { { 0x24, 0x100, 0 } };
    uint8_t packet[188];
    push_pat(&one, 1);
    push_pmt(&one, 0, usual, 1);
    table_pmt(packet, &one, 1, hevc, 1);
    packet[20] ^= 1;
    assert_false(push(packet)); /* checksum */
    table_pmt(packet, &one, 1, hevc, 1);
    packet[1] |= 0x80;
    assert_false(push(packet)); /* transport error */
    table_pmt(packet, &one, 1, hevc, 1);
    packet[4] = 200;
    assert_false(push(packet)); /* a pointer beyond the packet */
    table_pmt(packet, &one, 1, hevc, 1);
    packet[3] = 0x30;
    packet[4] = 250;
    assert_false(push(packet)); /* an adaptation field beyond the packet */
    table_pmt(packet, &one, 1, hevc, 1);
    assert_true(push(packet));
}

/* A map of more than a packet, its second packet given twice; then with a packet missing. */
static void sections_over_several_packets(void **state)
{
    (void)state;
    uint8_t section[188 * 2] = { 0 }, packets[3][188];
    struct table_stream streams[20];
    for (unsigned i = 0; i < 20; i++)
        streams[i] = (struct table_stream){ 0x06, 0x200 + i, 0x6a };
    push_pat(&one, 1);
    push_pmt(&one, 0, usual, 1);
    table_pmt(section, &one, 1, streams, 12); /* 5 + 12 + 12 * 11 + 4 bytes: still one packet, cut by hand */
    for (unsigned i = 0; i < 3; i++) {
        const uint8_t header[] = { 0x47, (uint8_t)(i ? 0x10 : 0x50), 0x00, (uint8_t)(0x30 | i), 120 };
        memcpy(packets[i], header, 5);
        memset(packets[i] + 5, 0xff, 183);
        packets[i][5] = 0; /* no flags */
    }
    memcpy(packets[0] + 125, section + 4, 63);
    memcpy(packets[1] + 125, section + 67, 63);
    memcpy(packets[2] + 125, section + 130, 58);
    assert_false(push(packets[0]));
    assert_false(push(packets[1]));
    assert_false(push(packets[1]));
    assert_true(push(packets[2]));
    assert_false(push(packets[0]));
    assert_false(push(packets[2]));
    assert_false(push(packets[1]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_same_again_is_no_change, before, after),
        cmocka_unit_test_setup_teardown(another_codec_on_a_pid, before, after),
        cmocka_unit_test_setup_teardown(a_map_without_a_pat_of_its_own, before, after),
        cmocka_unit_test_setup_teardown(other_pids_and_fewer_streams, before, after),
        cmocka_unit_test_setup_teardown(more_streams_contradict_nothing, before, after),
        cmocka_unit_test_setup_teardown(descriptors_that_name_a_codec, before, after),
        cmocka_unit_test_setup_teardown(another_program, before, after),
        cmocka_unit_test_setup_teardown(what_is_broken_or_not_in_force_is_ignored, before, after),
        cmocka_unit_test_setup_teardown(sections_over_several_packets, before, after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
