/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runtime_channel.c - a configuration that waits (`next`) is taken over as soon as all pipelines are idle: that is all
 * there is to a change of a running channel, and it holds when a second change comes while the first still stops.
 */
#include "mgmt/runtime_channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/error.h"
#include "board/log.h"
#include "mgmt/alerts.h"
#include "mgmt/channel_names.h"
#include "mgmt/configuration.h"
#include "mgmt/credentials.h"
#include "mgmt/runtime_pipeline.h"
#include "mgmt/source_shape.h"
#include "mgmt/start_time.h"

enum { SHAPE_LOOKS = 64 }; /* segments of a process with its source, until every output has told what it is */

struct setup {
    struct channel *channel; /* own */
    struct channel *named;   /* own: the same with its names filled in, once it has been started */
    unsigned accelerator;
    char *text; /* own: what the channel and the credentials it uses are, to compare */
};

struct runtime_channel {
    const struct environment *environment;
    const struct credentials *credentials;
    struct setup setup, next; /* next.channel NULL: none waits */
    struct runtime_pipeline *pipelines[RUNTIME_PIPELINES_MAX];
    struct source_shape shape;
    unsigned shape_looks[RUNTIME_PIPELINES_MAX]; /* segments of its process that are still looked at */
    bool straightened[RUNTIME_PIPELINES_MAX];    /* restarted, because its outputs were not as the twin's */
    bool wanted;
    bool removed;
    bool settling; /* guards settle() against its own notices */
};

/* ---- setups ---- */
/* The passwords are compared by what they hash to: no secret stands in the text. */
static void put_credentials(FILE *stream, const struct channel *channel, const struct credentials *credentials)
{
    for (unsigned g = 0; g < channel->output_groups_count; g++)
        for (unsigned d = 0; d < channel->output_groups[g].destinations_count; d++) {
            const char *name = channel->output_groups[g].destinations[d].credentials;
            const struct credential *credential = *name ? credentials_find(credentials, name) : NULL;
            uint64_t hash = UINT64_C(0xcbf29ce484222325);
            for (size_t i = 0; credential && i < sizeof *credential; i++)
                hash = (hash ^ ((const unsigned char *)credential)[i]) * UINT64_C(0x100000001b3);
            fprintf(stream, "%s %llx\n", name, (unsigned long long)hash);
        }
}

static char *setup_text(const struct channel *channel, unsigned accelerator, const struct credentials *credentials)
{
    char *text = NULL;
    size_t bytes = 0;
    struct channel copy = *channel;
    copy.start = false; /* whether it starts with the box is nothing that a running channel is restarted for */
    FILE *stream = open_memstream(&text, &bytes);
    if (!stream)
        return NULL;
    settings_write(&channel_settings, stream, &copy);
    fprintf(stream, "%u\n", accelerator);
    put_credentials(stream, channel, credentials);
    fclose(stream);
    return text;
}

static int setup_make(struct setup *setup, const struct channel *channel, unsigned accelerator,
                      const struct credentials *credentials)
{
    *setup = (struct setup){ .accelerator = accelerator };
    setup->channel = malloc(sizeof *setup->channel);
    setup->named = malloc(sizeof *setup->named);
    setup->text = setup_text(channel, accelerator, credentials);
    if (setup->channel && setup->named && setup->text) {
        *setup->named = *setup->channel = *channel;
        return 0;
    }
    free(setup->channel);
    free(setup->named);
    free(setup->text);
    *setup = (struct setup){ 0 };
    return -ENOMEM;
}

static void setup_free(struct setup *setup)
{
    free(setup->channel);
    free(setup->named);
    free(setup->text);
    *setup = (struct setup){ 0 };
}

/* ---- states ---- */
const char *runtime_channel_name(const struct runtime_channel *channel)
{
    return channel->setup.channel->name;
}
bool runtime_channel_wanted(const struct runtime_channel *channel)
{
    return channel->wanted;
}
bool runtime_channel_removed(const struct runtime_channel *channel)
{
    return channel->removed;
}

