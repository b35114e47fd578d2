/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plane.c - the order of things: DPDK, buffers, ports, inputs, table, thread; and back in reverse. */
#include "dataplane/plane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "board/log.h"
#include "dataplane/address.h"
#include "dataplane/responder.h"
#include "dataplane/table.h"
#include "drivers/eal.h"
#include "drivers/port.h"

enum { CORE_OF_PLACEMENT = 65535 };

struct plane {
    const struct log *log;
    const struct clock *clock;
    unsigned pipeline, node, core;
    struct dataplane_settings settings;
    struct eal *eal;
    struct rte_mempool *pool;
    unsigned pool_packets;
    struct plane_port ports[JOB_PORTS_MAX];
    unsigned ports_count;
    struct input_runtime *inputs[JOB_INPUTS_MAX];
    unsigned inputs_count;
    struct receive_table *table;
    struct poll *poll;
    bool polling;
    void (*ending)(void *context, const struct input_runtime *input);
    void *ending_context;
};

/* ---- start and end ---- */

static int start_eal(struct plane *plane, struct error *err)
{
    char name[32];
    snprintf(name, sizeof name, "biplane-%u", plane->pipeline);
    struct eal_config config = {
        .name = name,
        .core = plane->core,
        .node = plane->node,
        .memory_megabytes = plane->settings.memory_megabytes,
        .hugepages = plane->settings.hugepages,
        .log = plane->log,
    };
    unsigned pci = 0;
    for (unsigned i = 0; i < plane->settings.ports_count; i++)
        if (port_device_is_pci(plane->settings.ports[i].device))
            config.pci[pci++] = plane->settings.ports[i].device;
    int result = eal_create(&plane->eal, &config, err);
    if (result < 0)
        return result;
    char pool[32];
    snprintf(pool, sizeof pool, "pool-%u", plane->pipeline);
    plane->pool_packets = port_pool_packets(plane->settings.memory_megabytes, plane->settings.hugepages);
    return port_pool_create(&plane->pool, pool, plane->pool_packets, plane->node, err);
}

static int start_responder(struct plane *plane, struct plane_port *port, struct error *err)
{
    struct cidr addresses[NEIGHBOUR_ADDRESSES_MAX];
    struct responder_config config = {
        .name = port->settings.name, .addresses = addresses, .pool = plane->pool, .port = port->hot
    };
    for (unsigned i = 0; i < port->settings.addresses_count; i++) {
        int result = interface_address_parse(port->settings.addresses[i], &addresses[i], err);
        if (result < 0)
            return error_wrap(err, "port \"%s\"", port->settings.name);
        config.addresses_count++;
    }
    port_hardware_address(port->device, config.hardware);
    return config.addresses_count ? responder_create(&port->responder, &config, err) : 0;
}

static int open_port(struct plane *plane, const struct port_settings *settings, struct error *err)
{
    struct plane_port *port = &plane->ports[plane->ports_count];
    port->settings = *settings;
    port->hot = aligned_alloc(64, sizeof *port->hot);
    if (!port->hot)
        return error_set(err, -ENOMEM, "port \"%s\"", settings->name);
    memset(port->hot, 0, sizeof *port->hot);
    struct port_config config = { .name = settings->name,
                                  .device = settings->device,
                                  .pool = plane->pool,
                                  .eal = plane->eal,
                                  .queue_descriptors = settings->queue_descriptors };
    int result = port_open(&port->device, &config, err);
    if (result < 0) {
        free(port->hot);
        return result;
    }
    port->hot->id = port_id(port->device);
    plane->ports_count++;
    log_info(plane->log, "port %s: %s (%s), %u packet buffers, core %u, node %d", settings->name, settings->device,
             port_driver(port->device), plane->pool_packets, plane->core, port_node(port->device));
    return start_responder(plane, port, err);
}

