/* SPDX-License-Identifier: GPL-2.0-or-later */
/* publisher_bench.h - a publisher of some type before a fake origin, with a spool of its own.
 *
 *     publisher_bench_set_up(&bench);
 *     bench.group = ...;                       // type, outputs, destinations: publisher_bench_url() says where
 *     publisher_bench_open(&bench);
 *     publisher_bench_hand_over(&bench, &segment, data);
 */
#pragma once
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"
#include "mgmt/alerts.h"
#include "mgmt/publisher.h"
#include "mgmt/transfer.h"
#include "tests/mgmt/fake_origin.h"
#include "tests/mgmt/states_fixture.h"

struct publisher_bench {
    struct loop *loop;
    struct clock clock;
    struct transfer_engine *engine;
    struct alerts *alerts;
    struct origin *origin;
    const struct credentials *credentials; /* borrow; NULL: none */
    char spool[64];
    struct states_fixture states;
    struct output_group group;
    unsigned pipeline;
    int64_t start_utc_s; /* of the channel */
    struct publisher *publisher;
    uint64_t serial;
    unsigned acknowledged;
    uint64_t last_acknowledged;
};

static inline void publisher_bench_set_up(struct publisher_bench *bench)
{
    *bench = (struct publisher_bench){ .clock = clock_real(), .spool = "/tmp/biplane-publisher-XXXXXX" };
    assert_non_null(mkdtemp(bench->spool));
    assert_int_equal(loop_create(&bench->loop, NULL), 0);
    assert_int_equal(transfer_engine_create(&bench->engine, bench->loop, &bench->clock, NULL), 0);
    bench->alerts = alerts_create(&bench->clock, NULL);
    bench->origin = origin_create(bench->loop);
    states_fixture_open(&bench->states, bench->loop, bench->spool);
}

/* Impatient, so that tests are quick. */
static inline struct connection_settings publisher_bench_connection(void)
{
    return (struct connection_settings){ .connection_retry_interval = 0.02,
                                         .num_retries = 5,
                                         .filecache_duration = 60,
                                         .restart_delay = 0.1,
                                         .timeout = 1,
                                         .cache_megabytes = 1,
                                         .connections = 4 };
}

/* The destination of a pipeline is http://<the origin><path>. */
static inline void publisher_bench_url(struct publisher_bench *bench, unsigned pipeline, const char *path)
{
    snprintf(bench->group.destinations[pipeline].url, OUTPUT_URL_BYTES, "http://127.0.0.1:%u%s", bench->origin->port,
             path);
    if (bench->group.destinations_count <= pipeline)
        bench->group.destinations_count = pipeline + 1;
}

static inline void publisher_bench_acknowledge(void *context, uint64_t instance, uint64_t serial)
{
    struct publisher_bench *bench = context;
    assert_true(instance >= 1 && serial >= 1);
    bench->acknowledged++;
    bench->last_acknowledged = serial;
}

static inline struct publisher_config publisher_bench_config(struct publisher_bench *bench)
{
    return (struct publisher_config){ .channel = "news",
                                      .pipeline = bench->pipeline,
                                      .group = &bench->group,
                                      .start_utc_s = bench->start_utc_s,
                                      .loop = bench->loop,
                                      .engine = bench->engine,
                                      .credentials = bench->credentials,
                                      .alerts = bench->alerts,
                                      .spool_directory = bench->spool,
                                      .states = bench->states.files,
                                      .clock = &bench->clock,
                                      .acknowledge = publisher_bench_acknowledge,
                                      .context = bench };
}

static inline void publisher_bench_open(struct publisher_bench *bench)
{
    struct error err = { 0 };
    const struct publisher_config config = publisher_bench_config(bench);
    if (publisher_create(&bench->publisher, &config, &err) < 0)
        fail_msg("%s", err.text);
}

/* As after a kill of the process, but for what the publisher saves when it is destroyed. */
static inline void publisher_bench_reopen(struct publisher_bench *bench)
{
    publisher_destroy(bench->publisher);
    states_fixture_flush(&bench->states);
    publisher_bench_open(bench);
}

/* Files in the spool beside its state. */
static inline unsigned publisher_bench_others(const struct publisher_bench *bench)
{
    unsigned count = 0;
    DIR *folder = opendir(bench->spool);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        count += entry->d_name[0] != '.' && !strstr(entry->d_name, ".json");
    if (folder)
        closedir(folder);
    return count;
}

/* Destroys the publisher; it has left nothing but its state (or not even that). */
static inline void publisher_bench_expect_only_state(struct publisher_bench *bench)
{
    publisher_destroy(bench->publisher);
    bench->publisher = NULL;
    states_fixture_flush(&bench->states);
    assert_int_equal(publisher_bench_others(bench), 0);
}

