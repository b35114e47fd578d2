/* SPDX-License-Identifier: GPL-2.0-or-later */
/* smooth_publisher_test.c - from hand-over to the end of a stream, through refusals, outages and kills. */
#include "mgmt/smooth_publisher.h"

#include <errno.h>
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
#include "tests/mgmt/states_fixture.h"

#define HEADER                                                                                                         \
    "\0\0\0\x0c"                                                                                                       \
    "ftypisml"                                                                                                         \
    "\0\0\0\x0c"                                                                                                       \
    "uuidaaaa"                                                                                                         \
    "\0\0\0\x0c"                                                                                                       \
    "moovbbbb"
#define STREAM "/ch1.isml/Events(final)/Streams(stream%u)"

enum { INSTANCE = 100, HEADER_BYTES = 36, MEDIA_BYTES = 1000, MANIFEST_BYTES = 28 };

struct bench {
    struct loop *loop;
    struct clock clock;
    struct transfer_engine *engine;
    struct alerts *alerts;
    struct origin *origin;
    char spool[64];
    struct states_fixture states;
    struct output_group group;
    struct publisher *publisher;
    uint64_t serial;
    unsigned acknowledged;
};

static void acknowledge(void *context, uint64_t instance, uint64_t serial)
{
    struct bench *bench = context;
    assert_true(instance == INSTANCE && serial <= bench->serial);
    bench->acknowledged++;
}

static void open_publisher(struct bench *bench)
{
    struct error err = { 0 };
    const struct publisher_config config = { .channel = "news",
                                             .pipeline = 1,
                                             .group = &bench->group,
                                             .loop = bench->loop,
                                             .engine = bench->engine,
                                             .alerts = bench->alerts,
                                             .spool_directory = bench->spool,
                                             .states = bench->states.files,
                                             .clock = &bench->clock,
                                             .acknowledge = acknowledge,
                                             .context = bench };
    assert_int_equal(publisher_create(&bench->publisher, &config, &err), 0);
    assert_ptr_equal(bench->publisher->class, &smooth_publisher_class);
}

static void set_up(struct bench *bench)
{
    *bench = (struct bench){ .clock = clock_real(), .spool = "/tmp/biplane-smooth-XXXXXX" };
    assert_non_null(mkdtemp(bench->spool));
    assert_int_equal(loop_create(&bench->loop, NULL), 0);
    assert_int_equal(transfer_engine_create(&bench->engine, bench->loop, &bench->clock, NULL), 0);
    states_fixture_open(&bench->states, bench->loop, bench->spool);
    bench->alerts = alerts_create(&bench->clock, NULL);
    bench->origin = origin_create(bench->loop);
    bench->group = (struct output_group){
        .name = "point",
        .type = OUTPUT_GROUP_SMOOTH,
        .smooth = { .fragment_length = 2,
                    .event_id = "final",
                    .stream_manifest_behavior = SMOOTH_STREAM_MANIFEST_SEND },
        .connection = { .connection_retry_interval = 0.02,
                        .num_retries = 5,
                        .filecache_duration = 60,
                        .restart_delay = 0.1,
                        .timeout = 1,
                        .cache_megabytes = 1 },
        .destinations_count = 2,
        .outputs = { { .name = "720p" }, { .name = "360p" } },
        .outputs_count = 2,
    };
    snprintf(bench->group.destinations[1].url, OUTPUT_URL_BYTES, "http://127.0.0.1:%u/ch1.isml", bench->origin->port);
}

static void tear_down(struct bench *bench)
{
    char path[128];
    publisher_destroy(bench->publisher);
    states_fixture_close(&bench->states);
    assert_int_equal(alerts_active(bench->alerts), 0);
    transfer_engine_destroy(bench->engine);
    alerts_destroy(bench->alerts);
    origin_destroy(bench->origin);
    loop_destroy(bench->loop);
    snprintf(path, sizeof path, "%s/news.1.point.json", bench->spool);
    unlink(path);
    assert_int_equal(rmdir(bench->spool), 0);
}

