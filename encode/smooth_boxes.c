/* SPDX-License-Identifier: GPL-2.0-or-later */
/* smooth_boxes.c - header, fragments, end. */
#include "encode/smooth_boxes.h"

#include <errno.h>
#include <libavcodec/codec_par.h>
#include <string.h>

#include "board/error.h"
#include "encode/annex_b.h"
#include "encode/boxes.h"
#include "encode/smooth_manifest.h"

static const uint8_t uuid_live_server_manifest[BOXES_UUID_BYTES] = { 0xa5, 0xd4, 0x0b, 0x30, 0xe8, 0x14, 0x11, 0xdd,
                                                                     0xba, 0x2f, 0x08, 0x00, 0x20, 0x0c, 0x9a, 0x66 };
static const uint8_t uuid_tfxd[BOXES_UUID_BYTES] = { 0x6d, 0x1d, 0x9b, 0x05, 0x42, 0xd5, 0x44, 0xe6,
                                                     0x80, 0xe2, 0x14, 0x1d, 0xaf, 0xf7, 0x57, 0xb2 };

enum {
    TRACK_IN_MOVIE = 7, /* enabled, in movie, in preview */
    TFHD_DEFAULT_FLAGS = 0x20,
    TRUN_DATA_OFFSET = 0x1,
    TRUN_DURATION = 0x100,
    TRUN_SIZE = 0x200,
    TRUN_FLAGS = 0x400,
    TRUN_COMPOSITION = 0x800,
    SAMPLE_ALONE = 0x2000000,   /* depends on no other */
    SAMPLE_DEPENDS = 0x1010000, /* depends on others, no sync sample */
    DESCRIPTOR_STREAM = 3,
    DESCRIPTOR_DECODER = 4,
    DESCRIPTOR_SPECIFIC = 5,
    DESCRIPTOR_SYNC_LAYER = 6,
};

int64_t smooth_time(int64_t ticks_90k)
{
    return (ticks_90k * 1000 + 4) / 9;
}

/* ---- sample entries ---- */
static int put_video_entry(struct boxes *boxes, const struct smooth_track *track, struct error *err)
{
    const AVCodecParameters *parameters = track->parameters;
    if (parameters->codec_id != AV_CODEC_ID_H264)
        return error_set(err, -EINVAL, "Smooth Streaming: the video is not H.264");
    boxes_begin(boxes, "avc1");
    boxes_zeros(boxes, 6);
    boxes_u16(boxes, 1); /* data reference */
    boxes_zeros(boxes, 16);
    boxes_u16(boxes, (unsigned)parameters->width);
    boxes_u16(boxes, (unsigned)parameters->height);
    boxes_u32(boxes, 0x480000); /* 72 dots per inch */
    boxes_u32(boxes, 0x480000);
    boxes_u32(boxes, 0);
    boxes_u16(boxes, 1); /* pictures a sample */
    boxes_zeros(boxes, 32);
    boxes_u16(boxes, 24);
    boxes_u16(boxes, 0xffff);
    boxes_begin(boxes, "avcC");
    int result = annex_b_decoder_configuration(boxes, parameters->extradata, (size_t)parameters->extradata_size, err);
    boxes_end(boxes);
    boxes_end(boxes);
    return result;
}

/* ISO/IEC 14496-1, 7.2.6: tag and a length of one byte. */
static void put_descriptor(struct boxes *boxes, unsigned tag, size_t bytes)
{
    boxes_u8(boxes, tag);
    boxes_u8(boxes, (unsigned)bytes);
}

static void put_decoder_descriptors(struct boxes *boxes, const struct smooth_track *track)
{
    size_t specific = (size_t)track->parameters->extradata_size;
    size_t decoder = 13 + 2 + specific;
    boxes_begin_full(boxes, "esds", 0, 0);
    put_descriptor(boxes, DESCRIPTOR_STREAM, 3 + 2 + decoder + 3);
    boxes_u16(boxes, track->id);
    boxes_u8(boxes, 0);
    put_descriptor(boxes, DESCRIPTOR_DECODER, decoder);
    boxes_u8(boxes, 0x40); /* audio of ISO/IEC 14496-3 */
    boxes_u8(boxes, 0x15); /* an audio stream */
    boxes_u24(boxes, 0);
    boxes_u32(boxes, track->bitrate);
    boxes_u32(boxes, track->bitrate);
    put_descriptor(boxes, DESCRIPTOR_SPECIFIC, specific);
    boxes_put(boxes, track->parameters->extradata, specific);
    put_descriptor(boxes, DESCRIPTOR_SYNC_LAYER, 1);
    boxes_u8(boxes, 2);
    boxes_end(boxes);
}

