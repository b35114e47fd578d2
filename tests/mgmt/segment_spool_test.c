/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/segment_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "board/loop.h"

/* A disk that fails to read. */
static bool reads_fail;

ssize_t pread(int descriptor, void *buffer, size_t bytes, off_t offset)
{
    if (!reads_fail)
        return syscall(SYS_pread64, descriptor, buffer, bytes, offset);
    errno = EIO;
    return -1;
}

enum { BYTES = 5000, OWNERS = 8 };

struct bench {
    struct loop *loop;
    char directory[64];
    struct segment_spool *spool;
    unsigned stored, failed, loaded;
    struct segment_mapping disk[OWNERS]; /* by number */
    bool refuse;                         /* what is loaded */
    uint64_t bytes_max;
};

static void on_stored(void *context, void *owner, int result, const char *text, struct segment_mapping *mapping)
{
    struct bench *bench = context;
    struct segment_mapping *place = owner;
    if (result < 0) {
        assert_true(text[0]);
        bench->failed++;
        return;
    }
    bench->stored++;
    *place = *mapping;
    *mapping = (struct segment_mapping){ 0 };
}

static void *on_loaded(void *context, const struct handoff_segment *segment, uint64_t id, uint32_t checksum,
                       struct segment_mapping *mapping)
{
    struct bench *bench = context;
    assert_true(id > 0 && segment->number < OWNERS);
    if (bench->refuse)
        return NULL;
    assert_int_equal(segment->number, bench->loaded); /* oldest first */
    assert_int_equal(mapping->bytes, BYTES);
    assert_int_equal(checksum, crc32_z(0, mapping->data, mapping->bytes));
    bench->disk[bench->loaded++] = *mapping;
    *mapping = (struct segment_mapping){ 0 };
    return &bench->disk[segment->number];
}

static void open_spool(struct bench *bench)
{
    const struct segment_spool_config config = { .directory = bench->directory,
                                                 .prefix = "news.0.web.",
                                                 .loop = bench->loop,
                                                 .bytes_max = bench->bytes_max,
                                                 .stored = on_stored,
                                                 .context = bench };
    assert_int_equal(segment_spool_create(&bench->spool, &config, NULL), 0);
}

static void set_up(struct bench *bench)
{
    *bench = (struct bench){ .directory = "/tmp/biplane-spool-XXXXXX" };
    assert_non_null(mkdtemp(bench->directory));
    assert_int_equal(loop_create(&bench->loop, NULL), 0);
    open_spool(bench);
}

static void close_mappings(struct bench *bench)
{
    for (unsigned i = 0; i < OWNERS; i++)
        segment_mapping_close(&bench->disk[i]);
}

static void tear_down(struct bench *bench)
{
    char command[128];
    segment_spool_destroy(bench->spool);
    close_mappings(bench);
    loop_destroy(bench->loop);
    snprintf(command, sizeof command, "rm -rf %s", bench->directory);
    assert_int_equal(system(command), 0);
}

static uint64_t store(struct bench *bench, unsigned number)
{
    char data[BYTES];
    struct error *none = NULL;
    struct segment_mapping mapping;
    struct handoff_segment segment = { .number = number, .bytes = BYTES };
    memset(data, 'a' + (int)number, sizeof data);
    int memfd = memfd_create("segment", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(write(memfd, data, sizeof data), BYTES);
    assert_int_equal(fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE | F_SEAL_GROW), 0);
    assert_int_equal(segment_mapping_open(&mapping, memfd, BYTES, none), 0);
    uint64_t id = segment_spool_store(bench->spool, &segment, &mapping, &bench->disk[number]);
    segment_mapping_close(&mapping); /* it has its own view */
    return id;
}

static void run_until(struct bench *bench, unsigned stored)
{
    for (unsigned i = 0; i < 1000 && bench->stored + bench->failed < stored; i++)
        loop_turn(bench->loop, 5);
    assert_int_equal(bench->stored + bench->failed, stored);
}

