/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_s3_test.c - files into a bucket and a container: in one request, in parts, refused, given up. */
#include "mgmt/store_s3.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "board/error.h"
#include "board/log.h"
#include "mgmt/credentials.h"
#include "mgmt/s3_client.h"
#include "mgmt/spool.h"
#include "tests/mgmt/fake_s3.h"
#include "tests/mgmt/states_fixture.h"

enum { LARGE_BYTES = (8 << 20) + 100 }; /* two parts */

struct bench {
    struct loop *loop;
    struct clock clock;
    struct transfer_engine *engine;
    struct fake_s3 *s3;
    struct destination destination;
    struct connection_settings connection;
    struct credential credential;
    struct store *store;
    struct store_task *task;
    struct transfer_result result;
    unsigned done;
    int file;
    char spool[64];
    struct states_fixture states;
};

static const char bookmark[] = "news.000000.upload";

static void on_done(void *context, const struct transfer_result *result)
{
    struct bench *bench = context;
    bench->result = *result;
    bench->done++;
}

static int create(struct bench *bench, unsigned cdn, const char *url, struct error *err)
{
    bench->connection.cdn = cdn;
    snprintf(bench->destination.url, sizeof bench->destination.url, "%s", url);
    const struct store_config config = {
        .destination = &bench->destination,
        .connection = &bench->connection,
        .credential = bench->credential.user[0] ? &bench->credential : NULL,
        .states = bench->states.files,
        .engine = bench->engine,
        .loop = bench->loop,
        .clock = &bench->clock,
    };
    return store_create(&bench->store, &config, err);
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    *state = bench;
    bench->clock = clock_real();
    strcpy(bench->spool, "/tmp/biplane-store-XXXXXX");
    assert_non_null(mkdtemp(bench->spool));
    bench->file = memfd_create("file", MFD_CLOEXEC);
    bench->connection = (struct connection_settings){ .timeout = 2, .connections = 4 };
    assert_int_equal(loop_create(&bench->loop, NULL), 0);
    assert_int_equal(transfer_engine_create(&bench->engine, bench->loop, &bench->clock, NULL), 0);
    states_fixture_open(&bench->states, bench->loop, bench->spool);
    bench->s3 = fake_s3_create(bench->loop);
    strcpy(bench->credential.user, "AKID");
    strcpy(bench->credential.password, "very-secret");
    strcpy(bench->destination.credentials, "keys");
    snprintf(bench->destination.endpoint, sizeof bench->destination.endpoint, "http://127.0.0.1:%u",
             bench->s3->origin->port);
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    store_destroy(bench->store);
    states_fixture_close(&bench->states);
    spool_remove(bench->spool, bookmark);
    assert_int_equal(rmdir(bench->spool), 0);
    transfer_engine_destroy(bench->engine);
    fake_s3_destroy(bench->s3);
    loop_destroy(bench->loop);
    close(bench->file);
    free(bench);
    return 0;
}

static void start(struct bench *bench, struct store_request request)
{
    struct error err = { 0 };
    request.done = on_done;
    request.context = bench;
    int result = store_start(bench->store, &request, &bench->task, &err);
    if (result < 0)
        print_error("%s\n", err.text);
    assert_int_equal(result, 0);
}

static const struct transfer_result *finish(struct bench *bench)
{
    unsigned before = bench->done;
    for (unsigned turns = 0; bench->done == before && turns < 5000; turns++)
        loop_turn(bench->loop, 20);
    assert_int_equal(bench->done, before + 1);
    return &bench->result;
}

static struct store_request put_text(const char *name, const char *text)
{
    return (struct store_request){ .method = STORE_PUT,
                                   .name = name,
                                   .content_type = "application/vnd.apple.mpegurl",
                                   .content_encoding = "gzip",
                                   .cache_control = "no-cache",
                                   .body = text,
                                   .bytes = strlen(text) };
}

static struct store_request put_file(struct bench *bench, size_t bytes)
{
    assert_int_equal(ftruncate(bench->file, (off_t)bytes), 0);
    assert_int_equal(pwrite(bench->file, "first", 5, 0), 5);
    assert_int_equal(pwrite(bench->file, "last", 4, (off_t)bytes - 4), 4);
    return (struct store_request){ .method = STORE_PUT,
                                   .name = "news.000000.m2ts",
                                   .content_type = "video/m2ts",
                                   .descriptor = bench->file,
                                   .bytes = bytes };
}

