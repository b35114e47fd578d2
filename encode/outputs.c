/* SPDX-License-Identifier: GPL-2.0-or-later */
/* outputs.c - audio is waited for as long as its source lives: it lies up to a second or two behind the video in a
 * multiplex. A source that has fallen silent is replaced close behind the video. */
#include "encode/outputs.h"

#include <errno.h>
#include <libavcodec/codec_par.h>
#include <libavcodec/packet.h>
#include <stdlib.h>
#include <string.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "encode/avails.h"
#include "encode/handoff_format.h"
#include "encode/ladder.h"

#define ALIVE_NS         (700 * NS_PER_MS)
#define LIVING_AUDIO_90K INT64_C(153000) /* 1.7 s: just before the packages stop waiting for an audio */
#define SILENT_AUDIO_90K INT64_C(13500)  /* 150 ms */

enum { FRAMES = 1024, DEFAULT_CHANNELS = 2 };

struct frame_note {
    int64_t frame;
    uint64_t arrival_utc_ns;
    bool filler;
};

struct sound {
    struct outputs *outputs;
    unsigned number, selector;
    struct audio *audio;
    uint64_t pushed_ns;
};

struct wrapping {
    struct outputs *outputs;
    const struct encode_output *output;
    struct package *package;
    int video; /* index of its video description; -1: none */
    int audios[ENCODE_OUTPUT_AUDIOS_MAX];
};

struct outputs {
    struct outputs_config config;
    struct sound sounds[ENCODE_AUDIOS_MAX];
    struct wrapping wrappings[ENCODE_OUTPUTS_MAX];
    struct sparse_output *sparses[ENCODE_SPARSES_MAX];
    unsigned sound_count, wrapping_count, sparse_count;
    struct frame_note notes[FRAMES];
    AVPacket *packet;
};

unsigned outputs_selector_of(const struct encode_job *job, unsigned audio)
{
    for (unsigned i = 0; i < job->audio_selectors_count; i++)
        if (!strcmp(job->audio_selectors[i].name, job->audios[audio].selector))
            return i;
    return 0;
}

static const struct frame_note *note_of(const struct outputs *outputs, int64_t frame)
{
    const struct frame_note *note = &outputs->notes[(uint64_t)frame % FRAMES];
    return note->frame == frame ? note : NULL;
}

/* ---- what comes out ---- */
static void on_segment(void *context, struct handoff_segment *segment, int memfd)
{
    struct wrapping *wrapping = context;
    struct outputs *outputs = wrapping->outputs;
    int64_t end_frame = timeline_frame_at_90k(outputs->config.rate, segment->start_90k + segment->duration_90k);
    const struct frame_note *note = note_of(outputs, end_frame);

    if (!note)
        note = note_of(outputs, end_frame - 1);
    segment->end_arrival_utc_ns = note && !note->filler ? note->arrival_utc_ns : 0;
    segment->closed_utc_ns = clock_utc_ns(outputs->config.clock);
    outputs->config.on_segment(outputs->config.context, segment, memfd);
}

static void on_message(void *context, struct handoff_segment *segment, int memfd)
{
    struct outputs *outputs = context;
    segment->closed_utc_ns = clock_utc_ns(outputs->config.clock);
    outputs->config.on_segment(outputs->config.context, segment, memfd);
}

static void on_audio(void *context, const AVPacket *packet)
{
    const struct sound *sound = context;
    struct outputs *outputs = sound->outputs;

    for (unsigned i = 0; i < outputs->wrapping_count; i++)
        for (unsigned a = 0; a < outputs->wrappings[i].output->audios_count; a++)
            if (outputs->wrappings[i].audios[a] == (int)sound->number)
                package_audio(outputs->wrappings[i].package, a, packet);
}

