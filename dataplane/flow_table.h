/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow_table.h - which input a packet belongs to, by destination address and port, VLAN, and sender where it is fixed.
 *
 * Built on a control thread, then read-only on the hot path: a change is another table. Open addressing over four times
 * as many places as there can be flows.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/packet.h"

enum { FLOWS_MAX = 32, FLOW_TABLE_PLACES = 128, FLOW_NONE = -1 };

struct flow {
    struct packet_address destination;
    struct packet_address source; /* the only sender that matches, if has_source */
    packet_key key;               /* of the destination; VLAN 0: any. 0: this place is free */
    bool has_source;
    int16_t input; /* the caller's number */
};

struct flow_table {
    unsigned count;
    struct flow places[FLOW_TABLE_PLACES];
};

/* false: full, or the same endpoint is there already (*taken_by: whose; -1: full). */
bool flow_table_add(struct flow_table *table, const struct flow *flow, int *taken_by);

/* The input of the most particular flow that matches: a sender counts more than a VLAN. FLOW_NONE: none does. */
int flow_table_find(const struct flow_table *table, const struct packet *packet);
