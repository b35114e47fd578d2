/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transfer_test.c - requests on the wire, what becomes of them, and the way out. */
#include <sys/resource.h>

#include "tests/mgmt/transfer_fixture.h"

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

/* Two descriptors and a connection of 500 destinations are more than a process may have open at first. */
static void files_for_many_targets(void **state)
{
    (void)state;
    struct bench bench;
    struct rlimit before, limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit = before;
    limit.rlim_cur = 256;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    set_up(&bench);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(limit.rlim_cur, before.rlim_max);
    tear_down(&bench);
}

struct stalls {
    const struct bench *bench;
    unsigned begun, ended;
    unsigned done; /* when it began */
};

static void note_stall(void *context, bool stalled)
{
    struct stalls *stalls = context;
    if (stalled)
        stalls->done = stalls->bench->done;
    stalls->begun += stalled;
    stalls->ended += !stalled;
}

/* A server that answers nothing, or does not even read, is left after the time limit, on its own connection only. */
static void standing_still(void **state)
{
    (void)state;
    static char body[8000000]; /* more than the kernel's buffers take */
    struct bench bench;
    set_up(&bench);
    struct stalls stalls = { .bench = &bench };
    open_target(&bench, &(struct transfer_target_config){
                            .connections = 2, .timeout_s = 1, .stall_watch = { note_stall, &stalls, 300 } });
    bench.origin->behaviour = ORIGIN_HANG;
    start(&bench, TRANSFER_PUT, "_1.ts", "abc", 3);
    for (unsigned i = 0; i < 1000 && !bench.origin->request_count; i++)
        loop_turn(bench.loop, 10);
    bench.origin->behaviour = ORIGIN_DEAF;
    start(&bench, TRANSFER_PUT, "_2.ts", body, sizeof body);
    run(&bench, 2, 20000);
    assert_int_equal(bench.failed, 2);
    assert_int_equal(stalls.begun, 1); /* told while they still had time, once for both */
    assert_int_equal(stalls.done, 0);
    for (unsigned i = 0; i < 1000 && !stalls.ended; i++)
        loop_turn(bench.loop, 10);
    assert_int_equal(stalls.ended, 1);
    assert_true(bench.result.still_ns >= NS_PER_S);
    assert_string_equal(bench.result.text, "no progress for 1 s");
    assert_true(bench.result.duration_ns >= NS_PER_S);
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
        cmocka_unit_test(every_outcome),
        cmocka_unit_test(refused_reset_and_hanging),
        cmocka_unit_test(bad_urls),
        cmocka_unit_test(files_for_many_targets),
        cmocka_unit_test(standing_still),
        cmocka_unit_test(dead_connection_is_replaced),
        cmocka_unit_test(interface_and_source_address),
        cmocka_unit_test(targets_share_nothing),
        cmocka_unit_test(target_may_go_in_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
