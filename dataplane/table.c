/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "board/clock.h"
#include "board/error.h"
#include "dataplane/address.h"

_Static_assert((int)RECEIVE_INPUTS_MAX >= (int)JOB_INPUTS_MAX, "every input of a job has a place");
_Static_assert((int)RECEIVE_PORTS_MAX >= (int)JOB_PORTS_MAX, "every port of a job has a place");
_Static_assert((int)SECURITY_GROUP_COMPILED_MAX >= INPUT_SECURITY_GROUPS_MAX * SECURITY_GROUP_RULES_MAX,
               "all rules of an input's groups have a place");
_Static_assert(sizeof(struct packet_address) == sizeof((struct ip_address *)0)->bytes, "an address is 16 bytes");

static struct packet_address hot_address(const struct ip_address *address)
{
    struct packet_address hot;
    memcpy(&hot, address->bytes, sizeof hot);
    return hot;
}

static int add_flow(struct receive_table *table, const struct dataplane_job *job, const struct input *input,
                    struct error *err)
{
    const struct input_endpoint *endpoint = &input->endpoints[job->pipeline];
    struct ip_address destination, source = { 0 };
    int result = ip_address_parse(endpoint->address, &destination, err);
    if (result == 0 && endpoint->source[0])
        result = ip_address_parse(endpoint->source, &source, err);
    if (result < 0)
        return error_wrap(err, "input \"%s\"", input->name);
    struct flow flow = {
        .destination = hot_address(&destination),
        .source = hot_address(&source),
        .has_source = endpoint->source[0],
        .key = packet_key_of(destination.version, endpoint->vlan, endpoint->port),
        .input = (int16_t)table->inputs_count,
    };
    int taken_by;
    if (flow_table_add(&table->flows, &flow, &taken_by))
        return 0;
    if (taken_by == FLOW_NONE)
        return error_set(err, -ENOSPC, "input \"%s\": more than %d inputs", input->name, FLOWS_MAX);
    return error_set(err, -EADDRINUSE, "input \"%s\": %s port %u is another input's endpoint already", input->name,
                     endpoint->address, endpoint->port);
}

static const struct input_security_group *find_group(const struct dataplane_job *job, const char *name)
{
    for (unsigned i = 0; i < job->security_groups_count; i++)
        if (strcmp(job->security_groups[i].name, name) == 0)
            return &job->security_groups[i];
    return NULL;
}

static int add_groups(struct security_group *compiled, const struct dataplane_job *job, const struct input *input,
                      struct error *err)
{
    for (unsigned i = 0; i < input->security_groups_count; i++) {
        const struct input_security_group *group = find_group(job, input->security_groups[i]);
        if (!group)
            return error_set(err, -ENOENT, "input \"%s\": there is no input security group \"%s\"", input->name,
                             input->security_groups[i]);
        for (unsigned j = 0; j < group->cidrs_count; j++) {
            struct cidr cidr;
            int result = cidr_parse(group->cidrs[j], &cidr, err);
            if (result < 0)
                return error_wrap(err, "input security group \"%s\"", group->name);
            security_group_add(compiled, &cidr);
        }
    }
    return 0;
}

static int add_input(struct receive_table *table, const struct dataplane_job *job, const struct input *input,
                     const struct input_runtime *running, struct error *err)
{
    unsigned number = table->inputs_count;
    int result = add_flow(table, job, input, err);
    if (result == 0)
        result = add_groups(&table->groups[number], job, input, err);
    if (result < 0)
        return result;
    table->inputs[number] = running->hot;
    table->windows[number].packets = input->reorder_packets;
    table->windows[number].wait_ns = input->reorder_msec * NS_PER_MS;
    table->inputs_count++;
    return 0;
}

int table_create(struct receive_table **out, const struct dataplane_job *job, struct input_runtime *const *inputs,
                 struct receive_port *const *ports, unsigned ports_count, struct error *err)
{
    size_t bytes = (sizeof(struct receive_table) + 63) / 64 * 64;
    struct receive_table *table = aligned_alloc(64, bytes);
    if (!table)
        return error_set(err, -ENOMEM, "table of inputs");
    memset(table, 0, bytes);
    for (unsigned i = 0; i < ports_count; i++)
        table->ports[table->ports_count++] = ports[i];
    for (unsigned i = 0; i < job->inputs_count; i++) {
        int result = inputs[i] ? add_input(table, job, &job->inputs[i], inputs[i], err) : 0;
        if (result < 0) {
            free(table);
            return result;
        }
    }
    *out = table;
    return 0;
}
