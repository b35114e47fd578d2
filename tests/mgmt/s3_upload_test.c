/* SPDX-License-Identifier: GPL-2.0-or-later */
/* s3_upload_test.c - objects in parts: faults at every step, answers that got lost, and going on after a restart. */
#include "mgmt/s3_upload.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "board/error.h"
#include "board/log.h"
#include "mgmt/s3_client.h"
#include "tests/mgmt/fake_s3.h"

enum { PARTS = 3, PART_BYTES = 20000, LAST_BYTES = 1000 };

struct bench {
    struct loop *loop;
    struct clock clock;
    struct transfer_engine *engine;
    struct fake_s3 *s3;
    struct s3_client *client;
    struct s3_upload *upload;
    char *data[PARTS];
    unsigned opened, parts_done, completed, aborted, troubled, lost;
    char trouble[256];
    size_t min; /* of a part */
    bool destroy_in_callback;
};

static void on_opened(void *context)
{
    ((struct bench *)context)->opened++;
}

static void on_part_done(void *context, unsigned number, const void *data)
{
    struct bench *bench = context;
    assert_ptr_equal(data, bench->data[number - 1]);
    bench->parts_done++;
}

static void on_completed(void *context)
{
    struct bench *bench = context;
    bench->completed++;
    if (bench->destroy_in_callback) {
        s3_upload_destroy(bench->upload);
        bench->upload = NULL;
    }
}

static void on_aborted(void *context)
{
    ((struct bench *)context)->aborted++;
}

static void on_troubled(void *context, const struct s3_result *result, unsigned tries)
{
    struct bench *bench = context;
    assert_true(tries >= 1);
    bench->troubled++;
    snprintf(bench->trouble, sizeof bench->trouble, "%s", result->transfer.text);
}

static void on_lost(void *context, const struct s3_result *result)
{
    (void)result;
    ((struct bench *)context)->lost++;
}

static size_t bytes_of(unsigned number)
{
    return number == PARTS ? LAST_BYTES : PART_BYTES;
}

static int create(struct bench *bench, const json_t *saved)
{
    const struct s3_upload_config config = {
        .client = bench->client,
        .key = "archive/news.000000.m2ts",
        .content_type = "video/m2ts",
        .canned_acl = "bucket-owner-full-control",
        .part_bytes_min = bench->min,
        .loop = bench->loop,
        .clock = &bench->clock,
        .callbacks = { on_opened, on_part_done, on_completed, on_aborted, on_troubled, on_lost },
        .context = bench,
    };
    return s3_upload_create(&bench->upload, &config, saved, NULL);
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    char endpoint[64];
    *state = bench;
    bench->clock = clock_real();
    bench->min = PART_BYTES;
    assert_int_equal(loop_create(&bench->loop, NULL), 0);
    assert_int_equal(transfer_engine_create(&bench->engine, bench->loop, &bench->clock, NULL), 0);
    bench->s3 = fake_s3_create(bench->loop);
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%u", bench->s3->origin->port);
    const struct s3_client_config config = {
        .place = { S3_SERVICE_S3, "s3://bucket1/archive/news", endpoint, "" },
        .identity = { "AKID", "very-secret", NULL },
        .pause_ms = 1,
        .engine = bench->engine,
        .loop = bench->loop,
        .clock = &bench->clock,
    };
    assert_int_equal(s3_client_create(&bench->client, &config, NULL), 0);
    for (unsigned i = 0; i < PARTS; i++) {
        bench->data[i] = malloc(bytes_of(i + 1));
        memset(bench->data[i], 'a' + (int)i, bytes_of(i + 1));
    }
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    s3_upload_destroy(bench->upload);
    s3_client_destroy(bench->client);
    transfer_engine_destroy(bench->engine);
    fake_s3_destroy(bench->s3);
    loop_destroy(bench->loop);
    for (unsigned i = 0; i < PARTS; i++)
        free(bench->data[i]);
    free(bench);
    return 0;
}

/* Turns the loop until *what is `want`. */
static void wait_for(struct bench *bench, const unsigned *what, unsigned want)
{
    for (unsigned turns = 0; *what < want && turns < 5000; turns++)
        loop_turn(bench->loop, 20);
    assert_int_equal(*what, want);
}

static void put_parts(struct bench *bench, unsigned first, unsigned last)
{
    for (unsigned number = first; number <= last; number++)
        assert_int_equal(s3_upload_part(bench->upload, number, bench->data[number - 1], bytes_of(number), NULL), 0);
}

