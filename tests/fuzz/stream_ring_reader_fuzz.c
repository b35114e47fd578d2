/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A stream ring whose bytes mean harm: the header as it comes, or a right one with any heads and records. A reader may
 * refuse it or read rubbish from it, but never beyond its mapping. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dataplane/stream_ring.h"
#include "dataplane/stream_ring_writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECORDS = 2 * STREAM_RING_AHEAD_RECORDS };

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void use(struct stream_ring_reader *reader, uint64_t somewhere)
{
    struct stream_ring_record record;
    const uint8_t *address;
    uint64_t payload_bytes;
    const uint8_t *payload = stream_ring_payload(reader, &payload_bytes);
    for (unsigned i = 0; i < 4; i++) {
        size_t bytes = stream_ring_peek(reader, &address);
        require(bytes <= payload_bytes && address >= payload && address < payload + payload_bytes);
        volatile uint8_t byte = bytes ? (uint8_t)(address[0] + address[bytes - 1]) : 0;
        (void)byte;
        uint64_t position = stream_ring_position(reader);
        if (stream_ring_record_at(reader, position, &record))
            require(position - record.position < record.bytes);
        stream_ring_record_at(reader, somewhere, &record);
        stream_ring_intact(reader, somewhere);
        stream_ring_advance(reader, bytes / 2);
        stream_ring_seek_arrival(reader, i == 2 ? 0 : somewhere);
    }
    stream_ring_writer_alive(reader, somewhere);
    stream_ring_source_present(reader);
}

/* A ring of the smallest size; its header from the data, or right but for the writer's line. */
static int make_file(const uint8_t *data, size_t size, bool right)
{
    struct stream_ring_layout layout = stream_ring_layout_of(STREAM_RING_PAYLOAD_BYTES_MIN, RECORDS);
    struct stream_ring_header header = { .magic = STREAM_RING_MAGIC,
                                         .version = STREAM_RING_VERSION,
                                         .header_bytes = sizeof header,
                                         .instance = 1,
                                         .total_bytes = layout.total_bytes,
                                         .index_offset = (uint32_t)layout.index_offset,
                                         .record_count = RECORDS,
                                         .payload_offset = layout.payload_offset,
                                         .payload_bytes = layout.payload_bytes };
    size_t from = right ? offsetof(struct stream_ring_header, payload_head) : 0;
    size_t count = size < sizeof header - from ? size : sizeof header - from;
    memcpy((uint8_t *)&header + from, data, count);
    int descriptor = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor < 0 || ftruncate(descriptor, (off_t)layout.total_bytes) < 0)
        abort();
    size_t records = size - count < RECORDS * sizeof(struct stream_ring_record)
                         ? size - count
                         : RECORDS * sizeof(struct stream_ring_record);
    if (pwrite(descriptor, &header, sizeof header, 0) < 0 ||
        pwrite(descriptor, data + count, records, (off_t)layout.index_offset) < 0)
        abort();
    fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK);
    return descriptor;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stream_ring_reader *reader;
    uint64_t somewhere;
    if (size < 1 + sizeof somewhere)
        return 0;
    memcpy(&somewhere, data + 1, sizeof somewhere);
    int descriptor = make_file(data + 1 + sizeof somewhere, size - 1 - sizeof somewhere, data[0] & 1);
    if (stream_ring_open(&reader, descriptor, NULL) < 0) {
        close(descriptor);
        return 0;
    }
    use(reader, somewhere);
    stream_ring_close(reader);
    return 0;
}
