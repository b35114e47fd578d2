/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transfer_test.c - requests on the wire, and what becomes of them. */
#include "mgmt/transfer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "board/clock.h"
#include "board/error.h"
#include "mgmt/credentials.h"
#include "tests/mgmt/fake_origin.h"

struct bench {
    struct loop *loop;
    struct clock clock;
    struct transfer_engine *engine;
    struct transfer_target *target;
    struct origin *origin;
    char url[64];
    unsigned done, failed;
    struct transfer_result result;
};

static void set_up(struct bench *bench)
{
    *bench = (struct bench){ .clock = clock_real() };
    assert_int_equal(loop_create(&bench->loop, NULL), 0);
    assert_int_equal(transfer_engine_create(&bench->engine, bench->loop, &bench->clock, NULL), 0);
    bench->origin = origin_create(bench->loop);
    snprintf(bench->url, sizeof bench->url, "http://127.0.0.1:%u/live/news", bench->origin->port);
}

static void open_target(struct bench *bench, const struct transfer_target_config *config)
{
    struct transfer_target_config complete = *config;
    complete.url = bench->url;
    assert_int_equal(transfer_target_create(&bench->target, bench->engine, &complete, NULL), 0);
}

static void tear_down(struct bench *bench)
{
    transfer_target_destroy(bench->target);
    transfer_engine_destroy(bench->engine);
    origin_destroy(bench->origin);
    loop_destroy(bench->loop);
}

static void on_done(void *context, const struct transfer_result *result)
{
    struct bench *bench = context;
    bench->done++;
    bench->failed += result->outcome != TRANSFER_OK;
    bench->result = *result;
}

static struct transfer *start(struct bench *bench, enum transfer_method method, const char *name, const void *body,
                              size_t bytes)
{
    char url[128];
    struct transfer *transfer = NULL;
    snprintf(url, sizeof url, "%s%s", bench->url, name);
    struct transfer_request request = { .method = method,
                                        .url = url,
                                        .content_type = method == TRANSFER_PUT ? "video/mp2t" : NULL,
                                        .cache_control = method == TRANSFER_PUT ? "max-age=5" : NULL,
                                        .body = body,
                                        .bytes = bytes,
                                        .done = on_done,
                                        .context = bench };
    assert_int_equal(transfer_start(bench->target, &request, &transfer, NULL), 0);
    return transfer;
}

/* Turns the loop until `done` results are there, or the time is over. */
static void run(struct bench *bench, unsigned done, unsigned timeout_ms)
{
    uint64_t end = clock_monotonic_ns(&bench->clock) + timeout_ms * NS_PER_MS;
    while (bench->done < done && clock_monotonic_ns(&bench->clock) < end)
        loop_turn(bench->loop, 10);
}

static void put_and_delete(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    open_target(&bench, &(struct transfer_target_config){ 0 });
    size_t bytes = 3000000;
    char *body = malloc(bytes);
    for (size_t i = 0; i < bytes; i++)
        body[i] = (char)(i * 7 + i / 1000);
    start(&bench, TRANSFER_PUT, "_1.ts", body, bytes);
    run(&bench, 1, 2000);
    assert_int_equal(bench.result.outcome, TRANSFER_OK);
    assert_int_equal(bench.result.status, 201);
    assert_true(bench.result.new_connection);
    struct origin_file *file = origin_find(bench.origin, "/live/news_1.ts");
    assert_non_null(file);
    assert_int_equal(file->bytes, bytes);
    assert_memory_equal(file->body, body, bytes);
    const char *head = bench.origin->requests[0].head;
    assert_string_equal(origin_header(head, "Content-Type"), "video/mp2t");
    assert_string_equal(origin_header(head, "Cache-Control"), "max-age=5");
    assert_string_equal(origin_header(head, "Content-Length"), "3000000");
    assert_null(origin_header(head, "Expect"));
    assert_null(origin_header(head, "Transfer-Encoding"));
    assert_null(origin_header(head, "Authorization"));

    start(&bench, TRANSFER_DELETE, "_1.ts", NULL, 0);
    run(&bench, 2, 2000);
    assert_int_equal(bench.result.outcome, TRANSFER_OK);
    assert_false(bench.result.new_connection);
    assert_null(origin_find(bench.origin, "/live/news_1.ts"));
    assert_int_equal(bench.origin->connections, 1);
    assert_string_equal(bench.origin->requests[1].method, "DELETE");
    assert_int_equal(bench.origin->requests[1].body_bytes, 0);
    bench.origin->behaviour = ORIGIN_STATUS;
    bench.origin->status = 404; /* what is gone is deleted */
    start(&bench, TRANSFER_DELETE, "_1.ts", NULL, 0);
    run(&bench, 3, 2000);
    assert_int_equal(bench.result.outcome, TRANSFER_OK);
    free(body);
    tear_down(&bench);
}

