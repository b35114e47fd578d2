/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/status.h"

#include <stdio.h>
#include <unistd.h>

#include "dataplane/attach_server.h"
#include "dataplane/stream_ring.h"
#include "drivers/port.h"

static json_int_t value(const packet_counter *counter)
{
    return (json_int_t)atomic_load_explicit((packet_counter *)counter, memory_order_relaxed);
}

static void set(json_t *object, const char *key, json_int_t number)
{
    json_object_set_new(object, key, json_integer(number));
}

static json_t *outcomes_json(const packet_counter *outcomes, unsigned first, unsigned end)
{
    json_t *drops = json_object();
    for (unsigned i = first; i < end; i++)
        if (i != PACKET_STORED)
            set(drops, packet_outcome_names[i], value(&outcomes[i]));
    return drops;
}

/* Nodes are DPDK's word and not the placement's, so that who reads them sees where things are. */
static json_t *port_json(const struct plane *plane, const struct plane_port *port)
{
    struct port_statistics statistics;
    port_statistics(port->device, &statistics);
    json_t *json = json_pack("{s:s, s:s, s:s, s:b}", "name", port->settings.name, "device", port->settings.device,
                             "driver", port_driver(port->device), "link_up", port_link_up(port->device));
    set(json, "node", port_node(port->device));
    set(json, "pool_node", port_pool_node(plane_pool(plane)));
    set(json, "packets", value(&port->hot->packets));
    set(json, "bytes", value(&port->hot->bytes));
    set(json, "missed", (json_int_t)statistics.missed);
    set(json, "errors", (json_int_t)statistics.errors);
    set(json, "no_buffers", (json_int_t)statistics.no_buffers);
    set(json, "transmitted", value(&port->hot->transmitted));
    set(json, "transmit_drops", value(&port->hot->transmit_drops));
    json_object_set_new(json, "drops", outcomes_json(port->hot->outcomes, 0, PACKET_INPUT_OUTCOMES_BEGIN));
    return json;
}

/* Copies made of each payload byte between packet buffer and ring; 1 is what it must be. */
static double copies_a_byte(const struct input_runtime *input)
{
    uint64_t payload = (uint64_t)value(&input->hot->counters.payload_bytes);
    return payload ? (double)stream_ring_stored_bytes(input->ring) / (double)payload : 0;
}

static json_t *input_json(const struct status_sources *sources, const struct input_runtime *input)
{
    const struct reorder_counters *counters = &input->hot->counters;
    const struct input_endpoint *endpoint = &input->settings.endpoints[plane_pipeline(sources->plane)];
    char ssrc[16];
    snprintf(ssrc, sizeof ssrc, "%08x", (unsigned)value(&counters->ssrc));
    json_int_t last_ns = value(&counters->last_packet_ns), now_ns = (json_int_t)clock_monotonic_ns(sources->clock);
    json_t *json =
        json_pack("{s:s, s:s, s:i, s:s, s:b}", "name", input->settings.name, "address", endpoint->address, "port",
                  (int)endpoint->port, "ssrc", ssrc, "present", last_ns && now_ns - last_ns < (json_int_t)NS_PER_S);
    set(json, "silent_ms", last_ns && now_ns > last_ns ? (now_ns - last_ns) / (json_int_t)NS_PER_MS : last_ns ? 0 : -1);
    set(json, "bits_per_second", (json_int_t)watch_bits_a_second(sources->watch, input));
    set(json, "received", value(&input->hot->outcomes[PACKET_STORED]));
    set(json, "recovered", value(&counters->recovered));
    set(json, "lost", value(&counters->lost));
    set(json, "expected", value(&counters->expected));
    set(json, "reordered", value(&counters->reordered));
    set(json, "held", value(&counters->held));
    set(json, "source_changes", value(&counters->source_changes));
    set(json, "restarts", value(&counters->restarts));
    set(json, "payload_bytes", value(&counters->payload_bytes));
    set(json, "copied_bytes", (json_int_t)stream_ring_stored_bytes(input->ring));
    json_object_set_new(json, "copies_per_byte", json_real(copies_a_byte(input)));
    set(json, "readers", (json_int_t)attach_server_readers(sources->attach_server, input));
    json_object_set_new(json, "drops",
                        outcomes_json(input->hot->outcomes, PACKET_INPUT_OUTCOMES_BEGIN, PACKET_OUTCOMES));
    return json;
}

static json_t *poll_json(const struct plane *plane)
{
    struct poll_statistics statistics = plane_poll_statistics(plane);
    json_t *json = json_pack("{s:i, s:i}", "core", (int)plane_core(plane), "node", (int)plane_node(plane));
    set(json, "lcore_node", plane_lcore_node(plane));
    set(json, "memory_node", plane_memory_node(plane));
    set(json, "turns", (json_int_t)statistics.turns);
    set(json, "idle_turns", (json_int_t)statistics.idle_turns);
    set(json, "sleeps", (json_int_t)statistics.sleeps);
    set(json, "busy_us", (json_int_t)(statistics.busy_ns / NS_PER_US));
    json_object_set_new(json, "cpu_seconds", json_real((double)statistics.cpu_ns / (double)NS_PER_S));
    return json;
}

json_t *status_json(const struct status_sources *sources)
{
    json_t *ports = json_array(), *inputs = json_array();
    for (unsigned i = 0; i < plane_ports(sources->plane); i++)
        json_array_append_new(ports, port_json(sources->plane, plane_port(sources->plane, i)));
    for (unsigned i = 0; i < plane_inputs(sources->plane); i++)
        json_array_append_new(inputs, input_json(sources, plane_input(sources->plane, i)));
    return json_pack("{s:i, s:i, s:o, s:o, s:o, s:o}", "pipeline", (int)plane_pipeline(sources->plane), "pid",
                     (int)getpid(), "poll", poll_json(sources->plane), "ports", ports, "inputs", inputs, "alerts",
                     conditions_json(sources->conditions));
}
