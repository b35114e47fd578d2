/* SPDX-License-Identifier: GPL-2.0-or-later */
/* s3_client_test.c - signing with steps of the clock, redirects, refusals in words, pauses. */
#include "mgmt/s3_client.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "board/error.h"
#include "board/log.h"
#include "tests/mgmt/fake_s3.h"

#define HOUR (3600 * NS_PER_S)

struct bench {
    struct loop *loop;
    struct fake_clock clock;       /* the box's */
    struct fake_clock store_clock; /* the store's */
    struct transfer_engine *engine;
    struct fake_s3 *s3;
    struct s3_client *client;
    struct s3_call *call;
    struct s3_result result;
    unsigned done;
    char endpoint[64];
};

static void on_done(void *context, const struct s3_result *result)
{
    struct bench *bench = context;
    bench->result = *result;
    bench->done++;
}

static void make_client(struct bench *bench, const char *secret)
{
    struct error err = { 0 };
    snprintf(bench->endpoint, sizeof bench->endpoint, "http://127.0.0.1:%u", bench->s3->origin->port);
    const struct s3_client_config config = {
        .place = { S3_SERVICE_S3, "s3://bucket1/live/news", bench->endpoint, "" },
        .identity = { "AKID", secret, NULL },
        .engine = bench->engine,
        .loop = bench->loop,
        .clock = &bench->clock.clock,
    };
    s3_client_destroy(bench->client);
    assert_int_equal(s3_client_create(&bench->client, &config, &err), 0);
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    *state = bench;
    bench->clock = fake_clock_at(UINT64_C(1700000000) * NS_PER_S);
    bench->store_clock = bench->clock;
    assert_int_equal(loop_create(&bench->loop, NULL), 0);
    assert_int_equal(transfer_engine_create(&bench->engine, bench->loop, &bench->clock.clock, NULL), 0);
    bench->s3 = fake_s3_create(bench->loop);
    bench->s3->clock = &bench->store_clock.clock;
    make_client(bench, "very-secret");
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    s3_client_destroy(bench->client);
    transfer_engine_destroy(bench->engine);
    fake_s3_destroy(bench->s3);
    loop_destroy(bench->loop);
    free(bench);
    return 0;
}

static const struct s3_result *send_request(struct bench *bench, enum transfer_method method, const char *key)
{
    static const struct sigv4_pair acl[] = { { "x-amz-acl", "public-read" } };
    const struct s3_request request = {
        .method = method,
        .key = key,
        .headers = acl,
        .header_count = method == TRANSFER_PUT,
        .content_type = method == TRANSFER_PUT ? "video/mp2t" : NULL,
        .cache_control = method == TRANSFER_PUT ? "max-age=2" : NULL,
        .body = method == TRANSFER_PUT ? "body" : NULL,
        .bytes = method == TRANSFER_PUT ? 4 : 0,
        .done = on_done,
        .context = bench,
    };
    struct error err = { 0 };
    unsigned before = bench->done;
    assert_int_equal(s3_client_start(bench->client, &request, &bench->call, &err), 0);
    for (unsigned turns = 0; bench->done == before && turns < 200; turns++)
        loop_turn(bench->loop, 50);
    assert_int_equal(bench->done, before + 1);
    return &bench->result;
}

static const struct s3_result *put(struct bench *bench)
{
    return send_request(bench, TRANSFER_PUT, "live/news 1+.ts");
}