static void basic_goes_with_the_first_request(void **state)
{
    (void)state;
    struct bench bench;
    struct credential credential = { .name = "a", .user = "live", .password = "secret" };
    set_up(&bench);
    bench.origin->authorization = "Basic bGl2ZTpzZWNyZXQ=";
    open_target(&bench, &(struct transfer_target_config){ .credential = &credential });
    start(&bench, TRANSFER_PUT, "_1.ts", "abc", 3);
    run(&bench, 1, 2000);
    assert_int_equal(bench.result.outcome, TRANSFER_OK);
    assert_int_equal(bench.origin->request_count, 1);
    bench.origin->authorization = "Basic b3RoZXI6b3RoZXI=";
    start(&bench, TRANSFER_PUT, "_1.ts", "abc", 3);
    run(&bench, 2, 2000);
    assert_int_equal(bench.result.outcome, TRANSFER_UNAUTHORIZED);
    assert_string_equal(bench.result.text, "401 Unauthorized");
    tear_down(&bench);
}

static void digest_asks_once(void **state)
{
    (void)state;
    struct bench bench;
    struct credential credential = { .user = "live", .password = "secret", .scheme = CREDENTIAL_DIGEST };
    set_up(&bench);
    bench.origin->behaviour = ORIGIN_DIGEST;
    open_target(&bench, &(struct transfer_target_config){ .credential = &credential });
    static char body[100000];
    for (unsigned i = 1; i <= 4; i++) {
        start(&bench, i == 3 ? TRANSFER_DELETE : TRANSFER_PUT, "_1.ts", body, i == 3 ? 0 : sizeof body);
        run(&bench, i, 2000);
        assert_int_equal(bench.result.outcome, TRANSFER_OK);
        assert_int_equal(bench.origin->digest_count, i); /* the same nonce, counted up */
    }
    assert_int_equal(bench.origin->challenges, 1);
    assert_int_equal(bench.origin->request_count, 5);
    assert_int_equal(bench.origin->requests[0].body_bytes, 0); /* the body did not go out for nothing */
    assert_int_equal(bench.origin->connections, 1);
    tear_down(&bench);
}

static void every_outcome(void **state)
{
    (void)state;
    static const struct {
        int status;
        enum transfer_outcome outcome;
    } rows[] = { { 200, TRANSFER_OK },           { 204, TRANSFER_OK },     { 301, TRANSFER_FAILED },
                 { 403, TRANSFER_UNAUTHORIZED }, { 404, TRANSFER_FAILED }, { 413, TRANSFER_REFUSED },
                 { 500, TRANSFER_FAILED },       { 503, TRANSFER_FAILED } };
    struct bench bench;
    set_up(&bench);
    open_target(&bench, &(struct transfer_target_config){ 0 });
    bench.origin->behaviour = ORIGIN_STATUS;
    bench.origin->answer_header = "Retry-After: 7\r\n";
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bench.origin->status = rows[i].status;
        start(&bench, TRANSFER_PUT, "_1.ts", "abc", 3);
        run(&bench, i + 1, 2000);
        assert_int_equal(bench.result.outcome, rows[i].outcome);
        assert_int_equal(bench.result.status, rows[i].status);
        assert_int_equal(bench.result.retry_after_s, rows[i].status >= 300 ? 7 : 0);
        assert_int_equal(bench.result.text[0] == '\0', rows[i].outcome == TRANSFER_OK);
    }
    assert_string_equal(bench.result.text, "503 Service Unavailable");
    assert_int_equal(bench.origin->connections, 1);
    struct transfer_engine_counters counters = transfer_engine_counters(bench.engine);
    assert_int_equal(counters.succeeded, 2);
    assert_int_equal(counters.failed, 6);
    assert_int_equal(counters.connections_opened, 1);
    tear_down(&bench);
}

