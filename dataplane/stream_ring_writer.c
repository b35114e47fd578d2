/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stream_ring_writer.c - the poll-mode core's side: one copy, one record, two stores that publish them. */
#include "dataplane/stream_ring_writer.h"

#include <string.h>

enum {
    CACHE_LINE_BYTES = 64,
    /* How far ahead of the head lines are asked for: three or four packets, so that they are there in time, whatever
     * the size of the ring. Measured: 200 ns a packet without, 80 with. */
    AHEAD_BYTES = 5120,
    AHEAD_RECORDS = 8,
};

/* The same number of bytes is asked for as was just written: every line once. */
static inline void ask_ahead(struct stream_ring_writer *writer, unsigned bytes)
{
    const uint8_t *ahead = writer->payload + ((writer->payload_head + AHEAD_BYTES) & writer->payload_mask);
    for (unsigned i = 0; i < bytes; i += CACHE_LINE_BYTES)
        __builtin_prefetch(ahead + i, 1, 3);
    __builtin_prefetch(&writer->records[(writer->record_head + AHEAD_RECORDS) & writer->record_mask], 1, 3);
}

void stream_ring_append(struct stream_ring_writer *writer, struct stream_ring_record *record, const void *payload)
{
    uint64_t position = writer->payload_head;
    struct stream_ring_record *slot = &writer->records[writer->record_head & writer->record_mask];

    /* The heads published last must be seen before any byte of this packet is: a reader in the middle of the bytes we
     * now overwrite learns it from the head (plus the largest packet). Costs nothing on x86. */
    atomic_thread_fence(memory_order_release);
    memcpy(writer->payload + (position & writer->payload_mask), payload, record->bytes);
    uint64_t stored = atomic_load_explicit(&writer->stored_bytes, memory_order_relaxed);
    atomic_store_explicit(&writer->stored_bytes, stored + record->bytes, memory_order_relaxed);
    record->position = position;
    /* field by field, as the caller has just written them: a copy of the struct reads them in larger pieces, which has
     * to wait until the caller's writes have left the store buffer (5 ns) */
    slot->position = position;
    slot->arrival_utc_ns = record->arrival_utc_ns;
    slot->sequence = record->sequence;
    slot->rtp_timestamp = record->rtp_timestamp;
    slot->bytes = record->bytes;
    slot->flags = record->flags;
    writer->payload_head = position + record->bytes;
    writer->record_head++;
    ask_ahead(writer, record->bytes);
    /* records first: whoever sees a byte finds its record */
    atomic_store_explicit(&writer->header->record_head, writer->record_head, memory_order_release);
    atomic_store_explicit(&writer->header->payload_head, writer->payload_head, memory_order_release);
}

void stream_ring_beat(struct stream_ring_writer *writer, uint64_t monotonic_ns, bool source_present)
{
    atomic_store_explicit(&writer->header->source_present, source_present, memory_order_relaxed);
    atomic_store_explicit(&writer->header->heartbeat_ns, monotonic_ns, memory_order_release);
}
