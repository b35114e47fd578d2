/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ring_feed.h - for tests: a transport stream file poured into a stream ring as a data plane would, and an attach
 * function that hands that ring out. Header only; each test program has its own.
 */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "dataplane/stream_ring.h"

static struct stream_ring_writer *feed_ring; /* what feed_attach() gives out; NULL: no data plane */
static int feed_peers[8];                    /* the data plane's ends of the connections */
static unsigned feed_peer_count;
static uint64_t feed_sequence;
static _Thread_local bool feed_attached; /* this thread has been given the ring */

static inline int feed_attach(const char *run_directory, unsigned pipeline, const char *input, int *descriptor,
                              struct error *err)
{
    int pair[2];

    (void)run_directory;
    (void)pipeline;
    if (!feed_ring)
        return error_set(err, -ECONNREFUSED, "input %s: no data plane", input);
    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
    if (feed_peer_count == 8) { /* on a busy machine the ring is taken for dead, and attached again */
        close(feed_peers[0]);
        memmove(&feed_peers[0], &feed_peers[1], --feed_peer_count * sizeof feed_peers[0]);
    }
    feed_peers[feed_peer_count++] = pair[1];
    *descriptor = dup(stream_ring_descriptor(feed_ring));
    feed_attached = true;
    return pair[0];
}

static inline void feed_open(uint64_t payload_bytes)
{
    struct error err = { 0 };
    if (stream_ring_create(&feed_ring, &(struct stream_ring_config){ .payload_bytes = payload_bytes }, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
}

/* An hour ahead: a busy machine is no reason to take the ring for dead. */
static inline void feed_beat(void)
{
    struct clock clock = clock_real();
    stream_ring_beat(feed_ring, clock_monotonic_ns(&clock) + 3600 * NS_PER_S, true);
}

static inline void feed_close(void)
{
    stream_ring_destroy(feed_ring);
    feed_ring = NULL;
    while (feed_peer_count)
        close(feed_peers[--feed_peer_count]);
}

static inline uint8_t *feed_load(const char *path, size_t *bytes)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;

    if (!file) {
        fprintf(stderr, "%s is not there: run from the project's root\n", path);
        abort();
    }
    fseek(file, 0, SEEK_END);
    *bytes = (size_t)ftell(file);
    rewind(file);
    data = malloc(*bytes);
    if (fread(data, 1, *bytes, file) != *bytes)
        abort();
    fclose(file);
    return data;
}

/* One packet of up to 7 transport packets. */
static inline void feed_packet(const uint8_t *data, size_t bytes, uint64_t arrival_utc_ns)
{
    struct stream_ring_record record = { .arrival_utc_ns = arrival_utc_ns,
                                         .sequence = ++feed_sequence,
                                         .bytes = (uint16_t)bytes };
    stream_ring_append(feed_ring, &record, data);
    stream_ring_publish(feed_ring);
}

/* All of it at once, with arrival times spread evenly over [from, to). */
static inline void feed_all(const uint8_t *data, size_t bytes, uint64_t from_utc_ns, uint64_t to_utc_ns)
{
    for (size_t at = 0; at < bytes; at += 7 * 188) {
        uint64_t arrival = from_utc_ns + (uint64_t)((double)(to_utc_ns - from_utc_ns) * (double)at / (double)bytes);
        feed_packet(data + at, bytes - at < 7 * 188 ? bytes - at : 7 * 188, arrival);
    }
    feed_beat();
}