static void refused_reset_and_hanging(void **state)
{
    (void)state;
    struct bench bench;
    static char body[400000];
    set_up(&bench);
    open_target(&bench, &(struct transfer_target_config){ .connections = 2, .timeout_s = 1 });
    bench.origin->behaviour = ORIGIN_RESET;
    start(&bench, TRANSFER_PUT, "_1.ts", body, sizeof body);
    run(&bench, 1, 2000);
    assert_int_equal(bench.result.outcome, TRANSFER_FAILED);
    assert_int_equal(bench.result.status, 0);
    assert_true(bench.result.text[0]);
    origin_shut(bench.origin);
    start(&bench, TRANSFER_PUT, "_1.ts", body, sizeof body);
    run(&bench, 2, 2000);
    assert_int_equal(bench.result.outcome, TRANSFER_FAILED);
    assert_non_null(strstr(bench.result.text, "connect"));
    /* a hanging request holds up nothing: the other connection goes on meanwhile */
    origin_listen(bench.origin);
    bench.origin->behaviour = ORIGIN_HANG;
    bench.origin->only_path = "_hang";
    struct transfer *hanging = start(&bench, TRANSFER_PUT, "_hang.ts", body, sizeof body);
    start(&bench, TRANSFER_PUT, "_2.ts", body, sizeof body);
    assert_int_equal(transfer_target_free(bench.target), 0);
    struct transfer_request more = { .url = bench.url, .done = on_done };
    struct transfer *none;
    assert_int_equal(transfer_start(bench.target, &more, &none, NULL), -EBUSY);
    run(&bench, 3, 500);
    assert_int_equal(bench.result.outcome, TRANSFER_OK);
    transfer_cancel(hanging);
    assert_int_equal(transfer_target_free(bench.target), 2);
    run(&bench, 4, 100);
    assert_int_equal(bench.done, 3);
    tear_down(&bench);
}

static void bad_urls(void **state)
{
    (void)state;
    static const char *const urls[] = { "ftp://h/x", "http://", "http://user:secret@h/x", "http://h/x?token=secret",
                                        "http://h/a b" };
    struct bench bench;
    set_up(&bench);
    for (unsigned i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct error err = { 0 };
        struct transfer_target_config config = { .url = urls[i] };
        assert_int_equal(transfer_target_create(&bench.target, bench.engine, &config, &err), -EINVAL);
        if (i == 2)
            assert_null(strstr(err.text, "secret"));
    }
    tear_down(&bench);
}

/* A server that answers nothing, or does not even read, is left after the time limit, on its own connection only. */
static void standing_still(void **state)
{
    (void)state;
    static char body[8000000]; /* more than the kernel's buffers take */
    struct bench bench;
    set_up(&bench);
    open_target(&bench, &(struct transfer_target_config){ .connections = 2, .timeout_s = 1 });
    bench.origin->behaviour = ORIGIN_HANG;
    start(&bench, TRANSFER_PUT, "_1.ts", "abc", 3);
    run(&bench, 1, 50);
    bench.origin->behaviour = ORIGIN_DEAF;
    start(&bench, TRANSFER_PUT, "_2.ts", body, sizeof body);
    run(&bench, 1, 850);
    assert_int_equal(bench.done, 0);
    run(&bench, 2, 800);
    assert_int_equal(bench.failed, 2);
    assert_string_equal(bench.result.text, "no progress for 1 s");
    assert_in_range(bench.result.duration_ns, NS_PER_S, 1500 * NS_PER_MS);
    assert_int_equal(transfer_target_free(bench.target), 2);
    tear_down(&bench);
}

