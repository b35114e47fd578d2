/* SPDX-License-Identifier: GPL-2.0-or-later */
/* selection.c - streams count only when a PMT lists them: what the demultiplexer guesses from stray packets does not.
 */
#include "encode/selection.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdio.h>
#include <string.h>

static bool video_can_be_decoded(enum AVCodecID codec)
{
    return codec == AV_CODEC_ID_H264 || codec == AV_CODEC_ID_HEVC || codec == AV_CODEC_ID_MPEG2VIDEO;
}

static const AVStream *stream_of(const AVFormatContext *format, const AVProgram *program, unsigned i)
{
    unsigned index = program->stream_index[i];
    return index < format->nb_streams ? format->streams[index] : NULL;
}

static int first_stream(const AVFormatContext *format, const AVProgram *program, enum AVMediaType type, unsigned pid)
{
    for (unsigned i = 0; i < program->nb_stream_indexes; i++) {
        const AVStream *stream = stream_of(format, program, i);
        if (stream && stream->codecpar->codec_type == type && (!pid || (unsigned)stream->id == pid))
            return stream->index;
    }
    return -1;
}

static const AVProgram *choose_program(const AVFormatContext *format, unsigned wanted)
{
    const AVProgram *fallback = NULL;

    for (unsigned i = 0; i < format->nb_programs; i++) {
        const AVProgram *program = format->programs[i];
        if (wanted && (unsigned)program->id == wanted)
            return program;
        if (wanted || !program->nb_stream_indexes)
            continue;
        if (first_stream(format, program, AVMEDIA_TYPE_VIDEO, 0) >= 0)
            return program;
        if (!fallback)
            fallback = program;
    }
    return fallback;
}

static void choose_video(struct selection *selection, const AVFormatContext *format, const AVProgram *program,
                         const struct video_selector *wanted)
{
    int index = first_stream(format, program, AVMEDIA_TYPE_VIDEO, wanted->pid);

    if (index < 0 && wanted->pid)
        snprintf(selection->reason, sizeof selection->reason, "program %u has no video on PID %u", selection->program,
                 wanted->pid);
    else if (index < 0)
        snprintf(selection->reason, sizeof selection->reason, "program %u has no video (of %u streams)",
                 selection->program, program->nb_stream_indexes);
    else if (!video_can_be_decoded(format->streams[index]->codecpar->codec_id))
        snprintf(selection->reason, sizeof selection->reason,
                 "program %u's video on PID %d is %s: only H.264, HEVC and MPEG-2 can be decoded", selection->program,
                 format->streams[index]->id, avcodec_get_name(format->streams[index]->codecpar->codec_id));
    else
        selection->video = index;
}

static bool speaks(const AVStream *stream, const char *language)
{
    const AVDictionaryEntry *entry = av_dict_get(stream->metadata, "language", NULL, 0);
    return entry && strstr(entry->value, language);
}

static int choose_audio(const AVFormatContext *format, const AVProgram *program, const struct audio_selector *wanted)
{
    if (wanted->pid)
        return first_stream(format, program, AVMEDIA_TYPE_AUDIO, wanted->pid);
    for (unsigned i = 0; wanted->language[0] && i < program->nb_stream_indexes; i++) {
        const AVStream *stream = stream_of(format, program, i);
        if (stream && stream->codecpar->codec_type == AVMEDIA_TYPE_AUDIO && speaks(stream, wanted->language))
            return stream->index;
    }
    if (wanted->language[0] && wanted->language_policy == LANGUAGE_STRICT)
        return -1;
    return first_stream(format, program, AVMEDIA_TYPE_AUDIO, 0);
}

/* Their PID carries sections, not a medium: libavformat knows it by the program's registration "CUEI". */
static int choose_splice(const AVFormatContext *format, const AVProgram *program, unsigned pid)
{
    for (unsigned i = 0; i < program->nb_stream_indexes; i++) {
        const AVStream *stream = stream_of(format, program, i);
        if (stream && stream->codecpar->codec_id == AV_CODEC_ID_SCTE_35 && (!pid || (unsigned)stream->id == pid))
            return stream->index;
    }
    return -1;
}

void selection_choose(struct selection *selection, const AVFormatContext *format, const struct encode_job *job)
{
    static const struct audio_selector any;
    const struct video_selector *video = &job->video_selector;
    unsigned audio_count = job->audio_selectors_count;
    const AVProgram *program = choose_program(format, video->program_id);

    memset(selection, 0, sizeof *selection);
    selection->video = selection->splice = -1;
    selection->audio_count = audio_count ? audio_count : 1;
    for (unsigned i = 0; i < ENCODE_AUDIO_SELECTORS_MAX; i++)
        selection->audios[i] = -1;
    if (!program) {
        if (video->program_id)
            snprintf(selection->reason, sizeof selection->reason, "the stream has no program %u", video->program_id);
        else
            snprintf(selection->reason, sizeof selection->reason, "no program map has come yet");
        return;
    }
    selection->program = (unsigned)program->id;
    selection->pmt_version = (unsigned)program->pmt_version;
    choose_video(selection, format, program, video);
    for (unsigned i = 0; i < selection->audio_count; i++)
        selection->audios[i] = choose_audio(format, program, audio_count ? &job->audio_selectors[i] : &any);
    selection->splice = choose_splice(format, program, job->scte35_pid);
}

uint64_t selection_signature(const AVFormatContext *format)
{
    uint64_t signature = format->nb_streams;

    for (unsigned i = 0; i < format->nb_streams; i++)
        signature = signature * 1099511628211u ^ (uint64_t)format->streams[i]->codecpar->codec_id;
    for (unsigned i = 0; i < format->nb_programs; i++) {
        const AVProgram *program = format->programs[i];
        signature =
            signature * 1099511628211u ^ ((uint64_t)program->id << 16) ^ (uint64_t)(program->pmt_version & 0xff);
        signature = signature * 1099511628211u ^ program->nb_stream_indexes;
    }
    return signature;
}
