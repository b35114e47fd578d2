/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/runtime_pipeline.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "board/loop.h"
#include "encode/pipeline.h"
#include "mgmt/accelerator_loss.h"
#include "mgmt/alerts.h"
#include "mgmt/configuration.h"
#include "mgmt/deferred_segments.h"
#include "mgmt/hello_watch.h"
#include "mgmt/publisher.h"
#include "mgmt/runtime_channel.h"
#include "mgmt/source_shape.h"
#include "mgmt/supervisor.h"

enum {
    PATH_BYTES = 768,
    ASKED_MS = 10000,       /* what an encode process gets to drain and hand over when it is asked to end */
    DELIVERY_S = 10,        /* what the publishers get afterwards to deliver */
    RECORDING_S = 6 * 3600, /* and those of recordings, while nobody waits for the pipeline */
    DRAIN_TICK_MS = 100,
};

struct runtime_pipeline {
    struct runtime_pipeline_config config;
    char source[ENCODE_NAME_BYTES + 8]; /* of alerts: "news/0" */
    char job_path[PATH_BYTES];
    struct process *process;
    struct publisher *publishers[OUTPUT_GROUPS_MAX];
    struct loop_timer *drain;
    uint64_t drain_until_ns; /* 0: does not drain */
    bool hurried;
    bool has_run;                       /* since start: a process has handed over a segment */
    pid_t running;                      /* the process that has; 0: the one that lives now has not */
    struct deferred_segments *deferred; /* before the publishers */
    uint64_t segments, segments_unknown;
    uint64_t last_segment_ns;
    json_t *told;
    bool on_hardware;      /* the newest process said so, or nothing yet: opening the GPU may be what it dies of */
    char lost_reason[256]; /* it has lost its accelerator, it said */
    struct accelerator_loss loss;
    struct hello_watch *hello;
    pid_t greeted; /* the process that has said hello, and is connected; 0: none */
};

static uint64_t now_ns(const struct runtime_pipeline *pipeline)
{
    return clock_monotonic_ns(pipeline->config.environment->clock);
}

static const char *channel_name(const struct runtime_pipeline *pipeline)
{
    return pipeline->config.channel->name;
}

/* ---- publishers ---- */
static void acknowledge(void *context, uint64_t instance, uint64_t serial)
{
    struct runtime_pipeline *pipeline = context;
    inbox_acknowledge(pipeline->config.environment->inbox, channel_name(pipeline), pipeline->config.pipeline, instance,
                      serial);
}

static void destroy_publishers(struct runtime_pipeline *pipeline)
{
    if (pipeline->deferred)
        deferred_segments_drop(pipeline->deferred); /* the encode process has them */
    for (unsigned i = 0; i < OUTPUT_GROUPS_MAX; i++) {
        publisher_destroy(pipeline->publishers[i]);
        pipeline->publishers[i] = NULL;
    }
}

static int create_publishers(struct runtime_pipeline *pipeline, struct error *err)
{
    const struct environment *environment = pipeline->config.environment;
    for (unsigned i = 0; i < pipeline->config.channel->output_groups_count; i++) {
        const struct publisher_config config = {
            .channel = channel_name(pipeline),
            .pipeline = pipeline->config.pipeline,
            .pipelines = channel_pipelines(pipeline->config.channel),
            .group = &pipeline->config.channel->output_groups[i],
            .start_utc_s = pipeline->config.channel->start_utc_s,
            .loop = environment->loop,
            .engine = environment->engine,
            .credentials = *pipeline->config.credentials,
            .alerts = environment->alerts,
            .spool_directory = environment->spool_directory,
            .states = environment->states,
            .clock = environment->clock,
            .log = environment->log,
            .acknowledge = acknowledge,
            .context = pipeline,
        };
        if (pipeline->publishers[i])
            continue; /* of a stop that was taken back */
        int result = publisher_create(&pipeline->publishers[i], &config, err);
        if (result < 0) {
            destroy_publishers(pipeline);
            return error_wrap(err, "output group \"%s\"", config.group->name);
        }
    }
    return 0;
}