static int start_polling(struct plane *plane, struct error *err)
{
    struct poll_config config = {
        .mode = (enum poll_mode)plane->settings.poll,
        .idle_sleep_ns = plane->settings.idle_sleep_usec * NS_PER_US,
        .clock = plane->clock,
    };
    int result = poll_create(&plane->poll, &config, plane->table, err);
    if (result == 0)
        result = eal_launch(plane->eal, poll_main, plane->poll, err);
    plane->polling = result == 0;
    return result;
}

static int start(struct plane *plane, const struct dataplane_job *job, struct error *err)
{
    int result = start_eal(plane, err);
    for (unsigned i = 0; result == 0 && i < plane->settings.ports_count; i++)
        result = open_port(plane, &plane->settings.ports[i], err);
    if (result == 0)
        result = plane_apply(plane, job, err);
    if (result == 0)
        result = start_polling(plane, err);
    return result;
}

int plane_create(struct plane **out, const struct plane_config *config, struct error *err)
{
    struct plane *plane = calloc(1, sizeof *plane);
    if (!plane)
        return error_set(err, -ENOMEM, "data plane");
    plane->log = config->log;
    plane->clock = config->clock;
    plane->pipeline = config->job->pipeline;
    plane->settings = config->job->dataplane;
    plane->node = config->placement->node;
    plane->core = plane->settings.core == CORE_OF_PLACEMENT ? config->placement->poll_core : plane->settings.core;
    int result = start(plane, config->job, err);
    if (result < 0) {
        plane_destroy(plane);
        return result;
    }
    *out = plane;
    return 0;
}

void plane_destroy(struct plane *plane)
{
    if (!plane)
        return;
    if (plane->polling) {
        poll_stop(plane->poll);
        eal_join(plane->eal);
    }
    poll_destroy(plane->poll);
    for (unsigned i = 0; i < plane->inputs_count; i++) {
        if (plane->ending)
            plane->ending(plane->ending_context, plane->inputs[i]);
        input_runtime_destroy(plane->inputs[i]);
    }
    free(plane->table);
    for (unsigned i = plane->ports_count; i-- > 0;) {
        responder_destroy(plane->ports[i].responder);
        port_close(plane->ports[i].device);
        free(plane->ports[i].hot);
    }
    port_pool_destroy(plane->pool);
    eal_destroy(plane->eal);
    free(plane);
}

/* ---- inputs ---- */

/* The inputs that a job wants: those that run already, and new ones. */
struct selection {
    struct input_runtime *of_job[JOB_INPUTS_MAX]; /* by the job's numbers; NULL: not for this pipeline */
    struct input_runtime *fresh[JOB_INPUTS_MAX];
    unsigned fresh_count;
};

static int select_input(struct plane *plane, struct selection *selection, const struct input *settings,
                        struct input_runtime **out, struct error *err)
{
    for (unsigned i = 0; i < plane->inputs_count; i++)
        if (input_runtime_suits(plane->inputs[i], settings)) {
            plane->inputs[i]->kept = true;
            *out = plane->inputs[i];
            return 0;
        }
    int result = input_runtime_create(out, settings, plane->node, plane->settings.hugepages, err);
    if (result < 0)
        return result;
    selection->fresh[selection->fresh_count++] = *out;
    if (plane->settings.hugepages && !stream_ring_on_hugepages((*out)->ring))
        log_warning(plane->log,
                    "input %s: its ring of %u MiB lies in ordinary pages: no hugepages of 2 MiB are free on node %u",
                    settings->name, settings->ring_megabytes, plane->node);
    return 0;
}

static int select_inputs(struct plane *plane, const struct dataplane_job *job, struct selection *selection,
                         struct error *err)
{
    int result = 0;
    for (unsigned i = 0; i < plane->inputs_count; i++)
        plane->inputs[i]->kept = false;
    for (unsigned i = 0; result == 0 && i < job->inputs_count; i++)
        if (job->inputs[i].endpoints_count > job->pipeline)
            result = select_input(plane, selection, &job->inputs[i], &selection->of_job[i], err);
    return result;
}

