/* SPDX-License-Identifier: GPL-2.0-or-later */
/* destination_bench.h - a destination's queue of two lanes before an origin that misbehaves as it is told; what the
 * queue tells its owner is written down. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "board/clock.h"
#include "board/error.h"
#include "mgmt/alerts.h"
#include "mgmt/destination.h"
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
    bool no_length;          /* of segments: 2 s otherwise */
    unsigned event_count;
    struct event events[EVENTS_MAX];
};

static inline void add_event(struct bench *bench, struct event event)
{
    assert_true(bench->event_count < EVENTS_MAX);
    bench->events[bench->event_count++] = event;
}

static inline void file_done(void *context, unsigned lane, void *file, enum destination_outcome outcome)
{
    add_event(context, (struct event){ 'f', lane, (int)(intptr_t)file, (int)outcome });
}

static inline void text_done(void *context, unsigned lane, struct destination_text_tag tag)
{
    add_event(context, (struct event){ 't', lane, (int)tag.first, 0 });
}

static inline void delete_done(void *context, unsigned lane, bool deleted)
{
    add_event(context, (struct event){ 'd', lane, 0, deleted });
}

static inline void recovered(void *context)
{
    add_event(context, (struct event){ .kind = 'r' });
}

static inline void set_up(struct bench *bench)
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

static inline void open_queue(struct bench *bench)
{
    struct error err = { 0 };
    struct destination_queue_config config = { .source = "news/0",
                                               .subject = "web",
                                               .destination = &bench->destination,
                                               .connection = &bench->connection,
                                               .lanes = LANES,
                                               .segment_length_s = bench->no_length ? 0 : 2,
                                               .alert_after_ms = bench->alert_after_ms,
                                               .loop = bench->loop,
                                               .engine = bench->engine,
                                               .alerts = bench->alerts,
                                               .clock = &bench->clock,
                                               .callbacks = { file_done, text_done, delete_done, recovered, NULL },
                                               .context = bench };
    assert_int_equal(destination_queue_create(&bench->queue, &config, &err), 0);
}

static inline void tear_down(struct bench *bench)
{
    destination_queue_destroy(bench->queue);
    assert_int_equal(alerts_active(bench->alerts), 0);
    transfer_engine_destroy(bench->engine);
    alerts_destroy(bench->alerts);
    origin_destroy(bench->origin);
    loop_destroy(bench->loop);
}

static inline void run_for(struct bench *bench, unsigned ms)
{
    uint64_t end = clock_monotonic_ns(&bench->clock) + ms * NS_PER_MS;
    while (clock_monotonic_ns(&bench->clock) < end)
        loop_turn(bench->loop, 5);
}

/* Turns the loop until the condition holds, or much longer than it may ever take. */
#define RUN_UNTIL(bench, condition)                                                                                    \
    for (uint64_t end_ = real_ns() + 10 * NS_PER_S; !(condition) && real_ns() < end_;)                                 \
    loop_turn((bench)->loop, 5)

static inline uint64_t real_ns(void)
{
    struct clock clock = clock_real();
    return clock_monotonic_ns(&clock);
}

static inline void run_until_idle(struct bench *bench)
{
    RUN_UNTIL(bench, destination_queue_idle(bench->queue));
    assert_true(destination_queue_idle(bench->queue));
}

static char body[200000];

static inline void put_file(struct bench *bench, unsigned lane, int number, size_t bytes)
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

static inline void put_text(struct bench *bench, unsigned lane, int number)
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
static inline bool alert_says(struct bench *bench, unsigned id, const char *part)
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

static inline bool alert_is_active(struct bench *bench, unsigned id)
{
    return alert_says(bench, id, "");
}

/* Every file of a lane came to its end in rising order and was delivered. */
static inline void expect_all_delivered(const struct bench *bench, unsigned lane, int first, int last)
{
    int next = first;
    for (unsigned i = 0; i < bench->event_count; i++)
        if (bench->events[i].kind == 'f' && bench->events[i].lane == lane) {
            assert_int_equal(bench->events[i].number, next++);
            assert_int_equal(bench->events[i].outcome, DESTINATION_DELIVERED);
        }
    assert_int_equal(next, last + 1);
}
