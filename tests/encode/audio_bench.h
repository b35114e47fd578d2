/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audio_bench.h - a source that is made, an encoder of audio, and an ear: where a tone lies in what comes out, and how
 * loud it is. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "encode/audio.h"

#define T0     INT64_C(157000000000123) /* some tick of our days, on no grid at all */
#define SECOND INT64_C(90000)

enum { PACKETS_MAX = 2000, LISTEN_SAMPLES = 48000 * 8 };

/* ---- what comes out ---- */
struct output {
    AVPacket *packets[PACKETS_MAX];
    unsigned count;
};

static inline void take(void *context, const struct AVPacket *packet)
{
    struct output *output = context;
    assert_true(output->count < PACKETS_MAX);
    output->packets[output->count++] = av_packet_clone(packet);
}

static inline void forget(struct output *output)
{
    while (output->count)
        av_packet_free(&output->packets[--output->count]);
}

static inline struct audio_description description_of(unsigned sample_rate, unsigned channels)
{
    return (struct audio_description){
        .name = "a", .bitrate = channels == 6 ? 320000 : 128000, .sample_rate = sample_rate, .channels = channels
    };
}

static inline struct audio *make(const struct audio_description *description, struct output *output)
{
    struct audio *audio;
    struct audio_config config = { .description = description, .channels = 2, .on_packet = take, .context = output };
    struct error err = { 0 };
    if (audio_create(&audio, &config, &err) < 0)
        fail_msg("%s", err.text);
    return audio;
}

/* Times that follow one another without gap or overlap, on the grid that counts from 1970. */
static inline void assert_on_grid(const struct output *output, unsigned sample_rate)
{
    for (unsigned i = 0; i < output->count; i++) {
        const AVPacket *packet = output->packets[i];
        int64_t frame = (int64_t)(((__int128)packet->pts * sample_rate + 90000 * 1024 - 1) / (90000 * 1024));
        assert_int_equal(packet->pts, (int64_t)((__int128)frame * 1024 * 90000 / sample_rate));
        assert_int_equal(packet->dts, packet->pts);
        if (i)
            assert_int_equal(packet->pts, output->packets[i - 1]->pts + output->packets[i - 1]->duration);
    }
}

/* ---- listening to it ---- */
struct heard {
    int64_t first; /* grid sample of samples[0] */
    unsigned count, channels;
    float *samples[6];
};

static inline void listen_to(const struct audio *audio, const struct output *output, struct heard *heard)
{
    AVCodecContext *decoder = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_AAC));
    AVFrame *frame = av_frame_alloc();
    avcodec_parameters_to_context(decoder, audio_parameters(audio));
    assert_int_equal(avcodec_open2(decoder, NULL, NULL), 0);
    memset(heard, 0, sizeof *heard);
    int rate = audio_parameters(audio)->sample_rate;
    heard->channels = (unsigned)audio_parameters(audio)->ch_layout.nb_channels;
    for (unsigned channel = 0; channel < heard->channels; channel++)
        heard->samples[channel] = calloc(LISTEN_SAMPLES, sizeof(float));
    heard->first = (int64_t)(((__int128)output->packets[0]->pts * rate + 89999) / 90000);
    for (unsigned i = 0; i < output->count; i++) {
        assert_int_equal(avcodec_send_packet(decoder, output->packets[i]), 0);
        assert_int_equal(avcodec_receive_frame(decoder, frame), 0);
        assert_int_equal(frame->nb_samples, 1024);
        assert_true(heard->count + 1024 <= LISTEN_SAMPLES);
        for (unsigned channel = 0; channel < heard->channels; channel++)
            memcpy(heard->samples[channel] + heard->count, frame->extended_data[channel], 1024 * sizeof(float));
        heard->count += 1024;
        av_frame_unref(frame);
    }
    av_frame_free(&frame);
    avcodec_free_context(&decoder);
}

static inline void stop_listening(struct heard *heard)
{
    for (unsigned channel = 0; channel < heard->channels; channel++)
        free(heard->samples[channel]);
}

static inline double loudness(const struct heard *heard, unsigned channel, unsigned from, unsigned count)
{
    double sum = 0;
    for (unsigned i = from; i < from + count; i++)
        sum += heard->samples[channel][i] * heard->samples[channel][i];
    return sqrt(sum / count);
}

