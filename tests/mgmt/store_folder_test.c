/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_folder_test.c - whole files or none, and a folder that hangs. */
#include "mgmt/store_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"

/* Folders that were brought onto the disk. */
static unsigned synced_folders;
static int folder_fault; /* an errno */

int fsync(int descriptor)
{
    struct stat status;
    assert_int_equal(fstat(descriptor, &status), 0);
    synced_folders += S_ISDIR(status.st_mode);
    errno = S_ISDIR(status.st_mode) ? folder_fault : 0;
    return errno ? -1 : 0;
}

struct bench {
    struct loop *loop;
    struct fake_clock fake;
    char folder[64];
    struct destination destination;
    struct connection_settings connection;
    struct store *store;
    unsigned done, stalls_begun, stalls_ended;
    struct transfer_result result;
};

static void on_stalled(void *context, bool stalled)
{
    struct bench *bench = context;
    bench->stalls_begun += stalled;
    bench->stalls_ended += !stalled;
}

static void on_done(void *context, const struct transfer_result *result)
{
    struct bench *bench = context;
    bench->done++;
    bench->result = *result;
}

static void set_up(struct bench *bench)
{
    *bench = (struct bench){ .connection = { .cdn = CDN_FOLDER, .timeout = 1 } };
    bench->fake = fake_clock_at(1700000000 * NS_PER_S);
    assert_int_equal(loop_create(&bench->loop, NULL), 0);
    strcpy(bench->folder, "/tmp/biplane-folder-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    snprintf(bench->destination.url, sizeof bench->destination.url, "file://%s/live/news", bench->folder);
    const struct store_config config = { .destination = &bench->destination,
                                         .connection = &bench->connection,
                                         .stall_watch = { on_stalled, bench, 200 },
                                         .loop = bench->loop,
                                         .clock = &bench->fake.clock };
    assert_int_equal(store_create(&bench->store, &config, NULL), 0);
}

static void tear_down(struct bench *bench)
{
    char command[128];
    store_destroy(bench->store);
    loop_destroy(bench->loop);
    snprintf(command, sizeof command, "rm -rf %s", bench->folder);
    assert_int_equal(system(command), 0);
}

static struct store_task *start(struct bench *bench, struct store_request request)
{
    struct store_task *task;
    request.done = on_done;
    request.context = bench;
    assert_int_equal(store_free(bench->store), 1);
    assert_int_equal(store_start(bench->store, &request, &task, NULL), 0);
    assert_int_equal(store_free(bench->store), 0);
    return task;
}

static void wait_done(struct bench *bench)
{
    while (!bench->done)
        loop_turn(bench->loop, 1000);
    bench->done = 0;
}

static bool holds(const struct bench *bench, const char *name, const char *text)
{
    char path[256], data[256] = "";
    snprintf(path, sizeof path, "%s/live/%s", bench->folder, name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t bytes = file < 0 ? -1 : read(file, data, sizeof data - 1);
    if (file >= 0)
        close(file);
    return bytes == (ssize_t)strlen(text) && strcmp(data, text) == 0;
}

static unsigned count_entries(const struct bench *bench)
{
    char command[128];
    unsigned count = 0;
    snprintf(command, sizeof command, "ls -A %s/live | wc -l", bench->folder);
    FILE *output = popen(command, "r");
    assert_int_equal(fscanf(output, "%u", &count), 1);
    pclose(output);
    return count;
}

static void test_files_come_and_go(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    char body[] = "segment one";
    start(&bench, (struct store_request){ .name = "news_1.ts", .body = body, .bytes = strlen(body) });
    memset(body, 'x', sizeof body - 1); /* what was started has its own copy */
    synced_folders = 0;
    wait_done(&bench);
    assert_int_equal(synced_folders, 1); /* its name is there to stay, too */
    assert_int_equal(bench.result.outcome, TRANSFER_OK);
    assert_true(holds(&bench, "news_1.ts", "segment one"));
    start(&bench, (struct store_request){ .name = "a/b/news_2.ts", .body = "two", .bytes = 3 });
    wait_done(&bench);
    assert_true(holds(&bench, "a/b/news_2.ts", "two"));
    start(&bench, (struct store_request){ .name = "news_1.ts", .body = "again", .bytes = 5 });
    wait_done(&bench);
    assert_true(holds(&bench, "news_1.ts", "again"));
    for (unsigned i = 0; i < 2; i++) { /* the second finds it gone already */
        start(&bench, (struct store_request){ .method = STORE_DELETE, .name = "news_1.ts" });
        wait_done(&bench);
        assert_int_equal(bench.result.outcome, TRANSFER_OK);
    }
    assert_int_equal(count_entries(&bench), 1); /* a/ */
    tear_down(&bench);
}

static void test_from_a_descriptor(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    int file = memfd_create("object", MFD_CLOEXEC);
    assert_int_equal(write(file, "a long recording", 16), 16);
    start(&bench, (struct store_request){ .name = "news.000001.m2ts", .descriptor = file, .bytes = 16 });
    close(file); /* it has its own */
    wait_done(&bench);
    assert_int_equal(bench.result.outcome, TRANSFER_OK);
    assert_true(holds(&bench, "news.000001.m2ts", "a long recording"));
    file = memfd_create("object", MFD_CLOEXEC);
    start(&bench, (struct store_request){ .name = "short.m2ts", .descriptor = file, .bytes = 16 });
    wait_done(&bench);
    close(file);
    assert_int_equal(bench.result.outcome, TRANSFER_FAILED);
    assert_int_equal(count_entries(&bench), 1);
    tear_down(&bench);
}

static void test_what_cannot_be_written_says_why(void **state)
{
    (void)state;
    struct bench bench;
    char path[128];
    set_up(&bench);
    snprintf(path, sizeof path, "%s/live", bench.folder);
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644)); /* a file where the folder should be */
    start(&bench, (struct store_request){ .name = "news_1.ts", .body = "x", .bytes = 1 });
    wait_done(&bench);
    assert_int_equal(bench.result.outcome, TRANSFER_FAILED);
    assert_string_equal(bench.result.text, "Not a directory");
    tear_down(&bench);
}

