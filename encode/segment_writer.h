/* SPDX-License-Identifier: GPL-2.0-or-later */
/* segment_writer.h - the container of one output: encoded packets become files in memory, one a segment.
 *
 * A container is a class of functions (ts_writer.h, ...), found by the package type of its output. One writer serves an
 * output for all its segments. A finished segment is a sealed memfd that may begin with a header (an fMP4's ftyp and
 * moov, an FLV's sequence headers): whoever delivers it decides what to do with that. One thread.
 *
 *     const struct segment_writer_class *class = segment_writer_class_of(output->package);
 *     class->create(&writer, &config, &err);
 *     class->open(writer, &(struct segment_writer_segment){ .name = "web/720p/17", .number = 17 }, &err);
 *     class->write(writer, 0, packet);                 // stream 0: the video, if there is one
 *     class->close(writer, &segment, &err);            // segment.memfd is the caller's
 *     class->destroy(writer);
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "encode/handoff_format.h"
#include "encode/job.h"

struct AVCodecParameters;
struct AVPacket;
struct error;
struct light_metadata;
struct segment_writer;

enum { SEGMENT_WRITER_STREAMS_MAX = 1 + ENCODE_OUTPUT_AUDIOS_MAX };

struct segment_writer_stream {
    const struct AVCodecParameters *parameters; /* borrow during create */
    const char *language;                       /* borrow during create; NULL: not said */
    unsigned bitrate;                           /* bit/s, as configured */
    const struct light_metadata *light;         /* borrow during create; NULL: not known */
};

struct segment_writer_config {
    const struct encode_output *output;                  /* borrow: outlives the writer */
    uint32_t framerate_numerator, framerate_denominator; /* of the video */
    struct segment_writer_stream streams[SEGMENT_WRITER_STREAMS_MAX];
    unsigned stream_count;
};

/* A segment that is begun. */
struct segment_writer_segment {
    const char *name;  /* borrow during open: what /proc/PID/fd shows */
    int64_t number;    /* of the absolute grid */
    int64_t start_90k; /* timeline */
};

/* A finished segment. */
struct segment_writer_result {
    int memfd; /* give: sealed, file offset 0 */
    uint64_t bytes;
    uint32_t header_bytes; /* of these, what comes before the media and is the same in every segment; 0: nothing */
    unsigned keys_count;   /* key pictures of the video, if the container knows where they lie */
    struct handoff_key keys[HANDOFF_KEYS_MAX];
};

struct segment_writer_class {
    const char *name;
    int (*create)(struct segment_writer **out, const struct segment_writer_config *config, struct error *err);
    void (*destroy)(struct segment_writer *writer); /* NULL is fine */
    int (*open)(struct segment_writer *writer, const struct segment_writer_segment *segment, struct error *err);
    /* pts, dts, duration: timeline ticks, dts growing within a stream. The packet's stream_index is set; its data is
     * not changed. -EINVAL and the like: the container refused it. */
    int (*write)(struct segment_writer *writer, unsigned stream, struct AVPacket *packet);
    /* Timed metadata (an ID3 tag) at a time of the open segment. NULL: the container holds none. */
    int (*metadata)(struct segment_writer *writer, int64_t pts_90k, const uint8_t *tag, size_t bytes);
    /* A SCTE 35 message (splice.h) that comes now; its times are the stream's when they are made so much later. NULL:
     * the container holds none. */
    int (*message)(struct segment_writer *writer, const uint8_t *section, size_t bytes, int64_t shift_90k);
    /* What comes from this time on is to be kept apart from what lies before it, within a segment, if a key picture
     * begins there. NULL: this container does not. */
    void (*cut)(struct segment_writer *writer, int64_t tick_90k);
    /* Negative errno: it could not be written whole, it is gone. */
    int (*close)(struct segment_writer *writer, struct segment_writer_result *result, struct error *err);
};

/* Borrow: static; NULL: this build has none for it. */
const struct segment_writer_class *segment_writer_class_of(enum package_type package);
