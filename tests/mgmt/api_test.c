/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api_test.c - the whole management plane in a thread, small shell programs in the place of data planes and encoders,
 * and the real client over the unix socket.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

#include "tests/mgmt/api_house.h"

static void tells_what_the_box_is(void **state)
{
    struct house *house = *state;
    json_t *status = ask(house, "GET", "/v1/status", 0);
    assert_string_equal(json_string_value(json_object_get(status, "board")), "dev");
    assert_int_equal(json_array_size(json_object_get(status, "nodes")), 2);
    json_decref(status);
    json_t *inputs = ask(house, "GET", "/v1/inputs", 0);
    assert_int_equal(json_array_size(inputs), 2);
    json_decref(inputs);
    json_t *channel = ask(house, "GET", "/v1/channels/news", 0);
    assert_string_equal(json_string_value(json_object_get(channel, "state")), "idle");
    json_decref(channel);
    json_t *alerts = ask(house, "GET", "/v1/alerts?all", 0);
    assert_true(json_is_array(alerts));
    json_decref(alerts);
}

static void starts_stops_and_restarts(void **state)
{
    struct house *house = *state;
    post(house, "/v1/channels/news/start");
    await_state(house, "starting"); /* no segment yet */
    int first = pid_of(house, 0), second = pid_of(house, 1);
    assert_true(first > 0 && second > 0 && first != second);
    post(house, "/v1/channels/news/restart?pipeline=1");
    for (unsigned i = 0; i < 100 && (pid_of(house, 1) == second || pid_of(house, 1) == 0); i++)
        usleep(20000);
    assert_int_not_equal(pid_of(house, 1), second);
    assert_int_equal(pid_of(house, 0), first); /* the twin is untouched */
    json_decref(ask(house, "POST", "/v1/channels/news/restart?pipeline=2", -EREMOTEIO));
    post(house, "/v1/channels/news/stop");
    await_state(house, "idle");
    assert_int_equal(kill(first, 0), -1);
    json_decref(ask(house, "POST", "/v1/channels/news/restart", -EREMOTEIO)); /* it does not run */
}

static void what_ran_is_adopted_by_the_next_management_plane(void **state)
{
    struct house *house = *state;
    post(house, "/v1/channels/news/start");
    await_state(house, "starting");
    int first = pid_of(house, 0), second = pid_of(house, 1);
    move_out(house);
    json_decref(ask(house, "GET", "/v1/status", -ECONNREFUSED));
    assert_int_equal(kill(first, 0), 0);
    move_in(house);
    await_state(house, "starting");
    assert_int_equal(pid_of(house, 0), first);
    assert_int_equal(pid_of(house, 1), second);
}

static void a_killed_process_is_restarted_and_told(void **state)
{
    struct house *house = *state;
    post(house, "/v1/channels/news/start");
    await_state(house, "starting");
    int first = pid_of(house, 0);
    kill(first, SIGKILL);
    for (unsigned i = 0; i < 100 && (pid_of(house, 0) == first || pid_of(house, 0) == 0); i++)
        usleep(20000);
    json_t *alerts = ask(house, "GET", "/v1/alerts", 0);
    json_t *alert = json_array_get(alerts, 0);
    assert_int_equal(json_integer_value(json_object_get(alert, "id")), 4001);
    assert_string_equal(json_string_value(json_object_get(alert, "source")), "news/0");
    assert_non_null(strstr(json_string_value(json_object_get(alert, "message")), "SIGKILL"));
    json_decref(alerts);
}

static void a_reload_changes_all_or_nothing(void **state)
{
    struct house *house = *state;
    post(house, "/v1/channels/news/start");
    await_state(house, "starting");
    int before = pid_of(house, 0);

    char *broken = fixture_replace(fixture_channel, "width = 1280", "width = 1281");
    fixture_write(&house->fixture, "channels.d/news.cfg", broken, 0644);
    json_t *answer = ask(house, "POST", "/v1/reload", -EREMOTEIO);
    assert_int_equal(json_array_size(json_object_get(answer, "problems")), 1);
    json_decref(answer);
    assert_int_equal(pid_of(house, 0), before);

    char *other = fixture_replace(fixture_channel, "bitrate = 800000", "bitrate = 700000");
    fixture_write(&house->fixture, "channels.d/news.cfg", other, 0644);
    answer = ask(house, "POST", "/v1/reload", 0);
    assert_string_equal(json_string_value(json_array_get(json_object_get(answer, "changed"), 0)), "news");
    assert_true(json_is_false(json_object_get(answer, "box")));
    json_decref(answer);
    for (unsigned i = 0; i < 100 && (pid_of(house, 0) == before || pid_of(house, 0) == 0); i++)
        usleep(20000);
    assert_int_not_equal(pid_of(house, 0), before);

    before = pid_of(house, 0);
    char *second = fixture_replace(fixture_channel, "name = \"news\"", "name = \"sport\"");
    char *moved = fixture_replace(second, "9/a/news", "9/a/sport"), *both = fixture_replace(moved, "9/b/news", "9/b/s");
    fixture_write(&house->fixture, "channels.d/sport.cfg", both, 0644);
    answer = ask(house, "POST", "/v1/reload", 0);
    assert_string_equal(json_string_value(json_array_get(json_object_get(answer, "added"), 0)), "sport");
    assert_int_equal(json_array_size(json_object_get(answer, "changed")), 0);
    json_decref(answer);
    assert_int_equal(pid_of(house, 0), before); /* the others are not touched */
    free(broken);
    free(other);
    free(second);
    free(moved);
    free(both);
}

