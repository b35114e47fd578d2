/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_fixture.h - a store of some family before a fake origin. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"
#include "mgmt/credentials.h"
#include "mgmt/store.h"
#include "tests/mgmt/fake_origin.h"

struct store_bench {
    struct loop *loop;
    struct clock clock;
    struct transfer_engine *engine;
    struct origin *origin;
    struct destination destination;
    struct connection_settings connection;
    struct credential credential;
    struct store *store;
    unsigned done, failed;
    struct transfer_result result;
};

/* Settings and the origin's behaviour may be changed before store_bench_open(). */
static inline void store_bench_set_up(struct store_bench *bench, unsigned cdn)
{
    *bench = (struct store_bench){ .clock = clock_real(),
                                   .connection = { .cdn = cdn, .timeout = 1, .connections = 2 },
                                   .connection.akamai_token = "_gda_" };
    assert_int_equal(loop_create(&bench->loop, NULL), 0);
    assert_int_equal(transfer_engine_create(&bench->engine, bench->loop, &bench->clock, NULL), 0);
    bench->origin = origin_create(bench->loop);
    snprintf(bench->destination.url, sizeof bench->destination.url, "http://127.0.0.1:%u/live/a/news",
             bench->origin->port);
}

static inline void store_bench_open(struct store_bench *bench)
{
    const struct store_config config = { .destination = &bench->destination,
                                         .connection = &bench->connection,
                                         .credential = &bench->credential,
                                         .engine = bench->engine,
                                         .loop = bench->loop,
                                         .clock = &bench->clock };
    assert_null(store_class_of(bench->connection.cdn)->fault(&bench->destination, &bench->connection));
    assert_int_equal(store_create(&bench->store, &config, NULL), 0);
}

static inline void store_bench_tear_down(struct store_bench *bench)
{
    store_destroy(bench->store);
    transfer_engine_destroy(bench->engine);
    origin_destroy(bench->origin);
    loop_destroy(bench->loop);
}

static inline void store_bench_done(void *context, const struct transfer_result *result)
{
    struct store_bench *bench = context;
    bench->done++;
    bench->failed += result->outcome != TRANSFER_OK;
    bench->result = *result;
}

static inline struct store_task *store_bench_start(struct store_bench *bench, struct store_request request)
{
    struct store_task *task;
    request.done = store_bench_done;
    request.context = bench;
    assert_int_equal(store_start(bench->store, &request, &task, NULL), 0);
    return task;
}

static inline struct store_task *store_bench_put(struct store_bench *bench, const char *name, const char *text)
{
    return store_bench_start(bench, (struct store_request){ .name = name,
                                                            .content_type = "video/mp2t",
                                                            .cache_control = "max-age=5",
                                                            .body = text,
                                                            .bytes = strlen(text) });
}

static inline void store_bench_run(struct store_bench *bench, unsigned done)
{
    for (unsigned i = 0; i < 300 && bench->done < done; i++)
        loop_turn(bench->loop, 10);
    assert_int_equal(bench->done, done);
}
