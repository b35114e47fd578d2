/* SPDX-License-Identifier: GPL-2.0-or-later */
/* house_test.c - the management plane from an encode process to an origin and back, with everything killed that can be:
 * real supervisor, hand-off, publishers and HTTP; the encode process makes no pictures, the origin is a neighbour.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <libgen.h>
#include <signal.h>

#include "mgmt/management.h"
#include "tests/mgmt/configuration_fixture.h"
#include "tests/mgmt/fake_encode.h"
#include "tests/mgmt/fake_origin.h"

struct house {
    struct configuration_fixture fixture;
    char run[128], spool[128], programs[128];
    struct clock clock;
    struct loop *loop;
    struct origin *origin;
    struct management *management;
    unsigned hello_within_ms;
    bool shut_down;
};

static void on_shut_down(void *context)
{
    ((struct house *)context)->shut_down = true;
}

static void move_in(struct house *house)
{
    struct configuration *configuration;
    struct problems *problems = problems_create();
    struct error err = { 0 };
    assert_int_equal(configuration_read(&configuration, house->fixture.directory, "board/boards", problems), 0);
    problems_destroy(problems);
    const struct management_config config = { .loop = house->loop,
                                              .clock = &house->clock,
                                              .config_directory = house->fixture.directory,
                                              .run_directory = house->run,
                                              .spool_directory = house->spool,
                                              .boards_directory = "board/boards",
                                              .programs_directory = house->programs,
                                              .hello_within_ms = house->hello_within_ms,
                                              .log_files = true,
                                              .shut_down = on_shut_down,
                                              .context = house };
    if (management_create(&house->management, &config, configuration, &err) < 0)
        fail_msg("%s", err.text);
}

static void write_channel(struct house *house)
{
    char prefix[64];
    char *text = strdup(fixture_channel);
    for (unsigned i = 0; i < 2; i++) {
        snprintf(prefix, sizeof prefix, "127.0.0.1:%u/", house->origin->port);
        char *other = fixture_replace(text, "127.0.0.1:9/", prefix);
        free(text);
        text = other;
    }
    fixture_write(&house->fixture, "channels.d/news.cfg", text, 0644);
    free(text);
}

static int set_up(void **state)
{
    struct house *house = calloc(1, sizeof *house);
    char self[256], program[256];
    fixture_create(&house->fixture);
    snprintf(house->run, sizeof house->run, "%s/run", house->fixture.directory);
    snprintf(house->spool, sizeof house->spool, "%s/spool", house->fixture.directory);
    snprintf(house->programs, sizeof house->programs, "%s/programs", house->fixture.directory);
    mkdir(house->run, 0700);
    mkdir(house->spool, 0700);
    mkdir(house->programs, 0700);
    fixture_write(&house->fixture, "programs/biplane-dataplane", "#!/bin/sh\nexec sleep 1000\n", 0755);
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(length > 0);
    self[length] = '\0';
    snprintf(program, sizeof program, "%s/biplane-encode", house->programs);
    assert_int_equal(symlink(self, program), 0);
    house->clock = clock_real();
    assert_int_equal(loop_create(&house->loop, NULL), 0);
    house->origin = origin_create(house->loop);
    write_channel(house);
    move_in(house);
    *state = house;
    return 0;
}

static uint64_t now_ms(const struct house *house)
{
    return clock_monotonic_ns(&house->clock) / NS_PER_MS;
}

#define TURN_UNTIL(house, condition)                                                                                   \
    for (uint64_t end = now_ms(house) + 40000; !(condition);) {                                                        \
        if (now_ms(house) > end)                                                                                       \
            fail_msg("never: %s", #condition);                                                                         \
        loop_turn((house)->loop, 5);                                                                                   \
    }

static int tear_down(void **state)
{
    struct house *house = *state;
    management_shutdown(house->management);
    TURN_UNTIL(house, house->shut_down);
    management_destroy(house->management);
    origin_destroy(house->origin);
    loop_destroy(house->loop);
    fixture_destroy(&house->fixture);
    free(house);
    return 0;
}

static bool channel_is(const struct house *house, const char *state)
{
    json_t *channel = management_channel(house->management, "news");
    bool is = strcmp(json_string_value(json_object_get(channel, "state")), state) == 0;
    json_decref(channel);
    return is;
}

static int pid_of(const struct house *house, unsigned pipeline)
{
    json_t *channel = management_channel(house->management, "news");
    json_t *json = json_array_get(json_object_get(channel, "pipelines"), pipeline);
    int pid = (int)json_integer_value(json_object_get(json, "pid"));
    json_decref(channel);
    return pid;
}

static bool origin_has(const struct house *house, const char *letter, int64_t number)
{
    char path[96];
    snprintf(path, sizeof path, "/%s/news_360p_%lld.ts", letter, (long long)(FAKE_FIRST_NUMBER + number));
    return origin_find(house->origin, path) != NULL;
}

static bool both_have(const struct house *house, int64_t number)
{
    return origin_has(house, "a", number) && origin_has(house, "b", number);
}

static void assert_whole(const struct house *house, int64_t last)
{
    for (int64_t number = 0; number <= last; number++)
        assert_true(both_have(house, number));
}

static void start(struct house *house)
{
    struct error err = { 0 };
    assert_int_equal(management_start(house->management, "news", &err), 0);
    TURN_UNTIL(house, channel_is(house, "running"));
    TURN_UNTIL(house, both_have(house, 3));
}

static void segments_and_playlists_arrive_at_both_origins(void **state)
{
    struct house *house = *state;
    start(house);
    TURN_UNTIL(house, origin_find(house->origin, "/a/news.m3u8") && origin_find(house->origin, "/b/news.m3u8"));
    const struct origin_file *master = origin_find(house->origin, "/a/news.m3u8");
    assert_non_null(strstr(master->body, "news_360p.m3u8"));
    assert_int_equal(management_stop(house->management, "news", NULL), 0);
    TURN_UNTIL(house, channel_is(house, "idle"));
    assert_int_equal(pid_of(house, 0), 0);
}

static void a_killed_encoder_goes_on_where_it_was(void **state)
{
    struct house *house = *state;
    start(house);
    int first = pid_of(house, 0), twin = pid_of(house, 1);
    kill(first, SIGKILL);
    TURN_UNTIL(house, channel_is(house, "recovering"));
    TURN_UNTIL(house, channel_is(house, "running"));
    assert_int_not_equal(pid_of(house, 0), first);
    assert_int_equal(pid_of(house, 1), twin);
    TURN_UNTIL(house, both_have(house, 10));
    assert_whole(house, 10);
}

static bool is_alerted(const struct house *house, const char *words)
{
    json_t *alerts = management_alerts(house->management, false);
    char *text = json_dumps(alerts, 0);
    bool is = strstr(text, words) != NULL;
    free(text);
    json_decref(alerts);
    return is;
}

static bool job_has(const struct house *house, const char *words)
{
    char path[256], text[8192] = "";
    snprintf(path, sizeof path, "%s/news-0.job", house->run);
    FILE *file = fopen(path, "r");
    if (file) {
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        fclose(file);
    }
    return strstr(text, words) != NULL;
}

static void lose(struct house *house)
{
    int first = pid_of(house, 0);
    fixture_write(&house->fixture, "run/news-0.lose", "", 0644);
    TURN_UNTIL(house, pid_of(house, 0) != first && pid_of(house, 0) != 0);
    TURN_UNTIL(house, channel_is(house, "running"));
}

static void a_lost_accelerator_is_told_and_the_second_time_left_alone(void **state)
{
    struct house *house = *state;
    start(house);
    int twin = pid_of(house, 1);
    lose(house);
    TURN_UNTIL(house, is_alerted(house, "accelerator lost"));
    assert_false(job_has(house, "accelerator = \"software\""));
    lose(house);
    assert_true(job_has(house, "accelerator = \"software\""));
    assert_true(is_alerted(house, "software stands in"));
    assert_int_equal(pid_of(house, 1), twin);
    TURN_UNTIL(house, both_have(house, 12));
    assert_whole(house, 12);
    assert_int_equal(management_stop(house->management, "news", NULL), 0);
    TURN_UNTIL(house, channel_is(house, "idle"));
    start(house);
    assert_false(job_has(house, "accelerator = \"software\""));
    assert_false(is_alerted(house, "accelerator lost"));
}

/* The channels of the audio are left to the source: the next life of either pipeline gets what the first made of it. */
static void what_the_source_was_is_kept(void **state)
{
    struct house *house = *state;
    assert_int_equal(management_start(house->management, "news", NULL), 0);
    assert_false(job_has(house, "channels = 2"));
    TURN_UNTIL(house, both_have(house, 2));
    assert_true(job_has(house, "channels = 2"));
    lose(house);
    assert_true(job_has(house, "channels = 2"));
    int first = pid_of(house, 0);
    management_destroy(house->management);
    move_in(house);
    TURN_UNTIL(house, both_have(house, 8));
    assert_int_equal(pid_of(house, 0), first);
    assert_true(job_has(house, "channels = 2"));
}