/* but_patient: those do not count. */
static bool publishers_idle(const struct runtime_pipeline *pipeline, bool but_patient)
{
    for (unsigned i = 0; i < OUTPUT_GROUPS_MAX; i++)
        if (pipeline->publishers[i] && !publisher_idle(pipeline->publishers[i]) &&
            !(but_patient && publisher_is_patient(pipeline->publishers[i])))
            return false;
    return deferred_segments_waiting(pipeline->deferred) == 0;
}

/* ---- job ---- */
static unsigned accelerator_wish(const struct runtime_pipeline *pipeline)
{
    unsigned wish = pipeline->config.channel->accelerator;
    return wish == ACCELERATOR_AUTO ? pipeline->config.accelerator : wish;
}

static void fill_job(const struct runtime_pipeline *pipeline, struct encode_job *job)
{
    channel_encode_job(pipeline->config.channel, pipeline->config.pipeline, job);
    job->accelerator = accelerator_wish(pipeline);
}

static int write_job(struct runtime_pipeline *pipeline, struct error *err)
{
    struct encode_job *job = calloc(1, sizeof *job);
    if (!job)
        return error_set(err, -ENOMEM, "job of %s", pipeline->source);
    fill_job(pipeline, job);
    char *text = configuration_text(&encode_job_settings, job); /* without what the source was found to be */
    source_shape_apply(pipeline->config.shape, job);
    int result = text ? settings_write_file(&encode_job_settings, pipeline->job_path, job, err)
                      : error_set(err, -ENOMEM, "job of %s", pipeline->source);
    if (result == 0)
        process_identify(pipeline->process, supervisor_identity(text));
    free(text);
    free(job);
    return result;
}

/* Without the GPU, if it is lost. Its identity stays: it is still what the configuration asks for. */
void runtime_pipeline_renew_job(struct runtime_pipeline *pipeline)
{
    struct encode_job *job = calloc(1, sizeof *job);
    struct error err = { 0 };
    if (!job)
        return;
    fill_job(pipeline, job);
    job->accelerator = accelerator_loss_choice(&pipeline->loss, job->accelerator);
    source_shape_apply(pipeline->config.shape, job);
    if (settings_write_file(&encode_job_settings, pipeline->job_path, job, &err) < 0)
        log_error(pipeline->config.environment->log, "%s: %s", pipeline->source, err.text);
    free(job);
}

/* ---- a lost accelerator ---- */
static void forget_loss(struct runtime_pipeline *pipeline)
{
    pipeline->loss = (struct accelerator_loss){ 0 };
    alerts_clear(pipeline->config.environment->alerts, pipeline->source, ALERT_ACCELERATOR_LOST, "accelerator");
}

static void note_loss(struct runtime_pipeline *pipeline)
{
    const char *reason = pipeline->lost_reason[0] ? pipeline->lost_reason : process_last_end(pipeline->process);
    bool before = pipeline->loss.software;
    accelerator_loss_note(&pipeline->loss, now_ns(pipeline), pipeline->on_hardware, accelerator_wish(pipeline));
    bool software = pipeline->loss.software;
    if (software && !before)
        runtime_pipeline_renew_job(pipeline);
    alerts_raise(pipeline->config.environment->alerts, pipeline->source, ALERT_ACCELERATOR_LOST, "accelerator",
                 "accelerator lost: %s (%u times)%s", reason, pipeline->loss.count,
                 software ? "; software stands in until the pipeline is started again" : "");
}

/* ---- a process that does not come up ---- */
/* After every change of process or connection. */
static void expect_hello(struct runtime_pipeline *pipeline)
{
    bool runs = process_state(pipeline->process) == PROCESS_RUNNING;
    if (runs && pipeline->greeted == process_pid(pipeline->process))
        hello_watch_greeted(pipeline->hello);
    else if (runs)
        hello_watch_begin(pipeline->hello);
    else
        hello_watch_end(pipeline->hello);
}

