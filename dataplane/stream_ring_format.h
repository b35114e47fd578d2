/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stream_ring_format.h - the bytes of a stream ring, as both sides of the shared memory see them.
 *
 * One memfd: a header page, the record index, the payload. The payload holds nothing but the stream's own bytes, one
 * packet's payload directly behind the other's, so that a demultiplexer reads it in place; what is known about each
 * packet stands apart, in the index. Both sides map the payload twice, one copy behind the other, so that any run of
 * bytes up to the payload's size is contiguous in memory.
 *
 *     offset 0                      struct stream_ring_header
 *     index_offset                  struct stream_ring_record[record_count]
 *     payload_offset                payload_bytes bytes   (page multiple, power of two)
 *
 * Positions count bytes (or records) since the ring was made and never wrap in practice (64 bit); the place of position
 * p is p modulo the size. The writer fills payloads and records of a few packets, then publishes: record_head, then
 * payload_head, both with release order, so that whoever sees a byte (payload_head, acquire order) finds its record.
 * Beyond the heads that a reader sees the writer may be busy with STREAM_RING_AHEAD_BYTES and
 * STREAM_RING_AHEAD_RECORDS: bytes older than payload_head + that - payload_bytes may be overwritten, and records
 * likewise. A reader that fell behind finds out by comparing again after reading.
 *
 * Whoever changes a byte of this file changes STREAM_RING_VERSION.
 */
#pragma once
#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_RING_MAGIC UINT64_C(0x474e495250490042) /* "B\0IPRING" */
enum { STREAM_RING_VERSION = 2, STREAM_RING_PAGE_BYTES = 4096 };
enum { STREAM_RING_AHEAD_BYTES = 128 * 1024, STREAM_RING_AHEAD_RECORDS = 64 };

enum stream_ring_record_flags {
    STREAM_RING_LOST_BEFORE = 1, /* packets that were expected before this one never came */
    STREAM_RING_NEW_SOURCE = 2,  /* first packet of another sender: SSRC changed, or after silence */
};

struct stream_ring_record {
    uint64_t position;       /* of its first payload byte */
    uint64_t arrival_utc_ns; /* when the packet was taken from the port */
    uint64_t sequence;       /* RTP sequence number, extended over wraps */
    uint32_t rtp_timestamp;  /* as sent */
    uint16_t bytes;          /* of payload */
    uint16_t flags;          /* enum stream_ring_record_flags */
};
static_assert(sizeof(struct stream_ring_record) == 32, "record layout");

struct stream_ring_header {
    /* line 0: written once when the ring is made */
    uint64_t magic;
    uint32_t version;
    uint32_t header_bytes; /* sizeof this struct */
    uint64_t instance;     /* random: another ring has another one */
    uint64_t total_bytes;  /* of the memfd */
    uint32_t index_offset;
    uint32_t record_count; /* power of two */
    uint64_t payload_offset;
    uint64_t payload_bytes; /* power of two */
    /* line 1: the writer's */
    _Alignas(64) _Atomic uint64_t payload_head; /* bytes written since the ring was made */
    _Atomic uint64_t record_head;               /* records written */
    _Atomic uint64_t heartbeat_ns;              /* CLOCK_MONOTONIC of the writer's last turn of its loop, about */
    _Atomic uint32_t source_present;            /* 1: packets came within the last second */
    uint32_t reserved;
};
static_assert(offsetof(struct stream_ring_header, payload_head) == 64, "header layout");
static_assert(sizeof(struct stream_ring_header) == 128, "header layout");