static void an_encoder_that_does_not_come_up_is_started_again(void **state)
{
    struct house *house = *state;
    char path[512];
    management_destroy(house->management);
    house->hello_within_ms = 300;
    move_in(house);
    fixture_write(&house->fixture, "run/news-0.mute", "", 0644);
    assert_int_equal(management_start(house->management, "news", NULL), 0);
    TURN_UNTIL(house, is_alerted(house, "does not come up"));
    TURN_UNTIL(house, job_has(house, "accelerator = \"software\"")); /* twice: perhaps the GPU hangs */
    assert_true(is_alerted(house, "\"id\": 5904"));
    assert_true(is_alerted(house, "software stands in"));
    snprintf(path, sizeof path, "%s/news-0.mute", house->run);
    assert_int_equal(unlink(path), 0);
    TURN_UNTIL(house, channel_is(house, "running"));
    TURN_UNTIL(house, !is_alerted(house, "\"id\": 5904"));
    TURN_UNTIL(house, both_have(house, 3));
}

static void wait_until_mute(const struct house *house, unsigned pipeline)
{
    char path[256];
    snprintf(path, sizeof path, "%s/news-%u.is-mute", house->run, pipeline);
    for (unsigned i = 0; access(path, F_OK) != 0; i++) {
        assert_true(i < 2000);
        usleep(10000);
    }
}