/* A driver that hangs when it is opened looks like this. */
static void on_silent(void *context, unsigned after_ms)
{
    struct runtime_pipeline *pipeline = context;
    char text[128];
    snprintf(text, sizeof text, "process %d does not come up: it has said nothing for %u s",
             process_pid(pipeline->process), after_ms / 1000);
    alerts_raise(pipeline->config.environment->alerts, pipeline->source, ALERT_PIPELINE_SILENT, "process",
                 "%s, and is started again", text);
    log_error(pipeline->config.environment->log, "%s: %s: killed", pipeline->source, text);
    if (accelerator_wish(pipeline) != ACCELERATOR_SOFTWARE)
        snprintf(pipeline->lost_reason, sizeof pipeline->lost_reason, "%s", text);
    process_signal(pipeline->process, SIGKILL);
}

/* ---- states ---- */
enum pipeline_state runtime_pipeline_state(const struct runtime_pipeline *pipeline)
{
    if (pipeline->drain_until_ns)
        return PIPELINE_STOPPING;
    if (!process_wanted(pipeline->process))
        return process_state(pipeline->process) == PROCESS_STOPPED ? PIPELINE_IDLE : PIPELINE_STOPPING;
    if (pipeline->running && pipeline->running == process_pid(pipeline->process) &&
        process_state(pipeline->process) == PROCESS_RUNNING)
        return PIPELINE_RUNNING;
    return pipeline->has_run ? PIPELINE_RECOVERING : PIPELINE_STARTING;
}

static void tell(struct runtime_pipeline *pipeline)
{
    pipeline->config.changed(pipeline->config.context);
}

static void forget_told(struct runtime_pipeline *pipeline)
{
    json_decref(pipeline->told);
    pipeline->told = NULL;
    alerts_replace(pipeline->config.environment->alerts, pipeline->source, "encode", NULL);
}

static void on_drain(void *context)
{
    struct runtime_pipeline *pipeline = context;
    uint64_t now = now_ns(pipeline);
    bool idle = publishers_idle(pipeline, false), late = now >= pipeline->drain_until_ns;
    bool records = !pipeline->hurried && now < pipeline->drain_until_ns + RECORDING_S * NS_PER_S;
    if (!idle && (!late || (records && publishers_idle(pipeline, true)))) {
        loop_timer_set(pipeline->drain, now + DRAIN_TICK_MS * NS_PER_MS);
        return;
    }
    if (!publishers_idle(pipeline, true))
        log_warning(pipeline->config.environment->log, "%s: stopped with undelivered segments", pipeline->source);
    pipeline->drain_until_ns = 0;
    destroy_publishers(pipeline);
    alerts_clear_source(pipeline->config.environment->alerts, pipeline->source);
    tell(pipeline);
}

static void begin_drain(struct runtime_pipeline *pipeline)
{
    for (unsigned i = 0; i < OUTPUT_GROUPS_MAX; i++)
        if (pipeline->publishers[i])
            publisher_finish(pipeline->publishers[i]);
    pipeline->drain_until_ns = now_ns(pipeline) + DELIVERY_S * NS_PER_S;
    loop_timer_set(pipeline->drain, now_ns(pipeline));
}

static void on_process(void *context)
{
    struct runtime_pipeline *pipeline = context;
    if (process_pid(pipeline->process) != pipeline->running)
        pipeline->running = 0;
    if (process_state(pipeline->process) == PROCESS_RUNNING)
        pipeline->on_hardware = true;
    expect_hello(pipeline);
    if (process_state(pipeline->process) == PROCESS_WAITING &&
        (pipeline->lost_reason[0] || process_exit_status(pipeline->process) == PIPELINE_EXIT_ACCELERATOR_LOST))
        note_loss(pipeline); /* of an adopted process only what it said is known */
    pipeline->lost_reason[0] = '\0';
    if (process_state(pipeline->process) != PROCESS_RUNNING)
        forget_told(pipeline);
    if (process_state(pipeline->process) == PROCESS_STOPPED && !process_wanted(pipeline->process) &&
        !pipeline->drain_until_ns)
        begin_drain(pipeline);
    tell(pipeline);
}

