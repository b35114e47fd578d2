/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stream_ring_reader.c - reading in place what another process may be overwriting.
 *
 * Nothing in the shared memory is trusted after the header was checked once: sizes are kept here, heads and records are
 * read once and bounded. The writer may at any time be busy with what STREAM_RING_AHEAD_BYTES says beyond its published
 * head, so bytes are safe only if they are that much younger than one turn of the ring.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "dataplane/stream_ring.h"
#include "dataplane/stream_ring_writer.h"

struct stream_ring_reader {
    const struct stream_ring_header *header;
    const struct stream_ring_record *records;
    const uint8_t *payload;
    uint64_t payload_bytes;
    uint64_t record_count;
    uint64_t instance;
    uint64_t position;
    uint64_t record_hint; /* number of the record that was found last */
    uint64_t overruns;
    int descriptor;
    size_t mapped_bytes;
    void *mapping;
};

static bool power_of_two(uint64_t number)
{
    return number && (number & (number - 1)) == 0;
}

static int check_header(const struct stream_ring_header *header, uint64_t file_bytes, struct stream_ring_layout *layout,
                        struct error *err)
{
    if (header->magic != STREAM_RING_MAGIC)
        return error_set(err, -EPROTO, "stream ring: no stream ring is in this file");
    if (header->version != STREAM_RING_VERSION)
        return error_set(err, -EPROTO, "stream ring: version %u, this program reads %d", header->version,
                         STREAM_RING_VERSION);
    if (header->header_bytes != sizeof *header)
        return error_set(err, -EPROTO, "stream ring: header of %u bytes instead of %zu", header->header_bytes,
                         sizeof *header);
    if (!power_of_two(header->payload_bytes) || header->payload_bytes < STREAM_RING_PAYLOAD_BYTES_MIN ||
        header->payload_bytes > STREAM_RING_PAYLOAD_BYTES_MAX)
        return error_set(err, -EPROTO, "stream ring: payload of %llu bytes is not a power of two in %d..%d",
                         (unsigned long long)header->payload_bytes, STREAM_RING_PAYLOAD_BYTES_MIN,
                         STREAM_RING_PAYLOAD_BYTES_MAX);
    if (!power_of_two(header->record_count) || header->record_count < 2 * STREAM_RING_AHEAD_RECORDS ||
        header->record_count > header->payload_bytes)
        return error_set(err, -EPROTO, "stream ring: index of %u records", header->record_count);
    *layout = (struct stream_ring_layout){
        .payload_bytes = header->payload_bytes,
        .record_count = header->record_count,
        .index_offset = header->index_offset,
        .payload_offset = header->payload_offset,
        .total_bytes = header->total_bytes,
    };
    uint64_t index_end = layout->index_offset + layout->record_count * sizeof(struct stream_ring_record);
    if (layout->index_offset < sizeof *header || layout->index_offset % 64 ||
        layout->payload_offset % STREAM_RING_PAGE_BYTES || layout->payload_offset < index_end ||
        layout->payload_offset > layout->total_bytes ||
        layout->total_bytes - layout->payload_offset != layout->payload_bytes)
        return error_set(err, -EPROTO, "stream ring: its parts are not where they can be");
    if (file_bytes != layout->total_bytes)
        return error_set(err, -EPROTO, "stream ring: file of %llu bytes instead of %llu",
                         (unsigned long long)file_bytes, (unsigned long long)layout->total_bytes);
    return 0;
}

/* The header is copied out and checked as a private copy: its owner cannot change it between check and use. */
static int read_layout(int descriptor, struct stream_ring_layout *layout, uint64_t *instance, struct error *err)
{
    struct stream_ring_header header;
    struct stat status;
    if (fstat(descriptor, &status) < 0)
        return error_set_errno(err, -errno, "stream ring");
    int seals = fcntl(descriptor, F_GET_SEALS);
    if (seals < 0 || !(seals & F_SEAL_SHRINK))
        return error_set(err, -EPROTO, "stream ring: the file could shrink while it is read (not sealed)");
    if (pread(descriptor, &header, sizeof header, 0) != (ssize_t)sizeof header)
        return error_set(err, -EPROTO, "stream ring: file of %lld bytes has no header", (long long)status.st_size);
    *instance = header.instance;
    return check_header(&header, (uint64_t)status.st_size, layout, err);
}