static int put_audio_entry(struct boxes *boxes, const struct smooth_track *track, struct error *err)
{
    const AVCodecParameters *parameters = track->parameters;
    if (parameters->codec_id != AV_CODEC_ID_AAC || parameters->extradata_size < 2 || parameters->extradata_size > 64)
        return error_set(err, -EINVAL, "Smooth Streaming: audio \"%s\" is not AAC with its headers", track->name);
    boxes_begin(boxes, "mp4a");
    boxes_zeros(boxes, 6);
    boxes_u16(boxes, 1);
    boxes_zeros(boxes, 8);
    boxes_u16(boxes, (unsigned)parameters->ch_layout.nb_channels);
    boxes_u16(boxes, 16); /* bits */
    boxes_zeros(boxes, 4);
    boxes_u16(boxes, (unsigned)parameters->sample_rate); /* 16.16 */
    boxes_u16(boxes, 0);
    put_decoder_descriptors(boxes, track);
    boxes_end(boxes);
    return 0;
}

static void put_sparse_entry(struct boxes *boxes)
{
    boxes_begin(boxes, "scte");
    boxes_zeros(boxes, 6);
    boxes_u16(boxes, 1);
    boxes_end(boxes);
}

static int put_entry(struct boxes *boxes, const struct smooth_track *track, struct error *err)
{
    switch (track->type) {
    case SMOOTH_VIDEO:
        return put_video_entry(boxes, track, err);
    case SMOOTH_AUDIO:
        return put_audio_entry(boxes, track, err);
    case SMOOTH_SPARSE:
        put_sparse_entry(boxes);
    }
    return 0;
}

/* ---- moov ---- */
static void put_matrix(struct boxes *boxes)
{
    static const uint32_t unity[] = { 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000 };
    for (unsigned i = 0; i < sizeof unity / sizeof unity[0]; i++)
        boxes_u32(boxes, unity[i]);
}

/* Times of creation are 0: the header has to be the same in both pipelines and at every start. */
static void put_movie_header(struct boxes *boxes, unsigned tracks)
{
    boxes_begin_full(boxes, "mvhd", 1, 0);
    boxes_zeros(boxes, 16);
    boxes_u32(boxes, SMOOTH_TIMESCALE);
    boxes_u64(boxes, 0);
    boxes_u32(boxes, 0x10000); /* rate */
    boxes_u16(boxes, 0x100);   /* volume */
    boxes_zeros(boxes, 10);
    put_matrix(boxes);
    boxes_zeros(boxes, 24);
    boxes_u32(boxes, tracks + 1); /* next track */
    boxes_end(boxes);
}

static void put_track_header(struct boxes *boxes, const struct smooth_track *track)
{
    boxes_begin_full(boxes, "tkhd", 1, TRACK_IN_MOVIE);
    boxes_zeros(boxes, 16);
    boxes_u32(boxes, track->id);
    boxes_u32(boxes, 0);
    boxes_u64(boxes, 0);
    boxes_zeros(boxes, 12);
    boxes_u16(boxes, track->type == SMOOTH_AUDIO ? 0x100 : 0); /* volume */
    boxes_u16(boxes, 0);
    put_matrix(boxes);
    boxes_u32(boxes, track->type == SMOOTH_VIDEO ? (uint32_t)track->parameters->width << 16 : 0);
    boxes_u32(boxes, track->type == SMOOTH_VIDEO ? (uint32_t)track->parameters->height << 16 : 0);
    boxes_end(boxes);
}

static unsigned packed_language(const char *language)
{
    const char *code = language && strlen(language) == 3 ? language : "und";
    return ((unsigned)code[0] - 0x60) % 32 << 10 | ((unsigned)code[1] - 0x60) % 32 << 5 |
           ((unsigned)code[2] - 0x60) % 32;
}

static void put_media_head(struct boxes *boxes, const struct smooth_track *track)
{
    static const char *const handlers[] = { "vide", "soun", "meta" };
    boxes_begin_full(boxes, "mdhd", 1, 0);
    boxes_zeros(boxes, 16);
    boxes_u32(boxes, SMOOTH_TIMESCALE);
    boxes_u64(boxes, 0);
    boxes_u16(boxes, packed_language(track->language));
    boxes_u16(boxes, 0);
    boxes_end(boxes);
    boxes_begin_full(boxes, "hdlr", 0, 0);
    boxes_u32(boxes, 0);
    boxes_put(boxes, handlers[track->type], 4);
    boxes_zeros(boxes, 12);
    boxes_put(boxes, track->name, strlen(track->name) + 1);
    boxes_end(boxes);
}

