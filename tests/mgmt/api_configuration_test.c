/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api_configuration_test.c - the configuration and the machine through the doors: staged, applied, backed up, told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <curl/curl.h>
#include <errno.h>
#include <zlib.h>

#include "tests/mgmt/api_house.h"
#include "tests/mgmt/slow_stick.h"

static json_t *say(const struct house *house, const char *method, const char *path, const json_t *body, int expected)
{
    struct error err = { 0 };
    json_t *answer = NULL;
    int result = client_send(&house->client, method, path, body, &answer, &err);
    if (result != expected)
        fail_msg("%s %s: %d %s", method, path, result, err.text);
    return answer;
}

static json_t *channel(const struct house *house)
{
    json_t *documents = ask(house, "GET", "/v1/configuration?staged=1", 0);
    json_t *news = json_incref(json_object_get(documents, "channels/news"));
    json_decref(documents);
    return news;
}

static bool text_has(const json_t *json, const char *word)
{
    char *text = json_dumps(json, 0);
    bool has = strstr(text, word) != NULL;
    free(text);
    return has;
}

static void a_form_finds_all_it_needs(void **state)
{
    struct house *house = *state;
    json_t *schema = ask(house, "GET", "/v1/schema", 0);
    static const char *const names[] = { "box", "network", "credentials", "channel" };
    for (unsigned i = 0; i < 4; i++)
        assert_true(json_array_size(json_object_get(json_object_get(schema, names[i]), "rows")) > 0);
    json_decref(schema);
    json_t *documents = ask(house, "GET", "/v1/configuration", 0);
    assert_int_equal(json_object_size(documents), 3);
    assert_false(text_has(documents, "a-secret"));
    json_decref(documents);
}

static void a_channel_is_changed_in_steps(void **state)
{
    struct house *house = *state;
    json_t *news = channel(house);
    json_object_set_new(news, "encoder_threads", json_integer(99));
    json_t *report = say(house, "PUT", "/v1/configuration/channels/news", news, 0);
    const json_t *problem = json_array_get(json_object_get(report, "problems"), 0);
    assert_string_equal(json_string_value(json_object_get(problem, "document")), "channels/news");
    assert_string_equal(json_string_value(json_object_get(problem, "path")), "encoder_threads");
    json_decref(report);
    json_decref(ask(house, "POST", "/v1/configuration/apply", -EREMOTEIO));
    json_object_set_new(news, "encoder_threads", json_integer(2));
    report = say(house, "PUT", "/v1/configuration/channels/news", news, 0);
    assert_int_equal(json_array_size(json_object_get(report, "problems")), 0);
    assert_int_equal(json_array_size(json_object_get(report, "difference")), 1);
    json_decref(report);
    report = ask(house, "POST", "/v1/configuration/apply", 0);
    assert_true(text_has(json_object_get(report, "changes"), "news"));
    assert_true(json_is_false(json_object_get(report, "staged")));
    json_decref(report);
    json_decref(ask(house, "POST", "/v1/configuration/confirm", -EREMOTEIO));
    report = ask(house, "POST", "/v1/configuration/rollback", 0);
    assert_int_equal(json_array_size(json_object_get(report, "difference")), 1);
    json_decref(report);
    json_decref(ask(house, "POST", "/v1/configuration/discard", 0));
    json_decref(news);
}

static void nonsense_is_refused(void **state)
{
    struct house *house = *state;
    json_t *list = json_array(), *key = json_pack("{s:i}", "a b", 1);
    json_decref(say(house, "PUT", "/v1/configuration/channels/news", list, -EREMOTEIO));
    json_decref(say(house, "PUT", "/v1/configuration/documents/box", key, -EREMOTEIO));
    json_decref(say(house, "PUT", "/v1/configuration/documents/passwd", key, -EREMOTEIO));
    json_decref(say(house, "PUT", "/v1/configuration/channels/.news", key, -EREMOTEIO));
    json_decref(ask(house, "PUT", "/v1/configuration/documents/box", -EREMOTEIO)); /* no body */
    json_decref(ask(house, "DELETE", "/v1/configuration/channels/none", -EREMOTEIO));
    json_decref(ask(house, "POST", "/v1/restore?file=channels.d/news.cfg", -EREMOTEIO));
    json_t *report = ask(house, "GET", "/v1/configuration/report", 0);
    assert_true(json_is_false(json_object_get(report, "staged")));
    json_decref(report);
    json_decref(list);
    json_decref(key);
}

