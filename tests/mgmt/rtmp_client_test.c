/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_client_test.c - sessions with a server on loopback: good, rejecting, silent, deaf, closing. */
#include "mgmt/rtmp_client.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "board/clock.h"
#include "board/error.h"
#include "mgmt/credentials.h"
#include "mgmt/rtmp_url.h"
#include "tests/mgmt/fake_rtmp.h"

static const struct credential credential = { .name = "a", .user = "live", .password = "secret" };

struct bench {
    struct loop *loop;
    struct rtmp_server *server;
    struct rtmp_client *client;
    struct rtmp_url url;
    struct rtmp_client_config config;
    unsigned published, writable, ended;
    enum rtmp_end end;
    char text[512];
};

static void on_published(void *context)
{
    ((struct bench *)context)->published++;
}

static void on_writable(void *context)
{
    ((struct bench *)context)->writable++;
}

static void on_ended(void *context, enum rtmp_end end, const char *text)
{
    struct bench *bench = context;
    bench->ended++;
    bench->end = end;
    snprintf(bench->text, sizeof bench->text, "%s", text);
    rtmp_client_destroy(bench->client); /* allowed in here */
    bench->client = NULL;
}

static void set_up(struct bench *bench, enum rtmp_server_behaviour behaviour)
{
    char url[64];
    *bench = (struct bench){ 0 };
    assert_int_equal(loop_create(&bench->loop, NULL), 0);
    bench->server = rtmp_server_create(bench->loop);
    bench->server->behaviour = behaviour;
    snprintf(url, sizeof url, "rtmp://127.0.0.1:%u/live", bench->server->port);
    assert_null(rtmp_url_parse(&bench->url, url));
    bench->config = (struct rtmp_client_config){ .loop = bench->loop,
                                                 .url = &bench->url,
                                                 .stream = "news_1",
                                                 .timeout_ms = 2000,
                                                 .published = on_published,
                                                 .writable = on_writable,
                                                 .ended = on_ended,
                                                 .context = bench };
}

static void start(struct bench *bench)
{
    struct error err = { 0 };
    if (rtmp_client_create(&bench->client, &bench->config, &err) < 0)
        fail_msg("%s", err.text);
}

static void tear_down(struct bench *bench)
{
    rtmp_client_destroy(bench->client);
    rtmp_server_destroy(bench->server);
    loop_destroy(bench->loop);
}

#define TURN_UNTIL(bench, condition)                                                                                   \
    for (unsigned turn_ = 0; turn_ < 400 && !(condition); turn_++)                                                     \
    loop_turn((bench)->loop, 10)

static void test_publishes(void **state)
{
    (void)state;
    struct bench bench;
    uint8_t payload[30000] = { 0x17, 1 };
    set_up(&bench, RTMP_SERVER_GOOD);
    start(&bench);
    assert_int_equal(rtmp_client_send(bench.client, RTMP_VIDEO, 0, payload, 10), -ENOTCONN);
    TURN_UNTIL(&bench, bench.published);
    assert_int_equal(bench.published, 1);
    struct rtmp_server_session *session = bench.server->sessions[0];
    assert_string_equal(session->application, "live");
    assert_string_equal(session->stream, "news_1");
    assert_string_equal(session->encoder, "FMLE/3.0 (compatible; Biplane)");
    static const char *const names[] = { "connect", "releaseStream", "FCPublish", "createStream", "publish" };
    assert_int_equal(session->commands, 5);
    for (unsigned i = 0; i < 5; i++)
        assert_string_equal(session->command_names[i], names[i]);
    for (uint32_t i = 0; i < 50; i++)
        while (rtmp_client_send(bench.client, i % 2 ? RTMP_AUDIO : RTMP_VIDEO, 0xfffff0 + i, payload,
                                i % 2 ? 100 : sizeof payload) == -EAGAIN)
            loop_turn(bench.loop, 1);
    TURN_UNTIL(&bench, session->media == 50 && rtmp_client_confirmed(bench.client) == rtmp_client_taken(bench.client));
    assert_int_equal(session->media, 50);
    for (uint32_t i = 0; i < 50; i++) {
        assert_int_equal(session->messages[i].type, i % 2 ? RTMP_AUDIO : RTMP_VIDEO);
        assert_int_equal(session->messages[i].timestamp_ms, 0xfffff0 + i);
        assert_int_equal(session->messages[i].bytes, i % 2 ? 100 : sizeof payload);
    }
    assert_int_equal(rtmp_client_confirmed(bench.client), rtmp_client_taken(bench.client));
    rtmp_client_finish(bench.client);
    TURN_UNTIL(&bench, bench.ended && session->ended);
    assert_true(session->ended);
    assert_int_equal(bench.end, RTMP_END_FINISHED);
    tear_down(&bench);
}

