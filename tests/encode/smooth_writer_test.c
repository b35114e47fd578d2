/* SPDX-License-Identifier: GPL-2.0-or-later */
/* smooth_writer_test.c - pictures of x264 and frames of AAC into Smooth fragments: every box is read back, times are
 * held against the timeline, and libavformat plays what is there. */
#include "encode/smooth_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/error.h"
#include "encode/boxes.h"
#include "encode/smooth_boxes.h"

/* 2026-01-01, a segment boundary of 2 s */
#define START_90K (INT64_C(1767225600) * 90000)

enum { PICTURES = 100, GOP = 50, PICTURE_90K = 3600, FRAME_90K = 1920 };

struct media {
    AVCodecParameters *video, *audio;
    AVPacket *pictures[PICTURES], *frames[PICTURES * 2 + 16];
    unsigned picture_count, frame_count;
};

static void drain(AVCodecContext *encoder, AVFrame *frame, AVPacket **packets, unsigned *count)
{
    AVPacket *packet = av_packet_alloc();
    assert_int_equal(avcodec_send_frame(encoder, frame), 0);
    while (avcodec_receive_packet(encoder, packet) == 0) {
        packets[(*count)++] = av_packet_clone(packet);
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
}

static void make_pictures(struct media *media)
{
    AVCodecContext *encoder = avcodec_alloc_context3(avcodec_find_encoder_by_name("libx264"));
    AVFrame *frame = av_frame_alloc();
    encoder->width = frame->width = 64;
    encoder->height = frame->height = 48;
    encoder->pix_fmt = frame->format = AV_PIX_FMT_YUV420P;
    encoder->time_base = (AVRational){ 1, 90000 };
    encoder->framerate = (AVRational){ 25, 1 };
    encoder->gop_size = GOP;
    encoder->thread_count = 1;
    encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    av_opt_set(encoder->priv_data, "preset", "ultrafast", 0);
    av_opt_set(encoder->priv_data, "x264-params", "scenecut=0:aud=1:bframes=2:b-adapt=0:open-gop=0", 0);
    assert_int_equal(avcodec_open2(encoder, NULL, NULL), 0);
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    for (int i = 0; i < PICTURES; i++) {
        assert_int_equal(av_frame_make_writable(frame), 0);
        for (int plane = 0; plane < 3; plane++)
            memset(frame->data[plane], i * 2 + plane, (size_t)frame->linesize[plane] * (plane ? 24 : 48));
        frame->pts = START_90K + (int64_t)i * PICTURE_90K;
        drain(encoder, frame, media->pictures, &media->picture_count);
    }
    drain(encoder, NULL, media->pictures, &media->picture_count);
    assert_int_equal(media->picture_count, PICTURES);
    for (unsigned i = 0; i < PICTURES; i++)
        media->pictures[i]->duration = PICTURE_90K;
    media->video = avcodec_parameters_alloc();
    avcodec_parameters_from_context(media->video, encoder);
    av_frame_free(&frame);
    avcodec_free_context(&encoder);
}

static void make_frames(struct media *media)
{
    AVCodecContext *encoder = avcodec_alloc_context3(avcodec_find_encoder(AV_CODEC_ID_AAC));
    AVFrame *frame = av_frame_alloc();
    encoder->sample_rate = frame->sample_rate = 48000;
    encoder->sample_fmt = frame->format = AV_SAMPLE_FMT_FLTP;
    encoder->bit_rate = 64000;
    encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    av_channel_layout_default(&encoder->ch_layout, 2);
    assert_int_equal(avcodec_open2(encoder, NULL, NULL), 0);
    frame->nb_samples = 1024;
    av_channel_layout_copy(&frame->ch_layout, &encoder->ch_layout);
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    for (int i = 0; i < PICTURES * PICTURE_90K / FRAME_90K; i++) {
        assert_int_equal(av_frame_make_writable(frame), 0);
        for (int j = 0; j < 1024; j++)
            ((float *)frame->data[0])[j] = ((float *)frame->data[1])[j] = (float)((j * 37 + i) % 100) / 200;
        drain(encoder, frame, media->frames, &media->frame_count);
    }
    drain(encoder, NULL, media->frames, &media->frame_count);
    for (unsigned i = 0; i < media->frame_count; i++) {
        media->frames[i]->pts = media->frames[i]->dts = START_90K + (int64_t)i * FRAME_90K;
        media->frames[i]->duration = FRAME_90K;
    }
    media->audio = avcodec_parameters_alloc();
    avcodec_parameters_from_context(media->audio, encoder);
    av_frame_free(&frame);
    avcodec_free_context(&encoder);
}

static int make_media(void **state)
{
    struct media *media = calloc(1, sizeof *media);
    make_pictures(media);
    make_frames(media);
    *state = media;
    return 0;
}

static int free_media(void **state)
{
    struct media *media = *state;
    for (unsigned i = 0; i < media->picture_count; i++)
        av_packet_free(&media->pictures[i]);
    for (unsigned i = 0; i < media->frame_count; i++)
        av_packet_free(&media->frames[i]);
    avcodec_parameters_free(&media->video);
    avcodec_parameters_free(&media->audio);
    free(media);
    return 0;
}

/* ---- writing ---- */
struct piece {
    uint8_t *bytes;
    size_t count;
    uint32_t header_bytes;
};

static struct encode_output output_of(void)
{
    return (struct encode_output){ .group = "smooth",
                                   .name = "480p",
                                   .package = PACKAGE_SMOOTH,
                                   .segment_length = 2,
                                   .audios = { "aac" },
                                   .audios_count = 1 };
}

static struct segment_writer *open_writer(const struct media *media, const struct encode_output *output)
{
    struct segment_writer *writer;
    struct error err = { 0 };
    const struct segment_writer_config config = {
        .output = output,
        .framerate_numerator = 25,
        .framerate_denominator = 1,
        .streams = { { .parameters = media->video, .bitrate = 800000 },
                     { .parameters = media->audio, .language = "eng", .bitrate = 64000 } },
        .stream_count = 2,
    };
    assert_ptr_equal(segment_writer_class_of(PACKAGE_SMOOTH), &smooth_writer_class);
    assert_int_equal(smooth_writer_class.create(&writer, &config, &err), 0);
    return writer;
}

/* What of the media lies in segment `index` of the stream. */
static struct piece write_segment(struct segment_writer *writer, const struct media *media, unsigned index)
{
    int64_t begin = START_90K + index * INT64_C(180000), end = begin + 180000;
    struct segment_writer_result result;
    struct error err = { 0 };

    assert_int_equal(
        smooth_writer_class.open(writer, &(struct segment_writer_segment){ .name = "smooth/480p/1" }, &err), 0);
    for (unsigned i = 0; i < GOP; i++)
        assert_int_equal(smooth_writer_class.write(writer, 0, media->pictures[index * GOP + i]), 0);
    for (unsigned i = 0; i < media->frame_count; i++)
        if (media->frames[i]->pts >= begin && media->frames[i]->pts < end)
            assert_int_equal(smooth_writer_class.write(writer, 1, media->frames[i]), 0);
    assert_int_equal(smooth_writer_class.close(writer, &result, &err), 0);
    struct piece piece = { malloc(result.bytes), result.bytes, result.header_bytes };
    assert_int_equal(pread(result.memfd, piece.bytes, result.bytes, 0), result.bytes);
    close(result.memfd);
    return piece;
}

/* ---- reading ---- */
struct box {
    const uint8_t *body; /* behind the type */
    size_t count;
};

static uint32_t u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int64_t u64(const uint8_t *at)
{
    return (int64_t)((uint64_t)u32(at) << 32 | u32(at + 4));
}

/* The `index`th box of a type among the bytes. */
static struct box find(const uint8_t *bytes, size_t count, const char *type, unsigned index)
{
    for (size_t at = 0; at < count; at += u32(bytes + at)) {
        assert_true(count - at >= 8 && u32(bytes + at) >= 8 && u32(bytes + at) <= count - at);
        if (memcmp(bytes + at + 4, type, 4) == 0 && index-- == 0)
            return (struct box){ bytes + at + 8, u32(bytes + at) - 8 };
    }
    return (struct box){ 0 };
}

static struct box child(struct box box, const char *type)
{
    struct box found = find(box.body, box.count, type, 0);
    assert_non_null(found.body);
    return found;
}

struct fragment {
    uint32_t track, sequence, samples;
    int64_t start, duration;                                          /* of tfxd */
    int64_t run_duration, first_composition, shown_first, shown_last; /* of trun */
    uint64_t bytes;
    const uint8_t *data; /* where data_offset points */
    bool first_is_key;
};

static void read_run(struct fragment *fragment, struct box run)
{
    unsigned flags = u32(run.body) & 0xffffff;
    const uint8_t *at = run.body + 12;
    int64_t decode = 0;
    fragment->samples = u32(run.body + 4);
    fragment->shown_first = INT64_MAX;
    assert_true((flags & 0x301) == 0x301);
    for (unsigned i = 0; i < fragment->samples; i++) {
        int64_t composition = 0;
        uint32_t duration = u32(at);
        fragment->bytes += u32(at + 4);
        at += 8;
        if (flags & 0x400) {
            if (i == 0)
                fragment->first_is_key = u32(at) == 0x2000000;
            at += 4;
        }
        if (flags & 0x800) {
            composition = (int32_t)u32(at);
            at += 4;
        }
        if (i == 0)
            fragment->first_composition = composition;
        if (fragment->shown_first > decode + composition)
            fragment->shown_first = decode + composition;
        if (fragment->shown_last < decode + composition)
            fragment->shown_last = decode + composition;
        decode += duration;
    }
    assert_ptr_equal(at, run.body + run.count);
    fragment->run_duration = decode;
}

static struct fragment read_fragment(struct piece piece, unsigned index)
{
    static const uint8_t tfxd[] = { 0x6d, 0x1d, 0x9b, 0x05, 0x42, 0xd5, 0x44, 0xe6, 0x80, 0xe2,
                                    0x14, 0x1d, 0xaf, 0xf7, 0x57, 0xb2, 1,    0,    0,    0 };
    const uint8_t *media = piece.bytes + piece.header_bytes;
    size_t count = piece.count - piece.header_bytes;
    struct box moof = find(media, count, "moof", index), mdat = find(media, count, "mdat", index);
    struct fragment fragment = { 0 };
    if (!moof.body)
        return fragment;
    struct box traf = child(moof, "traf"), uuid = child(traf, "uuid"), run = child(traf, "trun");
    fragment.sequence = u32(child(moof, "mfhd").body + 4);
    fragment.track = u32(child(traf, "tfhd").body + 4);
    assert_int_equal(uuid.count, sizeof tfxd + 16);
    assert_memory_equal(uuid.body, tfxd, sizeof tfxd);
    fragment.start = u64(uuid.body + 20);
    fragment.duration = u64(uuid.body + 28);
    read_run(&fragment, run);
    fragment.data = moof.body - 8 + u32(run.body + 8);
    assert_ptr_equal(fragment.data, mdat.body);
    assert_int_equal(fragment.bytes, mdat.count);
    return fragment;
}

static void test_header_comes_first_and_is_the_same(void **state)
{
    struct encode_output output = output_of();
    struct segment_writer *writer = open_writer(*state, &output), *twin = open_writer(*state, &output);
    struct piece first = write_segment(writer, *state, 0), second = write_segment(twin, *state, 1);

    assert_int_equal(first.header_bytes, second.header_bytes);
    assert_memory_equal(first.bytes, second.bytes, first.header_bytes);
    assert_memory_equal(find(first.bytes, first.header_bytes, "ftyp", 0).body, "isml\0\0\0\1piff", 12);
    assert_memory_equal(first.bytes + u32(first.bytes) + 4, "uuid", 4); /* at once behind ftyp */
    struct box moov = find(first.bytes, first.header_bytes, "moov", 0);
    assert_ptr_equal(moov.body + moov.count, first.bytes + first.header_bytes);
    assert_int_equal(u32(child(moov, "mvhd").body + 20), SMOOTH_TIMESCALE);
    assert_non_null(find(moov.body, moov.count, "trak", 1).body);
    assert_null(find(moov.body, moov.count, "trak", 2).body);
    free(first.bytes);
    free(second.bytes);
    smooth_writer_class.destroy(writer);
    smooth_writer_class.destroy(twin);
}

static void test_manifest_tells_the_tracks(void **state)
{
    struct encode_output output = output_of();
    struct segment_writer *writer = open_writer(*state, &output);
    struct piece piece = write_segment(writer, *state, 0);
    struct box box = find(piece.bytes, piece.header_bytes, "uuid", 0);
    char *text = strndup((const char *)box.body + 20, box.count - 20);
    static const char *const expected[] = {
        "<smil xmlns=\"http://www.w3.org/2001/SMIL20/Language\">",
        "<video src=\"Streams\" systemBitrate=\"800000\"><param name=\"trackID\" value=\"1\"",
        "<param name=\"trackName\" value=\"video\"",
        "<param name=\"FourCC\" value=\"H264\"",
        "<param name=\"CodecPrivateData\" value=\"0000000167",
        "<param name=\"MaxWidth\" value=\"64\"",
        "<audio src=\"Streams\" systemBitrate=\"64000\" systemLanguage=\"eng\"><param name=\"trackID\" value=\"2\"",
        "<param name=\"trackName\" value=\"aac\"",
        "<param name=\"FourCC\" value=\"AACL\"",
        "<param name=\"CodecPrivateData\" value=\"1190",
        "<param name=\"SamplingRate\" value=\"48000\"",
        "</switch></body></smil>",
    };
    assert_memory_equal(box.body, "\xa5\xd4\x0b\x30\xe8\x14\x11\xdd\xba\x2f\x08\x00\x20\x0c\x9a\x66\0\0\0\0", 20);
    for (unsigned i = 0; i < sizeof expected / sizeof expected[0]; i++)
        if (!strstr(text, expected[i]))
            fail_msg("%s is not in %s", expected[i], text);
    free(text);
    free(piece.bytes);
    smooth_writer_class.destroy(writer);
}

static void assert_video_fragment(struct fragment fragment, unsigned segment)
{
    assert_int_equal(fragment.track, 1);
    assert_int_equal(fragment.samples, GOP);
    assert_true(fragment.first_is_key);
    assert_int_equal(fragment.sequence, 1767225600 / 2 + segment);
    assert_true(fragment.start == (INT64_C(1767225600) + 2 * segment) * SMOOTH_TIMESCALE);
    assert_int_equal(fragment.duration, 2 * SMOOTH_TIMESCALE);
    assert_int_equal(fragment.run_duration, fragment.duration);
    assert_int_equal(fragment.first_composition, 0);
    assert_int_equal(fragment.shown_first, 0);
    assert_int_equal(fragment.shown_last, 2 * SMOOTH_TIMESCALE - 400000);
}

static void test_times_are_the_timelines(void **state)
{
    struct encode_output output = output_of();
    struct segment_writer *writer = open_writer(*state, &output);
    int64_t next_sound = START_90K;

    for (unsigned i = 0; i < PICTURES / GOP; i++) {
        struct piece piece = write_segment(writer, *state, i);
        struct fragment video = read_fragment(piece, 0), audio = read_fragment(piece, 1);
        assert_video_fragment(video, i);
        assert_int_equal(audio.track, 2);
        assert_int_equal(audio.sequence, video.sequence);
        assert_true(audio.start == smooth_time(next_sound));
        next_sound += (int64_t)audio.samples * FRAME_90K;
        assert_true(audio.start + audio.duration == smooth_time(next_sound));
        assert_int_equal(audio.run_duration, audio.duration);
        assert_null(find(piece.bytes + piece.header_bytes, piece.count - piece.header_bytes, "moof", 2).body);
        free(piece.bytes);
    }
    smooth_writer_class.destroy(writer);
}

static void test_times_count_from_an_origin(void **state)
{
    struct encode_output output = output_of();
    output.time_origin = START_90K - 90000;
    struct segment_writer *writer = open_writer(*state, &output);
    struct piece piece = write_segment(writer, *state, 1);
    struct fragment video = read_fragment(piece, 0);
    assert_int_equal(video.start, 3 * SMOOTH_TIMESCALE);
    assert_int_equal(video.duration, 2 * SMOOTH_TIMESCALE);
    assert_int_equal(video.sequence, 1767225600 / 2 + 1); /* still the grid's */
    free(piece.bytes);
    smooth_writer_class.destroy(writer);
    output.time_origin = START_90K + 90000;
    writer = open_writer(*state, &output);
    struct error err = { 0 };
    assert_int_equal(smooth_writer_class.open(writer, &(struct segment_writer_segment){ .name = "x" }, &err), 0);
    assert_int_equal(smooth_writer_class.write(writer, 0, ((struct media *)*state)->pictures[0]), -EINVAL);
    smooth_writer_class.destroy(writer);
}

/* ---- played ---- */
struct memory {
    const uint8_t *bytes;
    size_t count, at;
};

static int read_memory(void *context, uint8_t *buffer, int room)
{
    struct memory *memory = context;
    size_t count = memory->count - memory->at < (size_t)room ? memory->count - memory->at : (size_t)room;
    memcpy(buffer, memory->bytes + memory->at, count);
    memory->at += count;
    return count ? (int)count : AVERROR_EOF;
}

static unsigned decode_pictures(const AVStream *stream, AVPacket **packets, unsigned count)
{
    AVCodecContext *decoder = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_H264));
    AVFrame *frame = av_frame_alloc();
    unsigned pictures = 0;
    avcodec_parameters_to_context(decoder, stream->codecpar);
    decoder->thread_count = 1;
    decoder->err_recognition = AV_EF_EXPLODE;
    assert_int_equal(avcodec_open2(decoder, NULL, NULL), 0);
    for (unsigned i = 0; i <= count; i++) {
        assert_int_equal(avcodec_send_packet(decoder, i < count ? packets[i] : NULL), 0);
        while (avcodec_receive_frame(decoder, frame) == 0)
            pictures++;
    }
    av_frame_free(&frame);
    avcodec_free_context(&decoder);
    return pictures;
}

