/* SPDX-License-Identifier: GPL-2.0-or-later */
/* archive_publisher_test.c - pieces become recordings, through restarts, outages and damage. */
#include "mgmt/archive_publisher.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/settings.h"
#include "mgmt/alerts.h"
#include "mgmt/credentials.h"
#include "mgmt/transfer.h"
#include "tests/mgmt/fake_origin.h"
#include "tests/mgmt/fake_s3.h"
#include "tests/mgmt/states_fixture.h"

enum { INSTANCE = 100, PIECE_BYTES = 1880, LARGE_PIECE_BYTES = 3 << 20, INTERVAL_S = 3 };
#define SECOND INT64_C(90000)

struct bench {
    struct loop *loop;
    struct clock clock;
    struct transfer_engine *engine;
    struct alerts *alerts;
    struct origin *origin;
    struct fake_s3 *s3; /* NULL: the origin is all there is */
    struct credentials *credentials;
    char spool[64];
    struct states_fixture states;
    struct output_group group;
    struct publisher *publisher;
    uint64_t serial;
    unsigned acknowledged;
    size_t piece_bytes;
};

/* A disk that takes its time. */
enum { SLOW_READS = 200, SLOW_READ_US = 5000 };
static atomic_uint slow_reads;
static atomic_bool reads_are_slow;

/* One with a bad sector. */
static atomic_uint failed_reads;
static atomic_bool reads_fail;

ssize_t pread(int descriptor, void *buffer, size_t bytes, off_t offset)
{
    if (reads_fail) {
        failed_reads++;
        errno = EIO;
        return -1;
    }
    if (reads_are_slow) {
        slow_reads++;
        usleep(SLOW_READ_US);
    }
    return syscall(SYS_pread64, descriptor, buffer, bytes, offset);
}

static void acknowledge(void *context, uint64_t instance, uint64_t serial)
{
    struct bench *bench = context;
    assert_int_equal(instance, INSTANCE);
    assert_true(serial >= 1);
    bench->acknowledged++;
}

static void open_publisher(struct bench *bench)
{
    const struct publisher_config config = { .channel = "news",
                                             .pipeline = 0,
                                             .group = &bench->group,
                                             .loop = bench->loop,
                                             .engine = bench->engine,
                                             .alerts = bench->alerts,
                                             .credentials = bench->credentials,
                                             .spool_directory = bench->spool,
                                             .states = bench->states.files,
                                             .clock = &bench->clock,
                                             .acknowledge = acknowledge,
                                             .context = bench };
    struct error err = { 0 };
    assert_int_equal(publisher_create(&bench->publisher, &config, &err), 0);
}

static void reopen(struct bench *bench)
{
    publisher_destroy(bench->publisher);
    states_fixture_flush(&bench->states);
    open_publisher(bench);
}

static void set_up(struct bench *bench)
{
    *bench =
        (struct bench){ .clock = clock_real(), .spool = "/tmp/biplane-archive-XXXXXX", .piece_bytes = PIECE_BYTES };
    assert_non_null(mkdtemp(bench->spool));
    assert_int_equal(loop_create(&bench->loop, NULL), 0);
    assert_int_equal(transfer_engine_create(&bench->engine, bench->loop, &bench->clock, NULL), 0);
    states_fixture_open(&bench->states, bench->loop, bench->spool);
    bench->alerts = alerts_create(&bench->clock, NULL);
    bench->origin = origin_create(bench->loop);
    bench->group = (struct output_group){
        .name = "record",
        .type = OUTPUT_GROUP_ARCHIVE,
        .archive = { .rollover_interval = INTERVAL_S, .disk_cache_megabytes = 16, .extension = "m2ts" },
        .connection = { .connection_retry_interval = 0.02,
                        .num_retries = 5,
                        .filecache_duration = 1,
                        .restart_delay = 0.1,
                        .timeout = 1,
                        .cache_megabytes = 1,
                        .connections = 2 },
        .destinations_count = 1,
        .outputs = { { .name = "hd", .name_modifier = "_hd" } },
        .outputs_count = 1,
    };
    snprintf(bench->group.destinations[0].url, OUTPUT_URL_BYTES, "http://127.0.0.1:%u/rec/news", bench->origin->port);
    open_publisher(bench);
}

