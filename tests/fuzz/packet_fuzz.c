/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames from the network through the whole classification: whatever the bytes are, nothing behind them is read (they
 * lie in a block of exactly their size), and what is called good lies within them. */
#include <stdlib.h>
#include <string.h>

#include "dataplane/flow_table.h"
#include "dataplane/packet.h"
#include "dataplane/security_group.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void classify(const uint8_t *frame, unsigned bytes, unsigned vlan, bool checked)
{
    static struct flow_table flows;
    static struct security_group group;
    struct packet packet;
    enum packet_outcome outcome = packet_parse_network(frame, bytes, vlan, &packet);
    require(outcome < PACKET_OUTCOMES);
    if (outcome != PACKET_GOOD)
        return;
    require(packet.end <= bytes && packet.udp_offset + 8 <= packet.end);
    require(flow_table_find(&flows, &packet) == FLOW_NONE);
    require(!security_group_allows(&group, packet.ip_version, &packet.rtp.source));
    outcome = packet_parse_transport(frame, &packet, checked);
    require(outcome < PACKET_OUTCOMES);
    if (outcome != PACKET_GOOD)
        return;
    require(packet.payload_offset + packet.payload_bytes <= packet.end);
    outcome = packet_parse_rtp(frame, &packet);
    require(outcome < PACKET_OUTCOMES);
    if (outcome != PACKET_GOOD)
        return;
    require(packet.rtp.bytes && packet.rtp.bytes % PACKET_TS_BYTES == 0);
    require(packet.rtp.payload >= frame && packet.rtp.payload + packet.rtp.bytes <= frame + packet.end);
    for (unsigned i = 0; i < packet.rtp.bytes; i += PACKET_TS_BYTES)
        require(packet.rtp.payload[i] == 0x47);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 9000)
        return 0;
    uint8_t *frame = malloc(size - 1);
    memcpy(frame, data + 1, size - 1);
    classify(frame, (unsigned)size - 1, data[0] & 0x7f, data[0] & 0x80);
    free(frame);
    return 0;
}