static void assert_plays(const uint8_t *bytes, size_t count, unsigned pictures, unsigned frames)
{
    struct memory memory = { bytes, count, 0 };
    AVFormatContext *reader = avformat_alloc_context();
    AVPacket *packet = av_packet_alloc(), *video[PICTURES];
    unsigned video_count = 0, audio_count = 0;
    reader->pb = avio_alloc_context(av_malloc(4096), 4096, 0, &memory, read_memory, NULL, NULL);
    assert_int_equal(avformat_open_input(&reader, NULL, av_find_input_format("mov"), NULL), 0);
    while (av_read_frame(reader, packet) == 0) {
        if (packet->stream_index == 0)
            video[video_count++] = av_packet_clone(packet);
        else
            audio_count++;
        av_packet_unref(packet);
    }
    assert_int_equal(video_count, pictures);
    assert_int_equal(audio_count, frames);
    assert_int_equal(decode_pictures(reader->streams[0], video, video_count), pictures);
    assert_int_equal(reader->streams[1]->codecpar->sample_rate, 48000);
    while (video_count)
        av_packet_free(&video[--video_count]);
    av_packet_free(&packet);
    av_freep(&reader->pb->buffer);
    avio_context_free(&reader->pb);
    avformat_close_input(&reader);
}

/* Header once, then the fragments: what a server has of a long request. */
static void test_a_stream_can_be_played(void **state)
{
    const struct media *media = *state;
    struct encode_output output = output_of();
    struct segment_writer *writer = open_writer(media, &output);
    struct piece first = write_segment(writer, media, 0), second = write_segment(writer, media, 1);
    struct boxes stream = { 0 };
    unsigned frames = read_fragment(first, 1).samples + read_fragment(second, 1).samples;

    boxes_put(&stream, first.bytes, first.count);
    boxes_put(&stream, second.bytes + second.header_bytes, second.count - second.header_bytes);
    smooth_put_end(&stream);
    assert_memory_equal(stream.bytes + stream.count - 8, "\0\0\0\10mfra", 8);
    assert_plays(stream.bytes, stream.count, PICTURES, frames);
    boxes_free(&stream);
    free(first.bytes);
    free(second.bytes);
    smooth_writer_class.destroy(writer);
}

