/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/feed_clip.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavcodec/bsf.h>
#include <libavformat/avformat.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"

enum { PACKETS_MAX = 100000, AUDIO_FRAME_SAMPLES = 1024 };

struct track {
    AVCodecParameters *parameters;
    AVRational time_base;
    AVPacket **packets;
    int64_t count;
    int64_t first_pts; /* in time_base */
};

struct feed_clip {
    struct timeline_rate rate;
    int64_t loop_frames; /* of one round */
    struct track tracks[2];
};

/* ---- reading ---- */

/* Of a time of the clip's own, in pictures from its first one; decoding times may lie before it. */
static int64_t frames(const struct feed_clip *clip, int64_t time)
{
    const struct track *track = &clip->tracks[FEED_VIDEO];
    AVRational frame = { (int)clip->rate.denominator, (int)clip->rate.numerator };
    return av_rescale_q_rnd(time - track->first_pts, track->time_base, frame, AV_ROUND_NEAR_INF);
}

static int add_packet(struct track *track, const AVPacket *packet)
{
    if (track->count == PACKETS_MAX)
        return -EFBIG;
    if ((track->count & (track->count - 1)) == 0) {
        size_t room = track->count ? 2 * (size_t)track->count : 1;
        AVPacket **longer = realloc(track->packets, room * sizeof *longer);
        if (!longer)
            return -ENOMEM;
        track->packets = longer;
    }
    track->packets[track->count] = av_packet_clone(packet);
    return track->packets[track->count++] ? 0 : -ENOMEM;
}

/* ADTS headers are taken off: what stands in them goes into the parameters. */
static int open_filter(AVBSFContext **out, const AVStream *stream)
{
    const char *name = stream->codecpar->codec_id == AV_CODEC_ID_AAC ? "aac_adtstoasc" : "null";
    int result = av_bsf_alloc(av_bsf_get_by_name(name), out);
    if (result == 0)
        result = avcodec_parameters_copy((*out)->par_in, stream->codecpar);
    (*out)->time_base_in = stream->time_base;
    return result < 0 ? result : av_bsf_init(*out);
}

static int filter(struct track *track, AVBSFContext *bsf, AVPacket *packet)
{
    int result = av_bsf_send_packet(bsf, packet);
    while (result == 0 && (result = av_bsf_receive_packet(bsf, packet)) == 0) {
        size_t bytes;
        const uint8_t *extra = av_packet_get_side_data(packet, AV_PKT_DATA_NEW_EXTRADATA, &bytes);
        if (extra && !track->parameters->extradata) {
            track->parameters->extradata = av_mallocz(bytes + AV_INPUT_BUFFER_PADDING_SIZE);
            memcpy(track->parameters->extradata, extra, bytes);
            track->parameters->extradata_size = (int)bytes;
        }
        result = add_packet(track, packet);
        av_packet_unref(packet);
    }
    return result == AVERROR(EAGAIN) ? 0 : result;
}

static int read_packets(struct feed_clip *clip, AVFormatContext *file, const int streams[2])
{
    AVPacket *packet = av_packet_alloc();
    AVBSFContext *filters[2] = { 0 };
    int result = packet ? 0 : -ENOMEM;
    for (int i = 0; result == 0 && i < 2; i++)
        result = open_filter(&filters[i], file->streams[streams[i]]);
    while (result == 0 && av_read_frame(file, packet) == 0) {
        int which = packet->stream_index == streams[FEED_VIDEO]   ? FEED_VIDEO
                    : packet->stream_index == streams[FEED_AUDIO] ? FEED_AUDIO
                                                                  : -1;
        if (which >= 0 && packet->pts != AV_NOPTS_VALUE)
            result = filter(&clip->tracks[which], filters[which], packet);
        av_packet_unref(packet);
    }
    for (int i = 0; i < 2; i++)
        av_bsf_free(&filters[i]);
    av_packet_free(&packet);
    return result;
}

static int describe(struct feed_clip *clip, AVFormatContext *file, const int streams[2], struct error *err)
{
    AVRational rate = av_guess_frame_rate(file, file->streams[streams[FEED_VIDEO]], NULL);
    for (int i = 0; i < 2; i++) {
        const AVStream *stream = file->streams[streams[i]];
        clip->tracks[i].parameters = avcodec_parameters_alloc();
        clip->tracks[i].time_base = stream->time_base;
        if (!clip->tracks[i].parameters || avcodec_parameters_copy(clip->tracks[i].parameters, stream->codecpar) < 0)
            return error_set(err, -ENOMEM, "clip");
    }
    if (rate.num <= 0 || rate.den != 1)
        return error_set(err, -EINVAL, "a clip needs a whole frame rate, not %d/%d", rate.num, rate.den);
    if (clip->tracks[FEED_VIDEO].parameters->codec_id != AV_CODEC_ID_H264 ||
        clip->tracks[FEED_AUDIO].parameters->codec_id != AV_CODEC_ID_AAC)
        return error_set(err, -EINVAL, "a clip needs H.264 and AAC");
    clip->rate = (struct timeline_rate){ (uint32_t)rate.num, (uint32_t)rate.den, 1 };
    return 0;
}

