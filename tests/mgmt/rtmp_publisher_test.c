/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_publisher_test.c - a publisher against a server on loopback that is good, away, closing, deaf, rejecting.
 * Settings are those of the field, but shorter. The feed (mgmt/rtmp_feed.h) is tested here too: what it sends is what
 * the server sees. */
#include "mgmt/rtmp_publisher.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/settings.h"
#include "mgmt/alerts.h"
#include "mgmt/credentials.h"
#include "mgmt/rtmp_client.h"
#include "tests/mgmt/fake_rtmp.h"
#include "tests/mgmt/flv_pieces.h"

struct bench {
    struct loop *loop;
    struct clock clock;
    struct alerts *alerts;
    struct rtmp_server *server;
    struct output_group group;
    struct publisher *publisher;
    struct credentials *credentials; /* NULL: none */
    uint64_t acknowledged;
    size_t picture_bytes;
    unsigned format;
    uint64_t instance;
};

static void acknowledge(void *context, uint64_t instance, uint64_t serial)
{
    (void)instance, (void)serial;
    ((struct bench *)context)->acknowledged++;
}

static void start(struct bench *bench)
{
    const struct publisher_config config = { .channel = "news",
                                             .group = &bench->group,
                                             .loop = bench->loop,
                                             .credentials = bench->credentials,
                                             .alerts = bench->alerts,
                                             .clock = &bench->clock,
                                             .acknowledge = acknowledge,
                                             .context = bench };
    struct error err = { 0 };
    if (publisher_create(&bench->publisher, &config, &err) < 0)
        fail_msg("%s", err.text);
}

static void set_up(struct bench *bench, enum rtmp_server_behaviour behaviour)
{
    *bench = (struct bench){ .clock = clock_real(), .picture_bytes = 200, .format = 1, .instance = 1 };
    assert_int_equal(loop_create(&bench->loop, NULL), 0);
    bench->alerts = alerts_create(&bench->clock, NULL);
    bench->server = rtmp_server_create(bench->loop);
    bench->server->behaviour = behaviour;
    bench->group = (struct output_group){
        .name = "push",
        .type = OUTPUT_GROUP_RTMP,
        .rtmp = { .cache_length = 30, .restart_delay = 0.1, .connection_retry_interval = 0.05, .num_retries = 3 },
        .connection = { .cache_megabytes = 512 },
        .destinations_count = 1,
        .outputs_count = 1,
    };
    snprintf(bench->group.destinations[0].url, OUTPUT_URL_BYTES, "rtmp://127.0.0.1:%u/live?token=secret",
             bench->server->port);
    strcpy(bench->group.destinations[0].stream, "news_1");
    strcpy(bench->group.outputs[0].name, "main");
    start(bench);
}

static void tear_down(struct bench *bench)
{
    publisher_destroy(bench->publisher);
    assert_int_equal(alerts_active(bench->alerts), 0);
    rtmp_server_destroy(bench->server);
    alerts_destroy(bench->alerts);
    loop_destroy(bench->loop);
}

#define TURN_UNTIL(bench, condition)                                                                                   \
    for (unsigned turn_ = 0; turn_ < 400 && !(condition); turn_++)                                                     \
    loop_turn((bench)->loop, 10)

static void hand_over(struct bench *bench, int64_t first, int64_t end)
{
    struct flv_bytes *bytes = calloc(1, sizeof *bytes);
    for (int64_t number = first; number < end; number++) {
        struct handoff_segment segment;
        flv_put_piece(bytes, &segment, number, bench->picture_bytes, bench->format);
        segment.instance = bench->instance;
        publisher_segment(bench->publisher, &segment, flv_memfd(bytes));
    }
    free(bytes);
}

static struct rtmp_server_session *session(struct bench *bench, unsigned index)
{
    assert_true(index < bench->server->session_count);
    return bench->server->sessions[index];
}

static int64_t counter(struct bench *bench, const char *name)
{
    json_t *status = publisher_status(bench->publisher);
    int64_t value = json_integer_value(json_object_get(json_object_get(status, "counters"), name));
    json_decref(status);
    return value;
}

static bool is_state(struct bench *bench, const char *name)
{
    json_t *status = publisher_status(bench->publisher);
    bool is = strcmp(json_string_value(json_object_get(status, "state")), name) == 0;
    json_decref(status);
    return is;
}