enum channel_state runtime_channel_state(const struct runtime_channel *channel)
{
    unsigned count[PIPELINE_STOPPING + 1] = { 0 };
    for (unsigned i = 0; i < RUNTIME_PIPELINES_MAX; i++)
        if (channel->pipelines[i])
            count[runtime_pipeline_state(channel->pipelines[i])]++;
    if (count[PIPELINE_STOPPING])
        return CHANNEL_STOPPING;
    if (count[PIPELINE_RECOVERING])
        return CHANNEL_RECOVERING;
    if (count[PIPELINE_STARTING])
        return CHANNEL_STARTING;
    return count[PIPELINE_RUNNING] ? CHANNEL_RUNNING : CHANNEL_IDLE;
}

const char *channel_state_name(enum channel_state state)
{
    static const char *const names[] = { "idle", "starting", "running", "recovering", "stopping" };
    return names[state];
}

static void settle(struct runtime_channel *channel);

static void on_pipeline(void *context)
{
    settle(context);
}

static void destroy_pipelines(struct runtime_channel *channel)
{
    for (unsigned i = 0; i < RUNTIME_PIPELINES_MAX; i++) {
        runtime_pipeline_destroy(channel->pipelines[i]);
        channel->pipelines[i] = NULL;
    }
}

static int create_pipelines(struct runtime_channel *channel, struct error *err)
{
    for (unsigned i = 0; i < channel_pipelines(channel->setup.channel); i++) {
        const struct runtime_pipeline_config config = {
            .environment = channel->environment,
            .channel = channel->setup.named,
            .pipeline = i,
            .accelerator = channel->setup.accelerator,
            .shape = &channel->shape,
            .credentials = &channel->credentials,
            .changed = on_pipeline,
            .context = channel,
        };
        if (channel->pipelines[i])
            continue;
        int result = runtime_pipeline_create(&channel->pipelines[i], &config, err);
        if (result < 0)
            return result;
    }
    return 0;
}

/* Nothing runs when this is called: no publisher looks at the names. */
static void fill_in_names(struct runtime_channel *channel)
{
    const struct environment *environment = channel->environment;
    int64_t start_utc_s = start_time_get(environment->spool_directory, runtime_channel_name(channel),
                                         environment->clock, environment->log);
    if (channel->setup.named->start_utc_s == start_utc_s)
        return;
    *channel->setup.named = *channel->setup.channel;
    channel_names_resolve(channel->setup.named, start_utc_s);
}

/* A pipeline's notice is the last thing it does: it may be unmade in it. */
static void begin(struct runtime_channel *channel)
{
    struct error err = { 0 };
    channel->shape = (struct source_shape){ 0 };
    memset(channel->straightened, 0, sizeof channel->straightened);
    fill_in_names(channel);
    if (create_pipelines(channel, &err) < 0)
        goto failed;
    for (unsigned i = 0; i < RUNTIME_PIPELINES_MAX; i++)
        if (channel->pipelines[i] && runtime_pipeline_start(channel->pipelines[i], &err) < 0)
            goto failed;
    alerts_clear(channel->environment->alerts, runtime_channel_name(channel), ALERT_PUBLISHER_FAILED, "");
    return;
failed:
    alerts_raise(channel->environment->alerts, runtime_channel_name(channel), ALERT_PUBLISHER_FAILED, "",
                 "cannot be started: %s", err.text);
    log_error(channel->environment->log, "channel %s cannot be started: %s", runtime_channel_name(channel), err.text);
}

/* Takes over what waits, once nothing runs any more. */
static void settle(struct runtime_channel *channel)
{
    if (channel->settling || runtime_channel_state(channel) != CHANNEL_IDLE)
        return;
    channel->settling = true;
    if (channel->next.channel) {
        destroy_pipelines(channel);
        setup_free(&channel->setup);
        channel->setup = channel->next;
        channel->next = (struct setup){ 0 };
    }
    if (channel->wanted)
        begin(channel);
    channel->settling = false;
}

/* ---- the public side ---- */
int runtime_channel_create(struct runtime_channel **out, const struct environment *environment,
                           const struct channel *configuration, unsigned accelerator,
                           const struct credentials *credentials, struct error *err)
{
    struct runtime_channel *channel = calloc(1, sizeof *channel);
    if (!channel || setup_make(&channel->setup, configuration, accelerator, credentials) < 0) {
        free(channel);
        return error_set(err, -ENOMEM, "channel %s", configuration->name);
    }
    channel->environment = environment;
    channel->credentials = credentials;
    *out = channel;
    return 0;
}