static void check_object(struct bench *bench)
{
    struct fake_object *object = fake_s3_find(bench->s3, "/bucket1/archive/news.000000.m2ts");
    assert_non_null(object);
    assert_int_equal(object->bytes, 2 * PART_BYTES + LAST_BYTES);
    for (unsigned i = 0; i < PARTS; i++)
        assert_memory_equal(object->body + i * PART_BYTES, bench->data[i], bytes_of(i + 1));
    assert_int_equal(bench->s3->refused_signatures, 0);
}

static void complete(struct bench *bench)
{
    assert_int_equal(s3_upload_complete(bench->upload, NULL), 0);
    wait_for(bench, &bench->completed, 1);
    check_object(bench);
}

static void test_whole_way(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(create(bench, NULL), 0);
    assert_null(s3_upload_save(bench->upload));
    put_parts(bench, 1, PARTS); /* before it is open: they wait */
    assert_int_equal(s3_upload_waiting(bench->upload), PARTS);
    assert_int_equal(s3_upload_complete(bench->upload, NULL), -EBUSY);
    wait_for(bench, &bench->parts_done, PARTS);
    assert_int_equal(bench->opened, 1);
    assert_null(fake_s3_find(bench->s3, "/bucket1/archive/news.000000.m2ts")); /* not before it is complete */
    const char *head = bench->s3->origin->requests[0].head;
    assert_string_equal(origin_header(head, "Content-Type"), "video/m2ts");
    assert_string_equal(origin_header(head, "x-amz-acl"), "bucket-owner-full-control");
    bench->destroy_in_callback = true;
    complete(bench);
}

static void test_order_and_bounds(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(create(bench, NULL), 0);
    wait_for(bench, &bench->opened, 1);
    assert_int_equal(s3_upload_complete(bench->upload, NULL), -EINVAL);
    assert_int_equal(s3_upload_part(bench->upload, 0, "x", 1, NULL), -EINVAL);
    assert_int_equal(s3_upload_part(bench->upload, S3_PARTS_MAX + 1, "x", 1, NULL), -EINVAL);
    assert_int_equal(s3_upload_part(bench->upload, 1, "", 0, NULL), -EINVAL);
    put_parts(bench, 3, 3);
    wait_for(bench, &bench->parts_done, 1);
    assert_int_equal(s3_upload_complete(bench->upload, NULL), -EINVAL); /* 1 and 2 are missing */
    put_parts(bench, 2, 2);
    wait_for(bench, &bench->parts_done, 2);
    put_parts(bench, 1, 1);
    assert_int_equal(s3_upload_part(bench->upload, 1, "x", 1, NULL), -EBUSY);
    wait_for(bench, &bench->parts_done, 3);
    complete(bench);
    assert_int_equal(s3_upload_part(bench->upload, 4, "x", 1, NULL), -EBUSY);
}

static void test_small_part_in_the_middle(void **state)
{
    struct bench *bench = *state;
    bench->min = 0; /* S3's own */
    assert_int_equal(create(bench, NULL), 0);
    assert_int_equal(s3_upload_part(bench->upload, 1, bench->data[0], 1000, NULL), 0);
    put_parts(bench, 2, 2);
    wait_for(bench, &bench->parts_done, 2);
    struct error err = { 0 };
    assert_int_equal(s3_upload_complete(bench->upload, &err), -EINVAL);
    assert_non_null(strstr(err.text, "part 1 has less than 5242880 bytes"));
}

static void test_waiting_is_bounded(void **state)
{
    struct bench *bench = *state;
    bench->s3->origin->behaviour = ORIGIN_HANG;
    assert_int_equal(create(bench, NULL), 0);
    for (unsigned number = 1; number <= S3_UPLOAD_WAITING_MAX; number++)
        assert_int_equal(s3_upload_part(bench->upload, number, "x", 1, NULL), 0);
    assert_int_equal(s3_upload_part(bench->upload, 100, "x", 1, NULL), -ENOBUFS);
}

static void test_faults_at_every_step(void **state)
{
    struct bench *bench = *state;
    bench->s3->faults[0] = (struct fake_fault){ .times = 2, .status = 503, .code = "SlowDown", .only = "?uploads" };
    bench->s3->faults[1] =
        (struct fake_fault){ .times = 3, .status = 500, .code = "InternalError", .only = "partNumber=2" };
    /* behind a 200, as S3 does when joining fails after it had begun to answer */
    bench->s3->faults[2] =
        (struct fake_fault){ .times = 1, .status = 200, .code = "InternalError", .only = "?uploadId" };
    assert_int_equal(create(bench, NULL), 0);
    put_parts(bench, 1, PARTS);
    wait_for(bench, &bench->parts_done, PARTS);
    assert_int_equal(bench->troubled, 5);
    assert_string_equal(bench->trouble, "500 InternalError: said the fake");
    complete(bench);
    assert_int_equal(bench->troubled, 6);
    assert_int_equal(s3_upload_counters(bench->upload).part_retries, 3);
    assert_int_equal(s3_upload_counters(bench->upload).other_retries, 3);
}