static struct handoff_segment segment_of(struct bench *bench, const char *output, int64_t number)
{
    struct handoff_segment segment = { .instance = INSTANCE,
                                       .serial = ++bench->serial,
                                       .number = number,
                                       .start_90k = number * 180000,
                                       .duration_90k = 180000,
                                       .bytes = HEADER_BYTES + MEDIA_BYTES,
                                       .header_bytes = HEADER_BYTES };
    strcpy(segment.output, output);
    return segment;
}

static void hand_over_again(struct bench *bench, const struct handoff_segment *segment)
{
    char bytes[HEADER_BYTES + MEDIA_BYTES] = HEADER;
    memset(bytes + HEADER_BYTES, 'a' + (int)(segment->number % 26), MEDIA_BYTES);
    int memfd = memfd_create("fragment", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(write(memfd, bytes, sizeof bytes), sizeof bytes);
    assert_int_equal(fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE | F_SEAL_GROW), 0);
    publisher_segment(bench->publisher, segment, memfd);
}

static void hand_over(struct bench *bench, const char *output, int64_t number)
{
    struct handoff_segment segment = segment_of(bench, output, number);
    hand_over_again(bench, &segment);
}

static uint64_t deadline(struct bench *bench, unsigned ms)
{
    return clock_monotonic_ns(&bench->clock) + ms * NS_PER_MS;
}

