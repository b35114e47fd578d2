/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/control.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "board/error.h"
#include "board/loop.h"
#include "board/shared_clock.h"
#include "dataplane/attach_server.h"
#include "dataplane/conditions.h"
#include "dataplane/plane.h"
#include "dataplane/responder.h"
#include "dataplane/status.h"
#include "dataplane/watch.h"

struct control {
    struct shared_clock time;
    const struct clock *clock; /* of it */
    struct loop *loop;
    struct plane *plane;
    struct conditions *conditions;
    struct watch *watch;
    struct attach_server *attach_server;
    struct loop_timer *tick;
    struct loop_timer *answer; /* NULL: no port answers for itself */
};

static void on_tick(void *context)
{
    struct control *control = context;
    watch_turn(control->watch);
    loop_timer_set(control->tick, clock_monotonic_ns(control->clock) + WATCH_PERIOD_NS);
}

static void on_answer(void *context)
{
    struct control *control = context;
    plane_turn(control->plane);
    loop_timer_set(control->answer, clock_monotonic_ns(control->clock) + RESPONDER_TURN_NS);
}

static const struct input_runtime *find_input(void *context, const char *name)
{
    return plane_find_input(((struct control *)context)->plane, name);
}

static int print_status(void *context, char *text, size_t bytes)
{
    struct control *control = context;
    json_t *json = status_json(&(struct status_sources){ .plane = control->plane,
                                                         .watch = control->watch,
                                                         .conditions = control->conditions,
                                                         .attach_server = control->attach_server,
                                                         .clock = control->clock });
    size_t used = json ? json_dumpb(json, text, bytes, JSON_COMPACT | JSON_REAL_PRECISION(6)) : 0;
    json_decref(json);
    return used == 0 || used > bytes ? -EMSGSIZE : (int)used;
}

static void on_input_end(void *context, const struct input_runtime *input)
{
    struct control *control = context;
    conditions_forget(control->conditions, input->settings.name);
    if (control->attach_server)
        attach_server_end_input(control->attach_server, input);
}

/* The socket comes last: who can connect finds everything there. */
static int serve(struct control *control, const struct control_config *config, struct error *err)
{
    char path[512];
    snprintf(path, sizeof path, "%s/dataplane-%u.socket", config->run_directory, config->job->pipeline);
    struct attach_server_config server = {
        .context = control, .find = find_input, .status = print_status, .log = config->log
    };
    int result = attach_server_create(&control->attach_server, config->loop, path, &server, err);
    if (result == 0)
        loop_timer_set(control->tick, clock_monotonic_ns(control->clock));
    return result;
}

static int start(struct control *control, const struct control_config *config, struct error *err)
{
    struct plane_config plane = {
        .job = config->job, .placement = config->placement, .clock = control->clock, .log = config->log
    };
    int result = plane_create(&control->plane, &plane, err);
    if (result < 0)
        return result;
    control->conditions = conditions_create(control->clock, config->log, CONDITION_HOLD_NS);
    control->watch = control->conditions ? watch_create(control->plane, control->conditions, control->clock) : NULL;
    control->tick = loop_timer_create(config->loop, on_tick, control);
    if (!control->watch || !control->tick)
        return error_set(err, -ENOMEM, "data plane");
    plane_on_end(control->plane, on_input_end, control);
    if (plane_answers(control->plane)) {
        control->answer = loop_timer_create(config->loop, on_answer, control);
        if (!control->answer)
            return error_set(err, -ENOMEM, "data plane");
        loop_timer_set(control->answer, clock_monotonic_ns(control->clock));
    }
    return serve(control, config, err);
}

int control_create(struct control **out, const struct control_config *config, struct error *err)
{
    struct control *control = calloc(1, sizeof *control);
    if (!control)
        return error_set(err, -ENOMEM, "data plane");
    shared_clock_open(&control->time, config->run_directory); /* alone if need be */
    control->clock = &control->time.clock;
    control->loop = config->loop;
    int result = start(control, config, err);
    if (result < 0) {
        control_destroy(control);
        return result;
    }
    *out = control;
    return 0;
}

int control_apply(struct control *control, const struct dataplane_job *job, struct error *err)
{
    return plane_apply(control->plane, job, err);
}

/* Readers are told first: their rings stay readable, but nothing more will come. */
void control_destroy(struct control *control)
{
    if (!control)
        return;
    attach_server_destroy(control->attach_server);
    control->attach_server = NULL;
    loop_timer_destroy(control->tick);
    loop_timer_destroy(control->answer);
    watch_destroy(control->watch);
    if (control->plane)
        plane_on_end(control->plane, NULL, NULL);
    plane_destroy(control->plane);
    conditions_destroy(control->conditions);
    shared_clock_close(&control->time);
    free(control);
}
