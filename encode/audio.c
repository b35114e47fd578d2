/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audio.c - decoder, sample rate and layout, encoder. Where samples lie is decided in audio_grid.c, what is done about
 * a source that drifts in audio_drift.c.
 *
 * The AAC encoder's first packet is heard 1024 samples before its first frame (priming): it is thrown away. A packet
 * leaves the encoder two frames after its samples went in.
 */
#include "encode/audio.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "board/log.h"
#include "encode/audio_drift.h"
#include "encode/audio_grid.h"

#define TICK_MAX_90K (INT64_C(1) << 53) /* no time of ours, and far from where products overflow */

enum { FRAME_SAMPLES = 1024, RESYNC_MS = 20, CHANNELS_MAX = 6, FAILURES_LOGGED = 3 };

struct audio {
    struct audio_config config;
    int sample_rate;
    struct audio_grid *grid;

    AVCodecContext *decoder; /* NULL: the source has no audio */
    AVPacket *packet;
    AVFrame *decoded;
    SwrContext *resampler;     /* from the source's format of now; NULL: no frame yet */
    AVChannelLayout in_layout; /* what the resampler was made for */
    int in_rate, in_format;
    bool synced;      /* `position` is known */
    int64_t position; /* grid sample where the resampler's next output goes */
    struct audio_drift drift;
    uint8_t *converted[CHANNELS_MAX];
    int converted_samples; /* room in each */

    AVCodecContext *encoder;
    AVCodecParameters *parameters;
    AVFrame *frame;
    AVPacket *encoded;
    bool started;
    int64_t first_frame; /* of the grid, that is given out */
    unsigned failures;
    struct audio_counters counters;
};

/* ---- ticks and samples ---- */
static int64_t sample_at(const struct audio *audio, int64_t tick_90k)
{
    return (int64_t)(((__int128)tick_90k * audio->sample_rate + 45000) / 90000);
}

static int64_t frame_tick_90k(const struct audio *audio, int64_t frame)
{
    return (int64_t)((__int128)frame * FRAME_SAMPLES * 90000 / audio->sample_rate);
}

/* ---- encoder ---- */
static int open_encoder(struct audio *audio, unsigned channels, struct error *err)
{
    const struct audio_description *description = audio->config.description;
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_AAC);
    if (!codec)
        return error_set(err, -ENOSYS, "libavcodec has no AAC encoder");
    AVCodecContext *encoder = audio->encoder = avcodec_alloc_context3(codec);
    if (!encoder)
        return error_set(err, -ENOMEM, "no memory for an AAC encoder");
    encoder->sample_rate = audio->sample_rate;
    encoder->time_base = (AVRational){ 1, audio->sample_rate };
    encoder->sample_fmt = AV_SAMPLE_FMT_FLTP;
    encoder->bit_rate = description->bitrate;
    encoder->profile = FF_PROFILE_AAC_LOW;
    encoder->thread_count = 1;
    encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    if (channels == 6)
        encoder->ch_layout = (AVChannelLayout)AV_CHANNEL_LAYOUT_5POINT1_BACK;
    else
        av_channel_layout_default(&encoder->ch_layout, (int)channels);
    int result = avcodec_open2(encoder, codec, NULL);
    if (result < 0)
        return error_set(err, -EINVAL, "AAC encoder with %u bit/s, %d Hz, %u channels: %s", description->bitrate,
                         audio->sample_rate, channels, av_err2str(result));
    if (encoder->frame_size != FRAME_SAMPLES)
        return error_set(err, -EINVAL, "AAC encoder with frames of %d samples", encoder->frame_size);
    if (avcodec_parameters_from_context(audio->parameters, encoder) < 0)
        return error_set(err, -ENOMEM, "no memory for AAC parameters");
    return 0;
}

static int prepare_frame(struct audio *audio)
{
    AVFrame *frame = audio->frame;
    frame->format = AV_SAMPLE_FMT_FLTP;
    frame->nb_samples = FRAME_SAMPLES;
    frame->sample_rate = audio->sample_rate;
    if (av_channel_layout_copy(&frame->ch_layout, &audio->encoder->ch_layout) < 0)
        return -ENOMEM;
    return av_frame_get_buffer(frame, 0) < 0 ? -ENOMEM : 0;
}