static void tear_down(struct bench *bench)
{
    char command[128];
    publisher_destroy(bench->publisher);
    states_fixture_close(&bench->states);
    assert_int_equal(alerts_active(bench->alerts), 0);
    transfer_engine_destroy(bench->engine);
    alerts_destroy(bench->alerts);
    origin_destroy(bench->origin);
    if (bench->s3)
        fake_s3_destroy(bench->s3);
    credentials_destroy(bench->credentials);
    loop_destroy(bench->loop);
    snprintf(command, sizeof command, "rm -rf %s", bench->spool);
    assert_int_equal(system(command), 0);
}

/* The piece of one second that begins there; its bytes say which. */
static void hand_over(struct bench *bench, int64_t second)
{
    static char data[LARGE_PIECE_BYTES];
    struct handoff_segment segment = { .instance = INSTANCE,
                                       .serial = ++bench->serial,
                                       .group = "record",
                                       .output = "hd",
                                       .number = second,
                                       .start_90k = second * SECOND,
                                       .duration_90k = SECOND,
                                       .bytes = bench->piece_bytes };
    memset(data, 'a' + (int)(second % 26), bench->piece_bytes);
    int memfd = memfd_create("piece", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(write(memfd, data, bench->piece_bytes), (ssize_t)bench->piece_bytes);
    assert_int_equal(fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE | F_SEAL_GROW), 0);
    publisher_segment(bench->publisher, &segment, memfd);
}

static void hand_over_all(struct bench *bench, int64_t first, int64_t last)
{
    for (int64_t second = first; second <= last; second++)
        hand_over(bench, second);
}

/* Turns the loop until that is so, or until it has gone on for far too long: disks of busy machines take seconds. */
#define RUN_UNTIL(BENCH, CONDITION)                                                                                    \
    for (uint64_t begin_ns = clock_monotonic_ns(&(BENCH)->clock);                                                      \
         !(CONDITION) && clock_monotonic_ns(&(BENCH)->clock) - begin_ns < 40 * NS_PER_S;)                              \
    loop_turn((BENCH)->loop, 5)

static void run_until_acknowledged(struct bench *bench, unsigned count)
{
    RUN_UNTIL(bench, bench->acknowledged >= count);
    assert_int_equal(bench->acknowledged, count);
}

static void run_until_stored(struct bench *bench, const char *path)
{
    RUN_UNTIL(bench, origin_find(bench->origin, path));
    assert_non_null(origin_find(bench->origin, path));
}

static void run_for(struct bench *bench, unsigned ms)
{
    uint64_t end = clock_monotonic_ns(&bench->clock) + ms * NS_PER_MS;
    while (clock_monotonic_ns(&bench->clock) < end)
        loop_turn(bench->loop, 5);
}

static void assert_holds(struct bench *bench, const char *path, int64_t first, unsigned seconds)
{
    const struct origin_file *file = origin_find(bench->origin, path);
    assert_non_null(file);
    assert_int_equal(file->bytes, seconds * bench->piece_bytes);
    for (unsigned i = 0; i < seconds; i++)
        for (size_t at = i * bench->piece_bytes; at < (i + 1) * bench->piece_bytes; at++)
            assert_int_equal(file->body[at], 'a' + (int)((first + i) % 26));
}

/* Files of recordings. */
static unsigned spooled(const struct bench *bench)
{
    char command[128];
    unsigned count = 0;
    snprintf(command, sizeof command, "ls %s | grep -c '[.]part$'", bench->spool);
    FILE *output = popen(command, "r");
    assert_int_equal(fscanf(output, "%u", &count), 1);
    pclose(output);
    return count;
}

static json_int_t counter(const struct bench *bench, const char *name)
{
    json_t *status = publisher_status(bench->publisher);
    json_int_t value = json_integer_value(json_object_get(json_object_get(status, "counters"), name));
    json_decref(status);
    return value;
}

static void test_a_recording_is_delivered_when_it_is_complete(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    hand_over_all(&bench, 300, 302);
    run_until_acknowledged(&bench, 3); /* on the disk, not at the destination */
    run_for(&bench, 30);
    assert_int_equal(bench.origin->file_count, 0);
    assert_int_equal(publisher_resume_tick_90k(bench.publisher), 303 * SECOND);
    hand_over_all(&bench, 303, 304);
    run_until_stored(&bench, "/rec/news_hd.000100.m2ts");
    assert_holds(&bench, "/rec/news_hd.000100.m2ts", 300, 3);
    assert_int_equal(bench.origin->file_count, 1);
    publisher_finish(bench.publisher);
    run_until_stored(&bench, "/rec/news_hd.000101.m2ts");
    RUN_UNTIL(&bench, publisher_idle(bench.publisher) && !spooled(&bench));
    assert_holds(&bench, "/rec/news_hd.000101.m2ts", 303, 2);
    assert_true(publisher_idle(bench.publisher));
    assert_int_equal(spooled(&bench), 0);
    tear_down(&bench);
}