static void check_file(struct bench *bench, const char *path, size_t bytes)
{
    struct fake_object *object = fake_s3_find(bench->s3, path);
    assert_non_null(object);
    assert_int_equal(object->bytes, bytes);
    assert_memory_equal(object->body, "first", 5);
    assert_memory_equal(object->body + bytes - 4, "last", 4);
    assert_int_equal(bench->s3->refused_signatures, 0);
}

static void test_bucket(void **state)
{
    struct bench *bench = *state;
    bench->connection.canned_acl = 2;
    assert_int_equal(create(bench, CDN_S3, "s3://bucket1/live/news", NULL), 0);
    start(bench, put_text("news.m3u8", "#EXTM3U"));
    assert_int_equal(finish(bench)->outcome, TRANSFER_OK);
    struct fake_object *object = fake_s3_find(bench->s3, "/bucket1/live/news.m3u8");
    assert_non_null(object);
    assert_string_equal(object->body, "#EXTM3U");
    assert_string_equal(origin_header(object->head, "Content-Type"), "application/vnd.apple.mpegurl");
    assert_string_equal(origin_header(object->head, "Content-Encoding"), "gzip");
    assert_string_equal(origin_header(object->head, "Cache-Control"), "no-cache");
    assert_string_equal(origin_header(object->head, "x-amz-acl"), "bucket-owner-full-control");
    start(bench, (struct store_request){ .method = STORE_DELETE, .name = "news.m3u8" });
    assert_int_equal(finish(bench)->outcome, TRANSFER_OK);
    assert_null(fake_s3_find(bench->s3, "/bucket1/live/news.m3u8"));
    assert_non_null(store_s3_client(bench->store));
}

static void test_container(void **state)
{
    struct bench *bench = *state;
    char url[128];
    bench->s3->service = "mediastore";
    bench->s3->region = "eu-west-1";
    bench->destination.endpoint[0] = '\0';
    strcpy(bench->destination.region, "eu-west-1");
    snprintf(url, sizeof url, "http://127.0.0.1:%u/live/news", bench->s3->origin->port);
    assert_int_equal(create(bench, CDN_MEDIASTORE, url, NULL), 0);
    start(bench, put_text("news.m3u8", "#EXTM3U"));
    assert_int_equal(finish(bench)->outcome, TRANSFER_OK);
    struct fake_object *object = fake_s3_find(bench->s3, "/live/news.m3u8");
    assert_non_null(object);
    assert_string_equal(origin_header(object->head, "x-amz-storage-class"), "TEMPORAL");
    assert_string_equal(origin_header(object->head, "x-amz-upload-availability"), "STANDARD");
    assert_null(origin_header(object->head, "x-amz-acl"));
    start(bench, put_text("news+1.m3u8", "#EXTM3U"));
    assert_int_equal(finish(bench)->outcome, TRANSFER_REFUSED);
    start(bench, put_file(bench, (25 << 20) + 1));
    assert_int_equal(finish(bench)->outcome, TRANSFER_REFUSED);
    assert_string_equal(bench->result.text, "a container takes files of 25 MB at most");
    start(bench, put_text("news+1.m3u8", "#EXTM3U"));
    store_cancel(bench->store, bench->task); /* before the refusal was told */
    start(bench, put_file(bench, 1000));
    assert_int_equal(finish(bench)->outcome, TRANSFER_OK);
    check_file(bench, "/live/news.000000.m2ts", 1000);
    assert_null(store_s3_client(bench->store));
}

static void test_small_file_is_one_request(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(create(bench, CDN_S3, "s3://bucket1/news", NULL), 0);
    start(bench, put_file(bench, 100000));
    assert_int_equal(finish(bench)->outcome, TRANSFER_OK);
    check_file(bench, "/bucket1/news.000000.m2ts", 100000);
    assert_int_equal(bench->s3->origin->request_count, 1);
    struct store_request longer = put_file(bench, 1000);
    longer.bytes = 2000; /* than the file is */
    start(bench, longer);
    assert_int_equal(finish(bench)->outcome, TRANSFER_REFUSED);
}

