/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transfer_identity_test.c - Basic and Digest: right the first time, one challenge a target. */
#include "tests/mgmt/transfer_fixture.h"

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

static void open_digest(struct bench *bench, unsigned connections)
{
    struct credential credential = { .user = "live", .password = "secret", .scheme = CREDENTIAL_DIGEST };
    set_up(bench);
    bench->origin->behaviour = ORIGIN_DIGEST;
    open_target(bench, &(struct transfer_target_config){ .credential = &credential, .connections = connections });
}

/* Hundreds of files over several connections: one 401 in all. */
static void digest_is_shared_by_connections(void **state)
{
    (void)state;
    struct bench bench;
    open_digest(&bench, 4);
    for (unsigned i = 0; i < 200; i += 4) {
        for (unsigned j = 0; j < 4; j++)
            start(&bench, TRANSFER_PUT, "_1.ts", "abc", 3);
        run(&bench, i + 4, 2000);
    }
    assert_int_equal(bench.done, 200);
    assert_int_equal(bench.failed, 0);
    assert_int_equal(bench.origin->challenges, 1);
    assert_int_equal(bench.origin->request_count, 201);
    assert_int_equal(bench.origin->digest_count, 200);
    assert_int_equal(transfer_engine_counters(bench.engine).connections_opened, bench.origin->connections);
    tear_down(&bench);
}

static void digest_that_is_stale(void **state)
{
    (void)state;
    for (unsigned forgets = 0; forgets < 2; forgets++) {
        struct bench bench;
        open_digest(&bench, 1);
        bench.origin->digest_uses = 3;
        bench.origin->digest_forgets = forgets;
        for (unsigned i = 1; i <= 7; i++) {
            start(&bench, TRANSFER_PUT, "_1.ts", "abc", 3);
            run(&bench, i, 2000);
            assert_int_equal(bench.result.outcome, TRANSFER_OK);
        }
        assert_int_equal(bench.origin->challenges, 3);
        assert_int_equal(bench.origin->request_count, 7 + 3);
        assert_int_equal(transfer_engine_counters(bench.engine).failed, 0);
        tear_down(&bench);
    }
}

static void digest_follows_the_next_nonce(void **state)
{
    (void)state;
    struct bench bench;
    open_digest(&bench, 1);
    bench.origin->digest_follows = true;
    for (unsigned i = 1; i <= 5; i++) {
        start(&bench, TRANSFER_PUT, "_1.ts", "abc", 3);
        run(&bench, i, 2000);
    }
    assert_int_equal(bench.failed, 0);
    assert_int_equal(bench.origin->request_count, 6);
    assert_int_equal(bench.origin->digest_count, 0);
    tear_down(&bench);
}

/* One try, then it is the owner's; and the next try asks no question again. */
static void digest_with_a_wrong_password(void **state)
{
    (void)state;
    struct bench bench;
    open_digest(&bench, 2);
    bench.origin->digest_refuses = true;
    start(&bench, TRANSFER_PUT, "_1.ts", "abc", 3);
    run(&bench, 1, 2000);
    assert_int_equal(bench.result.outcome, TRANSFER_UNAUTHORIZED);
    assert_string_equal(bench.result.text, "401 Unauthorized");
    assert_int_equal(bench.origin->request_count, 2);
    start(&bench, TRANSFER_PUT, "_1.ts", "abc", 3);
    run(&bench, 2, 2000);
    assert_int_equal(bench.result.outcome, TRANSFER_UNAUTHORIZED);
    assert_int_equal(bench.origin->request_count, 3);
    bench.origin->digest_refuses = false;
    start(&bench, TRANSFER_PUT, "_1.ts", "abc", 3);
    run(&bench, 3, 2000);
    assert_int_equal(bench.result.outcome, TRANSFER_OK);
    tear_down(&bench);
}

/* A server that wants no credentials, or other ones, and one that cannot be reached while all wait for its challenge.
 */

