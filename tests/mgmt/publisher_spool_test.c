/* SPDX-License-Identifier: GPL-2.0-or-later */
/* publisher_spool_test.c - what does not fit into memory goes to the disk and from there to the destination, for each
 * type of output group that has it. The receiver sees the numbers of segments in order, whatever lay where. */
#include "mgmt/publisher_spool.h"

#include <stdatomic.h>
#include <sys/syscall.h>

#include "tests/mgmt/publisher_bench.h"

enum { SEGMENT_BYTES = 200000, HEADER_BYTES = 100, ARRIVALS_MAX = 64 };

struct kind {
    enum output_group_type type;
    uint32_t header_bytes; /* before each segment */
};

static const struct kind kinds[] = {
    { OUTPUT_GROUP_HLS, 0 },
    { OUTPUT_GROUP_CMAF_INGEST, HEADER_BYTES },
    { OUTPUT_GROUP_FRAME_CAPTURE, 0 },
};

struct spool_bench {
    struct publisher_bench base;
    struct kind kind;
    unsigned arrivals[ARRIVALS_MAX]; /* numbers of segments, as they came */
    unsigned arrived, headers;
};

static const char header_letter = 'H';

/* A disk that hangs. */
static atomic_bool disk_hangs;

int fsync(int descriptor)
{
    while (disk_hangs)
        usleep(1000);
    return (int)syscall(SYS_fsync, descriptor);
}

/* A segment's bytes are all its number. */
static void on_stored(void *context, struct origin *origin, const struct origin_file *file)
{
    struct spool_bench *bench = context;
    (void)origin;
    bench->headers += file->bytes == HEADER_BYTES && file->body[0] == header_letter;
    if (file->bytes < SEGMENT_BYTES)
        return;
    assert_int_equal(file->bytes, SEGMENT_BYTES);
    assert_int_equal(file->body[0], file->body[SEGMENT_BYTES - 1]);
    assert_true(bench->arrived < ARRIVALS_MAX);
    bench->arrivals[bench->arrived++] = (unsigned char)file->body[0];
}

static void set_up(struct spool_bench *bench, const struct kind *kind, unsigned disk_megabytes)
{
    memset(bench, 0, sizeof *bench);
    publisher_bench_set_up(&bench->base);
    bench->kind = *kind;
    bench->base.origin->stored = on_stored;
    bench->base.origin->context = bench;
    bench->base.group = (struct output_group){
        .name = "web",
        .type = kind->type,
        .hls = { .segment_length = 2, .index_n_segments = 30, .keep_segments = 40 },
        .cmaf_ingest = { .segment_length_s = 2 },
        .connection = publisher_bench_connection(),
        .outputs = { { .name = "hd", .name_modifier = "_hd", .video = "v" } },
        .outputs_count = 1,
    };
    bench->base.group.connection.disk_cache_megabytes = disk_megabytes;
    publisher_bench_url(&bench->base, 0, kind->type == OUTPUT_GROUP_CMAF_INGEST ? "/in/" : "/live/news");
    publisher_bench_open(&bench->base);
}

static void hand_over(struct spool_bench *bench, unsigned first, unsigned last)
{
    static char data[SEGMENT_BYTES + HEADER_BYTES];
    for (unsigned number = first; number <= last; number++) {
        const struct handoff_segment segment = { .instance = 7,
                                                 .serial = number,
                                                 .group = "web",
                                                 .output = "hd",
                                                 .number = number,
                                                 .start_90k = number * 180000,
                                                 .duration_90k = 180000,
                                                 .header_bytes = bench->kind.header_bytes,
                                                 .bytes = SEGMENT_BYTES + bench->kind.header_bytes };
        memset(data, header_letter, bench->kind.header_bytes);
        memset(data + bench->kind.header_bytes, (int)number, SEGMENT_BYTES);
        publisher_bench_hand_over(&bench->base, &segment, data);
    }
}

/* These, and before them number 1 if it was on its way: such a one is not dropped. If that was an earlier life's, the
 * next one sends it again. */
static void expect(const struct spool_bench *bench, unsigned first, unsigned last)
{
    unsigned early = bench->arrived && (bench->arrivals[0] < first || bench->arrived > last - first + 1) ? 1 : 0;
    assert_int_equal(bench->arrived, early + last - first + 1);
    assert_true(!early || bench->arrivals[0] == 1);
    for (unsigned i = early; i < bench->arrived; i++)
        assert_int_equal(bench->arrivals[i], first + i - early);
    if (bench->kind.header_bytes)
        assert_true(bench->headers >= 1);
}

