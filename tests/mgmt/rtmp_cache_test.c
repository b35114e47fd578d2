/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_cache_test.c - the place moves, goes back to a key picture, jumps over groups; every piece is released once. */
#include "mgmt/rtmp_cache.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "board/error.h"
#include "tests/mgmt/flv_pieces.h"

enum { PIECES = 40, GOP_PIECES = FLV_GOP_PICTURES / FLV_PIECE_PICTURES, TAGS = 2 * FLV_PIECE_PICTURES };

struct bench {
    struct rtmp_cache *cache;
    unsigned sent[PIECES], dropped[PIECES];
    uint64_t taken;
};

static void on_release(void *context, const struct rtmp_piece *piece, bool sent)
{
    struct bench *bench = context;
    ++*(sent ? &bench->sent[piece->segment.number] : &bench->dropped[piece->segment.number]);
}

static void add(struct bench *bench, int64_t number)
{
    struct flv_bytes *bytes = calloc(1, sizeof *bytes);
    struct handoff_segment segment;
    struct error err = { 0 };
    flv_put_piece(bytes, &segment, number, 50, 1);
    if (rtmp_cache_add(bench->cache, &segment, flv_memfd(bytes), &err) < 0)
        fail_msg("%s", err.text);
    free(bytes);
}

static void set_up(struct bench *bench, int64_t first, int64_t end)
{
    *bench = (struct bench){ 0 };
    assert_int_equal(rtmp_cache_create(&bench->cache, on_release, bench, NULL), 0);
    for (int64_t number = first; number < end; number++)
        add(bench, number);
}

/* The number and kind of the picture or sound at the place; -1: nothing waits. */
static int64_t place(struct bench *bench)
{
    struct flv_tag tag;
    const struct rtmp_piece *piece;
    return rtmp_cache_peek(bench->cache, &tag, &piece) ? (int64_t)tag.timestamp_ms : -1;
}

static void send(struct bench *bench, unsigned tags)
{
    for (; tags; tags--) {
        assert_true(place(bench) >= 0);
        rtmp_cache_advance(bench->cache, ++bench->taken);
    }
}

static unsigned count(const unsigned *numbers)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < PIECES; i++) {
        assert_true(numbers[i] <= 1);
        sum += numbers[i];
    }
    return sum;
}

static void test_sends_in_order(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 0, 12);
    assert_int_equal(rtmp_cache_waiting_pieces(bench.cache), 12);
    assert_int_equal(rtmp_cache_waiting_90k(bench.cache), 12 * 200 * 90);
    for (unsigned i = 0; i < 12 * FLV_PIECE_PICTURES; i++) {
        assert_int_equal(place(&bench), i * 40);
        send(&bench, 1);
        assert_int_equal(place(&bench), i * 40 + 5);
        send(&bench, 1);
    }
    assert_int_equal(place(&bench), -1);
    assert_int_equal(rtmp_cache_waiting_90k(bench.cache), 0);
    assert_false(rtmp_cache_is_empty(bench.cache));
    rtmp_cache_confirm(bench.cache, 3 * TAGS, 3 * TAGS); /* three pieces arrived */
    assert_int_equal(count(bench.sent), 3);
    rtmp_cache_confirm(bench.cache, bench.taken, bench.taken);
    assert_int_equal(count(bench.sent), 12);
    assert_true(rtmp_cache_is_empty(bench.cache));
    assert_true(rtmp_cache_bytes(bench.cache) > 0); /* kept from the last key picture on */
    add(&bench, 12);
    assert_int_equal(place(&bench), 12 * 200);
    rtmp_cache_destroy(bench.cache);
}

static void test_goes_back_to_a_key_picture(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 0, 15);
    send(&bench, 12 * TAGS + 3);
    rtmp_cache_confirm(bench.cache, 10 * TAGS, 8 * TAGS + 1);
    assert_int_equal(count(bench.sent), 10);
    rtmp_cache_rewind(bench.cache, 8 * TAGS + 1); /* eight pieces were read, and a bit of the ninth */
    assert_int_equal(place(&bench), 5 * 200);     /* the key picture of piece 5 */
    bench.taken = 0;
    send(&bench, 10 * TAGS);
    assert_int_equal(place(&bench), -1);
    rtmp_cache_confirm(bench.cache, bench.taken, bench.taken);
    assert_int_equal(count(bench.sent), 15);
    assert_int_equal(count(bench.dropped), 0);
    rtmp_cache_rewind(bench.cache, bench.taken); /* all had arrived: the next stream still needs its key picture */
    assert_int_equal(place(&bench), 10 * 200);
    rtmp_cache_destroy(bench.cache);
}

