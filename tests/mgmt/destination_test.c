/* SPDX-License-Identifier: GPL-2.0-or-later */
/* destination_test.c - order and bounds of one destination. */
#include "mgmt/destination.h"

#include "tests/mgmt/destination_bench.h"

static void good_weather(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    open_queue(&bench);
    for (int number = 1; number <= 5; number++)
        for (unsigned lane = 0; lane < LANES; lane++)
            put_file(&bench, lane, number, 1000);
    put_text(&bench, 2, 7); /* the master's lane */
    destination_delete(bench.queue, 1, "news_1_00001.ts");
    run_until_idle(&bench);
    expect_all_delivered(&bench, 0, 1, 5);
    expect_all_delivered(&bench, 1, 1, 5);
    assert_string_equal(origin_find(bench.origin, "/live/news_2.m3u8")->body, "text 7");
    assert_null(origin_find(bench.origin, "/live/news_1_00001.ts")); /* deletions come last */
    for (unsigned i = 0; i < bench.origin->request_count; i++) {
        const char *head = bench.origin->requests[i].head;
        const char *type = origin_header(head, "Content-Type");
        if (strstr(bench.origin->requests[i].path, ".m3u8")) {
            assert_string_equal(type, "application/vnd.apple.mpegurl");
            assert_string_equal(origin_header(head, "Cache-Control"), "max-age=1");
        } else if (strcmp(bench.origin->requests[i].method, "PUT") == 0) {
            assert_string_equal(type, "video/mp2t");
            assert_string_equal(origin_header(head, "Cache-Control"), "max-age=86400");
        }
    }
    assert_in_range(bench.origin->connections, 1, 4);
    struct destination_counters counters = destination_queue_counters(bench.queue);
    assert_int_equal(counters.files_delivered, 10);
    assert_int_equal(counters.bytes_delivered, 10000);
    assert_int_equal(counters.retries, 0);
    assert_int_equal(destination_queue_state(bench.queue), DESTINATION_WELL);
    tear_down(&bench);
}

static void only_the_newest_text_waits(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    open_queue(&bench);
    for (int number = 1; number <= 5; number++)
        put_text(&bench, 0, number);
    run_until_idle(&bench);
    assert_int_equal(bench.event_count, 2);
    assert_int_equal(bench.events[0].number, 1);
    assert_int_equal(bench.events[1].number, 5);
    assert_string_equal(origin_find(bench.origin, "/live/news_0.m3u8")->body, "text 5");
    assert_int_equal(destination_queue_counters(bench.queue).texts_replaced, 3);
    tear_down(&bench);
}

static void origin_that_deletes_nothing(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.origin->behaviour = ORIGIN_STATUS;
    bench.origin->status = 405;
    bench.origin->only_path = "old";
    open_queue(&bench);
    destination_delete(bench.queue, 0, "old.ts");
    put_file(&bench, 0, 1, 100);
    run_until_idle(&bench);
    expect_all_delivered(&bench, 0, 1, 1);
    assert_int_equal(bench.events[1].kind, 'd');
    assert_false(bench.events[1].outcome);
    assert_true(alert_is_active(&bench, 6008));
    assert_int_equal(destination_queue_state(bench.queue), DESTINATION_WELL);
    destination_delete(bench.queue, 0, "new.ts");
    run_until_idle(&bench);
    assert_int_equal(alerts_active(bench.alerts), 0);
    tear_down(&bench);
}

static void oldest_is_dropped_when_the_cache_is_full(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    origin_shut(bench.origin);
    open_queue(&bench);
    run_for(&bench, 20);
    for (int number = 1; number <= 8; number++) /* 1 MiB holds five */
        put_file(&bench, 0, number, sizeof body);
    /* the first one was on its way when the others came: those behind it went */
    assert_int_equal(destination_queue_counters(bench.queue).dropped_no_room, 3);
    assert_true(alert_is_active(&bench, 6501));
    assert_in_range(destination_queue_bytes(bench.queue), 900000, 1 << 20);
    for (unsigned i = 0; i < bench.event_count; i++)
        assert_int_equal(bench.events[i].outcome, DESTINATION_NO_ROOM);
    origin_listen(bench.origin);
    run_until_idle(&bench);
    int last = 0;
    for (unsigned i = 0; i < bench.event_count; i++)
        if (bench.events[i].kind == 'f' && bench.events[i].outcome == DESTINATION_DELIVERED) {
            assert_true(bench.events[i].number > last);
            last = bench.events[i].number;
        }
    assert_int_equal(last, 8);
    assert_int_equal(alerts_active(bench.alerts), 0);
    tear_down(&bench);
}