static void go_away(struct spool_bench *bench)
{
    bench->base.origin->behaviour = ORIGIN_STATUS;
    bench->base.origin->status = 503;
}

/* Files cannot be made, and those that are there are out of sight, but mapped. */
static void take_the_folder_away(struct spool_bench *bench, bool away)
{
    char elsewhere[sizeof bench->base.spool + 8];
    snprintf(elsewhere, sizeof elsewhere, "%s.away", bench->base.spool);
    assert_int_equal(away ? rename(bench->base.spool, elsewhere) : rename(elsewhere, bench->base.spool), 0);
}

/* Until the files on the disk are gone too. */
static void deliver(struct spool_bench *bench)
{
    bench->base.origin->behaviour = ORIGIN_GOOD;
    publisher_bench_run_until_idle(&bench->base);
    uint64_t begin_ns = clock_monotonic_ns(&bench->base.clock);
    while (publisher_bench_files(&bench->base, "segment") && publisher_bench_turn(&bench->base, begin_ns))
        ;
    assert_int_equal(publisher_bench_files(&bench->base, "segment"), 0);
}

/* 1 MiB of memory holds five of them. */
static void test_the_oldest_wait_on_the_disk(void **state)
{
    struct spool_bench bench;
    set_up(&bench, *state, 8);
    go_away(&bench);
    hand_over(&bench, 1, 12);
    publisher_bench_run_until(&bench.base, "segments_spooled", 7);
    assert_int_equal(publisher_bench_counter(&bench.base, "segments_spooled"), 7);
    assert_int_equal(publisher_bench_files(&bench.base, "segment"), 7);
    assert_int_equal(bench.base.acknowledged, 7);
    assert_int_equal(bench.base.last_acknowledged, 7);
    deliver(&bench);
    expect(&bench, 1, 12);
    assert_int_equal(bench.base.acknowledged, 12);
    publisher_bench_tear_down(&bench.base);
}

/* What is on the disk is delivered by the next life, before what the encode process hands over again. */
static void test_a_restart_takes_them_up(void **state)
{
    struct spool_bench bench;
    set_up(&bench, *state, 8);
    go_away(&bench);
    hand_over(&bench, 1, 10);
    publisher_bench_run_until(&bench.base, "segments_spooled", 5);
    publisher_bench_reopen(&bench.base);
    assert_int_equal(publisher_bench_counter(&bench.base, "segments_taken_up"), 5);
    bench.base.acknowledged = 0;
    hand_over(&bench, 5, 10); /* the acknowledgement of the first of them was not heard */
    assert_int_equal(bench.base.acknowledged, 1);
    deliver(&bench);
    expect(&bench, 1, 10);
    assert_int_equal(bench.base.acknowledged, 6);
    assert_int_equal(publisher_bench_counter(&bench.base, "dropped_damaged"), 0);
    publisher_bench_tear_down(&bench.base);
}

/* Files that were delivered long ago are there again: one could not be deleted, or be read, when it should have been.
 */
static void test_what_lay_there_from_long_ago_is_not_sent_again(void **state)
{
    struct spool_bench bench;
    char command[400];
    const struct kind *kind = *state;
    set_up(&bench, kind, 8);
    const char *spool = bench.base.spool;
    go_away(&bench);
    hand_over(&bench, 1, 7);
    publisher_bench_run_until(&bench.base, "segments_spooled", 2);
    snprintf(command, sizeof command, "mkdir %s.kept; cp %s/*.segment %s.kept", spool, spool, spool);
    assert_int_equal(system(command), 0);
    deliver(&bench);
    for (unsigned number = 200; number <= 235; number++) {
        hand_over(&bench, number, number);
        publisher_bench_run_until_idle(&bench.base);
    }
    assert_int_equal(bench.arrived, 7 + 36);
    publisher_destroy(bench.base.publisher);
    states_fixture_flush(&bench.base.states);
    snprintf(command, sizeof command, "mv %s.kept/* %s; rmdir %s.kept", spool, spool, spool);
    assert_int_equal(system(command), 0);
    publisher_bench_open(&bench.base);
    assert_int_equal(publisher_bench_counter(&bench.base, "segments_taken_up"), 0);
    assert_int_equal(publisher_bench_counter(&bench.base, "segments_spool_too_late"), 2);
    if (kind->type == OUTPUT_GROUP_HLS) {
        const struct origin_file *playlist = origin_find(bench.base.origin, "/live/news_hd.m3u8");
        assert_non_null(strstr(playlist->body, "#EXT-X-MEDIA-SEQUENCE:206\n"));
    }
    deliver(&bench);
    assert_int_equal(bench.arrived, 7 + 36);
    publisher_bench_tear_down(&bench.base);
}

