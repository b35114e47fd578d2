/* SPDX-License-Identifier: GPL-2.0-or-later */
/* smooth_writer.c - samples are kept in the bytes they will have in the file, and laid down when the segment is over:
 * a fragment's moof comes first and tells of all of them.
 */
#include "encode/smooth_writer.h"

#include <errno.h>
#include <libavcodec/codec_par.h>
#include <libavcodec/packet.h>
#include <libavformat/avio.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "encode/annex_b.h"
#include "encode/boxes.h"
#include "encode/segment_file.h"
#include "encode/smooth_boxes.h"

enum { SAMPLES_FIRST = 256, SAMPLES_MAX = 1 << 20, CUTS_MAX = 32 };

/* A track's share of the open segment. */
struct lane {
    struct smooth_track track;
    int64_t default_duration_90k;
    struct smooth_sample *samples;
    unsigned count, capacity;
    struct boxes media;
    unsigned written; /* samples of it that have been laid down in fragments, and their bytes */
    size_t written_bytes;
};

struct segment_writer {
    const struct encode_output *output;
    struct lane lanes[SEGMENT_WRITER_STREAMS_MAX];
    unsigned lane_count;
    struct boxes header, fragment;
    struct segment_file *file;
    int64_t length_90k, picture_90k;
    bool open;
    int64_t cuts_90k[CUTS_MAX]; /* ascending, timeline; those to come, and those in the open segment */
    unsigned cut_count;
};

static void destroy_writer(struct segment_writer *writer)
{
    if (!writer)
        return;
    for (unsigned i = 0; i < writer->lane_count; i++) {
        free(writer->lanes[i].samples);
        boxes_free(&writer->lanes[i].media);
    }
    boxes_free(&writer->header);
    boxes_free(&writer->fragment);
    segment_file_destroy(writer->file);
    free(writer);
}

/* ---- set up ---- */
static void add_lane(struct segment_writer *writer, const struct segment_writer_config *config, unsigned index)
{
    const struct segment_writer_stream *stream = &config->streams[index];
    struct lane *lane = &writer->lanes[writer->lane_count++];
    bool is_video = stream->parameters->codec_type == AVMEDIA_TYPE_VIDEO;
    unsigned audio = index - (config->streams[0].parameters->codec_type == AVMEDIA_TYPE_VIDEO);

    lane->track = (struct smooth_track){
        .type = is_video ? SMOOTH_VIDEO : SMOOTH_AUDIO,
        .id = index + 1,
        .name = is_video ? SMOOTH_VIDEO_NAME : config->output->audios[audio],
        .language = stream->language,
        .bitrate = stream->bitrate,
        .parameters = stream->parameters,
    };
    lane->default_duration_90k =
        is_video
            ? writer->picture_90k
            : (stream->parameters->sample_rate > 0 ? INT64_C(1024) * 90000 / stream->parameters->sample_rate : 1920);
}

static int create_writer(struct segment_writer **out, const struct segment_writer_config *config, struct error *err)
{
    struct segment_writer *writer = calloc(1, sizeof *writer);
    struct smooth_track tracks[SEGMENT_WRITER_STREAMS_MAX];

    if (!writer)
        return error_set(err, -ENOMEM, "no memory for a Smooth stream");
    writer->output = config->output;
    writer->length_90k = llround(config->output->segment_length * 90000);
    writer->picture_90k = config->framerate_numerator
                              ? INT64_C(90000) * config->framerate_denominator / config->framerate_numerator
                              : 3600;
    for (unsigned i = 0; i < config->stream_count; i++) {
        add_lane(writer, config, i);
        tracks[i] = writer->lanes[i].track;
    }
    int result = smooth_put_header(&writer->header, tracks, config->stream_count, err);
    if (result == 0)
        result = segment_file_create(&writer->file, err);
    if (result < 0) {
        destroy_writer(writer);
        return result;
    }
    for (unsigned i = 0; i < config->stream_count; i++) { /* only for the time of creation */
        writer->lanes[i].track.parameters = NULL;
        writer->lanes[i].track.language = NULL;
    }
    *out = writer;
    return 0;
}

/* ---- a segment ---- */
static void cut(struct segment_writer *writer, int64_t tick_90k)
{
    unsigned at = 0;

    while (at < writer->cut_count && writer->cuts_90k[at] < tick_90k)
        at++;
    if (writer->cut_count == CUTS_MAX || (at < writer->cut_count && writer->cuts_90k[at] == tick_90k))
        return;
    memmove(&writer->cuts_90k[at + 1], &writer->cuts_90k[at], (writer->cut_count - at) * sizeof writer->cuts_90k[0]);
    writer->cuts_90k[at] = tick_90k;
    writer->cut_count++;
}

/* A segment begins here: what is due before is over, and here is a cut anyway. */
static void forget_cuts(struct segment_writer *writer, int64_t until_90k)
{
    unsigned over = 0;

    while (over < writer->cut_count && writer->cuts_90k[over] <= until_90k)
        over++;
    writer->cut_count -= over;
    memmove(&writer->cuts_90k[0], &writer->cuts_90k[over], writer->cut_count * sizeof writer->cuts_90k[0]);
}

static int open_writer(struct segment_writer *writer, const struct segment_writer_segment *segment, struct error *err)
{
    for (unsigned i = 0; i < writer->lane_count; i++) {
        writer->lanes[i].count = 0;
        boxes_empty(&writer->lanes[i].media);
        writer->lanes[i].written = 0;
        writer->lanes[i].written_bytes = 0;
    }
    forget_cuts(writer, segment->start_90k);
    writer->open = true;
    return segment_file_open(writer->file, segment->name, err);
}

