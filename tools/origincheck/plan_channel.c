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

static int add_group(struct plan *plan, const struct channel *channel, const struct output_group *group, FILE *said)
{
    enum plan_kind kind;
    struct error err = { 0 };
    char address[ADDRESS_BYTES];
    const char *type = output_group_class_of(group)->name;
    unsigned count = group->destinations_count;
    if (!plan_kind_of(type, &kind)) {
        fprintf(said, "%s: output group %s: type %s cannot be followed\n", channel->name, group->name, type);
        return 0;
    }
    if (plan_add_group(plan, group->name, kind, &err) < 0) {
        fprintf(said, "%s: %s\n", channel->name, err.text);
        return err.code;
    }
    if (kind == PLAN_ARCHIVE)
        plan->groups[plan->groups_count - 1].interval_s = group->archive.rollover_interval;
    for (unsigned i = 0; i < count && i < channel_pipelines(channel); i++) {
        const struct destination *destination = &group->destinations[i];
        struct plan_settings settings = { 0 };
        snprintf(settings.credentials, sizeof settings.credentials, "%s", destination->credentials);
        snprintf(settings.certificate_authority, sizeof settings.certificate_authority, "%s",
                 destination->certificate_authority);
        snprintf(settings.endpoint, sizeof settings.endpoint, "%.*s", PLAN_PATH_BYTES - 1, destination->endpoint);
        snprintf(settings.region, sizeof settings.region, "%.*s", PLAN_NAME_BYTES - 1, destination->region);
        snprintf(settings.interface_name, sizeof settings.interface_name, "%s", destination->interface);
        settings.self_signed = destination->certificate_check == TRANSFER_SELF_SIGNED;
        settings.mediastore = group->connection.cdn == CDN_MEDIASTORE;
        if (kind == PLAN_RTMP)
            snprintf(address, sizeof address, "%s/%s", destination->url, destination->stream);
        else
            snprintf(address, sizeof address, "%s", destination->url);
        if (plan_add_place(plan, address, &settings, &err) < 0) {
            fprintf(said, "%s: %s\n", channel->name, err.text);
            return err.code;
        }
    }
    return 0;
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
        for (unsigned i = 0; i < channel->output_groups_count && result == 0; i++)
            result = add_group(plan, channel, &channel->output_groups[i], said);
    }
    free(copy);
    free(channel);
    problems_destroy(problems);
    return result;
}
