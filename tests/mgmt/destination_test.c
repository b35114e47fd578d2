/* SPDX-License-Identifier: GPL-2.0-or-later */
/* destination_test.c - order, patience and bounds of one destination, against an origin that misbehaves. */
#include "mgmt/destination.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "board/clock.h"
#include "board/error.h"
#include "mgmt/alerts.h"
#include "mgmt/transfer.h"
#include "tests/mgmt/fake_origin.h"

enum { LANES = 2, EVENTS_MAX = 256 };

struct event {
    char kind; /* f: file, t: text, d: delete, r: recovered */
    unsigned lane;
    int number, outcome;
};

struct bench {
    struct loop *loop;
    struct clock clock;
    struct transfer_engine *engine;
    struct alerts *alerts;
    struct origin *origin;
    struct destination destination;
    struct connection_settings connection;
    struct destination_queue *queue;
    unsigned alert_after_ms; /* 0: as the queue likes */
    unsigned event_count;
    struct event events[EVENTS_MAX];
};

static void add_event(struct bench *bench, struct event event)
{
    assert_true(bench->event_count < EVENTS_MAX);
    bench->events[bench->event_count++] = event;
}

static void file_done(void *context, unsigned lane, void *file, enum destination_outcome outcome)
{
    add_event(context, (struct event){ 'f', lane, (int)(intptr_t)file, (int)outcome });
}

static void text_done(void *context, unsigned lane, struct destination_text_tag tag)
{
    add_event(context, (struct event){ 't', lane, (int)tag.first, 0 });
}

static void delete_done(void *context, unsigned lane, bool deleted)
{
    add_event(context, (struct event){ 'd', lane, 0, deleted });
}

static void recovered(void *context)
{
    add_event(context, (struct event){ .kind = 'r' });
}

static void set_up(struct bench *bench)
{
    *bench = (struct bench){ .clock = clock_real() };
    assert_int_equal(loop_create(&bench->loop, NULL), 0);
    assert_int_equal(transfer_engine_create(&bench->engine, bench->loop, &bench->clock, NULL), 0);
    bench->alerts = alerts_create(&bench->clock, NULL);
    bench->origin = origin_create(bench->loop);
    snprintf(bench->destination.url, sizeof bench->destination.url, "http://127.0.0.1:%u/live/news",
             bench->origin->port);
    bench->connection = (struct connection_settings){ .connection_retry_interval = 0.02,
                                                      .num_retries = 5,
                                                      .filecache_duration = 60,
                                                      .restart_delay = 0.1,
                                                      .timeout = 1,
                                                      .cache_megabytes = 1,
                                                      .connections = 4 };
}

static void open_queue(struct bench *bench)
{
    struct error err = { 0 };
    struct destination_queue_config config = { .source = "news/0",
                                               .subject = "web",
                                               .destination = &bench->destination,
                                               .connection = &bench->connection,
                                               .lanes = LANES,
                                               .segment_length_s = 2,
                                               .alert_after_ms = bench->alert_after_ms,
                                               .loop = bench->loop,
                                               .engine = bench->engine,
                                               .alerts = bench->alerts,
                                               .clock = &bench->clock,
                                               .callbacks = { file_done, text_done, delete_done, recovered, NULL },
                                               .context = bench };
    assert_int_equal(destination_queue_create(&bench->queue, &config, &err), 0);
}

static void tear_down(struct bench *bench)
{
    destination_queue_destroy(bench->queue);
    assert_int_equal(alerts_active(bench->alerts), 0);
    transfer_engine_destroy(bench->engine);
    alerts_destroy(bench->alerts);
    origin_destroy(bench->origin);
    loop_destroy(bench->loop);
}

static void run_for(struct bench *bench, unsigned ms)
{
    uint64_t end = clock_monotonic_ns(&bench->clock) + ms * NS_PER_MS;
    while (clock_monotonic_ns(&bench->clock) < end)
        loop_turn(bench->loop, 5);
}

/* Turns the loop until the condition holds, or much longer than it may ever take. */
#define RUN_UNTIL(bench, condition)                                                                                    \
    for (uint64_t end_ = real_ns() + 10 * NS_PER_S; !(condition) && real_ns() < end_;)                                 \
    loop_turn((bench)->loop, 5)

static uint64_t real_ns(void)
{
    struct clock clock = clock_real();
    return clock_monotonic_ns(&clock);
}

static void run_until_idle(struct bench *bench, unsigned timeout_ms)
{
    uint64_t end = clock_monotonic_ns(&bench->clock) + timeout_ms * NS_PER_MS;
    while (!destination_queue_idle(bench->queue) && clock_monotonic_ns(&bench->clock) < end)
        loop_turn(bench->loop, 5);
    assert_true(destination_queue_idle(bench->queue));
}

static char body[200000];

static void put_file(struct bench *bench, unsigned lane, int number, size_t bytes)
{
    char name[32];
    snprintf(name, sizeof name, "news_%u_%05d.ts", lane, number);
    destination_put_file(bench->queue, lane,
                         &(struct destination_file){ .name = name,
                                                     .content_type = "video/mp2t",
                                                     .data = body,
                                                     .bytes = bytes,
                                                     .file = (void *)(intptr_t)number });
}

