/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_akamai_test.c - each URL carries a token of its own; chunked when asked for. */
#include "mgmt/store_akamai.h"

#include "mgmt/akamai_token.h"
#include "tests/mgmt/store_fixture.h"

static void token_and_chunks(void **state)
{
    (void)state;
    struct store_bench bench;
    store_bench_set_up(&bench, CDN_AKAMAI);
    strcpy(bench.credential.salt, "sesame");
    bench.connection.http_transfer_mode = HTTP_TRANSFER_CHUNKED;
    store_bench_open(&bench);
    store_bench_put(&bench, "news_1.ts", "abc");
    store_bench_start(&bench, (struct store_request){ .method = STORE_DELETE, .name = "news_0.ts" });
    store_bench_run(&bench, 2);
    assert_int_equal(bench.failed, 0);
    for (unsigned i = 0; i < 2; i++) {
        const struct origin_request *request = &bench.origin->requests[i];
        const char *name = strcmp(request->method, "PUT") == 0 ? "/live/a/news_1.ts" : "/live/a/news_0.ts";
        char hash[AKAMAI_TOKEN_HASH_BYTES], given[64];
        unsigned expires;
        assert_int_equal(request->chunked, strcmp(request->method, "PUT") == 0);
        assert_memory_equal(request->path, name, strlen(name));
        assert_int_equal(sscanf(request->path + strlen(name), "?_gda_=%u_%63s", &expires, given), 2);
        assert_in_range(expires, clock_utc_ns(&bench.clock) / NS_PER_S + 60,
                        clock_utc_ns(&bench.clock) / NS_PER_S + 600);
        akamai_token_hash(name, "sesame", expires, hash);
        assert_string_equal(given, hash);
        assert_null(origin_header(request->head, "Authorization"));
    }
    store_bench_tear_down(&bench);
}

static void without_a_salt(void **state)
{
    (void)state;
    struct store_bench bench;
    store_bench_set_up(&bench, CDN_AKAMAI);
    bench.origin->authorization = "Basic bGl2ZTpzZWNyZXQ=";
    strcpy(bench.credential.user, "live");
    strcpy(bench.credential.password, "secret");
    store_bench_open(&bench);
    store_bench_put(&bench, "news_1.ts", "abc");
    store_bench_run(&bench, 1);
    assert_string_equal(bench.origin->requests[0].path, "/live/a/news_1.ts");
    assert_int_equal(bench.result.outcome, TRANSFER_OK);
    store_bench_tear_down(&bench);
}

static void names_of_tokens(void **state)
{
    (void)state;
    const struct destination destination = { .url = "http://h/live/news" };
    struct connection_settings connection = { .akamai_token = "_gda_" };
    assert_null(store_akamai_class.fault(&destination, &connection));
    strcpy(connection.akamai_token, "gda");
    assert_non_null(store_akamai_class.fault(&destination, &connection));
    strcpy(connection.akamai_token, "a&b=c");
    assert_non_null(store_akamai_class.fault(&destination, &connection));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(token_and_chunks),
        cmocka_unit_test(without_a_salt),
        cmocka_unit_test(names_of_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
