/* SPDX-License-Identifier: GPL-2.0-or-later */
/* output_check.c - what a row of job.c cannot say of an output: what its package can hold, and where it is cut. */
#include <math.h>
#include <string.h>

#include "encode/job.h"
#include "encode/segment_writer.h"

enum { HEX_BYTES = 32, TABLE_INTERVAL_MS_MIN = 25 };

/* ---- its parts ---- */
static bool is_hex(const char *text)
{
    return strlen(text) == HEX_BYTES && strspn(text, "0123456789abcdefABCDEF") == HEX_BYTES;
}

void encryption_check(const struct encryption *encryption, struct problems *problems)
{
    if (encryption->method == ENCRYPTION_NONE)
        return;
    if (!is_hex(encryption->key)) /* what stands there is not repeated */
        problem_at(problems, encryption->key, "encryption: key: want %d hexadecimal digits", HEX_BYTES);
    if (encryption->iv == ENCRYPTION_IV_EXPLICIT && !is_hex(encryption->constant_iv))
        problem_at(problems, encryption->constant_iv,
                   "encryption: iv = \"explicit\" needs constant_iv = %d hexadecimal digits", HEX_BYTES);
}

static void check_table_interval(const char *key, const unsigned *interval, struct problems *problems)
{
    if (*interval && *interval < TABLE_INTERVAL_MS_MIN)
        problem_at(problems, interval, "transport_stream: %s %u ms: want 0, or %d and more", key, *interval,
                   TABLE_INTERVAL_MS_MIN);
}

void transport_stream_check(const struct transport_stream *stream, struct problems *problems)
{
    const unsigned *const pids[] = { &stream->pmt_pid, &stream->video_pid, &stream->audio_pid,
                                     &stream->timed_metadata_pid, &stream->scte35_pid };
    const unsigned spans[] = { 1, 1, ENCODE_OUTPUT_AUDIOS_MAX, 1, 1 };
    size_t used = sizeof pids / sizeof pids[0] - (stream->scte35 == SCTE35_NONE);

    for (unsigned i = 0; i < used; i++)
        for (unsigned j = 0; j < i; j++)
            if (*pids[i] < *pids[j] + spans[j] && *pids[j] < *pids[i] + spans[i])
                problem_at(problems, pids[i], "transport_stream: PID %u is used twice (audio takes %d from audio_pid)",
                           *pids[i] > *pids[j] ? *pids[i] : *pids[j], ENCODE_OUTPUT_AUDIOS_MAX);
    if (stream->pat_interval && stream->pat_interval < 10)
        problem_at(problems, &stream->pat_interval, "transport_stream: pat_interval %u ms: want 0, or 10 and more",
                   stream->pat_interval);
    check_table_interval("sdt_interval", &stream->sdt_interval, problems);
    check_table_interval("nit_interval", &stream->nit_interval, problems);
}

/* ---- what it holds ---- */
static const struct video_description *find_video(const struct encode_job *job, const char *name)
{
    for (unsigned i = 0; i < job->videos_count; i++)
        if (strcmp(job->videos[i].name, name) == 0)
            return &job->videos[i];
    return NULL;
}

static bool has_audio(const struct encode_job *job, const char *name)
{
    for (unsigned i = 0; i < job->audios_count; i++)
        if (strcmp(job->audios[i].name, name) == 0)
            return true;
    return false;
}

bool encode_output_is_segmented(const struct encode_output *output)
{
    return output->package == PACKAGE_HLS_TS || output->package == PACKAGE_FMP4 || output->package == PACKAGE_AAC ||
           output->package == PACKAGE_SMOOTH;
}

int64_t video_capture_interval_90k(const struct encode_job *job, unsigned video)
{
    const struct video_description *description = &job->videos[video];

    if (description->capture_interval)
        return (int64_t)description->capture_interval *
               (description->capture_interval_unit == CAPTURE_INTERVAL_SECONDS ? 90000 : 90);
    for (unsigned i = 0; i < job->outputs_count; i++)
        if (strcmp(job->outputs[i].video, description->name) == 0)
            return llround(job->outputs[i].segment_length * 90000);
    return 90000;
}

bool encode_output_has_splices(const struct encode_output *output)
{
    return (output->package == PACKAGE_HLS_TS || output->package == PACKAGE_M2TS) &&
           output->transport_stream.scte35 == SCTE35_PASSTHROUGH;
}

