/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/ts_clock.h"

#include <string.h>

#define INTERRUPTED_90K INT64_C(180000)

enum { SYNC = 0x47, ADAPTATION_ONLY = 0x20, HAS_PAYLOAD = 0x10, HAS_REFERENCE = 0x10, CONTINUITY = 0x0f };

void ts_clock_note(struct ts_clock *clock, const uint8_t *packets, size_t count)
{
    for (const uint8_t *packet = packets; packet + TS_CLOCK_PACKET_BYTES <= packets + count;
         packet += TS_CLOCK_PACKET_BYTES)
        if (((packet[1] & 0x1fu) << 8 | packet[2]) == clock->pid && packet[3] & HAS_PAYLOAD)
            clock->continuity = packet[3] & CONTINUITY;
}

void ts_clock_set(struct ts_clock *clock, int64_t now_90k)
{
    clock->newest_90k = now_90k;
}

bool ts_clock_is_due(const struct ts_clock *clock, int64_t now_90k)
{
    return clock->newest_90k != TS_CLOCK_NONE && now_90k - clock->newest_90k > clock->longest_90k &&
           now_90k - clock->newest_90k < INTERRUPTED_90K;
}

/* Continuity does not count on without payload (ISO/IEC 13818-1, 2.4.3.3). */
const uint8_t *ts_clock_packet(struct ts_clock *clock, uint8_t packet[TS_CLOCK_PACKET_BYTES])
{
    const uint8_t head[] = { SYNC,
                             (uint8_t)(clock->pid >> 8),
                             (uint8_t)clock->pid,
                             (uint8_t)(ADAPTATION_ONLY | clock->continuity),
                             TS_CLOCK_PACKET_BYTES - 5,
                             HAS_REFERENCE };
    int64_t now = clock->newest_90k += clock->longest_90k;
    uint8_t *at = packet + sizeof head;

    memset(packet, 0xff, TS_CLOCK_PACKET_BYTES);
    memcpy(packet, head, sizeof head);
    for (unsigned i = 0; i < 4; i++)
        *at++ = (uint8_t)(now >> (25 - 8 * i));
    *at++ = (uint8_t)((now & 1) << 7 | 0x7e); /* and an extension of 0 */
    *at = 0;
    return packet;
}