static int set_up(struct audio *audio, unsigned channels, struct error *err)
{
    audio->packet = av_packet_alloc();
    audio->encoded = av_packet_alloc();
    audio->decoded = av_frame_alloc();
    audio->frame = av_frame_alloc();
    audio->parameters = avcodec_parameters_alloc();
    audio->grid = audio_grid_create(channels, (unsigned)audio->sample_rate);
    if (!audio->packet || !audio->encoded || !audio->decoded || !audio->frame || !audio->parameters || !audio->grid)
        return error_set(err, -ENOMEM, "no memory for an audio encode");
    int result = open_encoder(audio, channels, err);
    if (result == 0 && prepare_frame(audio) < 0)
        result = error_set(err, -ENOMEM, "no memory for audio frames");
    return result;
}

int audio_create(struct audio **out, const struct audio_config *config, struct error *err)
{
    const struct audio_description *description = config->description;
    unsigned channels = description->channels ? description->channels : config->channels;

    if (channels != 1 && channels != 2 && channels != 6)
        return error_set(err, -EINVAL, "audio \"%s\": %u channels: want 1, 2 or 6", description->name, channels);
    if (description->sample_rate < 8000 || description->sample_rate > 48000)
        return error_set(err, -EINVAL, "audio \"%s\": sample rate %u", description->name, description->sample_rate);
    struct audio *audio = calloc(1, sizeof *audio);
    if (!audio)
        return error_set(err, -ENOMEM, "audio \"%s\": no memory", description->name);
    audio->config = *config;
    audio->sample_rate = (int)description->sample_rate;
    if (set_up(audio, channels, err) < 0) {
        audio_destroy(audio);
        return error_wrap(err, "audio \"%s\"", description->name);
    }
    *out = audio;
    return 0;
}

static void forget_resampler(struct audio *audio)
{
    swr_free(&audio->resampler);
    av_channel_layout_uninit(&audio->in_layout);
    audio->in_rate = 0;
}

void audio_destroy(struct audio *audio)
{
    if (!audio)
        return;
    forget_resampler(audio);
    av_freep(&audio->converted[0]);
    avcodec_free_context(&audio->decoder);
    avcodec_free_context(&audio->encoder);
    avcodec_parameters_free(&audio->parameters);
    av_frame_free(&audio->decoded);
    av_frame_free(&audio->frame);
    av_packet_free(&audio->packet);
    av_packet_free(&audio->encoded);
    audio_grid_destroy(audio->grid);
    free(audio);
}

/* ---- the source's format ---- */
static int open_decoder(AVCodecContext **out, const AVCodecParameters *parameters, struct error *err)
{
    const char *name = avcodec_get_name(parameters->codec_id);
    const AVCodec *codec = avcodec_find_decoder(parameters->codec_id);
    AVDictionary *options = NULL;

    if (parameters->codec_type != AVMEDIA_TYPE_AUDIO || !codec)
        return error_set(err, -ENOTSUP, "no decoder for audio codec %s", name);
    AVCodecContext *decoder = avcodec_alloc_context3(codec);
    if (!decoder || avcodec_parameters_to_context(decoder, parameters) < 0) {
        avcodec_free_context(&decoder);
        return error_set(err, -ENOMEM, "no memory for a decoder of %s", name);
    }
    decoder->pkt_timebase = (AVRational){ 1, 90000 };
    decoder->thread_count = 1;
    av_dict_set(&options, "drc_scale", "0", 0); /* AC-3: loudness stays the source's */
    int result = avcodec_open2(decoder, codec, &options);
    av_dict_free(&options);
    if (result < 0) {
        avcodec_free_context(&decoder);
        return error_set(err, -EINVAL, "decoder of %s: %s", name, av_err2str(result));
    }
    *out = decoder;
    return 0;
}

