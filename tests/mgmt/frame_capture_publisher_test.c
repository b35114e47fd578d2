/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/frame_capture_publisher.h"

#include "tests/mgmt/publisher_bench.h"

static void set_up(struct publisher_bench *bench)
{
    publisher_bench_set_up(bench);
    bench->group = (struct output_group){
        .name = "stills",
        .type = OUTPUT_GROUP_FRAME_CAPTURE,
        .connection = publisher_bench_connection(),
        .outputs = { { .name = "small", .name_modifier = "_small" } },
        .outputs_count = 1,
    };
    publisher_bench_url(bench, 0, "/still/news");
    publisher_bench_open(bench);
}

static void hand_over(struct publisher_bench *bench, const char *output, int64_t number, uint64_t serial)
{
    struct handoff_segment segment = { .instance = 7,
                                       .serial = serial,
                                       .group = "stills",
                                       .number = number,
                                       .start_90k = number * 900000,
                                       .duration_90k = 900000,
                                       .bytes = 9 };
    strcpy(segment.output, output);
    publisher_bench_hand_over(bench, &segment, "a picture");
}

static void test_each_picture_is_a_file(void **state)
{
    (void)state;
    struct publisher_bench bench;
    set_up(&bench);
    hand_over(&bench, "small", 41, 1);
    hand_over(&bench, "small", 42, 2);
    hand_over(&bench, "small", 42, 2); /* comes again while it waits */
    publisher_bench_run_until_acknowledged(&bench, 2);
    assert_non_null(origin_find(bench.origin, "/still/news_small.00041.jpg"));
    assert_non_null(strstr(bench.origin->requests[0].head, "Content-Type: image/jpeg"));
    assert_string_equal(origin_find(bench.origin, "/still/news_small.00042.jpg")->body, "a picture");
    hand_over(&bench, "small", 42, 2); /* and after */
    hand_over(&bench, "other", 1, 3);
    publisher_bench_run_until_acknowledged(&bench, 4);
    assert_int_equal(bench.origin->file_count, 2);
    assert_true(publisher_idle(bench.publisher));
    publisher_bench_tear_down(&bench);
}

static void test_an_outage(void **state)
{
    (void)state;
    struct publisher_bench bench;
    set_up(&bench);
    bench.origin->behaviour = ORIGIN_RESET;
    for (unsigned i = 1; i <= 5; i++)
        hand_over(&bench, "small", 100 + i, i);
    publisher_bench_run_until(&bench, "retries", 2);
    assert_int_equal(bench.acknowledged, 0);
    bench.origin->behaviour = ORIGIN_GOOD;
    publisher_bench_run_until_acknowledged(&bench, 5);
    assert_int_equal(bench.origin->file_count, 5);
    publisher_bench_tear_down(&bench);
}

static void test_what_waits_goes_with_it(void **state)
{
    (void)state;
    struct publisher_bench bench;
    set_up(&bench);
    bench.origin->behaviour = ORIGIN_HANG;
    hand_over(&bench, "small", 1, 1);
    hand_over(&bench, "small", 2, 2);
    loop_turn(bench.loop, 5);
    publisher_bench_tear_down(&bench); /* unacknowledged: the encode process has them */
    assert_int_equal(bench.acknowledged, 0);
}

/* A clock that was ahead is put right: what is known of the time to come says nothing of the pictures of today. */
static void test_the_clock_went_back(void **state)
{
    (void)state;
    struct publisher_bench bench;
    set_up(&bench);
    hand_over(&bench, "small", 1000, 1);
    for (unsigned i = 0; i < 5; i++)
        hand_over(&bench, "small", 200 + i, 2 + i);
    hand_over(&bench, "small", 203, 5); /* that is a repetition as ever */
    publisher_bench_run_until_idle(&bench);
    assert_int_equal(bench.acknowledged, 6);
    assert_int_equal(bench.origin->file_count, 6);
    assert_int_equal(publisher_bench_counter(&bench, "jumps_back"), 1);
    hand_over(&bench, "small", 203, 5);
    assert_int_equal(bench.acknowledged, 7);
    assert_int_equal(publisher_bench_counter(&bench, "segments_duplicate"), 1);
    publisher_bench_tear_down(&bench);
}

/* And so it is with those that waited on the disk. */
static void test_the_clock_went_back_while_pictures_waited(void **state)
{
    (void)state;
    struct publisher_bench bench;
    set_up(&bench);
    publisher_destroy(bench.publisher);
    bench.group.connection.disk_cache_megabytes = 8;
    publisher_bench_open(&bench);
    bench.origin->behaviour = ORIGIN_STATUS;
    bench.origin->status = 503;
    static char data[400000];
    static const int64_t numbers[] = { 1000, 200, 201, 202, 203 };
    for (unsigned i = 0; i < 5; i++) {
        const struct handoff_segment segment = { .instance = 7,
                                                 .serial = i + 1,
                                                 .group = "stills",
                                                 .output = "small",
                                                 .number = numbers[i],
                                                 .start_90k = numbers[i] * 900000,
                                                 .duration_90k = 900000,
                                                 .bytes = sizeof data };
        publisher_bench_hand_over(&bench, &segment, data);
    }
    publisher_bench_run_until(&bench, "segments_spooled", 3);
    publisher_bench_reopen(&bench);
    assert_int_equal(publisher_bench_counter(&bench, "segments_taken_up"), 3);
    bench.origin->behaviour = ORIGIN_GOOD;
    publisher_bench_run_until_idle(&bench);
    assert_non_null(origin_find(bench.origin, "/still/news_small.01000.jpg"));
    assert_non_null(origin_find(bench.origin, "/still/news_small.00201.jpg"));
    publisher_bench_tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_picture_is_a_file),
        cmocka_unit_test(test_an_outage),
        cmocka_unit_test(test_what_waits_goes_with_it),
        cmocka_unit_test(test_the_clock_went_back),
        cmocka_unit_test(test_the_clock_went_back_while_pictures_waited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