/* A kept-alive connection that the server has closed meanwhile is replaced, and the body sent again from its start. */
static void dead_connection_is_replaced(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    open_target(&bench, &(struct transfer_target_config){ 0 });
    start(&bench, TRANSFER_PUT, "_1.ts", "abc", 3);
    run(&bench, 1, 2000);
    origin_drop_connections(bench.origin);
    start(&bench, TRANSFER_PUT, "_2.ts", "defg", 4);
    run(&bench, 2, 2000);
    assert_int_equal(bench.failed, 0);
    assert_string_equal(origin_find(bench.origin, "/live/news_2.ts")->body, "defg");
    assert_int_equal(bench.origin->connections, 2);
    tear_down(&bench);
}

/* ---- other methods, headers, answers ---- */

static struct transfer *start_request(struct bench *bench, struct transfer_request request, const char *name)
{
    char url[128];
    struct transfer *transfer = NULL;
    snprintf(url, sizeof url, "%s%s", bench->url, name);
    request.url = url;
    request.done = on_done;
    request.context = bench;
    assert_int_equal(transfer_start(bench->target, &request, &transfer, NULL), 0);
    return transfer;
}

static void every_method(void **state)
{
    (void)state;
    static const struct {
        enum transfer_method method;
        const char *name;
        const char *length; /* of the body that was sent; NULL: none was spoken of */
    } rows[] = { { TRANSFER_PUT, "PUT", "3" },        { TRANSFER_HEAD, "HEAD", NULL }, { TRANSFER_POST, "POST", "3" },
                 { TRANSFER_MKCOL, "MKCOL", NULL },   { TRANSFER_GET, "GET", NULL },   { TRANSFER_MOVE, "MOVE", NULL },
                 { TRANSFER_DELETE, "DELETE", NULL }, { TRANSFER_PUT, "PUT", "3" } };
    const char *const headers[] = { "Destination: http://h/live/other.ts", "X-Amz-Date: 20260101T000000Z", NULL };
    struct bench bench;
    set_up(&bench);
    open_target(&bench, &(struct transfer_target_config){ 0 });
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start_request(
            &bench,
            (struct transfer_request){ .method = rows[i].method, .headers = headers, .body = "abc", .bytes = 3 },
            "/../_1.ts?partNumber=1");
        run(&bench, i + 1, 2000);
        assert_int_equal(bench.result.outcome, TRANSFER_OK);
        const struct origin_request *request = &bench.origin->requests[i];
        assert_string_equal(request->method, rows[i].name);
        assert_string_equal(request->path, "/live/news/../_1.ts?partNumber=1");
        assert_string_equal(origin_header(request->head, "Destination"), "http://h/live/other.ts");
        assert_string_equal(origin_header(request->head, "X-Amz-Date"), "20260101T000000Z");
        const char *length = origin_header(request->head, "Content-Length");
        assert_int_equal(length != NULL, rows[i].length != NULL);
        if (length)
            assert_string_equal(length, rows[i].length);
    }
    assert_int_equal(bench.origin->connections, 1);
    const char *const bad[] = { "X-A: b\r\nX-C: d", NULL };
    struct transfer *none;
    struct transfer_request injected = { .url = bench.url, .headers = bad, .done = on_done };
    assert_int_equal(transfer_start(bench.target, &injected, &none, NULL), -EINVAL);
    tear_down(&bench);
}

struct looker {
    struct bench *bench;
    char answer[64], location[64];
    bool cut, none;
};

static void on_answer(void *context, const struct transfer_result *result)
{
    struct looker *looker = context;
    const char *location = transfer_answer_header(result->transfer, "location");
    snprintf(looker->answer, sizeof looker->answer, "%.*s", (int)result->answer_bytes, (const char *)result->answer);
    snprintf(looker->location, sizeof looker->location, "%s", location ? location : "");
    looker->cut = result->answer_cut;
    looker->none = !result->answer;
    on_done(looker->bench, result);
}