static void test_a_restart_goes_on(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    hand_over_all(&bench, 300, 301);
    run_until_acknowledged(&bench, 2);
    reopen(&bench);
    assert_int_equal(publisher_resume_tick_90k(bench.publisher), 302 * SECOND);
    hand_over_all(&bench, 301, 303); /* the first comes again */
    run_until_acknowledged(&bench, 5);
    run_until_stored(&bench, "/rec/news_hd.000100.m2ts");
    assert_holds(&bench, "/rec/news_hd.000100.m2ts", 300, 3);
    assert_int_equal(counter(&bench, "pieces_duplicate"), 1);
    assert_int_equal(counter(&bench, "recordings_damaged"), 0);
    tear_down(&bench);
}

static void test_stopped_and_started_within_an_interval(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    hand_over(&bench, 300);
    publisher_finish(bench.publisher);
    run_until_stored(&bench, "/rec/news_hd.000100.m2ts");
    reopen(&bench);
    hand_over_all(&bench, 302, 303);
    run_until_stored(&bench, "/rec/news_hd.000100-2.m2ts");
    assert_holds(&bench, "/rec/news_hd.000100.m2ts", 300, 1);
    assert_holds(&bench, "/rec/news_hd.000100-2.m2ts", 302, 1);
    tear_down(&bench);
}

static void test_an_outage_and_a_restart_in_it(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.origin->behaviour = ORIGIN_STATUS;
    bench.origin->status = 503;
    hand_over_all(&bench, 300, 309);
    run_until_acknowledged(&bench, 10);
    RUN_UNTIL(&bench, alerts_active(bench.alerts));
    assert_true(alerts_active(bench.alerts) > 0);
    reopen(&bench);
    run_for(&bench, 50);
    bench.origin->behaviour = ORIGIN_GOOD;
    run_until_stored(&bench, "/rec/news_hd.000100.m2ts");
    run_until_stored(&bench, "/rec/news_hd.000101.m2ts");
    run_until_stored(&bench, "/rec/news_hd.000102.m2ts");
    assert_holds(&bench, "/rec/news_hd.000101.m2ts", 303, 3);
    RUN_UNTIL(&bench, spooled(&bench) == 1);
    assert_int_equal(spooled(&bench), 1); /* the one that grows */
    tear_down(&bench);
}

static void test_damaged_bytes_are_not_delivered(void **state)
{
    (void)state;
    struct bench bench;
    char path[160];
    set_up(&bench);
    hand_over_all(&bench, 300, 301);
    run_until_acknowledged(&bench, 2);
    publisher_destroy(bench.publisher);
    snprintf(path, sizeof path, "%s/news.0.record.hd.000100.part", bench.spool);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(file, "!", 1, 100), 1);
    close(file);
    open_publisher(&bench);
    hand_over(&bench, 303); /* completes it */
    RUN_UNTIL(&bench, counter(&bench, "recordings_damaged"));
    assert_int_equal(counter(&bench, "recordings_damaged"), 1);
    run_for(&bench, 50);
    assert_int_equal(bench.origin->file_count, 0);
    RUN_UNTIL(&bench, spooled(&bench) == 1); /* the next one goes on */
    assert_int_equal(spooled(&bench), 1);
    tear_down(&bench);
}

/* What is on the disk is whole, whether that can be noted there or not. */
static void test_a_full_disk_at_the_end_of_a_recording(void **state)
{
    (void)state;
    struct bench bench;
    char path[160];
    set_up(&bench);
    hand_over_all(&bench, 300, 302);
    run_until_acknowledged(&bench, 3);
    snprintf(path, sizeof path, "%s/news.0.record.hd.000100.json.new", bench.spool);
    assert_int_equal(mkdir(path, 0700), 0); /* nothing can be written under that name */
    hand_over(&bench, 303);
    run_until_stored(&bench, "/rec/news_hd.000100.m2ts");
    assert_holds(&bench, "/rec/news_hd.000100.m2ts", 300, 3);
    assert_int_equal(counter(&bench, "recordings_damaged"), 0);
    RUN_UNTIL(&bench, spooled(&bench) == 1 && !alerts_active(bench.alerts)); /* the next piece was written */
    tear_down(&bench);
}

