/* SPDX-License-Identifier: GPL-2.0-or-later */
/* publisher_fan_test.c - one group to two destinations that know nothing of each other. */
#include "mgmt/publisher_fan.h"

#include "tests/mgmt/publisher_bench.h"

struct bench {
    struct publisher_bench base;
    unsigned refused; /* of the additional destination */
    bool away;        /* it answers 503 */
};

static void answer(void *context, struct origin_request *request, const char *body, char *answer, size_t room)
{
    struct bench *bench = context;
    (void)body;
    bool refuses = bench->away && strncmp(request->path, "/more/", 6) == 0;
    request->status = refuses ? 503 : 201;
    bench->refused += refuses;
    snprintf(answer, room, "HTTP/1.1 %d x\r\nContent-Length: 0\r\n\r\n", request->status);
}

static void open_publisher(struct bench *bench)
{
    struct error err = { 0 };
    struct publisher_config config = publisher_bench_config(&bench->base);
    config.pipelines = 2;
    assert_true(publisher_fan_is_wanted(&config));
    if (publisher_create(&bench->base.publisher, &config, &err) < 0)
        fail_msg("%s", err.text);
}

/* Pipeline 1 of a standard channel: its own destination, and its additional one. */
static void set_up(struct bench *bench)
{
    static const char *const paths[] = { "/own/0/", "/own/1/", "/more/0/", "/more/1/" };
    bench->refused = 0;
    bench->away = false;
    publisher_bench_set_up(&bench->base);
    bench->base.pipeline = 1;
    bench->base.origin->respond = answer;
    bench->base.origin->context = bench;
    settings_defaults(&output_group_settings, &bench->base.group);
    bench->base.group.type = OUTPUT_GROUP_CMAF_INGEST;
    strcpy(bench->base.group.name, "pack");
    bench->base.group.connection.connection_retry_interval = 0.02;
    for (unsigned i = 0; i < 4; i++)
        publisher_bench_url(&bench->base, i, paths[i]);
    bench->base.group.outputs[0] = (struct output){ .name = "v", .name_modifier = "video", .video = "v" };
    bench->base.group.outputs_count = 1;
    output_group_complete(&bench->base.group);
    open_publisher(bench);
}

static void tear_down(struct bench *bench)
{
    publisher_bench_expect_only_state(&bench->base);
    publisher_bench_tear_down(&bench->base);
}

static void hand_over(struct bench *bench, int64_t number, uint64_t serial)
{
    struct handoff_segment segment = { .group = "pack",
                                       .output = "v",
                                       .instance = 1,
                                       .serial = serial,
                                       .number = number,
                                       .start_90k = number * 540000,
                                       .duration_90k = 540000,
                                       .bytes = 8,
                                       .header_bytes = 4 };
    publisher_bench_hand_over(&bench->base, &segment, "HEADbody");
}

static unsigned stored(const struct bench *bench, const char *place)
{
    char path[64];
    snprintf(path, sizeof path, "%s1/Streams(video.cmfv)", place);
    return origin_count(bench->base.origin, "PUT", path, 201);
}

static void both_get_everything(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    for (unsigned i = 1; i <= 3; i++)
        hand_over(&bench, i, i);
    publisher_bench_run_until_idle(&bench.base);
    assert_int_equal(stored(&bench, "/own/"), 4); /* a header before them */
    assert_int_equal(stored(&bench, "/more/"), 4);
    assert_int_equal(bench.base.acknowledged, 3);
    assert_int_equal(publisher_resume_tick_90k(bench.base.publisher), 4 * 540000);
    json_t *status = publisher_status(bench.base.publisher), *more = json_object_get(status, "additional");
    assert_non_null(strstr(json_string_value(json_object_get(status, "url")), "/own/1/"));
    assert_non_null(strstr(json_string_value(json_object_get(more, "url")), "/more/1/"));
    json_decref(status);
    tear_down(&bench);
}

/* The other one goes on; what the encoder may forget is what both have. */
static void one_that_is_away_holds_up_only_itself(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.away = true;
    for (unsigned i = 1; i <= 3; i++)
        hand_over(&bench, i, i);
    publisher_bench_run_until(&bench.base, "segments_delivered", 3);
    publisher_bench_run_until_alert(&bench.base);
    assert_int_equal(stored(&bench, "/own/"), 4);
    assert_int_equal(stored(&bench, "/more/"), 0);
    assert_int_equal(publisher_resume_tick_90k(bench.base.publisher), 4 * 540000); /* what it has not had is kept */
    assert_int_equal(bench.base.acknowledged, 0);
    assert_false(publisher_idle(bench.base.publisher));
    json_t *alerts = alerts_json(bench.base.alerts, false);
    assert_string_equal(json_string_value(json_object_get(json_array_get(alerts, 0), "subject")), "pack+");
    json_decref(alerts);
    hand_over(&bench, 3, 3); /* handed over once more: nobody has it twice */
    bench.away = false;
    publisher_bench_run_until_idle(&bench.base);
    assert_int_equal(stored(&bench, "/own/"), 4);
    assert_int_equal(stored(&bench, "/more/"), 4);
    assert_int_equal(bench.base.acknowledged, 3);
    tear_down(&bench);
}

/* Each remembers for itself what it has. */
static void a_restart_goes_on_with_each(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    hand_over(&bench, 1, 1);
    publisher_bench_run_until_idle(&bench.base);
    publisher_destroy(bench.base.publisher);
    open_publisher(&bench);
    assert_int_equal(publisher_resume_tick_90k(bench.base.publisher), 2 * 540000);
    hand_over(&bench, 1, 2); /* both have that */
    assert_int_equal(bench.base.acknowledged, 2);
    hand_over(&bench, 2, 3);
    publisher_bench_run_until_idle(&bench.base);
    assert_int_equal(bench.base.acknowledged, 3);
    assert_int_equal(stored(&bench, "/own/"), 4); /* header and segment, twice */
    assert_int_equal(stored(&bench, "/more/"), 4);
    tear_down(&bench);
}

static void without_an_additional_destination_there_is_no_fan(void **state)
{
    (void)state;
    struct output_group group = { .destinations_count = 2 };
    struct publisher_config config = { .group = &group, .pipelines = 2 };
    assert_false(publisher_fan_is_wanted(&config));
    config.pipelines = 1;
    assert_true(publisher_fan_is_wanted(&config));
    config.pipelines = 0;
    assert_false(publisher_fan_is_wanted(&config));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_get_everything),
        cmocka_unit_test(one_that_is_away_holds_up_only_itself),
        cmocka_unit_test(a_restart_goes_on_with_each),
        cmocka_unit_test(without_an_additional_destination_there_is_no_fan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
