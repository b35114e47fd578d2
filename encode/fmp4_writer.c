/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/fmp4_writer.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/error.h"
#include "encode/boxes.h"
#include "encode/cbcs.h"
#include "encode/coded_video.h"
#include "encode/mp4_header.h"
#include "encode/segment_file.h"

#define ID3_SCHEME "https://aomedia.org/emsg/ID3"

enum {
    VIDEO_TIMESCALE = 90000,
    AAC_FRAME_SAMPLES = 1024,
    SAMPLES_MAX = 1 << 16, /* of one fragment */
    FRAGMENTS_COUNTED = 64,

    TFHD_DEFAULT_FLAGS = 0x20,
    TFHD_BASE_IS_MOOF = 0x20000,
    TRUN_OFFSET = 0x1,
    TRUN_DURATION = 0x100,
    TRUN_SIZE = 0x200,
    TRUN_FLAGS = 0x400,
    TRUN_COMPOSITION = 0x800,
    /* of a sample: what it depends on, whether others depend on it, whether it is no place to begin */
    SAMPLE_IS_INTRA = 0x02000000,
    SAMPLE_IS_INTER = 0x01000000,
    SAMPLE_IS_REFERENCE = 0x00400000,
    SAMPLE_IS_NO_REFERENCE = 0x00800000,
    SAMPLE_IS_NO_KEY = 0x00010000,
};

struct sample {
    int64_t pts, dts, duration; /* in the track's timescale */
    uint32_t bytes, flags;
};

struct segment_writer {
    struct segment_file *file;
    struct cbcs *cbcs;               /* NULL: samples are in clear */
    const struct coded_video *video; /* NULL: audio */
    uint32_t timescale;
    struct boxes header, media, boxes, events;
    struct sample *samples; /* of the open fragment */
    int64_t *times;         /* their presentation times in ascending order */
    int64_t delay;          /* of presentation behind decoding */
    unsigned sample_count, sample_capacity;
    int failure; /* of the open segment */
    uint64_t bytes;
    int64_t number, start_90k;
    unsigned fragments;
    unsigned keys_count;
    struct handoff_key keys[HANDOFF_KEYS_MAX];
};

/* ---- making it ---- */
static void destroy_writer(struct segment_writer *writer)
{
    if (!writer)
        return;
    segment_file_destroy(writer->file);
    cbcs_destroy(writer->cbcs);
    boxes_free(&writer->header);
    boxes_free(&writer->media);
    boxes_free(&writer->boxes);
    boxes_free(&writer->events);
    free(writer->samples);
    free(writer->times);
    free(writer);
}

static int use_key(struct segment_writer *writer, const struct encryption *encryption,
                   const AVCodecParameters *parameters, struct error *err)
{
    return encryption->method == ENCRYPTION_SAMPLE_AES ? cbcs_create(&writer->cbcs, encryption, parameters, err)
                                                       : segment_file_use_key(writer->file, encryption, err);
}

static int create_writer(struct segment_writer **out, const struct segment_writer_config *config, struct error *err)
{
    const struct segment_writer_stream *stream = &config->streams[0];

    if (config->stream_count != 1)
        return error_set(err, -EINVAL, "CMAF holds one track: a video or an audio");
    struct segment_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return error_set(err, -ENOMEM, "no memory for an MP4 writer");
    writer->video = coded_video_of(stream->parameters->codec_id);
    writer->timescale = writer->video ? VIDEO_TIMESCALE : (uint32_t)stream->parameters->sample_rate;
    int result = segment_file_create(&writer->file, err);
    if (result == 0)
        result = use_key(writer, &config->output->encryption, stream->parameters, err);
    struct mp4_track track = { .parameters = stream->parameters,
                               .timescale = writer->timescale,
                               .language = stream->language,
                               .bitrate = stream->bitrate,
                               .protection = writer->cbcs,
                               .light = stream->light };
    if (result == 0)
        result = mp4_header(&writer->header, &track, err);
    if (result < 0) {
        destroy_writer(writer);
        return result;
    }
    *out = writer;
    return 0;
}

/* ---- writing ---- */
static void put(struct segment_writer *writer, const struct boxes *buffer)
{
    if (boxes_failed(buffer)) {
        writer->failure = -ENOMEM;
        return;
    }
    avio_write(segment_file_io(writer->file), buffer->bytes, (int)buffer->count);
    writer->bytes += buffer->count;
}

static int open_writer(struct segment_writer *writer, const struct segment_writer_segment *segment, struct error *err)
{
    int result = segment_file_open(writer->file, segment->name, err);

    writer->number = segment->number;
    writer->start_90k = segment->start_90k;
    writer->failure = 0;
    writer->bytes = 0;
    writer->fragments = writer->sample_count = writer->keys_count = 0;
    boxes_empty(&writer->media);
    boxes_empty(&writer->events);
    if (writer->cbcs)
        cbcs_begin(writer->cbcs);
    put(writer, &writer->header); /* in clear: it is a file of its own for players */
    segment_file_encrypt(writer->file, segment->number);
    return result;
}

