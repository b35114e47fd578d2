/* SPDX-License-Identifier: GPL-2.0-or-later */
/* destination_outcome_test.c - what failures, refusals and stalls of an origin mean for its queue, and who is told. */
#include "tests/mgmt/destination_bench.h"

/* One outage of every sort, long enough to fail and rest: afterwards all is there, in order. */
static void outage(enum origin_behaviour behaviour, bool shut)
{
    struct bench bench;
    set_up(&bench);
    open_queue(&bench);
    put_file(&bench, 0, 1, sizeof body);
    run_until_idle(&bench);
    bench.origin->behaviour = behaviour;
    bench.origin->status = 500;
    if (shut)
        origin_shut(bench.origin);
    for (int number = 2; number <= 6; number++)
        for (unsigned lane = 0; lane < LANES; lane++) {
            put_file(&bench, lane, number, 80000);
            put_text(&bench, lane, number);
        }
    run_for(&bench, 200);
    assert_int_equal(destination_queue_files(bench.queue, 0), 5);
    assert_true(alert_is_active(&bench, 6501));
    if (behaviour != ORIGIN_HANG && behaviour != ORIGIN_DEAF) { /* those need the time limit, see below */
        RUN_UNTIL(&bench, destination_queue_counters(bench.queue).failures && alert_is_active(&bench, 6010));
        assert_int_not_equal(destination_queue_state(bench.queue), DESTINATION_WELL);
        assert_true(alert_is_active(&bench, 6010));
        assert_in_range(destination_queue_counters(bench.queue).failures, 1, 5); /* it rested in between */
        assert_true(destination_queue_last_error(bench.queue)[0]);
    }
    bench.origin->behaviour = ORIGIN_GOOD;
    if (shut)
        origin_listen(bench.origin);
    else
        origin_drop_connections(bench.origin); /* what hung is cut */
    run_until_idle(&bench);
    expect_all_delivered(&bench, 0, 1, 6);
    expect_all_delivered(&bench, 1, 2, 6);
    assert_string_equal(origin_find(bench.origin, "/live/news_1.m3u8")->body, "text 6");
    assert_int_equal(destination_queue_state(bench.queue), DESTINATION_WELL);
    assert_int_equal(alerts_active(bench.alerts), 0);
    bool has_recovered = false;
    for (unsigned i = 0; i < bench.event_count; i++)
        has_recovered |= bench.events[i].kind == 'r';
    assert_true(has_recovered);
    tear_down(&bench);
}

static void outage_refused(void **state)
{
    (void)state;
    outage(ORIGIN_GOOD, true);
}

static void outage_500(void **state)
{
    (void)state;
    outage(ORIGIN_STATUS, false);
}

static void outage_reset(void **state)
{
    (void)state;
    outage(ORIGIN_RESET, false);
}

static void outage_hang(void **state)
{
    (void)state;
    outage(ORIGIN_HANG, false);
}

static void outage_deaf(void **state)
{
    (void)state;
    outage(ORIGIN_DEAF, false);
}

static void unauthorized_is_told_at_once(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.origin->behaviour = ORIGIN_STATUS;
    bench.origin->status = 403;
    bench.connection.connection_retry_interval = 10;
    open_queue(&bench);
    put_file(&bench, 0, 1, 100);
    RUN_UNTIL(&bench, alert_is_active(&bench, 6015));
    assert_true(alert_is_active(&bench, 6015));
    assert_false(alert_is_active(&bench, 6010));
    tear_down(&bench);
}

/* A single failure is repeated in silence: no alert. */
static void hiccup(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.origin->behaviour = ORIGIN_STATUS;
    bench.origin->status = 503;
    bench.connection.connection_retry_interval = 0.5;
    open_queue(&bench);
    put_file(&bench, 0, 1, 100);
    RUN_UNTIL(&bench, destination_queue_state(bench.queue) == DESTINATION_RETRYING);
    assert_int_equal(destination_queue_state(bench.queue), DESTINATION_RETRYING);
    assert_int_equal(alerts_active(bench.alerts), 0);
    bench.origin->behaviour = ORIGIN_GOOD;
    run_until_idle(&bench);
    assert_int_equal(destination_queue_counters(bench.queue).retries, 1);
    expect_all_delivered(&bench, 0, 1, 1);
    tear_down(&bench);
}

/* A file that the origin does not want is given up; the others do not wait for it. */
static void refused_file(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.origin->behaviour = ORIGIN_STATUS;
    bench.origin->status = 413;
    bench.origin->only_path = "news_0_00001";
    open_queue(&bench);
    put_file(&bench, 0, 1, 100);
    put_file(&bench, 0, 2, 100);
    put_file(&bench, 1, 1, 100);
    run_until_idle(&bench);
    assert_int_equal(bench.events[0].lane, 1);
    assert_int_equal(bench.events[1].outcome, DESTINATION_REFUSED);
    assert_int_equal(bench.events[2].number, 2);
    assert_int_equal(origin_count(bench.origin, "PUT", "00001", 413), 3);
    assert_int_equal(destination_queue_counters(bench.queue).dropped_refused, 1);
    assert_int_equal(destination_queue_state(bench.queue), DESTINATION_WELL);
    assert_int_equal(alerts_active(bench.alerts), 0); /* the next was taken */
    tear_down(&bench);
}