/* Two segments wait on the disk; one byte of the first is another when the publisher comes back. */
static void damage(struct spool_bench *bench, const struct kind *kind, unsigned at)
{
    char command[200];
    set_up(bench, kind, 8);
    go_away(bench);
    hand_over(bench, 1, 7);
    publisher_bench_run_until(&bench->base, "segments_spooled", 2);
    publisher_destroy(bench->base.publisher);
    snprintf(command, sizeof command,
             "f=$(ls %s/*.segment | head -n 1); printf '!' | dd of=$f bs=1 seek=%u conv=notrunc status=none",
             bench->base.spool, at);
    assert_int_equal(system(command), 0);
    publisher_bench_open(&bench->base);
}

static void test_damage_on_the_disk_is_not_delivered(void **state)
{
    struct spool_bench bench;
    damage(&bench, *state, 100000);
    assert_int_equal(publisher_bench_counter(&bench.base, "segments_taken_up"), 2);
    hand_over(&bench, 3, 7);
    deliver(&bench);
    expect(&bench, 2, 7);
    assert_int_equal(publisher_bench_counter(&bench.base, "dropped_damaged"), 1);
    publisher_bench_tear_down(&bench.base);
}

/* A file that is no segment is thrown away, and that is told. */
static void test_a_file_that_is_no_segment(void **state)
{
    struct spool_bench bench;
    damage(&bench, *state, 100);
    assert_int_equal(publisher_bench_counter(&bench.base, "segments_taken_up"), 1);
    assert_int_equal(publisher_bench_counter(&bench.base, "segments_spool_lost"), 1);
    hand_over(&bench, 3, 7);
    deliver(&bench);
    expect(&bench, 2, 7);
    publisher_bench_tear_down(&bench.base);
}

/* 1 MiB of memory and 1 MiB of disk hold ten. */
static void test_past_both_bounds_the_oldest_is_dropped(void **state)
{
    struct spool_bench bench;
    set_up(&bench, *state, 1);
    go_away(&bench);
    hand_over(&bench, 1, 16);
    publisher_bench_run_until(&bench.base, "dropped_no_room", 6);
    assert_int_equal(publisher_bench_counter(&bench.base, "dropped_no_room"), 6);
    assert_true(alerts_active(bench.base.alerts) > 0);
    deliver(&bench);
    expect(&bench, 8, 16);
    assert_int_equal(bench.base.acknowledged, 16);
    publisher_bench_tear_down(&bench.base);
}

/* Memory is as bounded as without a disk. */
static void test_a_disk_that_fails(void **state)
{
    struct spool_bench bench;
    set_up(&bench, *state, 8);
    go_away(&bench);
    take_the_folder_away(&bench, true);
    hand_over(&bench, 1, 7);
    publisher_bench_run_until(&bench.base, "dropped_no_room", 2);
    assert_int_equal(publisher_bench_counter(&bench.base, "dropped_no_room"), 2);
    assert_true(publisher_bench_counter(&bench.base, "segments_spool_failed") >= 1);
    json_t *alerts = alerts_json(bench.base.alerts, false);
    char *text = json_dumps(alerts, 0);
    assert_non_null(strstr(text, "\"id\": 6006"));
    free(text);
    json_decref(alerts);
    take_the_folder_away(&bench, false);
    deliver(&bench);
    expect(&bench, bench.arrivals[0] == 1 ? 4 : 3, 7);
    assert_int_equal(bench.base.acknowledged, 7);
    publisher_bench_tear_down(&bench.base);
}