/* Phase of a 1 kHz sine whose zero is at tick 0 of the grid, in seconds of delay (-0.5 ms .. 0.5 ms). */
static inline double delay_of_sine(const struct heard *heard, int rate, unsigned from, unsigned count)
{
    double in_phase = 0, quadrature = 0;
    for (unsigned i = from; i < from + count; i++) {
        double angle = 2 * M_PI * 1000.0 * (double)((heard->first + i) % rate) / rate;
        in_phase += heard->samples[0][i] * sin(angle);
        quadrature += heard->samples[0][i] * cos(angle);
    }
    return -atan2(quadrature, in_phase) / (2 * M_PI * 1000.0);
}

/* ---- made sources: a 1 kHz tone that belongs to the timeline, in any codec of libavcodec ---- */
struct source {
    AVCodecContext *encoder;
    AVCodecParameters *parameters;
    int64_t next; /* sample to come, counted from 1970 at the source's rate */
    double gain;
};

static inline void open_source(struct source *source, enum AVCodecID codec, int rate, int channels, int64_t tick_90k)
{
    const AVCodec *encoder = avcodec_find_encoder(codec);
    source->encoder = avcodec_alloc_context3(encoder);
    source->encoder->sample_rate = rate;
    source->encoder->sample_fmt = encoder->sample_fmts[0];
    source->encoder->bit_rate = 192000;
    source->encoder->time_base = (AVRational){ 1, rate };
    av_channel_layout_default(&source->encoder->ch_layout, channels);
    assert_int_equal(avcodec_open2(source->encoder, encoder, NULL), 0);
    source->parameters = avcodec_parameters_alloc();
    avcodec_parameters_from_context(source->parameters, source->encoder);
    source->next = (int64_t)((__int128)tick_90k * rate / 90000);
    source->gain = 0.25;
}

static inline void close_source(struct source *source)
{
    avcodec_free_context(&source->encoder);
    avcodec_parameters_free(&source->parameters);
}

static inline void put_sample(AVFrame *frame, int channel, int index, double value)
{
    int channels = frame->ch_layout.nb_channels;
    switch (frame->format) {
    case AV_SAMPLE_FMT_FLTP:
        ((float *)frame->extended_data[channel])[index] = (float)value;
        break;
    case AV_SAMPLE_FMT_S16P:
        ((int16_t *)frame->extended_data[channel])[index] = (int16_t)(value * 32767);
        break;
    case AV_SAMPLE_FMT_S16:
        ((int16_t *)frame->data[0])[index * channels + channel] = (int16_t)(value * 32767);
        break;
    default:
        fail_msg("sample format %d", frame->format);
    }
}

static inline AVFrame *tone(struct source *source, int samples)
{
    AVFrame *frame = av_frame_alloc();
    frame->nb_samples = samples;
    frame->format = source->encoder->sample_fmt;
    frame->sample_rate = source->encoder->sample_rate;
    av_channel_layout_copy(&frame->ch_layout, &source->encoder->ch_layout);
    av_frame_get_buffer(frame, 0);
    for (int i = 0; i < samples; i++) {
        int64_t sample = (source->next + i) % source->encoder->sample_rate;
        double value = source->gain * sin(2 * M_PI * 1000.0 * (double)sample / source->encoder->sample_rate);
        for (int channel = 0; channel < frame->ch_layout.nb_channels; channel++)
            put_sample(frame, channel, i, value);
    }
    frame->pts = source->next;
    source->next += samples;
    return frame;
}

/* Pushes a tone of this length; the packets' times have `shift_90k` added. */
static inline void play(struct source *source, struct audio *audio, int64_t duration_90k, int64_t shift_90k)
{
    AVPacket *packet = av_packet_alloc();
    int samples = source->encoder->frame_size ? source->encoder->frame_size : 1024;
    int64_t end = source->next + duration_90k * source->encoder->sample_rate / 90000;
    while (source->next < end) {
        AVFrame *frame = tone(source, samples);
        assert_int_equal(avcodec_send_frame(source->encoder, frame), 0);
        av_frame_free(&frame);
        while (avcodec_receive_packet(source->encoder, packet) == 0) {
            int64_t tick = (int64_t)((__int128)packet->pts * 90000 / source->encoder->sample_rate);
            audio_push(audio, packet, tick + shift_90k);
            av_packet_unref(packet);
        }
    }
    av_packet_free(&packet);
}

static inline void set_source(struct audio *audio, const AVCodecParameters *parameters)
{
    struct error err = { 0 };
    if (audio_set_source(audio, parameters, &err) < 0)
        fail_msg("%s", err.text);
}