static void a_removed_channel_goes(void **state)
{
    struct house *house = *state;
    char path[160];
    post(house, "/v1/channels/news/start");
    await_state(house, "starting");
    int pid = pid_of(house, 0);
    snprintf(path, sizeof path, "%s/channels.d/news.cfg", house->fixture.directory);
    unlink(path);
    post(house, "/v1/reload");
    json_decref(ask(house, "GET", "/v1/channels/news", -EREMOTEIO));
    for (unsigned i = 0; i < 100 && kill(pid, 0) == 0; i++)
        usleep(20000);
    assert_int_equal(kill(pid, 0), -1);
}

static void nothing_secret_is_told(void **state)
{
    struct house *house = *state;
    static const char *const paths[] = { "/v1/status",        "/v1/inputs",   "/v1/channels",
                                         "/v1/channels/news", "/v1/counters", "/v1/alerts?all=1" };
    post(house, "/v1/channels/news/start");
    for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++) {
        json_t *answer = ask(house, "GET", paths[i], 0);
        char *text = json_dumps(answer, 0);
        assert_null(strstr(text, "a-secret"));
        free(text);
        json_decref(answer);
    }
}

static long raw(const struct house *house, const char *method, const char *path, const char *header, size_t body)
{
    char socket_path[160], url[160];
    long status = 0;
    char *data = calloc(1, body + 1);
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = header ? curl_slist_append(NULL, header) : NULL;
    snprintf(socket_path, sizeof socket_path, "%s/api.socket", house->run);
    snprintf(url, sizeof url, "http://localhost%s", path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    FILE *sink = fopen("/dev/null", "w");
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, sink);
    if (strcmp(method, "HEAD") == 0)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    if (body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, data);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body);
    }
    if (curl_easy_perform(curl) == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    fclose(sink);
    free(data);
    return status;
}

static void refuses_with_the_right_status(void **state)
{
    struct house *house = *state;
    assert_int_equal(raw(house, "GET", "/v1/status", NULL, 0), 200);
    assert_int_equal(raw(house, "HEAD", "/v1/status", NULL, 0), 200);
    assert_int_equal(raw(house, "GET", "/metrics", NULL, 0), 200);
    assert_int_equal(raw(house, "GET", "/", NULL, 0), 404);
    assert_int_equal(raw(house, "GET", "/v1/channels/", NULL, 0), 404);
    assert_int_equal(raw(house, "GET", "/v1/channels/none", NULL, 0), 404);
    assert_int_equal(raw(house, "GET", "/v1/channels/news/x", NULL, 0), 404);
    assert_int_equal(raw(house, "POST", "/v1/channels/none/start", NULL, 0), 404);
    assert_int_equal(raw(house, "POST", "/v1/status", NULL, 0), 405);
    assert_int_equal(raw(house, "DELETE", "/v1/reload", NULL, 0), 405);
    assert_int_equal(raw(house, "POST", "/v1/reload", "Origin: http://elsewhere", 0), 403);
    assert_int_equal(raw(house, "POST", "/v1/reload", NULL, 1000), 200);
    assert_int_equal(raw(house, "POST", "/v1/reload", NULL, 1 << 20), 413);
    char name[300];
    memset(name, 'x', sizeof name - 1);
    memcpy(name, "/v1/channels/", 13);
    name[120] = '\0';
    assert_int_equal(raw(house, "GET", name, NULL, 0), 404);
}

static bool is_closed(const struct house *house)
{
    bool closed = false;
    json_t *alerts = ask(house, "GET", "/v1/alerts", 0);
    for (size_t i = 0; i < json_array_size(alerts); i++)
        closed |= json_integer_value(json_object_get(json_array_get(alerts, i), "id")) == ALERT_API_CLOSED;
    json_decref(alerts);
    return closed;
}

/* Another program has the port: the box runs all the same, and listens once it may. */
static void a_port_in_use_stops_nothing(void **state)
{
    struct house *house = *state;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof address;
    char text[2048];
    int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(other, (struct sockaddr *)&address, bytes), 0);
    assert_int_equal(listen(other, 1), 0);
    assert_int_equal(getsockname(other, (struct sockaddr *)&address, &bytes), 0);
    move_out(house);
    snprintf(text, sizeof text, "%.*sapi = { address = \"127.0.0.1\"; port = %u; };\n",
             (int)(strstr(fixture_box, "api = ") - fixture_box), fixture_box, ntohs(address.sin_port));
    fixture_write(&house->fixture, "box.cfg", text, 0644);
    move_in(house);
    assert_true(is_closed(house));
    close(other);
    for (unsigned i = 0; i < 500 && is_closed(house); i++)
        usleep(20000);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, bytes), 0);
    close(client);
    assert_false(is_closed(house));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tells_what_the_box_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(starts_stops_and_restarts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_ran_is_adopted_by_the_next_management_plane, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_killed_process_is_restarted_and_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reload_changes_all_or_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_removed_channel_goes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_secret_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_with_the_right_status, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_port_in_use_stops_nothing, set_up, tear_down),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
