/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/runtime_dataplane.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "board/loop.h"
#include "board/message_socket.h"
#include "dataplane/attach_format.h"
#include "mgmt/alerts.h"
#include "mgmt/configuration.h"
#include "mgmt/supervisor.h"

enum { PATH_BYTES = 768, SILENT_AFTER_S = 3 };

struct runtime_dataplane {
    const struct environment *environment;
    unsigned pipeline;
    char source[32]; /* of alerts: "dataplane/0" */
    char job_path[PATH_BYTES], socket_path[PATH_BYTES];
    struct process *process;
    struct dataplane_settings settings;
    struct loop_timer *tick;
    int connection; /* of a status request that is on its way; -1: none */
    json_t *told;
    uint64_t told_ns;
};

/* ---- status ---- */
static uint64_t now_ns(const struct runtime_dataplane *dataplane)
{
    return clock_monotonic_ns(dataplane->environment->clock);
}

static void hang_up(struct runtime_dataplane *dataplane)
{
    if (dataplane->connection < 0)
        return;
    loop_unwatch(dataplane->environment->loop, dataplane->connection);
    close(dataplane->connection);
    dataplane->connection = -1;
}

static void take_status(struct runtime_dataplane *dataplane, const char *text, size_t bytes)
{
    struct alerts *alerts = dataplane->environment->alerts;
    json_t *told = json_loadb(text, bytes, 0, NULL);
    if (!json_is_object(told)) {
        json_decref(told);
        return;
    }
    json_decref(dataplane->told);
    dataplane->told = told;
    dataplane->told_ns = now_ns(dataplane);
    alerts_replace(alerts, dataplane->source, "dataplane", json_object_get(told, "alerts"));
    alerts_clear(alerts, dataplane->source, ALERT_DATAPLANE_SILENT, "");
}

static void on_reply(void *context, int connection, unsigned events)
{
    (void)events;
    struct runtime_dataplane *dataplane = context;
    static const size_t head = sizeof(struct attach_reply);
    char *buffer = malloc(MESSAGE_BYTES_MAX);
    ssize_t bytes = buffer ? message_receive(connection, buffer, MESSAGE_BYTES_MAX, NULL, NULL, NULL) : -ENOMEM;
    if (bytes >= (ssize_t)head) {
        struct attach_reply reply;
        memcpy(&reply, buffer, head);
        if (reply.magic == ATTACH_MAGIC && reply.version == ATTACH_VERSION && reply.code == 0 &&
            reply.text_bytes == (size_t)bytes - head)
            take_status(dataplane, buffer + head, reply.text_bytes);
    }
    free(buffer);
    if (bytes != -EAGAIN)
        hang_up(dataplane);
}

static void ask(struct runtime_dataplane *dataplane)
{
    const struct attach_request request = { .magic = ATTACH_MAGIC,
                                            .version = ATTACH_VERSION,
                                            .type = ATTACH_REQUEST_STATUS };
    dataplane->connection = message_socket_connect(dataplane->socket_path, NULL);
    if (dataplane->connection < 0) {
        dataplane->connection = -1;
        return;
    }
    if (message_send(dataplane->connection, &request, sizeof request, NULL, 0, NULL) < 0 ||
        loop_watch(dataplane->environment->loop, dataplane->connection, LOOP_READ, on_reply, dataplane, NULL) < 0)
        hang_up(dataplane);
}

static void on_tick(void *context)
{
    struct runtime_dataplane *dataplane = context;
    uint64_t now = now_ns(dataplane);
    loop_timer_set(dataplane->tick, now + NS_PER_S);
    if (process_state(dataplane->process) != PROCESS_RUNNING) {
        dataplane->told_ns = now;
        json_decref(dataplane->told);
        dataplane->told = NULL;
        hang_up(dataplane);
        return;
    }
    if (now - dataplane->told_ns > SILENT_AFTER_S * NS_PER_S) {
        json_decref(dataplane->told);
        dataplane->told = NULL;
        hang_up(dataplane);
        alerts_raise(dataplane->environment->alerts, dataplane->source, ALERT_DATAPLANE_SILENT, "",
                     "process %d runs but does not tell its status", process_pid(dataplane->process));
    }
    if (dataplane->connection < 0)
        ask(dataplane);
}

/* ---- job and process ---- */
static void on_process(void *context)
{
    struct runtime_dataplane *dataplane = context;
    dataplane->told_ns = now_ns(dataplane); /* a new process gets its time before it counts as silent */
    if (process_state(dataplane->process) != PROCESS_RUNNING)
        alerts_replace(dataplane->environment->alerts, dataplane->source, "dataplane", NULL);
}