/* ---- cut at splices ---- */
/* The second of the two GOPs in one segment: a splice is there, and others where there is no key picture. */
static struct piece write_cut(struct segment_writer *writer, const struct media *media, unsigned pictures)
{
    const int64_t cuts_90k[] = { START_90K, START_90K + 180000, START_90K + 90000, START_90K - 90000,
                                 START_90K + 400000 };
    struct segment_writer_result result;
    struct error err = { 0 };

    for (unsigned i = 0; i < sizeof cuts_90k / sizeof cuts_90k[0]; i++)
        smooth_writer_class.cut(writer, cuts_90k[i]);
    smooth_writer_class.cut(writer, START_90K + 180000); /* told again */
    assert_int_equal(
        smooth_writer_class.open(
            writer, &(struct segment_writer_segment){ .name = "smooth/480p/1", .start_90k = START_90K }, &err),
        0);
    for (unsigned i = 0; i < pictures; i++)
        assert_int_equal(smooth_writer_class.write(writer, 0, media->pictures[i]), 0);
    for (unsigned i = 0; i < media->frame_count && media->frames[i]->pts < START_90K + pictures * PICTURE_90K; i++)
        assert_int_equal(smooth_writer_class.write(writer, 1, media->frames[i]), 0);
    assert_int_equal(smooth_writer_class.close(writer, &result, &err), 0);
    struct piece piece = { malloc(result.bytes), result.bytes, result.header_bytes };
    assert_int_equal(pread(result.memfd, piece.bytes, result.bytes, 0), result.bytes);
    close(result.memfd);
    return piece;
}

