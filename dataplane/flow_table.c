/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/flow_table.h"

static inline unsigned place_of(const struct packet_address *destination, uint16_t port)
{
    uint64_t mixed = (destination->words[0] ^ destination->words[1] * 31 ^ port) * UINT64_C(0x9e3779b97f4a7c15);
    return (unsigned)(mixed >> 57); /* 7 bits: FLOW_TABLE_PLACES */
}

static bool same_endpoint(const struct flow *a, const struct flow *b)
{
    return a->port == b->port && a->vlan == b->vlan && a->ip_version == b->ip_version &&
           packet_address_equal(&a->destination, &b->destination) && a->has_source == b->has_source &&
           (!a->has_source || packet_address_equal(&a->source, &b->source));
}

bool flow_table_add(struct flow_table *table, const struct flow *flow, int *taken_by)
{
    *taken_by = FLOW_NONE;
    if (table->count == FLOWS_MAX)
        return false;
    unsigned place = place_of(&flow->destination, flow->port);
    for (; table->places[place].ip_version; place = (place + 1) % FLOW_TABLE_PLACES)
        if (same_endpoint(&table->places[place], flow)) {
            *taken_by = table->places[place].input;
            return false;
        }
    table->places[place] = *flow;
    table->count++;
    return true;
}

int flow_table_find(const struct flow_table *table, const struct packet *packet)
{
    int found = FLOW_NONE, particular = -1;
    unsigned place = place_of(&packet->destination, packet->destination_port);
    for (; table->places[place].ip_version; place = (place + 1) % FLOW_TABLE_PLACES) {
        const struct flow *flow = &table->places[place];
        if (flow->port != packet->destination_port || flow->ip_version != packet->ip_version ||
            !packet_address_equal(&flow->destination, &packet->destination) ||
            (flow->vlan && flow->vlan != packet->vlan) ||
            (flow->has_source && !packet_address_equal(&flow->source, &packet->source)))
            continue;
        int more = flow->has_source * 2 + (flow->vlan != 0);
        if (more > particular) {
            particular = more;
            found = flow->input;
        }
    }
    return found;
}