/* ---- making it ---- */
static int create_sound(struct outputs *outputs, unsigned number, struct error *err)
{
    const struct encode_job *job = outputs->config.job;
    struct sound *sound = &outputs->sounds[number];
    unsigned selector = outputs_selector_of(job, number), channels = outputs->config.channels[selector];
    struct audio_config config = { .description = &job->audios[number],
                                   .channels = channels >= 6 ? 6
                                               : channels    ? channels
                                                             : DEFAULT_CHANNELS,
                                   .on_packet = on_audio,
                                   .context = sound,
                                   .log = outputs->config.log };

    if (config.channels > 2 && config.channels < 6)
        config.channels = 2;
    sound->outputs = outputs;
    sound->number = number;
    sound->selector = selector;
    return audio_create(&sound->audio, &config, err);
}

static int find_video(const struct encode_job *job, const char *name)
{
    for (unsigned i = 0; name[0] && i < job->videos_count; i++)
        if (!strcmp(job->videos[i].name, name))
            return (int)i;
    return -1;
}

static int find_audio(const struct encode_job *job, const char *name)
{
    for (unsigned i = 0; i < job->audios_count; i++)
        if (!strcmp(job->audios[i].name, name))
            return (int)i;
    return -1;
}

static void describe_video(struct outputs *outputs, const struct wrapping *wrapping, struct package_config *config)
{
    const struct video_description *video = &outputs->config.job->videos[wrapping->video];
    const struct timeline_rate *rate = outputs->config.rate;
    unsigned divisor = video->framerate_divisor ? video->framerate_divisor : 1;

    config->video = rung_parameters(ladder_rung(outputs->config.ladder, (unsigned)wrapping->video));
    config->light = rung_light(ladder_rung(outputs->config.ladder, (unsigned)wrapping->video));
    config->video_bitrate = video->bitrate;
    config->video_peak_bitrate =
        video->rate_control != RATE_CONTROL_CBR && video->max_bitrate ? video->max_bitrate : video->bitrate;
    config->frame_ticks_90k = (unsigned)timeline_frame_tick_90k(rate, divisor);
    if (video->codec == VIDEO_CODEC_JPEG)
        config->capture_interval_90k = video_capture_interval_90k(outputs->config.job, (unsigned)wrapping->video);
    config->framerate_numerator = rate->numerator;
    config->framerate_denominator = rate->denominator * divisor;
}

static int create_wrapping(struct outputs *outputs, unsigned number, struct error *err)
{
    const struct encode_job *job = outputs->config.job;
    struct wrapping *wrapping = &outputs->wrappings[number];
    const struct encode_output *output = &job->outputs[number];
    struct package_config config = { .output = output,
                                     .rate = outputs->config.rate,
                                     .avails = outputs->config.avails,
                                     .on_segment = on_segment,
                                     .context = wrapping,
                                     .log = outputs->config.log };

    wrapping->outputs = outputs;
    wrapping->output = output;
    wrapping->video = find_video(job, output->video);
    if (output->video[0] && wrapping->video < 0)
        return error_set(err, -EINVAL, "output \"%s\": there is no video \"%s\"", output->name, output->video);
    if (wrapping->video >= 0)
        describe_video(outputs, wrapping, &config);
    for (unsigned a = 0; a < output->audios_count; a++) {
        wrapping->audios[a] = find_audio(job, output->audios[a]);
        if (wrapping->audios[a] < 0)
            return error_set(err, -EINVAL, "output \"%s\": there is no audio \"%s\"", output->name, output->audios[a]);
        const struct sound *sound = &outputs->sounds[wrapping->audios[a]];
        const char *language = job->audio_selectors_count ? job->audio_selectors[sound->selector].language : "";
        config.audios[a] = audio_parameters(sound->audio);
        config.audio_bitrates[a] = job->audios[wrapping->audios[a]].bitrate;
        config.audio_languages[a] = language[0] ? language : NULL;
    }
    return package_create(&wrapping->package, &config, err);
}

static int create_sparse(struct outputs *outputs, unsigned number, struct error *err)
{
    const struct sparse_output_config config = { .sparse = &outputs->config.job->sparses[number],
                                                 .on_segment = on_message,
                                                 .context = outputs,
                                                 .log = outputs->config.log };
    return sparse_output_create(&outputs->sparses[number], &config, err);
}