static void segment_type(struct boxes *boxes)
{
    boxes_begin(boxes, "styp");
    boxes_put(boxes, "msdh", 4);
    boxes_u32(boxes, 0);
    boxes_put(boxes, "msdhcmfscmff", 12);
    boxes_end(boxes);
}

static int compare_times(const void *a, const void *b)
{
    int64_t one = *(const int64_t *)a, other = *(const int64_t *)b;
    return one < other ? -1 : one > other;
}

/* The decoding time of each sample is the presentation time at the same place of the ascending order, less a delay. */
static void sort_times(struct segment_writer *writer)
{
    for (unsigned i = 0; i < writer->sample_count; i++)
        writer->times[i] = writer->samples[i].pts;
    qsort(writer->times, writer->sample_count, sizeof writer->times[0], compare_times);
    writer->delay = writer->samples[0].pts - writer->samples[0].dts;
    for (unsigned i = 0; i < writer->sample_count; i++)
        if (writer->times[i] - writer->samples[i].pts > writer->delay)
            writer->delay = writer->times[i] - writer->samples[i].pts;
}

static int64_t duration_of(const struct segment_writer *writer, unsigned index)
{
    if (index + 1 < writer->sample_count)
        return writer->times[index + 1] - writer->times[index];
    for (unsigned i = 0; i < writer->sample_count; i++)
        if (writer->samples[i].pts == writer->times[index])
            return writer->samples[i].duration;
    return 0;
}

/* Where the offset to the media stands, to be filled in. */
static size_t track_run(struct segment_writer *writer)
{
    struct boxes *boxes = &writer->boxes;
    uint32_t flags = TRUN_OFFSET | TRUN_SIZE | TRUN_DURATION | (writer->video ? TRUN_FLAGS | TRUN_COMPOSITION : 0);

    boxes_begin_full(boxes, "trun", 0, flags);
    boxes_u32(boxes, writer->sample_count);
    size_t offset = boxes->count;
    boxes_u32(boxes, 0);
    for (unsigned i = 0; i < writer->sample_count; i++) {
        const struct sample *sample = &writer->samples[i];
        boxes_u32(boxes, (uint32_t)duration_of(writer, i));
        boxes_u32(boxes, sample->bytes);
        if (!writer->video)
            continue;
        boxes_u32(boxes, sample->flags);
        boxes_u32(boxes, (uint32_t)(sample->pts - writer->times[i] + writer->delay));
    }
    boxes_end(boxes);
    return offset;
}

static void movie_fragment(struct segment_writer *writer)
{
    struct boxes *boxes = &writer->boxes;
    size_t moof = boxes->count;

    boxes_begin(boxes, "moof");
    boxes_begin_full(boxes, "mfhd", 0, 0);
    /* a number that grows, and that twins agree on */
    boxes_u32(boxes, (uint32_t)((uint64_t)writer->number * FRAGMENTS_COUNTED + writer->fragments + 1));
    boxes_end(boxes);
    boxes_begin(boxes, "traf");
    boxes_begin_full(boxes, "tfhd", 0, TFHD_BASE_IS_MOOF | TFHD_DEFAULT_FLAGS);
    boxes_u32(boxes, MP4_TRACK_ID);
    boxes_u32(boxes, writer->video ? SAMPLE_IS_INTER | SAMPLE_IS_NO_KEY : SAMPLE_IS_INTRA);
    boxes_end(boxes);
    boxes_begin_full(boxes, "tfdt", 1, 0);
    boxes_u64(boxes, (uint64_t)(writer->times[0] - writer->delay));
    boxes_end(boxes);
    size_t offset = track_run(writer);
    if (writer->cbcs)
        cbcs_fragment(writer->cbcs, boxes, moof);
    boxes_end(boxes);
    boxes_end(boxes);
    boxes_patch_u32(boxes, offset, (uint32_t)(boxes->count - moof + 8));
}

static void note_key(struct segment_writer *writer, size_t before_moof)
{
    const struct sample *first = &writer->samples[0];

    if (!writer->video || first->flags & SAMPLE_IS_NO_KEY || writer->keys_count == HANDOFF_KEYS_MAX ||
        segment_file_is_encrypted(writer->file))
        return;
    writer->keys[writer->keys_count++] = (struct handoff_key){
        .offset = (uint32_t)(writer->bytes + before_moof),
        .bytes = (uint32_t)(writer->boxes.count - before_moof + first->bytes),
        .after_90k = (uint32_t)(first->pts - writer->start_90k),
    };
}

/* moof and mdat of the samples that are there. */
static void write_fragment(struct segment_writer *writer)
{
    struct boxes *boxes = &writer->boxes;

    if (writer->sample_count == 0)
        return;
    sort_times(writer);
    boxes_empty(boxes);
    if (writer->fragments == 0)
        segment_type(boxes);
    boxes_put(boxes, writer->events.bytes, writer->events.count);
    size_t before_moof = boxes->count;
    movie_fragment(writer);
    boxes_u32(boxes, (uint32_t)(8 + writer->media.count));
    boxes_put(boxes, "mdat", 4);
    note_key(writer, before_moof);
    put(writer, boxes);
    put(writer, &writer->media);
    writer->fragments++;
    writer->sample_count = 0;
    boxes_empty(&writer->media);
    boxes_empty(&writer->events);
    if (writer->cbcs)
        cbcs_begin(writer->cbcs);
}

