/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose packets they are: senders that begin anew, come twice, change or are strangers. */
#include "tests/dataplane/reorder_bench.h"

static void a_restart_with_the_same_ssrc_is_followed(void **state)
{
    (void)state;
    struct bench *b = bench_create(WINDOW, WAIT_NS);
    for (unsigned i = 0; i < 10; i++)
        send_one(b, 1000 + i);
    for (unsigned i = 0; i < 10; i++)
        send_one(b, 40000 + i);
    for (unsigned i = 0; i < 10; i++)
        assert_next(b, 1000 + i, i ? 0 : STREAM_RING_NEW_SOURCE);
    for (unsigned i = 0; i < 10; i++)
        assert_next(b, 40000 + i, i ? 0 : STREAM_RING_NEW_SOURCE);
    assert_int_equal(b->counters.restarts, 1);
    assert_int_equal(b->counters.lost, 0);
    assert_int_equal(b->counters.expected, 20);
    /* its first two packets swapped */
    send_one(b, 20001);
    send_one(b, 20000);
    assert_next(b, 20000, STREAM_RING_NEW_SOURCE);
    assert_next(b, 20001, 0);
    bench_destroy(b);
}

/* Not far enough to be told from late packets at once. */
static void a_restart_a_little_behind_is_followed(void **state)
{
    (void)state;
    struct bench *b = bench_create(WINDOW, WAIT_NS);
    for (unsigned i = 0; i < 800; i++)
        send_one(b, 1000 + i);
    for (unsigned i = 0; i < 60; i++, pass(b, 10 * NS_PER_MS))
        send_one(b, 1000 + i);
    for (unsigned i = 0; i < 800; i++)
        assert_next(b, 1000 + i, i ? 0 : STREAM_RING_NEW_SOURCE);
    for (unsigned i = 50; i < 60; i++)
        assert_next(b, 1000 + i, i == 50 ? STREAM_RING_NEW_SOURCE : 0);
    assert_int_equal(b->counters.restarts, 1);
    assert_int_equal(b->counters.lost, 0);
    assert_int_equal(outcome(b, PACKET_DUPLICATE), 50);
    bench_destroy(b);
}

/* A packet comes after a pause, but it is only one of those before it. */
static void a_late_one_after_a_pause_is_no_restart(void **state)
{
    (void)state;
    struct bench *b = bench_create(WINDOW, WAIT_NS);
    for (unsigned i = 0; i < 20; i++)
        send_one(b, 1000 + i);
    pass(b, 600 * NS_PER_MS);
    send_one(b, 1010);
    for (unsigned i = 20; i < 40; i++)
        send_one(b, 1000 + i);
    pass(b, 2 * NS_PER_S);
    for (unsigned i = 0; i < 40; i++)
        assert_next(b, 1000 + i, i ? 0 : STREAM_RING_NEW_SOURCE);
    assert_int_equal(b->counters.restarts, 0);
    assert_int_equal(b->counters.lost, 0);
    bench_destroy(b);
}

/* A healthy stream is never silent: whatever comes late in it came late. */
static void late_ones_in_a_healthy_stream_are_no_restart(void **state)
{
    (void)state;
    struct bench *b = bench_create(WINDOW, WAIT_NS);
    for (unsigned i = 0; i < 1000; i++, pass(b, NS_PER_MS))
        send_one(b, 1000 + i);
    send_one(b, 1997);
    send_one(b, 1998);
    for (unsigned i = 1000; i < 1100; i++, pass(b, NS_PER_MS))
        send_one(b, 1000 + i);
    for (unsigned i = 0; i < 1100; i++)
        assert_next(b, 1000 + i, i ? 0 : STREAM_RING_NEW_SOURCE);
    assert_true(nothing_left(b));
    assert_int_equal(b->counters.restarts, 0);
    assert_int_equal(b->counters.lost, 0);
    assert_int_equal(outcome(b, PACKET_DUPLICATE), 2);
    bench_destroy(b);
}

/* Two paths to one address, one of them a little longer. */
static void a_stream_that_comes_twice_is_stored_once(void **state)
{
    (void)state;
    enum { BEHIND = 5, COUNT = 2000 };
    struct bench *b = bench_create(WINDOW, WAIT_NS);
    for (unsigned i = 0; i < COUNT + BEHIND; i++, pass(b, NS_PER_MS)) {
        if (i < COUNT)
            send_one(b, 65000 + i); /* over the wrap */
        if (i >= BEHIND)
            send_one(b, 65000 + i - BEHIND);
    }
    for (unsigned i = 0; i < COUNT; i++)
        assert_next(b, 65000 + i, i ? 0 : STREAM_RING_NEW_SOURCE);
    assert_true(nothing_left(b));
    assert_int_equal(b->counters.restarts, 0);
    assert_int_equal(b->counters.lost, 0);
    assert_int_equal(outcome(b, PACKET_DUPLICATE), COUNT);
    bench_destroy(b);
}

static void a_stray_number_disturbs_nothing(void **state)
{
    (void)state;
    struct bench *b = bench_create(WINDOW, WAIT_NS);
    send_one(b, 1);
    send_one(b, 30000);
    send_one(b, 2);
    send_one(b, 50000);
    for (unsigned i = 3; i < 10; i++)
        send_one(b, i);
    pass(b, 2 * NS_PER_S);
    for (unsigned i = 1; i < 10; i++)
        assert_next(b, i, i == 1 ? STREAM_RING_NEW_SOURCE : 0);
    assert_true(nothing_left(b));
    assert_int_equal(outcome(b, PACKET_STRAY), 2);
    assert_int_equal(b->counters.lost, 0);
    bench_destroy(b);
}

