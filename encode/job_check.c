/* SPDX-License-Identifier: GPL-2.0-or-later */
/* job_check.c - what a row of job.c cannot say: settings that contradict each other, and names of nothing. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "encode/job.h"

/* The smallest picture that hardware encoders take. */
enum {
    PICTURE_SIDE_MIN = 32,
    LARGE_BLOCK_SIDE_MIN = 64 /* HEVC's and AV1's */,
    AAC_FRAME_SAMPLES = 1024,
    AAC_CHANNEL_FRAME_BITS = 6144
};

/* ---- one video description ---- */
static void check_size(const struct video_description *video, struct problems *problems)
{
    if (!video->width != !video->height) {
        problem_at(problems, video->width ? &video->width : &video->height,
                   "video \"%s\": %s is set but %s is not: give both, or neither to follow the source", video->name,
                   video->width ? "width" : "height", video->width ? "height" : "width");
        return;
    }
    if (video->width % 2)
        problem_at(problems, &video->width, "video \"%s\": width %u is odd: 4:2:0 pictures need an even width",
                   video->name, video->width);
    if (video->height % 2)
        problem_at(problems, &video->height, "video \"%s\": height %u is odd: 4:2:0 pictures need an even height",
                   video->name, video->height);
    if (video->width && (video->width < PICTURE_SIDE_MIN || video->height < PICTURE_SIDE_MIN))
        problem_at(problems, &video->width, "video \"%s\": %ux%u is too small: at least %dx%d", video->name,
                   video->width, video->height, PICTURE_SIDE_MIN, PICTURE_SIDE_MIN);
}

static void check_rate(const struct video_description *video, struct problems *problems)
{
    unsigned highest = video->max_bitrate ? video->max_bitrate : video->bitrate;

    if (video->max_bitrate && video->max_bitrate < video->bitrate)
        problem_at(problems, &video->max_bitrate, "video \"%s\": max_bitrate %u is below bitrate %u", video->name,
                   video->max_bitrate, video->bitrate);
    else if (video->rate_control == RATE_CONTROL_CBR && highest != video->bitrate)
        problem_at(problems, &video->max_bitrate,
                   "video \"%s\": max_bitrate %u has no meaning with rate_control = \"cbr\": leave it out, or use vbr",
                   video->name, video->max_bitrate);
    if (video->buffer_size && video->buffer_size < highest / 10)
        problem_at(problems, &video->buffer_size,
                   "video \"%s\": buffer_size %u holds less than a tenth of a second of %u bit/s", video->name,
                   video->buffer_size, highest);
}

static void check_gop(const struct video_description *video, struct problems *problems)
{
    if (video->gop_seconds > 0 && video->gop_frames)
        problem_at(problems, &video->gop_frames, "video \"%s\": gop_seconds and gop_frames are both set: give one",
                   video->name);
    else if (video->gop_frames && video->b_frames >= video->gop_frames)
        problem_at(problems, &video->b_frames, "video \"%s\": %u B pictures do not fit into a GOP of %u frames",
                   video->name, video->b_frames, video->gop_frames);
    if (video->gop_frames == 1 && video->codec == VIDEO_CODEC_AV1)
        problem_at(problems, &video->gop_frames,
                   "video \"%s\": a GOP of one picture is too short for codec = \"av1\": at least 2", video->name);
    if (video->gop_seconds > 0 && video->gop_seconds < 0.1)
        problem_at(problems, &video->gop_seconds, "video \"%s\": a GOP of %g s is too short: at least 0.1 s",
                   video->name, video->gop_seconds);
    if (video->profile == PROFILE_BASELINE && video->b_frames && video->codec == VIDEO_CODEC_H264)
        problem_at(problems, &video->b_frames,
                   "video \"%s\": profile = \"baseline\" has no B pictures: set b_frames = 0, or another profile",
                   video->name);
}