static void put_media_header(struct boxes *boxes, enum smooth_track_type type)
{
    switch (type) {
    case SMOOTH_VIDEO:
        boxes_begin_full(boxes, "vmhd", 0, 1);
        boxes_zeros(boxes, 8);
        break;
    case SMOOTH_AUDIO:
        boxes_begin_full(boxes, "smhd", 0, 0);
        boxes_zeros(boxes, 4);
        break;
    case SMOOTH_SPARSE:
        boxes_begin_full(boxes, "nmhd", 0, 0);
    }
    boxes_end(boxes);
    boxes_begin(boxes, "dinf");
    boxes_begin_full(boxes, "dref", 0, 0);
    boxes_u32(boxes, 1);
    boxes_begin_full(boxes, "url ", 0, 1); /* in this file */
    boxes_end(boxes);
    boxes_end(boxes);
    boxes_end(boxes);
}

static int put_sample_table(struct boxes *boxes, const struct smooth_track *track, struct error *err)
{
    static const struct {
        const char *type;
        unsigned zeros;
    } empty[] = { { "stts", 4 }, { "stsc", 4 }, { "stsz", 8 }, { "stco", 4 } };

    boxes_begin(boxes, "stbl");
    boxes_begin_full(boxes, "stsd", 0, 0);
    boxes_u32(boxes, 1);
    int result = put_entry(boxes, track, err);
    boxes_end(boxes);
    for (unsigned i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        boxes_begin_full(boxes, empty[i].type, 0, 0);
        boxes_zeros(boxes, empty[i].zeros);
        boxes_end(boxes);
    }
    boxes_end(boxes);
    return result;
}

static int put_track(struct boxes *boxes, const struct smooth_track *track, struct error *err)
{
    boxes_begin(boxes, "trak");
    put_track_header(boxes, track);
    boxes_begin(boxes, "mdia");
    put_media_head(boxes, track);
    boxes_begin(boxes, "minf");
    put_media_header(boxes, track->type);
    int result = put_sample_table(boxes, track, err);
    boxes_end(boxes);
    boxes_end(boxes);
    boxes_end(boxes);
    return result;
}

static void put_extends(struct boxes *boxes, const struct smooth_track *tracks, unsigned count)
{
    boxes_begin(boxes, "mvex");
    for (unsigned i = 0; i < count; i++) {
        boxes_begin_full(boxes, "trex", 0, 0);
        boxes_u32(boxes, tracks[i].id);
        boxes_u32(boxes, 1); /* the sample description */
        boxes_zeros(boxes, 12);
        boxes_end(boxes);
    }
    boxes_end(boxes);
}

int smooth_put_header(struct boxes *boxes, const struct smooth_track *tracks, unsigned count, struct error *err)
{
    int result = 0;

    boxes_begin(boxes, "ftyp");
    boxes_text(boxes, "isml");
    boxes_u32(boxes, 1);
    boxes_text(boxes, "piffiso2iso6");
    boxes_end(boxes);
    boxes_begin_uuid(boxes, uuid_live_server_manifest, 0, 0);
    smooth_put_manifest(boxes, tracks, count);
    boxes_end(boxes);
    boxes_begin(boxes, "moov");
    put_movie_header(boxes, count);
    for (unsigned i = 0; i < count && result == 0; i++)
        result = put_track(boxes, &tracks[i], err);
    put_extends(boxes, tracks, count);
    boxes_end(boxes);
    if (result == 0 && boxes_failed(boxes))
        result = error_set(err, -ENOMEM, "no memory for the header of a Smooth stream");
    return result;
}

/* ---- fragments ---- */
struct fragment_time {
    int64_t start, duration; /* 100 ns */
    int64_t shift_90k;       /* from decoding times to a clock on which the first sample is decoded when it is shown */
    bool composition;        /* samples are shown in another order than they are decoded in */
};

static struct fragment_time time_of(const struct smooth_sample *samples, unsigned count)
{
    struct fragment_time time = { .start = smooth_time(samples[0].pts_90k),
                                  .shift_90k = samples[0].pts_90k - samples[0].dts_90k };
    time.duration = smooth_time(samples[count - 1].end_90k + time.shift_90k) - time.start;
    for (unsigned i = 0; i < count; i++)
        time.composition |= samples[i].pts_90k != samples[i].dts_90k + time.shift_90k;
    return time;
}