static bool has_alert(struct bench *bench, unsigned id)
{
    json_t *list = alerts_json(bench->alerts, false), *alert;
    size_t i;
    bool found = false;
    json_array_foreach(list, i, alert)
    {
        found |= json_integer_value(json_object_get(alert, "id")) == id;
        assert_null(strstr(json_string_value(json_object_get(alert, "message")), "secret"));
    }
    json_decref(list);
    return found;
}

/* The number of the picture in a message; -1: it is none. */
static int picture_of(const struct rtmp_server_message *message)
{
    if (message->type != RTMP_VIDEO || message->first[1] != 1)
        return -1;
    return message->first[5] << 16 | message->first[6] << 8 | message->first[7];
}

/* A session begins with its headers and a key picture at time 0, then goes on picture by picture; returns how many. */
static unsigned check_session(const struct rtmp_server_session *seen, int first_picture)
{
    assert_true(seen->message_count >= 4);
    assert_int_equal(seen->messages[0].type, RTMP_DATA);
    assert_memory_equal(seen->messages[0].first, "\2\0\x0d@setDataFrame\2\0\x0aon", 21);
    assert_memory_equal(seen->messages[1].first, "\x17\0", 2);
    assert_memory_equal(seen->messages[2].first, "\xaf\0", 2);
    assert_memory_equal(seen->messages[3].first, "\x17\1", 2);
    unsigned pictures = 0;
    for (unsigned i = 0; i < seen->message_count; i++) {
        const struct rtmp_server_message *message = &seen->messages[i];
        int picture = picture_of(message);
        if (picture >= 0) {
            assert_int_equal(picture, first_picture + (int)pictures);
            assert_int_equal(message->timestamp_ms, pictures * 40);
            pictures++;
        } else if (message->type == RTMP_AUDIO && message->first[1] == 1) {
            assert_int_equal(message->timestamp_ms, (pictures - 1) * 40 + 5);
        }
    }
    return pictures;
}

static void test_publishes(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, RTMP_SERVER_GOOD);
    loop_turn(bench.loop, 0);
    assert_int_equal(bench.server->session_count, 0); /* nothing to say, no connection */
    assert_true(publisher_idle(bench.publisher));
    assert_true(publisher_resume_tick_90k(bench.publisher) == INT64_MAX);
    hand_over(&bench, 0, 7);
    assert_int_equal(publisher_resume_tick_90k(bench.publisher), 7 * 200 * 90);
    TURN_UNTIL(&bench, bench.acknowledged == 7);
    assert_int_equal(bench.acknowledged, 7);
    assert_true(publisher_idle(bench.publisher));
    assert_int_equal(check_session(session(&bench, 0), 0), 35);
    assert_string_equal(session(&bench, 0)->stream, "news_1");
    assert_string_equal(session(&bench, 0)->application, "live?token=secret");
    json_t *status = publisher_status(bench.publisher);
    char *text = json_dumps(status, 0);
    assert_null(strstr(text, "secret"));
    assert_null(strstr(text, "news_1"));
    free(text);
    json_decref(status);
    hand_over(&bench, 5, 8); /* two of them it has already */
    TURN_UNTIL(&bench, bench.acknowledged == 10);
    assert_int_equal(counter(&bench, "segments_duplicate"), 2);
    publisher_finish(bench.publisher);
    assert_false(publisher_idle(bench.publisher));
    TURN_UNTIL(&bench, publisher_idle(bench.publisher) && session(&bench, 0)->ended);
    assert_true(session(&bench, 0)->ended);
    assert_int_equal(check_session(session(&bench, 0), 0), 40);
    tear_down(&bench);
}

static void test_starts_at_a_key_picture(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, RTMP_SERVER_GOOD);
    hand_over(&bench, 3, 8); /* that of piece 5, picture 25 */
    TURN_UNTIL(&bench, bench.acknowledged == 5);
    assert_int_equal(check_session(session(&bench, 0), 25), 15);
    assert_true(counter(&bench, "tags_skipped") > 0);
    tear_down(&bench);
}

