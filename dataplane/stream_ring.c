/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stream_ring.c - making a ring: a sealed memfd on the right node, every page touched before the first packet comes. */
#include "dataplane/stream_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <numa.h>
#include <numaif.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "board/error.h"
#include "dataplane/stream_ring_writer.h"

enum {
    PAYLOAD_BYTES_DEFAULT = 16 << 20,
    HUGE_PAGE_BYTES = 2 << 20,
    /* One record for every 256 bytes: an eighth of the payload's size. Streams of smaller packets can look back over
     * fewer of them in the index than in the payload. */
    BYTES_A_RECORD = 256,
};

static uint64_t round_up(uint64_t bytes, uint64_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

/* The payload begins at a huge page's boundary if it holds any, so that the kernel can map it with few entries: at 4
 * KiB a page, writing it costs a miss of the address translation for every third packet. */
static uint64_t alignment_of(const struct stream_ring_layout *layout)
{
    return layout->payload_bytes < HUGE_PAGE_BYTES ? STREAM_RING_PAGE_BYTES : HUGE_PAGE_BYTES;
}

struct stream_ring_layout stream_ring_layout_of(uint64_t payload_bytes, uint64_t record_count)
{
    struct stream_ring_layout layout = { .payload_bytes = payload_bytes, .record_count = record_count };
    layout.index_offset = STREAM_RING_PAGE_BYTES;
    layout.payload_offset =
        round_up(layout.index_offset + record_count * sizeof(struct stream_ring_record), alignment_of(&layout));
    layout.total_bytes = layout.payload_offset + payload_bytes;
    return layout;
}

/* A place in the address space, aligned as the file is. */
static uint8_t *reserve(const struct stream_ring_layout *layout, size_t bytes)
{
    uint64_t alignment = alignment_of(layout);
    uint8_t *room = mmap(NULL, bytes + alignment, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED)
        return MAP_FAILED;
    uint8_t *begin = (uint8_t *)round_up((uintptr_t)room, alignment);
    if (begin > room)
        munmap(room, (size_t)(begin - room));
    if (begin < room + alignment)
        munmap(begin + bytes, (size_t)(room + alignment - begin));
    return begin;
}

void *stream_ring_map(int descriptor, const struct stream_ring_layout *layout, int protection, size_t *mapped_bytes)
{
    size_t bytes = layout->total_bytes + layout->payload_bytes;
    uint8_t *room = reserve(layout, bytes);
    if (room == MAP_FAILED)
        return MAP_FAILED;
    void *first = mmap(room, layout->total_bytes, protection, MAP_SHARED | MAP_FIXED, descriptor, 0);
    void *second = first == MAP_FAILED ? MAP_FAILED
                                       : mmap(room + layout->total_bytes, layout->payload_bytes, protection,
                                              MAP_SHARED | MAP_FIXED, descriptor, (off_t)layout->payload_offset);
    if (second == MAP_FAILED) {
        int saved = errno;
        munmap(room, bytes);
        errno = saved;
        return MAP_FAILED;
    }
    madvise(room, bytes, MADV_HUGEPAGE); /* where the kernel cannot, it is only slower */
    *mapped_bytes = bytes;
    return room;
}

static void touch(uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i += STREAM_RING_PAGE_BYTES)
        ((volatile uint8_t *)bytes)[i] = 0;
}

/* The node is preferred, not demanded: a ring on the wrong node is slow, no ring is black. Touching both mappings
 * spares the poll-mode core its page faults; what lies between index and payload stays a hole in the file. */
static void place(const struct stream_ring_writer *writer, const struct stream_ring_layout *layout, unsigned node)
{
    uint8_t *base = writer->mapping;
    if (numa_available() >= 0 && node < 64) {
        unsigned long nodes = 1UL << node;
        mbind(base, writer->mapped_bytes, MPOL_PREFERRED, &nodes, 64, 0);
    }
    touch(base, layout->index_offset + layout->record_count * sizeof(struct stream_ring_record));
    touch(base + layout->payload_offset, 2 * layout->payload_bytes);
}

static void fill_header(struct stream_ring_header *header, const struct stream_ring_layout *layout)
{
    uint64_t instance = 0;
    while (instance == 0)
        if (getrandom(&instance, sizeof instance, 0) != sizeof instance)
            instance = (uint64_t)getpid() << 32 | (uint32_t)(uintptr_t)header;
    header->version = STREAM_RING_VERSION;
    header->header_bytes = sizeof *header;
    header->instance = instance;
    header->total_bytes = layout->total_bytes;
    header->index_offset = (uint32_t)layout->index_offset;
    header->record_count = (uint32_t)layout->record_count;
    header->payload_offset = layout->payload_offset;
    header->payload_bytes = layout->payload_bytes;
    header->magic = STREAM_RING_MAGIC;
}

