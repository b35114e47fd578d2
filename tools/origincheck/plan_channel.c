/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan_channel.c - a plan from a channel's configuration file: each output group with a copy for each pipeline. */
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "board/settings.h"
#include "mgmt/channel.h"
#include "mgmt/transfer.h"
#include "tools/origincheck/plan.h"

static struct plan_settings settings_of(const struct output_group *group, const struct destination *destination)
{
    struct plan_settings settings = { 0 };
    snprintf(settings.credentials, sizeof settings.credentials, "%s", destination->credentials);
    snprintf(settings.certificate_authority, sizeof settings.certificate_authority, "%s",
             destination->certificate_authority);
    snprintf(settings.endpoint, sizeof settings.endpoint, "%.*s", PLAN_PATH_BYTES - 1, destination->endpoint);
    snprintf(settings.region, sizeof settings.region, "%.*s", PLAN_NAME_BYTES - 1, destination->region);
    snprintf(settings.interface_name, sizeof settings.interface_name, "%s", destination->interface);
    settings.self_signed = destination->certificate_check == TRANSFER_SELF_SIGNED;
    settings.mediastore = group->connection.cdn == CDN_MEDIASTORE;
    return settings;
}

/* How often its outputs bring an object, s; 0: not known. Of several the longest. */
static double interval_of(const struct channel *channel, const struct output_group *group, enum plan_kind kind)
{
    double interval_s = kind == PLAN_ARCHIVE ? group->archive.rollover_interval : 0;
    for (unsigned i = 0; kind == PLAN_FRAME_CAPTURE && i < group->outputs_count; i++)
        for (unsigned k = 0; k < channel->encodes.video_count; k++) {
            const struct video_description *video = &channel->encodes.video[k];
            double scale = video->capture_interval_unit == CAPTURE_INTERVAL_MILLISECONDS ? 0.001 : 1;
            if (!strcmp(group->outputs[i].video, video->name) && video->capture_interval * scale > interval_s)
                interval_s = video->capture_interval * scale;
        }
    return interval_s;
}

/* One destination a pipeline, from `from` on, as the copies of a group. */
static int add_copies(struct plan *plan, const struct channel *channel, const struct output_group *group,
                      const char *name, enum plan_kind kind, unsigned from, struct error *err)
{
    char address[ADDRESS_BYTES];
    unsigned end = from + channel_pipelines(channel);
    int result = plan_add_group(plan, name, kind, err);
    if (result < 0)
        return result;
    snprintf(plan->channels[plan->groups_count - 1], PLAN_NAME_BYTES, "%s", channel->name);
    plan->groups[plan->groups_count - 1].interval_s = interval_of(channel, group, kind);
    for (unsigned i = from; i < group->destinations_count && i < end && result == 0; i++) {
        const struct destination *destination = &group->destinations[i];
        struct plan_settings settings = settings_of(group, destination);
        if (kind == PLAN_RTMP)
            snprintf(address, sizeof address, "%s/%s", destination->url, destination->stream);
        else
            snprintf(address, sizeof address, "%s", destination->url);
        result = plan_add_place(plan, address, &settings, err);
    }
    return result;
}

/* Additional destinations, behind one a pipeline once more one a pipeline, are copies of each other. */
static int add_group(struct plan *plan, const struct channel *channel, const struct output_group *group, FILE *said)
{
    enum plan_kind kind;
    struct error err = { 0 };
    char name[PLAN_NAME_BYTES + 16];
    const char *type = output_group_class_of(group)->name;
    if (!plan_kind_of(type, &kind)) {
        fprintf(said, "%s: output group %s: type %s cannot be followed\n", channel->name, group->name, type);
        return 0;
    }
    if (group->type == OUTPUT_GROUP_MEDIAPACKAGE && group->mediapackage.version == MEDIAPACKAGE_V2)
        kind = PLAN_FRAGMENTS;
    int result = add_copies(plan, channel, group, group->name, kind, 0, &err);
    snprintf(name, sizeof name, "%s-additional", group->name);
    if (result == 0 && group->destinations_count > channel_pipelines(channel))
        result = add_copies(plan, channel, group, name, kind, channel_pipelines(channel), &err);
    if (result < 0)
        fprintf(said, "%s: %s\n", channel->name, err.text);
    return result;
}

int plan_add_channel(struct plan *plan, const char *path, FILE *said)
{
    struct channel *channel = calloc(1, sizeof *channel);
    struct problems *problems = problems_create();
    char *copy = strdup(path);
    int result = channel && problems && copy ? 0 : -ENOMEM;
    if (result == 0)
        result = settings_read_file(&channel_settings, path, channel, problems);
    if (result < 0) {
        if (problems)
            problems_print(problems, said);
    } else {
        channel_complete(channel, dirname(copy));
        plan->channels_count++;
        for (unsigned i = 0; i < channel->output_groups_count && result == 0; i++)
            result = add_group(plan, channel, &channel->output_groups[i], said);
    }
    free(copy);
    free(channel);
    problems_destroy(problems);
    return result;
}
