/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmaf_publisher_test.c - headers and segments of tracks, in the order that a receiver wants. */
#include "mgmt/cmaf_publisher.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/clock.h"
#include "board/error.h"
#include "mgmt/alerts.h"
#include "mgmt/cmaf_group.h"
#include "mgmt/transfer.h"
#include "tests/mgmt/fake_origin.h"

enum { BODIES_MAX = 64 };

struct bench {
    struct loop *loop;
    struct clock clock;
    struct transfer_engine *engine;
    struct alerts *alerts;
    struct origin *origin;
    char spool[64];
    struct output_group group;
    unsigned pipeline;
    struct publisher *publisher;
    uint64_t serial;
    unsigned acknowledged;
    char bodies[BODIES_MAX][32]; /* as they were stored */
    unsigned bodies_count;
};

static void stored(void *context, struct origin *origin, const struct origin_file *file)
{
    struct bench *bench = context;
    (void)origin;
    assert_true(bench->bodies_count < BODIES_MAX);
    snprintf(bench->bodies[bench->bodies_count++], sizeof bench->bodies[0], "%.*s", (int)file->bytes, file->body);
}

static void set_up(struct bench *bench)
{
    *bench = (struct bench){ .clock = clock_real(), .spool = "/tmp/biplane-cmaf-XXXXXX" };
    assert_non_null(mkdtemp(bench->spool));
    assert_int_equal(loop_create(&bench->loop, NULL), 0);
    assert_int_equal(transfer_engine_create(&bench->engine, bench->loop, &bench->clock, NULL), 0);
    bench->alerts = alerts_create(&bench->clock, NULL);
    bench->origin = origin_create(bench->loop);
    bench->origin->stored = stored;
    bench->origin->context = bench;
    settings_defaults(&output_group_settings, &bench->group);
    bench->group.type = OUTPUT_GROUP_CMAF_INGEST;
    strcpy(bench->group.name, "pack");
    bench->group.connection.connection_retry_interval = 0.02;
    bench->group.destinations_count = 2;
    for (unsigned i = 0; i < 2; i++)
        snprintf(bench->group.destinations[i].url, OUTPUT_URL_BYTES, "http://127.0.0.1:%u/in/%u/", bench->origin->port,
                 i);
    bench->group.outputs[0] = (struct output){ .name = "v", .name_modifier = "video", .video = "v" };
    bench->group.outputs[1] = (struct output){ .name = "a", .name_modifier = "audio" };
    bench->group.outputs_count = 2;
    output_group_complete(&bench->group);
}

static void acknowledge(void *context, uint64_t instance, uint64_t serial)
{
    struct bench *bench = context;
    (void)instance;
    (void)serial;
    bench->acknowledged++;
}

static void open_publisher(struct bench *bench)
{
    struct error err = { 0 };
    const struct publisher_config config = { .channel = "news",
                                             .pipeline = bench->pipeline,
                                             .group = &bench->group,
                                             .loop = bench->loop,
                                             .engine = bench->engine,
                                             .alerts = bench->alerts,
                                             .spool_directory = bench->spool,
                                             .clock = &bench->clock,
                                             .acknowledge = acknowledge,
                                             .context = bench };
    assert_int_equal(publisher_create(&bench->publisher, &config, &err), 0);
}

static void tear_down(struct bench *bench)
{
    char path[128];
    publisher_destroy(bench->publisher);
    transfer_engine_destroy(bench->engine);
    alerts_destroy(bench->alerts);
    origin_destroy(bench->origin);
    loop_destroy(bench->loop);
    snprintf(path, sizeof path, "%s/news.%u.pack.json", bench->spool, bench->pipeline);
    unlink(path);
    assert_int_equal(rmdir(bench->spool), 0);
}