static int create_process(struct runtime_pipeline *pipeline, struct error *err)
{
    const struct environment *environment = pipeline->config.environment;
    char name[ENCODE_NAME_BYTES + 8], program[PATH_BYTES];
    snprintf(name, sizeof name, "%s-%u", channel_name(pipeline), pipeline->config.pipeline);
    snprintf(program, sizeof program, "%s/biplane-encode", environment->programs_directory);
    snprintf(pipeline->job_path, sizeof pipeline->job_path, "%s/%s.job", environment->run_directory, name);
    const char *arguments[] = { program,
                                "--job",
                                pipeline->job_path,
                                "--run",
                                environment->run_directory,
                                environment->runtime_directory ? "--runtime" : NULL,
                                environment->runtime_directory,
                                NULL };
    const struct process_config config = { .name = name,
                                           .source = pipeline->source,
                                           .arguments = arguments,
                                           .again_status = PIPELINE_EXIT_BEGINS_ANEW,
                                           .changed = on_process,
                                           .context = pipeline };
    return process_create(&pipeline->process, environment->supervisor, &config, err);
}

/* ---- the public side ---- */
static void publish(void *context, const struct handoff_segment *segment, int memfd);
static void on_deferred(void *context, bool waits, const char *text);

int runtime_pipeline_create(struct runtime_pipeline **out, const struct runtime_pipeline_config *config,
                            struct error *err)
{
    struct runtime_pipeline *pipeline = calloc(1, sizeof *pipeline);
    if (!pipeline)
        return error_set(err, -ENOMEM, "pipeline %u of %s", config->pipeline, config->channel->name);
    pipeline->config = *config;
    snprintf(pipeline->source, sizeof pipeline->source, "%s/%u", config->channel->name, config->pipeline);
    const struct deferred_segments_config deferred = {
        .loop = config->environment->loop, .take = publish, .changed = on_deferred, .context = pipeline
    };
    int result = create_process(pipeline, err);
    if (result == 0)
        result = deferred_segments_create(&pipeline->deferred, &deferred, err);
    pipeline->drain = loop_timer_create(config->environment->loop, on_drain, pipeline);
    pipeline->hello = hello_watch_create(config->environment->loop, config->environment->clock,
                                         config->environment->hello_within_ms, on_silent, pipeline);
    if (result == 0 && (!pipeline->drain || !pipeline->hello))
        result = error_set(err, -ENOMEM, "pipeline %s", pipeline->source);
    if (result < 0) {
        runtime_pipeline_destroy(pipeline);
        return result;
    }
    *out = pipeline;
    return 0;
}

void runtime_pipeline_destroy(struct runtime_pipeline *pipeline)
{
    if (!pipeline)
        return;
    destroy_publishers(pipeline);
    deferred_segments_destroy(pipeline->deferred);
    process_destroy(pipeline->process);
    loop_timer_destroy(pipeline->drain);
    hello_watch_destroy(pipeline->hello);
    alerts_clear_source(pipeline->config.environment->alerts, pipeline->source);
    json_decref(pipeline->told);
    free(pipeline);
}