/* ---- samples ---- */
static int make_room(struct segment_writer *writer)
{
    if (writer->sample_count < writer->sample_capacity)
        return 0;
    unsigned capacity = writer->sample_capacity ? writer->sample_capacity * 2 : 256;
    if (capacity > SAMPLES_MAX)
        return -ENOBUFS;
    struct sample *samples = realloc(writer->samples, capacity * sizeof *samples);
    if (samples)
        writer->samples = samples;
    int64_t *times = realloc(writer->times, capacity * sizeof *times);
    if (times)
        writer->times = times;
    if (!samples || !times)
        return -ENOMEM;
    writer->sample_capacity = capacity;
    return 0;
}

static void add_picture(struct segment_writer *writer, const AVPacket *packet, struct sample *sample)
{
    bool reference = writer->video->sample(&writer->media, packet->data, (size_t)packet->size);

    sample->pts = packet->pts;
    sample->dts = packet->dts;
    sample->duration = packet->duration;
    sample->flags = packet->flags & AV_PKT_FLAG_KEY ? SAMPLE_IS_INTRA : SAMPLE_IS_INTER | SAMPLE_IS_NO_KEY;
    sample->flags |= reference ? SAMPLE_IS_REFERENCE : SAMPLE_IS_NO_REFERENCE;
}

/* Ticks are the frame's time rounded down: the frame is the nearest. */
static void add_sound(struct segment_writer *writer, const AVPacket *packet, struct sample *sample)
{
    int64_t frame_90k = INT64_C(90000) * AAC_FRAME_SAMPLES;
    __int128 scaled = (__int128)packet->pts * writer->timescale;

    sample->pts = sample->dts = (int64_t)((scaled + frame_90k / 2) / frame_90k) * AAC_FRAME_SAMPLES;
    sample->duration = AAC_FRAME_SAMPLES;
    sample->flags = SAMPLE_IS_INTRA;
    boxes_put(&writer->media, packet->data, (size_t)packet->size);
}

static int write_packet(struct segment_writer *writer, unsigned stream, struct AVPacket *packet)
{
    (void)stream; /* there is one */
    if (writer->video && packet->flags & AV_PKT_FLAG_KEY)
        write_fragment(writer);
    int result = make_room(writer);
    if (result < 0)
        return result;
    struct sample *sample = &writer->samples[writer->sample_count];
    size_t before = writer->media.count;
    if (writer->video)
        add_picture(writer, packet, sample);
    else
        add_sound(writer, packet, sample);
    sample->bytes = (uint32_t)(writer->media.count - before);
    if (boxes_failed(&writer->media) || sample->bytes == 0)
        return boxes_failed(&writer->media) ? -ENOMEM : -EINVAL;
    if (writer->cbcs)
        result = cbcs_sample(writer->cbcs, writer->media.bytes + before, sample->bytes);
    if (result < 0 && !writer->failure)
        writer->failure = result; /* the segment is given up: what describes it is out of step */
    writer->sample_count++;
    return result;
}

static int write_metadata(struct segment_writer *writer, int64_t pts_90k, const uint8_t *tag, size_t bytes)
{
    struct boxes *events = &writer->events;
    boxes_begin_full(events, "emsg", 1, 0);

    boxes_u32(events, VIDEO_TIMESCALE);
    boxes_u64(events, (uint64_t)pts_90k);
    boxes_u32(events, 0); /* it lasts no time */
    boxes_u32(events, (uint32_t)(pts_90k / VIDEO_TIMESCALE));
    boxes_put(events, ID3_SCHEME, sizeof ID3_SCHEME);
    boxes_put(events, "", sizeof "");
    boxes_put(events, tag, bytes);
    boxes_end(events);
    return boxes_failed(events) ? -ENOMEM : 0;
}

static int close_writer(struct segment_writer *writer, struct segment_writer_result *result, struct error *err)
{
    write_fragment(writer);
    *result = (struct segment_writer_result){ .header_bytes = (uint32_t)writer->header.count,
                                              .keys_count = writer->keys_count };
    memcpy(result->keys, writer->keys, writer->keys_count * sizeof writer->keys[0]);
    result->memfd = segment_file_close(writer->file, &result->bytes, err);
    if (result->memfd < 0 || !writer->failure)
        return result->memfd < 0 ? result->memfd : 0;
    close(result->memfd);
    result->memfd = -1;
    return error_set_errno(err, writer->failure, "making an MP4 segment");
}

const struct segment_writer_class fmp4_writer_class = {
    .name = "CMAF",
    .create = create_writer,
    .destroy = destroy_writer,
    .open = open_writer,
    .write = write_packet,
    .metadata = write_metadata,
    .close = close_writer,
};