/* Network file systems have folders that cannot be brought onto a disk: what is in its place is there. */
static void test_folders_that_cannot_be_synced(void **state)
{
    (void)state;
    static const int faults[] = { EINVAL, EOPNOTSUPP, EACCES, EIO };
    struct bench bench;
    set_up(&bench);
    for (unsigned i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        folder_fault = faults[i];
        start(&bench, (struct store_request){ .name = "news_1.ts", .body = "x", .bytes = 1 });
        wait_done(&bench);
        assert_int_equal(bench.result.outcome, faults[i] == EIO ? TRANSFER_FAILED : TRANSFER_OK);
    }
    folder_fault = 0;
    tear_down(&bench);
}

/* Opening a pipe that nobody reads stands for a network file system that has gone away. */
static void make_it_hang(const struct bench *bench, const char *name)
{
    char path[160];
    snprintf(path, sizeof path, "%s/live", bench->folder);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/live/.%s.part", bench->folder, name);
    assert_int_equal(mkfifo(path, 0644), 0);
}

static int end_the_hang(const struct bench *bench, const char *name)
{
    char path[160];
    snprintf(path, sizeof path, "%s/live/.%s.part", bench->folder, name);
    return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

static void test_a_folder_that_hangs(void **state)
{
    (void)state;
    struct bench bench;
    struct store_task *task;
    set_up(&bench);
    make_it_hang(&bench, "news_1.ts");
    start(&bench, (struct store_request){ .name = "news_1.ts", .body = "x", .bytes = 1 });
    fake_clock_advance(&bench.fake, 300 * NS_PER_MS);
    for (int i = 0; i < 100 && !bench.stalls_begun; i++)
        loop_turn(bench.loop, 10);
    assert_int_equal(bench.stalls_begun, 1);
    assert_int_equal(bench.done, 0);
    fake_clock_advance(&bench.fake, 11 * NS_PER_S);
    wait_done(&bench);
    assert_int_equal(bench.result.outcome, TRANSFER_FAILED);
    assert_string_equal(bench.result.text, "no progress for 1 s");
    assert_int_equal(bench.stalls_ended, 0);
    const struct store_request again = {
        .name = "news_1.ts", .body = "x", .bytes = 1, .done = on_done, .context = &bench
    };
    assert_int_equal(store_start(bench.store, &again, &task, NULL), -EBUSY);
    int reader = end_the_hang(&bench, "news_1.ts");
    while (store_start(bench.store, &again, &task, NULL) == -EBUSY)
        loop_turn(bench.loop, 10);
    wait_done(&bench);
    assert_int_equal(bench.result.outcome, TRANSFER_OK);
    assert_true(holds(&bench, "news_1.ts", "x"));
    assert_int_equal(bench.stalls_begun, 1);
    assert_int_equal(bench.stalls_ended, 1);
    close(reader);
    tear_down(&bench);
}

static void test_cancelled_and_destroyed_while_it_hangs(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    make_it_hang(&bench, "news_1.ts");
    store_cancel(bench.store, start(&bench, (struct store_request){ .name = "news_1.ts", .body = "x", .bytes = 1 }));
    store_destroy(bench.store); /* waits for nobody */
    bench.store = NULL;
    int reader = end_the_hang(&bench, "news_1.ts");
    usleep(50000);
    assert_false(holds(&bench, "news_1.ts", "x")); /* called off, begun or not: nothing was renamed */
    assert_int_equal(bench.done, 0);
    close(reader);
    tear_down(&bench);
}

static void test_urls(void **state)
{
    (void)state;
    static const struct {
        const char *url, *fault;
    } rows[] = {
        { "file:///srv/live/news", NULL },      { "http://host/live/news", "must start with file://" },
        { "file://srv/live", "absolute path" }, { "file:///srv/live/", "end in a slash" },
        { "file:///srv/../live", ". or .." },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct destination destination = { 0 };
        strcpy(destination.url, rows[i].url);
        const char *fault = store_folder_class.fault(&destination, NULL);
        assert_int_equal(fault == NULL, rows[i].fault == NULL);
        assert_true(!fault || strstr(fault, rows[i].fault));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_come_and_go),
        cmocka_unit_test(test_from_a_descriptor),
        cmocka_unit_test(test_what_cannot_be_written_says_why),
        cmocka_unit_test(test_folders_that_cannot_be_synced),
        cmocka_unit_test(test_a_folder_that_hangs),
        cmocka_unit_test(test_cancelled_and_destroyed_while_it_hangs),
        cmocka_unit_test(test_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