/* One picture at a time: nothing of rate control and GOPs has a meaning. */
static void check_jpeg(const struct video_description *video, struct problems *problems)
{
    if (!video->width || !video->height)
        problem_at(problems, video, "video \"%s\": codec = \"jpeg\" needs width and height", video->name);
    if (video->color_space > COLOR_SPACE_PASSTHROUGH)
        problem_at(problems, &video->color_space,
                   "video \"%s\": color_space = \"%s\" has no meaning with codec = \"jpeg\": auto makes SDR of HDR",
                   video->name, color_space_name(video->color_space));
    if (video->framerate_divisor > 1)
        problem_at(problems, &video->framerate_divisor,
                   "video \"%s\": framerate_divisor has no meaning with codec = \"jpeg\": use capture_interval",
                   video->name);
}

/* What the codecs other than H.264 add. */
static void check_codec(const struct video_description *video, struct problems *problems)
{
    if (video->bit_depth == 9)
        problem_at(problems, &video->bit_depth, "video \"%s\": bit_depth 9: want 8 or 10", video->name);
    if (video->bit_depth > 8 && video->codec == VIDEO_CODEC_H264)
        problem_at(problems, &video->bit_depth,
                   "video \"%s\": bit_depth = 10 goes with codec = \"hevc\" or \"av1\": players of H.264 take 8 bits",
                   video->name);
    if (video->color_space >= COLOR_SPACE_HDR10 && video->bit_depth < 10)
        problem_at(problems, &video->color_space,
                   "video \"%s\": color_space = \"%s\" needs bit_depth = 10: in 8 bits HDR shows bands", video->name,
                   color_space_name(video->color_space));
    if (video->codec != VIDEO_CODEC_H264 && video->width &&
        (video->width < LARGE_BLOCK_SIDE_MIN || video->height < LARGE_BLOCK_SIDE_MIN))
        problem_at(problems, &video->width, "video \"%s\": %ux%u is too small for %s: at least %dx%d", video->name,
                   video->width, video->height, video_codec_name(video->codec), LARGE_BLOCK_SIDE_MIN,
                   LARGE_BLOCK_SIDE_MIN);
}

void video_description_check(const struct video_description *video, struct problems *problems)
{
    check_size(video, problems);
    if (video->codec == VIDEO_CODEC_JPEG) {
        check_jpeg(video, problems);
        return;
    }
    if (video->capture_interval)
        problem_at(problems, &video->capture_interval, "video \"%s\": capture_interval is for codec = \"jpeg\" only",
                   video->name);
    check_codec(video, problems);
    check_rate(video, problems);
    check_gop(video, problems);
}

/* ---- one audio description ---- */
void audio_description_check(const struct audio_description *audio, struct problems *problems)
{
    if (audio->sample_rate != 48000 && audio->sample_rate != 44100 && audio->sample_rate != 32000)
        problem_at(problems, &audio->sample_rate, "audio \"%s\": sample_rate %u: want 48000, 44100 or 32000",
                   audio->name, audio->sample_rate);
    unsigned channels = audio->channels;
    if (channels != 0 && channels != 1 && channels != 2 && channels != 6) {
        problem_at(problems, &audio->channels, "audio \"%s\": channels %u: want 1, 2, 6, or 0 to follow the source",
                   audio->name, channels);
        return;
    }
    uint64_t highest = (uint64_t)AAC_CHANNEL_FRAME_BITS * channels * audio->sample_rate / AAC_FRAME_SAMPLES;
    if (channels && audio->bitrate > highest)
        problem_at(problems, &audio->bitrate,
                   "audio \"%s\": bitrate %u is more than AAC can hold with %u channels at %u Hz: at most %llu",
                   audio->name, audio->bitrate, channels, audio->sample_rate, (unsigned long long)highest);
}