static int build_table(struct plane *plane, const struct dataplane_job *job, const struct selection *selection,
                       struct receive_table **table, struct error *err)
{
    struct receive_port *ports[JOB_PORTS_MAX];
    for (unsigned i = 0; i < plane->ports_count; i++)
        ports[i] = plane->ports[i].hot;
    return table_create(table, job, selection->of_job, ports, plane->ports_count, err);
}

static void end_input(struct plane *plane, struct input_runtime *input)
{
    log_info(plane->log, "input %s ends", input->settings.name);
    if (plane->ending)
        plane->ending(plane->ending_context, input);
    input_runtime_destroy(input);
}

/* The table is in use: those that are not wanted any more go, the others have new settings. */
static void settle(struct plane *plane, const struct dataplane_job *job, const struct selection *selection)
{
    for (unsigned i = 0; i < plane->inputs_count; i++)
        if (!plane->inputs[i]->kept)
            end_input(plane, plane->inputs[i]);
    plane->inputs_count = 0;
    for (unsigned i = 0; i < job->inputs_count; i++) {
        struct input_runtime *input = selection->of_job[i];
        if (!input)
            continue;
        input->settings = job->inputs[i];
        plane->inputs[plane->inputs_count++] = input;
        const struct input_endpoint *endpoint = &job->inputs[i].endpoints[job->pipeline];
        log_info(plane->log, "input %s: %s port %u%s%s", input->settings.name, endpoint->address, endpoint->port,
                 endpoint->source[0] ? " from " : "", endpoint->source);
    }
}

/* Buffers that windows may hold at once are missing for receiving: said, not refused, for it takes a bad network. */
static void warn_of_buffers(const struct plane *plane)
{
    unsigned needed = 0;
    for (unsigned i = 0; i < plane->ports_count; i++)
        needed += plane->ports[i].settings.queue_descriptors + 512;
    for (unsigned i = 0; i < plane->inputs_count; i++)
        needed += plane->inputs[i]->settings.reorder_packets + REORDER_BANK_PACKETS;
    if (needed > plane->pool_packets)
        log_warning(plane->log,
                    "ports and reorder windows may hold %u packets, but memory_megabytes = %u has buffers for %u",
                    needed, plane->settings.memory_megabytes, plane->pool_packets);
}

/* The multicast groups of the inputs are joined on every port that answers for itself. */
static void join_groups(struct plane *plane, const struct dataplane_job *job)
{
    struct membership_group groups[JOB_INPUTS_MAX];
    unsigned count = 0;
    for (unsigned i = 0; i < job->inputs_count; i++) {
        const struct input_endpoint *endpoint = &job->inputs[i].endpoints[job->pipeline];
        struct membership_group group = { .vlan = endpoint->vlan };
        if (job->inputs[i].endpoints_count <= job->pipeline ||
            ip_address_parse(endpoint->address, &group.group, NULL) < 0 || !ip_address_is_multicast(&group.group))
            continue;
        if (endpoint->source[0])
            ip_address_parse(endpoint->source, &group.source, NULL);
        groups[count++] = group;
    }
    for (unsigned i = 0; i < plane->ports_count; i++)
        if (plane->ports[i].responder)
            responder_groups(plane->ports[i].responder, groups, count);
}

bool plane_answers(const struct plane *plane)
{
    for (unsigned i = 0; i < plane->ports_count; i++)
        if (plane->ports[i].responder)
            return true;
    return false;
}

void plane_turn(struct plane *plane)
{
    for (unsigned i = 0; i < plane->ports_count; i++)
        if (plane->ports[i].responder)
            responder_turn(plane->ports[i].responder, clock_monotonic_ns(plane->clock));
}

static bool has_address(const struct port_settings *port, const struct ip_address *wanted)
{
    for (unsigned i = 0; i < port->addresses_count; i++) {
        struct cidr own;
        if (ip_address_is_multicast(wanted) || (interface_address_parse(port->addresses[i], &own, NULL) == 0 &&
                                                memcmp(&own.address, wanted, sizeof *wanted) == 0))
            return true;
    }
    return false;
}