static void test_goes_back_where_nothing_was_confirmed(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 0, 3);
    send(&bench, TAGS);
    rtmp_cache_rewind(bench.cache, 0);
    assert_int_equal(place(&bench), 0);
    rtmp_cache_destroy(bench.cache);
    set_up(&bench, 2, 7); /* begins without a key picture: that of piece 5 is the first */
    rtmp_cache_rewind(bench.cache, 0);
    assert_int_equal(place(&bench), 2 * 200);
    send(&bench, 4 * TAGS);
    rtmp_cache_rewind(bench.cache, 3 * TAGS);
    assert_int_equal(place(&bench), 5 * 200);
    rtmp_cache_destroy(bench.cache);
}

static void test_drops_groups(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 0, 18);
    send(&bench, 2 * TAGS + 4);
    assert_int_equal(rtmp_cache_drop_group(bench.cache), 3); /* 2, 3, 4 */
    assert_int_equal(place(&bench), 5 * 200);
    assert_int_equal(rtmp_cache_drop_group(bench.cache), GOP_PIECES);
    assert_int_equal(place(&bench), 10 * 200);
    assert_int_equal(count(bench.dropped), 8);
    send(&bench, 8 * TAGS);
    rtmp_cache_confirm(bench.cache, bench.taken, bench.taken);
    assert_int_equal(count(bench.sent), 10);
    add(&bench, 18);
    assert_int_equal(rtmp_cache_drop_group(bench.cache), 1); /* no key picture behind it: all that waits */
    assert_int_equal(place(&bench), -1);
    assert_int_equal(rtmp_cache_drop_group(bench.cache), 0);
    add(&bench, 20);
    assert_int_equal(place(&bench), 20 * 200);
    rtmp_cache_destroy(bench.cache);
}

static void test_drops_all(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 0, 10);
    send(&bench, 4 * TAGS + 1);
    rtmp_cache_confirm(bench.cache, 2 * TAGS, 2 * TAGS);
    assert_int_equal(rtmp_cache_drop_all(bench.cache), 6);
    assert_int_equal(count(bench.sent), 2);
    assert_int_equal(count(bench.dropped), 8);
    assert_int_equal(rtmp_cache_bytes(bench.cache), 0);
    assert_true(rtmp_cache_is_empty(bench.cache));
    add(&bench, 11);
    assert_int_equal(place(&bench), 11 * 200);
    rtmp_cache_destroy(bench.cache);
}

static void test_damaged_pieces(void **state)
{
    (void)state;
    struct bench bench;
    struct flv_bytes *bytes = calloc(1, sizeof *bytes);
    struct handoff_segment segment;
    struct error err = { 0 };
    set_up(&bench, 0, 1);
    flv_put_piece(bytes, &segment, 1, 50, 1);
    segment.header_bytes -= 2;
    assert_int_equal(rtmp_cache_add(bench.cache, &segment, flv_memfd(bytes), &err), -EBADMSG);
    segment.header_bytes = (uint32_t)segment.bytes;
    assert_int_equal(rtmp_cache_add(bench.cache, &segment, flv_memfd(bytes), &err), -EBADMSG);
    flv_put_piece(bytes, &segment, 1, 50, 1);
    bytes->data[bytes->used - 1] ^= 1;
    assert_int_equal(rtmp_cache_add(bench.cache, &segment, flv_memfd(bytes), &err), -EBADMSG);
    segment.bytes++;
    assert_int_equal(rtmp_cache_add(bench.cache, &segment, flv_memfd(bytes), &err), -EBADMSG);
    assert_int_equal(rtmp_cache_waiting_pieces(bench.cache), 1);
    free(bytes);
    rtmp_cache_destroy(bench.cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sends_in_order),
        cmocka_unit_test(test_goes_back_to_a_key_picture),
        cmocka_unit_test(test_goes_back_where_nothing_was_confirmed),
        cmocka_unit_test(test_drops_groups),
        cmocka_unit_test(test_drops_all),
        cmocka_unit_test(test_damaged_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