int stream_ring_open(struct stream_ring_reader **out, int descriptor, struct error *err)
{
    struct stream_ring_layout layout;
    uint64_t instance = 0;
    int result = read_layout(descriptor, &layout, &instance, err);
    if (result < 0)
        return result;
    struct stream_ring_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return error_set(err, -ENOMEM, "stream ring reader");
    reader->mapping = stream_ring_map(descriptor, &layout, PROT_READ, &reader->mapped_bytes);
    if (reader->mapping == MAP_FAILED) {
        int code = -errno;
        free(reader);
        return error_set_errno(err, code, "mapping a stream ring of %llu bytes",
                               (unsigned long long)layout.total_bytes);
    }
    const uint8_t *base = reader->mapping;
    reader->header = reader->mapping;
    reader->records = (const struct stream_ring_record *)(base + layout.index_offset);
    reader->payload = base + layout.payload_offset;
    reader->payload_bytes = layout.payload_bytes;
    reader->record_count = layout.record_count;
    reader->instance = instance;
    reader->descriptor = descriptor;
    reader->position = stream_ring_head(reader);
    *out = reader;
    return 0;
}

void stream_ring_close(struct stream_ring_reader *reader)
{
    if (!reader)
        return;
    munmap(reader->mapping, reader->mapped_bytes);
    close(reader->descriptor);
    free(reader);
}

uint64_t stream_ring_head(const struct stream_ring_reader *reader)
{
    return atomic_load_explicit(&reader->header->payload_head, memory_order_acquire);
}

static uint64_t record_head(const struct stream_ring_reader *reader)
{
    return atomic_load_explicit(&reader->header->record_head, memory_order_acquire);
}

/* Oldest position that the writer is certainly not touching. */
static uint64_t oldest_safe(const struct stream_ring_reader *reader, uint64_t head)
{
    uint64_t kept = reader->payload_bytes - STREAM_RING_AHEAD_BYTES;
    return head > kept ? head - kept : 0;
}

/* Oldest record that is certainly whole: some slots may be under the pen. */
static uint64_t oldest_record(const struct stream_ring_reader *reader, uint64_t head)
{
    uint64_t kept = reader->record_count - STREAM_RING_AHEAD_RECORDS;
    return head > kept ? head - kept : 0;
}

bool stream_ring_intact(const struct stream_ring_reader *reader, uint64_t position)
{
    atomic_thread_fence(memory_order_acquire);
    uint64_t head = atomic_load_explicit(&reader->header->payload_head, memory_order_relaxed);
    return position <= head && position >= oldest_safe(reader, head);
}

/* Copies record `number` out; false: it was overwritten meanwhile. */
static bool read_record(const struct stream_ring_reader *reader, uint64_t number, struct stream_ring_record *record)
{
    memcpy(record, &reader->records[number & (reader->record_count - 1)], sizeof *record);
    atomic_thread_fence(memory_order_acquire);
    uint64_t head = atomic_load_explicit(&reader->header->record_head, memory_order_relaxed);
    return number < head && number >= oldest_record(reader, head);
}

/* First record in [low, high) whose end lies behind `position`; high: none. Records that are overwritten meanwhile are
 * older than any that is asked for. */
