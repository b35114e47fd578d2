/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/origincheck/transport_stream.h"

#include <stdbool.h>

#include "tools/origincheck/media.h"

enum { PACKET = 188, TIMED_PACKET = 192, SYNC = 0x47, NULL_PID = 0x1fff };

unsigned transport_stream_packet(const uint8_t *data, size_t bytes)
{
    if (bytes >= PACKET && data[0] == SYNC && (bytes < PACKET + 1 || data[PACKET] == SYNC))
        return PACKET;
    bool timed =
        bytes >= TIMED_PACKET && data[4] == SYNC && (bytes < TIMED_PACKET + 5 || data[TIMED_PACKET + 4] == SYNC);
    return timed ? TIMED_PACKET : 0;
}

size_t transport_stream_first_packet(const uint8_t *data, size_t bytes, unsigned packet)
{
    size_t before = packet - PACKET;
    for (size_t at = 0; at < packet && at + before + 2 * packet < bytes; at++)
        if (data[at + before] == SYNC && data[at + before + packet] == SYNC && data[at + before + 2 * packet] == SYNC)
            return at;
    return bytes;
}

static struct media_counter *counter_of(struct media *media, uint16_t pid, bool *fresh)
{
    *fresh = false;
    for (unsigned i = 0; i < media->counters_count; i++)
        if (media->counters[i].pid == pid)
            return &media->counters[i];
    if (media->counters_count == MEDIA_COUNTERS_MAX)
        return NULL;
    *fresh = true;
    struct media_counter *counter = &media->counters[media->counters_count++];
    counter->pid = pid;
    return counter;
}

/* A packet may come twice; an adaptation field may announce a jump. */
static void count(struct media *media, const uint8_t *packet, uint16_t pid)
{
    bool payload = packet[3] & 0x10, adaptation = packet[3] & 0x20, fresh;
    bool announced = adaptation && packet[4] && packet[5] & 0x80;
    uint8_t value = packet[3] & 15;
    if (!payload)
        return;
    struct media_counter *counter = counter_of(media, pid, &fresh);
    if (!counter)
        return;
    if (fresh)
        counter->first = value;
    else if (!announced && value != ((counter->last + 1) & 15) && value != counter->last)
        media_fault(media, MEDIA_COUNTERS, "PID %u: continuity counter %u behind %u", pid, value, counter->last);
    counter->last = value;
}

/* Where a section begins in a packet that starts one; NULL: nowhere. */
static const uint8_t *section_of(const uint8_t *packet)
{
    unsigned at = 4;
    if (packet[3] & 0x20)
        at += 1u + packet[4];
    if (at >= PACKET || !(packet[3] & 0x10) || !(packet[1] & 0x40))
        return NULL;
    at += 1u + packet[at];
    return at + 12 <= PACKET ? packet + at : NULL;
}

struct tables {
    bool pat, pmt, media_first; /* media_first: a PID with media came before both */
    uint16_t pmt_pid;
};

static void look_at_tables(struct tables *tables, const uint8_t *packet, uint16_t pid)
{
    const uint8_t *section = section_of(packet);
    if (pid == 0 && section && section[0] == 0) {
        tables->pat = true;
        tables->pmt_pid = (uint16_t)((section[10] & 0x1f) << 8 | section[11]);
    } else if (tables->pat && pid == tables->pmt_pid) {
        tables->pmt = true;
    } else if (pid >= 32 && pid != NULL_PID && !(tables->pat && tables->pmt)) {
        tables->media_first = true;
    }
}

void transport_stream_look(const uint8_t *data, size_t bytes, struct media *media)
{
    struct tables tables = { 0 };
    unsigned size = transport_stream_packet(data, bytes);
    if (!size)
        return;
    if (bytes % size)
        media_fault(media, MEDIA_TRUNCATED, "%zu bytes are not a multiple of %u", bytes, size);
    for (size_t at = 0; at + size <= bytes; at += size) {
        const uint8_t *packet = data + at + (size - PACKET);
        if (packet[0] != SYNC) {
            media_fault(media, MEDIA_MALFORMED, "no sync byte at byte %zu", at);
            return;
        }
        uint16_t pid = (uint16_t)((packet[1] & 0x1f) << 8 | packet[2]);
        if (packet[1] & 0x80)
            media_fault(media, MEDIA_MALFORMED, "a packet of PID %u is marked as damaged", pid);
        look_at_tables(&tables, packet, pid);
        if (pid != NULL_PID)
            count(media, packet, pid);
    }
    if (!tables.pat || !tables.pmt)
        media_fault(media, MEDIA_MALFORMED, "no %s in it", tables.pat ? "PMT" : "PAT");
    else if (tables.media_first)
        media_fault(media, MEDIA_MALFORMED, "media stands before PAT and PMT");
}