static void credentials_stand_where_the_menu_writes_them(void **state)
{
    struct house *house = *state;
    json_t *documents = ask(house, "GET", "/v1/configuration", 0), *box = json_object_get(documents, "box");
    json_object_set_new(box, "credentials", json_string("secret.cfg"));
    json_t *report = say(house, "PUT", "/v1/configuration/documents/box", box, 0);
    assert_true(text_has(json_object_get(report, "problems"), "only \\\"credentials.cfg\\\""));
    json_decref(report);
    json_decref(ask(house, "POST", "/v1/configuration/apply", -EREMOTEIO));
    json_decref(ask(house, "POST", "/v1/configuration/discard", 0));
    json_decref(documents);
}

static void too_much_is_refused_with_the_reason(void **state)
{
    struct house *house = *state;
    enum { BYTES = 900000 };
    char *letters = malloc(BYTES);
    memset(letters, 'x', BYTES);
    json_t *draft = json_pack("{s:s#}", "channel", letters, BYTES), *answer = NULL;
    struct error err = { 0 };
    assert_int_equal(client_send(&house->client, "PUT", "/v1/draft", draft, &answer, &err), -EREMOTEIO);
    assert_non_null(strstr(err.text, "more than 768 KiB"));
    json_decref(answer);
    json_decref(draft);
    free(letters);
}

static void a_draft_is_kept(void **state)
{
    struct house *house = *state;
    json_decref(ask(house, "GET", "/v1/draft", -EREMOTEIO));
    json_t *draft = json_pack("{s:s}", "channel", "half");
    json_decref(say(house, "PUT", "/v1/draft", draft, 0));
    move_out(house);
    move_in(house);
    json_t *kept = ask(house, "GET", "/v1/draft", 0);
    assert_true(json_equal(kept, draft));
    json_decref(kept);
    json_decref(draft);
    json_decref(ask(house, "DELETE", "/v1/draft", 0));
    json_decref(ask(house, "GET", "/v1/draft", -EREMOTEIO));
}

static void a_backup_brings_everything_back(void **state)
{
    struct house *house = *state;
    json_t *answer = ask(house, "POST", "/v1/backup?place=programs", 0);
    const char *path = json_string_value(json_object_get(answer, "path"));
    char request[300];
    snprintf(request, sizeof request, "/v1/restore?file=programs%s", strrchr(path, '/'));
    json_t *backup = json_load_file(path, 0, NULL);
    assert_non_null(backup);
    assert_false(text_has(backup, "a-secret"));
    json_decref(backup);
    FILE *file = fopen(path, "a"); /* as large as one of many channels */
    for (unsigned i = 0; i < 600000; i++)
        fputc(' ', file);
    fclose(file);
    json_decref(answer);
    json_decref(ask(house, "DELETE", "/v1/configuration/channels/news", 0));
    json_decref(ask(house, "POST", "/v1/configuration/apply", 0));
    answer = ask(house, "POST", request, 0);
    assert_true(json_array_size(json_object_get(answer, "difference")) > 10);
    assert_int_equal(json_array_size(json_object_get(answer, "problems")), 0); /* the password is still there */
    json_decref(answer);
    json_decref(ask(house, "POST", "/v1/configuration/apply", 0));
    json_decref(ask(house, "GET", "/v1/channels/news", 0));
    answer = ask(house, "GET", "/v1/backup?secrets=1", 0);
    assert_true(text_has(answer, "a-secret"));
    json_decref(answer);
}

static char *unpacked(const char *path, size_t *bytes)
{
    gzFile file = gzopen(path, "rb");
    char *data = malloc(4 << 20);
    int got = gzread(file, data, 4 << 20);
    gzclose(file);
    assert_true(got > 0);
    *bytes = (size_t)got;
    return data;
}

static void a_support_bundle_holds_no_secret(void **state)
{
    struct house *house = *state;
    json_t *news = channel(house);
    json_t *group = json_array_get(json_object_get(news, "output_groups"), 0);
    json_t *destination = json_array_get(json_object_get(group, "destinations"), 1);
    json_object_set_new(destination, "stream", json_string("a-stream-key"));
    json_decref(say(house, "PUT", "/v1/configuration/channels/news", news, 0));
    log_tail_line(house->log_tail, "a line of the log", 17);
    json_t *answer = ask(house, "POST", "/v1/support-bundle?place=programs", 0);
    size_t bytes;
    char *data = unpacked(json_string_value(json_object_get(answer, "path")), &bytes);
    assert_null(memmem(data, bytes, "a-secret", 8));
    assert_null(memmem(data, bytes, "a-stream-key", 12));
    assert_non_null(memmem(data, bytes, "biplane-support/status.json", 27));
    assert_non_null(memmem(data, bytes, "a line of the log", 17));
    assert_non_null(memmem(data, bytes, "http://127.0.0.1:9/a/news", 25));
    free(data);
    json_decref(answer);
    json_decref(news);
    json_decref(ask(house, "POST", "/v1/support-bundle?place=..", -EREMOTEIO));
}