static void answer_is_kept(void **state)
{
    (void)state;
    struct bench bench;
    struct looker looker = { .bench = &bench };
    set_up(&bench);
    open_target(&bench, &(struct transfer_target_config){ 0 });
    bench.origin->behaviour = ORIGIN_STATUS;
    bench.origin->status = 307;
    bench.origin->answer_header = "Location: http://other/\r\n";
    bench.origin->answer_body = "<Error><Code>TemporaryRedirect</Code></Error>";
    static const size_t bounds[] = { 1000, 7, 0 };
    for (unsigned i = 0; i < 3; i++) {
        struct transfer *transfer;
        struct transfer_request request = { .method = TRANSFER_PUT,
                                            .url = bench.url,
                                            .body = "abc",
                                            .bytes = 3,
                                            .answer_bytes_max = bounds[i],
                                            .done = on_answer,
                                            .context = &looker };
        assert_int_equal(transfer_start(bench.target, &request, &transfer, NULL), 0);
        run(&bench, i + 1, 2000);
        assert_int_equal(bench.result.status, 307);
        assert_string_equal(looker.location, "http://other/");
        assert_string_equal(looker.answer, i == 0 ? bench.origin->answer_body : i == 1 ? "<Error>" : "");
        assert_int_equal(looker.cut, i == 1);
        assert_int_equal(looker.none, i == 2);
    }
    tear_down(&bench);
}

/* ---- bodies that come piece by piece ---- */

struct source {
    struct bench bench;
    const char *text;
    uint64_t there; /* bytes of it that exist so far */
    bool ended, once;
    unsigned reads;
};

static ssize_t read_source(void *context, uint64_t offset, void *buffer, size_t bytes)
{
    struct source *source = context;
    source->reads++;
    if (source->once && source->reads > 1 && offset == 0 && source->there)
        return -ESPIPE;
    if (offset == source->there)
        return source->ended ? 0 : TRANSFER_NOTHING_NOW;
    size_t left = source->there - offset < bytes ? source->there - offset : bytes;
    memcpy(buffer, source->text + offset, left);
    return (ssize_t)left;
}

static void source_done(void *context, const struct transfer_result *result)
{
    on_done(&((struct source *)context)->bench, result);
}

static struct transfer *start_source(struct source *source, const struct transfer_request *request)
{
    struct transfer *transfer;
    struct transfer_request complete = *request;
    complete.url = source->bench.url;
    complete.read = read_source;
    complete.done = source_done;
    complete.context = source;
    assert_int_equal(transfer_start(source->bench.target, &complete, &transfer, NULL), 0);
    return transfer;
}

static void body_from_callback(void **state)
{
    (void)state;
    struct source source = { .text = "twelve bytes", .there = 12, .ended = true };
    struct bench *bench = &source.bench;
    set_up(bench);
    open_target(bench, &(struct transfer_target_config){ 0 });
    start_source(&source, &(struct transfer_request){ .method = TRANSFER_PUT, .bytes = 12 });
    run(bench, 1, 2000);
    start_source(&source, &(struct transfer_request){ .method = TRANSFER_PUT, .bytes = 12, .chunked = true });
    run(bench, 2, 2000);
    assert_int_equal(bench->failed, 0);
    for (unsigned i = 0; i < 2; i++) {
        const struct origin_request *request = &bench->origin->requests[i];
        assert_int_equal(request->body_bytes, 12);
        assert_int_equal(request->chunked, i == 1);
        assert_int_equal(origin_header(request->head, "Content-Length") != NULL, i == 0);
    }
    start_request(bench, (struct transfer_request){ .body = "abc", .bytes = 3, .chunked = true }, "_memory");
    run(bench, 3, 2000);
    assert_true(bench->origin->requests[2].chunked);
    assert_string_equal(origin_find(bench->origin, "/live/news_memory")->body, "abc");
    source.there = 5; /* less than promised */
    start_source(&source, &(struct transfer_request){ .method = TRANSFER_PUT, .bytes = 12 });
    run(bench, 4, 2000);
    assert_int_equal(bench->result.outcome, TRANSFER_FAILED);
    assert_string_equal(bench->result.text, "the body cannot be read: No data available");
    tear_down(bench);
}

