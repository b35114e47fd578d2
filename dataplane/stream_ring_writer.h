/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stream_ring_writer.h - the writer's inside, shared by the control side that makes a ring (stream_ring.c) and the
 * poll-mode side that fills it (stream_ring_writer.c). Users include stream_ring.h.
 */
#pragma once
#include "dataplane/stream_ring.h"

struct stream_ring_writer {
    _Alignas(64) uint8_t *payload; /* two mappings of the same bytes, one behind the other */
    struct stream_ring_record *records;
    struct stream_ring_header *header;
    uint64_t payload_mask;
    uint64_t record_mask;
    uint64_t payload_head; /* our own copies: the header's are only ever stored to */
    uint64_t record_head;
    uint64_t payload_published; /* what the header's heads say */
    uint64_t record_published;
    _Atomic uint64_t stored_bytes; /* stored by the poll-mode core alone, read by anyone */
    /* control side only */
    _Alignas(64) int descriptor;
    size_t mapped_bytes;
    void *mapping;
};

/* Where a ring's parts lie, from its two sizes; used to make one and to check one that was given to us. */
struct stream_ring_layout {
    uint64_t payload_bytes;
    uint64_t record_count;
    uint64_t index_offset;
    uint64_t payload_offset;
    uint64_t total_bytes;
};
struct stream_ring_layout stream_ring_layout_of(uint64_t payload_bytes, uint64_t record_count);

/* Maps header and index once and the payload twice, contiguously. Returns MAP_FAILED with errno. */
void *stream_ring_map(int descriptor, const struct stream_ring_layout *layout, int protection, size_t *mapped_bytes);