static void test_a_splice_begins_other_fragments(void **state)
{
    struct encode_output output = output_of();
    output.segment_length = 4;
    struct segment_writer *writer = open_writer(*state, &output);
    struct piece piece = write_cut(writer, *state, PICTURES);
    struct fragment fragments[4];

    for (unsigned i = 0; i < 4; i++) {
        fragments[i] = read_fragment(piece, i);
        assert_int_equal(fragments[i].track, 1 + i % 2);
        assert_int_equal(fragments[i].sequence, fragments[0].sequence);
        assert_int_equal(fragments[i].run_duration, fragments[i].duration);
    }
    assert_int_equal(read_fragment(piece, 4).track, 0);
    for (unsigned i = 0; i < 4; i += 2) {
        assert_true(fragments[i].start == smooth_time(START_90K + 90000 * i));
        assert_int_equal(fragments[i].duration, 2 * SMOOTH_TIMESCALE);
        assert_int_equal(fragments[i].samples, GOP);
        assert_true(fragments[i].first_is_key);
    }
    assert_true(fragments[1].start + fragments[1].duration == fragments[3].start);
    assert_true(fragments[3].start >= fragments[2].start);
    assert_true(fragments[3].start < fragments[2].start + smooth_time(FRAME_90K));
    assert_plays(piece.bytes, piece.count, PICTURES, fragments[1].samples + fragments[3].samples);
    free(piece.bytes);
    piece = write_cut(writer, *state, GOP + 1); /* at the very last picture, whose decoding begins before the splice */
    assert_int_equal(read_fragment(piece, 0).samples, GOP);
    assert_int_equal(read_fragment(piece, 2).samples, 1);
    assert_true(read_fragment(piece, 2).start == smooth_time(START_90K + 180000));
    free(piece.bytes);
    piece = write_cut(writer, *state, GOP); /* none is there yet */
    assert_int_equal(read_fragment(piece, 0).samples, GOP);
    assert_int_equal(read_fragment(piece, 2).track, 0);
    free(piece.bytes);
    smooth_writer_class.destroy(writer);
}

