/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ts_restamp.h - a transport stream file as a source that never ends: looped without a seam.
 *
 * The whole file is held in memory. A loop lasts a whole number of pictures, so that PTS, DTS and PCR go on evenly from
 * one loop to the next; continuity counters go on too. What cannot be played twice in a row is replaced by null
 * packets: the rest of a PES packet that began before the file, and audio that reaches more than half a PES packet
 * beyond the last picture (so audio has a gap or an overlap of at most half a PES packet at the seam, none if the file
 * holds a whole number of both). Pacing is by the file's PCRs, stretched evenly so that one loop of packets takes
 * exactly one loop of time; PCRs are written anew from the same line. A file without PCR is paced evenly. SCTE 35
 * messages speak of the times of their own loop.
 *
 * Packet N of the endless stream is a pure function of the file and N: two senders, or two destinations, get the same
 * bytes. One thread; nothing changes after open, so readers may be many.
 *
 *     ts_source_open(&source, "clip.ts", &err);
 *     uint64_t due_27m = ts_source_time_27m(source, n);           // since the start, 27 MHz ticks
 *     ts_source_packet(source, n, &(struct ts_stamp){0}, bytes);  // 188 bytes
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TS_PACKET_BYTES = 188, TS_NULL_PID = 0x1fff };

struct error;
struct ts_source;

struct ts_stamp {
    int64_t offset_90k; /* added to every PTS, DTS and PCR */
    bool no_pcr;        /* take the PCRs out */
};

int ts_source_open(struct ts_source **out, const char *path, struct error *err);
/* The same from memory (copied). -EBADMSG: not a transport stream, or nothing in it that has timestamps. */
int ts_source_parse(struct ts_source **out, const uint8_t *data, size_t bytes, struct error *err);
void ts_source_destroy(struct ts_source *source); /* NULL is fine */

uint64_t ts_source_packets(const struct ts_source *source);    /* of one loop */
uint64_t ts_source_period_27m(const struct ts_source *source); /* duration of one loop */
uint64_t ts_source_pictures(const struct ts_source *source);   /* of one loop; 0: no video */
int64_t ts_source_first_pts_90k(const struct ts_source *source);

/* When packet `index` of the endless stream is due, since the start. Rises with the index. */
uint64_t ts_source_time_27m(const struct ts_source *source, uint64_t index);
void ts_source_packet(const struct ts_source *source, uint64_t index, const struct ts_stamp *stamp, uint8_t *packet);