/* The store joined the parts, and its answer never came: the next try finds no upload, but the object. */
static void test_answer_to_complete_is_lost(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(create(bench, NULL), 0);
    put_parts(bench, 1, PARTS);
    wait_for(bench, &bench->parts_done, PARTS);
    bench->s3->faults[0] =
        (struct fake_fault){ .times = 1, .status = 504, .code = "GatewayTimeout", .only = "?uploadId", .after = true };
    complete(bench);
    assert_int_equal(bench->lost, 0);
    assert_int_equal(origin_count(bench->s3->origin, "HEAD", "archive", 200), 1);
}

static void test_upload_is_gone(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(create(bench, NULL), 0);
    put_parts(bench, 1, 2);
    wait_for(bench, &bench->parts_done, 2);
    bench->s3->upload_id[0] = '\0'; /* a rule of the bucket ended it */
    put_parts(bench, 3, 3);
    wait_for(bench, &bench->lost, 1);
    assert_int_equal(bench->completed, 0);
}

static void test_abort(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(create(bench, NULL), 0);
    put_parts(bench, 1, 2);
    wait_for(bench, &bench->parts_done, 1);
    s3_upload_abort(bench->upload);
    assert_int_equal(s3_upload_waiting(bench->upload), 0);
    wait_for(bench, &bench->aborted, 1);
    assert_int_equal(bench->s3->aborted, 1);
    s3_upload_destroy(bench->upload);
    bench->s3->origin->behaviour = ORIGIN_HANG;
    assert_int_equal(create(bench, NULL), 0);
    s3_upload_abort(bench->upload); /* before the store knew of it */
    wait_for(bench, &bench->aborted, 2);
}

static void test_going_on_after_a_restart(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(create(bench, NULL), 0);
    put_parts(bench, 1, PARTS);
    wait_for(bench, &bench->parts_done, PARTS);
    json_t *saved = s3_upload_save(bench->upload);
    assert_non_null(saved);
    s3_upload_destroy(bench->upload);
    bench->s3->parts[2].etag[5] ^= 1; /* what lies there is not what was sent */
    assert_int_equal(create(bench, saved), 0);
    json_decref(saved);
    wait_for(bench, &bench->opened, 2);
    assert_true(s3_upload_has_part(bench->upload, 1));
    assert_false(s3_upload_has_part(bench->upload, 2));
    assert_true(s3_upload_has_part(bench->upload, 3));
    assert_int_equal(origin_count(bench->s3->origin, "GET", "part-number-marker", 200), 2); /* two parts an answer */
    put_parts(bench, 2, 2);
    wait_for(bench, &bench->parts_done, PARTS + 1);
    complete(bench);
    assert_int_equal(bench->s3->uploads, 1);
}

static void test_restart_after_it_was_completed(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(create(bench, NULL), 0);
    put_parts(bench, 1, PARTS);
    wait_for(bench, &bench->parts_done, PARTS);
    json_t *saved = s3_upload_save(bench->upload);
    complete(bench);
    s3_upload_destroy(bench->upload);
    assert_int_equal(create(bench, saved), 0);
    wait_for(bench, &bench->completed, 2);
    json_decref(saved);
}

static void test_saved_nonsense(void **state)
{
    struct bench *bench = *state;
    static const char *const texts[] = {
        "{}",
        "[]",
        "{\"key\": \"other\", \"upload_id\": \"x\", \"parts\": []}",
        "{\"key\": \"archive/news.000000.m2ts\", \"upload_id\": \"\", \"parts\": []}",
        "{\"key\": \"archive/news.000000.m2ts\", \"upload_id\": \"x\", \"parts\": [{\"number\": 0, \"bytes\": 1, "
        "\"etag\": \"a\"}]}",
        "{\"key\": \"archive/news.000000.m2ts\", \"upload_id\": \"x\", \"parts\": [{\"number\": 10001, \"bytes\": 1, "
        "\"etag\": \"a\"}]}",
        "{\"key\": \"archive/news.000000.m2ts\", \"upload_id\": \"x\", \"parts\": [7]}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_t *saved = json_loads(texts[i], 0, NULL);
        assert_non_null(saved);
        assert_int_equal(create(bench, saved), -EINVAL);
        json_decref(saved);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(test_whole_way),
        T(test_order_and_bounds),
        T(test_small_part_in_the_middle),
        T(test_waiting_is_bounded),
        T(test_faults_at_every_step),
        T(test_answer_to_complete_is_lost),
        T(test_upload_is_gone),
        T(test_abort),
        T(test_going_on_after_a_restart),
        T(test_restart_after_it_was_completed),
        T(test_saved_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