/* What waits while there is no server is sent when there is one: all of it, in order. */
static void test_server_comes_later(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, RTMP_SERVER_GOOD);
    bench.server->behaviour = RTMP_SERVER_REJECT;
    bench.server->rejection = "[ AccessManager.Reject ] : [ code=400 ] : not now";
    hand_over(&bench, 0, 4);
    TURN_UNTIL(&bench, bench.server->session_count == 2);
    assert_true(has_alert(&bench, 6018));
    assert_int_equal(bench.acknowledged, 0);
    bench.server->behaviour = RTMP_SERVER_GOOD;
    hand_over(&bench, 4, 6);
    TURN_UNTIL(&bench, bench.acknowledged == 6);
    assert_int_equal(check_session(session(&bench, bench.server->session_count - 1), 0), 30);
    TURN_UNTIL(&bench, !has_alert(&bench, 6018));
    assert_int_equal(alerts_active(bench.alerts), 0);
    tear_down(&bench);
}

static void test_broken_session(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, RTMP_SERVER_CLOSE);
    bench.server->close_after = 60;
    hand_over(&bench, 0, 10);
    TURN_UNTIL(&bench, bench.server->session_count == 1 && session(&bench, 0)->socket < 0);
    bench.server->behaviour = RTMP_SERVER_GOOD;
    TURN_UNTIL(&bench, bench.server->session_count == 2 && session(&bench, 1)->media >= 50 &&
                           counter(&bench, "pictures_sent") >= 50 && is_state(&bench, "well"));
    assert_int_equal(bench.acknowledged, 10);
    assert_int_equal(bench.server->session_count, 2);
    unsigned before = check_session(session(&bench, 0), 0);
    const struct rtmp_server_session *second = session(&bench, 1);
    int first = picture_of(&second->messages[3]);
    assert_int_equal(first % FLV_GOP_PICTURES, 0);
    assert_true((unsigned)first <= before); /* nothing is missing between them */
    assert_int_equal(check_session(second, first), 50u - (unsigned)first);
    tear_down(&bench);
}

static void test_gives_up_after_retries(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, RTMP_SERVER_BAD_NAME);
    hand_over(&bench, 0, 5);
    TURN_UNTIL(&bench, is_state(&bench, "abandoned"));
    assert_true(is_state(&bench, "abandoned"));
    assert_int_equal(bench.server->session_count, 4); /* and three retries */
    assert_true(has_alert(&bench, 6018));
    assert_int_equal(bench.acknowledged, 5); /* the encode process is not held up */
    hand_over(&bench, 5, 9);
    assert_int_equal(bench.acknowledged, 9);
    assert_int_equal(counter(&bench, "dropped_given_up"), 9);
    assert_true(publisher_idle(bench.publisher));
    tear_down(&bench);
}

static void test_alerts_of_credentials(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, RTMP_SERVER_ADOBE);
    hand_over(&bench, 0, 1);
    TURN_UNTIL(&bench, has_alert(&bench, 6015));
    assert_true(has_alert(&bench, 6015));
    assert_false(has_alert(&bench, 6018));
    tear_down(&bench);
}

static struct credentials *read_credentials(const char *text)
{
    char path[] = "/tmp/biplane-credentials-XXXXXX";
    struct problems *problems = problems_create();
    struct credentials *credentials = NULL;
    int file = mkstemp(path);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    close(file);
    assert_int_equal(credentials_read(&credentials, path, problems), 0);
    problems_destroy(problems);
    unlink(path);
    return credentials;
}

/* Another configuration came, and the credentials of this one are gone: a later session still knows its own. */
static void test_credentials_are_its_own(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, RTMP_SERVER_GOOD);
    publisher_destroy(bench.publisher);
    strcpy(bench.group.destinations[0].credentials, "a");
    bench.credentials = read_credentials("credentials = ( { name = \"a\"; user = \"live\"; password = \"x\"; } );");
    start(&bench);
    credentials_destroy(bench.credentials);
    hand_over(&bench, 0, 2);
    TURN_UNTIL(&bench, bench.acknowledged == 2);
    bench.server->behaviour = RTMP_SERVER_ADOBE;
    rtmp_server_close(session(&bench, 0));
    hand_over(&bench, 5, 7);
    TURN_UNTIL(&bench, bench.acknowledged == 4);
    assert_int_equal(bench.acknowledged, 4);
    assert_int_equal(bench.server->session_count, 4); /* the first; bare, then with a user, then with a response */
    assert_non_null(strstr(session(&bench, 3)->application, "authmod=adobe&user=live&"));
    tear_down(&bench);
}

static void fill_until_blocked(struct bench *bench, int64_t *number)
{
    TURN_UNTIL(bench, is_state(bench, "well"));
    bench->picture_bytes = 60000;
    for (; *number < 400 && counter(bench, "caches_full") == 0 && counter(bench, "dropped_no_room") == 0; ++*number) {
        hand_over(bench, *number, *number + 1);
        loop_turn(bench->loop, 0);
    }
}