int runtime_pipeline_start(struct runtime_pipeline *pipeline, struct error *err)
{
    if (process_wanted(pipeline->process))
        return 0;
    if (runtime_pipeline_state(pipeline) != PIPELINE_IDLE)
        return error_set(err, -EBUSY, "pipeline %s is still stopping", pipeline->source);
    forget_loss(pipeline);
    int result = write_job(pipeline, err);
    if (result == 0)
        result = create_publishers(pipeline, err);
    if (result < 0)
        return result;
    pipeline->has_run = false;
    pipeline->hurried = false;
    pipeline->running = 0;
    pipeline->on_hardware = true;
    hello_watch_greeted(pipeline->hello); /* all patience again */
    process_start(pipeline->process);
    expect_hello(pipeline);
    return 0;
}

void runtime_pipeline_stop(struct runtime_pipeline *pipeline)
{
    if (!process_wanted(pipeline->process))
        return;
    bool asked =
        inbox_stop(pipeline->config.environment->inbox, channel_name(pipeline), pipeline->config.pipeline) == 0;
    process_stop(pipeline->process, asked ? ASKED_MS : 0);
    expect_hello(pipeline);
    if (process_state(pipeline->process) == PROCESS_STOPPED) /* it was waiting for its next start */
        on_process(pipeline);
}

void runtime_pipeline_hurry(struct runtime_pipeline *pipeline)
{
    pipeline->hurried = true;
}

void runtime_pipeline_restart(struct runtime_pipeline *pipeline)
{
    struct error err = { 0 };
    if (!process_wanted(pipeline->process))
        return;
    if (pipeline->loss.software && write_job(pipeline, &err) < 0)
        log_error(pipeline->config.environment->log, "%s: %s", pipeline->source, err.text);
    forget_loss(pipeline); /* who restarts it wants the GPU tried again */
    bool asked =
        inbox_stop(pipeline->config.environment->inbox, channel_name(pipeline), pipeline->config.pipeline) == 0;
    process_restart(pipeline->process, asked ? ASKED_MS : 0);
    expect_hello(pipeline);
}

int runtime_pipeline_hello(struct runtime_pipeline *pipeline, const struct inbox_peer *peer, int64_t *resume_tick_90k,
                           struct error *err)
{
    if (!pipeline->publishers[0] || process_pid(pipeline->process) != peer->process)
        return error_set(err, -EPERM, "process %d is not the one that runs pipeline %s", peer->process,
                         pipeline->source);
    int64_t earliest = INT64_MAX;
    for (unsigned i = 0; i < OUTPUT_GROUPS_MAX && pipeline->publishers[i]; i++) {
        int64_t tick = publisher_resume_tick_90k(pipeline->publishers[i]);
        if (tick < earliest)
            earliest = tick;
    }
    *resume_tick_90k = earliest == INT64_MAX ? 0 : earliest;
    pipeline->greeted = peer->process;
    expect_hello(pipeline);
    alerts_clear(pipeline->config.environment->alerts, pipeline->source, ALERT_PIPELINE_SILENT, "process");
    return 0;
}

/* From the deferred ones. memfd: take. */
static void publish(void *context, const struct handoff_segment *segment, int memfd)
{
    struct runtime_pipeline *pipeline = context;
    const struct channel *channel = pipeline->config.channel;
    for (unsigned i = 0; i < channel->output_groups_count; i++) {
        if (!pipeline->publishers[i] || strcmp(channel->output_groups[i].name, segment->group) != 0)
            continue;
        publisher_segment(pipeline->publishers[i], segment, memfd);
        return;
    }
    pipeline->segments_unknown++;
    close(memfd);
    acknowledge(pipeline, segment->instance, segment->serial); /* it would be sent for ever */
}

static void on_deferred(void *context, bool waits, const char *text)
{
    struct runtime_pipeline *pipeline = context;
    struct alerts *alerts = pipeline->config.environment->alerts;
    if (waits)
        alerts_raise(alerts, pipeline->source, ALERT_SEGMENTS_DEFERRED, "memory", "segments wait for memory: %s", text);
    else
        alerts_clear(alerts, pipeline->source, ALERT_SEGMENTS_DEFERRED, "memory");
}

