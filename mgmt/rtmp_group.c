/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/rtmp_group.h"

#include "mgmt/rtmp_client.h"
#include "mgmt/rtmp_url.h"

#define PIECE_S 0.2 /* what is handed over at once: little delay, few messages */

static const char *const schemes[] = { "common", "akamai", NULL };
static const char *const full_behaviors[] = { "disconnect_immediately", "wait_for_server", NULL };
static const char *const loss_actions[] = { "emit_output", "pause_output", NULL };

static const struct setting rtmp_rows[] = {
    SETTING_CHOICE(struct rtmp_settings, authentication_scheme, .choices = schemes,
                   .default_number = RTMP_AUTHENTICATION_COMMON,
                   .help = "How the destination's credentials are used. common: when the server asks for them; akamai: "
                           "as Akamai's entry points want it."),
    SETTING_DOUBLE(struct rtmp_settings, cache_length, .minimum = 30, .maximum = 3600, .default_number = 30,
                   .unit = "s", .help = "How much waits for a server that is away or too slow."),
    SETTING_CHOICE(struct rtmp_settings, cache_full_behavior, .choices = full_behaviors,
                   .default_number = RTMP_DISCONNECT_IMMEDIATELY,
                   .help = "When a connected server does not take what is in the cache and the cache is full. "
                           "disconnect_immediately: disconnect, empty the cache, connect again after restart_delay; "
                           "wait_for_server: drop the oldest, and do so only after five minutes."),
    SETTING_DOUBLE(struct rtmp_settings, restart_delay, .minimum = 0, .maximum = 3600, .default_number = 15,
                   .unit = "s", .help = "Rest after a full cache before it connects again; 0: the output stops."),
    SETTING_CHOICE(struct rtmp_settings, input_loss_action, .choices = loss_actions,
                   .default_number = INPUT_LOSS_EMIT_OUTPUT,
                   .help = "While the source is lost: go on with repeated, black or slate pictures, or send nothing. "
                           "The connection stays open either way."),
    SETTING_DOUBLE(struct rtmp_settings, connection_retry_interval, .minimum = 1, .maximum = 3600, .default_number = 2,
                   .unit = "s", .help = "Wait between two tries to connect."),
    SETTING_UNSIGNED(struct rtmp_settings, num_retries, .minimum = 0, .maximum = 1000000, .default_number = 10,
                     .help = "Failed tries in a row after which the output stops until its channel is started again."),
    { 0 }
};
const struct settings rtmp_settings_table = { "rtmp", sizeof(struct rtmp_settings), rtmp_rows,
                                              .help = "RTMP and RTMPS: one stream to one server a pipeline." };

static void check_destination(const struct output_group *group, const struct destination *destination,
                              struct problems *problems)
{
    const char *fault = rtmp_stream_fault(destination->stream);
    if (fault)
        problem_at(problems, destination->stream, "output group \"%s\": stream of its destination %s", group->name,
                   fault);
    if (group->rtmp.authentication_scheme == RTMP_AUTHENTICATION_AKAMAI && !destination->credentials[0])
        problem_at(problems, destination->credentials,
                   "output group \"%s\": authentication_scheme = \"akamai\" needs credentials", group->name);
}

static void check(const struct output_group *group, struct problems *problems)
{
    if (group->outputs_count > 1)
        problem_at(problems, &group->outputs[1],
                   "output group \"%s\": a group of type \"rtmp\" has one output; make a group for each other",
                   group->name);
    for (unsigned i = 0; i < group->outputs_count; i++) {
        const struct output *output = &group->outputs[i];
        if (!output->video[0] || output->audio_count > 1)
            problem_at(problems, output,
                       "output group \"%s\": output \"%s\": RTMP carries one video and at most one audio", group->name,
                       output->name);
        if (output->name_modifier[0] || output->segment_modifier[0])
            problem_at(problems, output,
                       "output group \"%s\": output \"%s\": an RTMP stream has no files that a modifier "
                       "could name",
                       group->name, output->name);
    }
    for (unsigned i = 0; i < group->destinations_count; i++)
        check_destination(group, &group->destinations[i], problems);
}

static const char *destination_fault(const struct destination *destination)
{
    struct rtmp_url url;
    return rtmp_url_parse(&url, destination->url);
}

static const double *segment_length(const struct output_group *group)
{
    (void)group;
    return NULL;
}

static void encode(const struct output_group *group, const struct output *output, struct encode_output *made)
{
    (void)output;
    made->package = PACKAGE_FLV;
    made->segment_length = PIECE_S;
    made->input_loss_action = group->rtmp.input_loss_action;
}

const struct output_group_class rtmp_group_class = { .name = "rtmp",
                                                     .check = check,
                                                     .segment_length = segment_length,
                                                     .encode = encode,
                                                     .destination_fault = destination_fault };