/* Sleeps beyond the limit of time, is woken, ends. */
static void long_running_post(void **state)
{
    (void)state;
    struct source source = { .text = "moov moof mdat", .there = 4 };
    struct bench *bench = &source.bench;
    set_up(bench);
    open_target(bench, &(struct transfer_target_config){ .timeout_s = 1 });
    struct transfer *transfer =
        start_source(&source, &(struct transfer_request){ .method = TRANSFER_POST, .chunked = true });
    run(bench, 1, 1300);
    assert_int_equal(bench->done, 0);
    assert_int_equal(bench->origin->body_seen, 3 + 4 + 2);
    assert_in_range(source.reads, 2, 3); /* it does not ask again and again */
    source.there = 14;
    transfer_resume(transfer);
    transfer_resume(transfer);
    run(bench, 1, 50);
    assert_int_equal(bench->origin->body_seen, 9 + 3 + 10 + 2);
    source.ended = true;
    transfer_resume(transfer);
    run(bench, 1, 2000);
    assert_int_equal(bench->result.outcome, TRANSFER_OK);
    assert_string_equal(origin_find(bench->origin, "/live/news")->body, "moov moof mdat");
    assert_int_equal(transfer_target_free(bench->target), 4);
    tear_down(bench);
}

static void early_answer_reaches_a_sleeping_post(void **state)
{
    (void)state;
    static const struct {
        enum origin_behaviour behaviour;
        unsigned status;
    } rows[] = { { ORIGIN_EARLY, 412 }, { ORIGIN_EARLY, 400 }, { ORIGIN_RESET, 0 }, { ORIGIN_HALF, 0 } };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct source source = { .text = "moov moof mdat", .there = 4 };
        struct bench *bench = &source.bench;
        set_up(bench);
        open_target(bench, &(struct transfer_target_config){ 0 });
        bench->origin->behaviour = rows[i].behaviour;
        bench->origin->status = (int)rows[i].status;
        start_source(&source, &(struct transfer_request){ .method = TRANSFER_POST, .chunked = true });
        run(bench, 1, 1000);
        assert_int_equal(bench->done, 1);
        assert_int_equal(bench->result.status, rows[i].status);
        assert_int_not_equal(bench->result.outcome, TRANSFER_OK);
        assert_true(bench->result.text[0]);
        if (rows[i].behaviour == ORIGIN_HALF)
            assert_string_equal(bench->result.text, "the server ended the connection");
        tear_down(bench);
    }
}

static void early_answer_stops_a_large_body(void **state)
{
    (void)state;
    static char body[8000000];
    struct bench bench;
    set_up(&bench);
    open_target(&bench, &(struct transfer_target_config){ 0 });
    bench.origin->behaviour = ORIGIN_EARLY;
    bench.origin->status = 307;
    start(&bench, TRANSFER_PUT, "_1.ts", body, sizeof body);
    run(&bench, 1, 1000);
    assert_int_equal(bench.result.status, 307);
    assert_int_equal(bench.origin->request_count, 1);
    tear_down(&bench);
}

/* A body that cannot be had again is not sent again by half. */
static void lost_body_is_told(void **state)
{
    (void)state;
    struct source source = { .text = "moov moof mdat", .there = 14, .once = true };
    struct bench *bench = &source.bench;
    set_up(bench);
    open_target(bench, &(struct transfer_target_config){ 0 });
    start(bench, TRANSFER_PUT, "_1.ts", "abc", 3);
    run(bench, 1, 2000);
    origin_drop_connections(bench->origin);
    start_source(&source, &(struct transfer_request){ .method = TRANSFER_POST, .chunked = true });
    run(bench, 2, 300);
    if (bench->done == 2) { /* libcurl saw in time or not that the connection was gone */
        assert_int_equal(bench->result.outcome, TRANSFER_FAILED);
        assert_true(bench->result.text[0]);
    }
    tear_down(bench);
}

/* ---- the way out ---- */