static void hand_over(struct bench *bench, const char *output, int64_t number, const char *text, uint32_t header_bytes)
{
    struct handoff_segment segment = { .instance = 1,
                                       .serial = ++bench->serial,
                                       .number = number,
                                       .start_90k = number * 540000,
                                       .duration_90k = 540000,
                                       .bytes = strlen(text),
                                       .header_bytes = header_bytes };
    strcpy(segment.group, "pack");
    strcpy(segment.output, output);
    int memfd = memfd_create("segment", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(write(memfd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE | F_SEAL_GROW), 0);
    publisher_segment(bench->publisher, &segment, memfd);
}

static void run_until_idle(struct bench *bench)
{
    uint64_t end = clock_monotonic_ns(&bench->clock) + NS_PER_S;
    do
        loop_turn(bench->loop, 5);
    while (!publisher_idle(bench->publisher) && clock_monotonic_ns(&bench->clock) < end);
    assert_true(publisher_idle(bench->publisher));
}

static void expect(const struct bench *bench, const char *const *want, unsigned count)
{
    assert_int_equal(bench->bodies_count, count);
    for (unsigned i = 0; i < count; i++)
        assert_string_equal(bench->bodies[i], want[i]);
}

static void the_header_comes_once_and_when_it_changes(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    open_publisher(&bench);
    assert_int_equal(publisher_resume_tick_90k(bench.publisher), 0);
    hand_over(&bench, "v", 1, "HEADone", 4);
    hand_over(&bench, "v", 2, "HEADtwo", 4);
    hand_over(&bench, "v", 3, "headthree", 4);
    run_until_idle(&bench);
    static const char *const want[] = { "HEAD", "one", "two", "head", "three" };
    expect(&bench, want, 5);
    assert_string_equal(bench.origin->requests[0].path, "/in/0/Streams(video.cmfv)");
    hand_over(&bench, "a", 1, "AUDIOone", 5);
    run_until_idle(&bench);
    assert_int_equal(origin_count(bench.origin, "PUT", "/in/0/Streams(audio.cmfa)", 201), 2);
    assert_int_equal(bench.acknowledged, 4);
    assert_int_equal(publisher_resume_tick_90k(bench.publisher), 2 * 540000); /* the audio's */
    tear_down(&bench);
}

/* A receiver that has forgotten the track. */
static void forgets(void *context, struct origin_request *request, const char *body, char *answer, size_t room)
{
    struct bench *bench = context;
    bool header = strncmp(body, "HEAD", 4) == 0;
    bool known = bench->bodies_count > 0 && !header;
    request->status = header || known ? 201 : 412;
    if (request->status == 201)
        snprintf(bench->bodies[bench->bodies_count++], sizeof bench->bodies[0], "%.*s", (int)request->body_bytes, body);
    snprintf(answer, room, "HTTP/1.1 %d x\r\nContent-Length: 0\r\n\r\n", request->status);
}

static void the_receiver_may_ask_for_the_header(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    open_publisher(&bench);
    hand_over(&bench, "v", 1, "HEADone", 4);
    run_until_idle(&bench);
    bench.bodies_count = 0;
    bench.origin->respond = forgets;
    hand_over(&bench, "v", 2, "HEADtwo", 4);
    hand_over(&bench, "v", 3, "HEADthree", 4);
    run_until_idle(&bench);
    static const char *const want[] = { "HEAD", "two", "three" };
    expect(&bench, want, 3);
    json_t *status = publisher_status(bench.publisher);
    json_t *counters = json_object_get(status, "counters");
    assert_int_equal(json_integer_value(json_object_get(counters, "headers_asked_for")), 1);
    assert_int_equal(json_integer_value(json_object_get(counters, "headers_delivered")), 2);
    assert_string_equal(json_string_value(json_object_get(status, "state")), "well");
    json_decref(status);
    tear_down(&bench);
}

/* One that never takes it is a failing one: nothing is lost, an alert is raised, and it goes on when it is mended. */
static void a_receiver_that_always_asks_has_failed(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.group.connection.num_retries = 2;
    bench.group.connection.restart_delay = 0.05;
    open_publisher(&bench);
    bench.origin->behaviour = ORIGIN_STATUS;
    bench.origin->status = 412;
    hand_over(&bench, "v", 1, "HEADone", 4);
    for (int i = 0; i < 20; i++)
        loop_turn(bench.loop, 10);
    assert_int_equal(bench.acknowledged, 0);
    json_t *alerts = alerts_json(bench.alerts, false);
    assert_true(json_array_size(alerts) > 0);
    json_decref(alerts);
    bench.origin->behaviour = ORIGIN_GOOD;
    run_until_idle(&bench);
    static const char *const want[] = { "HEAD", "one" };
    expect(&bench, want, 2);
    tear_down(&bench);
}

static void a_restart_goes_on_with_the_header(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    open_publisher(&bench);
    hand_over(&bench, "v", 1, "HEADone", 4);
    hand_over(&bench, "a", 1, "Hone", 1);
    run_until_idle(&bench);
    publisher_destroy(bench.publisher);
    bench.bodies_count = 0;
    open_publisher(&bench);
    assert_int_equal(publisher_resume_tick_90k(bench.publisher), 2 * 540000);
    hand_over(&bench, "v", 1, "HEADone", 4); /* it has that */
    assert_int_equal(bench.acknowledged, 3);
    hand_over(&bench, "v", 2, "HEADtwo", 4);
    run_until_idle(&bench);
    static const char *const want[] = { "HEAD", "two" };
    expect(&bench, want, 2);
    tear_down(&bench);
}

static void pipeline_one_may_be_later(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.pipeline = 1;
    bench.group.cmaf_ingest.send_delay_ms = 80;
    open_publisher(&bench);
    uint64_t begin_ns = clock_monotonic_ns(&bench.clock);
    hand_over(&bench, "v", 1, "HEADone", 4);
    run_until_idle(&bench);
    assert_true(clock_monotonic_ns(&bench.clock) - begin_ns >= 80 * NS_PER_MS);
    assert_int_equal(origin_count(bench.origin, "PUT", "/in/1/Streams(video.cmfv)", 201), 2);
    tear_down(&bench);
}

static void what_is_no_track_is_counted(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    open_publisher(&bench);
    hand_over(&bench, "v", 1, "HEAD", 4);    /* no media */
    hand_over(&bench, "v", 2, "segment", 0); /* no header */
    hand_over(&bench, "x", 1, "HEADone", 4);
    run_until_idle(&bench);
    assert_int_equal(bench.acknowledged, 3);
    assert_int_equal(bench.bodies_count, 0);
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_header_comes_once_and_when_it_changes),
        cmocka_unit_test(the_receiver_may_ask_for_the_header),
        cmocka_unit_test(a_receiver_that_always_asks_has_failed),
        cmocka_unit_test(a_restart_goes_on_with_the_header),
        cmocka_unit_test(pipeline_one_may_be_later),
        cmocka_unit_test(what_is_no_track_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