double encode_output_cut_length(const struct encode_output *output)
{
    if (!output->video[0])
        return 0;
    return encode_output_is_segmented(output) ? output->segment_length
           : output->package == PACKAGE_M2TS  ? output->rollover_interval
                                              : 0;
}

static void check_cuts(const struct encode_job *job, const struct encode_output *output,
                       const struct video_description *video, struct problems *problems)
{
    if (!encode_output_is_segmented(output) || video->codec == VIDEO_CODEC_JPEG)
        return;
    if (!video_gop_fits_segment(video, output->segment_length, job->framerate_numerator, job->framerate_denominator))
        problem_at(problems, &output->segment_length,
                   "output \"%s\" of \"%s\": segment_length %g s is not a whole number of GOPs of video \"%s\"",
                   output->name, output->group, output->segment_length, video->name);
    for (const struct encode_output *other = job->outputs; other < output; other++)
        if (strcmp(other->video, output->video) == 0 && encode_output_is_segmented(other) &&
            !segment_lengths_fit(other->segment_length, output->segment_length))
            problem_at(
                problems, &output->segment_length,
                "output \"%s\" of \"%s\": segment_length %g s is no multiple or part of that of output \"%s\" of "
                "\"%s\" (%g s), which has the same video \"%s\"",
                output->name, output->group, output->segment_length, other->name, other->group, other->segment_length,
                output->video);
}

/* What a container can hold of video, and why not the rest. */
static const char *codec_problem(const struct encode_output *output, unsigned codec)
{
    if (codec == VIDEO_CODEC_H264)
        return NULL;
    if (output->encryption.method == ENCRYPTION_SAMPLE_AES)
        return "sample_aes is made for h264 only";
    switch (output->package) {
    case PACKAGE_FMP4:
        return NULL;
    case PACKAGE_HLS_TS:
    case PACKAGE_M2TS:
        return codec == VIDEO_CODEC_AV1 ? "no player takes av1 in transport streams: use fmp4" : NULL;
    case PACKAGE_FLV:
        return "RTMP carries h264 only";
    case PACKAGE_SMOOTH:
        return "players of Smooth Streaming take h264 only";
    default:
        return "this package holds no such video";
    }
}

static void check_video(const struct encode_job *job, const struct encode_output *output, struct problems *problems)
{
    if (!output->video[0])
        return;
    const struct video_description *video = find_video(job, output->video);
    if (!video) {
        problem_at(problems, output->video, "output \"%s\" of \"%s\": there is no video \"%s\"", output->name,
                   output->group, output->video);
        return;
    }
    if ((video->codec == VIDEO_CODEC_JPEG) != (output->package == PACKAGE_JPEG))
        problem_at(problems, output->video,
                   "output \"%s\" of \"%s\": package = \"jpeg\" goes with a video of codec "
                   "\"jpeg\", and no other does",
                   output->name, output->group);
    else if (video->codec != VIDEO_CODEC_JPEG && codec_problem(output, video->codec))
        problem_at(problems, output->video, "output \"%s\" of \"%s\": video \"%s\" is %s: %s", output->name,
                   output->group, video->name, video_codec_name(video->codec), codec_problem(output, video->codec));
    check_cuts(job, output, video, problems);
}

static void check_audios(const struct encode_job *job, const struct encode_output *output, struct problems *problems)
{
    if (!output->video[0] && !output->audios_count)
        problem_at(problems, output, "output \"%s\" of \"%s\" has neither video nor audio", output->name,
                   output->group);
    for (unsigned i = 0; i < output->audios_count; i++) {
        if (!has_audio(job, output->audios[i]))
            problem_at(problems, output->audios[i], "output \"%s\" of \"%s\": there is no audio \"%s\"", output->name,
                       output->group, output->audios[i]);
        for (unsigned j = 0; j < i; j++)
            if (strcmp(output->audios[i], output->audios[j]) == 0)
                problem_at(problems, output->audios[i], "output \"%s\" of \"%s\" names audio \"%s\" twice",
                           output->name, output->group, output->audios[i]);
    }
}

