/* SPDX-License-Identifier: GPL-2.0-or-later */
/* management_status.c - what the management plane tells about itself, as JSON. Nothing secret is in it: credentials are
 * only ever named.
 */
#include <string.h>
#include <unistd.h>

#include "board/clock.h"
#include "mgmt/accelerator_survey.h"
#include "mgmt/alerts.h"
#include "mgmt/inbox.h"
#include "mgmt/interfaces.h"
#include "mgmt/management_private.h"
#include "mgmt/runtime_channel.h"
#include "mgmt/runtime_dataplane.h"
#include "mgmt/transfer.h"
#include "mgmt/version.h"

static json_t *dataplanes_json(const struct management *management)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < BOX_NODES_MAX; i++)
        if (management->dataplanes[i])
            json_array_append_new(list, runtime_dataplane_status(management->dataplanes[i]));
    return list;
}

static const char *accelerator_name(unsigned accelerator)
{
    static const char *const names[] = { "auto", "hardware", "software" };
    return names[accelerator];
}

json_t *management_status(const struct management *management)
{
    const struct box *box = &management->configuration->box;
    double uptime = (double)(clock_monotonic_ns(management->config.clock) - management->started_ns) / (double)NS_PER_S;
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    return json_pack("{s:s, s:s, s:i, s:f, s:s, s:s, s:b, s:i, s:o, s:o, s:o}", "version", BIPLANE_VERSION, "host",
                     host, "pid", (int)getpid(), "uptime_s", uptime, "board", box->board, "accelerator",
                     accelerator_name(box->accelerator), "shutting_down", management->shutting_down, "alerts",
                     (int)alerts_active(management->alerts), "interfaces", interfaces_json(), "nodes",
                     dataplanes_json(management), "channels", management_channels(management));
}

/* What a data plane tells about one input: an element of its list "inputs" with that name. */
static const json_t *told_of_input(const struct management *management, unsigned node, const char *name)
{
    const json_t *told = node < BOX_NODES_MAX && management->dataplanes[node]
                             ? runtime_dataplane_told(management->dataplanes[node])
                             : NULL;
    const json_t *inputs = json_object_get(told, "inputs");
    for (size_t i = 0; i < json_array_size(inputs); i++) {
        const json_t *input = json_array_get(inputs, i);
        const char *input_name = json_string_value(json_object_get(input, "name"));
        if (input_name && strcmp(input_name, name) == 0)
            return input;
    }
    return NULL;
}

static json_t *input_json(const struct management *management, const struct input *input)
{
    json_t *endpoints = json_array(), *groups = json_array();
    for (unsigned i = 0; i < input->endpoints_count; i++) {
        const struct input_endpoint *endpoint = &input->endpoints[i];
        json_t *json = json_pack("{s:i, s:s, s:i, s:s, s:i}", "node", (int)i, "address", endpoint->address, "port",
                                 (int)endpoint->port, "source", endpoint->source, "vlan", (int)endpoint->vlan);
        const json_t *told = told_of_input(management, i, input->name);
        json_object_set_new(json, "told", told ? json_deep_copy(told) : json_null());
        json_array_append_new(endpoints, json);
    }
    for (unsigned i = 0; i < input->security_groups_count; i++)
        json_array_append_new(groups, json_string(input->security_groups[i]));
    return json_pack("{s:s, s:s, s:o, s:o}", "name", input->name, "type", "rtp", "security_groups", groups, "endpoints",
                     endpoints);
}

json_t *management_inputs(const struct management *management)
{
    const struct box *box = &management->configuration->box;
    json_t *list = json_array();
    for (unsigned i = 0; i < box->inputs_count; i++)
        json_array_append_new(list, input_json(management, &box->inputs[i]));
    return list;
}

json_t *management_channels(const struct management *management)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < management->channels_count; i++)
        json_array_append_new(list, runtime_channel_summary(management->channels[i]));
    return list;
}

json_t *management_channel(const struct management *management, const char *name)
{
    const struct runtime_channel *channel = management_find(management, name);
    return channel ? runtime_channel_status(channel) : NULL;
}

void management_alert(struct management *management, unsigned id, const char *subject, const char *text)
{
    if (text)
        alerts_raise(management->alerts, "box", id, subject, "%s", text);
    else
        alerts_clear(management->alerts, "box", id, subject);
}

json_t *management_alerts(const struct management *management, bool also_cleared)
{
    return alerts_json(management->alerts, also_cleared);
}

json_t *management_counters(const struct management *management)
{
    struct inbox_counters inbox = inbox_counters(management->inbox);
    struct transfer_engine_counters transfers = transfer_engine_counters(management->engine);
    json_t *channels = json_array();
    for (unsigned i = 0; i < management->channels_count; i++)
        json_array_append_new(channels, runtime_channel_status(management->channels[i]));
    json_t *counters = json_object();
    json_object_set_new(counters, "inbox",
                        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "connections",
                                  (json_int_t)inbox.connections, "refused", (json_int_t)inbox.refused, "segments",
                                  (json_int_t)inbox.segments, "acknowledges", (json_int_t)inbox.acknowledges,
                                  "statuses", (json_int_t)inbox.statuses, "anchor_requests",
                                  (json_int_t)inbox.anchor_requests, "damaged", (json_int_t)inbox.damaged, "overflows",
                                  (json_int_t)inbox.overflows));
    json_object_set_new(counters, "transfers",
                        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "started", (json_int_t)transfers.started,
                                  "succeeded", (json_int_t)transfers.succeeded, "failed", (json_int_t)transfers.failed,
                                  "cancelled", (json_int_t)transfers.cancelled, "connections_opened",
                                  (json_int_t)transfers.connections_opened, "lookups_left_behind",
                                  (json_int_t)transfers.lookups_left_behind, "lookups_refused",
                                  (json_int_t)transfers.lookups_refused));
    json_object_set_new(counters, "alerts_active", json_integer(alerts_active(management->alerts)));
    json_object_set_new(counters, "dataplanes", dataplanes_json(management));
    json_object_set_new(counters, "channels", channels);
    return counters;
}

json_t *management_accelerators(const struct management *management)
{
    json_t *known = accelerator_survey_known(management->survey);
    return known ? json_incref(known) : json_pack("{s:[]}", "accelerators");
}
