/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/management.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "board/loop.h"
#include "board/worker.h"
#include "drivers/gpu.h"
#include "mgmt/accelerator_survey.h"
#include "mgmt/accelerators.h"
#include "mgmt/alerts.h"
#include "mgmt/hello_watch.h"
#include "mgmt/inbox.h"
#include "mgmt/machine_faults.h"
#include "mgmt/management_private.h"
#include "mgmt/running_file.h"
#include "mgmt/runtime_channel.h"
#include "mgmt/runtime_dataplane.h"
#include "mgmt/state_files.h"
#include "mgmt/supervisor.h"
#include "mgmt/transfer.h"

enum { HOUSEKEEPING_MS = 200, SHUTDOWN_STEP_MS = 20 };

/* ---- the inbox's callbacks find the channel ---- */
static struct runtime_channel *find(const struct management *management, const char *name)
{
    for (unsigned i = 0; i < management->channels_count; i++)
        if (strcmp(runtime_channel_name(management->channels[i]), name) == 0)
            return management->channels[i];
    return NULL;
}

struct runtime_channel *management_find(const struct management *management, const char *name)
{
    struct runtime_channel *channel = find(management, name);
    return channel && !runtime_channel_removed(channel) ? channel : NULL;
}

static int on_hello(void *context, const struct inbox_peer *peer, int64_t *resume_tick_90k, struct error *err)
{
    struct runtime_channel *channel = find(context, peer->channel);
    if (!channel)
        return error_set(err, -ENOENT, "there is no channel \"%s\"", peer->channel);
    return runtime_channel_hello(channel, peer, resume_tick_90k, err);
}

static void on_segment(void *context, const struct inbox_peer *peer, const struct handoff_segment *segment, int memfd)
{
    struct runtime_channel *channel = find(context, peer->channel);
    if (channel)
        runtime_channel_segment(channel, peer, segment, memfd);
    else
        close(memfd);
}

static void on_told(void *context, const struct inbox_peer *peer, json_t *status)
{
    struct runtime_channel *channel = find(context, peer->channel);
    if (channel)
        runtime_channel_told(channel, peer, status);
}

static void on_gone(void *context, const struct inbox_peer *peer)
{
    struct runtime_channel *channel = find(context, peer->channel);
    if (channel)
        runtime_channel_gone(channel, peer);
}

/* ---- what is started is remembered ---- */
static void remember(struct management *management)
{
    struct error err = { 0 };
    strcpy(management->running.boot, management->boot);
    if (running_file_write(&management->running, management->config.spool_directory, &err) < 0)
        log_error(management->config.log, "what runs cannot be kept: %s", err.text);
}

/* ---- building ---- */
static bool know_all_gpus(const json_t *accelerators)
{
    struct gpu gpus[GPUS_MAX];
    unsigned count = gpu_list(gpus, GPUS_MAX, "/sys/class/drm", "/dev/dri");
    return accelerators_know_gpus(accelerators, gpus, count);
}

static int create_parts(struct management *management, struct error *err)
{
    const struct management_config *config = &management->config;
    struct environment *environment = &management->environment;
    const struct inbox_callbacks callbacks = { on_hello, on_segment, on_told, on_gone };
    management->alerts = alerts_create(config->clock, config->log);
    if (!management->alerts)
        return error_set(err, -ENOMEM, "alerts");
    const struct supervisor_config supervisor_config = { .loop = config->loop,
                                                         .alerts = management->alerts,
                                                         .clock = config->clock,
                                                         .log = config->log,
                                                         .run_directory = config->run_directory,
                                                         .log_files = config->log_files };
    struct inbox_config inbox_config = { .loop = config->loop,
                                         .run_directory = config->run_directory,
                                         .clock = config->clock,
                                         .log = config->log,
                                         .callbacks = callbacks,
                                         .context = management };
    const struct accelerator_survey_config survey_config = { .loop = config->loop,
                                                             .clock = config->clock,
                                                             .log = config->log,
                                                             .programs_directory = config->programs_directory,
                                                             .runtime_directory = config->runtime_directory,
                                                             .first = config->accelerators,
                                                             .complete = know_all_gpus };
    int result = supervisor_create(&management->supervisor, &supervisor_config, err);
    if (result == 0)
        result = accelerator_survey_create(&management->survey, &survey_config, err);
    if (result == 0)
        result = transfer_engine_create(&management->engine, config->loop, config->clock, err);
    if (result == 0)
        result = worker_create(&management->state_worker, config->loop, "states", err);
    if (result == 0)
        result = state_files_create(&management->states, management->state_worker, config->spool_directory, err);
    inbox_config.states = management->states;
    if (result == 0)
        result = inbox_create(&management->inbox, &inbox_config, err);
    *environment =
        (struct environment){ .loop = config->loop,
                              .clock = config->clock,
                              .log = config->log,
                              .alerts = management->alerts,
                              .supervisor = management->supervisor,
                              .inbox = management->inbox,
                              .engine = management->engine,
                              .states = management->states,
                              .hello_within_ms = config->hello_within_ms ? config->hello_within_ms : HELLO_WITHIN_MS,
                              .run_directory = config->run_directory,
                              .spool_directory = config->spool_directory,
                              .programs_directory = config->programs_directory,
                              .runtime_directory = config->runtime_directory };
    return result;
}

