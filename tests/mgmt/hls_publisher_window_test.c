/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_publisher_window_test.c - an HLS publisher whose window is so long that writing its state takes its time. */
#include "mgmt/hls_publisher.h"

#include <jansson.h>
#include <sys/syscall.h>

#include "tests/mgmt/publisher_bench.h"

enum { WINDOW = 5000, INTERVAL_MS = 250 /* of that many segments */ };

static const char state_name[] = "/news.0.web.json";
static unsigned saves;

int rename(const char *from, const char *to)
{
    size_t length = strlen(to), tail = sizeof state_name - 1;
    saves += length > tail && strcmp(to + length - tail, state_name) == 0;
    return (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

static void hand_over(struct publisher_bench *bench, unsigned first, unsigned last)
{
    for (unsigned number = first; number <= last; number++) {
        const struct handoff_segment segment = { .instance = 7,
                                                 .serial = number,
                                                 .group = "web",
                                                 .output = "hd",
                                                 .number = number,
                                                 .start_90k = number * 180000,
                                                 .duration_90k = 180000,
                                                 .bytes = 9 };
        publisher_bench_hand_over(bench, &segment, "a segment");
    }
}

static json_t *read_state(const struct publisher_bench *bench, json_t **segments)
{
    char path[128];
    snprintf(path, sizeof path, "%s%s", bench->spool, state_name);
    json_t *state = json_load_file(path, 0, NULL);
    const json_t *output = json_array_get(json_object_get(state, "outputs"), 0);
    *segments = json_object_get(json_object_get(output, "window"), "segments");
    assert_true(json_is_array(*segments));
    return state;
}

static json_int_t newest_saved(const struct publisher_bench *bench)
{
    json_t *segments, *state = read_state(bench, &segments);
    json_int_t number =
        json_integer_value(json_object_get(json_array_get(segments, json_array_size(segments) - 1), "number"));
    json_decref(state);
    return number;
}

/* As if it had delivered the numbers up to WINDOW in an earlier life. */
static void set_up(struct publisher_bench *bench)
{
    char path[128];
    json_t *segments;
    publisher_bench_set_up(bench);
    bench->group = (struct output_group){
        .name = "web",
        .type = OUTPUT_GROUP_HLS,
        .hls = { .segment_length = 2, .index_n_segments = 10, .keep_segments = 2 * WINDOW },
        .connection = publisher_bench_connection(),
        .outputs = { { .name = "hd", .name_modifier = "_hd", .video = "v" } },
        .outputs_count = 1,
    };
    publisher_bench_url(bench, 0, "/live/news");
    publisher_bench_open(bench);
    hand_over(bench, 1, 1);
    publisher_bench_run_until_acknowledged(bench, 1);
    publisher_destroy(bench->publisher);
    json_t *state = read_state(bench, &segments);
    for (unsigned number = 2; number <= WINDOW; number++) {
        json_t *segment = json_copy(json_array_get(segments, 0));
        json_object_set_new(segment, "number", json_integer(number));
        json_object_set_new(segment, "start_90k", json_integer(number * 180000));
        json_array_append_new(segments, segment);
    }
    snprintf(path, sizeof path, "%s%s", bench->spool, state_name);
    assert_int_equal(json_dump_file(state, path, JSON_COMPACT), 0);
    json_decref(state);
    bench->acknowledged = 0;
    publisher_bench_open(bench);
    saves = 0;
}

/* What is acknowledged has been saved, but not each by itself. */
static void test_saved_now_and_then(void **state)
{
    (void)state;
    struct publisher_bench bench;
    set_up(&bench);
    uint64_t begin_ns = clock_monotonic_ns(&bench.clock);
    hand_over(&bench, WINDOW + 1, WINDOW + 20);
    while (bench.acknowledged < 20 && publisher_bench_turn(&bench, begin_ns))
        ;
    uint64_t elapsed_ms = (clock_monotonic_ns(&bench.clock) - begin_ns) / NS_PER_MS;
    assert_int_equal(bench.acknowledged, 20);
    assert_true(saves <= elapsed_ms / INTERVAL_MS + 3); /* with that of the opening, whose thread may come late */
    assert_int_equal(newest_saved(&bench), WINDOW + 20);
    hand_over(&bench, WINDOW + 21, WINDOW + 25);
    while (bench.acknowledged == 20 && publisher_bench_turn(&bench, begin_ns))
        ;
    assert_true(newest_saved(&bench) >= WINDOW + bench.acknowledged);
    publisher_bench_run_until_idle(&bench);
    publisher_bench_tear_down(&bench);
}

/* What was delivered and not yet acknowledged at the end is known to the next life. */
static void test_the_end_saves_at_once(void **state)
{
    (void)state;
    struct publisher_bench bench;
    set_up(&bench);
    hand_over(&bench, WINDOW + 1, WINDOW + 3);
    publisher_bench_run_until(&bench, "segments_delivered", 3);
    publisher_bench_reopen(&bench);
    assert_int_equal(newest_saved(&bench), WINDOW + 3);
    bench.acknowledged = 0;
    hand_over(&bench, WINDOW + 1, WINDOW + 3);
    assert_int_equal(bench.acknowledged, 3);
    assert_int_equal(publisher_bench_counter(&bench, "segments_duplicate"), 3);
    publisher_bench_tear_down(&bench);
}

static void test_a_channel_that_ends_is_idle_when_all_is_saved(void **state)
{
    (void)state;
    struct publisher_bench bench;
    set_up(&bench);
    hand_over(&bench, WINDOW + 1, WINDOW + 3);
    publisher_finish(bench.publisher);
    publisher_bench_run_until_idle(&bench);
    assert_int_equal(bench.acknowledged, 3);
    assert_int_equal(newest_saved(&bench), WINDOW + 3);
    publisher_bench_tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_saved_now_and_then),
        cmocka_unit_test(test_the_end_saves_at_once),
        cmocka_unit_test(test_a_channel_that_ends_is_idle_when_all_is_saved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