bool plane_ports_answer(const struct dataplane_settings *settings, const struct input_endpoint *endpoint)
{
    struct ip_address wanted;
    if (ip_address_parse(endpoint->address, &wanted, NULL) < 0)
        return true;
    for (unsigned i = 0; i < settings->ports_count; i++)
        if (!port_device_is_pci(settings->ports[i].device) || has_address(&settings->ports[i], &wanted))
            return true;
    return false;
}

bool plane_is_answered_for(const struct plane *plane, const struct input *input)
{
    return plane_ports_answer(&plane->settings, &input->endpoints[plane->pipeline]);
}

static int swap_table(struct plane *plane, struct receive_table *table, struct error *err)
{
    struct receive_table *old = plane->table;
    int result = plane->poll ? poll_swap(plane->poll, table, err) : 0;
    plane->table = table;
    if (result == 0)
        free(old);
    return result;
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static bool same_ports(const struct dataplane_settings *a, const struct dataplane_settings *b)
{
    if (a->ports_count != b->ports_count)
        return false;
    for (unsigned i = 0; i < a->ports_count; i++)
        if (!same_text(a->ports[i].name, b->ports[i].name) || !same_text(a->ports[i].device, b->ports[i].device))
            return false;
    return a->poll == b->poll && a->core == b->core && a->memory_megabytes == b->memory_megabytes &&
           a->hugepages == b->hugepages;
}

int plane_apply(struct plane *plane, const struct dataplane_job *job, struct error *err)
{
    struct selection selection = { 0 };
    struct receive_table *table = NULL;
    if (job->pipeline != plane->pipeline)
        return error_set(err, -EINVAL, "this is data plane %u, the job is for %u", plane->pipeline, job->pipeline);
    int result = select_inputs(plane, job, &selection, err);
    if (result == 0)
        result = build_table(plane, job, &selection, &table, err);
    if (result < 0) {
        while (selection.fresh_count)
            input_runtime_destroy(selection.fresh[--selection.fresh_count]);
        return result;
    }
    result = swap_table(plane, table, err);
    if (result < 0)
        return result; /* the polling thread may still look at either table: nothing is freed */
    settle(plane, job, &selection);
    join_groups(plane, job);
    warn_of_buffers(plane);
    if (!same_ports(&plane->settings, &job->dataplane))
        return error_set(err, -EBUSY, "another port, core or memory needs a restart of the data plane");
    return 0;
}

void plane_on_end(struct plane *plane, void (*ending)(void *context, const struct input_runtime *input), void *context)
{
    plane->ending = ending;
    plane->ending_context = context;
}

/* ---- what there is ---- */

const struct input_runtime *plane_find_input(const struct plane *plane, const char *name)
{
    for (unsigned i = 0; i < plane->inputs_count; i++)
        if (strcmp(plane->inputs[i]->settings.name, name) == 0)
            return plane->inputs[i];
    return NULL;
}

unsigned plane_inputs(const struct plane *plane)
{
    return plane->inputs_count;
}

const struct input_runtime *plane_input(const struct plane *plane, unsigned number)
{
    return plane->inputs[number];
}

unsigned plane_ports(const struct plane *plane)
{
    return plane->ports_count;
}

const struct plane_port *plane_port(const struct plane *plane, unsigned number)
{
    return &plane->ports[number];
}

struct poll_statistics plane_poll_statistics(const struct plane *plane)
{
    return poll_statistics(plane->poll);
}

unsigned plane_pipeline(const struct plane *plane)
{
    return plane->pipeline;
}

unsigned plane_core(const struct plane *plane)
{
    return plane->core;
}

unsigned plane_node(const struct plane *plane)
{
    return plane->node;
}

int plane_lcore_node(const struct plane *plane)
{
    return eal_lcore_node(plane->eal);
}

int plane_memory_node(const struct plane *plane)
{
    return eal_memory_node(plane->eal);
}

struct rte_mempool *plane_pool(const struct plane *plane)
{
    return plane->pool;
}