static void test_object_and_its_headers(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(put(bench)->transfer.outcome, TRANSFER_OK);
    struct fake_object *object = fake_s3_find(bench->s3, "/bucket1/live/news%201%2B.ts");
    assert_non_null(object);
    assert_string_equal(object->body, "body");
    assert_string_equal(origin_header(object->head, "Content-Type"), "video/mp2t");
    assert_string_equal(origin_header(object->head, "Cache-Control"), "max-age=2");
    assert_string_equal(origin_header(object->head, "x-amz-acl"), "public-read");
    assert_string_equal(origin_header(object->head, "Content-Length"), "4");
    assert_null(origin_header(object->head, "Transfer-Encoding"));
    assert_null(origin_header(object->head, "Expect"));
    assert_string_equal(bench->result.etag, object->etag);
    assert_int_equal(send_request(bench, TRANSFER_HEAD, "live/news 1+.ts")->transfer.outcome, TRANSFER_OK);
    assert_int_equal(send_request(bench, TRANSFER_DELETE, "live/news 1+.ts")->transfer.outcome, TRANSFER_OK);
    assert_int_equal(send_request(bench, TRANSFER_HEAD, "live/news 1+.ts")->transfer.status, 404);
    assert_int_equal(send_request(bench, TRANSFER_DELETE, "never there")->transfer.outcome, TRANSFER_OK);
    assert_int_equal(bench->s3->refused_signatures, 0);
}

/* The box's clock is stepped by an operator, or was never right: each try is signed with what the store's clock says.
 */
static void test_steps_of_the_clock(void **state)
{
    struct bench *bench = *state;
    static const int64_t steps_s[] = { 7200, -86400, 600, 0, 840, -840, 100, 0 };
    unsigned refused = 0;
    for (size_t i = 0; i < sizeof steps_s / sizeof steps_s[0]; i++) {
        bench->clock.utc_ns = (uint64_t)((int64_t)bench->store_clock.utc_ns + steps_s[i] * (int64_t)NS_PER_S);
        assert_int_equal(put(bench)->transfer.outcome, TRANSFER_OK);
        assert_true(bench->s3->refused_times <= refused + 1);
        refused = bench->s3->refused_times;
        assert_int_equal(put(bench)->transfer.outcome, TRANSFER_OK);
        assert_int_equal(bench->s3->refused_times, refused); /* learnt */
        int64_t offset_s = s3_client_clock_offset_ns(bench->client) / (int64_t)NS_PER_S;
        bool large = steps_s[i] > 300 || steps_s[i] < -300;
        assert_int_equal(offset_s, large ? -steps_s[i] : offset_s);
        if (steps_s[i] == 0)
            assert_int_equal(offset_s, 0);
    }
    assert_int_equal(bench->s3->refused_signatures, 0);
}

/* Midnight passes between two tries: another day's key. */
static void test_midnight(void **state)
{
    struct bench *bench = *state;
    bench->store_clock.utc_ns = bench->clock.utc_ns = UINT64_C(1700006399) * NS_PER_S; /* 23:59:59 */
    assert_int_equal(put(bench)->transfer.outcome, TRANSFER_OK);
    fake_clock_advance(&bench->clock, 2 * NS_PER_S);
    fake_clock_advance(&bench->store_clock, 2 * NS_PER_S);
    assert_int_equal(put(bench)->transfer.outcome, TRANSFER_OK);
    assert_int_equal(bench->s3->refused_signatures, 0);
}

static void test_other_region_is_followed_and_remembered(void **state)
{
    struct bench *bench = *state;
    bench->s3->region = "eu-west-1";
    assert_int_equal(put(bench)->transfer.outcome, TRANSFER_OK);
    assert_int_equal(bench->s3->origin->request_count, 2);
    assert_int_equal(put(bench)->transfer.outcome, TRANSFER_OK);
    assert_int_equal(bench->s3->origin->request_count, 3);
    /* led where it is not: once only in one request, and the next finds back */
    bench->s3->faults[0] = (struct fake_fault){
        .times = 1, .status = 301, .code = "PermanentRedirect", .headers = "x-amz-bucket-region: eu-north-1\r\n"
    };
    assert_int_equal(put(bench)->transfer.outcome, TRANSFER_FAILED);
    assert_string_equal(s3_client_address(bench->client)->region, "eu-north-1");
    assert_int_equal(put(bench)->transfer.outcome, TRANSFER_OK);
    assert_string_equal(s3_client_address(bench->client)->region, "eu-west-1");
    assert_int_equal(s3_client_counters(bench->client).redirects, 3);
}