/* Starts, changes or stops data planes so that they are what the box says. */
static void apply_box(struct management *management)
{
    struct dataplane_job *job = malloc(sizeof *job);
    const struct box *box = &management->configuration->box;
    for (unsigned i = 0; job && i < BOX_NODES_MAX; i++) {
        struct error err = { 0 };
        struct runtime_dataplane **dataplane = &management->dataplanes[i];
        bool needed = i < box->nodes_count && box->nodes[i].ports_count;
        if (needed && !*dataplane && runtime_dataplane_create(dataplane, &management->environment, i, &err) < 0)
            log_error(management->config.log, "%s", err.text);
        if (needed && *dataplane) {
            box_dataplane_job(box, i, job);
            runtime_dataplane_apply(*dataplane, job);
        } else if (*dataplane) {
            runtime_dataplane_stop(*dataplane);
        }
    }
    free(job);
}

static struct runtime_channel *add_channel(struct management *management, const struct channel *configuration)
{
    struct error err = { 0 };
    struct runtime_channel *channel;
    if (management->channels_count == MANAGEMENT_CHANNELS_MAX ||
        runtime_channel_create(&channel, &management->environment, configuration,
                               management->configuration->box.accelerator, management->configuration->credentials,
                               &err) < 0) {
        log_error(management->config.log, "channel %s cannot be made: %s", configuration->name, err.text);
        return NULL;
    }
    management->channels[management->channels_count++] = channel;
    return channel;
}

static void start_channels(struct management *management)
{
    const struct configuration *configuration = management->configuration;
    for (unsigned i = 0; i < configuration->channels_count; i++) {
        struct runtime_channel *channel = add_channel(management, configuration->channels[i]);
        if (!channel || !running_file_wants(&management->running, configuration->channels[i], management->boot))
            continue;
        running_file_set(&management->running, configuration->channels[i]->name, true);
        runtime_channel_start(channel);
    }
    remember(management);
}

/* ---- housekeeping: what was removed goes when it is idle; a shutdown goes its steps ---- */
static void drop_removed(struct management *management)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < management->channels_count; i++) {
        struct runtime_channel *channel = management->channels[i];
        if (!runtime_channel_removed(channel) || runtime_channel_state(channel) != CHANNEL_IDLE) {
            management->channels[kept++] = channel;
            continue;
        }
        inbox_forget_channel(management->inbox, runtime_channel_name(channel));
        runtime_channel_destroy(channel);
    }
    management->channels_count = kept;
}

static void drop_dataplanes(struct management *management)
{
    const struct box *box = &management->configuration->box;
    for (unsigned i = 0; i < BOX_NODES_MAX; i++) {
        bool needed = i < box->nodes_count && box->nodes[i].ports_count && !management->shutting_down;
        if (needed || !management->dataplanes[i] || !runtime_dataplane_stopped(management->dataplanes[i]))
            continue;
        runtime_dataplane_destroy(management->dataplanes[i]);
        management->dataplanes[i] = NULL;
    }
}

