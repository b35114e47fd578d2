/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transfer_fixture.h - an engine with one target before a fake origin, and a body that comes piece by piece. */
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
#include "mgmt/transfer.h"
#include "tests/mgmt/fake_origin.h"

struct bench {
    struct loop *loop;
    struct clock clock;
    struct transfer_engine *engine;
    struct transfer_target *target;
    struct origin *origin;
    char url[64];
    unsigned done, failed;
    struct transfer_result result;
};

static inline void set_up(struct bench *bench)
{
    *bench = (struct bench){ .clock = clock_real() };
    assert_int_equal(loop_create(&bench->loop, NULL), 0);
    assert_int_equal(transfer_engine_create(&bench->engine, bench->loop, &bench->clock, NULL), 0);
    bench->origin = origin_create(bench->loop);
    snprintf(bench->url, sizeof bench->url, "http://127.0.0.1:%u/live/news", bench->origin->port);
}

static inline void open_target(struct bench *bench, const struct transfer_target_config *config)
{
    struct transfer_target_config complete = *config;
    complete.url = bench->url;
    assert_int_equal(transfer_target_create(&bench->target, bench->engine, &complete, NULL), 0);
}

static inline void tear_down(struct bench *bench)
{
    transfer_target_destroy(bench->target);
    transfer_engine_destroy(bench->engine);
    origin_destroy(bench->origin);
    loop_destroy(bench->loop);
}

static inline void on_done(void *context, const struct transfer_result *result)
{
    struct bench *bench = context;
    bench->done++;
    bench->failed += result->outcome != TRANSFER_OK;
    bench->result = *result;
}

static inline struct transfer *start(struct bench *bench, enum transfer_method method, const char *name,
                                     const void *body, size_t bytes)
{
    char url[128];
    struct transfer *transfer = NULL;
    snprintf(url, sizeof url, "%s%s", bench->url, name);
    struct transfer_request request = { .method = method,
                                        .url = url,
                                        .content_type = method == TRANSFER_PUT ? "video/mp2t" : NULL,
                                        .cache_control = method == TRANSFER_PUT ? "max-age=5" : NULL,
                                        .body = body,
                                        .bytes = bytes,
                                        .done = on_done,
                                        .context = bench };
    assert_int_equal(transfer_start(bench->target, &request, &transfer, NULL), 0);
    return transfer;
}

/* Turns the loop until `done` results are there, or the time is over. */
static inline void run(struct bench *bench, unsigned done, unsigned timeout_ms)
{
    uint64_t end = clock_monotonic_ns(&bench->clock) + timeout_ms * NS_PER_MS;
    while (bench->done < done && clock_monotonic_ns(&bench->clock) < end)
        loop_turn(bench->loop, 10);
}

/* A body that comes piece by piece. */
struct source {
    struct bench bench;
    const char *text;
    uint64_t there; /* bytes of it that exist so far */
    bool ended, once;
    unsigned reads;
};

static inline ssize_t read_source(void *context, uint64_t offset, void *buffer, size_t bytes)
{
    struct source *source = context;
    source->reads++;
    if (source->once && source->reads > 1 && offset == 0 && source->there)
        return -ESPIPE;
    if (offset == source->there)
        return source->ended ? 0 : TRANSFER_NOTHING_NOW;
    size_t left = source->there - offset < bytes ? source->there - offset : bytes;
    memcpy(buffer, source->text + offset, left);
    return (ssize_t)left;
}

static inline void source_done(void *context, const struct transfer_result *result)
{
    on_done(&((struct source *)context)->bench, result);
}

static inline struct transfer *start_source(struct source *source, const struct transfer_request *request)
{
    struct transfer *transfer;
    struct transfer_request complete = *request;
    complete.url = source->bench.url;
    complete.read = read_source;
    complete.done = source_done;
    complete.context = source;
    assert_int_equal(transfer_start(source->bench.target, &complete, &transfer, NULL), 0);
    return transfer;
}

static inline struct transfer *start_request(struct bench *bench, struct transfer_request request, const char *name)
{
    char url[128];
    struct transfer *transfer = NULL;
    snprintf(url, sizeof url, "%s%s", bench->url, name);
    request.url = url;
    request.done = on_done;
    request.context = bench;
    assert_int_equal(transfer_start(bench->target, &request, &transfer, NULL), 0);
    return transfer;
}
