/* SPDX-License-Identifier: GPL-2.0-or-later */
/* publisher_saver_test.c - what is delivered is acknowledged when the disk knows, and nobody else waits for the disk.
 */
#include "mgmt/publisher_saver.h"

#include "mgmt/publisher_spool.h"
#include "tests/mgmt/held_disk.h"
#include "tests/mgmt/hls_bench.h"

static unsigned released, left;

static void on_release(void *context, struct waiting_segment *item, bool saved)
{
    (void)context, (void)item;
    released += saved;
    left += !saved;
}

/* Segments and playlists go on being delivered; the acknowledgements come when the disk answers. */
static void test_delivery_does_not_wait_for_the_disk(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    publisher_bench_open(&bench.base);
    held_disk.suffix = "news.1.web.json";
    held_disk_hold();
    hand_over_both(&bench, 1, 4);
    publisher_bench_run_until(&bench.base, "segments_delivered", 8);
    publisher_bench_run_until(&bench.base, "playlists_delivered", 3);
    held_disk_wait();
    assert_int_equal(bench.base.acknowledged, 0);
    assert_false(publisher_idle(bench.base.publisher));
    held_disk_let_go();
    publisher_bench_run_until_acknowledged(&bench.base, 8);
    publisher_bench_run_until_idle(&bench.base);
    tear_down(&bench);
}

/* A publisher that is made while the disk still writes what the one before it put. */
static void test_a_publisher_that_follows_knows(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    publisher_bench_open(&bench.base);
    held_disk_hold();
    hand_over_both(&bench, 1, 2);
    publisher_bench_run_until(&bench.base, "segments_delivered", 4);
    publisher_destroy(bench.base.publisher);
    publisher_bench_open(&bench.base);
    hand_over_both(&bench, 1, 2);
    assert_int_equal(publisher_bench_counter(&bench.base, "segments_duplicate"), 4);
    held_disk_let_go();
    publisher_bench_run_until_idle(&bench.base);
    tear_down(&bench);
}

static void test_a_disk_that_hangs_is_not_waited_for_for_ever(void **state)
{
    (void)state;
    struct publisher_bench bench;
    struct publisher_saver *saver;
    struct waiting_segment items[3] = { 0 };
    publisher_bench_set_up(&bench);
    const struct publisher_config publisher = publisher_bench_config(&bench);
    const struct publisher_saver_config config = {
        .publisher = &publisher, .name = "a.json", .release = on_release, .patience_ms = 20
    };
    released = left = 0;
    assert_int_equal(publisher_saver_create(&saver, &config, NULL), 0);
    held_disk.suffix = "a.json";
    held_disk_hold();
    for (unsigned i = 0; i < 2; i++) {
        publisher_saver_add(saver, &items[i]);
        assert_true(publisher_saver_lacks(saver));
        publisher_saver_put(saver, json_object(), SPOOL_FAST);
        assert_false(publisher_saver_lacks(saver));
    }
    uint64_t begin_ns = clock_monotonic_ns(&bench.clock);
    while (!publisher_saver_idle(saver) && publisher_bench_turn(&bench, begin_ns))
        ;
    assert_int_equal(released, 2);
    publisher_saver_add(saver, &items[2]);
    publisher_saver_destroy(saver);
    assert_int_equal(left, 1);
    held_disk_let_go();
    publisher_bench_tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delivery_does_not_wait_for_the_disk),
        cmocka_unit_test(test_a_publisher_that_follows_knows),
        cmocka_unit_test(test_a_disk_that_hangs_is_not_waited_for_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