static void test_large_file_goes_on_after_a_failure(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(create(bench, CDN_S3, "s3://bucket1/archive/news", NULL), 0);
    bench->s3->faults[0] = (struct fake_fault){ .times = 1, .status = 503, .code = "SlowDown", .only = "partNumber=2" };
    start(bench, put_file(bench, LARGE_BYTES));
    assert_int_equal(finish(bench)->outcome, TRANSFER_FAILED);
    assert_string_equal(bench->result.text, "503 SlowDown: said the fake");
    assert_null(fake_s3_find(bench->s3, "/bucket1/archive/news.000000.m2ts")); /* not before it is whole */
    unsigned before = origin_count(bench->s3->origin, "PUT", "partNumber=1", 200);
    start(bench, put_file(bench, LARGE_BYTES));
    assert_int_equal(finish(bench)->outcome, TRANSFER_OK);
    check_file(bench, "/bucket1/archive/news.000000.m2ts", LARGE_BYTES);
    assert_int_equal(bench->s3->uploads, 1);
    assert_true(origin_count(bench->s3->origin, "PUT", "partNumber=1", 200) <= (before ? before : 1));
}

static void turn_until(struct bench *bench, const unsigned *what, unsigned want)
{
    for (unsigned turns = 0; *what < want && turns < 500; turns++)
        loop_turn(bench->loop, 20);
    assert_int_equal(*what, want);
}

static bool is_noted(struct bench *bench)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", bench->spool, bookmark);
    return access(path, F_OK) == 0;
}

static struct store_request put_noted(struct bench *bench, size_t bytes)
{
    struct store_request request = put_file(bench, bytes);
    request.bookmark = bookmark;
    return request;
}

/* Until the second part fails, the first is there and this is noted; then the store is destroyed, as a kill does it. */
static void send_half(struct bench *bench)
{
    assert_int_equal(create(bench, CDN_S3, "s3://bucket1/archive/news", NULL), 0);
    bench->s3->faults[0] =
        (struct fake_fault){ .times = 1000, .status = 503, .code = "SlowDown", .only = "partNumber=2" };
    start(bench, put_noted(bench, LARGE_BYTES));
    assert_int_equal(finish(bench)->outcome, TRANSFER_FAILED);
    for (unsigned turns = 0; !origin_count(bench->s3->origin, "PUT", "partNumber=1", 200) && turns < 500; turns++)
        loop_turn(bench->loop, 20);
    loop_turn(bench->loop, 20); /* its answer */
    store_destroy(bench->store);
    bench->s3->faults[0].times = 0;
    assert_true(is_noted(bench));
    assert_int_equal(create(bench, CDN_S3, "s3://bucket1/archive/news", NULL), 0);
}

static void test_large_file_goes_on_in_a_later_life(void **state)
{
    struct bench *bench = *state;
    send_half(bench);
    start(bench, put_noted(bench, LARGE_BYTES));
    assert_int_equal(finish(bench)->outcome, TRANSFER_OK);
    check_file(bench, "/bucket1/archive/news.000000.m2ts", LARGE_BYTES);
    assert_int_equal(bench->s3->uploads, 1);
    assert_int_equal(origin_count(bench->s3->origin, "PUT", "partNumber=1", 200), 1);
    /* killed before its owner noticed: nothing is sent again, for the object is there */
    store_destroy(bench->store);
    assert_int_equal(create(bench, CDN_S3, "s3://bucket1/archive/news", NULL), 0);
    unsigned before = origin_count(bench->s3->origin, "PUT", "", 200);
    start(bench, put_noted(bench, LARGE_BYTES));
    assert_int_equal(finish(bench)->outcome, TRANSFER_OK);
    assert_int_equal(origin_count(bench->s3->origin, "PUT", "", 200), before);
    assert_int_equal(bench->s3->uploads, 1);
}

static void test_bookmark_of_another_length(void **state)
{
    struct bench *bench = *state;
    send_half(bench);
    start(bench, put_noted(bench, LARGE_BYTES + 1));
    assert_int_equal(finish(bench)->outcome, TRANSFER_OK);
    check_file(bench, "/bucket1/archive/news.000000.m2ts", LARGE_BYTES + 1);
    assert_int_equal(bench->s3->aborted, 1);
    assert_int_equal(bench->s3->uploads, 2);
}