static void a_new_ssrc_is_followed_and_loses_nothing(void **state)
{
    (void)state;
    struct bench *b = bench_create(WINDOW, WAIT_NS);
    for (unsigned i = 0; i < 20; i++, pass(b, NS_PER_MS))
        send_as(b, SSRC, 500 + i);
    for (unsigned i = 0; i < 200; i++, pass(b, NS_PER_MS))
        send_as(b, OTHER_SSRC, 9000 + i);
    for (unsigned i = 0; i < 20; i++)
        assert_next(b, 500 + i, i ? 0 : STREAM_RING_NEW_SOURCE);
    for (unsigned i = 0; i < 200; i++)
        assert_next(b, 9000 + i, i ? 0 : STREAM_RING_NEW_SOURCE);
    assert_int_equal(b->counters.source_changes, 1);
    assert_int_equal(outcome(b, PACKET_SECOND_SENDER), 0);
    assert_int_equal(b->counters.lost, 0);
    bench_destroy(b);
}

static void a_new_ssrc_is_followed_though_it_says_only_a_word(void **state)
{
    (void)state;
    struct bench *b = bench_create(WINDOW, WAIT_NS);
    send_as(b, SSRC, 1);
    send_as(b, OTHER_SSRC, 7001);
    send_as(b, OTHER_SSRC, 7000);
    assert_next(b, 1, STREAM_RING_NEW_SOURCE);
    assert_true(nothing_left(b));
    pass(b, REORDER_SWITCH_NS + 2 * NS_PER_MS);
    assert_next(b, 7000, STREAM_RING_NEW_SOURCE);
    assert_next(b, 7001, 0);
    bench_destroy(b);
}

static void a_second_sender_beside_the_first_is_dropped(void **state)
{
    (void)state;
    struct bench *b = bench_create(WINDOW, WAIT_NS);
    for (unsigned i = 0; i < 2000; i++, pass(b, NS_PER_MS)) {
        send_as(b, SSRC, i);
        send_as(b, OTHER_SSRC, 30000 + i);
    }
    for (unsigned i = 0; i < 2000; i++)
        assert_next(b, i, i ? 0 : STREAM_RING_NEW_SOURCE);
    assert_true(nothing_left(b));
    assert_int_equal(b->counters.source_changes, 0);
    assert_true(outcome(b, PACKET_SECOND_SENDER) >= 1700);
    /* it was contested: a pause of the first for 300 ms is not enough */
    unsigned other = 32000;
    for (unsigned i = 0; i < 300; i++, pass(b, NS_PER_MS))
        send_as(b, OTHER_SSRC, other++);
    assert_int_equal(b->counters.source_changes, 0);
    /* one of more than 1 s is */
    for (unsigned i = 0; i < 1000; i++, pass(b, NS_PER_MS))
        send_as(b, OTHER_SSRC, other++);
    assert_int_equal(b->counters.source_changes, 1);
    assert_int_equal(b->counters.ssrc, OTHER_SSRC);
    bench_destroy(b);
}

static void another_address_waits_for_a_second_of_silence(void **state)
{
    (void)state;
    struct bench *b = bench_create(WINDOW, WAIT_NS);
    send_one(b, 1);
    b->address = 2;
    for (unsigned i = 0; i < 990; i++, pass(b, NS_PER_MS))
        send_one(b, 2 + i); /* the same SSRC and fitting numbers make it no friend */
    assert_int_equal(outcome(b, PACKET_SECOND_SENDER), 990);
    pass(b, 20 * NS_PER_MS);
    send_one(b, 5000);
    assert_next(b, 1, STREAM_RING_NEW_SOURCE);
    assert_next(b, 5000, STREAM_RING_NEW_SOURCE);
    assert_int_equal(b->counters.source_changes, 1);
    bench_destroy(b);
}

static void after_silence_the_same_sender_is_marked(void **state)
{
    (void)state;
    struct bench *b = bench_create(WINDOW, WAIT_NS);
    send_one(b, 10);
    pass(b, 3 * NS_PER_S);
    send_one(b, 11); /* it paused */
    pass(b, 3 * NS_PER_S);
    send_one(b, 2411); /* it was cut off */
    pass(b, 3 * NS_PER_S);
    send_one(b, 2000); /* it began anew */
    pass(b, 30 * NS_PER_S);
    send_one(b, 33000); /* nobody knows */
    assert_next(b, 10, STREAM_RING_NEW_SOURCE);
    assert_next(b, 11, STREAM_RING_NEW_SOURCE);
    assert_next(b, 2411, STREAM_RING_NEW_SOURCE | STREAM_RING_LOST_BEFORE);
    assert_next(b, 2000, STREAM_RING_NEW_SOURCE);
    assert_next(b, 33000, STREAM_RING_NEW_SOURCE);
    assert_int_equal(b->counters.lost, 2399);
    assert_int_equal(b->counters.source_changes, 0);
    bench_destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restart_with_the_same_ssrc_is_followed),
        cmocka_unit_test(a_restart_a_little_behind_is_followed),
        cmocka_unit_test(a_late_one_after_a_pause_is_no_restart),
        cmocka_unit_test(late_ones_in_a_healthy_stream_are_no_restart),
        cmocka_unit_test(a_stream_that_comes_twice_is_stored_once),
        cmocka_unit_test(a_stray_number_disturbs_nothing),
        cmocka_unit_test(a_new_ssrc_is_followed_and_loses_nothing),
        cmocka_unit_test(a_new_ssrc_is_followed_though_it_says_only_a_word),
        cmocka_unit_test(a_second_sender_beside_the_first_is_dropped),
        cmocka_unit_test(another_address_waits_for_a_second_of_silence),
        cmocka_unit_test(after_silence_the_same_sender_is_marked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