/* Makes the resampler for a frame's format, which may have changed within the stream. */
static int follow_format(struct audio *audio, const AVFrame *decoded)
{
    AVChannelLayout layout = { 0 };

    if (audio->resampler && audio->in_rate == decoded->sample_rate && audio->in_format == decoded->format &&
        av_channel_layout_compare(&audio->in_layout, &decoded->ch_layout) == 0)
        return 0;
    forget_resampler(audio);
    audio->synced = false;
    if (decoded->sample_rate < 1000 || decoded->sample_rate > 768000 || decoded->ch_layout.nb_channels < 1)
        return -EINVAL;
    /* a source that does not say what its channels are has the usual ones */
    if (decoded->ch_layout.order == AV_CHANNEL_ORDER_NATIVE) {
        if (av_channel_layout_copy(&layout, &decoded->ch_layout) < 0)
            return -ENOMEM;
    } else {
        av_channel_layout_default(&layout, decoded->ch_layout.nb_channels);
    }
    int result = swr_alloc_set_opts2(&audio->resampler, &audio->encoder->ch_layout, AV_SAMPLE_FMT_FLTP,
                                     audio->sample_rate, &layout, decoded->format, decoded->sample_rate, 0, NULL);
    av_channel_layout_uninit(&layout);
    if (result < 0 || swr_init(audio->resampler) < 0 ||
        av_channel_layout_copy(&audio->in_layout, &decoded->ch_layout) < 0) {
        forget_resampler(audio);
        return -EINVAL;
    }
    audio->in_rate = decoded->sample_rate;
    audio->in_format = decoded->format;
    return 0;
}

/* ---- from the decoder onto the grid ---- */
static int make_room(struct audio *audio, int samples)
{
    if (samples <= audio->converted_samples)
        return 0;
    av_freep(&audio->converted[0]);
    audio->converted_samples = 0;
    if (av_samples_alloc(audio->converted, NULL, audio->encoder->ch_layout.nb_channels, samples, AV_SAMPLE_FMT_FLTP,
                         0) < 0)
        return -ENOMEM;
    audio->converted_samples = samples;
    return 0;
}

/* Converts, slips up to a sample, and lays down; NULL: what the resampler still holds. */
static void convert(struct audio *audio, const AVFrame *decoded, int slip)
{
    int room = swr_get_out_samples(audio->resampler, decoded ? decoded->nb_samples : 0);
    if (room < 0 || make_room(audio, room + 1) < 0)
        return;
    int samples =
        swr_convert(audio->resampler, audio->converted, room, decoded ? (const uint8_t **)decoded->extended_data : NULL,
                    decoded ? decoded->nb_samples : 0);
    if (samples <= 0)
        return;
    slip = audio_drift_slip((float *const *)audio->converted, (unsigned)audio->encoder->ch_layout.nb_channels,
                            (unsigned)samples, slip);
    audio_drift_slipped(&audio->drift, slip);
    audio->counters.samples_slipped += slip != 0;
    samples += slip;
    audio_grid_put(audio->grid, audio->position, (const float *const *)audio->converted, (unsigned)samples);
    audio->position += samples;
}

/* Gives up the running count of samples; what the resampler holds still goes where it belongs. */
static void end_count(struct audio *audio)
{
    if (audio->synced && audio->resampler)
        convert(audio, NULL, 0);
    audio->synced = false;
}

/* The slip that a frame's timestamp asks for. One that is far from the count of samples ends that. */
static int compare(struct audio *audio, int64_t pts_90k)
{
    int64_t expected = audio->position + swr_get_delay(audio->resampler, audio->sample_rate);
    int64_t off = sample_at(audio, pts_90k) - expected;

    if (llabs(off) * 1000 < (int64_t)RESYNC_MS * audio->sample_rate)
        return audio_drift_note(&audio->drift, off);
    audio->counters.resyncs++;
    end_count(audio);
    return 0;
}

static void place(struct audio *audio, const AVFrame *decoded)
{
    int slip = 0;

    if (decoded->nb_samples <= 0 || follow_format(audio, decoded) < 0) {
        audio->counters.frames_damaged++;
        return;
    }
    if (decoded->pts != AV_NOPTS_VALUE && audio->synced)
        slip = compare(audio, decoded->pts);
    if (!audio->synced) {
        if (decoded->pts == AV_NOPTS_VALUE) {
            audio->counters.frames_damaged++;
            return;
        }
        if (swr_init(audio->resampler) < 0)
            return;
        audio->position = sample_at(audio, decoded->pts);
        audio->drift = (struct audio_drift){ .count = 0 };
        audio->synced = true;
    }
    audio->counters.frames_decoded++;
    convert(audio, decoded, slip);
}