/* Connected, and nobody reads: when the cache is full the session is given up and another begins after a rest. */
static void test_deaf_server_is_left(void **state)
{
    (void)state;
    struct bench bench;
    int64_t number = 1;
    set_up(&bench, RTMP_SERVER_DEAF);
    bench.group.rtmp.cache_length = 2;
    hand_over(&bench, 0, 1);
    fill_until_blocked(&bench, &number);
    assert_int_equal(counter(&bench, "caches_full"), 1);
    assert_true(is_state(&bench, "failed"));
    assert_true(has_alert(&bench, 6018));
    assert_true(counter(&bench, "dropped_cache_full") > 5);
    assert_int_equal(bench.acknowledged, number);
    bench.server->behaviour = RTMP_SERVER_GOOD;
    bench.picture_bytes = 200;
    number = (number / 5 + 1) * 5;
    hand_over(&bench, number, number + 5);
    TURN_UNTIL(&bench, bench.server->session_count == 2 && session(&bench, 1)->media >= 50);
    assert_int_equal(check_session(session(&bench, 1), (int)number * 5), 25);
    tear_down(&bench);
}

/* The same with wait_for_server: the oldest go, the session stays; it goes on with a key picture. */
static void test_deaf_server_is_waited_for(void **state)
{
    (void)state;
    struct bench bench;
    int64_t number = 1;
    set_up(&bench, RTMP_SERVER_DEAF);
    bench.group.rtmp.cache_length = 2;
    bench.group.rtmp.cache_full_behavior = RTMP_WAIT_FOR_SERVER;
    hand_over(&bench, 0, 1);
    fill_until_blocked(&bench, &number);
    assert_int_equal(counter(&bench, "caches_full"), 0);
    assert_true(counter(&bench, "dropped_no_room") > 0);
    assert_true(is_state(&bench, "well"));
    struct rtmp_server_session *seen = session(&bench, 0);
    loop_watch(bench.loop, seen->socket, LOOP_READ, rtmp_server_read, seen, NULL); /* hears again */
    TURN_UNTIL(&bench,
               seen->message_count > 2 && picture_of(&seen->messages[seen->message_count - 2]) == (int)number * 5 - 1);
    int last = -1;
    unsigned gaps = 0;
    for (unsigned i = 0; i < seen->message_count; i++) {
        int picture = picture_of(&seen->messages[i]);
        if (picture < 0)
            continue;
        if (last >= 0 && picture != last + 1) {
            gaps++;
            assert_int_equal(picture % FLV_GOP_PICTURES, 0);
        }
        assert_int_equal(seen->messages[i].timestamp_ms, picture * 40);
        last = picture;
    }
    assert_int_equal(last, (int)number * 5 - 1);
    assert_true(gaps >= 1);
    assert_int_equal(bench.server->session_count, 1);
    tear_down(&bench);
}

/* Without a server the oldest groups go when the cache is full. */
static void test_cache_is_bounded(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, RTMP_SERVER_SILENT);
    bench.group.rtmp.cache_length = 3;
    hand_over(&bench, 0, 50);
    assert_true(bench.acknowledged >= 35 && bench.acknowledged <= 40);
    assert_int_equal(counter(&bench, "dropped_no_room"), bench.acknowledged);
    bench.server->behaviour = RTMP_SERVER_GOOD;
    bench.group.connection.cache_megabytes = 1;
    bench.picture_bytes = 60000;
    hand_over(&bench, 50, 60);
    json_t *status = publisher_status(bench.publisher);
    assert_true(json_integer_value(json_object_get(status, "queued_bytes")) <= 1 << 20);
    json_decref(status);
    tear_down(&bench);
}

/* Another encode process goes on, its stream begins anew; another format needs another header; a timeline that jumps
 * back does not take the session's time back. */