static void test_other_address(void **state)
{
    struct bench *bench = *state;
    struct fake_s3 *other = fake_s3_create(bench->loop);
    char location[128];
    other->clock = &bench->store_clock.clock;
    snprintf(location, sizeof location, "Location: http://127.0.0.1:%u/bucket1/x\r\n", other->origin->port);
    bench->s3->faults[0] =
        (struct fake_fault){ .times = 9, .status = 307, .code = "TemporaryRedirect", .headers = location };
    assert_int_equal(put(bench)->transfer.outcome, TRANSFER_OK);
    assert_int_equal(put(bench)->transfer.outcome, TRANSFER_OK);
    assert_int_equal(bench->s3->origin->request_count, 1);
    assert_int_equal(other->origin->request_count, 2);
    other->faults[0] = bench->s3->faults[0]; /* to itself */
    assert_int_equal(put(bench)->transfer.outcome, TRANSFER_FAILED);
    assert_int_equal(other->origin->request_count, 3);
    fake_s3_destroy(other);
}

static void test_refusals(void **state)
{
    struct bench *bench = *state;
    static const struct {
        int status;
        const char *code;
        enum transfer_outcome outcome;
        const char *text;
        bool pause;
    } rows[] = {
        { 403, "AccessDenied", TRANSFER_UNAUTHORIZED, "403 AccessDenied: said the fake", false },
        { 400, "ExpiredToken", TRANSFER_UNAUTHORIZED, "400 ExpiredToken: said the fake", false },
        { 404, "NoSuchBucket", TRANSFER_FAILED, "404 NoSuchBucket: said the fake", false },
        { 412, "PreconditionFailed", TRANSFER_FAILED, "412 PreconditionFailed: said the fake", false },
        { 400, "XAmzContentSHA256Mismatch", TRANSFER_FAILED, "400 XAmzContentSHA256Mismatch: said the fake", false },
        { 400, "AccessControlListNotSupported", TRANSFER_FAILED, "400 AccessControlListNotSupported: said the fake",
          false },
        { 400, "EntityTooLarge", TRANSFER_REFUSED, "400 EntityTooLarge: said the fake", false },
        { 429, "TooManyRequests", TRANSFER_FAILED, "429 TooManyRequests: said the fake", true },
        { 500, "InternalError", TRANSFER_FAILED, "500 InternalError: said the fake", true },
        { 503, "SlowDown", TRANSFER_FAILED, "503 SlowDown: said the fake", true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bench->s3->faults[0] = (struct fake_fault){ .times = 1, .status = rows[i].status, .code = rows[i].code };
        const struct s3_result *result = put(bench);
        assert_string_equal(result->transfer.text, rows[i].text);
        assert_int_equal(result->transfer.outcome, rows[i].outcome);
        assert_true(rows[i].pause || result->wait_ms == 0);
        assert_int_equal(bench->s3->origin->request_count, i + 1); /* no second try of its own */
    }
    bench->s3->faults[0] = (struct fake_fault){ .times = 1, .status = 404, .code = "NoSuchBucket" };
    assert_int_equal(send_request(bench, TRANSFER_DELETE, "x")->transfer.outcome, TRANSFER_FAILED);
}

static void test_wrong_secret_is_told_and_not_shown(void **state)
{
    struct bench *bench = *state;
    make_client(bench, "wrong-secret");
    const struct s3_result *result = put(bench);
    assert_int_equal(result->transfer.outcome, TRANSFER_UNAUTHORIZED);
    assert_string_equal(result->transfer.text, "403 SignatureDoesNotMatch: said the fake");
    assert_null(strstr(bench->s3->origin->requests[0].head, "wrong-secret"));
}

static void test_pauses_grow_and_differ(void **state)
{
    struct bench *bench = *state;
    unsigned largest[8] = { 0 }, smallest[8];
    for (unsigned tries = 0; tries < 8; tries++) {
        smallest[tries] = UINT32_MAX;
        for (unsigned i = 0; i < 2000; i++) {
            unsigned pause = s3_client_backoff_ms(bench->client, tries);
            largest[tries] = pause > largest[tries] ? pause : largest[tries];
            smallest[tries] = pause < smallest[tries] ? pause : smallest[tries];
        }
        unsigned bound = tries < 5 ? 500u << tries : 15000;
        assert_in_range(largest[tries], bound * 9 / 10, bound);
        assert_in_range(smallest[tries], 0, bound / 10);
    }
}

static void test_bad_configurations(void **state)
{
    struct bench *bench = *state;
    struct s3_client *client = NULL;
    struct error err = { 0 };
    struct s3_client_config config = {
        .place = { S3_SERVICE_S3, "s3://bucket1/x", bench->endpoint, "" },
        .identity = { "AKID", "secret-word", NULL },
        .unsigned_payload = true,
        .engine = bench->engine,
        .loop = bench->loop,
        .clock = &bench->clock.clock,
    };
    assert_int_equal(s3_client_create(&client, &config, &err), -EINVAL);
    config.unsigned_payload = false;
    config.identity.access_key = "";
    assert_int_equal(s3_client_create(&client, &config, &err), -EINVAL);
    assert_null(strstr(err.text, "secret-word"));
    config.identity.access_key = "AKID";
    config.place.url = "s3://Bucket/x";
    assert_int_equal(s3_client_create(&client, &config, &err), -EINVAL);
}

static void test_cancelling(void **state)
{
    struct bench *bench = *state;
    bench->s3->origin->behaviour = ORIGIN_HANG;
    const struct s3_request request = { .method = TRANSFER_GET, .key = "x", .done = on_done, .context = bench };
    struct s3_call *calls[4];
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(s3_client_start(bench->client, &request, &calls[i], NULL), 0);
    assert_int_equal(s3_client_start(bench->client, &request, &bench->call, NULL), -EBUSY);
    s3_client_cancel(calls[1]);
    s3_client_cancel(calls[0]);
    assert_int_equal(s3_client_free(bench->client), 2);
    assert_int_equal(s3_client_start(bench->client, &request, &calls[0], NULL), 0);
    assert_int_equal(bench->done, 0); /* and the rest goes with the client */
}

/* A large body is hashed elsewhere, and a connection is kept for it meanwhile; who cancels has its memory back. */
static void test_large_body(void **state)
{
    enum { BYTES = 4 << 20 };
    struct bench *bench = *state;
    struct s3_call *other;
    char *body = malloc(BYTES);
    memset(body, 'x', BYTES);
    const struct s3_request request = {
        .method = TRANSFER_PUT, .key = "live/large.ts", .body = body, .bytes = BYTES, .done = on_done, .context = bench
    };
    unsigned connections = s3_client_free(bench->client);
    assert_int_equal(s3_client_start(bench->client, &request, &bench->call, NULL), 0);
    assert_int_equal(s3_client_start(bench->client, &request, &other, NULL), 0);
    assert_int_equal(s3_client_free(bench->client), connections - 2);
    s3_client_cancel(other);
    assert_int_equal(s3_client_free(bench->client), connections - 1);
    for (unsigned turns = 0; !bench->done && turns < 500; turns++)
        loop_turn(bench->loop, 20);
    assert_int_equal(bench->done, 1);
    assert_int_equal(bench->result.transfer.outcome, TRANSFER_OK);
    assert_int_equal(bench->s3->refused_signatures, 0);
    assert_int_equal(fake_s3_find(bench->s3, "/bucket1/live/large.ts")->bytes, BYTES);
    assert_int_equal(s3_client_start(bench->client, &request, &bench->call, NULL), 0);
    make_client(bench, "very-secret"); /* the old one goes meanwhile */
    free(body);                        /* the address sanitizer sees it, should the thread still be at it */
    assert_int_equal(bench->done, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(test_object_and_its_headers),
        T(test_steps_of_the_clock),
        T(test_midnight),
        T(test_other_region_is_followed_and_remembered),
        T(test_other_address),
        T(test_refusals),
        T(test_wrong_secret_is_told_and_not_shown),
        T(test_pauses_grow_and_differ),
        T(test_bad_configurations),
        T(test_cancelling),
        cmocka_unit_test_setup_teardown(test_large_body, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
