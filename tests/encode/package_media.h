/* SPDX-License-Identifier: GPL-2.0-or-later */
/* package_media.h - for tests of packaging: pictures of x264 and audio of libavcodec's encoder, a shelf for the
 * segments that come of them, and a decoder that has nothing but one of these. */
#pragma once
#include "encode/package.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/error.h"

#define SECOND INT64_C(90000)
#define START  (INT64_C(900000000) * 2 * SECOND) /* a boundary of the 2 s grid, somewhere in our days */

enum { SEGMENTS_MAX = 64 };

/* ---- what is handed out ---- */
struct shelf {
    struct handoff_segment segments[SEGMENTS_MAX];
    uint8_t *bytes[SEGMENTS_MAX];
    unsigned count;
};

static inline void keep(void *context, struct handoff_segment *segment, int memfd)
{
    struct shelf *shelf = context;
    assert_true(shelf->count < SEGMENTS_MAX);
    assert_true(segment->bytes > 0);
    assert_int_equal(fcntl(memfd, F_GET_SEALS) & F_SEAL_WRITE, F_SEAL_WRITE);
    shelf->bytes[shelf->count] = malloc(segment->bytes);
    assert_int_equal(pread(memfd, shelf->bytes[shelf->count], segment->bytes, 0), segment->bytes);
    shelf->segments[shelf->count++] = *segment;
    close(memfd);
}

static inline void clear(struct shelf *shelf)
{
    while (shelf->count)
        free(shelf->bytes[--shelf->count]);
}

/* ---- what goes in: a moving picture and a tone, encoded once for all tests ---- */
struct media {
    AVCodecParameters *video, *audio;
    AVPacket **pictures, **sounds; /* times from 0 */
    unsigned picture_count, sound_count;
};

enum { PICTURES = 300, GOP = 25 };