int runtime_dataplane_create(struct runtime_dataplane **out, const struct environment *environment, unsigned pipeline,
                             struct error *err)
{
    struct runtime_dataplane *dataplane = calloc(1, sizeof *dataplane);
    if (!dataplane)
        return error_set(err, -ENOMEM, "data plane %u", pipeline);
    dataplane->environment = environment;
    dataplane->pipeline = pipeline;
    dataplane->connection = -1;
    dataplane->told_ns = now_ns(dataplane);
    const char *run = environment->run_directory;
    char name[32], program[PATH_BYTES];
    snprintf(name, sizeof name, "dataplane-%u", pipeline);
    snprintf(program, sizeof program, "%s/biplane-dataplane", environment->programs_directory);
    snprintf(dataplane->source, sizeof dataplane->source, "dataplane/%u", pipeline);
    snprintf(dataplane->job_path, sizeof dataplane->job_path, "%s/%s.job", run, name);
    snprintf(dataplane->socket_path, sizeof dataplane->socket_path, "%s/%s.socket", run, name);
    const char *arguments[] = { program, "--job", dataplane->job_path, "--run", run, NULL };
    const struct process_config config = {
        .name = name, .source = dataplane->source, .arguments = arguments, .changed = on_process, .context = dataplane
    };
    int result = process_create(&dataplane->process, environment->supervisor, &config, err);
    dataplane->tick = loop_timer_create(environment->loop, on_tick, dataplane);
    if (result == 0 && !dataplane->tick)
        result = error_set(err, -ENOMEM, "data plane %u", pipeline);
    if (result < 0) {
        runtime_dataplane_destroy(dataplane);
        return result;
    }
    loop_timer_set(dataplane->tick, now_ns(dataplane) + 200 * NS_PER_MS);
    *out = dataplane;
    return 0;
}

void runtime_dataplane_destroy(struct runtime_dataplane *dataplane)
{
    if (!dataplane)
        return;
    hang_up(dataplane);
    loop_timer_destroy(dataplane->tick);
    process_destroy(dataplane->process);
    alerts_clear_source(dataplane->environment->alerts, dataplane->source);
    json_decref(dataplane->told);
    free(dataplane);
}

static bool file_holds(const char *path, const char *text)
{
    size_t bytes = strlen(text);
    char *there = malloc(bytes + 2);
    FILE *file = fopen(path, "re");
    bool same = there && file && fread(there, 1, bytes + 2, file) == bytes && memcmp(there, text, bytes) == 0;
    if (file)
        fclose(file);
    free(there);
    return same;
}

/* Ports, cores and memory are what a data plane is: another of these is another process. Inputs come and go. */
static uint64_t identity_of(const struct dataplane_settings *settings)
{
    char *text = configuration_text(&dataplane_settings_table, settings);
    uint64_t identity = text ? supervisor_identity(text) : 0;
    free(text);
    return identity;
}

void runtime_dataplane_apply(struct runtime_dataplane *dataplane, const struct dataplane_job *job)
{
    struct error err = { 0 };
    char *text = configuration_text(&dataplane_job_settings, job);
    uint64_t identity = identity_of(&job->dataplane);
    bool runs = process_wanted(dataplane->process);
    bool other = runs && identity != identity_of(&dataplane->settings);
    bool changed = text && !file_holds(dataplane->job_path, text);
    free(text);
    if (changed && settings_write_file(&dataplane_job_settings, dataplane->job_path, job, &err) < 0)
        log_error(dataplane->environment->log, "data plane %u: %s", dataplane->pipeline, err.text);
    dataplane->settings = job->dataplane;
    process_identify(dataplane->process, identity);
    if (other) {
        process_restart(dataplane->process, 0);
        return;
    }
    process_start(dataplane->process);
    if (changed && (runs || process_adopted(dataplane->process)))
        process_signal(dataplane->process, SIGHUP);
}

void runtime_dataplane_stop(struct runtime_dataplane *dataplane)
{
    process_stop(dataplane->process, 0);
}

bool runtime_dataplane_stopped(const struct runtime_dataplane *dataplane)
{
    return process_state(dataplane->process) == PROCESS_STOPPED;
}

const json_t *runtime_dataplane_told(const struct runtime_dataplane *dataplane)
{
    return dataplane->told;
}

json_t *runtime_dataplane_status(const struct runtime_dataplane *dataplane)
{
    json_t *ports = json_array();
    for (unsigned i = 0; i < dataplane->settings.ports_count; i++)
        json_array_append_new(ports, json_pack("{s:s, s:s}", "name", dataplane->settings.ports[i].name, "device",
                                               dataplane->settings.ports[i].device));
    json_t *status = json_pack("{s:i, s:s, s:o, s:o}", "pipeline", (int)dataplane->pipeline, "poll",
                               dataplane->settings.poll == POLL_BUSY ? "busy" : "adaptive", "ports", ports, "process",
                               process_status(dataplane->process));
    if (dataplane->told)
        json_object_set(status, "told", dataplane->told);
    return status;
}