/* It may write, and not abort: what is left over is for the bucket's rules. */
static void test_upload_that_cannot_be_aborted(void **state)
{
    struct bench *bench = *state;
    send_half(bench);
    bench->s3->faults[0] =
        (struct fake_fault){ .times = 4, .status = 403, .code = "AccessDenied", .only = "?uploadId=" };
    enum transfer_outcome outcome = TRANSFER_FAILED;
    for (unsigned tries = 0; tries < 8 && outcome != TRANSFER_OK; tries++) {
        start(bench, put_noted(bench, LARGE_BYTES + 1));
        outcome = finish(bench)->outcome;
    }
    assert_int_equal(outcome, TRANSFER_OK);
    check_file(bench, "/bucket1/archive/news.000000.m2ts", LARGE_BYTES + 1);
}

static void test_damaged_bookmark(void **state)
{
    struct bench *bench = *state;
    static const char *const texts[] = {
        "{",
        "{}",
        "{\"version\": 1, \"bytes\": 8388708, \"part_bytes\": 8388608}",
        "{\"version\": 1, \"bytes\": 8388708, \"part_bytes\": 8388608, \"upload\": {\"key\": \"x\", \"parts\": [7]}}",
    };
    assert_int_equal(create(bench, CDN_S3, "s3://bucket1/archive/news", NULL), 0);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(spool_write(bench->spool, bookmark, texts[i], strlen(texts[i]), SPOOL_FAST, NULL), 0);
        start(bench, put_noted(bench, LARGE_BYTES));
        assert_int_equal(finish(bench)->outcome, TRANSFER_OK);
        assert_int_equal(bench->s3->uploads, i + 1);
        check_file(bench, "/bucket1/archive/news.000000.m2ts", LARGE_BYTES);
    }
}

static void test_what_is_left_of_a_file_that_is_gone(void **state)
{
    struct bench *bench = *state;
    send_half(bench);
    assert_true(store_forget(bench->store, NULL, bookmark));
    assert_true(store_forget(bench->store, NULL, bookmark)); /* once is enough */
    turn_until(bench, &bench->s3->aborted, 1);
    for (unsigned turns = 0; is_noted(bench) && turns < 500; turns++)
        loop_turn(bench->loop, 20);
    assert_false(is_noted(bench));
    assert_int_equal(spool_write(bench->spool, bookmark, "{", 1, SPOOL_FAST, NULL), 0);
    assert_true(store_forget(bench->store, NULL, bookmark)); /* of no use to anybody */
    for (unsigned turns = 0; is_noted(bench) && turns < 500; turns++)
        loop_turn(bench->loop, 20);
    assert_false(is_noted(bench));
    assert_int_equal(bench->s3->aborted, 1);
}

static void test_large_file_is_given_up(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(create(bench, CDN_S3, "s3://bucket1/archive/news", NULL), 0);
    bench->s3->faults[0] =
        (struct fake_fault){ .times = 1, .status = 500, .code = "InternalError", .only = "partNumber=1" };
    start(bench, put_file(bench, LARGE_BYTES));
    assert_int_equal(finish(bench)->outcome, TRANSFER_FAILED);
    start(bench, put_file(bench, LARGE_BYTES));
    store_cancel(bench->store, bench->task);
    assert_true(store_forget(bench->store, "news.000000.m2ts", NULL));
    turn_until(bench, &bench->s3->aborted, 1);
    assert_null(fake_s3_find(bench->s3, "/bucket1/archive/news.000000.m2ts"));
}

static void test_upload_that_the_store_forgot(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(create(bench, CDN_S3, "s3://bucket1/archive/news", NULL), 0);
    bench->s3->faults[0] =
        (struct fake_fault){ .times = 1, .status = 404, .code = "NoSuchUpload", .only = "partNumber=2" };
    start(bench, put_file(bench, LARGE_BYTES));
    assert_int_equal(finish(bench)->outcome, TRANSFER_FAILED);
    start(bench, put_file(bench, LARGE_BYTES)); /* begun anew */
    assert_int_equal(finish(bench)->outcome, TRANSFER_OK);
    check_file(bench, "/bucket1/archive/news.000000.m2ts", LARGE_BYTES);
    assert_int_equal(bench->s3->uploads, 2);
}

