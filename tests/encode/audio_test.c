/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real streams and made ones: where encoded audio lies, what it sounds like, and what it survives. */
#include "encode/audio.h"

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

#define T0     INT64_C(157000000000123) /* some tick of our days, on no grid at all */
#define SECOND INT64_C(90000)

enum { PACKETS_MAX = 2000, LISTEN_SAMPLES = 48000 * 8 };

/* ---- what comes out ---- */
struct output {
    AVPacket *packets[PACKETS_MAX];
    unsigned count;
};

static void take(void *context, const struct AVPacket *packet)
{
    struct output *output = context;
    assert_true(output->count < PACKETS_MAX);
    output->packets[output->count++] = av_packet_clone(packet);
}

static void forget(struct output *output)
{
    while (output->count)
        av_packet_free(&output->packets[--output->count]);
}

static struct audio_description description_of(unsigned sample_rate, unsigned channels)
{
    return (struct audio_description){
        .name = "a", .bitrate = channels == 6 ? 320000 : 128000, .sample_rate = sample_rate, .channels = channels
    };
}

static struct audio *make(const struct audio_description *description, struct output *output)
{
    struct audio *audio;
    struct audio_config config = { .description = description, .channels = 2, .on_packet = take, .context = output };
    struct error err = { 0 };
    if (audio_create(&audio, &config, &err) < 0)
        fail_msg("%s", err.text);
    return audio;
}

/* Times that follow one another without gap or overlap, on the grid that counts from 1970. */
static void assert_on_grid(const struct output *output, unsigned sample_rate)
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

static void listen_to(const struct audio *audio, const struct output *output, struct heard *heard)
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

static void stop_listening(struct heard *heard)
{
    for (unsigned channel = 0; channel < heard->channels; channel++)
        free(heard->samples[channel]);
}

static double loudness(const struct heard *heard, unsigned channel, unsigned from, unsigned count)
{
    double sum = 0;
    for (unsigned i = from; i < from + count; i++)
        sum += heard->samples[channel][i] * heard->samples[channel][i];
    return sqrt(sum / count);
}

/* Phase of a 1 kHz sine whose zero is at tick 0 of the grid, in seconds of delay (-0.5 ms .. 0.5 ms). */
static double delay_of_sine(const struct heard *heard, int rate, unsigned from, unsigned count)
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

static void open_source(struct source *source, enum AVCodecID codec, int rate, int channels, int64_t tick_90k)
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

static void close_source(struct source *source)
{
    avcodec_free_context(&source->encoder);
    avcodec_parameters_free(&source->parameters);
}

static void put_sample(AVFrame *frame, int channel, int index, double value)
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

static AVFrame *tone(struct source *source, int samples)
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
static void play(struct source *source, struct audio *audio, int64_t duration_90k, int64_t shift_90k)
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

static void set_source(struct audio *audio, const AVCodecParameters *parameters)
{
    struct error err = { 0 };
    if (audio_set_source(audio, parameters, &err) < 0)
        fail_msg("%s", err.text);
}

/* ---- tests ---- */
static void sine_is_aligned(enum AVCodecID codec, int in_rate, int in_channels, unsigned rate, unsigned channels)
{
    struct audio_description description = description_of(rate, channels);
    struct output output = { .count = 0 };
    struct source source;
    struct heard heard;
    struct audio *audio = make(&description, &output);

    open_source(&source, codec, in_rate, in_channels, T0);
    set_source(audio, source.parameters);
    audio_start(audio, T0);
    for (unsigned i = 0; i < 10; i++) {
        play(&source, audio, SECOND / 5, 0);
        audio_run(audio, T0);
    }
    assert_on_grid(&output, rate);
    assert_true(output.packets[0]->pts >= T0);
    assert_true(output.packets[0]->pts < T0 + 1024 * SECOND / rate + 1);
    assert_true(output.count * 1024 > rate * 3 / 2);
    listen_to(audio, &output, &heard);
    unsigned quarter = rate / 4;
    for (unsigned from = quarter; from + quarter < heard.count; from += quarter) {
        /* a millisecond is asked for; a quarter of it is what the phase of 1 kHz can show without doubt */
        assert_true(fabs(delay_of_sine(&heard, (int)rate, from, quarter)) < 0.00025);
        double loud = loudness(&heard, channels == 6 ? 0 : channels - 1, from, quarter);
        if (in_channels == (int)channels)
            assert_true(fabs(loud - 0.25 / sqrt(2)) < 0.01);
        else
            assert_true(loud > 0.05);
    }
    struct audio_counters counters = audio_counters(audio);
    assert_int_equal(counters.resyncs, 0);
    assert_int_equal(counters.frames_damaged, 0);
    assert_true(counters.samples_dropped < 3000); /* what lies before the start */
    assert_int_equal(counters.frames_encoded, output.count);
    stop_listening(&heard);
    close_source(&source);
    audio_destroy(audio);
    forget(&output);
}