/* What is on the disk already stays. */
static void test_a_disk_that_fails_for_a_while(void **state)
{
    struct spool_bench bench;
    set_up(&bench, *state, 64);
    go_away(&bench);
    hand_over(&bench, 1, 7);
    publisher_bench_run_until(&bench.base, "segments_spooled", 2);
    take_the_folder_away(&bench, true);
    hand_over(&bench, 8, 30);
    publisher_bench_run_until(&bench.base, "dropped_no_room", 23);
    hand_over(&bench, 31, 32);
    publisher_bench_run_until(&bench.base, "dropped_no_room", 25);
    take_the_folder_away(&bench, false);
    hand_over(&bench, 33, 33);
    publisher_bench_run_until(&bench.base, "segments_spooled", 3);
    assert_int_equal(publisher_bench_counter(&bench.base, "dropped_no_room"), 25);
    deliver(&bench);
    static const unsigned want[] = { 1, 2, 28, 29, 30, 31, 32, 33 };
    assert_int_equal(bench.arrived, sizeof want / sizeof want[0]);
    assert_memory_equal(bench.arrivals, want, sizeof want);
    assert_int_equal(bench.base.acknowledged, 33);
    publisher_bench_tear_down(&bench.base);
}

/* 64 MiB are on their way to the disk, and as much and 1 MiB waits in memory. */
static void test_a_disk_that_hangs(void **state)
{
    enum { LARGE_BYTES = 16 << 20 };
    struct spool_bench bench;
    set_up(&bench, *state, 1024);
    go_away(&bench);
    disk_hangs = true;
    for (unsigned number = 1; number <= 12; number++) {
        const struct handoff_segment segment = { .instance = 7,
                                                 .serial = number,
                                                 .group = "web",
                                                 .output = "hd",
                                                 .number = number,
                                                 .start_90k = number * 180000,
                                                 .duration_90k = 180000,
                                                 .header_bytes = bench.kind.header_bytes,
                                                 .bytes = LARGE_BYTES };
        int memfd = memfd_create("segment", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        assert_int_equal(ftruncate(memfd, LARGE_BYTES), 0);
        assert_int_equal(fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE | F_SEAL_GROW), 0);
        publisher_segment(bench.base.publisher, &segment, memfd);
    }
    assert_int_equal(publisher_bench_counter(&bench.base, "dropped_no_room"), 4);
    assert_int_equal(bench.base.acknowledged, 4);
    assert_int_equal(bench.base.last_acknowledged, 8); /* 1 to 4 may still get there */
    take_the_folder_away(&bench, true);
    disk_hangs = false;
    publisher_destroy(bench.base.publisher);
    bench.base.publisher = NULL;
    take_the_folder_away(&bench, false);
    publisher_bench_tear_down(&bench.base);
}

static void test_without_a_disk_the_oldest_is_dropped(void **state)
{
    struct spool_bench bench;
    set_up(&bench, *state, 0);
    go_away(&bench);
    hand_over(&bench, 1, 8);
    assert_int_equal(publisher_bench_counter(&bench.base, "dropped_no_room"), 3);
    deliver(&bench);
    expect(&bench, 5, 8);
    assert_int_equal(publisher_bench_counter(&bench.base, "segments_spooled"), 0);
    publisher_bench_tear_down(&bench.base);
}

int main(void)
{
#define EACH(test)                                                                                                     \
    { #test " (hls)", test, NULL, NULL, (void *)&kinds[0] },                                                           \
        { #test " (cmaf_ingest)", test, NULL, NULL, (void *)&kinds[1] },                                               \
    {                                                                                                                  \
#test " (frame_capture)", test, NULL, NULL, (void *)&kinds[2]                                                  \
    }
    const struct CMUnitTest tests[] = {
        EACH(test_the_oldest_wait_on_the_disk),
        EACH(test_a_restart_takes_them_up),
        EACH(test_damage_on_the_disk_is_not_delivered),
        EACH(test_a_file_that_is_no_segment),
        EACH(test_past_both_bounds_the_oldest_is_dropped),
        EACH(test_a_disk_that_fails),
        EACH(test_a_disk_that_fails_for_a_while),
        EACH(test_a_disk_that_hangs),
        EACH(test_without_a_disk_the_oldest_is_dropped),
        { "test_what_lay_there_from_long_ago_is_not_sent_again (hls)",
          test_what_lay_there_from_long_ago_is_not_sent_again, NULL, NULL, (void *)&kinds[0] },
        { "test_what_lay_there_from_long_ago_is_not_sent_again (cmaf_ingest)",
          test_what_lay_there_from_long_ago_is_not_sent_again, NULL, NULL, (void *)&kinds[1] },
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
