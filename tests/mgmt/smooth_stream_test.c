/* SPDX-License-Identifier: GPL-2.0-or-later */
/* smooth_stream_test.c - when a stream in trouble is worth an alert; its ways are in smooth_publisher_test.c. */
#include "mgmt/smooth_stream.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "board/clock.h"
#include "board/error.h"
#include "mgmt/output_group.h"
#include "tests/mgmt/fake_origin.h"

#define HEADER                                                                                                         \
    "\0\0\0\x0c"                                                                                                       \
    "ftypisml"                                                                                                         \
    "\0\0\0\x0c"                                                                                                       \
    "uuidaaaa"                                                                                                         \
    "\0\0\0\x0c"                                                                                                       \
    "moovbbbb"

enum { HEADER_BYTES = 36, ALERT_MS = 100, LARGE_BYTES = 16 << 20 /* more than sockets hold */, UNREAD_BYTES = 50000 };

struct bench {
    struct loop *loop;
    struct clock clock;
    struct transfer_engine *engine;
    struct origin *origin;
    struct transfer_target *target;
    struct smooth_stream *stream;
    struct connection_settings connection;
    char url[128];
    uint64_t serial;
    bool told; /* somebody looked at the alerts while one was raised */
};

static void on_gone(void *context, const struct smooth_fragment *fragment, enum destination_outcome outcome)
{
    (void)context;
    (void)fragment;
    (void)outcome;
}

static void on_changed(void *context)
{
    struct bench *bench = context;
    bench->told = bench->stream && smooth_stream_alert(bench->stream, SMOOTH_ALERT_OUTPUT_FAILED);
}

static void set_up(struct bench *bench)
{
    struct error err = { 0 };
    *bench = (struct bench){ .clock = clock_real(),
                             .connection = { .connection_retry_interval = 0.02,
                                             .num_retries = 5,
                                             .filecache_duration = 60,
                                             .restart_delay = 0.1,
                                             .timeout = 10 } };
    assert_int_equal(loop_create(&bench->loop, NULL), 0);
    assert_int_equal(transfer_engine_create(&bench->engine, bench->loop, &bench->clock, NULL), 0);
    bench->origin = origin_create(bench->loop);
    snprintf(bench->url, sizeof bench->url, "http://127.0.0.1:%u/a.isml/Streams(stream0)", bench->origin->port);
    const struct transfer_target_config target = { .url = bench->url, .only_http_1 = true, .timeout_s = 10 };
    assert_int_equal(transfer_target_create(&bench->target, bench->engine, &target, &err), 0);
    const struct smooth_stream_config config = { .url = bench->url,
                                                 .target = bench->target,
                                                 .connection = &bench->connection,
                                                 .silence_ns = 10 * NS_PER_S,
                                                 .alert_after_ms = ALERT_MS,
                                                 .loop = bench->loop,
                                                 .clock = &bench->clock,
                                                 .gone = on_gone,
                                                 .changed = on_changed,
                                                 .context = bench };
    assert_int_equal(smooth_stream_create(&bench->stream, &config, &err), 0);
}

static void tear_down(struct bench *bench)
{
    smooth_stream_destroy(bench->stream);
    transfer_target_destroy(bench->target);
    transfer_engine_destroy(bench->engine);
    origin_destroy(bench->origin);
    loop_destroy(bench->loop);
}

static void add(struct bench *bench, size_t media_bytes)
{
    struct handoff_segment segment = { .instance = 1, .serial = ++bench->serial, .header_bytes = HEADER_BYTES };
    struct segment_mapping file = { 0 };
    struct error err = { 0 };
    int memfd = memfd_create("fragment", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    segment.number = (int64_t)segment.serial;
    segment.bytes = HEADER_BYTES + media_bytes;
    assert_int_equal(write(memfd, HEADER, HEADER_BYTES), HEADER_BYTES);
    assert_int_equal(ftruncate(memfd, (off_t)segment.bytes), 0);
    assert_int_equal(fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE | F_SEAL_GROW), 0);
    assert_int_equal(segment_mapping_open(&file, memfd, segment.bytes, &err), 0);
    assert_int_equal(smooth_stream_add(bench->stream, &segment, &file, &err), 0);
}