static void test_sine_stays_where_it_was(void **state)
{
    (void)state;
    sine_is_aligned(AV_CODEC_ID_AAC, 48000, 2, 48000, 2);
    sine_is_aligned(AV_CODEC_ID_MP2, 48000, 2, 48000, 2);
    sine_is_aligned(AV_CODEC_ID_AC3, 48000, 6, 48000, 6);
}

static void test_sine_through_other_rates_and_channels(void **state)
{
    (void)state;
    sine_is_aligned(AV_CODEC_ID_MP2, 44100, 2, 48000, 2);
    sine_is_aligned(AV_CODEC_ID_MP2, 48000, 1, 44100, 2);
    sine_is_aligned(AV_CODEC_ID_AC3, 48000, 6, 32000, 2);
    sine_is_aligned(AV_CODEC_ID_AAC, 32000, 2, 48000, 1);
}

/* The audio of a file, from its `skip`-th packet on, its first timestamp laid at `tick_90k`. */
static unsigned push_file(struct audio *audio, const char *path, int64_t tick_90k, unsigned skip)
{
    AVFormatContext *file = NULL;
    AVPacket *packet = av_packet_alloc();
    unsigned count = 0;
    int64_t first = AV_NOPTS_VALUE;

    assert_int_equal(avformat_open_input(&file, path, NULL, NULL), 0);
    assert_true(avformat_find_stream_info(file, NULL) >= 0);
    int stream = av_find_best_stream(file, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0);
    assert_true(stream >= 0);
    set_source(audio, file->streams[stream]->codecpar);
    while (av_read_frame(file, packet) >= 0) {
        if (packet->stream_index == stream && packet->pts != AV_NOPTS_VALUE) {
            first = first == AV_NOPTS_VALUE ? packet->pts : first;
            if (count++ >= skip)
                audio_push(audio, packet, tick_90k + packet->pts - first);
        }
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    avformat_close_input(&file);
    return count;
}

static void twins_agree(const char *path, unsigned rate, unsigned channels, unsigned later)
{
    struct audio_description description = description_of(rate, channels);
    struct output outputs[2] = { { .count = 0 }, { .count = 0 } };
    struct audio_counters counters[2];

    for (unsigned twin = 0; twin < 2; twin++) {
        struct audio *audio = make(&description, &outputs[twin]);
        audio_start(audio, T0 + (twin ? later * SECOND / 50 : 0));
        push_file(audio, path, T0, twin * later);
        audio_run(audio, T0 + 2 * SECOND);
        counters[twin] = audio_counters(audio);
        assert_on_grid(&outputs[twin], rate);
        audio_destroy(audio);
    }
    assert_true(counters[0].frames_decoded > 5);
    assert_true(counters[0].frames_damaged <= 1); /* the last packet of a file may be cut off */
    assert_true(counters[0].resyncs <= 1);        /* and the first two of sample_ac3.ts have the same time */
    assert_true(outputs[1].count > 10 && outputs[1].count < outputs[0].count);
    unsigned offset = outputs[0].count - outputs[1].count;
    for (unsigned i = 0; i < outputs[1].count; i++)
        assert_int_equal(outputs[1].packets[i]->pts, outputs[0].packets[i + offset]->pts);
    forget(&outputs[0]);
    forget(&outputs[1]);
}

static void test_twins_started_at_different_times(void **state)
{
    (void)state;
    twins_agree("tests/media/sample_ac3.ts", 48000, 6, 3);
    twins_agree("tests/media/sample_eac3.ts", 48000, 2, 2);
    twins_agree("tests/media/sd-hls0000000000.ts", 48000, 2, 20);
    twins_agree("tests/media/bbb_2500ms.ts", 48000, 2, 31);
    twins_agree("tests/media/bbb_2500ms.ts", 44100, 1, 7);
}

static void test_without_a_source_there_is_silence(void **state)
{
    (void)state;
    struct audio_description description = description_of(48000, 2);
    struct output output = { .count = 0 };
    struct heard heard;
    struct audio *audio = make(&description, &output);

    audio_run(audio, T0); /* not started: nothing */
    assert_int_equal(output.count, 0);
    audio_start(audio, T0);
    audio_run(audio, T0 - 1);
    assert_int_equal(output.count, 0);
    audio_run(audio, T0 + SECOND);
    assert_in_range(output.count, 48000 / 1024 - 3, 48000 / 1024);
    assert_on_grid(&output, 48000);
    listen_to(audio, &output, &heard);
    assert_true(loudness(&heard, 0, 0, heard.count) < 1e-4);
    assert_true(audio_counters(audio).samples_silence > 45000);
    stop_listening(&heard);
    audio_destroy(audio);
    forget(&output);
}

static void test_a_hole_is_silent_and_the_rest_stays(void **state)
{
    (void)state;
    struct audio_description description = description_of(48000, 2);
    struct output output = { .count = 0 };
    struct source source;
    struct heard heard;
    struct audio *audio = make(&description, &output);

    open_source(&source, AV_CODEC_ID_MP2, 48000, 2, T0);
    set_source(audio, source.parameters);
    audio_start(audio, T0);
    play(&source, audio, SECOND, 0);
    audio_run(audio, T0);
    source.next += 48000; /* a second is lost */
    play(&source, audio, SECOND, 0);
    audio_run(audio, T0);
    assert_int_equal(audio_counters(audio).resyncs, 1);
    assert_in_range(audio_counters(audio).samples_silence, 47000, 51000);
    assert_on_grid(&output, 48000);
    listen_to(audio, &output, &heard);
    assert_true(loudness(&heard, 0, 24000, 10000) > 0.15);
    assert_true(loudness(&heard, 0, 60000, 24000) < 1e-3);
    assert_true(loudness(&heard, 0, 110000, 20000) > 0.15);
    assert_true(fabs(delay_of_sine(&heard, 48000, 110000, 20000)) < 0.0001);
    stop_listening(&heard);
    close_source(&source);
    audio_destroy(audio);
    forget(&output);
}

static void test_small_disagreement_is_smoothed(void **state)
{
    (void)state;
    struct audio_description description = description_of(48000, 2);
    struct output output = { .count = 0 };
    struct source source;
    struct heard heard;
    struct audio *audio = make(&description, &output);

    open_source(&source, AV_CODEC_ID_MP2, 48000, 2, T0);
    set_source(audio, source.parameters);
    audio_start(audio, T0);
    for (int i = 0; i < 20; i++) /* up to 15 ms off, to and fro */
        play(&source, audio, SECOND / 10, (i % 4) * 15 * SECOND / 3000);
    audio_run(audio, T0);
    assert_int_equal(audio_counters(audio).resyncs, 0);
    listen_to(audio, &output, &heard);
    for (unsigned from = 12000; from + 4800 < heard.count; from += 4800)
        assert_true(fabs(delay_of_sine(&heard, 48000, from, 4800)) < 0.0001);
    play(&source, audio, SECOND / 10, 25 * SECOND / 1000); /* too far */
    assert_int_equal(audio_counters(audio).resyncs, 1);
    stop_listening(&heard);
    close_source(&source);
    audio_destroy(audio);
    forget(&output);
}

static void test_late_double_and_far_packets_are_dropped(void **state)
{
    (void)state;
    struct audio_description description = description_of(48000, 2);
    struct output output = { .count = 0 };
    struct source source;
    struct audio *audio = make(&description, &output);

    open_source(&source, AV_CODEC_ID_MP2, 48000, 2, T0);
    set_source(audio, source.parameters);
    audio_start(audio, T0);
    play(&source, audio, SECOND, 0);
    uint64_t before = audio_counters(audio).samples_dropped;
    source.next -= 48000;
    play(&source, audio, SECOND, 0); /* all of it twice */
    assert_in_range(audio_counters(audio).samples_dropped - before, 45000, 49000);

    before = audio_counters(audio).samples_dropped;
    play(&source, audio, SECOND / 2, 10 * SECOND); /* jumps ahead further than anything is kept */
    assert_in_range(audio_counters(audio).samples_dropped - before, 22000, 26000);
    assert_true(audio_counters(audio).samples_silence < 3000);

    before = audio_counters(audio).samples_dropped;
    play(&source, audio, SECOND / 2, -100 * SECOND); /* and back */
    assert_in_range(audio_counters(audio).samples_dropped - before, 22000, 26000);
    audio_run(audio, T0 + 3 * SECOND);
    before = audio_counters(audio).samples_dropped;
    source.next = (int64_t)((__int128)T0 * 48000 / 90000) + 2 * 48000; /* too late: silence went out already */
    play(&source, audio, SECOND / 2, 0);
    assert_in_range(audio_counters(audio).samples_dropped - before, 22000, 26000);
    assert_on_grid(&output, 48000);
    close_source(&source);
    audio_destroy(audio);
    forget(&output);
}

static void test_codec_and_format_change_on_the_way(void **state)
{
    (void)state;
    static const struct {
        enum AVCodecID codec;
        int rate, channels;
    } formats[] = { { AV_CODEC_ID_MP2, 48000, 2 },
                    { AV_CODEC_ID_MP2, 44100, 1 },
                    { AV_CODEC_ID_AC3, 48000, 6 },
                    { AV_CODEC_ID_AAC, 32000, 2 } };
    struct audio_description description = description_of(48000, 2);
    struct output output = { .count = 0 };
    struct heard heard;
    struct audio *audio = make(&description, &output);

    audio_start(audio, T0);
    for (unsigned i = 0; i < 4; i++) {
        struct source source;
        open_source(&source, formats[i].codec, formats[i].rate, formats[i].channels, T0 + i * SECOND);
        if (i != 1)
            set_source(audio,
                       source.parameters); /* the second comes without a word: the same codec in another format */
        play(&source, audio, SECOND, 0);
        audio_run(audio, T0);
        close_source(&source);
    }
    set_source(audio, NULL);
    audio_run(audio, T0 + 5 * SECOND);
    assert_on_grid(&output, 48000);
    listen_to(audio, &output, &heard);
    for (unsigned i = 0; i < 4; i++)
        assert_true(loudness(&heard, 0, 12000 + i * 48000, 24000) > 0.08);
    assert_true(loudness(&heard, 0, 12000 + 4 * 48000, 24000) < 1e-3);
    stop_listening(&heard);
    audio_destroy(audio);
    forget(&output);
}

static void test_garbage_is_survived(void **state)
{
    (void)state;
    static const enum AVCodecID codecs[] = { AV_CODEC_ID_MP2, AV_CODEC_ID_AAC, AV_CODEC_ID_AC3, AV_CODEC_ID_EAC3 };
    struct audio_description description = description_of(48000, 2);
    struct output output = { .count = 0 };
    struct audio *audio = make(&description, &output);
    AVPacket *packet = av_packet_alloc();

    srandom(1);
    audio_start(audio, T0);
    for (unsigned i = 0; i < 400; i++) {
        AVCodecParameters *parameters = avcodec_parameters_alloc();
        parameters->codec_type = AVMEDIA_TYPE_AUDIO;
        parameters->codec_id = codecs[i / 100];
        if (i % 50 == 0)
            set_source(audio, parameters);
        avcodec_parameters_free(&parameters);
        av_new_packet(packet, 1 + (int)(random() % 700));
        for (int j = 0; j < packet->size; j++)
            packet->data[j] = (uint8_t)random();
        if (i % 2 && packet->size > 2) /* at least a sync word */
            memcpy(packet->data, i < 100 ? "\xff\xfd" : i < 200 ? "\xff\xf1" : "\x0b\x77", 2);
        audio_push(audio, packet, i % 7 ? T0 + i * SECOND / 100 : (int64_t)random() << 20);
        av_packet_unref(packet);
    }
    audio_push(audio, packet, T0); /* empty */
    av_new_packet(packet, 100);
    audio_push(audio, packet, INT64_MAX);
    audio_push(audio, packet, INT64_MIN);
    assert_true(audio_counters(audio).frames_damaged > 100);
    uint64_t encoded = audio_counters(audio).frames_encoded;
    audio_run(audio, T0 + 5 * SECOND);
    assert_true(audio_counters(audio).frames_encoded > encoded + 200);
    assert_on_grid(&output, 48000);
    av_packet_free(&packet);
    audio_destroy(audio);
    forget(&output);
}

static void test_what_came_before_the_start_is_used(void **state)
{
    (void)state;
    struct audio_description description = description_of(48000, 2);
    struct output output = { .count = 0 };
    struct source source;
    struct audio *audio = make(&description, &output);

    open_source(&source, AV_CODEC_ID_MP2, 48000, 2, T0 - 9 * SECOND);
    set_source(audio, source.parameters);
    play(&source, audio, 10 * SECOND, 0);
    audio_start(audio, T0);
    audio_run(audio, T0);
    assert_in_range(output.count, 40, 47); /* the second that belongs behind the start */
    assert_true(audio_counters(audio).samples_silence < 2048);
    close_source(&source);
    audio_destroy(audio);
    forget(&output);
}

static void test_wrong_configuration(void **state)
{
    (void)state;
    struct audio_description description = description_of(48000, 3);
    struct output output = { .count = 0 };
    struct audio_config config = { .description = &description, .on_packet = take, .context = &output };
    struct audio *audio;
    struct error err = { 0 };
    assert_int_equal(audio_create(&audio, &config, &err), -EINVAL);
    assert_non_null(strstr(err.text, "3 channels"));
    description.channels = 2;
    audio = make(&description, &output);
    AVCodecParameters *parameters = avcodec_parameters_alloc();
    parameters->codec_type = AVMEDIA_TYPE_AUDIO;
    parameters->codec_id = AV_CODEC_ID_MPEGH_3D_AUDIO;
    assert_int_equal(audio_set_source(audio, parameters, &err), -ENOTSUP);
    assert_non_null(strstr(err.text, "mpegh_3d_audio"));
    avcodec_parameters_free(&parameters);
    assert_int_equal(audio_parameters(audio)->codec_id, AV_CODEC_ID_AAC);
    assert_true(audio_parameters(audio)->extradata_size >= 2);
    audio_destroy(audio);
    audio_destroy(NULL);
}

int main(void)
{
    av_log_set_level(AV_LOG_QUIET);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sine_stays_where_it_was),
        cmocka_unit_test(test_sine_through_other_rates_and_channels),
        cmocka_unit_test(test_twins_started_at_different_times),
        cmocka_unit_test(test_without_a_source_there_is_silence),
        cmocka_unit_test(test_a_hole_is_silent_and_the_rest_stays),
        cmocka_unit_test(test_small_disagreement_is_smoothed),
        cmocka_unit_test(test_late_double_and_far_packets_are_dropped),
        cmocka_unit_test(test_codec_and_format_change_on_the_way),
        cmocka_unit_test(test_garbage_is_survived),
        cmocka_unit_test(test_what_came_before_the_start_is_used),
        cmocka_unit_test(test_wrong_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
