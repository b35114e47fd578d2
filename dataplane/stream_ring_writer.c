/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stream_ring_writer.c - the poll-mode core's side: one copy, one record, two stores that publish them. */
#include "dataplane/stream_ring_writer.h"

#include <string.h>

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
    *slot = *record;
    writer->payload_head = position + record->bytes;
    writer->record_head++;
    /* records first: whoever sees a byte finds its record */
    atomic_store_explicit(&writer->header->record_head, writer->record_head, memory_order_release);
    atomic_store_explicit(&writer->header->payload_head, writer->payload_head, memory_order_release);
}

void stream_ring_beat(struct stream_ring_writer *writer, uint64_t monotonic_ns, bool source_present)
{
    atomic_store_explicit(&writer->header->source_present, source_present, memory_order_relaxed);
    atomic_store_explicit(&writer->header->heartbeat_ns, monotonic_ns, memory_order_release);
}