int outputs_create(struct outputs **out, const struct outputs_config *config, struct error *err)
{
    struct outputs *outputs = calloc(1, sizeof *outputs);
    int status = 0;

    if (!outputs || !(outputs->packet = av_packet_alloc())) {
        free(outputs);
        return error_set(err, -ENOMEM, "outputs");
    }
    outputs->config = *config;
    for (unsigned i = 0; i < FRAMES; i++)
        outputs->notes[i].frame = INT64_MIN;
    for (; status == 0 && outputs->sound_count < config->job->audios_count; outputs->sound_count++)
        status = create_sound(outputs, outputs->sound_count, err);
    for (; status == 0 && outputs->wrapping_count < config->job->outputs_count; outputs->wrapping_count++)
        status = create_wrapping(outputs, outputs->wrapping_count, err);
    for (; status == 0 && outputs->sparse_count < config->job->sparses_count; outputs->sparse_count++)
        status = create_sparse(outputs, outputs->sparse_count, err);
    if (status < 0) {
        outputs_destroy(outputs);
        return status;
    }
    *out = outputs;
    return 0;
}

void outputs_destroy(struct outputs *outputs)
{
    if (!outputs)
        return;
    for (unsigned i = 0; i < outputs->wrapping_count; i++)
        package_destroy(outputs->wrappings[i].package);
    for (unsigned i = 0; i < outputs->sound_count; i++)
        audio_destroy(outputs->sounds[i].audio);
    for (unsigned i = 0; i < outputs->sparse_count; i++)
        sparse_output_destroy(outputs->sparses[i]);
    av_packet_free(&outputs->packet);
    free(outputs);
}

void outputs_start(struct outputs *outputs, int64_t tick_90k, bool partial, bool discontinuity)
{
    for (unsigned i = 0; i < outputs->wrapping_count; i++) {
        if (discontinuity)
            package_mark_discontinuity(outputs->wrappings[i].package);
        package_start(outputs->wrappings[i].package, tick_90k, partial);
    }
    for (unsigned i = 0; i < outputs->sound_count; i++)
        audio_start(outputs->sounds[i].audio, tick_90k);
    for (unsigned i = 0; i < outputs->sparse_count; i++)
        sparse_output_start(outputs->sparses[i], tick_90k);
}

/* ---- what goes in ---- */
void outputs_audio_format(struct outputs *outputs, unsigned selector, const struct AVCodecParameters *parameters)
{
    for (unsigned i = 0; i < outputs->sound_count; i++) {
        struct error err = { 0 };
        if (outputs->sounds[i].selector == selector && audio_set_source(outputs->sounds[i].audio, parameters, &err) < 0)
            log_warning(outputs->config.log, "audio \"%s\": %s", outputs->config.job->audios[i].name, err.text);
    }
}

void outputs_audio(struct outputs *outputs, unsigned selector, const struct AVPacket *packet, int64_t tick_90k)
{
    for (unsigned i = 0; i < outputs->sound_count; i++)
        if (outputs->sounds[i].selector == selector) {
            outputs->sounds[i].pushed_ns = clock_monotonic_ns(outputs->config.clock);
            audio_push(outputs->sounds[i].audio, packet, tick_90k);
        }
}

void outputs_frame(struct outputs *outputs, int64_t frame, uint64_t arrival_utc_ns, bool filler)
{
    outputs->notes[(uint64_t)frame % FRAMES] = (struct frame_note){ frame, arrival_utc_ns, filler };
}

/* No package is shown a picture for which it would stop waiting for audio: each would stop at another place, for each
 * encoder is another number of pictures behind. What is missing becomes silence, the same for all. */
static void fill_audio(struct outputs *outputs, int64_t picture_90k)
{
    for (unsigned i = 0; i < outputs->sound_count; i++)
        audio_run(outputs->sounds[i].audio, picture_90k - LIVING_AUDIO_90K);
}

