/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api_house.h - the whole management plane in a thread, small shell programs in the place of data planes and encoders,
 * and the real client over the unix socket. To be included behind cmocka.h.
 */
#pragma once
#include <pthread.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"
#include "mgmt/api.h"
#include "mgmt/caretaker.h"
#include "mgmt/client.h"
#include "mgmt/log_tail.h"
#include "mgmt/management.h"
#include "mgmt/media.h"
#include "tests/mgmt/configuration_fixture.h"

struct house {
    struct configuration_fixture fixture;
    char run[128], spool[128], programs[128];
    struct clock clock;
    struct loop *loop;
    struct management *management;
    struct caretaker *caretaker;
    struct log_tail *log_tail;
    struct media media;
    struct api_settings settings;
    struct api *api;
    int end; /* write end of a pipe: closing it ends the thread as SIGTERM would */
    pthread_t thread;
    struct client client;
};

static inline void make_folder(char *path, size_t bytes, const struct house *house, const char *name)
{
    snprintf(path, bytes, "%s/%s", house->fixture.directory, name);
    mkdir(path, 0700);
}

static inline void on_end(void *context, int descriptor, unsigned events)
{
    (void)events;
    struct house *house = context;
    loop_unwatch(house->loop, descriptor);
    close(descriptor);
    loop_stop(house->loop);
}

static inline void on_shut_down(void *context)
{
    loop_stop(((struct house *)context)->loop);
}

static inline void *live(void *context)
{
    struct house *house = context;
    loop_run(house->loop);
    api_destroy(house->api);
    caretaker_destroy(house->caretaker);
    log_tail_destroy(house->log_tail);
    management_destroy(house->management);
    loop_destroy(house->loop);
    return NULL;
}

static inline void move_in(struct house *house)
{
    struct error err = { 0 };
    struct configuration *configuration;
    struct problems *problems = problems_create();
    int ends[2];
    assert_int_equal(configuration_read(&configuration, house->fixture.directory, "board/boards", problems), 0);
    problems_destroy(problems);
    assert_int_equal(loop_create(&house->loop, &err), 0);
    const struct management_config config = { .loop = house->loop,
                                              .clock = &house->clock,
                                              .config_directory = house->fixture.directory,
                                              .run_directory = house->run,
                                              .spool_directory = house->spool,
                                              .boards_directory = "board/boards",
                                              .programs_directory = house->programs,
                                              .log_files = true,
                                              .shut_down = on_shut_down,
                                              .context = house };
    assert_int_equal(management_create(&house->management, &config, configuration, &err), 0);
    const struct caretaker_config caretaker_config = { .loop = house->loop,
                                                       .clock = &house->clock,
                                                       .management = house->management,
                                                       .config_directory = house->fixture.directory,
                                                       .run_directory = house->run,
                                                       .spool_directory = house->spool,
                                                       .boards_directory = "board/boards",
                                                       .machine_socket = "/nonexistent.socket" };
    assert_int_equal(caretaker_create(&house->caretaker, &caretaker_config, &err), 0);
    house->log_tail = log_tail_create();
    log_tail_open(house->log_tail, house->loop, &house->clock, house->run, false);
    house->media = (struct media){ house->fixture.directory, true };
    house->settings = configuration->box.api;
    struct api_config api_config = { .loop = house->loop,
                                     .clock = &house->clock,
                                     .management = house->management,
                                     .run_directory = house->run,
                                     .settings = &house->settings,
                                     .log_tail = house->log_tail,
                                     .media = &house->media };
    caretaker_offer(house->caretaker, &api_config);
    assert_int_equal(api_create(&house->api, &api_config, &err), 0);
    assert_int_equal(pipe(ends), 0);
    house->end = ends[1];
    assert_int_equal(loop_watch(house->loop, ends[0], LOOP_READ, on_end, house, &err), 0);
    assert_int_equal(pthread_create(&house->thread, NULL, live, house), 0);
}

static inline void move_out(struct house *house)
{
    close(house->end);
    pthread_join(house->thread, NULL);
}

static inline json_t *ask(const struct house *house, const char *method, const char *path, int expected)
{
    struct error err = { 0 };
    json_t *answer = NULL;
    int result = client_request(&house->client, method, path, &answer, &err);
    if (result != expected)
        fail_msg("%s %s: %d %s", method, path, result, err.text);
    return answer;
}

static inline void post(const struct house *house, const char *path)
{
    json_decref(ask(house, "POST", path, 0));
}

static inline int pid_of(const struct house *house, unsigned pipeline)
{
    json_t *channels = ask(house, "GET", "/v1/channels", 0);
    const json_t *pipelines = json_object_get(json_array_get(channels, 0), "pipelines");
    int pid = (int)json_integer_value(json_object_get(json_array_get(pipelines, pipeline), "pid"));
    json_decref(channels);
    return pid;
}

static inline void await_state(const struct house *house, const char *wanted)
{
    for (unsigned i = 0; i < 250; i++) {
        json_t *channel = ask(house, "GET", "/v1/channels/news", 0);
        bool there = strcmp(json_string_value(json_object_get(channel, "state")), wanted) == 0;
        json_decref(channel);
        if (there)
            return;
        usleep(20000);
    }
    fail_msg("the channel never was %s", wanted);
}

static inline int set_up(void **state)
{
    struct house *house = calloc(1, sizeof *house);
    static const char script[] = "#!/bin/sh\nexec sleep 1000\n";
    fixture_create(&house->fixture);
    make_folder(house->run, sizeof house->run, house, "run");
    make_folder(house->spool, sizeof house->spool, house, "spool");
    make_folder(house->programs, sizeof house->programs, house, "programs");
    fixture_write(&house->fixture, "programs/biplane-encode", script, 0755);
    fixture_write(&house->fixture, "programs/biplane-dataplane", script, 0755);
    house->clock = clock_real();
    house->client.run = house->run;
    move_in(house);
    *state = house;
    return 0;
}

static inline int tear_down(void **state)
{
    struct house *house = *state;
    json_t *answer = NULL;
    client_request(&house->client, "POST", "/v1/shutdown", &answer, NULL);
    json_decref(answer);
    pthread_join(house->thread, NULL);
    close(house->end);
    fixture_destroy(&house->fixture);
    free(house);
    return 0;
}