static unsigned files(const struct bench *bench)
{
    char command[128];
    unsigned count = 0;
    snprintf(command, sizeof command, "ls %s | wc -l", bench->directory);
    FILE *output = popen(command, "r");
    assert_int_equal(fscanf(output, "%u", &count), 1);
    pclose(output);
    return count;
}

static void test_stored_and_loaded(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    for (unsigned i = 0; i < 3; i++)
        assert_true(store(&bench, i) > 0);
    assert_int_equal(segment_spool_bytes(bench.spool), 3 * BYTES);
    run_until(&bench, 3);
    assert_int_equal(((const char *)bench.disk[2].data)[BYTES - 1], 'c');
    segment_spool_destroy(bench.spool);
    close_mappings(&bench);
    open_spool(&bench);
    segment_spool_load(bench.spool, on_loaded);
    assert_int_equal(bench.loaded, 3);
    assert_int_equal(segment_spool_bytes(bench.spool), 3 * BYTES);
    assert_int_equal(((const char *)bench.disk[1].data)[0], 'b');
    assert_int_equal(store(&bench, 3), 4); /* ids go on */
    run_until(&bench, 4);
    tear_down(&bench);
}

static void test_what_is_forgotten_goes(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    uint64_t first = store(&bench, 0), second = store(&bench, 1);
    segment_spool_forget(bench.spool, second); /* perhaps still under way */
    run_until(&bench, 1);
    segment_spool_forget(bench.spool, first);
    segment_spool_forget(bench.spool, 0);
    for (unsigned i = 0; i < 200 && (files(&bench) || segment_spool_bytes(bench.spool)); i++)
        loop_turn(bench.loop, 5);
    assert_int_equal(files(&bench), 0);
    assert_int_equal(segment_spool_bytes(bench.spool), 0);
    assert_int_equal(bench.stored, 1);
    tear_down(&bench);
}

static void test_what_is_not_wanted_or_no_segment_goes(void **state)
{
    (void)state;
    struct bench bench;
    char path[128];
    set_up(&bench);
    store(&bench, 0);
    store(&bench, 1);
    run_until(&bench, 2);
    segment_spool_destroy(bench.spool);
    close_mappings(&bench);
    snprintf(path, sizeof path, "%s/news.0.web.000000000002.segment", bench.directory);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(file, "x", 1, 20), 1); /* its head does not add up */
    close(file);
    snprintf(path, sizeof path, "%s/news.0.web.000000000003.segment.new", bench.directory);
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)); /* a power cut while it was written */
    snprintf(path, sizeof path, "%s/news.0.web.json", bench.directory);
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)); /* is somebody else's */
    open_spool(&bench);
    segment_spool_load(bench.spool, on_loaded);
    assert_int_equal(bench.loaded, 1);
    assert_int_equal(segment_spool_lost(bench.spool), 1);
    assert_int_equal(files(&bench), 2);
    segment_spool_destroy(bench.spool);
    close_mappings(&bench);
    bench.refuse = true;
    open_spool(&bench);
    segment_spool_load(bench.spool, on_loaded);
    assert_int_equal(files(&bench), 1);
    assert_int_equal(segment_spool_lost(bench.spool), 0); /* nobody wanted it */
    tear_down(&bench);
}

/* As the first version wrote them: the head ends before what SCTE 35 says. */
static void test_files_of_the_first_version(void **state)
{
    (void)state;
    enum { OLD_HEAD_BYTES = 728, HEAD_BYTES = 4096 };
    static const char zeros[HEAD_BYTES - OLD_HEAD_BYTES];
    struct bench bench;
    char path[128];
    uint32_t head[OLD_HEAD_BYTES / 4];
    set_up(&bench);
    store(&bench, 0);
    run_until(&bench, 1);
    segment_spool_destroy(bench.spool);
    close_mappings(&bench);
    snprintf(path, sizeof path, "%s/news.0.web.000000000001.segment", bench.directory);
    int file = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pread(file, head, sizeof head, 0), sizeof head);
    head[1] = 1;
    head[3] = 0;
    head[3] = (uint32_t)crc32_z(0, (const unsigned char *)head, sizeof head);
    assert_int_equal(pwrite(file, head, sizeof head, 0), sizeof head);
    assert_int_equal(pwrite(file, zeros, sizeof zeros, OLD_HEAD_BYTES), sizeof zeros);
    close(file);
    open_spool(&bench);
    segment_spool_load(bench.spool, on_loaded);
    assert_int_equal(bench.loaded, 1);
    assert_int_equal(segment_spool_lost(bench.spool), 0);
    tear_down(&bench);
}

