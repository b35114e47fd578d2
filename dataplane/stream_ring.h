/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stream_ring.h - compressed input from the poll-mode core to its readers: one writer, any number of readers.
 *
 * The writer never waits and never knows its readers; a reader that is slower than the payload's size loses the oldest
 * bytes, is told so, and goes on. Writer and reader outlive each other: the memory lives as long as anyone maps it.
 * A writer belongs to one thread, a reader to one thread.
 *
 *     stream_ring_create(&writer, &(struct stream_ring_config){.payload_bytes = 16 << 20, .node = 0}, &err);
 *     stream_ring_append(writer, &record, payload);                    // poll-mode core, each packet of a burst
 *     stream_ring_publish(writer);                                     // and once behind them
 *
 *     stream_ring_open(&reader, descriptor, &err);                     // takes the descriptor
 *     stream_ring_seek_arrival(reader, clock_utc_ns(&clock) - 3 * NS_PER_S);
 *     while ((bytes = stream_ring_peek(reader, &address)) > 0)
 *         stream_ring_advance(reader, consume(address, bytes));        // in place, no copy
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/stream_ring_format.h"

struct error;
struct stream_ring_writer;
struct stream_ring_reader;

enum {
    STREAM_RING_PAYLOAD_BYTES_MIN = 256 * 1024,
    STREAM_RING_PAYLOAD_BYTES_MAX = 1 << 30,
    STREAM_RING_PACKET_BYTES_MAX = 16 * 1024,
};

struct stream_ring_config {
    const char *name;       /* borrow: name of the memfd, for /proc; NULL: "stream-ring" */
    uint64_t payload_bytes; /* rounded up to a power of two; 0: 16 MiB */
    unsigned node;          /* NUMA node the memory lies on */
    bool hugepages;         /* of 2 MiB, if there are enough; else ordinary pages */
};

/* ---- writer: create and destroy on a control thread, append on the poll-mode core ---- */
int stream_ring_create(struct stream_ring_writer **out, const struct stream_ring_config *config, struct error *err);
void stream_ring_destroy(struct stream_ring_writer *writer);            /* NULL is fine; readers keep what is there */
int stream_ring_descriptor(const struct stream_ring_writer *writer);    /* borrow: to send to a reader */
bool stream_ring_on_hugepages(const struct stream_ring_writer *writer); /* was the wish granted? */

/* Copies record->bytes of payload into the ring (the one store of each byte); record->position is filled in. Never
 * fails: bytes must be 1..STREAM_RING_PACKET_BYTES_MAX (the caller's parser has checked). Readers see it after
 * stream_ring_publish, which append itself calls when too much would be unpublished. */
void stream_ring_append(struct stream_ring_writer *writer, struct stream_ring_record *record, const void *payload);
void stream_ring_publish(struct stream_ring_writer *writer); /* costs nothing when nothing was appended */
void stream_ring_beat(struct stream_ring_writer *writer, uint64_t monotonic_ns, bool source_present);
uint64_t stream_ring_writer_instance(const struct stream_ring_writer *writer); /* as readers see it; any thread */
uint64_t stream_ring_stored_bytes(const struct stream_ring_writer *writer);    /* payload bytes copied in; any thread */

/* ---- reader ---- */
/* Takes the descriptor on success. Checks magic, version, sizes and offsets against the descriptor's real size;
 * refuses what does not fit with -EPROTO and the reason. The ring is mapped read-only. It starts at the live edge. */
int stream_ring_open(struct stream_ring_reader **out, int descriptor, struct error *err);
void stream_ring_close(struct stream_ring_reader *reader); /* NULL is fine */

/* Moves to the first packet that arrived at or after utc_ns and is still in the ring (0: the oldest that is safely
 * there); to the live edge when there is none. Returns the new position. */
uint64_t stream_ring_seek_arrival(struct stream_ring_reader *reader, uint64_t utc_ns);

/* Bytes that can be read in place at *address now (contiguous; 0: none). If the writer lapped the reader, moves to the
 * oldest safe packet first and counts an overrun. */
size_t stream_ring_peek(struct stream_ring_reader *reader, const uint8_t **address);
void stream_ring_advance(struct stream_ring_reader *reader, size_t bytes);
void stream_ring_seek(struct stream_ring_reader *reader, uint64_t position); /* ask whether it is intact */
uint64_t stream_ring_position(const struct stream_ring_reader *reader);
/* Is what was read at `position` still what the writer put there? Ask after using bytes in place. */
bool stream_ring_intact(const struct stream_ring_reader *reader, uint64_t position);

/* The record whose payload holds `position`; false: no longer in the index. Positions asked for usually ascend. */
bool stream_ring_record_at(struct stream_ring_reader *reader, uint64_t position, struct stream_ring_record *record);

/* The mapping, for a reader that walks it itself: base address of the double mapping and size of one copy. */
const uint8_t *stream_ring_payload(const struct stream_ring_reader *reader, uint64_t *payload_bytes);
uint64_t stream_ring_head(const struct stream_ring_reader *reader); /* bytes written so far */
uint64_t stream_ring_instance(const struct stream_ring_reader *reader);
uint64_t stream_ring_overruns(const struct stream_ring_reader *reader); /* times lapped since open */
bool stream_ring_writer_alive(const struct stream_ring_reader *reader, uint64_t monotonic_ns); /* beat within 1 s */
bool stream_ring_source_present(const struct stream_ring_reader *reader);
