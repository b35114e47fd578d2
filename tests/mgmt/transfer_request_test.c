/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transfer_request_test.c - methods, headers, bodies of every kind, answers. */
#include "tests/mgmt/transfer_fixture.h"

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

static void body_from_file(void **state)
{
    (void)state;
    struct bench bench;
    FILE *file = tmpfile();
    set_up(&bench);
    open_target(&bench, &(struct transfer_target_config){ 0 });
    for (unsigned i = 0; i < 100000; i++)
        fprintf(file, "%7u\n", i);
    fflush(file);
    struct transfer_request request = { .descriptor = fileno(file), .bytes = 800000 };
    start_request(&bench, request, "_1.m2ts");
    run(&bench, 1, 2000);
    request.chunked = true;
    start_request(&bench, request, "_2.m2ts");
    run(&bench, 2, 2000);
    assert_int_equal(bench.failed, 0);
    for (unsigned i = 0; i < 2; i++) {
        struct origin_file *stored = origin_find(bench.origin, i ? "/live/news_2.m2ts" : "/live/news_1.m2ts");
        assert_int_equal(stored->bytes, 800000);
        assert_memory_equal(stored->body + 799992, "  99999\n", 8);
        assert_int_equal(bench.origin->requests[i].chunked, i == 1);
    }
    request.bytes = 800001; /* it has become shorter */
    for (unsigned i = 0; i < 2; i++) {
        request.chunked = i == 1;
        start_request(&bench, request, "_3.m2ts");
        run(&bench, 3 + i, 2000);
        assert_int_equal(bench.failed, 1 + i);
        assert_string_equal(bench.result.text, "the body cannot be read: No data available");
    }
    fclose(file);
    tear_down(&bench);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_method),
        cmocka_unit_test(answer_is_kept),
        cmocka_unit_test(body_from_callback),
        cmocka_unit_test(body_from_file),
        cmocka_unit_test(long_running_post),
        cmocka_unit_test(early_answer_reaches_a_sleeping_post),
        cmocka_unit_test(early_answer_stops_a_large_body),
        cmocka_unit_test(lost_body_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
