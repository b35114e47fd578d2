/* SPDX-License-Identifier: GPL-2.0-or-later */
/* receive.h - one turn of the poll-mode loop: bursts from the ports, each packet classified, put in order, stored.
 *
 * Run to completion on one core: what a burst brings is in the stream rings, held for reordering, or dropped and
 * counted when the turn ends. The table of ports and inputs is built on the control thread and only read here; another
 * configuration is another table, swapped between two turns (poll.h). Inputs and ports outlive the tables that name
 * them: an input that stays keeps its ring, its window and its counters.
 *
 *     packets = receive_turn(table, &time);      // time: taken once for the turn
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/flow_table.h"
#include "dataplane/packet.h"
#include "dataplane/reorder.h"
#include "dataplane/security_group.h"

struct rte_ring;

enum { RECEIVE_BURST = 32, RECEIVE_PORTS_MAX = 4, RECEIVE_INPUTS_MAX = FLOWS_MAX };
#define RECEIVE_BEAT_NS UINT64_C(10000000) /* how often the rings hear from their writer */

struct receive_time {
    uint64_t monotonic_ns;
    uint64_t utc_ns;
};

struct receive_port {
    _Alignas(64) uint16_t id; /* DPDK's */
    /* Frames for the control thread's eyes (address resolution, group membership), and its answers; NULL: none are
     * wanted. One producer, one consumer each way. */
    struct rte_ring *to_control, *from_control;
    _Alignas(64) packet_counter packets;
    packet_counter bytes;
    packet_counter transmitted;
    packet_counter transmit_drops;
    packet_counter outcomes[PACKET_OUTCOMES]; /* of the port's */
};

struct receive_input {
    _Alignas(64) struct reorder *reorder;
    struct stream_ring_writer *ring;
    _Alignas(64) struct reorder_counters counters;
    packet_counter last_group_drop_source[2]; /* words of the address that was refused last, for the alert */
    packet_counter last_group_drop_version;
    packet_counter outcomes[PACKET_OUTCOMES]; /* of the input's */
};

struct receive_table {
    unsigned ports_count, inputs_count;
    struct receive_port *ports[RECEIVE_PORTS_MAX];
    struct receive_input *inputs[RECEIVE_INPUTS_MAX];
    struct security_group groups[RECEIVE_INPUTS_MAX]; /* here, not in the input: they change with the configuration */
    struct flow_table flows;                          /* flow.input: place in inputs */
    struct {
        unsigned packets; /* at most what the reorder was made for */
        uint64_t wait_ns;
    } windows[RECEIVE_INPUTS_MAX];
    /* the poll-mode core's */
    uint64_t next_beat_ns;
    /* The last flow that was found and let in: packets of one sender come in rows. */
    struct {
        struct packet_address source, destination;
        packet_key key; /* 0: none yet */
        struct receive_input *input;
    } last;
};

/* The first thing to do with a table on the poll-mode core: the inputs' windows become what it says. */
void receive_adopt(struct receive_table *table);
/* Returns how many packets came. */
unsigned receive_turn(struct receive_table *table, const struct receive_time *time);
/* reorder_config.discard for packets that come from here. */
void receive_discard(void *buffer);
