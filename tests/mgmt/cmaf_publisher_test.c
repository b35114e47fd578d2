/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmaf_publisher_test.c - headers and segments of tracks, in the order that a receiver wants. */
#include "mgmt/cmaf_publisher.h"

#include "mgmt/cmaf_group.h"
#include "tests/mgmt/publisher_bench.h"

enum { BODIES_MAX = 64 };

struct bench {
    struct publisher_bench base;
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
    bench->bodies_count = 0;
    publisher_bench_set_up(&bench->base);
    bench->base.origin->stored = stored;
    bench->base.origin->context = bench;
    settings_defaults(&output_group_settings, &bench->base.group);
    bench->base.group.type = OUTPUT_GROUP_CMAF_INGEST;
    strcpy(bench->base.group.name, "pack");
    bench->base.group.connection.connection_retry_interval = 0.02;
    publisher_bench_url(&bench->base, 0, "/in/0/");
    publisher_bench_url(&bench->base, 1, "/in/1/");
    bench->base.group.outputs[0] = (struct output){ .name = "v", .name_modifier = "video", .video = "v" };
    bench->base.group.outputs[1] = (struct output){ .name = "a", .name_modifier = "audio" };
    bench->base.group.outputs_count = 2;
    output_group_complete(&bench->base.group);
}

static void tear_down(struct bench *bench)
{
    publisher_bench_expect_only_state(&bench->base);
    publisher_bench_tear_down(&bench->base);
}

static void hand_over_from(struct bench *bench, uint64_t instance, const char *output, int64_t number, unsigned seconds,
                           const char *text, uint32_t header_bytes)
{
    struct handoff_segment segment = { .instance = instance,
                                       .serial = ++bench->base.serial,
                                       .number = number,
                                       .start_90k = number * seconds * 90000,
                                       .duration_90k = seconds * 90000,
                                       .bytes = strlen(text),
                                       .header_bytes = header_bytes };
    strcpy(segment.group, "pack");
    strcpy(segment.output, output);
    publisher_bench_hand_over(&bench->base, &segment, text);
}

static void hand_over(struct bench *bench, const char *output, int64_t number, const char *text, uint32_t header_bytes)
{
    hand_over_from(bench, 1, output, number, 6, text, header_bytes);
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
    publisher_bench_open(&bench.base);
    assert_int_equal(publisher_resume_tick_90k(bench.base.publisher), 0);
    hand_over(&bench, "v", 1, "HEADone", 4);
    hand_over(&bench, "v", 2, "HEADtwo", 4);
    hand_over(&bench, "v", 3, "headthree", 4);
    publisher_bench_run_until_idle(&bench.base);
    static const char *const want[] = { "HEAD", "one", "two", "head", "three" };
    expect(&bench, want, 5);
    assert_string_equal(bench.base.origin->requests[0].path, "/in/0/Streams(video.cmfv)");
    hand_over(&bench, "a", 1, "AUDIOone", 5);
    publisher_bench_run_until_idle(&bench.base);
    assert_int_equal(origin_count(bench.base.origin, "PUT", "/in/0/Streams(audio.cmfa)", 201), 2);
    assert_int_equal(bench.base.acknowledged, 4);
    assert_int_equal(publisher_resume_tick_90k(bench.base.publisher), 2 * 540000); /* the audio's */
    tear_down(&bench);
}