static int grow(struct lane *lane)
{
    unsigned capacity = lane->capacity ? 2 * lane->capacity : SAMPLES_FIRST;
    struct smooth_sample *samples = capacity <= SAMPLES_MAX ? realloc(lane->samples, capacity * sizeof *samples) : NULL;
    if (!samples)
        return -ENOMEM;
    lane->samples = samples;
    lane->capacity = capacity;
    return 0;
}

static int write_packet(struct segment_writer *writer, unsigned stream, struct AVPacket *packet)
{
    struct lane *lane = &writer->lanes[stream];
    size_t before = lane->media.count;
    int64_t origin_90k = (int64_t)writer->output->time_origin;

    if (!writer->open)
        return 0;
    if (packet->pts < origin_90k || packet->dts < origin_90k || packet->size <= 0)
        return -EINVAL;
    if (lane->count == lane->capacity && grow(lane) < 0)
        return -ENOMEM;
    if (lane->track.type == SMOOTH_VIDEO)
        annex_b_sample(&lane->media, packet->data, (size_t)packet->size);
    else
        boxes_put(&lane->media, packet->data, (size_t)packet->size);
    if (boxes_failed(&lane->media))
        return -ENOMEM;
    int64_t dts_90k = packet->dts - origin_90k;
    if (lane->count > 0)
        lane->samples[lane->count - 1].end_90k = dts_90k;
    lane->samples[lane->count++] = (struct smooth_sample){
        .bytes = (uint32_t)(lane->media.count - before),
        .pts_90k = packet->pts - origin_90k,
        .dts_90k = dts_90k,
        .end_90k = dts_90k + (packet->duration > 0 ? packet->duration : lane->default_duration_90k),
        .key = packet->flags & AV_PKT_FLAG_KEY,
    };
    return 0;
}

/* The grid's number of the segment that holds this time. A segment begins with the picture at or after its boundary, or
 * less than one before it. */
static uint32_t number_at(const struct segment_writer *writer, int64_t pts_90k)
{
    int64_t time_90k = pts_90k + (int64_t)writer->output->time_origin + writer->picture_90k - 1;
    return writer->length_90k > 0 ? (uint32_t)(time_90k / writer->length_90k) : 0;
}

/* The lane's samples from those that are written up to a time (of samples) as a fragment, if there are any. */
static int write_fragment(struct segment_writer *writer, struct lane *lane, int64_t until_90k, uint32_t number)
{
    AVIOContext *io = segment_file_io(writer->file);
    const struct smooth_sample *first = &lane->samples[lane->written];
    unsigned count = 0;
    size_t bytes = 0;

    for (; lane->written + count < lane->count && first[count].pts_90k < until_90k; count++)
        bytes += first[count].bytes;
    if (count == 0)
        return 0;
    boxes_empty(&writer->fragment);
    smooth_put_fragment(&writer->fragment, &lane->track, first, count, number);
    if (boxes_failed(&writer->fragment) || boxes_failed(&lane->media))
        return -ENOMEM;
    avio_write(io, writer->fragment.bytes, (int)writer->fragment.count);
    avio_write(io, lane->media.bytes + lane->written_bytes, (int)bytes);
    lane->written += count;
    lane->written_bytes += bytes;
    return 0;
}

/* Whether the leading track has a place to be cut at, behind what is written and something more: a key picture that is
 * shown then. Sound can be cut anywhere. */
static bool can_cut(const struct segment_writer *writer, int64_t tick_90k)
{
    const struct lane *lead = &writer->lanes[0];
    bool video = lead->track.type == SMOOTH_VIDEO;

    for (unsigned i = lead->written + 1; i < lead->count; i++)
        if (video ? lead->samples[i].key && lead->samples[i].pts_90k == tick_90k : lead->samples[i].pts_90k >= tick_90k)
            return true;
    return false;
}

static int write_part(struct segment_writer *writer, int64_t until_90k, uint32_t number)
{
    int result = 0;
    for (unsigned i = 0; i < writer->lane_count && result == 0; i++)
        result = write_fragment(writer, &writer->lanes[i], until_90k, number);
    return result;
}

static int write_fragments(struct segment_writer *writer)
{
    uint32_t number = 0;
    int result = 0;

    for (unsigned i = writer->lane_count; i-- > 0;)
        if (writer->lanes[i].count)
            number = number_at(writer, writer->lanes[i].samples[0].pts_90k);
    for (unsigned i = 0; i < writer->cut_count && result == 0; i++) {
        int64_t tick_90k = writer->cuts_90k[i] - (int64_t)writer->output->time_origin;
        if (can_cut(writer, tick_90k))
            result = write_part(writer, tick_90k, number);
    }
    return result == 0 ? write_part(writer, INT64_MAX, number) : result;
}

static int close_writer(struct segment_writer *writer, struct segment_writer_result *result, struct error *err)
{
    *result = (struct segment_writer_result){ .memfd = -1, .header_bytes = (uint32_t)writer->header.count };
    avio_write(segment_file_io(writer->file), writer->header.bytes, (int)writer->header.count);
    int written = write_fragments(writer);
    writer->open = false;
    result->memfd = segment_file_close(writer->file, &result->bytes, err);
    return result->memfd < 0 ? result->memfd : written;
}

const struct segment_writer_class smooth_writer_class = {
    .name = "Smooth Streaming",
    .create = create_writer,
    .destroy = destroy_writer,
    .open = open_writer,
    .write = write_packet,
    .cut = cut,
    .close = close_writer,
};
