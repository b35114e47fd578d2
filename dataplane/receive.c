/* SPDX-License-Identifier: GPL-2.0-or-later */
/* receive.c - a packet's cache lines are asked for while those before it are worked on; buffers go back in bulk. */
#include "dataplane/receive.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>
#include <rte_ring.h>

enum {
    PREFETCH_AHEAD = 2, /* packets */
    CACHE_LINE_BYTES = 64,
    ETHERTYPE_ARP = 0x0806,
    PROTOCOL_IGMP = 2,
    PROTOCOL_ICMPV6 = 58,
};

/* Buffers of one burst that are not needed any more. */
struct spent {
    unsigned count;
    struct rte_mbuf *buffers[RECEIVE_BURST];
};

void receive_discard(void *buffer)
{
    rte_pktmbuf_free(buffer);
}

static inline bool is_for_control(const struct packet *packet)
{
    return packet->ethertype == ETHERTYPE_ARP || packet->protocol == PROTOCOL_IGMP ||
           packet->protocol == PROTOCOL_ICMPV6;
}

/* A frame that is no input's; true: the control thread has it now. */
static bool refuse_at_port(struct receive_port *port, struct rte_mbuf *buffer, const struct packet *packet,
                           enum packet_outcome outcome)
{
    bool kept = false;
    if (port->to_control && (outcome == PACKET_OTHER_PROTOCOL || outcome == PACKET_NOT_UDP) && is_for_control(packet)) {
        kept = rte_ring_sp_enqueue(port->to_control, buffer) == 0;
        outcome = kept ? PACKET_TO_CONTROL : PACKET_CONTROL_FULL;
    }
    packet_count(&port->outcomes[outcome], 1);
    return kept;
}

static void refuse_sender(struct receive_input *input, const struct packet *packet)
{
    packet_count(&input->outcomes[PACKET_SECURITY_GROUP], 1);
    for (unsigned i = 0; i < 2; i++)
        atomic_store_explicit(&input->last_group_drop_source[i], packet->rtp.source.words[i], memory_order_relaxed);
    atomic_store_explicit(&input->last_group_drop_version, packet->ip_version, memory_order_relaxed);
}

static inline enum packet_outcome parse_payload(const struct rte_mbuf *buffer, const uint8_t *frame,
                                                struct packet *packet)
{
    uint64_t ip = buffer->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK, udp = buffer->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
    if (ip == RTE_MBUF_F_RX_IP_CKSUM_BAD)
        return PACKET_IP_CHECKSUM;
    enum packet_outcome outcome = packet_parse_transport(frame, packet, ip == RTE_MBUF_F_RX_IP_CKSUM_GOOD);
    if (outcome != PACKET_GOOD)
        return outcome;
    if (udp == RTE_MBUF_F_RX_L4_CKSUM_BAD)
        return PACKET_UDP_CHECKSUM;
    return packet_parse_rtp(frame, packet);
}

/* Whose packet it is; NULL: refused and counted. */
static struct receive_input *look_up(struct receive_table *table, struct receive_port *port,
                                     const struct packet *packet)
{
    int number = flow_table_find(&table->flows, packet);
    if (number == FLOW_NONE) {
        packet_count(&port->outcomes[PACKET_NO_INPUT], 1);
        return NULL;
    }
    if (!security_group_allows(&table->groups[number], packet->ip_version, &packet->rtp.source)) {
        refuse_sender(table->inputs[number], packet);
        return NULL;
    }
    table->last.source = packet->rtp.source;
    table->last.destination = packet->destination;
    table->last.key = packet->key;
    table->last.input = table->inputs[number];
    return table->inputs[number];
}

static inline struct receive_input *input_of(struct receive_table *table, struct receive_port *port,
                                             const struct packet *packet)
{
    if (packet->key == table->last.key && packet_address_equal(&table->last.source, &packet->rtp.source) &&
        packet_address_equal(&table->last.destination, &packet->destination))
        return table->last.input;
    return look_up(table, port, packet);
}