static void test_answers_the_server(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, RTMP_SERVER_LONG_TALK);
    start(&bench);
    TURN_UNTIL(&bench, bench.published);
    struct rtmp_server_session *session = bench.server->sessions[0];
    /* ours: window and chunk size; in answer: an acknowledgement (more than 2816 bytes came), a pong, a window */
    TURN_UNTIL(&bench, session->controls >= 5);
    assert_true(session->controls >= 5);
    assert_int_equal(bench.ended, 0);
    tear_down(&bench);
}

static void check_end(enum rtmp_server_behaviour behaviour, enum rtmp_end end, const char *text)
{
    struct bench bench;
    set_up(&bench, behaviour);
    bench.server->rejection = "[ AccessManager.Reject ] : [ code=400 ] : no such application";
    bench.config.timeout_ms = behaviour == RTMP_SERVER_SILENT ? 100 : 2000;
    start(&bench);
    TURN_UNTIL(&bench, bench.ended);
    assert_int_equal(bench.ended, 1);
    assert_int_equal(bench.published, 0);
    assert_string_equal(rtmp_end_name(bench.end), rtmp_end_name(end));
    if (!strstr(bench.text, text))
        fail_msg("%s", bench.text);
    tear_down(&bench);
}

static void test_servers_that_do_not_want_us(void **state)
{
    (void)state;
    check_end(RTMP_SERVER_SILENT, RTMP_END_TIMEOUT, "publish in time");
    check_end(RTMP_SERVER_NOISE, RTMP_END_PROTOCOL, "does not answer as RTMP servers do");
    check_end(RTMP_SERVER_BAD_NAME, RTMP_END_REJECTED, "NetStream.Publish.BadName, already publishing");
    check_end(RTMP_SERVER_REJECT, RTMP_END_REJECTED, "no such application");
    check_end(RTMP_SERVER_ADOBE, RTMP_END_UNAUTHORIZED, "a user and a password");
}

static void test_nobody_there(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, RTMP_SERVER_GOOD);
    loop_unwatch(bench.loop, bench.server->listener);
    close(bench.server->listener);
    start(&bench);
    TURN_UNTIL(&bench, bench.ended);
    assert_int_equal(bench.end, RTMP_END_UNREACHABLE);
    assert_true(bench.text[0]);
    bench.server->listener = -1;
    tear_down(&bench);
}

static void test_authentication(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, RTMP_SERVER_ADOBE);
    bench.config.credential = &credential;
    start(&bench);
    TURN_UNTIL(&bench, bench.published || bench.ended);
    assert_int_equal(bench.published, 1);
    assert_int_equal(bench.server->session_count, 3);
    assert_string_equal(bench.server->sessions[0]->application, "live");
    assert_string_equal(bench.server->sessions[1]->application, "live?authmod=adobe&user=live");
    const char *last = bench.server->sessions[2]->application;
    assert_non_null(strstr(last, "live?authmod=adobe&user=live&challenge="));
    assert_non_null(strstr(last, "&response="));
    assert_null(strstr(last, "secret"));
    tear_down(&bench);
}

