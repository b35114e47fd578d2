/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real streams and made ones: where encoded audio lies, what it sounds like, and what it survives. */
#include "encode/audio.h"

#include <dlfcn.h>

#include "tests/encode/audio_bench.h"

/* ---- memory that is short, as far as libavutil's frames are concerned ---- */
static bool memory_is_short;

int av_frame_make_writable(AVFrame *frame)
{
    static int (*real)(AVFrame *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "av_frame_make_writable");
    return memory_is_short ? AVERROR(ENOMEM) : real(frame);
}

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

enum { FRAME_90K = 5760 }; /* of 1024 samples at 16 kHz */

/* A source whose timestamps run 700 millionths fast, for so many frames; the first `skip` do not reach this process. */
static struct audio *play_fast(struct output *output, const struct audio_description *description, int64_t skip,
                               int64_t frames)
{
    struct source source;
    struct audio *audio = make(description, output);

    open_source(&source, AV_CODEC_ID_AAC, 16000, 1, T0);
    set_source(audio, source.parameters);
    audio_start(audio, T0 + skip * FRAME_90K);
    source.next += skip * 1024;
    for (int64_t i = skip; i < frames; i++) {
        play(&source, audio, FRAME_90K, i * FRAME_90K * 7 / 10000);
        audio_run(audio, T0);
    }
    close_source(&source);
    return audio;
}

/* The largest step that a tone of 1 kHz, of 0.25, does not make: a click. */
static double largest_click(const struct heard *heard, unsigned from)
{
    double worst = 0, twice_cosine = 2 * cos(2 * M_PI * 1000 / 16000);
    for (unsigned i = from; i + 2 < heard->count; i++) {
        double off = heard->samples[0][i + 2] - twice_cosine * heard->samples[0][i + 1] + heard->samples[0][i];
        worst = fabs(off) > worst ? fabs(off) : worst;
    }
    return worst;
}

static void test_drift_is_taken_out_without_a_click_and_alike_in_twins(void **state)
{
    (void)state;
    enum { FRAMES = 480, LATER = 70, LISTENED = 60 };
    struct audio_description description = description_of(16000, 1);
    struct output outputs[2] = { { .count = 0 }, { .count = 0 } };
    struct heard heard[2];

    for (unsigned twin = 0; twin < 2; twin++) {
        struct audio *audio = play_fast(&outputs[twin], &description, twin * LATER, FRAMES);
        struct audio_counters counters = audio_counters(audio);
        assert_int_equal(counters.resyncs, 0);
        assert_true(counters.samples_silence < 2 * 1024);
        assert_in_range(counters.samples_slipped, twin ? 220 : 270, 344); /* 21.5 ms, less what the mean lies behind */
        assert_on_grid(&outputs[twin], 16000);
        struct output *output = &outputs[twin], tail = { .count = LISTENED };
        memcpy(tail.packets, output->packets + output->count - LISTENED, LISTENED * sizeof tail.packets[0]);
        listen_to(audio, &tail, &heard[twin]);
        assert_true(largest_click(&heard[twin], 4096) < 0.02);
        audio_destroy(audio);
    }
    assert_int_equal(heard[0].first, heard[1].first);
    for (unsigned i = 4096; i < heard[0].count; i++) /* to the sample; a sample off would be 0.1 */
        assert_true(fabsf(heard[0].samples[0][i] - heard[1].samples[0][i]) < 0.02f);
    for (unsigned twin = 0; twin < 2; twin++) {
        stop_listening(&heard[twin]);
        forget(&outputs[twin]);
    }
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

static void test_what_memory_is_short_for_is_encoded_later(void **state)
{
    (void)state;
    struct audio_description description = description_of(48000, 2);
    struct output output = { .count = 0 };
    struct audio *audio = make(&description, &output);

    audio_start(audio, T0);
    memory_is_short = true;
    audio_run(audio, T0 + SECOND);
    assert_int_equal(output.count, 0);
    memory_is_short = false;
    audio_run(audio, T0 + SECOND);
    assert_in_range(output.count, 48000 / 1024 - 3, 48000 / 1024);
    assert_on_grid(&output, 48000);
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
        cmocka_unit_test(test_drift_is_taken_out_without_a_click_and_alike_in_twins),
        cmocka_unit_test(test_late_double_and_far_packets_are_dropped),
        cmocka_unit_test(test_codec_and_format_change_on_the_way),
        cmocka_unit_test(test_garbage_is_survived),
        cmocka_unit_test(test_what_memory_is_short_for_is_encoded_later),
        cmocka_unit_test(test_what_came_before_the_start_is_used),
        cmocka_unit_test(test_wrong_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