static void digest_that_nobody_asks_for(void **state)
{
    (void)state;
    struct bench bench;
    open_digest(&bench, 2);
    bench.origin->behaviour = ORIGIN_STATUS;
    bench.origin->status = 412; /* to the question only */
    start(&bench, TRANSFER_PUT, "_1.ts", "abc", 3);
    start(&bench, TRANSFER_PUT, "_2.ts", "abc", 3);
    for (unsigned i = 0; i < 100 && bench.origin->request_count == 0; i++)
        loop_turn(bench.loop, 10);
    assert_int_equal(bench.origin->request_count, 1);
    assert_string_equal(origin_header(bench.origin->requests[0].head, "If-Match"), "\"no-file-has-this-tag\"");
    bench.origin->behaviour = ORIGIN_GOOD;
    run(&bench, 2, 2000);
    assert_int_equal(bench.failed, 0);
    assert_int_equal(bench.origin->request_count, 3);
    assert_null(origin_header(bench.origin->requests[2].head, "If-Match"));
    tear_down(&bench);

    open_digest(&bench, 2);
    bench.origin->authorization = "Basic anything";
    bench.origin->behaviour = ORIGIN_GOOD;
    start(&bench, TRANSFER_PUT, "_1.ts", "abc", 3);
    start(&bench, TRANSFER_PUT, "_2.ts", "abc", 3);
    run(&bench, 2, 2000);
    assert_int_equal(bench.failed, 2);
    assert_string_equal(bench.result.text, "401 Unauthorized (the server does not offer Digest)");
    origin_shut(bench.origin);
    start(&bench, TRANSFER_PUT, "_1.ts", "abc", 3);
    struct transfer *held = start(&bench, TRANSFER_PUT, "_2.ts", "abc", 3);
    run(&bench, 4, 2000);
    assert_int_equal(bench.failed, 4);
    origin_listen(bench.origin);
    bench.origin->behaviour = ORIGIN_HANG;
    bench.origin->authorization = NULL;
    struct transfer *asker = start(&bench, TRANSFER_PUT, "_1.ts", "abc", 3);
    held = start(&bench, TRANSFER_PUT, "_2.ts", "abc", 3);
    run(&bench, 5, 50);
    bench.origin->behaviour = ORIGIN_DIGEST;
    transfer_cancel(asker);
    run(&bench, 5, 2000);
    assert_int_equal(bench.done, 5);
    assert_int_equal(bench.result.outcome, TRANSFER_OK);
    start(&bench, TRANSFER_PUT, "_1.ts", "abc", 3);
    held = start(&bench, TRANSFER_PUT, "_2.ts", "abc", 3);
    transfer_cancel(held);
    tear_down(&bench);
}

/* A body that can be had once only never meets a challenge. */
static void digest_before_a_long_post(void **state)
{
    (void)state;
    struct source source = { .text = "moov moof mdat", .there = 4, .once = true };
    struct bench *bench = &source.bench;
    open_digest(bench, 1);
    struct transfer *transfer =
        start_source(&source, &(struct transfer_request){ .method = TRANSFER_POST, .chunked = true });
    run(bench, 1, 100);
    source.there = 14;
    source.ended = true;
    transfer_resume(transfer);
    run(bench, 1, 2000);
    assert_int_equal(bench->result.outcome, TRANSFER_OK);
    assert_int_equal(bench->origin->request_count, 2);
    assert_int_equal(bench->origin->requests[0].body_bytes, 0);
    assert_false(bench->origin->requests[0].chunked);
    assert_int_equal(bench->origin->requests[1].body_bytes, 14);
    tear_down(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(basic_goes_with_the_first_request), cmocka_unit_test(digest_asks_once),
        cmocka_unit_test(digest_is_shared_by_connections),   cmocka_unit_test(digest_that_is_stale),
        cmocka_unit_test(digest_follows_the_next_nonce),     cmocka_unit_test(digest_with_a_wrong_password),
        cmocka_unit_test(digest_that_nobody_asks_for),       cmocka_unit_test(digest_before_a_long_post),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