#define RUN_UNTIL(bench, condition)                                                                                    \
    for (uint64_t until = clock_monotonic_ns(&(bench)->clock) + 20 * NS_PER_S; !(condition);) {                        \
        if (clock_monotonic_ns(&(bench)->clock) > until)                                                               \
            fail_msg("%s:%d: not in time: %s", __FILE__, __LINE__, #condition);                                        \
        loop_turn((bench)->loop, 5);                                                                                   \
    }

static const char *alert(const struct bench *bench)
{
    return smooth_stream_alert(bench->stream, SMOOTH_ALERT_OUTPUT_FAILED);
}

static void a_server_that_does_not_answer(void **state)
{
    (void)state;
    struct bench bench[1];
    set_up(bench);
    bench->origin->behaviour = ORIGIN_HANG;
    add(bench, 1000);
    RUN_UNTIL(bench, bench->told);
    assert_non_null(strstr(alert(bench), "Streams(stream0): no progress for 0.1 s"));
    assert_int_equal(smooth_stream_counters(bench->stream).retries, 0); /* its time is not over */
    tear_down(bench);
}

static void a_server_that_stops_reading(void **state)
{
    (void)state;
    struct bench bench[1];
    set_up(bench);
    add(bench, 1000);
    RUN_UNTIL(bench, smooth_stream_counters(bench->stream).posts == 1);
    RUN_UNTIL(bench, smooth_body_confirmed(smooth_stream_body(bench->stream)) == 1);
    for (uint64_t until = clock_monotonic_ns(&bench->clock) + 3 * ALERT_MS * NS_PER_MS;
         clock_monotonic_ns(&bench->clock) < until;)
        loop_turn(bench->loop, 5);
    assert_null(alert(bench)); /* nothing is to be sent: that is no stall */
    bench->origin->behaviour = ORIGIN_DEAF;
    add(bench, LARGE_BYTES);
    RUN_UNTIL(bench, bench->told);
    assert_non_null(strstr(alert(bench), "no progress"));
    tear_down(bench);
}

/* Its kernel still takes all that comes: that nobody reads it is seen by the room that is left. */
static void a_server_whose_kernel_takes_all_and_that_reads_nothing(void **state)
{
    (void)state;
    struct bench bench[1];
    set_up(bench);
    add(bench, 1000);
    RUN_UNTIL(bench, smooth_body_confirmed(smooth_stream_body(bench->stream)) == 1);
    bench->origin->behaviour = ORIGIN_DEAF;
    add(bench, UNREAD_BYTES);
    RUN_UNTIL(bench, bench->told);
    assert_non_null(strstr(alert(bench), "no progress"));
    assert_int_equal(smooth_body_confirmed(smooth_stream_body(bench->stream)), 2);
    tear_down(bench);
}

static void a_failure_whose_next_try_is_far_away(void **state)
{
    (void)state;
    struct bench bench[1];
    set_up(bench);
    bench->connection.connection_retry_interval = 3600;
    bench->origin->behaviour = ORIGIN_STATUS;
    bench->origin->status = 503;
    add(bench, 1000);
    RUN_UNTIL(bench, smooth_stream_counters(bench->stream).retries == 1);
    assert_null(alert(bench));
    RUN_UNTIL(bench, bench->told);
    assert_non_null(strstr(alert(bench), "503"));
    tear_down(bench);
}

static void a_failure_that_the_next_try_puts_right(void **state)
{
    (void)state;
    struct bench bench[1];
    set_up(bench);
    bench->origin->behaviour = ORIGIN_STATUS;
    bench->origin->status = 503;
    add(bench, 1000);
    RUN_UNTIL(bench, smooth_stream_counters(bench->stream).retries == 1);
    bench->origin->behaviour = ORIGIN_GOOD;
    smooth_stream_finish(bench->stream);
    RUN_UNTIL(bench, smooth_stream_idle(bench->stream));
    assert_null(alert(bench));
    assert_int_equal(smooth_stream_counters(bench->stream).posts_completed, 1);
    tear_down(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_does_not_answer),
        cmocka_unit_test(a_server_that_stops_reading),
        cmocka_unit_test(a_server_whose_kernel_takes_all_and_that_reads_nothing),
        cmocka_unit_test(a_failure_whose_next_try_is_far_away),
        cmocka_unit_test(a_failure_that_the_next_try_puts_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