static void test_akamai_tells_the_user_at_once(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, RTMP_SERVER_ADOBE);
    bench.config.credential = &credential;
    bench.config.scheme = RTMP_AUTHENTICATION_AKAMAI;
    start(&bench);
    TURN_UNTIL(&bench, bench.published || bench.ended);
    assert_int_equal(bench.published, 1);
    assert_int_equal(bench.server->session_count, 2);
    assert_string_equal(bench.server->sessions[0]->application, "live?authmod=adobe&user=live");
    assert_string_equal(bench.server->sessions[0]->encoder, "FMLE/3.0 (compatible; FMSc/1.0)");
    tear_down(&bench);
}

static void check_refused_credentials(const char *rejection, const char *text)
{
    struct bench bench;
    set_up(&bench, RTMP_SERVER_REJECT);
    bench.server->rejection = rejection;
    bench.config.credential = &credential;
    start(&bench);
    TURN_UNTIL(&bench, bench.ended);
    assert_int_equal(bench.end, RTMP_END_UNAUTHORIZED);
    assert_non_null(strstr(bench.text, text));
    assert_true(bench.server->session_count <= 3);
    tear_down(&bench);
}

static void test_refused_credentials(void **state)
{
    (void)state;
    check_refused_credentials("[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=authfailed&opaque=x",
                              "does not accept the user or password");
    check_refused_credentials("[ AccessManager.Reject ] : [ code=403 need auth; authmod=llnw ]", "authmod=adobe");
    check_refused_credentials("[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ]", "without end");
}

static void test_a_server_that_does_not_read(void **state)
{
    (void)state;
    struct bench bench;
    static uint8_t payload[50000] = { 0x27, 1 };
    set_up(&bench, RTMP_SERVER_DEAF);
    start(&bench);
    TURN_UNTIL(&bench, bench.published);
    int result = 0;
    unsigned taken = 0;
    for (; taken < 4000 && result == 0; taken++) {
        result = rtmp_client_send(bench.client, RTMP_VIDEO, taken, payload, sizeof payload);
        loop_turn(bench.loop, 0);
    }
    assert_int_equal(result, -EAGAIN); /* bounded: by the kernel's buffers and ours */
    assert_true(rtmp_client_confirmed(bench.client) < rtmp_client_taken(bench.client));
    assert_int_equal(bench.writable, 0);
    struct rtmp_server_session *session = bench.server->sessions[0];
    loop_watch(bench.loop, session->socket, LOOP_READ, rtmp_server_read, session, NULL); /* hears again */
    TURN_UNTIL(&bench, bench.writable);
    assert_int_equal(bench.writable, 1);
    assert_int_equal(rtmp_client_send(bench.client, RTMP_VIDEO, taken, payload, sizeof payload), 0);
    tear_down(&bench);
}

static void test_a_server_that_closes(void **state)
{
    (void)state;
    struct bench bench;
    uint8_t payload[100] = { 0x27, 1 };
    set_up(&bench, RTMP_SERVER_CLOSE);
    bench.server->close_after = 3;
    start(&bench);
    TURN_UNTIL(&bench, bench.published);
    for (unsigned i = 0; i < 100 && !bench.ended; i++) {
        rtmp_client_send(bench.client, RTMP_VIDEO, i, payload, sizeof payload);
        loop_turn(bench.loop, 10);
    }
    assert_int_equal(bench.ended, 1);
    assert_int_equal(bench.end, RTMP_END_CLOSED);
    tear_down(&bench);
}

static void test_finish_before_it_is_connected(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, RTMP_SERVER_GOOD);
    start(&bench);
    rtmp_client_finish(bench.client);
    rtmp_client_finish(bench.client);
    TURN_UNTIL(&bench, bench.ended);
    assert_int_equal(bench.end, RTMP_END_FINISHED);
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_publishes),
        cmocka_unit_test(test_answers_the_server),
        cmocka_unit_test(test_servers_that_do_not_want_us),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_authentication),
        cmocka_unit_test(test_akamai_tells_the_user_at_once),
        cmocka_unit_test(test_refused_credentials),
        cmocka_unit_test(test_a_server_that_does_not_read),
        cmocka_unit_test(test_a_server_that_closes),
        cmocka_unit_test(test_finish_before_it_is_connected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
