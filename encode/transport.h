/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transport.h - a stream ring read by libavformat's MPEG-TS demultiplexer, in place.
 *
 * The ring's payload is a plain run of transport packets, mapped twice, so the demultiplexer's I/O buffer is laid right
 * over it and no byte is copied to get there. Data is made visible to libavformat only up to a packet at which the next
 * call is known to end (the next start of a video PES), so that it never runs dry in the middle of one: then it would
 * have to be woken with a refill, of which it copies the first 188 bytes. Those are counted, and are none in a running
 * stream. Probing is not used: programs and streams appear as PAT and PMT are read. Where these say something else of
 * a PID than before (another codec), or leave one out, the demultiplexer ends, and another one begins: all that the old
 * one had comes before all that the new one has.
 *
 * One thread. A reader that was lapped by the writer says -ESTALE: destroy the transport and create another one.
 *
 *     transport_create(&transport, &(struct transport_config){.reader = reader, .clock = clock, .stop = &stop}, &err);
 *     while ((status = transport_read(transport, packet)) != -ESTALE)
 *         if (status == 0) use(packet);  else  sleep a little;      // -EAGAIN: nothing whole there now
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct AVFormatContext;
struct AVPacket;
struct clock;
struct error;
struct stream_ring_reader;
struct transport;

struct transport_config {
    struct stream_ring_reader *reader; /* borrow: outlives the transport; its position is where reading begins */
    const struct clock *clock;         /* borrow */
    const atomic_bool *stop;           /* borrow: a wait inside ends soon when this becomes true */
};

struct transport_counters {
    uint64_t bytes;             /* read in place */
    uint64_t bytes_copied;      /* of these, copied by a refill in the middle of a call */
    uint64_t packets_unaligned; /* transport packets without their sync byte, skipped */
    uint64_t packets_scrambled; /* of the watched PID */
    uint64_t sections_damaged;  /* of the PID whose sections are checked: nothing comes out for them */
};

int transport_create(struct transport **out, const struct transport_config *config, struct error *err);
void transport_destroy(struct transport *transport); /* NULL is fine */

/* One PES packet or section (give: unref it) of a stream of transport_format(); pos is its place in the ring, that of a
 * section its last packet's; timestamps are 33-bit as sent, a section has the program's newest PCR. -EAGAIN: none is
 * whole yet (also while no PAT has been found); -ESTALE: lapped. After 700 ms of silence what is half there is given
 * out. */
int transport_read(struct transport *transport, struct AVPacket *packet);

/* The source is silent, and all that was half there has been given out. */
bool transport_flushed(const struct transport *transport);
/* The demultiplexer's view of programs and streams (borrow until the next transport_read()); NULL: no PAT yet. The one
 * that gave out a packet stays until the next call. */
struct AVFormatContext *transport_format(const struct transport *transport);
/* How many there have been: another number means other stream indexes, and nothing is watched any more. */
unsigned transport_openings(const struct transport *transport);
/* Which PID's packets delimit calls: the video's, or 0: any. */
void transport_watch(struct transport *transport, unsigned pid);
/* Which PID carries sections that are counted when they are damaged; 0: none. */
void transport_check_sections(struct transport *transport, unsigned pid);
struct transport_counters transport_counters(const struct transport *transport);