/* ---- what does not fit ---- */
static void test_a_track_without_samples_has_no_fragment(void **state)
{
    const struct media *media = *state;
    struct encode_output output = output_of();
    struct segment_writer *writer = open_writer(media, &output);
    struct segment_writer_result result;
    struct error err = { 0 };

    assert_int_equal(smooth_writer_class.write(writer, 0, media->pictures[0]), 0); /* nothing is open: thrown away */
    assert_int_equal(smooth_writer_class.open(writer, &(struct segment_writer_segment){ .name = "x" }, &err), 0);
    assert_int_equal(smooth_writer_class.write(writer, 1, media->frames[0]), 0);
    assert_int_equal(smooth_writer_class.close(writer, &result, &err), 0);
    struct piece piece = { malloc(result.bytes), result.bytes, result.header_bytes };
    assert_int_equal(pread(result.memfd, piece.bytes, result.bytes, 0), result.bytes);
    close(result.memfd);
    assert_int_equal(read_fragment(piece, 0).track, 2);
    assert_int_equal(read_fragment(piece, 1).track, 0);
    free(piece.bytes);
    smooth_writer_class.destroy(writer);
}

static void test_codecs_without_words_are_refused(void **state)
{
    const struct media *media = *state;
    struct encode_output output = output_of();
    AVCodecParameters *other = avcodec_parameters_alloc();
    struct segment_writer_config config = { .output = &output,
                                            .streams = { { .parameters = other } },
                                            .stream_count = 1 };
    struct segment_writer *writer;
    struct error err = { 0 };

    avcodec_parameters_copy(other, media->video);
    other->codec_id = AV_CODEC_ID_HEVC;
    assert_int_equal(smooth_writer_class.create(&writer, &config, &err), -EINVAL);
    avcodec_parameters_copy(other, media->video);
    other->extradata_size = 4;
    assert_int_equal(smooth_writer_class.create(&writer, &config, &err), -EINVAL);
    avcodec_parameters_copy(other, media->audio);
    other->extradata_size = 0;
    assert_int_equal(smooth_writer_class.create(&writer, &config, &err), -EINVAL);
    other->extradata_size = media->audio->extradata_size;
    avcodec_parameters_free(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_comes_first_and_is_the_same),
        cmocka_unit_test(test_manifest_tells_the_tracks),
        cmocka_unit_test(test_times_are_the_timelines),
        cmocka_unit_test(test_times_count_from_an_origin),
        cmocka_unit_test(test_a_stream_can_be_played),
        cmocka_unit_test(test_a_splice_begins_other_fragments),
        cmocka_unit_test(test_a_track_without_samples_has_no_fragment),
        cmocka_unit_test(test_codecs_without_words_are_refused),
    };
    return cmocka_run_group_tests(tests, make_media, free_media);
}