static void test_overload_wishes_for_a_pause(void **state)
{
    struct bench *bench = *state;
    unsigned pauses = 0;
    assert_int_equal(create(bench, CDN_S3, "s3://bucket1/news", NULL), 0);
    bench->s3->faults[0] = (struct fake_fault){ .times = 8, .status = 503, .code = "SlowDown" };
    for (unsigned i = 0; i < 8; i++) {
        start(bench, put_text("a", "b"));
        pauses += finish(bench)->pause_ms > 0;
    }
    assert_true(pauses >= 6); /* they are random */
    start(bench, put_text("a", "b"));
    assert_int_equal(finish(bench)->pause_ms, 0);
}

static void test_configurations(void **state)
{
    struct bench *bench = *state;
    static const struct {
        unsigned cdn;
        const char *url, *endpoint, *credentials;
        bool unsigned_payload;
        const char *fault; /* the beginning; NULL: none */
    } rows[] = {
        { CDN_S3, "s3://bucket1/live/news", "", "keys", false, NULL },
        { CDN_S3, "s3ssl://bucket1/live/news", "", "keys", true, NULL },
        { CDN_S3, "s3://bucket1/live/news", "http://10.0.0.1:7480", "keys", false, NULL },
        { CDN_S3, "s3://bucket1/live/news", "http://10.0.0.1:7480", "keys", true, "is reached over http" },
        { CDN_S3, "s3://bucket1/live/news", "", "", false, "needs credentials" },
        { CDN_S3, "https://bucket1/live/news", "", "keys", false, "must be like s3://" },
        { CDN_S3, "s3://Bucket1/live/news", "", "keys", false, "has a bucket name" },
        { CDN_S3, "s3://bucket1/live/", "", "keys", false, "must not end in a slash" },
        { CDN_S3, "s3://bucket1", "", "keys", false, "needs a path" },
        { CDN_S3, "s3://bucket1/a", "10.0.0.1", "keys", false, "has an endpoint" },
        { CDN_MEDIASTORE, "https://a.data.mediastore.eu-west-1.amazonaws.com/live/news", "", "keys", false, NULL },
        { CDN_MEDIASTORE, "https://a.example/live/$dt$/news", "", "keys", false, NULL },
        { CDN_MEDIASTORE, "https://a.example/live//news", "", "keys", false, "must not hold an empty folder" },
        { CDN_MEDIASTORE, "https://a.example/live/new+s", "", "keys", false, "has a path with a character" },
        { CDN_MEDIASTORE, "https://a.example/news", "http://b", "keys", false, "is the container's already" },
        { CDN_MEDIASTORE, "s3://a/news", "", "keys", false, "must start with http" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(bench->destination.url, sizeof bench->destination.url, "%s", rows[i].url);
        snprintf(bench->destination.endpoint, sizeof bench->destination.endpoint, "%s", rows[i].endpoint);
        snprintf(bench->destination.credentials, sizeof bench->destination.credentials, "%s", rows[i].credentials);
        bench->connection.unsigned_payload = rows[i].unsigned_payload;
        const char *fault = store_class_of(rows[i].cdn)->fault(&bench->destination, &bench->connection);
        if (!rows[i].fault != !fault || (fault && strncmp(fault, rows[i].fault, strlen(rows[i].fault)) != 0))
            fail_msg("%s %s: %s", rows[i].url, rows[i].endpoint, fault ? fault : "no fault");
    }
    bench->credential.user[0] = '\0';
    struct error err = { 0 };
    assert_int_equal(create(bench, CDN_S3, "s3://bucket1/news", &err), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(test_bucket),
        T(test_container),
        T(test_small_file_is_one_request),
        T(test_large_file_goes_on_after_a_failure),
        T(test_large_file_goes_on_in_a_later_life),
        T(test_bookmark_of_another_length),
        T(test_upload_that_cannot_be_aborted),
        T(test_damaged_bookmark),
        T(test_what_is_left_of_a_file_that_is_gone),
        T(test_large_file_is_given_up),
        T(test_upload_that_the_store_forgot),
        T(test_overload_wishes_for_a_pause),
        T(test_configurations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