/* ---- what its package can hold ---- */
static void check_package(const struct encode_output *output, struct problems *problems)
{
    unsigned videos = output->video[0] != '\0', audios = output->audios_count;
    const char *wrong =
        output->package == PACKAGE_FMP4 && videos + audios > 1
            ? "package = \"fmp4\" holds one track: a video or one audio"
        : output->package == PACKAGE_FLV && (!videos || audios > 1)
            ? "package = \"flv\" holds a video and at most one audio"
        : output->package == PACKAGE_AAC && (videos || audios > 1) ? "package = \"aac\" holds one audio and no video"
        : output->package == PACKAGE_JPEG && (!videos || audios)   ? "package = \"jpeg\" holds a video and no audio"
        : !segment_writer_class_of(output->package)                ? "there is no writer for this package"
                                                                   : NULL;
    if (wrong && videos + audios)
        problem_at(problems, &output->package, "output \"%s\" of \"%s\": %s", output->name, output->group, wrong);
    if (output->splice_cut == SPLICE_CUT_SEGMENT &&
        (output->package == PACKAGE_SMOOTH || !encode_output_is_segmented(output)))
        problem_at(problems, &output->splice_cut,
                   "output \"%s\" of \"%s\": splice_cut = \"segment\" goes with hls_ts, fmp4 and aac only",
                   output->name, output->group);
    if (output->splice_cut == SPLICE_CUT_FRAGMENT && output->package != PACKAGE_SMOOTH)
        problem_at(problems, &output->splice_cut,
                   "output \"%s\" of \"%s\": splice_cut = \"fragment\" goes with package = \"smooth\" only",
                   output->name, output->group);
}

static void check_rollover(const struct encode_output *output, struct problems *problems)
{
    double pieces = output->rollover_interval / output->segment_length;

    if (output->package != PACKAGE_M2TS)
        return;
    if (output->rollover_interval < 1)
        problem_at(problems, &output->rollover_interval,
                   "output \"%s\" of \"%s\": rollover_interval %g s: at least 1 s", output->name, output->group,
                   output->rollover_interval);
    else if (pieces < 1 || fabs(pieces - round(pieces)) > 1e-6)
        problem_at(problems, &output->rollover_interval,
                   "output \"%s\" of \"%s\": rollover_interval %g s is not a whole number of pieces of %g s",
                   output->name, output->group, output->rollover_interval, output->segment_length);
}

static void check_encryption(const struct encode_output *output, struct problems *problems)
{
    bool whole = output->package == PACKAGE_HLS_TS || output->package == PACKAGE_FMP4 || output->package == PACKAGE_AAC;
    unsigned method = output->encryption.method;

    encryption_check(&output->encryption, problems);
    if (method != ENCRYPTION_NONE && !whole)
        problem_at(problems, &output->encryption.method,
                   "output \"%s\" of \"%s\": encryption is for HLS packages: hls_ts, fmp4 and aac", output->name,
                   output->group);
    if (method == ENCRYPTION_SAMPLE_AES && output->package == PACKAGE_FMP4 &&
        output->encryption.iv != ENCRYPTION_IV_EXPLICIT)
        problem_at(problems, &output->encryption.method,
                   "output \"%s\" of \"%s\": sample_aes in fmp4 has one IV for all: iv = \"explicit\", and constant_iv",
                   output->name, output->group);
}

/* The program map of a transport stream of ours is one packet. Each of these puts something into it; only all together
 * are too much. */
static void check_program_map(const struct encode_output *output, struct problems *problems)
{
    const struct timed_metadata *metadata = &output->timed_metadata;
    bool has_tags = metadata->frame != TIMED_METADATA_NONE || metadata->segment_tag[0];

    if (output->package == PACKAGE_HLS_TS && output->encryption.method == ENCRYPTION_SAMPLE_AES && has_tags &&
        output->audios_count == ENCODE_OUTPUT_AUDIOS_MAX && encode_output_has_splices(output))
        problem_at(problems, &output->encryption.method,
                   "output \"%s\" of \"%s\": sample_aes, %d audios, timed metadata and scte35 do not fit into one "
                   "program map: leave one of them out",
                   output->name, output->group, ENCODE_OUTPUT_AUDIOS_MAX);
}

static void check_name(const struct encode_job *job, const struct encode_output *output, struct problems *problems)
{
    for (const struct encode_output *other = job->outputs; other < output; other++)
        if (strcmp(other->group, output->group) == 0 && strcmp(other->name, output->name) == 0)
            problem_at(problems, output->name, "output group \"%s\" has two outputs \"%s\"", output->group,
                       output->name);
}

void encode_output_check(const struct encode_job *job, const struct encode_output *output, struct problems *problems)
{
    check_name(job, output, problems);
    check_video(job, output, problems);
    check_audios(job, output, problems);
    check_package(output, problems);
    check_rollover(output, problems);
    check_encryption(output, problems);
    check_program_map(output, problems);
    transport_stream_check(&output->transport_stream, problems);
}