static void interface_and_source_address(void **state)
{
    (void)state;
    static const struct {
        const char *interface, *source_address, *text;
    } rows[] = { { "lo", "", NULL },
                 { "lo", "127.0.0.9", NULL },
                 { "eth9", "", "interface eth9: No such device" },
                 { "", "192.0.2.1", "source address 192.0.2.1: Cannot assign requested address" },
                 { "", "::1", NULL /* the words are libcurl's: it finds no IPv6 address of the server */ } };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bench bench;
        set_up(&bench);
        open_target(&bench, &(struct transfer_target_config){ .interface = rows[i].interface,
                                                              .source_address = rows[i].source_address });
        start(&bench, TRANSFER_PUT, "_1.ts", "abc", 3);
        run(&bench, 1, 2000);
        assert_int_equal(bench.done, 1);
        assert_int_equal(bench.result.outcome, i < 2 ? TRANSFER_OK : TRANSFER_FAILED);
        if (rows[i].text)
            assert_string_equal(bench.result.text, rows[i].text);
        assert_string_equal(bench.origin->last_peer, i == 0 ? "127.0.0.1" : i == 1 ? "127.0.0.9" : "");
        tear_down(&bench);
    }
    struct bench bench;
    set_up(&bench);
    struct error err = { 0 };
    struct transfer_target_config config = { .url = bench.url, .source_address = "eth0" };
    assert_int_equal(transfer_target_create(&bench.target, bench.engine, &config, &err), -EINVAL);
    assert_string_equal(err.text, "source address eth0: want an IPv4 or IPv6 address");
    tear_down(&bench);
}

/* Two targets at one server: each has connections of its own, and one may go away while its result is being told. */
static void targets_share_nothing(void **state)
{
    (void)state;
    struct bench bench;
    struct transfer_target *other;
    set_up(&bench);
    open_target(&bench, &(struct transfer_target_config){ .connections = 1 });
    struct transfer_target_config config = { .url = bench.url, .connections = 1 };
    assert_int_equal(transfer_target_create(&other, bench.engine, &config, NULL), 0);
    start(&bench, TRANSFER_PUT, "_1.ts", "abc", 3);
    run(&bench, 1, 2000);
    struct transfer *transfer;
    struct transfer_request request = { .url = bench.url, .done = on_done, .context = &bench };
    assert_int_equal(transfer_start(other, &request, &transfer, NULL), 0);
    run(&bench, 2, 2000);
    assert_int_equal(bench.failed, 0);
    assert_int_equal(bench.origin->connections, 2);
    transfer_target_destroy(other);
    tear_down(&bench);
}

static void destroy_and_tell(void *context, const struct transfer_result *result)
{
    struct bench *bench = context;
    transfer_target_destroy(bench->target);
    bench->target = NULL;
    on_done(bench, result);
}

static void target_may_go_in_done(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    open_target(&bench, &(struct transfer_target_config){ .connections = 2 });
    struct transfer *transfer;
    struct transfer_request request = { .url = bench.url, .done = destroy_and_tell, .context = &bench };
    assert_int_equal(transfer_start(bench.target, &request, &transfer, NULL), 0);
    assert_int_equal(transfer_start(bench.target, &request, &transfer, NULL), 0);
    run(&bench, 2, 300);
    assert_int_equal(bench.done, 1); /* the other was cancelled */
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_and_delete),
        cmocka_unit_test(basic_goes_with_the_first_request),
        cmocka_unit_test(digest_asks_once),
        cmocka_unit_test(every_outcome),
        cmocka_unit_test(refused_reset_and_hanging),
        cmocka_unit_test(standing_still),
        cmocka_unit_test(bad_urls),
        cmocka_unit_test(dead_connection_is_replaced),
        cmocka_unit_test(every_method),
        cmocka_unit_test(answer_is_kept),
        cmocka_unit_test(body_from_callback),
        cmocka_unit_test(long_running_post),
        cmocka_unit_test(early_answer_reaches_a_sleeping_post),
        cmocka_unit_test(early_answer_stops_a_large_body),
        cmocka_unit_test(lost_body_is_told),
        cmocka_unit_test(interface_and_source_address),
        cmocka_unit_test(targets_share_nothing),
        cmocka_unit_test(target_may_go_in_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