/* A path that leads to itself cannot be opened: like too many open files. */
static void test_a_recording_that_cannot_be_opened_for_now(void **state)
{
    (void)state;
    struct bench bench;
    char path[160], aside[200];
    set_up(&bench);
    hand_over_all(&bench, 300, 302);
    run_until_acknowledged(&bench, 3);
    snprintf(path, sizeof path, "%s/news.0.record.hd.000100.part", bench.spool);
    snprintf(aside, sizeof aside, "%s.aside", path);
    assert_int_equal(rename(path, aside), 0);
    assert_int_equal(symlink(path, path), 0);
    hand_over(&bench, 303);
    RUN_UNTIL(&bench, alerts_active(bench.alerts));
    assert_int_equal(alerts_active(bench.alerts), 1);
    assert_int_equal(rename(aside, path), 0);
    run_until_stored(&bench, "/rec/news_hd.000100.m2ts");
    assert_holds(&bench, "/rec/news_hd.000100.m2ts", 300, 3);
    assert_int_equal(alerts_active(bench.alerts), 0);
    assert_int_equal(counter(&bench, "recordings_damaged"), 0);
    tear_down(&bench);
}

static void test_what_is_said_of_it_cannot_be_read_for_now(void **state)
{
    (void)state;
    struct bench bench;
    char path[160], aside[200];
    set_up(&bench);
    hand_over_all(&bench, 300, 302);
    run_until_acknowledged(&bench, 3);
    publisher_destroy(bench.publisher);
    snprintf(path, sizeof path, "%s/news.0.record.hd.000100.json", bench.spool);
    snprintf(aside, sizeof aside, "%s.aside", path);
    assert_int_equal(rename(path, aside), 0);
    assert_int_equal(symlink(path, path), 0);
    open_publisher(&bench);
    assert_int_equal(spooled(&bench), 1);
    assert_int_equal(rename(aside, path), 0);
    reopen(&bench);
    hand_over(&bench, 303);
    run_until_stored(&bench, "/rec/news_hd.000100.m2ts");
    assert_holds(&bench, "/rec/news_hd.000100.m2ts", 300, 3);
    tear_down(&bench);
}

static void test_the_disk_is_bounded(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    publisher_destroy(bench.publisher);
    bench.group.archive.disk_cache_megabytes = 1;
    bench.piece_bytes = 150000;
    bench.origin->behaviour = ORIGIN_STATUS;
    bench.origin->status = 503;
    open_publisher(&bench);
    hand_over_all(&bench, 300, 309); /* three whole ones, of which two fit */
    run_until_acknowledged(&bench, 10);
    RUN_UNTIL(&bench, counter(&bench, "dropped_no_room"));
    assert_int_equal(counter(&bench, "dropped_no_room"), 1);
    bench.origin->behaviour = ORIGIN_GOOD;
    run_until_stored(&bench, "/rec/news_hd.000102.m2ts");
    assert_holds(&bench, "/rec/news_hd.000102.m2ts", 306, 3);
    tear_down(&bench);
}

/* ---- uploads in parts ---- */

static void write_credentials(struct bench *bench)
{
    static const char text[] = "credentials = ( { name = \"keys\"; user = \"AKID\"; password = \"very-secret\"; } );";
    char path[160];
    struct problems *problems = problems_create();
    snprintf(path, sizeof path, "%s/credentials.cfg", bench->spool);
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
    close(file);
    assert_int_equal(credentials_read(&bench->credentials, path, problems), 0);
    problems_destroy(problems);
    assert_int_equal(unlink(path), 0);
}

static void note_of(const struct bench *bench, char path[160])
{
    snprintf(path, 160, "%s/news.0.record.hd.000100.upload", bench->spool);
}

static bool is_noted(const struct bench *bench)
{
    char path[160];
    note_of(bench, path);
    return access(path, F_OK) == 0;
}