void runtime_channel_destroy(struct runtime_channel *channel)
{
    if (!channel)
        return;
    destroy_pipelines(channel);
    alerts_clear_source(channel->environment->alerts, runtime_channel_name(channel));
    setup_free(&channel->setup);
    setup_free(&channel->next);
    free(channel);
}

void runtime_channel_hurry(struct runtime_channel *channel)
{
    for (unsigned i = 0; i < RUNTIME_PIPELINES_MAX; i++)
        if (channel->pipelines[i])
            runtime_pipeline_hurry(channel->pipelines[i]);
}

void runtime_channel_start(struct runtime_channel *channel)
{
    channel->wanted = true;
    runtime_channel_hurry(channel);
    settle(channel);
}

void runtime_channel_stop(struct runtime_channel *channel)
{
    channel->wanted = false;
    start_time_forget(channel->environment->spool_directory, runtime_channel_name(channel));
    for (unsigned i = 0; i < RUNTIME_PIPELINES_MAX; i++)
        if (channel->pipelines[i])
            runtime_pipeline_stop(channel->pipelines[i]);
    alerts_clear(channel->environment->alerts, runtime_channel_name(channel), ALERT_PUBLISHER_FAILED, "");
}

int runtime_channel_restart(struct runtime_channel *channel, int pipeline, struct error *err)
{
    if (!channel->wanted)
        return error_set(err, -EAGAIN, "channel %s does not run: start it", runtime_channel_name(channel));
    if (pipeline >= 0 && (pipeline >= RUNTIME_PIPELINES_MAX || !channel->pipelines[pipeline]))
        return error_set(err, -ENOENT, "channel %s has no pipeline %d", runtime_channel_name(channel), pipeline);
    for (int i = 0; i < RUNTIME_PIPELINES_MAX; i++)
        if (channel->pipelines[i] && (pipeline < 0 || pipeline == i))
            runtime_pipeline_restart(channel->pipelines[i]);
    settle(channel); /* one that could not be started is tried again */
    return 0;
}

bool runtime_channel_update(struct runtime_channel *channel, const struct channel *configuration, unsigned accelerator,
                            const struct credentials *credentials)
{
    struct setup setup;
    channel->credentials = credentials;
    channel->removed = false;
    if (setup_make(&setup, configuration, accelerator, credentials) < 0)
        return false;
    const struct setup *last = channel->next.channel ? &channel->next : &channel->setup;
    if (strcmp(setup.text, last->text) == 0) {
        channel->setup.channel->start = configuration->start;
        setup_free(&setup);
        return false;
    }
    setup_free(&channel->next);
    channel->next = setup;
    bool wanted = channel->wanted;
    runtime_channel_stop(channel);
    runtime_channel_hurry(channel);
    channel->wanted = wanted;
    settle(channel);
    return true;
}

void runtime_channel_remove(struct runtime_channel *channel)
{
    channel->removed = true;
    runtime_channel_stop(channel);
}

static struct runtime_pipeline *pipeline_of(struct runtime_channel *channel, const struct inbox_peer *peer)
{
    return peer->pipeline < RUNTIME_PIPELINES_MAX ? channel->pipelines[peer->pipeline] : NULL;
}

int runtime_channel_hello(struct runtime_channel *channel, const struct inbox_peer *peer, int64_t *resume_tick_90k,
                          struct error *err)
{
    struct runtime_pipeline *pipeline = pipeline_of(channel, peer);
    if (!pipeline)
        return error_set(err, -ENOENT, "channel %s has no pipeline %u that runs", peer->channel, peer->pipeline);
    channel->shape_looks[peer->pipeline] = SHAPE_LOOKS;
    return runtime_pipeline_hello(pipeline, peer, resume_tick_90k, err);
}

/* What the configuration leaves to the source is decided once, for both pipelines and all their lives. */
static void learn_shape(struct runtime_channel *channel, unsigned pipeline, const struct handoff_segment *segment)
{
    struct encode_job *job = calloc(1, sizeof *job);
    if (!job)
        return;
    channel_encode_job(channel->setup.named, pipeline, job);
    enum source_shape_news news = source_shape_learn(&channel->shape, job, segment);
    free(job);
    for (unsigned i = 0; news == SOURCE_SHAPE_NEW && i < RUNTIME_PIPELINES_MAX; i++)
        if (channel->pipelines[i])
            runtime_pipeline_renew_job(channel->pipelines[i]);
    if (news != SOURCE_SHAPE_DIFFERS || channel->straightened[pipeline])
        return;
    channel->straightened[pipeline] = true;
    log_warning(channel->environment->log,
                "%s/%u: output %s of group %s has another size or other channels than the twin's had: it begins anew "
                "with those",
                runtime_channel_name(channel), pipeline, segment->output, segment->group);
    runtime_pipeline_restart(channel->pipelines[pipeline]);
}