static int map_file(struct stream_ring_writer *writer, const struct stream_ring_layout *layout, const char *name,
                    unsigned flags, struct error *err)
{
    writer->descriptor = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);
    if (writer->descriptor < 0)
        return error_set_errno(err, -errno, "stream ring %s", name);
    if (ftruncate(writer->descriptor, (off_t)layout->total_bytes) < 0)
        return error_set_errno(err, -errno, "stream ring %s of %llu bytes", name,
                               (unsigned long long)layout->total_bytes);
    writer->mapping = stream_ring_map(writer->descriptor, layout, PROT_READ | PROT_WRITE, &writer->mapped_bytes);
    if (writer->mapping == MAP_FAILED)
        return error_set_errno(err, -errno, "mapping stream ring %s of %llu bytes", name,
                               (unsigned long long)layout->total_bytes);
    return 0;
}

static void unmap_file(struct stream_ring_writer *writer)
{
    if (writer->mapping != MAP_FAILED)
        munmap(writer->mapping, writer->mapped_bytes);
    if (writer->descriptor >= 0)
        close(writer->descriptor);
    writer->mapping = MAP_FAILED;
    writer->descriptor = -1;
}

/* After sealing nobody can shrink it under a reader (SIGBUS), and new mappings are read-only. */
static int make_file(struct stream_ring_writer *writer, const struct stream_ring_config *config,
                     const struct stream_ring_layout *layout, struct error *err)
{
    const char *name = config->name ? config->name : "stream-ring";
    int result = -ENOMEM;
    if (config->hugepages && layout->payload_bytes >= HUGE_PAGE_BYTES) {
        result = map_file(writer, layout, name, MFD_HUGETLB | MFD_HUGE_2MB, NULL);
        if (result < 0)
            unmap_file(writer);
    }
    if (result < 0)
        result = map_file(writer, layout, name, 0, err);
    if (result < 0)
        return result;
    place(writer, layout, config->node);
    int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
    if (fcntl(writer->descriptor, F_ADD_SEALS, seals) < 0)
        return error_set_errno(err, -errno, "sealing stream ring %s", name);
    return 0;
}

int stream_ring_create(struct stream_ring_writer **out, const struct stream_ring_config *config, struct error *err)
{
    uint64_t wanted = config->payload_bytes ? config->payload_bytes : PAYLOAD_BYTES_DEFAULT;
    uint64_t payload_bytes = STREAM_RING_PAYLOAD_BYTES_MIN;
    if (wanted > STREAM_RING_PAYLOAD_BYTES_MAX)
        return error_set(err, -EINVAL, "stream ring of %llu bytes: at most %d", (unsigned long long)wanted,
                         STREAM_RING_PAYLOAD_BYTES_MAX);
    while (payload_bytes < wanted)
        payload_bytes *= 2;
    struct stream_ring_layout layout = stream_ring_layout_of(payload_bytes, payload_bytes / BYTES_A_RECORD);
    struct stream_ring_writer *writer = aligned_alloc(64, sizeof *writer);
    if (!writer)
        return error_set(err, -ENOMEM, "stream ring");
    *writer = (struct stream_ring_writer){ .descriptor = -1, .mapping = MAP_FAILED };
    int result = make_file(writer, config, &layout, err);
    if (result < 0) {
        stream_ring_destroy(writer);
        return result;
    }
    uint8_t *base = writer->mapping;
    writer->header = (struct stream_ring_header *)base;
    writer->records = (struct stream_ring_record *)(base + layout.index_offset);
    writer->payload = base + layout.payload_offset;
    writer->payload_mask = layout.payload_bytes - 1;
    writer->record_mask = layout.record_count - 1;
    fill_header(writer->header, &layout);
    *out = writer;
    return 0;
}

void stream_ring_destroy(struct stream_ring_writer *writer)
{
    if (!writer)
        return;
    unmap_file(writer);
    free(writer);
}

bool stream_ring_on_hugepages(const struct stream_ring_writer *writer)
{
    struct statfs system;
    return fstatfs(writer->descriptor, &system) == 0 && system.f_bsize == HUGE_PAGE_BYTES;
}

int stream_ring_descriptor(const struct stream_ring_writer *writer)
{
    return writer->descriptor;
}

uint64_t stream_ring_writer_instance(const struct stream_ring_writer *writer)
{
    return writer->header->instance;
}

uint64_t stream_ring_stored_bytes(const struct stream_ring_writer *writer)
{
    return atomic_load_explicit(&writer->stored_bytes, memory_order_relaxed);
}