/* A single file that takes longer than it lasts, and then some: others need not wait behind it for that to be told. */
static void one_that_takes_too_long_is_a_backlog(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.connection.timeout = 5;
    bench.alert_after_ms = 100;
    bench.no_length = true;
    open_queue(&bench);
    bench.origin->behaviour = ORIGIN_HANG;
    uint64_t begin_ns = real_ns();
    put_file(&bench, 0, 1, 1000);
    run_for(&bench, 30);
    assert_true(!alert_is_active(&bench, 6501) || real_ns() - begin_ns > 100 * NS_PER_MS);
    RUN_UNTIL(&bench, alert_is_active(&bench, 6501));
    assert_true(alert_says(&bench, 6501, "the oldest for longer than it lasts"));
    assert_int_equal(bench.event_count, 0);
    bench.origin->behaviour = ORIGIN_GOOD;
    origin_drop_connections(bench.origin);
    run_until_idle(&bench);
    assert_int_equal(alerts_active(bench.alerts), 0);
    tear_down(&bench);
}

static void too_old_is_dropped(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    origin_shut(bench.origin);
    bench.connection.filecache_duration = 1;
    bench.connection.num_retries = 1000;
    open_queue(&bench);
    put_file(&bench, 0, 1, 100);
    run_for(&bench, 900);
    put_file(&bench, 0, 2, 100);
    uint64_t second_ns = real_ns();
    RUN_UNTIL(&bench, bench.event_count > 0);
    assert_int_equal(bench.events[0].number, 1);
    assert_int_equal(bench.events[0].outcome, DESTINATION_TOO_OLD);
    origin_listen(bench.origin);
    RUN_UNTIL(&bench, bench.event_count > 1);
    assert_int_equal(bench.events[1].number, 2);
    if (real_ns() - second_ns < NS_PER_S) { /* else this machine was away for longer than it may wait */
        assert_int_equal(bench.events[1].outcome, DESTINATION_DELIVERED);
        assert_int_equal(destination_queue_counters(bench.queue).dropped_too_old, 1);
    }
    tear_down(&bench);
}

static void restart_delay_0_is_the_end(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    origin_shut(bench.origin);
    bench.connection.restart_delay = 0;
    bench.connection.num_retries = 2;
    open_queue(&bench);
    put_file(&bench, 0, 1, 100);
    RUN_UNTIL(&bench, destination_queue_state(bench.queue) == DESTINATION_ABANDONED);
    assert_int_equal(destination_queue_state(bench.queue), DESTINATION_ABANDONED);
    assert_int_equal(bench.events[0].outcome, DESTINATION_GIVEN_UP);
    put_file(&bench, 0, 2, 100);
    assert_int_equal(bench.events[1].outcome, DESTINATION_GIVEN_UP);
    assert_true(alert_is_active(&bench, 6010));
    tear_down(&bench);
}

static void bad_configurations(void **state)
{
    (void)state;
    static const char *const urls[] = { "http://host", "https://host", "news", "" };
    struct bench bench;
    set_up(&bench);
    struct destination_queue_config config = { .destination = &bench.destination,
                                               .connection = &bench.connection,
                                               .lanes = 1,
                                               .loop = bench.loop,
                                               .engine = bench.engine,
                                               .clock = &bench.clock };
    for (unsigned i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct error err = { 0 };
        strcpy(bench.destination.url, urls[i]);
        assert_int_equal(destination_queue_create(&bench.queue, &config, &err), -EINVAL);
        assert_non_null(strstr(err.text, "destination URL"));
    }
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_weather),
        cmocka_unit_test(only_the_newest_text_waits),
        cmocka_unit_test(origin_that_deletes_nothing),
        cmocka_unit_test(oldest_is_dropped_when_the_cache_is_full),
        cmocka_unit_test(one_that_takes_too_long_is_a_backlog),
        cmocka_unit_test(too_old_is_dropped),
        cmocka_unit_test(restart_delay_0_is_the_end),
        cmocka_unit_test(bad_configurations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