void runtime_channel_segment(struct runtime_channel *channel, const struct inbox_peer *peer,
                             const struct handoff_segment *segment, int memfd)
{
    struct runtime_pipeline *pipeline = pipeline_of(channel, peer);
    if (!pipeline) {
        close(memfd);
        return;
    }
    if (channel->shape_looks[peer->pipeline]) {
        channel->shape_looks[peer->pipeline] -= source_shape_told(segment);
        learn_shape(channel, peer->pipeline, segment);
    }
    runtime_pipeline_segment(pipeline, peer, segment, memfd);
}

void runtime_channel_told(struct runtime_channel *channel, const struct inbox_peer *peer, json_t *status)
{
    struct runtime_pipeline *pipeline = pipeline_of(channel, peer);
    if (pipeline)
        runtime_pipeline_told(pipeline, peer, status);
}

void runtime_channel_gone(struct runtime_channel *channel, const struct inbox_peer *peer)
{
    struct runtime_pipeline *pipeline = pipeline_of(channel, peer);
    if (pipeline)
        runtime_pipeline_gone(pipeline, peer);
}

/* ---- what it tells ---- */
static json_t *describe(const struct runtime_channel *channel,
                        json_t *(*describe_pipeline)(const struct runtime_pipeline *pipeline))
{
    const struct channel *configuration = channel->setup.channel;
    const struct anchors *anchors = inbox_anchors(channel->environment->inbox, configuration->name);
    json_t *pipelines = json_array();
    for (unsigned i = 0; i < RUNTIME_PIPELINES_MAX; i++)
        if (channel->pipelines[i])
            json_array_append_new(pipelines, describe_pipeline(channel->pipelines[i]));
    bool standard = configuration->channel_class == CHANNEL_STANDARD;
    json_t *locked = standard && anchors ? json_boolean(anchors_locked(anchors)) : json_null();
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:o, s:b, s:o}", "name", configuration->name, "class",
                     standard ? "standard" : "single_pipeline", "input", configuration->input_attachments[0].input,
                     "state", channel_state_name(runtime_channel_state(channel)), "wanted", channel->wanted, "start",
                     configuration->start, "locked", locked, "changed", channel->next.channel != NULL, "pipelines",
                     pipelines);
}

json_t *runtime_channel_summary(const struct runtime_channel *channel)
{
    return describe(channel, runtime_pipeline_summary);
}

static json_t *groups_json(const struct channel *channel)
{
    json_t *groups = json_array();
    for (unsigned g = 0; g < channel->output_groups_count; g++) {
        const struct output_group *group = &channel->output_groups[g];
        json_t *outputs = json_array(), *destinations = json_array();
        for (unsigned i = 0; i < group->outputs_count; i++)
            json_array_append_new(outputs,
                                  json_pack("{s:s, s:s, s:s}", "name", group->outputs[i].name, "name_modifier",
                                            group->outputs[i].name_modifier, "video", group->outputs[i].video));
        for (unsigned i = 0; i < group->destinations_count; i++)
            json_array_append_new(destinations,
                                  json_stringn(group->destinations[i].url, strcspn(group->destinations[i].url, "?")));
        const struct output_group_class *class = output_group_class_of(group);
        const double *segment_length = class->segment_length(group);
        json_array_append_new(groups,
                              json_pack("{s:s, s:s, s:o, s:o, s:o}", "name", group->name, "type", class->name,
                                        "segment_length", segment_length ? json_real(*segment_length) : json_null(),
                                        "outputs", outputs, "destinations", destinations));
    }
    return groups;
}

json_t *runtime_channel_status(const struct runtime_channel *channel)
{
    json_t *status = describe(channel, runtime_pipeline_status);
    json_object_set_new(status, "output_groups", groups_json(channel->setup.named));
    return status;
}