static void put_run(struct boxes *boxes, enum smooth_track_type type, const struct smooth_sample *samples,
                    unsigned count, const struct fragment_time *time, size_t *data_offset)
{
    unsigned flags = TRUN_DATA_OFFSET | TRUN_DURATION | TRUN_SIZE | (type == SMOOTH_VIDEO ? TRUN_FLAGS : 0u) |
                     (time->composition ? TRUN_COMPOSITION : 0u);
    boxes_begin_full(boxes, "trun", time->composition ? 1 : 0, flags);
    boxes_u32(boxes, count);
    *data_offset = boxes->count;
    boxes_u32(boxes, 0);
    for (unsigned i = 0; i < count; i++) {
        int64_t decode = smooth_time(samples[i].dts_90k + time->shift_90k);
        boxes_u32(boxes, (uint32_t)(smooth_time(samples[i].end_90k + time->shift_90k) - decode));
        boxes_u32(boxes, samples[i].bytes);
        if (type == SMOOTH_VIDEO)
            boxes_u32(boxes, samples[i].key ? SAMPLE_ALONE : SAMPLE_DEPENDS);
        if (time->composition)
            boxes_u32(boxes, (uint32_t)(smooth_time(samples[i].pts_90k) - decode));
    }
    boxes_end(boxes);
}

/* moof up to the run, which the caller puts; end_fragment puts the rest. Returns where moof begins. */
static size_t begin_fragment(struct boxes *boxes, const struct smooth_track *track, uint32_t sequence)
{
    size_t begin = boxes->count;
    boxes_begin(boxes, "moof");
    boxes_begin_full(boxes, "mfhd", 0, 0);
    boxes_u32(boxes, sequence);
    boxes_end(boxes);
    boxes_begin(boxes, "traf");
    boxes_begin_full(boxes, "tfhd", 0, TFHD_DEFAULT_FLAGS);
    boxes_u32(boxes, track->id);
    boxes_u32(boxes, SAMPLE_ALONE);
    boxes_end(boxes);
    return begin;
}

static void end_fragment(struct boxes *boxes, size_t begin, size_t data_offset, const struct fragment_time *time,
                         uint64_t bytes)
{
    boxes_begin_uuid(boxes, uuid_tfxd, 1, 0);
    boxes_u64(boxes, (uint64_t)time->start);
    boxes_u64(boxes, (uint64_t)time->duration);
    boxes_end(boxes);
    boxes_end(boxes);
    boxes_end(boxes);
    boxes_patch_u32(boxes, data_offset, (uint32_t)(boxes->count - begin + 8));
    if (bytes + 8 > UINT32_MAX)
        boxes->failed = true;
    boxes_u32(boxes, (uint32_t)(bytes + 8));
    boxes_text(boxes, "mdat");
}

void smooth_put_fragment(struct boxes *boxes, const struct smooth_track *track, const struct smooth_sample *samples,
                         unsigned count, uint32_t sequence)
{
    struct fragment_time time = time_of(samples, count);
    size_t data_offset = 0, begin = begin_fragment(boxes, track, sequence);
    uint64_t bytes = 0;

    for (unsigned i = 0; i < count; i++)
        bytes += samples[i].bytes;
    put_run(boxes, track->type, samples, count, &time, &data_offset);
    end_fragment(boxes, begin, data_offset, &time, bytes);
}

void smooth_put_message(struct boxes *boxes, const struct smooth_track *track, const struct smooth_message *message)
{
    enum { MESSAGE_VERSION = 1, FRAME_BYTES = 12 };
    struct smooth_sample sample = { .bytes = (uint32_t)(FRAME_BYTES + message->bytes),
                                    .pts_90k = message->arrival_90k,
                                    .dts_90k = message->arrival_90k,
                                    .end_90k = message->arrival_90k + message->duration_90k,
                                    .key = true };
    struct fragment_time time = time_of(&sample, 1);
    size_t data_offset = 0, begin = begin_fragment(boxes, track, message->sequence);
    if (message->duration_90k > SMOOTH_MESSAGE_AHEAD_MAX_90K) /* a programme of hours: only tfxd has room for it */
        sample.end_90k = message->arrival_90k + SMOOTH_MESSAGE_AHEAD_MAX_90K;
    put_run(boxes, track->type, &sample, 1, &time, &data_offset);
    end_fragment(boxes, begin, data_offset, &time, sample.bytes);
    boxes_u32(boxes, MESSAGE_VERSION);
    boxes_u32(boxes, message->id);
    boxes_u32(boxes, (uint32_t)(smooth_time(message->event_90k) - smooth_time(message->arrival_90k)));
    boxes_put(boxes, message->section, message->bytes);
}

void smooth_put_end(struct boxes *boxes)
{
    boxes_begin(boxes, "mfra");
    boxes_end(boxes);
}