/* The clock was put back, and nothing was delivered since when the publisher was opened anew. */
static void a_life_that_delivered_nothing_begins_anew_again(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    publisher_bench_open(&bench.base);
    hand_over_from(&bench, 1, "v", 90, 60, "HEADone", 4);
    publisher_bench_run_until_idle(&bench.base);
    bench.base.origin->behaviour = ORIGIN_STATUS;
    bench.base.origin->status = 503;
    hand_over_from(&bench, 2, "v", 60, 60, "HEADtwo", 4);
    assert_int_equal(publisher_bench_counter(&bench.base, "jumps_back"), 1);
    publisher_bench_reopen(&bench.base);
    bench.base.origin->behaviour = ORIGIN_GOOD;
    hand_over_from(&bench, 1, "v", 90, 60, "HEADone", 4); /* once more */
    assert_int_equal(publisher_bench_counter(&bench.base, "segments_duplicate"), 1);
    hand_over_from(&bench, 2, "v", 60, 60, "HEADtwo", 4);
    publisher_bench_run_until_idle(&bench.base);
    static const char *const want[] = { "HEAD", "one", "HEAD", "two" };
    expect(&bench, want, 4);
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
    publisher_bench_open(&bench.base);
    hand_over(&bench, "v", 1, "HEADone", 4);
    publisher_bench_run_until_idle(&bench.base);
    bench.bodies_count = 0;
    bench.base.origin->respond = forgets;
    hand_over(&bench, "v", 2, "HEADtwo", 4);
    hand_over(&bench, "v", 3, "HEADthree", 4);
    publisher_bench_run_until_idle(&bench.base);
    static const char *const want[] = { "HEAD", "two", "three" };
    expect(&bench, want, 3);
    assert_int_equal(publisher_bench_counter(&bench.base, "headers_asked_for"), 1);
    assert_int_equal(publisher_bench_counter(&bench.base, "headers_delivered"), 2);
    json_t *status = publisher_status(bench.base.publisher);
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
    bench.base.group.connection.num_retries = 2;
    bench.base.group.connection.restart_delay = 0.05;
    publisher_bench_open(&bench.base);
    bench.base.origin->behaviour = ORIGIN_STATUS;
    bench.base.origin->status = 412;
    hand_over(&bench, "v", 1, "HEADone", 4);
    publisher_bench_run_until_alert(&bench.base);
    assert_int_equal(bench.base.acknowledged, 0);
    bench.base.origin->behaviour = ORIGIN_GOOD;
    publisher_bench_run_until_idle(&bench.base);
    static const char *const want[] = { "HEAD", "one" };
    expect(&bench, want, 2);
    tear_down(&bench);
}

static void a_restart_goes_on_with_the_header(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    publisher_bench_open(&bench.base);
    hand_over(&bench, "v", 1, "HEADone", 4);
    hand_over(&bench, "a", 1, "Hone", 1);
    publisher_bench_run_until_idle(&bench.base);
    bench.bodies_count = 0;
    publisher_bench_reopen(&bench.base);
    assert_int_equal(publisher_resume_tick_90k(bench.base.publisher), 2 * 540000);
    hand_over(&bench, "v", 1, "HEADone", 4); /* it has that */
    assert_int_equal(bench.base.acknowledged, 3);
    hand_over(&bench, "v", 2, "HEADtwo", 4);
    publisher_bench_run_until_idle(&bench.base);
    static const char *const want[] = { "HEAD", "two" };
    expect(&bench, want, 2);
    tear_down(&bench);
}

static void pipeline_one_may_be_later(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.base.pipeline = 1;
    bench.base.group.cmaf_ingest.send_delay_ms = 80;
    publisher_bench_open(&bench.base);
    uint64_t begin_ns = clock_monotonic_ns(&bench.base.clock);
    hand_over(&bench, "v", 1, "HEADone", 4);
    publisher_bench_run_until_idle(&bench.base);
    assert_true(clock_monotonic_ns(&bench.base.clock) - begin_ns >= 80 * NS_PER_MS);
    assert_int_equal(origin_count(bench.base.origin, "PUT", "/in/1/Streams(video.cmfv)", 201), 2);
    tear_down(&bench);
}

static void what_is_no_track_is_counted(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    publisher_bench_open(&bench.base);
    hand_over(&bench, "v", 1, "HEAD", 4);    /* no media */
    hand_over(&bench, "v", 2, "segment", 0); /* no header */
    hand_over(&bench, "x", 1, "HEADone", 4);
    publisher_bench_run_until_idle(&bench.base);
    assert_int_equal(bench.base.acknowledged, 3);
    assert_int_equal(bench.bodies_count, 0);
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_header_comes_once_and_when_it_changes),
        cmocka_unit_test(a_life_that_delivered_nothing_begins_anew_again),
        cmocka_unit_test(the_receiver_may_ask_for_the_header),
        cmocka_unit_test(a_receiver_that_always_asks_has_failed),
        cmocka_unit_test(a_restart_goes_on_with_the_header),
        cmocka_unit_test(pipeline_one_may_be_later),
        cmocka_unit_test(what_is_no_track_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