static void refusals_are_told(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.origin->behaviour = ORIGIN_STATUS;
    bench.origin->status = 413;
    bench.origin->only_path = "news_0";
    open_queue(&bench);
    put_file(&bench, 0, 1, 100);
    put_text(&bench, 0, 1);
    run_until_idle(&bench);
    assert_int_equal(origin_count(bench.origin, "PUT", "news_0_00001.ts", 413), 3);
    assert_true(alert_says(&bench, 6005, "news_0"));
    assert_true(alert_says(&bench, 6005, "413 Payload Too Large"));
    put_file(&bench, 1, 1, 100); /* what another output has says nothing about this one */
    put_text(&bench, 1, 1);
    run_until_idle(&bench);
    assert_true(alert_is_active(&bench, 6005));
    bench.origin->behaviour = ORIGIN_GOOD;
    put_file(&bench, 0, 2, 100);
    run_until_idle(&bench);
    assert_true(alert_is_active(&bench, 6005)); /* its playlist is still the last that was refused */
    put_text(&bench, 0, 2);
    run_until_idle(&bench);
    assert_int_equal(alerts_active(bench.alerts), 0);
    tear_down(&bench);
}

/* When the tries are far apart, nobody waits for the last one. */
static void refusal_is_told_in_time(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.origin->behaviour = ORIGIN_STATUS;
    bench.origin->status = 415;
    bench.connection.connection_retry_interval = 10;
    open_queue(&bench);
    put_file(&bench, 0, 1, 100);
    RUN_UNTIL(&bench, alert_is_active(&bench, 6005));
    assert_int_equal(destination_queue_files(bench.queue, 0), 1);
    assert_true(alert_says(&bench, 6005, "news_0_00001.ts: 415"));
    tear_down(&bench);
}

/* Told long before its time is over, and not ended: it may go on. */
static void stall_is_told_in_time(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    static char large[8000000]; /* more than the kernel's buffers take */
    bench.connection.timeout = 10;
    bench.connection.cache_megabytes = 16;
    bench.alert_after_ms = 100;
    bench.origin->behaviour = ORIGIN_DEAF;
    open_queue(&bench);
    destination_put_file(bench.queue, 0,
                         &(struct destination_file){ .name = "large.ts", .data = large, .bytes = sizeof large });
    RUN_UNTIL(&bench, alert_is_active(&bench, 6010));
    assert_true(alert_says(&bench, 6010, "no progress for 0.1 s"));
    assert_int_equal(destination_queue_state(bench.queue), DESTINATION_WELL);
    assert_int_equal(destination_queue_files(bench.queue, 0), 1);
    origin_hear(bench.origin);
    run_until_idle(&bench);
    RUN_UNTIL(&bench, !alert_is_active(&bench, 6010));
    assert_int_equal(alerts_active(bench.alerts), 0);
    assert_int_equal(destination_queue_counters(bench.queue).retries, 0);
    assert_int_equal(destination_queue_counters(bench.queue).files_delivered, 1);
    tear_down(&bench);
}

/* A stall that ends in a failure keeps its alert until a file is delivered. */
static void stall_that_fails(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.connection.connection_retry_interval = 1;
    bench.connection.timeout = 10;
    bench.alert_after_ms = 100;
    bench.origin->behaviour = ORIGIN_HANG;
    open_queue(&bench);
    put_file(&bench, 0, 1, 100);
    RUN_UNTIL(&bench, alert_is_active(&bench, 6010));
    bench.origin->behaviour = ORIGIN_GOOD;
    origin_drop_connections(bench.origin);
    RUN_UNTIL(&bench, destination_queue_state(bench.queue) == DESTINATION_RETRYING);
    run_for(&bench, 300);                                             /* longer than between two looks */
    if (destination_queue_state(bench.queue) == DESTINATION_RETRYING) /* else this machine was away for longer */
        assert_true(alert_is_active(&bench, 6010));
    run_until_idle(&bench);
    assert_int_equal(alerts_active(bench.alerts), 0);
    tear_down(&bench);
}

/* The first failure is worth an alert when the next try is far away. */
static void failure_is_told_in_time(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.origin->behaviour = ORIGIN_STATUS;
    bench.origin->status = 503;
    bench.connection.connection_retry_interval = 10;
    bench.alert_after_ms = 100;
    open_queue(&bench);
    put_file(&bench, 0, 1, 100);
    RUN_UNTIL(&bench, destination_queue_counters(bench.queue).retries == 1);
    RUN_UNTIL(&bench, alert_is_active(&bench, 6010));
    assert_int_equal(destination_queue_counters(bench.queue).retries, 1);
    assert_true(alert_says(&bench, 6010, "503 Service Unavailable"));
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outage_refused),
        cmocka_unit_test(outage_500),
        cmocka_unit_test(outage_reset),
        cmocka_unit_test(outage_hang),
        cmocka_unit_test(outage_deaf),
        cmocka_unit_test(unauthorized_is_told_at_once),
        cmocka_unit_test(hiccup),
        cmocka_unit_test(refused_file),
        cmocka_unit_test(refusals_are_told),
        cmocka_unit_test(refusal_is_told_in_time),
        cmocka_unit_test(stall_is_told_in_time),
        cmocka_unit_test(stall_that_fails),
        cmocka_unit_test(failure_is_told_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
