/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ts_writer.h - libavformat's MPEG-TS muxer, kept over all segments of one output, with a new memfd under it each time.
 *
 * Every segment starts with PAT, PMT and SDT; its first picture brings its parameter sets even if the encoder left them
 * out. Timestamps are written as they are, modulo 2^33; the PCR runs a little before the decoding times. PIDs are
 * fixed: PMT 480, then 481, 482, ... in the order of the streams; continuity counters go on over segments. What is
 * written while no segment is open is thrown away. One thread.
 *
 *     ts_writer_create(&writer, &cfg, &err);
 *     ts_writer_open(writer, "web/720p/17", &err);
 *     ts_writer_write(writer, 0, packet);            // stream 0: the video, if there is one
 *     int memfd = ts_writer_close(writer, &bytes, &err);
 */
#pragma once
#include <stdint.h>

#include "encode/job.h"

struct AVCodecParameters;
struct AVPacket;
struct error;
struct ts_writer;

enum { TS_WRITER_STREAMS_MAX = 1 + ENCODE_OUTPUT_AUDIOS_MAX, TS_PID_PMT = 480, TS_PID_FIRST_STREAM = 481 };

struct ts_writer_stream {
    const struct AVCodecParameters *parameters; /* borrow during create */
    const char *language;                       /* borrow during create; NULL: not said */
};

struct ts_writer_config {
    const char *service_name;                            /* borrow during create */
    uint32_t framerate_numerator, framerate_denominator; /* of the video: spaces the PCRs */
    struct ts_writer_stream streams[TS_WRITER_STREAMS_MAX];
    unsigned stream_count;
};

int ts_writer_create(struct ts_writer **out, const struct ts_writer_config *config, struct error *err);
void ts_writer_destroy(struct ts_writer *writer); /* NULL is fine */

int ts_writer_open(struct ts_writer *writer, const char *name, struct error *err);
/* pts and dts in 90 kHz ticks, dts growing within a stream. The packet's stream_index is set; its data is not changed.
 * -EINVAL and the like: the muxer refused it. */
int ts_writer_write(struct ts_writer *writer, unsigned stream, struct AVPacket *packet);
/* Gives the sealed memfd and its size. */
int ts_writer_close(struct ts_writer *writer, uint64_t *bytes, struct error *err);