static void *ask_for_media(void *context)
{
    const struct house *house = context;
    struct error err = { 0 };
    json_t *answer = NULL;
    int result = client_request(&house->client, "GET", "/v1/media", &answer, &err);
    json_decref(answer);
    return (void *)(intptr_t)result;
}

static pthread_t begin_to_wait(struct house *house)
{
    pthread_t waiting;
    stick_hangs = true;
    assert_int_equal(pthread_create(&waiting, NULL, ask_for_media, house), 0);
    for (unsigned i = 0; i < 5000 && !stick_waiting; i++)
        usleep(1000);
    assert_int_equal(stick_waiting, 1);
    return waiting;
}

/* A stick that hangs holds up who asks for it, and nobody else; not even the end. */
static void a_stick_that_hangs_holds_nobody_up(void **state)
{
    struct house *house = *state;
    void *result;
    pthread_t waiting = begin_to_wait(house);
    json_decref(ask(house, "GET", "/v1/status", 0));
    assert_int_equal(stick_waiting, 1);
    stick_hangs = false;
    assert_int_equal(pthread_join(waiting, &result), 0);
    assert_int_equal((intptr_t)result, 0);

    waiting = begin_to_wait(house);
    move_out(house);
    assert_int_equal(stick_waiting, 1);
    assert_int_equal(pthread_join(waiting, &result), 0);
    assert_int_equal((intptr_t)result, -EREMOTEIO); /* it is told that biplaned ends */
    stick_let_go(1);
    move_in(house);
}

static void the_machine_is_told_of(void **state)
{
    struct house *house = *state;
    json_t *hardware = ask(house, "GET", "/v1/hardware", 0);
    assert_int_equal(json_array_size(json_object_get(hardware, "pipelines")), 2);
    json_decref(hardware);
    log_tail_line(house->log_tail, "first", 5);
    log_tail_line(house->log_tail, "second", 6);
    json_t *log = ask(house, "GET", "/v1/log?source=biplaned&lines=1", 0);
    assert_string_equal(json_string_value(json_array_get(json_object_get(log, "lines"), 0)), "second");
    assert_int_equal(json_array_size(json_object_get(log, "lines")), 1);
    json_decref(log);
    json_decref(ask(house, "GET", "/v1/log?source=../box.cfg", -EREMOTEIO));
    json_t *media = ask(house, "GET", "/v1/media", 0);
    assert_true(text_has(media, "programs"));
    json_decref(media);
    json_t *update = ask(house, "GET", "/v1/update", 0);
    assert_true(json_is_false(json_object_get(update, "available")));
    json_decref(update);
    json_decref(ask(house, "POST", "/v1/update/inspect?url=/etc/passwd", -EREMOTEIO));
    json_decref(ask(house, "POST", "/v1/update/inspect", -EREMOTEIO));
    json_decref(ask(house, "POST", "/v1/machine/reboot", -EREMOTEIO)); /* nobody does it here */
}

/* From a TCP port on loopback anybody on the box may look, but not change files. */
static void only_the_unix_socket_changes_files(void **state)
{
    struct house *house = *state;
    char port[32], url[64];
    unsigned number = 20000 + (unsigned)getpid() % 10000;
    snprintf(port, sizeof port, "port = %u; };\n", number);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", number);
    char *box = fixture_replace(fixture_box, "port = 0; };\n", port);
    fixture_write(&house->fixture, "box.cfg", box, 0644);
    free(box);
    move_out(house);
    move_in(house);
    const struct client tcp = { .url = url };
    json_t *answer = NULL;
    struct error err = { 0 };
    assert_int_equal(client_request(&tcp, "GET", "/v1/configuration", &answer, NULL), 0);
    json_decref(answer);
    static const char *const paths[] = { "/v1/configuration/apply", "/v1/machine/reboot", "/v1/restore" };
    for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_int_equal(client_request(&tcp, "POST", paths[i], &answer, &err), -EREMOTEIO);
        assert_non_null(strstr(err.text, "unix socket"));
        json_decref(answer);
    }
}

int main(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_form_finds_all_it_needs),
        TEST(a_channel_is_changed_in_steps),
        TEST(nonsense_is_refused),
        TEST(credentials_stand_where_the_menu_writes_them),
        TEST(too_much_is_refused_with_the_reason),
        TEST(a_draft_is_kept),
        TEST(a_backup_brings_everything_back),
        TEST(a_support_bundle_holds_no_secret),
        TEST(a_stick_that_hangs_holds_nobody_up),
        TEST(the_machine_is_told_of),
        TEST(only_the_unix_socket_changes_files),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