/* ---- behaviour without a source ---- */
void input_loss_check(const struct input_loss_behavior *input_loss, struct problems *problems)
{
    const char *color = input_loss->color;

    if (strlen(color) != 6 || strspn(color, "0123456789abcdefABCDEF") != 6)
        problem_at(problems, color, "input_loss: color \"%s\": want six hexadecimal digits RRGGBB, such as \"1e90ff\"",
                   color);
    if (input_loss->image == INPUT_LOSS_SLATE && !input_loss->slate[0])
        problem_at(problems, &input_loss->image, "input_loss: image = \"slate\" needs slate = \"path of the picture\"");
}

/* ---- a video's GOP in segments of this length ---- */

/* Frames per second of a rung; 0: as the source, not known yet. */
static double rung_framerate(const struct video_description *video, unsigned numerator, unsigned denominator)
{
    return numerator && denominator ? (double)numerator / denominator / video->framerate_divisor : 0;
}

bool video_gop_fits_segment(const struct video_description *video, double segment_length, unsigned numerator,
                            unsigned denominator)
{
    double framerate = rung_framerate(video, numerator, denominator);
    double gop = video->gop_seconds;

    if (gop <= 0 && video->gop_frames && framerate > 0)
        gop = video->gop_frames / framerate;
    if (gop <= 0)
        return true; /* one GOP a segment, or a number of frames of unknown length */
    double frame = framerate > 0 ? 1 / framerate : video->framerate_divisor / 25.0;
    double gops = round(segment_length / gop);
    return gops >= 1 && fabs(gops * gop - segment_length) <= frame + 1e-9;
}

bool segment_lengths_fit(double one, double other)
{
    double ratio = one > other ? one / other : other / one;
    return fabs(ratio - round(ratio)) < 1e-6;
}

/* ---- the whole job ---- */
static void check_selectors(const struct encode_job *job, struct problems *problems)
{
    for (unsigned i = 0; i < job->audio_selectors_count; i++) {
        const struct audio_selector *selector = &job->audio_selectors[i];
        if (selector->language[0] && strlen(selector->language) != 3)
            problem_at(problems, selector->language,
                       "audio selector \"%s\": language \"%s\": want an ISO 639-2 code of three letters, such as "
                       "\"eng\"",
                       selector->name, selector->language);
    }
    for (unsigned i = 0; i < job->audios_count; i++) {
        const struct audio_description *audio = &job->audios[i];
        bool found = !audio->selector[0];
        for (unsigned j = 0; j < job->audio_selectors_count && !found; j++)
            found = strcmp(job->audio_selectors[j].name, audio->selector) == 0;
        if (!found)
            problem_at(problems, audio->selector, "audio \"%s\": there is no audio selector \"%s\"", audio->name,
                       audio->selector);
    }
}

static void check_framerate(const struct encode_job *job, struct problems *problems)
{
    unsigned numerator = job->framerate_numerator, denominator = job->framerate_denominator;

    if (numerator && !denominator)
        problem_at(problems, &job->framerate_denominator, "framerate_denominator is 0");
    else if (numerator && (numerator < denominator || numerator > 120.0 * denominator))
        problem_at(problems, &job->framerate_numerator, "frame rate %u/%u: want 1 to 120 frames per second", numerator,
                   denominator);
}

void encode_job_check(const struct encode_job *job, struct problems *problems)
{
    check_framerate(job, problems);
    check_selectors(job, problems);
    for (unsigned i = 0; i < job->videos_count; i++) {
        video_description_check(&job->videos[i], problems);
        if (job->encoder == ENCODER_VAAPI && job->videos[i].codec == VIDEO_CODEC_AV1)
            problem_at(problems, &job->encoder,
                       "encoder = \"vaapi\" has no AV1: video \"%s\" needs \"auto\" or \"vpl\"", job->videos[i].name);
    }
    for (unsigned i = 0; i < job->audios_count; i++)
        audio_description_check(&job->audios[i], problems);
    input_loss_check(&job->input_loss, problems);
    for (unsigned i = 0; i < job->outputs_count; i++)
        encode_output_check(job, &job->outputs[i], problems);
}