static uint64_t find_record(const struct stream_ring_reader *reader, uint64_t low, uint64_t high, uint64_t position)
{
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        struct stream_ring_record record;
        if (!read_record(reader, middle, &record) || record.position + record.bytes <= position)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool stream_ring_record_at(struct stream_ring_reader *reader, uint64_t position, struct stream_ring_record *record)
{
    uint64_t head = record_head(reader), number = reader->record_hint;
    /* mostly the same packet as last time, or one of the next few */
    for (unsigned i = 0; i < 4 && number < head; i++, number++)
        if (read_record(reader, number, record) && position - record->position < record->bytes) {
            reader->record_hint = number;
            return true;
        }
    number = find_record(reader, oldest_record(reader, head), head, position);
    if (number >= head || !read_record(reader, number, record) || position - record->position >= record->bytes)
        return false;
    reader->record_hint = number;
    return true;
}

/* Start of the oldest packet that will stay for a while: a sixteenth of the ring is kept between it and the writer. */
static uint64_t oldest_packet(const struct stream_ring_reader *reader)
{
    uint64_t head = stream_ring_head(reader), records = record_head(reader);
    uint64_t kept = reader->payload_bytes - STREAM_RING_AHEAD_BYTES - reader->payload_bytes / 16;
    uint64_t limit = head > kept ? head - kept : 0;
    uint64_t first = oldest_record(reader, records);
    if (first && first + reader->record_count / 16 < records)
        first += reader->record_count / 16;
    struct stream_ring_record record;
    /* the first that starts at or behind the limit is the one behind the one that holds the byte before it */
    uint64_t number = find_record(reader, first, records, limit);
    if (number < records && read_record(reader, number, &record) && record.position < limit)
        number++;
    if (number >= records || !read_record(reader, number, &record))
        return head;
    return record.position >= limit && record.position <= head ? record.position : head;
}

uint64_t stream_ring_seek_arrival(struct stream_ring_reader *reader, uint64_t utc_ns)
{
    uint64_t head = stream_ring_head(reader), oldest = oldest_packet(reader), records = record_head(reader);
    struct stream_ring_record record;
    reader->position = head;
    /* one by one: packets that came late into their place make arrival times dip, so a bisection could miss */
    for (uint64_t i = find_record(reader, oldest_record(reader, records), records, oldest); i < records; i++) {
        if (!read_record(reader, i, &record) || record.arrival_utc_ns < utc_ns)
            continue;
        if (record.position >= oldest && record.position <= head) {
            reader->position = record.position;
            reader->record_hint = i;
        }
        break;
    }
    return reader->position;
}

size_t stream_ring_peek(struct stream_ring_reader *reader, const uint8_t **address)
{
    uint64_t head = stream_ring_head(reader);
    if (reader->position > head || reader->position < oldest_safe(reader, head)) {
        reader->overruns++;
        reader->position = oldest_packet(reader);
        head = stream_ring_head(reader);
        if (reader->position > head || reader->position < oldest_safe(reader, head))
            reader->position = head; /* lapped again while looking: the live edge is always safe */
    }
    *address = reader->payload + (reader->position & (reader->payload_bytes - 1));
    return (size_t)(head - reader->position);
}

void stream_ring_advance(struct stream_ring_reader *reader, size_t bytes)
{
    reader->position += bytes;
}

void stream_ring_seek(struct stream_ring_reader *reader, uint64_t position)
{
    reader->position = position;
}

uint64_t stream_ring_position(const struct stream_ring_reader *reader)
{
    return reader->position;
}

const uint8_t *stream_ring_payload(const struct stream_ring_reader *reader, uint64_t *payload_bytes)
{
    *payload_bytes = reader->payload_bytes;
    return reader->payload;
}

uint64_t stream_ring_instance(const struct stream_ring_reader *reader)
{
    return reader->instance;
}

uint64_t stream_ring_overruns(const struct stream_ring_reader *reader)
{
    return reader->overruns;
}

bool stream_ring_writer_alive(const struct stream_ring_reader *reader, uint64_t monotonic_ns)
{
    uint64_t beat = atomic_load_explicit(&reader->header->heartbeat_ns, memory_order_acquire);
    /* signed: the beat may be a little younger than the caller's idea of now */
    return beat && (int64_t)(monotonic_ns - beat) < (int64_t)NS_PER_S;
}

bool stream_ring_source_present(const struct stream_ring_reader *reader)
{
    return atomic_load_explicit(&reader->header->source_present, memory_order_relaxed) == 1;
}