static void go_on_shutting_down(struct management *management)
{
    for (unsigned i = 0; i < management->channels_count; i++)
        if (runtime_channel_state(management->channels[i]) != CHANNEL_IDLE)
            return;
    bool all_gone = true;
    for (unsigned i = 0; i < BOX_NODES_MAX; i++)
        if (management->dataplanes[i]) {
            runtime_dataplane_stop(management->dataplanes[i]);
            all_gone = false;
        }
    if (all_gone && !management->shut_down) {
        management->shut_down = true;
        log_info(management->config.log, "shut down: nothing runs any more");
        management->config.shut_down(management->config.context);
    }
}

static void look_at_machine(struct management *management)
{
    json_t *faults = machine_faults(management->config.faults_directory);
    alerts_replace(management->alerts, "box", "machine", faults);
    json_decref(faults);
}

static void on_housekeeping(void *context)
{
    struct management *management = context;
    drop_removed(management);
    drop_dataplanes(management);
    look_at_machine(management);
    if (management->shutting_down)
        go_on_shutting_down(management);
    uint64_t wait_ms = management->shutting_down ? SHUTDOWN_STEP_MS : HOUSEKEEPING_MS;
    loop_timer_set(management->housekeeping, clock_monotonic_ns(management->config.clock) + wait_ms * NS_PER_MS);
}

int management_create(struct management **out, const struct management_config *config,
                      struct configuration *configuration, struct error *err)
{
    struct management *management = calloc(1, sizeof *management);
    if (!management)
        return error_set(err, -ENOMEM, "management plane");
    management->config = *config;
    management->started_ns = clock_monotonic_ns(config->clock);
    spawn_boot_id(management->boot);
    int result = create_parts(management, err);
    management->housekeeping = loop_timer_create(config->loop, on_housekeeping, management);
    if (result == 0 && !management->housekeeping)
        result = error_set(err, -ENOMEM, "management plane");
    if (result < 0) {
        management_destroy(management);
        return result;
    }
    management->configuration = configuration;
    running_file_read(&management->running, config->spool_directory, config->log);
    apply_box(management);
    start_channels(management);
    supervisor_sweep(management->supervisor);
    on_housekeeping(management);
    *out = management;
    return 0;
}

static void close_states(struct management *management)
{
    unsigned undone = worker_destroy(management->state_worker);
    if (undone)
        log_error(management->config.log,
                  "the box's disk hangs: %u of the small files that say what was delivered are not the newest", undone);
    state_files_destroy(management->states);
}

void management_destroy(struct management *management)
{
    if (!management)
        return;
    for (unsigned i = 0; i < management->channels_count; i++)
        runtime_channel_destroy(management->channels[i]);
    for (unsigned i = 0; i < BOX_NODES_MAX; i++)
        runtime_dataplane_destroy(management->dataplanes[i]);
    inbox_destroy(management->inbox);
    close_states(management);
    transfer_engine_destroy(management->engine);
    accelerator_survey_destroy(management->survey);
    supervisor_destroy(management->supervisor);
    alerts_destroy(management->alerts);
    loop_timer_destroy(management->housekeeping);
    configuration_destroy(management->configuration);
    free(management);
}

/* ---- reload ---- */
static json_t *list_in(json_t *changes, const char *key)
{
    json_t *list = json_array();
    json_object_set_new(changes, key, list);
    return list;
}

static void apply_channels(struct management *management, json_t *changes)
{
    const struct configuration *configuration = management->configuration;
    json_t *added = list_in(changes, "added"), *changed = list_in(changes, "changed");
    json_t *removed = list_in(changes, "removed");
    for (unsigned i = 0; i < management->channels_count; i++) {
        struct runtime_channel *channel = management->channels[i];
        const char *name = runtime_channel_name(channel);
        if (configuration_channel(configuration, name) || runtime_channel_removed(channel))
            continue;
        json_array_append_new(removed, json_string(name));
        running_file_forget(&management->running, name);
        runtime_channel_remove(channel);
    }
    for (unsigned i = 0; i < configuration->channels_count; i++) {
        const struct channel *made = configuration->channels[i];
        struct runtime_channel *channel = find(management, made->name);
        if (channel && runtime_channel_removed(channel)) {
            json_array_append_new(added, json_string(made->name)); /* back before it was gone */
        } else if (!channel) {
            json_array_append_new(added, json_string(made->name));
            channel = add_channel(management, made);
            if (channel && made->start) {
                running_file_set(&management->running, made->name, true);
                runtime_channel_start(channel);
            }
            continue;
        }
        if (runtime_channel_update(channel, made, configuration->box.accelerator, configuration->credentials))
            json_array_append_new(changed, json_string(made->name));
    }
}