static inline void publisher_bench_tear_down(struct publisher_bench *bench)
{
    char command[128];
    publisher_destroy(bench->publisher);
    states_fixture_close(&bench->states);
    assert_int_equal(alerts_active(bench->alerts), 0);
    transfer_engine_destroy(bench->engine);
    alerts_destroy(bench->alerts);
    origin_destroy(bench->origin);
    loop_destroy(bench->loop);
    snprintf(command, sizeof command, "rm -rf %s", bench->spool);
    assert_int_equal(system(command), 0);
}

static inline int publisher_bench_memfd(const void *data, size_t bytes, int seals)
{
    int memfd = memfd_create("segment", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_true(memfd >= 0);
    assert_int_equal(write(memfd, data, bytes), (ssize_t)bytes);
    assert_int_equal(fcntl(memfd, F_ADD_SEALS, seals), 0);
    return memfd;
}

/* data: segment->bytes of them. */
static inline void publisher_bench_hand_over(struct publisher_bench *bench, const struct handoff_segment *segment,
                                             const void *data)
{
    publisher_segment(bench->publisher, segment,
                      publisher_bench_memfd(data, segment->bytes, F_SEAL_SHRINK | F_SEAL_WRITE | F_SEAL_GROW));
}

static inline json_int_t publisher_bench_counter(const struct publisher_bench *bench, const char *name)
{
    json_t *status = publisher_status(bench->publisher);
    const json_t *value = json_object_get(json_object_get(status, "counters"), name);
    assert_non_null(value);
    json_int_t count = json_integer_value(value);
    json_decref(status);
    return count;
}

static inline void publisher_bench_run_for(struct publisher_bench *bench, unsigned ms)
{
    uint64_t end = clock_monotonic_ns(&bench->clock) + ms * NS_PER_MS;
    while (clock_monotonic_ns(&bench->clock) < end)
        loop_turn(bench->loop, 5);
}

/* Turns the loop; false when that has gone on for far too long: disks of busy machines take seconds for an fsync. */
static inline bool publisher_bench_turn(struct publisher_bench *bench, uint64_t begin_ns)
{
    loop_turn(bench->loop, 5);
    return clock_monotonic_ns(&bench->clock) - begin_ns < 40 * NS_PER_S;
}

/* Until a counter is at least `want`. */
static inline void publisher_bench_run_until(struct publisher_bench *bench, const char *name, json_int_t want)
{
    uint64_t begin_ns = clock_monotonic_ns(&bench->clock);
    while (publisher_bench_counter(bench, name) < want && publisher_bench_turn(bench, begin_ns))
        ;
    assert_true(publisher_bench_counter(bench, name) >= want);
}

static inline void publisher_bench_run_until_alert(struct publisher_bench *bench)
{
    uint64_t begin_ns = clock_monotonic_ns(&bench->clock);
    while (!alerts_active(bench->alerts) && publisher_bench_turn(bench, begin_ns))
        ;
    assert_true(alerts_active(bench->alerts) > 0);
}

static inline void publisher_bench_run_until_acknowledged(struct publisher_bench *bench, unsigned count)
{
    uint64_t begin_ns = clock_monotonic_ns(&bench->clock);
    while (bench->acknowledged < count && publisher_bench_turn(bench, begin_ns))
        ;
    assert_int_equal(bench->acknowledged, count);
}

static inline void publisher_bench_run_until_idle(struct publisher_bench *bench)
{
    uint64_t begin_ns = clock_monotonic_ns(&bench->clock);
    while (publisher_bench_turn(bench, begin_ns) && !publisher_idle(bench->publisher))
        ;
    assert_true(publisher_idle(bench->publisher));
}

/* How many files of the spool have names that end in a dot and this. */
static inline unsigned publisher_bench_files(const struct publisher_bench *bench, const char *suffix)
{
    unsigned count = 0;
    DIR *folder = opendir(bench->spool);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        const char *dot = strrchr(entry->d_name, '.');
        count += dot && strcmp(dot + 1, suffix) == 0;
    }
    if (folder)
        closedir(folder);
    return count;
}

/* Files that were delivered are removed a little later. */
static inline void publisher_bench_run_until_spool_is_empty(struct publisher_bench *bench)
{
    uint64_t begin_ns = clock_monotonic_ns(&bench->clock);
    while (publisher_bench_others(bench) && publisher_bench_turn(bench, begin_ns))
        ;
    assert_int_equal(publisher_bench_others(bench), 0);
}