void outputs_video(struct outputs *outputs, unsigned video, const struct AVPacket *packet)
{
    const struct timeline_rate *rate = outputs->config.rate;
    unsigned divisor = outputs->config.job->videos[video].framerate_divisor;
    int64_t frame = timeline_frame_at_90k(rate, packet->pts);
    const struct frame_note *note = note_of(outputs, frame);

    fill_audio(outputs, packet->dts);
    if (av_packet_ref(outputs->packet, packet) < 0)
        return;
    outputs->packet->duration = timeline_frame_tick_90k(rate, frame + (divisor ? divisor : 1)) - packet->pts;
    for (unsigned i = 0; i < outputs->wrapping_count; i++) {
        if (outputs->wrappings[i].video != (int)video)
            continue;
        if (note && note->filler)
            package_mark_filler(outputs->wrappings[i].package);
        package_video(outputs->wrappings[i].package, outputs->packet);
    }
    av_packet_unref(outputs->packet);
}

void outputs_message(struct outputs *outputs, const struct sparse_message *message)
{
    for (unsigned i = 0; i < outputs->sparse_count; i++)
        sparse_output_message(outputs->sparses[i], message);
    for (unsigned i = 0; i < outputs->wrapping_count; i++)
        package_message(outputs->wrappings[i].package, message->arrival_90k, message->shift_90k, message->section,
                        message->bytes);
}

void outputs_cut_segments(struct outputs *outputs, const struct avail_cuts *cuts, int64_t first_frame)
{
    for (unsigned i = 0; i < outputs->wrapping_count; i++) {
        struct package *package = outputs->wrappings[i].package;
        if (outputs->wrappings[i].output->splice_cut != SPLICE_CUT_SEGMENT)
            continue;
        for (unsigned c = 0; c < cuts->remove_count; c++)
            package_remove_cut(package, cuts->remove[c], first_frame);
        for (unsigned c = 0; c < cuts->add_count; c++)
            package_add_cut(package, cuts->add[c], first_frame);
    }
}

unsigned outputs_moved_frames(const struct outputs *outputs, unsigned output, int64_t first_frame, int64_t *frames,
                              unsigned max)
{
    return package_moved_frames(outputs->wrappings[output].package, first_frame, frames, max);
}

void outputs_cut(struct outputs *outputs, int64_t tick_90k)
{
    for (unsigned i = 0; i < outputs->wrapping_count; i++)
        if (outputs->wrappings[i].output->splice_cut == SPLICE_CUT_FRAGMENT)
            package_cut(outputs->wrappings[i].package, tick_90k);
}

bool outputs_audio_alive(const struct outputs *outputs, unsigned audio)
{
    uint64_t pushed_ns = outputs->sounds[audio].pushed_ns;
    return pushed_ns && clock_monotonic_ns(outputs->config.clock) - pushed_ns < ALIVE_NS;
}

void outputs_run(struct outputs *outputs, int64_t next_tick_90k)
{
    for (unsigned i = 0; i < outputs->sound_count; i++)
        audio_run(outputs->sounds[i].audio,
                  next_tick_90k - (outputs_audio_alive(outputs, i) ? LIVING_AUDIO_90K : SILENT_AUDIO_90K));
}

void outputs_pause(struct outputs *outputs, bool paused)
{
    for (unsigned i = 0; i < outputs->wrapping_count; i++)
        if (outputs->wrappings[i].output->input_loss_action == INPUT_LOSS_PAUSE_OUTPUT)
            package_pause(outputs->wrappings[i].package, paused);
}

void outputs_finish(struct outputs *outputs, int64_t end_tick_90k)
{
    for (unsigned i = 0; i < outputs->sound_count; i++)
        audio_run(outputs->sounds[i].audio, end_tick_90k);
    for (unsigned i = 0; i < outputs->wrapping_count; i++)
        package_finish(outputs->wrappings[i].package);
}

struct audio_counters outputs_audio_counters(const struct outputs *outputs, unsigned audio)
{
    return audio_counters(outputs->sounds[audio].audio);
}

struct package_counters outputs_package_counters(const struct outputs *outputs, unsigned output)
{
    return package_counters(outputs->wrappings[output].package);
}

struct sparse_output_counters outputs_sparse_counters(const struct outputs *outputs, unsigned sparse)
{
    return sparse_output_counters(outputs->sparses[sparse]);
}
