/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/flow_table.h"

_Static_assert(FLOW_TABLE_PLACES == 128, "place_of gives 7 bits");

static inline unsigned place_of(const struct packet_address *destination, packet_key key)
{
    uint64_t mixed = destination->words[0] ^ destination->words[1] * 31 ^ (key & ~PACKET_KEY_VLAN) << 8;
    return (unsigned)(mixed * UINT64_C(0x9e3779b97f4a7c15) >> 57);
}

static bool same_endpoint(const struct flow *a, const struct flow *b)
{
    return a->key == b->key && packet_address_equal(&a->destination, &b->destination) &&
           a->has_source == b->has_source && (!a->has_source || packet_address_equal(&a->source, &b->source));
}

bool flow_table_add(struct flow_table *table, const struct flow *flow, int *taken_by)
{
    *taken_by = FLOW_NONE;
    if (table->count == FLOWS_MAX)
        return false;
    unsigned place = place_of(&flow->destination, flow->key);
    for (; table->places[place].key; place = (place + 1) % FLOW_TABLE_PLACES)
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
    unsigned place = place_of(&packet->destination, packet->key);
    for (; table->places[place].key; place = (place + 1) % FLOW_TABLE_PLACES) {
        const struct flow *flow = &table->places[place];
        bool any_vlan = (flow->key & PACKET_KEY_VLAN) == 0;
        packet_key wanted = any_vlan ? packet->key & ~PACKET_KEY_VLAN : packet->key;
        if (flow->key != wanted || !packet_address_equal(&flow->destination, &packet->destination) ||
            (flow->has_source && !packet_address_equal(&flow->source, &packet->rtp.source)))
            continue;
        int more = flow->has_source * 2 + !any_vlan;
        if (more > particular) {
            particular = more;
            found = flow->input;
        }
    }
    return found;
}