static inline void collect(AVCodecContext *encoder, AVFrame *frame, AVPacket **packets, unsigned *count)
{
    AVPacket *packet = av_packet_alloc();
    assert_int_equal(avcodec_send_frame(encoder, frame), 0);
    while (avcodec_receive_packet(encoder, packet) == 0) {
        packets[(*count)++] = av_packet_clone(packet);
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
}

static inline void make_pictures(struct media *media, bool global_headers)
{
    AVCodecContext *encoder = avcodec_alloc_context3(avcodec_find_encoder_by_name("libx264"));
    AVFrame *frame = av_frame_alloc();
    encoder->width = frame->width = 64;
    encoder->height = frame->height = 48;
    encoder->pix_fmt = frame->format = AV_PIX_FMT_YUV420P;
    encoder->time_base = (AVRational){ 1, 90000 };
    encoder->framerate = (AVRational){ 25, 1 };
    encoder->gop_size = GOP;
    encoder->max_b_frames = 2;
    encoder->thread_count = 1;
    encoder->flags |= global_headers ? AV_CODEC_FLAG_GLOBAL_HEADER : 0;
    av_opt_set(encoder->priv_data, "preset", "ultrafast", 0);
    av_opt_set(encoder->priv_data, "x264-params", "scenecut=0:aud=1:bframes=2:b-adapt=0", 0);
    assert_int_equal(avcodec_open2(encoder, NULL, NULL), 0);
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    media->pictures = calloc(PICTURES, sizeof(AVPacket *));
    for (int i = 0; i < PICTURES; i++) {
        assert_int_equal(av_frame_make_writable(frame), 0);
        for (int plane = 0; plane < 3; plane++)
            for (int j = 0; j < frame->linesize[plane] * (plane ? 24 : 48); j++)
                frame->data[plane][j] = (uint8_t)(i * 3 + j);
        frame->pts = i * INT64_C(3600);
        collect(encoder, frame, media->pictures, &media->picture_count);
    }
    collect(encoder, NULL, media->pictures, &media->picture_count);
    assert_int_equal(media->picture_count, PICTURES);
    for (unsigned i = 0; i < PICTURES; i++)
        media->pictures[i]->duration = 3600;
    media->video = avcodec_parameters_alloc();
    avcodec_parameters_from_context(media->video, encoder);
    av_frame_free(&frame);
    avcodec_free_context(&encoder);
}

static inline void make_sounds(struct media *media)
{
    AVCodecContext *encoder = avcodec_alloc_context3(avcodec_find_encoder(AV_CODEC_ID_AAC));
    AVFrame *frame = av_frame_alloc();
    encoder->sample_rate = frame->sample_rate = 48000;
    encoder->sample_fmt = frame->format = AV_SAMPLE_FMT_FLTP;
    encoder->bit_rate = 64000;
    encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    av_channel_layout_default(&encoder->ch_layout, 1);
    assert_int_equal(avcodec_open2(encoder, NULL, NULL), 0);
    frame->nb_samples = 1024;
    av_channel_layout_copy(&frame->ch_layout, &encoder->ch_layout);
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    unsigned frames = PICTURES * 3600 / 1920 + 2;
    media->sounds = calloc(frames + 4, sizeof(AVPacket *));
    for (unsigned i = 0; i < frames; i++) {
        assert_int_equal(av_frame_make_writable(frame), 0);
        for (int j = 0; j < 1024; j++)
            ((float *)frame->data[0])[j] = (float)((j * 37 + (int)i) % 100) / 200;
        frame->pts = i * INT64_C(1024);
        collect(encoder, frame, media->sounds, &media->sound_count);
    }
    collect(encoder, NULL, media->sounds, &media->sound_count);
    for (unsigned i = 0; i < media->sound_count; i++) {
        AVPacket *packet = media->sounds[i];
        packet->pts = packet->dts = i * INT64_C(1920);
        packet->duration = 1920;
    }
    media->audio = avcodec_parameters_alloc();
    avcodec_parameters_from_context(media->audio, encoder);
    av_frame_free(&frame);
    avcodec_free_context(&encoder);
}

static inline int make_media(void **state)
{
    struct media *media = calloc(1, sizeof *media);
    make_pictures(media, true); /* parameter sets are in the extradata only */
    make_sounds(media);
    *state = media;
    return 0;
}

static inline int free_media(void **state)
{
    struct media *media = *state;
    for (unsigned i = 0; i < media->picture_count; i++)
        av_packet_free(&media->pictures[i]);
    for (unsigned i = 0; i < media->sound_count; i++)
        av_packet_free(&media->sounds[i]);
    avcodec_parameters_free(&media->video);
    avcodec_parameters_free(&media->audio);
    free(media->pictures);
    free(media->sounds);
    free(media);
    return 0;
}

static inline void push(struct package *package, const AVPacket *packet, int64_t at_90k, bool audio)
{
    AVPacket *moved = av_packet_clone(packet);
    moved->pts += at_90k;
    moved->dts += at_90k;
    if (audio)
        package_audio(package, 0, moved);
    else
        package_video(package, moved);
    av_packet_free(&moved);
}

/* Pushes everything from time 0 at `at_90k`, as it would come: the audio `late_90k` behind the video. */
static inline void play(struct package *package, const struct media *media, int64_t at_90k, unsigned from, unsigned to,
                        int64_t late_90k)
{
    unsigned sound = 0;
    for (unsigned i = from; i < to; i++) {
        push(package, media->pictures[i], at_90k, false);
        for (; sound < media->sound_count && media->sounds[sound]->pts + late_90k <= i * INT64_C(3600); sound++)
            if (media->sounds[sound]->pts >= from * INT64_C(3600) - SECOND)
                push(package, media->sounds[sound], at_90k, true);
    }
}

/* ---- decoding one segment alone ---- */
struct decoded {
    unsigned pictures, sounds;
    int64_t first_picture, last_picture;
    bool first_is_key;
    char language[8], service[32];
    int width;
};

struct bytes {
    const uint8_t *data;
    size_t size, at;
};

static inline int read_bytes(void *opaque, uint8_t *out, int size)
{
    struct bytes *bytes = opaque;
    size_t left = bytes->size - bytes->at, part = left < (size_t)size ? left : (size_t)size;
    memcpy(out, bytes->data + bytes->at, part);
    bytes->at += part;
    return part ? (int)part : AVERROR_EOF;
}

static inline void count_frames(AVCodecContext *decoder, const AVPacket *packet, struct decoded *decoded)
{
    AVFrame *frame = av_frame_alloc();
    assert_int_equal(avcodec_send_packet(decoder, packet), 0);
    while (avcodec_receive_frame(decoder, frame) == 0) {
        assert_int_equal(frame->decode_error_flags, 0);
        if (decoder->codec_type == AVMEDIA_TYPE_AUDIO) {
            decoded->sounds++;
        } else {
            if (decoded->pictures++ == 0) {
                decoded->first_is_key = frame->key_frame;
                decoded->first_picture = frame->pts;
                decoded->width = frame->width;
            }
            decoded->last_picture = frame->pts;
        }
        av_frame_unref(frame);
    }
    av_frame_free(&frame);
}

static inline void note_texts(const AVFormatContext *file, struct decoded *decoded)
{
    for (unsigned i = 0; i < file->nb_streams; i++) {
        const AVDictionaryEntry *entry = av_dict_get(file->streams[i]->metadata, "language", NULL, 0);
        if (entry)
            snprintf(decoded->language, sizeof decoded->language, "%s", entry->value);
    }
    const AVDictionaryEntry *entry =
        file->nb_programs ? av_dict_get(file->programs[0]->metadata, "service_name", NULL, 0) : NULL;
    if (entry)
        snprintf(decoded->service, sizeof decoded->service, "%s", entry->value);
}

static inline struct decoded decode_as(const struct shelf *shelf, unsigned index, const char *format)
{
    struct bytes bytes = { shelf->bytes[index], shelf->segments[index].bytes, 0 };
    struct decoded decoded = { 0 };
    AVFormatContext *file = avformat_alloc_context();
    AVCodecContext *decoders[4] = { NULL };
    AVPacket *packet = av_packet_alloc();

    file->pb = avio_alloc_context(av_malloc(4096), 4096, 0, &bytes, read_bytes, NULL, NULL);
    assert_int_equal(avformat_open_input(&file, NULL, av_find_input_format(format), NULL), 0);
    assert_true(avformat_find_stream_info(file, NULL) >= 0);
    note_texts(file, &decoded);
    for (unsigned i = 0; i < file->nb_streams && i < 4; i++) {
        const AVCodec *codec = avcodec_find_decoder(file->streams[i]->codecpar->codec_id);
        if (!codec)
            continue; /* metadata */
        decoders[i] = avcodec_alloc_context3(codec);
        avcodec_parameters_to_context(decoders[i], file->streams[i]->codecpar);
        decoders[i]->err_recognition = AV_EF_EXPLODE;
        decoders[i]->thread_count = 1;
        assert_int_equal(avcodec_open2(decoders[i], NULL, NULL), 0);
    }
    while (av_read_frame(file, packet) >= 0) {
        if (decoders[packet->stream_index])
            count_frames(decoders[packet->stream_index], packet, &decoded);
        av_packet_unref(packet);
    }
    for (unsigned i = 0; i < file->nb_streams && i < 4; i++) {
        if (decoders[i])
            count_frames(decoders[i], NULL, &decoded);
        avcodec_free_context(&decoders[i]);
    }
    av_packet_free(&packet);
    AVIOContext *io = file->pb;
    avformat_close_input(&file);
    av_freep(&io->buffer);
    avio_context_free(&io);
    return decoded;
}