/* Who is asked to end says hello no more: that is no alert, and not killed for it. */
static void an_encoder_that_is_to_end_is_not_waited_for(void **state)
{
    struct house *house = *state;
    management_destroy(house->management);
    house->hello_within_ms = 300;
    move_in(house);
    fixture_write(&house->fixture, "run/news-0.mute", "", 0644);
    fixture_write(&house->fixture, "run/news-1.mute", "", 0644);
    assert_int_equal(management_start(house->management, "news", NULL), 0);
    int first = pid_of(house, 0), twin = pid_of(house, 1);
    usleep(300000); /* the loop's time stands still meanwhile */
    wait_until_mute(house, 0);
    wait_until_mute(house, 1);
    assert_int_equal(management_stop(house->management, "news", NULL), 0);
    for (unsigned i = 0; i < 60; i++) {
        usleep(10000);
        loop_turn(house->loop, 0);
    }
    assert_int_equal(kill(first, 0) | kill(twin, 0), 0); /* they are still there */
    assert_false(is_alerted(house, "\"id\": 5904"));
    kill(first, SIGKILL);
    kill(twin, SIGKILL);
    TURN_UNTIL(house, channel_is(house, "idle"));
}

static void nothing_is_lost_while_the_management_plane_is_away(void **state)
{
    struct house *house = *state;
    start(house);
    int first = pid_of(house, 0), twin = pid_of(house, 1);
    management_destroy(house->management);
    for (uint64_t end = now_ms(house) + 500; now_ms(house) < end;)
        loop_turn(house->loop, 5);
    move_in(house);
    assert_int_equal(pid_of(house, 0), first);
    assert_int_equal(pid_of(house, 1), twin);
    TURN_UNTIL(house, both_have(house, 15));
    TURN_UNTIL(house, channel_is(house, "running"));
    assert_whole(house, 15);
}

static void what_was_made_before_a_stop_is_delivered(void **state)
{
    struct house *house = *state;
    start(house);
    house->origin->behaviour = ORIGIN_HANG;
    for (uint64_t end = now_ms(house) + 400; now_ms(house) < end;)
        loop_turn(house->loop, 5);
    json_t *channel = management_channel(house->management, "news");
    json_t *pipeline = json_array_get(json_object_get(channel, "pipelines"), 0);
    json_t *publisher = json_array_get(json_object_get(pipeline, "publishers"), 0);
    json_t *output = json_array_get(json_object_get(publisher, "outputs"), 1);
    int64_t last = json_integer_value(json_object_get(output, "last_received")) - FAKE_FIRST_NUMBER;
    json_decref(channel);
    assert_int_equal(management_stop(house->management, "news", NULL), 0);
    assert_true(channel_is(house, "stopping"));
    origin_shut(house->origin); /* what hangs is let go of */
    origin_listen(house->origin);
    house->origin->behaviour = ORIGIN_GOOD;
    TURN_UNTIL(house, channel_is(house, "idle"));
    assert_true(last > 3);
    assert_true(origin_has(house, "a", last));
}

int main(int argc, char **argv)
{
    if (strcmp(basename(argv[0]), "biplane-encode") == 0)
        return fake_encode_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(segments_and_playlists_arrive_at_both_origins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_killed_encoder_goes_on_where_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lost_accelerator_is_told_and_the_second_time_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_source_was_is_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_encoder_that_does_not_come_up_is_started_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_encoder_that_is_to_end_is_not_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_lost_while_the_management_plane_is_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_made_before_a_stop_is_delivered, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