static bool same_box(const struct box *a, const struct box *b)
{
    char *text_a = configuration_text(&box_settings, a), *text_b = configuration_text(&box_settings, b);
    bool same = text_a && text_b && strcmp(text_a, text_b) == 0;
    free(text_a);
    free(text_b);
    return same;
}

static void check_accelerators(const struct management *management, const struct configuration *configuration,
                               struct problems *problems)
{
    const json_t *accelerators = accelerator_survey_known(management->survey);
    accelerators_check(accelerators, know_all_gpus(accelerators), configuration, management->configuration, problems);
}

int management_reload(struct management *management, struct problems *problems, json_t **changes)
{
    const struct management_config *config = &management->config;
    struct configuration *configuration;
    if (management->shutting_down) {
        problem_in_file(problems, NULL, 0, "the box is being shut down");
        return -ESHUTDOWN;
    }
    int result = configuration_read(&configuration, config->config_directory, config->boards_directory, problems);
    if (result == 0) {
        configuration_check_files(configuration, problems);
        check_accelerators(management, configuration, problems);
        if (problems_count(problems)) {
            configuration_destroy(configuration);
            result = -EINVAL;
        }
    }
    if (result < 0) {
        log_error(config->log, "the configuration was not reloaded: %u problems, the first: %s",
                  problems_count(problems), problems_text(problems, 0));
        return result;
    }
    struct configuration *before = management->configuration;
    management->configuration = configuration;
    *changes = json_object();
    json_object_set_new(*changes, "box", json_boolean(!same_box(&before->box, &configuration->box)));
    apply_box(management);
    apply_channels(management, *changes);
    remember(management);
    configuration_destroy(before); /* last: channels have let go of its credentials */
    log_info(config->log, "configuration reloaded");
    return 0;
}

/* ---- what operators do ---- */
static struct runtime_channel *find_for(struct management *management, const char *name, struct error *err)
{
    struct runtime_channel *channel = management_find(management, name);
    if (management->shutting_down) {
        error_set(err, -ESHUTDOWN, "the box is being shut down");
        return NULL;
    }
    if (!channel)
        error_set(err, -ENOENT, "there is no channel \"%.64s\"", name);
    return channel;
}

int management_start(struct management *management, const char *name, struct error *err)
{
    struct runtime_channel *channel = find_for(management, name, err);
    if (!channel)
        return err->code;
    log_info(management->config.log, "channel %s: start", name);
    running_file_set(&management->running, name, true);
    remember(management);
    runtime_channel_start(channel);
    return 0;
}

int management_stop(struct management *management, const char *name, struct error *err)
{
    struct runtime_channel *channel = find_for(management, name, err);
    if (!channel)
        return err->code;
    log_info(management->config.log, "channel %s: stop", name);
    running_file_set(&management->running, name, false);
    remember(management);
    runtime_channel_stop(channel);
    return 0;
}

int management_restart(struct management *management, const char *name, int pipeline, struct error *err)
{
    struct runtime_channel *channel = find_for(management, name, err);
    if (!channel)
        return err->code;
    log_info(management->config.log, "channel %s: restart", name);
    return runtime_channel_restart(channel, pipeline, err);
}

/* What was started stays so for the next time; what was stopped by hand goes by its setting then. */
void management_shutdown(struct management *management)
{
    if (management->shutting_down)
        return;
    management->shutting_down = true;
    log_info(management->config.log, "shutting down: channels first, then data planes");
    for (unsigned i = 0; i < management->channels_count; i++) {
        struct runtime_channel *channel = management->channels[i];
        if (!runtime_channel_wanted(channel))
            running_file_forget(&management->running, runtime_channel_name(channel));
        runtime_channel_stop(channel);
        runtime_channel_hurry(channel);
    }
    remember(management);
    loop_timer_set(management->housekeeping, clock_monotonic_ns(management->config.clock));
}