static void receive_decoded(struct audio *audio)
{
    for (;;) {
        int result = avcodec_receive_frame(audio->decoder, audio->decoded);
        if (result == AVERROR(EAGAIN) || result == AVERROR_EOF)
            return;
        if (result < 0) {
            audio->counters.frames_damaged++;
            return;
        }
        place(audio, audio->decoded);
        av_frame_unref(audio->decoded);
    }
}

int audio_set_source(struct audio *audio, const struct AVCodecParameters *parameters, struct error *err)
{
    end_count(audio);
    avcodec_free_context(&audio->decoder);
    if (!parameters)
        return 0;
    if (open_decoder(&audio->decoder, parameters, err) < 0)
        return error_wrap(err, "audio \"%s\"", audio->config.description->name);
    return 0;
}

void audio_push(struct audio *audio, const struct AVPacket *packet, int64_t tick_90k)
{
    if (!audio->decoder)
        return;
    if (packet->size <= 0 || tick_90k < 0 || tick_90k > TICK_MAX_90K || av_packet_ref(audio->packet, packet) < 0) {
        audio->counters.frames_damaged++;
        return;
    }
    audio->packet->pts = audio->packet->dts = tick_90k;
    audio->packet->time_base = (AVRational){ 1, 90000 };
    if (avcodec_send_packet(audio->decoder, audio->packet) < 0)
        audio->counters.frames_damaged++;
    av_packet_unref(audio->packet);
    receive_decoded(audio);
}

/* ---- from the grid to the callback ---- */
void audio_start(struct audio *audio, int64_t tick_90k)
{
    int64_t frame = (int64_t)((__int128)tick_90k * audio->sample_rate / ((int64_t)90000 * FRAME_SAMPLES));
    while (frame_tick_90k(audio, frame) < tick_90k)
        frame++;
    audio->first_frame = frame;
    audio->started = true;
    audio_grid_start(audio->grid, frame * FRAME_SAMPLES);
}

static void give_out(struct audio *audio)
{
    AVPacket *encoded = audio->encoded;
    int64_t frame = encoded->pts / FRAME_SAMPLES;

    if (encoded->pts == AV_NOPTS_VALUE || frame < audio->first_frame)
        return; /* priming */
    encoded->pts = encoded->dts = frame_tick_90k(audio, frame);
    encoded->duration = frame_tick_90k(audio, frame + 1) - encoded->pts;
    encoded->time_base = (AVRational){ 1, 90000 };
    encoded->flags |= AV_PKT_FLAG_KEY;
    audio->counters.frames_encoded++;
    audio->config.on_packet(audio->config.context, encoded);
}

/* False: there is no memory, and the samples stay where they are. */
static bool encode_frame(struct audio *audio)
{
    AVFrame *frame = audio->frame;

    if (av_frame_make_writable(frame) < 0)
        return false;
    frame->pts = audio_grid_take(audio->grid, (float *const *)frame->extended_data, FRAME_SAMPLES);
    int result = avcodec_send_frame(audio->encoder, frame);
    while (result >= 0) {
        result = avcodec_receive_packet(audio->encoder, audio->encoded);
        if (result >= 0) {
            give_out(audio);
            av_packet_unref(audio->encoded);
        }
    }
    if (result != AVERROR(EAGAIN) && audio->failures++ < FAILURES_LOGGED)
        log_warning(audio->config.log, "audio \"%s\": AAC encoder: %s", audio->config.description->name,
                    av_err2str(result));
    return true;
}

void audio_run(struct audio *audio, int64_t deadline_90k)
{
    if (!audio->started)
        return;
    for (bool more = true; more; more = encode_frame(audio)) {
        int64_t end = audio_grid_begin(audio->grid) + FRAME_SAMPLES;
        bool all_there = audio_grid_end(audio->grid) >= end;
        if (!all_there && frame_tick_90k(audio, end / FRAME_SAMPLES) > deadline_90k)
            return;
    }
}

const struct AVCodecParameters *audio_parameters(const struct audio *audio)
{
    return audio->parameters;
}

struct audio_counters audio_counters(const struct audio *audio)
{
    struct audio_counters counters = audio->counters;
    counters.samples_silence = audio_grid_silent(audio->grid);
    counters.samples_dropped = audio_grid_dropped(audio->grid);
    return counters;
}
