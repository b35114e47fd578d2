/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stream_ring_writer.c - the poll-mode core's side: one copy and one record a packet, one publication a burst.
 *
 * The copy streams past the caches (non-temporal stores, whole lines at a time). A ring is larger than what the caches
 * keep for long: an ordinary store first fetches the line it is about to overwrite, and whoever reads the ring comes
 * milliseconds later. Measured where memory is slow: 150 ns a packet of 1316 bytes with ordinary stores and
 * prefetching, 35 like this. Streamed stores are in no order with others until a fence, which costs 120 ns; hence a
 * fence a burst.
 */
#include "dataplane/stream_ring_writer.h"

#include <emmintrin.h>
#include <string.h>

enum {
    CACHE_LINE_BYTES = 64,
    /* Two packets share a line where one ends and the next begins; such lines are written by ordinary stores, so they
     * are asked for that many packets ahead, each time again: what is asked of a busy memory once may be forgotten. */
    AHEAD_PACKETS = 3,
    AHEAD_RECORDS = 8,
};

/* One half is written between two publications. The fence of the later one makes sure that readers see the heads of the
 * earlier one, so they never miss more than both halves. */
enum { UNPUBLISHED_BYTES_MAX = STREAM_RING_AHEAD_BYTES / 2, UNPUBLISHED_RECORDS_MAX = STREAM_RING_AHEAD_RECORDS / 2 };
_Static_assert((int)UNPUBLISHED_BYTES_MAX >= (int)STREAM_RING_PACKET_BYTES_MAX, "one packet can be written");

/* `to` is a whole line, `from` lies anywhere. Written out: as loops they would go over the stack at -O2. */
static inline void stream_line(uint8_t *to, const uint8_t *from)
{
    const __m128i *source = (const __m128i *)from;
    __m128i *line = (__m128i *)to;
    __m128i first = _mm_loadu_si128(source), second = _mm_loadu_si128(source + 1);
    __m128i third = _mm_loadu_si128(source + 2), fourth = _mm_loadu_si128(source + 3);
    _mm_stream_si128(line, first);
    _mm_stream_si128(line + 1, second);
    _mm_stream_si128(line + 2, third);
    _mm_stream_si128(line + 3, fourth);
}

static inline void stream_bytes(uint8_t *to, const uint8_t *from, unsigned bytes)
{
    unsigned head = (unsigned)(-(uintptr_t)to % CACHE_LINE_BYTES);
    if (head > bytes)
        head = bytes;
    memcpy(to, from, head);
    to += head, from += head, bytes -= head;
    for (; bytes >= CACHE_LINE_BYTES; bytes -= CACHE_LINE_BYTES, to += CACHE_LINE_BYTES, from += CACHE_LINE_BYTES)
        stream_line(to, from);
    memcpy(to, from, bytes);
}

static inline void ask_ahead(const struct stream_ring_writer *writer, unsigned bytes)
{
    const uint8_t *seam = writer->payload + (writer->payload_head & writer->payload_mask);
    for (unsigned i = 0; i < AHEAD_PACKETS; i++)
        __builtin_prefetch(seam += bytes, 1, 3);
    __builtin_prefetch(&writer->records[(writer->record_head + AHEAD_RECORDS) & writer->record_mask], 1, 3);
}

void stream_ring_publish(struct stream_ring_writer *writer)
{
    if (writer->record_published == writer->record_head)
        return;
    _mm_sfence();
    writer->record_published = writer->record_head;
    writer->payload_published = writer->payload_head;
    /* records first: whoever sees a byte finds its record */
    atomic_store_explicit(&writer->header->record_head, writer->record_head, memory_order_release);
    atomic_store_explicit(&writer->header->payload_head, writer->payload_head, memory_order_release);
}

void stream_ring_append(struct stream_ring_writer *writer, struct stream_ring_record *record, const void *payload)
{
    uint64_t position = writer->payload_head;
    struct stream_ring_record *slot = &writer->records[writer->record_head & writer->record_mask];

    if (position + record->bytes - writer->payload_published > UNPUBLISHED_BYTES_MAX ||
        writer->record_head - writer->record_published == UNPUBLISHED_RECORDS_MAX)
        stream_ring_publish(writer);
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
    stream_bytes(writer->payload + (position & writer->payload_mask), payload, record->bytes);
}

void stream_ring_beat(struct stream_ring_writer *writer, uint64_t monotonic_ns, bool source_present)
{
    atomic_store_explicit(&writer->header->source_present, source_present, memory_order_relaxed);
    atomic_store_explicit(&writer->header->heartbeat_ns, monotonic_ns, memory_order_release);
}