/* The answer to its first part has come, and is on the disk. */
static bool has_noted_a_part(const struct bench *bench)
{
    char path[160], text[4096] = "";
    note_of(bench, path);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return strstr(text, "\"etag\"");
}

/* To a bucket, with a recording of two parts, of which only the first gets there before the end of a life. */
static void send_half(struct bench *bench)
{
    set_up(bench);
    publisher_destroy(bench->publisher);
    write_credentials(bench);
    bench->s3 = fake_s3_create(bench->loop);
    bench->piece_bytes = LARGE_PIECE_BYTES;
    bench->group.archive.disk_cache_megabytes = 64;
    bench->group.connection.cdn = CDN_S3;
    bench->group.connection.timeout = 20; /* megabytes through sanitizers, on a busy machine */
    struct destination *destination = &bench->group.destinations[0];
    strcpy(destination->url, "s3://bucket1/rec/news");
    strcpy(destination->credentials, "keys");
    snprintf(destination->endpoint, sizeof destination->endpoint, "http://127.0.0.1:%u", bench->s3->origin->port);
    bench->s3->faults[0] =
        (struct fake_fault){ .times = 1000, .status = 503, .code = "SlowDown", .only = "partNumber=2" };
    open_publisher(bench);
    hand_over_all(bench, 300, 302);
    run_until_acknowledged(bench, 3);
    publisher_finish(bench->publisher);
    RUN_UNTIL(bench, has_noted_a_part(bench));
    assert_true(has_noted_a_part(bench));
    publisher_destroy(bench->publisher);
    bench->s3->faults[0].times = 0;
    assert_int_equal(bench->s3->aborted, 0);
}

static void test_an_upload_goes_on_after_a_restart(void **state)
{
    (void)state;
    struct bench bench;
    send_half(&bench);
    assert_true(is_noted(&bench));
    open_publisher(&bench);
    RUN_UNTIL(&bench, !spooled(&bench) && !is_noted(&bench));
    assert_int_equal(spooled(&bench), 0);
    assert_false(is_noted(&bench));
    const struct fake_object *object = fake_s3_find(bench.s3, "/bucket1/rec/news_hd.000100.m2ts");
    assert_non_null(object);
    assert_int_equal(object->bytes, 3 * LARGE_PIECE_BYTES);
    assert_int_equal(object->body[0], 'a' + 300 % 26);
    assert_int_equal(object->body[object->bytes - 1], 'a' + 302 % 26);
    assert_int_equal(origin_count(bench.s3->origin, "PUT", "partNumber=1", 200), 1);
    assert_int_equal(bench.s3->uploads, 1);
    tear_down(&bench);
}

static void test_an_upload_of_a_recording_that_is_gone(void **state)
{
    (void)state;
    struct bench bench;
    char path[160];
    send_half(&bench);
    snprintf(path, sizeof path, "%s/news.0.record.hd.000100.part", bench.spool);
    assert_int_equal(unlink(path), 0);
    open_publisher(&bench);
    RUN_UNTIL(&bench, !is_noted(&bench));
    assert_false(is_noted(&bench));
    assert_int_equal(bench.s3->aborted, 1);
    tear_down(&bench);
}

static void test_an_upload_of_damaged_bytes_is_given_up(void **state)
{
    (void)state;
    struct bench bench;
    char path[160];
    send_half(&bench);
    snprintf(path, sizeof path, "%s/news.0.record.hd.000100.part", bench.spool);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(file, "!", 1, 100), 1);
    close(file);
    open_publisher(&bench);
    RUN_UNTIL(&bench, !is_noted(&bench));
    assert_int_equal(counter(&bench, "recordings_damaged"), 1);
    assert_int_equal(bench.s3->aborted, 1);
    tear_down(&bench);
}

/* The machine's, some time ago: it can be put forward. */
static uint64_t behind_ns;

static uint64_t late_monotonic_ns(const struct clock *clock)
{
    (void)clock;
    const struct clock real = clock_real();
    return clock_monotonic_ns(&real) - behind_ns;
}

/* A second for each turn, until so many reads have failed: however late the worker's answers come, the pauses pass. */
static void put_forward_until(struct bench *bench, unsigned reads)
{
    const struct clock real = clock_real();
    for (uint64_t begin_ns = clock_monotonic_ns(&real);
         failed_reads < reads && clock_monotonic_ns(&real) - begin_ns < 40 * NS_PER_S;) {
        behind_ns -= behind_ns > NS_PER_S ? NS_PER_S : 0;
        loop_turn(bench->loop, 5);
    }
    assert_int_equal(failed_reads, reads);
}

