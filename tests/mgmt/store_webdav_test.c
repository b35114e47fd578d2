/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_webdav_test.c - folders are made, files are renamed, and a server that does neither is served as well. */
#include "mgmt/store_webdav.h"

#include "tests/mgmt/store_fixture.h"

static void open_bench(struct store_bench *bench)
{
    store_bench_set_up(bench, CDN_WEBDAV);
    bench->origin->behaviour = ORIGIN_WEBDAV;
    store_bench_open(bench);
}

static void folders_are_made(void **state)
{
    (void)state;
    struct store_bench bench;
    open_bench(&bench);
    store_bench_put(&bench, "720p/news_1.ts", "abc");
    store_bench_put(&bench, "720p/news_2.ts", "de");
    assert_int_equal(store_free(bench.store), 0);
    store_bench_run(&bench, 2);
    assert_int_equal(bench.failed, 0);
    assert_string_equal(origin_find(bench.origin, "/live/a/720p/news_1.ts")->body, "abc");
    assert_string_equal(origin_find(bench.origin, "/live/a/720p/news_2.ts")->body, "de");
    assert_null(origin_find(bench.origin, "/live/a/720p/news_1.ts.part"));
    assert_int_equal(origin_count(bench.origin, "MKCOL", "/", 201), 3);
    unsigned requests = bench.origin->request_count;
    store_bench_put(&bench, "720p/news_3.ts", "f");
    store_bench_run(&bench, 3);
    assert_int_equal(bench.origin->request_count, requests + 2); /* PUT and MOVE */
    const struct origin_request *put = &bench.origin->requests[requests];
    assert_string_equal(put->path, "/live/a/720p/news_3.ts.part");
    assert_string_equal(origin_header(put->head, "Content-Type"), "video/mp2t");
    assert_string_equal(origin_header(put->head, "Content-Length"), "1");
    assert_string_equal(origin_header(put[1].head, "Overwrite"), "T");
    store_bench_start(&bench, (struct store_request){ .method = STORE_DELETE, .name = "720p/news_1.ts" });
    store_bench_run(&bench, 4);
    assert_null(origin_find(bench.origin, "/live/a/720p/news_1.ts"));
    store_bench_tear_down(&bench);
}

/* The folder directly below the root, and none at all. */
static void short_paths(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct store_bench bench;
        store_bench_set_up(&bench, CDN_WEBDAV);
        bench.origin->behaviour = ORIGIN_WEBDAV;
        snprintf(bench.destination.url, sizeof bench.destination.url, "http://127.0.0.1:%u%s/news", bench.origin->port,
                 i ? "" : "/live");
        store_bench_open(&bench);
        store_bench_put(&bench, "news_1.ts", "abc");
        store_bench_run(&bench, 1);
        assert_int_equal(bench.failed, 0);
        assert_non_null(origin_find(bench.origin, i ? "/news_1.ts" : "/live/news_1.ts"));
        assert_int_equal(origin_count(bench.origin, "MKCOL", "/", 0), i ? 0 : 1);
        store_bench_tear_down(&bench);
    }
}

static void a_server_that_does_not_rename(void **state)
{
    (void)state;
    static const int answers[] = { 405, 501, 403 };
    for (unsigned i = 0; i < 3; i++) {
        struct store_bench bench;
        open_bench(&bench);
        bench.origin->status = answers[i];
        store_bench_put(&bench, "news_1.ts", "abc");
        store_bench_run(&bench, 1);
        assert_int_equal(bench.failed, 0);
        assert_string_equal(origin_find(bench.origin, "/live/a/news_1.ts")->body, "abc");
        assert_null(origin_find(bench.origin, "/live/a/news_1.ts.part"));
        unsigned requests = bench.origin->request_count;
        store_bench_put(&bench, "news_2.ts", "abc");
        store_bench_run(&bench, 2);
        assert_int_equal(bench.origin->request_count, requests + 1);
        store_bench_tear_down(&bench);
    }
}

static void failures_are_the_owners(void **state)
{
    (void)state;
    struct store_bench bench;
    open_bench(&bench);
    bench.origin->status = 503; /* to MOVE */
    store_bench_put(&bench, "news_1.ts", "abc");
    store_bench_run(&bench, 1);
    assert_int_equal(bench.result.outcome, TRANSFER_FAILED);
    assert_int_equal(bench.result.status, 503);
    bench.origin->behaviour = ORIGIN_STATUS;
    bench.origin->status = 409; /* to all: folders cannot be made either */
    store_bench_put(&bench, "news_1.ts", "abc");
    store_bench_run(&bench, 2);
    assert_int_equal(bench.result.status, 409);
    bench.origin->status = 403;
    store_bench_put(&bench, "news_1.ts", "abc");
    store_bench_run(&bench, 3);
    assert_int_equal(bench.result.outcome, TRANSFER_UNAUTHORIZED);
    bench.origin->behaviour = ORIGIN_HANG;
    struct store_task *task = store_bench_put(&bench, "news_1.ts", "abc");
    loop_turn(bench.loop, 20);
    store_cancel(bench.store, task);
    assert_int_equal(store_free(bench.store), 2);
    store_bench_tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders_are_made),
        cmocka_unit_test(short_paths),
        cmocka_unit_test(a_server_that_does_not_rename),
        cmocka_unit_test(failures_are_the_owners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