void runtime_pipeline_segment(struct runtime_pipeline *pipeline, const struct inbox_peer *peer,
                              const struct handoff_segment *segment, int memfd)
{
    bool known = false;
    for (unsigned i = 0; i < pipeline->config.channel->output_groups_count; i++)
        known |=
            pipeline->publishers[i] && strcmp(pipeline->config.channel->output_groups[i].name, segment->group) == 0;
    bool first = known && pipeline->running != peer->process;
    if (known) {
        pipeline->segments++;
        pipeline->last_segment_ns = now_ns(pipeline);
        pipeline->has_run = true;
        pipeline->running = peer->process;
    }
    deferred_segments_put(pipeline->deferred, segment, memfd);
    if (first)
        tell(pipeline);
}

void runtime_pipeline_told(struct runtime_pipeline *pipeline, const struct inbox_peer *peer, json_t *status)
{
    if (peer->process != process_pid(pipeline->process))
        return;
    json_decref(pipeline->told);
    pipeline->told = json_incref(status);
    const char *lost = json_string_value(json_object_get(status, "accelerator_lost"));
    pipeline->on_hardware = json_is_true(json_object_get(status, "hardware"));
    if (lost)
        snprintf(pipeline->lost_reason, sizeof pipeline->lost_reason, "%.200s", lost);
    if (!lost && accelerator_loss_is_over(&pipeline->loss, now_ns(pipeline)))
        alerts_clear(pipeline->config.environment->alerts, pipeline->source, ALERT_ACCELERATOR_LOST, "accelerator");
    alerts_replace(pipeline->config.environment->alerts, pipeline->source, "encode", json_object_get(status, "alerts"));
}

void runtime_pipeline_gone(struct runtime_pipeline *pipeline, const struct inbox_peer *peer)
{
    if (peer->process != process_pid(pipeline->process))
        return;
    forget_told(pipeline);
    pipeline->greeted = 0;
    expect_hello(pipeline);
}

static const char *state_name(enum pipeline_state state)
{
    static const char *const names[] = { "idle", "starting", "running", "recovering", "stopping" };
    return names[state];
}

json_t *runtime_pipeline_summary(const struct runtime_pipeline *pipeline)
{
    double age =
        pipeline->last_segment_ns ? (double)(now_ns(pipeline) - pipeline->last_segment_ns) / (double)NS_PER_S : -1;
    return json_pack("{s:i, s:s, s:i, s:i, s:I, s:o}", "pipeline", (int)pipeline->config.pipeline, "state",
                     state_name(runtime_pipeline_state(pipeline)), "pid", (int)process_pid(pipeline->process),
                     "restarts", (int)process_restarts(pipeline->process), "segments", (json_int_t)pipeline->segments,
                     "last_segment_s", age < 0 ? json_null() : json_real(age));
}

json_t *runtime_pipeline_status(const struct runtime_pipeline *pipeline)
{
    json_t *status = runtime_pipeline_summary(pipeline);
    json_t *publishers = json_array();
    for (unsigned i = 0; i < OUTPUT_GROUPS_MAX; i++)
        if (pipeline->publishers[i]) {
            json_t *publisher = publisher_status(pipeline->publishers[i]);
            json_t *additional = json_incref(json_object_get(publisher, "additional"));
            json_object_set_new(publisher, "group", json_string(pipeline->config.channel->output_groups[i].name));
            json_object_del(publisher, "additional");
            json_array_append_new(publishers, publisher);
            if (additional)
                json_array_append_new(publishers, additional);
        }
    json_object_set_new(status, "process", process_status(pipeline->process));
    json_object_set_new(status, "segments_deferred",
                        json_integer((json_int_t)deferred_segments_count(pipeline->deferred)));
    json_object_set_new(status, "segments_unknown", json_integer((json_int_t)pipeline->segments_unknown));
    json_object_set_new(status, "publishers", publishers);
    json_object_set_new(status, "encode", pipeline->told ? json_incref(pipeline->told) : json_null());
    return status;
}