/* It is tried again, not for ever, and whoever wants what can be read of it finds it. */
static void test_a_recording_that_the_disk_does_not_give(void **state)
{
    (void)state;
    struct bench bench;
    char path[160];
    set_up(&bench);
    hand_over_all(&bench, 300, 302);
    run_until_acknowledged(&bench, 3);
    publisher_destroy(bench.publisher);
    states_fixture_flush(&bench.states);
    failed_reads = 0;
    reads_fail = true;
    behind_ns = 3600 * NS_PER_S;
    bench.clock.monotonic_ns = late_monotonic_ns;
    open_publisher(&bench);
    hand_over(&bench, 303); /* the old one is complete with that */
    RUN_UNTIL(&bench, failed_reads == 1 && alerts_active(bench.alerts));
    run_for(&bench, 20);
    assert_int_equal(failed_reads, 1); /* not before its pause is over */
    put_forward_until(&bench, 2);
    put_forward_until(&bench, 3);
    RUN_UNTIL(&bench, counter(&bench, "recordings_damaged") == 1);
    assert_int_equal(counter(&bench, "recordings_damaged"), 1);
    behind_ns = 0;
    run_for(&bench, 20);
    assert_int_equal(failed_reads, 3);
    reads_fail = false;
    snprintf(path, sizeof path, "%s/news.0.record.hd.000100.part", bench.spool);
    assert_int_equal(access(path, F_OK), 0);
    hand_over(&bench, 306); /* and others are made as before */
    run_until_stored(&bench, "/rec/news_hd.000101.m2ts");
    reopen(&bench);
    run_until_stored(&bench, "/rec/news_hd.000100.m2ts");
    tear_down(&bench);
}

/* A recording of an earlier life that takes minutes to be looked through: who stops the channel does not wait. */
static void test_being_looked_through_is_called_off(void **state)
{
    (void)state;
    struct bench bench;
    char path[128];
    set_up(&bench);
    publisher_destroy(bench.publisher);
    snprintf(path, sizeof path, "%s/news.0.record.hd.000007.part", bench.spool);
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(file, (off_t)SLOW_READS << 20), 0);
    close(file);
    json_t *info =
        json_pack("{s:i, s:I, s:i, s:i, s:i, s:i, s:i, s:b}", "version", 1, "bytes", (json_int_t)SLOW_READS << 20,
                  "start", 21 * 90000, "end", 24 * 90000, "pieces", 3, "holes", 0, "checksum", 1, "complete", 1);
    snprintf(path, sizeof path, "%s/news.0.record.hd.000007.json", bench.spool);
    assert_int_equal(json_dump_file(info, path, 0), 0);
    json_decref(info);
    slow_reads = 0;
    reads_are_slow = true;
    open_publisher(&bench);
    for (unsigned i = 0; i < 20000 && !slow_reads; i++)
        usleep(1000);
    publisher_destroy(bench.publisher);
    assert_in_range(slow_reads, 1, SLOW_READS - 1);
    reads_are_slow = false;
    assert_int_equal(access(path, F_OK), 0); /* the next life looks at it again */
    bench.publisher = NULL;
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_recording_is_delivered_when_it_is_complete),
        cmocka_unit_test(test_a_restart_goes_on),
        cmocka_unit_test(test_stopped_and_started_within_an_interval),
        cmocka_unit_test(test_an_outage_and_a_restart_in_it),
        cmocka_unit_test(test_damaged_bytes_are_not_delivered),
        cmocka_unit_test(test_a_full_disk_at_the_end_of_a_recording),
        cmocka_unit_test(test_a_recording_that_cannot_be_opened_for_now),
        cmocka_unit_test(test_what_is_said_of_it_cannot_be_read_for_now),
        cmocka_unit_test(test_the_disk_is_bounded),
        cmocka_unit_test(test_an_upload_goes_on_after_a_restart),
        cmocka_unit_test(test_an_upload_of_a_recording_that_is_gone),
        cmocka_unit_test(test_an_upload_of_damaged_bytes_is_given_up),
        cmocka_unit_test(test_a_recording_that_the_disk_does_not_give),
        cmocka_unit_test(test_being_looked_through_is_called_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