static void test_breaks_in_the_stream(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, RTMP_SERVER_GOOD);
    hand_over(&bench, 1000, 1006);
    bench.instance = 2;
    hand_over(&bench, 1006, 1011); /* key picture at 1010 */
    bench.format = 2;
    hand_over(&bench, 1011, 1016); /* and at 1015 */
    hand_over(&bench, 100, 102);
    TURN_UNTIL(&bench, bench.acknowledged == 18);
    const struct rtmp_server_session *seen = session(&bench, 0);
    unsigned headers = 0, pictures = 0;
    int64_t last_ms = -1;
    for (unsigned i = 0; i < seen->message_count; i++) {
        headers += seen->messages[i].type == RTMP_DATA;
        if (picture_of(&seen->messages[i]) < 0)
            continue;
        assert_true(seen->messages[i].timestamp_ms > last_ms || pictures == 0);
        last_ms = seen->messages[i].timestamp_ms;
        pictures++;
    }
    assert_int_equal(pictures, 30 + 5 + 5 + 10);
    assert_int_equal(headers, 2);
    assert_int_equal(last_ms, 15 * 200 + 160 + 10 * 40); /* the jump is a step like any other */
    assert_int_equal(counter(&bench, "jumps_back"), 1);
    tear_down(&bench);
}

/* The session's time passes 2^32 ms, after 49 days. */
static void test_the_time_wraps(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, RTMP_SERVER_GOOD);
    static const int64_t pieces[][2] = {
        { 0, 1 }, { 7158275, 7158276 }, { 14316550, 14316551 }, { 21474830, 21474838 }
    };
    unsigned handed_over = 0;
    for (unsigned i = 0; i < 4; i++) {
        hand_over(&bench, pieces[i][0], pieces[i][1]);
        handed_over += (unsigned)(pieces[i][1] - pieces[i][0]);
        TURN_UNTIL(&bench, bench.acknowledged == handed_over);
        assert_int_equal(bench.acknowledged, handed_over);
    }
    const struct rtmp_server_session *seen = session(&bench, 0);
    unsigned pictures = 0;
    for (unsigned i = 0; i < seen->message_count; i++)
        if (picture_of(&seen->messages[i]) >= 0) {
            unsigned at = pictures++;
            int64_t piece = at < 15 ? pieces[at / 5][0] : 21474830 + (at - 15) / 5;
            assert_int_equal(seen->messages[i].timestamp_ms, (uint32_t)(piece * 200 + at % 5 * 40));
        }
    assert_int_equal(pictures, 55);
    tear_down(&bench);
}

/* What has to be caught up goes at twice its time, beyond the first two seconds. */
static void test_catching_up_is_paced(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, RTMP_SERVER_GOOD);
    hand_over(&bench, 0, 25); /* five seconds */
    TURN_UNTIL(&bench, bench.server->session_count == 1 && session(&bench, 0)->media > 20);
    for (unsigned i = 0; i < 10; i++)
        loop_turn(bench.loop, 1);
    unsigned early = session(&bench, 0)->media;
    assert_true(early >= 50 * 2 && early < 100 * 2);
    assert_false(publisher_idle(bench.publisher));
    publisher_finish(bench.publisher); /* all of it still goes */
    assert_false(publisher_idle(bench.publisher));
    tear_down(&bench);
}

static void test_wrong_pieces(void **state)
{
    (void)state;
    struct bench bench;
    struct flv_bytes *bytes = calloc(1, sizeof *bytes);
    struct handoff_segment segment;
    set_up(&bench, RTMP_SERVER_GOOD);
    flv_put_piece(bytes, &segment, 0, 100, 1);
    strcpy(segment.output, "other");
    publisher_segment(bench.publisher, &segment, flv_memfd(bytes));
    assert_int_equal(counter(&bench, "segments_unknown_output"), 1);
    strcpy(segment.output, "main");
    bytes->data[segment.header_bytes + 2] ^= 1;
    publisher_segment(bench.publisher, &segment, flv_memfd(bytes));
    assert_int_equal(counter(&bench, "segments_damaged"), 1);
    assert_int_equal(bench.acknowledged, 2);
    assert_int_equal(bench.server->session_count, 0);
    free(bytes);
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_publishes),
        cmocka_unit_test(test_starts_at_a_key_picture),
        cmocka_unit_test(test_server_comes_later),
        cmocka_unit_test(test_broken_session),
        cmocka_unit_test(test_gives_up_after_retries),
        cmocka_unit_test(test_alerts_of_credentials),
        cmocka_unit_test(test_credentials_are_its_own),
        cmocka_unit_test(test_deaf_server_is_left),
        cmocka_unit_test(test_deaf_server_is_waited_for),
        cmocka_unit_test(test_cache_is_bounded),
        cmocka_unit_test(test_breaks_in_the_stream),
        cmocka_unit_test(test_the_time_wraps),
        cmocka_unit_test(test_catching_up_is_paced),
        cmocka_unit_test(test_wrong_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