/* true: the buffer is kept by someone. */
static inline bool take(struct receive_table *table, struct receive_port *port, struct rte_mbuf *buffer,
                        const struct receive_time *time)
{
    const uint8_t *frame = rte_pktmbuf_mtod(buffer, const uint8_t *);
    unsigned vlan = buffer->ol_flags & RTE_MBUF_F_RX_VLAN ? buffer->vlan_tci : 0;
    struct packet packet;
    enum packet_outcome outcome = PACKET_SCATTERED;
    if (buffer->nb_segs == 1)
        outcome = packet_parse_network(frame, buffer->data_len, vlan, &packet);
    if (outcome != PACKET_GOOD)
        return refuse_at_port(port, buffer, &packet, outcome);
    struct receive_input *input = input_of(table, port, &packet);
    if (!input)
        return false;
    outcome = parse_payload(buffer, frame, &packet);
    if (outcome != PACKET_GOOD) {
        packet_count(&input->outcomes[outcome], 1);
        return false;
    }
    packet.rtp.buffer = buffer;
    packet.rtp.arrival_utc_ns = time->utc_ns;
    packet.rtp.arrival_ns = time->monotonic_ns;
    return reorder_put(input->reorder, &packet.rtp, time->monotonic_ns);
}

static void transmit(struct receive_port *port)
{
    void *frames[RECEIVE_BURST];
    unsigned count = rte_ring_sc_dequeue_burst(port->from_control, frames, RECEIVE_BURST, NULL);
    if (!count)
        return;
    unsigned sent = rte_eth_tx_burst(port->id, 0, (struct rte_mbuf **)frames, (uint16_t)count);
    packet_count(&port->transmitted, sent);
    if (sent < count) {
        packet_count(&port->transmit_drops, count - sent);
        rte_pktmbuf_free_bulk((struct rte_mbuf **)frames + sent, count - sent);
    }
}

/* The whole frame, not only its headers: all of it will be copied, and waiting for its lines one by one costs more than
 * everything else here (measured: half the time of the whole path). */
static inline void prefetch_frame(const struct rte_mbuf *buffer)
{
    const uint8_t *frame = rte_pktmbuf_mtod(buffer, const uint8_t *);
    for (unsigned i = 0; i < buffer->data_len; i += CACHE_LINE_BYTES)
        rte_prefetch0(frame + i);
}

static unsigned turn_port(struct receive_table *table, struct receive_port *port, const struct receive_time *time)
{
    struct rte_mbuf *buffers[RECEIVE_BURST];
    struct spent spent; /* not zeroed: that would cost more than it seems, 260 bytes a burst */
    spent.count = 0;
    uint64_t bytes = 0;
    unsigned count = rte_eth_rx_burst(port->id, 0, buffers, RECEIVE_BURST);
    for (unsigned i = 0; i < count; i++)
        rte_prefetch0(buffers[i]);
    for (unsigned i = 0; i < count && i < PREFETCH_AHEAD; i++)
        prefetch_frame(buffers[i]);
    for (unsigned i = 0; i < count; i++) {
        if (i + PREFETCH_AHEAD < count)
            prefetch_frame(buffers[i + PREFETCH_AHEAD]);
        bytes += buffers[i]->pkt_len;
        if (!take(table, port, buffers[i], time))
            spent.buffers[spent.count++] = buffers[i];
    }
    if (spent.count)
        rte_pktmbuf_free_bulk(spent.buffers, spent.count);
    if (count) {
        packet_count(&port->packets, count);
        packet_count(&port->bytes, bytes);
    }
    if (port->from_control)
        transmit(port);
    return count;
}

static void beat(struct receive_table *table, const struct receive_time *time)
{
    for (unsigned i = 0; i < table->inputs_count; i++) {
        const struct receive_input *input = table->inputs[i];
        uint64_t last = atomic_load_explicit(&input->counters.last_packet_ns, memory_order_relaxed);
        stream_ring_beat(input->ring, time->monotonic_ns, last && time->monotonic_ns - last < REORDER_SILENCE_NS);
    }
    table->next_beat_ns = time->monotonic_ns + RECEIVE_BEAT_NS;
}

void receive_adopt(struct receive_table *table)
{
    for (unsigned i = 0; i < table->inputs_count; i++)
        reorder_window(table->inputs[i]->reorder, table->windows[i].packets, table->windows[i].wait_ns);
}

unsigned receive_turn(struct receive_table *table, const struct receive_time *time)
{
    unsigned count = 0;
    for (unsigned i = 0; i < table->ports_count; i++)
        count += turn_port(table, table->ports[i], time);
    for (unsigned i = 0; i < table->inputs_count; i++) {
        struct receive_input *input = table->inputs[i];
        if (reorder_deadline_ns(input->reorder) <= time->monotonic_ns)
            reorder_turn(input->reorder, time->monotonic_ns);
        stream_ring_publish(input->ring);
    }
    if (time->monotonic_ns >= table->next_beat_ns)
        beat(table, time);
    return count;
}