static int read_file(struct feed_clip *clip, AVFormatContext *file, struct error *err)
{
    int streams[2];
    if (avformat_find_stream_info(file, NULL) < 0)
        return error_set(err, -EINVAL, "not a media file");
    streams[FEED_VIDEO] = av_find_best_stream(file, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    streams[FEED_AUDIO] = av_find_best_stream(file, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0);
    if (streams[FEED_VIDEO] < 0 || streams[FEED_AUDIO] < 0)
        return error_set(err, -EINVAL, "a clip needs a video and an audio");
    int result = describe(clip, file, streams, err);
    if (result == 0 && read_packets(clip, file, streams) < 0)
        result = error_set(err, -EINVAL, "the clip cannot be read whole");
    for (int i = 0; result == 0 && i < 2; i++) {
        struct track *track = &clip->tracks[i];
        if (track->count == 0)
            return error_set(err, -EINVAL, "a clip needs a video and an audio");
        track->first_pts = track->packets[0]->pts;
    }
    const struct track *video = &clip->tracks[FEED_VIDEO];
    for (int64_t n = 0; result == 0 && n < video->count; n++)
        if (frames(clip, video->packets[n]->pts) >= clip->loop_frames)
            clip->loop_frames = frames(clip, video->packets[n]->pts) + 1;
    if (result == 0 && !(video->packets[0]->flags & AV_PKT_FLAG_KEY))
        return error_set(err, -EINVAL, "a clip begins with a key picture");
    return result;
}

int feed_clip_open(struct feed_clip **out, const char *path, struct error *err)
{
    AVFormatContext *file = NULL;
    struct feed_clip *clip = calloc(1, sizeof *clip);
    if (!clip)
        return error_set(err, -ENOMEM, "clip %s", path);
    int result = avformat_open_input(&file, path, NULL, NULL) < 0 ? error_set(err, -ENOENT, "cannot be opened")
                                                                  : read_file(clip, file, err);
    avformat_close_input(&file);
    if (result < 0) {
        feed_clip_close(clip);
        return error_wrap(err, "clip %s", path);
    }
    *out = clip;
    return 0;
}

void feed_clip_close(struct feed_clip *clip)
{
    for (int i = 0; clip && i < 2; i++) {
        struct track *track = &clip->tracks[i];
        for (int64_t n = 0; n < track->count; n++)
            av_packet_free(&track->packets[n]);
        free(track->packets);
        avcodec_parameters_free(&track->parameters);
    }
    free(clip);
}

const struct timeline_rate *feed_clip_rate(const struct feed_clip *clip)
{
    return &clip->rate;
}

const struct AVCodecParameters *feed_clip_parameters(const struct feed_clip *clip, enum feed_stream stream)
{
    return clip->tracks[stream].parameters;
}

/* ---- on the timeline ---- */

static int64_t audio_tick(const struct feed_clip *clip, int64_t number)
{
    return number * AUDIO_FRAME_SAMPLES * 90000 / clip->tracks[FEED_AUDIO].parameters->sample_rate;
}

int64_t feed_clip_find(const struct feed_clip *clip, enum feed_stream stream, int64_t tick_90k)
{
    const struct track *track = &clip->tracks[stream];
    if (stream == FEED_AUDIO) {
        int64_t number = tick_90k * track->parameters->sample_rate / (AUDIO_FRAME_SAMPLES * INT64_C(90000));
        while (audio_tick(clip, number) < tick_90k)
            number++;
        return number;
    }
    int64_t round = timeline_frame_at_90k(&clip->rate, tick_90k) / clip->loop_frames;
    for (int64_t number = round * track->count;; number++) {
        const AVPacket *packet = track->packets[number % track->count];
        int64_t frame = number / track->count * clip->loop_frames + frames(clip, packet->pts);
        if (packet->flags & AV_PKT_FLAG_KEY && timeline_frame_tick_90k(&clip->rate, frame) >= tick_90k)
            return number;
    }
}

int feed_clip_packet(const struct feed_clip *clip, enum feed_stream stream, int64_t number, struct AVPacket *packet)
{
    const struct track *track = &clip->tracks[stream];
    const AVPacket *source = track->packets[number % track->count];
    av_packet_unref(packet);
    if (av_packet_ref(packet, source) < 0)
        return -ENOMEM;
    if (stream == FEED_AUDIO) {
        packet->pts = packet->dts = audio_tick(clip, number);
        packet->duration = audio_tick(clip, number + 1) - packet->pts;
        return 0;
    }
    int64_t begin = number / track->count * clip->loop_frames;
    packet->pts = timeline_frame_tick_90k(&clip->rate, begin + frames(clip, source->pts));
    packet->dts = timeline_frame_tick_90k(&clip->rate, begin + frames(clip, source->dts));
    packet->duration = timeline_frame_tick_90k(&clip->rate, 1);
    return 0;
}
