/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plane.h - the data plane of one node as its control thread sees it: ports, inputs, and the thread that polls.
 *
 *     plane_create(&plane, &config, &err);     // DPDK, ports, inputs; packets come from now on
 *     plane_apply(plane, &job, &err);          // inputs come and go, the others notice nothing
 *     plane_destroy(plane);
 *
 * One control thread. A second data plane in the same process is refused by DPDK.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "board/clock.h"
#include "board/topology.h"
#include "dataplane/input_runtime.h"
#include "dataplane/job.h"
#include "dataplane/poll.h"

struct error;
struct log;
struct plane;
struct port;
struct responder;

struct plane_config {
    const struct dataplane_job *job;   /* borrow until created */
    const struct placement *placement; /* borrow until created */
    const struct clock *clock;         /* borrow */
    const struct log *log;             /* borrow */
};

struct plane_port {
    struct responder *responder; /* NULL: the kernel answers for this port, it has no addresses of its own here */
    struct port *device;
    struct port_settings settings;
    struct receive_port *hot;
};

int plane_create(struct plane **out, const struct plane_config *config, struct error *err);
void plane_destroy(struct plane *plane); /* NULL is fine */

/* An input whose name and ring size stay keeps its ring, its window and its counters. On failure everything stays as it
 * was, but after -ETIMEDOUT: the polling thread has not taken the job, or takes it later; the process has to end.
 * Another "dataplane" section than at start is not applied: -EBUSY, with everything else applied. */
int plane_apply(struct plane *plane, const struct dataplane_job *job, struct error *err);

/* Would somebody answer on these ports when the endpoint's address is asked for (ARP, RFC 4861), or join its group? On
 * a port that the kernel still has it does; on a PCI device only an address of the port's own does. */
bool plane_ports_answer(const struct dataplane_settings *settings, const struct input_endpoint *endpoint);
bool plane_is_answered_for(const struct plane *plane, const struct input *input); /* the same of a running one's */

/* Do the ports have addresses of their own, so that plane_turn is to be called every RESPONDER_TURN_NS? */
bool plane_answers(const struct plane *plane);
void plane_turn(struct plane *plane);

/* Called for an input before it ends, so that who reads its ring can be told. */
void plane_on_end(struct plane *plane, void (*ending)(void *context, const struct input_runtime *input), void *context);

const struct input_runtime *plane_find_input(const struct plane *plane, const char *name); /* NULL: none */
unsigned plane_inputs(const struct plane *plane);
const struct input_runtime *plane_input(const struct plane *plane, unsigned number);
unsigned plane_ports(const struct plane *plane);
const struct plane_port *plane_port(const struct plane *plane, unsigned number);
struct poll_statistics plane_poll_statistics(const struct plane *plane);
unsigned plane_pipeline(const struct plane *plane);
unsigned plane_core(const struct plane *plane); /* that polls */
unsigned plane_node(const struct plane *plane); /* of the placement: where everything is to be */
/* Where DPDK says that its polling lcore and all of its memory are; see eal.h. */
int plane_lcore_node(const struct plane *plane);
int plane_memory_node(const struct plane *plane);
struct rte_mempool *plane_pool(const struct plane *plane); /* borrow */
