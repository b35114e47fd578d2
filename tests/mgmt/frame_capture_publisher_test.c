/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/frame_capture_publisher.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "board/clock.h"
#include "board/error.h"
#include "mgmt/alerts.h"
#include "mgmt/transfer.h"
#include "tests/mgmt/fake_origin.h"

struct bench {
    struct loop *loop;
    struct clock clock;
    struct transfer_engine *engine;
    struct alerts *alerts;
    struct origin *origin;
    struct output_group group;
    struct publisher *publisher;
    uint64_t serial;
    unsigned acknowledged;
};

static void acknowledge(void *context, uint64_t instance, uint64_t serial)
{
    struct bench *bench = context;
    assert_true(instance == 7 && serial >= 1);
    bench->acknowledged++;
}

static void set_up(struct bench *bench)
{
    *bench = (struct bench){ .clock = clock_real() };
    assert_int_equal(loop_create(&bench->loop, NULL), 0);
    assert_int_equal(transfer_engine_create(&bench->engine, bench->loop, &bench->clock, NULL), 0);
    bench->alerts = alerts_create(&bench->clock, NULL);
    bench->origin = origin_create(bench->loop);
    bench->group = (struct output_group){
        .name = "stills",
        .type = OUTPUT_GROUP_FRAME_CAPTURE,
        .connection = { .connection_retry_interval = 0.02,
                        .num_retries = 5,
                        .filecache_duration = 60,
                        .restart_delay = 0.1,
                        .timeout = 1,
                        .cache_megabytes = 1,
                        .connections = 2 },
        .destinations_count = 1,
        .outputs = { { .name = "small", .name_modifier = "_small" } },
        .outputs_count = 1,
    };
    snprintf(bench->group.destinations[0].url, OUTPUT_URL_BYTES, "http://127.0.0.1:%u/still/news", bench->origin->port);
    const struct publisher_config config = { .channel = "news",
                                             .group = &bench->group,
                                             .loop = bench->loop,
                                             .engine = bench->engine,
                                             .alerts = bench->alerts,
                                             .clock = &bench->clock,
                                             .acknowledge = acknowledge,
                                             .context = bench };
    struct error err = { 0 };
    assert_int_equal(publisher_create(&bench->publisher, &config, &err), 0);
}

static void tear_down(struct bench *bench)
{
    publisher_destroy(bench->publisher);
    transfer_engine_destroy(bench->engine);
    alerts_destroy(bench->alerts);
    origin_destroy(bench->origin);
    loop_destroy(bench->loop);
}

static void hand_over(struct bench *bench, const char *output, int64_t number, uint64_t serial)
{
    struct handoff_segment segment = { .instance = 7,
                                       .serial = serial,
                                       .group = "stills",
                                       .number = number,
                                       .start_90k = number * 900000,
                                       .duration_90k = 900000,
                                       .bytes = 9 };
    strcpy(segment.output, output);
    int memfd = memfd_create("picture", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(write(memfd, "a picture", 9), 9);
    assert_int_equal(fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE | F_SEAL_GROW), 0);
    publisher_segment(bench->publisher, &segment, memfd);
}

static void run_until_acknowledged(struct bench *bench, unsigned count)
{
    for (unsigned i = 0; i < 1000 && bench->acknowledged < count; i++)
        loop_turn(bench->loop, 5);
    assert_int_equal(bench->acknowledged, count);
}

static void test_each_picture_is_a_file(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    hand_over(&bench, "small", 41, 1);
    hand_over(&bench, "small", 42, 2);
    hand_over(&bench, "small", 42, 2); /* comes again while it waits */
    run_until_acknowledged(&bench, 2);
    assert_non_null(origin_find(bench.origin, "/still/news_small.00041.jpg"));
    assert_non_null(strstr(bench.origin->requests[0].head, "Content-Type: image/jpeg"));
    assert_string_equal(origin_find(bench.origin, "/still/news_small.00042.jpg")->body, "a picture");
    hand_over(&bench, "small", 42, 2); /* and after */
    hand_over(&bench, "other", 1, 3);
    run_until_acknowledged(&bench, 4);
    assert_int_equal(bench.origin->file_count, 2);
    assert_true(publisher_idle(bench.publisher));
    tear_down(&bench);
}

static void test_an_outage(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.origin->behaviour = ORIGIN_RESET;
    for (unsigned i = 1; i <= 5; i++)
        hand_over(&bench, "small", 100 + i, i);
    for (unsigned i = 0; i < 30; i++)
        loop_turn(bench.loop, 5);
    assert_int_equal(bench.acknowledged, 0);
    bench.origin->behaviour = ORIGIN_GOOD;
    run_until_acknowledged(&bench, 5);
    assert_int_equal(bench.origin->file_count, 5);
    tear_down(&bench);
}

static void test_what_waits_goes_with_it(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.origin->behaviour = ORIGIN_HANG;
    hand_over(&bench, "small", 1, 1);
    hand_over(&bench, "small", 2, 2);
    loop_turn(bench.loop, 5);
    tear_down(&bench); /* unacknowledged: the encode process has them */
    assert_int_equal(bench.acknowledged, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_picture_is_a_file),
        cmocka_unit_test(test_an_outage),
        cmocka_unit_test(test_what_waits_goes_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