static void put_text(struct bench *bench, unsigned lane, int number)
{
    char name[32], text[32];
    snprintf(name, sizeof name, "news_%u.m3u8", lane);
    snprintf(text, sizeof text, "text %d", number);
    destination_put_text(bench->queue, lane,
                         &(struct destination_text){ .name = name,
                                                     .content_type = "application/vnd.apple.mpegurl",
                                                     .body = strdup(text),
                                                     .bytes = strlen(text),
                                                     .tag = { (uint64_t)number, 0 } });
}

/* Is it active, and does its message hold this? */
static bool alert_says(struct bench *bench, unsigned id, const char *part)
{
    bool found = false;
    size_t i;
    json_t *entry, *list = alerts_json(bench->alerts, false);
    json_array_foreach(list, i, entry)
    {
        found |= json_integer_value(json_object_get(entry, "id")) == id &&
                 strstr(json_string_value(json_object_get(entry, "message")), part);
    }
    json_decref(list);
    return found;
}

static bool alert_is_active(struct bench *bench, unsigned id)
{
    return alert_says(bench, id, "");
}

/* Every file of a lane came to its end in rising order and was delivered. */
static void expect_all_delivered(const struct bench *bench, unsigned lane, int first, int last)
{
    int next = first;
    for (unsigned i = 0; i < bench->event_count; i++)
        if (bench->events[i].kind == 'f' && bench->events[i].lane == lane) {
            assert_int_equal(bench->events[i].number, next++);
            assert_int_equal(bench->events[i].outcome, DESTINATION_DELIVERED);
        }
    assert_int_equal(next, last + 1);
}

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
    run_until_idle(&bench, 2000);
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
    run_until_idle(&bench, 2000);
    assert_int_equal(bench.event_count, 2);
    assert_int_equal(bench.events[0].number, 1);
    assert_int_equal(bench.events[1].number, 5);
    assert_string_equal(origin_find(bench.origin, "/live/news_0.m3u8")->body, "text 5");
    assert_int_equal(destination_queue_counters(bench.queue).texts_replaced, 3);
    tear_down(&bench);
}

/* One outage of every sort, long enough to fail and rest: afterwards all is there, in order. */
static void outage(enum origin_behaviour behaviour, bool shut)
{
    struct bench bench;
    set_up(&bench);
    open_queue(&bench);
    put_file(&bench, 0, 1, sizeof body);
    run_until_idle(&bench, 2000);
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
    run_until_idle(&bench, 2000);
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
    run_for(&bench, 50);
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
    bench.connection.connection_retry_interval = 0.1;
    open_queue(&bench);
    put_file(&bench, 0, 1, 100);
    run_for(&bench, 50);
    assert_int_equal(destination_queue_state(bench.queue), DESTINATION_RETRYING);
    assert_int_equal(alerts_active(bench.alerts), 0);
    bench.origin->behaviour = ORIGIN_GOOD;
    run_until_idle(&bench, 1000);
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
    run_until_idle(&bench, 1000);
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
    run_until_idle(&bench, 1000);
    assert_int_equal(origin_count(bench.origin, "PUT", "news_0_00001.ts", 413), 3);
    assert_true(alert_says(&bench, 6005, "news_0"));
    assert_true(alert_says(&bench, 6005, "413 Payload Too Large"));
    put_file(&bench, 1, 1, 100); /* what another output has says nothing about this one */
    put_text(&bench, 1, 1);
    run_until_idle(&bench, 1000);
    assert_true(alert_is_active(&bench, 6005));
    bench.origin->behaviour = ORIGIN_GOOD;
    put_file(&bench, 0, 2, 100);
    run_until_idle(&bench, 1000);
    assert_true(alert_is_active(&bench, 6005)); /* its playlist is still the last that was refused */
    put_text(&bench, 0, 2);
    run_until_idle(&bench, 1000);
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
    for (int i = 0; i < 100 && !alert_is_active(&bench, 6010); i++)
        run_for(&bench, 10);
    assert_true(alert_says(&bench, 6010, "no progress for 0.1 s"));
    assert_int_equal(destination_queue_state(bench.queue), DESTINATION_WELL);
    assert_int_equal(destination_queue_files(bench.queue, 0), 1);
    origin_hear(bench.origin);
    run_until_idle(&bench, 2000);
    for (int i = 0; i < 100 && alert_is_active(&bench, 6010); i++)
        run_for(&bench, 10);
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
    run_until_idle(&bench, 10000);
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
    run_until_idle(&bench, 1000);
    expect_all_delivered(&bench, 0, 1, 1);
    assert_int_equal(bench.events[1].kind, 'd');
    assert_false(bench.events[1].outcome);
    assert_true(alert_is_active(&bench, 6008));
    assert_int_equal(destination_queue_state(bench.queue), DESTINATION_WELL);
    destination_delete(bench.queue, 0, "new.ts");
    run_until_idle(&bench, 1000);
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
    run_until_idle(&bench, 2000);
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
        cmocka_unit_test(origin_that_deletes_nothing),
        cmocka_unit_test(oldest_is_dropped_when_the_cache_is_full),
        cmocka_unit_test(too_old_is_dropped),
        cmocka_unit_test(restart_delay_0_is_the_end),
        cmocka_unit_test(bad_configurations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