#define RUN_UNTIL(bench, condition)                                                                                    \
    for (uint64_t until = deadline(bench, 8000); !(condition);) {                                                      \
        if (clock_monotonic_ns(&(bench)->clock) > until)                                                               \
            fail_msg("%s:%d: not in time: %s", __FILE__, __LINE__, #condition);                                        \
        loop_turn(bench->loop, 5);                                                                                     \
    }

static json_int_t counter(const struct bench *bench, const char *name)
{
    json_t *status = publisher_status(bench->publisher);
    json_int_t value = json_integer_value(json_object_get(json_object_get(status, "counters"), name));
    json_decref(status);
    return value;
}

static const struct origin_file *stored(struct bench *bench, unsigned stream)
{
    char path[128];
    snprintf(path, sizeof path, STREAM, stream);
    return origin_find(bench->origin, path);
}

/* A whole POST: header with the list of streams, these fragments, the end. */
static void assert_stored(struct bench *bench, unsigned stream, const char *letters)
{
    const struct origin_file *file = stored(bench, stream);
    assert_non_null(file);
    size_t at = 12, media = strlen(letters) * MEDIA_BYTES;
    assert_memory_equal(file->body + 4, "ftypisml", 8);
    assert_memory_equal(file->body + at + 4, "uuid\x3c\x2f\xe5\x1b", 8);
    assert_non_null(strstr(file->body + at + MANIFEST_BYTES, "Events(final)/Streams(stream1)"));
    at = file->bytes - 8 - media;
    assert_memory_equal(file->body + at - 24,
                        "\0\0\0\x0c"
                        "uuidaaaa"
                        "\0\0\0\x0c"
                        "moovbbbb",
                        24);
    for (size_t i = 0; i < media; i++)
        if (file->body[at + i] != letters[i / MEDIA_BYTES])
            fail_msg("byte %zu of the media is %c, want %c", i, file->body[at + i], letters[i / MEDIA_BYTES]);
    assert_memory_equal(file->body + at + media, "\0\0\0\x08mfra", 8);
}

/* ---- all well ---- */
static void test_a_stream_for_each_output(void **state)
{
    (void)state;
    struct bench bench[1];
    set_up(bench);
    open_publisher(bench);
    for (int64_t number = 26; number < 29; number++) {
        hand_over(bench, "720p", number);
        hand_over(bench, "360p", number);
    }
    RUN_UNTIL(bench, counter(bench, "posts") == 2);
    RUN_UNTIL(bench, bench->acknowledged == 2); /* the oldest of each: two later ones have arrived */
    assert_int_equal(counter(bench, "posts_completed"), 0);
    assert_false(publisher_idle(bench->publisher));
    assert_int_equal(publisher_resume_tick_90k(bench->publisher), 29 * 180000);
    publisher_finish(bench->publisher);
    RUN_UNTIL(bench, publisher_idle(bench->publisher));
    assert_int_equal(bench->acknowledged, 6);
    assert_stored(bench, 0, "abc");
    assert_stored(bench, 1, "abc");
    assert_int_equal(origin_count(bench->origin, "POST", "", 0), 4); /* each after one without a body */
    assert_true(bench->origin->requests[bench->origin->request_count - 1].chunked);
    assert_int_equal(counter(bench, "segments_delivered"), 6);
    assert_int_equal(counter(bench, "retries"), 0);
    tear_down(bench);
}

static void test_what_it_has_is_not_taken_twice(void **state)
{
    (void)state;
    struct bench bench[1];
    set_up(bench);
    open_publisher(bench);
    struct handoff_segment segment = segment_of(bench, "720p", 26), older = segment_of(bench, "720p", 25);
    hand_over_again(bench, &segment);
    hand_over_again(bench, &segment);
    assert_int_equal(bench->acknowledged, 0);
    hand_over_again(bench, &older);
    assert_int_equal(bench->acknowledged, 1);
    hand_over(bench, "1080p", 26);
    assert_int_equal(bench->acknowledged, 2);
    assert_int_equal(counter(bench, "segments_resent"), 1);
    assert_int_equal(counter(bench, "segments_duplicate"), 1);
    assert_int_equal(counter(bench, "segments_unknown_output"), 1);
    segment = segment_of(bench, "720p", 27);
    segment.header_bytes = 12;
    hand_over_again(bench, &segment);
    assert_int_equal(counter(bench, "segments_damaged"), 1);
    tear_down(bench);
}

/* ---- SCTE 35 messages ---- */
#define SPARSE "/ch1.isml/Events(final)/Streams(scte35)"

static struct handoff_segment message_of(struct bench *bench, int64_t number)
{
    struct handoff_segment segment = segment_of(bench, "scte35", number);
    segment.start_90k = number;
    segment.duration_90k = 1;
    return segment;
}

/* The header of the stream, as the encode process tells it when it starts. */
static struct handoff_segment hand_over_header(struct bench *bench)
{
    struct handoff_segment segment = message_of(bench, 1000);
    segment.bytes = HEADER_BYTES;
    int memfd = memfd_create("header", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(write(memfd, HEADER, HEADER_BYTES), HEADER_BYTES);
    assert_int_equal(fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE | F_SEAL_GROW), 0);
    publisher_segment(bench->publisher, &segment, memfd);
    return segment;
}

static void test_messages_have_a_stream(void **state)
{
    (void)state;
    struct bench bench[1];
    set_up(bench);
    bench->group.smooth.sparse_track_type = SMOOTH_SPARSE_TRACK_SCTE_35;
    open_publisher(bench);
    hand_over_header(bench);
    RUN_UNTIL(bench, counter(bench, "posts") == 1); /* at once: the server waits for it */
    hand_over(bench, "720p", 26);
    hand_over(bench, "360p", 26);
    struct handoff_segment first = message_of(bench, 5000000), second = message_of(bench, 5000026);
    hand_over_again(bench, &first);
    hand_over_again(bench, &second);
    hand_over_again(bench, &first); /* an encoder that was restarted reads the source again */
    assert_int_equal(counter(bench, "segments_resent"), 1);
    RUN_UNTIL(bench, counter(bench, "posts") == 3);
    assert_int_equal(publisher_resume_tick_90k(bench->publisher), 27 * 180000);
    assert_int_equal(bench->acknowledged, 0);
    publisher_finish(bench->publisher);
    RUN_UNTIL(bench, publisher_idle(bench->publisher));
    assert_int_equal(bench->acknowledged, 5);
    const struct origin_file *file = origin_find(bench->origin, SPARSE);
    assert_non_null(file);
    assert_non_null(strstr(file->body + 12 + MANIFEST_BYTES, "Streams(scte35)"));
    const char *media = file->body + file->bytes - 8 - 2 * MEDIA_BYTES;
    assert_int_equal(media[0], 'a' + 5000000 % 26);
    assert_int_equal(media[MEDIA_BYTES], 'a' + 5000026 % 26);
    assert_memory_equal(media + 2 * MEDIA_BYTES, "\0\0\0\x08mfra", 8);
    tear_down(bench);
}

/* A server that was restarted has forgotten all streams, and waits for all: the media's POSTs break, and with the first
 * that is begun anew the messages' stream is announced again, though no message comes. */
static void test_messages_stream_is_announced_again(void **state)
{
    (void)state;
    struct bench bench[1];
    set_up(bench);
    bench->group.smooth.sparse_track_type = SMOOTH_SPARSE_TRACK_SCTE_35_WITHOUT_SEGMENTATION;
    open_publisher(bench);
    struct handoff_segment header = hand_over_header(bench);
    RUN_UNTIL(bench, counter(bench, "posts") == 1);
    publisher_destroy(bench->publisher);
    assert_int_equal(bench->acknowledged, 0);
    open_publisher(bench); /* another life of this process is handed it again */
    bench->serial = header.serial - 1;
    hand_over_header(bench);
    hand_over(bench, "720p", 26);
    RUN_UNTIL(bench, counter(bench, "posts") == 2);
    bench->origin->behaviour = ORIGIN_RESET;
    hand_over(bench, "720p", 27);
    RUN_UNTIL(bench, counter(bench, "retries") > 0);
    bench->origin->behaviour = ORIGIN_GOOD;
    RUN_UNTIL(bench, counter(bench, "posts") >= 3);
    publisher_finish(bench->publisher);
    RUN_UNTIL(bench, publisher_idle(bench->publisher));
    assert_int_equal(bench->acknowledged, 3);
    assert_memory_equal(origin_find(bench->origin, SPARSE)->body + origin_find(bench->origin, SPARSE)->bytes - 8,
                        "\0\0\0\x08mfra", 8);
    tear_down(bench);
}

/* ---- trouble ---- */
static void assert_alert(struct bench *bench, unsigned id)
{
    json_t *alerts = alerts_json(bench->alerts, false);
    assert_int_equal(json_array_size(alerts), 1);
    const json_t *alert = json_array_get(alerts, 0);
    assert_int_equal(json_integer_value(json_object_get(alert, "id")), id);
    assert_string_equal(json_string_value(json_object_get(alert, "subject")), "point");
    json_decref(alerts);
}

static void assert_recovers(struct bench *bench)
{
    bench->origin->behaviour = ORIGIN_GOOD;
    hand_over(bench, "720p", 27);
    publisher_finish(bench->publisher);
    RUN_UNTIL(bench, publisher_idle(bench->publisher));
    assert_stored(bench, 0, "ab");
    assert_int_equal(bench->acknowledged, 2);
    assert_int_equal(alerts_active(bench->alerts), 0);
}

static void refused_with(int status, unsigned alert)
{
    struct bench bench[1];
    set_up(bench);
    bench->origin->behaviour = ORIGIN_STATUS;
    bench->origin->status = status;
    open_publisher(bench);
    hand_over(bench, "720p", 26);
    RUN_UNTIL(bench, alerts_active(bench->alerts) == 1);
    assert_alert(bench, alert);
    assert_int_equal(bench->acknowledged, 0);
    assert_recovers(bench);
    tear_down(bench);
}

static void test_answers_and_their_alerts(void **state)
{
    (void)state;
    refused_with(401, 6015);
    refused_with(403, 6015);
    refused_with(404, 6010);
    refused_with(503, 6010);
}

static void test_connections_that_break(void **state)
{
    (void)state;
    static const enum origin_behaviour behaviours[] = { ORIGIN_RESET, ORIGIN_HALF, ORIGIN_EARLY };
    for (unsigned i = 0; i < sizeof behaviours / sizeof behaviours[0]; i++) {
        struct bench bench[1];
        set_up(bench);
        bench->origin->behaviour = behaviours[i];
        bench->origin->status = 500;
        open_publisher(bench);
        hand_over(bench, "720p", 26);
        RUN_UNTIL(bench, alerts_active(bench->alerts) == 1);
        assert_alert(bench, 6010);
        assert_recovers(bench);
        tear_down(bench);
    }
}

static void test_rests_after_its_retries_and_never_gives_up(void **state)
{
    (void)state;
    struct bench bench[1];
    set_up(bench);
    bench->origin->behaviour = ORIGIN_STATUS;
    bench->origin->status = 500;
    open_publisher(bench);
    hand_over(bench, "720p", 26);
    RUN_UNTIL(bench, counter(bench, "failures") == 2);
    assert_int_equal(counter(bench, "retries"), 10);
    assert_recovers(bench);
    tear_down(bench);
}

static void test_no_restart_delay_gives_up(void **state)
{
    (void)state;
    struct bench bench[1];
    set_up(bench);
    bench->group.connection.restart_delay = 0;
    bench->group.connection.num_retries = 2;
    bench->origin->behaviour = ORIGIN_STATUS;
    bench->origin->status = 500;
    open_publisher(bench);
    hand_over(bench, "720p", 26);
    RUN_UNTIL(bench, bench->acknowledged == 1);
    hand_over(bench, "720p", 27);
    RUN_UNTIL(bench, bench->acknowledged == 2);
    assert_int_equal(counter(bench, "dropped_given_up"), 2);
    publisher_finish(bench->publisher);
    hand_over(bench, "360p", 27); /* of the other stream, which tries for itself */
    RUN_UNTIL(bench, publisher_idle(bench->publisher));
    tear_down(bench);
}

static void test_bounds(void **state)
{
    (void)state;
    struct bench bench[1];
    set_up(bench);
    bench->group.connection.connection_retry_interval = 3600;
    bench->origin->behaviour = ORIGIN_STATUS;
    bench->origin->status = 500;
    open_publisher(bench);
    hand_over(bench, "720p", 0);
    RUN_UNTIL(bench, counter(bench, "retries") == 1);
    for (int64_t number = 1; number < 1100; number++)
        hand_over(bench, "720p", number);
    assert_int_equal(counter(bench, "dropped_no_room"), 1100 - (1 << 20) / (HEADER_BYTES + MEDIA_BYTES));
    assert_int_equal(bench->acknowledged, counter(bench, "dropped_no_room"));
    RUN_UNTIL(bench, alerts_active(bench->alerts) == 1);
    assert_alert(bench, 6501);
    bench->group.connection.filecache_duration = 0; /* as if a long time had passed */
    hand_over(bench, "720p", 1100);
    RUN_UNTIL(bench, counter(bench, "dropped_too_old") > 1000);
    tear_down(bench);
}

/* What is cut without a word has not ended: the next life begins with what was not acknowledged. */
static void test_killed_in_the_middle(void **state)
{
    (void)state;
    struct bench bench[1];
    set_up(bench);
    open_publisher(bench);
    struct handoff_segment segments[4];
    for (unsigned i = 0; i < 4; i++) {
        segments[i] = segment_of(bench, "720p", 26 + i);
        hand_over_again(bench, &segments[i]);
    }
    RUN_UNTIL(bench, bench->acknowledged == 2);
    publisher_destroy(bench->publisher);
    assert_null(strstr(stored(bench, 0)->body, "mfra")); /* the one without a body */
    open_publisher(bench);
    assert_int_equal(publisher_resume_tick_90k(bench->publisher), 0); /* 360p has none yet */
    hand_over_again(bench, &segments[2]);
    hand_over_again(bench, &segments[3]);
    publisher_finish(bench->publisher);
    RUN_UNTIL(bench, publisher_idle(bench->publisher));
    assert_stored(bench, 0, "cd");
    assert_int_equal(bench->acknowledged, 4);
    tear_down(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stream_for_each_output),
        cmocka_unit_test(test_what_it_has_is_not_taken_twice),
        cmocka_unit_test(test_messages_have_a_stream),
        cmocka_unit_test(test_messages_stream_is_announced_again),
        cmocka_unit_test(test_answers_and_their_alerts),
        cmocka_unit_test(test_connections_that_break),
        cmocka_unit_test(test_rests_after_its_retries_and_never_gives_up),
        cmocka_unit_test(test_no_restart_delay_gives_up),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_killed_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