static void make_later(const struct bench *bench, unsigned id)
{
    const uint32_t version = 99;
    char path[128];
    snprintf(path, sizeof path, "%s/news.0.web.%012u.segment", bench->directory, id);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(file, &version, sizeof version, 4), sizeof version);
    close(file);
}

/* A box that went back to an older release finds files of the newer one: they wait for it, within the bound. */
static void test_files_of_a_later_version_are_kept(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    for (unsigned i = 0; i < 3; i++)
        store(&bench, i);
    run_until(&bench, 3);
    segment_spool_destroy(bench.spool);
    close_mappings(&bench);
    make_later(&bench, 2);
    make_later(&bench, 3);
    bench.bytes_max = 1 << 20;
    open_spool(&bench);
    segment_spool_load(bench.spool, on_loaded);
    assert_int_equal(bench.loaded, 1);
    assert_int_equal(segment_spool_kept(bench.spool), 2);
    assert_int_equal(segment_spool_lost(bench.spool), 0);
    assert_int_equal(files(&bench), 3);
    segment_spool_destroy(bench.spool);
    close_mappings(&bench);
    bench.loaded = 0;
    bench.bytes_max = 2 * BYTES + 4096; /* of the second one; a file has a page more than its segment */
    open_spool(&bench);
    segment_spool_load(bench.spool, on_loaded);
    assert_int_equal(segment_spool_kept(bench.spool), 1);
    assert_int_equal(segment_spool_kept_lost(bench.spool), 1);
    bench.stored = 0;
    assert_int_equal(store(&bench, 4), 4); /* no number twice */
    assert_int_equal(segment_spool_kept(bench.spool), 0);
    run_until(&bench, 1);
    assert_int_equal(files(&bench), 2);
    tear_down(&bench);
}

/* They were acknowledged: nobody else has them any more. */
static void test_what_cannot_be_read_for_now_stays(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    for (unsigned i = 0; i < 3; i++)
        store(&bench, i);
    run_until(&bench, 3);
    segment_spool_destroy(bench.spool);
    close_mappings(&bench);
    bench.bytes_max = 1 << 20;
    open_spool(&bench);
    reads_fail = true;
    segment_spool_load(bench.spool, on_loaded);
    reads_fail = false;
    assert_int_equal(bench.loaded, 0);
    assert_int_equal(segment_spool_unread(bench.spool), 3);
    assert_int_equal(segment_spool_lost(bench.spool), 0);
    assert_int_equal(files(&bench), 3);
    segment_spool_destroy(bench.spool);
    open_spool(&bench);
    segment_spool_load(bench.spool, on_loaded);
    assert_int_equal(bench.loaded, 3);
    tear_down(&bench);
}

static void test_a_disk_that_does_not_take_it(void **state)
{
    (void)state;
    struct bench bench;
    char command[160];
    set_up(&bench);
    snprintf(command, sizeof command, "rmdir %s && touch %s", bench.directory, bench.directory);
    assert_int_equal(system(command), 0);
    assert_true(store(&bench, 0) > 0);
    run_until(&bench, 1);
    assert_int_equal(bench.failed, 1);
    assert_int_equal(segment_spool_bytes(bench.spool), 0);
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stored_and_loaded),
        cmocka_unit_test(test_what_is_forgotten_goes),
        cmocka_unit_test(test_what_is_not_wanted_or_no_segment_goes),
        cmocka_unit_test(test_files_of_the_first_version),
        cmocka_unit_test(test_files_of_a_later_version_are_kept),
        cmocka_unit_test(test_what_cannot_be_read_for_now_stays),
        cmocka_unit_test(test_a_disk_that_does_not_take_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
