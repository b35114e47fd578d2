/* SPDX-License-Identifier: GPL-2.0-or-later */
/* captions_test.c - shares of captions that meet are one cc_data, and nothing of it is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "encode/captions.h"

enum { COUNT_AT = 10, TRIPLETS_AT = 12 };

/* One cc_data of `count` triplets: the first is a CEA-608 pair, the others are CEA-708's, all with `letter`. */
static unsigned share(uint8_t *message, unsigned count, uint8_t letter)
{
    static const uint8_t head[] = { 4, 0, 0xb5, 0x00, 0x31, 'G', 'A', '9', '4', 0x03, 0xc0, 0xff };
    memcpy(message, head, sizeof head);
    message[1] = (uint8_t)(11 + count * 3);
    message[COUNT_AT] = (uint8_t)(0xc0 | count);
    for (unsigned i = 0; i < count; i++) {
        uint8_t *triplet = message + TRIPLETS_AT + 3 * i;
        triplet[0] = i ? 0xfe : 0xfc;
        triplet[1] = letter;
        triplet[2] = (uint8_t)i;
    }
    message[TRIPLETS_AT + 3 * count] = 0xff;
    return TRIPLETS_AT + 3 * count + 1;
}

static void one_share_stays_as_it_is(void **state)
{
    (void)state;
    struct captions captions = { 0 };
    uint8_t message[128];
    unsigned bytes = share(message, 20, 'a');
    message[TRIPLETS_AT + 3] = 0xfa; /* padding, too */
    assert_true(captions_join(&captions, NULL, 0));
    assert_int_equal(captions.bytes, 0);
    assert_true(captions_join(&captions, message, bytes));
    assert_true(captions_join(&captions, NULL, 0));
    assert_int_equal(captions.bytes, bytes);
    assert_memory_equal(captions.messages, message, bytes);
}

static void two_shares_are_one(void **state)
{
    (void)state;
    struct captions captions = { 0 };
    uint8_t message[128], expected[128];
    assert_true(captions_join(&captions, message, share(message, 10, 'a')));
    assert_true(captions_join(&captions, message, share(message, 10, 'b')));
    unsigned bytes = share(expected, 20, 'a');
    assert_int_equal(captions.bytes, bytes);
    assert_memory_equal(captions.messages, expected, TRIPLETS_AT);
    static const uint8_t pairs[] = { 0xfc, 'a', 0, 0xfc, 'b', 0, 0xfe, 'a', 1 }; /* CEA-608 first */
    assert_memory_equal(captions.messages + TRIPLETS_AT, pairs, sizeof pairs);
    static const uint8_t last[] = { 0xfe, 'b', 9, 0xff };
    assert_memory_equal(captions.messages + bytes - sizeof last, last, sizeof last);
}

static void padding_makes_room(void **state)
{
    (void)state;
    struct captions captions = { 0 };
    uint8_t message[128];
    for (unsigned i = 0; i < 4; i++) {
        unsigned bytes = share(message, 20, 'a');
        for (unsigned triplet = 5; triplet < 20; triplet++)
            message[TRIPLETS_AT + 3 * triplet] = 0xfa;
        assert_true(captions_join(&captions, message, bytes));
    }
    assert_int_equal(captions.messages[COUNT_AT], 0xc0 | 20);
    assert_int_equal(captions.bytes, TRIPLETS_AT + 60 + 1);
}

static void more_than_one_can_hold_are_two(void **state)
{
    (void)state;
    struct captions captions = { 0 };
    uint8_t message[128];
    assert_true(captions_join(&captions, message, share(message, 20, 'a')));
    assert_true(captions_join(&captions, message, share(message, 20, 'b')));
    assert_int_equal(captions.messages[COUNT_AT], 0xc0 | 31);
    assert_int_equal(captions.messages[TRIPLETS_AT + 93 + 1 + COUNT_AT], 0xc0 | 9);
    assert_int_equal(captions.bytes, 2 * (TRIPLETS_AT + 1) + 40 * 3);
}

static void others_are_kept(void **state)
{
    (void)state;
    static const uint8_t other[] = { 5, 3, 'x', 'y', 'z' };
    struct captions captions = { 0 };
    uint8_t message[128];
    assert_true(captions_join(&captions, other, sizeof other));
    unsigned bytes = share(message, 10, 'a');
    assert_true(captions_join(&captions, message, bytes));
    assert_int_equal(captions.bytes, sizeof other + bytes);
    assert_memory_equal(captions.messages, other, sizeof other);
    assert_memory_equal(captions.messages + sizeof other, message, bytes);
}

static void what_has_no_room_or_is_no_message_changes_nothing(void **state)
{
    (void)state;
    struct captions captions = { 0 }, before;
    uint8_t message[CAPTIONS_BYTES_MAX + 1];
    unsigned bytes = share(message, 10, 'a');
    assert_true(captions_join(&captions, message, bytes));
    before = captions;
    for (unsigned cut = 1; cut < bytes; cut++) {
        assert_false(captions_join(&captions, message, cut));
        assert_memory_equal(&captions, &before, sizeof before);
    }
    memset(message, 0, sizeof message);
    message[0] = 5;
    message[1] = message[2] = 0xff - 1; /* 254 bytes, and the message after it is too long for what is left */
    assert_true(captions_join(&captions, message, 256));
    before = captions;
    assert_false(captions_join(&captions, message, 256));
    assert_memory_equal(&captions, &before, sizeof before);
    struct captions none = { 0 };
    assert_false(captions_join(&none, message, sizeof message));
    assert_int_equal(none.bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_share_stays_as_it_is), cmocka_unit_test(two_shares_are_one),
        cmocka_unit_test(padding_makes_room),       cmocka_unit_test(more_than_one_can_hold_are_two),
        cmocka_unit_test(others_are_kept),          cmocka_unit_test(what_has_no_room_or_is_no_message_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
